package report;

import java.util.Map;
import smoke.Kept;

/** The smoke tests' names; those of an operator's own are the same in every language. */
final class CheckTitle {
    private static final Map<String, String> FRENCH = Map.ofEntries(
        Map.entry("health", "adresse de santé"),
        Map.entry("front-end", "la page se charge"),
        Map.entry("supabase", "connexion à Supabase"),
        Map.entry("assets", "les ressources se chargent"),
        Map.entry("database", "lecture de la base"),
        Map.entry("api", "temps de réponse de l'API"),
        Map.entry("commit", "commit déployé"),
        Map.entry("tls", "certificat TLS"),
        Map.entry("redirects", "redirections"),
        Map.entry("headers", "en-têtes de sécurité"),
        Map.entry("migrations", "dernière migration"),
        Map.entry("connections", "connexions à la base"),
        Map.entry("backup", "âge de la dernière sauvegarde"),
        Map.entry("cache", "pages en cache"),
        Map.entry("browser", "vrai navigateur"));

    private CheckTitle() { }

    static Words of(Kept check) {
        var title = check.title() == null ? check.name() : check.title();
        return new Words(title, FRENCH.getOrDefault(check.name(), title));
    }
}
