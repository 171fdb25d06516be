import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import ops.BackupFolder;
import ops.Database;
import ops.DatabaseUrl;
import ops.Failure;
import ops.Guard;
import ops.Run;
import ops.Settings;
import ops.Store;
import org.junit.jupiter.api.Test;

/** A drill restores a backup into a throwaway server, and finds what is not as it was. */
class DrillTest {
    /** Counted from the drill's beginning, which may take long. */
    private static final String JUST_NOW = "(just now|[0-9]+ min ago)";

    private static final String SHOP = "create table t as select n from generate_series(1, 9) n; create table u as select 1 as one;"
        + " create table \"Größe\" as select n from generate_series(1, 7) n";

    @Test void a_database_with_every_feature_is_restored_and_proven_and_the_listing_says_so() throws Exception {
        var owner = Stack.next("owner");
        var kit = backedUp(Features.sql(owner));
        var drill = kit.run("backups", "drill", "--env", "staging").exits(0).prints("is restorable: ").says("as in the manifest");
        assertTrue(drill.out().lines().count() == 1, drill::toString);
        kit.run("backups", "list", "--env", "staging").exits(0).printsLike("restored " + JUST_NOW + ", ");
        var evidence = evidence(kit);
        assertTrue(evidence.get("passed").getAsBoolean());
        assertEquals("restored", evidence.get("proof").getAsString());
        assertEquals(kit.manifest().getAsJsonArray("tables").size(), evidence.get("tables").getAsInt());
        assertEquals(kit.database.counts().values().stream().mapToLong(n -> n).sum(), evidence.get("rows").getAsLong());
        assertFalse(evidence.has("not_restorable"));
        assertTrue(evidence.get("server").getAsString().matches("[0-9.]+"));
        assertNothingIsLeft(kit);
        at_a_server_for_drills_nothing_stays_and_nothing_that_was_there_changes(kit, owner);
    }

    private static void at_a_server_for_drills_nothing_stays_and_nothing_that_was_there_changes(Kit kit, String owner) throws Exception {
        kit.withDrillServer().set("PROTECTED_ENVS", "staging");
        try (var session = TestDatabase.connect(Stack.drillServer()); var statement = session.createStatement()) {
            statement.execute("create role \"" + owner + " group\" nologin");
            statement.execute("create database handover_drill_mine");
            var before = state(statement);
            statement.execute("select pg_advisory_lock(x'48414E44'::int, x'4452494C'::int)");
            kit.run("backups", "drill", "--env", "staging").exits(11).says("another drill goes on at");
            statement.execute("select pg_advisory_unlock_all()");
            new FakeTools(kit).pgDump("exec sleep 15"); // so that it can't be done before it is killed
            kit.start("backups", "drill", "--env", "staging").awaitSays("ok: Load into it").signal("KILL").process.waitFor();
            assertFalse(before.equals(state(statement)));
            new FakeTools(kit).none();
            kit.awaitNoProcess();
            var entry = JsonParser.parseString(kit.run("backups", "drill", "--env", "staging", "--json").exits(0).out()).getAsJsonArray().get(0).getAsJsonObject();
            assertEquals(before, state(statement));
            kit.start("backups", "drill", "--env", "staging").awaitSays("ok: Have a server").signal("TERM").result().exits(143);
            assertEquals(before, state(statement));
            statement.execute("drop role \"" + owner + " group\"");
            statement.execute("drop database handover_drill_mine");
            assertNothingIsLeft(kit);

            // With --json the entry is printed as verify prints it.
            assertEquals("restored", entry.getAsJsonObject("proof").get("grade").getAsString());
            assertEquals(kit.manifest().get("id"), entry.get("id"));
            assertEquals("backups drill", kit.history().get(kit.history().size() - 1).get("script").getAsString());
        }
    }

    @Test void partial_backups_are_proven_too_and_restored_in_place_alone() {
        var kit = Stack.kit().withDrillServer();
        kit.database.asSuperuser("create schema other; create table other.t (n int); create table other.big as select 1 as one; create table public.t (n int); insert into public.t values (1)");
        kit.set("STAGING_DATABASE_URL", superuserUrl(kit.database));
        for (var selection : List.of("--schema=public", "--exclude-schema=public --exclude-table-data=other.big --counts=none")) {
            kit.run(("backup-db --env staging " + selection).split(" ")).exits(0);
            kit.run("backups", "drill", id(kit.sealed().get(kit.sealed().size() - 1)), "--env", "staging").exits(0);
        }
        // The last backup is never one of a part: such a one is asked for by its id.
        assertTrue(noneThatCounts(kit).getMessage().contains("what is there is of a part of the database"));

        var publicAlone = id(kit.sealed().get(0));
        kit.database.asSuperuser("drop table public.t; insert into other.t values (2)");
        kit.run("restore-db", publicAlone, "--env", "staging", "--mode", "swap").exits(78).says("--mode swap is not possible: the backup is partial");
        kit.run("restore-db", publicAlone, "--env", "staging", "--no-safety-backup").exits(0).says("in place, in one transaction, since the backup is partial");
        assertEquals("1|2", kit.database.one("select (select n from public.t), (select n from other.t)"));
    }

    // --- what is found

    @Test void a_manifest_with_another_count_is_found_and_the_table_named() {
        var kit = Stack.kit().backedUp(SHOP).withDrillServer();
        kit.forge(kit.sealed().get(0), "\"rows\": 7", "\"rows\": 8");
        var drill = kit.run("backups", "drill", "--env", "staging", "--json").exits(14)
            .says("public.Größe has 7 rows, and the manifest says 8", "State: the backup is as it was");
        assertTrue(drill.out().contains("\"grade\": \"broken\""), drill::toString);
        assertFalse(evidence(kit).get("passed").getAsBoolean());
        // The last backup is never one that is known to be broken: such a one is asked for by its id.
        var none = noneThatCounts(kit);
        assertEquals(14, none.exit.code);
        for (var words : List.of("has no backup that counts", "known to be broken")) assertTrue(none.getMessage().contains(words), none::getMessage);
        kit.run("backups", "verify", kit.manifest().get("id").getAsString(), "--env", "staging").exits(0);
        kit.run("backups", "list", "--env", "staging").exits(0).prints("public.Größe has 7 rows").printsLike("BROKEN, found " + JUST_NOW + ": ");
        kit.run("restore-db", "--env", "staging").exits(14)
            .says("is known to be broken: ", "Next:  take another: ./jbang backups list --env staging").neverShows("Load into");
    }

    @Test void an_archive_of_something_else_is_found_though_every_checksum_is_right() {
        var kit = Stack.kit().backedUp(SHOP).withDrillServer();
        kit.database.asSuperuser("drop table u; delete from t where n = 3");
        kit.forgeArchive("pg_dump -Fc -Z0 -d '" + superuserUrl(kit.database) + "' > data-00.dump");
        kit.run("backups", "verify", "--env", "staging").exits(0);
        kit.run("backups", "drill", "--env", "staging").exits(14).says("it lacks the rows of 1 table: public.u");
    }

    @Test void an_archive_whose_table_can_not_be_made_is_a_broken_backup() {
        var kit = Stack.kit().backedUp(SHOP);
        kit.forgeArchive("zstd -q -d data-00.dump.zst; sed -i 's/n integer/n integeX/' data-00.dump");
        kit.run("backups", "drill", "--env", "staging").exits(14).says("the backup can't be restored", "integex");
        assertFalse(evidence(kit).get("passed").getAsBoolean());
        assertNothingIsLeft(kit);
    }

    @Test void what_the_drills_server_lacks_is_named_and_is_a_failure_only_when_something_needs_it() {
        var kit = backedUp("create extension pg_trgm; comment on extension pg_trgm is 'mine'; create table t (a text compression pglz, b text);"
            + " insert into t values ('x', 'y'); comment on column t.a is 'ALTER TABLE ONLY x ALTER COLUMN y SET COMPRESSION pglz;'");
        // As if another server had had one that is nowhere else: of the same length, so that the archive stays one.
        kit.forgeArchive("zstd -q -d data-00.dump.zst; sed -i 's/pg_trgm/pg_trgX/g; s/ALTER COLUMN a SET COMPRESSION pglz/ALTER COLUMN a SET COMPRESSION lz4x/' data-00.dump");
        kit.withDrillServer().run("backups", "drill", "--env", "staging").exits(0).says("left out: extension pg_trgX")
            .prints("; without extension pg_trgX (this server does not have it), compression lz4x of columns (this server does not have it)");
        assertEquals("extension pg_trgX (this server does not have it)", evidence(kit).getAsJsonArray("not_restorable").get(0).getAsString());
        assertTrue(kit.proof().words(Instant.now()).matches("restored " + JUST_NOW + ".*; without extension pg_trgX.*"), () -> kit.proof().toString());

        var needing = backedUp("create extension pg_trgm; create table t as select 'a' as words; create index on t using gin (words gin_trgm_ops)");
        needing.forgeArchive("zstd -q -d data-00.dump.zst; sed -i 's/pg_trgm/pg_trgX/g' data-00.dump");
        needing.withDrillServer().run("backups", "drill", "--env", "staging").exits(12).says("can't be restored on a server without extension pg_trgX", "gin_trgm_ops", "DRILL_DATABASE_URL");
        assertNothingIsSaidOf(needing);
    }

    @Test void an_encrypted_backup_is_drilled_and_restored_where_its_identity_is() {
        Kit.needs("age-keygen");
        var kit = Stack.kit().withDrillServer();
        kit.database.execute("create table t as select n from generate_series(1, 2000) n");
        kit.bash("age-keygen -o key.txt; chmod 600 key.txt").exits(0);
        kit.run("backup-db", "--env", "staging", "--recipient", kit.bash("age-keygen -y key.txt").out().strip(), "--quiet").exits(0);
        kit.database.execute("drop table t");
        var identity = kit.home.resolve("key.txt").toString();
        kit.run("restore-db", "--env", "staging").exits(78).says("is encrypted, and BACKUP_IDENTITY_FILE is not set");
        kit.run("restore-db", "--env", "staging", "--identity", identity).exits(0);
        assertEquals("2000", kit.database.one("select count(*) from t"));
        kit.set("BACKUP_IDENTITY_FILE", identity);
        kit.run("backups", "drill", "--env", "staging").exits(0).prints("1 table with 2,000 rows");
        assertTrue(evidence(kit).get("passed").getAsBoolean());
    }

    @Test void it_runs_on_the_newest_java_too() {
        var jdk = Path.of("/usr/lib/jvm/temurin-25-jdk-amd64");
        assumeTrue(Files.isDirectory(jdk), jdk + " is not installed");
        var kit = Stack.kit().backedUp(SHOP);
        kit.withDrillServer().with("JAVA_HOME", jdk.toString()).run("backups", "drill", "--env", "staging").exits(0);
    }

    // --- interrupted

    @Test void a_signal_at_any_moment_leaves_nothing_but_what_the_next_drill_clears() throws Exception {
        var kit = Stack.kit().backedUp("create table t as select n, md5(n::text) from generate_series(1, 50000) n; create index on t (n)");
        new FakeTools(kit).pgDump("exec sleep 1000"); // the drill can't be done before it is told to end
        for (var moment : List.of("pg_restore --version", "ok: Check the backup's objects")) term(kit, moment);
        var killed = kit.start("backups", "drill", "--env", "staging").awaitSays("ok: Have a server for the drill");
        assertEquals(1, left(killed).size()); // once it is dead, any other run may clear it
        killed.signal("KILL").process.waitFor();
        kit.awaitNoProcess();
        for (var moment : List.of("ok: Have a server for the drill", "--section=post-data", "ok: Compare with the manifest")) {
            term(kit, moment);
            assertEquals(List.of(), left(killed));
        }
        assertNothingIsSaidOf(kit);
    }

    private static void term(Kit kit, String moment) throws IOException {
        var drill = kit.start("backups", "drill", "--env", "staging", "--verbose").awaitSays(moment);
        drill.signal("TERM").result().exits(143).says("cleaning up");
        assertEquals(List.of(), left(drill), moment);
        assertNothingIsLeft(kit);
    }

    // --- a server for drills

    @Test void a_server_that_has_an_environments_database_is_refused() throws Exception {
        var kit = Stack.kit().backedUp(SHOP);
        var server = Stack.up().setting("LOCAL_SUPERUSER_URL");
        kit.set("DRILL_DATABASE_URL", server).run("backups", "drill", "--env", "staging").exits(10).says("DRILL_DATABASE_URL leads to the server of environment 'staging'");
        var byAnotherName = kit.set("DRILL_DATABASE_URL", server.replace("127.0.0.1", "localhost")).settings();
        var url = DatabaseUrl.ofDrill(byAnotherName).orElseThrow();
        try (var session = Database.connect(url, byAnotherName, "a test of names")) {
            assertThrows(Failure.Refused.class, () -> Guard.checkDrill(new Run(), byAnotherName, url, session, Store.open(byAnotherName)));
        }
        kit.set("DRILL_DATABASE_URL", server);
        // Its address is not known here: its backup says which server it was.
        kit.set("STAGING_DATABASE_URL", null).run("backups", "drill", "--env", "staging").exits(10).says("is the one of its backup");
        assertTrue(assertThrows(Failure.Usage.class, () -> Settings.of("drill")).getMessage().contains("an environment can't be called 'drill'"));
        kit.set("DRILL_DATABASE_URL", "postgresql://nobody:x@127.0.0.1:1/postgres").run("backups", "drill", "--env", "staging").exits(78).says("DRILL_DATABASE_URL stands in .env.operations");
    }

    private static List<String> state(java.sql.Statement statement) throws Exception {
        var found = new ArrayList<String>();
        try (var rows = statement.executeQuery("select datname from pg_database union all select rolname from pg_roles union all select roleid::text || ' ' || member::text from pg_auth_members order by 1")) {
            while (rows.next()) found.add(rows.getString(1));
        }
        return found;
    }

    /** Folders that a run's throwaway servers have left. */
    private static List<Path> left(Kit.Running run) throws IOException {
        try (var folders = Files.list(Path.of("/var/tmp"))) {
            return folders.filter(folder -> folder.getFileName().toString().startsWith("handover-throwaway-" + run.process.pid() + "-")).toList();
        }
    }

    private static String superuserUrl(TestDatabase database) { return Stack.up().setting("LOCAL_SUPERUSER_URL").replaceFirst("/[^/]*$", "/" + database.name); }

    /** A database that the server's superuser filled and backed up. */
    private static Kit backedUp(String sql) {
        var kit = Stack.kit();
        kit.database.asSuperuser(sql);
        kit.set("STAGING_DATABASE_URL", superuserUrl(kit.database));
        kit.run("backup-db", "--env", "staging").exits(0);
        return kit;
    }

    /** Why none of staging's backups is the last one, as every command that asks for it is told. */
    private static Failure noneThatCounts(Kit kit) {
        return assertThrows(Failure.class, () -> BackupFolder.find(Store.open(kit.settings()), "staging", "latest", passedOver -> { }));
    }

    private static String id(String folder) { return folder.replaceFirst(".*/(.+)/$", "$1"); }

    private static JsonObject evidence(Kit kit) {
        var keys = evidences(kit);
        return kit.json(keys.get(keys.size() - 1));
    }

    private static List<String> evidences(Kit kit) { return kit.keys().stream().filter(key -> key.matches(".*/drill-[0-9TZ]+\\.json")).toList(); }

    /** It is as good as it was before, since nothing was seen that speaks against it. */
    private static void assertNothingIsSaidOf(Kit kit) { assertEquals(List.of(), evidences(kit)); }

    private static void assertNothingIsLeft(Kit kit) {
        kit.awaitNoProcess();
        assertEquals(List.of(), kit.leftTemporary());
    }
}
