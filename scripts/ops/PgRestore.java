package ops;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** pg_restore, for everything in an archive but the rows: it can tell all that from the archive's beginning, which is kept in a file. */
final class PgRestore {
    private final Run run;
    private final Path program;
    private final List<String> options;
    private final Map<String, String> environment = new LinkedHashMap<>();
    private final Path beginning;

    /** @param options for every run: --no-owner, say */
    PgRestore(Run run, Settings settings, PostgresTools.Found program, DatabaseUrl into, List<String> options, byte[] beginning) throws IOException {
        this.run = run;
        this.program = program.path();
        this.options = new ArrayList<>(List.of("--exit-on-error", "--no-password", "--dbname=" + PostgresTools.connection(into)));
        this.options.addAll(options);
        this.beginning = run.undo.act(() -> {
            var workspace = Workspace.create(run);
            environment.putAll(PostgresTools.environment(workspace, into, settings));
            return workspace.resolve("beginning");
        });
        Files.write(this.beginning, beginning);
    }

    Path beginning() { return beginning; }

    /** What it prints, without a server. */
    List<String> lines(String argument) throws IOException, InterruptedException {
        return Tool.text(run, program, List.of(argument, "--file=-", beginning.toString()), Map.of(), Duration.ofSeconds(60)).lines().toList();
    }

    /** Restores those of the listed entries that belong to a section. */
    boolean restore(List<String> listed, String... section) throws IOException, InterruptedException {
        var arguments = arguments(listed, section);
        arguments.add(beginning.toString());
        Tool.output(run, program, arguments, environment, PostgresTools.PATIENCE);
        return true;
    }

    /** Starts to restore the listed entries that belong to a section, and whose data the caller writes, behind the beginning. */
    Tool start(List<String> listed, String section) throws IOException { return Tool.sink(run, program, arguments(listed, section), environment); }

    private List<String> arguments(List<String> listed, String... section) throws IOException {
        var arguments = new ArrayList<>(options);
        arguments.add("--use-list=" + Files.write(Files.createTempFile(beginning.getParent(), "list-", ""), listed));
        arguments.addAll(List.of(section));
        return arguments;
    }
}
