package smoke;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import java.time.Duration;
import java.util.Optional;
import ops.Setting;
import ops.Settings;

/** Does the health endpoint say ok, three times running, and nothing in it the contrary? */
public final class Health {
    /** In the place of a path: the site has no such endpoint, as one of files alone. */
    static final String NONE = "none";
    /** What to do where nobody has said whether there is one. */
    public static final String NAME_IT =
        "name its path: SMOKE_HEALTH_PATH; or, if the site has none: SMOKE_HEALTH_PATH=" + NONE;
    private static final int TIMES = 3;
    private static final int LONGEST_WORD = 40;
    private static final Duration OLDEST = Duration.ofMinutes(1);

    private final Site site;
    private final String path;
    private final boolean isNamed;

    Health(Site site, Settings settings) {
        this.site = site;
        path = settings.require(Setting.SMOKE_HEALTH_PATH);
        isNamed = !path.equals(Setting.SMOKE_HEALTH_PATH.fallback);
    }

    Verdict look(Duration limit) throws Exception {
        var deadline = Deadline.in(limit);
        Verdict last = null;
        for (var i = 0; i < TIMES; i++) {
            last = judge(site.own(site.at(path), deadline.left()));
            if (!last.passed()) return last;
        }
        return new Verdict(last.outcome(), last.what() + ", " + TIMES + " times running", last.next(), false);
    }

    /** What ASP.NET and many servers by hand say: one word, and no JSON. */
    private static Optional<JsonObject> inPlainText(Answer answer) {
        var line = answer.text().strip();
        var isWord = !line.isEmpty() && line.length() <= LONGEST_WORD && line.lines().count() == 1;
        if (!isWord || !answer.type().equals("text/plain")) return Optional.empty();
        var said = new JsonObject();
        said.addProperty("status", line);
        return Optional.of(said);
    }

    private Verdict judge(Answer answer) {
        var next = "see the application's log; the path is set in SMOKE_HEALTH_PATH";
        if (answer.status() == 404 && !isNamed)
            return Verdict.fail(answer.uri() + " answers 404: there is no health endpoint", NAME_IT);
        if (answer.status() != 200) return Verdict.fail(answer.uri() + " answers " + answer.status() + answer.excerpt(), next);
        var json = answer.json().filter(JsonElement::isJsonObject).map(JsonElement::getAsJsonObject)
            .or(() -> inPlainText(answer));
        if (json.isEmpty()) {
            var what = answer.isHtml() ? "an HTML page" : "something";
            return Verdict.fail(answer.uri() + " answers 200 with " + what + " that is no JSON object"
                + answer.excerpt(),
                isNamed ? "is it the health endpoint? The path is set in SMOKE_HEALTH_PATH" : NAME_IT).forGood();
        }
        var old = answer.olderThan(OLDEST);
        if (old.isPresent()) return old.get();
        var report = HealthReport.of(json.get());
        var says = answer.uri() + " answers 200 and says ";
        var bad = report.first(StatusWord.BAD);
        if (bad.isPresent()) return Verdict.fail(says + bad.get(), next);
        var unknown = report.first(StatusWord.UNKNOWN);
        if (report.good().isEmpty()) {
            var verdict = Verdict.fail(answer.uri() + " answers 200 and does not say ok" + answer.excerpt(),
                "it should have \"status\": \"ok\"; the path is set in SMOKE_HEALTH_PATH");
            return unknown.isPresent() ? verdict : verdict.forGood();
        }
        if (unknown.isPresent())
            return Verdict.unknown(says + unknown.get() + ": whether that is good can't be told",
                "have it say ok, up or pass where it is well, and down where it is not");
        var warning = report.first(StatusWord.WARNING);
        if (warning.isPresent()) return Verdict.warning(says + warning.get(), next);
        return Verdict.pass(answer.uri().getRawPath() + " says " + report.good().get());
    }
}
