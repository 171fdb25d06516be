import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.SQLException;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Executors;
import ops.BackupFolder;
import ops.Database;
import ops.DatabaseUrl;
import ops.Exit;
import ops.Failure;
import ops.Private;
import ops.Run;
import ops.Seal;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

/**
 * Nothing false: whatever fails, there is no backup that is none, no leftover that matters, the right exit code and hint,
 * and the next run works.
 */
class BackupFaultsTest {
    /** Of these the store sees at least one in a backup that is read back, in this order. */
    private static final List<String> REQUESTS = List.of("GET .*list-type=2", "POST .*\\?uploads", "PUT .*partNumber=1", "PUT .*partNumber=2", "POST .*uploadId=",
        "PUT .*globals", "HEAD .*data-00", "PUT .*SHA256SUMS", "PUT .*manifest.json", "GET .*manifest.json", "GET .*data-00", "PUT .*verify-", "GET .*\\?.*uploads", "PUT .*history");
    /** The seconds after which silence is taken for an end: more than a busy machine needs for an answer. */
    private static final String SILENCE = "15";
    /** What pg_dump gives of the large database, but for its end: more than a part of an upload, though zstd packs eight megabytes at a time. */
    private static final String MOST = "\"$real\" \"$@\" | head -c 26000000";
    /** Larger than a part of an upload, however it is compressed. */
    private static TestDatabase large;

    @BeforeAll static void fill() throws SQLException { large = TestDatabase.withPhotos(Stack.next("large_")); }

    // --- pg_dump

    /** Each run comes after one that failed: that it gets as far as it does is a part of what is asked. */
    @Test void a_pg_dump_that_fails_is_killed_or_hangs_leaves_nothing_and_the_next_run_works() {
        var kit = Stack.kit(large.copy()).set("DB_STALL_SECONDS", SILENCE);
        var tools = new FakeTools(kit);
        tools.pgDump("echo 'pg_dump: error: out of luck' >&2; exit 1");
        fails(kit, 12, "FAILED: pg_dump failed (exit 1): pg_dump: error: out of luck", "State: ", "Next:  mend what it says");
        tools.pgDump("\"$real\" \"$@\"; exit 1");
        fails(kit, 12, "pg_dump failed (exit 1)");
        tools.pgDump(MOST + "; kill -9 $$");
        fails(kit, 12, "pg_dump was killed by signal 9");
        tools.pgDump(MOST + "; sleep 1000");
        fails(kit, 12, "pg_dump was stopped: no sign of life for " + SILENCE + ".0 s", "Next:  see what blocks it");
        worksAgain(kit);
    }

    @Test void a_pg_dump_that_claims_success_after_half_an_archive_is_found_out_at_once_or_by_reading_back() {
        var kit = Stack.kit(large.copy());
        new FakeTools(kit).pgDump(MOST + "; exit 0");
        kit.run("backup-db", "--env", "staging").exits(14).says("the archive can't be read: it ends too early", "nothing was stored");
        assertFalse(kit.keys().stream().anyMatch(key -> key.endsWith("manifest.json")));
        // Nobody looks into it where nothing is counted, but whoever reads it back.
        kit.run("backup-db", "--env", "staging", "--counts", "none", "--verify", "readable").exits(14)
            .says("is not an archive that pg_restore can parse", "do not rely on it");
        var verdict = kit.keys().stream().filter(key -> key.contains("/verify-")).findFirst().orElseThrow();
        assertEquals("false", kit.json(verdict).get("passed").getAsString());
    }

    @Test void neither_roles_nor_leftovers_that_are_out_of_reach_make_a_good_backup_fail() {
        var kit = small().set("S3_ATTEMPTS", "1");
        new FakeTools(kit).tool("pg_dumpall", "echo 'pg_dumpall: error: permission denied for table pg_authid' >&2; exit 1");
        try (var store = new FaultProxy(kit)) {
            store.every("GET .*\\?.*uploads").answer(403, "AccessDenied");
            kit.run("backup-db", "--env", "staging").exits(0).says("warning: roles are not in this backup: ", "permission denied for table pg_authid", "warning: leftovers could not be cleared");
        }
        assertTrue(kit.manifest().get("globals_note").getAsString().contains("permission denied"));
        assertFalse(kit.keys().stream().anyMatch(key -> key.contains("globals")));
    }

    // --- the database

    @Test void a_connection_that_is_cut_a_lock_that_stays_and_a_network_that_falls_silent_end_the_run_but_not_the_loss_of_a_session_that_pg_dump_needs_no_more() throws Exception {
        var kit = small();
        try (var held = lock(kit.database, "photo")) {
            var running = start(kit);
            terminate(kit.database, "handover staging");
            running.result().exits(12).says("pg_dump failed (exit 1)", "terminating connection due to administrator command");
            nothingStays(kit);
            kit.set("DB_LOCK_SECONDS", "1");
            fails(kit, 12, "pg_dump failed (exit 1)", "canceling statement due to statement timeout", "LOCK TABLE");
            kit.set("DB_LOCK_SECONDS", null).set("DB_STALL_SECONDS", SILENCE);
            try (var network = new Network(kit, kit.database)) {
                running = start(kit);
                awaitSession(kit.database, "handover staging");
                network.silence();
                running.result().exits(12).says("no sign of life for " + SILENCE + ".0 s");
                nothingStays(kit);
            }
            // The one that holds the snapshot, once pg_dump has it.
            running = start(kit.set("STAGING_DATABASE_URL", kit.database.url()).set("DB_STALL_SECONDS", null));
            awaitSession(kit.database, "handover staging");
            kit.database.asSuperuser("select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and application_name = 'handover backup-db staging'");
            held.release();
            running.result().exits(0);
        }
        assertEquals(kit.database.counts(), kit.countsInManifest());
    }

    @Test void an_answer_that_is_lost_on_the_way_ends_the_run_after_the_limit() throws Exception {
        var small = TestDatabase.create(Stack.next("unheard_")).execute("create table schema_migrations (version text)");
        var kit = Stack.kit(small).set("DB_STALL_SECONDS", SILENCE);
        try (var held = lock(small, "schema_migrations"); var network = new Network(kit, small)) {
            var running = start(kit);
            awaitSession(small, "handover backup-db staging");
            network.silence(small.one("select client_port from pg_stat_activity where application_name = 'handover backup-db staging' and datname = current_database()"));
            held.release();
            running.result().exits(12).says("has not answered a query in time", "Next:  see what blocks it; DB_STALL_SECONDS sets the limit");
        }
        nothingStays(kit);
    }

    @Test void what_the_server_is_at_work_on_may_take_longer_than_the_limit() {
        var small = TestDatabase.create(Stack.next("slow_")).execute("""
            create function slow(n int) returns int language plpgsql immutable as $$ begin perform pg_catalog.pg_sleep(2); return n; end $$;
            create table t (id int);
            insert into t select generate_series(1, 4);
            create index on t (public.slow(id))""");
        var kit = Stack.kit(small);
        kit.run("backup-db", "--env", "staging").exits(0);
        kit.set("DB_STALL_SECONDS", "5");
        // ANALYZE computes the index's expression for each row.
        kit.run("restore-db", "--env", "staging", "--no-safety-backup").exits(0).says("; statistics are fresh");
    }

    @Test void a_server_that_accepts_and_says_nothing_ends_the_run_after_the_limit() throws Exception {
        var kit = Stack.kit().set("DB_CONNECT_SECONDS", "1");
        try (var network = new Network(kit, kit.database)) {
            network.silence();
            told(Failure.ToolFailed.class, Exit.TOOL, () -> Database.connect(DatabaseUrl.of(kit.settings()), kit.settings(), "handover tests"),
                "can't be reached", "is it running, and reachable from here?");
        }
    }

    // --- the store

    @Test void every_kind_of_request_may_fail_be_told_to_slow_down_and_be_cut_off_before_it_passes() {
        var kit = Stack.kit(large.copy());
        try (var store = new FaultProxy(kit)) {
            for (var request : REQUESTS) {
                store.next(request).answer(500, "InternalError");
                store.next(request).answer(503, "SlowDown", "Retry-After: 1");
                store.next(request).reset();
            }
            passesAfterRetries(kit, store);
            assertEquals(List.of(), kit.openUploads());
        }
    }

    @Test void every_kind_of_answer_may_get_lost_once() {
        var kit = Stack.kit(large.copy());
        try (var store = new FaultProxy(kit)) {
            for (var request : REQUESTS) store.next(request).loseTheAnswer();
            passesAfterRetries(kit, store);
            assertEquals(1, kit.openUploads().size()); // an empty one of which nobody knows the id, until a later run clears it
        }
    }

    @Test void every_kind_of_request_may_stall_once_and_a_store_that_completed_an_upload_may_no_longer_know_its_parts() {
        var kit = Stack.kit(large.copy()).set("S3_ATTEMPT_SECONDS", "6");
        try (var store = new FaultProxy(kit)) {
            for (var request : REQUESTS) store.next(request).stall();
            store.next("POST .*uploadId=").loseTheAnswer();
            store.next("POST .*uploadId=").answer(400, "InvalidPart");
            passesAfterRetries(kit, store);
            // An upload that the store has begun, and answered too late, is begun again.
            assertEquals(store.heads("POST .*\\?uploads").size() - 2, kit.openUploads().size());
        }
    }

    @Test void a_store_that_goes_on_answering_500_ends_the_run_and_leaves_no_backup() {
        var kit = small().set("S3_ATTEMPTS", "2");
        try (var store = new FaultProxy(kit)) {
            for (var request : List.of("POST .*\\?uploads", "PUT .*partNumber=2", "POST .*uploadId="))
                fails(kit, store, request, () -> uploadFails(kit, "the store answered 500", "Next:  try again later"));
            for (var request : List.of("GET .*list-type=2", "PUT .*globals", "HEAD .*data-00", "PUT .*SHA256SUMS", "PUT .*manifest.json")) {
                fails(kit, store, request, () -> kit.run("backup-db", "--env", "staging").exits(13)
                    .says("the store answered 500", "State: ", "Next:  try again later; ./jbang doctor --env staging"));
                assertEquals(List.of(), kit.sealed());
                assertEquals(List.of(), kit.leftTemporary());
            }
            worksAgain(kit);
        }
    }

    private static void fails(Kit kit, FaultProxy store, String request, Runnable act) {
        var before = store.heads(request).size();
        store.every(request).answer(500, "InternalError");
        act.run();
        assertTrue(store.heads(request).size() >= before + 2, () -> "not tried again: " + request);
        assertEquals(List.of(), kit.openUploads());
        store.heal();
    }

    @Test void a_store_that_cuts_off_stalls_forbids_or_changes_what_is_sent_gets_no_backup_and_the_next_run_works() {
        var kit = Stack.kit(large.copy()).set("S3_ATTEMPTS", "2");
        try (var store = new FaultProxy(kit)) {
            store.every("PUT .*partNumber").reset();
            uploadFails(kit, "could not write part", "is the store reachable from here?");
            store.heal();
            store.every("PUT .*partNumber=2").stall();
            uploadFails(kit.set("S3_ATTEMPT_SECONDS", "10"), "could not write part 2", "no answer in time", "S3_ATTEMPT_SECONDS and S3_REQUEST_SECONDS set the limits");
            kit.set("S3_ATTEMPT_SECONDS", null).set("S3_ATTEMPTS", null);
            store.heal();
            store.every("(PUT|POST) ").answer(403, "AccessDenied");
            fails(kit, 13, "s3:PutObject is refused (403)", "Next:  grant these credentials s3:PutObject on s3://" + kit.bucket + "/handover/*: README.md, Security and permissions");
            store.heal();
            store.every("PUT .*partNumber=2").corruptTheBody();
            fails(kit, 13, "could not write part 2");
            store.heal();
            worksAgain(kit);
        }
    }

    @Test void a_store_that_has_something_else_than_was_sent_or_nothing_is_found_out_before_the_seal() {
        var kit = Stack.kit(large.copy());
        try (var store = new FaultProxy(kit); var opened = kit.store()) {
            store.every("HEAD .*data-00").answer(404, "NotFound");
            kit.run("backup-db", "--env", "staging").exits(14)
                .says("data-00.dump.zst is not in the store, which had accepted it", "Next:  run the backup again; if it happens twice, the store is not to be trusted");
            assertEquals(List.of(), kit.sealed());
            store.heal();
            worksAgain(kit);
            var folder = BackupFolder.sealed(opened, "staging").get(0);
            for (var header : List.of("x-amz-checksum-sha256: ", "etag: \"", "content-length: ")) {
                store.next("HEAD .*data-00").change(answer -> {
                    // The ETag counts where the store keeps no SHA-256.
                    var changed = header.startsWith("etag") ? answer.replaceAll("(?i)x-amz-checksum-sha256: .*\r\n", "") : answer;
                    var at = changed.toLowerCase(java.util.Locale.ROOT).indexOf(header) + header.length();
                    return changed.substring(0, at) + (changed.charAt(at) == '7' ? '8' : '7') + changed.substring(at + 1);
                });
                told(Failure.NotVerified.class, Exit.VERIFICATION, () -> Seal.compare(opened, folder, folder.manifest(opened).objects()),
                    "data-00.dump.zst has ", " in the store", "Next:  run the backup again; if it happens twice, the store is not to be trusted");
            }
        }
    }

    @Test void a_manifest_that_reads_back_as_something_else_is_not_called_a_success() {
        var kit = Stack.kit().backedUp(Kit.ONE_CUSTOMER);
        try (var store = new FaultProxy(kit); var opened = kit.store()) {
            var manifest = BackupFolder.sealed(opened, "staging").get(0).manifest(opened);
            var folder = BackupFolder.of(opened, "staging", kit.database.name, id(1));
            store.every("GET .*manifest.json").change(answer -> answer.replace("\"format\": 1", "\"format\": 2"));
            told(Failure.Unclear.class, Exit.UNKNOWN, () -> Seal.write(opened, folder, manifest, manifest.bytes(), Optional.empty(), () -> { }, () -> { }),
                "is not what was written", "./jbang backups verify");
        }
    }

    @Test void when_it_cannot_be_known_whether_the_seal_was_written_that_is_what_is_said() {
        var kit = small().set("S3_ATTEMPTS", "2");
        try (var store = new FaultProxy(kit)) {
            store.next("HEAD .*manifest.json").change(answer -> answer); // the look whether there is one already
            store.every("manifest.json").loseTheAnswer();
            kit.run("backup-db", "--env", "staging").exits(16).says("State: it is not known whether backup ", "if it was, it is whole");
            assertEquals(kit.manifest().get("bytes_stored").getAsLong(), kit.backupObjects().stream().filter(key -> key.endsWith(".zst")).mapToLong(key -> kit.object(key).length).sum());
        }
    }

    @Test void a_bucket_or_a_store_that_is_not_there_and_credentials_that_are_wrong_are_named_with_the_setting_and_no_secret_is_shown() {
        var kit = small().set("AWS_SECRET_ACCESS_KEY", "wrong-Secret-4711").set("S3_ATTEMPTS", "2");
        kit.run("backup-db", "--env", "staging").exits(13).says("the store refuses the credentials (SignatureDoesNotMatch)", "AWS_ACCESS_KEY_ID stands in .env.operations").neverShows("wrong-Secret-4711");
        nothingStays(kit);
        kit.set("AWS_ACCESS_KEY_ID", "nobody");
        listingFails(kit, "the store refuses the credentials (InvalidAccessKeyId)", "AWS_ACCESS_KEY_ID stands in ");
        var other = small().set("S3_ATTEMPTS", "2").set("BACKUP_BUCKET", "no-such-bucket");
        other.run("backup-db", "--env", "staging").exits(13).says("there is no bucket 'no-such-bucket'", "Next:  BACKUP_BUCKET stands in .env.operations; create it, or correct the name");
        nothingStays(other);
        other.set("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9");
        listingFails(other, "connection refused", "is the store reachable from here? AWS_ENDPOINT_URL_S3 stands in ");
    }

    @Test void a_store_at_https_is_the_one_whose_certificate_java_trusts_for_this_name() {
        var kit = small().set("S3_ATTEMPTS", "1");
        var own = LyingSite.certificate(kit.home, "own", "-ext", "san=ip:127.0.0.1");
        var elsewhere = LyingSite.certificate(kit.home, "elsewhere", "-ext", "san=dns:elsewhere.example");
        try (var store = FaultProxy.withTls(kit, own)) {
            listingFails(kit, "Java does not trust the store's certificate");
            trusting(kit, elsewhere).run("backup-db", "--env", "staging").exits(13).says("Java does not trust the store's certificate", "is the address right? AWS_ENDPOINT_URL_S3 stands in .env.operations", "keytool -importcert -cacerts -file CERTIFICATE");
            assertEquals(List.of(), store.heads("."));
            trusting(kit, own).run("backup-db", "--env", "staging").exits(0);
            assertEquals(1, kit.sealed().size());
        }
        try (var store = FaultProxy.withTls(kit, elsewhere)) {
            trusting(kit, elsewhere).run("backup-db", "--env", "staging").exits(13).says("no TLS with the store: No subject alternative names matching IP address 127.0.0.1 found");
            assertEquals(List.of(), store.heads("."));
        }
    }

    @Test void a_store_whose_certificate_has_expired_is_not_to_be_trusted_but_renewed() {
        var kit = small().set("S3_ATTEMPTS", "1");
        try (var store = FaultProxy.withTls(kit, LyingSite.certificate(kit.home, "expired", "-ext", "san=ip:127.0.0.1", "-startdate", "-40d", "-validity", "30"))) {
            var told = listingFails(kit, "the store's certificate has expired on ", "Next:  have whoever runs the store renew it");
            assertFalse(told.hint.contains("keytool"), told.hint);
            assertEquals(List.of(), store.heads("."));
        }
    }

    private static Kit trusting(Kit kit, Path keyStore) { return kit.with("JAVA_TOOL_OPTIONS", "-Djavax.net.ssl.trustStore=" + keyStore + " -Djavax.net.ssl.trustStorePassword=secret"); }

    // --- the disk

    @Test void a_full_disk_under_the_temporary_files_ends_the_run_in_words_and_one_under_the_log_costs_the_log_alone() throws Exception {
        var kit = small();
        try (var full = new FullDisk(kit.home.resolve("full"))) {
            kit.with("XDG_RUNTIME_DIR", full.folder.toString());
            fails(kit, 1, "FAILED: temporary files can't be written: No space left on device", "Next:  make room");
            kit.with("XDG_RUNTIME_DIR", kit.runtime.toString()).set("LOG_DIR", full.folder.toString());
            kit.run("backup-db", "--env", "staging").exits(0).says("warning: ", "log");
        }
        assertEquals(1, kit.sealed().size());
        verifyParts(kit, kit.sealed().get(0));
    }

    // --- signals

    private static final List<String> STEPS = List.of("Read the settings", "Take the lock", "Look at the database",
        "Find pg_dump", "Hold a snapshot", "List the tables", "Reach the bucket", "Dump and upload", "Count the rows",
        "Compare with the store", "Seal", "Clear what killed runs left");

    /** Before the first of these nothing is changed, in the second it is, after the third it is done; a kill is sent after each of all. */
    @Test void a_TERM_or_a_ctrl_C_before_in_or_after_the_change_leaves_either_a_whole_backup_or_nothing() {
        var kit = small();
        for (var step : List.of("Take the lock", "Reach the bucket", "Seal")) {
            wholeOrNothing(kit, start(kit).awaitSays("ok: " + step).signal("TERM").result(), 143);
            wholeOrNothing(kit, kit.startInForeground("backup-db", "--env", "staging").awaitSays("ok: " + step).signalGroup("INT").result(), 130);
        }
        var before = kit.sealed().size();
        start(kit).result().exits(0);
        assertEquals(before + 1, kit.sealed().size());
    }

    /** Each run comes after the one that was ended before: that it gets as far as it does is a part of what is asked. */
    @Test void a_kill_after_any_step_is_made_good_by_the_next_run() {
        var kit = Stack.kit(large.copy());
        var mayBeSealed = 0;
        for (var step : STEPS) {
            var result = start(kit).awaitSays("ok: " + step).signal("KILL").result();
            // A seal that was on its way when a run was killed may arrive after its end.
            if (result.err().contains("ok: Compare with the store")) mayBeSealed++;
            assertTrue(kit.sealed().size() <= mayBeSealed, () -> "sealed too early\n" + result);
            for (var folder : kit.sealed()) verifyParts(kit, folder);
        }
        kit.run("backup-db", "--env", "staging").exits(0);
        assertTrue(kit.sealed().size() >= 1 && kit.sealed().size() <= mayBeSealed + 1, () -> "sealed: " + kit.sealed());
        for (var folder : kit.sealed()) verifyParts(kit, folder);
        assertEquals(List.of(), kit.leftTemporary());
        kit.awaitNoProcess();
    }

    @Test void a_signal_in_the_middle_of_an_upload_aborts_it_and_stops_pg_dump() {
        var kit = Stack.kit(large.copy());
        new FakeTools(kit).pgDump(MOST + "; sleep 1000");
        try (var store = new FaultProxy(kit)) {
            for (var signal : List.of("INT", "TERM")) {
                var before = store.heads("PUT .*partNumber=1").size();
                var running = start(kit);
                Patience.until(() -> store.heads("PUT .*partNumber=1").size() > before, () -> "no part is sent");
                running.signal(signal).signal(signal).result().exits(signal.equals("INT") ? 130 : 143)
                    .says("warning: interrupted: stopping and cleaning up", "State: nothing was stored");
                nothingStays(kit);
            }
            assertEquals(List.of("interrupted", "interrupted"), kit.history().stream().map(run -> run.get("result").getAsString()).toList());
        }
    }

    @Test void a_signal_while_the_store_is_silent_still_ends_the_run_and_stops_pg_dump() {
        var kit = Stack.kit(large.copy()).set("S3_ATTEMPT_SECONDS", "10").set("S3_ATTEMPTS", "1");
        try (var store = new FaultProxy(kit)) {
            store.every(".").stall();
            var running = start(kit).awaitSays("ok: List the tables");
            running.signal("TERM").result().exits(143);
            store.heal();
            nothingStays(kit);
        }
    }

    @Test void a_signal_after_the_last_step_changes_nothing_of_what_was_done() {
        var kit = small();
        try (var store = new FaultProxy(kit)) {
            var record = store.next("PUT .*/history/").hold();
            var running = start(kit);
            store.awaitSeen("PUT .*/history/");
            running.signal("TERM");
            // Time enough for a signal that is not left for later.
            Patience.pause(1000);
            record.release();
            running.result().exits(0).neverShows("interrupted");
            assertEquals(List.of("done"), kit.history().stream().map(run -> run.get("result").getAsString()).toList());
            verifyParts(kit, kit.sealed().get(0));
        }
    }

    @Test void a_signal_while_the_seal_is_being_written_never_leaves_a_seal_without_its_parts() {
        var kit = small();
        try (var store = new FaultProxy(kit)) {
            var checksums = store.next("PUT .*SHA256SUMS").hold();
            var running = start(kit);
            store.awaitSeen("PUT .*SHA256SUMS");
            running.signal("TERM").awaitSays("interrupted: stopping and cleaning up");
            // Time enough for a clean-up that does not wait to delete the parts; one that waits does so for ten seconds.
            Patience.pause(300);
            checksums.release();
            var result = running.result();
            wholeOrNothing(kit, result, 143);
        }
    }

    @Test void what_a_killed_run_left_in_the_bucket_is_ignored_and_cleared_after_a_day_and_not_before() {
        var kit = Stack.kit(large.copy());
        new FakeTools(kit).pgDump(MOST + "; sleep 2");
        try (var store = new FaultProxy(kit)) {
            var part = store.next("PUT .*partNumber=1").hold(); // so that it can't be done before it is killed
            var running = start(kit);
            store.awaitSeen("PUT .*partNumber=1");
            running.signal("KILL").result();
            part.release();
            new FakeTools(kit).none();
            kit.awaitNoProcess();
            assertEquals(1, kit.openUploads().size());
            var killed = kit.openUploads().get(0).split("/")[3];
            // The same, from two days ago and from two hours ago: a part without its seal.
            var parent = "handover/staging/" + kit.database.name + "/";
            var old = kit.put(parent + id(2 * 24) + "/data-00.dump.zst", "x");
            var young = kit.put(parent + id(5 * 24) + "/data-00.dump.zst", "x");
            var sealed = kit.put(parent + id(3 * 24) + "/manifest.json", "{}");
            var others = kit.put("handover/production/" + kit.database.name + "/" + id(2 * 24) + "/data-00.dump.zst", "x");

            kit.database.execute("truncate photo");
            // The store can't be told to believe in another day, so its answers are.
            sentLongAgo(store, old.split("/")[3]);
            kit.run("backup-db", "--env", "staging").exits(0).says("ok: Clear what killed runs left: 1 unsealed upload");
            assertFalse(kit.keys().contains(old));
            assertTrue(kit.keys().containsAll(List.of(young, sealed, others)), () -> kit.keys().toString());
            assertEquals(1, kit.openUploads().size());

            // That it gave a sign of life just now is long ago too.
            store.heal();
            sentLongAgo(store, killed);
            store.every("GET .*\\?.*uploads").change(answer -> answer.replaceAll("<Initiated>....", "<Initiated>2025"));
            store.every("GET .*uploadId=").change(answer -> answer.replaceAll("<LastModified>....", "<LastModified>2025"));
            store.every("HEAD .*running.json").change(answer -> answer.replaceFirst("(?i)(last-modified: )[^\r]*", "$1Mon, 24 Nov 2025 08:00:00 GMT"));
            kit.run("backups", "prune", "--env", "staging").exits(0).says("ok: Clear what killed runs left: 2 unsealed uploads");
            assertEquals(List.of(), kit.openUploads());
            assertTrue(kit.keys().containsAll(List.of(young, sealed, others)), () -> kit.keys().toString());
        }
    }

    @Test void two_runs_that_clear_the_same_leftovers_do_not_hinder_each_other() throws Exception {
        var folder = Files.createDirectories(Stack.kit().runtime.resolve("left/inner"));
        for (var i = 0; i < 3000; i++) Files.createFile(folder.resolve("file" + i));
        // As a run does it: whatever there is, under the name that another run has given it, too.
        Callable<Void> sweep = () -> {
            while (true) {
                try (var left = Files.list(folder.getParent().getParent())) {
                    var found = left.findFirst();
                    if (found.isEmpty()) return null;
                    Private.remove(found.get());
                }
            }
        };
        var threads = Executors.newFixedThreadPool(3);
        for (var swept : threads.invokeAll(List.of(sweep, sweep, sweep))) swept.get();
        threads.shutdown();
    }

    // --- what the tests above are made of

    /** What the store says of the objects of a backup's folder: that it took them a year ago. */
    private static void sentLongAgo(FaultProxy store, String id) {
        store.every("GET .*list-type=2").change(answer -> answer.replaceAll("(" + id + "/[^<]*</Key>.*?<LastModified>)....", "$12025"));
    }

    private static Kit small() {
        var kit = Stack.kit();
        kit.database.execute("create table photo as select n as id from generate_series(1, 100) n");
        return kit;
    }

    private static Kit.Running start(Kit kit) { return kit.start("backup-db", "--env", "staging"); }

    private static void fails(Kit kit, int code, String... words) {
        start(kit).result().exits(code).says(words);
        nothingStays(kit);
    }

    /** What a backup's upload in parts is told, of one that fails; nothing of it stays. */
    private static void uploadFails(Kit kit, String... words) {
        var content = new byte[13 << 20];
        new Random(1).nextBytes(content);
        var run = new Run();
        try (var opened = kit.store()) {
            told(Failure.StoreFailed.class, Exit.STORE, () -> {
                try (var upload = opened.begin(run, "handover/staging/" + kit.database.name + "/data", content.length)) {
                    upload.write(content);
                    upload.commit();
                }
            }, words);
        } finally {
            run.undo.close();
        }
        nothingStays(kit);
    }

    /** What is told of the first that a run asks of its store. */
    private static Failure listingFails(Kit kit, String... words) {
        try (var opened = kit.store()) {
            return told(Failure.class, Exit.STORE, () -> opened.list("handover/staging/"), words);
        }
    }

    private static <F extends Failure> F told(Class<F> as, Exit exit, Executable act, String... words) {
        var told = assertThrows(as, act);
        var all = told.getMessage() + "\nNext:  " + told.hint;
        assertEquals(exit, told.exit, all);
        for (var text : words) assertTrue(all.contains(text), () -> "does not say: " + text + "\n" + all);
        return told;
    }

    /** After a failure that came before anything was whole. */
    private static void nothingStays(Kit kit) {
        assertEquals(List.of(), kit.bucketExists() ? kit.backupObjects() : List.of());
        assertEquals(List.of(), kit.openUploads());
        assertEquals(List.of(), kit.leftTemporary());
        kit.awaitNoProcess();
    }

    private static void worksAgain(Kit kit) {
        new FakeTools(kit).none();
        for (var limit : List.of("DB_STALL_SECONDS", "DB_LOCK_SECONDS", "S3_ATTEMPT_SECONDS", "S3_ATTEMPTS")) kit.set(limit, null);
        kit.run("backup-db", "--env", "staging", "--counts", "none").exits(0);
        assertEquals(1, kit.sealed().size());
        verifyParts(kit, kit.sealed().get(0));
    }

    private static void passesAfterRetries(Kit kit, FaultProxy store) {
        kit.run("backup-db", "--env", "staging", "--verify", "readable").exits(0).says(" had to be sent again");
        assertEquals(List.of(), store.untouched());
        verifyParts(kit, kit.sealed().get(0));
        assertEquals(1, kit.sealed().size());
        assertEquals(1, kit.history().size());
    }

    private static void wholeOrNothing(Kit kit, Kit.Result result, int code) {
        // It may have been done before the signal came; then its exit code says so.
        if (result.exit() != 0) result.exits(code).says("warning: interrupted: stopping and cleaning up", "State: ");
        assertEquals(List.of(), kit.openUploads());
        assertEquals(List.of(), kit.leftTemporary());
        kit.awaitNoProcess();
        var sealed = kit.sealed();
        var torn = kit.backupObjects().stream().filter(key -> sealed.stream().noneMatch(key::startsWith)).toList();
        assertEquals(List.of(), torn, result::toString);
        for (var folder : sealed) verifyParts(kit, folder);
    }

    /** All parts that a manifest names are there, with their sizes. */
    private static void verifyParts(Kit kit, String folder) {
        for (var part : kit.json(folder + "manifest.json").getAsJsonArray("parts"))
            assertEquals(part.getAsJsonObject().get("bytes_stored").getAsLong(), kit.object(folder + part.getAsJsonObject().get("name").getAsString()).length);
    }

    private static String id(int hoursAgo) {
        return java.time.format.DateTimeFormatter.ofPattern("yyyyMMdd'T'HHmmss'Z'").withZone(java.time.ZoneOffset.UTC).format(java.time.Instant.now().minusSeconds(3600L * hoursAgo)) + "-abcdef";
    }

    /** Ends a session once it is there, and waiting: pg_dump's first statements do not wait. */
    private static void terminate(TestDatabase database, String application) {
        awaitSession(database, application);
        database.rows("select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and application_name = '" + application + "'");
    }

    private static void awaitSession(TestDatabase database, String application) {
        Patience.until(() -> !database.rows("select 1 from pg_stat_activity where datname = current_database() and application_name = '" + application + "' and wait_event_type = 'Lock'").isEmpty(),
            () -> "no session of " + application + " waits for a lock: " + database.rows("select application_name, state, wait_event_type, query from pg_stat_activity"));
    }

    /** Somebody else's lock on a table, under which pg_dump has to wait. */
    private static Held lock(TestDatabase database, String table) throws SQLException {
        var connection = database.connect();
        connection.setAutoCommit(false);
        try (var statement = connection.createStatement()) {
            statement.execute("lock table " + table + " in access exclusive mode");
        }
        return new Held(connection);
    }

    private record Held(java.sql.Connection connection) implements AutoCloseable {
        void release() throws SQLException { connection.rollback(); }

        @Override public void close() throws SQLException { connection.close(); }
    }

    /** The way to the database, which can fall silent: connections stay open and nothing comes through. */
    private static final class Network implements AutoCloseable {
        private final List<String> silent = new CopyOnWriteArrayList<>();
        private volatile boolean allSilent;
        private final Relay relay = new Relay(TestDatabase.server(), (port, toServer, bytes) ->
            !allSilent && !silent.contains(String.valueOf(port)));

        Network(Kit kit, TestDatabase database) throws IOException {
            kit.set("STAGING_DATABASE_URL", database.url().replace(TestDatabase.server(), "127.0.0.1:" + relay.port()));
        }

        void silence() { allSilent = true; }

        /** Silences one connection, named by the port that the server sees. */
        void silence(String port) { silent.add(port); }

        @Override public void close() throws IOException { relay.close(); }
    }
}
