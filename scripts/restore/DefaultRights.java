package restore;

import java.util.List;
import ops.Database;

/**
 * The target's default privileges (ALTER DEFAULT PRIVILEGES): what a restore creates would get them on top of the rights that
 * the backup says. So they are as in a new database while it loads, and come back before it commits.
 */
final class DefaultRights {
    private static final String KINDS = " case defaclobjtype when 'r' then 'tables' when 'S' then 'sequences' when 'f' then 'functions' when 'T' then 'types' when 'n' then 'schemas' else 'large objects' end ";
    private static final String FOR = "'alter default privileges for role ' || quote_ident(pg_get_userbyid(defaclrole)) || coalesce(' in schema ' || quote_ident(nspname), '')";
    private static final String GRANTEE = "case grantee when 0 then 'public' else quote_ident(pg_get_userbyid(grantee)) end";
    /** What a new database has; nothing, for those of one schema, which come on top of the others. */
    private static final String BUILT_IN = "case when defaclnamespace = 0 then acldefault(case defaclobjtype when 'S' then 's' else defaclobjtype end, defaclrole) end";
    private static final String REVOKE_ALL = "select distinct 1, oid, " + FOR + " || ' revoke all on ' || " + KINDS + " || ' from ' || " + GRANTEE + " || ';' from theirs, aclexplode(%s) ";
    private static final String GRANT = "select 2, oid, " + FOR + " || ' grant ' || string_agg(privilege_type, ', ') || ' on ' || " + KINDS + " || ' to ' || " + GRANTEE
        + " || case when is_grantable then ' with grant option' else '' end || ';' from theirs, aclexplode(%s) group by oid, nspname, defaclrole, defaclobjtype, defaclnamespace, grantee, is_grantable";

    private static final String OURS = "pg_get_userbyid(defaclrole) = current_user and ";

    private final List<String> neutral;
    private final List<String> back;

    private DefaultRights(Database session, String which) {
        var theirs = "with theirs as (select d.*, nspname from pg_default_acl d left join pg_namespace n on n.oid = defaclnamespace where " + which + ") select line from (";
        var inOrder = ") each(step, oid, line) order by step, oid, line";
        neutral = session.rows(theirs + REVOKE_ALL.formatted("defaclacl") + " union all " + GRANT.formatted(BUILT_IN) + inOrder, row -> row[0]);
        back = session.rows(theirs + REVOKE_ALL.formatted(BUILT_IN) + " union all " + GRANT.formatted("defaclacl") + inOrder, row -> row[0]);
    }

    /** All that the role may change: a whole backup brings its own. */
    static DefaultRights ofAll(Database session) { return new DefaultRights(session, "defaclnamespace = 0 and pg_has_role(defaclrole, 'member')"); }

    /** Those that what the role itself creates would get. */
    static DefaultRights ofOurs(Database session) { return new DefaultRights(session, OURS + "defaclnamespace = 0"); }

    /** Those that it would get in some schemas, on top of the others. */
    static DefaultRights ofOursIn(Database session, List<String> schemas) {
        return new DefaultRights(session, OURS + "nspname = any (array[" + String.join(", ", schemas.stream().map(Database::literal).toList()) + "]::text[])");
    }

    List<String> neutral() { return neutral; }

    List<String> back() { return back; }
}
