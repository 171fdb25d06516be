package ops;

import java.time.Duration;
import java.time.Instant;
import java.util.Locale;

/** Sizes, durations and ages as a person reads them. Sizes are decimal: 1 MB is 1,000,000 bytes. */
public final class Amount {
    private Amount() { }

    public static String bytes(long bytes) {
        if (bytes < 1000) return bytes + " B";
        double value = bytes;
        var unit = -1;
        while (value >= 999.5 && unit < 3) { value /= 1000; unit++; }
        return String.format(Locale.ROOT, value < 10 ? "%.2f %s" : value < 100 ? "%.1f %s" : "%.0f %s",
            value, new String[] {"kB", "MB", "GB", "TB"}[unit]);
    }

    /** As in "1 table" and "1,000 tables", of a word that takes an s when there are several. */
    public static String count(long number, String one) {
        return String.format(Locale.ROOT, "%,d %s", number, one) + (number == 1 ? "" : "s");
    }

    public static String time(Duration time) {
        if (time.toSeconds() < 60) return String.format(Locale.ROOT, "%.1f s", time.toMillis() / 1000.0);
        if (time.toMinutes() < 60) return String.format("%d min %02d s", time.toMinutes(), time.toSecondsPart());
        return String.format("%d h %02d min", time.toHours(), time.toMinutesPart());
    }

    /** How long ago something was; what lies ahead of now by more than clocks may differ is never called new. */
    public static String age(Instant then, Instant now) {
        var age = Duration.between(then, now);
        if (age.negated().compareTo(Sealed.CLOCKS_DIFFER) > 0) return "IN THE FUTURE, in " + distance(age.negated());
        if (age.toMinutes() < 1) return "just now";
        return distance(age) + " ago";
    }

    private static String distance(Duration time) {
        if (time.toMinutes() < 120) return time.toMinutes() + " min";
        if (time.toHours() < 48) return time.toHours() + " h";
        return count(time.toDays(), "day");
    }

    /** Seconds with one millisecond's precision, for JSON. */
    public static double seconds(Duration time) { return time.toMillis() / 1000.0; }
}
