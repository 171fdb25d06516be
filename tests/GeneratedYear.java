import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import ops.*;
import smoke.Kept;
import smoke.Outcome;

/** What a year, or some days, leave in a bucket: nightly backups, weekly drills, smoke tests, deploys and what goes wrong; the same each time, up to a moment. */
final class GeneratedYear {
    private static final String[] SUBJECTS = {"Show the trailers by their length", "Mend the invoice list on telephones", "New photos of the 24-foot models", "Ask for the postal code first", "Faster search", "Correct the French of the terms"};

    private static final Map<String, String> TITLES = Map.of("health", "health endpoint", "front-end", "front end loads", "supabase", "Supabase connection", "assets", "static assets load", "database", "database read access", "api", "API response time", "tls", "TLS certificate", "backup", "age of the last backup");

    /** By key below the environment's folder. */
    final Map<String, byte[]> objects = new LinkedHashMap<>();
    private final Random random = new Random(20261125);
    private final String env, bucket;
    private final Instant now;
    private final int days;

    /** @param well whether all is well in the end */
    GeneratedYear(String bucket, String env, Instant now, int days, int smokeTestsADay, boolean well) {
        this.days = days;
        this.bucket = bucket;
        this.env = env;
        this.now = now.truncatedTo(ChronoUnit.SECONDS);
        for (var day = days - 1; day >= 0; day--) {
            // The newest is some hours old, whatever time it is.
            var night = this.now.minus(Duration.ofDays(day)).minus(Duration.ofHours(4));
            backUp(night, day, well);
            for (var look = 0; look < smokeTestsADay; look++) smoke(night.plusSeconds(600 + look * 86400L / smokeTestsADay % 12000), day, well);
            if (day % 6 == 2) deploy(night.plusSeconds(9000), day);
        }
        if (!well) deployThatWasTakenBack(this.now.minusSeconds(2 * 3600));
        restores();
    }

    private void backUp(Instant at, int day, boolean well) {
        var failed = day == 20 || day == 57 || day == 58 || day == 200 || !well && day < 2;
        var id = id(at);
        var bytes = (long) (280e6 + (days - day) * 4e5 + random.nextGaussian() * 2e6);
        var seconds = 62 + (days - day) * 0.08 + Math.abs(random.nextGaussian()) * 7;
        var record = record("backup-db", at, seconds, failed ? Exit.TOOL : Exit.DONE);
        if (failed) record.addProperty("problem", "could not connect to the database: connection refused");
        else {
            record.addProperty("backup", "s3://" + bucket + "/handover/" + env + "/shop/" + id + "/");
            record.addProperty("bytes_raw", bytes * 6);
            record.addProperty("bytes_stored", bytes);
        }
        put("history/" + id(at) + ".json", record);
        if (failed || day > 70 && day % 7 != 0) return; // pruned: the days of ten weeks stay, then one a week
        var folder = "shop/" + id + "/";
        put(folder + "manifest.json", manifest(id, at, bytes, seconds));
        if (day % 7 == 0) drill(folder, at.plusSeconds(3600), day, well);
        else if (day % 7 == 3) put(folder + "verify-" + Stamp.of(at.plusSeconds(1800)) + ".json", new BackupFolder.Evidence("readable", true, at.plusSeconds(1800).toString(), 31, Ops.VERSION, null, null, null, null, null, null));
        if (day == 42) put(folder + "hold.json", new BackupFolder.Hold("before the move to the new server", at.plusSeconds(4000).toString()));
    }

    private Manifest manifest(String id, Instant at, long bytes, double seconds) {
        var tables = new ArrayList<Snapshot.Table>();
        for (var table = 0; table < 40; table++) tables.add(new Snapshot.Table("public", "table_" + table, 12_000 + table * 311L));
        return new Manifest(Manifest.FORMAT, id, env, "shop", new Manifest.Kit(Ops.VERSION, "4f9a1c7d2e01"), at.toString(), at.plusSeconds(1).toString(), new Manifest.Server("17.6", "7400000000000000001", false, "UTF8", new DatabaseLocale("C.UTF-8", "C.UTF-8", "c", ""), null), "17.6",
            new Selection(List.of(), List.of(), List.of()), "zstd:3", List.of(), List.of(new Manifest.Part("data-00.dump.zst", "all", bytes * 6, bytes, "0".repeat(64), "x", null)), null, null, "exact",
            tables, "20260301120000", List.of(), bytes * 6, bytes, seconds, "stored", List.of("sha256sum -c SHA256SUMS"), null, null, null);
    }

    private void drill(String folder, Instant at, int day, boolean well) {
        var broken = day == 140;
        var evidence = new BackupFolder.Evidence("restored", !broken, at.toString(), 540 + (days - day) * 1.4 + Math.abs(random.nextGaussian()) * 60 + (well || day > 7 ? 0 : 3000), Ops.VERSION, broken ? "table public.invoices has 1203 rows, the manifest says 1204" : null, "17.6", 40, 722_580L, null, null);
        put(folder + "drill-" + Stamp.of(at) + ".json", evidence);
        put("history/" + id(at) + ".json", record("backups drill", at, evidence.seconds(), broken ? Exit.VERIFICATION : Exit.DONE));
    }

    private void smoke(Instant at, int day, boolean well) {
        var down = day == 33 || day == 121 || !well && day == 0;
        var checks = new ArrayList<Kept>();
        for (var name : List.of("health", "front-end", "supabase", "assets", "database", "api", "tls", "backup")) {
            var outcome = down && List.of("health", "api").contains(name) ? Outcome.fail : day == 75 && name.equals("database") ? Outcome.unknown : Outcome.pass;
            var slow = name.equals("api") && day % 23 == 5;
            checks.add(new Kept(name, TITLES.get(name), outcome, slow, 0.1 + random.nextDouble(), outcome == Outcome.fail ? "/" + name + " answers 502: Bad Gateway, 4 tries" : slow ? "median 1.2 s, one answer took 3.4 s" : "as it should be",
                name.equals("tls") ? at.plus(Duration.ofDays(20 + (day + 41) % 60)).toString() : null));
        }
        var exit = down ? Exit.VERIFICATION : day == 75 ? Exit.UNKNOWN : Exit.DONE;
        var record = record("smoke-tests", at, 4.2, exit);
        if (exit != Exit.DONE) record.addProperty("problem", down ? "2 of 8 FAIL, 6 of 8 pass; the first: health endpoint: /health answers 502: Bad Gateway" : "1 of 8 can't be told, 7 of 8 pass; the first: database read access: this machine's own network is down");
        record.add("checks", JsonParser.parseString(Json.text(checks)));
        put("history/" + id(at) + ".json", record);
    }

    private void deploy(Instant at, int day) {
        var failed = day % 54 == 50;
        var record = record("deploy", at, 84, failed ? Exit.TOOL : Exit.DONE);
        commit(record);
        if (failed) record.addProperty("problem", "npm ci failed: EAI_AGAIN registry.npmjs.org");
        put("history/" + id(at) + ".json", record);
        if (day % 90 != 86) return;
        var back = record("rollback", at.plusSeconds(4000), 9, Exit.DONE);
        commit(back);
        back.addProperty("reason", "prices without taxes <script>alert(1)</script>");
        put("history/" + id(at.plusSeconds(4000)) + ".json", back);
    }

    private void deployThatWasTakenBack(Instant at) {
        var record = record("deploy", at, 131, Exit.ROLLED_BACK);
        commit(record);
        record.addProperty("problem", "release 20261124T101500Z-0a1b2c did not pass, and was taken back: 1 of 7 FAIL, 6 of 7 pass; static assets load: /assets/index-1a2b.js answers 404");
        put("history/" + id(at) + ".json", record);
    }

    private void restores() {
        var staging = record("restore-db", now.minus(Duration.ofDays(64)), 731, Exit.DONE);
        staging.addProperty("restored", "s3://" + bucket + "/handover/" + env + "/shop/" + id(now.minus(Duration.ofDays(65))) + "/");
        put("history/" + id(now.minus(Duration.ofDays(64))) + ".json", staging);
        var emergency = record("restore-db", now.minus(Duration.ofDays(119)), 902, Exit.DONE);
        emergency.addProperty("break_glass", "invoices of March were deleted by mistake; agreed with Mrs. Tremblay & the accountant");
        put("history/" + id(now.minus(Duration.ofDays(119))) + ".json", emergency);
        var busy = record("deploy", now.minus(Duration.ofDays(31)), 2, Exit.BUSY);
        busy.addProperty("problem", "another run holds the lock: backup-db by root on www1, since 03:15");
        put("history/" + id(now.minus(Duration.ofDays(31))) + ".json", busy);
    }

    private void commit(JsonObject record) {
        record.addProperty("commit", "%08x".formatted(random.nextInt()).repeat(5));
        record.addProperty("subject", SUBJECTS[random.nextInt(SUBJECTS.length)]);
    }

    private JsonObject record(String script, Instant at, double seconds, Exit exit) {
        var record = new JsonObject();
        record.addProperty("id", id(at));
        record.addProperty("script", script);
        record.addProperty("env", env);
        record.addProperty("started", at.toString());
        record.addProperty("seconds", Math.round(seconds * 10) / 10.0);
        record.addProperty("result", exit == Exit.DONE ? "done" : "failed");
        record.addProperty("exit", exit.code);
        record.addProperty("kit", Ops.VERSION);
        return record;
    }

    private String id(Instant at) { return Stamp.of(at) + "-%06x".formatted(random.nextInt(1 << 24)); }

    private void put(String key, Object value) { objects.put(key, Json.bytes(value)); }
}
