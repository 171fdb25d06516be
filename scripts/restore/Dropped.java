package restore;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import ops.Archive.Entry;
import ops.Database;
import ops.Outside;
import ops.Selection;

/** What a restore in place drops: all that its backup would bring, and what in its schemas is newer than that. */
public final class Dropped {
    /** A schema that is to be replaced, who owns it in the end, and whether that is the role itself or one that it belongs to. */
    public record Schema(String oid, String name, String owner, boolean isOurs) { }

    /** Something else, and the statement that drops it. */
    private record Single(String catalog, String oid, String statement) { }

    private static final String NOT_AN_EXTENSIONS = " and not exists (select from pg_depend d where d.classid = '%s'::regclass and d.objid = %s and d.deptype = 'e')";
    /**
     * Every kind that pg_dump knows and that is in no schema, but for what only a superuser's archive has: subscriptions; and
     * what {@code CREATE EXTENSION IF NOT EXISTS} makes: extensions. In the order in which they are dropped, behind the schemas.
     */
    private static final String WITHOUT_A_SCHEMA = """
        select 'pg_transform'::regclass::oid, t.oid, format('drop transform if exists for %%s language %%I;', format_type(trftype, null), lanname)
            from pg_transform t join pg_language l on l.oid = trflang join pg_type y on y.oid = trftype where pg_has_role(typowner, 'member')%1$s
        union all select 'pg_cast'::regclass, c.oid, format('drop cast if exists (%%s as %%s);', format_type(castsource, null), format_type(casttarget, null))
            from pg_cast c join pg_type s on s.oid = castsource join pg_type t on t.oid = casttarget where c.oid >= 16384 and (pg_has_role(s.typowner, 'member') or pg_has_role(t.typowner, 'member'))%2$s
        union all select 'pg_foreign_server'::regclass, s.oid, format('drop server if exists %%I cascade;', srvname) from pg_foreign_server s where pg_has_role(srvowner, 'member')%3$s
        union all select 'pg_user_mapping'::regclass, m.umid, format('drop user mapping if exists for %%s server %%I;', case m.umuser when 0 then 'public' else quote_ident(m.usename) end, m.srvname)
            from pg_user_mappings m join pg_foreign_server s on s.oid = m.srvid where pg_has_role(srvowner, 'member')
        union all select 'pg_foreign_data_wrapper'::regclass, w.oid, format('drop foreign data wrapper if exists %%I cascade;', fdwname) from pg_foreign_data_wrapper w where pg_has_role(fdwowner, 'member')%4$s
        union all select 'pg_language'::regclass, l.oid, format('drop language if exists %%I cascade;', lanname) from pg_language l where lanispl and pg_has_role(lanowner, 'member')%5$s
        union all select 'pg_am'::regclass, a.oid, format('drop access method if exists %%I cascade;', amname) from pg_am a where a.oid >= 16384 and (select rolsuper from pg_roles where rolname = current_user)%6$s
        union all select 'pg_largeobject'::regclass, oid, format('select lo_unlink(%%s);', oid) from pg_largeobject_metadata where pg_has_role(lomowner, 'member')""".formatted(
            member("pg_transform", "t.oid"), member("pg_cast", "c.oid"), member("pg_foreign_server", "s.oid"), member("pg_foreign_data_wrapper", "w.oid"), member("pg_language", "l.oid"), member("pg_am", "a.oid"));
    /** First of all: what watches the drops that follow, and what tells others of them. */
    private static final String WATCHING = """
        select 'pg_event_trigger'::regclass::oid, e.oid, format('drop event trigger %%I;', evtname) from pg_event_trigger e where pg_has_role(evtowner, 'member')%s
        union all select 'pg_publication'::regclass, p.oid, format('drop publication %%I;', pubname) from pg_publication p where pg_has_role(pubowner, 'member')%s""".formatted(
            member("pg_event_trigger", "e.oid"), member("pg_publication", "p.oid"));

    private static String member(String catalog, String oid) { return NOT_AN_EXTENSIONS.formatted(catalog, oid); }

    private final List<Schema> schemas;
    private final List<Schema> ofExtensions;
    private final List<Single> watching;
    private final List<Single> inExtensionsSchemas;
    private final List<Single> withoutASchema;
    private final List<String> subscriptions;
    private final boolean ofOneSchemaOnly;

    /**
     * Looks at what is there.
     *
     * @param kept schemas that are nobody's to replace
     * @param archive what the backup brings
     */
    Dropped(Database session, Selection selection, List<String> kept, List<Entry> archive) {
        schemas = replaced(session, selection, kept, "not exists");
        ofOneSchemaOnly = !selection.schemas().isEmpty();
        ofExtensions = ofOneSchemaOnly ? List.of() : replaced(session, selection, kept, "exists");
        watching = ofOneSchemaOnly ? List.of() : singles(session, WATCHING);
        withoutASchema = ofOneSchemaOnly ? List.of() : singles(session, WITHOUT_A_SCHEMA);
        // An extension keeps its schema; what others have put there is in the archive as all the rest.
        inExtensionsSchemas = ofExtensions.isEmpty() ? List.of() : singles(session, """
            select d.classid, d.objid, format('drop %%s if exists %%s cascade;', o.type, o.identity) from pg_depend d, pg_identify_object(d.classid, d.objid, 0) o
            where d.refclassid = 'pg_namespace'::regclass and d.refobjid = any ('%s'::oid[]) and d.deptype = 'n' and d.objsubid = 0 and d.classid <> 'pg_extension'::regclass
              and not exists (select from pg_depend e where e.classid = d.classid and e.objid = d.objid and e.deptype in ('e', 'i'))""".formatted(oids(ofExtensions)));
        var brought = archive.stream().filter(entry -> entry.description().equals("SUBSCRIPTION")).map(Entry::name).collect(Collectors.toSet());
        subscriptions = brought.isEmpty() ? List.of() : session.rows("select subname from pg_subscription where subdbid = (select oid from pg_database where datname = current_database())", row -> row[0])
            .stream().filter(brought::contains).toList();
    }

    /** The schemas that a selection names, as far as they are anybody's to replace. */
    static List<Schema> replaced(Database session, Selection selection, List<String> kept) { return replaced(session, selection, kept, "not exists"); }

    private static List<Schema> replaced(Database session, Selection selection, List<String> kept, String ofAnExtension) {
        // What pg_database_owner owns belongs to the owner of this database.
        return session.rows("""
            select n.oid, nspname, quote_ident(owner.rolname), pg_has_role(owner.oid, 'usage') from pg_namespace n cross join pg_database here
              join pg_roles owner on owner.oid = case pg_get_userbyid(nspowner) when 'pg_database_owner' then here.datdba else nspowner end
            where here.datname = current_database() and nspname !~ '^pg_' and nspname <> 'information_schema'
              and %s (select from pg_depend d where d.classid = 'pg_namespace'::regclass and d.objid = n.oid and d.deptype = 'e')
            order by 2""".formatted(ofAnExtension), row -> new Schema(row[0], row[1], row[2], row[3].equals("t")))
            .stream().filter(schema -> !kept.contains(schema.name) && !selection.excludeSchemas().contains(schema.name) && (selection.schemas().isEmpty() || selection.schemas().contains(schema.name))).toList();
    }

    private static List<Single> singles(Database session, String sql) { return session.rows(sql, row -> new Single(row[0], row[1], row[2])); }

    List<Schema> schemas() { return schemas; }

    /** Schemas that stay. */
    List<String> otherSchemas(Database session) {
        return session.rows("select nspname from pg_namespace", row -> row[0]).stream().filter(name -> schemas.stream().noneMatch(schema -> schema.name.equals(name))).toList();
    }

    /** Whether the backup is one of schemas alone, and holds nothing that is in none. */
    boolean ofOneSchemaOnly() { return ofOneSchemaOnly; }

    /** Subscriptions that are dropped, which come back disabled. */
    List<String> subscriptions() { return subscriptions; }

    /** What is dropped by name, and all of it that hangs on that. */
    Outside.Roots roots() {
        var named = named();
        var inside = new ArrayList<>(schemas);
        inside.addAll(ofExtensions);
        return new Outside.Roots(named.stream().map(Single::catalog).collect(Collectors.joining(",", "{", "}")), named.stream().map(Single::oid).collect(Collectors.joining(",", "{", "}")), ofOneSchemaOnly, oids(inside));
    }

    private List<Single> named() {
        var roots = new ArrayList<>(watching);
        schemas.forEach(schema -> roots.add(new Single("2615", schema.oid, ""))); // pg_namespace, whose number has never changed
        roots.addAll(inExtensionsSchemas);
        roots.addAll(withoutASchema);
        return roots;
    }

    private static String oids(List<Schema> schemas) { return schemas.stream().map(Schema::oid).collect(Collectors.joining(",", "{", "}")); }

    /** The statements, in order. A subscription's slot is its publisher's: nobody there is told. */
    List<String> statements() {
        var statements = new ArrayList<String>();
        for (var subscription : subscriptions.stream().map(Database::quote).toList())
            statements.add("alter subscription " + subscription + " disable; alter subscription " + subscription + " set (slot_name = none); drop subscription " + subscription + ";");
        watching.forEach(each -> statements.add(each.statement));
        schemas.forEach(schema -> statements.add("drop schema " + Database.quote(schema.name) + " cascade;"));
        inExtensionsSchemas.forEach(each -> statements.add(each.statement));
        withoutASchema.forEach(each -> statements.add(each.statement));
        return statements;
    }

    /**
     * Takes out of extensions' own tables the rows that the archive brings: those that the extension has declared to be its
     * users' own.
     */
    static List<String> emptied(Database session, List<Entry> archive) {
        Set<String> brought = archive.stream().filter(entry -> entry.description().equals("TABLE DATA")).map(entry -> entry.schema() + "." + entry.name()).collect(Collectors.toSet());
        return session.rows("""
            select nspname || '.' || relname, format('delete from only %I.%I %s;', nspname, relname, condition)
            from pg_extension, unnest(extconfig, extcondition) as own(table_oid, condition) join pg_class c on c.oid = table_oid join pg_namespace n on n.oid = relnamespace
            where relkind in ('r', 'p') order by extname, 1""", row -> row).stream().filter(row -> brought.contains(row[0])).map(row -> row[1]).toList();
    }
}
