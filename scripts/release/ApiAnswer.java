package release;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import java.time.Duration;
import java.time.Instant;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.time.format.DateTimeParseException;
import java.util.Optional;

/**
 * What came back from a provider's API.
 *
 * @param body null when the text is no JSON: a proxy's page, most likely
 */
record ApiAnswer(int status, JsonElement body, String text, Optional<String> retryAfter) {
    static JsonElement parse(String text) {
        try {
            return text.isBlank() ? new JsonObject() : JsonParser.parseString(text);
        } catch (JsonParseException e) {
            return null;
        }
    }

    /** Whether it says nothing of what was asked for, and the next one may. */
    boolean isPassing() { return status >= 500 || status == 429 || body == null; }

    /** How long the provider asks to wait, in seconds or until a date; empty when it does not. */
    Optional<Duration> asksToWait() {
        return retryAfter.map(String::strip).flatMap(said -> {
            if (said.matches("[0-9]{1,6}")) return Optional.of(Duration.ofSeconds(Integer.parseInt(said)));
            try {
                var until = ZonedDateTime.parse(said, DateTimeFormatter.RFC_1123_DATE_TIME).toInstant();
                var left = Duration.between(Instant.now(), until);
                return Optional.of(left.isNegative() ? Duration.ZERO : left);
            } catch (DateTimeParseException e) {
                return Optional.empty();
            }
        });
    }

    /** Cloudflare's word for a path in which a name is none of its own. */
    boolean isUnroutable() { return code().equals("7003"); }

    /** Cloudflare's number for what is wrong; empty without one. */
    String code() { return first().flatMap(error -> Api.text(error, "code")).orElse(""); }

    private Optional<JsonElement> first() { return body instanceof JsonObject object && object.get("errors") instanceof JsonArray errors && !errors.isEmpty() ? Optional.of(errors.get(0)) : Optional.empty(); }

    /** The provider's own words, behind a colon; empty when it has none. */
    String quote() {
        var said = body == null ? Optional.of(text).filter(words -> !words.isBlank())
            : Api.text(body, "error", "message").or(() -> Api.text(body, "message")).or(() -> first().flatMap(error -> Api.text(error, "message")).map(message -> message + " (" + code() + ")"));
        return said.map(words -> ": " + Api.plain(words)).orElse("");
    }
}
