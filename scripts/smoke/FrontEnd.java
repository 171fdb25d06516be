package smoke;

import java.time.Duration;
import java.util.Optional;
import java.util.regex.Pattern;
import ops.Failure;
import ops.Setting;
import ops.Settings;
import org.jsoup.nodes.Element;
import org.jsoup.select.QueryParser;
import org.jsoup.select.Selector;

/** Is it the application that a visitor gets, and not an error page? */
final class FrontEnd {
    /** As applications and frameworks call the page that asks who you are. */
    private static final Pattern LOGIN = Pattern.compile("(?i)(.*/)?(log-?in|sign-?in|wp-login|connexion|se-connecter"
        + "|identification|authentification|auth|sso|session|sessions/new)(\\.\\w+)?/?");

    private final Site site;
    /** Where the application's pages are filled by its scripts; a page of its own text has no such element. */
    private final String root;
    private final boolean rootIsNamed;

    FrontEnd(Site site, Settings settings) {
        this.site = site;
        root = settings.require(Setting.SMOKE_ROOT);
        rootIsNamed = !root.equals(Setting.SMOKE_ROOT.fallback);
    }

    Verdict look(Duration limit) throws Exception {
        var page = Page.of(site, limit);
        var answer = page.answer();
        var found = root(page);
        var error = page.error(found);
        if (error.isPresent() && error.get().kind() == ErrorWords.Kind.CHALLENGE)
            return Gate.challenge(answer.uri(), error.get().text());
        if (found.isPresent() && error.isPresent())
            return Verdict.fail(answer.uri() + " answers 200 with " + error.get().what(),
                "see what is deployed, and the host's log");
        var password = !page.shown("input[type=password]").isEmpty();
        if (isLedTo(answer) && (password || LOGIN.matcher(answer.uri().getPath()).matches()))
            return Gate.login(site.address, answer.uri());
        if (found.isEmpty() && password) return Gate.password(answer.uri());
        if (page.isCutOff())
            return Verdict.fail(answer.uri() + " answers 200 with the beginning of a page: its HTML ends in the middle",
                "see what is deployed: was the file copied whole? If so, close its elements");
        if (found.isEmpty() && error.isEmpty() && !rootIsNamed && page.hasTextAndFiles())
            return Verdict.pass(answer.uri() + " is HTML with text and files of its own" + title(page));
        if (found.isEmpty())
            return Verdict.fail(answer.uri() + " answers 200 with HTML without the application's root element (" + root
                + ")" + error.map(each -> ": " + each.what()).orElse(""),
                "see what is deployed; SMOKE_ROOT names the element");
        return Verdict.pass(answer.uri() + " is HTML with " + tag(found.get()) + title(page));
    }

    private static String title(Page page) {
        var title = page.document().title();
        return title.isBlank() ? "" : ", '" + title + "'";
    }

    private boolean isLedTo(Answer answer) { return !answer.uri().equals(site.address); }

    private Optional<Element> root(Page page) {
        checkSelector(root);
        return page.hasTags() ? page.shown(root).stream().findFirst() : Optional.empty();
    }

    /** Throws BadSetting when it is no selector. */
    static void checkSelector(String root) {
        try {
            QueryParser.parse(root);
        } catch (Selector.SelectorParseException | IllegalArgumentException e) {
            throw new Failure.BadSetting("SMOKE_ROOT is no CSS selector: " + root, "it looks like #app");
        }
    }

    private static String tag(Element element) {
        return "<" + element.normalName() + (element.id().isEmpty() ? "" : " id=\"" + element.id() + "\"") + ">";
    }
}
