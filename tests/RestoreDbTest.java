import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import ops.BackupFolder;
import ops.Failure;
import ops.PartReader;
import ops.Store;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A restore gives back what was backed up, and until it does nobody sees anything but the old data. */
class RestoreDbTest {
    private static final String SHOP = """
        create table customer (id serial primary key, name text not null);
        insert into customer (name) select 'customer ' || n || repeat('.', 400) from generate_series(1, 500) n;
        create table invoice (id int generated always as identity primary key, customer_id int not null references customer, cents int not null);
        insert into invoice (customer_id, cents) select 1 + n % 500, n from generate_series(1, 1500) n;
        create index on invoice (cents);
        create materialized view total as select customer_id, sum(cents) from invoice group by 1""";
    private static final List<String> STEPS = List.of("Read the settings", "Reach the database server",
        "Make sure that it is not a protected one", "Choose the backup", "Find pg_restore", "Take the lock",
        "Clear what killed runs left", "Load into a new database", "Compare with the manifest",
        "Switch off what reaches outward: webhook ", "Run after.sql", "Switch: ", "Check what is live");
    /** Behind those that both ways have. */
    private static final List<String> STEPS_IN_PLACE = List.of("Begin a transaction", "Drop what the backup holds",
        "Load", "Complete", "Compare with the manifest", "Switch off what reaches outward: webhook ", "Run after.sql",
        "Commit", "Check what is live");

    private final Kit kit = Stack.kit();

    /** A backup of the shop, and then a loss. */
    private void lossAfterBackup() {
        kit.backedUp(SHOP);
        loss();
    }

    private void loss() { kit.database.execute("drop table invoice cascade; delete from customer where id > 3; create table after_backup ()"); }

    private void isRestored() { isRestored(kit.database); }

    private static void isRestored(TestDatabase database) {
        assertEquals(List.of("500", "1500", "500", "1501", "0"), List.of(database.one("select count(*) from customer"), database.one("select count(*) from invoice"), database.one("select count(*) from total"),
            database.one("select nextval('invoice_id_seq')"), database.one("select count(*) from pg_class where relname = 'after_backup'")));
    }

    private void isAsBefore() {
        assertEquals(List.of("3", "1"), List.of(kit.database.one("select count(*) from customer"), kit.database.one("select count(*) from pg_class where relname = 'after_backup'")));
    }

    private List<String> databases(String what) {
        return TestDatabase.serverRows("select datname from pg_database where datname ~ '^" + kit.database.name + "_" + what + "_[0-9]{8}T[0-9]{6}Z$'");
    }

    // --- what it does

    @Test void what_was_backed_up_comes_back_and_the_old_data_stay_beside_it() {
        lossAfterBackup();
        giveProperties();
        var properties = properties();
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
        assertEquals(properties, properties(), "what belongs to the database itself, and is in no archive");
    }

    private void giveProperties() {
        var name = TestDatabase.quote(kit.database.name);
        TestDatabase.superuser("do $$ begin create role reader; exception when duplicate_object then end $$");
        TestDatabase.superuser("revoke connect on database " + name + " from public");
        TestDatabase.superuser("grant connect on database " + name + " to reader with grant option");
        TestDatabase.superuser("alter database " + name + " connection limit 77");
        TestDatabase.superuser("alter database " + name + " set search_path = \"$user\", public, \"odd name\"");
        TestDatabase.superuser("alter database " + name + " set work_mem = '7MB'");
        TestDatabase.superuser("alter role tester in database " + name + " set statement_timeout = '77s'");
        TestDatabase.superuser("comment on database " + name + " is 'it''s the shop'");
    }

    private List<String> properties() {
        return TestDatabase.serverRows("select pg_get_userbyid(datdba), array(select unnest(datacl)::text order by 1), datconnlimit, encoding, datcollate, datctype, shobj_description(oid, 'pg_database'), "
            + "(select array_agg(setrole::text || setconfig::text order by setrole) from pg_db_role_setting where setdatabase = d.oid) from pg_database d where datname = '" + kit.database.name + "'");
    }

    @Test void a_backup_is_chosen_by_the_beginning_of_its_id_or_by_time_and_none_is_taken_for_another() {
        lossAfterBackup();
        var folder = kit.sealed().get(0);
        var id = folder.replaceFirst(".*/([^/]+)/$", "$1");
        kit.run("restore-db", "2020-01-01", "--env", "staging").exits(1).says("environment 'staging' has no backup of 2020-01-01T23:59:59Z or earlier", "Next:  ./jbang backups list --env staging");
        assertTrue(assertThrows(Failure.Usage.class, () -> look("2026-02-31")).getMessage().contains("'2026-02-31' is no time"));
        var role = Stack.next("newcomer_");
        TestDatabase.superuser("create role " + role);
        kit.run("restore-db", id.substring(0, 15), "--env", "staging").exits(0).prints("restored " + id);
        TestDatabase.superuser("drop role " + role);
        kit.run("restore-db", "latest", "--env", "staging", "--no-safety-backup").exits(0);
        isRestored(); // and not the safety backup of the restore before
        kit.run("backups", "list", "--env", "staging").exits(0).prints("; made before a restore");
        assertEquals(2, kit.sealed().size());

        loss();
        for (var name : List.of("data-00.dump.zst", "globals.sql.zst", "SHA256SUMS", "manifest.json")) {
            var there = kit.object(folder + name);
            var others = kit.object(kit.sealed().get(1) + name);
            assertFalse(Arrays.equals(there, others), name);
            kit.put(folder + name, others);
            if (name.startsWith("data") || name.startsWith("globals")) kit.run("restore-db", id, "--env", "staging", "--no-safety-backup").exits(14).says(folder, "State: the database of 'staging' is as it was.");
            else isFoundOut(id, folder);
            kit.put(folder + name, there);
        }
        isAsBefore();
    }

    /** Before anything of it is loaded, in this process: the backup is chosen, and its objects are looked at. */
    private void look(String wanted) throws Exception {
        var store = Store.open(kit.settings());
        var folder = BackupFolder.find(store, "staging", wanted, passedOver -> { });
        new PartReader(store, folder, folder.manifest(store), Optional.empty()).checkObjects();
    }

    private void isFoundOut(String wanted, String... words) {
        var found = assertThrows(Failure.NotVerified.class, () -> look(wanted));
        for (var each : words) assertTrue(found.getMessage().contains(each), found::getMessage);
    }

    @Test void without_room_for_a_temporary_file_the_tables_are_loaded_one_after_another() throws Exception {
        lossAfterBackup();
        try (var full = new FullDisk(kit.home.resolve("full"))) {
            kit.with("TMPDIR", full.folder.toString()).run("restore-db", "--env", "staging", "--jobs", "2", "--no-safety-backup").exits(0)
                .says("warning: no room for a temporary file of ", " in " + full.folder + ": tables are loaded one after another; TMPDIR can name another folder");
        }
        isRestored();
    }

    @Test void the_backup_of_another_environment_is_restored_into_this_one() {
        kit.backedUp(SHOP);
        var other = TestDatabase.create(Stack.next("other_"));
        kit.set("OTHER_DATABASE_URL", other.url());
        assertTrue(assertThrows(Failure.class, () -> BackupFolder.find(Store.open(kit.settings()), "other", "latest", passedOver -> { })).getMessage().contains("environment 'other' has no backup"));
        kit.run("restore-db", "--env", "other", "--from", "staging", "--no-safety-backup").exits(0).says("from a backup of staging");
        isRestored(other);
        assertEquals("1500", kit.database.one("select count(*) from invoice"));
    }

    @Test void a_dry_run_changes_nothing() {
        lossAfterBackup();
        var keys = kit.keys();
        kit.run("restore-db", "2999-01-01T00:00", "--env", "staging", "--dry-run").exits(0)
            .says(kit.manifest().get("id").getAsString(), "would take the lock", "would first back up what is there now:", "would load into a new database: " + kit.database.name + "_new_", "would switch: exchange the names", "would check what is live");
        assertEquals(keys, kit.keys());
        isAsBefore();
        assertEquals(List.of(), databases("(new|old)"));
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
        // Where many rows still follow.
        new FakeTools(kit).tool("pg_restore", "case \"$*\" in *--single-transaction*) echo 'select 1/0;' ;; esac; exec \"$real\" \"$@\"");
        inPlace().exits(12).says("FAILED: the restore failed: psql:<stdin>:", "division by zero", "State: the database of 'staging' is as it was: nothing was committed.");
        new FakeTools(kit).none();
        kit.database.execute("create view depends as select 1; create schema theirs");
        kit.database.asSuperuser("alter schema theirs owner to postgres");
        kit.run("restore-db", "--env", "staging", "--mode", "in-place").exits(78).says("role tester can't replace schema theirs, which belongs to postgres", "ALTER SCHEMA \"theirs\" OWNER TO \"tester\"").neverShows("first a backup");
        isAsBefore();
        kit.database.asSuperuser("drop schema theirs");
        inPlace().exits(0);
        isRestored();
    }

    private Kit.Result inPlace(String... more) {
        var arguments = new ArrayList<>(List.of("restore-db", "--env", "staging", "--mode", "in-place", "--no-safety-backup"));
        arguments.addAll(List.of(more));
        return kit.run(arguments.toArray(String[]::new));
    }

    // --- while others are at work

    /** The names are exchanged when the sessions have ended, and a superuser's does not end. */
    @Test void who_is_connected_is_sent_away_or_keeps_everything_as_it_was_and_whoever_connects_finds_a_whole_database() throws Exception {
        lossAfterBackup();
        Kit.Result killed;
        try (var superuser = kit.database.connectAsSuperuser()) {
            var restore = kit.start("restore-db", "--env", "staging", "--no-safety-backup");
            Patience.until(() -> isRenaming(), () -> "the names are never exchanged: " + restore.saidSoFar());
            killed = restore.signal("KILL").result();
            kit.awaitNoProcess();
            assertTrue(superuser.isValid(60));
        }
        Patience.until(() -> !isRenaming(), () -> "the server is still at it");
        isOldOrNew("swap", killed);
        try (var superuser = kit.database.connectAsSuperuser()) {
            kit.run("restore-db", "--env", "staging", "--no-safety-backup").exits(1)
                .says("the databases could not be renamed", "is being accessed by other users", "(connected: postgres)",
                    "Next:  only a superuser can end the sessions of superuser postgres, on the server of 'staging'",
                    "State: the database of 'staging' is as it was.");
            assertTrue(superuser.isValid(60));
        }
        isAsBefore();
        assertEquals(List.of(), databases("(new|old)"));

        var stop = new AtomicBoolean();
        var seen = new AtomicInteger();
        var torn = new CopyOnWriteArrayList<String>();
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
            kit.run("restore-db", "--env", "staging", "--no-safety-backup").exits(0);
            stop.set(true);
            client.join();
            assertFalse(idle.isValid(5));
        }
        assertEquals(List.of(), torn);
        assertTrue(seen.get() > 10, () -> "only " + seen);
        isRestored();
    }

    private boolean isRenaming() {
        return !TestDatabase.serverRows("select 1 from pg_stat_activity where application_name = 'handover, swap' and state <> 'idle'"
            + " and query like '%" + kit.database.name + "%'").isEmpty();
    }

    /** The winner waits until it is told to go on, so that none of the others can come after it. */
    @Test void of_several_at_once_one_wins_and_the_others_are_sent_away_or_wait() throws Exception {
        lossAfterBackup();
        var go = kit.home.resolve("go");
        var sql = kit.sqlThatWaitsFor(go).toString();
        var runs = Stream.of("swap", "swap", "in-place").map(mode -> kit.start("restore-db", "--env", "staging",
            "--mode", mode, "--no-safety-backup", "--after-sql", sql)).toList();
        Patience.until(() -> runs.stream().filter(run -> run.process.isAlive()).count() < 2, () -> "none gives way");
        var winner = runs.stream().filter(run -> run.process.isAlive()).findFirst().orElseThrow();
        var held = "another run holds the lock of environment 'staging': handover restore-db staging, process " + winner.process.pid();
        for (var run : runs)
            if (run != winner) run.result().exits(11).says(held, "State: the database of 'staging' is as");
        kit.run("backup-db", "--env", "staging").exits(11).says(held);
        var second = kit.start("restore-db", "--env", "staging", "--no-safety-backup", "--wait", "120").awaitSays("waiting: another run holds the lock");
        Files.createFile(go);
        winner.result().exits(0);
        second.result().exits(0);
        isRestored();
        kit.awaitNoProcess();
        assertEquals(List.of(), databases("new"));
        assertTrue(databases("old").size() < 3);
        assertEquals(List.of(), kit.leftTemporary());
    }

    // --- a backup that is not what it should be

    @Test void a_flipped_byte_anywhere_is_found_before_anybody_sees_the_data() {
        lossAfterBackup();
        var folder = kit.sealed().get(0);
        var random = new Random(20261123);
        for (var name : List.of("data-00.dump.zst", "data-00.dump.zst", "globals.sql.zst", "manifest.json")) {
            var whole = kit.object(folder + name);
            var at = random.nextInt(whole.length);
            kit.put(folder + name, flipped(whole, at, random));
            var result = kit.run("restore-db", "--env", "staging", "--no-safety-backup");
            result.exits(14).says("FAILED: ", folder + name, "State: the database of 'staging' is as it was.");
            kit.put(folder + name, whole);
            isAsBefore();
            assertEquals(List.of(), databases("(new|old)"), "after byte " + at + " of " + name);
        }
        var sums = kit.object(folder + "SHA256SUMS");
        for (var at = 0; at < sums.length; at += 7) {
            kit.put(folder + "SHA256SUMS", flipped(sums, at, random));
            isFoundOut("latest", folder + "SHA256SUMS");
        }
    }

    private static byte[] flipped(byte[] whole, int at, Random random) {
        var broken = whole.clone();
        broken[at] ^= (byte) (1 << random.nextInt(8));
        return broken;
    }

    @Test void missing_truncated_and_foreign_objects_are_named() {
        lossAfterBackup();
        var folder = kit.sealed().get(0);
        var part = folder + "data-00.dump.zst";
        var whole = kit.object(part);
        kit.put(part, Arrays.copyOf(whole, whole.length - 7));
        isFoundOut("latest", part + " has " + (whole.length - 7) + " bytes, the manifest says " + whole.length);
        kit.delete(part);
        isFoundOut("latest", part + " is missing");
        kit.put(part, whole);
        kit.put(folder + "extra.sql", new byte[1]);
        kit.run("restore-db", "--env", "staging").exits(14).says(folder + "extra.sql does not belong to this backup");
        isAsBefore();
    }

    @Test void other_rows_than_the_manifest_says_never_become_visible() {
        lossAfterBackup();
        kit.forge(kit.sealed().get(0), "\"rows\": 1500", "\"rows\": 1501");
        kit.run("restore-db", "--env", "staging").exits(14).says("public.invoice has 1,500 rows, and the manifest says 1,501", "State: the database of 'staging' is as it was.");
        isAsBefore();
        assertEquals(List.of(), databases("(new|old)"));
    }

    // --- interrupted

    /** Of another environment's backup, and with SQL of one's own: no restore has more steps. What reaches outward is a webhook here. Each run is the one that makes the one before good. */
    @ParameterizedTest
    @ValueSource(strings = {"swap", "in-place"})
    void a_kill_after_any_step_is_made_good_by_the_next_run(String mode) throws IOException {
        kit.backedUp(SHOP + "; create schema supabase_functions; create function supabase_functions.http_request()"
            + " returns trigger language plpgsql as 'begin return new; end'; create trigger told after insert on customer"
            + " for each row execute function supabase_functions.http_request()");
        loss();
        kit.set("OTHER_DATABASE_URL", kit.database.url());
        var sql = Files.writeString(kit.home.resolve("after.sql"), "update customer set name = 'x';\n").toString();
        var restore = new String[] {"restore-db", "--env", "other", "--from", "staging", "--mode", mode,
            "--no-safety-backup", "--after-sql", sql};
        // A signal that can be heard leaves nothing to be made good: before there is a change, amid it (of a swap, where rows are loaded), and after it.
        var heard = mode.equals("swap") ? List.of("Take the lock", "Switch: ")
            : List.of("Begin a transaction", "Load", "Commit");
        for (var step : heard) {
            var result = interrupted(step, "TERM", restore);
            if (result.exit() != 0) result.exits(143).says("warning: interrupted: stopping and cleaning up", "State: ");
            assertEquals(List.of(), databases("new"), result::toString);
            assertEquals(List.of(), kit.leftTemporary(), result::toString);
            isOldOrNew(mode, result);
        }
        for (var step : mode.equals("swap") ? STEPS : STEPS_IN_PLACE) {
            var result = interrupted(step, "KILL", restore);
            isOldOrNew(mode, result);
            assertTrue(databases("new").size() < 2, result::toString);
        }
        kit.run(restore).exits(0);
        isRestored();
        assertEquals("500|D", kit.database.one("select count(*), (select tgenabled from pg_trigger where tgname = 'told')"
            + " from customer where name = 'x'"));
        assertEquals(List.of(), databases("new"));
        assertEquals(List.of(), kit.leftTemporary());
    }

    private Kit.Result interrupted(String step, String signal, String... restore) {
        var result = kit.start(restore).awaitSays("ok: " + step).signal(signal).result();
        kit.awaitNoProcess();
        return result;
    }

    /** Old and complete, or new and complete, and then it is lost again. The signal may have come a step later, or two. */
    private void isOldOrNew(String mode, Kit.Result result) {
        var isNew = kit.database.one("select count(*) from pg_class where relname = 'invoice'").equals("1");
        if (mode.equals("swap")) assertEquals(isNew, !databases("old").isEmpty(), result::toString);
        if (!isNew) {
            isAsBefore();
            return;
        }
        assertEquals("1500", kit.database.one("select count(*) from invoice"), result::toString);
        for (var old : databases("old")) TestDatabase.superuser("drop database " + TestDatabase.quote(old));
        loss();
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

    @Test void a_signal_while_rows_are_loaded_leaves_the_old_data_and_a_temporary_file_that_nobody_can_open() throws Exception {
        lossAfterBackup();
        var folder = Files.createDirectory(kit.home.resolve("spool"));
        kit.with("TMPDIR", folder.toString());
        new FakeTools(kit).tool("pg_restore", "case \"$*\" in *section=data*) sleep 1000 ;; *) exec \"$real\" \"$@\" ;; esac");
        for (var signal : List.of("TERM", "INT", "KILL")) {
            var running = kit.startInForeground("restore-db", "--env", "staging", "--no-safety-backup", "--jobs", "2")
                .awaitSays("ok: Clear what killed runs left");
            Patience.until(() -> openFiles(running.process.pid()).stream().anyMatch(open -> open.startsWith(folder.toString())
                && open.endsWith("spool (deleted)")), () -> "the temporary file was never seen: " + running.saidSoFar());
            assertEquals(1, databases("new").size());
            running.signal(signal).result();
            kit.awaitNoProcess();
            isAsBefore();
            if (!signal.equals("KILL")) assertEquals(List.of(), databases("new"), signal);
        }
        try (var left = Files.walk(folder)) {
            assertEquals(List.of("lock"), left.filter(Files::isRegularFile).map(file -> file.getFileName().toString()).toList());
        }
        new FakeTools(kit).none();
        kit.run("restore-db", "--env", "staging", "--no-safety-backup").exits(0);
        isRestored();
        assertEquals(List.of(), databases("new"));
        try (var left = Files.list(folder)) {
            assertEquals(List.of(), left.toList());
        }
    }

    private static List<String> openFiles(long pid) {
        var files = new ArrayList<String>();
        try (var open = Files.newDirectoryStream(Path.of("/proc/" + pid + "/fd"))) {
            for (var file : open) files.add(Files.readSymbolicLink(file).toString());
        } catch (NoSuchFileException e) {
            // closed meanwhile
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return files;
    }
}
