package ops;

import java.time.Instant;
import java.util.Optional;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;

/**
 * The object {@code running.json} in a folder that has no seal yet: a run is at work there, which renews it every hour.
 * Without it, nobody could tell an upload of 30 hours from what a killed run has left. What counts is when the store took
 * it; what is in it is for a person who looks.
 */
final class SignOfLife implements AutoCloseable {
    static final String NAME = "running.json";
    private static final int HOURS = 1;

    private record Running(String by, String kit) { }

    private final Run run;
    private final Store store;
    private final String key;
    private final ScheduledExecutorService renewing = Executors.newSingleThreadScheduledExecutor(body -> {
        var thread = new Thread(body, "sign of life");
        thread.setDaemon(true);
        return thread;
    });
    private boolean given;
    private boolean closed;

    /** Gives it from now on; a store that does not take it is no reason to end: it will say so of the backup too. */
    SignOfLife(Run run, Store store, BackupFolder folder) {
        this.run = run;
        this.store = store;
        key = folder.key() + NAME;
        renewing.scheduleWithFixedDelay(() -> run.undo.act(() -> { give(); return null; }), 0, HOURS, TimeUnit.HOURS);
    }

    /** When a run last gave one in a folder, by the store's clock; empty when none has. */
    static Optional<Instant> last(Store store, BackupFolder folder) {
        return store.head(folder.key() + NAME).map(Store.Head::modified);
    }

    private synchronized void give() {
        if (closed) return;
        try {
            given = true; // also when only the answer is lost
            store.put(key, Json.bytes(new Running(Host.operator(), Ops.VERSION)));
        } catch (Failure e) {
            run.console.detail("no sign of life could be given: " + e.getMessage());
        }
    }

    /** Takes it away. Where these credentials may not, it stays, and counts no more once there is a seal or a day has passed. */
    @Override public void close() {
        renewing.shutdownNow();
        synchronized (this) {
            if (closed) return;
            closed = true;
            if (!given) return;
        }
        try {
            store.deleteUnlessRefused(key);
        } catch (Failure e) {
            run.console.detail("the sign of life stays: " + e.getMessage());
        }
    }
}
