package ops;

import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * One moment of a database, held by an open transaction: pg_dump and the row counts both see exactly this.
 */
public final class Snapshot implements AutoCloseable {
    /** A table and its exact number of rows. */
    public record Table(String schema, String name, long rows) {
        @Override public String toString() { return schema + "." + name; }
    }

    /** A table, and what keeps the role from reading all of it; null when nothing does. */
    private record Found(String schema, String name, String obstacle) { }

    private final Database database;
    public final String id;
    public final Instant time;

    private Snapshot(Database database, String id, Instant time) {
        this.database = database;
        this.id = id;
        this.time = time;
    }

    /** Opens a snapshot on a session that is used for nothing else. */
    public static Snapshot open(Database database) {
        // With row_security off a policy that would hide rows is an error, as in pg_dump.
        database.execute("begin isolation level repeatable read read only; set local row_security = off");
        var row = database.rows("select pg_export_snapshot(), extract(epoch from now())", r -> r).get(0);
        var micros = new java.math.BigDecimal(row[1]).movePointRight(6).longValue();
        return new Snapshot(database, row[0], Instant.EPOCH.plus(micros, java.time.temporal.ChronoUnit.MICROS));
    }

    /** The tables whose rows the dump will hold, not yet counted. Throws BadSetting when the role can't read them all. */
    public List<Table> tables(Selection selection) {
        var wanted = all().stream()
            .filter(t -> selection.schemas().isEmpty() || selection.schemas().contains(t.schema))
            .filter(t -> !selection.excludeSchemas().contains(t.schema))
            .filter(t -> !selection.excludeTableData().contains(t.schema + "." + t.name)).toList();
        var blocked = wanted.stream().filter(t -> t.obstacle != null).toList();
        var role = Database.quote(database.url.user);
        if (!blocked.isEmpty())
            throw new Failure.BadSetting("role '" + database.url.user + "' can't read " + blocked.size() + " of " + wanted.size() + " tables: "
                    + blocked.stream().limit(5).map(t -> t.schema + "." + t.name + " (" + t.obstacle + ")").collect(Collectors.joining(", ")) + (blocked.size() > 5 ? ", …" : ""),
                "as a superuser: GRANT pg_read_all_data TO " + role + "; for row-level security also ALTER ROLE " + role + " BYPASSRLS");
        return wanted.stream().map(t -> new Table(t.schema, t.name, -1)).toList();
    }

    private List<Found> all() {
        return database.rows("""
            select n.nspname, c.relname, case
                when not has_schema_privilege(n.oid, 'usage') or not has_table_privilege(c.oid, 'select') then 'no right to read'
                when row_security_active(c.oid) then 'row-level security' end
            from pg_class c join pg_namespace n on n.oid = c.relnamespace
            where c.relkind = 'r' and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
              and not exists (select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
            order by 1, 2""", row -> new Found(row[0], row[1], row[2]));
    }

    /** Throws Usage, with the nearest name, when the selection names what is not there. */
    public void check(Selection selection) {
        var schemas = database.rows("select nspname from pg_namespace where nspname !~ '^pg_'", row -> row[0]);
        for (var schema : Stream.concat(selection.schemas().stream(), selection.excludeSchemas().stream()).toList())
            if (!schemas.contains(schema)) throw unknown("schema", schema, schemas);
        if (selection.excludeTableData().isEmpty()) return;
        var tables = all().stream().map(t -> t.schema + "." + t.name).toList();
        for (var table : selection.excludeTableData())
            if (!tables.contains(table)) throw unknown("table", table, tables);
    }

    private static Failure unknown(String kind, String name, List<String> known) {
        return new Failure.Usage("there is no " + kind + " '" + name + "' in the database",
            Similar.to(name, known).map(like -> "did you mean " + like + "?").orElse("names are exact, not patterns; there are: " + known.stream().limit(10).collect(Collectors.joining(", "))));
    }

    /** Counts every row of the tables in this snapshot. */
    public List<Table> count(List<Table> tables) {
        var counted = new ArrayList<Table>();
        for (var table : tables) {
            // "only": a partition's or a child's rows are its own table's, and are dumped with that.
            var rows = database.one("select count(*) from only " + Database.quote(table.schema) + "." + Database.quote(table.name));
            counted.add(new Table(table.schema, table.name, Long.parseLong(rows)));
        }
        return counted;
    }

    /** The database that it is of. */
    DatabaseUrl url() { return database.url; }

    @Override public void close() { database.close(); }
}
