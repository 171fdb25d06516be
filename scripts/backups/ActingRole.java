package backups;

import java.util.List;
import java.util.Set;
import ops.Database;

/**
 * Who a session acts as, with all roles that it belongs to: enough to make a copy on another server that may the same there,
 * and no more.
 *
 * @param roles itself first
 * @param databaseOwner of the database that the session is in
 * @param mayCreate whether it may create schemas in that
 */
public record ActingRole(List<Role> roles, List<Membership> memberships, String databaseOwner, boolean mayCreate) {
    /** @param attributes as CREATE ROLE takes them */
    record Role(String name, boolean superuser, String attributes) { }

    record Membership(String member, String role) { }

    private static final String MINE = """
        with recursive mine(oid, depth) as (
            select oid, 0 from pg_catalog.pg_roles where rolname = current_user
            union select m.roleid, depth + 1 from pg_catalog.pg_auth_members m join mine on m.member = mine.oid where depth < 20)
        """;
    /** What they may is done to the machine that the server is on, and the copy's is another one. */
    private static final Set<String> OF_THE_MACHINE = Set.of("pg_execute_server_program", "pg_read_server_files", "pg_write_server_files");

    /** The one of a session, by its server's catalog. */
    public static ActingRole of(Database session) {
        var roles = session.rows(MINE + """
            select r.rolname, r.rolsuper, concat_ws(' ', case when rolsuper then 'superuser' else 'nosuperuser' end, case when rolcreatedb then 'createdb' else 'nocreatedb' end,
                case when rolcreaterole then 'createrole' else 'nocreaterole' end, case when rolbypassrls then 'bypassrls' else 'nobypassrls' end, case when rolinherit then 'inherit' else 'noinherit' end)
            from pg_catalog.pg_roles r join (select oid, min(depth) as depth from mine group by oid) mine on mine.oid = r.oid order by depth""", row -> new Role(row[0], row[1].equals("t"), row[2]));
        var memberships = session.rows(MINE + """
            select distinct pg_get_userbyid(m.member), pg_get_userbyid(m.roleid) from pg_catalog.pg_auth_members m join mine on m.member = mine.oid""", row -> new Membership(row[0], row[1]));
        var database = session.rows("select pg_get_userbyid(datdba), has_database_privilege(oid, 'create') from pg_catalog.pg_database where datname = current_database()", row -> row).get(0);
        return new ActingRole(roles.stream().filter(role -> !OF_THE_MACHINE.contains(role.name)).toList(), memberships.stream().filter(each -> !OF_THE_MACHINE.contains(each.role)).toList(),
            database[0], database[1].equals("t"));
    }

    public String name() { return roles.get(0).name; }

    boolean isSuperuser() { return roles.get(0).superuser; }
}
