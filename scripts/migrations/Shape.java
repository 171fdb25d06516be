package migrations;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import ops.Database;
import ops.Json;
import ops.TableName;

/**
 * What a database holds at one moment, by the server's own catalogs: its objects and where each table's rows lie.
 * Nothing of anybody's is executed.
 *
 * @param things by their ids
 * @param tables by their ids; a partitioned one with the parts of all its partitions
 */
record Shape(Map<String, Thing> things, Map<String, Table> tables) {
    /**
     * An object or a column.
     *
     * @param in the id of what it goes with; empty when it stands alone
     * @param words as in "column note of public.orders"
     * @param type of a column; empty otherwise
     */
    record Thing(String in, String words, String type) { }

    /** @param columns whose values are stored */
    record Table(TableName name, List<String> columns, List<Part> parts) { }

    /**
     * A table in which rows lie.
     *
     * @param file changes when the table is emptied or written anew
     * @param updated rows that this transaction has; -1 where the server does not count, as for deleted
     */
    record Part(String oid, String file, long updated, long deleted) { }

    /** Of ids "KIND OID"; a column's is "column OID NUMBER". */
    private static final String THINGS = """
        with named as (
            select oid, quote_ident(nspname) as name from pg_namespace
            where nspname !~ '^pg_' and nspname <> 'information_schema'),
        owner as (
            select classid, objid, deptype, min(refobjid::bigint) as oid from pg_depend
            where deptype = 'e' or deptype in ('a', 'i') and classid = 'pg_class'::regclass and refclassid = classid
            group by 1, 2, 3),
        relation as (
            select c.oid, relnamespace, relkind, relrowsecurity, n.name || '.' || quote_ident(relname) as name,
                case relkind when 'v' then 'view' when 'm' then 'materialized view' when 'f' then 'foreign table'
                    when 'S' then 'sequence' when 'c' then 'type' else 'table' end as kind
            from pg_class c join named n on n.oid = relnamespace where relkind in ('r', 'p', 'v', 'm', 'f', 'S', 'c')),
        typed as (
            select t.oid, typnamespace, n.name || '.' || quote_ident(typname) as name
            from pg_type t join named n on n.oid = typnamespace where typtype in ('e', 'd', 'r'))
        select 'schema ' || oid, '', 'schema ' || name, '' from named
        union all
        select 'relation ' || r.oid, coalesce('relation ' || o.oid, 'schema ' || relnamespace), kind || ' ' || name, ''
            from relation r left join owner o on relkind = 'S' and o.deptype <> 'e' and o.objid = r.oid
        union all
        select 'security ' || oid, 'relation ' || oid, 'row level security of ' || name, ''
            from relation where relrowsecurity
        union all
        select 'column ' || attrelid || ' ' || attnum, 'relation ' || attrelid,
            'column ' || quote_ident(attname) || ' of ' || name, format_type(atttypid, atttypmod)
            from pg_attribute join relation r on r.oid = attrelid
            where attnum > 0 and not attisdropped and relkind <> 'S'
        union all
        select 'trigger ' || t.oid, 'relation ' || tgrelid, 'trigger ' || quote_ident(tgname) || ' of ' || name, ''
            from pg_trigger t join relation r on r.oid = tgrelid where not tgisinternal
        union all
        select 'policy ' || p.oid, 'relation ' || polrelid, 'policy ' || quote_ident(polname) || ' of ' || name, ''
            from pg_policy p join relation r on r.oid = polrelid
        union all
        select 'function ' || p.oid, coalesce('extension ' || o.oid, 'schema ' || pronamespace),
            'function ' || n.name || '.' || quote_ident(proname) || '(' || oidvectortypes(proargtypes) || ')', ''
            from pg_proc p join named n on n.oid = pronamespace
            left join owner o on o.classid = 'pg_proc'::regclass and o.deptype = 'e' and o.objid = p.oid
        union all
        select 'type ' || t.oid, coalesce('extension ' || o.oid, 'schema ' || typnamespace), 'type ' || name, ''
            from typed t left join owner o on o.classid = 'pg_type'::regclass and o.deptype = 'e' and o.objid = t.oid
        union all
        select 'label ' || e.oid, 'type ' || enumtypid, 'value ' || quote_literal(enumlabel) || ' of ' || name, ''
            from pg_enum e join typed t on t.oid = enumtypid
        union all
        select 'extension ' || oid, '', 'extension ' || quote_ident(extname), '' from pg_extension
        order by 3""";
    private static final String PARTS = """
        with recursive tree(oid, root) as (
            select c.oid, c.oid from pg_class c join pg_namespace n on n.oid = relnamespace
            where relkind in ('r', 'p') and not relispartition
                and nspname !~ '^pg_' and nspname <> 'information_schema'
            union all
            select c.oid, root from tree join pg_inherits on inhparent = tree.oid join pg_class c on c.oid = inhrelid
            where relispartition and relkind in ('r', 'p')),
        counts(are) as (select current_setting('track_counts') = 'on')
        select root, nspname, r.relname, array_to_json(array(select attname from pg_attribute
                where attrelid = root and attnum > 0 and not attisdropped and attgenerated = '' order by attnum)),
            case when c.relkind = 'r' then c.oid end, c.relfilenode,
            case when counts.are then pg_stat_get_xact_tuples_updated(c.oid) end,
            case when counts.are then pg_stat_get_xact_tuples_deleted(c.oid) end
        from counts, tree join pg_class c on c.oid = tree.oid
        join pg_class r on r.oid = root join pg_namespace n on n.oid = r.relnamespace order by 2, 3""";

    /** Looks at all of it, the transaction of the session included. */
    static Shape of(Database session) {
        // In a search path of others' schemas even an operator may be theirs.
        var kept = session.one("select pg_catalog.current_setting('search_path')");
        session.execute("set search_path = pg_catalog, pg_temp");
        var things = new LinkedHashMap<String, Thing>();
        session.rows(THINGS, row -> things.put(row[0], new Thing(row[1], row[2], row[3])));
        var tables = new LinkedHashMap<String, Table>();
        session.rows(PARTS, row -> {
            var table = tables.computeIfAbsent(row[0], id -> table(row[1], row[2], row[3]));
            if (row[4] != null) table.parts.add(new Part(row[4], row[5], number(row[6]), number(row[7])));
            return true;
        });
        session.rows("select pg_catalog.set_config('search_path', ?, false)", row -> row, kept);
        return new Shape(things, tables);
    }

    private static Table table(String schema, String name, String columns) {
        var json = columns.getBytes(StandardCharsets.UTF_8);
        var names = Json.read(json, String[].class, "the columns of " + schema + "." + name);
        return new Table(new TableName(schema, name), List.of(names), new ArrayList<>());
    }

    private static long number(String text) { return text == null ? -1 : Long.parseLong(text); }

    /** The ids of tables that have lost rows, or may have, until a later moment. */
    Set<String> touched(Shape later) {
        var parts = new HashMap<String, Part>();
        later.tables.values().forEach(table -> table.parts.forEach(part -> parts.put(part.oid, part)));
        var touched = new HashSet<String>();
        tables.forEach((id, table) -> {
            if (table.parts.stream().anyMatch(part -> isTouched(id, part, parts.get(part.oid), later))) touched.add(id);
        });
        return touched;
    }

    private static boolean isTouched(String table, Part before, Part after, Shape later) {
        if (after == null || !before.file.equals(after.file)) return true;
        if (after.updated < 0 || after.updated > before.updated || after.deleted > before.deleted) return true;
        var now = later.tables.get(table);
        return now == null || !now.parts.contains(after);
    }

    /** Where a table of this moment is later: under its name, or as the same one under another. Null when gone. */
    Table now(String id, Shape later) {
        var name = tables.get(id).name;
        var named = later.tables.values().stream().filter(table -> table.name.equals(name)).findFirst();
        return named.orElse(later.tables.get(id));
    }
}
