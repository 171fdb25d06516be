package migrations;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import ops.Database;
import ops.Failure;

/** The server's table of what was applied, as the Supabase CLI keeps it. */
final class History {
    private static final String TABLE = "supabase_migrations.schema_migrations";

    private History() { }

    /** Versions in order, each with the essence of its statements; null where none are recorded. Empty without the table. */
    static Map<String, String> of(Database session) {
        var columns = columns(session);
        var applied = new LinkedHashMap<String, String>();
        if (!columns.contains("version")) return applied;
        // Each behind the last: an array of several thousand lines needs no parser then.
        var statements = columns.contains("statements") ? "case when cardinality(statements) > 0 then array_to_string(statements, e'\\n;\\n') end" : "null";
        session.rows("select version, " + statements + " from " + TABLE + " order by version collate \"C\"", row -> row)
            .forEach(row -> applied.put(row[0], row[1] == null ? null : MigrationFile.essence(Statements.of(row[1]))));
        return applied;
    }

    private static List<String> columns(Database session) {
        return session.rows("""
            select attname from pg_catalog.pg_attribute a join pg_catalog.pg_class c on c.oid = attrelid join pg_catalog.pg_namespace n on n.oid = relnamespace
            where nspname = 'supabase_migrations' and relname = 'schema_migrations' and attnum > 0 and not attisdropped""", row -> row[0]);
    }

    /** Creates the table, or the columns that one of an old CLI lacks. */
    static void prepare(Database session) {
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

    static boolean has(Database session, MigrationFile file) {
        return session.one("select exists (select from " + TABLE + " where version = ?)", file.version()).equals("t");
    }

    /** Records a migration, as whoever the session belongs to, whatever the migration has changed of it. */
    static void add(Database session, MigrationFile file) {
        session.execute("reset session authorization; reset role");
        session.rows("insert into " + TABLE + " (version, name, statements) values (?, ?, ?) returning version", row -> row[0], file.version(), file.name(),
            file.statements().stream().map(Statement::text).toArray(String[]::new));
    }

    /** Whether a migration whose commit was not answered is there. Throws Unclear when that can't be told either. */
    static boolean has(MigrationFile file, java.util.function.Supplier<Database> again) {
        try (var session = again.get()) {
            return has(session, file);
        } catch (Failure e) {
            throw new Failure.Unclear("the connection was lost while " + file + " was being committed, and can't be had again: " + e.getMessage(),
                "look whether it is applied, when the database answers: select version from " + TABLE);
        }
    }
}
