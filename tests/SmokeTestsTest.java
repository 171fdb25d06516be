import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonObject;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import javax.xml.parsers.DocumentBuilderFactory;
import ops.Failure;
import ops.Run;
import ops.Secret;
import ops.Setting;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import smoke.Check;
import smoke.Findings;
import smoke.Smoke;

/**
 * What the smoke tests make of a site that is well, and of one that lies.
 *
 * <p>Most looks are taken in this process, by what both the command and a deploy look with: a start for each would take
 * longer than the looks.
 */
class SmokeTestsTest {
    private final LyingSite site = new LyingSite();
    private final Kit kit = new Kit(Stack.next("kit")).set("STAGING_SITE_URL", site.url()).set("STAGING_SUPABASE_URL", "none");

    @AfterEach void stop() { site.close(); }

    private static LocalDate today() { return LocalDate.now(ZoneOffset.UTC); }

    private Kit.Result look(String... options) {
        var arguments = new ArrayList<>(List.of("smoke-tests", "--env", "staging"));
        arguments.addAll(List.of(options));
        return kit.run(arguments.toArray(String[]::new));
    }

    /** One look, as it is typed. */
    private Kit.Result typed(String check, String... options) {
        var all = new ArrayList<>(List.of("--only", check, "--tries", "1"));
        all.addAll(List.of(options));
        return look(all.toArray(String[]::new));
    }

    /** One look, in this process; what it finds is as the command prints it and ends. */
    private Kit.Result once(String checks, String... options) { return here(kit, 1, checks, options); }

    private static Kit.Result here(Kit kit, int tries, String checks, String... options) {
        var given = List.of(options);
        var lines = new ArrayList<String>();
        var names = List.of(checks.split(","));
        try {
            var settings = kit.settings();
            var target = new Smoke.Target(settings, after(given, "--url"), after(given, "--expect-commit"), false);
            var chosen = Smoke.checks(new Run(), target).stream().filter(check -> names.contains(check.name())).toList();
            assertTrue(chosen.size() == names.size() && chosen.stream().allMatch(Check::on), () -> names + ": " + chosen);
            var findings = Findings.of(chosen, settings.seconds(Setting.SMOKE_SECONDS), tries,
                result -> lines.add(Findings.line(result)));
            lines.add(findings.counts());
            findings.conclude();
            return result(names, 0, lines, "");
        } catch (Failure e) {
            return result(names, e.exit.code, lines, "FAILED: " + e.getMessage() + "\nNext:  " + e.hint);
        } catch (Exception e) {
            throw new AssertionError(e);
        }
    }

    private static Kit.Result result(List<String> names, int exit, List<String> lines, String said) {
        return new Kit.Result(names, exit, Secret.mask(String.join("\n", lines)), Secret.mask(said));
    }

    private static String after(List<String> options, String name) {
        var at = options.indexOf(name);
        return at < 0 ? null : options.get(at + 1);
    }

    private static JsonObject check(Kit.Result result, int index) { return result.json().getAsJsonArray("checks").get(index).getAsJsonObject(); }

    // --- a site that is well

    @Test void a_site_that_is_well_passes_with_a_line_for_each_check() {
        look("--skip", "database").exits(0).prints("ok ", "health endpoint: /health says status ok, 3 times running", "front end loads: " + site.url() + " is HTML with <div id=\"app\">, 'Remorques du Nord'",
            "Supabase connection: not used", "static assets load: all 3 arrive; a made-up one is not found", "API response time: /health: median ", "5 of 5 pass");
    }

    @Test void what_is_not_set_can_not_be_told_and_is_no_pass() {
        look().exits(16).prints("unknown ", "database read access: DATABASE_URL is not set for 'staging'", "5 of 6 pass, 1 of 6 can't be told");
        kit.set("STAGING_SUPABASE_URL", null);
        once("supabase").exits(16).prints("SUPABASE_URL is not set for 'local'", "'none' says that the site does without");
        kit.set("SMOKE_CANARY_ROW", "none");
        once("database").exits(0).prints("database read access: not used: SMOKE_CANARY_ROW is 'none'");
        kit.set("STAGING_SITE_URL", null).set("STAGING_DATABASE_URL", "postgresql://nobody:secret@127.0.0.1:1/none");
        once("health").exits(16).prints("SITE_URL is not set for 'local'");
    }

    @Test void an_environment_that_has_neither_site_nor_database_is_a_typing_mistake() {
        kit.run("smoke-tests", "--env", "stagin").exits(78).says("environment 'stagin' is unknown");
    }

    // --- lies, one by one

    @Test void an_error_page_that_answers_200_is_no_front_end() {
        site.at("/", LyingSite.text("text/html", "<html><head><title>404: Not Found</title></head><body><div id=app></div></body></html>"));
        typed("front-end").exits(14).prints("FAILED", "front end loads: " + site.url() + " answers 200 with an error page: '404: Not Found'");
        site.at("/", LyingSite.text("text/html", "<html><head><title>500 remorques en stock</title></head><body><div id=app><h1>Introuvable ailleurs</h1></div></body></html>"));
        once("front-end").exits(0);
        site.at("/", LyingSite.text("text/html", "<html><head><title>Bienvenue</title></head><body><p>It works!</p></body></html>"));
        once("front-end").exits(14).prints("without the application's root element (#root,#app,");
        site.at("/", LyingSite.text("text/html", ""));
        once("front-end").exits(14).prints("answers 200 with nothing in it");
        site.at("/", LyingSite.status(502, "Bad Gateway"));
        once("front-end").exits(14).prints("answers 502: Bad Gateway");
    }

    @Test void a_fallback_to_the_page_for_scripts_that_are_missing_is_found() {
        site.at("*", LyingSite.text("text/html", LyingSite.PAGE));
        typed("assets").exits(14).prints("a script that nobody made, answers 200 with an HTML page: a script that is missing would not be noticed");
    }

    @Test void a_script_that_is_an_html_page_is_named() {
        site.at("/assets/vendor-3c4d.js", LyingSite.text("text/html", LyingSite.PAGE));
        once("assets").exits(14).prints("static assets load: /assets/vendor-3c4d.js is an HTML page and no script");
        site.at("/assets/vendor-3c4d.js", LyingSite.text("text/javascript", LyingSite.PAGE));
        once("assets").exits(14).prints("/assets/vendor-3c4d.js is an HTML page that is called 'text/javascript' and no script");
    }

    @Test void a_bundle_that_is_missing_empty_or_cut_off_is_named() {
        site.at("/assets/index-1a2b.js", LyingSite.text("text/javascript", ""));
        typed("assets").exits(14).prints("/assets/index-1a2b.js is empty");
        site.at("/assets/index-1a2b.js", LyingSite.cutOff("text/javascript", "console.log('half of")); 
        once("assets").exits(14).prints("/assets/index-1a2b.js ended in the middle of its answer");
        site.at("/assets/index-1a2b.js", LyingSite.status(404, ""));
        once("assets").exits(14).prints("/assets/index-1a2b.js answers 404", "deploy again");
    }

    @Test void a_bundle_with_another_integrity_than_the_page_says_is_named() throws Exception {
        var script = "console.log('whole')";
        var digest = "sha384-" + Base64.getEncoder().encodeToString(java.security.MessageDigest.getInstance("SHA-384").digest(script.getBytes()));
        site.at("/", LyingSite.text("text/html", LyingSite.PAGE.replace("<script type=\"module\"", "<script type=\"module\" integrity=\"" + digest + "\"")));
        site.at("/assets/index-1a2b.js", LyingSite.text("text/javascript", script));
        once("assets").exits(0).prints("all 3 arrive, 1 with the right integrity");
        site.at("/assets/index-1a2b.js", LyingSite.text("text/javascript", script.substring(0, 10)));
        once("assets").exits(14).prints("/assets/index-1a2b.js (10 B) is not what the page's integrity attribute says");
    }

    @Test void yesterdays_commit_is_not_the_one_expected() {
        once("commit", "--expect-commit", "4f9a1c7").exits(0).prints("deployed commit: live is 4f9a1c7d2e");
        typed("commit", "--expect-commit", "0123456789abcdef").exits(14).prints("live is 4f9a1c7d2e, and not 0123456789abcdef");
        site.at("/version.json", LyingSite.text("application/json", "{\"commit\": \"0123456789abcdef\"}"));
        kit.set("SMOKE_RELEASE", "/version.json,meta");
        once("commit", "--expect-commit", "0123456").exits(0);
        // Below a path it is the application's that counts, and not another one's at the root.
        site.at("/shop/version.json", LyingSite.text("application/json", "{\"commit\": \"89abcdef0123\"}"));
        once("commit", "--expect-commit", "89abcdef", "--url", site.url() + "shop/").exits(0);
        kit.set("SMOKE_RELEASE", "header:x-release");
        once("commit", "--expect-commit", "0123456").exits(16).prints("the site does not say of which commit it is: nothing in header:x-release");
    }

    @Test void health_that_says_ok_though_its_database_is_down_fails() {
        site.at("/health", LyingSite.text("application/json", "{\"status\": \"ok\", \"maintenance\": false, \"checks\": [{\"database\": {\"status\": \"down\"}}]}"));
        typed("health").exits(14).prints("/health answers 200 and says checks.database.status down");
        site.at("/health", LyingSite.text("application/json", "{\"version\": \"3\"}"));
        once("health").exits(14).prints("answers 200 and does not say ok: {\"version\": \"3\"}");
        site.at("/health", LyingSite.text("text/html", LyingSite.PAGE));
        once("health").exits(14).prints("answers 200 with an HTML page that is no JSON object");
        site.at("/health", LyingSite.status(503, "{\"status\": \"down\"}"));
        once("health").exits(14).prints("/health answers 503: {\"status\": \"down\"}");
    }

    @Test void a_health_endpoint_that_does_not_look_at_its_database_deceives_one_check_and_not_the_other() throws IOException {
        try (var nobody = new ServerSocket(0)) {
            kit.set("STAGING_DATABASE_URL", "postgresql://dealer:secret@127.0.0.1:" + nobody.getLocalPort() + "/dealer").set("SMOKE_CANARY_ROW", "public.canary:id=1").set("DB_CONNECT_SECONDS", "1");
        }
        once("health,database").exits(14).prints("ok ", "health endpoint: /health says status ok", "FAILED", "database read access: the database at 127.0.0.1:").neverShows("secret");
    }

    @Test void a_redirect_loop_is_shown() {
        site.at("/", LyingSite.redirect("/fr")).at("/fr", LyingSite.redirect("/"));
        once("front-end").exits(14).prints("a redirect loop: " + site.url() + " → " + site.url() + "fr → " + site.url());
    }

    @Test void a_redirect_that_sets_a_cookie_and_comes_back_is_no_loop() {
        site.at("/", exchange -> {
            var known = String.valueOf(exchange.getRequestHeaders().getFirst("cookie")).contains("seen=1");
            (known ? LyingSite.text("text/html", LyingSite.PAGE) : LyingSite.status(302, "", "location", "/", "set-cookie", "seen=1; Path=/")).answer(exchange);
        });
        once("front-end").exits(0);
    }

    @Test void a_redirect_to_another_site_is_not_followed_into_a_pass() {
        try (var other = new LyingSite()) {
            kit.set("STAGING_SITE_URL", "http://localhost:" + site.port() + "/");
            site.at("/", LyingSite.redirect(other.url()));
            once("front-end").exits(14).prints("leads to another site: http://localhost:" + site.port() + "/ → " + other.url());
        }
    }

    @Test void a_redirect_to_plain_http_or_to_another_port_is_no_pass() {
        try (var secure = LyingSite.withTls(LyingSite.certificate(kit.home, "own", "-ext",
            "san=ip:127.0.0.1")); var other = new LyingSite()) {
            kit.set("SMOKE_CA_FILE", kit.home.resolve("own.pem").toString()).set("SMOKE_TLS_DAYS", "30,7");
            secure.at("/", LyingSite.redirect(site.url())).at("/health", LyingSite.redirect(site.url() + "health"));
            once("health,front-end,assets,api,tls", "--url", secure.url()).exits(14)
                .prints("5 of 5 FAIL",
                "leads through plain http, where anybody on the way can read and change what visitors see: "
                    + secure.url() + " → " + site.url());
            site.at("/", LyingSite.redirect(other.url()));
            once("front-end,assets").exits(14)
                .prints("2 of 2 FAIL", "leads to another port, " + other.port() + ": " + site.url() + " → "
                    + other.url());
        }
    }

    @Test void a_login_page_that_the_site_leads_to_is_not_the_application_unless_it_is_asked_for() {
        site.at("/", LyingSite.redirect("/login")).at("/login", LyingSite.text("text/html", LyingSite.PAGE));
        once("front-end").exits(16)
            .prints("a login stands before the site: " + site.url() + " → " + site.url() + "login",
            "look at that address: --url");
        once("front-end", "--url", site.url() + "login").exits(0);
    }

    @Test void a_redirect_to_an_address_that_browsers_mend_is_followed() {
        var sent = new String("/été|a b".getBytes(StandardCharsets.UTF_8),
            StandardCharsets.ISO_8859_1); // byte for byte
        site.at("/", LyingSite.redirect(sent)).at("/été|a b", LyingSite.text("text/html", LyingSite.PAGE));
        once("front-end").exits(0)
            .prints("front-end   front end loads: " + site.url() + "%C3%A9t%C3%A9%7Ca%20b is HTML");
    }

    @Test void an_answer_with_two_lengths_is_one_that_no_browser_takes() throws IOException {
        try (var server = new ServerSocket(0, 5, InetAddress.getByName("127.0.0.1"))) {
            answering(server, "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: " + LyingSite.PAGE.length()
                + "\r\ncontent-length: 20\r\n\r\n" + LyingSite.PAGE);
            once("front-end", "--url", "http://127.0.0.1:" + server.getLocalPort() + "/").exits(14)
                .prints("has 2 headers content-length that differ (" + LyingSite.PAGE.length()
                    + "; 20): no browser takes that");
        }
    }

    /** Whoever connects is told this, whatever they ask. */
    private static void answering(ServerSocket server, String answer) {
        var answering = new Thread(() -> {
            try {
                while (true) try (var visitor = server.accept()) {
                    visitor.getOutputStream().write(answer.getBytes());
                    visitor.getInputStream().read(new byte[1 << 16]); // else its question would cut the answer off
                }
            } catch (IOException e) {
                // the test is over
            }
        });
        answering.setDaemon(true);
        answering.start();
    }

    @Test void a_body_that_never_ends_is_given_up() {
        site.at("/", LyingSite.endless(1 << 20, 0));
        once("front-end").exits(14).prints(site.url() + " has sent more than 20.0 MB, and no end");
    }

    @Test void five_bytes_a_second_are_given_up() {
        kit.set("SMOKE_SECONDS", "40"); // enough for the first byte on any machine
        site.at("/", LyingSite.endless(1, 200));
        once("front-end").exits(14).prints(site.url() + " is still sending after ")
            .printsLike("after 3[0-9]\\.[0-9] s, [1-9][0-9]{1,2} B so far");
    }

    @Test void a_gzip_bomb_is_not_unpacked() {
        site.at("/", LyingSite.gzipOf(1 << 30));
        once("front-end").exits(14).prints("unpacks ", " to more than 20.0 MB");
    }

    @Test void who_stands_before_the_site_is_not_the_site() {
        site.at("/", LyingSite.status(403, "Just a moment...", "cf-mitigated", "challenge"));
        typed("front-end").exits(16).prints("unknown", "asks for proof of being no machine (cf-mitigated: challenge)", "SMOKE_HEADER");
        site.at("/", LyingSite.status(401, "Authentication Required"));
        once("front-end").exits(16).prints("a login stands before the site");
        site.at("/", LyingSite.text("text/html", "<html><title>Log in</title><form><input type=password></form></html>"));
        once("front-end").exits(16).prints("asks for a password, and is not the application");
        try (var login = new LyingSite()) {
            kit.set("STAGING_SITE_URL", "http://localhost:" + site.port() + "/");
            login.at("/sso-api", LyingSite.text("text/html", LyingSite.PAGE));
            site.at("/", LyingSite.redirect(login.url() + "sso-api?url=x"));
            once("front-end").exits(16).prints("a login stands before the site: http://localhost:" + site.port() + "/ → " + login.url() + "sso-api");
        }
        site.at("/", LyingSite.status(429, "slow down"));
        once("front-end").exits(16).prints("says that we ask too often (429)");
    }

    // --- certificates and names

    @Test void a_certificate_that_is_not_good_is_said_in_words() {
        var here = "san=ip:127.0.0.1";
        try (var unknown = LyingSite.withTls(LyingSite.certificate(kit.home, "own", "-ext", here))) {
            once("front-end", "--url", unknown.url()).exits(14).prints("the certificate of 127.0.0.1 is self-signed: no browser accepts it");
        }
        var expires = today().minusDays(10);
        try (var expired = LyingSite.withTls(LyingSite.certificate(kit.home, "expired", "-ext", here, "-startdate", "-40d", "-validity", "30"))) {
            once("front-end", "--url", expired.url()).exits(14).prints("the certificate of 127.0.0.1 expired on " + expires, "10 days ago");
        }
        try (var other = LyingSite.withTls(LyingSite.certificate(kit.home, "other", "-ext", "san=dns:www.example.com,dns:example.com"))) {
            kit.set("SMOKE_CA_FILE", kit.home.resolve("other.pem").toString());
            once("front-end", "--url", other.url()).exits(14).prints("the certificate is for www.example.com, example.com, and not for 127.0.0.1");
        }
    }

    @Test void a_certificate_without_a_name_that_browsers_read_is_not_accepted() {
        try (var nameless = LyingSite.withTls(LyingSite.certificate(kit.home, "localhost"))) {
            kit.set("SMOKE_CA_FILE", kit.home.resolve("localhost.pem").toString()).set("SMOKE_TLS_DAYS", "30,7");
            once("front-end,tls", "--url", "https://localhost:" + nameless.port() + "/")
                .exits(14).prints("2 of 2 FAIL",
                "the certificate of localhost has a subject (CN=localhost) and no subject alternative name");
        }
    }

    @Test void a_certificate_is_watched_before_it_ends() {
        kit.set("SMOKE_TLS_DAYS", "30,7");
        for (var days : List.of(90, 20, 5)) {
            var ends = today().plusDays(days);
            try (var secure = LyingSite.withTls(LyingSite.certificate(kit.home, "ends", "-ext", "san=ip:127.0.0.1", "-validity", String.valueOf(days)))) {
                kit.set("SMOKE_CA_FILE", kit.home.resolve("ends.pem").toString());
                var result = once("front-end,tls", "--url", secure.url());
                result.exits(days == 5 ? 14 : 0).prints(days == 90 ? "ok " : days == 20 ? "warning" : "FAILED", "TLS certificate: the certificate ends on " + ends, "in " + (days - 1) + " days");
            }
        }
    }

    @Test void plain_http_is_not_taken_for_tls() throws IOException {
        try (var plain = new ServerSocket(0, 5, InetAddress.getByName("127.0.0.1"))) {
            answering(plain, "HTTP/1.1 400 Bad Request\r\n\r\n");
            once("front-end", "--url", "https://127.0.0.1:" + plain.getLocalPort() + "/").exits(14).prints("127.0.0.1 does not speak TLS on this port: plain http, most likely");
        }
        kit.set("SMOKE_TLS_DAYS", "30,7");
        once("tls").exits(14).prints(site.url() + " is plain http: anybody on the way can read and change what visitors see");
    }

    @Test void a_name_with_ipv6_alone_is_not_one_that_visitors_reach() {
        try (var six = LyingSite.overIPv6()) {
            kit.set("SMOKE_DNS", "any");
            once("dns", "--url", "http://[::1]:" + six.port() + "/").exits(14).prints("IPv6 addresses only (0:0:0:0:0:0:0:1): many visitors have IPv4 alone");
        }
        once("dns").exits(0).prints("127.0.0.1 leads to 127.0.0.1");
        kit.set("SMOKE_DNS", "127.0.0.2");
        once("dns").exits(14).prints("127.0.0.1 leads to 127.0.0.1, and should to 127.0.0.2");
    }

    @Test void a_dead_site_is_said_to_be_dead_when_the_time_is_over() throws IOException {
        int port;
        try (var nobody = new ServerSocket(0)) {
            port = nobody.getLocalPort();
        }
        kit.set("SMOKE_SECONDS", "12");
        var result = look("--skip", "database,supabase", "--url", "http://127.0.0.1:" + port + "/", "--json").exits(14);
        // A slow machine has time for fewer of them.
        assertTrue(check(result, 0).get("what").getAsString().matches("127\\.0\\.0\\.1:" + port + " refuses the connection, [2-6] tries"), result.out());
        assertTrue(result.json().get("seconds").getAsDouble() <= 12.1, result.out());
    }

    @Test void when_this_machines_own_network_is_down_nothing_is_said_about_the_site() throws Exception {
        org.junit.jupiter.api.Assumptions.assumeTrue(new ProcessBuilder("unshare", "-rn", "true").start().waitFor() == 0, "this machine makes no network namespaces");
        kit.run("smoke-tests", "--env", "staging", "--list").exits(0); // built while there is a network
        for (var host : List.of("192.0.2.1", "www.example.com"))
            kit.bash("exec unshare -rn ./jbang smoke-tests --env staging --only front-end --tries 1 --url http://" + host + "/").exits(16).prints("unknown", "this machine");
    }

    // --- patience

    @Test void slow_and_then_fast_passes_and_says_so() {
        var asked = new AtomicInteger();
        site.at("/", exchange -> (asked.incrementAndGet() <= 2 ? LyingSite.status(503, "starting") : LyingSite.text("text/html", LyingSite.PAGE)).answer(exchange));
        var result = look("--only", "front-end", "--json").exits(0);
        assertTrue(check(result, 0).get("what").getAsString().endsWith("passed at try 3, before that: " + site.url() + " answers 503: starting"), result.out());
        assertEquals(5, check(result, 0).getAsJsonArray("attempts").size());
    }

    @Test void a_site_that_answers_every_other_time_does_not_pass() {
        var asked = new AtomicInteger();
        site.at("/health", exchange -> (asked.incrementAndGet() % 2 == 0 ? LyingSite.status(500, "oops") : LyingSite.text("application/json", "{\"status\": \"ok\"}")).answer(exchange));
        look("--only", "health", "--tries", "4").exits(14).prints("health answers 500: oops");
        asked.set(1);
        site.at("/", exchange -> (asked.incrementAndGet() % 2 == 0 ? LyingSite.status(500, "oops") : LyingSite.text("text/html", LyingSite.PAGE)).answer(exchange));
        here(kit, 5, "front-end").exits(14).prints("not steady: ", " tries did not pass, the last of these: " + site.url() + " answers 500: oops");
    }

    @Test void the_apis_usual_answer_counts_and_not_one_slow_one() {
        kit.set("SMOKE_API_PATH", "/api/trailers").set("SMOKE_API_SECONDS", "5");
        var asked = new AtomicInteger();
        site.at("/api/trailers", exchange -> {
            if (asked.incrementAndGet() == 3) Patience.pause(5500);
            LyingSite.text("application/json", "[]").answer(exchange);
        });
        once("api").exits(0).prints("warning", "/api/trailers: median ", "the latter over the budget of 5.0 s");
        kit.set("SMOKE_API_SECONDS", "1");
        site.at("/api/trailers", exchange -> { Patience.pause(1200); LyingSite.text("application/json", "[]").answer(exchange); });
        once("api").exits(14).prints("over the budget of 1.0 s").printsLike("/api/trailers: median (1[2-9]|[2-9][0-9])[0-9]{2} ms");
    }

    // --- the database, through SQL and as visitors see it

    private static final String CANARY = "create table canary (id int primary key, word text); insert into canary values (1, 'shown'), (2, 'hidden')";

    private LyingSite.Lie rows(String one, String two) {
        return exchange -> {
            var query = exchange.getRequestURI().getQuery();
            var known = "anon-key-1".equals(exchange.getRequestHeaders().getFirst("apikey"));
            LyingSite.status(known ? 200 : 401, !known ? "{\"message\": \"Invalid API key\"}" : query.startsWith("id=eq.1") ? one : query.startsWith("id=eq.2") ? two : "[]", "content-type", "application/json").answer(exchange);
        };
    }

    @Test void a_known_row_is_read_through_sql_and_rest_and_a_hidden_one_is_not() {
        var stack = Stack.kit(TestDatabase.create(Stack.next("db_")).execute(CANARY));
        stack.set("STAGING_SITE_URL", site.url()).set("STAGING_SUPABASE_URL", site.url()).set("STAGING_SUPABASE_ANON_KEY", "anon-key-1").set("SMOKE_CANARY_ROW", "public.canary:id=1").set("SMOKE_HIDDEN_ROW", "public.canary:id=2");
        site.at("/auth/v1/health", LyingSite.text("application/json", "{\"name\": \"GoTrue\"}")).at("/rest/v1/canary", rows("[{\"id\": 1}]", "[]"));
        var checks = "supabase,database";
        var arguments = new String[] {"smoke-tests", "--env", "staging", "--only", checks, "--tries", "1"};
        stack.run(arguments).exits(0).prints("Supabase connection: Auth and REST answer, and take the anon key", "database read access: the row public.canary with id 1 is read through SQL and REST, and visitors don't see public.canary with id 2");

        site.at("/rest/v1/canary", rows("[]", "[]"));
        here(stack, 1, checks).exits(14).prints("the row public.canary with id 1 is in the database, and REST answers [] to visitors: a policy (row-level security) hides it");
        site.at("/rest/v1/canary", rows("[{\"id\": 1}]", "[{\"id\": 2}]"));
        stack.run(arguments).exits(14).prints("visitors see the row public.canary with id 2, which a policy must hide");
        site.at("/auth/v1/health", LyingSite.status(503, "down"));
        here(stack, 1, checks).exits(14).prints("Supabase connection: " + site.url() + "auth/v1/health answers 503: down");
        site.at("/auth/v1/health", LyingSite.text("text/html", LyingSite.PAGE));
        here(stack, 1, checks).exits(14).prints("auth/v1/health answers 200 and no JSON: Remorques du Nord");
        stack.set("STAGING_SUPABASE_ANON_KEY", "another-key");
        site.at("/auth/v1/health", LyingSite.text("application/json", "{}"));
        here(stack, 1, checks).exits(14).prints("refuses SUPABASE_ANON_KEY (401)", "visitors may not read public.canary: REST refuses it").neverShows("another-key");

        stack.set("STAGING_SUPABASE_URL", "none");
        here(stack, 1, checks).exits(0).prints("not used: SUPABASE_URL is 'none'", "the row public.canary with id 1 is read through SQL");
        stack.set("SMOKE_CANARY_ROW", "public.canary:id=3");
        here(stack, 1, checks).exits(14).prints("the database has no row public.canary with id 3");
        stack.set("SMOKE_CANARY_ROW", "public.canary:id=1").set("SMOKE_HIDDEN_ROW", "public.canary:id=4");
        here(stack, 1, checks).exits(16).prints("the database has no row public.canary with id 4: that visitors don't see it would prove nothing");
        stack.set("SMOKE_CANARY_ROW", "canary");
        here(stack, 1, checks).exits(16).prints("SMOKE_CANARY_ROW is no row: 'canary'", "it looks like public.canary:id=1");

        stack.set("SMOKE_CANARY_ROW", null).set("SMOKE_HIDDEN_ROW", null).set("STAGING_SUPABASE_URL", null).set("STAGING_POSTGREST_URL", site.url() + "rest/v1");
        site.at("/rest/v1/", LyingSite.text("application/json", "{}"));
        here(stack, 1, checks).exits(16).prints("Supabase connection: PostgREST alone answers", "SMOKE_CANARY_ROW is not set");
    }

    @Test void migrations_connections_and_the_age_of_the_last_backup_are_looked_at_when_they_are_set() throws IOException {
        var arguments = new String[] {"smoke-tests", "--env", "staging", "--only", "migrations,connections,backup", "--tries", "1"};
        migrated(Stack.kit()).run(arguments).exits(14).prints("last migration: the last one is 20261122101500, as in migrations", "connections of the database: ", " in use, ", "age of the last backup: there is none yet");
        var stack = migrated(Stack.kit().backedUp(Kit.ONE_CUSTOMER));
        stack.run(arguments).exits(0).printsLike("age of the last backup: [^ ]+, data as of [^ ]+, (just now|[0-9]+ min ago)");
        stack.set("SMOKE_MIGRATIONS", stack.home + "/migrations");
        Files.writeString(stack.home.resolve("migrations/20261123000000_prices.sql"), "select 1");
        here(stack, 1, "migrations").exits(14).prints("the database is at migration 20261122101500, and " + stack.home.resolve("migrations") + " ends with 20261123000000_prices");
        // What a history says besides the last one.
        stack.database.execute("drop table schema_migrations; create table schema_migrations (version bigint, "
            + "dirty boolean); insert into schema_migrations values (20261123000000, true)");
        here(stack, 1, "migrations").exits(14).prints("public.schema_migrations says that 20261123000000 was not ended: dirty");
        stack.database.execute("update schema_migrations set dirty = false; create table flyway_schema_history "
            + "(version text, success boolean); insert into flyway_schema_history values ('1', true), ('2', false)");
        here(stack, 1, "migrations").exits(14).prints("public.flyway_schema_history says that 2 failed: success is false");
        stack.database.execute("drop table flyway_schema_history; create table _prisma_migrations (migration_name "
            + "text, finished_at timestamptz, rolled_back_at timestamptz);"
            + "insert into _prisma_migrations values ('1_a', now(), null), ('2_b', null, now()), ('2_b', null, null)");
        here(stack, 1, "migrations").exits(14).prints("public._prisma_migrations says that 2_b was not ended: finished_at and "
            + "rolled_back_at are empty");
        stack.database.execute("update _prisma_migrations set finished_at = now() where rolled_back_at is null");
        stack.database.execute("update schema_migrations set version = 2"); // golang-migrate's are numbers
        Files.createDirectory(stack.home.resolve("numbered"));
        Files.writeString(stack.home.resolve("numbered/000002_a.up.sql"), "select 1");
        Files.writeString(stack.home.resolve("numbered/000002_a.down.sql"), "select 1");
        here(stack.set("SMOKE_MIGRATIONS", stack.home + "/numbered"), 1, "migrations").exits(0).prints("last migration: the last one is 2,");
    }

    private static Kit migrated(Kit kit) throws IOException {
        kit.database.execute("create table schema_migrations (version text); "
            + "insert into schema_migrations values ('20261101000000'), ('20261122101500')");
        Files.writeString(Files.createDirectory(kit.home.resolve("migrations")).resolve("20261122101500_quotes.sql"), "select 1");
        return kit.set("SMOKE_MIGRATIONS", "migrations").set("SMOKE_CONNECTIONS_PERCENT", "99").set("SMOKE_BACKUP_HOURS", "26");
    }

    // --- what a setting turns on

    @Test void redirects_headers_caches_and_further_addresses_are_looked_at_when_they_are_set() throws IOException {
        try (var apex = new LyingSite()) {
            kit.set("SMOKE_REDIRECTS", apex.url()).set("SMOKE_HEADERS", "usual").set("SMOKE_CACHE", "/").set("SMOKE_FILE", "smoke.json");
            apex.at("/", LyingSite.status(301, "", "location", site.url()));
            var headers = new String[] {"content-type", "text/html", "x-content-type-options", "nosniff", "content-security-policy", "default-src 'self'; frame-ancestors 'none'", "referrer-policy", "same-origin"};
            site.at("/", LyingSite.status(200, LyingSite.PAGE, headers)).at("/sitemap.xml", LyingSite.text("application/xml", "<urlset/>")).at("/api/items", LyingSite.text("application/json", "{\"items\": [{\"name\": \"Remorque\"}]}")).at("/old", LyingSite.redirect("/"));
            Files.writeString(kit.home.resolve("smoke.json"), """
                [{"name": "sitemap", "url": "/sitemap.xml", "matches": "<urlset"}, {"name": "items", "url": "/api/items", "json": {"items.0.name": "Remorque"}}, {"url": "/old", "status": 302}]""");
            look("--only", "redirects,headers,cache,sitemap,items,/old").exits(0).prints("redirects: " + apex.url() + " → " + site.url(), "security headers: x-content-type-options=nosniff, ", "cached pages: /: as old as what is live", "sitemap: /sitemap.xml answers 200, matches <urlset", "items: /api/items answers 200, items.0.name as expected", "6 of 6 pass");

            apex.at("/", LyingSite.text("text/html", LyingSite.PAGE));
            site.at("/api/items", LyingSite.text("application/json", "{\"items\": []}")).at("/sitemap.xml", LyingSite.text("text/html", LyingSite.PAGE));
            // A cache that goes by the whole address keeps the page of the last release.
            site.at("/", exchange -> LyingSite.text("text/html", exchange.getRequestURI().getQuery() == null ? LyingSite.PAGE : LyingSite.PAGE.replace("4f9a1c7d2e", "0000000")).answer(exchange));
            kit.set("SMOKE_FILE", kit.home + "/smoke.json");
            once("redirects,headers,cache,sitemap,items").exits(14).prints(apex.url() + " does not redirect, and should lead to " + site.url(), "lacks the header x-content-type-options=nosniff, x-frame-options or content-security-policy=frame-ancestors, referrer-policy",
                "/ is a cached page of 4f9a1c7d2e, and live is 0000000", "has nothing in it that matches <urlset", "items.0.name is not there, and should be \"Remorque\"");
        }
    }

    @Test void a_white_page_that_answers_200_is_found_with_a_real_browser() {
        Kit.needs("chromium");
        kit.set("SMOKE_BROWSER", "1").set("SMOKE_SECONDS", "120");
        kit.run("browser", "--help").exits(0); // built before the time counts
        look("--only", "front-end,browser", "--tries", "1").exits(14).prints("ok ", "front end loads", "real browser: " + site.url() + " is a white page");
        // A page of its own text has no element that scripts fill.
        site.at("/", LyingSite.text("text/html", "<html><head><title>Remorques</title></head><body><p>Nos remorques</p>"
            + "<script src='/assets/index-1a2b.js' async></script></body></html>"));
        site.requests.clear();
        kit.set("SMOKE_BROWSER", null).set("SMOKE_HEADER", "x-bypass: geheim123");
        look("--only", "front-end,browser", "--browser", "--tries", "1").exits(0)
            .prints("is HTML with text and files of its own, 'Remorques'", "real browser: " + site.url() + " shows its page").neverShows("geheim123");
        assertTrue(site.requests.stream().filter(request -> request.contains("HeadlessChrome")).allMatch(request -> request.contains("geheim123")), () -> site.requests.toString());
    }

    @Test void a_file_of_checks_that_makes_no_sense_is_refused_in_words() throws IOException {
        kit.set("SMOKE_FILE", "smoke.json");
        look().exits(78).says("SMOKE_FILE: " + kit.home.resolve("smoke.json") + " can't be read");
        kit.set("SMOKE_FILE", kit.home + "/smoke.json");
        Files.writeString(kit.home.resolve("smoke.json"), "[{\"urll\": \"/x\"}]");
        once("health").exits(78).says("'urll' is unknown, did you mean url?");
        Files.writeString(kit.home.resolve("smoke.json"), "[{\"url\": \"/x\", \"matches\": \"(\"}]");
        once("health").exits(78).says("'(' is no regular expression");
    }

    @Test void settings_that_make_no_sense_are_refused_in_words() {
        kit.set("STAGING_SITE_URL", "www.example.com");
        once("health").exits(78).says("'www.example.com' is no address of a site", "it looks like https://www.example.com/");
        kit.set("STAGING_SITE_URL", site.url()).set("SMOKE_HEADER", "geheim123");
        once("health").exits(78).says("SMOKE_HEADER is no header").neverShows("geheim123");
        kit.set("SMOKE_HEADER", null).set("SMOKE_TLS_DAYS", "30");
        once("tls").exits(78).says("SMOKE_TLS_DAYS is not two numbers of days: 30");
    }

    // --- secrets

    @Test void the_header_that_opens_the_site_goes_to_its_own_origin_only_and_is_never_shown() {
        try (var other = new LyingSite()) {
            kit.set("SMOKE_HEADER", "x-bypass: geheim123");
            site.at("/", LyingSite.text("text/html", LyingSite.PAGE.replace("/assets/vendor-3c4d.js", other.url() + "assets/vendor-3c4d.js"))).at("/away", LyingSite.redirect(other.url()));
            kit.set("SMOKE_HEALTH_PATH", "/away");
            look("--skip", "database", "--tries", "1", "--verbose", "--json").exits(14).neverShows("geheim123");
            assertTrue(site.requests.stream().allMatch(request -> request.contains("geheim123")), () -> site.requests.toString());
            assertFalse(other.requests.isEmpty());
            assertTrue(other.requests.stream().noneMatch(request -> request.contains("geheim123")), () -> other.requests.toString());
        }
    }

    // --- what others read

    @Test void the_results_can_be_read_by_machines() throws Exception {
        site.at("/health", LyingSite.status(503, "<down & out>"));
        var report = kit.home.resolve("report.xml");
        var result = look("--json", "--tries", "1", "--junit", report.toString()).exits(14);
        assertEquals("fail", result.json().get("outcome").getAsString());
        assertEquals(List.of("health", "front-end", "supabase", "assets", "database", "api"), result.json().getAsJsonArray("checks").asList().stream().map(check -> check.getAsJsonObject().get("name").getAsString()).toList());
        assertEquals(1, check(result, 0).getAsJsonArray("attempts").size());
        var suite = DocumentBuilderFactory.newInstance().newDocumentBuilder().parse(report.toFile()).getDocumentElement();
        assertEquals(List.of("6", "2", "1"), List.of(suite.getAttribute("tests"), suite.getAttribute("failures"), suite.getAttribute("errors")));
    }

    @Test void nagios_gets_its_one_line_and_its_exit_codes() {
        kit.set("SMOKE_API_SECONDS", "25"); // a slow answer would be a warning
        look("--nagios", "--skip", "database").exits(0).printsLike("^SMOKE OK: 5 of 5 pass \\| 'health'=[0-9]+\\.[0-9]{3}s");
        look("--nagios").exits(3).prints("SMOKE UNKNOWN: 5 of 6 pass, 1 of 6 can't be told; database read access: DATABASE_URL is not set");
        site.at("/health", LyingSite.status(503, "a | b"));
        var result = look("--nagios", "--tries", "1").exits(2).prints("SMOKE CRITICAL: ", "health endpoint: " + site.url() + "health answers 503: a / b");
        assertEquals(1, result.out().lines().count());
        kit.run("smoke-tests", "--env", "nowhere", "--nagios").exits(3).prints("SMOKE UNKNOWN: environment 'nowhere' is unknown");
    }

    @Test void checks_are_listed_chosen_and_left_out_by_name() {
        look("--list").exits(0).prints("health        health endpoint             on", "tls           TLS certificate             off: SMOKE_TLS_DAYS turns it on");
        look("--only", "helth").exits(2).says("there is no check 'helth'", "did you mean health?");
        look("--only", "tls").exits(2).says("the check 'tls' is off", "SMOKE_TLS_DAYS turns it on");
        look("--only", "health", "--skip", "health").exits(2).says("no check is left");
        look("--list", "--nagios").exits(3).prints("SMOKE UNKNOWN: --list, --watch, --nagios and --json don't go together");
    }

    @Test void watching_prints_a_line_each_time_until_it_is_interrupted() {
        var watching = kit.start("smoke-tests", "--env", "staging", "--only", "health", "--tries", "1", "--watch", "1").awaitOutput("1 of 1 pass");
        site.at("/health", LyingSite.status(503, "gone"));
        watching.awaitOutput("1 of 1 FAIL; health endpoint: " + site.url() + "health answers 503: gone").signal("INT").result().exits(130);
    }
}
