///usr/bin/env true ; exec jbang "$0" "$@"
//DESCRIPTION Prove what the kit promises on a fresh embedded stack, and write the logs and the summary of it
//JAVA 17+
//SOURCES Tests.java

import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import ops.*;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** Prove what the kit promises, deliberate failures included, and write down what was run and what came out.
 *
 *      jbang evidence
 *
 *  Needs what the tests need; .ci/run installs it. */
@Command(name = "evidence", mixinStandardHelpOptions = true, sortOptions = false, version = "handover " + Ops.VERSION,
    header = {
        "  evidence          run the test of every claim on a fresh embedded stack, and write what came out",
        "  evidence --json   print test-results.json too", ""},
    description = {
        "Writes, in the kit's folder tests: backup-test-DATE.log, restore-test-DATE.log, deploy-test-DATE.log, rollback-test-DATE.log and smoke-test-DATE.log, "
            + "test-results.json for machines, and TEST_RESULTS_SUMMARY.md for people. They appear when all is done, in place of those of the same day (UTC); "
            + "an interrupted run leaves the earlier ones as they are. Logs of earlier days stay: remove them when nobody needs them.%n",
        "Run it where nothing else does: figures are worth nothing on a busy machine, and tests with a time limit fail there.%n",
        "A claim that fails is written down as failed. One whose test is skipped, for want of a program say, is not proven, and not counted as passed.%n"},
    footer = "%nExit 14 when a claim failed, or none passed.")
class Evidence implements Callable<Integer> {
    @Mixin Run run;

    public static void main(String... args) { Run.main(new Evidence(), args); }

    @Override public Integer call() { return run.execute("evidence", this::prove); }

    private void prove() throws Exception {
        if (System.getenv("HANDOVER_TEST_STACK") != null) throw new Failure.Refused("HANDOVER_TEST_STACK names a stack that runs already, and evidence is made on a fresh one", "unset HANDOVER_TEST_STACK");
        var steps = new Steps(run, false);
        run.state("nothing was written; an earlier summary is as it was");
        run.undo.add("stop the embedded stack", Stack::down);
        var versions = steps.check("Start the stack, and note the versions", () -> new Versions(run));
        var proofs = prove(Claim.ALL);
        var metrics = steps.check("Measure", () -> Metrics.of(run));
        var results = new TestResults(run, versions, proofs, metrics);
        steps.check("Write the logs and the summary", () -> { results.write(Stack.CHECKOUT.resolve("tests")); return null; });
        run.state("tests/TEST_RESULTS_SUMMARY.md says what is not proven, and why");
        run.console.result(run.json ? results.json() : results.counts() + "; tests/TEST_RESULTS_SUMMARY.md");
        results.verify();
    }

    /** Three classes at a time, as all the tests run: most wait, for a start or a signal. Those with the most claims begin. */
    private List<Proof> prove(List<Claim> claims) throws Exception {
        var classes = claims.stream().collect(Collectors.groupingBy(Claim::in)).values().stream().sorted(Comparator.comparing(List<Claim>::size).reversed()).toList();
        var proofs = new HashMap<Claim, Proof>();
        for (var each : Steps.sideBySide(3, classes, of -> of.stream().map(this::prove).toList())) for (var proof : each) proofs.put(proof.claim, proof);
        return claims.stream().map(proofs::get).toList();
    }

    private Proof prove(Claim claim) {
        var proof = new Proof(claim);
        run.console.say(String.format(Locale.ROOT, "%-8s %6.1f s  %-8s  %s%s", proof.result(), proof.seconds(), claim.operation(), claim.words(), proof.reason().isEmpty() ? "" : ": " + proof.reason()));
        return proof;
    }
}
