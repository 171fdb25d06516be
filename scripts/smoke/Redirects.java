package smoke;

import java.net.URI;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import ops.Failure;
import ops.Setting;
import ops.Settings;

/** Do the other addresses of the site (http, without www) lead to it, for good? */
final class Redirects {
    private final Site site;
    private final List<String> from;

    Redirects(Site site, Settings settings) {
        this.site = site;
        from = settings.list(Setting.SMOKE_REDIRECTS);
    }

    Verdict look(Duration limit) throws Exception {
        var warnings = new ArrayList<String>();
        for (var text : from) {
            var uri = address(text);
            var answer = site.get(uri, limit.dividedBy(from.size()));
            if (!answer.uri().equals(site.address)) return Verdict.fail((answer.way().isEmpty() ? uri + " does not redirect" : "leads elsewhere: " + Web.arrows(answer.way()) + " → " + answer.uri()) + ", and should lead to " + site.address, "see the redirects of the host and the domain");
            if (answer.status() != 200) return Verdict.fail(Web.arrows(answer.way()) + " → " + answer.uri() + " answers " + answer.status(), "see what is deployed");
            if (site.address.getScheme().equals("https") && answer.way().stream().skip(1).anyMatch(step -> step.getScheme().equals("http")))
                return Verdict.fail("leads through plain http: " + Web.arrows(answer.way()) + " → " + answer.uri(), "see the redirects of the host and the domain");
            var status = site.web.get(uri, Map.of(), limit.dividedBy(from.size())).status();
            if (status != 301 && status != 308) warnings.add(uri + " redirects with " + status);
        }
        var what = String.join(", ", from) + " → " + site.address;
        return warnings.isEmpty() ? Verdict.pass(what) : Verdict.warning(what + ", though " + String.join(", ", warnings) + ", which is for a while only", "a redirect for good is 301 or 308: search engines go by it");
    }

    /** Throws BadSetting when it is no address. */
    static URI address(String text) {
        try {
            var uri = URI.create(text);
            if (uri.getHost() != null && uri.getScheme() != null && uri.getScheme().startsWith("http"))
                return uri.getRawPath().isEmpty() ? uri.resolve("/") : uri;
        } catch (IllegalArgumentException e) {
            // said below
        }
        throw new Failure.BadSetting("SMOKE_REDIRECTS names '" + text.replaceAll("\\p{Cntrl}", "?")
            + "', which is no address", "it looks like http://example.com,https://example.com");
    }
}
