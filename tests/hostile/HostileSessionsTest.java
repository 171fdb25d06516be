import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** Sessions that end while the kit relies on them: no green line afterwards, and nothing irreversible without its lock. */
class HostileSessionsTest {
    private static final String SHOP = "create table orders (id int primary key); insert into orders select generate_series(1, 9)";
    private static final String LOST = "the lock of environment 'staging' was lost, so another run may be at work there";
    /** The sessions that hold the lock with this number. */
    private static final String HOLDERS = " from pg_locks where locktype = 'advisory' and granted and classid = " + 0x48414E44 + " and objid = %s";

    private final Kit kit = Stack.kit();

    /** This test's environment's, and nobody else's. */
    private int lock() { return ("staging/" + kit.database.name + "/environment").hashCode() & Integer.MAX_VALUE; }

    private String endLock() { return "select pg_terminate_backend(pid)" + HOLDERS.formatted(lock()) + ";\n"; }

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
            assertEquals(1, TestDatabase.serverRows("select pid" + HOLDERS.formatted(lock())).size());
            Files.createFile(kit.home.resolve("go-" + mode));
            restore.result().exits(0);
            assertEquals("9", kit.database.one("select count(*) from orders"));
        }
    }

    /** By the restore's own SQL, so that the very next thing is the switch, or the commit. */
    @Test void a_restore_that_has_lost_its_lock_does_not_show_its_data() throws Exception {
        kit.backedUp(SHOP);
        kit.database.execute("delete from orders where id > 3");
        var ends = sql("ends.sql", endLock()).toString();
        for (var mode : List.of("swap", "in-place")) {
            kit.run("restore-db", "--env", "staging", "--mode", mode, "--no-safety-backup", "--after-sql", ends)
                .exits(16).says(LOST, "State: the database of 'staging' is as it was", "Next:  see whether one is: ./jbang doctor --env staging; then run this again");
            isAsBefore();
        }
        kit.run("restore-db", "--env", "staging", "--no-safety-backup").exits(0);
        assertEquals("9", kit.database.one("select count(*) from orders"));
    }

    @Test void a_restore_or_a_backup_whose_lock_is_lost_ends_long_before_its_last_step() throws Exception {
        kit.backedUp(SHOP);
        kit.database.execute("delete from orders where id > 3");
        var never = kit.sqlThatWaitsFor(kit.home.resolve("never"));
        var restore = kit.start("restore-db", "--env", "staging", "--after-sql", never.toString()).awaitSays("ok: Compare with the manifest");
        kit.database.asSuperuser(endLock());
        restore.result().exits(16).says(LOST, "State: the database of 'staging' is as it was");
        isAsBefore();
        kit.awaitNoProcess();
        assertEquals("restore-db failed", kit.history().stream().reduce((one, other) -> other).map(record -> record.get("script").getAsString() + " " + record.get("result").getAsString()).orElse(""));

        var before = kit.sealed();
        try (var other = kit.database.connect(); var statement = other.createStatement()) {
            statement.execute("begin; lock table orders in access exclusive mode"); // pg_dump waits for it
            var backup = kit.start("backup-db", "--env", "staging").awaitSays("ok: List the tables");
            kit.database.asSuperuser(endLock());
            backup.result().exits(16).says(LOST, "State: nothing was stored");
        }
        assertEquals(before, kit.sealed());
        assertEquals(List.of(), kit.openUploads());
    }

    @Test void neither_a_migration_nor_a_release_follows_a_lost_lock() throws Exception {
        var deployed = new DeployedSite(kit);
        try {
            deployed.repository.write("supabase/migrations/20261101000000_ends.sql", "create table made ();\n" + endLock()).commit("A migration");
            deployed.run("deploy", "--apply-migrations", "--unrehearsed").exits(16).says(LOST, "State: what was live is live; the database is as it was");
            assertTrue(deployed.isNothingLive());
            assertEquals("0", kit.database.one("select count(*) from pg_class where relname = 'made'"));
        } finally {
            deployed.close();
        }
    }

    /** In a script: ends the session that holds the lock of this test's environment. */
    private String endsLock() {
        return "env " + TestDatabase.superuserVariables() + " psql -qXAt -d postgres -c \"" + endLock().strip() + "\" >&2; ";
    }

    @Test void nothing_is_pruned_after_a_lost_lock() throws Exception {
        kit.backedUp(SHOP);
        var first = kit.sealed().get(0);
        var taken = kit.manifest().get("snapshot_time").getAsString();
        kit.forge(first, "\"snapshot_time\": \"" + taken, "\"snapshot_time\": \"" + Instant.now().minus(Duration.ofDays(40)));
        kit.set("BACKUP_KEEP", "last=1").set("BACKUP_MIN_KEEP", "1");
        // While the new backup is read back, which comes between its seal and the old ones' end.
        new FakeTools(kit).tool("pg_restore", endsLock() + "exec \"$real\" \"$@\"");
        kit.run("backup-db", "--env", "staging", "--verify", "readable").exits(16)
            .says("ok: Read it back", LOST, "is sealed and readable.").neverShows("removed ");
        new FakeTools(kit).none();
        assertEquals(2, kit.sealed().size());
        assertEquals(first, kit.sealed().get(0));

        // And while the first of two old databases is dropped, which waits here for somebody's comment on it.
        var olds = List.of("old_20200101T000000Z", "old_20200102T000000Z").stream()
            .map(end -> TestDatabase.create(kit.database.name + "_" + end).name).toList();
        try (var other = TestDatabase.named("postgres").connectAsSuperuser(); var statement = other.createStatement()) {
            statement.execute("begin; comment on database " + TestDatabase.quote(olds.get(0)) + " is 'mine'");
            var prune = kit.start("backups", "prune", "--env", "staging");
            Patience.until(() -> !TestDatabase.serverRows("select 1 from pg_stat_activity where wait_event_type = 'Lock'"
                + " and query ~ 'drop database.*" + olds.get(0) + "'").isEmpty(), () -> "nobody drops " + olds.get(0) + ": "
                + prune.saidSoFar());
            TestDatabase.superuser(endLock());
            statement.execute("rollback");
            prune.result().exits(16).says("removed " + first.replaceFirst(".*/(.+)/", "$1"), "dropped " + olds.get(0), LOST, "State: what was removed is named above");
        }
        assertEquals(olds.subList(1, 2), databases("old"));
        kit.run("backups", "prune", "--env", "staging").exits(0).says("dropped " + olds.get(1));
    }

    @Test void nothing_is_rolled_back_after_a_lost_lock() throws Exception {
        var site = new DeployedSite(kit);
        try {
            var two = site.shipTwo();
            // What is left is tagged right before the switch.
            var git = Files.createDirectory(kit.home.resolve("git")).resolve("git");
            var path = kit.environment().get("PATH");
            Files.writeString(git, "#!/bin/bash\ncase \"$*\" in *recovery/*) " + endsLock() + ";; esac\nPATH='" + path
                + "' exec git \"$@\"\n");
            Files.setPosixFilePermissions(git, PosixFilePermissions.fromString("rwxr-xr-x"));
            kit.with("PATH", git.getParent() + ":" + path);
            for (var way : List.of("instant", "the archived artifact")) {
                if (!way.equals("instant")) Stack.remove(site.www.resolve("releases").resolve(two.get(0)));
                site.run("rollback").exits(16).says("ok: Choose the way: " + way, "ok: Tag what is left", LOST,
                    "State: nothing was changed: what was live is live.");
                assertEquals(two.get(1), site.current());
                assertEquals(List.of(), kit.keys("handover/staging/releases/").stream().filter(key -> key.contains(".bad")).toList());
            }
            kit.with("PATH", path);
            site.run("rollback").exits(0).prints("rolled back to " + two.get(0));
        } finally {
            site.close();
        }
    }

    @Test void what_the_server_says_against_a_statement_is_told_with_what_helps() throws Exception {
        var database = ops.DatabaseUrl.parse(kit.database.url(), "");
        kit.database.execute(SHOP);
        var said = new java.util.TreeMap<String, String>();
        for (var sql : List.of("select * from nothing", "select nobody from public.orders", "insert into public.orders values (1)", "select 1/0", "set transaction_read_only = on; create table public.x ()", "select pg_terminate_backend(pg_backend_pid())",
            "set local lock_timeout = 1; set statement_timeout = 50; select pg_sleep(9)", "alter role postgres nologin", "syntax")) {
            try (var session = ops.Database.connect(database, ops.Settings.of("staging"), "a test of words")) {
                session.execute(sql);
            } catch (ops.Failure e) {
                said.put(sql, e.exit.code + " " + e.getMessage().replaceFirst(".* (failed|lost): ", "") + " | " + e.hint);
            }
        }
        assertEquals(9, said.size(), said::toString);
        said.forEach((sql, words) -> assertFalse(words.contains("when it answers again") && !sql.contains("terminate"), words));
        for (var expected : List.of("relation \"nothing\" does not exist | see whether database", "column \"nobody\" does not exist | see whether database", "duplicate key value violates unique constraint \"orders_pkey\" | the data are not as their table",
            "division by zero | the data are not as their table", "in a read-only transaction | a standby takes no changes", "terminating connection due to administrator command | somebody ended the session",
            "due to statement timeout | somebody cancelled it, or a time limit did", "role 'tester' lacks a right", "syntax error at or near \"syntax\" | see what it says"))
            assertTrue(said.values().stream().anyMatch(words -> words.startsWith("12 ") && words.contains(expected)), expected + " is not in " + said);
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

    /** Of another role's session a server tells less, and a role that can't connect to 'postgres' takes its locks elsewhere. */
    @Test void a_lock_is_seen_whoever_holds_it_and_in_whatever_database() throws Exception {
        kit.backedUp(SHOP);
        for (var each : Map.of("backup-db", TestDatabase.named("postgres"), "restore-db", kit.database).entrySet())
            try (var holder = each.getValue().connectAsSuperuser(); var statement = holder.createStatement()) {
                statement.execute("set application_name = 'handover restore-db staging, process 1'");
                statement.execute("select pg_advisory_lock(" + 0x48414E44 + ", " + lock() + ")");
                kit.run(each.getKey(), "--env", "staging").exits(11).says("another run holds the lock of environment 'staging': handover restore-db staging, process 1");
            }
    }
}
