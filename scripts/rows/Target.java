package rows;

import java.io.IOException;
import java.io.OutputStream;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import ops.Database;
import ops.Failure;
import ops.Setting;
import ops.Settings;
import ops.Similar;
import ops.TableName;
import rows.Table.Column;
import rows.Table.ForeignKey;

/**
 * What the environment's database says of its tables, without executing anything of theirs: the catalog is read, and
 * keys by COPY … TO STDOUT, which plans nothing. Keys are of one moment; both are looked at again where rows are put
 * back.
 */
public final class Target {
    private static final String TABLES = """
        select c.oid, n.nspname, c.relname, coalesce(pg_catalog.pg_partition_root(c.oid)::pg_catalog.oid, c.oid)
        from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
        where c.relkind in ('r', 'p') and c.relpersistence <> 't'
        and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
        order by 2, 3""";
    /** Those that a partition has from its parent are not listed again. */
    private static final String FOREIGN_KEYS = """
        select k.oid, coalesce(pg_catalog.pg_partition_root(k.conrelid)::pg_catalog.oid, k.conrelid),
            coalesce(pg_catalog.pg_partition_root(k.confrelid)::pg_catalog.oid, k.confrelid),
            k.confdeltype in ('n', 'd'), a.attname, r.attname,
            k.confdeltype = 'c' or pg_catalog.bool_and(a.attnotnull) over (partition by k.oid),
            pg_catalog.bool_or(o.oprnamespace <> 'pg_catalog'::pg_catalog.regnamespace or t.typtype = 'p'
                or exists (select from pg_catalog.pg_collation l
                    where l.oid in (a.attcollation, r.attcollation) and not l.collisdeterministic))
                over (partition by k.oid)
        from pg_catalog.pg_constraint k
        cross join lateral unnest(k.conkey, k.confkey, k.conpfeqop)
            with ordinality as pair(own, other, operator, place)
        join pg_catalog.pg_operator o on o.oid = pair.operator
        join pg_catalog.pg_type t on t.oid = o.oprleft
        join pg_catalog.pg_attribute a on a.attrelid = k.conrelid and a.attnum = pair.own
        join pg_catalog.pg_attribute r on r.attrelid = k.confrelid and r.attnum = pair.other
        where k.contype = 'f' and k.conparentid = 0 order by k.oid, pair.place""";
    /** A domain's base is what its values are. Names of objects (reg…) mean something in this database alone. */
    private static final String COLUMNS = """
        select a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod),
            case when t.typtype in ('b', 'r', 'm') and t.typnamespace = 'pg_catalog'::pg_catalog.regnamespace
                and t.typname !~ '^_?reg' then pg_catalog.format_type(t.oid, -1) else 'text' end,
            a.attgenerated <> '', a.attidentity = 'a', a.attnotnull and not a.atthasdef and a.attidentity = ''
        from pg_catalog.pg_attribute a join lateral (
            with recursive base as (
                select * from pg_catalog.pg_type where oid = a.atttypid
                union all select b.* from base
                join pg_catalog.pg_type b on base.typtype = 'd' and b.oid = base.typbasetype)
            select oid, typtype, typnamespace, typname from base where typtype <> 'd') t on true
        where a.attrelid = ?::pg_catalog.oid and a.attnum > 0 and not a.attisdropped order by a.attnum""";
    /** A unique index over columns that are never empty; the primary key's first. */
    private static final String KEY = """
        select i.indexrelid, a.attname from pg_catalog.pg_index i
        cross join lateral unnest(i.indkey) with ordinality as part(number, place)
        join pg_catalog.pg_attribute a on a.attrelid = i.indrelid and a.attnum = part.number
        where part.place <= i.indnkeyatts and i.indexrelid = (
            select u.indexrelid from pg_catalog.pg_index u
            where u.indrelid = ?::pg_catalog.oid and u.indisunique and u.indisvalid
            and u.indpred is null and u.indexprs is null
            and not exists (select from pg_catalog.pg_attribute c where c.attrelid = u.indrelid
                and c.attnum = any (u.indkey[0:u.indnkeyatts - 1]) and (not c.attnotnull or c.attgenerated <> ''))
            order by u.indisprimary desc, u.indnkeyatts, u.indexrelid limit 1)
        order by part.place""";
    private static final String KIND = """
        select relkind = 'p', pg_catalog.pg_has_role(relowner, 'usage')
        from pg_catalog.pg_class where oid = ?::pg_catalog.oid""";
    private static final String PARTS = """
        with recursive below(oid) as (
            select ?::pg_catalog.oid
            union all select i.inhrelid from pg_catalog.pg_inherits i join below on below.oid = i.inhparent
            join pg_catalog.pg_class part on part.oid = i.inhrelid where part.relispartition)
        select n.nspname, c.relname from below join pg_catalog.pg_class c on c.oid = below.oid
        join pg_catalog.pg_namespace n on n.oid = c.relnamespace where c.relkind = 'r' order by 1, 2""";

    private final Database session;
    private final Settings settings;
    /**
     * Whether the transaction has begun that all keys are read in: not before, since it keeps the server from tidying
     * up.
     */
    private boolean begun;
    private final Map<String, TableName> tables = new LinkedHashMap<>();
    /** By partition. */
    private final Map<TableName, TableName> wholes = new HashMap<>();
    private final List<ForeignKey> foreignKeys;
    private final Map<String, Table> described = new HashMap<>();

    /** @param session in no transaction */
    public Target(Database session, Settings settings) {
        this.session = session;
        this.settings = settings;
        var names = new HashMap<String, TableName>();
        var found = session.rows(TABLES, row -> row);
        for (var row : found) names.put(row[0], new TableName(row[1], row[2]));
        for (var row : found) {
            if (row[0].equals(row[3])) tables.put(row[0], names.get(row[0]));
            else if (names.containsKey(row[3])) wholes.put(names.get(row[0]), names.get(row[3]));
        }
        foreignKeys = foreignKeys(session.rows(FOREIGN_KEYS, row -> row));
    }

    private List<ForeignKey> foreignKeys(List<String[]> pairs) {
        var keys = new LinkedHashMap<String, ForeignKey>();
        for (var pair : pairs) {
            if (!tables.containsKey(pair[1]) || !tables.containsKey(pair[2])) continue;
            var key = keys.computeIfAbsent(pair[0],
                id -> new ForeignKey(pair[1], pair[2], new ArrayList<>(), new ArrayList<>(), is(pair[6]),
                    is(pair[3]) || !is(pair[6]), is(pair[7])));
            key.columns().add(pair[4]);
            key.referenced().add(pair[5]);
        }
        return List.copyOf(keys.values());
    }

    /**
     * The table that is meant.
     *
     * @throws Failure.Usage when there is none, or several may be meant
     */
    public Table table(String text) {
        var all = Stream.concat(tables.values().stream(), wholes.keySet().stream()).toList();
        var meant = TableName.meant(text, all);
        if (meant.size() > 1) throw TableName.unclear(text, meant);
        if (meant.isEmpty()) {
            var known = all.stream().map(TableName::toString).sorted().toList();
            throw new Failure.Usage("there is no table '" + text + "' in the database",
                Similar.to(text, known).map(like -> "did you mean " + like + "?")
                .orElse("names are exact, and a table's has its schema; there are: "
                    + known.stream().limit(10).collect(Collectors.joining(", "))
                    + "; a table that is gone comes back by ./jbang restore-db --table, into an empty schema"));
        }
        var name = meant.get(0);
        var whole = wholes.get(name);
        if (whole != null)
            throw new Failure.Usage(name + " is a partition of " + whole, "name the whole table: --table " + whole);
        var oid = tables.keySet().stream().filter(each -> tables.get(each).equals(name)).findFirst();
        return described(oid.orElseThrow());
    }

    /** The table, those that point to it (and those that point to them), and whatever all of these point to. */
    public List<Table> related(Table table) {
        var found = new LinkedHashSet<>(Set.of(table.oid()));
        while (addAll(found, ForeignKey::parent, ForeignKey::child)) { }
        while (addAll(found, ForeignKey::child, ForeignKey::parent)) { }
        return found.stream().map(this::described).toList();
    }

    private boolean addAll(Set<String> found, Function<ForeignKey, String> from, Function<ForeignKey, String> to) {
        return found.addAll(foreignKeys.stream().filter(key -> found.contains(from.apply(key))).map(to).toList());
    }

    public List<ForeignKey> foreignKeys() { return foreignKeys; }

    /** What each partition is one of. */
    public Map<TableName, TableName> partitions() { return Map.copyOf(wholes); }

    private Table described(String oid) {
        return described.computeIfAbsent(oid, each -> describe(session, each, tables.get(each)));
    }

    static Table describe(Database session, String oid, TableName name) {
        var kind = session.rows(KIND, row -> row, oid);
        if (kind.isEmpty())
            throw new Failure.Failed("table " + name + " has just been dropped",
                "see who is at work there, then run it again");
        var columns = session.rows(COLUMNS,
            row -> new Column(row[0], row[1], row[2], is(row[3]), is(row[4]), is(row[5])), oid);
        return new Table(oid, name, is(kind.get(0)[0]), is(kind.get(0)[1]),
            session.rows(PARTS, row -> new TableName(row[0], row[1]), oid), columns,
            session.rows(KEY, row -> row[1], oid));
    }

    private static boolean is(String value) { return value.equals("t"); }

    /**
     * Throws BadSetting when the role sees only some rows of a table: what it does not see would be taken for missing.
     */
    static void refusePolicies(Database session, Settings settings, Table table) {
        if (session.one("select pg_catalog.row_security_active(?::pg_catalog.oid)", table.oid()).equals("t"))
            throw new Failure.BadSetting("policies of " + table + " decide which of its rows role " + session.url.user
                + " sees and may write",
                "name a role that has BYPASSRLS, or owns the table without FORCE ROW LEVEL SECURITY: "
                    + settings.where(Setting.DATABASE_URL));
    }

    /** The encoding of {@link #keys}. */
    String encoding() { return session.one("select pg_catalog.current_setting('server_encoding')"); }

    /** Writes the keys of a table's rows, as COPY does. */
    void keys(Table table, OutputStream to) throws IOException {
        if (!begun) {
            session.execute("begin isolation level repeatable read read only; set local lock_timeout = '"
                + settings.number(Setting.DB_LOCK_SECONDS) + "s'; "
                + "set local datestyle = 'ISO'; set local intervalstyle = 'postgres'");
            begun = true;
        }
        refusePolicies(session, settings, table);
        for (var part : table.parts())
            session.copyOut("copy " + part.sql() + " (" + Table.quoted(table.key()) + ") to stdout (encoding "
                + Database.literal(encoding()) + ")", to);
    }

    /** Ends that transaction. */
    public void close() { session.rollback(); }
}
