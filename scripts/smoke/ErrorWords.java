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
 * may sell maintenance.
 */
public final class ErrorWords {
    /** What is longer has something else to say. */
    private static final int SHORT = 300;
    /** What is sold, or written of, under the name of an error. */
    private static final String NO_SUBJECT =
        "\\b(?!\\W?(free|tracking|monitoring|handling|logging|reporting|management|prevention)\\b)";
    private static final Pattern QUESTION = Pattern.compile("[^.!?]*\\?(\\s.*|$)");
    private static final Pattern ERROR = beginning(
        // A street has a number, too: 404 Gateway Drive.
        "(http status )?[45]\\d\\d\\W*($|(not.found|(this |cette |la )?page|error|erreur|server error"
            + "|internal (server )?error|bad (gateway|request)|service (temporarily )?unavailable|gateway time.?out"
            + "|forbidden|unauthorized|request (time.?out|entity|header)|too many requests|bandwidth limit"
            + "|web ?(site|server) (is |not |unknown)|hostname not found|connection timed|origin (dns|is)"
            + "|(invalid )?ssl|[a-z]+_[a-z_]+)\\b)",
        "(http )?error\\b(?=\\W*($|\\d)|\\s*[:|,.!(\\u2013\\u2014-]|\\s(in|on|at|while|when|from|with|during|of|page"
            + "|id|has|establishing|connectyourdomain|occurred|\\w+ing)\\b)" + NO_SUBJECT,
        "erreur\\b(?=\\W*($|\\d)|\\s*[:|!(\\u2013\\u2014-]|\\s(interne|serveur|du serveur|système|réseau|critique"
            + "|fatale|technique|inattendue|inconnue|temporaire|survenue|lors d\\w*|pendant|http|php|sql"
            + "|applicative|proxy|d.(accès|exécution|affichage|application)|de (connexion|chargement|base|serveur"
            + "|traitement|lecture|réseau|configuration|certificat|syntaxe|sécurité|communication|validation"
            + "|compilation))\\b)",
        "(page|écran) d.erreur", "whitelabel error page", "application error" + NO_SUBJECT, "internal (server )?error",
            "server error" + NO_SUBJECT, "bad gateway", "gateway time.?out",
        "service (temporarily )?unavailable",
        "(le |ce |votre )?service (est )?(temporairement |momentanément )?(indisponible|non disponible)",
        "((oops|oups|zut|hmm|aïe|désolée?s?|sorry)\\W+)?((the|this|la|cette|le|ce|la ressource|the requested) )?"
            + "(page|(web ?)?site|deployment|file|route|url|link|lien|contenu|content|ressource|resource|tunnel|bucket"
            + "|project|projet|store|boutique)"
            + "( demandée?| requested)?( (you|que) .{1,60})? "
            + "(was |est |is |a été )?(not found|introuvable|inexistante?|non trouvée?|could not be found"
            + "|can(.|no)t be found|doesn.t exist|does not exist|no longer exists?|n.existe (pas|plus)"
            + "|n.a (pas|pu) (pu )?être trouvée?|n.a pas été trouvée?|supprimée?|indisponible|n.est (pas|plus)"
            + " disponible|isn.t working|no longer available|isn.t available|not available"
            + "|(is(n.t| not)( yet)?|not( yet)?|n.est pas( encore)?) (published|publiée?|configured|configurée?|activated"
            + "|activée?))",
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
        "((nous sommes )?désolée?s?\\W+(mais )?)?(il y a eu )?une erreur"
            + "(\\W*$|\\s\\d|\\s(est|s.est|a|critique|inattendue|interne|technique|inconnue|serveur"
            + "|de (connexion|chargement|serveur|base)|empêche)\\b)",
            "un (problème|incident)( technique)? (est survenu|s.est produit)",
            "nous rencontrons (actuellement )?(un|des) (problèmes?|incidents?|difficultés?)( techniques?)?",
            "((l|cette|notre|the|this|our|your|votre)\\W)?application (a planté|n.a pas pu (démarrer|être chargée)"
            + "|ne répond (pas|plus)|(has )?crashed|failed to (start|load|respond)|could not be (started|loaded))\\b",
        "((le|the) )?(serveur|(web ?)?server|website) (a rencontré une erreur|encountered an?|ne répond pas"
            + "|is not responding|is down)\\b",
        "\\w+(error|exception|host|exist|configured) at /",
        "an? (\\w+ )?error (has )?occurr?ed", "there has been a (critical )?error",
        "(votre |your |la |the )?(session|licen[cs]e) (a |has |is )?(expirée?|expired)\\b",
        "((this|the|your) )?(website|site|account) (has )?expired\\b",
            "(ce |le |this |the |your |votre )?(lien|link|token|jeton|jwt)( is| est| a| has)? "
                + "((invalid|invalide|expired|expirée?)\\b( (ou|or) \\w+)?)\\W*$",
            "(invalid|expired)( or (invalid|expired))? (token|jwt|api key|link|credentials|signature)\\b",
            "unauthenticated\\W*$", "authentication credentials were not", "no api key (was )?(found|provided)",
        "unexpected (application |server )?error",
            "(unhandled|uncaught) (php )?(\\w*error|\\w*exception|promise|rejection|runtime|\\(in)",
            "(type|reference|syntax|range|chunkload)error\\b", "minified react error", "hydration failed",
            "loading chunk \\S+ failed", "échec d[ue] (chargement|la connexion)", "(undefined|object object)\\W*$",
            "(unable to|could not|couldn.t) (load|fetch|connect)\\b", "invalid host header",
            "bad request\\W*(400\\W*)?$",
            "blocked request", "(please )?try again later\\W*$", "(veuillez )?réessaye[rz] plus tard\\W*$",
            "(you are|you.re) offline\\W*$", "vous êtes hors ligne\\W*$", "(pas de|aucune) connexion internet\\W*$",
            "(il y a eu|nous avons) un problème\\W*$", "failed to (load|fetch|compile|connect)",
        "failed to resolve import", "\\[?plugin:vite", "module not found\\W+error", "sqlstate\\[",
        "an unhandled lowlevel error", "action controller: exception", "web application could not be started",
        "this (serverless )?function has (crashed|timed out)", "the train has not arrived",
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
            + "|hébergement|deployment|domaine?)( has been| a été| is| est)?( temporarily)?"
            + " (suspend(ed|ue?)|paused|mise? en pause)\\b",
        "((bandwidth|quota|usage|traffic)( limit)? exceeded|(quota|limite) (de \\w+ )?dépassée?)\\W*$",
        // A vineyard is a domaine, and may be for sale or taken for a wedding.
        "(ce |this )?(nom de domaine|domain)( name)?( is| est)? (parked|for sale|à vendre)\\b",
        "ce domaine est à vendre\\W*$",
        "(ce|this) (nom de )?(domaine|domain)( name)? (a (bien )?été|vient d.être|has been|was|is|est) "
            + "((just|recently|already|déjà) )?(registered|reserved|enregistré|réservé)\\b(?! (aux|à|pour)\\b)",
        "((this|ce) )?(nom de )?domaine?( name)?( or (path|service))?( is| est| n.est)? (not|non|pas|suspended or not)"
            + " (configur|linked|connected|associé)", "suspended domain\\b", "looks like this domain isn.t connected",
        "congratulations\\W+your (new )?domain\\b", "future home of something", "default (parallels )?plesk page",
        "(félicitations\\W+)?votre (hébergement|(nom de )?domaine) (est (prêt|créé|activé)|a (bien )?été)\\b",
        "(web server.s |domain )?default page\\W*$", "default web site page",
        "(welcome to firebase hosting|firebase hosting setup complete)\\b",
        "(this|the) (site|page|website) (can.t be reached|is (not|un)\\W?(working|available)|is down)",
            "ce site (est )?(inaccessible|indisponible)",
        "index of /", "directory listing (for|of) /",
            "welcome to (nginx|openresty|caddy|apache|centos)\\W*($|(on|http|web|server)\\b)",
            "apache2? (\\w+ )?default page", "iis windows( server)?\\W*$", "(congratulations\\W+)?(your )?caddy works",
            "(test page for the|http server test page)\\b", "it works\\W*($|this is the default web page)",
            "yay\\W+you.re on rails", "welcome to symfony\\b", "the install worked successfully",
            "your web app is running and waiting", "hey, app service developers", "wordpress › installation",
        "default backend\\W+404", "fastly error", "guru meditation", "varnish cache server", "invalid url\\W*$",
            "not acceptable\\W*($|an appropriate representation)", "the resource you are looking for has been removed",
            "sorry, unable to open the file", "our services aren.t available",
        "error establishing a database", "database (connection )?error", "no space left", "version https://git-lfs");
    private static final String SITE = "((le|notre|ce|la|cette|the|our|this) )?(\\w+ )?"
        + "(site|website|boutique|service|app(lication)?|plateforme|platform|store|shop|page)( web| internet)?";
    private static final String NOW = "((currently|actuellement|temporarily|temporairement|momentanément) )?";
    private static final String UNDER = "((down|closed|offline|fermée?|hors ligne|indisponible|inaccessible) "
        + "(for|pour|en raison d.une|pour cause de|le temps d.une) |under |undergoing |in |en (cours de )?)"
        + "((scheduled|planned) )?(maintenance|mise à jour)";
    private static final Pattern MAINTENANCE = beginning(
        "(site |mode )?(en |under |down for |in )maintenance( mode| page)?\\W*$",
        "(site )?maintenance (mode|page|du (site|serveur|service))\\W*$",
        SITE + " (is|est) " + NOW + UNDER + "\\b",
        SITE + " " + NOW + UNDER + "\\W*$",
        "we.?(a?re) (currently |temporarily )?(down for|under|undergoing|performing|doing) (.{1,20} )?maintenance",
        "nous effectuons (actuellement )?une (opération de )?maintenance",
        "opération de maintenance (est )?en cours\\W*$",
        // A baker who is back on the 1st of September is on holiday.
        "(we.ll|we will) be (right )?back( soon| shortly| later|\\W*$)", "(be (right )?)?back( soon| shortly)\\W*$",
        "nous (revenons|serons (bientôt |très vite )?de retour)(?! (le|à partir du|dès le|du) \\d)",
        "on revient (tout de suite|bientôt|très vite)",
        "(de )?retour (bientôt|imminent)\\W*$", "(site|page) en (construction|travaux)\\W*$",
        "(sorry\\W+)?" + SITE + " ((is|est) )?(momentanément|temporairement|temporarily|currently|actuellement) "
            + "(indisponible|unavailable|offline|inaccessible|hors (ligne|service)|down|under construction)",
        SITE + " ((is|est) )?under construction\\W*$",
        "(momentanément|temporairement|brièvement) (indisponible|inaccessible|hors (ligne|service))",
        "(temporarily|briefly) (unavailable|offline|down)", "indisponibilité (temporaire|momentanée)\\W*$",
        "interruption (temporaire |momentanée )?(de|du) service\\W*$",
        "(le )?service (est )?(momentanément |temporairement )?interrompu\\W*$");
    /** As a status page or a workshop's page is headed, too: where little else is said. */
    private static final Pattern MAINTENANCE_SHORT = beginning(
        "((site|scheduled|planned) )?maintenance( en cours| programmée| planifiée| in progress)?\\W*$",
        "une maintenance (est )?en cours\\W*$");
    private static final String WORKED_ON = "(notre|nos|le|la|our|the) (\\w+ )?((web ?)?sites?|services?|boutique|store"
        + "|shop|plateforme|platform|app(lication)?s?|serveurs?|servers?|infrastructure|systèmes?|systems?)\\b";
    /** What is no heading of an application's only where nothing else is said. */
    private static final Pattern MAINTENANCE_ALONE = beginning(
        "(mise à jour|mise en production|déploiement) (est )?en cours\\b", "migration (est )?en cours\\s*($|[.!…])",
        "(deploy(ment)?|update|upgrade) (is )?in progress\\b", "migration (is )?in progress\\s*($|[.!…])",
        "((le|notre|ce|the|our|this) )?(site|website)( web| internet)? (fait peau neuve|(is|est) " + NOW
            + "((closed|fermé)(?! (le|en|on|every|chaque)\\b)|offline|hors (ligne|service)|en travaux))\\b",
        // A shop may be closed today; but it says more.
        SITE + " ((is|est) )?" + NOW + "(closed|fermée?)\\W*$", "(temporarily|briefly) closed\\W*$",
        "(momentanément|temporairement|brièvement) fermée?\\W*$",
        "nous (améliorons|mettons à jour) (actuellement )?" + WORKED_ON,
        "we.?(a?re) (currently )?(upgrading|updating|improving) " + WORKED_ON);
    private static final Pattern CHALLENGE = beginning("just a moment\\s*(\\.{3}|…)$", "un instant\\s*(\\.{3}|…)$",
        "checking your browser",
        "attention required(!|\\W*cloudflare)", "verify(ing)? (that )?you are (a )?human",
        "vérification de (votre navigateur|sécurité( en cours)?\\W*$)", "vérifi(ez|cation) que vous êtes humain",
        "are you (a )?(human|robot)", "ddos protection by", "access to this page has been denied",
        "pardon our interruption", "(sorry\\W+)?you (have been|are being) (blocked|rate limited)",
        "(sucuri website firewall|votre accès a été bloqué|vous avez été bloqué)", "human verification\\W*$",
        "request (unsuccessful\\W+incapsula|rejected\\W*$)", "the requested url was rejected", "web page blocked",
        "please enable js and disable any ad blocker");
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
        var all = Stream.concat(named.stream(), shown.stream()).toList();
        return all.stream().flatMap(each -> of(each).stream()).findFirst()
            .or(() -> text.length() > SHORT ? Optional.empty() : maintenance(MAINTENANCE_SHORT, all))
            .or(() -> maintenance(MAINTENANCE_ALONE, shown));
    }

    private static Optional<Found> maintenance(Pattern words, List<String> texts) {
        return texts.stream().map(ErrorWords::line).filter(each -> words.matcher(each).find())
            .map(each -> new Found(Kind.MAINTENANCE, cut(each))).findFirst();
    }

    /** What is said below the heading: many a page has but its site's name there. */
    private static String below(List<String> heads, String text) {
        var head = heads.stream().filter(text::startsWith).max(Comparator.comparingInt(String::length));
        return text.substring(head.map(String::length).orElse(0)).strip();
    }

    /** What one title or short text says. */
    static Optional<Found> of(String text) {
        var line = line(text);
        // "Une connexion impossible ? Appelez-nous" is what a repairer says.
        if (QUESTION.matcher(line).matches() && !CHALLENGE.matcher(line).find()) return Optional.empty();
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
