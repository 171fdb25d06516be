package ops;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * What hangs on schemas from outside of them: views, foreign keys, triggers, policies, functions and whatever else the server
 * drops with a schema and CASCADE, though it stands elsewhere, where a backup of these schemas does not look.
 */
public final class Outside {
    /** Something that can be made again, and the statements that make it. */
    public record Made(String what, String sql) { }

    /**
     * What it hangs on.
     *
     * @param catalogs oids of catalogs, as an array; with rows, of the objects that are dropped by name
     * @param rows oids in these
     * @param ofSchemasOnly whether what is in no schema at all is outside too
     * @param schemas oids of the schemas that are inside, as an array
     */
    public record Roots(String catalogs, String rows, boolean ofSchemasOnly, String schemas) { }

    /** Something outside that goes when the schemas go. */
    private record Gone(String catalog, boolean isColumn, String kind, String what, String schema, boolean isPart, String sql) { }

    /** Kinds that pg_restore gives their owner. */
    static final Set<String> OWNED = Set.of("AGGREGATE", "COLLATION", "CONVERSION", "DOMAIN", "FUNCTION", "OPERATOR", "OPERATOR CLASS", "OPERATOR FAMILY", "PROCEDURE",
        "PROCEDURAL LANGUAGE", "EVENT TRIGGER", "TYPE", "VIEW", "MATERIALIZED VIEW", "FOREIGN TABLE", "TEXT SEARCH DICTIONARY", "TEXT SEARCH CONFIGURATION", "FOREIGN DATA WRAPPER",
        "SERVER", "STATISTICS", "PUBLICATION");
    /** What stands where bytes were that are no text. */
    private static final char UNREAD = '\uFFFD';
    private static final String HEAD = "-- What hangs on the schemas of this backup from outside of them. To be run behind its archive, by psql.\nSELECT pg_catalog.set_config('search_path', '', false);\n\n";
    private static final String BLOCK = "-- handover ";
    private static final String MEMBER_OF = "member of ";
    private static final Set<String> BESIDE = Set.of("ACL", "COMMENT", "SECURITY LABEL", "INDEX ATTACH");

    /** The schema that an object is in, or its table; null for what is in none. */
    private static final String HOME = """
        case %1$s.classid
            when 'pg_class'::regclass then (select relnamespace from pg_class where oid = %1$s.objid)
            when 'pg_type'::regclass then (select typnamespace from pg_type where oid = %1$s.objid)
            when 'pg_proc'::regclass then (select pronamespace from pg_proc where oid = %1$s.objid)
            when 'pg_constraint'::regclass then (select connamespace from pg_constraint where oid = %1$s.objid)
            when 'pg_attrdef'::regclass then (select relnamespace from pg_attrdef a join pg_class c on c.oid = adrelid where a.oid = %1$s.objid)
            when 'pg_trigger'::regclass then (select relnamespace from pg_trigger t join pg_class c on c.oid = tgrelid where t.oid = %1$s.objid)
            when 'pg_policy'::regclass then (select relnamespace from pg_policy p join pg_class c on c.oid = polrelid where p.oid = %1$s.objid)
            when 'pg_rewrite'::regclass then (select relnamespace from pg_rewrite r join pg_class c on c.oid = ev_class where r.oid = %1$s.objid)
            when 'pg_namespace'::regclass then %1$s.objid
            when 'pg_default_acl'::regclass then (select nullif(defaclnamespace, 0) from pg_default_acl where oid = %1$s.objid)
            when 'pg_operator'::regclass then (select oprnamespace from pg_operator where oid = %1$s.objid)
            when 'pg_opclass'::regclass then (select opcnamespace from pg_opclass where oid = %1$s.objid)
            when 'pg_opfamily'::regclass then (select opfnamespace from pg_opfamily where oid = %1$s.objid)
            when 'pg_amop'::regclass then (select opfnamespace from pg_amop a join pg_opfamily f on f.oid = amopfamily where a.oid = %1$s.objid)
            when 'pg_amproc'::regclass then (select opfnamespace from pg_amproc a join pg_opfamily f on f.oid = amprocfamily where a.oid = %1$s.objid)
            when 'pg_collation'::regclass then (select collnamespace from pg_collation where oid = %1$s.objid)
            when 'pg_conversion'::regclass then (select connamespace from pg_conversion where oid = %1$s.objid)
            when 'pg_statistic_ext'::regclass then (select stxnamespace from pg_statistic_ext where oid = %1$s.objid)
            when 'pg_ts_config'::regclass then (select cfgnamespace from pg_ts_config where oid = %1$s.objid)
            when 'pg_ts_dict'::regclass then (select dictnamespace from pg_ts_dict where oid = %1$s.objid)
            when 'pg_ts_parser'::regclass then (select prsnamespace from pg_ts_parser where oid = %1$s.objid)
            when 'pg_ts_template'::regclass then (select tmplnamespace from pg_ts_template where oid = %1$s.objid)
        end""";

    /**
     * All that goes: as the server's own search for dependents finds it, downwards by every kind of dependency, and upwards
     * where a part can't go without its whole.
     */
    private static final String GONE = """
        with recursive gone(classid, objid, objsubid) as (
            select of, object, 0 from unnest(?::oid[], ?::oid[]) root(of, object)
            union
            select more.* from gone, lateral (
                select d.classid, d.objid, d.objsubid from pg_depend d
                where d.refclassid = gone.classid and d.refobjid = gone.objid and (gone.objsubid = 0 or d.refobjsubid = gone.objsubid)
                union all
                select d.refclassid, d.refobjid, d.refobjsubid from pg_depend d
                where d.classid = gone.classid and d.objid = gone.objid and d.objsubid = gone.objsubid and d.deptype in ('i', 'e')) more)""";

    private static final String WHAT_GOES = GONE + """
        , homed as (
            -- A table that stays leaves a publication that is replaced; the other way round, the publication stays.
            select g.*, case when g.classid = 'pg_publication_rel'::regclass and not ? then (select relnamespace from pg_publication_rel r join pg_class c on c.oid = prrelid where r.oid = g.objid) else %s end as home from gone g),
        outside as (
            select h.*, nspname from homed h left join pg_namespace n on n.oid = h.home
            where case when h.home is null then ? else h.home <> all (?::oid[]) and nspname !~ '^pg_(toast|temp)' end
              -- A foreign key keeps triggers on the table that it points to; they come and go with it.
              and not exists (select from pg_trigger where h.classid = 'pg_trigger'::regclass and oid = h.objid and tgisinternal))
        select o.classid || ':' || o.objid, o.objsubid > 0, case o.classid
                when 'pg_class'::regclass then (select relkind::text from pg_class where oid = o.objid)
                when 'pg_extension'::regclass then 'extension'
                when 'pg_publication_rel'::regclass then (select 'member of ' || pubname from pg_publication_rel r join pg_publication p on p.oid = prpubid where r.oid = o.objid)
                else '' end,
            translate(pg_describe_object(o.classid, o.objid, o.objsubid), E'\n\r', '  '), coalesce(nspname, ''),
            exists (select from pg_depend d join outside of on of.classid = d.refclassid and of.objid = d.refobjid and of.objsubid in (0, d.refobjsubid)
                where d.classid = o.classid and d.objid = o.objid and d.objsubid = o.objsubid and d.deptype in ('i', 'a', 'P', 'S') and (d.refclassid, d.refobjid) <> (o.classid, o.objid))
              or exists (select from pg_constraint where o.classid = 'pg_constraint'::regclass and oid = o.objid and not conislocal)
              or o.objsubid > 0 and exists (select from outside of where of.classid = o.classid and of.objid = o.objid and of.objsubid = 0),
            case o.classid
                when 'pg_attrdef'::regclass then (select format('alter table only %%s alter column %%I set default %%s;', adrelid::regclass, attname, pg_get_expr(adbin, adrelid))
                    from pg_attrdef a join pg_attribute on attrelid = adrelid and attnum = adnum where a.oid = o.objid)
                when 'pg_constraint'::regclass then (select case when conrelid <> 0 then format('alter table %%s add constraint %%I %%s;', conrelid::regclass, conname, pg_get_constraintdef(oid))
                    else format('alter domain %%s add constraint %%I %%s;', contypid::regtype, conname, pg_get_constraintdef(oid)) end
                    || coalesce(format(E'\ncomment on constraint %%I on %%s is ', conname, case when conrelid <> 0 then conrelid::regclass::text else 'domain ' || contypid::regtype end)
                      || quote_literal(obj_description(oid, 'pg_constraint')) || ';', '') from pg_constraint where oid = o.objid)
                when 'pg_class'::regclass then (select format('refresh materialized view %%s;', oid::regclass) from pg_class where oid = o.objid and relkind = 'm' and relispopulated)
            end
        from outside o order by 1, 2""".formatted(HOME.formatted("g"));

    /** What has been changed since is another version of its row; a materialized view is one each time that it is refreshed. */
    private static final String VERSIONS = Stream.of("pg_proc", "pg_rewrite", "pg_trigger", "pg_policy", "pg_constraint", "pg_attrdef", "pg_type").map(catalog -> "select tableoid, oid, xmin::text from " + catalog)
        .collect(Collectors.joining(" union all ", "", " union all select tableoid, oid, xmin::text from pg_class where relkind <> 'm'"));

    private final List<Gone> gone;
    private final List<Made> made;
    private final List<String> lost = new ArrayList<>();
    /** Stands for all of it: another one is asked for before anything is dropped. */
    public final String fingerprint;

    private Outside(List<Gone> gone, List<Archive.Entry> entries, String fingerprint) {
        this.gone = gone;
        this.fingerprint = fingerprint;
        made = statements(entries);
    }

    /**
     * Looks for it, in a session's database.
     *
     * @param roots what it hangs on
     * @param archive what the backup brings; null where none is restored
     * @param snapshot of which it is; null for now
     */
    public static Outside of(Run run, Settings settings, Database session, Roots roots, List<Archive.Entry> archive, Snapshot snapshot) throws IOException, InterruptedException {
        var gone = session.rows(WHAT_GOES, row -> new Gone(row[0], row[1].equals("t"), row[2], row[3], row[4], row[5].equals("t"), row[6]),
            roots.catalogs(), roots.rows(), roots.ofSchemasOnly(), roots.ofSchemasOnly(), roots.schemas());
        // A publication that is newer than the backup is not made again, nor is what is in it.
        if (archive != null && !roots.ofSchemasOnly()) gone.removeIf(each -> each.kind.startsWith(MEMBER_OF) && archive.stream().noneMatch(entry -> entry.description().equals("PUBLICATION") && each.kind.equals(MEMBER_OF + entry.name())));
        return new Outside(gone, gone.isEmpty() ? List.of() : definitions(run, settings, session, gone, snapshot), session.one(fingerprintOf(roots)));
    }

    /**
     * What a backup does not hold, and what hangs on it: nothing when it holds all.
     *
     * @param selection what it holds
     * @param platform schemas that it leaves out since others own them; of what is in these, ours are policies and the triggers that call functions of other schemas
     */
    public static Outside ofBackup(Run run, Settings settings, Database session, Selection selection, List<String> platform, Snapshot snapshot) throws IOException, InterruptedException {
        var schemas = session.rows("""
            select oid, nspname from pg_namespace n where nspname !~ '^pg_' and nspname <> 'information_schema'
              and not exists (select from pg_depend d where d.classid = 'pg_namespace'::regclass and d.objid = n.oid and d.deptype = 'e')""", row -> row).stream()
            .filter(row -> selection.schemas().isEmpty() ? !selection.excludeSchemas().contains(row[1]) && !platform.contains(row[1]) : selection.schemas().contains(row[1])).map(row -> row[0]).toList();
        var roots = new ArrayList<>(schemas.stream().map(oid -> new String[] {"2615", oid}).toList()); // pg_namespace
        if (selection.schemas().isEmpty()) roots.addAll(session.rows("select 'pg_publication'::regclass::oid, oid from pg_publication", row -> row));
        roots.addAll(session.rows("""
            select 'pg_policy'::regclass::oid, p.oid from pg_policy p join pg_class c on c.oid = polrelid join pg_namespace n on n.oid = relnamespace where nspname = any (?::text[])
            union all select 'pg_trigger'::regclass, t.oid from pg_trigger t join pg_class c on c.oid = tgrelid join pg_namespace n on n.oid = relnamespace join pg_proc p on p.oid = tgfoid
                where nspname = any (?::text[]) and pronamespace <> relnamespace and not tgisinternal and tgparentid = 0""", row -> row, array(platform), array(platform)));
        return of(run, settings, session, new Roots(array(roots.stream().map(root -> root[0]).toList()), array(roots.stream().map(root -> root[1]).toList()), !selection.schemas().isEmpty(), array(schemas)), null, snapshot);
    }

    private static String array(List<String> values) { return values.stream().map(value -> "\"" + value.replace("\\", "\\\\").replace("\"", "\\\"") + "\"").collect(Collectors.joining(",", "{", "}")); }

    /** How many objects go, inside and outside. */
    public static long count(Database session, Roots roots) {
        return Long.parseLong(session.one(GONE + " select count(*) from (select distinct classid, objid from gone) each", roots.catalogs(), roots.rows()));
    }

    /** A query for the fingerprint, without parameters. */
    public static String fingerprintOf(Roots roots) {
        var goes = WHAT_GOES.substring(0, WHAT_GOES.indexOf("select o.classid || ':'"));
        var values = List.of(roots.catalogs(), roots.rows(), String.valueOf(roots.ofSchemasOnly()), String.valueOf(roots.ofSchemasOnly()), roots.schemas());
        for (var value : values) goes = goes.replaceFirst("\\?", value.startsWith("{") ? "'" + java.util.regex.Matcher.quoteReplacement(value) + "'" : value);
        return goes + "select coalesce(md5(string_agg(concat_ws(':', classid, objid, objsubid, version), ',' order by classid, objid, objsubid)), '') from outside left join ("
            + VERSIONS + ") stored(catalog, number, version) on catalog = classid and number = objid";
    }

    /** A query for all that is outside and stays, in the words of {@link Made#what}, a line each; internal triggers have other names each time. */
    public static String kept(Roots roots) {
        return ("select distinct translate(pg_describe_object(d.classid, d.objid, d.objsubid), E'\\n\\r', '  ') from (select distinct classid, objid, objsubid from pg_depend) d left join pg_namespace n on n.oid = "
            + HOME.formatted("d") + " where case when nspname is null then " + roots.ofSchemasOnly() + " or d.classid = 'pg_publication_rel'::regclass"
            + " else n.oid <> all ('" + roots.schemas() + "'::oid[]) and nspname !~ '^pg_' and nspname <> 'information_schema' end"
            + " and not exists (select from pg_trigger where d.classid = 'pg_trigger'::regclass and oid = d.objid and tgisinternal)"
            + " and (d.classid <> 'pg_default_acl'::regclass or nspname is not null)");
    }

    /** Whether something of {@link #kept} may go with what it belongs to: a publication that is newer than the backup is not made again. */
    public static boolean mayGo(String what) { return what.startsWith("publication of "); }

    /** Statements as a file that psql reads; each block has its length before it, since a function's text may look like anything. */
    public static byte[] script(List<Made> made) {
        var script = new StringBuilder(HEAD);
        for (var each : made) script.append(BLOCK).append(each.sql.getBytes(StandardCharsets.UTF_8).length).append(" bytes: ").append(each.what).append('\n').append(each.sql).append('\n');
        return script.toString().getBytes(StandardCharsets.UTF_8);
    }

    /** Reads what {@link #script} has written; throws NotVerified when it is something else. */
    public static List<Made> parse(byte[] script, String uri) {
        var made = new ArrayList<Made>();
        var at = HEAD.getBytes(StandardCharsets.UTF_8).length;
        while (at < script.length) {
            var end = at;
            while (end < script.length && script[end] != '\n') end++;
            var line = Pattern.compile(BLOCK + "([0-9]{1,8}) bytes: (.*)").matcher(new String(script, at, end - at, StandardCharsets.UTF_8));
            if (!line.matches() || end + 1L + Integer.parseInt(line.group(1)) >= script.length) throw new Failure.NotVerified(uri + " is broken: it is no list of statements", "take another backup: ./jbang backups list");
            var length = Integer.parseInt(line.group(1));
            made.add(new Made(line.group(2), new String(script, end + 1, length, StandardCharsets.UTF_8)));
            at = end + 1 + length + 1;
        }
        return made;
    }

    /** What pg_dump says of them: it knows every kind, with owner, rights and comment. */
    private static List<Archive.Entry> definitions(Run run, Settings settings, Database session, List<Gone> gone, Snapshot snapshot) throws IOException, InterruptedException {
        var arguments = new ArrayList<>(List.of("--schema-only", "--format=custom", "--compress=0", "--no-password", "--lock-wait-timeout=" + settings.number(Setting.DB_LOCK_SECONDS) + "s"));
        if (snapshot != null) arguments.add("--snapshot=" + snapshot.id);
        arguments.addAll(Dump.encoding(session.one("select pg_catalog.pg_encoding_to_char(encoding) from pg_catalog.pg_database where datname = current_database()")));
        // Only these schemas, where there are no others: there may be some that the role may not read.
        if (gone.stream().noneMatch(each -> each.schema.isEmpty() || each.kind.startsWith(MEMBER_OF))) new TreeSet<>(gone.stream().map(Gone::schema).toList()).forEach(schema -> arguments.add("--schema=" + Database.quote(schema)));
        var major = Integer.parseInt(session.one("select current_setting('server_version_num')")) / 10000;
        var environment = run.undo.act(() -> PostgresTools.environment(Workspace.create(run), session.url, settings));
        try (var dump = Tool.start(run, PostgresTools.find(run, settings, "pg_dump", major).path(), arguments, environment); var output = dump.stdout(settings.seconds(Setting.DB_STALL_SECONDS))) {
            List<Archive.Entry> entries;
            try {
                entries = new Archive(output).entries();
                output.transferTo(java.io.OutputStream.nullOutputStream());
            } catch (Failure.NotVerified e) {
                dump.finish(settings.seconds(Setting.DB_STALL_SECONDS)); // says why it ended too early
                throw e;
            }
            dump.finish(settings.seconds(Setting.DB_STALL_SECONDS));
            return entries;
        }
    }

    private List<Made> statements(List<Archive.Entry> entries) {
        Map<String, Gone> byCatalog = gone.stream().filter(each -> !each.isColumn).collect(Collectors.toMap(Gone::catalog, each -> each));
        var statements = new LinkedHashMap<String, List<String>>();
        var chosen = new LinkedHashMap<String, String>();
        for (var entry : entries) {
            var what = byCatalog.get(entry.catalog());
            if (what != null && !keepsRows(what)) {
                chosen.put(entry.id(), what.what);
                statements.computeIfAbsent(what.what, w -> new ArrayList<>()).add(statement(entry));
            } else if (BESIDE.contains(entry.description())) {
                // Behind all that it is about: an index of a partition and the one that this is a part of.
                var order = List.copyOf(statements.keySet());
                entry.needs().stream().map(chosen::get).filter(Objects::nonNull).max(Comparator.comparing(order::indexOf)).ifPresent(of -> statements.get(of).add(entry.definition()));
            }
        }
        var told = new HashSet<>(statements.keySet());
        for (var each : gone) {
            if (keepsRows(each)) {
                if (!each.isPart) lost.add(each.what);
            } else if (each.kind.equals("m") && each.sql != null) statements.get(each.what).add(each.sql);
            else if (!told.contains(each.what) && !each.isPart) {
                if (each.sql == null) lost.add(each.what);
                else statements.put(each.what, List.of(each.sql));
            }
        }
        // Where nobody knows the encoding of text, what is no UTF-8 can't be read, and what was read wrongly is not made.
        var unread = statements.keySet().stream().filter(what -> statements.get(what).stream().anyMatch(sql -> sql.indexOf(UNREAD) >= 0)).toList();
        unread.forEach(statements::remove);
        lost.addAll(unread);
        return statements.entrySet().stream().map(each -> new Made(each.getKey(), String.join("\n", each.getValue()).strip() + "\n")).toList();
    }

    /** What can't be made again without what it holds. */
    private static boolean keepsRows(Gone what) { return what.isColumn || Set.of("r", "p", "S", "extension").contains(what.kind); }

    private static String statement(Archive.Entry entry) {
        if (!OWNED.contains(entry.description()) || entry.owner().isEmpty() || !entry.drop().startsWith("DROP ")) return entry.definition();
        return entry.definition() + "ALTER " + entry.drop().substring("DROP ".length()).replaceFirst(";$", "") + " OWNER TO " + Database.quote(entry.owner()) + ";\n";
    }

    /** What is made again, in order. */
    public List<Made> made() { return made; }

    /** What can't be. */
    public List<String> lost() { return lost; }

    /** Throws Refused, naming it, when there is something that can't be made again. */
    public void refuseToLose(String place) {
        if (lost.isEmpty()) return;
        var extension = lost.stream().filter(what -> what.startsWith("extension ")).findFirst();
        throw new Failure.Refused("what no backup holds would be dropped with " + place + ": " + some(lost),
            extension.map(what -> "move it to a schema that stays: ALTER " + what.toUpperCase(java.util.Locale.ROOT).substring(0, 10) + Database.quote(what.substring(10)).replaceAll("^\"([a-z_][a-z0-9_]*)\"$", "$1") + " SET SCHEMA …; then run it again")
                .orElse("move it away, or take a backup that holds it too: ./jbang backup-db without --schema and --exclude-schema"));
    }

    /** A few of them, in words. */
    public static String some(List<String> names) { return names.stream().limit(10).collect(Collectors.joining(", ")) + (names.size() > 10 ? " and " + (names.size() - 10) + " more" : ""); }
}
