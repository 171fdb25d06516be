package smoke;

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
        "[45]\\d\\d\\W*($|(not found|(this |cette |la )?page|error|erreur|internal|bad|service|gateway|forbidden"
            + "|unauthorized|request|too many)\\b)",
        "(http )?error\\b(?!\\W?(free|tracking|monitoring|handling|logging|reporting))", "erreur\\b",
        "(page|écran) d.erreur", "application error", "internal (server )?error", "server error",
            "bad gateway", "gateway time.?out",
        "service (temporarily )?unavailable",
        "(le |ce |votre )?service (est )?(temporairement |momentanément )?(indisponible|non disponible)",
        "((oops|oups|zut|hmm|aïe|désolée?s?|sorry)\\W+)?((the|this|la|cette|le|ce|la ressource|the requested) )?"
            + "(page|site|deployment|file|route|url|link|lien|contenu|content|ressource|resource|tunnel|bucket)"
            + "( demandée?| requested)?( (you|que) .{1,60})? "
            + "(was |est |is |a été )?(not found|introuvable|inexistante?|non trouvée?|could not be found|can.t be found"
            + "|doesn.t exist|does not exist|no longer exists?|n.existe (pas|plus)|n.a (pas|pu) (pu )?être trouvée?"
            + "|n.a pas été trouvée?|supprimée?|indisponible|n.est (pas|plus) disponible|isn.t working|no longer available"
            + "|isn.t available|not available)",
        "((oops|oups|zut|hmm|désolée?s?|sorry)\\W+)?(nous (n.avons pas trouvé|ne trouvons pas)"
            + "|we (couldn.t|could not|can.t) find) (la|cette|the|this|that|your|votre) page",
        "(the requested )?url .{0,60}was not found", "no such (bucket|key|page|file)", "nosuch(bucket|key)\\b",
        "the route .{1,60} could not be found",
        "not found\\W*$", "introuvable\\W*$", "forbidden\\W*$", "unauthorized\\W*$", "non autorisé\\W*$",
            "access denied", "accès (refusé|interdit)",
        "no such app", "there isn.t a .* site here", "worker threw exception",
        "(oops|oups|whoops|uh.oh)\\W*"
            + "($|.*(wrong|error|problem|erreur|problème|mal passé|not found|introuvable|n.existe))",
        "((we.re )?sorry\\W+(but )?)?something (went|has gone) wrong",
            "quelque chose (s.est mal passé|n.a pas fonctionné)",
        "(désolée?s?\\W+)?(il y a eu )?une erreur\\b(?!\\s*\\?)",
            "un (problème|incident)( technique)? (est survenu|s.est produit)",
            "nous rencontrons (actuellement )?(un|des) (problèmes?|difficultés?)( techniques?)?",
            "an? (\\w+ )?error (has )?occurr?ed", "there has been a (critical )?error",
        "(votre |your |la |the )?session (a |has |is )?(expirée?|expired)\\b",
            "(ce |le |this |the |your |votre )?(lien|link|token|jeton|jwt)( is| est| a| has)? "
                + "((invalid|invalide|expired|expirée?)\\b( (ou|or) \\w+)?)\\W*$",
            "(invalid|expired)( or (invalid|expired))? (token|jwt|api key|link|credentials|signature)\\b",
            "unauthenticated\\W*$", "authentication credentials were not", "no api key (was )?(found|provided)",
        "unexpected (application )?error", "(unhandled|uncaught) (\\w*error|\\w*exception|promise|rejection|runtime|\\(in)",
            "(type|reference|syntax|range|chunkload)error\\b", "minified react error", "hydration failed",
            "loading chunk \\S+ failed", "échec d[ue] (chargement|la connexion)", "(undefined|object object)\\W*$",
            "(unable to|could not|couldn.t) (load|fetch|connect)\\b", "invalid host header", "bad request\\W*$",
            "blocked request", "(please )?try again later\\W*$", "(veuillez )?réessaye[rz] plus tard\\W*$",
            "(you are|you.re) offline\\W*$", "vous êtes hors ligne\\W*$", "(pas de|aucune) connexion internet\\W*$",
            "(il y a eu|nous avons) un problème\\W*$", "failed to (load|fetch|compile|connect)",
            "cannot (get|post) /",
        "upstream (connect error|request timeout)", "no healthy upstream", "stream timeout",
            "connection (refused|timed out)",
        "(fatal|parse) error\\b",
        "délai d.attente", "passerelle incorrecte", "requête incorrecte", "trop de requêtes",
            "too many (requests|connections)",
        "connexion (impossible|refusée)", "impossible de (charger|se connecter|joindre|contacter"
            + "|trouver (la|le|cette|ce|votre) (page|site|ressource|serveur|fichier))",
        "(this |your |ce |votre )?(account|compte|site)( has been| a été| is| est)? suspend(ed|u)\\b",
        "(ce |this )?(domaine|domain)( name)?( is| est)? (parked|for sale|à vendre)\\b", "default web site page",
        "(this|the) (site|page|website) (can.t be reached|is (not|un)\\W?(working|available)|is down)",
            "ce site (est )?(inaccessible|indisponible)",
        "index of /", "directory listing (for|of) /", "welcome to (nginx|openresty|caddy|apache|centos)\\b",
            "apache2? (\\w+ )?default page", "iis windows( server)?\\W*$", "caddy works",
        "error establishing a database", "database (connection )?error", "no space left", "version https://git-lfs");
    private static final String SITE = "((le|notre|ce|la|cette|the|our|this) )?(\\w+ )?"
        + "(site|website|boutique|service|application|plateforme|platform|store|shop|page)( web| internet)?";
    private static final String NOW = "((currently|actuellement|temporarily|temporairement|momentanément) )?";
    private static final String UNDER = "((down|closed|offline|fermée?|hors ligne|indisponible|inaccessible) "
        + "(for|pour|en raison d.une|pour cause de) |under |undergoing |in |en (cours de )?)"
        + "((scheduled|planned) )?maintenance";
    private static final Pattern MAINTENANCE = beginning(
        "(site |mode )?(en |under |down for |in )?(scheduled |planned |site )?maintenance"
            + "( mode| page| en cours| programmée| planifiée| in progress)?\\W*$",
        SITE + " (is|est) " + NOW + UNDER + "\\b",
        SITE + " " + NOW + UNDER + "\\W*$",
        "we.?(a?re) (currently |temporarily )?(down for|under|undergoing|performing|doing) (.{1,20} )?maintenance",
        "nous effectuons (actuellement )?une (opération de )?maintenance",
        "(une )?(opération de )?maintenance (est )?en cours\\W*$",
        "(we.ll |we will )?be (right )?back( soon| shortly| later|\\W*$)", "back soon\\W*$",
        "nous (revenons|serons (bientôt |très vite )?de retour)", "on revient (tout de suite|bientôt|très vite)",
        "(de )?retour (bientôt|imminent)\\W*$", "(site|page) en (construction|travaux)\\W*$",
        SITE + " ((is|est) )?(momentanément|temporairement|temporarily|currently|actuellement) "
            + "(indisponible|unavailable|offline|fermée?|inaccessible|hors ligne|down|closed)",
        "(momentanément|temporairement) (indisponible|fermée?|inaccessible|hors ligne)",
        "temporarily (unavailable|offline|down|closed)");
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
        // "Un instant…" is what an application says until its scripts run, too.
        var shown = Stream.of(text).filter(each -> each.length() <= SHORT && !isWaiting(each));
        return Stream.concat(heads, shown).flatMap(each -> of(each).stream()).findFirst();
    }

    /** What one title or short text says. */
    static Optional<Found> of(String text) {
        var line = text.replaceAll("[\\s\\u00a0]+", " ").strip();
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

    private static String cut(String text) { return text.length() > 100 ? text.substring(0, 100) + "…" : text; }
}
