package backups;

import java.util.List;
import java.util.Set;
import ops.Database;
import ops.DatabaseProperties;
import ops.DatabaseUrl;
import ops.Failure;
import ops.Settings;

/**
 * A role of an environment's server, and all that its rights come from there: enough to make one on another server that may
 * the same in a database, and nothing to the machine that the server is on.
 *
 * @param env the environment
 * @param databaseOwner of the environment's database; the role itself where there is none yet
 * @param rights on that
 * @param superuser whether it is one, or may become one
 * @param mayMore whether it may more than a copy that is no superuser
 * @param roles that the server has
 */
public record RoleCopy(String env, String role, String databaseOwner, Set<DatabaseProperties.Right> rights, boolean superuser, boolean mayMore, List<Role> roles, List<Membership> memberships, List<DatabaseProperties.Value> settings) {
    /** @param attributes that the copy has too, as CREATE ROLE takes them */
    record Role(String name, boolean superuser, boolean createRole, String attributes) { }

    /** @param inherit like set empty where the server is older than these two */
    record Membership(String role, String member, String admin, String inherit, String set) {
        /** As a server of a major version takes it. */
        String statement(int major) {
            var grant = "grant " + Database.quote(role) + " to " + Database.quote(member);
            if (major < 16) return grant + (admin.equals("true") ? " with admin option" : "");
            return grant + " with admin " + admin + (inherit.isEmpty() ? "" : ", inherit " + inherit + ", set " + set);
        }
    }

    /** What they may is done to the machine that the server is on, and the copy's is another one. */
    static final Set<String> OF_THE_MACHINE = Set.of("pg_execute_server_program", "pg_read_server_files", "pg_write_server_files");
    /** From this major version on, who may create roles may not give itself any other. */
    private static final int CREATES_ONLY = 16;

    /** That of an environment's DATABASE_URL; nothing is changed there. */
    public static RoleCopy of(Settings settings) {
        var url = DatabaseUrl.of(settings);
        try (var session = connect(url, settings)) {
            var isThere = session.one("select exists (select from pg_database where datname = ?)", url.database).equals("t");
            var database = isThere ? DatabaseProperties.of(session, url.database) : DatabaseProperties.UNKNOWN;
            var role = session.one("select session_user");
            var powers = session.rows("select coalesce(bool_or(rolsuper), false), coalesce(bool_or(rolsuper or rolcreaterole), false) from pg_roles where pg_has_role(session_user, oid, 'member')", row -> row).get(0);
            var roles = session.rows("""
                select rolname, rolsuper, rolcreaterole, concat_ws(' ', case when rolinherit then 'inherit' else 'noinherit' end,
                  case when rolcreatedb then 'createdb' else 'nocreatedb' end, case when rolbypassrls then 'bypassrls' else 'nobypassrls' end)
                from pg_roles where rolname !~ '^pg_'""", row -> new Role(row[0], row[1].equals("t"), row[2].equals("t"), row[3]));
            var kinds = session.major() < 16 ? "'', ''" : "inherit_option::text, set_option::text";
            var memberships = session.rows("select pg_get_userbyid(roleid), pg_get_userbyid(member), admin_option::text, " + kinds + " from pg_auth_members",
                row -> new Membership(row[0], row[1], row[2], row[3], row[4]));
            return new RoleCopy(settings.env, role, isThere ? database.owner() : role, database.rights(), powers[0].equals("t"), powers[1].equals("t"), roles,
                memberships.stream().filter(each -> !OF_THE_MACHINE.contains(each.role)).toList(), DatabaseProperties.ofRole(session, role, url.database));
        }
    }

    private static Database connect(DatabaseUrl url, Settings settings) {
        try {
            return Database.connect(url, settings, "handover, role of " + settings.env);
        } catch (Failure.BadSetting e) {
            if (url.database.equals("postgres")) throw e;
            return Database.connect(url.withDatabase("postgres"), settings, "handover, role of " + settings.env); // a restore may be what makes the database
        }
    }

    /** What a role's copy has: nothing with which it could become what the server's own user is. */
    String attributes(Role role, int major) { return role.attributes + (role.createRole && major >= CREATES_ONLY ? " createrole" : ""); }
}
