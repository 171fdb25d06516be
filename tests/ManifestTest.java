package ops;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** A manifest is read as something that anybody may have written. */
class ManifestTest {
    private static final String SUM = "0123456789abcdef".repeat(4);
    private static final Manifest GOOD = new Manifest(1, "20261122T031500Z-4f9a1c", "staging", "shop", new Manifest.Kit("0.1.0", "abc"), "2026-11-22T03:15:00Z", "2026-11-22T03:15:01Z",
        new Manifest.Server("15.4", "7", false, "UTF8", new DatabaseLocale("fr_CH.UTF-8", "fr_CH.UTF-8", "libc", ""), null), "15.4", new Selection(List.of(), List.of(), List.of()), "zstd:3", List.of(),
        List.of(new Manifest.Part("data-00.dump.zst", "all", 10, 5, SUM, "x", null)), new Manifest.Part("globals.sql.zst", "globals", 2, 3, SUM, "x", null), null, "exact",
        List.of(new Snapshot.Table("public", "naïve \"one\"\n", 3)), "", List.of(new Database.Extension("pgcrypto", "1.3")), 12, 8, 1.5, "stored", List.of("a && b > c"), null, List.of(new Rights.Right("public", "rights on table public.x", "reader SELECT")), new Manifest.Part("outside.sql.zst", "outside", 2, 3, SUM, "x", null));

    @Test void what_is_written_is_what_is_read() {
        var read = Manifest.parse(GOOD.bytes(), "s3://x");
        assertEquals(GOOD, read);
        assertArrayEquals(GOOD.bytes(), read.bytes());
        assertEquals(SUM + "  data-00.dump.zst\n" + SUM + "  globals.sql.zst\n" + SUM + "  outside.sql.zst\n" + Sha256.hex(Sha256.of(GOOD.bytes())) + "  manifest.json\n", new String(read.sums(GOOD.bytes()), StandardCharsets.UTF_8));
        assertEquals(3, read.rows());
    }

    @ParameterizedTest
    @ValueSource(strings = {"", " ", "null", "[]", "{}", "\"x\"", "1", "{", "<html>", "{\"format\":1}", "{\"format\":\"one\"}"})
    void what_is_no_manifest_is_not_read_as_one(String text) {
        assertThrows(Failure.NotVerified.class, () -> Manifest.parse(text.getBytes(StandardCharsets.UTF_8), "s3://x"), text);
    }

    @ParameterizedTest
    @CsvSource({
        "\"format\": 1, \"format\": 2", "\"format\": 1, \"format\": 0", "\"format\": 1, \"format\": 999999999999", "data-00.dump.zst, ../data", "data-00.dump.zst, /etc/passwd", "data-00.dump.zst, a..b",
        "data-00.dump.zst, .hidden", "data-00.dump.zst, a b", "data-00.dump.zst, ''", "0123456789abcdef0123456789abcdef, 0123", "0123456789abcdef0123456789abcdef, ABCDEF56789abcdef0123456789abcde",
        "\"bytes_stored\": 5, \"bytes_stored\": -5", "\"bytes_raw\": 10, \"bytes_raw\": -1", "\"id\", \"di\"", "\"parts\", \"prats\"", "\"tables\", \"x\"", "\"recipients\", \"x\"", "\"server\", \"x\"", "\"created\", \"x\"", "\"kit\", \"x\""})
    void one_wrong_field_is_enough_to_refuse_it(String from, String to) {
        var text = new String(GOOD.bytes(), StandardCharsets.UTF_8);
        assertTrue(text.contains(from), from);
        assertThrows(Failure.NotVerified.class, () -> Manifest.parse(text.replace(from, to).getBytes(StandardCharsets.UTF_8), "s3://x"));
    }

    @Test void a_newer_format_is_named_as_such() {
        var newer = new String(GOOD.bytes(), StandardCharsets.UTF_8).replace("\"format\": 1", "\"format\": 2");
        var refused = assertThrows(Failure.NotVerified.class, () -> Manifest.parse(newer.getBytes(StandardCharsets.UTF_8), "s3://x"));
        assertEquals("s3://x has format 2, this kit reads up to 1", refused.getMessage());
    }

    @Test void any_value_put_in_place_of_another_is_refused_or_does_no_harm() {
        for (var value : List.of("null", "0", "\"x\"", "[]", "{}", "[null]", "true")) replaceEach(JsonParser.parseString(new String(GOOD.bytes(), StandardCharsets.UTF_8)), JsonParser.parseString(value));
    }

    /** Puts the value in the place of each one in the tree, in turn. */
    private static void replaceEach(JsonElement whole, JsonElement value) {
        var holders = new ArrayDeque<JsonElement>(List.of(whole));
        while (!holders.isEmpty()) {
            var holder = holders.remove();
            if (holder instanceof JsonObject object)
                for (var name : List.copyOf(object.keySet())) {
                    var old = object.get(name);
                    object.add(name, value);
                    use(whole);
                    object.add(name, old);
                    holders.add(old);
                }
            if (holder instanceof JsonArray array)
                for (var n = 0; n < array.size(); n++) {
                    var old = array.set(n, value);
                    use(whole);
                    array.set(n, old);
                    holders.add(old);
                }
        }
    }

    private static void use(JsonElement json) { use(json.toString().getBytes(StandardCharsets.UTF_8), json); }

    private static void use(byte[] bytes, Object shown) {
        Manifest manifest;
        try {
            manifest = Manifest.parse(bytes, "s3://x");
        } catch (Failure.NotVerified e) {
            return;
        }
        assertDoesNotThrow(() -> manifest.sums(new byte[0]).length + manifest.rows() + manifest.pgDump().length() + manifest.selection().schemas().size() + String.join("", manifest.recipients()) + String.join("", manifest.howto()), () -> "reading " + shown);
    }

    @Test void thousands_of_damaged_ones_are_read_or_refused_and_nothing_else() {
        var random = new Random(4711);
        for (var n = 0; n < 20_000; n++) {
            var bytes = GOOD.bytes();
            for (var times = 1 + random.nextInt(3); times > 0; times--) bytes[random.nextInt(bytes.length)] = (byte) random.nextInt(256);
            if (random.nextInt(4) == 0) bytes = Arrays.copyOf(bytes, random.nextInt(bytes.length));
            use(bytes, new String(bytes, StandardCharsets.UTF_8));
        }
    }
}
