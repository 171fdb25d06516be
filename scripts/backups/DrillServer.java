//SOURCES ../local/EmbeddedPostgres.java
//SOURCES ActingRole.java
//SOURCES ../migrations/Statement.java
//SOURCES ../migrations/Statements.java
//SOURCES RoleCopy.java
package backups;

import java.security.SecureRandom;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
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
final class DrillServer {
    private static final String DATABASE = "handover_drill_", AGAIN = "_again", SUPERUSER = "handover_drill", MADE_BY_US = "made for a drill of handover", LOGIN = "handover_drill_login";
    /** "HAND" and "DRIL" in ASCII: keeps our lock apart from the application's. */
    private static final int OURS = 0x48414E44, DRILL = 0x4452494C;
    private static final SecureRandom RANDOM = new SecureRandom();
    private static final String CREATE = "CREATE ROLE (" + Needs.NAME + ")";
    private static final String ATTRIBUTES = "(?:NO)?(?:SUPERUSER|INHERIT|CREATEROLE|CREATEDB|LOGIN|REPLICATION|BYPASSRLS)";
    /** What follows in the dump, a password's end say, is left out. */
    private static final String ALTER = "(ALTER ROLE (" + Needs.NAME + ") WITH " + ATTRIBUTES + "(?: " + ATTRIBUTES + ")*)\\b.*";
    private static final String GRANT = "(GRANT (" + Needs.NAME + ") TO (" + Needs.NAME + ")(?: WITH (?:ADMIN|INHERIT|SET) "
        + "(?:OPTION|TRUE|FALSE)(?:, (?:INHERIT|SET) (?:TRUE|FALSE))*)?)(?: GRANTED BY (?:" + Needs.NAME + "))?";
    private static final Pattern ROLE = Pattern.compile(CREATE + "|" + ALTER + "|" + GRANT, Pattern.DOTALL);
    /** Before a statement of the dump. */
    private static final Pattern COMMENTS = Pattern.compile("^(?:\\s|--[^\n]*(?:\n|$))+");
    /** What a role may do on its own server's machine it may not do on this one. */
    private static final Set<String> ON_ITS_MACHINE = Set.of("pg_execute_server_program", "pg_read_server_files",
        "pg_write_server_files");

    private final Run run;
    private final Settings settings;
    private final Database session;
    private final Set<String> made = new HashSet<>();
    private final EmbeddedPostgres started;
    final DatabaseUrl database;
    final String version;
    final int major;
    /** The same as the database's superuser, or as a copy of another server's role. */
    private DatabaseUrl loader;
    private String owner = "";
    private String options = "";
    private String locale = "";
    private boolean guessed;

    /** @param started the throwaway one; null for a server that stays */
    private DrillServer(Run run, Settings settings, Database session, EmbeddedPostgres started) {
        this.run = run;
        this.settings = settings;
        this.session = session;
        this.started = started;
        database = session.url.withDatabase(DATABASE + Stamp.of(run.started));
        loader = database;
        version = session.one("select current_setting('server_version')").replaceFirst(" .*", "");
        major = Integer.parseInt(session.one("select current_setting('server_version_num')")) / 10000;
    }

    /**
     * @param major the version of the server that was backed up: that of a throwaway one, and the oldest that will do
     * @param locks that it should have room for
     * @param as whose roles it gets; null for a superuser's own
     */
    static DrillServer open(Run run, Settings settings, Store store, int major, int locks, RoleCopy as) throws Exception {
        var named = DatabaseUrl.ofDrill(settings);
        var server = named.isPresent() ? named(run, settings, store, named.get()) : throwaway(run, settings, major, locks, as == null ? EmbeddedPostgres.SUPERUSER : SUPERUSER);
        if (server.major < major)
            throw new Failure.BadSetting("the server for drills is PostgreSQL " + server.version + ", and this backup needs " + major + " or newer", "name another one, or none: " + settings.where(Setting.DRILL_DATABASE_URL));
        if (as != null) server.copy(as);
        return server;
    }

    private static DrillServer throwaway(Run run, Settings settings, int major, int locks, String superuser) throws Exception {
        var postgres = run.undo.<EmbeddedPostgres, Exception>act(() -> {
            var started = EmbeddedPostgres.throwaway(major, locks, superuser);
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
            throw new Failure.BadSetting("role '" + url.user + "' at " + url + " is not a superuser: it can't restore what belongs to others", settings.where(Setting.DRILL_DATABASE_URL));
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
    String create(Manifest.Server origin) {
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
            locale = candidate.toString();
            if (wanted == null) return "the backup does not say which locale it had, and the drill's has " + candidate;
            return candidate.equals(wanted) ? "" : "this server does not have the backup's locale, " + wanted + ", and the drill's has " + candidate;
        }
        throw new Failure.ToolFailed("PostgreSQL " + version + " can't have a database of encoding " + origin.encoding(), "name another server: DRILL_DATABASE_URL");
    }

    /** Sets on the database what rows may ask for, a constraint with current_setting() say. */
    void set(Optional<DatabaseProperties> properties) {
        properties.ifPresent(those -> those.settings().stream().filter(setting -> setting.role().isEmpty() && !setting.bites()).forEach(setting -> attempt(setting.statement(database.database))));
    }

    /** Creates another database like the first, and as empty. */
    DatabaseUrl createAgain() {
        var again = database.withDatabase(database.database + AGAIN);
        run.undo.act(() -> session.attempt("create database " + Database.quote(again.database) + options))
            .ifPresent(complaint -> { throw new Failure.ToolFailed("no second database could be made at " + database + ": " + complaint.message(), "is there room?"); });
        return again;
    }

    /** Drops what {@link #create} made, and makes it anew. */
    void createAnew() {
        var name = Database.quote(database.database);
        run.undo.act(() -> {
            session.execute("drop database " + name + " with (force)");
            session.execute("create database " + name + options);
            return true;
        });
    }

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

    /** Makes the roles of another server, and what is loaded be loaded as one of them. */
    private void copy(RoleCopy copy) {
        if (exists(copy.role()) || exists(copy.owner()))
            throw new Failure.BadSetting("the server for drills has a role '" + copy.role() + "' of its own, or one '" + copy.owner() + "'", "a server that is made for the drill has none: leave DRILL_DATABASE_URL out of the settings");
        for (var role : copy.roles()) role(role.name(), role.statement());
        for (var membership : copy.memberships()) attempt(membership.statement(major));
        var password = new Secret(HexFormat.of().toHexDigits(RANDOM.nextLong()) + HexFormat.of().toHexDigits(RANDOM.nextLong()));
        session.execute("alter role " + Database.quote(copy.role()) + " login password " + Database.literal(password.reveal()));
        for (var setting : copy.settings()) attempt(setting.everywhere());
        loader = database.withRole(copy.role(), password);
        owner = " owner " + Database.quote(copy.owner());
    }

    private boolean exists(String role) { return session.one("select exists (select from pg_roles where rolname = ?)", role).equals("t"); }

    /** The database for whoever restores it. */
    DatabaseUrl loader() { return loader; }

    /** Removes what {@link #create} made, and a throwaway server with it; what can't be removed now is when the run ends. */
    void close() {
        try {
            if (started != null) started.close();
            else clear(database.database);
        } catch (Exception e) {
            run.console.detail("could not remove the server for the drill yet: " + e.getMessage());
        }
    }

    /**
     * Creates the roles that the backup's globals name and the server lacks, as they were there, but without a login. Read
     * statement by statement: a setting's value or a name may have a line in it that looks like another one.
     */
    void roles(String globals) {
        for (var one : Statements.of(globals)) {
            var statement = ROLE.matcher(COMMENTS.matcher(one.text()).replaceFirst(""));
            if (!statement.matches()) continue;
            if (statement.group(1) != null) role(Needs.unquoted(statement.group(1)), "create role " + statement.group(1));
            else if (isMade(statement.group(3)))
                attempt(statement.group(2) + "; alter role " + statement.group(3) + " nologin");
            else if (isMade(statement.group(6)) && !ON_ITS_MACHINE.contains(statement.group(5))) attempt(statement.group(4));
        }
    }

    /** @param name as SQL writes it; may be null */
    private boolean isMade(String name) { return name != null && made.contains(Needs.unquoted(name)); }

    /**
     * Creates those that are still lacking. Nobody knows their rights: they may read everything, since a materialized view
     * or an index of theirs may need it. Superusers they are only where nobody else can own what they own: what they have
     * written runs with their rights.
     */
    void roles(Needs needs) {
        for (var name : needs.roles()) {
            if (exists(name)) continue;
            guessed = true;
            var role = Database.quote(name);
            role(name, "create role " + role + (needs.superusers().contains(name) ? " superuser" : " bypassrls"));
            attempt("grant pg_read_all_data to " + role);
        }
    }

    /** Whether the backup does not say which rights a role had that it needs. */
    boolean hasGuessed() { return guessed; }

    /** @param create the statement that makes it; without a login */
    private void role(String name, String create) {
        if (exists(name) || Set.of("public", "none").contains(name)) return;
        run.undo.act(() -> {
            if (attempt(create + " nologin; comment on role " + Database.quote(name) + " is '" + MADE_BY_US + "'")) made.add(name);
            return true;
        });
    }

    /**
     * A login whose sessions act as a role of another server, with its rights there and no way to more.
     *
     * @return empty where this server has one of that name that may more
     */
    Optional<DatabaseUrl> loginAs(ActingRole acting) {
        acting.roles().forEach(each -> {
            role(each.name(), "");
            if (made.contains(each.name())) session.execute("alter role " + Database.quote(each.name()) + " " + each.attributes());
        });
        for (var each : acting.memberships()) if (made.contains(each.member())) attempt("grant " + Database.quote(each.role()) + " to " + Database.quote(each.member()));
        var name = Database.quote(acting.name());
        if (session.one("select rolsuper from pg_roles where rolname = ?", acting.name()).equals("t") && !acting.isSuperuser()) return Optional.empty();
        var here = Database.quote(database.database);
        attempt("alter database " + here + " owner to " + Database.quote(acting.databaseOwner()));
        if (acting.mayCreate()) attempt("grant create on database " + here + " to " + name);
        var password = new Secret(java.util.UUID.randomUUID().toString());
        run.undo.act(() -> {
            session.execute("create role " + LOGIN + " login noinherit password " + Database.literal(password.reveal()));
            session.execute("comment on role " + LOGIN + " is '" + MADE_BY_US + "'");
            return true;
        });
        session.execute("grant " + name + " to " + LOGIN);
        session.execute("alter role " + LOGIN + " set role to " + name);
        return Optional.of(database.withRole(LOGIN, password));
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
