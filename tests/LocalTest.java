//SOURCES ../scripts/local/EmbeddedPostgres.java
//SOURCES ../scripts/local/SampleDatabase.java

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.google.gson.JsonParser;
import java.io.IOException;
import java.net.ConnectException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.sql.DriverManager;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import local.EmbeddedPostgres;
import local.SampleDatabase;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.core.sync.RequestBody;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.s3.S3Client;

/** Runs {@code ./jbang local} as an operator does, each test with a state folder of its own. */
class LocalTest {
    private static final HttpClient HTTP = HttpClient.newHttpClient();
    private final Kit kit = new Kit(Stack.next("kit"));
    private final List<Kit.Running> started = new ArrayList<>();
    private Path state;

    @BeforeEach void makeStateFolder() throws IOException {
        state = Files.createTempDirectory("handover-local-");
        Files.setPosixFilePermissions(state, PosixFilePermissions.fromString("rwx--x--x"));
        Files.move(kit.home.resolve("tests/sample-site"), kit.home.resolve("away"));       // most tests here save the time that building it takes
    }

    @AfterEach void stopAll() throws Exception {
        for (var local : started) if (local.process.isAlive()) local.signal("TERM").process.waitFor();
        Stack.remove(state);
    }

    @Test void what_was_written_is_there_after_stops_and_kill_9_and_gone_after_reset_or_with_another_scale() throws Exception {
        // Killed while it makes the database, it starts well the next time.
        run().awaitSays("Make sure that no other stack runs here").signal("KILL").process.waitFor();
        run("--scale", "9").awaitSays("Start PostgreSQL").signal("KILL").process.waitFor();
        var local = start();
        onlyItsOwnerCanRead();
        aSecondOneIsRefused(local);
        kit.with("HANDOVER_LOCAL_STATE", state.toString()).run("backups", "list", "--env", "local").exits(0);
        sql("create table mine as select 1 as one; select 1");
        s3().putObject(request -> request.bucket("handover-backups").key("a=b/e c"), RequestBody.fromString("mine"));
        var password = setting("LOCAL_DATABASE_URL").replaceFirst(":\\d+/", "/");
        var server = server();
        local.signal("KILL").process.waitFor();
        Patience.until(() -> processes(server).isEmpty(), () -> "still running: " + processes(server));

        local = start("--verbose");
        assertEquals("1", sql("select one from mine"));
        assertEquals(password, setting("LOCAL_DATABASE_URL").replaceFirst(":\\d+/", "/"));
        assertEquals("mine", s3().getObjectAsBytes(request -> request.bucket("handover-backups").key("a=b/e c")).asUtf8String());
        showsNoPassword(local);
        kit.run("backups", "list", "--env", "local").exits(78).says("the embedded stack is not running").says("./jbang local");

        local = start("--scale", "2");
        assertEquals("1600|", sql("select count(*) || '|' || coalesce(to_regclass('mine')::text, '') from customers"));
        sql("create table mine as select 1 as one; select 1");
        stops(local, "INT", 130).says("the database dealer is made anew, because it is of scale 1, seed 1 and not of scale 2, seed 1");
        local = start();
        assertEquals("1", sql("select one from mine"));
        local.signal("TERM").result().exits(143).says("kept, scale 2, seed 1");

        start("--reset");
        assertEquals("800|", sql("select count(*) || '|' || coalesce(to_regclass('mine')::text, '') from customers"));
        assertEquals(0, s3().listObjectsV2(request -> request.bucket("handover-backups")).keyCount());
        assertNotEquals(password, setting("LOCAL_DATABASE_URL").replaceFirst(":\\d+/", "/"));
    }

    private void onlyItsOwnerCanRead() throws IOException {
        assertEquals("rw-------", PosixFilePermissions.toString(Files.getPosixFilePermissions(state.resolve("env.operations"))));
        try (var files = Files.walk(state)) {
            for (var file : files.filter(Files::isRegularFile).toList())
                assertEquals("------", PosixFilePermissions.toString(Files.getPosixFilePermissions(file)).substring(3), file::toString);
        }
    }

    private void aSecondOneIsRefused(Kit.Running local) throws Exception {
        // Nor does it get as far as to what --reset would delete.
        kit.run("local", "--reset", "--state", state.toString()).exits(11).says("already runs in " + state + " (process " + local.process.pid() + ")").says("nothing was changed");
        assertEquals("800", sql("select count(*) from customers"));
        assertTrue(Files.exists(state.resolve("env.operations")));
    }

    /** Neither what it prints until it is stopped, nor a list of processes. */
    private void showsNoPassword(Kit.Running local) throws Exception {
        var secrets = new ArrayList<String>();
        for (var name : List.of("LOCAL_DATABASE_URL", "LOCAL_SUPERUSER_URL")) secrets.add(setting(name).replaceFirst("^[^:]+://[^:]+:", "").replaceFirst("@.*", ""));
        secrets.add(setting("AWS_SECRET_ACCESS_KEY"));
        var seen = new StringBuilder();
        try (var all = Files.newDirectoryStream(Path.of("/proc"), "[0-9]*")) {
            for (var process : all) seen.append(read(process.resolve("cmdline"))).append(read(process.resolve("environ")));
        }
        seen.append(read(state.resolve("postgres/server.log")));
        var result = stops(local, "TERM", 143).prints("\nsite      none: there is no tests/sample-site\n");
        seen.append(result.out()).append(result.err());
        for (var secret : secrets) assertFalse(secret.length() < 20 || seen.indexOf(secret) >= 0, "a password was seen");
    }

    /** With everything that it has started. */
    private Kit.Result stops(Kit.Running local, String signal, int code) throws Exception {
        var server = server();
        var result = local.signal(signal).result().exits(code).says("what it keeps is in " + state);
        assertEquals(List.of(), processes(server));
        assertFalse(Files.exists(state.resolve("env.operations")));
        return result;
    }

    @Test void the_same_seed_and_scale_give_the_same_database_and_its_owner_can_dump_all_of_it() throws Exception {
        try (var server = EmbeddedPostgres.throwaway(Optional.empty())) {
            var sample = new SampleDatabase(server, state);
            sample.make(1, 7);
            var first = dump(sample.url());
            sample.make(1, 7);
            assertEquals(first, dump(sample.url()));
            sample.make(1, 8);
            assertNotEquals(first, dump(sample.url()));
            var customers = first.substring(first.indexOf("COPY public.customers "));
            assertEquals(800, customers.substring(0, customers.indexOf("\n\\.\n")).lines().count() - 1, "rows behind row-level security");
            assertTrue(Stream.of("lo_from_bytea", "lo_create", "lowrite").anyMatch(first::contains), "large objects");
        }
    }

    @Test void a_newer_server_than_the_system_has_comes_from_maven_central() throws Exception {
        try (var server = EmbeddedPostgres.throwaway(Optional.of(17)); var connection = server.connect("postgres"); var statement = connection.createStatement()) {
            var answer = statement.executeQuery("show server_version_num");
            assertTrue(answer.next() && answer.getInt(1) / 10000 == 17);
        }
    }

    @Test void the_site_answers_pages_and_files_as_a_web_server_should() throws Exception {
        var site = site(Stack.up());
        var page = get(site + "/");
        assertEquals("200 text/html; charset=utf-8 no-cache", described(page));
        assertTrue(page.body().contains("<meta name=\"release\" content=\"sample\">") && get(site + "/version.json").body().equals("{\"release\":\"sample\"}"), page.body());
        assertEquals(page.body(), get(site + "/remorques/12").body());
        var script = Pattern.compile("/assets/[^\"]+\\.js").matcher(page.body()).results().findFirst().orElseThrow().group();
        assertEquals("200 text/javascript; charset=utf-8 public, max-age=31536000, immutable", described(get(site + script)));
        for (var missing : List.of("/assets/gone.js", "/robots.txt", "/api/nothing", "/%2e%2e/index.htm")) assertEquals("404 text/plain; charset=utf-8 no-store", described(get(site + missing)), missing);
        assertEquals("200 image/svg+xml no-cache", described(get(site + "/favicon.svg")));
        for (var each : List.of(page, get(site + "/assets/gone.js"), get(site + "/health")))
            assertEquals(List.of("nosniff", "DENY", "strict-origin-when-cross-origin"), Stream.of("x-content-type-options", "x-frame-options", "referrer-policy").map(name -> each.headers().firstValue(name).orElse("")).toList());
        var head = HTTP.send(request(site + "/").method("HEAD", HttpRequest.BodyPublishers.noBody()).build(), HttpResponse.BodyHandlers.ofString());
        assertEquals(List.of("", (long) page.body().getBytes(StandardCharsets.UTF_8).length), List.of(head.body(), head.headers().firstValueAsLong("content-length").orElseThrow()));
        assertTrue(JsonParser.parseString(get(site + "/api/trailers").body()).getAsJsonArray().size() > 3);
    }

    @Test void the_imitated_supabase_shows_what_row_level_security_lets_a_visitor_see_and_refuses_a_wrong_key() throws Exception {
        var site = site(Stack.up());
        var key = Stack.up().setting("LOCAL_SUPABASE_ANON_KEY");
        assertEquals("{\"name\":\"GoTrue\",\"version\":\"imitation\"}", get(site + "/auth/v1/health", key).body());
        assertEquals("[{\"word\":\"sereine\"}]", get(site + "/rest/v1/canary?id=eq.1&select=word&limit=1", key).body());
        assertEquals("[]", get(site + "/rest/v1/canary?id=eq.2", key).body());
        assertEquals("[]", get(site + "/rest/v1/canary?word=eq.x'%20or%20true--", key).body());
        assertEquals(400, get(site + "/rest/v1/canary?select=word%22%20from%20customers--", key).statusCode());
        assertEquals(401, get(site + "/rest/v1/customers", key).statusCode());
        assertEquals(404, get(site + "/rest/v1/nothing", key).statusCode());
        for (var path : List.of("/auth/v1/health", "/rest/v1/", "/rest/v1/canary?id=eq.1")) assertEquals(401, get(site + path, key + "x").statusCode(), path);
    }

    @Test void the_site_is_built_once_and_without_npm_or_with_one_that_fails_or_never_ends_the_rest_of_the_stack_is_there() throws Exception {
        Kit.needs("npm");
        bringSite();
        var path = kit.environment().get("PATH");
        var programs = withoutNpm();
        kit.with("PATH", programs.toString());
        var local = start();
        assertThrows(NoSuchElementException.class, () -> setting("LOCAL_SITE_URL"));
        local.signal("TERM").result().exits(143).prints("\nsite      none: npm is not installed\n").says("apt-get install npm");

        var npm = Files.writeString(programs.resolve("npm"), "#!/bin/bash\necho begun\necho 'npm error code EOF'\necho 'npm error the network is away' >&2\nexit 7\n");
        Files.setPosixFilePermissions(npm, PosixFilePermissions.fromString("rwxr-xr-x"));
        var log = state.resolve("site/npm.log");
        start().signal("TERM").result().exits(143).prints("\nsite      none: npm ci failed (exit 7): npm error the network is away, see " + log + "\n");
        assertTrue(Files.readString(log).startsWith("begun\n"));

        Files.writeString(npm, "#!/bin/bash\n(trap '' TERM; while :; do sleep 1; done) & echo $! > " + state.resolve("child") + "\nsleep 300\n");
        local = run().awaitSays("Start the S3 store");
        Patience.until(() -> !read(state.resolve("child")).isBlank(), () -> "npm was never started");
        local.signal("TERM").result().exits(143);
        var child = Path.of("/proc", read(state.resolve("child")).strip(), "cmdline");
        Patience.until(() -> read(child).isEmpty(), () -> "still running: " + read(child));
        try (var left = Files.list(state.resolve("site"))) {
            assertEquals(List.of(log), left.toList());
        }

        kit.with("PATH", path);
        local = start();
        saysWhenItsDatabaseIsGone();
        sql("drop table canary");       // as in a state that an older kit has kept
        var site = setting("LOCAL_SITE_URL");
        local.signal("TERM").result().exits(143);
        assertThrows(ConnectException.class, () -> ask(site + "/health"));

        Files.delete(npm);
        kit.with("PATH", programs.toString());
        start();
        assertEquals("[{\"word\":\"sereine\"}]", get(setting("LOCAL_SITE_URL") + "/rest/v1/canary?select=word", setting("LOCAL_SUPABASE_ANON_KEY")).body());
    }

    private void saysWhenItsDatabaseIsGone() throws Exception {
        var site = setting("LOCAL_SITE_URL");
        var health = get(site + "/health");
        assertEquals("200 {\"status\":\"ok\",\"database\":\"ok\"}", health.statusCode() + " " + health.body());
        sql("LOCAL_SUPERUSER_URL", "alter database dealer rename to elsewhere");
        health = ask(site + "/health");
        assertEquals("503 {\"status\":\"down\",\"database\":\"down\"}", health.statusCode() + " " + health.body());
        assertEquals(503, ask(site + "/api/trailers").statusCode());
        sql("LOCAL_SUPERUSER_URL", "alter database elsewhere rename to dealer");
        assertEquals(200, get(site + "/health").statusCode());
    }

    @Test void as_root_it_works_below_a_folder_that_the_servers_user_cannot_enter_and_throwaway_leaves_nothing() throws Exception {
        assumeTrue(System.getProperty("user.name").equals("root"), "only root needs another user for PostgreSQL");
        Files.setPosixFilePermissions(state, PosixFilePermissions.fromString("rwx------"));
        var inside = state.resolve("in side");
        var local = kit.start("local", "--throwaway", "--state", inside.toString());
        started.add(local);
        local.awaitOutput("ready\n");
        var real = inside.resolve("postgres").toRealPath();
        assertEquals(Path.of("/var/tmp"), real.getParent());
        assertEquals("rwx--x--x", PosixFilePermissions.toString(Files.getPosixFilePermissions(real)));
        local.signal("TERM").result().exits(143);
        assertFalse(Files.exists(real) || Files.exists(inside));
    }

    private void bringSite() throws IOException { Files.move(kit.home.resolve("away"), kit.home.resolve("tests/sample-site")); }

    /** A folder with a link to every program but npm, where PostgreSQL's user too can enter. */
    private Path withoutNpm() throws IOException {
        var programs = Files.createDirectory(state.resolve("bin"));
        for (var folder : System.getenv("PATH").split(":")) {
            try (var all = Files.newDirectoryStream(Path.of(folder))) {
                for (var program : all)
                    if (!program.endsWith("npm") && Files.notExists(programs.resolve(program.getFileName()), LinkOption.NOFOLLOW_LINKS)) Files.createSymbolicLink(programs.resolve(program.getFileName()), program);
            } catch (NoSuchFileException e) {
                // PATH may name what is not there
            }
        }
        return programs;
    }

    private static String site(Stack stack) {
        Kit.needs("npm");
        return stack.setting("LOCAL_SITE_URL");
    }

    private static HttpRequest.Builder request(String url) { return HttpRequest.newBuilder(URI.create(url)).timeout(Duration.ofSeconds(Patience.LIMIT_SECONDS)); }

    /** Asks again while the site has had no answer of its database: it gives that two seconds, which is little on a busy machine. */
    private static HttpResponse<String> get(String url, String... key) throws Exception {
        var answers = new ArrayList<HttpResponse<String>>();
        Patience.until(() -> {
            answers.add(0, ask(url, key));
            return answers.get(0).statusCode() != 503;
        }, () -> url + " answers 503: " + answers.get(0).body());
        return answers.get(0);
    }

    private static HttpResponse<String> ask(String url, String... key) throws Exception {
        var request = request(url);
        for (var each : key) request.header("apikey", each);
        return HTTP.send(request.build(), HttpResponse.BodyHandlers.ofString());
    }

    private static String described(HttpResponse<String> response) {
        return response.statusCode() + " " + response.headers().firstValue("content-type").orElse("") + " " + response.headers().firstValue("cache-control").orElse("");
    }

    private Kit.Running run(String... more) {
        var arguments = new ArrayList<>(List.of("local", "--state", state.toString()));
        arguments.addAll(List.of(more));
        var local = kit.start(arguments.toArray(String[]::new));
        started.add(local);
        return local;
    }

    private Kit.Running start(String... more) { return run(more).awaitOutput("ready\n"); }

    private String setting(String name) throws IOException {
        return Files.readAllLines(state.resolve("env.operations")).stream().filter(line -> line.startsWith(name + "='")).findFirst().orElseThrow().replaceAll("^[^']*'|'$", "");
    }

    private String sql(String sql) throws Exception { return sql("LOCAL_DATABASE_URL", sql); }

    private String sql(String whose, String sql) throws Exception {
        var url = URI.create(setting(whose));
        var user = url.getUserInfo().split(":");
        try (var connection = DriverManager.getConnection("jdbc:postgresql://" + url.getHost() + ":" + url.getPort() + url.getPath(), user[0], user[1]); var statement = connection.createStatement()) {
            var rows = statement.execute(sql) ? statement.getResultSet() : null;
            return rows != null && rows.next() ? rows.getString(1) : "";
        }
    }

    private S3Client s3() throws IOException {
        return S3Client.builder().region(Region.US_EAST_1).forcePathStyle(true).endpointOverride(URI.create(setting("AWS_ENDPOINT_URL_S3")))
            .credentialsProvider(StaticCredentialsProvider.create(AwsBasicCredentials.create(setting("AWS_ACCESS_KEY_ID"), setting("AWS_SECRET_ACCESS_KEY")))).build();
    }

    private long server() throws IOException { return Long.parseLong(Files.readAllLines(state.resolve("postgres/data/postmaster.pid")).get(0).strip()); }

    /** The server itself, and whatever has the state folder in its command line. */
    private List<String> processes(long server) throws IOException {
        var found = new ArrayList<String>();
        try (var all = Files.newDirectoryStream(Path.of("/proc"), "[0-9]*")) {
            for (var process : all) {
                var command = read(process.resolve("cmdline"));
                if (command.contains(state.toString()) || process.endsWith(String.valueOf(server))) found.add(process + " " + command);
            }
        }
        return found;
    }

    private static String read(Path file) {
        try {
            return Files.readString(file, StandardCharsets.ISO_8859_1);
        } catch (IOException e) {
            return "";          // the process is gone, or not ours to look at
        }
    }

    private String dump(String url) {
        return kit.with("DUMPED", url).bash("pg_dump \"$DUMPED\" | grep -v -E '^.(un)?restrict '").exits(0).out();
    }
}
