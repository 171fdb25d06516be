package release;

import java.io.IOException;
import java.time.Duration;
import java.util.Optional;

/** Looks until there is something to see, or time is up: quickly at first, for most of what is waited for is there at once. */
final class Wait {
    interface Look<T> { Optional<T> look() throws IOException, InterruptedException; }

    private static final Duration FIRST = Duration.ofMillis(200), LONGEST = Duration.ofSeconds(2);

    private Wait() { }

    static <T> Optional<T> until(Duration limit, Look<T> look) throws IOException, InterruptedException {
        var end = System.nanoTime() + limit.toNanos();
        for (var pause = FIRST; ; pause = pause.multipliedBy(3).dividedBy(2)) {
            var seen = look.look();
            if (seen.isPresent() || System.nanoTime() + pause.toNanos() > end) return seen;
            if (pause.compareTo(LONGEST) > 0) pause = LONGEST;
            Thread.sleep(pause.toMillis());
        }
    }
}
