package release;

import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Pattern;
import ops.Secret;

/** How this machine's programs get out to the internet: through which proxy, and whose certificates they trust. */
final class WayOut {
    private static final String NAMES = "(?i)(https?|no|all)_proxy|node_extra_ca_certs|ssl_cert_(file|dir)"
        + "|npm_config_(registry|ca|cafile|proxy|https_proxy|noproxy)";

    private static final Pattern PASSWORD = Pattern.compile("://[^:@/]*:([^@/]+)@");

    private WayOut() { }

    /** What the operator's own environment says of it; a password in it is hidden, whoever prints it. */
    static Map<String, String> variables() {
        var found = new TreeMap<String, String>();
        System.getenv().forEach((name, value) -> {
            if (!name.matches(NAMES)) return;
            found.put(name, value);
            PASSWORD.matcher(value).results().forEach(password -> Secret.hide(password.group(1)));
        });
        return found;
    }
}
