import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.URI;
import java.net.URLDecoder;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.sql.SQLException;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.UnaryOperator;
import java.util.regex.Pattern;
import ops.BackupFolder;
import ops.Conformance;
import ops.Exit;
import ops.Failure;
import ops.Run;
import ops.Seal;
import ops.Store;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** A store that lies, lacks, refuses or stumbles: nothing is lost by it, and what it said decides what the operator reads. */
class HostileStoreTest {
    private static final String LISTING = "GET /[^/?]+/?\\?.*list-type=2";
    private static final String ROWS = "create table t (id int); insert into t select generate_series(1, 10)";
    private static TestDatabase large;

    @BeforeAll static void fill() throws SQLException { large = TestDatabase.withPhotos(Stack.next("stored_")); }

    // --- listings

    /** How a listing ends without being whole. Each answer is made of the real one. */
    enum Lie {
        TRUNCATED_WITHOUT_A_TOKEN(page -> listing("true", "", half(page))),
        THE_SAME_TOKEN_FOR_EVER(page -> listing("true", "<NextContinuationToken>again</NextContinuationToken>", half(page))),
        A_NEW_TOKEN_FOR_EVER(page -> listing("true", "<NextContinuationToken>" + System.nanoTime() + "</NextContinuationToken>", half(page))),
        EMPTY_PAGES_FOR_EVER(page -> listing("true", "<NextContinuationToken>" + System.nanoTime() + "</NextContinuationToken>", "")),
        EMPTY_AND_TRUNCATED(page -> listing("true", "", "")),
        A_PAGE_OF_HTML(page -> "<html><body><p>Please log in to the network.</p></body></html>"),
        NOTHING_AT_ALL(page -> "");

        private final UnaryOperator<String> lie;

        Lie(UnaryOperator<String> lie) { this.lie = lie; }
    }

    @Test void a_listing_that_is_not_whole_is_never_taken_for_one() {
        var kit = Stack.kit().backedUp(ROWS);
        try (var store = new FaultProxy(kit); var opened = Store.open(kit.settings())) {
            for (var lie : Lie.values()) {
                store.heal();
                store.every("GET /[^/?]+/?\\?").change(answer -> answered(lie.lie.apply(body(answer))));
                var told = assertThrows(Failure.StoreFailed.class, () -> BackupFolder.sealed(opened, "staging"), lie::name);
                assertTrue(told.getMessage().startsWith("could not list s3://" + kit.bucket), told::getMessage);
            }
            assertTrue(store.heads("list-type=2").size() < 500, () -> store.heads("list-type=2").size() + " requests");
            store.heal();
            store.every("GET /[^/?]+/?\\?").change(answer -> answered(Lie.EMPTY_PAGES_FOR_EVER.lie.apply(body(answer))));
            kit.run("backups", "list", "--env", "staging").exits(13).says("could not list s3://" + kit.bucket, "State: ", "Next:  ").neverShows("has no backup");
        }
    }

    @Test void pages_that_are_numbered_by_marker_are_all_read() {
        var kit = Stack.kit().backedUp(ROWS);
        try (var store = new FaultProxy(kit)) {
            // As a store does that knows the first version of listings only: it gives no token, and takes none.
            store.every("GET /[^/?]+/?\\?").answer((head, real) -> answered(page(body(real.answer()), parameter(head, "marker"))));
            kit.run("backups", "list", "--env", "staging").exits(0).prints(id(kit));
            assertTrue(store.heads("[?&]marker=").size() >= 2, "no page was asked for by its marker");
        }
    }

    @Test void a_token_that_is_good_for_one_answer_only_may_be_lost_with_it() {
        var kit = Stack.kit().backedUp(ROWS);
        try (var store = new FaultProxy(kit); var opened = kit.store()) {
            store.next("GET .*continuation-token=").loseTheAnswer();
            store.every("GET .*continuation-token=").answer(400, "InvalidArgument");
            store.every(LISTING).change(answer -> answered(listing("true", "<NextContinuationToken>once</NextContinuationToken>", half(body(answer)))));
            assertEquals(List.of(id(kit)), ids(opened));
        }
    }

    @Test void what_a_listing_holds_beyond_what_was_asked_for_is_left_alone() {
        var kit = Stack.kit().backedUp(ROWS);
        try (var store = new FaultProxy(kit); var opened = kit.store()) {
            var other = "<Contents><Key>handover/production/shop/20260101T000000Z-aaaaaa/manifest.json</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified><Size>1</Size></Contents>";
            store.every(LISTING).change(answer -> answered(body(answer).replaceFirst("(?=<Contents>|</ListBucketResult>)", other)));
            assertEquals(List.of(id(kit)), ids(opened));
        }
    }

    private static List<String> ids(Store store) { return BackupFolder.sealed(store, "staging").stream().map(BackupFolder::id).toList(); }

    // --- writing

    @Test void a_store_is_looked_at_once_before_the_first_backup_in_it_and_nothing_of_that_stays_but_the_evidence() throws Exception {
        var kit = Stack.kit().notLookedAt();
        kit.run("backup-db", "--env", "staging", "--dry-run").exits(0);
        assertEquals(List.of(), kit.keys("handover/conf"));
        kit.run("backup-db", "--env", "staging").exits(0).says("ok: Reach the bucket: s3://", "looked at before its first backup");
        var evidence = kit.json(Kit.EVIDENCE);
        assertEquals(List.of("honoured", "true", "10000"), List.of(evidence.get("conditions").getAsString(), evidence.get("sha256").getAsString(), evidence.get("parts").getAsString()));
        assertEquals(List.of(), kit.openUploads());
        assertFalse(kit.keys().toString().contains(".doctor-"), () -> kit.keys().toString());
        try (var opened = Store.open(kit.settings())) {
            assertFalse(Conformance.of(new Run(), opened, "staging").now());
            // Another kit, or another address, may see something else.
            kit.put(Kit.EVIDENCE, new String(kit.object(Kit.EVIDENCE), StandardCharsets.UTF_8).replace(ops.Ops.VERSION, "0.0.1"));
            assertTrue(Conformance.of(new Run(), opened, "staging").now());
        }
    }

    @Test void evidence_that_may_not_be_kept_stops_no_backup_and_a_store_that_takes_a_thousand_parts_gets_no_more() throws Exception {
        var kit = Stack.kit();
        try (var store = new FaultProxy(kit); var opened = Store.open(kit.settings())) {
            kit.notLookedAt();
            store.every("^PUT .*partNumber=10000").answer(400, "InvalidArgument");
            // Rights that end below the environment's own folder.
            store.every("^(GET|PUT) .*/conformance.json").answer(403, "AccessDenied");
            kit.run("backup-db", "--env", "staging").exits(0)
                .says("warning: what was seen of the store can't be kept", "s3:PutObject is refused (403)", "warning: the store takes only 1000 parts in one upload");
            store.heal();
            store.every("^PUT .*partNumber=10000").answer(400, "InvalidArgument");
            assertEquals(1000, Conformance.of(new Run(), opened, "staging").evidence().parts());
            assertEquals(1000, kit.json(Kit.EVIDENCE).get("parts").getAsInt());
        }
    }

    /** What a store may lack so that no backup can be kept in it; requests are changed, or their answers. */
    enum Unfit {
        THE_LISTING_LACKS_WHAT_IS_THERE("listing lacks s3://", (store) -> store.every(LISTING).change(answer -> answered(body(answer).replaceAll("(?s)<Contents>(?:(?!</Contents>).)*\\.doctor-[^<]*\\.2<.*?</Contents>", "")))),
        THE_LISTING_KNOWS_ONE_PAGE_ONLY("listing", (store) -> store.every(LISTING + ".*max-keys=1").change(answer -> answered(body(answer).replaceAll("<IsTruncated>true", "<IsTruncated>false").replaceAll("<NextContinuationToken>.*</NextContinuationToken>", "")))),
        WHAT_WAS_WRITTEN_IS_NOT_READ("does not have what was written", (store) -> store.every("GET /.*\\.doctor-[^.?]*(\\?|$)").answer(404, "NoSuchKey")),
        SOMETHING_ELSE_IS_READ("gives back something else", (store) -> store.every("GET /.*\\.doctor-[^.?]*(\\?|$)").change(answer -> answer.replace("A probe", "B probe"))),
        WHAT_IS_OVERWRITTEN_STAYS("something else than what was written over", (store) -> {
            store.next("GET /.*\\.doctor-[^.?]*(\\?|$)").change(answer -> answer);
            store.every("GET /.*\\.doctor-[^.?]*(\\?|$)").change(answer -> answer.replace("A probe", "C probe"));
        }),
        PARTS_COME_BACK_IN_DISORDER("what was uploaded in parts", (store) -> store.every("GET .*\\.parts").change(answer -> answer.replace("probe", "eborp"))),
        NO_UPLOADS_IN_PARTS("the store does not know such a request (501 NotImplemented)", (store) -> store.every("POST .*\\?uploads").answer(501, "NotImplemented"));

        private final String words;
        private final java.util.function.Consumer<FaultProxy> lie;

        Unfit(String words, java.util.function.Consumer<FaultProxy> lie) {
            this.words = words;
            this.lie = lie;
        }
    }

    @Test void a_store_that_can_t_keep_backups_is_refused_before_anything_is_sent() {
        var kit = Stack.kit();
        try (var store = new FaultProxy(kit); var opened = Store.open(kit.settings())) {
            kit.notLookedAt();
            for (var unfit : Unfit.values()) {
                store.heal();
                unfit.lie.accept(store);
                var run = new Run();
                var told = assertThrows(Failure.StoreFailed.class, () -> Conformance.of(run, opened, "staging"), unfit::name);
                run.undo.close();
                assertTrue(told.getMessage().contains(unfit.words), () -> unfit + ": " + told.getMessage());
                assertEquals(List.of(), kit.backupObjects(), unfit::name);
                assertEquals(List.of(), kit.openUploads(), unfit::name);
            }
            store.heal();
            Unfit.THE_LISTING_LACKS_WHAT_IS_THERE.lie.accept(store);
            kit.run("backup-db", "--env", "staging").exits(13).says(Unfit.THE_LISTING_LACKS_WHAT_IS_THERE.words, "State: nothing was stored", "Next:  ");
            assertEquals(List.of(), kit.backupObjects());
            assertEquals(List.of(), kit.openUploads());
        }
    }

    /** As after an earlier kit: the evidence says that all is well, and it no longer is. */
    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "if-none-match:                      | 501 | NotImplemented  | the store refuses If-None-Match",
        "x-amz-checksum-, x-amz-sdk-checksum- | 400 | InvalidArgument | the store takes no SHA-256"})
    void what_a_store_lacks_is_done_without_and_said(String headers, int status, String code, String words) throws Exception {
        // Of SHA-256 it shows in uploads in parts.
        var inParts = headers.startsWith("x");
        var kit = inParts ? Stack.kit(large.copy()) : Stack.kit();
        try (var store = new FaultProxy(kit)) {
            lacking(store, headers.replace(", ", "|"), status, code);
            String[] backup = {"backup-db", "--env", "staging", "--counts", "none", "--verify", "readable"};
            kit.run(backup).exits(0);
            kit.notLookedAt();
            if (inParts) kit.run(backup).exits(0).says("warning: " + words);
            else assertTrue(missing(kit).contains(words), missing(kit));
            assertEquals(inParts ? 2 : 1, kit.sealed().size());
            assertEquals(List.of(), kit.openUploads());
        }
    }

    @Test void another_answer_to_the_same_and_no_storage_classes_are_done_without_too() throws Exception {
        var kit = Stack.kit();
        try (var store = new FaultProxy(kit); var opened = kit.store()) {
            lacking(store, "if-none-match: ", 400, "InvalidArgument");
            assertTrue(opened.putNew("handover/staging/new", new byte[1]));
            assertFalse(opened.putNew("handover/staging/new", new byte[2]));
            assertEquals(1, kit.object("handover/staging/new").length);
            kit.notLookedAt();
            assertTrue(missing(kit).contains("the store refuses If-None-Match"), missing(kit));
            store.heal();
            lacking(store, "x-amz-storage-class: ", 400, "InvalidArgument");
            var run = new Run();
            try (var upload = opened.begin(run, "handover/staging/upload", 1)) {
                upload.write(1);
                upload.commit();
            }
            assertTrue(opened.plainClass());
            assertEquals(1, kit.object("handover/staging/upload").length);
        }
    }

    /** Refuses what comes with certain headers. */
    private static void lacking(FaultProxy store, String headers, int status, String code) {
        var header = Pattern.compile("\r\n(" + headers + ")", Pattern.CASE_INSENSITIVE);
        store.every("^(PUT|POST|HEAD) ").answer((head, real) -> header.matcher(head).find() ? FaultProxy.error(head, status, code, "Unsupported header") : real.answer());
    }

    private static String missing(Kit kit) throws Exception {
        try (var opened = kit.store()) {
            return Conformance.of(new Run(), opened, "staging").evidence().missing().toString();
        }
    }

    @Test void a_seal_never_takes_another_s_place_even_where_the_store_ignores_conditions() {
        var kit = Stack.kit().backedUp(ROWS);
        try (var store = new FaultProxy(kit); var opened = kit.store()) {
            var made = BackupFolder.sealed(opened, "staging").get(0);
            var manifest = made.manifest(opened);
            // The condition is refused, and another one comes in between.
            anotherComes(kit, store, true);
            kit.run("backup-db", "--env", "staging").exits(16).says("manifest", "Next:  ");
            anotherStays(kit, kit.sealed().get(1));
            store.heal();
            // Overwritten, and the other one then comes after it.
            anotherComes(kit, store, false);
            var folder = BackupFolder.of(opened, "staging", kit.database.name, "20260101T000000Z-abcdef");
            var told = assertThrows(Failure.Unclear.class, () -> Seal.write(opened, folder, manifest, manifest.bytes(), Optional.empty(), () -> { }, () -> { }));
            assertTrue(told.exit == Exit.UNKNOWN && told.getMessage().contains("manifest") && !told.hint.isBlank(), told::getMessage);
            anotherStays(kit, folder.key());
        }
    }

    private static final String ANOTHER = "{\"another\": \"manifest\"}";

    private static void anotherComes(Kit kit, FaultProxy store, boolean refused) {
        store.every("^PUT .*manifest.json").answer((head, real) -> {
            var key = decoded(head.split(" ")[1]).replaceFirst("\\?.*", "").substring(kit.bucket.length() + 2);
            if (refused && Pattern.compile("\r\nif-none-match", Pattern.CASE_INSENSITIVE).matcher(head).find()) return FaultProxy.error(head, 501, "NotImplemented", "A header is not implemented");
            kit.put(key, ANOTHER);
            return "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
        });
    }

    private static void anotherStays(Kit kit, String folder) { assertEquals(ANOTHER, new String(kit.object(folder + "manifest.json"), StandardCharsets.UTF_8)); }

    @Test void a_seal_that_the_store_refuses_leaves_nothing_and_the_state_is_true() {
        var kit = Stack.kit();
        try (var store = new FaultProxy(kit)) {
            store.every("^PUT .*manifest.json").answer(403, "QuotaExceeded");
            kit.run("backup-db", "--env", "staging").exits(13).says("the store is full, or its quota is used up (403 QuotaExceeded); the store says: as the test wants it", "State: nothing was sealed, and what was uploaded is taken back");
            assertEquals(List.of(), kit.backupObjects());
        }
    }

    // --- lines and limits

    @Test void a_line_that_is_slow_or_breaks_again_and_again_brings_all_as_long_as_it_gets_on() throws Exception {
        // A part takes longer than the limit.
        var kit = Stack.kit(large.copy()).set("S3_ATTEMPT_SECONDS", "3");
        try (var line = new SlowLine(kit, 1_500_000)) {
            kit.run("backup-db", "--env", "staging", "--counts", "none").exits(0);
        }
        kit.set("S3_ATTEMPT_SECONDS", null).set("S3_ATTEMPTS", "3");
        try (var store = new FaultProxy(kit)) {
            store.every("^GET .*data-00").answer((head, real) -> beginning(real.answer()));
            kit.readBack("latest");
            assertTrue(store.heads("^GET .*data-00").size() > 3, () -> store.heads("^GET .*data-00").size() + " requests");
            store.heal();
            // And one that knows no ranges begins from the beginning: what it sends is not the rest.
            store.next("^GET .*data-00").answer((head, real) -> beginning(real.answer()));
            store.every("^GET .*data-00").answer((head, real) -> Stack.up().s3.getObjectAsBytes(request -> request.bucket(kit.bucket).key(kit.sealed().get(0) + "data-00.dump.zst")).asString(StandardCharsets.ISO_8859_1)
                .transform(content -> "HTTP/1.1 200 OK\r\nContent-Length: " + content.length() + "\r\nConnection: close\r\n\r\n" + content));
            kit.readBack("latest");
        }
    }

    private static String beginning(String answer) { return answer.substring(0, Math.min(2_000_000, answer.length())); }

    @Test void a_database_of_terabytes_takes_no_more_memory_than_a_small_one() throws IOException {
        var kit = Stack.kit(TestDatabase.create(Stack.next("terabytes_")).execute(ROWS));
        // What the server counts as the database's size: a file with five terabytes of nothing in it.
        var folder = Path.of(TestDatabase.serverRows("show data_directory").get(0), "base", kit.database.one("select oid from pg_database where datname = current_database()"));
        try (var file = FileChannel.open(folder.resolve("999999999"), Set.of(StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE, StandardOpenOption.SPARSE))) {
            file.write(ByteBuffer.wrap(new byte[1]), 5L << 40);
        }
        kit.run("backup-db", "--env", "staging", "--verify", "readable").exits(0).says("ok: Dump and upload");
        assertEquals(List.of(), kit.leftTemporary());
    }

    // --- words

    /** What the store answers to a listing, and what the operator is told of it. */
    private static final List<List<String>> ANSWERS = List.of(
        List.of("400", "AuthorizationHeaderMalformed", "the bucket is in another region", "Next:  AWS_REGION stands in"),
        List.of("400", "InvalidArgument", "the store answered 400 InvalidArgument; the store says: as the test wants it", "Next:  waiting does not help: check what was sent: AWS_REGION=us-east-1, AWS_ENDPOINT_URL_S3=http://"),
        List.of("403", "AccountProblem", "the store has closed the account (403 AccountProblem)", "Next:  see the account's state"),
        List.of("403", "RequestTimeTooSkewed", "the store finds this machine's clock wrong", "Next:  set the clock: timedatectl"),
        List.of("403", "SomethingElse", "the store answered 403 SomethingElse; the store says: ", "Next:  waiting does not help"),
        List.of("403", "AccessDenied", "s3:ListBucket is refused (403)", "Next:  grant these credentials s3:ListBucket"),
        List.of("404", "NoSuchKey", "the store answered 404 NoSuchKey", "Next:  waiting does not help: check what was sent"),
        List.of("429", "TooManyRequests", "the store answered 429 TooManyRequests", "Next:  try again later"),
        List.of("503", "SlowDown", "the store answered 503 SlowDown", "Next:  try again later"));

    @Test void the_store_s_own_code_decides_what_is_said_and_what_to_do() {
        var kit = Stack.kit().set("S3_ATTEMPTS", "1");
        try (var store = new FaultProxy(kit); var opened = Store.open(kit.settings())) {
            for (var answer : ANSWERS) {
                store.heal();
                store.every(LISTING).answer(Integer.parseInt(answer.get(0)), answer.get(1));
                told(opened, answer.get(2), answer.get(3));
            }
            kit.run("backups", "list", "--env", "staging").exits(13).says(ANSWERS.get(ANSWERS.size() - 1).get(2), ANSWERS.get(ANSWERS.size() - 1).get(3));
            store.heal();
            store.every(LISTING).answer((head, real) -> "HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/html\r\nContent-Length: 20\r\nConnection: close\r\n\r\n<html>proxy</html>  ");
            told(opened, "the answer, 502, is none of S3's form", "is this the address of an S3 store?");
            store.heal();
            // As Ceph does it, over plain http.
            store.every("^(PUT|POST) ").answer((head, real) -> head.toLowerCase().contains("x-amz-server-side-encryption: ") ? FaultProxy.error(head, 400, "InvalidRequest", "SSE needs TLS") : real.answer());
            kit.set("BACKUP_SSE", "AES256").run("backup-db", "--env", "staging").exits(13)
                .says("the store answered 400 InvalidRequest; the store says: SSE needs TLS", "Next:  waiting does not help: check what was sent: BACKUP_STORAGE_CLASS=STANDARD_IA, BACKUP_SSE=AES256, AWS_REGION=us-east-1");
            assertEquals(List.of(), kit.backupObjects());
        }
    }

    private static void told(Store store, String what, String next) {
        var told = assertThrows(Failure.class, () -> store.list("handover/staging/"));
        assertEquals(Exit.STORE, told.exit);
        assertTrue(told.getMessage().contains(what) && ("Next:  " + told.hint).contains(next), () -> told.getMessage() + "\nNext:  " + told.hint);
    }

    @Test void what_lies_in_an_archive_class_is_named_when_it_is_stored_and_when_it_can_t_be_read() throws Exception {
        var kit = Stack.kit().set("BACKUP_STORAGE_CLASS", "DEEP_ARCHIVE");
        kit.database.execute(ROWS);
        kit.run("backup-db", "--env", "staging", "--verify", "readable").exits(78).says("can't be read back", "BACKUP_STORAGE_CLASS stands in");
        kit.run("backup-db", "--env", "staging").exits(0).says("warning: what lies in storage class DEEP_ARCHIVE can't be restored, verified or drilled before it was asked for");
        kit.run("doctor", "--env", "staging").exits(0).prints("warning      upload in parts: what lies in storage class DEEP_ARCHIVE");
        try (var store = new FaultProxy(kit)) {
            store.every("^GET .*data-00").answer(403, "InvalidObjectState");
            var told = assertThrows(Failure.OutOfReach.class, () -> kit.readBack("latest"));
            assertEquals(Exit.STORE, told.exit);
            assertTrue(told.getMessage().contains("it lies in an archive class, and can't be read before it is brought back") && told.hint.contains("aws s3api restore-object"), () -> told.getMessage() + told.hint);
        }
    }

    @Test void what_stands_between_this_machine_and_the_store_is_named() {
        var kit = Stack.kit().set("S3_ATTEMPTS", "1");
        var address = Stack.up().setting("AWS_ENDPOINT_URL_S3");
        for (var name : List.of("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "no_proxy", "NO_PROXY")) kit.with(name, null);
        kit.set("AWS_ENDPOINT_URL_S3", address.replace("http:", "https:")).run("backups", "list", "--env", "staging").exits(13).says("no TLS with the store: it speaks plain http there", "AWS_ENDPOINT_URL_S3 stands in");
        kit.set("AWS_ENDPOINT_URL_S3", "http://" + kit.bucket + ".no-such-host.invalid").run("backups", "list", "--env", "staging").exits(13)
            .says("no address is known for '" + kit.bucket + ".no-such-host.invalid'; AWS_ENDPOINT_URL_S3 seems to have the bucket's name in it, which does not belong there: no-such-host.invalid", "Next:  take it out: AWS_ENDPOINT_URL_S3=http://no-such-host.invalid; ");
        kit.set("AWS_ENDPOINT_URL_S3", address).with("HTTP_PROXY", "http://somebody:Pr0xy-secret@127.0.0.1:1").run("backups", "list", "--env", "staging").exits(13)
            .says("could not list s3://", "the way there is through the proxy 127.0.0.1:1 (HTTP_PROXY in the environment)", "Next:  does that proxy run?", "NO_PROXY").neverShows("Pr0xy-secret");
        kit.with("NO_PROXY", "127.0.0.1").run("backups", "list", "--env", "staging").exits(0);
    }

    // --- what these tests are made of

    /** A line to the store that takes only so many bytes a second, over all connections. */
    private static final class SlowLine implements AutoCloseable {
        private final int bytesPerSecond;
        private final Relay relay;
        private long next = System.nanoTime();

        SlowLine(Kit kit, int bytesPerSecond) throws IOException {
            this.bytesPerSecond = bytesPerSecond;
            var store = URI.create(Stack.up().setting("AWS_ENDPOINT_URL_S3"));
            relay = new Relay(store.getAuthority(), (port, toServer, bytes) -> {
                if (toServer) await(bytes);
                return true;
            });
            var address = "http://127.0.0.1:" + relay.port();
            kit.lookedAt(address, "").set("AWS_ENDPOINT_URL_S3", address);
        }

        private void await(int bytes) {
            long until;
            synchronized (this) {
                until = next = Math.max(next, System.nanoTime()) + bytes * 1_000_000_000L / bytesPerSecond;
            }
            Patience.pause((int) Math.max(0, (until - System.nanoTime()) / 1_000_000));
        }

        @Override public void close() throws IOException { relay.close(); }
    }

    private static String id(Kit kit) { return kit.sealed().get(0).replaceFirst(".*/([^/]+)/$", "$1"); }

    /** The body of an answer, whether it came with its length or in chunks. */
    private static String body(String answer) {
        var head = answer.substring(0, answer.indexOf("\r\n\r\n"));
        var body = answer.substring(head.length() + 4);
        if (!head.toLowerCase().contains("transfer-encoding: chunked")) return body;
        var whole = new StringBuilder();
        while (true) {
            var size = Integer.parseInt(body.substring(0, body.indexOf("\r\n")).strip(), 16);
            if (size == 0) return whole.toString();
            var begin = body.indexOf("\r\n") + 2;
            whole.append(body, begin, begin + size);
            body = body.substring(begin + size + 2);
        }
    }

    private static String answered(String body, String... headers) {
        return "HTTP/1.1 200 OK\r\nContent-Type: application/xml\r\nContent-Length: " + body.length() + "\r\nConnection: close\r\n" + String.join("", headers) + "\r\n" + body;
    }

    private static String listing(String truncated, String token, String contents) {
        return "<?xml version=\"1.0\"?><ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Name>bucket</Name><IsTruncated>" + truncated + "</IsTruncated>" + token + contents + "</ListBucketResult>";
    }

    private static List<String> entries(String listing) {
        return Pattern.compile("<Contents>.*?</Contents>|<CommonPrefixes>.*?</CommonPrefixes>", Pattern.DOTALL).matcher(listing).results().map(found -> found.group()).toList();
    }

    private static String half(String listing) {
        var all = entries(listing);
        return String.join("", all.subList(0, all.size() / 2));
    }

    /** The two entries behind the marker. */
    private static String page(String listing, String marker) {
        var behind = entries(listing).stream().filter(entry -> name(entry).compareTo(marker) > 0).toList();
        return listing(behind.size() > 2 ? "true" : "false", "", String.join("", behind.subList(0, Math.min(2, behind.size()))));
    }

    private static String name(String entry) { return decoded(entry.replaceFirst("(?s).*<(Key|Prefix)>(.*?)</(Key|Prefix)>.*", "$2")); }

    private static String parameter(String head, String name) {
        var found = Pattern.compile("[?&]" + name + "=([^& ]*)").matcher(head.substring(0, head.indexOf("\r\n")));
        return found.find() ? decoded(found.group(1)) : "";
    }

    private static String decoded(String text) { return URLDecoder.decode(text, StandardCharsets.UTF_8); }
}
