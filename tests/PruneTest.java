import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonElement;
import java.nio.charset.StandardCharsets;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import ops.Failure;
import ops.Leftovers;
import ops.Retention;
import ops.Run;
import org.junit.jupiter.api.Test;

/** What pruning removes, and what it leaves alone. */
class PruneTest {
    private static final Instant BEGUN = Instant.now();
    private static final DateTimeFormatter TIME = DateTimeFormatter.ofPattern("yyyyMMdd'T'HHmmss'Z'").withZone(ZoneOffset.UTC);

    // --- the rules

    @Test void what_no_rule_keeps_is_removed_whole_and_a_dry_run_only_says_so() {
        var kit = backedUp().set("BACKUP_KEEP", "last=2").set("BACKUP_MIN_KEEP", "1");
        var newest = ids(kit).get(0);
        var kept = copy(kit, newest, 20);
        var old = copy(kit, newest, 30);
        var oldest = copy(kit, newest, 40);
        kit.put("handover/staging/" + kit.database.name + "/" + old + "/verify-20260101T000000Z.json", "{\"proof\": \"readable\", \"passed\": true, \"at\": \"2026-01-01T00:00:00Z\", \"seconds\": 1, \"kit\": \"0.1.0\"}");
        var before = kit.backupObjects();

        kit.run("backups", "prune", "--env", "staging", "--dry-run").exits(0).says("would remove backups: " + old + ", " + oldest)
            .prints("stays: last 1, the newest, younger than 7 days", "stays: last 2", "would be removed: no rule keeps it");
        assertEquals(before, kit.backupObjects());
        assertEquals(1, kit.history().size());

        var result = kit.run("backups", "prune", "--env", "staging", "--json").exits(0).says("removed " + old + ": no rule keeps it").json();
        assertEquals(List.of(newest + " true last 1, the newest, younger than 7 days", kept + " true last 2", old + " false no rule keeps it", oldest + " false no rule keeps it"),
            all(result.getAsJsonArray("backups")).map(one -> text(one, "id") + " " + text(one, "stays") + " " + text(one, "why")).toList());
        assertEquals(before.stream().filter(key -> !key.contains(old) && !key.contains(oldest)).toList(), kit.backupObjects());
        var record = kit.history().stream().filter(one -> text(one, "script").equals("backups prune")).findFirst().orElseThrow();
        assertEquals(old, record.getAsJsonArray("removed").get(0).getAsString());
    }

    /** It takes no lock: what two of them decide is the same, and whoever reads what goes finds out, and changes nothing. */
    @Test void two_at_once_and_one_beside_a_copy_and_a_restore_that_read_what_goes_harm_nothing() {
        var kit = backedUp().set("BACKUP_KEEP", "last=2").set("BACKUP_MIN_KEEP", "1").set("OFFSITE_BACKUP_BUCKET", Stack.bareKit().bucket);
        var newest = ids(kit).get(0);
        var kept = copy(kit, newest, 20);
        var old = copy(kit, newest, 30);
        var oldest = copy(kit, newest, 40);
        try (var store = new FaultProxy(kit)) {
            var reading = store.every("GET .*" + old + "/data-00").hold();
            var copying = kit.start("backups", "copy", old, "--env", "staging", "--to", "offsite");
            var restoring = kit.start("restore-db", old, "--env", "staging", "--no-safety-backup");
            Patience.until(() -> store.heads("GET .*" + old + "/data-00").size() >= 2, () -> "not both read");
            var removing = store.next("DELETE .*" + oldest + "/manifest.json").hold();
            var first = kit.start("backups", "prune", "--env", "staging");
            store.awaitSeen("DELETE .*" + oldest + "/manifest.json");
            kit.run("backups", "prune", "--env", "staging").exits(0).prints(kept, newest);
            removing.release();
            first.result().exits(0);
            assertEquals(List.of(newest, kept), ids(kit));
            reading.release();
            copying.result().exits(1).says("backup " + old + " was removed meanwhile", "State: backup " + old + " is gone, and has no copy").neverShows("broken");
            restoring.result().exits(1).says("backup " + old + " was removed meanwhile", "State: the database of 'staging' is as it was").neverShows("broken");
        }
        assertTrue(kit.backupObjects().stream().noneMatch(key -> key.contains(old) || key.contains(oldest)), () -> kit.backupObjects().toString());
        assertEquals("1", kit.database.one("select count(*) from pg_database where datname like '" + kit.database.name + "%'"));
    }

    @Test void each_database_keeps_its_own_and_none_that_is_saved_partial_or_unreadable_pushes_out_a_whole_one() {
        var kit = backedUp().set("BACKUP_KEEP", "last=1").set("BACKUP_MIN_KEEP", "1");
        var made = ids(kit).get(0);
        var plain = copyTo(kit, made, 35, "plain");
        copyTo(kit, made, 45, "plain");
        // What a restore has saved takes no ordinary backup's place, a part not that of the whole, and nobody knows what can't be read.
        var kept = new ArrayList<>(List.of(made, plain));
        var days = 20;
        for (var odd : List.of("\"proof\": -> \"purpose\": \"safety\", \"proof\":", "\"schemas\": [] -> \"schemas\": [\"public\"]", "\"format\": 1 -> \"format\": 2")) {
            var database = "of_" + days;
            copyTo(kit, made, days + 20, database);
            kept.add(copyTo(kit, made, days + 10, database));
            kept.add(copyTo(kit, made, days, database));
            change(kit, kept.get(kept.size() - 1), odd.split(" -> ")[0], odd.split(" -> ")[1]);
            days++;
        }
        kit.run("backups", "prune", "--env", "staging").exits(0)
            .says("backup " + kept.get(kept.size() - 1) + " stays, and does not count: ", "has format 2").prints("stays: can't be read");
        assertEquals(kept.stream().sorted(Comparator.reverseOrder()).toList(), ids(kit));
    }

    @Test void without_a_rule_every_backup_stays_and_leftovers_go_but_none_from_today() {
        var kit = backedUp();
        var newest = ids(kit).get(0);
        copy(kit, newest, 400);
        var backups = kit.backupObjects();
        // The database that it was of need not have another backup.
        kit.put("handover/staging/renamed_since/" + id(2) + "/data-00.dump.zst", "half a dump");
        var young = kit.put("handover/staging/renamed_since/" + id(3) + "/data-00.dump.zst", "half a dump");
        var others = kit.put("handover/production/x/" + id(2) + "/data-00.dump.zst", "half a dump");
        var noId = kit.put("handover/staging/x/20209999T999999Z-abcdef/data-00.dump.zst", "not ours");
        var elsewhere = "handover/staging/releases/site.tar.zst";
        for (var key : List.of("handover/staging/" + kit.database.name + "/" + id(0) + "/data-00.dump.zst", elsewhere))
            Stack.up().s3.createMultipartUpload(request -> request.bucket(kit.bucket).key(key));
        try (var store = new FaultProxy(kit)) {
            sentLongAgo(store, id(2));
            kit.run("backups", "prune", "--env", "staging", "--dry-run").exits(0).says("BACKUP_KEEP is not set, so every backup stays", "would clear what killed runs left: 1 unsealed upload");
            kit.run("backups", "prune", "--env", "staging").exits(0).says("BACKUP_KEEP is not set", "ok: Clear what killed runs left: 1 unsealed upload").prints("stays: no rule is set");
            assertEquals(2, kit.openUploads().size());
            store.every("GET .*\\?.*uploads").change(answer -> answer.replaceAll("<Initiated>....", "<Initiated>2025"));
            try (var opened = kit.store()) {
                assertEquals(1, Leftovers.of(opened, "staging").clear(new Run(), opened));
            }
            assertEquals(List.of(elsewhere), kit.openUploads());
        }
        assertEquals(Stream.concat(backups.stream(), Stream.of(young, others, noId)).sorted().toList(), kit.backupObjects());
    }

    // --- the guards

    @Test void young_ones_and_the_last_few_stay_whatever_the_rules_say_and_a_protected_environment_is_asked_no_question() {
        var kit = backedUp().set("BACKUP_KEEP", "last=1").set("PROTECTED_ENVS", "staging");
        var id = ids(kit).get(0);
        remove(kit, copyTo(kit, id, 6, "x"));
        var young = copy(kit, id, 6);
        var third = copy(kit, id, 50);
        copy(kit, id, 60);
        kit.run("backups", "prune", "--env", "staging").exits(0).prints("stays: younger than 7 days", "stays: at least 3 stay");
        assertEquals(List.of(id, young, third), ids(kit));
    }

    @Test void a_broken_backup_does_not_count_so_that_a_good_one_stays() {
        var kit = backedUp().set("BACKUP_KEEP", "last=1").set("BACKUP_MIN_KEEP", "1").set("BACKUP_MIN_AGE_DAYS", "1");
        var made = ids(kit).get(0);
        copy(kit, made, 40);
        var good = copy(kit, made, 30);
        var broken = copy(kit, made, 20);
        var newest = copy(kit, made, 10);
        remove(kit, made);
        for (var each : List.of(broken, newest)) {
            kit.put(folder(kit, each) + "data-00.dump.zst", "rubbish");
            assertThrows(Failure.NotVerified.class, () -> kit.readBack(each));
        }
        kit.run("backups", "prune", "--env", "staging").exits(0).says("removed " + broken + ": broken").prints("stays: the newest", "stays: last 1");
        assertEquals(List.of(newest, good), ids(kit));
    }

    @Test void a_rule_that_is_none_removes_nothing() {
        var kit = backedUp();
        copy(kit, ids(kit).get(0), 400);
        var before = kit.keys();
        for (var rule : List.of("7", "daily", "daily=0", "daily=-1", "dayly=7", "daily=7,daily=8", "daily=7,", ",", "daily=7 weekly=4", "daily=1.5", "last=all", "daily=1=2")) {
            var settings = kit.set("BACKUP_KEEP", rule).settings();
            var told = assertThrows(Failure.BadSetting.class, () -> Retention.of(settings), rule);
            assertTrue(told.getMessage().contains("BACKUP_KEEP is not a list of rules") && told.hint.contains("for example BACKUP_KEEP=last=7,daily=14"), () -> told.getMessage() + told.hint);
        }
        kit.run("backups", "prune", "--env", "staging").exits(78)
            .says("BACKUP_KEEP is not a list of rules", "State: nothing was changed", "for example BACKUP_KEEP=last=7,daily=14", "BACKUP_KEEP stands in .env.operations");
        assertEquals(before, kit.keys());
    }

    @Test void a_rule_that_is_none_is_found_by_the_doctor_and_costs_no_backup() {
        var kit = backedUp().set("BACKUP_KEEP", "dayly=7");
        kit.run("doctor", "--env", "staging").exits(78).prints("BACKUP_KEEP is not a list of rules");
        kit.run("backup-db", "--env", "staging").exits(0).says("warning: old backups could not be pruned: BACKUP_KEEP is not a list of rules");
        assertEquals(2, ids(kit).size());
    }

    // --- holds

    @Test void a_held_backup_stays_until_it_is_released_whatever_its_hold_says_and_also_when_it_comes_in_the_middle() throws Exception {
        var kit = backedUp().set("BACKUP_KEEP", "last=1").set("BACKUP_MIN_KEEP", "1");
        var newest = ids(kit).get(0);
        var held = copy(kit, newest, 30);
        var bare = copy(kit, newest, 35);
        var odd = copy(kit, newest, 36);
        var late = copy(kit, newest, 40);
        var later = copy(kit, newest, 45);
        kit.run("backups", "hold", held.substring(0, 15), "--env", "staging", "--reason", "before the migration").exits(0).prints("backup " + held + " is held: before the migration");
        kit.put(folder(kit, bare) + "hold.json", "{}");
        kit.put(folder(kit, odd) + "hold.json", "not JSON");
        kit.run("backups", "list", "--env", "staging").exits(0).printsLike(held + ".* stored; held: before the migration\n").printsLike(bare + ".* stored; held\n");
        kit.run("backups", "show", held, "--env", "staging").exits(0).prints("held         since ", ": before the migration");
        kit.run("backups", "show", bare, "--env", "staging").exits(0).prints("held         since\n");
        assertEquals("before the migration", kit.json(folder(kit, held) + "hold.json").get("reason").getAsString());
        // It is no object too many.
        kit.readBack(held);
        var whole = contents(kit, later);
        try (var store = new FaultProxy(kit)) {
            var deciding = store.next("HEAD .*" + late + "/hold.json").hold();
            var prune = kit.start("backups", "prune", "--env", "staging");
            store.awaitSeen("HEAD .*" + late + "/hold.json");
            kit.run("backups", "hold", late, "--env", "staging").exits(0).prints("backup " + late + " is held\n");
            var removing = store.next("DELETE .*" + later + "/manifest.json").hold();
            deciding.release();
            store.awaitSeen("DELETE .*" + later + "/manifest.json");
            kit.run("backups", "hold", later, "--env", "staging", "--reason", "the auditors").exits(0).prints("is held: the auditors");
            removing.release();
            var result = prune.result().exits(0).says("warning: backup " + late + " stays: held by now", "warning: backup " + later + " stays: held by now").prints("stays: held by now");
            for (var each : List.of(held, bare, odd)) result.printsLike(each + ".* stays: held\n");
        }
        kit.set("AWS_ENDPOINT_URL_S3", Stack.up().setting("AWS_ENDPOINT_URL_S3"));
        assertEquals(List.of(newest, held, bare, odd, late, later), ids(kit));
        kit.delete(folder(kit, later) + "hold.json");
        assertEquals(whole, contents(kit, later));

        kit.run("backups", "release", held, "--env", "staging").exits(0).prints("is held no more");
        kit.run("backups", "release", held, "--env", "staging").exits(0).prints("was not held");
        kit.run("backups", "prune", "--env", "staging").exits(0);
        assertEquals(List.of(newest, bare, odd, late), ids(kit));
        assertEquals(List.of("backup-db", "backups hold", "backups hold", "backups hold", "backups prune", "backups prune", "backups release", "backups release"), kit.history().stream().map(record -> text(record, "script")).sorted().toList());
    }

    // --- the store

    @Test void a_backup_that_the_store_refuses_to_delete_stays_whole() {
        var kit = backedUp().set("BACKUP_KEEP", "last=1").set("BACKUP_MIN_KEEP", "1");
        var newest = ids(kit).get(0);
        var locked = copy(kit, newest, 40);
        var free = copy(kit, newest, 30);
        var before = kit.backupObjects();
        var whole = contents(kit, locked);
        try (var store = new FaultProxy(kit)) {
            store.every("DELETE .*" + locked).answer(403, "AccessDenied");
            kit.run("backups", "prune", "--env", "staging").exits(0).says("warning: backup " + locked + " stays: the store refuses to delete it", "ok: Remove backups: " + free).prints("stays: the store refuses to delete it");
        }
        assertEquals(before.stream().filter(key -> !key.contains(free)).toList(), kit.backupObjects());
        assertEquals(whole, contents(kit, locked));
    }

    @Test void what_a_kill_or_a_failure_in_the_middle_leaves_is_no_backup_and_goes_with_the_next_prune() {
        var kit = backedUp().set("BACKUP_KEEP", "last=1").set("BACKUP_MIN_KEEP", "1").set("S3_ATTEMPTS", "1");
        var newest = ids(kit).get(0);
        copy(kit, newest, 30);
        copy(kit, newest, 40);
        try (var store = new FaultProxy(kit)) {
            store.next("DELETE .*data-00").hold();
            var prune = kit.start("backups", "prune", "--env", "staging");
            store.awaitSeen("DELETE .*data-00");
            prune.signal("KILL").result();
            assertEquals(2, ids(kit).size());
            assertEquals(3, kit.keys().stream().filter(key -> key.endsWith("/data-00.dump.zst")).count());
            store.every("DELETE .*data-00").answer(500, "InternalError");
            kit.run("backups", "prune", "--env", "staging").exits(13).says("the store answered 500", "State: what was removed is named above; a backup that lost its seal does not count any more", "Next: ");
            assertEquals(List.of(newest), ids(kit));
            assertEquals(3, kit.keys().stream().filter(key -> key.endsWith("/data-00.dump.zst")).count());
            store.heal();
            sentLongAgo(store, "-abcdef");
            try (var opened = kit.store()) {
                assertEquals(2, Leftovers.of(opened, "staging").clear(new Run(), opened));
            }
        }
        assertEquals(1, kit.backupObjects().stream().map(key -> key.split("/")[3]).distinct().count(), () -> kit.keys().toString());
    }

    // --- after a backup

    @Test void a_backup_prunes_in_the_end_and_is_good_though_pruning_fails() {
        var kit = backedUp();
        var first = ids(kit).get(0);
        copy(kit, first, 30);
        kit.set("BACKUP_KEEP", "last=1").set("BACKUP_MIN_KEEP", "1");
        try (var store = new FaultProxy(kit)) {
            store.every("DELETE .*manifest").answer(500, "InternalError");
            kit.run("backup-db", "--env", "staging").exits(0).says("warning: old backups could not be pruned: ", "the store answered 500").prints("proof: stored");
        }
        kit.set("AWS_ENDPOINT_URL_S3", Stack.up().setting("AWS_ENDPOINT_URL_S3"));
        assertEquals(3, ids(kit).size());
        kit.run("backup-db", "--env", "staging", "--json").exits(0).says("ok: Prune: 1 of 4 backups removed").json();
        assertEquals(3, ids(kit).size());
    }

    @Test void the_safety_backup_of_a_restore_prunes_nothing() {
        var kit = backedUp().set("BACKUP_KEEP", "last=1").set("BACKUP_MIN_KEEP", "1");
        kit.set("STAGING_DATABASE_URL", Stack.up().setting("LOCAL_SUPERUSER_URL").replaceFirst("/[^/?]*$", "/" + kit.database.name));
        copy(kit, ids(kit).get(0), 30);
        kit.run("restore-db", ids(kit).get(0), "--env", "staging").exits(0).neverShows("Prune");
        assertEquals(3, ids(kit).size());
        kit.run("backups", "prune", "--env", "staging").exits(0).prints("database " + kit.database.name + "_old_", "  stays: replaced ");
    }

    // --- databases that restores replaced

    @Test void a_database_that_a_restore_replaced_is_dropped_after_some_days_unless_somebody_uses_it() throws SQLException {
        var kit = backedUp();
        var old = replaced(kit, 8);
        var used = replaced(kit, 9);
        var young = replaced(kit, 6);
        var live = replaced(kit, 10);
        var others = TestDatabase.create(kit.database.name + "_older_20200101T000000Z");
        var noTime = TestDatabase.create(kit.database.name + "_old_20209999T999999Z");
        kit.set("DEMO_DATABASE_URL", live.url());
        kit.run("backups", "prune", "--env", "staging", "--dry-run").exits(0).says("would drop databases that restores replaced: " + used.name + ", " + old.name);
        try (var session = used.connect()) {
            kit.run("backups", "prune", "--env", "staging").exits(0).says("warning: the old database " + used.name + " stays: it has sessions of tester", "ok: Drop databases that restores replaced: " + old.name)
                .prints("database " + old.name + "  removed: replaced 8 days ago", "database " + young.name + "  stays: replaced 6 days ago, less than 7 days", "database " + live.name + "  stays: an environment uses it");
            assertTrue(session.isValid(5));
        }
        assertEquals(Stream.of(kit.database, used, young, live, others, noTime).map(database -> database.name).sorted().toList(),
            TestDatabase.serverRows("select datname from pg_database where starts_with(datname, '" + kit.database.name + "') order by datname collate \"C\""));
        kit.set("BACKUP_OLD_DATABASE_DAYS", "5");
        assertEquals(used.name, text(kit.run("backups", "prune", "--env", "staging", "--json").exits(0).json().getAsJsonArray("old_databases").get(1), "name"));
        assertEquals(4, TestDatabase.serverRows("select datname from pg_database where starts_with(datname, '" + kit.database.name + "')").size());
    }

    @Test void while_another_run_holds_the_lock_or_once_the_database_itself_is_gone_none_that_it_replaced_is_dropped() {
        var kit = backedUp();
        var old = replaced(kit, 8);
        new FakeTools(kit).pgDump("sleep 600");
        var backup = kit.start("backup-db", "--env", "staging").awaitSays("List the tables");
        kit.run("backups", "prune", "--env", "staging").exits(0).says("warning: the old database " + old.name + " stays: another run holds the lock");
        backup.signal("TERM").result().exits(143);
        TestDatabase.superuser("drop database " + kit.database.name + " with (force)");
        kit.run("backups", "prune", "--env", "staging").exits(0).prints("database " + old.name + "  stays: there is no database '" + kit.database.name + "' any more");
    }

    @Test void a_server_that_can_not_be_reached_or_is_not_known_keeps_no_backup_from_being_pruned() {
        var kit = backedUp().set("BACKUP_KEEP", "last=1").set("BACKUP_MIN_KEEP", "1");
        var id = ids(kit).get(0);
        copy(kit, id, 30);
        kit.set("STAGING_DATABASE_URL", "postgresql://tester:x@127.0.0.1:9/x");
        kit.run("backups", "prune", "--env", "staging").exits(0).says("warning: databases that restores replaced stay: ", "can't be reached")
            .neverShows("ok: Look for databases that restores replaced");
        assertEquals(List.of(id), ids(kit));
        kit.set("STAGING_DATABASE_URL", null);
        kit.run("backups", "prune", "--env", "staging").exits(0).neverShows("warning");
    }

    // --- what the tests above are made of

    private static Kit backedUp() { return Stack.kit().backedUp("create table t as select n from generate_series(1, 100) n"); }

    /** What the store says of the objects of a backup's folder: that it took them a year ago. */
    private static void sentLongAgo(FaultProxy store, String id) {
        store.every("GET .*list-type=2").change(answer -> answer.replaceAll("(" + id + "/[^<]*</Key>.*?<LastModified>)....", "$12025"));
    }

    /** The same at each call, however slow the machine. */
    private static String id(int days) { return TIME.format(BEGUN.minus(Duration.ofDays(days))) + "-abcdef"; }

    /** The ids of the sealed backups, newest first. */
    private static List<String> ids(Kit kit) { return kit.sealed().stream().map(folder -> folder.split("/")[3]).sorted(Comparator.reverseOrder()).toList(); }

    private static String folder(Kit kit, String id) { return kit.sealed().stream().filter(folder -> folder.contains(id)).findFirst().orElse("handover/staging/" + kit.database.name + "/" + id + "/"); }

    /** A copy of a backup as if it had been made days ago; its id. */
    private static String copy(Kit kit, String id, int days) { return copyTo(kit, id, days, kit.database.name); }

    private static String copyTo(Kit kit, String id, int days, String database) {
        var older = id(days);
        var from = folder(kit, id);
        for (var key : kit.keys(from)) kit.put("handover/staging/" + database + "/" + older + "/" + key.substring(from.length()), kit.object(key));
        change(kit, older, id, older);
        change(kit, older, "\"snapshot_time\": \"" + kit.json(folder(kit, older) + "manifest.json").get("snapshot_time").getAsString(), "\"snapshot_time\": \"" + Instant.now().minus(Duration.ofDays(days)));
        change(kit, older, "\"database\": \"" + kit.database.name, "\"database\": \"" + database);
        return older;
    }

    private static void change(Kit kit, String id, String from, String to) { kit.forge(folder(kit, id), from, to); }

    /** All that lies in a backup's folder, as text. */
    private static Map<String, String> contents(Kit kit, String id) {
        return kit.keys(folder(kit, id)).stream().collect(Collectors.toMap(key -> key, key -> new String(kit.object(key), StandardCharsets.ISO_8859_1)));
    }

    private static void remove(Kit kit, String id) {
        for (var key : kit.keys(folder(kit, id))) kit.delete(key);
    }

    /** A database as a restore some days ago would have left it. */
    private static TestDatabase replaced(Kit kit, int days) { return TestDatabase.create(kit.database.name + "_old_" + TIME.format(Instant.now().minus(Duration.ofDays(days)))); }

    private static Stream<JsonElement> all(Iterable<JsonElement> array) {
        var all = new ArrayList<JsonElement>();
        array.forEach(all::add);
        return all.stream();
    }

    private static String text(JsonElement object, String name) { return object.getAsJsonObject().get(name).getAsString(); }
}
