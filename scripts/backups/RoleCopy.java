package backups;

import java.util.List;
import ops.Database;
import ops.DatabaseProperties;
import ops.DatabaseUrl;
import ops.Failure;
import ops.Settings;

/**
 * The role of an environment's DATABASE_URL, and all that its rights come from on the server there: so that a drill can
 * restore as that role, and not as a superuser, who may do everything.
 *
 * @param owner of the environment's database; the role itself where there is none yet
 * @param roles that the server has, each with the statement that makes it
 */
record RoleCopy(String env, String role, String owner, List<Role> roles, List<Membership> memberships, List<DatabaseProperties.Value> settings) {
    record Role(String name, String statement) { }

    /** @param inherit like set empty where the server is older than these two */
    record Membership(String grant, String admin, String inherit, String set) {
        /** As a server of a major version takes it. */
        String statement(int major) {
            if (major < 16) return grant + (admin.equals("true") ? " with admin option" : "");
            return grant + " with admin " + admin + (inherit.isEmpty() ? "" : ", inherit " + inherit + ", set " + set);
        }
    }

    /** Reads it; nothing is changed there. */
    static RoleCopy of(Settings settings) {
        var url = DatabaseUrl.of(settings);
        try (var session = connect(url, settings)) {
            var role = session.one("select session_user");
            var owner = session.rows("select pg_get_userbyid(datdba) from pg_database where datname = ?", row -> row[0], url.database);
            var roles = session.rows("""
                select rolname, concat_ws(' ', 'create role', quote_ident(rolname), case when rolsuper then 'superuser' end, case when not rolinherit then 'noinherit' end, case when rolcreaterole then 'createrole' end,
                  case when rolcreatedb then 'createdb' end, case when rolreplication then 'replication' end, case when rolbypassrls then 'bypassrls' end)
                from pg_roles where rolname !~ '^pg_'""", row -> new Role(row[0], row[1]));
            var kinds = session.major() < 16 ? "'', ''" : "inherit_option::text, set_option::text";
            var memberships = session.rows("select format('grant %s to %s', roleid::regrole, member::regrole), admin_option::text, " + kinds + " from pg_auth_members",
                row -> new Membership(row[0], row[1], row[2], row[3]));
            return new RoleCopy(settings.env, role, owner.isEmpty() ? role : owner.get(0), roles, memberships, DatabaseProperties.ofRole(session, role, url.database));
        }
    }

    private static Database connect(DatabaseUrl url, Settings settings) {
        try {
            return Database.connect(url, settings, "handover backups drill --as " + settings.env);
        } catch (Failure.BadSetting e) {
            if (url.database.equals("postgres")) throw e;
            return Database.connect(url.withDatabase("postgres"), settings, "handover backups drill --as " + settings.env); // a restore may be what makes the database
        }
    }
}
