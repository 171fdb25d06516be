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

    public static String time(Duration time) {
        if (time.toSeconds() < 60) return String.format(Locale.ROOT, "%.1f s", time.toMillis() / 1000.0);
        if (time.toMinutes() < 60) return String.format("%d min %02d s", time.toMinutes(), time.toSecondsPart());
        return String.format("%d h %02d min", time.toHours(), time.toMinutesPart());
    }

    public static String age(Instant then, Instant now) {
        var age = Duration.between(then, now);
        if (age.toMinutes() < 1) return "just now";
        if (age.toMinutes() < 120) return age.toMinutes() + " min ago";
        if (age.toHours() < 48) return age.toHours() + " h ago";
        return age.toDays() + " days ago";
    }

    /** Seconds with one millisecond's precision, for JSON. */
    public static double seconds(Duration time) { return time.toMillis() / 1000.0; }
}
