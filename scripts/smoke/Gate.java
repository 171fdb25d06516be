//SOURCES Outcome.java
//SOURCES Verdict.java
package smoke;

import java.net.URI;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.Function;
import java.util.regex.Pattern;

/**
 * Who stands before a site and answers in its place, asking for a login or for proof of being no machine.
 *
 * <p>That is nothing that the site says, so nothing can be told of it.
 */
public final class Gate {
    private static final Pattern HOST = Pattern.compile("(?i)vercel\\.com|.*\\.cloudflareaccess\\.com|(login|accounts|auth|sso)\\..*");
    private static final Pattern PATH = Pattern.compile("/(sso-api|cdn-cgi/access)(/.*)?");
    private static final String LET_IN = "give the smoke tests a way past it (SMOKE_HEADER), or look from a place that is let in";

    private Gate() { }

    /**
     * Says what stands before the site, if something does.
     *
     * @param site the address that was asked for
     * @param answered the one that answered, at the end of all redirects
     * @param header gives a header of the answer, or null
     */
    public static Optional<Verdict> before(URI site, URI answered, int status, Function<String, String> header) {
        for (var name : List.of("cf-mitigated", "x-vercel-mitigated"))
            if (header.apply(name) != null) return Optional.of(Verdict.unknown(answered + " asks for proof of being no machine (" + name + ": " + header.apply(name) + ")", LET_IN).forGood());
        if (status == 407) return Optional.of(Verdict.unknown("a proxy on the way asks for a login", "see this machine's own network").forGood());
        if (status == 429) return Optional.of(Verdict.unknown(answered + " says that we ask too often (429)", LET_IN));
        var elsewhere = !origin(answered).equals(origin(site));
        if (!elsewhere && status == 401 || elsewhere && (HOST.matcher(answered.getHost()).matches() || PATH.matcher(answered.getRawPath()).matches())) return Optional.of(login((elsewhere ? site + " → " : "") + answered + " (" + status + ")"));
        return Optional.empty();
    }

    /** A page that asks for a password where the application should be. */
    public static Verdict password(URI page) { return login(page + " asks for a password, and is not the application"); }

    /** A page of its own that asks who you are, to which the site's address leads. */
    static Verdict login(URI site, URI page) {
        var verdict = login(site + " → " + page);
        return new Verdict(verdict.outcome(), verdict.what(),
            "where the application itself begins with its login, look at that address: --url, or SITE_URL; else "
            + LET_IN, true);
    }

    /** A page that wants proof of being no machine. */
    public static Verdict challenge(URI page, String title) {
        return Verdict.unknown(page + " asks for proof of being no machine ('" + title + "')", LET_IN).forGood();
    }

    private static Verdict login(String where) { return Verdict.unknown("a login stands before the site: " + where, LET_IN).forGood(); }

    /** Scheme, host and port: what a browser calls one site. */
    static String origin(URI uri) {
        var port = uri.getPort() >= 0 ? uri.getPort() : uri.getScheme().equals("https") ? 443 : 80;
        return uri.getScheme() + "://" + uri.getHost().toLowerCase(Locale.ROOT) + ":" + port;
    }
}
