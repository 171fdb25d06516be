//SOURCES ../smoke/SqlRead.java
package doctor;

import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Collectors;
import ops.Amount;
import ops.Database;
import ops.DatabaseUrl;
import ops.Dump;
import ops.Exit;
import ops.Failure;
import ops.Lock;
import ops.LockTable;
import ops.Run;
import ops.Selection;
import ops.Setting;
import ops.Settings;
import ops.Snapshot;
import smoke.Outcome;
import smoke.SqlRead;

/** Can the database be reached safely, and everything in it be read by the role? Reads only. */
public final class DatabaseChecks {
    static final String CONNECTION = "connection";

    /** Event triggers, publications of all tables, functions that act as the server's user, and extensions whose scripts do. */
    private static final String TAKES_A_SUPERUSER = """
        select exists (select from pg_event_trigger e where not exists (select from pg_depend d where d.objid = e.oid and deptype = 'e'))
          or exists (select from pg_publication where puballtables)
          or exists (select from pg_proc p join pg_language l on l.oid = prolang where not lanpltrusted and p.oid >= 16384 and not exists (select from pg_depend d where d.objid = p.oid and deptype = 'e'))
          or exists (select from pg_extension e join pg_available_extension_versions v on v.name = extname and v.version = extversion where superuser and not trusted)""";

    public final Group group;
    /** What the server is, as soon as it is known; empty when it could not be asked. */
    public final CompletableFuture<Optional<Database.Facts>> server = new CompletableFuture<>();
    private final Run run;
    private final SettingChecks settings;
    private Database database;
    private Database.Facts facts;
    private Snapshot snapshot;
    private Selection selection = new Selection(List.of(), List.of(), List.of());

    public DatabaseChecks(Run run, SettingChecks settings) {
        this.run = run;
        this.settings = settings;
        group = new Group("database", settings.group);
    }

    public Group look() {
        try {
            group.check(CONNECTION, this::connect, SettingChecks.FILES, "DATABASE_URL", "DB_CONNECT_SECONDS",
                "DB_STALL_SECONDS", "DB_LOCK_SECONDS");
        } finally {
            server.complete(Optional.ofNullable(facts));
        }
        group.check("encrypted connection", this::tls, CONNECTION);
        group.check("clock", this::clock, CONNECTION);
        group.check("kind", this::kind, CONNECTION);
        group.check("role", this::role, CONNECTION);
        group.check("size", () -> Seen.note(Amount.bytes(facts.bytes()) + " on the server's disk"), CONNECTION);
        group.check("pooler", this::pooler, CONNECTION);
        group.check("lock", this::lock, CONNECTION);
        group.check("large objects", this::largeObjects, CONNECTION);
        group.check("selection", this::select, CONNECTION);
        group.check("sequences", this::sequences, CONNECTION, "selection");
        group.check("snapshot", this::hold, CONNECTION);
        group.check("tables", this::tables, CONNECTION, "selection", "snapshot");
        group.check("locks", this::locks, CONNECTION);
        group.check("other databases", this::others, CONNECTION);
        group.check("known row", this::knownRow, CONNECTION, "SMOKE_CANARY_ROW", "SMOKE_HIDDEN_ROW");
        group.check("server for drills", this::drills, SettingChecks.FILES, Setting.DRILL_DATABASE_URL.name(),
            "DB_CONNECT_SECONDS", "DB_STALL_SECONDS", "DB_LOCK_SECONDS");
        if (database != null) database.close();
        return group;
    }

    private Seen connect() {
        database = Database.connect(settings.url, settings.settings, "handover doctor " + settings.settings.env);
        run.undo.add("close the session", database::close);
        facts = database.facts();
        return Seen.ok("PostgreSQL " + facts.version() + " at " + settings.url);
    }

    /** What the driver enforces is certain; what the server reports may be a pooler's own connection. */
    private Seen tls() {
        var mode = settings.url.parameters.getOrDefault("sslmode", "");
        var fix = "append ?sslmode=require to the URL (verify-full, where you have the server's root certificate); " + settings.settings.where(Setting.DATABASE_URL);
        if (mode.startsWith("verify-")) return Seen.ok("sslmode=" + mode + ": the server has shown its certificate");
        if (isLoopback(settings.url.host)) return Seen.ok("not needed, the server is on this machine");
        if (mode.equals("require")) return Seen.ok("sslmode=require: encrypted, though any server could answer in its place");
        var now = database.one("select coalesce((select ssl from pg_stat_ssl where pid = pg_backend_pid()), false)").equals("t");
        return now ? Seen.warning("encrypted today, but nothing demands it", fix) : Seen.warning("password and data travel unencrypted", fix);
    }

    static boolean isLoopback(String host) { return host.equals("localhost") || host.startsWith("127.") || host.equals("::1") || host.equals("[::1]"); }

    private Seen clock() {
        var before = Instant.now();
        var theirs = new java.math.BigDecimal(database.one("select extract(epoch from clock_timestamp())")).movePointRight(3).longValue();
        return Clock.compare(Instant.ofEpochMilli(theirs), before, Instant.now());
    }

    private Seen kind() {
        var host = settings.url.host;
        var place = !facts.supabase() ? "plain PostgreSQL"
            : "Supabase, " + (host.endsWith(".pooler.supabase.com") ? "through its session pooler" : "directly");
        return Seen.note(place + (database.one("select pg_is_in_recovery()").equals("t") ? ", a standby: it can be backed up, and not restored into" : ", a primary"));
    }

    /** Null where there is none, or it resets each session. */
    private Seen pooler() {
        if (!Database.handsOnSettings(settings.url, settings.settings, "handover doctor " + settings.settings.env)) return null;
        return Seen.warning("it hands a session on as it was left: what pg_dump and pg_dumpall set there, an empty search_path above all, then holds for the application",
            "pgbouncer: server_reset_query = DISCARD ALL, its default; or name the server itself: " + settings.settings.where(Setting.DATABASE_URL));
    }

    /** Null where it is no superuser. */
    private Seen role() {
        if (database.one("select bool_or(rolsuper) from pg_roles where rolname in (current_user, session_user)").equals("f")) return null;
        var runs = "role '" + settings.url.user + "' is a superuser: in a restore, what others have written in the database runs with its rights";
        if (database.one(TAKES_A_SUPERUSER).equals("t")) return Seen.note(runs + "; and there is in it what only a superuser can restore");
        return Seen.warning(runs, "one that is none will do: README.md, The database's roles; " + settings.settings.where(Setting.DATABASE_URL));
    }

    private Seen lock() {
        var holders = Lock.holders(database, settings.settings.env);
        return holders.isEmpty() ? Seen.ok("free") : Seen.note("held by " + String.join("; ", holders), "wait until it has ended before you start another");
    }

    /** What is neither ours nor granted may still be readable by other means, so one of these is read. */
    private Seen largeObjects() {
        var doubtful = database.rows("""
            select oid from pg_largeobject_metadata where not pg_has_role(lomowner, 'usage')
              and not exists (select from aclexplode(lomacl) where privilege_type = 'SELECT' and case grantee when 0 then true else pg_has_role(grantee, 'usage') end)""", row -> row[0]);
        var all = database.one("select count(*) from pg_largeobject_metadata");
        if (all.equals("0")) return null;
        try {
            if (!doubtful.isEmpty()) database.one("select lo_get(?::oid, 0, 1)", doubtful.get(0));
            return Seen.ok(all + ", all readable");
        } catch (Failure e) {
            return Seen.problem(Exit.SETTING, "role '" + settings.url.user + "' can't read " + doubtful.size() + " of " + all + ", and pg_dump would fail",
                "as their owner or a superuser: GRANT SELECT ON LARGE OBJECT … TO " + Database.quote(settings.url.user));
        }
    }

    /** On Supabase the platform's own schemas are left out, as a backup does; null otherwise. */
    private Seen select() throws InterruptedException {
        if (!facts.supabase()) return null;
        selection = new Dump(run, settings.settings, database, facts, selection).selection;
        return Seen.note("a backup leaves out the platform's schemas: " + (selection.excludeSchemas().isEmpty() ? "none here" : String.join(", ", selection.excludeSchemas())));
    }

    private Seen sequences() {
        var all = database.rows("""
            select n.nspname, c.relname, has_schema_privilege(n.oid, 'usage') and has_table_privilege(c.oid, 'select')
            from pg_class c join pg_namespace n on n.oid = c.relnamespace
            where c.relkind = 'S' and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
              and not exists (select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
            order by 1, 2""", row -> row).stream().filter(row -> !selection.excludeSchemas().contains(row[0])).toList();
        var blocked = all.stream().filter(row -> row[2].equals("f")).map(row -> row[0] + "." + row[1]).toList();
        if (blocked.isEmpty()) return all.isEmpty() ? null : Seen.ok(all.size() + ", all readable");
        return Seen.problem(Exit.SETTING, "role '" + settings.url.user + "' can't read " + blocked.size() + " of " + all.size() + ": " + String.join(", ", blocked.subList(0, Math.min(5, blocked.size()))),
            "as a superuser: GRANT pg_read_all_data TO " + Database.quote(settings.url.user));
    }

    private Seen hold() {
        snapshot = Snapshot.open(database);
        return Seen.ok("pg_dump can share one with the list of tables");
    }

    private Seen tables() {
        var listed = snapshot.tables(selection);
        if (!listed.lost().isEmpty())
            return Seen.warning("a standby has no rows of unlogged tables, so no backup of it has them: " + Snapshot.names(listed.lost()), "back up the primary, or make them logged there: ALTER TABLE … SET LOGGED");
        return listed.tables().isEmpty() ? Seen.warning("there is none to back up", "is this the right database? " + settings.settings.where(Setting.DATABASE_URL)) : Seen.ok(listed.tables().size() + ", all readable");
    }

    /** pg_dump locks all tables in one transaction, and a restore in place all that it drops and makes. */
    private Seen locks() {
        var counted = database.rows("""
            select count(*) filter (where relkind in ('r', 'p')),
              2 * (3 * count(*) filter (where relkind in ('r', 'p', 'm')) + count(*) filter (where relkind in ('i', 'I', 'S', 'v')))
            from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname !~ '^pg_' and n.nspname <> 'information_schema'""", row -> row).get(0);
        var tables = Long.parseLong(counted[0]);
        var inPlace = Long.parseLong(counted[1]);
        var room = LockTable.of(database);
        var has = ", and the server promises room for " + room.free() + " (max_locks_per_transaction = "
            + room.perTransaction() + ")";
        var fix = "as a superuser, then restart the server: " + room.makeRoomFor(inPlace);
        if (tables > room.free())
            return Seen.warning("a backup locks all " + Amount.count(tables, "table") + " at once" + has, fix);
        if (inPlace > room.free())
            return Seen.warning("a restore in place takes some " + inPlace + " locks" + has
                + "; one by swap needs only a few", fix);
        return Seen.ok("room for " + room.free() + ", and a backup takes " + tables);
    }

    /**
     * Databases that belong to our role too, and that no environment here names: nothing backs them up. Null where
     * there is none.
     */
    private Seen others() {
        var ours = settings.settings.environments().stream().map(this::databaseOf).flatMap(Optional::stream)
            .collect(Collectors.toSet());
        var others = database.rows("""
            select datname from pg_database where datallowconn and not datistemplate and datname not in ('postgres', current_database())
              and pg_has_role(datdba, 'usage') order by 1""", row -> row[0]).stream()
            .filter(name -> !ours.contains(name) && !name.matches(".*_old_[0-9]{8}T[0-9]{6}Z|handover_.*")).toList();
        if (others.isEmpty()) return null;
        return Seen.note(Amount.count(others.size(), "database")
            + " on this server, which no environment in these settings names, " + (others.size() == 1 ? "has" : "have")
            + " no backup by this kit: "
            + String.join(", ", others.subList(0, Math.min(5, others.size()))) + (others.size() > 5 ? " …" : ""),
                "give each that must not be lost an environment: NAME_DATABASE_URL");
    }

    private Optional<String> databaseOf(String env) {
        try {
            return Optional.of(DatabaseUrl.of(Settings.of(env)).database);
        } catch (Failure e) {
            return Optional.empty(); // that is for its own doctor to say
        }
    }

    /** Null where a server is started for each drill. */
    private Seen drills() {
        var url = DatabaseUrl.ofDrill(settings.settings);
        if (url.isEmpty()) return null;
        var fix = "correct it, or leave it out, and a server is started for each drill: "
            + settings.settings.where(Setting.DRILL_DATABASE_URL);
        try (var session = Database.connect(url.get(), settings.settings, "handover doctor " + settings.settings.env)) {
            if (session.one("select rolsuper from pg_roles where rolname = current_user").equals("t"))
                return Seen.ok("at " + url.get());
            return Seen.problem(Exit.SETTING, "role '" + url.get().user + "' at " + url.get()
                + " is no superuser: it can't restore what belongs to others", fix);
        } catch (Failure.BadSetting | Failure.ToolFailed e) {
            return Seen.problem(Exit.SETTING, e.getMessage(), fix);
        }
    }

    /** The smoke tests and restores look for it; null when no setting names one. */
    private Seen knownRow() {
        if (!SqlRead.isAsked(settings.settings)) return null;
        var verdict = SqlRead.look(settings.settings, settings.url);
        return verdict.outcome() == Outcome.pass ? Seen.ok(verdict.what()) : Seen.problem(Exit.SETTING, verdict.what(), verdict.next());
    }
}
