//SOURCES ../scripts/smoke/Smoke.java
//SOURCES ../acceptance/browser/Chromium.java
//SOURCES ../acceptance/browser/Header.java
//SOURCES ../acceptance/browser/Looks.java
//SOURCES ../acceptance/browser/Visit.java

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import browser.Chromium;
import browser.Looks;
import browser.Visit;
import com.google.gson.JsonObject;
import java.io.IOException;
import java.net.URI;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.Executors;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import ops.Failure;
import ops.Private;
import ops.Run;
import ops.Settings;
import org.junit.jupiter.api.Test;
import smoke.Check;
import smoke.Findings;
import smoke.Judge;
import smoke.Outcome;
import smoke.Smoke;
import smoke.Waiting;

/**
 * Each answer of tests/fixtures/answers.txt, given by a server, and judged as a deploy judges the site.
 *
 * <p>Without a process of its own for each: two hundred starts would take longer than all other tests of the site.
 */
class AnswersTest {
    private static final Path TABLE = Stack.CHECKOUT.resolve("tests/fixtures/answers.txt");
    private static final List<String> CHECKS = List.of("front-end", "health", "assets", "api");
    private static final String PAGE = "<!doctype html><html><head><title>Remorques du Nord</title>"
        + "<script src=\"/app.js\"></script></head>"
        + "<body><div id=\"app\"></div></body></html>";
    /** Where each row has what Chromium does, behind the verdicts. */
    private static final int CHROMIUM = CHECKS.size(), BROWSER = CHROMIUM + 1;
    /** Behind a page whose script has run. */
    private static final String FILLS = "<script>if (window.ran) app.textContent = 'Remorques en stock'</script>";
    /** A script that leaves a sign. */
    private static final String RUNS = "globalThis.ran = 1";
    private static final Map<String,
        String> PATHS = Map.of("page", "/", "health", "/health", "api", "/api/trailers", "script", "/app.js");

    private record Row(String where, String verdicts, String name, int status, String headers, String body) {
        static Row of(String line) {
            var parts = line.split(" \\| ", 6);
            return new Row(parts[0], parts[1], parts[2], Integer.parseInt(parts[3]), parts[4], parts.length < 6 ? ""
                : parts[5].replace("\\n", "\n"));
        }

        /** As a page that was rendered on the server: a white one passes no browser. */
        Row filled() {
            return new Row(where, verdicts, name, status, headers,
                body.replace("<div id=\"app\"></div>", "<div id=\"app\">Remorques en stock</div>"));
        }

        LyingSite.Lie answer(LyingSite other) {
            var all = headers.equals("-") ? List.<String>of() : List.of(headers.split(" ~ "));
            var sent = all.stream().filter(header -> !header.startsWith("asked with "))
                .flatMap(header -> Stream.of(header.split(": ", 2))).toArray(String[]::new);
            var text = body.replace("{other}", other.url().replaceFirst("/$", ""))
                .replace("{gzip}", "\u001f\u008b\b").replace("{OTHER}", "HTTP://\uFF11\uFF12\uFF17.0.0.1:" + other.port());
            var answer = LyingSite.status(status, text.getBytes(charset()), sent);
            var asked = all.stream().filter(header -> header.startsWith("asked with ")).findFirst();
            if (asked.isEmpty()) return answer;
            var wanted = asked.get().substring("asked with ".length()).split(": ", 2);
            return exchange -> {
                var said = String.valueOf(exchange.getRequestHeaders().getFirst(wanted[0]));
                (said.contains(wanted[1]) ? answer : LyingSite.status(200, "[]", "content-type", "application/json"))
                    .answer(exchange);
            };
        }

        private Charset charset() {
            var named = Pattern.compile("charset=\"?([\\w-]+)").matcher(headers + body);
            return named.find() ? Charset.forName(named.group(1)) : StandardCharsets.UTF_8;
        }
    }

    @Test void each_answer_is_judged_as_its_row_in_the_table_says() throws Exception {
        var wrong = new ArrayList<String>();
        var rows = rows();
        try (var site = new LyingSite(); var other = other()) {
            var checks = checks(site.url(), "SMOKE_API_PATH=/api/trailers");
            for (var row : rows) {
                well(site);
                for (var path : row.where.equals("everywhere") ? List.of("/", "/health", "/api/trailers", "*")
                    : List.of(PATHS.get(row.where)))
                    site.at(path, row.answer(other));
                var seen = look(checks.stream()
                    .filter(check -> row.verdicts.charAt(CHECKS.indexOf(check.name())) != '.').toList());
                if (!verdicts(seen).equals(row.verdicts.substring(0, CHROMIUM)))
                    wrong.add("%s: %s: %s instead of %s%s"
                        .formatted(row.where, row.name, verdicts(seen), row.verdicts, words(seen)));
            }
        }
        assertTrue(rows.size() >= 150, rows.size() + " rows");
        assertEquals("", String.join("\n", wrong));
    }

    @Test void chromium_shows_pages_and_runs_scripts_as_the_table_says() throws Exception {
        Kit.needs("chromium");
        var wrong = new ArrayList<String>();
        var run = new Run();
        try (var site = new LyingSite(); var other = other(); var end = run.undo) {
            var chromium = Chromium.start(run);
            for (var row : rows()) {
                var expected = row.verdicts.charAt(CHROMIUM);
                if (expected == '.') continue;
                well(site).at(PATHS.get(row.where), row.answer(other));
                var seen = shows(chromium, site.url()) ? 'S' : 'N';
                if (seen != expected) wrong.add(row.where + ": " + row.name + ": " + seen + " instead of " + expected);
            }
        }
        assertEquals("", String.join("\n", wrong));
    }

    @Test void the_browser_check_judges_what_chromium_makes_of_each_as_the_table_says() throws Exception {
        Kit.needs("chromium");
        var wrong = new ConcurrentLinkedQueue<String>();
        var left = new ConcurrentLinkedQueue<>(rows());
        left.removeIf(row -> row.verdicts.charAt(BROWSER) == '.');
        // Each page is watched for some seconds.
        var threads = Executors.newFixedThreadPool(3);
        try {
            var browsers = IntStream.range(0, 3).mapToObj(n -> threads.submit(() -> judgeAll(left, wrong))).toList();
            for (var browser : browsers) browser.get();
        } finally {
            threads.shutdownNow();
        }
        assertEquals("", String.join("\n", wrong));
    }

    private static Void judgeAll(Queue<Row> rows, Queue<String> wrong) throws Exception {
        var run = new Run();
        try (var site = new LyingSite(); var other = other(); var end = run.undo) {
            var chromium = Chromium.start(run);
            for (var row = rows.poll(); row != null; row = rows.poll()) {
                well(site).at("/", LyingSite.text("text/html", PAGE + FILLS))
                    .at(PATHS.get(row.where), row.filled().answer(other));
                var seen = "P";
                var url = URI.create(site.url());
                try (var visit = new Visit(chromium, url, null, Instant.now().plusSeconds(30))) {
                    var looks = new Looks(run.console, visit, url, Looks.ROOT, null);
                    for (var look : looks.first()) look.body().call();
                    looks.last().body().call();
                } catch (Failure.NotVerified | Failure.Unclear e) {
                    seen = (e instanceof Failure.Unclear ? "?: " : "F: ") + e.getMessage();
                }
                if (seen.charAt(0) != row.verdicts.charAt(BROWSER))
                    wrong.add("%s: %s: %s instead of %s".formatted(row.where, row.name, seen, row.verdicts));
            }
            return null;
        }
    }

    /** Whether the page stands in a fresh tab, and its script, if it has one, has run. */
    private static boolean shows(Chromium chromium, String url) throws InterruptedException {
        var end = Instant.now().plusSeconds(Patience.LIMIT_SECONDS);
        var tab = text(chromium, end, null, "Target.createTarget", Map.of("url", "about:blank"), "targetId");
        var page = text(chromium, end, null, "Target.attachToTarget", Map.of("targetId", tab, "flatten", true),
            "sessionId");
        chromium.call(end, page, "Network.setCacheDisabled", Map.of("cacheDisabled", true));
        var refused = chromium.call(end, page, "Page.navigate", Map.of("url", url)).orElseThrow().has("errorText");
        var complete = Map.of("returnByValue", true, "expression",
            "location != 'about:blank' && document.readyState == 'complete'");
        while (!refused && Instant.now().isBefore(end)
            && !isTrue(chromium.call(end, page, "Runtime.evaluate", complete)))
            chromium.listen(Instant.now().plusMillis(20));
        var said = chromium.call(end, page, "Runtime.evaluate", Map.of("returnByValue", true, "expression",
            "document.querySelector('#app') && [...document.scripts].every(each => !each.src || window.ran == 1)"));
        chromium.call(end, null, "Target.closeTarget", Map.of("targetId", tab));
        return !refused && isTrue(said);
    }

    private static boolean isTrue(Optional<JsonObject> said) {
        var value = said.map(each -> each.getAsJsonObject("result")).map(each -> each.get("value"));
        return value.filter(each -> each.isJsonPrimitive() && each.getAsBoolean()).isPresent();
    }

    private static String text(Chromium chromium, Instant end, String page, String method, Map<String, ?> parameters,
        String name) throws InterruptedException {
        return chromium.call(end, page, method, parameters).orElseThrow().get(name).getAsString();
    }

    private static List<Row> rows() throws IOException {
        return Files.readAllLines(TABLE).stream().filter(line -> !line.isBlank() && !line.startsWith("#")).map(Row::of)
            .toList();
    }

    /** Another origin, of which one script may be used by all. */
    private static LyingSite other() {
        return new LyingSite().at("/app.js", LyingSite.text("text/javascript", RUNS))
            .at("/empty.css", LyingSite.text("text/css", "")).at("/open.js",
                LyingSite.status(200, RUNS, "content-type", "text/javascript", "access-control-allow-origin", "*"));
    }

    @Test void a_site_below_a_path_of_its_host_is_looked_at_there() throws Exception {
        try (var site = new LyingSite()) {
            site.at("/", LyingSite.status(500, "another one's")).at("/health", LyingSite.status(500, "another one's"))
                .at("/shop", LyingSite.redirect("/shop/")).at("/shop/", LyingSite.text("text/html", PAGE))
                .at("/app.js", LyingSite.text("text/javascript", "console.log('app')"))
                .at("/shop/health", LyingSite.text("application/json", "{\"status\": \"ok\"}"));
            for (var address : List.of("shop", "shop/")) {
                var seen = look(checks(site.url() + address, ""));
                assertEquals("PPPP", verdicts(seen), address + words(seen));
            }
        }
    }

    @Test void text_without_a_tag_is_no_page_where_the_root_is_what_every_page_has() throws Exception {
        try (var site = new LyingSite()) {
            var frontEnd = checks(site.url(), "SMOKE_ROOT=body").stream()
                .filter(check -> check.name().equals("front-end")).toList();
            for (var page : Map.of("<p>Remorques en stock", "P...", "Remorques en stock", "F...").entrySet()) {
                well(site).at("/", LyingSite.text("text/html", page.getKey()));
                var seen = look(frontEnd);
                assertEquals(page.getValue(), verdicts(seen), page.getKey() + words(seen));
            }
        }
    }

    @Test void what_is_late_says_nothing_of_the_site_on_a_machine_with_too_much_to_do() {
        assertEquals(Optional.empty(), Waiting.tooLong(Duration.ofMillis(4400), Duration.ofSeconds(9)));
        assertEquals(Optional.of("this machine is too busy to tell: for 4.5 s of 9.0 s it had no processor to look with"),
            Waiting.tooLong(Duration.ofMillis(4500), Duration.ofSeconds(9)));
    }

    /** Everything but what a row is about. */
    private static LyingSite well(LyingSite site) {
        site.at("/", LyingSite.text("text/html", PAGE))
            .at("/health", LyingSite.text("application/json", "{\"status\": \"ok\"}"))
            .at("/api/trailers", LyingSite.text("application/json", "[]")).at("*", LyingSite.status(404, "not here"));
        site.at("/plain.js", LyingSite.text("text/plain", RUNS));
        for (var script : List.of("/app.js", "/a|b{c}.js", "/[slug].js", "/a b.js"))
            site.at(script, LyingSite.text("text/javascript", RUNS));
        return site;
    }

    private static List<Check> checks(String address, String more) throws IOException {
        var folder = Files.createDirectory(Stack.folder().resolve(Stack.next("answers")));
        Private.write(folder.resolve("env.operations"), "LOCAL_SITE_URL=" + address + "\n" + more + "\n");
        return Smoke.checks(new Run(), new Smoke.Target(Settings.ofStack(folder), null, null, false)).stream()
            .filter(check -> CHECKS.contains(check.name())).toList();
    }

    private static List<Judge.Result> look(List<Check> checks) throws Exception {
        return Findings.of(checks, Duration.ofSeconds(Patience.LIMIT_SECONDS), 1, result -> { }).results();
    }

    private static String verdicts(List<Judge.Result> results) {
        var verdicts = "....".toCharArray();
        for (var result : results)
            verdicts[CHECKS.indexOf(result.check().name())] = switch (result.verdict().outcome()) { case pass ->
                'P'; case fail -> 'F'; case unknown -> '?'; };
        return new String(verdicts);
    }

    private static String words(List<Judge.Result> results) {
        return results.stream().map(result -> "\n    " + result.check().name() + ": " + result.verdict().what())
            .reduce("", String::concat);
    }
}
