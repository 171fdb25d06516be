package smoke;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import java.time.Duration;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import ops.Setting;
import ops.Settings;

/** Does the health endpoint say ok, three times running, and nothing in it the contrary? */
final class Health {
    private static final int TIMES = 3;
    private static final Set<String> GOOD = Set.of("ok", "healthy", "up", "pass", "true", "alive", "ready", "connected");
    private static final Set<String> BAD = Set.of("ko", "down", "fail", "failed", "failing", "error", "unhealthy", "degraded", "disconnected", "unavailable", "outage");
    /** Fields that say how things are; only in these is false bad: "maintenance": false is not. */
    private static final Set<String> TELLING = Set.of("status", "state", "ok", "healthy", "health", "up", "alive", "ready", "connected", "database", "db");

    private final Site site;
    private final String path;

    Health(Site site, Settings settings) {
        this.site = site;
        path = settings.require(Setting.SMOKE_HEALTH_PATH);
    }

    Verdict look(Duration limit) throws Exception {
        var deadline = Deadline.in(limit);
        Verdict last = null;
        for (var i = 0; i < TIMES; i++) {
            last = judge(site.get(site.at(path), deadline.left()));
            if (!last.passed()) return last;
        }
        return Verdict.pass(last.what() + ", " + TIMES + " times running");
    }

    private Verdict judge(Answer answer) {
        var next = "see the application's log; the path is set in SMOKE_HEALTH_PATH";
        if (answer.status() != 200) return Verdict.fail(answer.uri() + " answers " + answer.status() + answer.excerpt(), next);
        JsonElement json;
        try {
            json = JsonParser.parseString(answer.text());
        } catch (JsonParseException e) {
            json = null;
        }
        if (json == null || !json.isJsonObject())
            return Verdict.fail(answer.uri() + " answers 200 with " + (answer.isHtml() ? "an HTML page" : "something") + " that is no JSON object" + answer.excerpt(), "is it the health endpoint? The path is set in SMOKE_HEALTH_PATH").forGood();
        var bad = contrary(json, "", "");
        if (bad.isPresent()) return Verdict.fail(answer.uri() + " answers 200 and says " + bad.get(), next);
        var good = says(json.getAsJsonObject());
        if (good.isEmpty()) return Verdict.fail(answer.uri() + " answers 200 and does not say ok" + answer.excerpt(), "it should have \"status\": \"ok\"; the path is set in SMOKE_HEALTH_PATH").forGood();
        return Verdict.pass(answer.uri().getRawPath() + " says " + good.get());
    }

    private static Optional<String> says(JsonObject json) {
        return json.entrySet().stream().filter(entry -> TELLING.contains(entry.getKey().toLowerCase(Locale.ROOT)) && GOOD.contains(word(entry.getValue())))
            .map(entry -> entry.getKey() + " " + word(entry.getValue())).findFirst();
    }

    /** The first thing that is said to be bad, at any depth. */
    private static Optional<String> contrary(JsonElement json, String field, String where) {
        if (json.isJsonPrimitive()) {
            var bad = BAD.contains(word(json)) || word(json).equals("false") && TELLING.contains(field.toLowerCase(Locale.ROOT));
            return bad ? Optional.of(where + " " + word(json)) : Optional.empty();
        }
        if (json.isJsonObject()) return json.getAsJsonObject().entrySet().stream().flatMap(entry -> contrary(entry.getValue(), entry.getKey(), where + (where.isEmpty() ? "" : ".") + entry.getKey()).stream()).findFirst();
        if (json.isJsonArray()) return json.getAsJsonArray().asList().stream().flatMap(each -> contrary(each, field, where).stream()).findFirst();
        return Optional.empty();
    }

    private static String word(JsonElement json) { return json.isJsonPrimitive() ? json.getAsString().strip().toLowerCase(Locale.ROOT) : ""; }
}
