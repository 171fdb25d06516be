package smoke;

import com.google.gson.JsonElement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Stream;
import ops.Amount;
import ops.Setting;
import ops.Settings;

/** Does the API usually answer within its budget? One slow answer of five is worth a warning and no alarm. */
final class ApiTime {
    private static final int REQUESTS = 5;
    private static final int MEMBERS_OF_ERROR = 4;
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
        var what = path + ": median " + milliseconds(median) + ", worst " + milliseconds(worst) + " of " + REQUESTS;
        var next = "see what the server and its database are busy with; SMOKE_API_SECONDS is the budget";
        if (median.compareTo(budget) > 0) return Verdict.fail(what + ", over the budget of " + Amount.time(budget), next);
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
        if (json.isEmpty()) return ErrorWords.of(Stream.of(), line, line).map(error -> " with " + error.what());
        return isError(json.get()) ? Optional.of(" with an error" + answer.excerpt()) : Optional.empty();
    }

    private static boolean isError(JsonElement json) {
        if (!json.isJsonObject()) return json.isJsonNull() || isErrorText(json);
        var members = json.getAsJsonObject();
        return members.entrySet().stream().anyMatch(member -> switch (member.getKey().toLowerCase(Locale.ROOT)) {
            case "error", "errors", "exception" -> isSomething(member.getValue());
            case "ok", "success" -> isWord(member.getValue(), "false");
            case "status", "statuscode", "status_code" ->
                isWord(member.getValue(), "[45]\\d\\d|error|errors|fail|failed|failure|ko|down|unavailable|unhealthy");
            // Many things have a code; only errors have little else than a message beside it.
            case "code" -> members.has("message") && isWord(member.getValue(), "[45]\\d\\d|PGRST\\w+|\\w*error\\w*");
            case "message", "detail" -> members.size() <= MEMBERS_OF_ERROR && isErrorText(member.getValue());
            default -> false;
        });
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
