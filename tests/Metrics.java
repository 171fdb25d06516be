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

    /** One thing after the other, when nothing else runs. */
    static List<Metric> of(Run run) throws IOException, InterruptedException {
        var metrics = new Metrics();
        var kit = new Kit(Stack.next("kit"));
        var bench = List.of("bench", "backup", "restore", "--scale", String.valueOf(SCALE), "--runs", "1", "--quiet", "--json");
        metrics.benchmark(JsonParser.parseString(Tool.text(run, kit.home.resolve("jbang"), bench, kit.environment(), Duration.ofMinutes(30))).getAsJsonObject());
        metrics.releases();
        return metrics.found;
    }

    private void benchmark(JsonObject report) {
        var size = report.get("dump_mb").getAsDouble();
        found.add(new Metric("database that was measured", text("%.0f MB as pg_dump writes it: the sample database, scale %d", size, report.get("scale").getAsInt())));
        for (var each : report.getAsJsonArray("rows")) {
            var row = each.getAsJsonObject();
            var seconds = row.get("seconds").getAsDouble();
            var way = row.get("way").getAsString();
            var ours = way.matches("(backup-db|restore-db|backups)\\b.*");
            found.add(new Metric(row.get("what").getAsString() + ": " + way, text("%.1f s for %.0f MB, %,.0f MB/min", seconds, size, size * 60 / seconds) + (ours ? "" : text("; the kit takes %.2f times as long", row.get("ratio").getAsDouble()))));
        }
    }

    private void releases() {
        var site = new DeployedSite(Stack.kit());
        try {
            site.repository.byNpm().commit("Built by npm");
            time(site.kit, "deploy");
            site.change("second");
            site.run("deploy").exits(0);
            time(site.kit, "rollback");
            time(site.kit, "smoke-tests");
        } finally {
            site.close();
        }
    }

    private void time(Kit kit, String command) {
        var running = kit.start(command, "--env", "staging");
        running.result().exits(0);
        found.add(new Metric(command + ", in a folder on this machine", text("%.1f s for an application of 4 files whose build takes no time", running.seconds())));
    }

    private static String text(String form, Object... values) { return String.format(Locale.ROOT, form, values); }
}
