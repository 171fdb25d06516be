package release;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import ops.Failure;
import ops.Run;
import ops.Secret;
import ops.Tool;
import ops.Workspace;

/**
 * A provider's own command line, as the application pins it: away from every checkout, login and habit of whoever runs it,
 * so that nothing but what is said here decides where it uploads.
 */
final class CommandLine {
    private static final Duration LIMIT = Duration.ofMinutes(15);
    private static final int LONGEST_QUOTE = 600;

    private final Run run;
    private Path workspace;

    CommandLine(Run run) { this.run = run; }

    /** A new empty folder, removed when the run ends. */
    Path folder(String name) throws IOException { return Files.createTempDirectory(workspace(), name + "-"); }

    private Path workspace() {
        if (workspace == null) workspace = Workspace.createOnDisk(run);
        return workspace;
    }

    /** Runs it in a folder to its end and gives its stdout; throws ToolFailed with its last words unless it ends well. */
    String run(Path program, List<String> arguments, Map<String, String> environment, Path folder) throws IOException, InterruptedException {
        var home = workspace().resolve("home").toString();
        var variables = new TreeMap<>(Map.of("HOME", home, "XDG_CONFIG_HOME", home, "XDG_DATA_HOME", home, "XDG_CACHE_HOME", home,
            "CI", "1", "NO_COLOR", "1", "NO_UPDATE_NOTIFIER", "1", "VERCEL_TELEMETRY_DISABLED", "1", "WRANGLER_SEND_METRICS", "false", "WRANGLER_HIDE_BANNER", "true"));
        variables.put("GIT_CEILING_DIRECTORIES", workspace().getParent().toString());
        variables.putAll(WayOut.variables());
        variables.putAll(environment);
        try {
            var said = Tool.text(run, program, arguments, variables, folder, LIMIT);
            said.lines().map(Api::plain).filter(line -> !line.isEmpty()).forEach(line -> run.console.detail(program.getFileName() + ": " + line));
            return said;
        } catch (Failure.ToolFailed e) {
            throw new Failure.ToolFailed(program.getFileName() + " " + arguments.get(0) + shortened(e.getMessage().substring(program.getFileName().toString().length())), e.hint);
        }
    }

    /** How it ended, and the end of what it said. */
    private static String shortened(String message) {
        var how = message.replaceFirst(": (?s:.*)", "");
        var said = message.substring(how.length()).replaceAll("\033\\[[0-9;]*[A-Za-z]", "").replaceAll("[\\p{Cntrl}\\s]+", " ");
        return Secret.mask(how + (said.length() <= LONGEST_QUOTE ? said : ": …" + said.substring(said.length() - LONGEST_QUOTE)));
    }
}
