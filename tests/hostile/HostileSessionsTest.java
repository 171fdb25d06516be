import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Sessions that end while the kit relies on them: no green line afterwards, and nothing irreversible without its lock. */
class HostileSessionsTest {
    private static final String SHOP = "create table orders (id int primary key); insert into orders select generate_series(1, 9)";
    private static final String LOST = "the lock of environment 'staging' was lost, so another run may be at work there";

    private final Kit kit = Stack.kit();

    /** The session that holds a run's lock, as only its own role and a superuser may end it. */
    private static String endLockOf(String script, String env) {
        return "select pg_terminate_backend(pid) from pg_stat_activity where application_name like 'handover " + script + " " + env + ", process %' and pid <> pg_backend_pid();\n";
    }

    private Path sql(String name, String text) throws IOException { return Files.writeString(kit.home.resolve(name), text); }

    private List<String> databases(String what) { return TestDatabase.serverRows("select datname from pg_database where datname ~ '^" + kit.database.name + "_" + what + "_'"); }

    private void isAsBefore() {
        assertEquals("3", kit.database.one("select count(*) from orders"));
        assertEquals(List.of(), databases("(new|old)"));
    }

    @Test void time_limits_that_are_set_on_the_role_end_no_session_that_has_to_wait() throws Exception {
        TestDatabase.superuser("create role " + kit.database.name + " login createdb password 'hasty-Passw0rd'");
        TestDatabase.superuser("alter database " + kit.database.name + " owner to " + kit.database.name);
        for (var limit : List.of("idle_session_timeout", "idle_in_transaction_session_timeout", "statement_timeout", "lock_timeout"))
            TestDatabase.superuser("alter role " + kit.database.name + " set " + limit + " = '1500ms'");
        kit.set("STAGING_DATABASE_URL", kit.database.url(kit.database.name, "hasty-Passw0rd"));
        kit.database.asSuperuser(SHOP + "; alter table orders owner to " + kit.database.name + "; alter schema public owner to " + kit.database.name);
        kit.run("backup-db", "--env", "staging", "--quiet").exits(0);
        for (var mode : List.of("swap", "in-place")) {
            kit.database.asSuperuser("delete from orders");
            // Two limits long: as a switch that comes after hours of loading.
            var waits = sql("waits-" + mode + ".sql", "\\! until [ -e go-" + mode + " ]; do sleep 0.1; done\nselect pg_sleep(2);\n");
            var restore = kit.start("restore-db", "--env", "staging", "--mode", mode, "--no-safety-backup", "--after-sql", waits.toString()).awaitSays("ok: Compare with the manifest");
            Patience.pause(4000);
            kit.run("backup-db", "--env", "staging").exits(11).says("another run holds the lock of environment 'staging': handover restore-db staging");
            Files.createFile(kit.home.resolve("go-" + mode));
            restore.result().exits(0);
            assertEquals("9", kit.database.one("select count(*) from orders"));
        }
    }

    /** By the restore's own SQL, so that the very next thing is the switch, or the commit. */
    @ParameterizedTest
    @ValueSource(strings = {"swap", "in-place"})
    void a_restore_that_has_lost_its_lock_does_not_show_its_data(String mode) throws Exception {
        kit.backedUp(SHOP);
        kit.database.execute("delete from orders where id > 3");
        kit.run("restore-db", "--env", "staging", "--mode", mode, "--no-safety-backup", "--after-sql", sql("ends.sql", endLockOf("restore-db", "staging")).toString())
            .exits(16).says(LOST, "State: the database of 'staging' is as it was", "Next:  see whether one is: ./jbang doctor --env staging; then run this again");
        isAsBefore();
        kit.run("restore-db", "--env", "staging", "--mode", mode, "--no-safety-backup").exits(0);
        assertEquals("9", kit.database.one("select count(*) from orders"));
    }

    @Test void a_restore_or_a_backup_whose_lock_is_lost_ends_long_before_its_last_step() throws Exception {
        kit.backedUp(SHOP);
        kit.database.execute("delete from orders where id > 3");
        var never = kit.sqlThatWaitsFor(kit.home.resolve("never"));
        var restore = kit.start("restore-db", "--env", "staging", "--no-safety-backup", "--after-sql", never.toString()).awaitSays("ok: Compare with the manifest");
        kit.database.asSuperuser(endLockOf("restore-db", "staging"));
        restore.result().exits(16).says(LOST, "State: the database of 'staging' is as it was");
        isAsBefore();
        kit.awaitNoProcess();
        assertEquals("restore-db failed", kit.history().stream().reduce((one, other) -> other).map(record -> record.get("script").getAsString() + " " + record.get("result").getAsString()).orElse(""));

        var before = kit.sealed();
        try (var other = kit.database.connect(); var statement = other.createStatement()) {
            statement.execute("begin; lock table orders in access exclusive mode"); // pg_dump waits for it
            var backup = kit.start("backup-db", "--env", "staging").awaitSays("ok: List the tables");
            kit.database.asSuperuser(endLockOf("backup-db", "staging"));
            backup.result().exits(16).says(LOST, "State: nothing was stored");
        }
        assertEquals(before, kit.sealed());
        assertEquals(List.of(), kit.openUploads());
    }

    @Test void neither_a_migration_nor_a_release_follows_a_lost_lock() throws Exception {
        var deployed = new DeployedSite(kit);
        try {
            deployed.repository.write("supabase/migrations/20261101000000_ends.sql", "create table made ();\n" + endLockOf("deploy", "staging")).commit("A migration");
            deployed.run("deploy", "--apply-migrations", "--unrehearsed").exits(16).says(LOST, "State: what was live is live; the database is as it was");
            assertTrue(deployed.isNothingLive());
            assertEquals("0", kit.database.one("select count(*) from pg_class where relname = 'made'"));
        } finally {
            deployed.close();
        }
    }

    /** Under another name the same database has another lock. */
    @Test void a_half_made_database_is_not_dropped_while_its_run_goes_on() throws Exception {
        kit.backedUp(SHOP);
        kit.database.execute("delete from orders where id > 3");
        var go = kit.home.resolve("go");
        var first = kit.start("restore-db", "--env", "staging", "--no-safety-backup", "--after-sql", kit.sqlThatWaitsFor(go).toString()).awaitSays("ok: Compare with the manifest");
        var made = databases("new").get(0);
        kit.set("OTHER_DATABASE_URL", kit.database.url());
        kit.run("restore-db", "--env", "other", "--from", "staging", "--no-safety-backup", "--mode", "swap").exits(0).says("warning: the database " + made + " stays: the run that makes it still goes on");
        Files.createFile(go);
        first.result().exits(0);
        assertEquals("9", kit.database.one("select count(*) from orders"));
        assertFalse(databases("new").contains(made));
    }
}
