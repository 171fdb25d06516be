import static java.nio.file.StandardCopyOption.COPY_ATTRIBUTES;
import static java.nio.file.StandardCopyOption.REPLACE_EXISTING;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.jar.JarEntry;
import java.util.jar.JarOutputStream;
import java.util.stream.Stream;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Runs the real launcher, in copies of the kit that hold one small script. Building uses the real JBang; what is about
 *  fetching or choosing a JBang uses a small stand-in jar, so that it takes no network and little time. */
class LauncherTest {
    static final Path JDK = Path.of(System.getProperty("java.home"));
    static final String CLOSED_PORT = "http://127.0.0.1:9";

    static Path shared, tools, sharedCache, standIn, fetcher;
    @TempDir Path place;

    // --- where it is called from

    @Test void it_runs_from_any_directory_through_links_and_with_spaces_in_its_path() throws Exception {
        var kit = new Kit(place);
        var elsewhere = Files.createDirectories(place.resolve("else where"));
        Files.createSymbolicLink(place.resolve("link"), Path.of("a kit"));
        Files.createSymbolicLink(place.resolve("first"), Path.of("link/jbang"));
        var second = Files.createSymbolicLink(elsewhere.resolve("second"), Path.of("../first"));
        kit.command(second, "hello", "two words", "it's", "", "*", "@x").in(elsewhere).run().succeeds()
                .prints("hello [two words, it's, , *, @x]")
                .prints("in " + elsewhere.toRealPath()).prints("home " + kit.home.toRealPath());
        kit.command(kit.launcher, "a kit/scripts/Hello.java", "by path").in(place).run().succeeds().prints("hello [by path]");
    }

    @Test void it_keeps_the_settings_of_its_own_checkout() throws Exception {
        var kit = new Kit(place);
        kit.jbang("hello").with("HANDOVER_HOME", "/somewhere/else").run().succeeds().prints("home " + kit.home.toRealPath());
    }

    @Test void without_a_command_it_lists_the_catalog_and_needs_no_java_for_it() throws Exception {
        var kit = new Kit(place).withoutJdk();
        kit.jbang().run().succeeds().prints("  hello        Say hello\n");
        for (var word : new String[] {"-h", "--help", "help"})
            kit.jbang(word).run().succeeds().prints("  hello        Say hello\n");
        Files.createDirectories(kit.home.resolve("scripts/ops"));
        Files.writeString(kit.home.resolve("scripts/ops/Ops.java"), "    public static final String VERSION = \"1.2.3\"; // now\n");
        for (var word : new String[] {"-V", "--version"})
            kit.jbang(word).run().succeeds().prints("handover 1.2.3\n");
    }

    @Test void a_mistyped_command_is_answered_with_the_one_that_was_meant() throws Exception {
        var kit = new Kit(place);
        kit.jbang("Helo").run().fails(2, "jbang: did you mean hello?");
        kit.jbang("sauvegarde").run().fails(2, "jbang: there is no command 'sauvegarde'; ./jbang lists them\n");
        kit.jbang("help", "hello").run().succeeds().prints("hello [--help]");
    }

    // --- remembering what JBang worked out

    @Test void once_warm_it_needs_neither_the_network_nor_JBang() throws Exception {
        var kit = new Kit(place);
        kit.jbang("hello", "warm").with("HANDOVER_MAVEN_URL", CLOSED_PORT).run().succeeds();
        Files.createDirectories(place.resolve("cache"));
        copy(sharedCache.resolve("plans"), place.resolve("cache/plans"));
        kit.cache = place.resolve("cache");               // where there is no JBang
        kit.jbang("hello", "warm").with("HANDOVER_MAVEN_URL", CLOSED_PORT).run().succeeds().prints("hello [warm]").says("");
    }

    @Test void an_edit_counts_at_once_and_a_broken_one_is_not_remembered() throws Exception {
        var kit = new Kit(place);
        kit.jbang("hello").run().succeeds().prints("hello []");
        kit.edit("\"hello \"", "\"good day \"");
        kit.jbang("hello").run().succeeds().prints("good day []");
        kit.edit("\"good day \"", "nonsense");
        kit.jbang("hello").run().fails(1, "Error during compile");
        kit.edit("nonsense", "\"hello \"");
        kit.jbang("hello").run().succeeds().prints("hello []").says("");
    }

    @Test void two_starts_right_after_an_edit_both_run_the_new_text() throws Exception {
        var kit = new Kit(place);
        kit.edit("\"hello \"", "\"twice \"");
        var both = Stream.of("1", "2").map(n -> CompletableFuture.supplyAsync(() -> kit.jbang("hello", n).run())).toList();
        both.get(0).get().succeeds().prints("twice [1]");
        both.get(1).get().succeeds().prints("twice [2]");
    }

    @Test void a_plan_whose_class_path_was_cleaned_away_is_made_again() throws Exception {
        var kit = new Kit(place).ownCache().onPath(standIn("0.140.0"));
        kit.jbang("hello").run().succeeds();
        Files.delete(kit.cache.resolve("stand-in.jar"));
        kit.jbang("hello", "again").run().succeeds().prints("stand-in 0.140.0 [again]");
    }

    @Test void the_libraries_classes_come_from_an_archive_and_what_is_gone_or_torn_in_the_cache_is_made_anew() throws Exception {
        var kit = new Kit(place).ownCache();
        copy(realLib(), kit.cache.resolve(realLib().getFileName()));
        delete(kit.home.resolve("scripts/ops"));
        copy(Stack.CHECKOUT.resolve("scripts/ops"), kit.home.resolve("scripts/ops"));
        kit.edit("//JAVA 17+", "//JAVA 17+\n//SOURCES ops/Ops.java");
        // What the shell holds is the operator's: making the archive must not use it.
        try (var store = new Mirror()) {
            var made = kit.jbang("hello", "made");
            for (var name : List.of("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "HTTP_PROXY", "http_proxy")) made.with(name, store.url());
            for (var name : List.of("BACKUP_BUCKET", "X_BACKUP_BUCKET")) made.with(name, "production");
            made.with("X_AWS_ENDPOINT_URL_S3", store.url()).with("S3_PATH_STYLE", "true").run().succeeds().prints("hello [made]");
            assertEquals(List.of(), store.requests);
        }
        Path libraries, own, jar, plan;
        try (var all = Files.list(kit.cache.resolve("classes")); var built = Files.walk(kit.cache.resolve("builds")); var plans = Files.list(kit.cache.resolve("plans"))) {
            libraries = all.toList().get(0);
            var files = built.toList();
            own = files.stream().filter(file -> file.endsWith("own")).toList().get(0);
            jar = files.stream().filter(file -> file.toString().endsWith(".jar")).toList().get(0);
            plan = plans.toList().get(0);
        }
        var text = Files.readString(plan);
        assertTrue(text.contains("/classes/" + libraries.getFileName() + ":") && text.contains("/" + own.getParent().getFileName() + "/own "), text);
        kit.jbang("hello", "whole").run().succeeds().prints("hello [whole]").says("");
        // What a power cut leaves of them; all is made anew, and what stands in for JBang does that at once.
        var path = standIn("0.140.0") + ":" + kit.path;
        for (var file : List.of(own, libraries, jar)) {
            var whole = Files.copy(file, place.resolve("whole"), COPY_ATTRIBUTES, REPLACE_EXISTING);
            for (var bytes : List.of(Files.size(file) - 5000, 0L, -1L)) {
                if (bytes < 0) Files.delete(file);
                else truncate(file, bytes);
                kit.jbang("hello", "anew").with("PATH", path).run().succeeds().prints("stand-in 0.140.0 [anew]");
                Files.writeString(plan, text);
            }
            Files.copy(whole, file, COPY_ATTRIBUTES, REPLACE_EXISTING);
        }
        for (var end : List.of(text.length() - 2, text.indexOf('\n') + 1, 100, 0)) {
            Files.writeString(plan, text.substring(0, end));
            kit.jbang("hello", "anew").with("PATH", path).run().succeeds().prints("stand-in 0.140.0 [anew]");
        }
        Files.writeString(plan, text);
        kit.jbang("hello", "whole").run().succeeds().prints("hello [whole]").says("");
    }

    private static void truncate(Path archive, long bytes) throws IOException {
        archive.toFile().setWritable(true);
        try (var file = java.nio.channels.FileChannel.open(archive, java.nio.file.StandardOpenOption.WRITE)) {
            file.truncate(bytes);
        }
    }

    /** JBang hands over the options of all the files that a script is built from, and Java takes the last one. */
    @Test void no_file_that_a_script_is_built_from_changes_the_options_that_its_Java_gets() throws Exception {
        for (var folder : List.of("scripts", "acceptance", "tests"))
            try (var files = Files.list(Stack.CHECKOUT.resolve(folder))) {
                for (var script : files.filter(file -> file.toString().endsWith(".java")).toList()) {
                    var given = new TreeMap<String, Set<String>>();
                    for (var file : builtFrom(script, new LinkedHashSet<>()))
                        for (var option : options(file))
                            given.computeIfAbsent(name(option), each -> new TreeSet<>()).add(option);
                    given.values().removeIf(values -> values.size() == 1);
                    assertEquals(Map.of(), given, script::toString);
                }
            }
    }

    private static String name(String option) {
        return option.startsWith("-Xm") ? option.substring(0, 4) : option.replaceFirst("^-XX:[+-]", "-XX:").replaceFirst("=.*", "");
    }

    private static Set<Path> builtFrom(Path file, Set<Path> found) throws IOException {
        if (!found.add(file)) return found;
        for (var line : Files.readAllLines(file))
            if (line.startsWith("//SOURCES ")) builtFrom(file.resolveSibling(line.substring(10)).normalize(), found);
        return found;
    }

    private static List<String> options(Path file) throws IOException {
        return Files.readAllLines(file).stream().filter(line -> line.startsWith("//RUNTIME_OPTIONS "))
            .flatMap(line -> Stream.of(line.substring(18).split(" "))).toList();
    }

    // --- signals

    @Test void a_TERM_reaches_the_script_itself() throws Exception {
        var kit = new Kit(place);
        Files.createSymbolicLink(Files.createDirectories(place.resolve("bin")).resolve("jbang"), kit.launcher);
        for (var command : List.of(kit.jbang("hello", "wait"),
                kit.command(kit.home.resolve("scripts/Hello.java"), "wait").with("PATH", place.resolve("bin") + ":" + tools))) {
            var running = command.start();
            running.awaitOutput("up");
            running.process.toHandle().destroy();
            running.result().endsWith(143).prints("hook ran");
        }
    }

    @Test void a_TERM_while_JBang_builds_ends_both_and_leaves_nothing_that_matters() throws Exception {
        var kit = new Kit(place).ownCache().onPath(standIn("0.140.0"));
        var running = kit.jbang("hello").with("STAND_IN_WAITS", "yes").start();
        running.awaitOutput("building");
        running.stop().endsWith(143);
        kit.jbang("hello", "next").run().succeeds().prints("stand-in 0.140.0 [next]");
    }

    // --- fetching JBang

    @Test void the_list_names_what_the_warm_cache_holds() throws Exception {
        var lib = realLib();
        for (var line : Files.readAllLines(Stack.CHECKOUT.resolve("jbang.sha256"))) {
            assertEquals(line.substring(0, 64), sha256(Files.readAllBytes(lib.resolve(line.substring(66)))), line);
        }
    }

    @Test void an_empty_cache_is_filled_once_even_by_two_starts() throws Exception {
        try (var mirror = new Mirror()) {
            var kit = new Kit(place).ownCache().fetching(mirror).fromSource();
            var both = Stream.of("1", "2").map(n -> CompletableFuture.supplyAsync(() -> kit.jbang("hello", n).run())).toList();
            both.get(0).get().succeeds().prints("[1]");
            both.get(1).get().succeeds().prints("[2]");
            assertEquals(List.copyOf(mirror.files.keySet()), mirror.requests.stream().sorted().toList());
            assertEquals(List.of(), kit.cached(".part"));
        }
    }

    @Test void a_transfer_that_breaks_off_goes_on_where_it_stopped() throws Exception {
        try (var mirror = new Mirror()) {
            mirror.faults.put("/big/1/big-1.jar", new ArrayList<>(List.of("break off", "503")));
            new Kit(place).ownCache().fetching(mirror).jbang("hello").run().succeeds();
            assertTrue(mirror.requests.contains("/big/1/big-1.jar bytes=" + Mirror.BIG / 2 + "-"), mirror.requests::toString);
        }
    }

    @Test void a_fetch_that_was_killed_is_resumed_by_the_next_start() throws Exception {
        try (var mirror = new Mirror()) {
            var kit = new Kit(place).ownCache().fetching(mirror);
            var part = kit.lib().resolve("big/1/big-1.jar.part");
            var beside = kit.lib().resolve("dev/jbang/jbang-cli/1/jbang-cli-1.jar");
            var had = 0L;
            for (var signal : List.of("TERM", "KILL")) {
                mirror.faults.put("/big/1/big-1.jar", new ArrayList<>(List.of("stall")));
                var running = kit.jbang("hello").start();
                var before = had;
                Patience.until(() -> Files.exists(beside) && Files.exists(part) && Files.size(part) > before, () -> "no " + beside + ", or nothing more than " + before + " bytes in " + part);
                if (signal.equals("TERM")) {
                    running.stop().endsWith(143);
                } else {
                    running.process.descendants().forEach(ProcessHandle::destroyForcibly);
                    running.result().endsWith(137);
                }
                had = Files.size(part);
            }
            assertEquals(1, kit.cached(".part").size());
            mirror.requests.clear();
            kit.jbang("hello").run().succeeds();
            assertEquals("/big/1/big-1.jar bytes=" + had + "-", mirror.requests.get(0));
            assertEquals(List.of(), kit.cached(".part"));
        }
    }

    @Test void a_damaged_partial_file_is_fetched_anew() throws Exception {
        try (var mirror = new Mirror()) {
            var kit = new Kit(place).ownCache().fetching(mirror);
            for (int length : new int[] {1000, Mirror.BIG, Mirror.BIG + 1}) {
                var part = kit.lib().resolve("big/1/big-1.jar.part");
                Files.createDirectories(part.getParent());
                Files.write(part, new byte[length]);
                Files.deleteIfExists(kit.lib().resolve("big/1/big-1.jar"));
                delete(kit.cache.resolve("plans"));
                kit.jbang("hello").run().succeeds();
                assertEquals(List.of(), kit.cached(".part"));
            }
        }
    }

    @Test void a_jar_with_another_checksum_is_refused_and_not_kept() throws Exception {
        try (var mirror = new Mirror()) {
            var kit = new Kit(place).ownCache().fetching(mirror);
            var right = sha256(mirror.files.get("/big/1/big-1.jar"));
            var wrong = "0".repeat(64);
            var list = kit.home.resolve("jbang.sha256");
            Files.writeString(list, Files.readString(list).replace(right, wrong));
            kit.jbang("hello").run()
                    .fails(14, "The checksum of big/1/big-1.jar from " + mirror.url() + " is wrong, the file was deleted.")
                    .says("expected SHA-256 " + wrong).says("found            " + right);
            assertEquals(List.of(), kit.cached("big-1.jar"));
            assertEquals(List.of(), kit.cached("big-1.jar.part"));
        }
    }

    @Test void a_fetch_that_cannot_work_says_what_to_set() throws Exception {
        var kit = new Kit(place).ownCache().compiled();
        kit.jbang("hello").with("HANDOVER_MAVEN_URL", CLOSED_PORT).run().fails(12, "from " + CLOSED_PORT
                + " (ConnectException: Connection refused). A proxy goes into https_proxy, a mirror into HANDOVER_MAVEN_URL.");
        kit.jbang("hello").with("HANDOVER_MAVEN_URL", "https://user:word@host").run()
                .fails(78, "HANDOVER_MAVEN_URL must be").neverSays("word@");
        kit.jbang("hello").with("HANDOVER_CACHE", "/dev/null/cache").run()
                .fails(78, "cannot write to the cache /dev/null/cache: set HANDOVER_CACHE");
        try (var mirror = new Mirror()) {
            kit.fromSource().fetching(mirror);
            mirror.files.remove("/big/1/big-1.jar");
            kit.jbang("hello").run().fails(12, "the server answered 404");
        }
    }

    // --- choosing a JDK

    @Test void without_a_JDK_it_says_in_one_line_how_to_install_one() throws Exception {
        var result = new Kit(place).withoutJdk().jbang("hello").run();
        result.fails(12, "jbang: no JDK 17 or newer was found");
        assertEquals(1, result.err.lines().count(), result::toString);
    }

    @Test void an_old_JDK_and_a_JRE_are_passed_over_without_a_word() throws Exception {
        var kit = new Kit(place);
        for (var version : List.of("11.0.2", "1.8.0_392", "16")) {
            kit.jbang("hello").with("JAVA_HOME", fakeJava("java " + version, version, true).toString()).run().succeeds().says("");
        }
        kit.jbang("hello").with("JAVA_HOME", fakeJava("jre", "21.0.1", false).toString()).run().succeeds().says("");
        kit.jbang("hello").with("JAVA_HOME", place.resolve("gone").toString()).run().succeeds().says("");
    }

    @Test void a_java_on_the_PATH_that_is_a_version_managers_script_is_asked_where_its_JDK_lies() throws Exception {
        var kit = new Kit(place).withoutJdk().ownCache().onPath(standIn("0.140.0"));
        var shims = Files.createDirectories(place.resolve("shims"));
        executable(shims.resolve("java"), "exec '" + JDK + "/bin/java' \"$@\"");
        kit.path = shims + ":" + kit.path;
        kit.jbang("hello").run().succeeds().prints("stand-in 0.140.0 []");
    }

    // --- choosing a JBang

    @Test void a_recent_JBang_on_the_PATH_is_used_and_asked_for_its_version_once() throws Exception {
        var asked = place.resolve("asked");
        var kit = new Kit(place).ownCache().onPath(standIn("0.140.0"));
        for (var greeting : List.of("a", "b")) {
            kit.edit("\"hello \"", "\"hello \" + \"" + greeting + "\"");
            kit.jbang("hello").with("STAND_IN_ASKED", asked.toString()).run().succeeds().prints("stand-in 0.140.0 []");
        }
        assertEquals(1, Files.readAllLines(asked).size());
        kit.jbang("info", "tools").run().succeeds().prints("stand-in 0.140.0 was given [info, tools]");
    }

    @Test void an_old_JBang_on_the_PATH_is_passed_over_without_a_word() throws Exception {
        for (var version : List.of("0.99.1", "0.132.0", "")) {
            var kit = new Kit(place.resolve("kit " + version)).onPath(standIn(version));
            kit.jbang("hello").run().succeeds().prints("hello []").says("");
        }
        try (var mirror = new Mirror()) {
            var kit = new Kit(place).ownCache().fetching(mirror).onPath(standIn("0.132.0"));
            kit.jbang("hello").run().succeeds().prints("stand-in 0.132.1 []");
        }
    }

    @Test void the_launcher_itself_on_the_PATH_is_not_taken_for_a_JBang() throws Exception {
        var kit = new Kit(place);
        var bin = Files.createDirectories(place.resolve("bin"));
        Files.createSymbolicLink(bin.resolve("jbang"), kit.launcher);
        kit.path = kit.home + ":" + bin + ":" + kit.path;
        kit.command(bin.resolve("jbang"), "version").run().succeeds().prints("0.132.1");
    }

    // --- a copy of the kit, and what runs in it

    @BeforeAll static void warmUp() throws Exception {
        shared = Files.createTempDirectory("launcher test");
        tools = Files.createDirectories(shared.resolve("tools"));
        for (var tool : List.of("bash", "env", "true", "readlink", "awk", "sed", "find", "sort", "sha256sum", "shasum", "perl",
                "ls", "mktemp", "mkdir", "mv", "cp", "cat", "rm", "grep", "touch", "wc")) {
            Stream.of(System.getenv("PATH").split(":")).map(folder -> Path.of(folder, tool)).filter(Files::isExecutable)
                    .findFirst().ifPresent(found -> link(tools.resolve(tool), found));
        }
        sharedCache = Files.createDirectories(shared.resolve("cache"));
        link(sharedCache.resolve(realLib().getFileName()), realLib());
        standIn = compileStandIn();
        fetcher = Files.createDirectories(shared.resolve("fetcher"));
        assertEquals(0, ToolProvider.getSystemJavaCompiler().run(null, null, null, "--release", "17", "-d", fetcher.toString(),
                Stack.CHECKOUT + "/scripts/ops/MavenCentral.java"));
        new Kit(shared.resolve("warm")).jbang("hello").run().succeeds();
    }

    /** JUnit's own would warn of every link that leads out of its folder. */
    @AfterAll static void coolDown() throws IOException { delete(shared); }

    /** A copy of the launcher with a catalog of one script. */
    static final class Kit {
        final Path home, launcher;
        Path cache = sharedCache;
        String path = JDK.resolve("bin") + ":" + tools;
        final Map<String, String> env = new HashMap<>();

        Kit(Path folder) throws IOException {
            home = Files.createDirectories(folder.resolve("a kit"));
            launcher = home.resolve("jbang");
            copy(Stack.CHECKOUT.resolve("jbang"), launcher);
            copy(Stack.CHECKOUT.resolve("jbang.sha256"), home.resolve("jbang.sha256"));
            Files.createDirectories(home.resolve("scripts/ops"));
            copy(Stack.CHECKOUT.resolve("scripts/ops/MavenCentral.java"), home.resolve("scripts/ops/MavenCentral.java"));
            Files.writeString(home.resolve("jbang-catalog.json"), """
                    {
                      "aliases": {
                        "hello": {
                          "script-ref": "scripts/Hello.java",
                          "description": "Say hello"
                        }
                      }
                    }
                    """);
            executable(home.resolve("scripts/Hello.java"), null);
            Files.writeString(home.resolve("scripts/Hello.java"), """
                    ///usr/bin/env true ; exec jbang "$0" "$@"
                    //JAVA 17+
                    class Hello {
                        public static void main(String... args) throws Exception {
                            System.out.println("hello " + java.util.List.of(args));
                            System.out.println("in " + java.nio.file.Path.of("").toRealPath());
                            System.out.println("home " + System.getenv("HANDOVER_HOME"));
                            if (!java.util.List.of(args).contains("wait")) return;
                            Runtime.getRuntime().addShutdownHook(new Thread(() -> System.out.println("hook ran")));
                            System.out.println("up");
                            Thread.sleep(60_000);
                        }
                    }
                    """);
        }

        Kit ownCache() throws IOException {
            cache = Files.createDirectories(home.resolveSibling("own cache"));
            return this;
        }

        /** Pins the stand-in instead of JBang, and lets it be fetched from {@code mirror}. */
        Kit fetching(Mirror mirror) throws IOException {
            var list = new StringBuilder();
            mirror.files.forEach((file, bytes) -> list.append(sha256(bytes)).append("  ").append(file.substring(1)).append('\n'));
            Files.writeString(home.resolve("jbang.sha256"), list);
            env.put("HANDOVER_MAVEN_URL", mirror.url());
            return compiled();
        }

        /** Compiling what fetches, as a first start does, takes ten times as long as fetching from here. */
        Kit compiled() throws IOException {
            var start = Files.readString(launcher);
            var source = "\"$home/scripts/ops/MavenCentral.java\"";
            assertTrue(start.contains(source));
            Files.writeString(launcher, start.replace(source, "-cp '" + fetcher + "' ops.MavenCentral"));
            return this;
        }

        /** As the launcher really does it. */
        Kit fromSource() throws IOException {
            copy(Stack.CHECKOUT.resolve("jbang"), launcher);
            return this;
        }

        Kit onPath(Path jbang) {
            path = jbang + ":" + path;
            return this;
        }

        /** Lets the launcher look where this machine's JDKs are not. */
        Kit withoutJdk() throws IOException {
            path = tools.toString();
            var places = "/usr/lib/jvm|/opt/homebrew|/usr/local/opt|/usr/libexec";
            Files.writeString(launcher, Files.readString(launcher).replaceAll(places, "/nowhere"));
            return this;
        }

        void edit(String from, String to) throws IOException {
            var script = home.resolve("scripts/Hello.java");
            assertTrue(Files.readString(script).contains(from), from);
            Files.writeString(script, Files.readString(script).replace(from, to));
        }

        Path lib() throws IOException {
            return cache.resolve("jbang-" + sha256(Files.readAllBytes(home.resolve("jbang.sha256"))).substring(0, 12));
        }

        List<Path> cached(String ending) throws IOException {
            try (var all = Files.walk(cache)) {
                return all.filter(file -> file.toString().endsWith(ending)).toList();
            }
        }

        Command jbang(String... arguments) { return command(launcher, arguments); }

        Command command(Path program, String... arguments) {
            var all = new ArrayList<>(List.of(program.toString()));
            all.addAll(List.of(arguments));
            var builder = new ProcessBuilder(all).directory(home.getParent().toFile());
            var settings = builder.environment();
            settings.keySet().retainAll(List.of("JBANG_REPO", "HANDOVER_MAVEN_URL"));
            settings.putAll(Map.of("PATH", path, "HOME", shared.toString(), "HANDOVER_CACHE", cache.toString(),
                    "JBANG_DIR", shared.resolve("jbang dir").toString()));
            settings.putAll(env);
            return new Command(builder);
        }
    }

    record Command(ProcessBuilder builder) {
        Command in(Path folder) {
            builder.directory(folder.toFile());
            return this;
        }

        Command with(String name, String value) {
            builder.environment().put(name, value);
            return this;
        }

        Running start() {
            try {
                builder.redirectInput(ProcessBuilder.Redirect.from(Path.of("/dev/null").toFile()));
                return new Running(builder.command(), builder.start());
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }

        Result run() { return start().result(); }
    }

    static final class Running {
        final List<String> command;
        final Process process;
        final StringBuffer out = new StringBuffer(), err = new StringBuffer();
        final List<Thread> readers;

        Running(List<String> command, Process process) {
            this.command = command;
            this.process = process;
            var streams = Map.of(process.getInputStream(), out, process.getErrorStream(), err);
            readers = streams.entrySet().stream().map(stream -> {
                var reader = new Thread(() -> {
                    try (var lines = new java.io.BufferedReader(new java.io.InputStreamReader(stream.getKey()))) {
                        for (String line; (line = lines.readLine()) != null; ) stream.getValue().append(line).append('\n');
                    } catch (IOException e) {
                        stream.getValue().append(e);
                    }
                });
                reader.start();
                return reader;
            }).toList();
        }

        void awaitOutput(String line) {
            Patience.until(() -> (out + "\n" + err).lines().anyMatch(line::equals), () -> "never said: " + line + " from " + command + "\n" + out + err);
        }

        /** TERM to the launcher alone, as systemd or a supervisor may send it; nothing that it started may outlive it. */
        Result stop() {
            var children = process.descendants().toList();
            process.toHandle().destroy();        // Process.destroy() would close the streams before the last words were read
            var result = result();
            Patience.until(() -> children.stream().noneMatch(ProcessHandle::isAlive), () -> "still running: " + children);
            return result;
        }

        Result result() {
            try {
                assertTrue(process.waitFor(Patience.LIMIT_SECONDS, TimeUnit.SECONDS), () -> "hangs: " + command + "\n" + out + err);
                for (var reader : readers) reader.join();
                return new Result(command, process.exitValue(), out.toString(), err.toString());
            } catch (InterruptedException e) {
                throw new IllegalStateException(e);
            } finally {
                process.descendants().forEach(ProcessHandle::destroyForcibly);
                process.destroyForcibly();
            }
        }
    }

    record Result(List<String> command, int code, String out, String err) {
        Result succeeds() { return endsWith(0); }

        Result endsWith(int expected) {
            assertEquals(expected, code, this::toString);
            return this;
        }

        Result fails(int expected, String sentence) { return endsWith(expected).says(sentence); }

        Result prints(String text) {
            assertTrue(out.contains(text), () -> "not printed: " + text + "\n" + this);
            return this;
        }

        /** Contains {@code text} on stderr; the empty text means that nothing at all was said. */
        Result says(String text) {
            assertTrue(text.isEmpty() ? err.isEmpty() : err.contains(text), () -> "not said: " + text + "\n" + this);
            return this;
        }

        Result neverSays(String text) {
            assertFalse((out + err).contains(text), this::toString);
            return this;
        }

        @Override public String toString() { return command + " exited with " + code + "\nstdout:\n" + out + "stderr:\n" + err; }
    }

    // --- stand-ins

    /** A repository with the stand-in and one larger file, which can be told to misbehave, once per fault. */
    static final class Mirror implements AutoCloseable {
        static final int BIG = 200_000;
        final Map<String, byte[]> files = Collections.synchronizedMap(new java.util.TreeMap<>());
        final Map<String, List<String>> faults = new ConcurrentHashMap<>();
        final List<String> requests = Collections.synchronizedList(new ArrayList<>());
        private final HttpServer server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        private final java.util.concurrent.ExecutorService threads = Executors.newCachedThreadPool();

        Mirror() throws IOException {
            var big = new byte[BIG];
            new Random(1).nextBytes(big);
            files.put("/big/1/big-1.jar", big);
            files.put("/dev/jbang/jbang-cli/1/jbang-cli-1.jar", Files.readAllBytes(jar(shared.resolve("mirrored.jar"), "0.132.1")));
            server.createContext("/", this::answer);
            server.setExecutor(threads);
            server.start();
        }

        String url() { return "http://127.0.0.1:" + server.getAddress().getPort(); }

        private void answer(HttpExchange exchange) throws IOException {
            try (exchange) {
                var path = exchange.getRequestURI().getPath();
                var range = exchange.getRequestHeaders().getFirst("Range");
                requests.add(range == null ? path : path + " " + range);
                var bytes = files.get(path);
                var left = faults.getOrDefault(path, List.of());
                var fault = left.isEmpty() ? "" : left.remove(0);
                int from = range == null ? 0 : Integer.parseInt(range.replaceAll("\\D", ""));
                if (bytes == null) exchange.sendResponseHeaders(404, -1);
                else if (fault.matches("\\d+")) exchange.sendResponseHeaders(Integer.parseInt(fault), -1);
                else if (from >= bytes.length) exchange.sendResponseHeaders(416, -1);
                else {
                    var sent = "bytes " + from + "-" + (bytes.length - 1) + "/" + bytes.length;
                    if (range != null) exchange.getResponseHeaders().set("Content-Range", sent);
                    exchange.sendResponseHeaders(range == null ? 200 : 206, bytes.length - from);
                    var body = exchange.getResponseBody();
                    body.write(bytes, from, fault.isEmpty() ? bytes.length - from : (bytes.length - from) / 2);
                    body.flush();
                    if (fault.equals("stall")) Thread.sleep(60_000);
                }
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }

        @Override public void close() {
            server.stop(0);
            threads.shutdownNow();
        }
    }

    /** A folder to put on the PATH: a {@code jbang} that must never be called, with a stand-in's jar beside it. */
    Path standIn(String version) throws IOException {
        var bin = Files.createDirectories(place.resolve("stand-in " + version).resolve("bin"));
        executable(bin.resolve("jbang"), "exit 99");
        jar(bin.resolve("jbang.jar"), version);
        return bin;
    }

    private static Path compileStandIn() throws IOException {
        var source = Files.createDirectories(shared.resolve("stand-in/dev/jbang")).resolve("Main.java");
        Files.writeString(source, """
                package dev.jbang;
                import java.nio.file.*;
                import java.util.*;
                public class Main {
                    public static void main(String[] args) throws Exception {
                        var version = new String(Main.class.getResourceAsStream("version").readAllBytes());
                        var given = new ArrayList<>(List.of(args));
                        var first = given.get(0);
                        if (first.equals("version")) {
                            System.out.println(version);
                            var asked = System.getenv("STAND_IN_ASKED");
                            if (asked == null) return;
                            Files.writeString(Path.of(asked), "asked\\n", StandardOpenOption.CREATE, StandardOpenOption.APPEND);
                        } else if (first.equals("run")) {
                            if (System.getenv("STAND_IN_WAITS") != null) {
                                System.err.println("building");
                                Thread.sleep(60_000);
                            }
                            var own = Path.of(Main.class.getProtectionDomain().getCodeSource().getLocation().toURI());
                            var jar = Path.of(System.getenv("HANDOVER_CACHE"), "stand-in.jar");
                            var copy = Files.createTempFile(jar.getParent(), "stand-in", null);
                            Files.copy(own, copy, StandardCopyOption.REPLACE_EXISTING);
                            Files.move(copy, jar, StandardCopyOption.ATOMIC_MOVE);
                            System.out.println("'" + System.getProperty("java.home") + "/bin/java' -classpath '" + jar
                                    + "' dev.jbang.Main planned " + given.get(given.size() - 1));
                            System.exit(255);
                        } else if (first.equals("planned")) {
                            System.out.println("stand-in " + version + " " + given.subList(1, given.size()));
                        } else {
                            System.out.println("stand-in " + version + " was given " + given);
                        }
                    }
                }
                """);
        assertEquals(0, ToolProvider.getSystemJavaCompiler().run(null, null, null, "--release", "17", source.toString()));
        return source.resolveSibling("Main.class");
    }

    private static Path jar(Path file, String version) throws IOException {
        try (var jar = new JarOutputStream(Files.newOutputStream(file))) {
            for (var entry : Map.of("Main.class", Files.readAllBytes(standIn), "version", version.getBytes()).entrySet()) {
                var named = new JarEntry("dev/jbang/" + entry.getKey());
                named.setTime(0);
                jar.putNextEntry(named);
                jar.write(entry.getValue());
            }
        }
        return file;
    }

    /** A folder that looks like a JDK or a JRE of this version, whose programs must not be called. */
    Path fakeJava(String name, String version, boolean withCompiler) throws IOException {
        var home = Files.createDirectories(place.resolve(name));
        Files.createDirectories(home.resolve("bin"));
        Files.writeString(home.resolve("release"), "IMPLEMENTOR=\"nobody\"\nJAVA_VERSION=\"" + version + "\"\n");
        executable(home.resolve("bin/java"), "exit 99");
        if (withCompiler) executable(home.resolve("bin/javac"), "exit 99");
        return home;
    }

    // --- small things

    /** Where the user's launcher keeps the pinned JBang; fetched by its own means if it is not there yet. */
    private static Path realLib() throws Exception {
        var setting = System.getenv().getOrDefault("HANDOVER_CACHE", "");
        var xdg = System.getenv().getOrDefault("XDG_CACHE_HOME", "");
        var home = System.getenv().getOrDefault("HOME", System.getProperty("user.home"));
        var cache = !setting.isEmpty() ? Path.of(setting) : (xdg.isEmpty() ? Path.of(home, ".cache") : Path.of(xdg)).resolve("handover");
        var list = Stack.CHECKOUT.resolve("jbang.sha256");
        var lib = cache.toAbsolutePath().resolve("jbang-" + sha256(Files.readAllBytes(list)).substring(0, 12));
        if (!Files.readAllLines(list).stream().allMatch(line -> Files.exists(lib.resolve(line.substring(66))))) {
            var fetch = new ProcessBuilder(JDK + "/bin/java", Stack.CHECKOUT + "/scripts/ops/MavenCentral.java",
                    lib.toString(), list.toString(), "JBang for the launcher's tests").inheritIO().start();
            assertEquals(0, fetch.waitFor());
        }
        return lib;
    }

    private static String sha256(byte[] bytes) {
        try {
            return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
        } catch (java.security.NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }

    private static void link(Path link, Path target) {
        try {
            Files.createSymbolicLink(link, target);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static void executable(Path file, String command) throws IOException {
        Files.writeString(file, "#!/bin/sh\n" + command + "\n");
        assertTrue(file.toFile().setExecutable(true));
    }

    private static void copy(Path from, Path to) throws IOException {
        try (var all = Files.walk(from)) {
            for (var file : all.toList()) {
                Files.copy(file, to.resolve(from.relativize(file).toString()), COPY_ATTRIBUTES, REPLACE_EXISTING);
            }
        }
    }

    private static void delete(Path folder) throws IOException {
        if (!Files.exists(folder)) return;
        try (var all = Files.walk(folder)) {
            for (var file : all.sorted(Collections.reverseOrder()).toList()) Files.delete(file);
        }
    }
}
