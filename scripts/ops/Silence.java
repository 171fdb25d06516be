package ops;

import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Tells work from a lost answer. A statement may take hours, and has no limit while the server is at work on it; an answer that
 * was lost on the way would be waited for without end. So when nothing has come for a while, another session asks the server
 * what that one is doing; unless it is at work, the connection is ended.
 */
final class Silence {
    private final DatabaseUrl url;
    private final Settings settings;
    private final Connection connection;
    private final String backend;
    /** Whether waiting for somebody's lock is work: where the server has a limit for that itself. */
    private final boolean locksToo;
    private final Duration limit;
    private final Watch watch;
    /** Since when an answer is awaited; 0 while none is. */
    private final AtomicLong since = new AtomicLong();
    private volatile boolean asking, lost;

    /** @param backend the process of the server that the session is with */
    Silence(DatabaseUrl url, Settings settings, Connection connection, String backend, boolean locksToo) {
        this.url = url;
        this.settings = settings;
        this.connection = connection;
        this.backend = backend;
        this.locksToo = locksToo;
        limit = settings.seconds(Setting.DB_STALL_SECONDS);
        watch = Watch.every(Duration.ofMillis(Math.min(1000, limit.toMillis() / 4)), this::look);
    }

    /** An answer is awaited from now on; gives what {@link #ends} wants, since one may be awaited within another. */
    long begins() { return since.getAndSet(System.nanoTime()); }

    /** It is here. */
    void ends(long before) { since.set(before == 0 ? 0 : System.nanoTime()); }

    /** Whether the connection was ended here. */
    boolean wasLost() { return lost; }

    void stop() { watch.cancel(); }

    private void look() {
        var begun = since.get();
        if (begun == 0 || asking || System.nanoTime() - begun < limit.toNanos()) return;
        asking = true;
        var thread = new Thread(() -> judge(begun), "is it at work");
        thread.setDaemon(true);
        thread.start();
    }

    private void judge(long begun) {
        try {
            var atWork = isAtWork(url, settings, "pid = " + backend, locksToo);
            if (atWork) since.compareAndSet(begun, System.nanoTime());
            else if (since.get() == begun) end();
        } finally {
            asking = false;
        }
    }

    private void end() {
        lost = true;
        try {
            connection.abort(Runnable::run);
        } catch (SQLException e) {
            // it has ended already
        }
    }

    /**
     * Asks the server, on a session of its own, whether some other one is executing something, and waits neither for us nor
     * for a lock. No answer is none.
     *
     * @param which a condition on pg_stat_activity
     */
    static boolean isAtWork(DatabaseUrl url, Settings settings, String which, boolean locksToo) {
        try (var session = Database.brief(url, settings, "handover, is it at work")) {
            return session.one("select exists (select from pg_catalog.pg_stat_activity where " + which
                + " and state = 'active' and coalesce(wait_event_type, '') not in ('Client'" + (locksToo ? "" : ", 'Lock'") + "))").equals("t");
        } catch (Failure e) {
            return false;
        }
    }
}
