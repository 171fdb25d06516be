package smoke;

import java.net.IDN;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.Locale;
import java.util.Optional;

/**
 * Addresses as pages and servers write them: with a blank, a bar, brackets or letters of any alphabet in them.
 *
 * <p>Browsers mend these, as the URL standard says; Java's own class refuses them, and no small library that
 * follows the standard is kept up.
 */
public final class Address {
    /** What Java takes behind the host's name; a per cent sign only before two digits. */
    private static final String TAKEN = "-_.~!$&'()*+,;=:@/?";

    private Address() { }

    /** An absolute address, without its fragment; empty when browsers would refuse it too. */
    public static Optional<URI> of(String text) {
        var plain = text.strip().replaceAll("[\\t\\r\\n]", "").replaceFirst("#.*", "");
        try {
            if (!plain.matches("(?i)https?:.*"))
                return Optional.of(URI.create(plain)).filter(uri -> uri.getScheme() != null);
            var path = plain.replace('\\', '/').replaceFirst("(?i)^https?:/*[^/?]*", "");
            var before = plain.substring(0, plain.length() - path.length()).replace('\\', '/');
            var scheme = before.replaceFirst(":.*", "").toLowerCase(Locale.ROOT);
            // A name in letters of any alphabet has a form in ASCII, which is what is asked for.
            var server = IDN.toASCII(before.replaceFirst("^[^:]*:/*", ""), IDN.ALLOW_UNASSIGNED);
            var uri = URI.create(scheme + "://" + server + (path.startsWith("/") ? "" : "/") + encoded(path));
            return Optional.of(URI.create(uri.toString().replaceFirst("^([^/]*//[^/]*)(/\\.\\.)+(?=/|$)", "$1")))
                .filter(whole -> whole.getHost() != null);
        } catch (IllegalArgumentException e) {
            return Optional.empty();
        }
    }

    /** What a text means on the page at an address. */
    static Optional<URI> of(URI base, String text) {
        var plain = text.strip();
        try {
            if (plain.matches("(?i)[a-z][a-z0-9+.-]*:.*")) return of(plain);
            if (plain.startsWith("//") || plain.startsWith("\\\\")) return of(base.getScheme() + ":" + plain);
            // Java would leave the last part of the path out.
            var whole = plain.startsWith("?") ? base.getRawPath() + plain : plain;
            return of(base.resolve(encoded(whole.replace('\\', '/').replaceFirst("#.*", ""))).toString());
        } catch (IllegalArgumentException e) {
            return Optional.empty();
        }
    }

    private static String encoded(String path) {
        var encoded = new StringBuilder();
        for (var i = 0; i < path.length(); ) {
            var letter = path.codePointAt(i);
            var next = i + Character.charCount(letter);
            var taken = letter < 128 && (Character.isLetterOrDigit(letter) || TAKEN.indexOf(letter) >= 0)
                || letter == '%' && path.substring(i).matches("(?s)%[0-9a-fA-F]{2}.*");
            if (taken) encoded.appendCodePoint(letter);
            else for (var each : path.substring(i, next).getBytes(StandardCharsets.UTF_8))
                encoded.append(String.format("%%%02X", each));
            i = next;
        }
        return encoded.toString();
    }
}
