package smoke;

import java.net.URI;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ThreadLocalRandom;
import ops.Amount;
import ops.Steps;

/**
 * Does everything arrive that the page needs to run: every script, module preload and stylesheet?
 *
 * <p>A single-page application's host may answer 200 and the page itself for whatever is missing. So the type counts, and a
 * name that nobody has must not be found.
 */
record Assets(Site site) {
    private static final Set<String> SCRIPT = Set.of("text/javascript", "application/javascript", "application/x-javascript", "text/ecmascript", "application/ecmascript");
    private static final String MISSING = "deploy again: the page and its files are not of one build, or files are missing";
    private static final Map<String, String> ALGORITHMS = Map.of("sha256", "SHA-256", "sha384", "SHA-384", "sha512", "SHA-512");

    Verdict look(Duration limit) throws Exception {
        var deadline = Deadline.in(limit);
        var page = Page.of(site, limit);
        var assets = page.assets();
        var madeUp = madeUp(page, assets);
        var looks = new ArrayList<Steps.Each<Duration, Verdict>>();
        for (var asset : assets) looks.add(time -> judge(asset, time));
        looks.add(time -> judgeMadeUp(madeUp, time));
        var verdicts = Steps.sideBySide(looks, each -> caught(each, deadline.left()));
        var bad = verdicts.stream().filter(verdict -> !verdict.passed()).toList();
        if (!bad.isEmpty()) return new Verdict(bad.get(0).outcome(), bad.get(0).what() + (bad.size() == 1 ? "" : ", and " + (bad.size() - 1) + " more like it"), bad.get(0).next(), bad.get(0).settled());
        var tested = assets.stream().filter(asset -> !asset.integrity().isEmpty()).count();
        if (assets.isEmpty()) return Verdict.warning("the page names no script and no stylesheet; a made-up one is not found, as it should be", "is that so in the application? See what is deployed");
        return Verdict.pass("all " + assets.size() + " arrive" + (tested == 0 ? "" : ", " + tested + " with the right integrity") + "; a made-up one is not found, as it should be");
    }

    private static Verdict caught(Steps.Each<Duration, Verdict> look, Duration limit) throws Exception {
        try {
            return look.apply(limit);
        } catch (Verdict.Judged judged) {
            return judged.verdict;
        }
    }

    private Verdict judge(Page.Asset asset, Duration limit) throws Exception {
        var answer = site.get(asset.uri(), limit);
        var name = site.isOwn(asset.uri()) ? asset.uri().getRawPath() : asset.uri().toString();
        if (answer.status() != 200) return Verdict.fail(name + " answers " + answer.status(), MISSING);
        if (answer.body().length == 0) return Verdict.fail(name + " is empty", MISSING);
        var html = answer.isHtml();
        var right = asset.script() ? SCRIPT.contains(answer.type()) : answer.type().equals("text/css");
        if (html || !right) return Verdict.fail(name + " is " + (html && !right ? "an HTML page" : html ? "an HTML page that is called '" + answer.type() + "'" : "of type '" + answer.type() + "'") + " and no " + (asset.script() ? "script" : "stylesheet"), MISSING);
        if (!asset.integrity().isEmpty() && !intact(answer.body(), asset.integrity())) return Verdict.fail(name + " (" + Amount.bytes(answer.body().length) + ") is not what the page's integrity attribute says", MISSING);
        return Verdict.pass(name);
    }

    /** As browsers do: of several the strongest kind counts, and of that any one. */
    private static boolean intact(byte[] bytes, String integrity) throws NoSuchAlgorithmException {
        var given = Arrays.stream(integrity.split("\\s+")).filter(each -> ALGORITHMS.containsKey(each.replaceFirst("-.*", ""))).toList();
        var strongest = given.stream().map(each -> each.replaceFirst("-.*", "")).max(String::compareTo);
        if (strongest.isEmpty()) return true;
        var digest = Base64.getEncoder().encodeToString(MessageDigest.getInstance(ALGORITHMS.get(strongest.get())).digest(bytes));
        return given.stream().filter(each -> each.startsWith(strongest.get())).anyMatch(each -> each.replaceFirst("^[^-]*-", "").replaceFirst("\\?.*", "").equals(digest));
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
