package ops;

import java.time.Duration;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;

/**
 * How far a stream of bytes is: amount, rate and time left, redrawn on a terminal; a line a minute in a log.
 *
 * <p>me.tongfei:progressbar would do it too, but brings a terminal library that has to be loaded at every start.
 */
public final class Progress implements AutoCloseable {
    private final ScheduledExecutorService clock = Executors.newSingleThreadScheduledExecutor(body -> {
        var thread = new Thread(body, "progress");
        thread.setDaemon(true);
        return thread;
    });
    private final long begun = System.nanoTime();

    /** @param expected bytes in all, as far as one can know before; 0 when one can't */
    public Progress(Console console, String name, LongSupplier done, long expected) {
        if (console.terminal())
            clock.scheduleAtFixedRate(() -> console.progress("  " + line(name, done.getAsLong(), expected)), 500, 250, TimeUnit.MILLISECONDS);
        else
            clock.scheduleAtFixedRate(() -> console.say(line(name, done.getAsLong(), expected)), 60, 60, TimeUnit.SECONDS);
    }

    private String line(String name, long done, long expected) {
        var seconds = (System.nanoTime() - begun) / 1e9;
        var rate = done / seconds;
        var line = name + "  " + Amount.bytes(done) + "  " + Amount.bytes((long) rate) + "/s";
        // The expected size is the server's, the dump's may be larger: better no promise than a wrong one.
        if (done == 0 || expected <= done) return line;
        return line + "  " + 100 * done / expected + " %  about " + Amount.time(Duration.ofSeconds((long) ((expected - done) / rate))) + " left";
    }

    @Override public void close() { clock.shutdownNow(); }
}
