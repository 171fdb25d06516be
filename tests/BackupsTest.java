import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonParser;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** What the listing says of backups, and what verifying one finds. */
class BackupsTest {
    // --- list and show

    @Test void backups_are_listed_newest_first_with_their_proof() {
        var kit = backedUp();
        kit.run("backup-db", "--env", "staging", "--schema", "public").exits(0);
        var older = id(kit, 0);
        var newer = id(kit, 1);
        kit.run("backups", "verify", older, "--env", "staging").exits(0).prints("1 of 1 backup readable to the last byte");
        var list = kit.run("backups", "list", "--env", "staging").exits(0);
        var lines = list.out().lines().toList();
        assertEquals(3, lines.size(), list::toString);
        assertTrue(lines.get(1).startsWith(newer) && lines.get(1).contains("stored; partial"), list::toString);
        assertTrue(lines.get(2).startsWith(older) && lines.get(2).contains("readable "), list::toString);

        var json = JsonParser.parseString(kit.run("backups", "list", "--env", "staging", "--json").exits(0).out()).getAsJsonArray();
        assertEquals(newer, json.get(0).getAsJsonObject().get("id").getAsString());
        assertEquals("stored", json.get(0).getAsJsonObject().getAsJsonObject("proof").get("grade").getAsString());
        assertEquals("readable", json.get(1).getAsJsonObject().getAsJsonObject("proof").get("grade").getAsString());
    }

    @Test void what_has_no_seal_is_not_listed_but_counted() {
        var kit = backedUp();
        kit.put("handover/staging/" + kit.database.name + "/20260101T000000Z-abcdef/data-00.dump.zst", "half a dump");
        var list = kit.run("backups", "list", "--env", "staging").exits(0).says("1 unsealed leftover of killed runs");
        assertEquals(2, list.out().lines().count(), list::toString);
    }

    @Test void an_environment_without_backups_is_told_how_to_make_one() {
        Stack.kit().run("backups", "list", "--env", "staging").exits(0).says("environment 'staging' has no backup", "./jbang backup-db --env staging");
        Stack.kit().run("backups", "show", "--env", "staging").exits(1).says("environment 'staging' has no backup", "Next:  make one: ./jbang backup-db --env staging");
    }

    @Test void without_an_environment_it_says_which_ones_the_bucket_has() {
        var kit = backedUp();
        var id = id(kit, 0);
        kit.put("handover/shop-2/shop/20260101T000000Z-abcdef/data-00.dump.zst", "half a dump");
        kit.put("another/production/shop/20260101T000000Z-abcdef/manifest.json", "{}");
        kit.set("STAGING_DATABASE_URL", null).set("PRODUCTION_DATABASE_URL", "postgresql://a:b@127.0.0.1/c")
            .set("PRODUCTION_BACKUP_BUCKET", "elsewhere");
        kit.run("backups", "list").exits(0).printsLike("(?m)^shop-2 +0  none$")
            .printsLike("(?m)^staging +1  " + id + "$").says("environment 'production' has a bucket of its own", "./jbang backups list --env production");
        kit.set("BACKUP_BUCKET", null).run("backups", "list", "--json").exits(78).says("--env NAME");
    }

    @Test void a_mistyped_environment_is_not_an_empty_one() {
        backedUp().run("backups", "list", "--env", "stagin").exits(78).says("environment 'stagin' is unknown", "did you mean --env staging?");
    }

    @Test void show_tells_what_is_in_a_backup_and_how_to_restore_it_by_hand() {
        var kit = backedUp();
        kit.run("backups", "show", id(kit, 0).substring(0, 12), "--env", "staging").exits(0)
            .prints(id(kit, 0), "proof        stored", "1, 2,000 rows", "sha256sum -c SHA256SUMS", "pg_restore --exit-on-error");
        assertEquals(id(kit, 0), kit.run("backups", "show", "latest", "--env", "staging", "--json").exits(0).json().getAsJsonObject("manifest").get("id").getAsString());
        kit.run("backups", "show", "2031", "--env", "staging").exits(1).says("there is no backup '2031'", "./jbang backups list");
    }

    @Test void a_command_that_does_not_exist_is_answered_with_the_one_that_was_meant() {
        Stack.kit().run("backups", "lst").exits(2).says("Did you mean list?");
    }

    // --- verify

    @Test void any_flipped_byte_of_any_object_is_found_and_the_object_named() throws Exception {
        var kit = backedUp();
        var folder = kit.sealed().get(0);
        var seed = System.nanoTime();
        var random = new Random(seed);
        for (var name : List.of("data-00.dump.zst", "globals.sql.zst", "SHA256SUMS", "manifest.json")) {
            for (var i = 0; i < 3; i++) {
                var whole = kit.object(folder + name);
                var flipped = whole.clone();
                var position = random.nextInt(whole.length);
                flipped[position] ^= (byte) (1 << random.nextInt(8));
                kit.put(folder + name, flipped);
                var result = kit.run("backups", "verify", id(kit, 0), "--env", "staging");
                assertEquals(14, result.exit(), () -> name + ", byte " + position + ", seed " + seed + "\n" + result);
                result.says(folder + name, name.equals("manifest.json") ? "Next:  " : "do not restore this one");
                kit.put(folder + name, whole);
            }
        }
        kit.run("backups", "list", "--env", "staging").exits(0).prints("BROKEN");
        kit.run("backups", "verify", id(kit, 0), "--env", "staging").exits(0);
        kit.run("backups", "list", "--env", "staging").exits(0).prints("readable");
    }

    @Test void evidence_that_cannot_be_read_counts_as_a_failure_until_it_is_proven_again() {
        var kit = backedUp();
        var folder = kit.sealed().get(0);
        for (var broken : List.of("{\"proof\": \"restored\", \"passed\": true}", "{\"proof\": \"restored\", \"passed\": true, \"at\": \"yesterday\"}", "{\"passed\": true, \"at\": \"2026-11-24T02:00:00Z\"}", "not JSON", "")) {
            kit.put(folder + "verify-20261124T020000Z.json", broken);
            kit.run("backups", "list", "--env", "staging").exits(0)
                .prints("BROKEN, found ", "verify-20261124T020000Z.json can't be read; prove it again: ./jbang backups verify " + folder.replaceFirst(".*/(.+)/", "$1") + " --env staging");
        }
        for (var coloured : List.of("\"passed\": false, \"problem\": \"not \\u001b[31mread\"", "\"passed\": true, \"not_restorable\": [\"not \\u001b[31mread\"]")) {
            kit.put(folder + "verify-20261124T020000Z.json", "{\"proof\": \"readable\", \"at\": \"2026-11-24T02:00:00Z\", " + coloured + "}");
            kit.run("backups", "list", "--env", "staging").exits(0).prints("not  [31mread");
        }
        kit.run("backups", "verify", id(kit, 0), "--env", "staging").exits(0);
        kit.run("backups", "list", "--env", "staging").exits(0).printsLike("readable (just now|[0-9]+ min ago)");
    }

    @Test void truncated_missing_and_extra_objects_are_found_and_named() throws Exception {
        var kit = backedUp();
        var folder = kit.sealed().get(0);
        var data = folder + "data-00.dump.zst";
        var whole = kit.object(data);
        kit.put(data, java.util.Arrays.copyOf(whole, whole.length - 1));
        kit.run("backups", "verify", "--env", "staging").exits(14).says(data, "bytes, the manifest says " + whole.length);
        kit.delete(data);
        kit.run("backups", "verify", id(kit, 0), "--env", "staging").exits(14).says(data + " is missing");
        kit.put(data, whole);
        kit.put(folder + "data-01.dump.zst", "not ours");
        kit.run("backups", "verify", id(kit, 0), "--env", "staging").exits(14).says("data-01.dump.zst does not belong to this backup");
    }

    @Test void all_backups_are_verified_though_one_of_them_is_broken() throws Exception {
        var kit = backedUp();
        kit.run("backup-db", "--env", "staging").exits(0);
        kit.put(kit.sealed().get(1) + "data-00.dump.zst", "rubbish".getBytes(StandardCharsets.UTF_8));
        kit.run("backups", "verify", "--all", "--env", "staging").exits(14).prints("1 of 2 backups readable").says("backup " + id(kit, 1) + " is broken", "Read back " + id(kit, 0));
        assertEquals("backups verify", kit.history().get(kit.history().size() - 1).get("script").getAsString());
    }

    @Test void a_manifest_that_can_not_be_trusted_is_refused() throws Exception {
        var kit = backedUp();
        var key = kit.sealed().get(0) + "manifest.json";
        var good = new String(kit.object(key), StandardCharsets.UTF_8);
        refused(kit, key, good.replace("\"format\": 1", "\"format\": 2"), "has format 2, this kit reads up to 1");
        refused(kit, key, good.replace("\"name\": \"data-00.dump.zst\"", "\"name\": \"../data-00.dump.zst\""), "names a part that can't be one");
        refused(kit, key, good.substring(0, good.length() / 2), "manifest.json is broken");
        refused(kit, key, "", "manifest.json is broken");
        refused(kit, key, good.replace(id(kit, 0), "20260101T000000Z-abcdef"), "holds the manifest of another backup");
        kit.put(key, good);
        var size = java.util.regex.Pattern.compile("\"bytes_raw\": [0-9]+").matcher(good).results().findFirst().orElseThrow().group();
        kit.forge(kit.sealed().get(0), size, "\"bytes_raw\": 5");
        kit.run("backups", "verify", "latest", "--env", "staging").exits(14).says("unpacks to another size than the manifest says");
    }

    @Test void a_dump_that_was_never_whole_is_found_though_every_checksum_is_right() throws Exception {
        var kit = backedUp();
        // As if a broken pg_dump had been believed: the archive ends early, and everything else agrees with it.
        kit.forgeArchive("zstd -q -d data-00.dump.zst; truncate -s -2000 data-00.dump");
        kit.run("backups", "verify", "--env", "staging").exits(14).says("data-00.dump.zst is not an archive that pg_restore can parse");
    }

    @Test void an_encrypted_backup_is_verified_where_its_identity_is() throws Exception {
        var kit = Stack.kit();
        kit.database.execute("create table t as select n from generate_series(1, 2000) n");
        kit.bash("age-keygen -o key.txt; age-keygen -o other.txt; chmod 600 key.txt other.txt").exits(0);
        kit.run("backup-db", "--env", "staging", "--recipient", kit.bash("age-keygen -y key.txt").out().strip()).exits(0);
        kit.run("backups", "verify", "--env", "staging").exits(78).says("is encrypted, and BACKUP_IDENTITY_FILE is not set");
        kit.set("BACKUP_IDENTITY_FILE", kit.home.resolve("other.txt").toString());
        kit.run("backups", "verify", "--env", "staging").exits(78).says("opens this backup");
        kit.set("BACKUP_IDENTITY_FILE", kit.home.resolve("key.txt").toString());
        kit.run("backups", "verify", "--env", "staging").exits(0);
        kit.run("backups", "list", "--env", "staging").exits(0).prints("readable", "; encrypted");
    }

    private static void refused(Kit kit, String key, String manifest, String words) throws IOException {
        var good = kit.object(key);
        kit.put(key, manifest.getBytes(StandardCharsets.UTF_8));
        kit.run("backups", "verify", "latest", "--env", "staging").exits(14).says(words);
        kit.put(key, good);
    }

    private static Kit backedUp() { return Stack.kit().backedUp("create table t as select n, md5(n::text) from generate_series(1, 2000) n"); }

    /** The id of a backup, the oldest being number 0. */
    private static String id(Kit kit, int number) {
        var path = kit.sealed().get(number).split("/");
        return path[path.length - 1];
    }
}
