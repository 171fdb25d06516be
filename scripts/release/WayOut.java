package release;

import java.util.Map;
import java.util.TreeMap;

/** How this machine's programs get out to the internet: through which proxy, and whose certificates they trust. */
final class WayOut {
    private static final String NAMES = "(?i)(https?|no|all)_proxy|node_extra_ca_certs|ssl_cert_(file|dir)"
        + "|npm_config_(registry|ca|cafile|proxy|https_proxy|noproxy)";

    private WayOut() { }

    /** What the operator's own environment says of it. */
    static Map<String, String> variables() {
        var found = new TreeMap<String, String>();
        System.getenv().forEach((name, value) -> {
            if (name.matches(NAMES)) found.put(name, value);
        });
        return found;
    }
}
