package smoke;

import com.google.gson.JsonElement;
import java.net.URI;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ThreadLocalRandom;
import java.util.regex.Pattern;
import ops.Amount;
import ops.Steps;

/**
 * Does everything arrive that the page needs to run: every script, module preload and stylesheet?
 *
 * <p>A single-page application's host may answer 200 and the page itself for whatever is missing. So the type counts, and a
 * name that nobody has must not be found.
 */
record Assets(Site site) {
    private static final String MISSING = "deploy again: the page and its files are not of one build, or files are missing";
    private static final int LONGEST_ERROR = 200;
    /** Without any of the signs that no script does without, but for one of comments or imports alone. */
    private static final Pattern PROSE =
        Pattern.compile("(?s)(?!//|/\\*|<!--|import\\b|export\\b|['\"]use )[^=(){};\\[`]*");
    private static final Map<String, String> ALGORITHMS = Map.of("sha256", "SHA-256", "sha384", "SHA-384", "sha512", "SHA-512");

    Verdict look(Duration limit) throws Exception {
        var deadline = Deadline.in(limit);
        var page = Page.of(site, limit);
        var assets = page.assets();
        var madeUp = madeUp(page, assets);
        var looks = new ArrayList<Steps.Each<Duration, Verdict>>();
        var policy = ContentSecurityPolicy.of(page.answer(), page.document());
        for (var asset : assets) looks.add(time -> judge(asset, page.answer().uri(), policy, time));
        looks.add(time -> judgeMadeUp(madeUp, time));
        var verdicts = Steps.sideBySide(looks, each -> caught(each, deadline.left()));
        var bad = verdicts.stream().filter(verdict -> !verdict.passed()).toList();
        if (!bad.isEmpty()) return new Verdict(bad.get(0).outcome(), bad.get(0).what() + (bad.size() == 1 ? "" : ", and " + (bad.size() - 1) + " more like it"), bad.get(0).next(), bad.get(0).settled());
        var tested = assets.stream().filter(asset -> !strongest(asset.integrity()).isEmpty()).count();
        if (assets.isEmpty()) return Verdict.warning("the page names no script and no stylesheet; a made-up one is not found, as it should be", "is that so in the application? See what is deployed");
        var what = "all " + assets.size() + " arrive" + (tested == 0 ? "" : ", " + tested + " with the right integrity")
            + "; a made-up one is not found, as it should be";
        return verdicts.stream().filter(Verdict::isWarning).findFirst()
            .map(odd -> Verdict.warning(what + ", though " + odd.what(), odd.next())).orElse(Verdict.pass(what));
    }

    private static Verdict caught(Steps.Each<Duration, Verdict> look, Duration limit) throws Exception {
        try {
            return look.apply(limit);
        } catch (Verdict.Judged judged) {
            return judged.verdict;
        }
    }

    private Verdict judge(Page.Asset asset, URI page, ContentSecurityPolicy policy, Duration limit) throws Exception {
        var own = Gate.origin(asset.uri()).equals(Gate.origin(page));
        var name = own ? asset.uri().getRawPath() : asset.uri().toString();
        var unasked = unasked(asset, page, policy);
        if (unasked.isPresent())
            return Verdict.fail(name + unasked.get() + ": browsers don't load it",
                "see the page, and the headers that come with it").forGood();
        var answer = asset.cors() && !own ? site.get(asset.uri(), Map.of("origin", written(page)), limit)
            : site.get(asset.uri(), limit);
        if (answer.status() != 200) return Verdict.fail(name + " answers " + answer.status(), MISSING);
        var text = answer.text().strip();
        if (text.isEmpty() && asset.script()) return Verdict.fail(name + " is empty", MISSING);
        var kind = asset.script() ? "script" : "stylesheet";
        var right = isTaken(answer, asset);
        if (answer.beginsAsHtml() || !right && answer.isHtml())
            return Verdict.fail(name + " is an HTML page" + (right ? " that is called '" + answer.type() + "'" : "")
                + " and no " + kind, MISSING);
        if (!right) return Verdict.fail(name + " is of type '" + answer.type() + "' and no " + kind, MISSING);
        if (answer.json().filter(JsonElement::isJsonObject).filter(json -> !json.getAsJsonObject().isEmpty())
            .isPresent())
            return Verdict.fail(name + " is JSON that is called '" + answer.type() + "' and no " + kind
                + answer.excerpt(), MISSING);
        if (text.startsWith("<") && !text.startsWith("<!--"))
            return Verdict.fail(name + " begins with a tag, and is no " + kind + answer.excerpt(), MISSING);
        if (isGzip(answer.body()))
            return Verdict.fail(name + " is packed by gzip, and does not say so: browsers can't read it",
                "have its server send it with Content-Encoding: gzip, or put it there unpacked");
        if (!intact(answer.body(), asset.integrity()))
            return Verdict.fail(name + " (" + Amount.bytes(answer.body().length)
                + ") is not what the page's integrity attribute says", MISSING);
        if (asset.script() && PROSE.matcher(text).matches())
            return Verdict.fail(name + " is called '" + answer.type() + "' and has no code in it" + answer.excerpt(),
                MISSING);
        if (isErrorText(text))
            return Verdict.fail(name + " is an error that is called '" + answer.type() + "' and no " + kind
                + answer.excerpt(), MISSING);
        // As Angular makes it of a site whose components have all the styles.
        if (text.isEmpty()) return Verdict.warning(name + " is empty", "is that so in the build? If not: " + MISSING);
        if (asset.cors() && !own && !permits(answer, written(page)))
            return Verdict.fail(name + " is of another origin, and does not permit this one to use it"
                + " (Access-Control-Allow-Origin): browsers don't",
                "have its server send the header, or serve it from the site itself").forGood();
        return Verdict.pass(name);
    }

    /** Whether browsers take it by its type: of a script that is no module they refuse a few types only. */
    private static boolean isTaken(Answer answer, Page.Asset asset) {
        var type = answer.type();
        if (!asset.script()) return type.equals("text/css") || type.isEmpty() && !answer.isNoSniff();
        return Page.SCRIPT_TYPES.contains(type)
            || !asset.module() && !answer.isNoSniff() && !type.matches("(image|audio|video)/.*|text/csv");
    }

    /** Why browsers would not even ask for it. */
    private static Optional<String> unasked(Page.Asset asset, URI page, ContentSecurityPolicy policy) {
        var forbidden = policy.forbids(asset);
        if (forbidden.isPresent())
            return Optional.of(" is forbidden by the page's Content-Security-Policy (" + forbidden.get() + ")");
        if (page.getScheme().equals("https") && asset.uri().getScheme().equals("http") && !policy.upgrades())
            return Optional.of(" is asked for over plain http by a page of https");
        if (!asset.cors() && !strongest(asset.integrity()).isEmpty()
            && !Gate.origin(asset.uri()).equals(Gate.origin(page)))
            return Optional.of(" is of another origin, and has an integrity attribute but no crossorigin");
        return Optional.empty();
    }

    private static boolean permits(Answer answer, String origin) {
        return answer.header("access-control-allow-origin")
            .filter(whom -> whom.equals("*") || whom.equalsIgnoreCase(origin)).isPresent();
    }

    /** An origin as browsers write it: a usual port goes without saying. */
    private static String written(URI page) {
        return Gate.origin(page).replaceFirst("^(http:.*):80$|^(https:.*):443$", "$1$2");
    }

    private static boolean isGzip(byte[] body) {
        return body.length > 1 && body[0] == 0x1f && (body[1] & 0xff) == 0x8b;
    }

    private static boolean isErrorText(String text) {
        return text.length() < LONGEST_ERROR && !text.matches("(?s).*[;={}()].*") && ErrorWords.of(text).isPresent();
    }

    /** The kind of hash that browsers go by; empty when they know none of them, and compare nothing. */
    private static String strongest(String integrity) {
        return Arrays.stream(integrity.split("\\s+")).map(each -> each.replaceFirst("-.*", ""))
            .filter(ALGORITHMS::containsKey).max(String::compareTo).orElse("");
    }

    /** As browsers do: of several the strongest kind counts, and of that any one. */
    private static boolean intact(byte[] bytes, String integrity) throws NoSuchAlgorithmException {
        var strongest = strongest(integrity);
        if (strongest.isEmpty()) return true;
        var digest = Base64.getEncoder()
            .encodeToString(MessageDigest.getInstance(ALGORITHMS.get(strongest)).digest(bytes));
        return Arrays.stream(integrity.split("\\s+")).filter(each -> each.startsWith(strongest + "-"))
            .anyMatch(each -> each.replaceFirst("^[^-]*-", "").replaceFirst("\\?.*", "").equals(digest));
    }

    /** A name that nobody has, where the page's own scripts are. */
    private URI madeUp(Page page, List<Page.Asset> assets) {
        var name = "handover-made-up-" + Long.toString(ThreadLocalRandom.current().nextLong(1L << 40), 36) + ".js";
        return assets.stream().map(Page.Asset::uri).filter(site::isOwn).findFirst().orElse(page.answer().uri()).resolve(name);
    }

    private Verdict judgeMadeUp(URI uri, Duration limit) throws Exception {
        var answer = site.get(uri, limit);
        if (answer.status() != 200) return Verdict.pass("");
        return Verdict.fail(uri.getRawPath() + ", a script that nobody made, answers 200" + (answer.isHtml() ? " with an HTML page" : "") + ": a script that is missing would not be noticed",
            "let the host's fallback to the application's page apply to pages only, and not to files").forGood();
    }
}
