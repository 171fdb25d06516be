import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.google.gson.JsonParser;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import ops.Failure;
import ops.Run;
import ops.Sha256;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What the evidence says was run, and came out so; all that `./jbang evidence` does, on a few tests of every kind. */
class EvidenceTest {
    /** For evidence alone: nobody else runs these. */
    static class Samples {
        @ParameterizedTest @ValueSource(strings = {"one", "another"})
        void a_test_that_passes(String argument) {
            var kit = Stack.kit();
            kit.bash("psql '" + kit.database.url() + "' -qc 'select 42 as answer'; echo AGE-SECRET-KEY-1QQQQ").exits(0);
            if (argument.equals("one")) kit.run("backups", "list", "--env", "staging").exits(0);
        }

        @Test void a_test_that_fails() { fail("it found | in " + new Kit(Stack.next("kit")).home + " what should not be"); }

        @Test void a_test_that_is_skipped() { assumeTrue(false, "a program is not installed"); }

        /** No command of the kit does that: here a program takes its place. */
        @Test void a_test_whose_command_shows_a_secret() throws IOException {
            var kit = new Kit(Stack.next("kit")).set("VERCEL_TOKEN", "token-of-nobody-4711");
            Files.writeString(kit.home.resolve("jbang"), "#!/bin/sh\ncat .env.operations\n");
            kit.run("deploy").exits(0);
        }
    }

    private static Proof proof(Claim.Operation operation, String method) { return new Proof(new Claim(operation, "What " + method + " says", Samples.class, method)); }

    private final Run run = new Run();
    private final String date = DateTimeFormatter.BASIC_ISO_DATE.format(run.started.atOffset(ZoneOffset.UTC).toLocalDate());
    private final Path folder;
    private final Versions versions;

    EvidenceTest() throws Exception {
        folder = Files.createDirectory(Stack.folder().resolve(Stack.next("evidence")));
        versions = new Versions(run);
    }

    @AfterEach void endWhatTheRunHasStarted() { run.undo.close(); }

    private TestResults write(Proof... proofs) throws IOException {
        var results = new TestResults(run, versions, List.of(proofs), List.of(new Metrics.Metric("a thing", "4 s")));
        results.write(folder);
        return results;
    }

    private String read(String file) throws IOException { return Files.readString(folder.resolve(file)); }

    @Test void what_passed_failed_or_was_skipped_is_written_as_such_with_every_command_and_no_secret() throws IOException {
        var results = write(proof(Claim.Operation.backup, "a_test_that_passes"), proof(Claim.Operation.smoke, "a_test_that_fails"), proof(Claim.Operation.smoke, "a_test_that_is_skipped"), proof(Claim.Operation.deploy, "a_test_whose_command_shows_a_secret"));
        assertEquals(14, assertThrows(Failure.NotVerified.class, results::verify).exit.code);

        var log = read("backup-test-" + date + ".log");
        assertTrue(Pattern.compile("(?s)\n--- with \\[1\\] .*one\n\\$ psql 'postgresql://tester:••••••@.*\n  out\\| .*42\n.*\n\n\\$ ./jbang backups list --env staging\n.*  err\\| .*make one: ./jbang backup-db.*\nexit 0 after \\d+\\.\\d\\d s\n.*\n--- with \\[2\\] .*another\n.*\nPASSED after ").matcher(log).find(), log);
        var summary = read("TEST_RESULTS_SUMMARY.md");
        assertTrue(summary.contains("**1 passed, 2 failed, 1 skipped.**"), summary);
        assertTrue(summary.contains("| Samples: a test that fails | **failed**: it found \\| in KIT what should not be | "), summary);
        assertTrue(summary.contains("| **skipped**: Assumption failed: a program is not installed | "), summary);
        assertTrue(summary.contains("| **failed**: a command has shown a secret"), summary);
        assertTrue(summary.contains("\n- Vercel, Cloudflare and Supabase themselves have not been reached."), summary);
        assertTrue(summary.contains(sha256("backup-test-" + date + ".log") + "  backup-test-" + date + ".log\n"), summary);
        var line = Pattern.compile("Samples: a test that passes \\| passed \\| [0-9.]+ \\| \\[backup]\\(backup-test-" + date + ".log\\), (\\d+) ").matcher(summary);
        assertTrue(line.find(), summary);
        assertEquals("=== What a_test_that_passes says", log.lines().toList().get(Integer.parseInt(line.group(1)) - 1));

        var report = JsonParser.parseString(read("test-results.json")).getAsJsonObject();
        assertEquals(Set.of("made", "kit", "commit", "dirty", "passed", "failed", "skipped", "seconds", "claims", "metrics"), report.keySet());
        assertEquals(List.of("1", "2", "1"), Stream.of("passed", "failed", "skipped").map(name -> report.get(name).toString()).toList());
        var claim = report.getAsJsonArray("claims").get(0).getAsJsonObject();
        assertEquals(List.of("backup", "What a_test_that_passes says", "Samples: a test that passes", "passed", "backup-test-" + date + ".log", sha256("backup-test-" + date + ".log")),
            Stream.of("operation", "claim", "test", "result", "log", "sha256").map(name -> claim.get(name).getAsString()).toList());

        try (var files = Files.list(folder)) {
            for (var file : files.toList())
                for (var secret : List.of(TestDatabase.PASSWORD, Stack.up().setting("AWS_SECRET_ACCESS_KEY"), "AGE-SECRET", "token-of-nobody", Stack.folder().toString(), Stack.CHECKOUT + "/"))
                    assertFalse(Files.readString(file).contains(secret), file + " shows " + secret);
        }
    }

    @Test void another_run_on_the_same_day_takes_the_place_of_the_earlier_one() throws IOException {
        write(proof(Claim.Operation.smoke, "a_test_that_fails"));
        Files.createFile(Files.createDirectory(folder.resolve(".evidence-9999999")).resolve("smoke-test-" + date + ".log")); // of a run that was killed
        write(proof(Claim.Operation.smoke, "a_test_that_is_skipped"));
        assertEquals(List.of("TEST_RESULTS_SUMMARY.md", "backup-test-" + date + ".log", "deploy-test-" + date + ".log", "restore-test-" + date + ".log", "rollback-test-" + date + ".log", "smoke-test-" + date + ".log", "test-results.json"), names());
        assertFalse(read("smoke-test-" + date + ".log").contains("FAILED"));
        assertTrue(read("TEST_RESULTS_SUMMARY.md").contains("**0 passed, 0 failed, 1 skipped.**"));
    }

    @Test void where_it_can_not_write_all_of_it_nothing_is_replaced() throws IOException {
        write(proof(Claim.Operation.smoke, "a_test_that_fails"));
        var before = read("TEST_RESULTS_SUMMARY.md");
        Files.createFile(folder.resolve(".evidence-" + ProcessHandle.current().pid()));
        assertThrows(IOException.class, () -> write(proof(Claim.Operation.smoke, "a_test_that_is_skipped")));
        assertEquals(before, read("TEST_RESULTS_SUMMARY.md"));
        assertTrue(read("smoke-test-" + date + ".log").contains("FAILED"));
    }

    @Test void nothing_that_passed_is_not_enough() throws IOException {
        assertThrows(Failure.NotVerified.class, write(proof(Claim.Operation.smoke, "a_test_that_is_skipped"))::verify);
    }

    @Test void every_operation_has_claims_and_a_claim_whose_test_does_not_exist_is_none() {
        assertEquals(Set.of(Claim.Operation.values()), Claim.ALL.stream().map(Claim::operation).collect(Collectors.toSet()));
        assertThrows(IllegalArgumentException.class, () -> new Claim(Claim.Operation.backup, "Said, and never tested", EvidenceTest.class, "sha256"));
    }

    /** The one that was made for this checkout, if there is one. */
    @Test void every_test_that_the_summary_names_exists_and_the_logs_are_the_ones_that_it_means() throws Exception {
        var tests = Stack.CHECKOUT.resolve("tests");
        var summary = tests.resolve("TEST_RESULTS_SUMMARY.md");
        assumeTrue(Files.exists(summary), "./jbang evidence has not been run here");
        var named = Pattern.compile("(?m)^\\| .* \\| (\\w+): ([^|]+?) \\| (?:passed|\\*\\*)").matcher(Files.readString(summary)).results().toList();
        assertFalse(named.isEmpty());
        for (var each : named) new Claim(Claim.Operation.backup, "", Class.forName(each.group(1) + "Test"), each.group(2).replace(' ', '_'));
        for (var sum : Pattern.compile("(?m)^([0-9a-f]{64})  (\\S+)$").matcher(Files.readString(summary)).results().toList())
            assertEquals(sum.group(1), Sha256.hex(Sha256.of(Files.readAllBytes(tests.resolve(sum.group(2))))), sum.group(2));
    }

    private List<String> names() throws IOException {
        try (var files = Files.list(folder)) {
            return files.map(file -> file.getFileName().toString()).sorted().toList();
        }
    }

    private String sha256(String file) throws IOException { return Sha256.hex(Sha256.of(Files.readAllBytes(folder.resolve(file)))); }
}
