import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.File;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class BrowserTest {
    private static final String SECRET = "only-for-the-own-origin", BUNDLE = "document.getElementById('root').innerHTML = '<h1>Invoices</h1>'";

    private final Kit kit = new Kit(Stack.next("kit"));
    private final Site site = new Site(), other = new Site();

    @BeforeEach void needsABrowser() { Kit.needs("chromium"); }

    @AfterEach void close() {
        site.close();
        other.close();
    }

    @Test void a_page_that_works_passes_and_what_can_be_seen_of_it_is_kept_for_nobody_else() throws IOException {
        site.page("/", "<meta name=release content=20261124-1><script src=/app.js defer></script><div id=root></div>").file("/app.js", 200, BUNDLE);
        var seen = kit.run("browser", "--url", site.url("/"), "--json").exits(0).says("ok: It renders", "screenshot: " + kit.home).json();
        assertEquals("pass", seen.get("outcome").getAsString());
        assertEquals("20261124-1", seen.get("release").getAsString());
        for (var list : List.of("errors", "failed_requests", "console_errors")) assertTrue(seen.getAsJsonArray(list).isEmpty(), list);
        var screenshot = Path.of(seen.get("screenshot").getAsString());
        assertEquals(kit.home.resolve(".handover/screenshots"), screenshot.getParent());
        assertEquals("rw-------", PosixFilePermissions.toString(Files.getPosixFilePermissions(screenshot)));
        var picture = ImageIO.read(screenshot.toFile());
        assertTrue(picture.getWidth() > 1000 && picture.getHeight() > 500, picture::toString);
        assertEquals(List.of(), kit.leftTemporary());
    }

    @Test void a_white_page_that_answers_200_is_caught_and_the_bundle_that_was_cut_in_half_is_named() {
        // Nothing, what is hidden, and what can't be seen through.
        site.page("/", "<div id=root><div></div><p hidden>Invoices</p></div><div id=app style='opacity: 0'>Invoices</div><script src=/assets/app-1a2b.js></script>").file("/assets/app-1a2b.js", 200, "function start() { if (true) {");
        kit.run("browser", "--url", site.url("/"), "--seconds", "60").exits(14).says("is a white page: it answers 200, and nothing that can be seen came into #root", "screenshot: ",
            "Next:  mend what keeps it from rendering: Uncaught SyntaxError: ", "(" + site.url("/assets/app-1a2b.js") + ":");
    }

    @Test void a_page_that_is_covered_is_caught() {
        site.page("/", "<div id=root>Invoices</div><div style='position: fixed; inset: 0; background: white'></div>");
        kit.run("browser", "--url", site.url("/"), "--seconds", "60").exits(14)
            .says("is covered: something lies over all of its page");
    }

    @Test void a_page_that_only_promises_or_says_that_it_failed_is_caught() {
        site.page("/", "<div id=root><p>Chargement en cours…</p></div>");
        kit.run("browser", "--url", site.url("/"), "--seconds", "60").exits(14)
            .says("does not come beyond its sign that it is loading, in #root");
        site.page("/",
            "<div id=root></div><script>setTimeout(() => root.innerHTML = '<h1>Une erreur est survenue', 300)</script>");
        kit.run("browser", "--url", site.url("/"), "--seconds", "60").exits(14)
            .says("shows an error page: 'Une erreur est survenue'");
    }

    @Test void a_page_that_sends_its_visitors_on_and_on_or_elsewhere_is_caught() {
        site.page("/",
            "<div id=root>Invoices</div><script>setTimeout(() => { location.href = '/again' }, 800)</script>")
            .page("/again",
                "<div id=root>Invoices</div><script>setTimeout(() => { location.href = '/' }, 800)</script>");
        kit.run("browser", "--url", site.url("/"), "--seconds", "60").exits(14)
            .says(site.url("/") + " sends its visitors on without end");
        site.page("/", "<div id=root>Invoices</div><script>setTimeout(() => { location.href = '/later' }, 6000)</script>")
            .page("/later",
                "<div id=root>Invoices</div><script>setTimeout(() => { location.href = '/' }, 6000)</script>");
        kit.run("browser", "--url", site.url("/"), "--seconds", "60").exits(14)
            .says("ok: It renders", site.url("/") + " sends its visitors on without end");
        site.page("/", "<div id=root>Invoices</div><script>setTimeout(() => { location.href = '" + other.url("/")
            + "' }, 20000)</script>");
        other.page("/", "<div id=root>Casino</div>");
        kit.run("browser", "--url", site.url("/"), "--seconds", "60").exits(14)
            .says("leads to another port, ", site.url("/") + " → " + other.url("/"));
    }

    @Test void a_page_that_takes_its_time_passes_and_what_is_not_its_own_fault_is_only_mentioned() {
        site.page("/", "<div id=root></div><script src=" + other.url("/count.js") + "></script><script src=" + other.url("/gone.js")
            + "></script><img src=http://127.0.0.1:1/pixel.png>"
            + "<script>setTimeout(() => { root.innerHTML = 'Invoices <code>{{ sum }}</code>' }, 5000)"
            + "\nsetTimeout(() => { location.href = '/?' + Date.now() }, 20000)"
            + "\nPromise.reject(new DOMException('play() failed', 'NotAllowedError'))"
            + "\nnew ResizeObserver(() => { root.style.height = root.offsetHeight + 1 + 'px' }).observe(root)"
            + "\nfetch('/api/me'); fetch('/api/cart')</script>")
            .file("/api/me", 401, "who are you?").file("/api/cart", 403, "who are you?");
        other.file("/count.js", 200, "throw new Error('no consent')");
        kit.run("browser", "--url", site.url("/"), "--seconds", "60").exits(0)
            .says("an uncaught error, which does not count: ", other.url("/count.js"), "NotAllowedError: play() failed",
                "does not count: " + other.url("/gone.js") + ": answers 404", "does not count: http://127.0.0.1:1/pixel.png: ERR_",
                "does not count: " + site.url("/api/me") + ": answers 401",
                "does not count: " + site.url("/api/cart") + ": answers 403");
    }

    @Test void what_scripts_have_not_filled_in_or_got_a_page_for_is_caught() {
        site.page("/", "<div id=root><h1>{{ title }}</h1></div><script src=" + other.url("/vue.js") + "></script>");
        kit.run("browser", "--url", site.url("/"), "--seconds", "60").exits(14)
            .says("shows '{{ title }}', which no script has filled in");
        // The host's page for whatever is not there.
        site.page("/", """
            <!doctype html><div id=root>Invoices</div><script>
            import('/chunk-1a2b.js').catch(() => {})
            fetch('/api/invoices').then(answer => answer.json()).catch(() => {})
            fetch('/next').then(answer => answer.text())
            root.innerHTML += '<link rel=stylesheet href=/chunk-3c4d.css>'
            </script>""");
        for (var missing : List.of("/chunk-1a2b.js", "/api/invoices", "/next", "/chunk-3c4d.css"))
            site.page(missing, "<!doctype html><div id=root></div>");
        kit.run("browser", "--url", site.url("/"), "--json").exits(14)
            .says("asks its own site in vain for 3 things, the first: ")
            .prints("and no script", "answers with a page where data are asked for", "is a page and no stylesheet")
            .neverShows("/next");
    }

    @Test void an_exception_and_a_rejection_after_it_has_rendered_are_caught() {
        site.page("/", "<div id=root></div><script src=/app.js></script>")
            .file("/app.js", 200, BUNDLE + "\nsetTimeout(() => { throw new TypeError('no such invoice') }, 200)\nPromise.reject(new Error('not awaited'))\nPromise.reject(1).catch(() => {})");
        var result = kit.run("browser", "--url", site.url("/"), "--json").exits(14).says("has 2 uncaught errors, the first: Uncaught (in promise) Error: not awaited (" + site.url("/app.js") + ":3)");
        assertEquals("Uncaught TypeError: no such invoice", result.json().getAsJsonArray("errors").get(1).getAsJsonObject().get("message").getAsString());
    }

    @Test void a_request_to_its_own_site_that_fails_is_caught() {
        site.page("/", "<div id=root>Invoices</div><script src=/chunk.js></script><script>fetch('/api/me?token=x')</script>").file("/api/me", 500, "oops");
        kit.run("browser", "--url", site.url("/")).exits(14).says("asks its own site in vain for 2 things, the first: " + site.url("/chunk.js") + ": answers 404").neverShows("token=x");
    }

    @Test void a_login_before_the_site_is_no_failure_of_the_page() {
        site.page("/", "<form><input type=password></form>").file("/shut", 401, "who are you?");
        kit.run("browser", "--url", site.url("/")).exits(16).says("a login stands before the site: " + site.url("/") + " asks for a password, and is not the application");
        kit.run("browser", "--url", site.url("/shut")).exits(16).says("a login stands before the site: " + site.url("/shut") + " (401)");
    }

    @Test void a_page_that_never_finishes_loading_ends_within_the_time() {
        site.page("/", "<div id=root>Invoices</div><script src=/hangs></script>");
        kit.run("browser", "--url", site.url("/"), "--seconds", "30").exits(14).says(site.url("/hangs") + ": never ends, and the page waits for it");
        kit.run("browser", "--url", site.url("/hangs"), "--seconds", "30").exits(14).says(site.url("/hangs") + " does not answer with a page: no answer within the time");
    }

    @Test void the_header_goes_to_the_own_origin_alone_and_is_never_shown() throws Exception {
        site.page("/", "<div id=root></div><script src=/app.js></script><iframe src=" + other.url("/frame") + "></iframe><img src=/away><img src=/last><script src=" + other.url("/lib.js") + "></script>")
            .file("/app.js", 200, BUNDLE + "\nnew Worker('/worker.js'); navigator.serviceWorker.register('/service.js')").file("/worker.js", 200, "fetch('/from-worker')").file("/from-worker", 200, "")
            .file("/service.js", 200, "fetch('/from-service')").file("/last", 200, "").after("/last", () -> site.asked.keySet().containsAll(List.of("/from-worker", "/from-service")) && other.asked.containsKey("/data")).file("/from-service", 200, "").away("/away", other.url("/picture"));
        other.page("/frame", "<img src=" + site.url("/in-frame") + ">").file("/lib.js", 200, "fetch('" + other.url("/data") + "').catch(() => {})").file("/picture", 200, "").file("/data", 200, "");
        site.file("/in-frame", 200, "");
        var file = kit.home.resolve("header");
        Files.writeString(file, "x-bypass: " + SECRET + "\n");
        Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-r--r--"));
        kit.run("browser", "--url", site.url("/"), "--header-file", file.toString()).exits(78).says("can be read by others", "chmod 600").neverShows(SECRET);
        Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-------"));
        var running = kit.start("browser", "--url", site.url("/"), "--header-file", file.toString(), "--seconds", "120", "--json", "--verbose");
        var shown = new HashSet<String>();
        for (; running.process.isAlive(); Patience.pause(5)) shown.addAll(commandLines());
        running.result().exits(0).neverShows(SECRET);
        assertTrue(shown.stream().anyMatch(line -> line.contains("--remote-debugging-pipe")), "Chromium was never seen");
        assertTrue(shown.stream().noneMatch(line -> line.contains(SECRET)), "a command line shows the header");
        var without = new TreeSet<>(site.asked.keySet());
        without.removeIf(path -> site.asked.get(path).contains("x-bypass: " + SECRET) || path.equals("/favicon.ico"));
        assertEquals(new TreeSet<>(), without);
        assertTrue(site.asked.keySet().containsAll(List.of("/", "/app.js", "/away", "/worker.js", "/from-worker", "/service.js", "/from-service", "/in-frame")), () -> site.asked.keySet().toString());
        assertTrue(other.asked.keySet().containsAll(List.of("/frame", "/lib.js", "/picture", "/data")), () -> other.asked.keySet().toString());
        assertFalse(other.asked.toString().toLowerCase().contains("x-bypass") || other.asked.toString().contains(SECRET), () -> other.asked.toString());
    }

    @Test void without_chromium_nothing_can_be_told_and_the_command_that_installs_it_is() throws IOException {
        var folder = Files.createDirectory(kit.home.resolve("programs"));
        for (var from : System.getenv("PATH").split(File.pathSeparator)) {
            if (!Files.isDirectory(Path.of(from))) continue;
            try (var programs = Files.newDirectoryStream(Path.of(from))) {
                for (var program : programs)
                    if (!program.getFileName().toString().contains("chrom") && !Files.exists(folder.resolve(program.getFileName()), java.nio.file.LinkOption.NOFOLLOW_LINKS)) Files.createSymbolicLink(folder.resolve(program.getFileName()), program);
            }
        }
        kit.with("PATH", folder.toString());
        var unknown = kit.run("browser", "--url", site.url("/"), "--json").exits(16).says("FAILED: there is no Chromium or Chrome on this machine", "install ").json();
        assertEquals("unknown", unknown.get("outcome").getAsString());
        kit.with("CHROME", "/bin/false").run("browser", "--url", site.url("/")).exits(16).says("Chromium did not start");
    }

    @Test void an_address_or_a_selector_that_makes_no_sense_is_refused() {
        for (var url : List.of("staging", "ftp://x/", "https://me:word@x/")) kit.run("browser", "--url", url).exits(2).says("--url takes an address");
        site.page("/", "<div id=root>Invoices</div>");
        kit.run("browser", "--url", site.url("/"), "--root", "#1x[").exits(2).says("--root is not a CSS selector: #1x[");
    }

    @Test void a_signal_in_the_middle_leaves_neither_a_process_nor_a_profile_and_kill_9_no_process() throws Exception {
        site.page("/", "<div id=root></div><script src=/hangs></script>");
        kit.start("browser", "--url", site.url("/")).awaitSays("ok: The page answers").signal("TERM").result().exits(143);
        kit.awaitNoProcess();
        assertEquals(List.of(), kit.leftTemporary());
        kit.start("browser", "--url", site.url("/")).awaitSays("ok: The page answers").signal("KILL").process.waitFor();
        kit.awaitNoProcess();
        kit.run("browser", "--url", site.url("/nothing")).exits(14).says(site.url("/nothing") + " answers 404");
        assertEquals(List.of(), kit.leftTemporary());
    }

    private static Set<String> commandLines() throws IOException {
        var all = new HashSet<String>();
        try (var processes = Files.newDirectoryStream(Path.of("/proc"), "[0-9]*")) {
            for (var process : processes) {
                try {
                    all.add(Files.readString(process.resolve("cmdline"), StandardCharsets.ISO_8859_1));
                } catch (IOException e) {
                    // it has ended meanwhile
                }
            }
        }
        return all;
    }

    /** A web site on this machine, which notes what it is asked for. */
    private static final class Site {
        /** The headers of each request, by its path. */
        final Map<String, String> asked = new ConcurrentHashMap<>();
        private final Map<String, Answer> answers = new ConcurrentHashMap<>();
        private final Map<String, Patience.Condition> waits = new ConcurrentHashMap<>();
        private final CountDownLatch closed = new CountDownLatch(1);
        private final HttpServer server;

        private record Answer(int status, String type, String to, byte[] body) { }

        Site() {
            try {
                server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
            } catch (IOException e) {
                throw new java.io.UncheckedIOException(e);
            }
            server.setExecutor(Executors.newCachedThreadPool());
            server.createContext("/", this::answer);
            server.start();
        }

        String url(String path) { return "http://127.0.0.1:" + server.getAddress().getPort() + path; }

        Site page(String path, String body) { return put(path, 200, "text/html", null, "<!doctype html><meta charset=utf-8><title>Site</title>" + body); }

        Site file(String path, int status, String body) { return put(path, status, path.endsWith(".js") ? "text/javascript" : "text/plain", null, body); }

        Site away(String path, String to) { return put(path, 302, "text/plain", to, ""); }

        /** Answers for a path when that holds: a page that waits for it has loaded only then. */
        Site after(String path, Patience.Condition first) {
            waits.put(path, first);
            return this;
        }

        private Site put(String path, int status, String type, String to, String body) {
            answers.put(path, new Answer(status, type, to, body.getBytes(StandardCharsets.UTF_8)));
            return this;
        }

        private void answer(HttpExchange exchange) throws IOException {
            var path = exchange.getRequestURI().getPath();
            var headers = new ArrayList<String>();
            exchange.getRequestHeaders().forEach((name, values) -> headers.add(name.toLowerCase() + ": " + String.join(", ", values)));
            asked.merge(path, headers.toString(), String::concat);
            try (exchange) {
                if (path.equals("/hangs")) closed.await();
                if (waits.containsKey(path)) Patience.until(waits.get(path), () -> path + " waits for what is never asked: " + asked.keySet());
                var answer = answers.getOrDefault(path, new Answer(404, "text/plain", null, new byte[0]));
                exchange.getResponseHeaders().set("Content-Type", answer.type);
                if (answer.to != null) exchange.getResponseHeaders().set("Location", answer.to);
                exchange.sendResponseHeaders(answer.status, answer.body.length == 0 ? -1 : answer.body.length);
                exchange.getResponseBody().write(answer.body);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }

        void close() {
            closed.countDown();
            server.stop(0);
            ((java.util.concurrent.ExecutorService) server.getExecutor()).shutdownNow();
        }
    }
}
