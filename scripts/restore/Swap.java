//SOURCES Dress.java
package restore;

import java.time.DateTimeException;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.stream.Collectors;
import ops.Database;
import ops.DatabaseLocale;
import ops.DatabaseProperties;
import ops.DatabaseUrl;
import ops.Failure;
import ops.Lock;
import ops.Manifest;
import ops.Run;
import ops.Settings;
import ops.Stamp;
import ops.Subscriptions;

/**
 * A new database beside the old one, and the exchange of their names in one transaction: whoever connects finds the whole
 * old one or the whole new one, at any moment and after any kill.
 */
public final class Swap {
    /** PostgreSQL's limit is 63 bytes, the endings take 21. */
    private static final int NAME_BYTES = 42;
    private static final String RENAMING = "handover, swap";
    /** For a killed run's sessions, which end as soon as the server notices. */
    private static final int SECONDS_TO_END = 15;

    private final Run run;
    private final Settings settings;
    private final DatabaseUrl url;
    private final Database server;
    private final boolean exists;
    public final DatabaseUrl fresh;
    public final String old;
    private Runnable keep = () -> { };
    private Dress dress;

    /** @param server a session of the server's own database, 'postgres' */
    public Swap(Run run, Settings settings, DatabaseUrl url, Database server, boolean exists) {
        this.run = run;
        this.settings = settings;
        this.url = url;
        this.server = server;
        this.exists = exists;
        fresh = url.withDatabase(name(url.database, "new", run.started));
        old = name(url.database, "old", run.started);
    }

    private static String name(String database, String what, Instant time) { return stem(database) + "_" + what + "_" + Stamp.of(time); }

    private static String stem(String database) {
        var stem = database;
        while (stem.getBytes(java.nio.charset.StandardCharsets.UTF_8).length > NAME_BYTES) stem = stem.substring(0, stem.length() - 1);
        return stem;
    }

    /** What keeps the role from swapping; empty when nothing does. */
    public static String obstacle(Database server, String database) {
        return server.one("""
            select case when rolsuper then '' when not rolcreatedb then 'role ' || current_user || ' may not create databases'
                when not coalesce((select pg_has_role(datdba, 'usage') from pg_database where datname = ?), true) then 'database ' || ? || ' belongs to another role than ' || current_user
                else '' end from pg_roles where rolname = current_user""", database, database);
    }

    /** Drops the databases that killed restores left half-made; one whose run may still go on stays, and is said. */
    public List<String> dropLeftovers(Lock lock) {
        var left = server.rows("select datname from pg_database where left(datname, length(?)) = ? and substr(datname, length(?) + 1) ~ '^_new_[0-9]{8}T[0-9]{6}Z$'", row -> row[0],
            stem(url.database), stem(url.database), stem(url.database));
        var over = left.stream().filter(name -> isOver(name, lock)).toList();
        over.forEach(this::drop);
        return over;
    }

    /** Two runs can have different locks: by another name of the environment, or when one has lost its own. */
    private boolean isOver(String name, Lock lock) {
        var why = lock.isClaimed(name) ? "the run that makes it still goes on" : "";
        for (var end = System.nanoTime() + SECONDS_TO_END * 1_000_000_000L; why.isEmpty() && hasSessions(name); pause())
            if (System.nanoTime() > end) why = "it has sessions";
        if (!why.isEmpty()) run.console.warn("the database " + name + " stays: " + why);
        return why.isEmpty();
    }

    /** Those of clients: its own subscriptions' workers end with it. */
    private boolean hasSessions(String name) {
        return server.one("select exists (select from pg_stat_activity where datname = ? and usesysid is not null and coalesce(backend_type, 'client backend') = 'client backend')", name).equals("t");
    }

    /** A database that a restore has replaced, and when that restore began. */
    public record Old(String name, Instant since) { }

    /** The databases that restores of this one have replaced, oldest first. */
    public static List<Old> replaced(Database server, String database) {
        if (!stem(database).equals(database)) return List.of(); // another database's name may have been shortened to the same
        var names = server.rows("select datname from pg_database where left(datname, length(?)) = ? and substr(datname, length(?) + 1) ~ '^_old_[0-9]{8}T[0-9]{6}Z$' order by 1",
            row -> row[0], database, database, database);
        return names.stream().flatMap(name -> time(name).map(since -> new Old(name, since)).stream()).toList();
    }

    private static Optional<Instant> time(String name) {
        try {
            return Optional.of(Stamp.parse(name.substring(name.lastIndexOf('_') + 1)));
        } catch (DateTimeException e) {
            return Optional.empty(); // digits, but no time: not a name of ours
        }
    }

    /** Not WITH (FORCE), to which the server's own autovacuum is somebody else's session. */
    private void drop(String name) {
        if (server.one("select exists (select from pg_database where datname = ?)", name).equals("f")) return;
        Subscriptions.drop(server, settings, name);
        // Or what this run has begun beside its steps would come in again behind the sessions that are ended.
        server.execute("alter database " + Database.quote(name) + " allow_connections false");
        endSessions(name);
        server.execute("drop database if exists " + Database.quote(name));
    }

    /**
     * Creates the new database, empty; it is dropped when the run ends before the swap.
     *
     * @param origin what the backed-up one was: for a database that is not there any more
     * @param backedUp what belonged to that one itself
     * @param lock claims it, so that no other run takes it for a killed one's
     */
    public void create(Manifest.Server origin, Optional<DatabaseProperties> backedUp, Lock lock) {
        lock.claim(fresh.database);
        var like = exists ? DatabaseProperties.of(server, url.database) : backedUp.orElse(DatabaseProperties.UNKNOWN);
        keep = run.undo.act(() -> {
            createLike(origin, like);
            return run.undo.add("drop " + fresh.database, () -> drop(fresh.database));
        });
        server.execute("revoke connect on database " + Database.quote(fresh.database) + " from public");
        dress = new Dress(run, server, url, fresh.database, like);
        dress.before();
    }

    /**
     * Like the old one, and its owner's from the beginning, who may create in the schema public then; where there is none,
     * like the one that was backed up.
     */
    private void createLike(Manifest.Server origin, DatabaseProperties like) {
        var encoding = exists ? server.one("select pg_encoding_to_char(encoding) from pg_database where datname = ?", url.database) : origin.encoding();
        var locale = exists ? DatabaseLocale.of(server, url.database) : origin.locale();
        var create = "create database " + Database.quote(fresh.database) + owner(like) + " template template0 encoding " + Database.literal(encoding) + tablespace(like);
        try {
            server.execute(create + (locale == null ? "" : " " + locale.options(server)));
        } catch (Failure.ToolFailed e) {
            if (exists || locale == null) throw e;
            server.execute(create);
            run.console.warn("text will sort as this server has it, since it can't make a database with the backup's locale, " + locale);
        }
    }

    private String owner(DatabaseProperties like) {
        var mayBe = server.one("select exists (select from pg_roles where rolname = ? and pg_has_role(oid, 'usage'))", like.owner()).equals("t");
        if (mayBe) return " owner " + Database.quote(like.owner());
        if (!like.owner().isEmpty()) run.console.warn("the restored database will belong to role " + url.user + ": there is no role " + like.owner() + " here that it may give it to");
        return "";
    }

    private String tablespace(DatabaseProperties like) {
        if (like.tablespace().equals(DatabaseProperties.DEFAULT_TABLESPACE)) return "";
        var mayUse = server.one("select exists (select from pg_tablespace where spcname = ? and has_tablespace_privilege(oid, 'create'))", like.tablespace()).equals("t");
        if (mayUse) return " tablespace " + Database.quote(like.tablespace());
        run.console.warn("the restored database will lie in the server's default tablespace: there is no tablespace " + like.tablespace() + " here in which role " + url.user + " may create");
        return "";
    }

    /** Executes the statements that a query has for the new database. */
    public void switchOff(String query) {
        try (var session = Database.connect(fresh, settings, "handover restore-db " + settings.env)) {
            session.rows(query, row -> row[0]).forEach(session::execute);
        }
    }

    /** Ends the replication into the database that was replaced; gives the names of its subscriptions. */
    public List<String> quietOld() { return exists ? Subscriptions.disable(server, settings, old) : List.of(); }

    /** What belongs to the new database itself, in words; empty when that is nothing. */
    public String properties() { return dress.words(); }

    /** The last of it, immediately before the switch. */
    public void dress() { dress.after(); }

    /** What of it this server, or this role, can't give it. */
    public List<String> lacking() { return dress == null ? List.of() : dress.lacking(); }

    /** Exchanges the names. Throws Failed, with everything as it was, when sessions can't be ended. */
    public void swap() {
        rename(exists ? List.of(new Rename(url.database, old), new Rename(fresh.database, url.database)) : List.of(new Rename(fresh.database, url.database)));
        keep.run();
    }

    /** Exchanges them back and drops the new one. */
    public void swapBack() {
        var back = new Rename(url.database, fresh.database);
        rename(exists ? List.of(back, new Rename(old, url.database)) : List.of(back));
        drop(fresh.database);
    }

    /** Logical replication slots of the old database: they stay with it, and the server keeps its log for them. */
    public List<String> slotsOfOld() { return server.rows("select slot_name from pg_catalog.pg_replication_slots where database = ? order by 1", row -> row[0], old); }

    private record Rename(String from, String to) {
        @Override public String toString() { return "alter database " + Database.quote(from) + " rename to " + Database.quote(to); }
    }

    /**
     * Renames in one transaction. A rename locks the database, so that nobody can connect to it any more, and waits five
     * seconds for its sessions to end; meanwhile they are ended from here.
     */
    private void rename(List<Rename> renames) {
        var last = renames.get(renames.size() - 1);
        var renamed = server.one("select (select oid from pg_database where datname = ?)", last.from);
        try (var session = Database.connect(server.url, settings, RENAMING)) {
            session.execute("set lock_timeout = '30s'; set default_transaction_read_only = off");
            var process = session.one("select pg_backend_pid()");
            exchange(session, renames).ifPresent(trouble -> {
                session.close();
                failUnlessDone(process, renamed, renames, trouble);
            });
        }
    }

    /** Why it may not be done; empty when the server has said that it is. */
    private Optional<Failure> exchange(Database session, List<Rename> renames) {
        try {
            var renaming = CompletableFuture.runAsync(() -> session.transaction(renames.stream().map(Rename::toString).toList()));
            while (!renaming.isDone()) {
                for (var rename : renames) endSessions(rename.from);
                pause();
            }
            renaming.join();
            return Optional.empty();
        } catch (CompletionException e) {
            return Optional.of(e.getCause() instanceof Failure failure ? failure : new Failure.Failed(e.getCause().toString(), "see the server's log, then run it again"));
        } catch (Failure e) {
            return Optional.of(e);
        }
    }

    /** Asks, on a new session, what came of it: the server may still have been at it when the connection was lost. */
    private void failUnlessDone(String process, String renamed, List<Rename> renames, Failure trouble) {
        List<String[]> users;
        List<String> prepared;
        boolean taken;
        try (var session = Database.connect(server.url, settings, "handover, what was renamed")) {
            var late = System.nanoTime() + SECONDS_TO_END * 1_000_000_000L;
            while (session.one("select exists (select from pg_stat_activity where pid = ?::int and application_name = ?)", process, RENAMING).equals("t")) {
                if (System.nanoTime() > late) throw unclear("the server is still at it");
                pause();
            }
            if (session.one("select exists (select from pg_database where oid = ?::oid and datname = ?)", renamed, renames.get(renames.size() - 1).to).equals("t")) return; // only the answer was lost
            users = session.rows("select distinct a.usename, r.rolsuper from pg_stat_activity a join pg_roles r on r.oid = a.usesysid where a.datname = ? order by 1", row -> row, renames.get(0).from);
            prepared = session.rows("select gid from pg_prepared_xacts where database = ? order by 1", row -> row[0], renames.get(0).from);
            taken = session.one("select exists (select from pg_database where datname = ? and datname <> ?)", renames.get(renames.size() - 1).to, renames.get(0).from).equals("t");
        } catch (Failure.ToolFailed | Failure.BadSetting e) {
            throw unclear(e.getMessage());
        }
        var what = "the databases could not be renamed: " + trouble.getMessage() + (users.isEmpty() ? "" : " (connected: " + users.stream().map(user -> user[0]).collect(Collectors.joining(", ")) + ")");
        var superusers = users.stream().filter(user -> user[1].equals("t")).map(user -> user[0]).toList();
        if (!superusers.isEmpty())
            throw new Failure.Failed(what, "only a superuser can end the sessions of superuser " + String.join(", ", superusers) + ", on the server of '" + settings.env + "', " + url.host + ":" + url.port
                + ": select pg_terminate_backend(pid) from pg_stat_activity where datname = " + Database.literal(renames.get(0).from) + "; then run it again");
        var where = "on the server of '" + settings.env + "', " + url.host + ":" + url.port + ": ";
        if (taken) throw new Failure.Failed(what, "somebody has made that database meanwhile: see what it is, and when it may go, " + where + "DROP DATABASE " + Database.quote(renames.get(renames.size() - 1).to) + "; then run it again");
        if (!prepared.isEmpty()) throw new Failure.Failed(what, "its prepared transactions keep it (" + String.join(", ", prepared) + "): COMMIT PREPARED or ROLLBACK PREPARED each in " + url + ", then run it again");
        if (users.isEmpty()) throw new Failure.Failed(what, trouble.hint);
        throw new Failure.Failed(what, "let role " + url.user + " end other roles' sessions, " + where + "GRANT pg_signal_backend TO " + Database.quote(url.user) + "; then run it again");
    }

    private Failure unclear(String why) {
        return new Failure.Unclear("it is not known whether the databases were renamed: " + why, "when the server of '" + settings.env + "' answers, see which databases it has: select datname from pg_database");
    }

    private void endSessions(String database) {
        server.rows("""
            select pg_terminate_backend(a.pid) from pg_stat_activity a join pg_roles theirs on theirs.oid = a.usesysid, pg_roles mine
            where a.datname = ? and mine.rolname = current_user
              and (mine.rolsuper or not theirs.rolsuper and (pg_has_role(theirs.oid, 'member') or pg_has_role('pg_signal_backend', 'member')))""", row -> row[0], database);
    }

    private static void pause() {
        try {
            Thread.sleep(50);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
