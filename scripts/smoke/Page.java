package smoke;

import java.net.URI;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import org.jsoup.Jsoup;
import org.jsoup.nodes.Document;
import org.jsoup.nodes.Element;

/** The site's page, as a browser reads it. */
record Page(Answer answer, Document document) {
    private static final Set<String> SCRIPT_TYPES = Set.of("", "module", "text/javascript", "application/javascript", "text/ecmascript", "application/ecmascript");

    /** Something that the page needs; integrity is empty where the page gives none. */
    record Asset(URI uri, boolean script, String integrity) { }

    static Page of(Site site, Duration limit) throws Verdict.Judged, InterruptedException { return of(site, site.address, limit); }

    /** Fetches and reads it; leaves with a verdict when it is no page. */
    static Page of(Site site, URI uri, Duration limit) throws Verdict.Judged, InterruptedException {
        var answer = site.get(uri, limit);
        var led = answer.way().isEmpty() ? "" : Web.arrows(answer.way()) + " → ";
        if (answer.status() != 200) throw Verdict.fail(led + answer.uri() + " answers " + answer.status() + answer.excerpt(), "see what is deployed, and the host's log").judged();
        if (answer.text().isBlank()) throw Verdict.fail(led + answer.uri() + " answers 200 with nothing in it", "see what is deployed").judged();
        if (!answer.isHtml()) throw Verdict.fail(led + answer.uri() + " answers 200 with '" + answer.type() + "' and no HTML" + answer.excerpt(), "is it the site's address? See what is deployed").judged();
        return new Page(answer, Jsoup.parse(answer.text(), answer.uri().toString()));
    }

    Optional<String> release() { return Optional.ofNullable(document.selectFirst("meta[name=release]")).map(meta -> meta.attr("content").strip()).filter(release -> !release.isEmpty()); }

    /** Every script, module preload and stylesheet, each once. */
    List<Asset> assets() throws Verdict.Judged {
        var assets = new LinkedHashMap<URI, Asset>();
        for (var element : document.select("script[src], link[href]")) {
            var script = element.normalName().equals("script");
            var rel = script ? Set.<String>of() : Set.of(element.attr("rel").toLowerCase(Locale.ROOT).strip().split("\\s+"));
            var as = element.attr("as").toLowerCase(Locale.ROOT);
            var wanted = script ? SCRIPT_TYPES.contains(element.attr("type").toLowerCase(Locale.ROOT).strip())
                : rel.contains("stylesheet") && !rel.contains("alternate") || rel.contains("modulepreload") || rel.contains("preload") && (as.equals("script") || as.equals("style"));
            if (!wanted) continue;
            var isScript = script || rel.contains("modulepreload") || as.equals("script");
            var uri = address(element, script ? "src" : "href");
            if (uri.getScheme().startsWith("http")) assets.merge(uri, new Asset(uri, isScript, element.attr("integrity").strip()), (one, other) -> one.integrity.isEmpty() ? other : one);
        }
        return new ArrayList<>(assets.values());
    }

    private URI address(Element element, String attribute) throws Verdict.Judged {
        try {
            var uri = URI.create(element.absUrl(attribute).replace(" ", "%20"));
            if (uri.getScheme() != null) return URI.create(uri.toString().replaceFirst("#.*", ""));
        } catch (IllegalArgumentException e) {
            // said below
        }
        throw Verdict.fail("the page names '" + element.attr(attribute) + "', which is no address", "see what is deployed").judged();
    }
}
