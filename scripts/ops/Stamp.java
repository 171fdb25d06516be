package ops;

import java.time.DateTimeException;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;

/** A moment in the name of a backup, a database or an object: UTC, to the second, and sorted as text it is sorted by time. */
public final class Stamp {
    private static final DateTimeFormatter FORM = DateTimeFormatter.ofPattern("yyyyMMdd'T'HHmmss'Z'").withZone(ZoneOffset.UTC);

    private Stamp() { }

    public static String of(Instant time) { return FORM.format(time); }

    /** Throws a DateTimeException when it is none. */
    public static Instant parse(String stamp) throws DateTimeException { return FORM.parse(stamp, Instant::from); }
}
