import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import ops.BackupFolder;
import ops.Exit;
import ops.Failure;
import ops.Leftovers;
import ops.Manifest;
import ops.Sealed;
import ops.Signature;
import ops.Store;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import release.Releases;

/** Somebody who can write to the bucket, and clocks that are wrong: nothing of it is believed, deleted or restored unasked. */
class HostileBucketTest {
    private static final DateTimeFormatter STAMP = DateTimeFormatter.ofPattern("yyyyMMdd'T'HHmmss'Z'").withZone(ZoneOffset.UTC);
    private static final String[] PRUNE = {"backups", "prune", "--env", "staging"};

    private final Kit kit = Stack.kit();

    // --- what must never be deleted

    @Test void a_listing_that_lacks_keys_makes_no_backup_a_leftover_nor_a_broken_one() throws Exception {
        backedUp();
        var id = age(30, kit.database.name);
        var before = kit.backupObjects();
        try (var store = new FaultProxy(kit)) {
            // As a store does that lists a seal no more, and a part: HEAD and GET find both.
            store.every("GET .*list-type=2").change(answer -> unlisted(sentLongAgo(answer, id), id + "/(manifest.json|globals.sql.zst)"));
            kit.run(PRUNE).exits(0).says("ok: Clear what killed runs left: 0 unsealed uploads");
            assertEquals(before, kit.backupObjects());
            try (var opened = kit.store()) {
                assertTrue(BackupFolder.all(opened, "staging").stream().allMatch(BackupFolder::sealed));
            }
            kit.run("backups", "verify", id, "--env", "staging").exits(0).prints("1 of 1 backup readable");
        }
    }

    @Test void an_upload_of_thirty_hours_is_not_cleared_by_another_run_while_its_own_gives_signs_of_life() {
        backedUp();
        var folder = "handover/staging/" + kit.database.name + "/" + STAMP.format(Instant.now().minus(Duration.ofHours(30))) + "-abcdef/";
        var globals = kit.put(folder + "globals.sql.zst", "sent 30 hours ago");
        var sign = kit.put(folder + "running.json", "{}");
        var upload = Stack.up().s3.createMultipartUpload(request -> request.bucket(kit.bucket).key(folder + "data-00.dump.zst")).uploadId();
        try (var store = new FaultProxy(kit); var opened = kit.store()) {
            store.every("GET .*list-type=2").change(answer -> sentLongAgo(answer, "-abcdef"));
            store.every("GET .*\\?.*uploads").change(answer -> answer.replaceAll("<Initiated>....", "<Initiated>2025"));
            kit.run("backups", "list", "--env", "staging").exits(0).says("1 unsealed upload of runs that are at work");
            kit.run("backup-db", "--env", "staging").exits(0).says("ok: Clear what killed runs left: nothing").neverShows("is it the right database");
            assertTrue(kit.keys().containsAll(List.of(globals, sign)), () -> kit.keys().toString());

            // A run of an older kit gives none; a part that the store has just taken is one too.
            kit.delete(sign);
            Stack.up().s3.uploadPart(request -> request.bucket(kit.bucket).key(folder + "data-00.dump.zst").uploadId(upload).partNumber(1),
                software.amazon.awssdk.core.sync.RequestBody.fromString("just now"));
            assertEquals(0, Leftovers.of(opened, "staging").count());
            assertEquals(1, kit.openUploads().size());

            // The store does not say when it took the last part: then it is not known either that nothing goes on.
            store.heal();
            var threeDaysAgo = Instant.now().minus(Duration.ofDays(3)).truncatedTo(ChronoUnit.DAYS).toString().replace("00Z", "00.000Z");
            store.every("GET .*list-type=2").change(answer -> sentLongAgo(answer, "-abcdef"));
            store.every("GET .*\\?.*uploads").change(answer -> answer.replaceAll("<Initiated>[^<]*", "<Initiated>" + threeDaysAgo));
            store.next("GET .*uploadId=").answer(501, "NotImplemented");
            assertEquals(0, Leftovers.of(opened, "staging").count());
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

    // --- which backup is the last one

    @Test void the_last_backup_is_the_newest_whole_one_of_this_database_that_is_not_broken_nor_of_the_future() throws Exception {
        backedUp().set("SMOKE_BACKUP_HOURS", "1000");
        var made = kit.sealed().get(0);
        var older = age(12, kit.database.name);
        var whole = age(10, kit.database.name);
        var part = age(5, kit.database.name);
        kit.forge(folder(part), "\"schemas\": []", "\"schemas\": [\"audit\"]");
        age(4, "another");
        var saved = age(3, kit.database.name);
        kit.forge(folder(saved), "\"proof\":", "\"purpose\": \"safety\", \"proof\":");
        var broken = age(2, kit.database.name);
        kit.put(folder(broken) + "drill-20261124T020000Z.json", "{\"proof\": \"restored\", \"passed\": false, \"at\": \"2026-11-24T02:00:00Z\", \"problem\": \"rows are missing\", \"seconds\": 1, \"kit\": \"x\"}");
        var future = age(-10, kit.database.name);
        for (var key : kit.keys(made)) kit.delete(key);

        var passedOver = new String[] {"backup " + broken + ", data as of ", "2 days ago, does not count: it is known to be broken: rows are missing",
            "backup " + future + ", data as of ", "IN THE FUTURE, in ", "which lies in the future, so a clock was wrong"};
        assertEquals(whole, kit.run("backups", "show", "--env", "staging", "--json").exits(0).says(passedOver).json().getAsJsonObject("manifest").get("id").getAsString());
        kit.run("restore-db", "--env", "staging", "--dry-run").exits(0).says(passedOver).says("ok: Choose the backup: " + whole + ", of database '" + kit.database.name + "', data as of ");
        var day = Instant.now().minus(Duration.ofDays(11)).toString().substring(0, 10);
        assertEquals(older, found(day).id());
        kit.run("smoke-tests", "--env", "staging", "--only", "backup").exits(0).prints(whole + ", data as of ", "10 days ago; newer backup " + future, "; newer backup " + broken);
        kit.set("SMOKE_BACKUP_HOURS", "26").run("smoke-tests", "--env", "staging", "--only", "backup", "--nagios").exits(2).prints("CRITICAL", whole);
        kit.run("backups", "list", "--env", "staging").exits(0).prints(future, "NOT TO BE TRUSTED: its data are of ");
        var report = kit.run("report", "--env", "staging", "--json").exits(0).out();
        assertTrue(report.contains("older than 26 h") && report.contains("newer: backup " + future) && report.contains("newer: backup " + broken), report);
        kit.set("BACKUP_KEEP", "last=1").set("BACKUP_MIN_KEEP", "1").set("BACKUP_MIN_AGE_DAYS", "1").run("backups", "prune", "--env", "staging", "--dry-run").exits(0)
            .printsLike(whole + ".*stays: ").printsLike(older + ".*would be removed: ");
    }

    @Test void what_can_not_be_read_ends_no_list_and_is_not_passed_over_in_silence() throws Exception {
        backedUp();
        var good = kit.sealed().get(0);
        var old = age(20, kit.database.name);
        var manifest = new String(kit.object(good + "manifest.json"), StandardCharsets.UTF_8);
        var texts = List.of("", "not JSON", manifest, manifest.replaceFirst("\"snapshot_time\": \"[^\"]*", "\"snapshot_time\": \"yesterday"),
            manifest.replaceFirst("\"snapshot_time\": \"[^\"]*", "\"snapshot_time\": \"+1000000000-12-31T23:59:59Z"), manifest.replaceFirst("\"pg_dump\": \"[^\"]*", "\"pg_dump\": \"99999999999999999999"));
        var now = STAMP.format(Instant.now());
        var newer = new ArrayList<String>();
        for (var text : texts) {
            var id = now + "-fffff" + newer.size();
            newer.add(kit.put("handover/staging/" + kit.database.name + "/" + id + "/manifest.json", text.replace(good.split("/")[3], text.equals(manifest) ? "20260101T000000Z-aaaaaa" : id)));
        }
        var list = kit.run("backups", "list", "--env", "staging").exits(0).prints(good.split("/")[3], old);
        for (var key : newer) list.printsLike(key.split("/")[3] + ".* CAN'T BE READ: ");
        kit.run("backups", "show", "--env", "staging").exits(14).says("which backup is the last one can't be said: ", "Next:  look at it; the one before is " + good.split("/")[3] + ", data as of ");
        kit.set("SMOKE_BACKUP_HOURS", "26").run("smoke-tests", "--env", "staging", "--only", "backup").exits(14).prints("which backup is the last one can't be said: ");
        assertEquals(old, found(old).id());
        newer.forEach(kit::delete);
        // One that is older than the last is in nobody's way.
        try (var store = new FaultProxy(kit)) {
            store.every("GET .*list-type=2").change(answer -> sentLongAgo(answer, old));
            kit.put(folder(old) + "manifest.json", "not JSON");
            assertEquals(good.split("/")[3], found("latest").id());
        }
    }

    @Test void of_several_databases_none_is_guessed() throws Exception {
        backedUp();
        age(1, "a\u001b[31mnother");
        for (var key : kit.keys("handover/staging/")) kit.put(key.replace("/staging/", "/elsewhere/"), kit.object(key));
        for (var folder : kit.sealed()) if (folder.contains("/elsewhere/")) kit.forge(folder, "\"env\": \"staging\"", "\"env\": \"elsewhere\"");
        kit.run("restore-db", "--env", "staging", "--from", "elsewhere", "--dry-run").exits(10)
            .says("environment 'elsewhere' has backups of 2 databases: a [31mnother, " + kit.database.name, "Next:  give the id of the one you want").neverShows("\u001b[31m");
        kit.set("ELSEWHERE_DATABASE_URL", kit.database.url().replace(kit.database.name, "third"));
        try (var store = Store.open(kit.settings("elsewhere"))) {
            var told = refused(Failure.Failed.class, () -> BackupFolder.find(store, "elsewhere", "latest", passedOver -> { }),
                "environment 'elsewhere' has no backup of its database 'third', but of a [31mnother, " + kit.database.name);
            assertEquals(Exit.FAILED, told.exit);
        }
    }

    // --- clocks

    @Test void clocks_that_differ_are_refused_before_anything_is_sealed_or_pruned() {
        backedUp().set("BACKUP_KEEP", "last=1").set("BACKUP_MIN_KEEP", "1").set("BACKUP_MIN_AGE_DAYS", "1");
        age(30, kit.database.name);
        var before = kit.backupObjects();
        try (var store = new FaultProxy(kit)) {
            store.every("").change(answer -> dated(answer, Duration.ofSeconds(20 * 60 + 30)));
            kit.run("backup-db", "--env", "staging").exits(10).says("the store's clock is 20 min ", "ahead of this machine's: times that are written now would be wrong", "timedatectl set-ntp true", "State: nothing was stored");
            kit.run(PRUNE).exits(10).says("the store's clock is 20 min ");
            kit.awaitNoProcess();
            assertEquals(before, kit.backupObjects());
            store.heal();
            store.every("").change(answer -> dated(answer, Duration.ofMinutes(-4)));
            kit.run("backup-db", "--env", "staging", "--dry-run").exits(0).says("warning: the store's clock is ", " behind this machine's");
        }
    }

    @Test void a_machine_whose_clock_is_wrong_stores_nothing() {
        Kit.needs("faketime");
        backedUp();
        var before = kit.backupObjects();
        kit.bash("faketime '+10 days' ./jbang backup-db --env staging").exits(10).says("the store's clock is ", "State: nothing was stored");
        assertEquals(before, kit.backupObjects());
    }

    @Test void a_verdict_under_a_wrong_clock_has_neither_the_last_word_for_ever_nor_is_it_overruled_by_an_earlier_one() throws Exception {
        backedUp();
        var id = kit.sealed().get(0).split("/")[3];
        var condemned = age(1, kit.database.name);
        var early = age(2, kit.database.name);
        var verdict = "{\"proof\": \"restored\", \"passed\": %s, \"at\": \"%s\", \"problem\": %s, \"seconds\": 1, \"kit\": \"x\"}";
        var ahead = Instant.now().plus(Duration.ofDays(3650)).truncatedTo(ChronoUnit.SECONDS);
        var behind = Instant.now().minus(Duration.ofDays(20)).truncatedTo(ChronoUnit.SECONDS);
        for (var one : List.of(id, condemned)) kit.put(folder(one) + "drill-" + STAMP.format(ahead) + ".json", verdict.formatted("true", ahead, "null"));
        // Found broken after that, by a machine whose clock is behind; stores may tell the time in seconds.
        Patience.pause(1100);
        kit.put(folder(condemned) + "drill-" + STAMP.format(behind) + ".json", verdict.formatted("false", behind, "\"rows are missing\""));
        // Found broken by one whose clock is ahead: what is proven after that counts.
        kit.put(folder(early) + "verify-" + STAMP.format(ahead) + ".json", verdict.formatted("false", ahead, "\"no archive\"").replace("restored", "readable"));
        kit.run("backups", "list", "--env", "staging").exits(0)
            .printsLike(id + ".* restored just now.*the proof is dated " + ahead + ", after the store took it, so a clock was wrong")
            .printsLike(condemned + ".* BROKEN, found .*rows are missing").printsLike(early + ".* BROKEN, found just now: no archive");
        kit.readBack(early);
        kit.run("backups", "list", "--env", "staging").exits(0).printsLike(early + ".* readable ").neverShows("no archive", "IN THE FUTURE");
    }

    // --- what can't be read as long as it lies in an archive, or without its key

    @Test void one_object_in_an_archive_class_or_under_a_customer_s_key_is_told_by_name_and_hides_no_other() throws Exception {
        backedUp();
        var good = kit.sealed().get(0).split("/")[3];
        var archived = age(3, kit.database.name);
        var locked = age(4, kit.database.name);
        var judged = age(2, kit.database.name);
        kit.put(folder(judged) + "drill-20261124T020000Z.json", "{\"proof\": \"restored\", \"passed\": true, \"at\": \"2026-11-24T02:00:00Z\", \"seconds\": 1, \"kit\": \"x\"}");
        kit.put(folder(judged) + "hold.json", "{\"reason\": \"x\", \"at\": \"2026-11-24T02:00:00Z\"}");
        kit.put("handover/staging/history/" + STAMP.format(Instant.now()) + "-ffffff.json", "{}");
        try (var store = new FaultProxy(kit)) {
            for (var key : List.of(archived + "/manifest.json", judged + "/hold.json", judged + "/drill-20261124T020000Z.json", "-ffffff.json"))
                store.every("GET .*" + key).answer(403, "InvalidObjectState");
            store.every("GET .*" + locked + "/manifest.json").answer((head, there) -> FaultProxy.error(head, 400, "InvalidRequest",
                "The object was stored using a form of Server Side Encryption. The correct parameters must be provided to retrieve the object."));
            store.every("HEAD .*" + locked + "/").answer(400, "InvalidRequest");
            store.every("GET .*list-type=2").change(answer -> sentLongAgo(sentLongAgo(answer, archived), locked));
            kit.run("backups", "list", "--env", "staging").exits(0).prints(good, "CAN'T BE READ: ", "it lies in an archive class",
                "--key handover/staging/" + kit.database.name + "/" + archived + "/manifest.json --restore-request Days=7", "with a key of the customer's own (SSE-C)", "BROKEN, found ", "held");
            assertEquals(good, found("latest").id());
            assertEquals(Exit.STORE, refused(Failure.OutOfReach.class, () -> found(archived), "it lies in an archive class").exit);
            kit.run("report", "--env", "staging").exits(0);
            store.every("GET .*" + judged + "/data-00").answer(403, "InvalidObjectState");
            kit.run("backups", "verify", "--all", "--env", "staging").exits(13).prints("1 of 4 backups readable").says("nothing is known of backup " + judged, "it lies in an archive class");
            kit.set("BACKUP_KEEP", "last=1").set("BACKUP_MIN_KEEP", "1").set("BACKUP_MIN_AGE_DAYS", "1");
            var before = kit.backupObjects();
            kit.run(PRUNE).exits(0).says("backup " + archived + " stays, and does not count: ", "backup " + locked + " stays, and does not count: ").printsLike(judged + ".*stays: held");
            assertEquals(before, kit.backupObjects());
        }
    }

    // --- what looks like another database, or an empty one

    @Test void an_empty_database_and_one_that_lost_half_its_rows_are_told_by_the_backup_and_the_report() {
        backedUp();
        kit.database.execute("delete from t where n > 500");
        kit.run("backup-db", "--env", "staging").exits(0).says("warning: database '" + kit.database.name + "' has 500 rows, and had 2,000 in the last backup, ", "is it the right database");
        assertTrue(kit.run("report", "--env", "staging", "--json").exits(0).out().contains("has 500 rows, and had 2,000 in the last backup"));
        kit.database.execute("drop table t");
        kit.run("backup-db", "--env", "staging").exits(0).says("warning: database '" + kit.database.name + "' has no table: is it the right database");
    }

    // --- what goes while it is looked at

    @Test void a_backup_that_is_removed_while_it_is_read_is_said_to_be_gone_and_not_to_be_broken() {
        backedUp();
        var folder = kit.sealed().get(0);
        try (var store = new FaultProxy(kit)) {
            var held = store.next("GET .*data-00").hold();
            var running = kit.start("backups", "verify", "--env", "staging");
            store.awaitSeen("GET .*data-00");
            for (var key : kit.keys(folder)) kit.delete(key);
            held.release();
            running.result().exits(1).says("backup " + folder.split("/")[3] + " was removed meanwhile, so nothing could be proven of it", "State: backup " + folder.split("/")[3] + " is gone")
                .neverShows("is broken", "as they were");
        }
        assertEquals(List.of(), kit.backupObjects());
    }

    // --- signatures

    @Test void only_what_a_key_of_ours_has_signed_is_believed_and_stock_openssl_says_the_same() throws Exception {
        Kit.needs("openssl");
        kit.database.execute("create table t as select n from generate_series(1, 100) n");
        var offsite = Stack.bareKit();
        sign();
        kit.set("OFFSITE_BACKUP_BUCKET", offsite.bucket).set("BACKUP_COPY_TO", "offsite");
        kit.run("backup-db", "--env", "staging", "--verify", "readable").exits(0);
        var folder = kit.sealed().get(0);
        var id = folder.split("/")[3];
        Files.write(kit.home.resolve("manifest.json"), kit.object(folder + "manifest.json"));
        Files.write(kit.home.resolve("manifest.json.sig"), kit.object(folder + "manifest.json.sig"));
        var readme = new Document("README.md").fences("Signed backups", "sh");
        assertTrue(kit.bash(readme.get(1)).exits(0).out().contains("Signature Verified Successfully"));
        assertArrayEquals(kit.object(folder + "manifest.json.sig"), offsite.object(folder + "manifest.json.sig"));

        // Evidence of somebody else neither condemns it nor makes it better.
        kit.put(folder + "drill-20301124T020000Z.json", "{\"proof\": \"restored\", \"passed\": false, \"at\": \"2030-11-24T02:00:00Z\", \"problem\": \"forged\", \"seconds\": 1, \"kit\": \"x\"}");
        kit.put(folder + "drill-20301124T020000Z.json.sig", kit.object(folder + "manifest.json.sig"));
        // Moved to another environment, another database, another time; changed; not signed; signed by another key.
        var places = List.of("production/" + kit.database.name + "/" + id, "staging/another/" + id, "staging/" + kit.database.name + "/20261129T000000Z-abcdef");
        for (var place : places)
            for (var key : kit.keys(folder)) kit.put("handover/" + place + "/" + key.substring(folder.length()), kit.object(key));
        kit.run("restore-db", "--env", "staging", "--from", "production", "--dry-run").exits(14).says("holds the manifest of another backup");
        kit.run("backups", "list", "--env", "staging").exits(0).prints("another/" + id + "/manifest.json holds the manifest of another backup", "/20261129T000000Z-abcdef/manifest.json holds the manifest of another backup")
            .printsLike(id + ".* readable ").neverShows("forged");
        for (var place : places) kit.keys("handover/" + place + "/").forEach(kit::delete);
        var manifest = kit.object(folder + "manifest.json");
        kit.forge(folder, "\"rows\": 100", "\"rows\": 101");
        for (var command : List.of("backups show", "backups verify", "backups drill", "backups copy --to offsite", "restore-db --no-safety-backup"))
            kit.run((command + " --env staging").split(" ")).exits(14).says("manifest.json is not signed by a key in BACKUP_VERIFY_KEY, or was changed since");
        try (var opened = kit.store()) {
            var unread = Sealed.read(opened, BackupFolder.sealed(opened, "staging").get(0));
            assertTrue(unread.manifest() == null && unread.problem().contains("is not signed by a key in BACKUP_VERIFY_KEY"), unread::toString);
        }
        kit.put(folder + "manifest.json", manifest);
        kit.bash("openssl genpkey -algorithm ed25519 -out other.pem; openssl pkey -in other.pem -pubout > other.pub; openssl pkeyutl -sign -inkey other.pem -rawin -in manifest.json -out other.sig").exits(0);
        kit.put(folder + "manifest.json.sig", Files.readAllBytes(kit.home.resolve("other.sig")));
        refused(Failure.NotVerified.class, this::read, "is not signed by a key in BACKUP_VERIFY_KEY");
        kit.delete(folder + "manifest.json.sig");
        refused(Failure.NotVerified.class, this::read, "manifest.json is not signed");

        // With both keys, as when one is changed, either will do; and by hand it is signed as the README says.
        kit.bash(readme.get(2)).exits(0);
        kit.put(folder + "manifest.json.sig", Files.readAllBytes(kit.home.resolve("manifest.json.sig")));
        kit.set("BACKUP_VERIFY_KEY", publicKey("other.pub") + "," + publicKey("verify-key.pem"));
        assertEquals(id, read().id());
        kit.set("BACKUP_VERIFY_KEY", publicKey("other.pub")).run("backup-db", "--env", "staging", "--dry-run").exits(78).says("the key in BACKUP_SIGNING_KEY_FILE is none of those in BACKUP_VERIFY_KEY");
        kit.set("BACKUP_SIGNING_KEY_FILE", null);
        refused(Failure.BadSetting.class, this::checkKeys, "BACKUP_VERIFY_KEY is set, and BACKUP_SIGNING_KEY_FILE is not");
        kit.set("BACKUP_VERIFY_KEY", "nonsense");
        refused(Failure.BadSetting.class, this::read, "BACKUP_VERIFY_KEY is no list of Ed25519 public keys");
        kit.set("BACKUP_VERIFY_KEY", null).set("BACKUP_SIGNING_KEY_FILE", kit.home.resolve("signing-key.pem").toString()).bash("chmod 644 signing-key.pem");
        refused(Failure.BadSetting.class, this::checkKeys, "can be read by others on this machine", "chmod 600");
        kit.bash("echo 'not a key' > signing-key.pem; chmod 600 signing-key.pem");
        refused(Failure.BadSetting.class, this::checkKeys, "holds no Ed25519 private key", "openssl genpkey -algorithm ed25519");
    }

    /** What every command does first with its keys, and with the only backup's manifest. */
    private void checkKeys() { Signature.checkKeys(kit.settings()); }

    private Manifest read() {
        try (var store = kit.store()) {
            return BackupFolder.sealed(store, "staging").get(0).manifest(store);
        }
    }

    private static Failure refused(Class<? extends Failure> as, Executable act, String... words) {
        var told = assertThrows(as, act);
        for (var text : words) assertTrue((told.getMessage() + "\n" + told.hint).contains(text), () -> told.getMessage() + "\n" + told.hint);
        return told;
    }

    @Test void a_release_that_nobody_of_ours_has_signed_is_none_to_roll_back_to() throws Exception {
        Kit.needs("openssl");
        var site = new DeployedSite(kit);
        try {
            var first = site.ship(1).get(0);
            sign();
            var releases = "handover/staging/releases/";
            try (var opened = kit.store()) {
                // As if that deploy had had the key.
                for (var key : kit.keys(releases)) Signature.put(opened, key, kit.object(key));
            }
            site.change("second");
            site.run("deploy").exits(0);
            // Somebody writes a release of his own beside it, good as can be, and calls the real one bad.
            var record = new String(kit.object(releases + first + ".json"), StandardCharsets.UTF_8);
            var forged = "20261101T000000Z-abcdef";
            kit.put(releases + forged + ".json", record.replace(first, forged));
            kit.put(releases + forged + ".json.sig", kit.object(releases + first + ".json.sig"));
            kit.put(releases + forged + ".good.json", kit.object(releases + first + ".good.json"));
            kit.put(releases + first + ".bad.json", "{\"at\": \"2026-11-01T00:00:00Z\", \"why\": \"forged\"}");
            site.run("rollback", "--list").exits(0).prints(first).says("not signed by a key in BACKUP_VERIFY_KEY, so they do not count: ", forged + ".json").neverShows("bad   " + first);
            site.run("rollback", "--to", forged).exits(14).says("release '" + forged + "' is not signed by a key in BACKUP_VERIFY_KEY");
            var second = site.current();
            try (var store = new FaultProxy(kit)) {
                // What is written a second time is killed after its signature: what lies there is signed as it was.
                killedAt(store, "PUT .*" + first + ".good.json( |$|\\?)");
                assertEquals(first, site.current());
                marked(first, second);
                // All is as before that run, but for the mark that it has made.
                Files.delete(site.www.resolve("current"));
                Files.createSymbolicLink(site.www.resolve("current"), Path.of("releases", second));
                kit.delete(releases + "turning.json");
            }
            try (var store = new FaultProxy(kit)) {
                killedAt(store, "PUT .*" + second + ".bad.json( |$|\\?)");
                assertEquals(first, site.current());
                marked(first, second);
                store.every("GET .*" + second + ".bad.json( |$|\\?)").answer(403, "InvalidObjectState");
                site.run("rollback", "--list").exits(0).prints("bad   " + second).says(second + ".bad.json (it lies in an archive class");
            }
        } finally {
            site.close();
        }
    }

    /** All of both is believed, one being good and the other bad. */
    private void marked(String good, String bad) throws Exception {
        try (var opened = kit.store()) {
            var releases = new Releases(opened, "staging");
            assertTrue(releases.byId(good).orElseThrow().isGood());
            assertTrue(releases.byId(bad).orElseThrow().bad() != null);
            assertTrue(releases.untrusted().stream().noneMatch(name -> name.startsWith(good) && !name.endsWith(".bad.json") || name.startsWith(bad)), () -> releases.untrusted().toString());
        }
    }

    private void killedAt(FaultProxy store, String request) {
        store.next(request).hold();
        var running = kit.start("rollback", "--env", "staging");
        store.awaitSeen(request);
        running.signal("KILL").result();
    }

    @Test void nothing_of_a_signed_backup_is_executed_before_all_of_it_is_known_to_be_ours() throws Exception {
        Kit.needs("openssl");
        kit.database.execute("create table t as select n, md5(n::text) from generate_series(1, 60000) n");
        var offsite = Stack.bareKit().bucket;
        sign();
        kit.set("OFFSITE_BACKUP_BUCKET", offsite).set("BACKUP_COPY_TO", "offsite");
        kit.run("backup-db", "--env", "staging").exits(0);
        var folder = kit.sealed().get(0);
        // A copy without its signature is none that anybody believes: it is not said to be whole and left so.
        Stack.up().s3.deleteObject(request -> request.bucket(offsite).key(folder + "manifest.json.sig"));
        kit.run("backups", "copy", "--env", "staging", "--to", "offsite").exits(0);
        kit.set("STAGING_BACKUP_BUCKET", offsite).readBack("latest");
        kit.set("STAGING_BACKUP_BUCKET", null);

        // Its last byte alone is another: whoever executes it as it comes has executed all before it.
        var bytes = kit.object(folder + "data-00.dump.zst");
        bytes[bytes.length - 1] ^= 1;
        kit.put(folder + "data-00.dump.zst", bytes);
        kit.run("restore-db", "--env", "staging").exits(14).says("data-00.dump.zst has another SHA-256 than the manifest says", "State: the database of 'staging' is as it was").neverShows("Take the lock", "Load into");
        kit.run("restore-db", "--env", "staging", "--mode", "in-place").exits(14).says("data-00.dump.zst has another SHA-256").neverShows("Take the lock", "Begin a transaction");
        kit.run("backups", "drill", "--env", "staging").exits(14).says("data-00.dump.zst has another SHA-256").neverShows("Have a server for the drill");
    }

    @Test void an_id_that_somebody_has_put_beside_another_database_too_is_still_the_one_of_this() throws Exception {
        backedUp();
        var folder = kit.sealed().get(0);
        var id = folder.split("/")[3];
        for (var key : kit.keys(folder)) kit.put("handover/staging/another/" + id + "/" + key.substring(folder.length()), kit.object(key));
        kit.run("backups", "show", id, "--env", "staging").exits(0).prints("s3://" + kit.bucket + "/" + folder);
        assertEquals(folder, folderOf(id.substring(0, 18)));
        refused(Failure.Usage.class, () -> found(""), "an empty text is no backup's id");
        kit.set("STAGING_DATABASE_URL", null).run("backups", "show", id, "--env", "staging").exits(2).says("STAGING_DATABASE_URL");
    }

    @Test void one_odd_object_ends_neither_a_backup_nor_a_report_and_a_verdict_has_the_store_s_time() throws Exception {
        backedUp();
        var folder = kit.sealed().get(0);
        kit.put("handover/conformance.json", "x".repeat(70_000));
        kit.run("backup-db", "--env", "staging").exits(0);
        var last = "+1000000000-12-31T23:59:59.999999999Z";
        kit.put(folder + "drill-20261124T020000Z.json", "{\"proof\": \"restored\", \"passed\": true, \"at\": \"" + last + "\", \"seconds\": 1e300, \"kit\": \"x\"}");
        kit.put(folder + "drill-20261124T030000Z.json", "{\"proof\": \"restored\", \"passed\": false, \"at\": \"2026-11-24T03:00:00Z\", \"seconds\": -1}");
        var run = "{\"script\": \"%s\", \"result\": \"done\", \"started\": \"%s\", \"seconds\": 1e300, \"exit\": 0%s}";
        var now = Instant.now().toString();
        var records = List.of(run.formatted("deploy", last, ""), run.formatted("restore-db", "-1000000000-01-01T00:00:00Z", ""), run.formatted("backup-db", now, ", \"copy\": {\"problem\": \"x\"}"),
            run.formatted("backup-db", now, ", \"bytes_stored\": -5, \"backup\": \"\""), run.formatted("deploy", now, ", \"commit\": \"\", \"restored\": \"/\""),
            run.formatted("smoke-tests", now, ", \"checks\": []"), run.formatted("smoke-tests", now, ", \"checks\": [{\"name\": \"\", \"outcome\": \"pass\", \"ends\": \"" + last + "\"}]"),
            run.formatted("smoke-tests", now, ", \"checks\": [{\"name\": \"tls\", \"outcome\": \"pass\", \"ends\": \"-1000000000-01-01T00:00:00Z\"}]"), run.formatted("%s%n", now, "").replace("done", "odd"));
        for (var record : records) kit.put("handover/staging/history/" + STAMP.format(Instant.now()) + "-fffff" + records.indexOf(record) + ".json", record);
        kit.run("report", "--env", "staging").exits(0);
        kit.run("backups", "list", "--env", "staging").exits(0);
        found("latest");
        try (var store = new FaultProxy(kit)) {
            store.every("").change(answer -> dated(answer, Duration.ofMinutes(40)));
            kit.run("backups", "verify", "--env", "staging").exits(0);
        }
        var verdict = kit.keys().stream().filter(key -> key.matches(".*/verify-[^/]*[.]json")).findFirst().orElseThrow();
        assertTrue(Instant.parse(kit.json(verdict).get("at").getAsString()).isAfter(Instant.now().plus(Duration.ofMinutes(30))), () -> kit.json(verdict).toString());
    }

    @Test void one_odd_record_of_a_release_keeps_nobody_from_rolling_back_and_a_wrong_clock_ships_nothing() {
        var site = new DeployedSite(kit);
        try {
            var two = site.shipTwo();
            var first = two.get(0);
            var second = two.get(1);
            var releases = "handover/staging/releases/";
            kit.put(releases + "20261101T000000Z-aaaaaa.json", "not JSON");
            kit.put(releases + "20261102T000000Z-aaaaaa.json", "x".repeat((1 << 20) + 1));
            kit.put(releases + "20261103T000000Z-aaaaaa.json", new String(kit.object(releases + first + ".json"), StandardCharsets.UTF_8));
            kit.put(releases + second + ".bad.json", "{\"at\": \"2026-11-01T00:00:00Z\", \"why\": \"a\\u001b[31m\\u202eb\"}");
            site.run("rollback", "--list").exits(0).prints(first, second).says("can't be read, so they do not count: ", "20261101T000000Z-aaaaaa.json", "20261102T000000Z-aaaaaa.json", "20261103T000000Z-aaaaaa.json").neverShows("\u001b[31m", "\u202e");
            site.run("rollback").exits(0).says("can't be read, so they do not count: ").prints("rolled back to " + first);
            // A mark that says bad is one, whatever else it says.
            kit.put(releases + second + ".bad.json", "not JSON");
            site.run("rollback", "--to", second).exits(10).says("release " + second, "is marked bad: ");
            try (var store = new FaultProxy(kit)) {
                store.every("").change(answer -> dated(answer, Duration.ofMinutes(-40)));
                site.change("third");
                site.run("deploy").exits(10).says("the store's clock is ", " behind this machine's").neverShows("Record the release", "Stage");
                assertEquals(first, site.current());
            }
        } finally {
            site.close();
        }
    }

    /** Keys as the README has them made; from now on commands sign, and believe only what is signed. */
    private void sign() throws IOException {
        kit.bash(new Document("README.md").fences("Signed backups", "sh").get(0) + "openssl pkey -in signing-key.pem -pubout > verify-key.pem").exits(0);
        kit.set("BACKUP_SIGNING_KEY_FILE", kit.home.resolve("signing-key.pem").toString()).set("BACKUP_VERIFY_KEY", publicKey("verify-key.pem"));
    }

    private String publicKey(String file) throws IOException { return Files.readAllLines(kit.home.resolve(file)).get(1); }

    // --- what the tests above are made of

    /** What is shown of a backup that is asked for by some name. */
    private Manifest found(String wanted) throws Exception {
        try (var store = kit.store()) {
            return BackupFolder.find(store, "staging", wanted, passedOver -> { }).manifest(store);
        }
    }

    private String folderOf(String wanted) throws Exception {
        try (var store = kit.store()) {
            return BackupFolder.find(store, "staging", wanted, passedOver -> { }).key();
        }
    }

    private String folder(String id) { return kit.sealed().stream().filter(folder -> folder.contains(id)).findFirst().orElseThrow(); }

    /** An answer of a store whose clock is ahead by so much. */
    private static String dated(String answer, Duration ahead) {
        var date = DateTimeFormatter.RFC_1123_DATE_TIME.format(Instant.now().plus(ahead).atZone(ZoneOffset.UTC));
        return answer.replaceFirst("(?im)^date: [^\r\n]*", "Date: " + date);
    }

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
        var to = "handover/staging/" + URLEncoder.encode(database, StandardCharsets.UTF_8).replace('%', '=') + "/" + id + "/";
        for (var key : kit.keys(from)) kit.put(to + key.substring(from.length()), kit.object(key));
        var manifest = kit.json(to + "manifest.json");
        kit.forge(to, manifest.get("id").getAsString(), id);
        kit.forge(to, "\"snapshot_time\": \"" + manifest.get("snapshot_time").getAsString(), "\"snapshot_time\": \"" + at);
        kit.forge(to, "\"database\": \"" + manifest.get("database").getAsString(), "\"database\": \"" + database.replace("\u001b", "\\u001b"));
        return id;
    }
}
