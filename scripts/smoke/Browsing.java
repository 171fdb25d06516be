package smoke;

import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import ops.Failure;
import ops.Home;
import ops.Private;
import ops.Run;
import ops.Setting;
import ops.Settings;
import ops.Tool;
import ops.Workspace;

/**
 * What a real browser makes of the page: a white one that answers 200 looks well to everybody else.
 *
 * <p>The browser is a script of its own, so that what it needs is fetched and loaded only where it is asked for.
 */
record Browsing(Run run, Site site, Settings settings) {
    /** What the operator told the launcher: where Java is, and what was built already. */
    private static final Map<String, String> LAUNCHER = new HashMap<>(System.getenv());

    static { LAUNCHER.keySet().retainAll(List.of("JAVA_HOME", "HANDOVER_CACHE", "XDG_CACHE_HOME", "HANDOVER_MAVEN_URL")); }

    Verdict look(Duration limit) throws IOException, InterruptedException {
        // Of its own time it needs some to begin and to end.
        var seconds = Math.max(1, limit.minusSeconds(2).toSeconds());
        var root = settings.require(Setting.SMOKE_ROOT);
        // A page of its own text has none of the usual ones.
        if (root.equals(Setting.SMOKE_ROOT.fallback)) root += ",body:not(:has(" + root + "))";
        var arguments = new ArrayList<>(List.of("browser", "--json", "--quiet", "--url", site.address.toString(),
            "--root", root, "--seconds", String.valueOf(seconds)));
        var header = settings.get(Setting.SMOKE_HEADER);
        if (header.isPresent()) {
            var file = Workspace.create(run).resolve("header");
            Private.write(file, header.get());
            arguments.addAll(List.of("--header-file", file.toString()));
        }
        try (var browser = Tool.start(run, Home.dir().resolve("jbang"), arguments, LAUNCHER)) {
            var said = new String(browser.stdout(limit).readAllBytes(), StandardCharsets.UTF_8);
            try {
                return verdict(JsonParser.parseString(said).getAsJsonObject());
            } catch (JsonParseException | IllegalStateException | UnsupportedOperationException e) {
                browser.finish(Duration.ofSeconds(2));
                return Verdict.unknown("the browser's script said nothing", "run it alone: ./jbang browser --url " + site.address);
            }
        } catch (Failure.ToolFailed e) {
            return Verdict.unknown(e.getMessage(), "run it alone: ./jbang browser --url " + site.address);
        }
    }

    private static Verdict verdict(JsonObject said) {
        var what = said.get("what").getAsString();
        var next = said.has("next") && !said.get("next").isJsonNull() ? said.get("next").getAsString() : null;
        return new Verdict(Outcome.valueOf(said.get("outcome").getAsString()), what, next, false);
    }
}
