package migrations;

import ops.Database;
import ops.DatabaseUrl;
import ops.Failure;
import ops.Run;
import ops.Settings;

/** Looks, on a session of its own, who keeps another one waiting: when a lock timeout has struck, nobody can tell any more. */
final class Blockers implements AutoCloseable {
    private static final int MILLIS = 250, SAY_AFTER = 8;

    private final Run run;
    private final Database session;
    private final Thread looking;
    private volatile int watched;
    private volatile String last = "";
    private volatile boolean closed;

    Blockers(Run run, DatabaseUrl url, Settings settings) {
        this.run = run;
        session = Database.connect(url, settings, "handover migrations " + settings.env + ", who blocks");
        looking = new Thread(this::look, "who blocks");
        looking.setDaemon(true);
        looking.start();
    }

    /** From now on, whoever makes this session wait. */
    void of(Database waiting) {
        watched = Integer.parseInt(waiting.one("select pg_catalog.pg_backend_pid()"));
        last = "";
    }

    /** Who was last seen to; empty when nobody was. */
    String last() { return last; }

    private void look() {
        var seen = 0;
        while (!closed) {
            try {
                var who = watched == 0 ? "" : now();
                seen = who.isEmpty() ? 0 : seen + 1;
                if (!who.isEmpty()) last = who;
                if (seen == SAY_AFTER) run.console.say("waiting for a lock that is held by " + who);
                Thread.sleep(MILLIS);
            } catch (Failure | InterruptedException e) {
                return; // it is only for the message
            }
        }
    }

    private String now() {
        return String.join("; ", session.rows("""
            select format('process %s (%s%s, %s since %s UTC%s)', pid, coalesce('role ' || usename, backend_type), coalesce(nullif(', ' || application_name, ', '), ''), coalesce(state, 'at work'),
                to_char(coalesce(xact_start, backend_start) at time zone 'UTC', 'HH24:MI:SS'), coalesce(': ' || left(regexp_replace(query, '\\s+', ' ', 'g'), 80), ''))
            from pg_catalog.pg_stat_activity where pid = any(pg_catalog.pg_blocking_pids(?)) order by pid""", row -> row[0], watched));
    }

    @Override public void close() {
        closed = true;
        session.close();
    }
}
