package smoke;

import java.time.Duration;
import java.util.ArrayList;
import ops.Amount;
import ops.Setting;
import ops.Settings;

/** Does the API usually answer within its budget? One slow answer of five is worth a warning and no alarm. */
final class ApiTime {
    private static final int REQUESTS = 5;

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
            var answer = site.get(site.at(path), deadline.left());
            if (answer.status() != 200) return Verdict.fail(answer.uri() + " answers " + answer.status() + answer.excerpt(), "see the application's log; the path is set in SMOKE_API_PATH");
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

    private static String milliseconds(Duration time) { return time.toMillis() < 10_000 ? time.toMillis() + " ms" : Amount.time(time); }
}
