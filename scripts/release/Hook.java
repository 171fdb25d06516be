package release;

import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import ops.Exit;
import ops.Failure;
import ops.History;
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

    /** A run's body, after which the program is told, whatever its end; settings and history are null when the run does not get that far. */
    public static Run.Body telling(Run run, Supplier<Settings> settings, Supplier<History> history, Run.Body body) {
        return () -> {
            try {
                body.run();
                tell(run, settings.get(), history.get(), "done", Exit.DONE, null);
            } catch (Failure e) {
                tell(run, settings.get(), history.get(), e.exit == Exit.ROLLED_BACK ? "rolled back" : "failed", e.exit, e.getMessage());
                throw e;
            }
        };
    }

    private static void tell(Run run, Settings settings, History history, String result, Exit exit, String problem) throws InterruptedException {
        if (history == null || settings.get(Setting.DEPLOY_HOOK).isEmpty()) return;
        try (var hook = Tool.sink(run, Home.dir().resolve(settings.require(Setting.DEPLOY_HOOK)), List.of(), Map.of())) {
            try (var stdin = hook.stdin()) {
                stdin.write(Json.bytes(history.facts(result, exit, problem, run.elapsed())));
            }
            hook.finish(LIMIT);
        } catch (Failure | IOException e) {
            run.console.warn("the program of DEPLOY_HOOK was not told, or failed: " + e.getMessage());
        }
    }
}
