//SOURCES ../scripts/local/EmbeddedPostgres.java

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Predicate;
import local.EmbeddedPostgres;
import ops.Home;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.core.checksums.RequestChecksumCalculation;
import software.amazon.awssdk.core.checksums.ResponseChecksumValidation;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.s3.S3Client;

/**
 * The embedded stack, {@code ./jbang local}, started once for all tests that want it. Each of them takes a checkout, a
 * bucket and a database of its own from it, so that none disturbs another.
 *
 * <p>HANDOVER_TEST_STACK may name the state folder of a stack that runs already, for quicker runs while writing tests.
 */
final class Stack {
    /** The checkout that is tested. */
    static final Path CHECKOUT = checkout();
    private static final AtomicInteger NUMBER = new AtomicInteger();
    private static final List<EmbeddedPostgres> DRILL_SERVERS = new CopyOnWriteArrayList<>();
    /** At each, one drill goes on at a time, as one test does in a thread. */
    private static final ThreadLocal<EmbeddedPostgres> DRILL_SERVER = ThreadLocal.withInitial(Stack::newDrillServer);
    private static Stack running;
    private static Path folder;

    private final Map<String, String> settings = new HashMap<>();
    private final Path state;
    private final Kit.Running local;
    final S3Client s3;

    private Stack(Path state, Kit.Running local) throws IOException {
        this.local = local;
        this.state = state;
        for (var line : Files.readAllLines(state.resolve("env.operations"))) {
            var value = line.replaceFirst("^(export )?[A-Z0-9_]+=", "");
            if (!line.startsWith("#") && line.contains("=")) settings.put(line.substring(0, line.length() - value.length() - 1).replace("export ", ""), value.replaceAll("^['\"]|['\"]$", ""));
        }
        settings.forEach(Transcript::note);
        s3 = S3Client.builder().region(Region.US_EAST_1).forcePathStyle(true).endpointOverride(URI.create(setting("AWS_ENDPOINT_URL_S3")))
            .credentialsProvider(StaticCredentialsProvider.create(AwsBasicCredentials.create(setting("AWS_ACCESS_KEY_ID"), setting("AWS_SECRET_ACCESS_KEY"))))
            .requestChecksumCalculation(RequestChecksumCalculation.WHEN_REQUIRED).responseChecksumValidation(ResponseChecksumValidation.WHEN_REQUIRED).build();
    }

    private static Path checkout() {
        var folder = Home.dir();
        while (!Files.exists(folder.resolve("jbang.sha256"))) folder = folder.getParent();
        return folder;
    }

    /** The stack, started when it is not there yet. */
    static synchronized Stack up() {
        if (running != null) return running;
        Runtime.getRuntime().addShutdownHook(new Thread(Stack::interrupted));
        try {
            var there = System.getenv("HANDOVER_TEST_STACK");
            if (there != null) return running = new Stack(Path.of(there), null);
            var state = folder().resolve("stack");
            var local = new Kit(next("kit")).start("local", "--state", state.toString(), "--throwaway");
            local.awaitOutput("ready");
            return running = new Stack(state, local);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** The superuser's address of a server for drills that stays: one that is made for a single drill takes a second to make. */
    static String drillServer() { return DRILL_SERVER.get().superuserUrl(); }

    private static EmbeddedPostgres newDrillServer() {
        try {
            var server = EmbeddedPostgres.throwaway(Optional.empty());
            DRILL_SERVERS.add(server);
            return server;
        } catch (IOException | InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    /** Stops what was started, and removes what was written. */
    static synchronized void down() throws IOException {
        for (var server : DRILL_SERVERS) close(server);
        if (running != null) running.s3.close();
        if (running != null && running.local != null) running.local.signal("TERM").result().exits(143);
        running = null;
        if (folder != null) remove(folder);
        folder = null;
    }

    private static void close(EmbeddedPostgres server) throws IOException {
        try {
            DRILL_SERVERS.remove(server);
            server.close();
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    /** Ctrl-C, or a signal: when the tests have ended by themselves there is nothing left to do. */
    private static void interrupted() {
        try {
            stopAll(running -> true);
            down();
        } catch (IOException e) {
            System.err.println("could not clean up: " + e.getMessage());
        }
    }

    /** Ends what the test in this thread, which has failed, has left running: the next one must not fail for it. */
    static void stopLeftovers() {
        var test = Thread.currentThread();
        stopAll(running -> running.starter == test);
    }

    /** Ends some of what tests have started, but not the stack. */
    private static synchronized void stopAll(Predicate<Kit.Running> which) {
        var stack = running == null ? null : running.local;
        Kit.Running.stopAll(each -> each != stack && which.test(each));
    }

    /** A setting of the stack's own file. */
    String setting(String name) {
        var value = settings.get(name);
        if (value == null) throw new AssertionError("the stack's env.operations has no " + name);
        return value;
    }

    /** Has an object be one that the store took nine days ago: it keeps each in a file, of whose time it is. */
    void tookNineDaysAgo(String bucket, String key) {
        try {
            var then = FileTime.from(Instant.now().minus(Duration.ofDays(9)));
            Files.setLastModifiedTime(state.resolve("s3").resolve(bucket).resolve(key), then);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** A checkout whose environment {@code staging} has a bucket and an empty database. */
    static Kit kit() { return kit(TestDatabase.create(next("db_"))); }

    static Kit kit(TestDatabase database) {
        var kit = bareKit();
        kit.database = database;
        return kit.set("STAGING_DATABASE_URL", database.url());
    }

    /** A checkout that has a bucket, and no environment. */
    static Kit bareKit() {
        var stack = up();
        var kit = new Kit(next("kit"));
        kit.bucket = next("bucket");
        stack.s3.createBucket(request -> request.bucket(kit.bucket));
        for (var name : new String[] {"AWS_ENDPOINT_URL_S3", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}) kit.set(name, stack.setting(name));
        return kit.set("AWS_REGION", "us-east-1").set("S3_PATH_STYLE", "true").set("BACKUP_BUCKET", kit.bucket)
            .lookedAt(stack.setting("AWS_ENDPOINT_URL_S3"), "");
    }

    /** A name that no other test has, nor another run on the same stack, and none begins with. */
    static String next(String what) { return "%s%dx%04d".formatted(what, ProcessHandle.current().pid(), NUMBER.incrementAndGet()); }

    /** The folder below which all that tests write lies; removed in the end. */
    static synchronized Path folder() throws IOException {
        if (folder == null) folder = Files.createTempDirectory("handover-tests-").toRealPath();
        return folder;
    }

    static void remove(Path folder) throws IOException {
        try (var all = Files.walk(folder)) {
            for (var path : all.sorted(Comparator.reverseOrder()).toList()) Files.deleteIfExists(path);
        }
    }
}
