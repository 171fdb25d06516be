import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import ops.Run;
import ops.Tool;

/** How long things took in this run, each with what it was measured on. */
final class Metrics {
    /** Larger would take longer than all the rest, and smaller would measure little but the start of Java. */
    private static final int SCALE = 30;

    record Metric(String name, String value) { }

    private final List<Metric> found = new ArrayList<>();

    /** From the benchmark, on a database of its own, and from commands that the proofs have run. */
    static List<Metric> of(Run run, List<Proof> proofs) throws IOException, InterruptedException {
        var metrics = new Metrics();
        var kit = new Kit(Stack.next("kit"));
        var bench = List.of("bench", "backup", "restore", "--scale", String.valueOf(SCALE), "--runs", "1", "--quiet", "--json");
        metrics.benchmark(JsonParser.parseString(Tool.text(run, kit.home.resolve("jbang"), bench, kit.environment(), Duration.ofMinutes(30))).getAsJsonObject());
        var small = "an application of 4 files whose build takes no time";
        metrics.command(proofs, "what_is_live_afterwards_is_the_commit_and_everything_about_it_is_recorded", "deploy", small);
        metrics.command(proofs, "the_release_before_is_live_again_and_the_one_that_was_left_is_marked_bad", "rollback", small + ", instantly");
        metrics.command(proofs, "what_the_provider_has_no_more_comes_from_the_archive_without_node_and_git", "rollback", small + ", from the archive");
        metrics.command(proofs, "a_site_that_is_well_passes_with_a_line_for_each_check", "smoke-tests", "a site on this machine");
        return metrics.found;
    }

    private void benchmark(JsonObject report) {
        var size = report.get("dump_mb").getAsDouble();
        found.add(new Metric("database that was measured", text("%.0f MB as pg_dump writes it: the sample database, scale %d", size, report.get("scale").getAsInt())));
        for (var each : report.getAsJsonArray("rows")) {
            var row = each.getAsJsonObject();
            var seconds = row.get("seconds").getAsDouble();
            var way = row.get("way").getAsString();
            var ours = way.matches("(backup-db|restore-db|backups) .*");
            found.add(new Metric(row.get("what").getAsString() + ", " + way, text("%.1f s for %.0f MB, %,.0f MB/min", seconds, size, size * 60 / seconds) + (ours ? "" : text("; the kit takes %.2f times as long", row.get("ratio").getAsDouble()))));
        }
    }

    /** The first such command of a test that went well. */
    private void command(List<Proof> proofs, String method, String verb, String of) {
        proofs.stream().filter(proof -> proof.claim.method().equals(method)).flatMap(proof -> proof.commands.stream()).filter(command -> command.isOfTheKit() && command.command.contains(verb) && command.soFar().exit() == 0).findFirst()
            .ifPresent(command -> found.add(new Metric(verb + " of " + of, text("%.1f s", command.seconds()))));
    }

    private static String text(String form, Object... values) { return String.format(Locale.ROOT, form, values); }
}
