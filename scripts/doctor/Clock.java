package doctor;

import java.time.Duration;
import java.time.Instant;
import ops.Amount;
import ops.Exit;

/** How far another machine's clock is from ours. */
final class Clock {
    private static final Duration WORTH_A_WORD = Duration.ofSeconds(60);
    /** S3 refuses requests from 15 minutes on; by then it is too late to find out why. */
    private static final Duration TOO_MUCH = Duration.ofMinutes(5);

    private Clock() { }

    /** @param before when it was asked, by our clock; {@code after} when it had answered */
    static Seen compare(Instant theirs, Instant before, Instant after) {
        var ours = before.plus(Duration.between(before, after).dividedBy(2));
        var skew = Duration.between(theirs, ours);
        var what = skew.abs().toMillis() < 1000 ? "the same time as here" : "this machine is " + Amount.time(skew.abs()) + (skew.isNegative() ? " behind" : " ahead");
        var fix = "see which of the two is wrong, and keep it right: timedatectl set-ntp true";
        if (skew.abs().compareTo(TOO_MUCH) > 0) return Seen.problem(Exit.FAILED, what + "; S3 refuses requests from 15 min on", fix);
        return skew.abs().compareTo(WORTH_A_WORD) > 0 ? Seen.warning(what, fix) : Seen.ok(what);
    }
}
