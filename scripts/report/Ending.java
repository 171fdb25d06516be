package report;

import java.util.Map;
import java.util.stream.Stream;
import ops.Exit;

/** How a run ended, in words. */
final class Ending {
    private static final Map<Exit, String> FRENCH = Map.ofEntries(
        Map.entry(Exit.DONE, "fait et vérifié"),
        Map.entry(Exit.FAILED, "l'opération a échoué"),
        Map.entry(Exit.USAGE, "mauvais usage"),
        Map.entry(Exit.REFUSED, "refusé par une règle de sécurité ; rien n'a changé"),
        Map.entry(Exit.BUSY, "une autre exécution tenait le verrou"),
        Map.entry(Exit.TOOL, "un outil externe manquait, était trop ancien, ou a échoué"),
        Map.entry(Exit.STORE, "le stockage (S3) a échoué ou refusé"),
        Map.entry(Exit.VERIFICATION, "la vérification a échoué"),
        Map.entry(Exit.ROLLED_BACK, "mis en ligne, puis retiré automatiquement"),
        Map.entry(Exit.UNKNOWN, "l'état n'a pas pu être établi"),
        Map.entry(Exit.BUG, "une erreur dans le kit"),
        Map.entry(Exit.SETTING, "un paramètre manquait ou était faux"));

    private Ending() { }

    /** Of an attempt after what is shown as the last. */
    static Words later(Past run) { return new Words("a later attempt failed: %s", "une tentative plus récente a échoué : %s").with(run.why().isEmpty() ? of(run) : Html.brief(run.why(), Answer.LONGEST)); }

    static Words of(Past run) {
        return Stream.of(Exit.values()).filter(run::ended).findFirst()
            .map(exit -> new Words(exit.meaning.replaceFirst("[;:].*(message|look|checksum).*", ""), FRENCH.getOrDefault(exit, exit.meaning)))
            .orElseGet(() -> new Words("interrupted", "interrompu"));
    }
}
