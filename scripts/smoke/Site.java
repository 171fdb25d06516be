package smoke;

import java.net.URI;
import java.net.URISyntaxException;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.regex.Pattern;
import ops.Failure;
import ops.Secret;
import ops.Setting;
import ops.Settings;

/**
 * The site that is looked at.
 *
 * <p>A secret that opens it (SMOKE_HEADER) goes to its own origin only.
 */
public final class Site {
    private static final Pattern HEADER = Pattern.compile("([A-Za-z0-9-]+):\\s*(\\S.*)");

    final URI address;
    final Web web;
    private final Map<String, String> secret;

    Site(String address, Settings settings, Web web) {
        this.address = address(address);
        this.web = web;
        secret = settings.get(Setting.SMOKE_HEADER).map(Site::header).orElse(Map.of());
    }

    /** Throws BadSetting when it is no address of a site. */
    static URI address(String text) {
        try {
            // A blank is a slip of the operator's, and no part of an address.
            var uri = Address.of(text.matches("\\S+") ? text : "").orElseThrow(() -> new URISyntaxException(text, ""));
            if (uri.getHost() == null || !("http".equals(uri.getScheme()) || "https".equals(uri.getScheme())) || uri.getUserInfo() != null) throw new URISyntaxException(text, "");
            return uri.getRawPath().isEmpty() ? uri.resolve("/") : uri;
        } catch (URISyntaxException | IllegalArgumentException e) {
            throw new Failure.BadSetting("'" + text.replaceAll("\\p{Cntrl}", "?").replaceAll("//[^/@]*@", "//…@") + "' is no address of a site", "it looks like https://www.example.com/");
        }
    }

    /** Throws BadSetting when it is no header. */
    static Map<String, String> header(String text) {
        var header = HEADER.matcher(text);
        if (!header.matches()) throw new Failure.BadSetting("SMOKE_HEADER is no header", "it looks like x-vercel-protection-bypass: VALUE");
        return Map.of(header.group(1), new Secret(header.group(2)).reveal());
    }

    boolean isOwn(URI uri) { return Gate.origin(uri).equals(Gate.origin(address)); }

    /** A path of the site: from its root with a slash before it, from its address without one. */
    URI at(String path) { return at(address, path); }

    /** Throws BadSetting when it is no path. */
    static URI at(URI address, String path) {
        try {
            return folder(address).resolve(path);
        } catch (IllegalArgumentException e) {
            throw new Failure.BadSetting("'" + path.replaceAll("\\p{Cntrl}", "?") + "' is no path", "it looks like /health");
        }
    }

    /** An address may end without the slash that a folder's has: /shop, and not /shop.html. */
    private static URI folder(URI address) {
        return address.getRawPath().matches(".*/[^/.]+") ? address.resolve(address.getRawPath() + "/") : address;
    }

    /** What the site says at an address, at the end of all redirects. */
    Answer get(URI uri, Duration limit) throws Verdict.Judged, InterruptedException {
        return get(uri, Map.of(), limit);
    }

    /** The same, with more headers. */
    Answer get(URI uri, Map<String, String> more, Duration limit) throws Verdict.Judged, InterruptedException {
        var answer = follow(uri, more, limit);
        var gate = Gate.before(address, answer.uri(), answer.status(), name -> answer.header(name).orElse(null));
        if (gate.isPresent()) throw gate.get().judged();
        return answer;
    }

    /**
     * The same, and leaves with a verdict when it comes from elsewhere than from the site, or led through plain http.
     */
    Answer own(URI uri, Duration limit) throws Verdict.Judged, InterruptedException {
        return own(uri, Map.of(), limit);
    }

    /** The same, with more headers. */
    Answer own(URI uri, Map<String, String> more, Duration limit) throws Verdict.Judged, InterruptedException {
        var answer = get(uri, more, limit);
        var strays = Elsewhere.of(uri, answer.way(), answer.uri());
        if (strays.isPresent()) throw strays.get().judged();
        return answer;
    }

    /** What it answers itself, without following a redirect. */
    Answer getOnce(URI uri, Duration limit) throws Verdict.Judged, InterruptedException { return web.get(uri, headersFor(uri), limit); }

    /** What is at the end of all redirects, whoever answers there. */
    Answer follow(URI uri, Map<String, String> more, Duration limit) throws Verdict.Judged, InterruptedException {
        return web.follow(uri, each -> with(more, headersFor(each)), limit);
    }

    private static Map<String, String> with(Map<String, String> one, Map<String, String> other) {
        var all = new LinkedHashMap<>(one);
        all.putAll(other);
        return all;
    }

    private Map<String, String> headersFor(URI uri) { return isOwn(uri) ? secret : Map.of(); }
}
