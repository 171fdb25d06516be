package migrations;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Supplier;
import ops.Database;
import ops.Failure;
import ops.PlainTable;

/** The server's table of what was applied, as the Supabase CLI keeps it. */
final class History {
    private static final String SCHEMA = "supabase_migrations", NAME = "schema_migrations", TABLE = SCHEMA + "." + NAME;
    /** Whose triggers, defaults and constraints would run as the session's role, without being it or above it. */
    private static final String DISTRUSTED = """
        with distrusted as (
            select r.oid, r.rolname from pg_roles r, pg_roles me where me.rolname = current_user and r.oid <> me.oid
              and not r.rolsuper and (me.rolsuper or not pg_has_role(r.oid, 'member'))),
        recorded as (
            select c.oid, c.relowner, n.nspowner from pg_class c join pg_namespace n on n.oid = c.relnamespace
            where n.nspname = ? and c.relname = ?)
        select 'belongs to role ' || quote_ident(rolname) from recorded join distrusted on distrusted.oid = relowner
        union all
        select 'is in a schema of role ' || quote_ident(rolname) from recorded join distrusted on distrusted.oid = nspowner
        union all
        select 'has a trigger of role ' || quote_ident(rolname) from recorded join pg_trigger t on t.tgrelid = recorded.oid
          join pg_proc p on p.oid = t.tgfoid join distrusted on distrusted.oid = p.proowner""";

    private History() { }

    /**
     * Versions in order, each with the essence of its statements; null where none are recorded. Empty without the table.
     *
     * @param session one that is in no transaction
     */
    static Map<String, String> of(Database session) {
        var applied = new TreeMap<String, String>();
        var columns = columns(session);
        if (!columns.contains("version")) return applied;
        var arrays = new TreeMap<String, String>();
        table(session).read(columns.contains("statements") ? List.of("version", "statements") : List.of("version"), row -> {
            applied.put(row[0], null);
            if (row.length > 1 && row[1] != null) arrays.put(row[0], row[1]);
            return false;
        });
        // Each behind the last: an array of several thousand lines needs no parser then.
        var texts = session.rows("""
            select case when cardinality(each::text[]) > 0 then array_to_string(each::text[], e'\\n;\\n') end
            from unnest(?::text[]) with ordinality as arrays(each, place) order by place""", row -> row[0], (Object) arrays.values().toArray(String[]::new));
        var text = texts.iterator();
        for (var version : arrays.keySet()) {
            var statements = text.next();
            if (statements != null) applied.put(version, MigrationFile.essence(Statements.of(statements)));
        }
        return applied;
    }

    private static PlainTable table(Database session) { return new PlainTable(session, SCHEMA, NAME); }

    private static List<String> columns(Database session) {
        return session.rows("""
            select attname from pg_catalog.pg_attribute a join pg_catalog.pg_class c on c.oid = attrelid join pg_catalog.pg_namespace n on n.oid = relnamespace
            where nspname = 'supabase_migrations' and relname = 'schema_migrations' and attnum > 0 and not attisdropped""", row -> row[0]);
    }

    /**
     * Creates the table, or the columns that one of an old CLI lacks.
     *
     * @throws Failure.Refused when somebody else's code would run with each record
     */
    static void prepare(Database session) {
        for (var whose : session.rows(DISTRUSTED, row -> row[0], SCHEMA, NAME))
            throw new Failure.Refused(TABLE + " " + whose + ": what that role has put there would run as the role of DATABASE_URL",
                "look at it (psql: \\d+ " + TABLE + "), drop what is not yours, then: ALTER SCHEMA " + SCHEMA + " OWNER TO ...; ALTER TABLE " + TABLE + " OWNER TO ...");
        var columns = columns(session);
        var missing = new ArrayList<String>();
        if (columns.isEmpty()) {
            missing.add("create schema if not exists supabase_migrations");
            missing.add("create table if not exists " + TABLE + " (version text not null primary key)");
        }
        for (var column : List.of("statements text[]", "name text"))
            if (!columns.contains(column.replaceFirst(" .*", ""))) missing.add("alter table " + TABLE + " add column if not exists " + column);
        if (!missing.isEmpty()) session.transaction(missing);
    }

    /** Records a migration, as whoever the session belongs to, whatever the migration has changed of it. */
    static void add(Database session, MigrationFile file) {
        session.execute("reset session authorization; reset role");
        session.rows("insert into " + TABLE + " (version, name, statements) values (?, ?, ?) returning version", row -> row[0], file.version(), file.name(),
            file.statements().stream().map(Statement::text).toArray(String[]::new));
    }

    /** Whether a migration whose commit was not answered is there. Throws Unclear when that can't be told either. */
    static boolean has(MigrationFile file, Supplier<Database> again) {
        try (var session = again.get()) {
            var there = new boolean[1];
            table(session).read(List.of("version"), row -> there[0] = file.version().equals(row[0]));
            return there[0];
        } catch (Failure e) {
            throw new Failure.Unclear("the connection was lost while " + file + " was being committed, and can't be had again: " + e.getMessage(),
                "look whether it is applied, when the database answers: select version from " + TABLE);
        }
    }
}
