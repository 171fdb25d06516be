import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.UnaryOperator;
import java.util.regex.Pattern;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

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

    @ParameterizedTest
    @EnumSource(Lie.class)
    void a_listing_that_is_not_whole_is_never_taken_for_one(Lie lie) {
        var kit = Stack.kit().backedUp(ROWS);
        try (var store = new FaultProxy(kit)) {
            store.every("GET /[^/?]+/?\\?").change(answer -> answered(lie.lie.apply(body(answer))));
            for (var command : List.of(List.of("backups", "list"), List.of("backups", "show", "latest")))
                kit.run(with(command, "--env", "staging")).exits(13).says("could not list s3://" + kit.bucket, "State: ", "Next:  ").neverShows("has no backup");
            assertTrue(store.heads("list-type=2").size() < 500, () -> store.heads("list-type=2").size() + " requests");
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
        try (var store = new FaultProxy(kit)) {
            store.next("GET .*continuation-token=").loseTheAnswer();
            store.every("GET .*continuation-token=").answer(400, "InvalidArgument");
            store.every(LISTING).change(answer -> answered(listing("true", "<NextContinuationToken>once</NextContinuationToken>", half(body(answer)))));
            kit.run("backups", "list", "--env", "staging").exits(0).prints(id(kit));
        }
    }

    @Test void what_a_listing_holds_beyond_what_was_asked_for_is_left_alone() {
        var kit = Stack.kit().backedUp(ROWS);
        try (var store = new FaultProxy(kit)) {
            var other = "<Contents><Key>handover/production/shop/20260101T000000Z-aaaaaa/manifest.json</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified><Size>1</Size></Contents>";
            store.every(LISTING).change(answer -> answered(body(answer).replaceFirst("(?=<Contents>|</ListBucketResult>)", other)));
            kit.run("backups", "list", "--env", "staging").exits(0).prints(id(kit)).neverShows("20260101T000000Z-aaaaaa");
        }
    }

    // --- what these tests are made of

    private static String id(Kit kit) { return kit.sealed().get(0).replaceFirst(".*/([^/]+)/$", "$1"); }

    private static String[] with(List<String> command, String... more) {
        var all = new ArrayList<>(command);
        all.addAll(List.of(more));
        return all.toArray(String[]::new);
    }

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
