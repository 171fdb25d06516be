///usr/bin/env true ; exec jbang "$0" "$@"
//DESCRIPTION Run the tests: all of them, or those whose class or sentence holds one of the words given
//JAVA 17+
//RUNTIME_OPTIONS -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Xmx2g -Dsun.net.httpserver.nodelay=true
//DEPS org.junit.jupiter:junit-jupiter:5.14.4
//DEPS org.junit.platform:junit-platform-launcher:1.14.4
//SOURCES ../scripts/ops/Ops.java
//SOURCES ../scripts/release/Providers.java
//SOURCES ../scripts/rows/Condition.java
//SOURCES ../acceptance/browser/Chromium.java
//SOURCES Stack.java
//SOURCES Catalog.java
//SOURCES Claim.java
//SOURCES Document.java
//SOURCES Kit.java
//SOURCES Patience.java
//SOURCES TestDatabase.java
//SOURCES FaultProxy.java
//SOURCES FakeTools.java
//SOURCES Features.java
//SOURCES FullDisk.java
//SOURCES GeneratedYear.java
//SOURCES Hosting.java
//SOURCES LyingSite.java
//SOURCES Metrics.java
//SOURCES Migrate.java
//SOURCES PolicyGate.java
//SOURCES Sight.java
//SOURCES SiteRepository.java
//SOURCES DeployedSite.java
//SOURCES DeployStandIn.java
//SOURCES VercelStandIn.java
//SOURCES CloudflareStandIn.java
//SOURCES PagesStandIn.java
//SOURCES WorkersStandIn.java
//SOURCES StandInSite.java
//SOURCES Terminal.java
//SOURCES ProviderClis.java
//SOURCES Proof.java
//SOURCES Relay.java
//SOURCES TestResults.java
//SOURCES TestServer.java
//SOURCES Transcript.java
//SOURCES Versions.java
//SOURCES AcceptanceTest.java
//SOURCES AnswersTest.java
//SOURCES BackupDbTest.java
//SOURCES BackupFaultsTest.java
//SOURCES BackupsTest.java
//SOURCES BadInputTest.java
//SOURCES BrowserTest.java
//SOURCES CloudflarePagesTest.java
//SOURCES CloudflareWorkersTest.java
//SOURCES CopyTest.java
//SOURCES DatabaseUrlTest.java
//SOURCES DeployProvidersTest.java
//SOURCES DeployTest.java
//SOURCES DeployStandInTest.java
//SOURCES DoctorTest.java
//SOURCES DocumentsTest.java
//SOURCES DrillTest.java
//SOURCES EnvFileTest.java
//SOURCES EvidenceTest.java
//SOURCES FeaturesTest.java
//SOURCES FrontEndsTest.java
//SOURCES GuardTest.java
//SOURCES LauncherTest.java
//SOURCES LocalTest.java
//SOURCES ManifestTest.java
//SOURCES MigrationsTest.java
//SOURCES OlderBackupsTest.java
//SOURCES PartialRestoreTest.java
//SOURCES PermissionsTest.java
//SOURCES ProviderClisTest.java
//SOURCES PruneTest.java
//SOURCES ReportTest.java
//SOURCES RestoreDbTest.java
//SOURCES RetentionTest.java
//SOURCES RolesTest.java
//SOURCES RollbackTest.java
//SOURCES RowsTest.java
//SOURCES RunbookWalksTest.java
//SOURCES RunbooksTest.java
//SOURCES SecretsTest.java
//SOURCES SettingsTest.java
//SOURCES SetUpMistakesTest.java
//SOURCES SmokeTestsTest.java
//SOURCES StatementsTest.java
//SOURCES SupabaseTest.java
//SOURCES UnattendedTest.java
//SOURCES VercelTest.java
//SOURCES hostile/HostileBucketTest.java
//SOURCES hostile/HostileDatabaseTest.java
//SOURCES hostile/HostileDeployTest.java
//SOURCES hostile/HostileDrillTest.java
//SOURCES hostile/HostileInPlaceTest.java
//SOURCES hostile/HostileLimitsTest.java
//SOURCES hostile/HostilePoolerTest.java
//SOURCES hostile/HostileRepairTest.java
//SOURCES hostile/HostileRestoreTest.java
//SOURCES hostile/HostileRoleTest.java
//SOURCES hostile/HostileServerTest.java
//SOURCES hostile/HostileSessionsTest.java
//SOURCES hostile/HostileStoreTest.java

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.platform.engine.FilterResult;
import org.junit.platform.engine.TestDescriptor;
import org.junit.platform.engine.TestExecutionResult;
import org.junit.platform.engine.discovery.DiscoverySelectors;
import org.junit.platform.engine.support.descriptor.MethodSource;
import org.junit.platform.launcher.PostDiscoveryFilter;
import org.junit.platform.launcher.TestExecutionListener;
import org.junit.platform.launcher.TestIdentifier;
import org.junit.platform.launcher.core.LauncherDiscoveryRequestBuilder;
import org.junit.platform.launcher.core.LauncherFactory;

/** Run the tests.
 *
 *      jbang test                       all of them
 *      jbang test BackupDb signals      those with one of these words in their class or sentence
 *      jbang test hostile               against people and machines that do not play along
 *
 *  Needs the server and client of PostgreSQL, age, aws and zstd; .ci/run installs what is missing. A test class is a file
 *  tests/…Test.java, and a line //SOURCES above: one that is forgotten there is a failure. */
class Tests implements TestExecutionListener {
    private static final int SIGINT = 2;
    private static final Pattern PACKAGE = Pattern.compile("^package (\\S+);", Pattern.MULTILINE);

    /** They wait most while they run, and would do so alone at the end. */
    private static final List<String> BEGUN_FIRST = List.of("AnswersTest.java", "BrowserTest.java", "RunbookWalksTest.java",
        "AcceptanceTest.java", "SupabaseTest.java");

    private final List<String> words;
    private final Deque<Class<?>> classes = new ArrayDeque<>();
    private final List<String> failed = new ArrayList<>();
    private final Map<String, Long> begun = new HashMap<>();
    private final long started = System.nanoTime();
    private int passed, skipped;

    private Tests(List<String> words) { this.words = words; }

    public static void main(String... words) throws Exception {
        var tests = new Tests(List.of(words));
        try {
            tests.run();
        } finally {
            Stack.down();
        }
        System.exit(tests.verdict());
    }

    private void run() throws IOException {
        find();
        refuseWithoutInterrupts();
        if (words.isEmpty()) buildCommands();
        var request = LauncherDiscoveryRequestBuilder.request()
            .selectors(classes.stream().map(DiscoverySelectors::selectClass).toList())
            .filters((PostDiscoveryFilter) this::wanted)
            .configurationParameter("junit.jupiter.displayname.generator.default", "org.junit.jupiter.api.DisplayNameGenerator$ReplaceUnderscores")
            .configurationParameter("junit.jupiter.execution.timeout.default", Patience.LONGEST_TEST)
            // Five tests at a time on two cores: most of them wait, for a start or a signal. Seven took an eighth more
            // CPU, and longer.
            .configurationParameter("junit.jupiter.execution.parallel.enabled", "true")
            .configurationParameter("junit.jupiter.execution.parallel.mode.default", "concurrent")
            .configurationParameter("junit.jupiter.execution.parallel.config.strategy", "fixed")
            .configurationParameter("junit.jupiter.execution.parallel.config.fixed.parallelism", "5")
            .configurationParameter("junit.jupiter.execution.parallel.config.fixed.max-pool-size", "5")
            .build();
        LauncherFactory.create().execute(request, this);
    }

    /** A shell's & without job control, and nohup in a script, have SIGINT ignored by all that is started below: a Ctrl-C would prove nothing. */
    private static void refuseWithoutInterrupts() throws IOException {
        var status = Path.of("/proc/self/status");
        if (!Files.exists(status)) return;
        var ignored = Files.readAllLines(status).stream().filter(line -> line.startsWith("SigIgn:")).findFirst().orElseThrow();
        if ((Long.parseUnsignedLong(ignored.replaceFirst("SigIgn:\\s*", ""), 16) & 1L << SIGINT - 1) != 0)
            throw new IllegalStateException("SIGINT is ignored here, so no test could send one: env --default-signal=INT ./jbang test");
    }

    /** Else each of the first tests would build for itself what it runs. The first command makes what all share, and then two are built at a time. */
    private static void buildCommands() {
        var kit = new Kit(Stack.next("kit"));
        kit.run("backup-db", "--help").exits(0);
        new Thread(Stack::up).start(); // builds local, and waits most of the time
        Stream.of("backups", "restore-db", "deploy", "rollback", "smoke-tests", "doctor", "report", "rows", "browser").parallel()
            .forEach(command -> kit.run(command, "--help").exits(0));
    }

    /** The classes of all the files here. JUnit takes them from either end, so there stand the longest: then both halves end at the same time. */
    private void find() throws IOException {
        var tests = Stack.CHECKOUT.resolve("tests");
        try (var files = Stream.concat(Files.list(tests), Files.list(tests.resolve("hostile")))) {
            for (var file : files.filter(f -> f.getFileName().toString().endsWith("Test.java"))
                .sorted(Comparator.comparing(Tests::weight)).toList()) {
                var bare = file.getFileName().toString().replace(".java", "");
                var in = PACKAGE.matcher(Files.readString(file));
                try {
                    var found = Class.forName(in.find() ? in.group(1) + "." + bare : bare, false, Tests.class.getClassLoader());
                    if (classes.size() % 2 == 0) classes.addFirst(found);
                    else classes.addLast(found);
                } catch (ClassNotFoundException e) {
                    fail(bare, "has no line //SOURCES " + tests.relativize(file) + " in tests/Tests.java", null, 0);
                }
            }
        }
    }

    private static long weight(Path test) {
        return BEGUN_FIRST.contains(test.getFileName().toString()) ? Long.MAX_VALUE : test.toFile().length();
    }

    private FilterResult wanted(TestDescriptor test) {
        if (words.isEmpty() || !(test.getSource().orElse(null) instanceof MethodSource method)) return FilterResult.included("");
        var text = (method.getClassName() + " " + method.getMethodName()).toLowerCase(Locale.ROOT);
        return FilterResult.includedIf(words.stream().anyMatch(word -> text.contains(word.toLowerCase(Locale.ROOT).replace(' ', '_'))));
    }

    @Override public synchronized void executionStarted(TestIdentifier test) { begun.put(test.getUniqueId(), System.nanoTime()); }

    @Override public synchronized void executionSkipped(TestIdentifier test, String reason) {
        say("skipped", sentence(test) + ": " + reason, 0);
        skipped++;
    }

    @Override public void executionFinished(TestIdentifier test, TestExecutionResult result) {
        finished(test, result);
        if (test.isTest()) TestDatabase.dropMade();
    }

    private synchronized void finished(TestIdentifier test, TestExecutionResult result) {
        var seconds = (System.nanoTime() - begun.get(test.getUniqueId())) / 1e9;
        switch (result.getStatus()) {
            case SUCCESSFUL -> {
                if (!test.isTest()) return;
                say("ok", sentence(test), seconds);
                passed++;
            }
            case ABORTED -> {
                say("skipped", sentence(test) + ": " + result.getThrowable().map(Throwable::getMessage).orElse("no reason given"), seconds);
                skipped++;
            }
            case FAILED -> {
                fail(className(test), sentence(test), result.getThrowable().orElse(null), seconds);
                Stack.stopLeftovers();
            }
        }
    }

    private void fail(String className, String sentence, Throwable thrown, double seconds) {
        say("FAILED", sentence, seconds);
        failed.add(className + ": " + sentence);
        if (thrown == null) return;
        var trace = new StringWriter();
        thrown.printStackTrace(new PrintWriter(trace));
        trace.toString().lines().filter(line -> !line.matches("\\s+at (org\\.junit|java\\.base|jdk\\.).*")).forEach(line -> System.out.println("        " + line));
    }

    private static void say(String mark, String sentence, double seconds) {
        System.out.printf(Locale.ROOT, "%-7s %6.1f s  %s%n", mark, seconds, sentence);
    }

    private static String sentence(TestIdentifier test) {
        var name = test.getDisplayName();
        // An invocation with arguments shows these alone; its method is what they are of.
        if (test.getSource().orElse(null) instanceof MethodSource method && name.startsWith("["))
            name = method.getMethodName().replace('_', ' ') + " " + name;
        return className(test).replaceFirst("Test$", "") + ": " + name.replaceAll("\\p{Cntrl}", " ");
    }

    private static String className(TestIdentifier test) {
        var found = Pattern.compile("\\[class:([^]]*)").matcher(test.getUniqueId());
        return found.find() ? found.group(1).replaceFirst(".*\\.", "") : "";
    }

    private int verdict() {
        for (var left : ProcessHandle.current().descendants().toList()) {
            fail("Tests", "every process that the tests started has ended, but not " + left.info().commandLine().orElse("process " + left.pid()), null, 0);
            left.destroyForcibly();
        }
        var ran = passed + failed.size();
        if (ran == 0) System.out.println("No test ran" + (words.isEmpty() ? "" : ": none has " + String.join(" or ", words) + " in its class or sentence"));
        if (!failed.isEmpty()) System.out.println("\nFailed:");
        failed.forEach(sentence -> System.out.println("  " + sentence));
        System.out.println();
        System.out.println(passed + " passed, " + failed.size() + " failed, " + skipped + " skipped, in " + Duration.ofNanos(System.nanoTime() - started).toSeconds() + " s");
        return ran > 0 && failed.isEmpty() ? 0 : 1;
    }
}
