package restore;

import java.time.DateTimeException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import ops.Database;
import ops.DatabaseLocale;
import ops.DatabaseUrl;
import ops.Failure;
import ops.Manifest;
import ops.Run;
import ops.Settings;
import ops.Stamp;

/**
 * A new database beside the old one, and the exchange of their names in one transaction: whoever connects finds the whole
 * old one or the whole new one, at any moment and after any kill.
 */
public final class Swap {
    /** PostgreSQL's limit is 63 bytes, the endings take 21. */
    private static final int NAME_BYTES = 42;

    private final Run run;
    private final Settings settings;
    private final DatabaseUrl url;
    private final Database server;
    private final boolean exists;
    public final DatabaseUrl fresh;
    public final String old;
    private Runnable keep = () -> { };

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
                when not coalesce((select pg_has_role(datdba, 'member') from pg_database where datname = ?), true) then 'database ' || ? || ' belongs to another role than ' || current_user
                else '' end from pg_roles where rolname = current_user""", database, database);
    }

    /** Databases that killed restores left half-made; the environment's lock makes sure that nobody is at work on them. */
    public List<String> dropLeftovers() {
        var left = server.rows("select datname from pg_database where left(datname, length(?)) = ? and substr(datname, length(?) + 1) ~ '^_new_[0-9]{8}T[0-9]{6}Z$'", row -> row[0],
            stem(url.database), stem(url.database), stem(url.database));
        left.forEach(this::drop);
        return left;
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
        endSessions(name);
        server.execute("drop database if exists " + Database.quote(name));
    }

    /** Creates the new database, empty; it is dropped when the run ends before the swap. */
    public void create(Manifest.Server origin) {
        keep = run.undo.act(() -> {
            createLike(origin);
            return run.undo.add("drop " + fresh.database, () -> drop(fresh.database));
        });
        server.execute("revoke connect on database " + Database.quote(fresh.database) + " from public");
    }

    /**
     * Like the old one, and its owner's from the beginning, who may create in the schema public then; where there is none,
     * like the one that was backed up.
     */
    private void createLike(Manifest.Server origin) {
        var encoding = exists ? server.one("select pg_encoding_to_char(encoding) from pg_database where datname = ?", url.database) : origin.encoding();
        var locale = exists ? DatabaseLocale.of(server, url.database) : origin.locale();
        var owner = exists ? " owner " + server.one("select quote_ident(pg_get_userbyid(datdba)) from pg_database where datname = ?", url.database) : "";
        var create = "create database " + Database.quote(fresh.database) + owner + " template template0 encoding " + Database.literal(encoding);
        try {
            server.execute(create + (locale == null ? "" : " " + locale.options(server)));
        } catch (Failure.ToolFailed e) {
            if (exists || locale == null) throw e;
            server.execute(create);
            run.console.warn("text will sort as this server has it, since it can't make a database with the backup's locale, " + locale);
        }
    }

    /** Gives the new database what belongs to a database and is in no archive of it: rights, settings, comment. */
    public void dress() {
        var name = Database.quote(fresh.database);
        if (!exists) {
            server.execute("grant connect on database " + name + " to public");
            return;
        }
        var statements = new ArrayList<String>();
        statements.addAll(server.rows("""
            select unnest(array[
                format('alter database %1$s connection limit %2$s', ?::text, datconnlimit),
                format('comment on database %1$s is %2$L', ?::text, shobj_description(oid, 'pg_database')),
                format('grant connect, temporary on database %1$s to public', ?::text)]) from pg_database where datname = ?""", row -> row[0], name, name, name, url.database));
        statements.addAll(server.rows("""
            select format('revoke all on database %s from public', ?::text) from pg_database where datname = ? and datacl is not null
            union all select format('grant %s on database %s to %s%s', privilege_type, ?::text, case grantee when 0 then 'public' else quote_ident(pg_get_userbyid(grantee)) end,
                case when is_grantable then ' with grant option' else '' end)
            from pg_database, aclexplode(datacl) where datname = ? and grantee <> datdba""", row -> row[0], name, url.database, name, url.database));
        statements.forEach(server::execute);
        copySettings(name);
    }

    /** What ALTER DATABASE … SET and ALTER ROLE … IN DATABASE … SET have set. */
    private void copySettings(String name) {
        var set = server.rows("""
            select coalesce(quote_ident(pg_get_userbyid(nullif(setrole, 0))), ''), split_part(c, '=', 1), substr(c, position('=' in c) + 1)
            from pg_db_role_setting s join pg_database d on d.oid = s.setdatabase, unnest(setconfig) c where d.datname = ?""", row -> row, url.database);
        if (set.isEmpty()) return;
        // On a session of its own, which takes each value itself first: so it needs no quoting of ours.
        try (var session = Database.connect(server.url, settings, "handover, settings")) {
            for (var setting : set) {
                var whose = setting[0].isEmpty() ? "alter database " + name : "alter role " + setting[0] + " in database " + name;
                session.one("select set_config(?, ?, false)", setting[1], setting[2]);
                session.execute(whose + " set " + Database.quote(setting[1]) + " from current");
            }
        }
    }

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
        try (var session = Database.connect(server.url, settings, "handover, swap")) {
            session.execute("set lock_timeout = '30s'");
            var renaming = CompletableFuture.runAsync(() -> session.transaction(renames.stream().map(Rename::toString).toList()));
            while (!renaming.isDone()) {
                for (var rename : renames) endSessions(rename.from);
                pause();
            }
            renaming.join();
        } catch (CompletionException e) {
            if (server.one("select exists (select from pg_database where oid = ?::oid and datname = ?)", renamed, last.to).equals("t")) return; // only the answer was lost
            var users = server.rows("select distinct usename from pg_stat_activity where datname = ? and usename is not null", row -> row[0], renames.get(0).from);
            throw new Failure.Failed("the databases could not be renamed: " + e.getCause().getMessage() + (users.isEmpty() ? "" : " (connected: " + String.join(", ", users) + ")"),
                "let role " + url.user + " end other roles' sessions, on the server of '" + settings.env + "', " + url.host + ":" + url.port + ": GRANT pg_signal_backend TO " + Database.quote(url.user) + "; then run it again");
        }
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
