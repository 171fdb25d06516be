package ops;

import java.time.DateTimeException;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;

/** A moment in the name of a backup, a database or an object: UTC, to the second, and sorted as text it is sorted by time. */
public final class Stamp {
    private static final DateTimeFormatter FORM = DateTimeFormatter.ofPattern("yyyyMMdd'T'HHmmss'Z'").withZone(ZoneOffset.UTC);

    private static final Instant EARLIEST = Instant.parse("1996-01-01T00:00:00Z");
    private static final Instant LATEST = Instant.parse("2200-01-01T00:00:00Z");

    private Stamp() { }

    /** Whether somebody else's text is a time at all, as {@link Instant} writes it, and one of which a date can be made. */
    public static boolean isTime(String text) {
        try {
            var time = Instant.parse(text);
            // Neither before there was PostgreSQL nor after all who could restore it: further off, sums with it overflow.
            return time.isAfter(EARLIEST) && time.isBefore(LATEST);
        } catch (DateTimeException | NullPointerException e) {
            return false;
        }
    }

    public static String of(Instant time) { return FORM.format(time); }

    /** Throws a DateTimeException when it is none. */
    public static Instant parse(String stamp) throws DateTimeException { return FORM.parse(stamp, Instant::from); }
}
