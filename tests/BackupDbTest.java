import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.google.gson.JsonObject;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.sql.SQLException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** What a backup is, and what it promises when all goes well. */
class BackupDbTest {
    private static final String CUSTOMERS = """
        create table customer (id serial primary key, name text not null);
        insert into customer (name) select 'customer ' || n from generate_series(1, 500) n;
        create table invoice (id serial primary key, customer_id int not null references customer, cents int not null);
        insert into invoice (customer_id, cents) select 1 + n % 500, n from generate_series(1, 1500) n""";

    // --- what a backup is

    @Test void a_backup_is_a_folder_with_its_parts_its_checksums_and_its_seal_and_nothing_else() throws Exception {
        var kit = dealer();
        var result = kit.run("backup-db", "--env", "staging").exits(0);
        assertEquals(List.of("SHA256SUMS", "data-00.dump.zst", "globals.sql.zst", "manifest.json"), names(kit), result::toString);
        assertTrue(kit.sealed().get(0).matches("handover/staging/" + kit.database.name + "/[0-9]{8}T[0-9]{6}Z-[0-9a-f]{6}/"), () -> kit.sealed().toString());
        assertEquals(List.of(), kit.openUploads());
        Kit.needs("aws");
        kit.bash("mkdir got; set -a; . ./.env.operations; aws --endpoint-url $AWS_ENDPOINT_URL_S3 s3 cp --recursive s3://" + kit.bucket + "/" + kit.sealed().get(0) + " got; cd got; sha256sum -c SHA256SUMS")
            .exits(0).prints("data-00.dump.zst: OK", "globals.sql.zst: OK");
    }

    @Test void the_manifest_says_what_was_backed_up_from_what_with_what_and_with_json_stdout_is_one_document_of_it() throws Exception {
        var kit = dealer();
        kit.database.execute("create table schema_migrations (version text primary key); insert into schema_migrations values ('20260101'), ('20261101')")
            .asSuperuser("create extension if not exists \"uuid-ossp\"");
        kit.bash("git init -q; git add jbang; git -c user.name=t -c user.email=t@example.com commit -qm t");
        var json = kit.run("backup-db", "--env", "staging", "--json").exits(0).says("ok: Seal").json();
        var manifest = kit.manifest();
        var folder = kit.sealed().get(0);
        assertEquals(1, manifest.get("format").getAsInt());
        assertTrue(folder.endsWith("/" + text(manifest, "id") + "/"), folder);
        assertEquals("staging", text(manifest, "env"));
        assertEquals(kit.database.name, text(manifest, "database"));
        assertEquals(kit.bash("git rev-parse --short=12 HEAD").out().strip(), text(manifest.getAsJsonObject("kit"), "commit"));
        assertEquals(kit.database.one("show server_version"), text(manifest.getAsJsonObject("server"), "version"));
        assertEquals(kit.database.one("select system_identifier from pg_control_system()"), text(manifest.getAsJsonObject("server"), "system_identifier"));
        assertEquals("20261101", text(manifest, "schema_version"));
        assertTrue(manifest.get("extensions").toString().contains("uuid-ossp"), () -> manifest.get("extensions").toString());
        assertFalse(Instant.parse(text(manifest, "snapshot_time")).isBefore(Instant.parse(text(manifest, "created"))), manifest::toString);
        assertEquals("stored", text(manifest, "proof"));
        assertEquals(Map.of("public.customer", 500L, "public.invoice", 1500L, "public.schema_migrations", 2L), kit.countsInManifest());
        long stored = 0;
        for (var part : parts(manifest)) {
            var object = kit.object(folder + text(part, "name"));
            assertEquals(object.length, part.get("bytes_stored").getAsLong(), part::toString);
            assertEquals(sha256(object), text(part, "sha256"), part::toString);
            stored += object.length;
        }
        assertEquals(stored, manifest.get("bytes_stored").getAsLong());
        assertFalse(manifest.toString().contains(TestDatabase.PASSWORD) || manifest.toString().contains("127.0.0.1"), manifest::toString);

        assertEquals("s3://" + kit.bucket + "/" + folder, text(json, "uri"));
        for (var same : List.of("id", "env", "database", "proof", "bytes_raw", "bytes_stored", "parts")) assertEquals(manifest.get(same), json.get(same), same);
        assertTrue(json.get("seconds").getAsDouble() > 0, json::toString);
    }

    @Test void restoring_by_hand_gives_the_manifests_counts_though_somebody_wrote_all_the_time() throws Exception {
        var kit = dealer();
        try (var writer = new Writer(kit.database)) {
            kit.run("backup-db", "--env", "staging").exits(0);
        }
        var manifest = kit.countsInManifest();
        assertEquals(manifest, kit.restoreByHand().counts());
        // Otherwise nobody had written, and nothing was shown.
        assertFalse(manifest.equals(kit.database.counts()), manifest::toString);
    }

    @Test void an_encrypted_backup_is_opened_by_stock_age_and_by_the_identity_alone() throws Exception {
        var kit = dealer();
        Kit.needs("age", "zstd");
        kit.bash("umask 077; age-keygen -o key.txt; age-keygen -o second.txt; age-keygen -o other.txt").exits(0);
        // Every one of several recipients can open it.
        kit.set("BACKUP_RECIPIENTS", kit.bash("age-keygen -y key.txt").out().strip() + ", " + kit.bash("age-keygen -y second.txt").out().strip());
        kit.run("backup-db", "--env", "staging").exits(0);
        assertEquals(List.of("SHA256SUMS", "data-00.dump.zst.age", "globals.sql.zst.age", "manifest.json"), names(kit));
        Files.write(kit.home.resolve("part.age"), kit.object(kit.sealed().get(0) + "data-00.dump.zst.age"));
        kit.bash("age -d -i other.txt part.age").exits(1);
        kit.bash("age -d -i second.txt part.age | zstd -q -d > part; pg_restore -l part").exits(0).prints("TABLE public customer");
        kit.set("BACKUP_IDENTITY_FILE", kit.home.resolve("key.txt").toString());
        assertEquals(kit.countsInManifest(), kit.restoreByHand().counts());
    }

    // --- options

    @Test void quiet_uncounted_and_more_compressed_it_is_when_that_is_asked_for() throws Exception {
        var kit = dealer();
        var result = kit.run("backup-db", "--env", "staging", "--quiet", "--counts", "none", "--compress", "zstd:12").exits(0);
        assertEquals("", result.err());
        assertTrue(result.out().matches("s3://.*/ .*proof: stored\\n"), result::toString);
        assertEquals("none", text(kit.manifest(), "counts"));
        assertEquals(Map.of("public.customer", -1L, "public.invoice", -1L), kit.countsInManifest());
        assertEquals("zstd:12", text(kit.manifest(), "compression"));
        assertTrue(kit.archive("data-00.dump.zst").contains("customer 500"));
    }

    @Test void only_the_schemas_asked_for_are_in_it_though_their_names_look_like_patterns() throws Exception {
        var kit = dealer();
        kit.database.execute("create schema \"sales*\"; create table \"sales*\".deal (id int); create schema sales2; create table sales2.other (id int)");
        kit.run("backup-db", "--env", "staging", "--schema", "sales*", "--schema", "public").exits(0);
        assertEquals(Map.of("public.customer", 500L, "public.invoice", 1500L, "sales*.deal", 0L), kit.countsInManifest());
        var sql = kit.archive("data-00.dump.zst");
        assertTrue(sql.contains("CREATE TABLE \"sales*\".deal") && !sql.contains("sales2"), sql);
    }

    @Test void an_excluded_schema_and_an_excluded_tables_rows_are_not_in_it() throws Exception {
        var kit = dealer();
        kit.database.execute("create schema audit; create table audit.log (line text); insert into audit.log values ('a'); "
            + "create table \"Session.Data\" (token text); insert into \"Session.Data\" values ('abc-token')");
        kit.run("backup-db", "--env", "staging", "--exclude-schema", "audit", "--exclude-table-data", "public.Session.Data").exits(0);
        assertEquals(Map.of("public.customer", 500L, "public.invoice", 1500L), kit.countsInManifest());
        var sql = kit.archive("data-00.dump.zst");
        assertTrue(sql.contains("CREATE TABLE public.\"Session.Data\"") && !sql.contains("abc-token") && !sql.contains("audit"), sql);
        assertEquals(List.of("audit"), strings(kit.manifest().getAsJsonObject("selection"), "exclude_schemas"));
    }

    // --- databases of all kinds

    @Test void whatever_a_database_is_called_and_holds_is_read_back_when_that_is_asked_for_and_comes_back_as_it_was() throws Exception {
        var kit = Stack.kit(TestDatabase.create("Odd näme=1 / 'x' " + Stack.next("")));
        var names = List.of("it's", "say \"hi\"", "two words", "new\nline", "back\\slash", "naïve 表 ✓", "$(touch x);--", "%s%n", "a.b.c", "UPPER", "select");
        for (var name : names) kit.database.execute("create schema if not exists \"Odd \"\"One\"\"\"; create table \"Odd \"\"One\"\"\"." + TestDatabase.quote(name) + " (id int); insert into \"Odd \"\"One\"\"\"." + TestDatabase.quote(name) + " values (1), (2)");
        kit.database.execute(CUSTOMERS + """
            ;
            create view big as select * from invoice where cents > 1000;
            create materialized view total as select sum(cents) from invoice;
            create table event (at date, what text) partition by range (at);
            create table event_2025 partition of event for values from ('2025-01-01') to ('2026-01-01');
            create table event_2026 partition of event for values from ('2026-01-01') to ('2027-01-01');
            insert into event values ('2025-06-01', 'a'), ('2026-06-01', 'b'), ('2026-06-02', 'c');
            create table parent (id int); create table child () inherits (parent); insert into parent values (1); insert into child values (2), (3);
            create table photo (id int, bytes bytea); insert into photo values (1, '\\x0001ff0a0d27');
            select lo_from_bytea(4242, '\\xdeadbeef')""");
        var json = kit.run("backup-db", "--env", "staging", "--verify", "readable", "--json").exits(0).says("ok: Read it back").json();
        assertEquals("readable", text(json, "proof"));
        assertTrue(names(kit).stream().anyMatch(name -> name.matches("verify-[0-9TZ]+\\.json")), () -> names(kit).toString());
        assertEquals(List.of(), kit.leftTemporary());
        assertEquals(kit.database.name, text(kit.manifest(), "database"));
        assertEquals(names.size(), kit.countsInManifest().keySet().stream().filter(table -> table.startsWith("Odd \"One\".")).count());
        assertEquals(1L, kit.countsInManifest().get("public.parent"));
        var restored = kit.restoreByHand();
        // The partitioned table itself holds nothing.
        var there = restored.counts();
        there.remove("public.event");
        assertEquals(kit.countsInManifest(), there);
        for (var query : List.of("select * from big order by 1", "select * from total", "select * from event order by 1", "select id, encode(bytes, 'hex') from photo",
                "select encode(lo_get(4242), 'hex')", "select nextval('invoice_id_seq')"))
            assertEquals(kit.database.rows(query), restored.rows(query), query);
    }

    @Test void an_empty_database_is_backed_up_as_such() {
        var kit = Stack.kit();
        kit.run("backup-db", "--env", "staging", "--verify", "readable").exits(0);
        assertEquals(Map.of(), kit.countsInManifest());
        assertEquals(Map.of(), kit.restoreByHand().counts());
    }

    // --- stores

    /** The embedded store has no encryption of its own, so what is seen is that it was asked for, and that its refusal counts. */
    @Test void encryption_by_the_store_is_asked_for_with_the_first_byte_and_not_done_without() throws Exception {
        var kit = dealer().set("BACKUP_SSE", "aws:kms").set("BACKUP_SSE_KMS_KEY", "alias/backups");
        try (var store = new FaultProxy(kit)) {
            kit.run("backup-db", "--env", "staging").exits(13).says("501 NotImplemented");
            var head = store.heads("PUT .*data-00").get(0).toLowerCase();
            assertTrue(head.contains("x-amz-server-side-encryption: aws:kms\r\n") && head.contains("x-amz-server-side-encryption-aws-kms-key-id: alias/backups\r\n"), head);
        }
        assertEquals(List.of(), kit.backupObjects());
    }

    @Test void another_prefix_and_a_bucket_of_the_environments_own_are_used_and_a_storage_class_that_the_store_does_not_know_is_left_out() throws Exception {
        var kit = dealer();
        kit.set("STAGING_BACKUP_BUCKET", kit.bucket).set("BACKUP_BUCKET", "another").set("BACKUP_PREFIX", "/ops/kit/").set("BACKUP_STORAGE_CLASS", "NO_SUCH_CLASS");
        kit.run("backup-db", "--env", "staging").exits(0).says("warning: the store refuses storage class NO_SUCH_CLASS");
        assertEquals(1, kit.sealed().size());
        assertTrue(kit.sealed().get(0).startsWith("ops/kit/staging/"), () -> kit.sealed().toString());
    }

    // --- running unattended

    @Test void beside_a_backup_a_second_is_sent_away_naming_it_or_waits_and_a_dry_run_takes_no_lock_and_changes_nothing() throws Exception {
        var kit = dealer().set("DB_LOCK_SECONDS", "600").set("BACKUP_KEEP", "last=1");
        try (var held = kit.database.connect(); var statement = held.createStatement()) {
            held.setAutoCommit(false);
            statement.execute("lock table customer in access exclusive mode");
            var first = kit.start("backup-db", "--env", "staging").awaitSays("ok: Take the lock");
            kit.awaitKey(".*/globals.sql.zst");
            var before = kit.keys();
            kit.run("backup-db", "--env", "staging", "--dry-run").exits(0).says("would take the lock", "would dump and upload", "would seal", "2, all readable", "would prune: what BACKUP_KEEP=last=1 no longer keeps").neverShows("ok: Seal");
            assertEquals(before, kit.keys());
            kit.run("backup-db", "--env", "staging").exits(11)
                .says("another run holds the lock of environment 'staging'", "handover backup-db staging, process " + first.process.pid(), "State: nothing was stored", "Next:  wait until it has ended");
            var second = kit.start("backup-db", "--env", "staging", "--wait", "120").awaitSays("waiting: another run holds the lock of environment 'staging'");
            held.rollback();
            first.result().exits(0);
            second.result().exits(0);
        }
        assertEquals(2, kit.sealed().size());
    }

    @Test void every_run_is_in_the_history_whatever_its_end_and_leaves_a_log_that_only_its_owner_can_read() throws Exception {
        var kit = dealer();
        var said = kit.run("backup-db", "--env", "staging").exits(0).neverShows("Prune").err();
        // What the launcher says while it compiles is not the run's.
        var lines = said.lines().filter(line -> !line.startsWith("[jbang]")).toList();
        try (var logs = Files.list(kit.home.resolve(".handover/logs"))) {
            var log = logs.toList();
            assertEquals(1, log.size(), log::toString);
            assertTrue(log.get(0).getFileName().toString().matches("backup-db-staging-[0-9TZ]+-[0-9]+\\.log"), log::toString);
            assertEquals("rw-------", PosixFilePermissions.toString(Files.getPosixFilePermissions(log.get(0))));
            for (var line : lines) assertTrue(Files.readString(log.get(0)).contains(line), line);
        }
        for (var line : lines) assertTrue(line.matches("[0-9-]{10}T[0-9:]{8}Z .*"), line);

        var done = kit.history().get(0);
        assertEquals("done 0 backup-db staging", text(done, "result") + " " + text(done, "exit") + " " + text(done, "script") + " " + text(done, "env"));
        assertEquals("s3://" + kit.bucket + "/" + kit.sealed().get(0), text(done, "backup"));
        kit.run("backup-db", "--env", "staging", "--schema", "nowhere").exits(2);
        var records = new ArrayList<>(kit.history());
        records.remove(done);
        assertEquals(1, records.size(), records::toString);
        assertEquals("failed 2", text(records.get(0), "result") + " " + text(records.get(0), "exit"));
        assertTrue(text(records.get(0), "problem").contains("there is no schema 'nowhere'"), records::toString);
    }

    @Test void it_runs_from_any_directory_with_nothing_in_the_environment_but_the_path() throws Exception {
        var kit = dealer().in(Path.of("/"));
        for (var name : List.copyOf(kit.environment().keySet())) if (!name.equals("PATH")) kit.with(name, null);
        kit.run("backup-db", "--env", "staging").exits(0);
        assertEquals(1, kit.sealed().size());
    }

    @Test void on_a_terminal_it_shows_marks_and_no_times() throws Exception {
        assumeTrue(Files.exists(Path.of("/usr/bin/script")), "script (util-linux) is not there to make a terminal");
        var kit = dealer();
        var shown = kit.with("TERM", "xterm").bash("script -qec './jbang backup-db --env staging --dry-run' /dev/null").exits(0).out();
        assertTrue(shown.contains("\033[32m✓\033[0m Reach the bucket"), shown);
        var plain = kit.with("NO_COLOR", "1").bash("script -qec './jbang backup-db --env staging --dry-run' /dev/null").exits(0).out();
        assertTrue(plain.contains("✓ Reach the bucket") && !plain.contains("\033[32m"), plain);
        for (var text : List.of(shown, plain)) assertFalse(text.matches("(?s).*[0-9-]{10}T[0-9:]{8}Z [^\n]*Reach the bucket.*"), text);
    }

    // --- what the tests above are made of

    private static Kit dealer() {
        var kit = Stack.kit();
        kit.database.execute(CUSTOMERS);
        return kit;
    }

    /** What lies in the only backup's folder. */
    private static List<String> names(Kit kit) {
        return kit.backupObjects().stream().map(key -> key.replace(kit.sealed().get(0), "")).toList();
    }

    private static String text(JsonObject object, String name) { return object.get(name).getAsString(); }

    private static List<String> strings(JsonObject object, String name) {
        return object.getAsJsonArray(name).asList().stream().map(element -> element.getAsString()).toList();
    }

    /** Its parts, and the globals. */
    private static List<JsonObject> parts(JsonObject manifest) {
        var parts = new ArrayList<JsonObject>();
        manifest.getAsJsonArray("parts").forEach(part -> parts.add(part.getAsJsonObject()));
        parts.add(manifest.getAsJsonObject("globals"));
        return parts;
    }

    private static String sha256(byte[] bytes) throws Exception {
        return HexFormat.of().formatHex(java.security.MessageDigest.getInstance("SHA-256").digest(bytes));
    }

    /** Somebody who inserts and deletes all the time. */
    private static final class Writer implements AutoCloseable {
        private volatile boolean enough;
        private volatile SQLException problem;
        private final Thread thread;

        Writer(TestDatabase database) {
            thread = new Thread(() -> {
                try (var connection = database.connect(); var statement = connection.createStatement()) {
                    for (var n = 0; !enough; n++) {
                        statement.execute("insert into customer (name) values ('new " + n + "'); insert into invoice (customer_id, cents) select max(id), 1 from customer");
                        if (n % 3 == 0) statement.execute("delete from invoice where id in (select id from invoice where customer_id <= 500 limit 2)");
                    }
                } catch (SQLException e) {
                    problem = e;
                }
            });
            thread.start();
        }

        @Override public void close() throws Exception {
            enough = true;
            thread.join();
            if (problem != null) throw problem;
        }
    }
}
