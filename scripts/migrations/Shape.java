package migrations;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import ops.Database;
import ops.Json;
import ops.TableName;

/**
 * What a database holds at one moment, by the server's own catalogs: its objects and where each table's rows lie.
 * Nothing of anybody's is executed.
 *
 * @param things by their ids
 * @param tables by their ids; a partitioned one with the parts of all its partitions
 * @param sequences the last number that each has given, negated where it counts down; null before the first
 * @param objects what this transaction has done to large objects
 */
record Shape(Map<String, Thing> things, Map<String, Table> tables, Map<String, Long> sequences, Objects objects) {
    /**
     * An object or a column.
     *
     * @param in the id of what it goes with; empty when it stands alone
     * @param words as in "column note of public.orders"
     * @param type of a column; what a role may, as in "INSERT, SELECT", of rights; empty otherwise
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

    /** Large objects that were removed, and pages of them that were written anew or cut off. */
    record Objects(long removed, long changed) { }

    /** Of ids "KIND OID"; a column's is "column OID NUMBER", and so are those of what belongs to it. */
    private static final String THINGS = """
        with named as (
            select oid, nspowner, nspacl, quote_ident(nspname) as name from pg_namespace
            where nspname !~ '^pg_' and nspname <> 'information_schema'),
        owner as (
            select classid, objid, deptype, min(refobjid::bigint) as oid from pg_depend
            where deptype = 'e' or deptype in ('a', 'i') and classid = 'pg_class'::regclass and refclassid = classid
            group by 1, 2, 3),
        relation as (
            select c.oid, relnamespace, relkind, relrowsecurity, relispopulated, relispartition, relowner, relacl,
                n.name || '.' || quote_ident(relname) as name,
                case relkind when 'v' then 'view' when 'm' then 'materialized view' when 'f' then 'foreign table'
                    when 'S' then 'sequence' when 'c' then 'type' else 'table' end as kind
            from pg_class c join named n on n.oid = relnamespace where relkind in ('r', 'p', 'v', 'm', 'f', 'S', 'c')),
        typed as (
            select t.oid, typnamespace, n.name || '.' || quote_ident(typname) as name
            from pg_type t join named n on n.oid = typnamespace where typtype in ('e', 'd', 'r')),
        stored as (
            select attrelid || ' ' || attnum as id, attrelid, attnum, attnotnull, attidentity, attgenerated,
                'column ' || quote_ident(attname) || ' of ' || name as words, format_type(atttypid, atttypmod) as type
            from pg_attribute join relation r on r.oid = attrelid
            where attnum > 0 and not attisdropped and relkind <> 'S'),
        called as (
            select p.oid, pronamespace, proowner, proacl, o.oid as extension,
                'function ' || n.name || '.' || quote_ident(proname) || '(' || oidvectortypes(proargtypes) || ')' as name
            from pg_proc p join named n on n.oid = pronamespace
            left join owner o on o.classid = 'pg_proc'::regclass and o.deptype = 'e' and o.objid = p.oid),
        granted as (
            select 'schema ' || oid as thing, 'schema ' || name as words, coalesce(nspacl, acldefault('n', nspowner)) as acl
                from named
            union all
            select 'relation ' || oid, kind || ' ' || name,
                coalesce(relacl, acldefault(case relkind when 'S' then 's' else 'r' end::"char", relowner))
                from relation where relkind <> 'c' and not relispartition
            union all
            select 'function ' || oid, name, coalesce(proacl, acldefault('f', proowner)) from called where extension is null)
        select 'schema ' || oid, '', 'schema ' || name, '' from named
        union all
        select 'relation ' || r.oid, coalesce('relation ' || o.oid, 'schema ' || relnamespace), kind || ' ' || name, ''
            from relation r left join owner o on relkind = 'S' and o.deptype <> 'e' and o.objid = r.oid
        union all
        select 'security ' || oid, 'relation ' || oid, 'row level security of ' || name, ''
            from relation where relrowsecurity
        union all
        select 'content ' || oid, 'relation ' || oid, 'content of ' || kind || ' ' || name, ''
            from relation where relkind = 'm' and relispopulated
        union all
        select 'column ' || id, 'relation ' || attrelid, words,
            type || case when attgenerated = '' then '' else ', generated' end from stored
        union all
        select 'default ' || id, 'column ' || id, 'default of ' || words, ''
            from stored join pg_attrdef on adrelid = attrelid and adnum = attnum where attgenerated = ''
        union all
        select 'identity ' || id, 'column ' || id, 'identity of ' || words, '' from stored where attidentity <> ''
        union all
        select 'notnull ' || id, 'column ' || id, 'NOT NULL of ' || words, '' from stored where attnotnull
        union all
        select 'constraint ' || c.oid, 'relation ' || conrelid,
            'constraint ' || quote_ident(conname) || ' of ' || name, ''
            from pg_constraint c join relation r on r.oid = conrelid
            where contype in ('p', 'u', 'x', 'c', 'f') and conparentid = 0 and coninhcount = 0
        union all
        select 'index ' || i.indexrelid, 'relation ' || indrelid,
            'unique index ' || quote_ident(c.relname) || ' of ' || name, ''
            from pg_index i join relation r on r.oid = indrelid join pg_class c on c.oid = indexrelid
            where indisunique and not c.relispartition
                and not exists (select from pg_constraint where conindid = indexrelid and contype in ('p', 'u', 'x'))
        union all
        select 'rights ' || grantee || ' ' || thing, thing,
            coalesce('role ' || quote_ident(rolname), 'everybody') || ' on ' || words,
            string_agg(privilege_type, ', ' order by privilege_type)
            from granted cross join aclexplode(acl) left join pg_roles on pg_roles.oid = grantee
            where grantee = 0 or rolname is not null group by grantee, rolname, thing, words
        union all
        select 'trigger ' || t.oid, 'relation ' || tgrelid, 'trigger ' || quote_ident(tgname) || ' of ' || name, ''
            from pg_trigger t join relation r on r.oid = tgrelid where not tgisinternal
        union all
        select 'policy ' || p.oid, 'relation ' || polrelid, 'policy ' || quote_ident(polname) || ' of ' || name, ''
            from pg_policy p join relation r on r.oid = polrelid
        union all
        select 'function ' || oid, coalesce('extension ' || extension, 'schema ' || pronamespace), name, '' from called
        union all
        select 'type ' || t.oid, coalesce('extension ' || o.oid, 'schema ' || typnamespace), 'type ' || name, ''
            from typed t left join owner o on o.classid = 'pg_type'::regclass and o.deptype = 'e' and o.objid = t.oid
        union all
        select 'label ' || e.oid, 'type ' || enumtypid, 'value ' || quote_literal(enumlabel) || ' of ' || name, ''
            from pg_enum e join typed t on t.oid = enumtypid
        union all
        select 'publication ' || oid, '', 'publication ' || quote_ident(pubname), '' from pg_publication
        union all
        select 'published ' || p.oid, 'publication ' || prpubid, name || ' in publication ' || quote_ident(pubname), ''
            from pg_publication_rel p join relation r on r.oid = prrelid join pg_publication b on b.oid = prpubid
        union all
        select 'extension ' || oid, '', 'extension ' || quote_ident(extname), '' from pg_extension
        order by 3""";
    /** Of those that the role may look at. */
    private static final String SEQUENCES = """
        select 'sequence ' || quote_ident(nspname) || '.' || quote_ident(relname),
            case when seqincrement < 0 then -1 else 1 end * pg_sequence_last_value(c.oid)
        from pg_class c join pg_namespace n on n.oid = relnamespace join pg_sequence on seqrelid = c.oid
        where nspname !~ '^pg_' and case relkind when 'S' then has_sequence_privilege(c.oid, 'select, usage') end
        order by 1""";
    private static final String OBJECTS = """
        select pg_stat_get_xact_tuples_deleted('pg_largeobject_metadata'::regclass),
            pg_stat_get_xact_tuples_updated('pg_largeobject'::regclass)
                + pg_stat_get_xact_tuples_deleted('pg_largeobject'::regclass)""";
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
        // A migration may have left a role that sees less, and little time. In a search path of others' schemas even an
        // operator may be theirs.
        var kept = session.one("select pg_catalog.current_setting('search_path')");
        session.execute("reset session authorization; reset role; set statement_timeout = 0;"
            + " set search_path = pg_catalog, pg_temp");
        var things = new LinkedHashMap<String, Thing>();
        session.rows(THINGS, row -> things.put(row[0], new Thing(row[1], row[2], row[3])));
        var tables = new LinkedHashMap<String, Table>();
        session.rows(PARTS, row -> {
            var table = tables.computeIfAbsent(row[0], id -> table(row[1], row[2], row[3]));
            if (row[4] != null) table.parts.add(new Part(row[4], row[5], number(row[6]), number(row[7])));
            return true;
        });
        var sequences = new LinkedHashMap<String, Long>();
        session.rows(SEQUENCES, row -> sequences.put(row[0], row[1] == null ? null : Long.valueOf(row[1])));
        var objects = session.rows(OBJECTS, row -> new Objects(number(row[0]), number(row[1]))).get(0);
        session.rows("select pg_catalog.set_config('search_path', ?, false)", row -> row, kept);
        return new Shape(things, tables, sequences, objects);
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
        for (var column : remade(later)) touched.add(things.get(column).in.replaceFirst("^relation ", ""));
        touched.retainAll(tables.keySet());
        return touched;
    }

    /** The ids of columns that another one has the name of later: dropped and made anew, without their values. */
    Set<String> remade(Shape later) {
        var ids = new HashMap<String, String>();
        later.things.forEach((id, thing) -> ids.put(thing.words, id));
        return things.keySet().stream().filter(id -> id.startsWith("column "))
            .filter(id -> !id.equals(ids.getOrDefault(things.get(id).words, id))).collect(Collectors.toSet());
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
