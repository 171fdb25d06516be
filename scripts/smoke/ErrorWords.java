package smoke;

import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * What error, maintenance and challenge pages say, in English and French.
 *
 * <p>As their titles and headings begin, or all of a short text: a word somewhere in a page says nothing, and a dealer
 * may
 * sell maintenance.
 */
public final class ErrorWords {
    /** What is longer has something else to say. */
    private static final int SHORT = 300;
    private static final Pattern ERROR = beginning(
        "(http status )?[45]\\d\\d\\W*($|(not.found|(this |cette |la )?page|error|erreur|internal|bad|service|gateway"
            + "|forbidden|unauthorized|request|too many|bandwidth)\\b)",
        "(http )?error\\b(?!\\W?(free|tracking|monitoring|handling|logging|reporting))", "erreur\\b",
        "(page|écran) d.erreur", "whitelabel error page", "application error", "internal (server )?error",
            "server error", "bad gateway", "gateway time.?out",
        "service (temporarily )?unavailable",
        "(le |ce |votre )?service (est )?(temporairement |momentanément )?(indisponible|non disponible)",
        "((oops|oups|zut|hmm|aïe|désolée?s?|sorry)\\W+)?((the|this|la|cette|le|ce|la ressource|the requested) )?"
            + "(page|site|deployment|file|route|url|link|lien|contenu|content|ressource|resource|tunnel|bucket|project"
            + "|projet|store|boutique)"
            + "( demandée?| requested)?( (you|que) .{1,60})? "
            + "(was |est |is |a été )?(not found|introuvable|inexistante?|non trouvée?|could not be found|can.t be found"
            + "|doesn.t exist|does not exist|no longer exists?|n.existe (pas|plus)|n.a (pas|pu) (pu )?être trouvée?"
            + "|n.a pas été trouvée?|supprimée?|indisponible|n.est (pas|plus) disponible|isn.t working|no longer available"
            + "|isn.t available|not available|(is(n.t| not)( yet)?|n.est pas( encore)?) (published|publiée?|configured"
            + "|configurée?|activated|activée?))",
        "((oops|oups|zut|hmm|désolée?s?|sorry)\\W+)?(nous (n.avons pas trouvé|ne trouvons pas)"
            + "|we (couldn.t|could not|can.t) find) (la|cette|the|this|that|your|votre) page",
        "(the requested )?url .{0,60}was not found", "no such (bucket|key|page|file)", "nosuch(bucket|key)\\b",
        "the route .{1,60} could not be found",
        "not found\\W*$", "introuvable\\W*$", "forbidden\\W*$", "unauthorized\\W*$", "non autorisé\\W*$",
            "access denied", "accès (refusé|interdit)",
        "no such app", "there isn.t a .* site here", "worker threw exception",
        "(oops|oups|whoops|uh.oh)\\W*"
            + "($|.*(wrong|error|problem|erreur|problème|mal passé|not found|introuvable|n.existe))",
        "((we.re )?sorry\\W+(but )?)?something ((went|has gone) wrong|unexpected (has )?happened)",
            "quelque chose (s.est mal passé|n.a pas fonctionné)",
        "(désolée?s?\\W+)?(il y a eu )?une erreur\\b(?!\\s*\\?)",
            "un (problème|incident)( technique)? (est survenu|s.est produit)",
            "nous rencontrons (actuellement )?(un|des) (problèmes?|incidents?|difficultés?)( techniques?)?",
            "((l|cette|notre|the|this|our|your|votre)\\W)?application (a planté|n.a pas pu (démarrer|être chargée)"
            + "|ne répond (pas|plus)|(has )?crashed|failed to (start|load|respond)|could not be (started|loaded))\\b",
        "((le|the) )?(serveur|(web ?)?server) (a rencontré une|encountered an?|ne répond pas|is not responding|is down)"
            + "\\b",
        "\\w+(error|exception|host|exist|configured) at /",
        "an? (\\w+ )?error (has )?occurr?ed", "there has been a (critical )?error",
        "(votre |your |la |the )?session (a |has |is )?(expirée?|expired)\\b",
            "(ce |le |this |the |your |votre )?(lien|link|token|jeton|jwt)( is| est| a| has)? "
                + "((invalid|invalide|expired|expirée?)\\b( (ou|or) \\w+)?)\\W*$",
            "(invalid|expired)( or (invalid|expired))? (token|jwt|api key|link|credentials|signature)\\b",
            "unauthenticated\\W*$", "authentication credentials were not", "no api key (was )?(found|provided)",
        "unexpected (application )?error", "(unhandled|uncaught) (\\w*error|\\w*exception|promise|rejection|runtime|\\(in)",
            "(type|reference|syntax|range|chunkload)error\\b", "minified react error", "hydration failed",
            "loading chunk \\S+ failed", "échec d[ue] (chargement|la connexion)", "(undefined|object object)\\W*$",
            "(unable to|could not|couldn.t) (load|fetch|connect)\\b", "invalid host header",
            "bad request\\W*(400\\W*)?$",
            "blocked request", "(please )?try again later\\W*$", "(veuillez )?réessaye[rz] plus tard\\W*$",
            "(you are|you.re) offline\\W*$", "vous êtes hors ligne\\W*$", "(pas de|aucune) connexion internet\\W*$",
            "(il y a eu|nous avons) un problème\\W*$", "failed to (load|fetch|compile|connect)",
            "cannot (get|post) /",
        "upstream (connect error|request timeout)", "no healthy upstream", "stream timeout",
            "connection (refused|timed out)",
        "(fatal|parse) error\\b",
        "délai d.attente", "passerelle incorrecte", "requête incorrecte", "trop de requêtes",
            "too many (requests|connections)",
        "impossible d.(afficher|ouvrir|atteindre|accéder à) (la|le|cette|ce|votre) (page|site|ressource|service)\\b",
        "connexion (impossible|refusée)", "impossible de (charger|se connecter|joindre|contacter"
            + "|trouver (la|le|cette|ce|votre) (page|site|ressource|serveur|fichier))",
        "((this|your|the|ce|cet|votre|le) )?(account|compte|site|website|service|project|projet|store|boutique"
            + "|hébergement)( has been| a été| is| est)? (suspend(ed|ue?)|paused|mise? en pause)\\b",
        "((bandwidth|quota|usage|traffic)( limit)? exceeded|(quota|limite) (de \\w+ )?dépassée?)\\W*$",
        "(ce |this )?(domaine|domain)( name)?( is| est)? (parked|for sale|à vendre)\\b",
        "(ce|this) (nom de )?(domaine|domain)( name)? (a (bien )?été|has been|was|is|est) "
            + "((just|recently|already|déjà) )?(registered|reserved|enregistré|réservé)\\b",
        "(félicitations\\W+)?votre (hébergement|(nom de )?domaine) (est (prêt|créé|activé)|a (bien )?été)\\b",
        "(web server.s |domain )?default page\\W*$", "default web site page",
        "(welcome to firebase hosting|firebase hosting setup complete)\\b",
        "(this|the) (site|page|website) (can.t be reached|is (not|un)\\W?(working|available)|is down)",
            "ce site (est )?(inaccessible|indisponible)",
        "index of /", "directory listing (for|of) /", "welcome to (nginx|openresty|caddy|apache|centos)\\b",
            "apache2? (\\w+ )?default page", "iis windows( server)?\\W*$", "caddy works",
        "error establishing a database", "database (connection )?error", "no space left", "version https://git-lfs");
    private static final String SITE = "((le|notre|ce|la|cette|the|our|this) )?(\\w+ )?"
        + "(site|website|boutique|service|application|plateforme|platform|store|shop|page)( web| internet)?";
    private static final String NOW = "((currently|actuellement|temporarily|temporairement|momentanément) )?";
    private static final String UNDER = "((down|closed|offline|fermée?|hors ligne|indisponible|inaccessible) "
        + "(for|pour|en raison d.une|pour cause de|le temps d.une) |under |undergoing |in |en (cours de )?)"
        + "((scheduled|planned) )?(maintenance|mise à jour)";
    private static final Pattern MAINTENANCE = beginning(
        "(site |mode )?(en |under |down for |in )?(scheduled |planned |site )?maintenance"
            + "( mode| page| en cours| programmée| planifiée| in progress| du (site|serveur|service))?\\W*$",
        SITE + " (is|est) " + NOW + UNDER + "\\b",
        SITE + " " + NOW + UNDER + "\\W*$",
        "we.?(a?re) (currently |temporarily )?(down for|under|undergoing|performing|doing) (.{1,20} )?maintenance",
        "nous effectuons (actuellement )?une (opération de )?maintenance",
        "(une )?(opération de )?maintenance (est )?en cours\\W*$",
        "(we.ll |we will )?be (right )?back( soon| shortly| later|\\W*$)", "back soon\\W*$",
        "nous (revenons|serons (bientôt |très vite )?de retour)", "on revient (tout de suite|bientôt|très vite)",
        "(de )?retour (bientôt|imminent)\\W*$", "(site|page) en (construction|travaux)\\W*$",
        SITE + " ((is|est) )?(momentanément|temporairement|temporarily|currently|actuellement) "
            + "(indisponible|unavailable|offline|fermée?|inaccessible|hors (ligne|service)|down|closed)",
        "(momentanément|temporairement|brièvement) (indisponible|fermée?|inaccessible|hors (ligne|service))",
        "(temporarily|briefly) (unavailable|offline|down|closed)", "indisponibilité (temporaire|momentanée)\\W*$",
        "interruption (temporaire |momentanée )?(de|du) service\\W*$");
    /** What is no heading of an application's only where nothing else is said. */
    private static final Pattern MAINTENANCE_ALONE = beginning(
        "(mise à jour|mise en production|déploiement|migration) (est )?en cours\\b",
        "(deploy(ment)?|update|upgrade|migration) (is )?in progress\\b",
        "((le|notre|ce|the|our|this) )?(site|website)( web| internet)? (fait peau neuve|(is|est) " + NOW
            + "(closed|fermé|offline|hors (ligne|service)|en travaux))\\b",
        "nous (améliorons|mettons à jour) (actuellement )?(notre|nos|le)\\b",
        "we.?(a?re) (currently )?(upgrading|updating|improving) (our|the)\\b");
    private static final Pattern CHALLENGE = beginning("just a moment\\W*$", "un instant\\W*$", "checking your browser",
        "attention required\\W*($|cloudflare)", "verify(ing)? (that )?you are (a )?human",
        "vérification de (votre navigateur|sécurité)", "vérifi(ez|cation) que vous êtes humain",
        "are you (a )?(human|robot)", "ddos protection by", "access to this page has been denied",
        "pardon our interruption");
    private static final Pattern WAITING = beginning(
        "(now |still )?loading( \\S+){0,2}$", "(en cours de )?chargement( \\S+){0,3}$", "please wait\\b.{0,40}$",
            "(veuillez )?patiente[rz]\\b.{0,40}$",
        "(un|one|just a) (instant|moment)\\W*$",
        "(please |you (need|have) to |veuillez |vous devez )?(enable|activer|turn on) javascript\\b.{0,60}$");
    /** As PHP, Python and Java print what nobody has caught; wherever it stands. */
    private static final Pattern TRACE = Pattern.compile("(?:Fatal|Parse) error: .{1,2000}? on line \\d+"
        + "|Traceback \\(most recent call last\\)|Warning: .{1,300}? in /\\S+\\.php on line \\d+"
        + "|\\bat [\\w.$]+\\([\\w$]+\\.java:\\d+\\)|PHP Fatal error:", Pattern.DOTALL);

    private ErrorWords() { }

    /** What a page is in place of the application's. */
    public enum Kind { ERROR, MAINTENANCE, CHALLENGE }

    /** One text, and what kind of page has it. */
    public record Found(Kind kind, String text) {
        /** As in "an error page: 'Bad Gateway'". */
        public String what() {
            return (kind == Kind.MAINTENANCE ? "a maintenance page" : "an error page") + ": '" + text + "'";
        }
    }

    /**
     * What a page says by its title and headings, by the application's text where that is short, and by a trace.
     *
     * @param heads title and headings, in their order
     * @param text what the application shows
     * @param whole all of the text that the page shows, samples of code excepted
     */
    public static Optional<Found> of(Stream<String> heads, String text, String whole) {
        var trace = TRACE.matcher(whole);
        if (trace.find()) return Optional.of(new Found(Kind.ERROR, cut(trace.group())));
        var named = heads.toList();
        // "Un instant…" is what an application says until its scripts run, too.
        var said = text.length() > SHORT ? List.<String>of() : List.of(text, below(named, text));
        var shown = said.stream().filter(each -> !isWaiting(each)).toList();
        return Stream.concat(named.stream(), shown.stream()).flatMap(each -> of(each).stream()).findFirst()
            .or(() -> shown.stream().filter(each -> MAINTENANCE_ALONE.matcher(line(each)).find())
                .map(each -> new Found(Kind.MAINTENANCE, cut(line(each)))).findFirst());
    }

    /** What is said below the heading: many a page has but its site's name there. */
    private static String below(List<String> heads, String text) {
        var head = heads.stream().filter(text::startsWith).max(Comparator.comparingInt(String::length));
        return text.substring(head.map(String::length).orElse(0)).strip();
    }

    /** What one title or short text says. */
    static Optional<Found> of(String text) {
        var line = line(text);
        var kind = CHALLENGE.matcher(line).find() ? Kind.CHALLENGE : MAINTENANCE.matcher(line).find() ? Kind.MAINTENANCE
            : Kind.ERROR;
        return kind == Kind.ERROR && !ERROR.matcher(line).find() ? Optional.empty()
            : Optional.of(new Found(kind, cut(line)));
    }

    /** Whether all that is said is that something will come. */
    public static boolean isWaiting(String text) {
        return WAITING.matcher(text.replaceFirst("(?U)\\W+$", "")).find();
    }

    private static Pattern beginning(String... ways) {
        return Pattern.compile("(?iuU)^\\W*(?:" + String.join("|", ways) + ")");
    }

    private static String line(String text) { return text.replaceAll("[\\s\\u00a0]+", " ").strip(); }

    private static String cut(String text) { return text.length() > 100 ? text.substring(0, 100) + "…" : text; }
}
