import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A restore gives back what was backed up, and until it does nobody sees anything but the old data. */
class RestoreDbTest {
    private static final String SHOP = """
        create table customer (id serial primary key, name text not null);
        insert into customer (name) select 'customer ' || n from generate_series(1, 500) n;
        create table invoice (id int generated always as identity primary key, customer_id int not null references customer, cents int not null);
        insert into invoice (customer_id, cents) select 1 + n % 500, n from generate_series(1, 1500) n;
        create index on invoice (cents);
        create materialized view total as select customer_id, sum(cents) from invoice group by 1""";
    private static final List<String> STEPS = List.of("Read the settings", "Reach the database server", "Make sure that it is not a protected one", "Choose the backup", "Find pg_restore", "Take the lock",
        "Clear what killed runs left", "Load into a new database", "Compare with the manifest", "Switch", "Check what is live");

    private final Kit kit = Stack.kit();

    /** A backup of the shop, and then a loss. */
    private void lossAfterBackup() {
        kit.backedUp(SHOP);
        loss();
    }

    private void loss() { kit.database.execute("drop table invoice cascade; delete from customer where id > 3; create table after_backup ()"); }

    private void isRestored() {
        assertEquals(List.of("500", "1500", "500", "1501", "0"), List.of(kit.database.one("select count(*) from customer"), kit.database.one("select count(*) from invoice"), kit.database.one("select count(*) from total"),
            kit.database.one("select nextval('invoice_id_seq')"), kit.database.one("select count(*) from pg_class where relname = 'after_backup'")));
    }

    private void isAsBefore() {
        assertEquals(List.of("3", "1"), List.of(kit.database.one("select count(*) from customer"), kit.database.one("select count(*) from pg_class where relname = 'after_backup'")));
    }

    private List<String> databases(String what) {
        return TestDatabase.serverRows("select datname from pg_database where datname ~ '^" + kit.database.name + "_" + what + "_[0-9]{8}T[0-9]{6}Z$'");
    }

    // --- what it does

    @Test void what_was_backed_up_comes_back_and_the_old_data_stay_beside_it() {
        kit.database.execute(SHOP);
        kit.run("backup-db", "--env", "staging", "--quiet").exits(0);
        loss();
        var result = kit.run("restore-db", "--env", "staging").exits(0)
            .says("first a backup of what is there now:", "ok: Load into a new database: ", "checksums right", "ok: Compare with the manifest: 2,000 rows in 2 tables, as in the manifest",
                "ok: Switch: the old data are in " + kit.database.name + "_old_", "ok: Check what is live: 2 tables, all readable");
        assertTrue(Pattern.compile("ok: Choose the backup: .*, (just now|[0-9]+ min ago), proof: stored").matcher(result.err()).find(), result::toString);
        result.prints("restored 2", " into " + TestDatabase.server() + "/" + kit.database.name);
        isRestored();
        assertEquals("3", TestDatabase.named(databases("old").get(0)).one("select count(*) from customer"));
        assertEquals(List.of(), databases("new"));
        assertEquals(List.of(), kit.leftTemporary());
        assertTrue(kit.database.one("select count(*) from pg_stats where tablename = 'invoice'").compareTo("0") > 0, "no statistics");
    }

    @Test void latest_is_never_the_safety_backup_that_a_restore_made() {
        lossAfterBackup();
        kit.run("restore-db", "--env", "staging").exits(0);
        kit.run("restore-db", "latest", "--env", "staging", "--no-safety-backup").exits(0);
        isRestored();
        kit.run("backups", "list", "--env", "staging").exits(0).prints("; made before a restore");
        assertEquals(2, kit.sealed().size());
    }

    @Test void without_room_for_a_temporary_file_the_tables_are_loaded_one_after_another() throws Exception {
        lossAfterBackup();
        try (var full = new FullDisk(kit.home.resolve("full"))) {
            kit.with("TMPDIR", full.folder.toString()).run("restore-db", "--env", "staging", "--jobs", "2").exits(0)
                .says("warning: no room for a temporary file of ", " in " + full.folder + ": tables are loaded one after another; TMPDIR can name another folder");
        }
        isRestored();
    }

    /** Looked at while a table is being loaded. */
    @Test void nobody_can_open_the_temporary_file() throws Exception {
        kit.database.execute("create table big as select n, repeat(md5(n::text), 8) from generate_series(1, 400000) n; create table small as select 1 as one");
        kit.run("backup-db", "--env", "staging", "--quiet").exits(0);
        var folder = Files.createDirectory(kit.home.resolve("spool"));
        var restore = kit.with("TMPDIR", folder.toString()).start("restore-db", "--env", "staging", "--jobs", "2", "--no-safety-backup", "--verbose").awaitSays("--section=pre-data");
        var seen = false;
        while (restore.process.isAlive() && !seen) {
            for (var open : openFiles(restore.process.pid())) seen |= open.startsWith(folder.toString()) && open.endsWith("spool (deleted)");
        }
        assertTrue(seen, "the temporary file was never seen");
        restore.signal("KILL").process.waitFor();
        try (var left = Files.walk(folder)) {
            assertEquals(List.of("lock"), left.filter(Files::isRegularFile).map(file -> file.getFileName().toString()).toList());
        }
        kit.run("restore-db", "--env", "staging", "--no-safety-backup").exits(0);
        try (var left = Files.list(folder)) {
            assertEquals(List.of(), left.toList());
        }
    }

    private static List<String> openFiles(long pid) throws IOException {
        var files = new java.util.ArrayList<String>();
        try (var open = Files.newDirectoryStream(Path.of("/proc/" + pid + "/fd"))) {
            for (var file : open) files.add(Files.readSymbolicLink(file).toString());
        } catch (java.nio.file.NoSuchFileException e) {
            // closed meanwhile
        }
        return files;
    }

    @Test void the_backup_of_another_environment_is_restored_into_this_one() {
        var production = TestDatabase.create(Stack.next("production_")).execute(SHOP);
        kit.set("PRODUCTION_DATABASE_URL", production.url());
        kit.run("backup-db", "--env", "production", "--quiet").exits(0);
        kit.run("restore-db", "--env", "staging").exits(1).says("environment 'staging' has no backup");
        kit.run("restore-db", "--env", "staging", "--from", "production").exits(0).says("from a backup of production");
        isRestored();
        assertEquals("1500", production.one("select count(*) from invoice"));
    }

    @Test void the_row_that_the_smoke_tests_know_is_looked_for_and_its_lack_stops_nothing() {
        lossAfterBackup();
        kit.set("SMOKE_CANARY_ROW", "public.customer:id=501");
        kit.run("restore-db", "--env", "staging", "--no-safety-backup").exits(0)
            .says("warning: the smoke tests will not pass in 'staging': the database has no row public.customer with id 501; the backup may be older than that row; are these the right data? SMOKE_CANARY_ROW stands in .env.operations");
        isRestored();
        loss();
        kit.set("SMOKE_CANARY_ROW", "pg_catalog.pg_stats:tablename=customer");
        kit.run("restore-db", "--env", "staging", "--no-safety-backup").exits(0)
            .says("warning: the smoke tests' row could not be looked for, which says nothing of the data: ", "SMOKE_CANARY_ROW stands in .env.operations").neverShows("will not pass");
        isRestored();
        loss();
        kit.set("SMOKE_CANARY_ROW", "public.customer:id=500");
        kit.run("restore-db", "--env", "staging", "--no-safety-backup").exits(0).says("the row public.customer with id 500 is read through SQL");
        isRestored();
    }

    @Test void a_backup_is_chosen_by_the_beginning_of_its_id_or_by_time() {
        lossAfterBackup();
        var id = kit.sealed().get(0).replaceFirst(".*/([^/]+)/$", "$1");
        kit.run("restore-db", id.substring(0, 15), "--env", "staging", "--no-safety-backup").exits(0).prints("restored " + id);
        kit.run("restore-db", "2999-01-01T00:00", "--env", "staging", "--dry-run").exits(0).says(id);
        kit.run("restore-db", "2020-01-01", "--env", "staging").exits(1).says("environment 'staging' has no backup of 2020-01-01T23:59:59Z or earlier", "Next:  ./jbang backups list --env staging");
        kit.run("restore-db", "2026-02-31", "--env", "staging").exits(2).says("'2026-02-31' is no time");
    }

    @Test void a_database_that_is_not_there_any_more_is_made() {
        lossAfterBackup();
        TestDatabase.superuser("drop database " + TestDatabase.quote(kit.database.name) + " with (force)");
        kit.run("restore-db", "--env", "staging").exits(0).says("there is no database '" + kit.database.name + "' yet: it will be made").neverShows("the old data are in");
        isRestored();
    }

    @Test void a_database_that_is_made_sorts_as_the_one_that_was_backed_up() {
        TestDatabase.superuser("drop database " + TestDatabase.quote(kit.database.name) + " with (force)");
        TestDatabase.superuser("create database " + TestDatabase.quote(kit.database.name) + " template template0 lc_collate 'C.UTF-8' lc_ctype 'C.UTF-8' owner " + TestDatabase.ROLE);
        kit.database.execute(SHOP);
        kit.run("backup-db", "--env", "staging").exits(0);
        TestDatabase.superuser("drop database " + TestDatabase.quote(kit.database.name) + " with (force)");
        kit.run("restore-db", "--env", "staging").exits(0);
        isRestored();
        assertEquals("C.UTF-8|C.UTF-8", kit.database.one("select datcollate, datctype from pg_database where datname = current_database()"));

        TestDatabase.superuser("drop database " + TestDatabase.quote(kit.database.name) + " with (force)");
        kit.forge(kit.sealed().get(0), "\"collate\": \"C.UTF-8\"", "\"collate\": \"xx_XX\"");
        kit.run("restore-db", "--env", "staging").exits(0).says("warning: text will sort as this server has it", "xx_XX");
        isRestored();
    }

    @Test void a_dry_run_changes_nothing() {
        lossAfterBackup();
        var keys = kit.keys();
        kit.run("restore-db", "--env", "staging", "--dry-run").exits(0)
            .says("would take the lock", "would first back up what is there now:", "would load into a new database: " + kit.database.name + "_new_", "would switch: exchange the names", "would check what is live");
        assertEquals(keys, kit.keys());
        isAsBefore();
        assertEquals(List.of(), databases("(new|old)"));
    }

    @Test void what_belongs_to_a_database_and_is_in_no_archive_stays_as_it_is() {
        lossAfterBackup();
        var name = TestDatabase.quote(kit.database.name);
        TestDatabase.superuser("do $$ begin create role reader; exception when duplicate_object then end $$");
        TestDatabase.superuser("revoke connect on database " + name + " from public");
        TestDatabase.superuser("grant connect on database " + name + " to reader with grant option");
        TestDatabase.superuser("alter database " + name + " connection limit 77");
        TestDatabase.superuser("alter database " + name + " set search_path = \"$user\", public, \"odd name\"");
        TestDatabase.superuser("alter database " + name + " set work_mem = '7MB'");
        TestDatabase.superuser("alter role tester in database " + name + " set statement_timeout = '77s'");
        TestDatabase.superuser("comment on database " + name + " is 'it''s the shop'");
        var before = properties();
        kit.run("restore-db", "--env", "staging").exits(0);
        assertEquals(before, properties());
        isRestored();
    }

    private List<String> properties() {
        return TestDatabase.serverRows("select pg_get_userbyid(datdba), array(select unnest(datacl)::text order by 1), datconnlimit, encoding, datcollate, datctype, shobj_description(oid, 'pg_database'), "
            + "(select array_agg(setrole::text || setconfig::text order by setrole) from pg_db_role_setting where setdatabase = d.oid) from pg_database d where datname = '" + kit.database.name + "'");
    }

    @Test void sql_of_ones_own_runs_before_anybody_can_see_the_data() throws IOException {
        lossAfterBackup();
        kit.set("STAGING_AFTER_RESTORE_SQL", Files.writeString(kit.home.resolve("anonymous.sql"), "update customer set name = 'customer';\n").toString());
        kit.run("restore-db", "--env", "staging", "--no-safety-backup").exits(0).says("ok: Run anonymous.sql");
        assertEquals("1", kit.database.one("select count(distinct name) from customer"));
        var bad = Files.writeString(kit.home.resolve("bad.sql"), "update customer set name = 'seen';\nselect 1/0;\n");
        kit.run("restore-db", "--env", "staging", "--no-safety-backup", "--after-sql", bad.toString()).exits(12).says("division by zero", "State: the database of 'staging' is as it was.");
        assertEquals("0", kit.database.one("select count(*) from customer where name = 'seen'"));
        assertEquals(List.of(), databases("new"));
        kit.run("restore-db", "--env", "staging", "--after-sql", "/nowhere.sql").exits(78).says("the file with SQL can't be read: /nowhere.sql");
    }

    @Test void roles_that_the_server_lacks_are_named_and_can_be_done_without() {
        kit.database.execute(SHOP);
        TestDatabase.superuser("do $$ begin create role leaving; exception when duplicate_object then end $$");
        kit.database.asSuperuser("alter table invoice owner to leaving; grant select on customer to leaving; grant select on invoice, invoice_id_seq to tester");
        kit.run("backup-db", "--env", "staging", "--quiet").exits(0);
        kit.database.asSuperuser("drop owned by leaving cascade");
        TestDatabase.superuser("drop role leaving");
        kit.run("restore-db", "--env", "staging").exits(12).says("role \"leaving\" does not exist", "State: the database of 'staging' is as it was.");
        kit.run("restore-db", "--env", "staging", "--no-owner").exits(0);
        isRestored();
    }

    @Test void an_encrypted_backup_needs_its_identity() throws IOException {
        Kit.needs("age-keygen");
        kit.database.execute(SHOP);
        var identity = kit.home.resolve("key.txt");
        var recipient = kit.bash("umask 077; age-keygen -o key.txt 2>/dev/null; age-keygen -y key.txt").exits(0).out().strip();
        kit.run("backup-db", "--env", "staging", "--recipient", recipient, "--quiet").exits(0);
        kit.database.execute("drop table invoice cascade");
        kit.run("restore-db", "--env", "staging").exits(78).says("is encrypted, and BACKUP_IDENTITY_FILE is not set");
        kit.run("restore-db", "--env", "staging", "--identity", identity.toString()).exits(0);
        isRestored();
    }

    @Test void a_role_that_may_not_create_databases_is_told_what_it_needs() {
        lossAfterBackup();
        TestDatabase.superuser("do $$ begin create role modest login password 'modest-Passw0rd'; exception when duplicate_object then end $$");
        kit.set("STAGING_DATABASE_URL", kit.database.url("modest", "modest-Passw0rd"));
        kit.run("restore-db", "--env", "staging", "--mode", "swap").exits(78).says("--mode swap is not possible: role modest may not create databases", "ALTER ROLE \"modest\" CREATEDB");
        isAsBefore();
    }

    // --- in place, where the server lets us have no other database

    @Test void in_one_transaction_what_the_backup_holds_is_replaced() {
        lossAfterBackup();
        kit.database.execute("create schema newer; create table newer.x (); create function f() returns int language sql as 'select 1'");
        kit.run("restore-db", "--env", "staging", "--mode", "in-place").exits(0)
            .says("ok: Choose the way: in place, in one transaction", "first a backup of what is there now:", "ok: Drop what the backup holds", "ok: Load: ", "ok: Compare with the manifest: 2,000 rows in 2 tables, as in the manifest; rights and policies as in the backup", "ok: Commit", "ok: Check what is live");
        isRestored();
        assertEquals("0", kit.database.one("select count(*) from pg_namespace where nspname = 'newer'"));
        assertEquals(List.of(), databases("(new|old)"));
        assertEquals("public|pg_database_owner|{pg_database_owner=UC/pg_database_owner,=U/pg_database_owner}|standard public schema",
            kit.database.one("select nspname, pg_get_userbyid(nspowner), nspacl, obj_description(oid, 'pg_namespace') from pg_namespace where nspname = 'public'"));
    }

    @Test void a_role_that_may_not_create_databases_restores_in_place() {
        TestDatabase.superuser("do $$ begin create role owner_only login password 'owner-Passw0rd'; exception when duplicate_object then end $$");
        TestDatabase.superuser("alter database " + TestDatabase.quote(kit.database.name) + " owner to owner_only");
        kit.set("STAGING_DATABASE_URL", kit.database.url("owner_only", "owner-Passw0rd"));
        kit.database.asSuperuser("set role owner_only; " + SHOP);
        kit.run("backup-db", "--env", "staging", "--quiet").exits(0);
        kit.database.asSuperuser("drop table invoice cascade");
        kit.run("restore-db", "--env", "staging").exits(0).says("ok: Choose the way: in place, in one transaction, since role owner_only may not create databases");
        isRestored();
    }

    @Test void a_partial_backup_replaces_its_part_and_leaves_the_rest() {
        kit.database.execute(SHOP).execute("create schema other; create table other.kept (id int); insert into other.kept values (1)");
        kit.run("backup-db", "--env", "staging", "--schema", "public", "--quiet").exits(0);
        kit.database.execute("drop table invoice cascade; insert into other.kept values (2)");
        var id = kit.sealed().get(0).replaceFirst(".*/([^/]+)/$", "$1");
        kit.run("restore-db", id, "--env", "staging", "--mode", "swap").exits(78).says("--mode swap is not possible: the backup is partial");
        kit.run("restore-db", id, "--env", "staging").exits(0).says("in place, in one transaction, since the backup is partial");
        isRestored();
        assertEquals("2", kit.database.one("select count(*) from other.kept"));
    }

    @Test void in_place_whatever_fails_leaves_the_old_data() throws IOException {
        lossAfterBackup();
        var part = kit.sealed().get(0) + "data-00.dump.zst";
        var archive = kit.object(part);
        kit.forge(kit.sealed().get(0), "\"rows\": 1500", "\"rows\": 1501");
        inPlace().exits(14).says("public.invoice has 1,500 rows, and the manifest says 1,501", "State: the database of 'staging' is as it was: nothing was committed");
        kit.forge(kit.sealed().get(0), "\"rows\": 1501", "\"rows\": 1500");
        var flipped = archive.clone();
        flipped[flipped.length * 2 / 3] ^= 4;
        kit.put(part, flipped);
        inPlace().exits(14).says(part, "State: the database of 'staging' is as it was");
        kit.put(part, archive);
        inPlace("--after-sql", Files.writeString(kit.home.resolve("bad.sql"), "select 1/0;\n").toString()).exits(12).says("division by zero", "nothing was committed").neverShows("a transaction in progress");
        kit.database.execute("create view depends as select 1; create schema theirs");
        kit.database.asSuperuser("alter schema theirs owner to postgres");
        kit.run("restore-db", "--env", "staging", "--mode", "in-place").exits(78).says("role tester can't replace schema theirs, which belongs to postgres", "ALTER SCHEMA \"theirs\" OWNER TO \"tester\"").neverShows("first a backup");
        isAsBefore();
        kit.database.asSuperuser("drop schema theirs");
        inPlace().exits(0);
        isRestored();
    }

    @Test void in_place_an_error_at_the_beginning_of_many_rows_ends_the_run_and_is_named() {
        kit.database.execute(SHOP);
        kit.database.execute("create table big as select n, repeat(md5(n::text), 8) from generate_series(1, 100000) n");
        kit.run("backup-db", "--env", "staging", "--quiet").exits(0);
        loss();
        new FakeTools(kit).tool("pg_restore", "case \"$*\" in *--single-transaction*) echo 'select 1/0;' ;; esac; exec \"$real\" \"$@\"");
        inPlace().exits(12).says("FAILED: the restore failed: psql:<stdin>:", "division by zero", "State: the database of 'staging' is as it was: nothing was committed.");
        isAsBefore();
        new FakeTools(kit).none();
        inPlace().exits(0);
        isRestored();
    }

    private Kit.Result inPlace(String... more) {
        var arguments = new java.util.ArrayList<>(List.of("restore-db", "--env", "staging", "--mode", "in-place", "--no-safety-backup"));
        arguments.addAll(List.of(more));
        return kit.run(arguments.toArray(String[]::new));
    }

    private static final List<String> STEPS_IN_PLACE = List.of("Take the lock", "Begin a transaction", "Drop what the backup holds", "Load", "Compare with the manifest", "Commit", "Check what is live");

    @ParameterizedTest
    @ValueSource(strings = {"TERM", "KILL"})
    void in_place_a_signal_after_any_step_leaves_the_old_data_or_the_new(String signal) {
        lossAfterBackup();
        for (var step : STEPS_IN_PLACE) {
            var result = kit.start("restore-db", "--env", "staging", "--mode", "in-place", "--no-safety-backup").awaitSays("ok: " + step).signal(signal).result();
            kit.awaitNoProcess();
            if (kit.database.one("select count(*) from pg_class where relname = 'invoice'").equals("0")) isAsBefore();
            else {
                assertEquals("1500", kit.database.one("select count(*) from invoice"), result::toString);
                loss();
            }
        }
        inPlace().exits(0);
        isRestored();
        assertEquals(List.of(), kit.leftTemporary());
    }

    // --- while others are at work

    @Test void who_is_connected_is_sent_away_and_whoever_connects_always_finds_a_whole_database() throws Exception {
        lossAfterBackup();
        var stop = new AtomicBoolean();
        var seen = new AtomicInteger();
        var torn = new java.util.concurrent.CopyOnWriteArrayList<String>();
        try (var idle = kit.database.connect()) {
            var client = new Thread(() -> {
                while (!stop.get()) {
                    try (var session = kit.database.connect(); var statement = session.createStatement(); var row = statement.executeQuery("select count(*) from customer")) {
                        row.next();
                        var rows = row.getInt(1);
                        if (rows != 3 && rows != 500) torn.add(rows + " customers");
                        seen.incrementAndGet();
                    } catch (SQLException e) {
                        // ended, or came at the moment of the switch: an application connects again
                        if (!List.of("57P01", "3D000", "08006", "08001", "55000").contains(e.getSQLState())) torn.add(e.getSQLState() + " " + e.getMessage());
                    }
                }
            });
            client.start();
            kit.run("restore-db", "--env", "staging").exits(0);
            stop.set(true);
            client.join();
            assertFalse(idle.isValid(5));
        }
        assertEquals(List.of(), torn);
        assertTrue(seen.get() > 10, () -> "only " + seen);
        isRestored();
    }

    @Test void sessions_that_the_role_may_not_end_keep_everything_as_it_was() throws Exception {
        lossAfterBackup();
        try (var superusers = kit.database.connectAsSuperuser()) {
            kit.run("restore-db", "--env", "staging").exits(1)
                .says("the databases could not be renamed", "is being accessed by other users", "(connected: postgres)",
                    "Next:  only a superuser can end the sessions of superuser postgres, on the server of 'staging'",
                    "State: the database of 'staging' is as it was.");
            assertTrue(superusers.isValid(60));
        }
        isAsBefore();
        assertEquals(List.of(), databases("(new|old)"));
        kit.run("restore-db", "--env", "staging").exits(0);
        isRestored();
    }

    @Test void of_two_at_once_one_is_sent_away_or_waits() throws Exception {
        lossAfterBackup();
        var go = kit.home.resolve("go");
        var sql = kit.sqlThatWaitsFor(go);
        var first = kit.start("restore-db", "--env", "staging", "--no-safety-backup", "--after-sql", sql.toString()).awaitSays("ok: Compare with the manifest");
        kit.run("restore-db", "--env", "staging").exits(11).says("another run holds the lock of environment 'staging': handover restore-db staging, process ");
        kit.run("backup-db", "--env", "staging").exits(11).says("another run holds the lock of environment 'staging': handover restore-db staging, process ");
        var second = kit.start("restore-db", "--env", "staging", "--no-safety-backup", "--wait", "120").awaitSays("waiting: another run holds the lock");
        Files.createFile(go);
        second.result().exits(0);
        first.result().exits(0);
        isRestored();
    }

    /** The winner waits until the others have ended, so that none of them can come after it. */
    @Test void of_three_that_begin_at_the_same_moment_one_wins_and_the_others_say_which() throws Exception {
        lossAfterBackup();
        var go = kit.home.resolve("go");
        var sql = kit.sqlThatWaitsFor(go).toString();
        var runs = Stream.of("swap", "swap", "in-place").map(mode -> kit.start("restore-db", "--env", "staging",
            "--mode", mode, "--no-safety-backup", "--after-sql", sql)).toList();
        Patience.until(() -> runs.stream().filter(run -> run.process.isAlive()).count() < 2, () -> "none gives way");
        Files.createFile(go);
        var winner = runs.stream().filter(run -> run.result().exit() == 0).findFirst().orElseThrow();
        for (var run : runs)
            if (run != winner) run.result().exits(11).says("another run holds the lock of environment 'staging': "
                + "handover restore-db staging, process " + winner.process.pid(), "State: the database of 'staging' is as");
        isRestored();
        kit.awaitNoProcess();
        assertEquals(List.of(), databases("new"));
        assertTrue(databases("old").size() < 2);
        assertEquals(List.of(), kit.leftTemporary());
        kit.run("backup-db", "--env", "staging").exits(0);
    }

    // --- a backup that is not what it should be

    @Test void a_flipped_byte_anywhere_is_found_before_anybody_sees_the_data() {
        lossAfterBackup();
        var folder = kit.sealed().get(0);
        var random = new Random(20261123);
        for (var name : List.of("data-00.dump.zst", "data-00.dump.zst", "globals.sql.zst", "manifest.json", "SHA256SUMS")) {
            var whole = kit.object(folder + name);
            var broken = whole.clone();
            var at = random.nextInt(broken.length);
            broken[at] ^= (byte) (1 << random.nextInt(8));
            kit.put(folder + name, broken);
            var result = kit.run("restore-db", "--env", "staging", "--no-safety-backup");
            result.exits(14).says("FAILED: ", folder + name, "State: the database of 'staging' is as it was.");
            kit.put(folder + name, whole);
            isAsBefore();
            assertEquals(List.of(), databases("(new|old)"), "after byte " + at + " of " + name);
        }
        kit.run("restore-db", "--env", "staging", "--no-safety-backup").exits(0);
        isRestored();
    }

    @Test void missing_truncated_and_foreign_objects_are_named() {
        lossAfterBackup();
        var folder = kit.sealed().get(0);
        var part = folder + "data-00.dump.zst";
        var whole = kit.object(part);
        kit.put(part, java.util.Arrays.copyOf(whole, whole.length - 7));
        kit.run("restore-db", "--env", "staging").exits(14).says(part + " has " + (whole.length - 7) + " bytes, the manifest says " + whole.length);
        kit.delete(part);
        kit.run("restore-db", "--env", "staging").exits(14).says(part + " is missing");
        kit.put(part, whole);
        kit.put(folder + "extra.sql", new byte[1]);
        kit.run("restore-db", "--env", "staging").exits(14).says(folder + "extra.sql does not belong to this backup");
        isAsBefore();
    }

    @Test void the_objects_of_two_backups_are_not_taken_for_each_other() {
        lossAfterBackup();
        kit.database.execute("update customer set name = 'another' where id = 1");
        var role = Stack.next("newcomer_");
        TestDatabase.superuser("create role " + role);
        kit.run("backup-db", "--env", "staging", "--quiet").exits(0);
        TestDatabase.superuser("drop role " + role);
        for (var name : List.of("data-00.dump.zst", "globals.sql.zst", "SHA256SUMS", "manifest.json")) {
            var there = kit.object(kit.sealed().get(0) + name);
            kit.put(kit.sealed().get(0) + name, kit.object(kit.sealed().get(1) + name));
            if (!java.util.Arrays.equals(there, kit.object(kit.sealed().get(0) + name)))
                kit.run("restore-db", kit.sealed().get(0).replaceFirst(".*/(.*)/", "$1"), "--env", "staging").exits(14).says(kit.sealed().get(0), "State: the database of 'staging' is as it was.");
            kit.put(kit.sealed().get(0) + name, there);
        }
        isAsBefore();
    }

    @Test void a_backup_that_is_known_to_be_broken_is_not_even_tried() {
        lossAfterBackup();
        var part = kit.sealed().get(0) + "data-00.dump.zst";
        var broken = kit.object(part);
        broken[broken.length / 2] ^= 1;
        kit.put(part, broken);
        kit.run("backups", "verify", "latest", "--env", "staging").exits(14);
        kit.run("restore-db", "--env", "staging").exits(14).says("is known to be broken: ", "Next:  take another: ./jbang backups list --env staging").neverShows("Load into");
    }

    @Test void other_rows_than_the_manifest_says_never_become_visible() {
        lossAfterBackup();
        kit.forge(kit.sealed().get(0), "\"rows\": 1500", "\"rows\": 1501");
        kit.run("restore-db", "--env", "staging").exits(14).says("public.invoice has 1,500 rows, and the manifest says 1,501", "State: the database of 'staging' is as it was.");
        isAsBefore();
        assertEquals(List.of(), databases("(new|old)"));
    }

    // --- interrupted

    @Test void a_TERM_after_any_step_leaves_the_old_data_or_the_new_and_nothing_half() {
        lossAfterBackup();
        for (var step : STEPS) {
            var result = interrupted(step, "TERM");
            if (result.exit() != 0) result.exits(143).says("warning: interrupted: stopping and cleaning up", "State: ");
            assertEquals(List.of(), databases("new"), result::toString);
            assertEquals(List.of(), kit.leftTemporary(), result::toString);
            wholeAndUsable(step, result);
        }
    }

    @Test void a_kill_after_any_step_is_made_good_by_the_next_run() {
        lossAfterBackup();
        for (var step : STEPS) wholeAndUsable(step, interrupted(step, "KILL"));
    }

    /** Of another environment's backup, and with SQL of one's own; what reaches outward is a webhook here. */
    @ParameterizedTest
    @ValueSource(strings = {"swap", "in-place"})
    void a_kill_after_a_step_that_not_every_restore_has_is_made_good_by_the_next_run(String mode) throws IOException {
        kit.backedUp(SHOP + "; create schema supabase_functions; create function supabase_functions.http_request()"
            + " returns trigger language plpgsql as 'begin return new; end'; create trigger told after insert on customer"
            + " for each row execute function supabase_functions.http_request()");
        loss();
        kit.set("OTHER_DATABASE_URL", kit.database.url());
        var sql = Files.writeString(kit.home.resolve("after.sql"), "update customer set name = 'x';\n").toString();
        var restore = new String[] {"restore-db", "--env", "other", "--from", "staging", "--mode", mode,
            "--no-safety-backup", "--after-sql", sql};
        var steps = new ArrayList<>(List.of("Switch off what reaches outward: webhook ", "Run after.sql"));
        if (mode.equals("in-place")) steps.add(0, "Complete");
        for (var step : steps) {
            var result = kit.start(restore).awaitSays("ok: " + step).signal("KILL").result();
            kit.awaitNoProcess();
            // The signal may have come a step later, or two.
            if (kit.database.one("select count(*) from customer").equals("500")) loss();
            else isAsBefore();
            assertTrue(databases("new").size() < 2, result::toString);
        }
        for (var old : databases("old")) TestDatabase.superuser("drop database " + TestDatabase.quote(old));
        kit.run(restore).exits(0);
        isRestored();
        assertEquals("500|D", kit.database.one("select count(*), (select tgenabled from pg_trigger where tgname = 'told')"
            + " from customer where name = 'x'"));
        assertEquals(List.of(), databases("new"));
        assertEquals(List.of(), kit.leftTemporary());
    }

    /** It is asleep, and would not notice by itself. */
    @Test void when_the_process_alone_is_killed_psql_is_gone_too() throws Exception {
        lossAfterBackup();
        var begun = kit.home.resolve("begun");
        var sql = kit.home.resolve("after.sql");
        Files.writeString(sql, "\\! touch '" + begun + "'\nselect pg_sleep(600);\n");
        var restore = kit.start("restore-db", "--env", "staging", "--no-safety-backup", "--after-sql", sql.toString());
        Patience.until(() -> Files.exists(begun), () -> "psql is never started: " + restore.saidSoFar());
        restore.signal("KILL").result();
        kit.awaitNoProcess();
        isAsBefore();
    }

    /** The names are exchanged when the sessions have ended, and this one does not end. */
    @Test void a_kill_in_the_middle_of_the_switch_is_made_good_by_the_next_run() throws Exception {
        lossAfterBackup();
        Kit.Result result;
        try (var superuser = kit.database.connectAsSuperuser()) {
            var restore = kit.start("restore-db", "--env", "staging", "--no-safety-backup");
            Patience.until(() -> isRenaming(), () -> "the names are never exchanged: " + restore.saidSoFar());
            result = restore.signal("KILL").result();
            kit.awaitNoProcess();
            assertTrue(superuser.isValid(60));
        }
        Patience.until(() -> !isRenaming(), () -> "the server is still at it");
        wholeAndUsable("Switch", result);
    }

    private boolean isRenaming() {
        return !TestDatabase.serverRows("select 1 from pg_stat_activity where application_name = 'handover, swap' and state <> 'idle'"
            + " and query like '%" + kit.database.name + "%'").isEmpty();
    }

    private Kit.Result interrupted(String step, String signal) {
        for (var old : databases("old")) TestDatabase.superuser("drop database " + TestDatabase.quote(old));
        var result = kit.start("restore-db", "--env", "staging", "--no-safety-backup").awaitSays("ok: " + step).signal(signal).result();
        kit.awaitNoProcess();
        return result;
    }

    @ParameterizedTest
    @ValueSource(strings = {"TERM", "KILL", "INT"})
    void a_signal_while_rows_are_loaded_leaves_the_old_data(String signal) {
        lossAfterBackup();
        new FakeTools(kit).tool("pg_restore", "case \"$*\" in *section=data*) sleep 1000 ;; *) exec \"$real\" \"$@\" ;; esac");
        var running = kit.startInForeground("restore-db", "--env", "staging", "--no-safety-backup").awaitSays("ok: Clear what killed runs left");
        Patience.until(() -> !databases("new").isEmpty(), () -> "no new database is ever made");
        running.signal(signal).result();
        new FakeTools(kit).none();
        isAsBefore();
        kit.run("restore-db", "--env", "staging", "--no-safety-backup").exits(0);
        isRestored();
        assertEquals(List.of(), databases("new"));
    }

    /** Old and complete or new and complete, which the next run makes the latter: before there is a new one, that is the run that is interrupted after the next step. */
    private void wholeAndUsable(String step, Kit.Result result) {
        if (databases("old").isEmpty()) isAsBefore();
        else assertEquals("1500", kit.database.one("select count(*) from invoice"), result::toString);
        if (STEPS.indexOf(step) < STEPS.indexOf("Load into a new database")) return;
        kit.run("restore-db", "--env", "staging", "--no-safety-backup").exits(0);
        isRestored();
        assertEquals(List.of(), databases("new"));
        assertEquals(List.of(), kit.leftTemporary());
        loss();
    }
}
