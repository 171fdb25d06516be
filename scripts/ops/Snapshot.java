package ops;

import java.time.Instant;
import java.util.List;
import java.util.stream.Collectors;

/**
 * One moment of a database, held by an open transaction: pg_dump and the list of tables both see exactly this.
 *
 * <p>No table is ever read here, and none is named in a query: to plan a query of somebody's table may already call
 * somebody's function. The rows are counted in the archive.
 */
public final class Snapshot implements AutoCloseable {
    /** A table and its exact number of rows. */
    public record Table(String schema, String name, long rows) {
        public TableName table() { return new TableName(schema, name); }

        @Override public String toString() { return table().toString(); }
    }

    /**
     * A table of the database.
     *
     * @param obstacle what keeps the role from reading all of it; null when nothing does
     * @param extension whether it belongs to one: then pg_dump decides whether its rows are in the archive
     * @param unlogged whether a standby does not have its rows
     */
    record Found(TableName table, String obstacle, boolean extension, boolean unlogged) { }

    /**
     * The tables of which a dump has the rows.
     *
     * @param tables not yet counted
     * @param maybe those of extensions, of which it may have them
     * @param lost unlogged ones, which a standby has without their rows
     */
    public record Listed(List<Table> tables, List<TableName> maybe, List<TableName> lost) { }

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
        database.execute("begin isolation level repeatable read read only");
        var row = database.only("select pg_catalog.pg_export_snapshot(), extract(epoch from pg_catalog.now())", r -> r);
        var micros = new java.math.BigDecimal(row[1]).movePointRight(6).longValue();
        return new Snapshot(database, row[0], Instant.EPOCH.plus(micros, java.time.temporal.ChronoUnit.MICROS));
    }

    /** The tables whose rows the dump will hold. Throws BadSetting when the role can't read them all. */
    public Listed tables(Selection selection) {
        var standby = database.one("select pg_catalog.pg_is_in_recovery()").equals("t");
        var all = all(database);
        var wanted = all.stream().filter(found -> !found.extension && selection.hasRowsOf(found.table)).toList();
        var blocked = wanted.stream().filter(found -> found.obstacle != null).toList();
        if (!blocked.isEmpty()) throw unreadable(blocked, wanted.size());
        return new Listed(wanted.stream().filter(found -> !(standby && found.unlogged)).map(found -> new Table(found.table.schema(), found.table.name(), -1)).toList(),
            all.stream().filter(Found::extension).map(Found::table).toList(),
            wanted.stream().filter(found -> standby && found.unlogged).map(Found::table).toList());
    }

    private Failure unreadable(List<Found> blocked, int of) {
        var role = Database.quote(database.url.user);
        return new Failure.BadSetting("role '" + database.url.user + "' can't read " + blocked.size() + " of " + Amount.count(of, "table") + ": "
                + blocked.stream().limit(5).map(found -> found.table + " (" + found.obstacle + ")").collect(Collectors.joining(", ")) + (blocked.size() > 5 ? ", …" : ""),
            "as a superuser: GRANT pg_read_all_data TO " + role + "; for row-level security also ALTER ROLE " + role + " BYPASSRLS");
    }

    /** Every table that has rows of its own: partitions, but not what they are of; no view, and nothing on another server. */
    static List<Found> all(Database database) {
        return database.rows("""
            select n.nspname, c.relname, case
                when not has_schema_privilege(n.oid, 'usage') or not has_table_privilege(c.oid, 'select') then 'no right to read'
                when row_security_active(c.oid) then 'row-level security' end,
                exists (select from pg_catalog.pg_depend d
                    where d.classid = 'pg_catalog.pg_class'::regclass and d.objid = c.oid and d.deptype = 'e'), c.relpersistence = 'u'
            from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
            where c.relkind = 'r' and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
            order by 1, 2""", row -> new Found(new TableName(row[0], row[1]), row[2], row[3].equals("t"), row[4].equals("t")));
    }

    /** Some tables in words: the first ones. */
    public static String names(List<TableName> tables) {
        return tables.stream().limit(5).map(TableName::toString).collect(Collectors.joining(", ")) + (tables.size() > 5 ? ", … (" + tables.size() + ")" : "");
    }

    /** Who may do what in it. */
    public List<Rights.Right> rights(Selection selection, boolean supabase) { return Rights.of(database, selection, supabase); }

    /** The database that it is of. */
    DatabaseUrl url() { return database.url; }

    @Override public void close() { database.close(); }
}
