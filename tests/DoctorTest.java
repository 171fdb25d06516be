import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import software.amazon.awssdk.services.s3.model.BucketCannedACL;

class DoctorTest {
    @Test void a_sound_environment_has_no_problem_and_nothing_of_the_examination_stays() throws IOException {
        var kit = Stack.kit();
        kit.database.execute("create table customer (id serial primary key)");
        kit.run("doctor", "--help").exits(0); // a first start builds the script, and says so
        var result = kit.run("doctor", "--env", "staging").exits(0).prints("settings\n", "tools\n", "database\n", "store\n", "bucket\n", "backups\n", "disk\n",
            "  ok           tables: 1, all readable", "  ok           sequences: 1, all readable", "  ok           write once: a second write with If-None-Match is refused",
            "  ok           delete: the probe is gone", "  warning      newest backup: there is none yet\n               fix: make one: ./jbang backup-db --env staging", "0 problems, 1 warning,");
        result.neverShows(TestDatabase.PASSWORD, Stack.up().setting("AWS_SECRET_ACCESS_KEY"));
        assertEquals("", result.err());
        assertEquals(List.of(), kit.keys());
        assertEquals(List.of(), kit.openUploads());
        assertFalse(Files.exists(kit.home.resolve(".handover/logs")), "a log stays");
    }

    @Test void json_is_one_document_with_every_check_and_what_can_t_be_told_is_not_ok() {
        var kit = Stack.kit();
        var kept = probes(kit);
        var report = kit.run("doctor", "--env", "staging", "--json").exits(0).json();
        assertEquals("staging", report.get("env").getAsString());
        assertEquals(0, report.get("exit").getAsInt());
        var checks = checks(report);
        assertEquals("ok", checks.get("database/connection").get("outcome").getAsString());
        assertEquals("warning", checks.get("database/tables").get("outcome").getAsString());
        // The embedded store does not know these questions.
        for (var unknown : List.of("bucket/public access block", "bucket/lifecycle", "store/encryption at rest")) {
            assertEquals("cannot_tell", checks.get(unknown).get("outcome").getAsString());
            assertTrue(checks.get(unknown).has("fix"), unknown);
        }
        var counted = checks.values().stream().collect(Collectors.groupingBy(check -> check.get("outcome").getAsString(), Collectors.counting()));
        for (var outcome : report.getAsJsonObject("outcomes").entrySet())
            assertEquals(counted.getOrDefault(outcome.getKey(), 0L), outcome.getValue().getAsLong(), outcome.getKey());
        // What killed doctors have left goes once it is old, and nothing else does.
        assertEquals("note", checks.get("store/killed runs").get("outcome").getAsString());
        assertEquals("removed what 2 killed doctors had left", checks.get("store/killed runs").get("seen").getAsString());
        assertEquals(kept, kit.keys());
        assertEquals(List.of(), kit.openUploads());
    }

    /** Leaves probes of killed doctors, old ones and a young one, and what looks like some; the keys that have to stay. */
    private static List<String> probes(Kit kit) {
        var young = "handover/staging/.doctor-" + DateTimeFormatter.ofPattern("yyyyMMdd'T'HHmmss'Z'").withZone(ZoneOffset.UTC).format(Instant.now().minusSeconds(60)) + "-aaaaaa";
        var kept = List.of("handover/other/.doctor-20260101T000000Z-cccccc", young, "handover/staging/.doctor-notes", "handover/staging/db/20260101T000000Z-aaaaaa/data-00.dump.zst");
        var old = List.of("handover/staging/.doctor-20260101T000000Z-aaaaaa", "handover/staging/.doctor-20260101T000000Z-aaaaaa.parts", "handover/staging/.doctor-20260102T000000Z-bbbbbb");
        for (var keys : List.of(kept, old)) for (var key : keys) kit.put(key, "left");
        Stack.up().s3.createMultipartUpload(request -> request.bucket(kit.bucket).key("handover/staging/.doctor-20260102T000000Z-bbbbbb.aborted"));
        return kept.stream().sorted().toList();
    }

    private static Map<String, JsonObject> checks(JsonObject report) {
        return report.getAsJsonArray("checks").asList().stream().map(JsonElement::getAsJsonObject)
            .collect(Collectors.toMap(check -> check.get("group").getAsString() + "/" + check.get("name").getAsString(), check -> check));
    }

    @Test void a_wrong_password_is_not_shown_and_the_store_is_examined_all_the_same() {
        var kit = Stack.kit();
        kit.set("STAGING_DATABASE_URL", kit.database.url(TestDatabase.ROLE, "wrong-Passw0rd"));
        kit.run("doctor", "--env", "staging").exits(78)
            .prints("  problem      connection: the database at ", "refuses the role or its password", "fix: correct the role or its password: STAGING_DATABASE_URL stands in .env.operations",
                "  cannot tell  pg_dump: ", "  not checked  encrypted connection, clock, ", "needs connection", "  ok           delete: the probe is gone")
            .says("FAILED: 1 problem, connection: ", "State: nothing was changed.", "Next:  correct the role or its password: STAGING_DATABASE_URL stands in .env.operations")
            .neverShows("wrong-Passw0rd");
        assertEquals(List.of(), kit.keys());
    }

    @Test void a_missing_bucket_and_an_unreachable_database_are_both_told() {
        var kit = Stack.kit().set("BACKUP_BUCKET", "no-such-bucket").set("STAGING_DATABASE_URL", "postgresql://app:" + TestDatabase.PASSWORD + "@127.0.0.1:1/app");
        kit.run("doctor", "--env", "staging").exits(12)
            .prints("  problem      connection: the database at 127.0.0.1:1/app can't be reached", "  problem      bucket: there is no bucket 'no-such-bucket'\n               fix: BACKUP_BUCKET stands in .env.operations; create it, or correct the name",
                "  not checked  killed runs, write, read, write once, ", "  not checked  newest backup: needs bucket", "2 problems")
            .says("FAILED: 2 problems, the first: connection: ");
        kit.set("STAGING_DATABASE_URL", kit.database.url()).run("doctor", "--env", "staging").exits(13).says("FAILED: 1 problem, bucket: there is no bucket");
    }

    @Test void wrong_keys_are_told_and_not_shown() {
        Stack.kit().set("AWS_SECRET_ACCESS_KEY", "not-the-secret-of-this-key").run("doctor", "--env", "staging").exits(13)
            .prints("  problem      bucket: could not list s3://", "fix: AWS_ACCESS_KEY_ID stands in .env.operations; check it and its secret", "  ok           connection: ")
            .neverShows("not-the-secret-of-this-key", "./jbang doctor");
    }

    @Test void every_malformed_and_misspelt_setting_is_named_with_its_fix() throws IOException {
        var kit = Stack.kit();
        var identity = kit.home.resolve("identity.txt");
        var other = kit.bash("age-keygen 2>/dev/null | age-keygen -y").exits(0).out().strip();
        kit.bash("age-keygen -o '" + identity + "' 2>/dev/null; chmod 600 '" + identity + "'").exits(0);
        kit.set("S3_ATTEMPTS", "many").set("S3_PATH_STYLE", "yes").set("BACKUP_SSE", "rot13").set("BACKUP_STORAGE_CLASS", "the cheap one").set("PG_BIN", "/no/such/folder")
            .set("BACKUP_RECIPIENT", other).set("BACKUP_RECIPIENTS", other).set("BACKUP_IDENTITY_FILE", identity.toString()).set("DEV_DATABASE_URL", "postgresql://a:b@c/d");
        kit.run("doctor", "--env", "staging").exits(78)
            .prints("  problem      S3_ATTEMPTS: S3_ATTEMPTS is not a whole number from 1 to 1000000\n               fix: S3_ATTEMPTS stands in .env.operations",
                "  problem      S3_PATH_STYLE: S3_PATH_STYLE is neither true nor false", "  problem      BACKUP_SSE: BACKUP_SSE is not AES256 or aws:kms",
                "  problem      BACKUP_STORAGE_CLASS: ", "  problem      PG_BIN: PG_BIN names a folder that is not there",
                "  problem      spelling: BACKUP_RECIPIENT in .env.operations: did you mean BACKUP_RECIPIENTS?\n               fix: correct it",
                "  problem      encryption: the identity in " + identity + " does not open what is encrypted to BACKUP_RECIPIENTS",
                "  not checked  pg_dump, pg_dumpall, pg_restore: needs PG_BIN", "  not checked  bucket, killed runs, ", "needs S3_PATH_STYLE", "  ok           connection: ")
            .says("FAILED: 7 problems, the first: BACKUP_STORAGE_CLASS: ")
            .neverShows("DEV_DATABASE_URL");
        kit.set("BACKUP_RECIPIENTS", "AGE-SECRET-KEY-1QQQQQ").run("doctor", "--env", "staging").exits(78)
            .prints("  problem      BACKUP_RECIPIENTS: not an age public key", "the secret one never belongs here").neverShows("AGE-SECRET-KEY-1QQQQQ");
    }

    @Test void a_settings_file_that_others_can_read_is_refused_and_what_needs_no_settings_is_still_examined() {
        var kit = Stack.kit();
        kit.writeSettings("STAGING_DATABASE_URL='" + kit.database.url() + "'\nBACKUP_BUCKET='" + kit.bucket + "'\n", "rw-r--r--");
        kit.run("doctor", "--env", "staging").exits(78)
            .prints("  problem      settings files: ", ".env.operations can be read by others on this machine\n               fix: chmod 600 '", "  ok           Java: ", "  not checked  connection, ",
                "  not checked  bucket, killed runs, ", "needs settings files", "  ok           temporary folder: ")
            .neverShows(TestDatabase.PASSWORD);
    }

    @Test void the_transaction_pooler_s_port_is_refused_and_the_right_one_named() {
        Stack.kit().set("STAGING_DATABASE_URL", "postgresql://postgres.ref:" + TestDatabase.PASSWORD + "@aws-0-eu.pooler.supabase.com:6543/postgres").run("doctor", "--env", "staging").exits(78)
            .prints("  problem      DATABASE_URL: DATABASE_URL names port 6543, a transaction pooler", "use the session pooler (port 5432", "  not checked  connection, ", "needs DATABASE_URL").neverShows(TestDatabase.PASSWORD);
    }

    @Test void a_name_that_is_none_of_an_environment_is_refused() {
        Stack.bareKit().run("doctor", "--env", "../x").exits(2).says("'../x' is not the name of an environment");
    }

    @Test void tools_older_than_the_server_are_a_problem() throws IOException {
        var kit = Stack.kit();
        var folder = Files.createDirectory(kit.home.resolve("old"));
        for (var tool : List.of("pg_dump", "pg_dumpall", "pg_restore")) program(folder.resolve(tool), "echo '" + tool + " (PostgreSQL) 9.6.24'");
        kit.set("PG_BIN", folder.toString()).run("doctor", "--env", "staging").exits(12)
            .prints("  problem      pg_dump: pg_dump ", " or newer is needed, and the newest here is 9.6.24 (" + folder + "/pg_dump)\n               fix: PG_BIN stands in .env.operations",
                "  problem      pg_dumpall: ", "  not checked  pg_restore: needs pg_dump", "  ok           connection: ");
    }

    private static void program(Path file, String line) throws IOException {
        Files.writeString(file, "#!/bin/sh\n" + line + "\n");
        Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rwx------"));
    }

    @Test void a_role_that_can_t_read_everything_is_told_what_it_can_t() {
        var kit = Stack.kit();
        kit.database.asSuperuser("""
            create table secret (id int); create sequence hidden; create table visible (id int); grant select on visible to tester; select lo_from_bytea(0, 'photograph')""");
        kit.run("doctor", "--env", "staging").exits(78)
            .prints("  problem      tables: role 'tester' can't read 1 of 2 tables: public.secret (no right to read)\n               fix: as a superuser: GRANT pg_read_all_data TO \"tester\"",
                "  problem      sequences: role 'tester' can't read 1 of 1: public.hidden", "  problem      large objects: role 'tester' can't read 1 of 1, and pg_dump would fail", "3 problems");
    }

    @Test void whoever_holds_the_lock_is_named_and_not_disturbed() throws IOException {
        var kit = Stack.kit();
        var folder = Files.createDirectory(kit.home.resolve("slow"));
        var go = kit.home.resolve("go");
        var version = TestDatabase.serverRows("show server_version").get(0).split(" ")[0];
        for (var tool : List.of("pg_dump", "pg_dumpall", "pg_restore"))
            program(folder.resolve(tool), "if [ \"$1\" = --version ]; then echo '" + tool + " (PostgreSQL) " + version + "'; exit; fi; while [ ! -e '" + go + "' ]; do sleep 0.1; done");
        var backup = kit.set("PG_BIN", folder.toString()).start("backup-db", "--env", "staging").awaitSays("ok: List the tables");
        kit.run("doctor", "--env", "staging").exits(0).prints("  note         lock: held by handover backup-db staging, process ");
        Files.createFile(go);
        backup.result();
    }

    @Test void a_bucket_that_anybody_can_read_is_a_problem() {
        var kit = Stack.kit();
        Stack.up().s3.putBucketAcl(request -> request.bucket(kit.bucket).acl(BucketCannedACL.PUBLIC_READ));
        kit.run("doctor", "--env", "staging").exits(13).prints("  problem      public access: anybody can ", "fix: block public access to the bucket");
        assertEquals(List.of(), kit.keys());
    }

    @Test void what_is_set_up_and_will_not_serve_in_an_emergency_is_told() throws IOException {
        var kit = Stack.kit();
        var forgotten = TestDatabase.create(Stack.next("aaa_forgotten_"));
        kit.database.execute("create table customer (id serial primary key)");
        var other = kit.bash("age-keygen 2>/dev/null | age-keygen -y").exits(0).out().strip();
        kit.set("BACKUP_RECIPIENTS", other).set("TWIN_DATABASE_URL", kit.database.url() + "?sslmode=prefer")
            .set("STAGING_SITE_URL", "http://127.0.0.1:1").set("TWIN_SITE_URL", "http://127.0.0.1:1/")
            .set("BACKUP_COPY_TO", "offsite").set("OFFSITE_BACKUP_BUCKET", "no-such-bucket")
            .set("DRILL_DATABASE_URL", kit.database.url()).set("SMOKE_CANARY_ROW",
                "public.customer:id=501").set("LOG_DAYS", "90").with("LOG_DAYS", "30");
        kit.run("doctor", "--env", "staging").exits(78)
            .prints("  warning      encryption: to one age key, and no identity is here: on this machine no backup can be verified, drilled or restored\n               fix: BACKUP_IDENTITY_FILE=/path/key.txt here",
                "  problem      database: the database is the one of environment 'twin' too: ",
                    "  warning      address of the site: http://127.0.0.1:1 is the site of environment 'twin' too",
                "  problem      known row: the database has no row public.customer with id 501",
                    "no environment in these settings names", forgotten.name,
                    "  warning      process environment: it sets LOG_DAYS otherwise than the files",
                "  warning      newest backup: there is none yet",
                    "  problem      copies: there is no bucket 'no-such-bucket'",
                    "  problem      server for drills: role 'tester' at ",
                    "  problem      server of drills: DRILL_DATABASE_URL leads to the server of environment 'staging'",
                    "5 problems");
    }

    @Test void a_server_with_too_few_locks_for_its_tables_is_told_with_the_number_that_it_needs() throws Exception {
        try (var server = TestServer.start("max_locks_per_transaction=10", "max_connections=8",
            "superuser_reserved_connections=0", "wal_level=minimal", "max_wal_senders=0",
            "max_worker_processes=1", "autovacuum_max_workers=1")) {
            var kit = Stack.kit().set("STAGING_DATABASE_URL", server.create("shop"));
            server.execute("shop", "do $$ begin for n in 1..20 loop execute format('create table t%s (id int primary key)', n); commit; end loop; end $$");
            kit.run("doctor", "--env", "staging").exits(0).prints("role 'postgres' is a superuser: in a restore, what others have written in the database runs with its rights",
                "one that is none will do",
                "  warning      locks: a restore in place takes some 160 locks, and the server promises room for ",
                " (max_locks_per_transaction = 10); one by swap needs only a few\n               fix: as a superuser, then restart the server: ALTER SYSTEM SET max_locks_per_transaction = ");
            server.execute("shop", "do $$ begin for n in 21..120 loop execute format('create table t%s (id int)', n); commit; end loop; end $$");
            kit.run("doctor", "--env", "staging").exits(0).prints("  warning      locks: a backup locks all 120 tables at once, and the server promises room for ");
        }
    }

    @Test void a_store_that_overwrites_is_public_and_has_the_wrong_time_is_no_place_for_backups() throws Exception {
        try (var store = new CarelessStore(0)) {
            Stack.kit().set("AWS_ENDPOINT_URL_S3", store.address()).set("S3_ATTEMPTS", "1").run("doctor", "--env", "staging").exits(1)
                .prints("  problem      clock: this machine is 10 min ", " ahead; S3 refuses requests from 15 min on", "  warning      write once: the store ignores If-None-Match: a seal is looked for before it is written, and compared afterwards",
                    "  problem      upload in parts: ", "  not checked  number of parts, checksum, aborted uploads: needs upload in parts", "  problem      public access: anybody can list the bucket and read what is in it");
            assertEquals(Set.of(), store.objects.keySet());
            store.cutsStrangers = true;
            Stack.kit().set("AWS_ENDPOINT_URL_S3", store.address()).set("S3_ATTEMPTS", "1").run("doctor", "--env", "staging")
                .exits(13).prints("  cannot tell  clock: ", "  cannot tell  public access: somebody without credentials gets no answer",
                    "  note         lifecycle: nothing ends uploads");
        }
    }

    @Test void a_signal_in_the_middle_removes_the_probe_and_exits_143() throws Exception {
        try (var store = new CarelessStore(30_000)) {
            var running = Stack.kit().set("AWS_ENDPOINT_URL_S3", store.address()).start("doctor", "--env", "staging");
            Patience.until(() -> !store.objects.isEmpty(), () -> "no probe was ever written");
            running.signal("TERM").result().exits(143).says("warning: interrupted: stopping and cleaning up", "State: nothing was changed.");
            assertEquals(Set.of(), store.objects.keySet());
        }
    }

    /**
     * A store that knows nothing of credentials, conditions and parts, and whose clock is ten minutes late. It takes its
     * time to give an object back, so that a signal can come in between.
     */
    private static final class CarelessStore implements AutoCloseable {
        final Map<String, byte[]> objects = new ConcurrentSkipListMap<>();
        /** Whoever shows no credentials gets no answer at all, as from a firewall. */
        volatile boolean cutsStrangers;
        private final ServerSocket socket = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
        private final int millis;

        CarelessStore(int millis) throws IOException {
            this.millis = millis;
            spawn(this::accept);
        }

        String address() { return "http://127.0.0.1:" + socket.getLocalPort(); }

        @Override public void close() throws IOException { socket.close(); }

        private static void spawn(Runnable body) {
            var thread = new Thread(body, "careless store");
            thread.setDaemon(true);
            thread.start();
        }

        private void accept() {
            try {
                while (true) {
                    var connection = socket.accept();
                    spawn(() -> serve(connection));
                }
            } catch (IOException e) {
                // closed: the test is over
            }
        }

        private void serve(Socket connection) {
            try (connection; var in = new BufferedInputStream(connection.getInputStream())) {
                var request = line(in).split(" ");
                var headers = new TreeMap<String, String>(String.CASE_INSENSITIVE_ORDER);
                for (String header; !(header = line(in)).isEmpty(); ) headers.put(header.replaceFirst(":.*", ""), header.replaceFirst("[^:]*: *", ""));
                if (headers.containsKey("Expect")) connection.getOutputStream().write("HTTP/1.1 100 Continue\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
                if (cutsStrangers && !headers.containsKey("Authorization")) return;
                var body = in.readNBytes(Integer.parseInt(headers.getOrDefault("Content-Length", "0")));
                var path = request[1].split("\\?", 2);
                var answer = answer(request[0], path[0].replaceFirst("^/[^/]*/?", ""), path.length > 1 ? path[1] : "", body);
                var head = "HTTP/1.1 " + answer.status + " Whatever\r\nConnection: close\r\nContent-Length: " + answer.body.length + "\r\nDate: "
                    + DateTimeFormatter.RFC_1123_DATE_TIME.format(Instant.now().minusSeconds(630).atZone(ZoneOffset.UTC)) + "\r\n\r\n";
                connection.getOutputStream().write(head.getBytes(StandardCharsets.US_ASCII));
                if (!request[0].equals("HEAD")) connection.getOutputStream().write(answer.body);
            } catch (IOException e) {
                // the client has gone
            }
        }

        /** None of them concerns a backup, and each is written in another way. */
        private static final String RULES_OF_OTHERS = "<LifecycleConfiguration>" + List.of("<Filter><And><Prefix>photos/</Prefix>"
            + "<Tag><Key>a</Key><Value>b</Value></Tag></And></Filter>", "<Filter><And><Prefix>photos/</Prefix>"
            + "<ObjectSizeGreaterThan>1</ObjectSizeGreaterThan></And></Filter>", "<Prefix>photos/</Prefix>",
            "<Filter><Prefix>handover-photos/</Prefix></Filter>", "<Filter><Tag><Key>a</Key><Value>b</Value></Tag></Filter>").stream()
            .map(filter -> "<Rule>" + filter + "<Status>Enabled</Status><Transition><Days>1</Days>"
                + "<StorageClass>GLACIER</StorageClass></Transition></Rule>").collect(Collectors.joining())
                + "</LifecycleConfiguration>";

        private record Answer(int status, byte[] body) {
            Answer(int status, String body) { this(status, body.getBytes(StandardCharsets.UTF_8)); }
        }

        private Answer answer(String method, String key, String query, byte[] body) {
            if (method.equals("GET") && query.contains("list-type=2"))
                return new Answer(200, "<ListBucketResult><Name>bucket</Name>" + objects.entrySet().stream().map(object -> "<Contents><Key>" + object.getKey() + "</Key><Size>" + object.getValue().length
                    + "</Size><LastModified>2026-01-01T00:00:00.000Z</LastModified></Contents>").collect(Collectors.joining()) + "</ListBucketResult>");
            if (query.startsWith("lifecycle")) return new Answer(200, RULES_OF_OTHERS);
            if (!query.isEmpty() && !query.startsWith("x-id")) return new Answer(501, "<Error><Code>NotImplemented</Code></Error>");
            switch (method) {
                case "PUT" -> objects.put(key, body);
                case "DELETE" -> objects.remove(key);
                default -> {
                    pause();
                    var object = objects.get(key);
                    return object == null ? new Answer(404, "<Error><Code>NoSuchKey</Code></Error>") : new Answer(200, object);
                }
            }
            return new Answer(method.equals("PUT") ? 200 : 204, "");
        }

        private void pause() {
            try {
                Thread.sleep(millis);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }

        private static String line(InputStream in) throws IOException {
            var line = new StringBuilder();
            for (int c; (c = in.read()) >= 0 && c != '\n'; ) if (c != '\r') line.append((char) c);
            return line.toString();
        }
    }
}
