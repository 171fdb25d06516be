package smoke;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import ops.Amount;
import ops.Setting;
import ops.Settings;

/** Does the API usually answer within its budget? One slow answer of five is worth a warning and no alarm. */
final class ApiTime {
    private static final int REQUESTS = 5;
    private static final int MEMBERS_OF_ERROR = 4;
    private static final String CODE = "[45]\\d\\d|PGRST\\w+|\\w*(error|not?_|invalid|expired|denied|forbidden"
        + "|unauthori[sz]ed|unauthenticated|missing)\\w*";
    private static final Pattern XML_ERROR =
        Pattern.compile("(?i)^\\s*(<\\?xml[^>]*>)?\\s*<(\\w+:)?(error|errors|fault|exception)\\b");
    /** A list may be kept for an hour; what is older says nothing of today's release. */
    private static final Duration OLDEST = Duration.ofHours(1);

    private final Site site;
    private final String path;
    private final Duration budget;

    ApiTime(Site site, Settings settings) {
        this.site = site;
        path = settings.get(Setting.SMOKE_API_PATH).orElse(settings.require(Setting.SMOKE_HEALTH_PATH));
        budget = settings.seconds(Setting.SMOKE_API_SECONDS);
    }

    Verdict look(Duration limit) throws Exception {
        var deadline = Deadline.in(limit);
        var waiting = Waiting.own();
        var times = new ArrayList<Duration>();
        for (var i = 0; i < REQUESTS; i++) {
            var answer = site.own(site.at(path), deadline.left());
            var wrong = wrong(answer);
            if (wrong.isPresent())
                return Verdict.fail(answer.uri() + " answers " + answer.status() + wrong.get(),
                    path.equals(Setting.SMOKE_HEALTH_PATH.fallback) && (answer.status() == 404 || answer.isHtml())
                        ? Health.NAME_IT : "see the application's log; the path is set in SMOKE_API_PATH");
            var old = answer.olderThan(OLDEST);
            if (old.isPresent()) return old.get();
            times.add(answer.took());
        }
        times.sort(null);
        var median = times.get(REQUESTS / 2);
        var worst = times.get(REQUESTS - 1);
        var what = site.at(path).getRawPath() + ": median " + milliseconds(median) + ", worst " + milliseconds(worst) + " of " + REQUESTS;
        var next = "see what the server and its database are busy with; SMOKE_API_SECONDS is the budget";
        if (median.compareTo(budget) > 0)
            return Verdict.fail(what + ", over the budget of " + Amount.time(budget), next).unless(waiting.tooLong());
        if (worst.compareTo(budget) > 0) return Verdict.warning(what + ", the latter over the budget of " + Amount.time(budget), next);
        return Verdict.pass(what + ", within " + Amount.time(budget));
    }

    /** Why it is no answer of the API, if it is none: how fast a host gives out its error page says nothing. */
    private static Optional<String> wrong(Answer answer) {
        if (answer.status() != 200) return Optional.of(answer.excerpt());
        if (answer.text().isBlank()) return Optional.of(" with nothing in it");
        var json = answer.json();
        if (json.isEmpty() && answer.isHtml())
            return Optional.of(" with an HTML page, as hosts do where there is no API" + answer.excerpt());
        if (json.isEmpty() && answer.type().matches("(.*/|.*\\+)json"))
            return Optional.of(" with '" + answer.type() + "' that is no JSON" + answer.excerpt());
        var line = answer.line();
        if (json.isEmpty() && XML_ERROR.matcher(answer.text()).find())
            return Optional.of(" with an error" + answer.excerpt());
        if (json.isEmpty()) return ErrorWords.of(Stream.of(), line, line).map(error -> " with " + error.what());
        return isError(json.get()) ? Optional.of(" with an error" + answer.excerpt()) : Optional.empty();
    }

    private static boolean isError(JsonElement json) {
        // What PHP makes of a query that failed, and JavaScript of nothing.
        if (!json.isJsonObject()) return json.isJsonNull() || isWord(json, "|false") || isErrorText(json);
        var members = json.getAsJsonObject();
        return members.entrySet().stream().anyMatch(member -> isError(members, member.getKey(), member.getValue()));
    }

    private static boolean isError(JsonObject members, String name, JsonElement value) {
        // A thing of the shop has an identity; its state is its own.
        var thing = members.has("id");
        return switch (name.toLowerCase(Locale.ROOT)) {
            // Alone and empty it is what Express makes of an Error.
            case "error", "errors", "exception", "erreur", "erreurs", "fault" ->
                isSomething(value) || members.size() == 1 && value.isJsonObject();
            case "errormessage", "error_message", "errmsg" -> members.size() <= MEMBERS_OF_ERROR && isSomething(value)
                && !isWord(value, "ok|success|none");
            case "data" -> members.size() == 1 && value.isJsonNull();
            case "ok", "success" -> isWord(value, "false");
            case "status", "statuscode", "status_code" -> isWord(value, "[45]\\d\\d")
                || !thing && isWord(value, "errors?|fail|failed|failure|nok|ko|down|unavailable|unhealthy");
            case "type", "result" -> !thing && isWord(value, "errors?|fail|failed|failure");
            // Many things have a code; only errors have little else than a message beside it.
            case "code" -> members.has("message") && isWord(value, CODE);
            case "message", "detail", "msg", "hydra:title" ->
                !thing && members.size() <= MEMBERS_OF_ERROR && isErrorText(value);
            case "title" -> !thing && members.has("type") && isErrorText(value);
            default -> false;
        };
    }

    private static boolean isWord(JsonElement value, String word) {
        return value.isJsonPrimitive() && value.getAsString().matches("(?i)" + word);
    }

    private static boolean isErrorText(JsonElement value) {
        return value.isJsonPrimitive() && ErrorWords.of(value.getAsString()).isPresent();
    }

    private static boolean isSomething(JsonElement value) {
        if (value.isJsonArray()) return !value.getAsJsonArray().isEmpty();
        if (value.isJsonObject()) return !value.getAsJsonObject().isEmpty();
        return value.isJsonPrimitive() && !value.getAsString().matches("|0|false");
    }

    private static String milliseconds(Duration time) { return time.toMillis() < 10_000 ? time.toMillis() + " ms" : Amount.time(time); }
}
