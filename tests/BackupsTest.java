import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonParser;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.regex.Pattern;
import ops.Failure;
import org.junit.jupiter.api.Test;

/** What the listing says of backups, and what verifying one finds. */
class BackupsTest {
    // --- list and show

    @Test void backups_are_listed_newest_first_with_their_proof() {
        var kit = backedUp();
        kit.run("backup-db", "--env", "staging", "--schema", "public").exits(0);
        // What has no seal is not listed but counted.
        kit.put("handover/staging/" + kit.database.name + "/20260101T000000Z-abcdef/data-00.dump.zst", "half a dump");
        var older = id(kit, 0);
        var newer = id(kit, 1);
        kit.run("backups", "verify", older, "--env", "staging").exits(0).prints("1 of 1 backup readable to the last byte");
        var list = kit.run("backups", "list", "--env", "staging").exits(0).says("1 unsealed leftover of killed runs");
        var lines = list.out().lines().toList();
        assertEquals(3, lines.size(), list::toString);
        assertTrue(lines.get(1).startsWith(newer) && lines.get(1).contains("stored; partial"), list::toString);
        assertTrue(lines.get(2).startsWith(older) && lines.get(2).contains("readable "), list::toString);

        var json = JsonParser.parseString(kit.run("backups", "list", "--env", "staging", "--json").exits(0).out()).getAsJsonArray();
        assertEquals(newer, json.get(0).getAsJsonObject().get("id").getAsString());
        assertEquals("stored", json.get(0).getAsJsonObject().getAsJsonObject("proof").get("grade").getAsString());
        assertEquals("readable", json.get(1).getAsJsonObject().getAsJsonObject("proof").get("grade").getAsString());
    }

    @Test void an_environment_without_backups_is_told_how_to_make_one() {
        var kit = Stack.kit();
        kit.run("backups", "list", "--env", "staging").exits(0).says("environment 'staging' has no backup", "./jbang backup-db --env staging");
        kit.run("backups", "show", "--env", "staging").exits(1).says("environment 'staging' has no backup", "Next:  make one: ./jbang backup-db --env staging");
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
        var flipped = new ArrayList<String>();
        for (var name : List.of("manifest.json", "SHA256SUMS", "globals.sql.zst", "data-00.dump.zst"))
            for (var i = 0; i < 3; i++) {
                var key = kit.copyOf(folder, later(flipped.size())) + name;
                var bytes = kit.object(key);
                bytes[random.nextInt(bytes.length)] ^= (byte) (1 << random.nextInt(8));
                kit.put(key, bytes);
                flipped.add(key);
            }
        var result = kit.run("backups", "verify", "--all", "--env", "staging").exits(14).prints("1 of 13 backups readable to the last byte")
            .says("ok: Read back " + id(kit, 0), "do not restore this one");
        for (var key : flipped) assertTrue(result.err().lines().anyMatch(line -> line.contains("backup " + key.split("/")[3] + " is broken: ") && line.contains(key)), () -> key + ", seed " + seed + "\n" + result);
        assertEquals("backups verify", kit.history().get(kit.history().size() - 1).get("script").getAsString());

        var mended = flipped.get(11);
        kit.put(mended, kit.object(folder + "data-00.dump.zst"));
        kit.readBack(later(11));
        kit.run("backups", "list", "--env", "staging").exits(0).printsLike(later(11) + ".* readable ").printsLike(later(10) + ".* BROKEN");
    }

    @Test void evidence_that_cannot_be_read_counts_as_a_failure_until_it_is_proven_again() throws Exception {
        var kit = backedUp();
        var folder = kit.sealed().get(0);
        var broken = List.of("{\"proof\": \"restored\", \"passed\": true}", "{\"proof\": \"restored\", \"passed\": true, \"at\": \"yesterday\"}", "{\"passed\": true, \"at\": \"2026-11-24T02:00:00Z\"}", "not JSON", "");
        var coloured = List.of("\"passed\": false, \"problem\": \"not \\u001b[31mread\"", "\"passed\": true, \"not_restorable\": [\"not \\u001b[31mread\"]");
        for (var number = 0; number < broken.size() + coloured.size(); number++)
            kit.put(kit.copyOf(folder, later(number)) + "verify-20261124T020000Z.json", number < broken.size() ? broken.get(number)
                : "{\"proof\": \"readable\", \"at\": \"2026-11-24T02:00:00Z\", " + coloured.get(number - broken.size()) + "}");
        var list = kit.run("backups", "list", "--env", "staging").exits(0);
        for (var number = 0; number < broken.size(); number++)
            list.printsLike(later(number) + ".* BROKEN, found .*: verify-20261124T020000Z.json can't be read; prove it again: ./jbang backups verify " + later(number) + " --env staging");
        for (var number = broken.size(); number < broken.size() + coloured.size(); number++) list.printsLike(later(number) + ".*not  \\[31mread");
        kit.readBack(later(0));
        kit.run("backups", "list", "--env", "staging").exits(0).printsLike(later(0) + ".* readable (just now|[0-9]+ min ago)");
    }

    @Test void what_is_not_as_it_was_made_or_never_was_is_found_and_named() {
        var kit = backedUp();
        var folder = kit.sealed().get(0);
        var manifest = new String(kit.object(folder + "manifest.json"), StandardCharsets.UTF_8);
        var found = new ArrayList<String>();
        var truncated = kit.copyOf(folder, later(0)) + "data-00.dump.zst";
        var whole = kit.object(truncated);
        kit.put(truncated, Arrays.copyOf(whole, whole.length - 1));
        found.add(truncated + " has " + (whole.length - 1) + " bytes, the manifest says " + whole.length);
        var missing = kit.copyOf(folder, later(1)) + "data-00.dump.zst";
        kit.delete(missing);
        found.add(missing + " is missing");
        var extra = kit.put(kit.copyOf(folder, later(2)) + "data-01.dump.zst", "not ours");
        found.add(extra + " does not belong to this backup");
        // Manifests that are not to be trusted, whatever their checksum is.
        found.add(kit.put(kit.copyOf(folder, later(3)) + "manifest.json", manifest.replace("\"format\": 1", "\"format\": 2")) + " has format 2, this kit reads up to 1");
        found.add(kit.put(kit.copyOf(folder, later(4)) + "manifest.json", manifest.replace("\"name\": \"data-00.dump.zst\"", "\"name\": \"../data-00.dump.zst\"")) + " is broken: it names a part that can't be one");
        found.add(kit.put(kit.copyOf(folder, later(5)) + "manifest.json", manifest.substring(0, manifest.length() / 2)) + " is broken");
        found.add(kit.put(kit.copyOf(folder, later(6)) + "manifest.json", "") + " is broken");
        found.add(kit.put(kit.copyOf(folder, later(7)) + "manifest.json", manifest) + " holds the manifest of another backup");
        var resized = kit.copyOf(folder, later(8));
        kit.forge(resized, Pattern.compile("\"bytes_raw\": [0-9]+").matcher(manifest).results().findFirst().orElseThrow().group(), "\"bytes_raw\": 5");
        found.add(resized + "data-00.dump.zst unpacks to another size than the manifest says");
        // As if a broken pg_dump had been believed: the archive ends early, and everything else agrees with it.
        kit.forgeArchive("zstd -q -d data-00.dump.zst; truncate -s -2000 data-00.dump");
        found.add(folder + "data-00.dump.zst is not an archive that pg_restore can parse");
        var result = kit.run("backups", "verify", "--all", "--env", "staging").exits(14).prints("0 of 10 backups readable");
        for (var what : found) result.says("backup " + what.split("/")[3] + " is broken: s3://" + kit.bucket + "/" + what);
    }

    @Test void an_encrypted_backup_is_verified_where_its_identity_is() throws Exception {
        var kit = Stack.kit();
        kit.database.execute("create table t as select n from generate_series(1, 2000) n");
        kit.bash("age-keygen -o key.txt; age-keygen -o other.txt; chmod 600 key.txt other.txt").exits(0);
        kit.run("backup-db", "--env", "staging", "--recipient", kit.bash("age-keygen -y key.txt").out().strip()).exits(0);
        kit.run("backups", "verify", "--env", "staging").exits(78).says("is encrypted, and BACKUP_IDENTITY_FILE is not set");
        kit.set("BACKUP_IDENTITY_FILE", kit.home.resolve("other.txt").toString());
        var refused = assertThrows(Failure.BadSetting.class, () -> kit.readBack("latest"));
        assertTrue(refused.getMessage().contains("opens this backup"), refused::getMessage);
        kit.set("BACKUP_IDENTITY_FILE", kit.home.resolve("key.txt").toString()).readBack("latest");
    }

    private static Kit backedUp() { return Stack.kit().backedUp("create table t as select n, md5(n::text) from generate_series(1, 2000) n"); }

    /** An id that is later than those of backups that are made, one of a row. */
    private static String later(int number) { return "203001%02dT000000Z-abcdef".formatted(number + 1); }

    /** The id of a backup, the oldest being number 0. */
    private static String id(Kit kit, int number) {
        var path = kit.sealed().get(number).split("/");
        return path[path.length - 1];
    }
}
