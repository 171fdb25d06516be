package smoke;

import java.time.Duration;
import java.util.regex.Pattern;
import ops.Failure;
import ops.Setting;
import ops.Settings;
import org.jsoup.select.Selector;

/** Is it the application that a visitor gets, and not an error page? */
final class FrontEnd {
    /** As titles and headings of error pages begin; a word somewhere in a page says nothing. */
    private static final Pattern ERROR = Pattern.compile("(?i)^\\W*(?:[45]\\d\\d\\W*(?:$|not found|page|error|erreur|internal|bad|service|gateway|forbidden|unauthorized)|(?:http )?error\\b|erreur\\b"
        + "|application error|internal server error|bad gateway|service unavailable|service indisponible|(?:page|site|deployment|file) (?:not found|introuvable|could not be found)|this page could not be found|not found$"
        + "|no such app|there isn.t a .* site here|worker threw exception)");

    private final Site site;
    private final String root;

    FrontEnd(Site site, Settings settings) {
        this.site = site;
        root = settings.require(Setting.SMOKE_ROOT);
    }

    Verdict look(Duration limit) throws Exception {
        var page = Page.of(site, limit);
        var answer = page.answer();
        if (!site.isOwn(answer.uri()) && !sameSite(answer.uri().getHost(), site.address.getHost()))
            return Verdict.fail("leads to another site: " + Web.arrows(answer.way()) + " → " + answer.uri(), "is the address right? See the redirects of the host").forGood();
        for (var element : page.document().select("title, h1:first-of-type"))
            if (ERROR.matcher(element.text().strip()).find()) return Verdict.fail(answer.uri() + " answers 200 with an error page: '" + element.text() + "'", "see what is deployed, and the host's log");
        var found = element(page);
        if (found == null && page.document().selectFirst("input[type=password]") != null)
            return Gate.password(answer.uri());
        if (found == null) return Verdict.fail(answer.uri() + " answers 200 with HTML without the application's root element (" + root + ")", "see what is deployed; SMOKE_ROOT names the element");
        return Verdict.pass(answer.uri() + " is HTML with " + found + (page.document().title().isBlank() ? "" : ", '" + page.document().title() + "'"));
    }

    private String element(Page page) {
        try {
            var element = page.document().selectFirst(root);
            return element == null ? null : "<" + element.normalName() + (element.id().isEmpty() ? "" : " id=\"" + element.id() + "\"") + ">";
        } catch (Selector.SelectorParseException e) {
            throw new Failure.BadSetting("SMOKE_ROOT is no CSS selector: " + root, "it looks like #app");
        }
    }

    /** Apex and www are one site. */
    private static boolean sameSite(String one, String other) { return one.replaceFirst("^www\\.", "").equalsIgnoreCase(other.replaceFirst("^www\\.", "")); }
}
