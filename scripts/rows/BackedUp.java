package rows;

import backups.Copy;
import java.io.IOException;
import java.io.OutputStream;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
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
import rows.Table.ForeignKey;

/**
 * Tables' rows of a backup in a database of a drill's server, loaded by a role that may nothing else.
 *
 * <p>No statement of the archive is executed: its rows are loaded as text, into tables of our making. Types are
 * PostgreSQL's own and come from the environment's database; a value becomes one of them only where it is compared.
 */
public final class BackedUp {
    /** What becomes of a table's rows: how many. */
    public record Found(Table table, long chosen, long missing, long overwritten, long changed) {
        public boolean isToDo() { return missing + overwritten > 0; }
    }

    private static final String OURS = "\"handover rows\"";
    /** What a row is: one that is chosen and missing, or pointed at such a one and is missing; one that others need. */
    private static final int MISSING = 1, NEEDED = 2, OVERWRITTEN = 3, CHOSEN = 9;

    /** The columns of one, as the backup has them. */
    private record Loaded(Table table, int number, List<String> columns) {
        String rows() { return OURS + ".r" + number; }

        String keys() { return OURS + ".k" + number; }

        boolean has(List<String> names) { return columns.containsAll(names); }

        String raw(String name) { return "c" + columns.indexOf(name); }

        /** A value as one of its own type. */
        String value(String alias, String name) { return alias + "." + raw(name) + "::" + plain(name); }

        String plain(String name) { return table.column(name).map(Table.Column::plain).orElse("text"); }

        boolean hasKey() { return !table.key().isEmpty() && has(table.key()); }
    }

    private final Run run;
    private final Database session;
    private final Target target;
    private final Map<Table, Loaded> loaded = new LinkedHashMap<>();
    private final Map<String, Loaded> byOid = new HashMap<>();
    private final Map<TableName, Long> taken = new HashMap<>();
    private final Set<Loaded> known = new LinkedHashSet<>();
    private final AtomicLong done = new AtomicLong();

    /** @param database an empty one, for the role that owns it and may nothing else */
    public BackedUp(Run run, Settings settings, DatabaseUrl database, Target target) {
        this.run = run;
        this.target = target;
        session = Database.connect(database, settings, "handover rows " + settings.env);
        run.undo.add("close the session", session::close);
        // The views here are ours.
        session.execute("select pg_catalog.set_config(name, '', false) from pg_catalog.pg_settings where name = 'restrict_nonsystem_relation_kind'");
        session.execute("set timezone = 'UTC'; set datestyle = 'ISO'; set intervalstyle = 'postgres'; create schema " + OURS);
    }

    /**
     * Loads what the backup has of some tables.
     *
     * @return what was compared, in words
     * @throws Failure.NotVerified when it is not what the manifest says
     */
    public String load(PartReader reader, Manifest manifest, List<Table> tables) throws Exception {
        var wanted = new HashMap<TableName, Table>();
        for (var table : tables) wanted.put(table.name(), table);
        for (var part : manifest.parts()) reader.read(part, raw -> load(new Archive(raw), wanted));
        for (var each : loaded.values()) index(each);
        return Comparison.of(taken, manifest, manifest.tables().stream().filter(table -> taken.containsKey(table.table())).toList());
    }

    private void load(Archive archive, Map<TableName, Table> wanted) throws IOException {
        var wholes = wholes(archive);
        var entries = archive.entries().stream().collect(Collectors.toMap(Archive.Entry::number, entry -> entry));
        while (archive.next()) {
            var entry = entries.get(archive.entry());
            var name = entry == null || entry.copy().isEmpty() ? null : new TableName(entry.schema(), entry.name());
            var whole = name;
            while (whole != null && !wanted.containsKey(whole)) whole = wholes.remove(whole);
            if (whole == null) archive.data(OutputStream.nullOutputStream());
            else taken.put(name, load(archive, entry, wanted.get(whole)));
        }
    }

    /** What each partition is one of. */
    private static Map<TableName, TableName> wholes(Archive archive) {
        var tables = archive.entries().stream().filter(entry -> entry.description().equals("TABLE")).collect(Collectors.toMap(Archive.Entry::id, entry -> new TableName(entry.schema(), entry.name())));
        var wholes = new HashMap<TableName, TableName>();
        for (var entry : archive.entries()) {
            if (!entry.description().equals("TABLE ATTACH")) continue;
            var part = new TableName(entry.schema(), entry.name());
            entry.needs().stream().map(tables::get).filter(other -> other != null && !other.equals(part)).forEach(whole -> wholes.put(part, whole));
        }
        return wholes;
    }

    private long load(Archive archive, Archive.Entry entry, Table table) throws IOException {
        var copy = Optional.ofNullable(Copy.of(entry.toString(), entry.copy() + "\n"))
            .orElseThrow(() -> new Failure.NotVerified("the backup does not say which columns its rows of " + table + " have", "take another: ./jbang backups list"));
        var into = loaded.computeIfAbsent(table, each -> create(each, copy.names()));
        if (!into.has(copy.names()) || copy.names().size() != into.columns.size())
            throw new Failure.NotVerified("the backup has other columns in one partition of " + table + " than in another", "take another: ./jbang backups list");
        var columns = copy.names().stream().map(into::raw).collect(Collectors.joining(", "));
        return session.copyIn("copy " + into.rows() + " (" + columns + ") from stdin (encoding " + Database.literal(archive.encoding()) + ")", archive::data, done);
    }

    private Loaded create(Table table, List<String> columns) {
        var made = new Loaded(table, loaded.size(), columns);
        byOid.put(table.oid(), made);
        session.execute("create table " + made.rows() + " (id bigint generated always as identity, what smallint not null default 0, "
            + IntStream.range(0, columns.size()).mapToObj(number -> "c" + number + " text").collect(Collectors.joining(", ")) + ")");
        return made;
    }

    /** For the planner, and a view for conditions: with the table's own name, and values of their own types. */
    private void index(Loaded table) {
        var number = numberColumn(table);
        var schema = Database.quote(table.table.name().schema());
        session.execute("analyze " + table.rows() + "; create schema if not exists " + schema + "; create view " + table.table.name().sql() + " as select r.id as " + Database.quote(number)
            + table.columns.stream().map(column -> ", " + table.value("r", column) + " as " + Database.quote(column)).collect(Collectors.joining()) + " from " + table.rows() + " r");
    }

    private static String numberColumn(Loaded table) {
        var name = "handover row";
        while (table.columns.contains(name)) name += "_";
        return name;
    }

    /** Whether it has any rows of a table, be it none. */
    public boolean has(Table table) { return loaded.containsKey(table); }

    /** Whether rows of a table can be told from others. */
    public boolean hasKey(Table table) { return loaded.get(table).hasKey(); }

    /** Its columns that the table has no more. */
    public List<String> gone(Table table) { return loaded.get(table).columns.stream().filter(column -> table.column(column).isEmpty()).toList(); }

    /** The table's columns that are written, of those that it has. */
    public List<String> written(Table table) {
        return table.columns().stream().filter(column -> !column.generated()).map(Table.Column::name).filter(loaded.get(table).columns::contains).toList();
    }

    /** Columns that must have a value, which it has not. */
    public List<String> lacking(Table table) {
        return table.columns().stream().filter(column -> column.demanded() && !column.generated()).map(Table.Column::name).filter(column -> !loaded.get(table).columns.contains(column)).toList();
    }

    /**
     * Finds what is to be put back: the chosen rows of a table that are missing, what pointed to these and is missing, and
     * what all of these point to and is missing.
     *
     * @param condition empty for all rows
     * @param overwrite whether chosen rows that are there are to be as in the backup
     */
    public List<Found> choose(Table table, Optional<String> condition, boolean overwrite) throws IOException {
        var first = loaded.get(table);
        var chosen = mark(first, condition);
        if (chosen > 0) {
            know(first);
            count("update " + first.rows() + " r set what = case when " + isMissing(first) + " then " + MISSING + " else " + (overwrite ? OVERWRITTEN : 0) + " end where what = " + CHOSEN);
        }
        // What they need comes for their sake alone, and pulls nothing: with an order its customer, but not all his orders.
        do {
            while (pointing(true)) { }
            while (needed()) { }
        } while (pointing(false));
        var found = new ArrayList<Found>();
        for (var each : target.related(table).stream().map(loaded::get).filter(Objects::nonNull).toList())
            found.add(new Found(each.table, each == first ? chosen : 0, number(each, MISSING) + number(each, NEEDED), number(each, OVERWRITTEN), changed(each)));
        return found;
    }

    private long mark(Loaded table, Optional<String> condition) {
        if (condition.isEmpty()) return count("update " + table.rows() + " r set what = " + CHOSEN);
        session.execute("set search_path = " + Database.quote(table.table.name().schema()));
        var complaint = session.attempt("update " + table.rows() + " set what = " + CHOSEN + " where id in (select " + Database.quote(numberColumn(table)) + " from " + table.table.name().sql()
            + " where (\n" + condition.get() + "\n))");
        session.execute("reset search_path");
        if (complaint.isEmpty()) return number(table, CHOSEN);
        var said = complaint.get();
        throw new Failure.Usage("--where can't be asked of the backup's rows: " + said.message() + (said.hint().isEmpty() ? "" : " (" + said.hint() + ")"),
            "it is asked where there are only PostgreSQL's own types and functions, and these tables: " + loaded.keySet().stream().map(Table::toString).collect(Collectors.joining(", "))
                + "; a value of a type of yours is a text there, and what is generated is not there");
    }

    /**
     * One round of rows that pointed to missing ones; false when there were none.
     *
     * @param owned only those that can't be without them, or the others; one that was only needed so far is more then
     */
    private boolean pointing(boolean owned) throws IOException {
        var more = 0L;
        for (var key : target.foreignKeys()) {
            if (key.owning() != owned || !isAsked(key)) continue;
            var child = byOid.get(key.child());
            var pointing = "r.what in (0" + (owned ? ", " + NEEDED : "") + ") and " + pointsToMissing(key);
            if (!any(child, pointing)) continue;
            if (child.hasKey()) know(child);
            else if (key.clears()) continue;
            more += count("update " + child.rows() + " r set what = " + MISSING + " where " + pointing + " and " + isMissing(child));
        }
        return more > 0;
    }

    private boolean isAsked(ForeignKey key) {
        var child = byOid.get(key.child());
        var parent = byOid.get(key.parent());
        return child != null && parent != null && child.has(key.columns()) && parent.has(key.referenced());
    }

    /** A condition on a child's row. */
    private String pointsToMissing(ForeignKey key) {
        return "exists (select from " + byOid.get(key.parent()).rows() + " p where p.what = " + MISSING + " and " + matches(key, "r", "p") + ")";
    }

    private String matches(ForeignKey key, String child, String parent) {
        return IntStream.range(0, key.columns().size()).mapToObj(i -> byOid.get(key.child()).value(child, key.columns().get(i)) + " = " + byOid.get(key.parent()).value(parent, key.referenced().get(i)))
            .collect(Collectors.joining(" and "));
    }

    /** One round of rows that are needed; false when there were none. */
    private boolean needed() throws IOException {
        var more = 0L;
        for (var key : target.foreignKeys()) {
            if (!isAsked(key)) continue;
            var parent = byOid.get(key.parent());
            var isNeeded = "r.what = 0 and exists (select from " + byOid.get(key.child()).rows() + " c where c.what > 0 and " + matches(key, "c", "r") + ")";
            if (!parent.hasKey() || !any(parent, isNeeded)) continue;
            know(parent);
            more += count("update " + parent.rows() + " r set what = " + NEEDED + " where " + isNeeded + " and " + isMissing(parent));
        }
        return more > 0;
    }

    /** Rows that pointed to missing ones and are there all the same: so they point elsewhere now. */
    private long changed(Loaded child) {
        var pointed = target.foreignKeys().stream().filter(key -> byOid.get(key.child()) == child && isAsked(key)).map(this::pointsToMissing).collect(Collectors.joining(" or "));
        return pointed.isEmpty() ? 0 : Long.parseLong(session.one("select count(*) from " + child.rows() + " r where r.what = 0 and (" + pointed + ")"));
    }

    /** A row without a key that pointed to a missing one can't be there: the foreign key sees to it. */
    private static String isMissing(Loaded table) {
        if (!table.hasKey()) return "true";
        var key = table.table.key();
        return "not exists (select from " + table.keys() + " k where "
            + IntStream.range(0, key.size()).mapToObj(i -> "k.k" + i + " = " + table.value("r", key.get(i))).collect(Collectors.joining(" and ")) + ")";
    }

    /** Fetches the keys of the rows that are there, once. */
    private void know(Loaded table) throws IOException {
        if (!known.add(table)) return;
        var key = table.table.key();
        session.execute("create table " + table.keys() + " (" + IntStream.range(0, key.size()).mapToObj(i -> "k" + i + " " + table.plain(key.get(i))).collect(Collectors.joining(", ")) + ")");
        session.copyIn("copy " + table.keys() + " from stdin (encoding " + Database.literal(target.encoding()) + ")", to -> target.keys(table.table, to), done);
        session.execute("analyze " + table.keys());
    }

    private boolean any(Loaded table, String condition) { return session.one("select exists (select from " + table.rows() + " r where " + condition + ")").equals("t"); }

    private long number(Loaded table, int what) { return Long.parseLong(session.one("select count(*) from " + table.rows() + " where what = " + what)); }

    private long count(String update) { return Long.parseLong(session.one("with changed as (" + update + " returning 1) select count(*) from changed")); }

    /** The encoding of {@link #rows}. */
    String encoding() { return session.one("select pg_catalog.current_setting('server_encoding')"); }

    /** Writes what is to be put back of a table, as COPY does: whether a row replaces one that is there, and its written columns. */
    void rows(Table table, OutputStream to) throws IOException {
        var from = loaded.get(table);
        session.copyOut("copy (select what = " + OVERWRITTEN + written(table).stream().map(column -> ", " + from.raw(column)).collect(Collectors.joining())
            + " from " + from.rows() + " where what > 0 order by id) to stdout (encoding " + Database.literal(encoding()) + ")", to);
    }
}
