package ops;

import java.math.BigDecimal;
import java.time.Duration;
import java.time.Instant;

/**
 * Whether this machine, the store and the database agree what time it is. What is written under a wrong clock stands at
 * a wrong place in time: it hides newer backups, or is pruned as an old one.
 */
public final class Clocks {
    private static final Duration WORTH_A_WORD = Duration.ofMinutes(2);
    private static final String SET = "see which is wrong (date -u on each), and set it: timedatectl set-ntp true; then run this again";

    private Clocks() { }

    /** Throws Refused when the store, which has answered by now, has another time than this machine. Warns of less. */
    public static void refuse(Run run, Store store) {
        store.clockOffset().ifPresent(ahead -> compare(run, "the store's", ahead, "this machine's"));
    }

    /**
     * The same, and of the database's clock against the store's: by the one a backup has its time, by the other it is judged.
     *
     * @param database how far its clock is ahead of this machine's
     */
    public static void refuse(Run run, Store store, Duration database) {
        refuse(run, store);
        compare(run, "the database's", database.minus(store.clockOffset().orElse(Duration.ZERO)), "the store's");
    }

    /** How far the database's clock is ahead of this machine's. */
    public static Duration ofDatabase(Database database) {
        var before = Instant.now();
        var millis = new BigDecimal(database.one("select pg_catalog.date_part('epoch', pg_catalog.clock_timestamp())::pg_catalog.numeric")).movePointRight(3).longValue();
        var ours = before.plus(Duration.between(before, Instant.now()).dividedBy(2));
        return Duration.between(ours, Instant.ofEpochMilli(millis));
    }

    private static void compare(Run run, String theirs, Duration ahead, String ours) {
        var differ = theirs + " clock is " + Amount.time(ahead.abs()) + (ahead.isNegative() ? " behind " : " ahead of ") + ours;
        if (ahead.abs().compareTo(Sealed.CLOCKS_DIFFER) > 0) throw new Failure.Refused(differ + ": times that are written now would be wrong", SET);
        if (ahead.abs().compareTo(WORTH_A_WORD) > 0) run.console.warn(differ + ": " + SET);
    }
}
