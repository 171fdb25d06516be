import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.sql.SQLException;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import ops.BackupFolder;
import ops.Copy;
import ops.Failure;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** A copy in a second bucket is the same backup, or it is none; and whatever happens there, the first one stays good. */
class CopyTest {
    private static final String[] COPY = {"backups", "copy", "latest", "--env", "staging", "--to", "offsite"};
    private static final String ROWS = "create table t as select n, md5(n::text) from generate_series(1, 2000) n";
    /** Larger than a part of an upload. */
    private static TestDatabase large;

    /** The environment, with its own bucket. */
    private final Kit kit = Stack.kit();
    /** Another machine, which knows the second bucket and nothing else. */
    private final Kit offsite = Stack.bareKit();

    CopyTest() { kit.set("OFFSITE_BACKUP_BUCKET", offsite.bucket); }

    @BeforeAll static void fill() throws SQLException { large = TestDatabase.withPhotos(Stack.next("copied_")); }

    // --- what it does

    @Test void a_copy_is_listed_verified_and_restored_with_the_settings_of_the_second_bucket_alone() {
        backUpLarge().run(COPY).exits(0).says("ok: Copy to offsite: ").prints("s3://" + offsite.bucket + "/" + folder());
        sameInBoth();
        assertEquals(List.of(), kit.openUploads());
        assertEquals("backups copy", kit.history().get(1).get("script").getAsString());

        offsite.run("backups", "verify", "--env", "staging").exits(0).prints("1 of 1 backup readable");
        offsite.run("backups", "list", "--env", "staging").exits(0).prints(id(), "readable");
        offsite.run("backups", "show", "--env", "staging").exits(0).prints("s3 cp --recursive s3://" + offsite.bucket + "/" + folder() + " .").neverShows("s3://" + kit.bucket);
        var fresh = TestDatabase.create(Stack.next("from_copy_"));
        offsite.set("STAGING_DATABASE_URL", fresh.url()).run("restore-db", id(), "--env", "staging", "--no-safety-backup").exits(0);
        assertEquals(large.one("select md5(string_agg(md5(bytes), '' order by id)) from photo"), fresh.one("select md5(string_agg(md5(bytes), '' order by id)) from photo"));
    }

    @Test void what_is_there_already_is_said_and_not_sent_again_and_what_is_not_as_it_was_sent_is_mended() {
        backUp();
        try (var store = new FaultProxy(kit, "OFFSITE_AWS_ENDPOINT_URL_S3")) {
            store.next("HEAD .*data-00").change(answer -> answer.replaceFirst("(?i)(content-length: )", "$19"));
            kit.run(COPY).exits(14).says("s3://" + offsite.bucket + "/" + folder() + "data-00.dump.zst has ", "Next:  copy it again: ./jbang backups copy " + id() + " --env staging --to offsite");
            nothingThere();
            kit.run(COPY).exits(0);
            sameInBoth();
            var before = store.heads("^(PUT|POST|DELETE) ").size();
            kit.run(COPY).exits(0).prints("is there already, whole");
            assertTrue(kit.history().get(kit.history().size() - 1).getAsJsonObject("copy").get("was_there").getAsBoolean());
            assertEquals(before, store.heads("^(PUT|POST|DELETE) ").size());
            offsite.delete(folder() + "globals.sql.zst");
            kit.run(COPY).exits(0).says("warning: the copy is not whole and is sent again: ", "globals.sql.zst is missing");
            sameInBoth();
        }
    }

    @Test void the_place_has_a_folder_an_endpoint_and_credentials_of_its_own() {
        backUp().set("OFFSITE_BACKUP_PREFIX", "site/copies").set("AWS_ACCESS_KEY_ID", "x").set("STAGING_AWS_ACCESS_KEY_ID", Stack.up().setting("AWS_ACCESS_KEY_ID"));
        kit.run(COPY).exits(13).says("could not list s3://" + offsite.bucket, "has no copy in s3://");
        kit.set("OFFSITE_AWS_ACCESS_KEY_ID", Stack.up().setting("AWS_ACCESS_KEY_ID"));
        var json = kit.run(with(COPY, "--json")).exits(0).json();
        assertEquals("s3://" + offsite.bucket + "/site/copies/" + folder().substring("handover/".length()), json.get("uri").getAsString());
        assertEquals(2, json.get("objects").getAsInt());
        assertFalse(json.get("was_there").getAsBoolean());
        try (var copies = offsite.set("BACKUP_PREFIX", "site/copies").store()) {
            assertEquals(1, BackupFolder.sealed(copies, "staging").size());
        }
    }

    @Test void an_encrypted_backup_is_copied_without_its_identity() {
        Kit.needs("age-keygen");
        kit.bash("age-keygen -o key.txt; chmod 600 key.txt").exits(0);
        kit.set("BACKUP_RECIPIENTS", kit.bash("age-keygen -y key.txt").out().strip());
        backUp("proof: stored").run(COPY).exits(0);
        sameInBoth();
    }

    // --- what it refuses

    @Test void the_bucket_that_the_backups_are_in_is_no_second_one() {
        backUp();
        kit.set("OFFSITE_BACKUP_BUCKET", kit.bucket).set("OFFSITE_BACKUP_PREFIX", "elsewhere").set("OFFSITE_AWS_ENDPOINT_URL_S3", Stack.up().setting("AWS_ENDPOINT_URL_S3") + "/");
        kit.run(COPY).exits(78).says("place 'offsite' is the bucket that the backups are in already", "OFFSITE_BACKUP_BUCKET stands in .env.operations; name another bucket");
        assertTrue(assertThrows(Failure.Usage.class, () -> Copy.bucket("Off site")).getMessage().contains("'Off site' is not the name of a place"));
        kit.set("OFFSITE_BACKUP_BUCKET", "no-such-bucket-here").run(COPY).exits(13).says("there is no bucket 'no-such-bucket-here'");
    }

    @Test void any_flipped_byte_of_the_original_is_found_and_nothing_is_sealed() {
        backUp();
        var seed = System.nanoTime();
        var random = new Random(seed);
        for (var name : List.of("data-00.dump.zst", "globals.sql.zst", "SHA256SUMS")) {
            var whole = kit.object(folder() + name);
            var flipped = whole.clone();
            var position = random.nextInt(whole.length);
            flipped[position] ^= (byte) (1 << random.nextInt(8));
            kit.put(folder() + name, flipped);
            var result = kit.run(COPY);
            assertEquals(14, result.exit(), () -> name + ", byte " + position + ", seed " + seed + "\n" + result);
            result.says("s3://" + kit.bucket + "/" + folder() + name, "State: backup " + id() + " is broken: do not rely on it", "do not restore this one");
            nothingThere();
            kit.put(folder() + name, whole);
        }
        kit.put(folder() + "globals.sql.zst", Arrays.copyOf(kit.object(folder() + "globals.sql.zst"), 5));
        kit.run(COPY).exits(14).says(folder() + "globals.sql.zst has 5 bytes, the manifest says ");
        nothingThere();
    }

    @Test void another_manifest_in_its_place_is_left_alone() {
        backUp();
        offsite.put(folder() + "manifest.json", "{}");
        kit.run(COPY).exits(14).says("s3://" + offsite.bucket + "/" + folder() + "manifest.json is not the manifest of the backup", "look at both");
        assertEquals(List.of(folder() + "manifest.json"), offsite.keys());
    }

    // --- what goes wrong on the way

    @Test void an_answer_that_is_lost_is_made_good() {
        backUpLarge();
        try (var store = new FaultProxy(kit, "OFFSITE_AWS_ENDPOINT_URL_S3")) {
            for (var request : List.of("PUT .*partNumber=2", "POST .*uploadId=", "PUT .*globals", "PUT .*manifest")) store.next(request).loseTheAnswer();
            assertTrue(kit.run(with(COPY, "--json")).exits(0).json().get("retries").getAsInt() >= 4);
            assertEquals(List.of(), store.untouched());
        }
        sameInBoth();
    }

    @Test void a_signal_while_the_seal_is_being_written_leaves_a_whole_copy_or_nothing() {
        backUp();
        try (var store = new FaultProxy(kit, "OFFSITE_AWS_ENDPOINT_URL_S3")) {
            var held = store.next("PUT .*SHA256SUMS").hold();
            var running = start(store, "PUT .*SHA256SUMS");
            running.signal("TERM").awaitSays("interrupted: stopping and cleaning up");
            held.release();
            running.result();
            if (offsite.sealed().isEmpty()) nothingThere();
            else sameInBoth();
        }
    }

    /** Each run comes after one that was ended before: that it gets as far as it does is a part of what is asked. */
    @Test void a_signal_takes_back_what_was_sent_a_kill_at_any_point_leaves_no_seal_and_the_next_run_makes_the_copy() {
        backUpLarge();
        try (var store = new FaultProxy(kit, "OFFSITE_AWS_ENDPOINT_URL_S3")) {
            // The dump is there by then, and the roles on their way; or the dump itself is.
            for (var how : List.of("INT PUT .*globals", "TERM PUT .*partNumber=2")) {
                var signal = how.split(" ", 2)[0];
                var request = how.split(" ", 2)[1];
                var held = store.next(request).hold();
                var running = start(store, request);
                running.signal(signal).awaitSays("interrupted: stopping and cleaning up");
                held.release();
                running.result().exits(signal.equals("INT") ? 130 : 143).says("State: backup " + id() + " is as it was, and has no copy in s3://" + offsite.bucket);
                nothingThere();
            }
            for (var request : List.of("PUT .*partNumber=2", "PUT .*globals", "PUT .*SHA256SUMS", "PUT .*manifest")) {
                store.next(request).stall();
                start(store, request).signal("KILL").result();
                assertEquals(List.of(), offsite.sealed());
                if (!request.contains("part")) assertFalse(offsite.keys().isEmpty());
            }
            kit.run(COPY).exits(0);
            sameInBoth();
        }
    }

    @Test void what_killed_runs_left_of_other_copies_is_cleared_when_it_was_sent_a_day_ago() {
        backUp();
        var parent = folder().replaceFirst("[^/]*/$", "");
        // Made long ago, and perhaps being copied right now.
        var young = offsite.put(parent + "20250101T000000Z-abcdef/data-00.dump.zst", "half a copy");
        var old = offsite.put(parent + "20250102T000000Z-abcdef/data-00.dump.zst", "half a copy");
        try (var store = new FaultProxy(kit, "OFFSITE_AWS_ENDPOINT_URL_S3")) {
            store.every("GET .*list-type=2").change(answer -> answer.replaceAll("(20250102T000000Z-abcdef/data-00.dump.zst</Key>.*?<LastModified>)....", "$12025"));
            kit.run(COPY).exits(0);
        }
        assertTrue(offsite.keys().contains(young), () -> offsite.keys().toString());
        assertFalse(offsite.keys().contains(old));
    }

    // --- at the end of a backup

    @Test void a_backup_is_copied_at_its_end_when_the_settings_say_so_but_not_one_that_a_restore_makes() {
        kit.database.execute(ROWS);
        kit.set("BACKUP_COPY_TO", "offsite");
        kit.run("backup-db", "--env", "staging", "--dry-run").exits(0).says("would copy to offsite: the same bytes");
        assertEquals(List.of(), offsite.keys());

        var json = kit.run("backup-db", "--env", "staging", "--json").exits(0).says("ok: Copy to offsite: ").json();
        assertEquals("s3://" + offsite.bucket + "/" + folder(), json.getAsJsonObject("copy").get("uri").getAsString());
        assertEquals("s3://" + offsite.bucket + "/" + folder(), kit.history().get(0).getAsJsonObject("copy").get("uri").getAsString());
        sameInBoth();

        kit.run("restore-db", "latest", "--env", "staging").exits(0);
        assertEquals(List.of(2, 1), List.of(kit.sealed().size(), offsite.sealed().size()));
    }

    @Test void a_second_store_that_refuses_leaves_the_backup_good_and_says_how_to_copy_it_later() {
        kit.set("BACKUP_COPY_TO", "offsite");
        try (var store = new FaultProxy(kit, "OFFSITE_AWS_ENDPOINT_URL_S3")) {
            store.every("^(PUT|POST) ").answer(403, "AccessDenied");
            var result = kit.run("backup-db", "--env", "staging", "--json").exits(0);
            var later = "./jbang backups copy " + id() + " --env staging --to offsite";
            result.says("warning: backup " + id() + " is good, but was not copied to offsite: could not write s3://" + offsite.bucket, "s3:PutObject is refused (403)", "copy it later: " + later).neverShows("ok: Copy to offsite");
            assertEquals(later, result.json().getAsJsonObject("copy").get("later").getAsString());
            assertTrue(result.json().getAsJsonObject("copy").get("problem").getAsString().contains("s3:PutObject is refused (403)"));
            assertEquals("done", kit.history().get(0).get("result").getAsString());
            nothingThere();
        }
    }

    @Test void a_place_without_a_bucket_of_its_own_does_not_keep_a_backup_from_being_made() {
        kit.set("BACKUP_COPY_TO", "offsite").set("OFFSITE_BACKUP_BUCKET", null);
        kit.run("backup-db", "--env", "staging", "--dry-run").exits(78).says("OFFSITE_BACKUP_BUCKET is not set");
        backUp(", NOT copied to offsite");
        assertEquals(1, kit.sealed().size());
    }

    @Test void a_backup_that_its_own_copying_finds_broken_is_no_success() {
        kit.set("BACKUP_COPY_TO", "offsite");
        try (var store = new FaultProxy(kit)) {
            kit.set("OFFSITE_AWS_ENDPOINT_URL_S3", Stack.up().setting("AWS_ENDPOINT_URL_S3"));
            store.next("GET .*globals").change(answer -> answer.substring(0, answer.length() - 1) + (char) (answer.charAt(answer.length() - 1) ^ 1));
            kit.run("backup-db", "--env", "staging").exits(14).says("globals.sql.zst has another SHA-256 than the manifest says", "is broken: do not rely on it");
            nothingThere();
        }
    }

    @Test void while_a_backup_is_being_copied_the_database_is_free_for_a_restore() {
        kit.set("BACKUP_COPY_TO", "offsite");
        try (var store = new FaultProxy(kit, "OFFSITE_AWS_ENDPOINT_URL_S3")) {
            var held = store.next("PUT .*globals").hold();
            var running = kit.start("backup-db", "--env", "staging");
            store.awaitSeen("PUT .*globals");
            // Neither the session that held the snapshot nor the one that held the lock stays.
            var sessions = "select application_name from pg_stat_activity where application_name like 'handover backup-db staging%' and (datname = '"
                + kit.database.name + "' or application_name like '%, process " + running.process.pid() + "%')";
            Patience.until(() -> TestDatabase.serverRows(sessions).isEmpty(), () -> "sessions: " + TestDatabase.serverRows(sessions));
            held.release();
            running.result().exits(0);
        }
    }

    // --- what the tests above are made of

    private Kit backUp() { return kit.backedUp(ROWS); }

    private Kit backUpLarge() {
        kit.database = large;
        return kit.set("STAGING_DATABASE_URL", large.url()).backedUp();
    }

    /** A copy on its way, that has come to this request. */
    private Kit.Running start(FaultProxy store, String request) {
        var before = store.heads(request).size();
        var running = kit.start(COPY);
        Patience.until(() -> store.heads(request).size() > before, () -> "no request " + request);
        return running;
    }

    private Kit backUp(String prints) {
        kit.run("backup-db", "--env", "staging").exits(0).prints(prints);
        return kit;
    }

    /** The key of the only backup. */
    private String folder() { return kit.sealed().get(0); }

    private String id() { return folder().replaceFirst(".*/(.+)/$", "$1"); }

    private void sameInBoth() {
        assertEquals(1, offsite.sealed().size());
        assertEquals(kit.keys(folder()), offsite.keys(folder()));
        for (var key : offsite.keys(folder())) assertArrayEquals(kit.object(key), offsite.object(key), key);
    }

    private void nothingThere() {
        assertEquals(List.of(), offsite.keys());
        assertEquals(List.of(), offsite.openUploads());
    }

    private static String[] with(String[] command, String option) {
        var all = Arrays.copyOf(command, command.length + 1);
        all[command.length] = option;
        return all;
    }
}
