package smoke;

import java.net.URI;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jsoup.nodes.Document;

/**
 * What a page's Content-Security-Policy lets browsers load: all of its policies, from headers and meta elements, have
 * to.
 */
record ContentSecurityPolicy(URI page, List<Map<String, List<String>>> policies) {
    private static final Pattern HOST = Pattern.compile("(?:([a-z][a-z0-9+.-]*)://)?([^/:]+)(?::(\\d+|\\*))?(/.*)?");

    static ContentSecurityPolicy of(Answer answer, Document document) {
        var headers = answer.headers().allValues("content-security-policy").stream();
        var metas = document.head().select("meta[http-equiv=content-security-policy]").stream()
            .map(meta -> meta.attr("content"));
        var policies = Stream.concat(headers, metas).flatMap(value -> Stream.of(value.split(",")))
            .map(ContentSecurityPolicy::directives).toList();
        return new ContentSecurityPolicy(answer.uri(), policies);
    }

    private static Map<String, List<String>> directives(String policy) {
        var directives = new LinkedHashMap<String, List<String>>();
        for (var directive : policy.split(";")) {
            var words = new ArrayList<>(Arrays.asList(directive.strip().split("\\s+")));
            directives.putIfAbsent(words.remove(0).toLowerCase(Locale.ROOT), words);
        }
        return directives;
    }

    /** The directive that keeps browsers from loading it, as it stands in the page. */
    Optional<String> forbids(Page.Asset asset) {
        return policies.stream().flatMap(policy -> forbids(policy, asset).stream()).findFirst();
    }

    /** Whether browsers ask for https where the page names http. */
    boolean upgrades() { return policies.stream().anyMatch(policy -> policy.containsKey("upgrade-insecure-requests")); }

    private Optional<String> forbids(Map<String, List<String>> policy, Page.Asset asset) {
        if (asset.script() && policy.containsKey("sandbox") && !policy.get("sandbox").contains("allow-scripts"))
            return Optional.of("sandbox without allow-scripts");
        var kind = asset.script() ? "script-src" : "style-src";
        var directive = Stream.of(kind + "-elem", kind, "default-src").filter(policy::containsKey).findFirst();
        return directive.filter(name -> !allows(policy.get(name), asset))
            .map(name -> (name + " " + String.join(" ", policy.get(name))).strip());
    }

    private boolean allows(List<String> sources, Page.Asset asset) {
        if (sources.stream().anyMatch(source -> isNamed(source, asset))) return true;
        // With it, no place is trusted, only what is named.
        if (asset.script() && sources.stream().anyMatch("'strict-dynamic'"::equalsIgnoreCase)) return false;
        return sources.stream().anyMatch(source -> comesFrom(source.toLowerCase(Locale.ROOT), source, asset.uri()));
    }

    /** By its nonce, or by a hash that its integrity says too. */
    private static boolean isNamed(String source, Page.Asset asset) {
        if (source.equals("'nonce-" + asset.nonce() + "'")) return !asset.nonce().isEmpty();
        return asset.script()
            && List.of(asset.integrity().split("\\s+")).stream().anyMatch(hash -> source.equals("'" + hash + "'"));
    }

    private boolean comesFrom(String source, String written, URI uri) {
        if (source.equals("*")) return true;
        if (source.equals("'self'")) return Gate.origin(uri).equals(Gate.origin(page));
        if (source.endsWith(":")) return isScheme(source.replace(":", ""), uri);
        var host = HOST.matcher(source);
        if (source.startsWith("'") || !host.matches()) return false;
        var port = uri.getPort() < 0 ? "" : String.valueOf(uri.getPort());
        var usual = port.isEmpty() || port.equals(uri.getScheme().equals("https") ? "443" : "80");
        var path = host.group(4) == null ? "" : written.substring(written.length() - host.group(4).length());
        return isScheme(host.group(1) == null ? page.getScheme() : host.group(1), uri)
            && isHost(host.group(2), uri.getHost().toLowerCase(Locale.ROOT))
            && (host.group(3) == null ? usual : host.group(3).equals("*") || host.group(3).equals(port))
            && (path.endsWith("/") || path.isEmpty() ? uri.getRawPath().startsWith(path)
                : uri.getRawPath().equals(path));
    }

    /** What may come over http may come over https. */
    private static boolean isScheme(String scheme, URI uri) {
        return scheme.equals(uri.getScheme()) || scheme.equals("http") && uri.getScheme().equals("https");
    }

    private static boolean isHost(String pattern, String host) {
        return pattern.equals("*")
            || (pattern.startsWith("*.") ? host.endsWith(pattern.substring(1)) : host.equals(pattern));
    }
}
