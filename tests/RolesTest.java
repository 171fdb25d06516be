import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import java.io.IOException;
import java.nio.file.Files;
import java.sql.SQLException;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** The roles that the README hands out are enough for what it says of them; when one of their rights is missing, it is named. */
class RolesTest {
    private static final String OWNER = "dealer", SECURITY = "README.md, Security and permissions";

    private final TestDatabase database = TestDatabase.sample(Stack.next("roles_"));
    private final Kit kit = Stack.kit(database);
    private final List<List<String>> sql;
    /** The role that is tried, by a name that no other test has. */
    private final String role = Stack.next("role_");

    RolesTest() throws IOException { sql = new Document("README.md").fences("The database's roles", "sql").stream().map(fence -> Stream.of(fence.split("\n")).toList()).toList(); }

    @AfterEach void drop() { database.asSuperuser("drop owned by " + role + "; drop role " + role); }

    /** A line of the README's, for this role, owner and database. */
    private void execute(String line) { database.asSuperuser(line.replaceAll("\\b(backup|restore|deploy|smoke)\\b", role).replaceAll("\\bapp\\b", OWNER).replace("…", TestDatabase.PASSWORD)); }

    private Kit.Result run(String... arguments) {
        return kit.set("STAGING_DATABASE_URL", database.url(role, TestDatabase.PASSWORD)).run(Stream.concat(Stream.of(arguments), Stream.of("--env", "staging")).toArray(String[]::new));
    }

    @Test void a_backup_is_made_by_the_role_for_backups() {
        sql.get(0).forEach(this::execute);
        run("doctor").exits(78).prints("problem      large objects: role '" + role + "' can't read", "GRANT SELECT ON LARGE OBJECT");
        for (var object : database.rows("select oid from pg_largeobject_metadata")) database.asSuperuser("grant select on large object " + object + " to " + role);
        run("backup-db").exits(0);

        database.asSuperuser("alter role " + role + " nobypassrls");
        run("backup-db").exits(78).says("(row-level security)", "BYPASSRLS");
        database.asSuperuser("alter role " + role + " bypassrls; revoke pg_read_all_data from " + role);
        run("backup-db").exits(78).says("(no right to read)", "GRANT pg_read_all_data TO \"" + role + "\"");
    }

    @Test void what_the_role_for_backups_has_stored_is_proven_and_restored_by_the_role_for_restores_in_place_and_by_a_swap() throws SQLException {
        var all = database.counts();
        sql.get(0).forEach(this::execute);
        database.asSuperuser("grant " + OWNER + " to " + role); // for large objects, as the README says
        run("backup-db").exits(0);
        kit.withDrillServer();
        run("backups", "drill").exits(0);
        database.asSuperuser("delete from payments; drop owned by " + role + "; drop role " + role);

        execute(sql.get(1).get(0));
        run("restore-db").exits(78).says("ok: Choose the way: in place, in one transaction, since role " + role + " may not create databases", "can't replace schema public, which belongs to " + OWNER, "GRANT " + OWNER + " TO \"" + role + "\"", SECURITY);
        execute(sql.get(1).get(1));
        run("restore-db").exits(0).says("first a backup of what is there now:", "ok: Commit");
        assertEquals(all, database.counts());

        database.asSuperuser("delete from payments");
        execute(sql.get(2).get(0));
        TestDatabase.superuser("revoke " + OWNER + " from " + role);
        run("restore-db", "--mode", "swap").exits(78).says("database " + database.name + " belongs to another role than " + role);
        execute(sql.get(1).get(1));
        try (var other = TestDatabase.connect(database.url(TestDatabase.ROLE, TestDatabase.PASSWORD))) {
            // Without this line RestoreDbTest sees it fail: who is connected is sent away or keeps everything as it was.
            execute(sql.get(2).get(1));
            run("restore-db", "--no-safety-backup").exits(0).says("ok: Switch: the old data are in ");
            assertFalse(other.isValid(5));
        }
        assertEquals(all, database.counts());
        var old = database.one("select datname from pg_database where datname like '" + database.name + "\\_old\\_%'");
        var older = database.name + "_old_20200101T000000Z";
        TestDatabase.superuser("alter database " + TestDatabase.quote(old) + " rename to " + TestDatabase.quote(older));
        run("backups", "prune").exits(0).says("dropped " + older);
        assertEquals(OWNER, database.one("select pg_get_userbyid(datdba) from pg_database where datname = current_database()"));
    }

    @Test void migrations_are_applied_by_the_role_for_deploys_and_what_they_create_is_the_applications() throws IOException {
        Files.copy(Stack.CHECKOUT.resolve("tests/Migrate.java"), kit.home.resolve("tests/Migrate.java"));
        var folder = Files.createDirectories(kit.home.resolve("supabase/migrations"));
        Files.writeString(folder.resolve("20261101000000_first.sql"), "create table deposits (id int primary key); alter table quotes add deposit int;");
        execute(sql.get(3).get(0));
        run("tests/Migrate.java", "apply").exits(12).says("permission denied for database " + database.name, "role '" + role + "' lacks a right: " + SECURITY);
        sql.get(3).subList(1, 3).forEach(this::execute);
        var site = new DeployedSite(kit);
        try {
            site.repository.write("supabase/migrations/20261101000000_first.sql", Files.readString(folder.resolve("20261101000000_first.sql"))).commit("deposits");
            run("deploy", "--apply-migrations", "--unrehearsed").exits(0);
        } finally {
            site.close();
        }
        assertEquals(List.of(OWNER, OWNER), database.rows("select tableowner from pg_tables where tablename in ('deposits', 'schema_migrations') and schemaname <> 'pg_catalog' and tablename || schemaname <> 'schema_migrationspublic'"));

        TestDatabase.superuser("alter role " + role + " reset role");
        Files.writeString(folder.resolve("20261102000000_second.sql"), "create table refunds (id int primary key);");
        run("tests/Migrate.java", "apply").exits(0);
        assertEquals(role, database.one("select tableowner from pg_tables where tablename = 'refunds'"), "so the last line is needed");
    }

    @Test void the_smoke_tests_read_with_the_role_for_them() {
        sql.get(4).forEach(this::execute);
        kit.set("STAGING_SITE_URL", "http://127.0.0.1:1").set("STAGING_SUPABASE_URL", "none").set("SMOKE_CANARY_ROW", "public.canary:id=1").set("SMOKE_HIDDEN_ROW", "public.canary:id=2");
        run("smoke-tests", "--only", "database").exits(0).prints("the row public.canary with id 1 is read through SQL");
        database.asSuperuser("alter role " + role + " nobypassrls");
        run("smoke-tests", "--only", "database", "--tries", "1").exits(14).prints("row-level security policy for table \"canary\"", SECURITY);
        database.asSuperuser("alter role " + role + " bypassrls; revoke select on canary from " + role);
        run("smoke-tests", "--only", "database", "--tries", "1").exits(14).prints("permission denied for table canary");
    }
}
