package migrations;

import java.time.Duration;
import ops.Amount;

/** How long a migration took. */
public record Timed(String file, Duration time) {
    public double seconds() { return Amount.seconds(time); }

    @Override public String toString() { return file + " " + Amount.time(time); }
}
