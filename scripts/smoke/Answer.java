package smoke;

import java.net.URI;
import java.net.http.HttpHeaders;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * What a server answered, unpacked.
 *
 * @param way the addresses that led here by redirects, the first one first; without this one
 * @param took from the request to the last byte, without the redirects
 */
public record Answer(URI uri, int status, HttpHeaders headers, byte[] body, Duration took, List<URI> way) {
    public Optional<String> header(String name) { return headers.firstValue(name).map(String::strip).filter(value -> !value.isEmpty()); }

    /** The media type without its parameters, in lower case; empty when the server names none. */
    public String type() { return header("content-type").map(type -> type.replaceFirst(";.*", "").strip().toLowerCase(Locale.ROOT)).orElse(""); }

    public String text() { return new String(body, StandardCharsets.UTF_8); }

    /** Said to be HTML, or HTML whatever is said. */
    public boolean isHtml() {
        var beginning = new String(body, 0, Math.min(body.length, 500), StandardCharsets.UTF_8).stripLeading().toLowerCase(Locale.ROOT);
        return type().equals("text/html") || type().equals("application/xhtml+xml") || beginning.startsWith("<!doctype html") || beginning.startsWith("<html");
    }

    boolean isRedirect() { return status >= 300 && status < 400 && header("location").isPresent(); }

    /** The beginning of what it says, in one line, for a message. */
    String excerpt() {
        var line = text().replaceAll("<script.*?</script>|<style.*?</style>|<[^>]*>", " ").replaceAll("[\\s\\p{Cntrl}]+", " ").strip();
        return line.isEmpty() ? "" : ": " + (line.length() > 100 ? line.substring(0, 100) + "…" : line);
    }
}
