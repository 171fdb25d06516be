package smoke;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;
import java.util.stream.Stream;
import ops.Amount;

/**
 * How long threads have wanted a processor and got none: what was slow in that time may be this machine, and not what
 * was looked at. Linux tells it, in {@code /proc/N/task/N/schedstat}.
 */
public final class Waiting {
    private final Supplier<Stream<Path>> threads;
    private final Map<Path, Long> before;
    private final long begun = System.nanoTime();

    private Waiting(Supplier<Stream<Path>> threads) {
        this.threads = threads;
        before = nanoseconds();
    }

    /** Of this process, from now on; but for Java's compilers: what they have not come to runs all the same. */
    public static Waiting own() { return new Waiting(Waiting::ownThreads); }

    /** Of the processes that this one has started, from now on: the first thread of each. */
    public static Waiting ofStarted() {
        return new Waiting(() -> ProcessHandle.current().descendants()
            .map(each -> Path.of("/proc/" + each.pid() + "/task/" + each.pid())));
    }

    /** In words, when one of them has waited for most of the time; else empty. */
    public Optional<String> tooLong() {
        var longest = nanoseconds().entrySet().stream()
            .mapToLong(each -> each.getValue() - before.getOrDefault(each.getKey(), 0L)).max().orElse(0);
        return tooLong(Duration.ofNanos(longest), Duration.ofNanos(System.nanoTime() - begun));
    }

    /**
     * The same.
     *
     * @param waited the longest that one thread has waited; zero where the system does not say
     * @param time in which it has
     */
    public static Optional<String> tooLong(Duration waited, Duration time) {
        if (waited.multipliedBy(2).compareTo(time) < 0) return Optional.empty();
        return Optional.of("this machine is too busy to tell: for " + Amount.time(waited) + " of " + Amount.time(time)
            + " it had no processor to look with");
    }

    /** Of each thread, since it began. */
    private Map<Path, Long> nanoseconds() {
        var all = new HashMap<Path, Long>();
        threads.get().forEach(thread -> {
            try {
                all.put(thread, Long.parseLong(Files.readString(thread.resolve("schedstat")).split(" ")[1]));
            } catch (IOException e) {
                // it has ended, or this is no Linux
            }
        });
        return all;
    }

    private static Stream<Path> ownThreads() {
        try (var threads = Files.list(Path.of("/proc/self/task"))) {
            return threads.filter(thread -> !isCompiler(thread)).toList().stream();
        } catch (IOException e) {
            return Stream.empty();
        }
    }

    private static boolean isCompiler(Path thread) {
        try {
            return Files.readString(thread.resolve("comm")).matches("(?s)C[12] Comp.*");
        } catch (IOException e) {
            return true; // it has ended
        }
    }
}
