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
 * connect to that one, in the environment's own, which then is the place for every run with this role.
 */
public final class Lock {
    /** "HAND" in ASCII: keeps our locks apart from the application's. */
    private static final int OURS = 0x48414E44;

    private Lock() { }

    /**
     * Takes the locks of a backup: the environment's shared, since it must not be restored or deployed meanwhile, and
     * the backup's own, since two backups at once only load the server. Released when the run ends.
     *
     * @param patience how long to wait for whoever holds them
     * @return releases them earlier
     */
    public static Runnable forBackup(Run run, DatabaseUrl url, Settings settings, Duration patience) throws InterruptedException {
        return take(run, url, settings, "backup-db", true, patience);
    }

    /**
     * Takes the locks of a restore: everything of the environment, for itself alone. Released when the run ends.
     *
     * @param patience how long to wait for whoever holds them
     */
    public static void forRestore(Run run, DatabaseUrl url, Settings settings, Duration patience) throws InterruptedException {
        take(run, url, settings, "restore-db", false, patience);
    }

    /** The same for a deploy or a rollback, by the name of its script. */
    public static void forDeploy(Run run, DatabaseUrl url, Settings settings, String script, Duration patience) throws InterruptedException { take(run, url, settings, script, false, patience); }

    /** Takes the locks of a restore, to drop what restores have left; does not wait for them. */
    public static void forPrune(Run run, DatabaseUrl url, Settings settings) throws InterruptedException {
        take(run, url, settings, "backups prune", false, Duration.ZERO);
    }

    private static Runnable take(Run run, DatabaseUrl url, Settings settings, String script, boolean shared, Duration patience) throws InterruptedException {
        var session = session(run, url, settings, script);
        var deadline = Instant.now().plus(patience);
        var told = false;
        while (true) {
            try {
                take(session, url, settings.env, "environment", shared);
                take(session, url, settings.env, "backup", false);
                return session::close;
            } catch (Failure.Busy e) {
                session.execute("select pg_advisory_unlock_all()");
                if (!Instant.now().isBefore(deadline)) throw e;
                if (!told) run.console.say("waiting: " + e.getMessage());
                told = true;
                Thread.sleep(500);
            }
        }
    }

    private static Database session(Run run, DatabaseUrl url, Settings settings, String script) {
        var who = "handover " + script + " " + settings.env + ", process " + ProcessHandle.current().pid() + (Host.name().isEmpty() ? "" : " on " + Host.name());
        Database session;
        try {
            session = Database.connect(url.withDatabase("postgres"), settings, who);
        } catch (Failure.BadSetting e) {
            run.console.detail("no connection to the database 'postgres', so the lock is taken in '" + url.database + "'");
            session = Database.connect(url, settings, who);
        }
        run.undo.add("release the lock", session::close);
        return session;
    }

    /** Who holds a lock of the environment now; takes none, and asks on a session of the environment's own database. */
    public static List<String> holders(Database session, String env) {
        return Stream.of("environment", "backup").flatMap(name -> holders(session, key(session.url, env, name)).stream()).distinct().toList();
    }

    private static int key(DatabaseUrl url, String env, String name) { return (env + "/" + url.database + "/" + name).hashCode() & Integer.MAX_VALUE; }

    private static void take(Database session, DatabaseUrl url, String env, String name, boolean shared) {
        var key = key(url, env, name);
        if (session.one("select pg_try_advisory_lock" + (shared ? "_shared" : "") + "(?, ?)", OURS, key).equals("t")) return;
        var holders = holders(session, key);
        var who = holders.isEmpty() ? "a run that has just ended" : String.join("; ", holders);
        throw new Failure.Busy("another run holds the lock of environment '" + env + "': " + who, "wait until it has ended, then run this again");
    }

    private static List<String> holders(Database session, int key) {
        return session.rows("""
            select coalesce(nullif(a.application_name, ''), 'a session of role ' || a.usename), extract(epoch from a.backend_start)::bigint
            from pg_locks l join pg_stat_activity a using (pid)
            where l.locktype = 'advisory' and l.classid = ?::oid and l.objid = ?::oid and l.granted""",
            row -> row[0] + ", since " + DateTimeFormatter.ofPattern("HH:mm:ss 'UTC'").withZone(ZoneOffset.UTC).format(Instant.ofEpochSecond(Long.parseLong(row[1]))),
            OURS, key);
    }
}
