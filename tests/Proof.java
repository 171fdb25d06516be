import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.platform.engine.TestExecutionResult;
import org.junit.platform.engine.discovery.DiscoverySelectors;
import org.junit.platform.launcher.TestExecutionListener;
import org.junit.platform.launcher.TestIdentifier;
import org.junit.platform.launcher.core.LauncherDiscoveryRequestBuilder;
import org.junit.platform.launcher.core.LauncherFactory;

/** What came of a claim's test, run in this thread: what another one starts is not in its log. */
final class Proof implements TestExecutionListener {
    enum Result { passed, failed, skipped }

    final Claim claim;
    /** Of this thread; they are in its log already, or in an earlier one's. */
    private final Set<Kit.Running> told = new HashSet<>(Kit.Running.endedHere());
    private final StringBuilder log = new StringBuilder();
    private final List<String> failures = new ArrayList<>();
    private final List<String> skips = new ArrayList<>();
    private final long begun = System.nanoTime();
    private final double seconds;
    private int passed;

    Proof(Claim claim) {
        this.claim = claim;
        LauncherFactory.create().execute(LauncherDiscoveryRequestBuilder.request().selectors(DiscoverySelectors.selectMethod(claim.in(), claim.code()))
            .configurationParameter("junit.jupiter.execution.timeout.default", Patience.LONGEST_TEST).build(), this);
        seconds = (System.nanoTime() - begun) / 1e9;
    }

    double seconds() { return seconds; }

    /** One that was skipped in part is skipped: that part is not proven. */
    Result result() { return !failures.isEmpty() || passed + skips.size() == 0 ? Result.failed : skips.isEmpty() ? Result.passed : Result.skipped; }

    /** Why it has not passed, in one line; empty when it has. */
    String reason() {
        return switch (result()) {
            case passed -> "";
            case skipped -> skips.get(0);
            case failed -> failures.isEmpty() ? "its test did not run" : failures.get(0);
        };
    }

    /** Every command, with what it printed, and what failed. */
    String log() { return log.toString(); }

    @Override public void executionStarted(TestIdentifier test) {
        // Of a test with arguments these make the difference.
        if (test.isTest() && test.getDisplayName().startsWith("[")) log.append("\n--- with ").append(Transcript.plain(test.getDisplayName()).replaceAll("\\p{Cntrl}", " ")).append('\n');
    }

    @Override public void executionSkipped(TestIdentifier test, String reason) { skip(reason); }

    @Override public void executionFinished(TestIdentifier test, TestExecutionResult result) {
        for (var command : Kit.Running.endedHere()) {
            if (!told.add(command)) continue;
            log.append(Transcript.of(command));
            if (command.isOfTheKit() && Transcript.isTelling(command.soFar().out() + command.soFar().err())) fail("a command has shown a secret; here it is dots");
        }
        switch (result.getStatus()) {
            case SUCCESSFUL -> { if (test.isTest()) passed++; }
            case ABORTED -> skip(result.getThrowable().map(Throwable::getMessage).orElse("no reason given"));
            case FAILED -> {
                fail(result.getThrowable().map(thrown -> thrown instanceof AssertionError ? thrown.getMessage() : thrown.toString()).orElse("no reason given"));
                Stack.stopLeftovers();
            }
        }
    }

    private void skip(String reason) {
        skips.add(oneLine(reason));
        log.append("\nSKIPPED: ").append(oneLine(reason)).append('\n');
    }

    private void fail(String reason) {
        failures.add(oneLine(reason));
        log.append("\nFAILED: ").append(oneLine(reason)).append('\n');
    }

    /** Its first line, and what was expected: between them stands what a command has printed, which is in the log already. */
    private static String oneLine(String reason) {
        var text = Transcript.plain(String.valueOf(reason));
        var first = text.lines().findFirst().orElse("");
        var expected = text.lastIndexOf(" ==> ");
        return (first + (expected > first.length() ? text.substring(expected) : "")).replaceAll("\\p{Cntrl}", " ").strip();
    }
}
