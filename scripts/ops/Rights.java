package ops;

import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Predicate;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * Who may do what in a database: rights, owners, row-level security and policies, functions that run as their owner, and
 * triggers that are switched off. What is as in every new object stands for itself and is left out.
 */
public final class Rights {
    /**
     * One of them.
     *
     * @param schema empty for what is in none
     * @param of what it is about, "rights on table public.customer"
     * @param says "reader SELECT", an asterisk marking what may be passed on
     */
    public record Right(String schema, String of, String says) { }

    private static final String SEPARATOR = "\u001f";
    private static final String NOT_AN_EXTENSIONS = " and not exists (select from pg_depend d where d.classid = '%s'::regclass and d.objid = %s and d.deptype = 'e')";
    private static final String ALL = """
        with granted(schema, what, builtin, acl) as (
            select nspname, case relkind when 'S' then 'sequence ' else 'table ' end || format('%%I.%%I', nspname, relname), acldefault(case relkind when 'S' then 's' else 'r' end::"char", relowner), relacl
                from pg_class c join pg_namespace n on n.oid = relnamespace where relkind in ('r', 'p', 'v', 'm', 'f', 'S')%1$s
            union all select nspname, format('column %%I.%%I.%%I', nspname, relname, attname), null, attacl
                from pg_attribute join pg_class c on c.oid = attrelid join pg_namespace n on n.oid = relnamespace where attacl is not null and not attisdropped%1$s
            union all select nspname, 'function ' || p.oid::regprocedure, acldefault('f', proowner), proacl from pg_proc p join pg_namespace n on n.oid = pronamespace where proacl is not null%2$s
            union all select nspname, 'type ' || format('%%I.%%I', nspname, typname), acldefault('T', typowner), typacl from pg_type t join pg_namespace n on n.oid = typnamespace where typacl is not null%3$s
            union all select nspname, format('schema %%I', nspname), acldefault('n', nspowner), nspacl from pg_namespace n where true%4$s
            union all select '', format('language %%I', lanname), acldefault('l', lanowner), lanacl from pg_language l where oid >= 16384%5$s
            union all select '', format('foreign data wrapper %%I', fdwname), acldefault('F', fdwowner), fdwacl from pg_foreign_data_wrapper w where true%6$s
            union all select '', format('server %%I', srvname), acldefault('S', srvowner), srvacl from pg_foreign_server s where true%7$s
            union all select coalesce(nspname, ''), format('whatever role %%I creates of kind %%s%%s', pg_get_userbyid(defaclrole), defaclobjtype, ' in schema ' || quote_ident(nspname)),
                case when defaclnamespace = 0 then acldefault(case defaclobjtype when 'S' then 's' else defaclobjtype end, defaclrole) end, defaclacl
                from pg_default_acl left join pg_namespace n on n.oid = defaclnamespace where true%10$s),
        spelt(schema, what, builtin, acl) as (select schema, what, %8$s, %9$s from granted where acl is not null)
        select schema, 'rights on ' || what, coalesce(acl, 'nobody') from spelt where acl is distinct from builtin
        union all select nspname, format('row-level security of table %%I.%%I', nspname, relname), case when relforcerowsecurity then 'also for its owner' else 'enabled' end
            from pg_class c join pg_namespace n on n.oid = relnamespace where relrowsecurity%1$s
        union all select nspname, format('policy %%I on table %%I.%%I', polname, nspname, relname), concat_ws(' ', case when polpermissive then 'permissive' else 'restrictive' end, 'for', polcmd, 'to',
                (select string_agg(case role when 0 then 'public' else quote_ident(pg_get_userbyid(role)) end, ', ' order by pg_get_userbyid(role)) from unnest(polroles) role))
            from pg_policy join pg_class c on c.oid = polrelid join pg_namespace n on n.oid = relnamespace where true%1$s
        union all select nspname, 'function ' || p.oid::regprocedure, 'runs as ' || quote_ident(pg_get_userbyid(proowner)) from pg_proc p join pg_namespace n on n.oid = pronamespace where prosecdef%2$s
        union all select nspname, format('trigger %%I on table %%I.%%I', tgname, nspname, relname), 'is switched off' from pg_trigger join pg_class c on c.oid = tgrelid join pg_namespace n on n.oid = relnamespace
            where tgenabled = 'D' and not tgisinternal%1$s
        union all select nspname, format('owners of tables, views and functions in schema %%I', nspname), md5(string_agg(what, ',' order by what collate "C")) from (
            select relnamespace, format('%%s %%s', relname, pg_get_userbyid(relowner)) from pg_class c where relkind in ('r', 'p', 'v', 'm', 'f')%1$s
            union all select pronamespace, format('%%s %%s', p.oid::regprocedure, pg_get_userbyid(proowner)) from pg_proc p where true%2$s) owned(of, what) join pg_namespace n on n.oid = of group by nspname""".formatted(
            member("pg_class", "c.oid"), member("pg_proc", "p.oid"), member("pg_type", "t.oid"), member("pg_namespace", "n.oid"), member("pg_language", "l.oid"), member("pg_foreign_data_wrapper", "w.oid"), member("pg_foreign_server", "s.oid"),
            spelt("builtin"), spelt("acl"), member("pg_namespace", "n.oid"));
    /** A line each, for a session that has nothing but lines. */
    public static final String LINES = "select translate(concat_ws(E'\\x1f', schema, of, says), E'\\n\\r', '  ') from (" + ALL + ") each(schema, of, says) where schema !~ '^pg_' and schema <> 'information_schema'";

    private static final String PUBLIC = "rights on schema public";
    private static final String OWNERS = "owners ";
    private static final Pattern GRANTS = Pattern.compile("(\"(?:[^\"]++|\"\")*+\"|[^ \";]++) ([A-Z*,]+)(?:; |$)");
    private static final String CHANGED = "see which event trigger or role changes rights there: SELECT evtname, evtowner::regrole, evtfoid::regprocedure FROM pg_event_trigger";

    private Rights() { }

    private static String member(String catalog, String oid) { return NOT_AN_EXTENSIONS.formatted(catalog, oid); }

    private static String spelt(String acl) {
        return "(select string_agg(who || ' ' || what, '; ' order by who collate \"C\") from (select case grantee when 0 then 'PUBLIC' else quote_ident(pg_get_userbyid(grantee)) end,"
            + " string_agg(distinct privilege_type || case when is_grantable then '*' else '' end, ',') from aclexplode(" + acl + ") group by grantee) each(who, what))";
    }

    /** Those that a backup holds. */
    public static List<Right> of(Database session, Selection selection, boolean supabase) { return parse(session.rows(LINES, row -> row[0]), selection, supabase); }

    /**
     * From the lines that {@link #LINES} gives.
     *
     * @param supabase whether schemas of the platform are left out
     */
    public static List<Right> parse(List<String> lines, Selection selection, boolean supabase) {
        Predicate<String> held = schema -> selection.schemas().isEmpty() ? !selection.excludeSchemas().contains(schema) && !(supabase && Supabase.owns(schema)) : selection.schemas().contains(schema);
        return lines.stream().map(line -> line.split(SEPARATOR, 3)).map(parts -> new Right(parts[0], parts[1], parts[2])).filter(right -> held.test(right.schema)).sorted(java.util.Comparator.comparing(Right::of)).toList();
    }

    /**
     * Compares a restored database's with the manifest's.
     *
     * @param before what there was before anything was dropped; of what is in no schema, some may not be the role's to drop
     * @param withoutOwners whether owners and grants were left out on purpose
     * @param major the server's version: others have other privileges
     * @param repair what has left something out, and the role as which; null where everything has to be as it was
     * @param role that restores
     * @return what was compared, in words
     * @throws Failure.NotVerified naming what differs
     */
    public static String compare(List<Right> found, List<Right> before, Manifest manifest, boolean withoutOwners, int major, Repair repair, String role) {
        if (manifest.rights() == null) return "; the backup does not say who had which rights";
        var stayed = new TreeSet<>(before.stream().filter(right -> right.schema.isEmpty() && found.contains(right)).map(Right::of).toList());
        var sameMajor = major == manifest.serverMajor();
        var there = spoken(found, withoutOwners, sameMajor);
        var expected = spoken(manifest.rights(), withoutOwners, sameMajor);
        // Until 14 everybody could create in it; what was never changed is in no archive, and as in every new database.
        var closed = manifest.serverMajor() < 15 && major >= 15 && there.getOrDefault(PUBLIC, "").matches("(\\S+ CREATE,USAGE; )?PUBLIC USAGE(; \\S+ CREATE,USAGE)?");
        if (closed) expected.put(PUBLIC, there.get(PUBLIC));
        stayed.removeAll(expected.keySet());
        there.keySet().removeAll(stayed);
        var differences = new ArrayList<String>();
        if (withoutOwners && repair == null) differences.addAll(openToEverybody(found, manifest));
        var fewer = new ArrayList<String>();
        var schemas = Stream.concat(found.stream(), manifest.rights().stream()).collect(Collectors.toMap(Right::of, Right::schema, (one, same) -> one));
        var all = new TreeSet<>(there.keySet());
        all.addAll(expected.keySet());
        for (var of : all) {
            var is = there.get(of);
            var was = expected.get(of);
            if (Objects.equals(is, was)) continue;
            var isFewer = repair != null && (of.startsWith(OWNERS) ? repair.isOwnerlessIn(schemas.get(of)) : isNoMore(of, is, was, role));
            var kind = isFewer ? fewer : differences;
            if (was == null) kind.add(of + ": " + is + ", which the backup does not say");
            else if (is == null) kind.add(of + ": not " + was + " any more");
            else kind.add(of + (of.startsWith(OWNERS) ? " are others" : ": " + is + " instead of " + was));
        }
        if (!differences.isEmpty()) throw differs(differences, repair == null ? CHANGED : "what keeps others out could not be restored: create the roles that this names, have role " + role + " belong to them, or restore as a superuser; then run it again");
        var since = closed ? ", but not everybody may create in schema public, as in every database since PostgreSQL 15" : "";
        var others = since + (stayed.isEmpty() ? "" : ", and as before: " + String.join(", ", stayed));
        return fewer.isEmpty() ? "; rights and policies as in the backup" + others : "; no more rights than in the backup" + others + "; but " + String.join("; ", fewer);
    }

    /** Whether nobody may do more now than before, but for the role itself, which what has lost its owner belongs to. */
    private static boolean isNoMore(String of, String is, String was, String role) {
        if (of.startsWith("policy ")) return is == null && was.startsWith("permissive");
        if (of.startsWith("function ")) return is == null;
        if (of.startsWith("trigger ")) return is == null;
        if (!of.startsWith("rights on ") || was == null) return false;
        // What is as in every new object is its owner's alone, or everybody's too; what a schema's new objects get comes on top of that.
        if (is == null) return !of.matches("rights on (function|type|language) .*|rights on whatever .* of kind [fT]") || grants(was).stream().anyMatch(grant -> grant.who.equals("PUBLIC"));
        var before = grants(was);
        return grants(is).stream().allMatch(grant -> before.contains(grant) || before.contains(new Grant(grant.who, grant.what + "*")) || grant.who.equals(role));
    }

    /** Functions and types that are everybody's, as every new one is, and were not in the backup. */
    private static List<String> openToEverybody(List<Right> found, Manifest manifest) {
        var there = found.stream().collect(Collectors.toMap(Right::of, Right::says, (one, same) -> one));
        return manifest.rights().stream().filter(right -> right.of.matches("rights on (function|type) .*") && isKept(right.says) && !isKept(there.getOrDefault(right.of, "PUBLIC ALL")))
            .map(right -> right.of + ": everybody's, and not " + right.says).toList();
    }

    private static boolean isKept(String says) { return grants(says).stream().noneMatch(grant -> grant.who.equals("PUBLIC")); }

    /** A privilege of somebody, as SQL writes his name. */
    private record Grant(String who, String what) { }

    /** SELECT and INSERT of reader from "reader INSERT,SELECT". */
    private static Set<Grant> grants(String says) {
        return GRANTS.matcher(says).results().flatMap(each -> Stream.of(each.group(2).split(",")).map(what -> new Grant(each.group(1), what))).collect(Collectors.toSet());
    }

    /** Throws NotVerified when what a part of a backup has brought has more rights than the backup says. */
    public static void compareWidened(List<Right> found, Manifest manifest, int major) {
        if (manifest.rights() == null) return;
        var sameMajor = major == manifest.serverMajor();
        var expected = spoken(manifest.rights(), false, sameMajor);
        // A schema that was there keeps its rights, and the rights that new objects get in it.
        var widened = spoken(found, false, sameMajor).entrySet().stream().filter(right -> right.getKey().matches("rights on (?!schema |whatever ).*") && !right.getValue().equals(expected.get(right.getKey())))
            .map(right -> right.getKey() + ": " + right.getValue() + " instead of " + expected.getOrDefault(right.getKey(), "its owner's alone")).toList();
        if (!widened.isEmpty()) throw differs(widened, CHANGED);
    }

    private static java.util.Map<String, String> spoken(List<Right> rights, boolean withoutOwners, boolean sameMajor) {
        return rights.stream().filter(right -> !withoutOwners || !right.of.matches("(rights|owners|function) .*"))
            .collect(Collectors.toMap(Right::of, right -> sameMajor ? right.says : right.says.replaceAll("MAINTAIN\\*?,?", ""), (one, same) -> one + "; " + same));
    }

    private static Failure differs(List<String> differences, String next) {
        return new Failure.NotVerified("the restored database does not give the rights that were backed up: " + differences.stream().limit(5).collect(Collectors.joining("; ")) + (differences.size() > 5 ? "; and " + (differences.size() - 5) + " more" : ""),
            next);
    }
}
