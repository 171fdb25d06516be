package smoke;

import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import java.util.Optional;
import ops.Amount;
import ops.Failure;
import ops.Setting;
import ops.Settings;

/** Is the certificate good, and for how long still? */
final class Certificate {
    private final Site site;
    private final Trust trust;
    private final int warn, fail;

    Certificate(Site site, Trust trust, Settings settings) {
        this.site = site;
        this.trust = trust;
        var days = days(settings);
        warn = days[0];
        fail = days[1];
    }

    /** When to warn, and when to fail. Throws BadSetting. */
    static int[] days(Settings settings) {
        var days = settings.list(Setting.SMOKE_TLS_DAYS);
        try {
            return new int[] {Integer.parseInt(days.get(0)), Integer.parseInt(days.get(1))};
        } catch (NumberFormatException | IndexOutOfBoundsException e) {
            throw new Failure.BadSetting("SMOKE_TLS_DAYS is not two numbers of days: " + String.join(",", days), "it looks like 30,7: warn at 30, fail at 7");
        }
    }

    /** A good certificate is of no use to visitors who are sent on to plain http. */
    private Optional<Verdict> leads(Duration limit) throws InterruptedException {
        try {
            var answer = site.follow(site.address, Map.of(), limit);
            return Elsewhere.of(site.address, answer.way(), answer.uri());
        } catch (Verdict.Judged judged) {
            return Optional.empty(); // that is for the others to say
        }
    }

    Verdict look(Duration limit) throws Exception {
        if (!site.address.getScheme().equals("https")) return Verdict.fail(site.address + " is plain http: anybody on the way can read and change what visitors see", "serve it with TLS, and name the https address").forGood();
        var leads = leads(limit.dividedBy(2));
        if (leads.isPresent()) return leads.get();
        var ends = trust.certificate(site.address, limit.dividedBy(2)).getNotAfter().toInstant();
        var left = Duration.between(Instant.now(), ends).toDays();
        var what = "the certificate ends on " + Trust.day(ends) + ", in " + Amount.count(left, "day");
        var next = "renew it, and see why that was not done by itself";
        return (left < fail ? Verdict.fail(what, next).forGood() : left < warn ? Verdict.warning(what, next) : Verdict.pass(what)).ending(ends);
    }
}
