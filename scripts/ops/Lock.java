package ops;

import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.List;
import java.util.stream.Stream;

/**
 * The lock of an environment: PostgreSQL advisory locks on a session of its own, so that it frees itself when the run
 * dies, on any machine.
 *
 * <p>It is taken in the database {@code postgres}, since a restore renames the environment's own; where the role can't
 * connect to that one, in the environment's own. Locks of different databases don't exclude each other, so whoever has taken
 * his looks for others' in all of them.
 *
 * <p>A session can end while its run goes on: a fail-over, an operator. So it is asked for every few seconds, which also
 * keeps the line open, and once more by {@link #makeSure} before whatever can't be undone.
 */
public final class Lock implements AutoCloseable {
    /** "HAND" in ASCII: keeps our locks apart from the application's. */
    private static final int OURS = 0x48414E44;
    private static final int SECONDS_BETWEEN_QUESTIONS = 10;

    private final Run run;
    private final Database session;
    private final String env;
    private final int environment;
    private final int backup;
    private String process;
    /** Whether the run is to end as soon as the lock is lost. */
    private volatile boolean ending;
    private volatile boolean closed;

    private Lock(Run run, Database session, DatabaseUrl url, String env) {
        this.run = run;
        this.session = session;
        this.env = env;
        environment = key(url, env, "environment");
        backup = key(url, env, "backup");
    }

    /**
     * Takes the locks of a backup: the environment's shared, since it must not be restored or deployed meanwhile, and
     * the backup's own, since two backups at once only load the server. Released when the run ends, which it does with
     * Unclear as soon as they are lost.
     *
     * @param patience how long to wait for whoever holds them
     */
    public static Lock forBackup(Run run, DatabaseUrl url, Settings settings, Duration patience) throws InterruptedException {
        return take(run, url, settings, "backup-db", true, true, patience);
    }

    /**
     * Takes the locks of a restore: everything of the environment, for itself alone. Released when the run ends, which it
     * does with Unclear as soon as they are lost.
     *
     * @param patience how long to wait for whoever holds them
     */
    public static Lock forRestore(Run run, DatabaseUrl url, Settings settings, Duration patience) throws InterruptedException {
        return take(run, url, settings, "restore-db", false, true, patience);
    }

    /** The same, for rows that come back from a backup. */
    public static Lock forRows(Run run, DatabaseUrl url, Settings settings, Duration patience) throws InterruptedException {
        return take(run, url, settings, "rows", false, true, patience);
    }

    /** The same for a deploy or a rollback, by the name of its script; these end only where they make sure of it. */
    public static Lock forDeploy(Run run, DatabaseUrl url, Settings settings, String script, Duration patience) throws InterruptedException {
        return take(run, url, settings, script, false, false, patience);
    }

    /** Takes the locks of a restore, to drop what restores have left; does not wait for them. */
    public static Lock forPrune(Run run, DatabaseUrl url, Settings settings) throws InterruptedException {
        return take(run, url, settings, "backups prune", false, false, Duration.ZERO);
    }

    private static Lock take(Run run, DatabaseUrl url, Settings settings, String script, boolean shared, boolean ending, Duration patience) throws InterruptedException {
        var session = session(run, url, settings, script);
        if (!shared) refuseStandby(session, url, settings);
        var lock = new Lock(run, session, url, settings.env);
        run.undo.add("release the lock", lock::close);
        var deadline = Instant.now().plus(patience);
        var told = false;
        while (true) {
            try {
                lock.take(shared);
                lock.watch(ending);
                return lock;
            } catch (Failure.Busy e) {
                if (!Instant.now().isBefore(deadline)) throw e;
                if (!told) run.console.say("waiting: " + e.getMessage());
                told = true;
                Thread.sleep(500);
            }
        }
    }

    /** Throws BadSetting when a server takes no changes: its locks are not the primary's either. */
    public static void refuseStandby(Database session, DatabaseUrl url, Settings settings) {
        if (session.one("select pg_is_in_recovery()").equals("t"))
            throw new Failure.BadSetting("the server of " + url + " is a standby: it takes no changes, and its locks are not the primary's", "name the primary: " + settings.where(Setting.DATABASE_URL));
    }

    private static Database session(Run run, DatabaseUrl url, Settings settings, String script) {
        var who = "handover " + script + " " + settings.env + ", process " + ProcessHandle.current().pid() + (Host.name().isEmpty() ? "" : " on " + Host.name());
        try {
            return Database.connect(url.withDatabase("postgres"), settings, who);
        } catch (Failure.BadSetting e) {
            run.console.detail("no connection to the database 'postgres', so the lock is taken in '" + url.database + "': " + e.getMessage());
            return Database.connect(url, settings, who);
        }
    }

    /** Both or none. */
    private void take(boolean shared) {
        // Where a pooler would keep the session of a killed run, and its locks: what dies in a transaction, it ends.
        if (session.pooled) session.execute("begin read only");
        try {
            take(environment, shared);
            take(backup, false);
            // Locks of two databases don't keep each other away: of two runs that take theirs at once, each sees the other's.
            refuse(others(environment, shared));
            refuse(others(backup, false));
        } catch (Failure.Busy e) {
            session.execute("select pg_advisory_unlock_all()");
            if (session.pooled) session.execute("rollback");
            throw e;
        }
        process = session.one("select pg_backend_pid()");
    }

    private void take(int key, boolean shared) {
        if (session.one("select pg_try_advisory_lock" + (shared ? "_shared" : "") + "(?, ?)", OURS, key).equals("t")) return;
        var holders = holders(session, key);
        refuse(holders.isEmpty() ? List.of("a run that has just ended") : holders);
    }

    private void refuse(List<String> holders) {
        if (!holders.isEmpty())
            throw new Failure.Busy("another run holds the lock of environment '" + env + "': " + String.join("; ", holders), "wait until it has ended, then run this again");
    }

    /** Who else holds it, in whatever database; with a shared one of ours, not those who share it. */
    private List<String> others(int key, boolean shared) {
        return holders(session, key, "l.pid <> pg_backend_pid()" + (shared ? " and l.mode = 'ExclusiveLock'" : ""));
    }

    private void watch(boolean untilItEnds) {
        ending = untilItEnds;
        var thread = new Thread(this::askAgainAndAgain, "lock");
        thread.setDaemon(true);
        thread.start();
    }

    private void askAgainAndAgain() {
        try {
            while (true) {
                Thread.sleep(SECONDS_BETWEEN_QUESTIONS * 1000L);
                if (closed) return;
                ask();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } catch (Failure e) {
            if (ending && !closed) run.stop(e);
        }
    }

    /** Asks the server, right before what can't be undone. Throws Unclear when the locks are lost: somebody else may be at work. */
    public void makeSure() { ask(); }

    /** Has the run go on whatever becomes of the lock, from where it has to be ended and looked at. */
    public void endNothing() { ending = false; }

    private void ask() {
        String held;
        try {
            held = session.one("select count(*) from pg_locks where locktype = 'advisory' and granted and pid = pg_backend_pid() and pid = ?::int and classid = ?::oid and objid in (?::oid, ?::oid)",
                process, OURS, environment, backup);
        } catch (Failure e) {
            throw lost(e.getMessage());
        }
        if (!held.equals("2")) throw lost("its session has them no more");
    }

    private Failure lost(String why) {
        return new Failure.Unclear("the lock of environment '" + env + "' was lost, so another run may be at work there: " + why,
            "see whether one is: ./jbang doctor --env " + env + "; then run this again");
    }

    /** Has everybody see that something, a database by its name, belongs to this run for as long as it holds the lock. */
    public void claim(String what) { session.rows("select pg_advisory_lock(?, ?)", row -> true, OURS, key(what)); }

    /** Whether it belongs to a run that still goes on. */
    public boolean isClaimed(String what) { return !holders(session, key(what)).isEmpty(); }

    /** Releases the locks. */
    @Override public void close() {
        closed = true;
        session.close();
    }

    /** Who holds a lock of the environment now; takes none, and asks on a session of the environment's own database. */
    public static List<String> holders(Database session, String env) {
        return Stream.of("environment", "backup").flatMap(name -> holders(session, key(session.url, env, name)).stream()).distinct().toList();
    }

    private static int key(DatabaseUrl url, String env, String name) { return key(env + "/" + url.database + "/" + name); }

    private static int key(String what) { return what.hashCode() & Integer.MAX_VALUE; }

    private static List<String> holders(Database session, int key) { return holders(session, key, "true"); }

    /** In whatever database of the server. When a session began, only some roles are told. */
    private static List<String> holders(Database session, int key, String which) {
        return session.rows("""
            select coalesce(nullif(a.application_name, ''), 'a session of role ' || a.usename), coalesce(extract(epoch from a.backend_start)::bigint::text, '')
            from pg_locks l join pg_stat_activity a using (pid)
            where l.locktype = 'advisory' and l.classid = ?::oid and l.objid = ?::oid and l.granted and\s""" + which,
            row -> row[0] + (row[1].isEmpty() ? "" : ", since " + DateTimeFormatter.ofPattern("HH:mm:ss 'UTC'").withZone(ZoneOffset.UTC).format(Instant.ofEpochSecond(Long.parseLong(row[1])))),
            OURS, key);
    }
}
