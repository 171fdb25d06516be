package smoke;

import java.time.Duration;

/** When a look has to end, for one that asks several times. */
record Deadline(long nanoTime) {
    private static final long LEAST = 1_000_000;

    static Deadline in(Duration limit) { return new Deadline(System.nanoTime() + limit.toNanos()); }

    /** What is left, at least a millisecond: whoever asks then is told that it was too late. */
    Duration left() { return Duration.ofNanos(Math.max(LEAST, nanoTime - System.nanoTime())); }
}
