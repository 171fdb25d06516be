package smoke;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import ops.Amount;

/**
 * How long the threads of this process, and the first thread of each that it has started, have wanted a processor and got
 * none: what was slow in that time may be this machine, and not what was looked at. Linux tells it, in
 * {@code /proc/N/task/N/schedstat}.
 */
public final class Waiting {
    /** Who had a processor for less than two thirds of its time can't tell what it has not got in that time. */
    private static final int SHARE = 3;

    private final Map<Path, Long> before = nanoseconds();
    private final long begun = System.nanoTime();

    /** In words, when it was so long since this was made that nothing can be told; else empty. */
    public Optional<String> tooLong() { return tooLong(longest(), Duration.ofNanos(System.nanoTime() - begun)); }

    /**
     * The same.
     *
     * @param waited the longest that one thread has waited; zero where the system does not say
     * @param time in which it has
     */
    public static Optional<String> tooLong(Duration waited, Duration time) {
        if (waited.multipliedBy(SHARE).compareTo(time) < 0) return Optional.empty();
        return Optional.of("this machine is too busy to tell: for " + Amount.time(waited) + " of " + Amount.time(time)
            + " it had no processor to look with");
    }

    private Duration longest() {
        return Duration.ofNanos(nanoseconds().entrySet().stream()
            .mapToLong(each -> each.getValue() - before.getOrDefault(each.getKey(), 0L)).max().orElse(0));
    }

    /** Of each thread, since it began. */
    private static Map<Path, Long> nanoseconds() {
        var self = ProcessHandle.current();
        // Work that can wait has threads of its own in other programs, as in Java its compilers have.
        var others = self.descendants().map(each -> Path.of("/proc/" + each.pid() + "/task/" + each.pid()));
        var all = new HashMap<Path, Long>();
        Stream.concat(own(), others).forEach(thread -> {
            try {
                if (Files.readString(thread.resolve("comm")).matches("(?s)C[12] Comp.*")) return;
                all.put(thread, Long.parseLong(Files.readString(thread.resolve("schedstat")).split(" ")[1]));
            } catch (IOException e) {
                // it has ended, or this is no Linux
            }
        });
        return all;
    }

    private static Stream<Path> own() {
        try (var threads = Files.list(Path.of("/proc/self/task"))) {
            return threads.toList().stream();
        } catch (IOException e) {
            return Stream.empty();
        }
    }
}
