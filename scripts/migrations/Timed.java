package migrations;

import java.time.Duration;
import java.time.Instant;
import ops.Amount;

/** How long a migration took. */
public record Timed(String file, double seconds) {
    static Timed since(Instant begun, MigrationFile file) { return new Timed(file.fileName(), Amount.seconds(Duration.between(begun, Instant.now()))); }

    @Override public String toString() { return file + " " + Amount.time(Duration.ofMillis(Math.round(seconds * 1000))); }
}
