package ops;

import java.math.BigInteger;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.function.BiConsumer;
import java.util.function.Function;
import java.util.stream.Stream;

/**
 * A table in which a tool keeps which migrations it has applied. Nothing of anybody's is executed to read it.
 *
 * @param version the column that says which; versions follow each other by number, or as texts
 * @param marks the columns that say how one has ended; empty where none do
 * @param end how one has ended, by its version and its marks
 * @param words what is said of one that has ended badly
 */
public record ToolHistory(
    String schema, String table, String version, List<String> marks, Function<String[], End> end, String words) {
    /** How a migration has ended; what was undone is in the table, and the tool will apply it again. */
    private enum End { WELL, BADLY, UNDONE }

    /** What to do about one that has not ended well. */
    public static final String MENDING = "see what it has left in the database and mend that; then have the tool know"
        + " of it (Flyway: repair; golang-migrate: force; Prisma: migrate resolve; Knex,"
        + " where it says that it is locked: migrate:unlock)";

    /** The Supabase CLI's first, by which this kit goes itself. */
    private static final List<ToolHistory> ALL = List.of(
        plain("supabase_migrations", "schema_migrations", "version"),
        marked("schema_migrations", "version", List.of("dirty"), row -> badlyIf("t".equals(row[1])),
            "was not ended: dirty"),
        marked("flyway_schema_history", "version", List.of("success"), row -> badlyIf("f".equals(row[1])),
            "failed: success is false"),
        marked("_sqlx_migrations", "version", List.of("success"), row -> badlyIf("f".equals(row[1])),
            "failed: success is false"),
        marked("_prisma_migrations", "migration_name", List.of("finished_at", "rolled_back_at"),
            row -> row[2] != null ? End.UNDONE : badlyIf(row[1] == null),
            "was not ended: finished_at and rolled_back_at are empty"),
        new ToolHistory("atlas_schema_revisions", "atlas_schema_revisions", "version", List.of("error"),
            row -> badlyIf(row[1] != null && !row[1].isEmpty()), "failed: it has an error"),
        plain("drizzle", "__drizzle_migrations", "created_at"),
        plain("public", "knex_migrations", "name"),
        plain("public", "pgmigrations", "name"),
        plain("public", "goose_db_version", "version_id"),
        plain("public", "gorp_migrations", "id"),
        plain("public", "__diesel_schema_migrations", "version"),
        plain("public", "schemaversion", "version"),
        plain("public", "SequelizeMeta", "name"),
        plain("public", "kysely_migration", "name"),
        plain("public", "mikro_orm_migrations", "name"));

    private static ToolHistory plain(String schema, String table, String version) {
        return new ToolHistory(schema, table, version, List.of(), row -> End.WELL, "");
    }

    private static ToolHistory marked(
        String table, String version, List<String> marks, Function<String[], End> end, String words) {
        return new ToolHistory("public", table, version, marks, end, words);
    }

    private static End badlyIf(boolean bad) { return bad ? End.BADLY : End.WELL; }

    /** Whether a table is one of these; of another's that is called so it has not the column. */
    public static boolean isOne(TableName name, List<String> columns) {
        return ALL.stream().anyMatch(each -> each.schema.equals(name.schema()) && each.table.equals(name.name())
            && columns.contains(each.version));
    }

    /**
     * The versions that all of them say were applied, and have ended well.
     *
     * @param session one that is in no transaction; what its role may not read is left out
     */
    public static Set<String> applied(Database session) {
        var applied = new LinkedHashSet<String>();
        for (var history : there(session))
            history.read(session, (version, end) -> {
                if (end == End.WELL) applied.add(version);
            });
        applied.remove("");
        return applied;
    }

    /**
     * The last version of the first of them that has any; empty when none has. One that has ended badly counts: it may
     * have left a part of what it does.
     */
    static String last(Database session) {
        for (var history : there(session)) {
            var last = new String[] {""};
            history.read(session, (version, end) -> {
                if (end != End.UNDONE && compare(version, last[0]) > 0) last[0] = version;
            });
            if (!last[0].isEmpty()) return last[0];
        }
        return "";
    }

    /** What they say of migrations that did not end well, as clauses. */
    public static List<String> wrong(Database session) {
        var wrong = new ArrayList<String>();
        for (var history : there(session)) {
            history.read(session, (version, end) -> {
                if (end != End.BADLY) return;
                var which = version.isEmpty() ? "one without a version" : version;
                wrong.add(history.schema + "." + history.table + " says that " + which + " " + history.words);
            });
        }
        return wrong;
    }

    /** Which of two versions comes behind the other, as {@link java.util.Comparator} says it. */
    public static int compare(String one, String other) {
        var numbers = one.matches("[0-9]+") && other.matches("[0-9]+");
        return numbers ? new BigInteger(one).compareTo(new BigInteger(other)) : one.compareTo(other);
    }

    /** Most databases have one of them, or none: looked up at once. */
    private static List<ToolHistory> there(Database session) {
        var names = ALL.stream().map(each -> each.schema + "." + each.table).toArray(String[]::new);
        var there = session.rows("""
            select n.nspname || '.' || c.relname from pg_catalog.pg_class c
            join pg_catalog.pg_namespace n on n.oid = c.relnamespace
            where n.nspname || '.' || c.relname = any(?::text[])""", row -> row[0], (Object) names);
        return ALL.stream().filter(each -> there.contains(each.schema + "." + each.table))
            .filter(each -> new PlainTable(session, each.schema, each.table).isReadable())
            .filter(each -> each.columns(session).contains(each.version)).toList();
    }

    private List<String> columns(Database session) { return new PlainTable(session, schema, table).columns(); }

    /** @param seen is given of each row its version, without what a terminal obeys, or empty; and how it has ended */
    private void read(Database session, BiConsumer<String, End> seen) {
        // Several tools call theirs alike, and not all of them keep how one has ended.
        var marked = columns(session).containsAll(marks);
        var columns = Stream.concat(Stream.of(version), marked ? marks.stream() : Stream.of()).toList();
        new PlainTable(session, schema, table).read(columns, row -> {
            var plain = row[0] == null ? "" : row[0].replaceAll("\\p{Cntrl}", "?");
            seen.accept(plain, marked ? end.apply(row) : End.WELL);
            return false;
        });
    }
}
