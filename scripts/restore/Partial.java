package restore;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import ops.Archive.Entry;
import ops.Database;
import ops.Failure;
import ops.Similar;
import ops.Snapshot;
import ops.TableName;

/**
 * A part of an archive: whole schemas; or tables with what is theirs (rows, keys, indexes, triggers, rights, sequences) and
 * what they need of their own schema, but for other tables.
 */
public final class Partial {
    private static final Set<String> BELONGS_TO_A_TABLE = Set.of("TABLE DATA", "DEFAULT", "SEQUENCE", "SEQUENCE OWNED BY", "SEQUENCE SET", "CONSTRAINT", "CHECK CONSTRAINT", "FK CONSTRAINT", "INDEX",
        "TABLE ATTACH", "INDEX ATTACH", "TRIGGER", "RULE", "POLICY", "ROW SECURITY", "STATISTICS", "COMMENT", "ACL", "SECURITY LABEL");

    private final List<Entry> entries;
    private final Map<String, Entry> byId = new HashMap<>();
    private final Set<Entry> chosen = new LinkedHashSet<>();
    private final Set<String> schemas = new TreeSet<>();
    private final List<String> leftOut = new ArrayList<>();
    private final List<String> wantedTables;

    /**
     * @param wantedSchemas exact names
     * @param wantedTables as SCHEMA.TABLE
     * @throws Failure.Usage naming what is not in the archive, and what was meant perhaps
     */
    public Partial(List<Entry> entries, List<String> wantedSchemas, List<String> wantedTables) {
        this.entries = entries;
        this.wantedTables = wantedTables;
        entries.forEach(entry -> byId.put(entry.id(), entry));
        wantedSchemas.forEach(this::addSchema);
        wantedTables.forEach(this::addTable);
        while (addWhatBelongs()) { }
        for (var entry : entries)
            if (BELONGS_TO_A_TABLE.contains(entry.description()) && !chosen.contains(entry) && entry.needs().stream().map(byId::get).anyMatch(chosen::contains)) leaveOut(entry);
    }

    /** Without a restrictive policy, what the others let through would be seen by more than before. */
    private void leaveOut(Entry entry) {
        if (!entry.description().equals("POLICY") || !entry.definition().contains(" AS RESTRICTIVE")) {
            leftOut.add(entry.toString());
            return;
        }
        var others = entry.needs().stream().map(byId::get).filter(other -> other != null && !chosen.contains(other) && isTable(other)).map(other -> " --table " + name(other)).collect(Collectors.joining());
        throw new Failure.Usage(entry + " keeps rows from who may not see them, and needs more than this part", (others.isEmpty() ? "" : "restore what it needs too:" + others + "; or ") + "restore the whole schema: --schema " + entry.schema());
    }

    private void addSchema(String name) {
        var inIt = entries.stream().filter(entry -> entry.schema().equals(name)).toList();
        if (inIt.isEmpty()) throw unknown("schema", name, entries.stream().map(Entry::schema).filter(schema -> !schema.isEmpty()).distinct().toList());
        chosen.addAll(inIt);
        schemas.add(name);
    }

    private void addTable(String name) {
        var all = entries.stream().filter(Partial::isTable).map(Partial::name).toList();
        var meant = TableName.meant(name, all);
        if (meant.isEmpty()) throw unknown("table", name, all.stream().map(TableName::toString).toList());
        if (meant.size() > 1) throw TableName.unclear(name, meant);
        var table = entries.stream().filter(entry -> isTable(entry) && name(entry).equals(meant.get(0))).findFirst().orElseThrow();
        var needed = new LinkedHashSet<Entry>();
        if (!collect(table, needed)) throw new Failure.Usage("table " + name + " can't be restored without others: it is a part of one, or inherits", "restore its whole schema: --schema " + table.schema());
        chosen.addAll(needed);
        schemas.add(table.schema());
    }

    private static boolean isTable(Entry entry) { return entry.description().equals("TABLE"); }

    private static TableName name(Entry table) { return new TableName(table.schema(), table.name()); }

    private static Failure unknown(String kind, String name, List<String> known) {
        return new Failure.Usage("there is no " + kind + " '" + name + "' in the backup", Similar.to(name, known).map(like -> "did you mean " + like + "?")
            .orElse("names are exact, and a table's has its schema; there are: " + known.stream().sorted().limit(10).collect(Collectors.joining(", "))));
    }

    /** One round; false when there was nothing to add. */
    private boolean addWhatBelongs() {
        var before = chosen.size();
        for (var entry : entries) {
            if (chosen.contains(entry) || !BELONGS_TO_A_TABLE.contains(entry.description()) || entry.needs().stream().map(byId::get).noneMatch(chosen::contains)) continue;
            var needed = new LinkedHashSet<Entry>();
            if (collect(entry, needed)) chosen.addAll(needed);
        }
        return chosen.size() > before;
    }

    /** Adds an entry with all it needs and is not chosen yet; false when that would be another table. What lies in other schemas is taken to be there. */
    private boolean collect(Entry entry, Set<Entry> needed) {
        if (chosen.contains(entry) || !needed.add(entry)) return true;
        return entry.needs().stream().map(byId::get).filter(other -> other != null && !other.schema().isEmpty() && other.schema().equals(entry.schema()))
            .allMatch(other -> isOthers(other) && !isPartition(other, entry) ? chosen.contains(other) : collect(other, needed));
    }

    private static boolean isOthers(Entry entry) { return Set.of("TABLE", "VIEW", "MATERIALIZED VIEW", "FOREIGN TABLE").contains(entry.description()); }

    /** Partitions come with the table that they are of. */
    private static boolean isPartition(Entry table, Entry attaching) { return attaching.description().equals("TABLE ATTACH") && table.name().equals(attaching.name()); }

    /**
     * Adds the creation of schemas that are not there.
     *
     * @return those that the archive does not create
     */
    public Set<String> create(Set<String> missing) {
        var others = new TreeSet<>(missing);
        for (var entry : entries)
            if (entry.description().equals("SCHEMA") && missing.contains(entry.name()) && entry.definition().startsWith("CREATE SCHEMA ")) {
                chosen.add(entry);
                others.remove(entry.name());
            }
        while (addWhatBelongs()) { }
        return others;
    }

    /** What is restored of the archive. */
    List<Entry> entries() { return entries.stream().filter(this::has).toList(); }

    /** Whether an entry is restored. */
    public boolean has(Entry entry) { return chosen.contains(entry); }

    /** Where all of it goes. */
    public Set<String> schemas() { return schemas; }

    /** What is a chosen table's, but needs more than was chosen. */
    public List<String> leftOut() { return leftOut; }

    /** Whether a table's rows are in it. */
    public boolean has(Snapshot.Table table) { return chosen.stream().anyMatch(entry -> isTable(entry) && name(entry).equals(table.table())); }

    /** Throws Refused, naming what is there, when one of the schemas is not empty: a part is added, and never replaces anything. */
    public void makeSureThatNothingIsThere(Database session, String env) {
        for (var schema : schemas) {
            var there = session.rows("""
                select coalesce(what, '') from pg_namespace n, lateral (
                    select relname as what from pg_class where relnamespace = n.oid and relkind in ('r', 'p', 'v', 'm', 'f', 'S')
                    union all select proname || '()' from pg_proc where pronamespace = n.oid
                    union all select typname from pg_type where typnamespace = n.oid and typtype in ('d', 'e', 'r') or typnamespace = n.oid and typtype = 'c' and exists (select from pg_class where oid = typrelid and relkind = 'c')
                    limit 6) each
                where nspname = ?""", row -> row[0], schema);
            if (there.isEmpty()) continue;
            var renamed = "in the database of '" + env + "', " + session.url + ", and in no other: ALTER SCHEMA " + Database.quote(schema) + " RENAME TO " + Database.quote(schema + "_before");
            throw new Failure.Refused("schema '" + schema + "' is not empty, and a part of a backup never replaces anything: it has " + String.join(", ", there.subList(0, Math.min(5, there.size()))) + (there.size() > 5 ? ", …" : ""),
                "move it out of the way, " + renamed + "; " + again(schema, there));
        }
    }

    /** A table that an earlier run has restored comes back with the others of one run: what they need of their schema comes once. */
    private String again(String schema, List<String> there) {
        if (wantedTables.isEmpty()) return "or leave --schema and --table out to replace all";
        var together = new LinkedHashSet<>(wantedTables);
        entries.stream().filter(Partial::isTable).filter(table -> table.schema().equals(schema) && there.contains(table.name())).map(table -> name(table).toString()).forEach(together::add);
        return "then ask for all tables that you want in one run: " + together.stream().map(table -> "--table " + table).collect(Collectors.joining(" "));
    }

    @Override public String toString() {
        var tables = chosen.stream().filter(Partial::isTable).map(entry -> name(entry).toString()).toList();
        return tables.size() > 5 ? tables.size() + " tables" : String.join(", ", tables);
    }
}
