package release;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import ops.Failure;
import ops.Home;
import ops.Json;
import ops.Run;
import ops.Setting;
import ops.Settings;
import ops.Tool;

/** Tells the program of DEPLOY_HOOK what came of a run: a message to the team, say. Whatever becomes of that, the run's own end stays what it is. */
public final class Hook {
    private static final Duration LIMIT = Duration.ofSeconds(30);

    private Hook() { }

    public static void tell(Run run, Settings settings, Map<String, Object> what) throws InterruptedException {
        var program = settings.get(Setting.DEPLOY_HOOK);
        if (program.isEmpty()) return;
        try (var hook = Tool.sink(run, Home.dir().resolve(program.get()), List.of(), Map.of())) {
            try (var stdin = hook.stdin()) {
                stdin.write(Json.bytes(what));
            }
            hook.finish(LIMIT);
        } catch (Failure | IOException e) {
            run.console.warn("the program of DEPLOY_HOOK was not told, or failed: " + e.getMessage());
        }
    }
}
