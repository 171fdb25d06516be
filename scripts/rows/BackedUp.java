package rows;

import backups.Copy;
import java.io.IOException;
import java.io.OutputStream;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import ops.Archive;
import ops.Comparison;
import ops.Database;
import ops.DatabaseUrl;
import ops.Failure;
import ops.Manifest;
import ops.PartReader;
import ops.Run;
import ops.Settings;
import ops.TableName;

/**
 * Tables' rows of a backup in a database of a drill's server, loaded by a role that may nothing else.
 *
 * <p>No statement of the archive is executed: its rows are loaded as text, into tables of our making. Types are
 * PostgreSQL's own and come from the environment's database; a value becomes one of them only where it is compared.
 */
public final class BackedUp {
    private static final String ANOTHER = "take another: ./jbang backups list";

    final Database session;
    private final Map<Table, Loaded> loaded = new LinkedHashMap<>();
    private final Map<TableName, Long> taken = new HashMap<>();
    final AtomicLong done = new AtomicLong();

    /** @param database an empty one, for the role that owns it and may nothing else */
    public BackedUp(Run run, Settings settings, DatabaseUrl database) {
        session = Database.connect(database, settings, "handover rows " + settings.env);
        run.undo.add("close the session", session::close);
        // The views here are ours.
        session.execute("select pg_catalog.set_config(name, '', false) from pg_catalog.pg_settings"
            + " where name = 'restrict_nonsystem_relation_kind'");
        session.execute("set timezone = 'UTC'; set datestyle = 'ISO'; set intervalstyle = 'postgres'; create schema "
            + Loaded.SCHEMA);
    }

    /**
     * Loads what the backup has of some tables.
     *
     * @param attached what each partition is one of now: it may have been a table of its own
     * @return what was compared, in words
     * @throws Failure.NotVerified when it is not what the manifest says
     */
    public String load(PartReader reader, Manifest manifest, List<Table> tables, Map<TableName, TableName> attached)
        throws Exception {
        var wanted = tables.stream().collect(Collectors.toMap(Table::name, table -> table));
        for (var part : manifest.parts()) reader.read(part, raw -> load(new Archive(raw), wanted, attached));
        for (var each : loaded.values()) {
            session.execute("analyze " + each.rows());
            session.execute("create schema if not exists " + Database.quote(each.table().name().schema()) + "; "
                + each.view());
        }
        return Comparison.of(taken, manifest,
            manifest.tables().stream().filter(table -> taken.containsKey(table.table())).toList());
    }

    private void load(Archive archive, Map<TableName, Table> wanted, Map<TableName, TableName> attached)
        throws IOException {
        var wholes = new HashMap<>(attached);
        wholes.putAll(wholes(archive));
        var entries = archive.entries().stream().collect(Collectors.toMap(Archive.Entry::number, entry -> entry));
        while (archive.next()) {
            var entry = entries.get(archive.entry());
            var name = entry == null || entry.copy().isEmpty() ? null : new TableName(entry.schema(), entry.name());
            var table = wanted.get(whole(name, wanted, wholes));
            if (table == null) archive.data(OutputStream.nullOutputStream());
            else taken.put(name, load(archive, entry, table));
        }
    }

    /** The wanted table that another is, or is a part of; in a forged archive two may be parts of each other. */
    private static TableName whole(TableName part, Map<TableName, Table> wanted, Map<TableName, TableName> wholes) {
        var whole = part;
        for (var left = wholes.size(); left > 0 && !wanted.containsKey(whole); left--) whole = wholes.get(whole);
        return whole;
    }

    /** What each partition is one of. */
    private static Map<TableName, TableName> wholes(Archive archive) {
        var tables = archive.entries().stream().filter(entry -> entry.description().equals("TABLE"))
            .collect(Collectors.toMap(Archive.Entry::id, entry -> new TableName(entry.schema(), entry.name())));
        var wholes = new HashMap<TableName, TableName>();
        for (var entry : archive.entries()) {
            if (!entry.description().equals("TABLE ATTACH")) continue;
            var part = new TableName(entry.schema(), entry.name());
            entry.needs().stream().map(tables::get).filter(other -> other != null && !other.equals(part))
                .forEach(whole -> wholes.put(part, whole));
        }
        return wholes;
    }

    private long load(Archive archive, Archive.Entry entry, Table table) throws IOException {
        var copy = Copy.of(entry.toString(), entry.copy() + "\n");
        if (copy == null)
            throw new Failure.NotVerified("the backup does not say which columns its rows of " + table + " have",
                ANOTHER);
        var into = loaded.computeIfAbsent(table, each -> create(each, copy.names()));
        if (!into.has(copy.names()) || copy.names().size() != into.columns().size())
            throw new Failure.NotVerified("the backup has other columns in one partition of " + table
                + " than in another", ANOTHER);
        var columns = copy.names().stream().map(into::raw).collect(Collectors.joining(", "));
        return session.copyIn("copy " + into.rows() + " (" + columns + ") from stdin (encoding "
            + Database.literal(archive.encoding()) + ")", archive::data, done);
    }

    private Loaded create(Table table, List<String> columns) {
        var made = new Loaded(table, loaded.size(), columns);
        session.execute(made.created());
        return made;
    }

    Optional<Loaded> of(Table table) { return Optional.ofNullable(loaded.get(table)); }

    Collection<Loaded> all() { return loaded.values(); }

    /** Whether it has any rows of a table, be it none. */
    public boolean has(Table table) { return loaded.containsKey(table); }

    /** Whether rows of a table can be told from others. */
    public boolean hasKey(Table table) { return loaded.get(table).hasKey(); }

    /** Its columns that the table has no more. */
    public List<String> gone(Table table) {
        return loaded.get(table).columns().stream().filter(column -> table.column(column).isEmpty()).toList();
    }

    /** The table's columns that are written, of those that it has. */
    List<Table.Column> written(Table table) {
        var there = loaded.get(table).columns();
        return table.columns().stream().filter(column -> !column.generated() && there.contains(column.name())).toList();
    }

    /** Columns that must have a value, which it has not. */
    List<String> lacking(Table table) {
        return table.columns().stream().filter(column -> column.demanded() && !column.generated())
            .map(Table.Column::name).filter(column -> !loaded.get(table).columns().contains(column)).toList();
    }

    /** The encoding of {@link #rows}. */
    String encoding() { return session.one("select pg_catalog.current_setting('server_encoding')"); }

    /**
     * Writes what is to be put back of a table, as COPY does: whether a row replaces one that is there, its values, and
     * those of some columns once more.
     */
    void rows(Share share, OutputStream to) throws IOException {
        var from = loaded.get(share.table());
        var columns = Stream.concat(share.columns().stream(), share.twice().stream())
            .map(column -> ", " + from.raw(column.name())).collect(Collectors.joining());
        session.copyOut("copy (select what = " + Loaded.OVERWRITTEN + columns + " from " + from.rows()
            + " where what > 0 order by id) to stdout (encoding " + Database.literal(encoding()) + ")", to);
    }
}
