import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** Somebody who can write to the bucket, and clocks that are wrong: nothing of it is believed, deleted or restored unasked. */
class HostileBucketTest {
    private static final DateTimeFormatter STAMP = DateTimeFormatter.ofPattern("yyyyMMdd'T'HHmmss'Z'").withZone(ZoneOffset.UTC);
    private static final String[] PRUNE = {"backups", "prune", "--env", "staging"};

    private final Kit kit = Stack.kit();

    // --- what must never be deleted

    @Test void a_listing_that_lacks_keys_makes_no_backup_a_leftover_nor_a_broken_one() {
        backedUp();
        var id = age(30, kit.database.name);
        var before = kit.backupObjects();
        try (var store = new FaultProxy(kit)) {
            // As a store does that lists a seal no more, and a part: HEAD and GET find both.
            store.every("GET .*list-type=2").change(answer -> unlisted(sentLongAgo(answer, id), id + "/(manifest.json|globals.sql.zst)"));
            kit.run(PRUNE).exits(0).says("ok: Clear what killed runs left: 0 unsealed uploads");
            assertEquals(before, kit.backupObjects());
            kit.run("backups", "list", "--env", "staging").exits(0).prints(id).neverShows("leftover");
            kit.run("backups", "verify", id, "--env", "staging").exits(0).prints("1 of 1 backups are readable");
        }
    }

    @Test void an_upload_of_thirty_hours_is_not_cleared_by_another_run_while_its_own_gives_signs_of_life() {
        backedUp();
        var folder = "handover/staging/" + kit.database.name + "/" + STAMP.format(Instant.now().minus(Duration.ofHours(30))) + "-abcdef/";
        var globals = kit.put(folder + "globals.sql.zst", "sent 30 hours ago");
        var sign = kit.put(folder + "running.json", "{}");
        var upload = Stack.up().s3.createMultipartUpload(request -> request.bucket(kit.bucket).key(folder + "data-00.dump.zst")).uploadId();
        try (var store = new FaultProxy(kit)) {
            store.every("GET .*list-type=2").change(answer -> sentLongAgo(answer, "-abcdef"));
            store.every("GET .*\\?.*uploads").change(answer -> answer.replaceAll("<Initiated>....", "<Initiated>2025"));
            kit.run("backups", "list", "--env", "staging").exits(0).says("1 unsealed uploads don't count yet: their runs are at work");
            kit.run(PRUNE).exits(0).says("ok: Clear what killed runs left: 0 unsealed uploads");
            kit.run("backup-db", "--env", "staging").exits(0).says("ok: Clear what killed runs left: nothing");
            assertTrue(kit.keys().containsAll(List.of(globals, sign)), () -> kit.keys().toString());

            // A run of an older kit gives none; a part that the store has just taken is one too.
            kit.delete(sign);
            Stack.up().s3.uploadPart(request -> request.bucket(kit.bucket).key(folder + "data-00.dump.zst").uploadId(upload).partNumber(1),
                software.amazon.awssdk.core.sync.RequestBody.fromString("just now"));
            kit.run(PRUNE).exits(0).says("ok: Clear what killed runs left: 0 unsealed uploads");
            assertEquals(1, kit.openUploads().size());

            // The store does not say when it took the last part: then it is not known either that nothing goes on.
            store.heal();
            var threeDaysAgo = Instant.now().minus(Duration.ofDays(3)).truncatedTo(ChronoUnit.DAYS).toString().replace("00Z", "00.000Z");
            store.every("GET .*list-type=2").change(answer -> sentLongAgo(answer, "-abcdef"));
            store.every("GET .*\\?.*uploads").change(answer -> answer.replaceAll("<Initiated>[^<]*", "<Initiated>" + threeDaysAgo));
            store.next("GET .*uploadId=").answer(501, "NotImplemented");
            kit.run(PRUNE).exits(0).says("ok: Clear what killed runs left: 0 unsealed uploads");
            assertEquals(List.of(), store.untouched());

            // All that it says is older than a day.
            store.every("GET .*uploadId=").change(answer -> answer.replaceAll("<LastModified>....", "<LastModified>2025"));
            kit.run(PRUNE).exits(0).says("ok: Clear what killed runs left: 2 unsealed uploads");
            assertEquals(List.of(), kit.openUploads());
            assertTrue(kit.keys().stream().noneMatch(key -> key.startsWith(folder)), () -> kit.keys().toString());
        }
    }

    @Test void a_run_gives_a_sign_of_life_until_its_backup_is_sealed_or_taken_back() {
        kit.database.execute("create table t as select n from generate_series(1, 100) n");
        try (var store = new FaultProxy(kit)) {
            var held = store.next("PUT .*SHA256SUMS").hold();
            var running = kit.start("backup-db", "--env", "staging");
            store.awaitSeen("PUT .*SHA256SUMS");
            kit.awaitKey(".*/running.json");
            held.release();
            running.result().exits(0);
            assertTrue(kit.keys().stream().noneMatch(key -> key.endsWith("running.json")), () -> kit.keys().toString());
        }
    }

    // --- what the tests above are made of

    /** A listing in which the store took the objects of a folder a year ago. */
    private static String sentLongAgo(String answer, String id) { return answer.replaceAll("(" + id + "/[^<]*</Key>.*?<LastModified>)....", "$12025"); }

    /** A listing without these keys, of the same length. */
    private static String unlisted(String answer, String keys) {
        return Pattern.compile("<Contents><Key>[^<]*" + keys + "</Key>.*?</Contents>").matcher(answer).replaceAll(entry -> " ".repeat(entry.group().length()));
    }

    private Kit backedUp() { return kit.backedUp("create table t as select n, md5(n::text) from generate_series(1, 2000) n"); }

    /** A copy of the only backup as if it had been made days ago, of some database; its id. */
    private String age(int days, String database) {
        var from = kit.sealed().get(kit.sealed().size() - 1);
        var at = Instant.now().minus(Duration.ofDays(days));
        var id = STAMP.format(at) + "-abcdef";
        var to = "handover/staging/" + database + "/" + id + "/";
        for (var key : kit.keys(from)) kit.put(to + key.substring(from.length()), kit.object(key));
        var manifest = kit.json(to + "manifest.json");
        kit.forge(to, manifest.get("id").getAsString(), id);
        kit.forge(to, "\"snapshot_time\": \"" + manifest.get("snapshot_time").getAsString(), "\"snapshot_time\": \"" + at);
        kit.forge(to, "\"database\": \"" + manifest.get("database").getAsString(), "\"database\": \"" + database);
        return id;
    }
}
