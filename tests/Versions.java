import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import ops.Failure;
import ops.Ops;
import ops.Run;
import ops.Tool;

/** What was tested, with what, on what. */
final class Versions {
    private final Run run;
    /** By name, in the order of the summary. */
    final Map<String, String> all = new LinkedHashMap<>();
    /** Empty outside of git. */
    final String commit;
    /** Whether files differ from the commit. */
    final boolean dirty;

    Versions(Run run) throws IOException, InterruptedException {
        this.run = run;
        commit = Ops.commit(run);
        dirty = !commit.isEmpty() && !said("git", "-C", Stack.CHECKOUT.toString(), "status", "--porcelain").isEmpty();
        all.put("kit", Ops.VERSION);
        all.put("commit", commit.isEmpty() ? "none: this is no checkout of git" : commit + (dirty ? ", with changes that are not committed" : ""));
        all.put("Java", System.getProperty("java.runtime.version") + ", " + System.getProperty("java.vendor"));
        all.put("JBang", found("(?m)^needed=([0-9.]+)", Stack.CHECKOUT.resolve("jbang")) + " or newer, by the launcher");
        all.put("PostgreSQL server", TestDatabase.serverRows("show server_version").get(0));
        for (var program : List.of("pg_dump", "psql", "git", "node", "npm", "age", "zstd", "aws", "chromium", "rsync")) all.put(program, said(program, "--version"));
        for (var program : List.of("vercel", "wrangler")) all.put(program, found("\"" + program + "\": \"([^\"]+)\"", Stack.CHECKOUT.resolve("tests/provider-clis/package.json")) + ", as the tests install it");
        all.put("system", found("PRETTY_NAME=\"([^\"]+)\"", Path.of("/etc/os-release")) + ", " + System.getProperty("os.name") + " " + System.getProperty("os.version") + " " + System.getProperty("os.arch"));
        all.put("processors", String.valueOf(Runtime.getRuntime().availableProcessors()));
        all.put("user", System.getProperty("user.name").equals("root") ? "root" : "not root");
    }

    /** The first line of what a program prints. */
    private String said(String... command) throws IOException, InterruptedException {
        try {
            return Tool.text(run, Path.of(command[0]), List.of(command).subList(1, command.length), Map.of(), Duration.ofSeconds(20)).lines().findFirst().orElse("");
        } catch (Failure e) {
            return "not installed";
        }
    }

    private static String found(String regex, Path file) throws IOException {
        if (!Files.exists(file)) return "unknown";
        var found = Pattern.compile(regex).matcher(Files.readString(file));
        return found.find() ? found.group(1) : "unknown";
    }
}
