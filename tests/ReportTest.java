import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonObject;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Instant;
import java.util.List;
import java.util.stream.Stream;
import ops.Steps;
import org.junit.jupiter.api.Test;

/** What the report makes of a bucket, and how that looks. */
class ReportTest {
    private static final List<Integer> WIDTHS = List.of(360, 768, 1280);
    private static final int LARGEST = 300_000;

    private final Kit kit = Stack.bareKit().set("STAGING_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/shop").set("STAGING_SITE_URL", "https://www.example.org/").set("RESTORE_GOAL_MINUTES", "30");

    private void fill(int days, boolean well) throws Exception {
        var all = new GeneratedYear(kit.bucket, "staging", Instant.now(), days, 1, well).objects;
        Steps.sideBySide(List.copyOf(all.entrySet()), object -> { kit.put("handover/staging/" + object.getKey(), object.getValue()); return true; });
    }

    private Path file() { return kit.home.resolve("handover-report-staging.html"); }

    private static List<String> states(JsonObject report) {
        return report.getAsJsonArray("parts").asList().stream().map(part -> part.getAsJsonObject().get("verdict").getAsString()).toList();
    }

    private static String text(Sight sight) throws InterruptedException { return sight.evaluate("document.body.innerText").getAsString(); }

    private static void fitsEveryWidth(Sight sight) throws InterruptedException {
        for (var width : WIDTHS) {
            sight.wide(width);
            assertTrue(sight.evaluate("document.documentElement.scrollWidth").getAsInt() <= width, "is wider than " + width + " pixels");
            assertEquals("", sight.evaluate("[...document.querySelectorAll('main *')].filter(e => !e.closest('svg') && e.getBoundingClientRect().right > innerWidth + 1).map(e => e.outerHTML.slice(0, 80)).join('\\n')").getAsString(), "sticks out at " + width);
        }
        assertEquals(List.of(), sight.errors);
        assertEquals(List.of(), sight.asked);
    }

    @Test void a_year_is_one_small_file_that_fits_every_screen_and_paper_in_both_languages_and_asks_for_nothing() throws Exception {
        Kit.needs("chromium");
        fill(365, true);
        var report = kit.run("report", "--env", "staging", "--json").exits(0).json();
        assertEquals(List.of("good", "good", "good", "good", "good"), Stream.concat(Stream.of(report.get("verdict").getAsString()), states(report).stream()).toList(), report::toString);
        assertEquals(file().toString(), report.get("file").getAsString());
        assertEquals("rw-------", PosixFilePermissions.toString(Files.getPosixFilePermissions(file())));
        var html = Files.readString(file());
        assertTrue(html.length() < LARGEST, () -> html.length() + " characters");
        assertFalse(html.matches("(?s).*(src|href|url\\()=?['\"]?(https?:)?//.*"), "it names something elsewhere");
        try (var sight = new Sight(file(), "en-CA", true)) {
            fitsEveryWidth(sight);
            var text = text(sight);
            assertTrue(text.contains("All that was checked is good") && text.contains("Last restore drill") && text.contains("prices without taxes <script>alert(1)</script>"), text);
            assertFalse(text.contains("Dernier"), text);
            assertEquals("en", sight.evaluate("document.documentElement.lang").getAsString());
            assertEquals(1, sight.evaluate("document.scripts.length").getAsInt());
            var paper = new String(sight.print(), StandardCharsets.ISO_8859_1);
            assertTrue(paper.startsWith("%PDF") && paper.contains("/MediaBox [0 0 594.95996 841.91998]"), () -> paper.substring(0, 3000));

            var french = text(sight.as("fr-CA", true));
            fitsEveryWidth(sight);
            assertTrue(french.contains("Tout ce qui a été vérifié est bon") && !french.contains("Last restore"), french);
            assertEquals("fr", sight.evaluate("document.documentElement.lang").getAsString());

            var without = text(sight.as("fr-CA", false));
            assertTrue(without.contains("Last restore drill"), without);
            sight.evaluate("document.querySelector('label[for=fr]').click()");
            var turned = text(sight);
            assertTrue(turned.contains("Dernier exercice de restauration") && !turned.contains("Last restore"), turned);
        }
    }

    @Test void what_is_wrong_comes_first_and_what_nobody_can_read_is_counted() throws Exception {
        fill(40, false);
        kit.put("handover/staging/history/20261001T000000Z-000000.json", "{\"script\": 5");
        kit.put("handover/staging/history/" + ops.Stamp.of(Instant.now()) + "-ffffff.json", "[]");
        Files.writeString(kit.home.resolve("tests/test-results.json"), "{\"made\":\"2026-11-25T07:00:00Z\",\"kit\":\"0.1.0\",\"commit\":\"4f9a1c7\",\"dirty\":false,\"passed\":1,\"failed\":2,\"skipped\":0,\"seconds\":9,"
            + "\"claims\":[{\"operation\":\"backup\",\"claim\":\"a <b>claim</b>\",\"test\":\"x\",\"result\":\"failed\",\"seconds\":1,\"log\":\"x\",\"sha256\":\"x\"}],\"metrics\":[{\"name\":\"memory\",\"value\":\"208 MB\"}]}");
        var report = kit.run("report", "--env", "staging", "--json", "--out", "r.html").exits(0).says("warning: left out, since it can't be read, or is none of this kit's: 2 objects").json();
        assertEquals(List.of("problem", "attention", "attention", "problem"), states(report), report::toString);
        var html = Files.readString(kit.home.resolve("r.html"));
        for (var text : List.of("Problem: last backup, last smoke test", "Problème\u00a0: dernière sauvegarde, dernier smoke test", "older than 26 h", "1 passed, 2 failed, 0 skipped", "a &lt;b&gt;claim", "208 MB", "Deploy taken back", "the goal is 30\u00a0min", "/health answers 502: Bad Gateway", "Backup failed"))
            assertTrue(html.contains(text), text);
    }

    @Test void an_empty_bucket_says_what_to_run_first_and_without_one_there_is_no_page() throws Exception {
        Kit.needs("chromium");
        var report = kit.run("report", "--env", "staging").exits(0);
        assertEquals(file() + "\n", report.out());
        try (var sight = new Sight(file(), "en", true)) {
            fitsEveryWidth(sight);
            var text = text(sight);
            assertTrue(text.contains("Nothing has been done here yet") && text.contains("./jbang doctor --env staging") && text.contains("./jbang backups drill latest --env staging") && !text.contains("Restore drills"), text);
            Files.writeString(file(), Files.readString(file()).replaceFirst("data-made=\"[^\"]*", "data-made=\"" + Instant.now().minusSeconds(3 * 86_400 + 60)));
            var later = text(sight.as("en", true));
            assertTrue(later.contains("This report is 3 days old"), later);
        }
        Files.delete(file());
        kit.run("report", "--env", "stagin").exits(78).says("environment 'stagin' is unknown", "did you mean --env staging?");
        kit.run("report", "--env", "staging", "--out", "nowhere/r.html").exits(2).says("there is no such folder");
        kit.set("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:1").set("S3_ATTEMPTS", "1").run("report", "--env", "staging").exits(13).says("State: nothing was written.");
        kit.set("BACKUP_BUCKET", null).run("report", "--env", "staging").exits(78).says("BACKUP_BUCKET is not set");
        assertFalse(Files.exists(file()));
    }

    @Test void smoke_tests_leave_what_each_check_saw_and_the_report_shows_it_with_what_runs_out() throws Exception {
        fill(1, true);
        try (var site = LyingSite.withTls(LyingSite.certificate(kit.home, "ends", "-ext", "san=ip:127.0.0.1", "-validity", "20")); var proxy = new FaultProxy(kit)) {
            proxy.every("HEAD .*manifest.json").change(answer -> answer.replaceFirst("\r\n", "\r\nx-amz-object-lock-retain-until-date: 2031-05-01T00:00:00Z\r\n"));
            kit.set("STAGING_SITE_URL", site.url()).set("STAGING_SUPABASE_URL", "none").set("SMOKE_CANARY_ROW", "none").set("SMOKE_TLS_DAYS", "30,7").set("SMOKE_CA_FILE", kit.home.resolve("ends.pem").toString());
            kit.run("smoke-tests", "--env", "staging", "--only", "health").exits(0);
            kit.run("smoke-tests", "--env", "staging").exits(0);
            var records = kit.history().stream().filter(record -> record.get("script").getAsString().equals("smoke-tests")).toList();
            assertEquals(2, records.size(), "a look at one thing alone leaves none; one is generated");
            var checks = records.get(1).getAsJsonArray("checks").asList().stream().map(check -> check.getAsJsonObject()).toList();
            assertEquals(List.of("health pass", "front-end pass", "supabase pass", "assets pass", "database pass", "api pass", "tls pass"), checks.stream().map(check -> check.get("name").getAsString() + " " + check.get("outcome").getAsString()).toList());
            var report = kit.run("report", "--env", "staging", "--json").exits(0).json();
            assertEquals(List.of("good", "good", "none", "attention"), states(report), report::toString);
        }
        var html = Files.readString(file());
        for (var text : List.of("7 of 7 checks pass", "TLS certificate: the certificate ends on", "19 days left, until ", "encore 19 jours, jusqu&#39;au ", "the last backup can&#39;t be deleted before 2031-05-01")) assertTrue(html.contains(text), text);
    }
}
