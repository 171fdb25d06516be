package smoke;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonElement;
import com.google.gson.JsonParseException;
import com.google.gson.Strictness;
import java.net.URI;
import java.net.http.HttpHeaders;
import java.nio.charset.Charset;
import java.time.Duration;
import java.time.Instant;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.time.format.DateTimeParseException;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import ops.Amount;

/**
 * What a server answered, unpacked.
 *
 * @param way the addresses that led here by redirects, the first one first; without this one
 * @param took from the request to the last byte, without the redirects
 */
public record Answer(URI uri, int status, HttpHeaders headers, byte[] body, Duration took, List<URI> way) {
    /** So far a clock may be off. */
    private static final Duration CLOCKS = Duration.ofMinutes(15);
    private static final Pattern CHARSET = Pattern.compile("(?i);\\s*charset=\\s*\"?([\\w.:-]+)");
    private static final Gson JSON = new GsonBuilder().setStrictness(Strictness.STRICT).create();

    public Optional<String> header(String name) { return headers.firstValue(name).map(String::strip).filter(value -> !value.isEmpty()); }

    /**
     * The media type without its parameters, in lower case; empty when the server names none. Of several the last one
     * counts, as it does in browsers.
     */
    public String type() {
        return headers.allValues("content-type").stream().flatMap(value -> Stream.of(value.split(",")))
            .map(type -> type.replaceFirst(";.*", "").strip().toLowerCase(Locale.ROOT))
            .filter(type -> type.matches("[^/\\s]+/[^/\\s]+")).reduce((one, other) -> other).orElse("");
    }

    /** The character set that the server names; empty when it names none, or one that nobody knows. */
    Optional<Charset> charset() {
        var named = CHARSET.matcher(header("content-type").orElse(""));
        try {
            return named.find() ? Optional.of(Charset.forName(named.group(1))) : Optional.empty();
        } catch (IllegalArgumentException e) {
            return Optional.empty();
        }
    }

    /** Without a byte-order mark, as browsers read it. */
    public String text() { return new String(body, charset().orElse(UTF_8)).replaceFirst("^\uFEFF", ""); }

    /** Said to be HTML, or HTML whatever is said. */
    public boolean isHtml() {
        return type().equals("text/html") || type().equals("application/xhtml+xml") || beginsAsHtml();
    }

    boolean beginsAsHtml() {
        var beginning = new String(body, 0, Math.min(body.length, 1000), UTF_8)
            .replaceFirst("(?s)^(\uFEFF|\\s|<!--.*?-->)+", "").toLowerCase(Locale.ROOT);
        return beginning.startsWith("<!doctype html") || beginning.startsWith("<html");
    }

    /** Whether browsers go by the type alone, and do not look what it is. */
    boolean isNoSniff() { return header("x-content-type-options").orElse("").equalsIgnoreCase("nosniff"); }

    /** What it says as JSON, which is always in UTF-8; empty when it is none, or nothing. */
    Optional<JsonElement> json() {
        try {
            var text = new String(body, UTF_8).replaceFirst("^\uFEFF", "");
            return Optional.ofNullable(JSON.fromJson(text, JsonElement.class));
        } catch (JsonParseException e) {
            return Optional.empty();
        }
    }

    /**
     * That it is too old to say anything of now, by its own headers; a clock of this machine or the server's may be to
     * blame.
     */
    Optional<Verdict> olderThan(Duration oldest) {
        var next = "have it answer with Cache-Control: no-store, and purge the cache of the host or CDN";
        var kept = header("age").filter(age -> age.matches("\\d{1,9}"))
            .map(age -> Duration.ofSeconds(Long.parseLong(age)));
        if (kept.isPresent() && kept.get().compareTo(oldest) > 0)
            return Optional.of(Verdict.fail(uri + " is a cache's answer, " + Amount.time(kept.get())
                + " old: it says nothing of now", next));
        return header("date").flatMap(Answer::instant)
            .filter(made -> made.plus(oldest).plus(CLOCKS).isBefore(Instant.now()))
            .map(made ->
                Verdict.unknown(uri + " was answered at " + made
                + " by its own word: a cache keeps it, or a clock is wrong", next));
    }

    private static Optional<Instant> instant(String date) {
        try {
            return Optional.of(ZonedDateTime.parse(date, DateTimeFormatter.RFC_1123_DATE_TIME).toInstant());
        } catch (DateTimeParseException e) {
            return Optional.empty();
        }
    }

    boolean isRedirect() { return status >= 300 && status < 400 && header("location").isPresent(); }

    /** What it says, in one line, without tags. */
    String line() {
        return text().replaceAll("(?s)<script.*?</script>|<style.*?</style>|<[^>]*>", " ")
            .replaceAll("[\\s\\p{Cntrl}]+", " ").strip();
    }

    /** The beginning of what it says, for a message. */
    String excerpt() {
        var line = line();
        return line.isEmpty() ? "" : ": " + (line.length() > 100 ? line.substring(0, 100) + "…" : line);
    }
}
