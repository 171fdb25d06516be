//SOURCES Outcome.java
//SOURCES Verdict.java
package smoke;

import java.net.URI;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** Where an address led, when that is not the site any more, or no longer safe from those on the way. */
public final class Elsewhere {
    private static final String NEXT = "is the address right? See the redirects of the host";

    private Elsewhere() { }

    /**
     * Says where it led, if that is none of the site's own addresses.
     *
     * <p>Apex and www are one site, and so are http and https at their usual ports, from the former to the latter.
     *
     * @param asked the address that was asked for
     * @param way those that redirected, as far as they are known
     * @param answered where it ended
     */
    public static Optional<Verdict> of(URI asked, List<URI> way, URI answered) {
        var all = Stream.of(List.of(asked), way, List.of(answered)).flatMap(List::stream).distinct().toList();
        var shown = all.stream().map(URI::toString).collect(Collectors.joining(" → "));
        if (!bare(asked).equals(bare(answered)))
            return Optional.of(Verdict.fail("leads to another site: " + shown, NEXT).forGood());
        var secure = asked.getScheme().equals("https");
        if (secure && all.stream().anyMatch(step -> step.getScheme().equals("http")))
            return Optional.of(Verdict.fail("leads through plain http, where anybody on the way can read and change"
                + " what visitors see: " + shown,
                "redirect to https addresses only, in the host's settings and in the application's").forGood());
        var upgraded = !secure && answered.getScheme().equals("https") && port(asked) == 80 && port(answered) == 443;
        if (port(asked) == port(answered) || upgraded) return Optional.empty();
        return Optional.of(Verdict.fail("leads to another port, " + port(answered) + ": " + shown, NEXT).forGood());
    }

    private static String bare(URI uri) { return uri.getHost().toLowerCase(Locale.ROOT).replaceFirst("^www\\.", ""); }

    private static int port(URI uri) {
        return uri.getPort() >= 0 ? uri.getPort() : uri.getScheme().equals("https") ? 443 : 80;
    }
}
