//SOURCES ../local/EmbeddedPostgres.java
//SOURCES ../migrations/Statement.java
//SOURCES ../migrations/Statements.java
//SOURCES RoleCopy.java
package backups;

import java.security.SecureRandom;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;
import local.EmbeddedPostgres;
import migrations.Statements;
import ops.Amount;
import ops.Database;
import ops.DatabaseLocale;
import ops.DatabaseProperties;
import ops.DatabaseUrl;
import ops.Failure;
import ops.Guard;
import ops.Manifest;
import ops.Run;
import ops.Secret;
import ops.Setting;
import ops.Settings;
import ops.Stamp;
import ops.Store;
import ops.Subscriptions;

/**
 * A server with a new, empty database for one drill: a throwaway one on this machine, or the one that DRILL_DATABASE_URL
 * names. On that one what is made is removed when the run ends, and what a killed run left by the next.
 */
public final class DrillServer {
    private static final String DATABASE = "handover_drill_", AGAIN = "_again", MADE_BY_US = "made for a drill of handover";
    /** Begin names that end at random: no role of an archive can be meant to be one of these. */
    private static final String SUPERUSER = "handover_drill_superuser_", LOADER = "handover_drill_loader_";
    /** "HAND" and "DRIL" in ASCII: keeps our lock apart from the application's. */
    private static final int OURS = 0x48414E44, DRILL = 0x4452494C;
    private static final SecureRandom RANDOM = new SecureRandom();
    private static final String CREATE = "CREATE ROLE (" + Needs.NAME + ")";
    private static final String ATTRIBUTES = "(?:NO)?(?:SUPERUSER|INHERIT|CREATEROLE|CREATEDB|LOGIN|REPLICATION|BYPASSRLS)";
    /** What follows in the dump, a password's end say, is left out. */
    private static final String ALTER = "ALTER ROLE (" + Needs.NAME + ") WITH (" + ATTRIBUTES + "(?: " + ATTRIBUTES + ")*)\\b.*";
    private static final String GRANT = "(GRANT (" + Needs.NAME + ") TO (" + Needs.NAME + ")(?: WITH (?:ADMIN|INHERIT|SET) "
        + "(?:OPTION|TRUE|FALSE)(?:, (?:INHERIT|SET) (?:TRUE|FALSE))*)?)(?: GRANTED BY (?:" + Needs.NAME + "))?";
    private static final Pattern ROLE = Pattern.compile(CREATE + "|" + ALTER + "|" + GRANT, Pattern.DOTALL);
    /** Before a statement of the dump. */
    private static final Pattern COMMENTS = Pattern.compile("^(?:\\s|--[^\n]*(?:\n|$))+");

    private final Run run;
    private final Settings settings;
    private final Database session;
    private final Set<String> made = new HashSet<>();
    private final EmbeddedPostgres started;
    final DatabaseUrl database;
    public final String version;
    final int major;
    /** A role that may nothing but own the database, or a copy of another server's. */
    private DatabaseUrl loader;
    private String owner;
    /** Null where nothing of another server's is loaded as one of its roles. */
    private RoleCopy copied;
    private String options = "";
    private String locale = "";

    /** @param started the throwaway one; null for a server that stays */
    private DrillServer(Run run, Settings settings, Database session, EmbeddedPostgres started) {
        this.run = run;
        this.settings = settings;
        this.session = session;
        this.started = started;
        database = session.url.withDatabase(DATABASE + Stamp.of(run.started));
        version = session.one("select current_setting('server_version')").replaceFirst(" .*", "");
        major = Integer.parseInt(session.one("select current_setting('server_version_num')")) / 10000;
    }

    /**
     * @param major the version of the server that was backed up: that of a throwaway one, and the oldest that will do
     * @param locks that it should have room for
     * @param as whose roles it gets; null for a superuser's own
     */
    public static DrillServer open(Run run, Settings settings, Store store, int major, int locks, RoleCopy as) throws Exception {
        var named = DatabaseUrl.ofDrill(settings);
        var server = named.isPresent() ? named(run, settings, store, named.get()) : throwaway(run, settings, major, locks);
        if (server.major < major)
            throw new Failure.BadSetting("the server for drills is PostgreSQL " + server.version + ", and this backup needs " + major + " or newer", "name another one, or none: " + settings.where(Setting.DRILL_DATABASE_URL));
        if (as == null) server.makeLoader();
        else server.copy(as);
        return server;
    }

    private static DrillServer throwaway(Run run, Settings settings, int major, int locks) throws Exception {
        var postgres = run.undo.<EmbeddedPostgres, Exception>act(() -> {
            var started = EmbeddedPostgres.throwaway(major, locks, SUPERUSER + random());
            run.undo.add("remove the throwaway server", started::close);
            return started;
        });
        return new DrillServer(run, settings, connect(run, DatabaseUrl.parse(postgres.superuserUrl(), "the throwaway server"), settings), postgres);
    }

    private static DrillServer named(Run run, Settings settings, Store store, DatabaseUrl url) throws Exception {
        Database session;
        try {
            session = connect(run, url.withDatabase("postgres"), settings);
        } catch (Failure.ToolFailed | Failure.BadSetting e) {
            throw new Failure.BadSetting(e.getMessage(), "is it running, and are role and password right? " + settings.where(Setting.DRILL_DATABASE_URL));
        }
        Guard.checkDrill(run, settings, url, session, store);
        if (session.one("select rolsuper from pg_roles where rolname = current_user").equals("f"))
            throw new Failure.BadSetting("role '" + url.user + "' at " + url
                + " is not a superuser: it can't restore what belongs to others",
                "name one that is, or leave the setting out, and a server is started for each drill: "
                    + settings.where(Setting.DRILL_DATABASE_URL));
        if (session.one("select pg_try_advisory_lock(?, ?)", OURS, DRILL).equals("f"))
            throw new Failure.Busy("another drill goes on at " + url, "wait until it has ended, then run this again");
        var server = new DrillServer(run, settings, session, null);
        server.clear("what killed drills have left");
        return server;
    }

    private static Database connect(Run run, DatabaseUrl url, Settings settings) {
        var session = Database.connect(url, settings, "handover backups drill " + settings.env);
        run.undo.add("close the session", session::close);
        return session;
    }

    /**
     * Creates the database with the encoding and the locale of the one that was backed up, or the nearest that this server has.
     *
     * @return what is otherwise then, in words; empty when nothing is
     */
    public String create(Manifest.Server origin) {
        if (started == null) run.undo.add("drop " + database.database, () -> clear(database.database));
        var wanted = origin.locale();
        var from = wanted == null ? new DatabaseLocale("C.UTF-8", "C.UTF-8", "libc", "") : wanted;
        for (var candidate : from.orNearest(origin.encoding())) {
            options = owner + " template template0 encoding " + Database.literal(origin.encoding()) + " " + candidate.options(session);
            var complaint = run.undo.act(() -> session.attempt("create database " + Database.quote(database.database) + options));
            if (complaint.isPresent()) {
                run.console.detail("no database of encoding " + origin.encoding() + " and locale " + candidate + " here: " + complaint.get().message());
                continue;
            }
            settle(database);
            locale = candidate.toString();
            if (wanted == null) return "the backup does not say which locale it had, and the drill's has " + candidate;
            return candidate.equals(wanted) ? "" : "this server does not have the backup's locale, " + wanted + ", and the drill's has " + candidate;
        }
        throw new Failure.ToolFailed("PostgreSQL " + version + " can't have a database of encoding " + origin.encoding(), "name another server: DRILL_DATABASE_URL");
    }

    /**
     * Sets on the database what rows may ask for, a constraint with current_setting() say: what any role may set for itself,
     * and what has a prefix, but for languages, where that may be code.
     */
    void set(Optional<DatabaseProperties> properties) {
        var harmless = Set.copyOf(session.rows("select lower(name) from pg_settings where context = 'user'", row -> row[0]));
        properties.ifPresent(those -> those.settings().stream().filter(setting -> setting.role().isEmpty() && !setting.bites())
            .filter(setting -> harmless.contains(setting.name().toLowerCase(Locale.ROOT)) || setting.name().matches("(?i)(?!pl[a-z0-9]*[.]).*[.].*"))
            .forEach(setting -> attempt(setting.statement(database.database))));
    }

    /** Creates another database like the first, and as empty. */
    DatabaseUrl createAgain() {
        var again = database.withDatabase(database.database + AGAIN);
        run.undo.act(() -> session.attempt("create database " + Database.quote(again.database) + options))
            .ifPresent(complaint -> { throw new Failure.ToolFailed("no second database could be made at " + database + ": " + complaint.message(), "is there room?"); });
        settle(again);
        return again;
    }

    /** A copy of the database as it is now, for the superuser, while nobody else is connected to it. */
    DatabaseUrl copyOfNow() {
        var copy = database.withDatabase(database.database + AGAIN);
        var make = "create database " + Database.quote(copy.database)
            + " template " + Database.quote(database.database);
        run.undo.act(() -> session.attempt(make)).ifPresent(complaint -> {
            throw new Failure.ToolFailed(database + " could not be copied: " + complaint.message(), "is there room?");
        });
        settle(copy);
        return copy;
    }

    /** How many sessions there were of the database so far; -1 where the server does not count them. */
    long sessions() {
        return Long.parseLong(session.one("select coalesce(to_jsonb(d) ->> 'sessions', '-1') from pg_stat_database d"
            + " where datname = ?", database.database));
    }

    /** How many transactions of the database were rolled back so far. */
    long rollbacks() {
        return Long.parseLong(session.one("select xact_rollback from pg_stat_database where datname = ?",
            database.database));
    }

    /** Drops what {@link #create} made, and makes it anew. */
    void createAnew() {
        var name = Database.quote(database.database);
        run.undo.act(() -> {
            session.execute("drop database " + name + " with (force)");
            session.execute("create database " + name + options);
            return true;
        });
        settle(database);
    }

    private void settle(DatabaseUrl fresh) {
        // From 17 on an event trigger may run whenever somebody connects: not with the superuser's rights.
        if (major >= 17) session.execute("alter role " + Database.quote(session.url.user) + " in database " + Database.quote(fresh.database) + " set event_triggers = off");
        if (copied != null) grant(copied, fresh);
    }

    /** Whether it was started for this, and goes with it. */
    boolean isThrowaway() { return started != null; }

    /** The locale that {@link #create} took. */
    String locale() { return locale; }

    /** How many locks its sessions can hold together. */
    long locks() { return Long.parseLong(session.one("select current_setting('max_locks_per_transaction')::bigint * (current_setting('max_connections')::bigint + current_setting('max_prepared_transactions')::bigint)")); }

    /** Drops the databases and the roles of drills: there is none but this one, which holds the lock. */
    private void clear(String what) {
        var databases = session.rows("select quote_ident(datname) from pg_database where datname ~ ?", row -> row[0], "^" + DATABASE + "[0-9]{8}T[0-9]{6}Z(" + AGAIN + ")?$");
        for (var name : databases) Subscriptions.drop(session, settings, Needs.unquoted(name));
        databases.forEach(name -> session.execute("drop database if exists " + name + " with (force)"));
        var roles = session.rows("select quote_ident(rolname) from pg_roles where shobj_description(oid, 'pg_authid') = ?", row -> row[0], MADE_BY_US);
        roles.forEach(role -> attempt("drop role " + role));
        if (databases.size() + roles.size() > 0) run.console.detail("dropped " + what + ": " + Amount.count(databases.size(), "database") + ", " + Amount.count(roles.size(), "role"));
    }

    /** A role for loading, that may nothing but own the database. What hides rows says nothing to it, as to a superuser. */
    private void makeLoader() {
        var password = random();
        var name = LOADER + random();
        role(name, "create role " + name + " bypassrls");
        session.execute("alter role " + name + " login password " + Database.literal(new Secret(password).reveal()));
        loader = database.withRole(name, new Secret(password));
        owner = " owner " + name;
    }

    /** Has what is loaded be loaded as the copy of a role, with its rights alone. */
    private void copy(RoleCopy copy) {
        if (exists(copy.role()) || exists(copy.databaseOwner()))
            throw new Failure.BadSetting("the server for drills has a role '" + copy.role() + "' of its own, or one '" + copy.databaseOwner() + "'", "a server that is made for the drill has none: leave DRILL_DATABASE_URL out of the settings");
        loader = login(copy, copy.superuser());
        owner = " owner " + Database.quote(copy.databaseOwner());
        copied = copy;
    }

    /**
     * A login of the database that is the copy of a role of another server. It is no superuser, even where that is one: then
     * it belongs to all other roles.
     *
     * @return empty where this server has a role of that name of its own
     */
    Optional<DatabaseUrl> login(RoleCopy copy) {
        if (exists(copy.role()) && !made.contains(copy.role())) return Optional.empty();
        var login = login(copy, false);
        var name = Database.quote(copy.role());
        if (copy.superuser()) for (var other : Set.copyOf(made)) if (!other.equals(copy.role()) && !other.equals(loader.user)) attempt("grant " + Database.quote(other) + " to " + name);
        var here = Database.quote(database.database);
        attempt("alter database " + here + " owner to " + Database.quote(copy.databaseOwner()));
        grant(copy, database);
        return Optional.of(login);
    }

    private void grant(RoleCopy copy, DatabaseUrl on) {
        for (var right : copy.rights()) if (right.grantee().isEmpty() || made.contains(right.grantee())) attempt(right.statement(on.database));
    }

    private DatabaseUrl login(RoleCopy copy, boolean superusers) {
        for (var each : copy.roles()) {
            role(each.name(), "create role " + Database.quote(each.name()));
            if (made.contains(each.name())) session.execute("alter role " + Database.quote(each.name()) + " " + copy.attributes(each, major) + (superusers && each.superuser() ? " superuser" : ""));
        }
        for (var each : copy.memberships()) if (made.contains(each.member()) && isHarmless(each.role())) attempt(each.statement(major));
        var password = new Secret(random());
        session.execute("alter role " + Database.quote(copy.role()) + " login password " + Database.literal(password.reveal()));
        for (var setting : copy.settings()) attempt(setting.everywhere());
        if (major >= 17) session.execute("alter role " + Database.quote(copy.role()) + " set event_triggers = on");
        return database.withRole(copy.role(), password);
    }

    /** Whether one may belong to a role: to one of this server's own it may not. */
    private boolean isHarmless(String role) { return made.contains(role) || role.startsWith("pg_") && !RoleCopy.OF_THE_MACHINE.contains(role); }

    private static String random() { return HexFormat.of().toHexDigits(RANDOM.nextLong()) + HexFormat.of().toHexDigits(RANDOM.nextLong()); }

    private boolean exists(String role) { return session.one("select exists (select from pg_roles where rolname = ?)", role).equals("t"); }

    /** The database for whoever restores it. */
    public DatabaseUrl loader() { return loader; }

    /** Removes what {@link #create} made, and a throwaway server with it; what can't be removed now is when the run ends. */
    public void close() {
        try {
            if (started != null) started.close();
            else clear(database.database);
        } catch (Exception e) {
            run.console.detail("could not remove the server for the drill yet: " + e.getMessage());
        }
    }

    /**
     * Creates the roles that the backup's globals name and the server lacks, without a login, with what policies ask of them and
     * nothing with which they could do anything to the server. Read statement by statement: a setting's value or a name may
     * have a line in it that looks like another one.
     */
    void roles(String globals) {
        for (var one : Statements.of(globals)) {
            var statement = ROLE.matcher(COMMENTS.matcher(one.text()).replaceFirst(""));
            if (!statement.matches()) continue;
            if (statement.group(1) != null) role(Needs.unquoted(statement.group(1)), "create role " + statement.group(1));
            else if (isMade(statement.group(2)))
                attempt("alter role " + statement.group(2) + (statement.group(3).contains("NOINHERIT") ? " noinherit" : "") + (statement.group(3).matches("(.* )?BYPASSRLS( .*)?") ? " bypassrls" : ""));
            else if (isMade(statement.group(6)) && isHarmless(Needs.unquoted(statement.group(5)))) attempt(statement.group(4));
        }
    }

    /** @param name as SQL writes it; may be null */
    private boolean isMade(String name) { return name != null && made.contains(Needs.unquoted(name)); }

    /** Creates those that are still lacking. */
    void roles(Needs needs) { for (var name : needs.roles()) role(name, "create role " + Database.quote(name)); }

    /** @param create the statement that makes it; without a login */
    private void role(String name, String create) {
        if (exists(name) || Set.of("public", "none").contains(name)) return;
        run.undo.act(() -> {
            if (attempt(create + " nologin; comment on role " + Database.quote(name) + " is '" + MADE_BY_US + "'")) made.add(name);
            return true;
        });
    }

    /** What should not be a role, or may not be one here, shows when something needs it. */
    private boolean attempt(String sql) {
        try {
            session.execute(sql);
            return true;
        } catch (Failure.ToolFailed e) {
            run.console.detail(e.getMessage());
            return false;
        }
    }

    /** What it can pack a column's values with. */
    List<String> compressions() { return session.rows("select unnest(enumvals) from pg_settings where name = 'default_toast_compression'", row -> row[0]); }

    /** Those of some extensions that the server does not have. */
    List<String> lacking(Set<String> extensions) {
        var available = session.rows("select name from pg_available_extensions", row -> row[0]);
        return extensions.stream().filter(name -> !available.contains(name)).toList();
    }
}
