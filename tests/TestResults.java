import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import ops.Amount;
import ops.Failure;
import ops.Json;
import ops.Ops;
import ops.Private;
import ops.Run;
import ops.Sha256;
import ops.Workspace;

/** What an evidence run leaves in a folder: a log of each operation, test-results.json for machines, and the summary for people. */
final class TestResults {
    /** A folder with what is about to be put in place; the number of the process that writes it follows. */
    private static final String FRESH = ".evidence-";
    private static final Pattern LEFT = Pattern.compile("\\.evidence-([0-9]{1,10}).*");

    private record Row(String operation, String claim, String test, String result, String reason, double seconds, String log, String sha256) { }

    private record Report(String made, String kit, String commit, boolean dirty, long passed, long failed, long skipped, double seconds, List<Row> claims, List<Metrics.Metric> metrics) { }

    private final Instant made;
    private final Duration took;
    private final Versions versions;
    private final List<Proof> proofs;
    private final List<Metrics.Metric> metrics;
    private final Map<Claim.Operation, String> logs = new EnumMap<>(Claim.Operation.class);
    /** Where its part of the log begins. */
    private final Map<Proof, Integer> lines = new LinkedHashMap<>();

    TestResults(Run run, Versions versions, List<Proof> proofs, List<Metrics.Metric> metrics) {
        made = run.started.truncatedTo(ChronoUnit.SECONDS);
        took = run.elapsed();
        this.versions = versions;
        this.proofs = proofs;
        this.metrics = metrics;
        for (var operation : Claim.Operation.values()) logs.put(operation, log(operation));
    }

    /** How many claims ended so. */
    long count(Proof.Result result) { return proofs.stream().filter(proof -> proof.result() == result).count(); }

    /** In words: "40 passed, 1 failed, 0 skipped". */
    String counts() { return count(Proof.Result.passed) + " passed, " + count(Proof.Result.failed) + " failed, " + count(Proof.Result.skipped) + " skipped"; }

    /** Writes all files beside their places, and only then puts them there, the summary last: what stops in between leaves the earlier summary. */
    void write(Path folder) throws IOException {
        var files = new LinkedHashMap<String, String>();
        logs.forEach((operation, text) -> files.put(name(operation), text));
        files.put("test-results.json", json() + "\n");
        files.put("TEST_RESULTS_SUMMARY.md", summary());
        clearLeftovers(folder);
        var fresh = folder.resolve(FRESH + ProcessHandle.current().pid());
        Private.folder(fresh);
        try {
            for (var file : files.entrySet()) Files.writeString(fresh.resolve(file.getKey()), file.getValue());
            for (var name : files.keySet()) Files.move(fresh.resolve(name), folder.resolve(name), StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        } finally {
            Private.remove(fresh);
        }
    }

    /** Of runs that were killed while they wrote. */
    private static void clearLeftovers(Path folder) throws IOException {
        try (var left = Files.newDirectoryStream(folder, FRESH + "*")) {
            for (var fresh : left) if (Workspace.leftBy(fresh, LEFT).isPresent()) Private.remove(fresh);
        }
    }

    String json() {
        var rows = proofs.stream().map(proof -> new Row(proof.claim.operation().name(), proof.claim.words(), proof.claim.test(), proof.result().name(), proof.reason(), tenths(proof.seconds()), name(proof.claim.operation()), sha256(proof.claim.operation()))).toList();
        return Json.text(new Report(made.toString(), Ops.VERSION, versions.commit, versions.dirty, count(Proof.Result.passed), count(Proof.Result.failed), count(Proof.Result.skipped), Amount.seconds(took), rows, metrics));
    }

    private static double tenths(double seconds) { return Math.round(seconds * 10) / 10.0; }

    private String name(Claim.Operation operation) { return operation + "-test-" + DateTimeFormatter.BASIC_ISO_DATE.format(made.atOffset(ZoneOffset.UTC).toLocalDate()) + ".log"; }

    private String sha256(Claim.Operation operation) { return Sha256.hex(Sha256.of(logs.get(operation).getBytes(StandardCharsets.UTF_8))); }

    private List<Proof> of(Claim.Operation operation) { return proofs.stream().filter(proof -> proof.claim.operation() == operation).toList(); }

    /** Throws NotVerified unless some passed and none failed. */
    void verify() {
        if (count(Proof.Result.failed) > 0 || count(Proof.Result.passed) == 0)
            throw new Failure.NotVerified("not every claim is proven: " + counts(), "read why in the summary, then run one alone: ./jbang test \"WORDS OF ITS SENTENCE\"");
    }

    // --- a log

    private String log(Claim.Operation operation) {
        var text = new StringBuilder("Handover " + Ops.VERSION + ", commit " + versions.all.get("commit") + ": " + operation + ", tested at " + made + "\n"
            + "Every command that was run, what it printed (out|, err|) and how it ended. What a test did besides stands in its source, tests/CLASSTest.java.\n"
            + "KIT is a checkout of the kit, made for one test. Secrets are dots.\n");
        for (var proof : of(operation)) {
            text.append('\n');
            lines.put(proof, (int) text.chars().filter(each -> each == '\n').count() + 1);
            text.append("=== ").append(proof.claim.words()).append("\n    ").append(proof.claim.test()).append('\n').append(proof.log()).append('\n')
                .append(proof.result().name().toUpperCase(Locale.ROOT)).append(String.format(Locale.ROOT, " after %.1f s", proof.seconds())).append(proof.reason().isEmpty() ? "" : ": " + proof.reason()).append('\n');
        }
        return text.toString();
    }

    // --- the summary

    private String summary() throws IOException {
        var text = new ArrayList<String>();
        text.add("# Test results\n");
        text.add("Handover " + Ops.VERSION + ", commit " + versions.all.get("commit") + ". Made at " + made + " by `./jbang evidence`, which took " + Amount.time(took) + "; nothing in it was typed.\n");
        text.add("**" + counts() + ".** What was skipped is not proven. Each claim is proven by a test of the kit, on servers that were started for it; `./jbang test \"a few words of its sentence\"` runs it again.\n");
        for (var operation : Claim.Operation.values()) {
            if (of(operation).isEmpty()) continue;
            text.add("## " + operation.name().substring(0, 1).toUpperCase(Locale.ROOT) + operation.name().substring(1) + "\n");
            text.add("| claim | test | result | seconds | log, from line | its SHA-256 |\n|---|---|---|---|---|---|");
            for (var proof : of(operation)) text.add(row(proof));
            text.add("");
        }
        text.add("## The logs\n\nWhether they are the ones that this run wrote, in the folder `tests`:\n\n```\nsha256sum -c <<END");
        logs.keySet().stream().filter(operation -> !of(operation).isEmpty()).forEach(operation -> text.add(sha256(operation) + "  " + name(operation)));
        text.add("END\n```\n\n## Figures\n\nMeasured in this run, on this machine, with the servers on it too. Ours and theirs in turn.\n\n| what | measured |\n|---|---|");
        metrics.forEach(metric -> text.add("| " + cell(metric.name()) + " | " + cell(metric.value()) + " |"));
        text.add("\n## Versions\n\n| what | version |\n|---|---|");
        versions.all.forEach((what, version) -> text.add("| " + what + " | " + cell(version) + " |"));
        text.add("\n## Known limits\n\n" + limits());
        return text.stream().collect(Collectors.joining("\n", "", "\n"));
    }

    private String row(Proof proof) {
        var operation = proof.claim.operation();
        var result = proof.result() == Proof.Result.passed ? "passed" : "**" + proof.result() + "**: " + cell(proof.reason());
        return "| " + cell(proof.claim.words()) + " | " + proof.claim.test() + " | " + result + String.format(Locale.ROOT, " | %.1f | [%s](%s), %d | `%s…` |", proof.seconds(), operation, name(operation), lines.get(proof), sha256(operation).substring(0, 12));
    }

    private static String cell(String text) { return text.replace("|", "\\|").replaceAll("\\s+", " "); }

    /** The README's: there they are kept. */
    private static String limits() throws IOException {
        return Files.readString(Stack.CHECKOUT.resolve("README.md")).split("\n## Known limits\n+")[1].split("\n+## ")[0];
    }
}
