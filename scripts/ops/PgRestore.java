package ops;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.regex.Pattern;

/** pg_restore, for everything in an archive but the rows: it can tell all that from the archive's beginning, which is kept in a file. */
final class PgRestore {
    private final Run run;
    private final Path program;
    private final List<String> options;
    private final Map<String, String> environment = new LinkedHashMap<>();
    private final Path beginning;
    private final UnknownSettings unknown;
    private final boolean forgiving;
    private final Set<Integer> failed = ConcurrentHashMap.newKeySet();

    /**
     * @param options for every run: --no-owner, say
     * @param session of the database that is restored into
     * @param forgiving whether it goes on after an entry that can't be restored, and tells in the end
     */
    PgRestore(Run run, Settings settings, PostgresTools.Found program, Database session, List<String> options, boolean forgiving, byte[] beginning) throws IOException {
        this.forgiving = forgiving;
        this.run = run;
        this.program = program.path();
        this.options = new ArrayList<>(List.of("--no-password", "--dbname=" + PostgresTools.connection(session.url)));
        this.options.addAll(options);
        unknown = new UnknownSettings(program, session);
        this.beginning = run.undo.act(() -> {
            var workspace = Workspace.create(run);
            environment.putAll(PostgresTools.environment(workspace, session.url, settings));
            environment.put("LC_ALL", "C"); // what it says is read here
            return workspace.resolve("beginning");
        });
        Files.write(this.beginning, beginning);
    }

    Path beginning() { return beginning; }

    /** Entries that could not be restored so far; none unless it is forgiving. */
    Set<Integer> failed() { return Set.copyOf(failed); }

    /** What it prints, without a server. */
    List<String> lines(String argument) throws IOException, InterruptedException {
        return Tool.text(run, program, List.of(argument, "--file=-", beginning.toString()), Map.of(), Duration.ofSeconds(60)).lines().toList();
    }

    /** Restores those of the listed entries that belong to a section. */
    boolean restore(List<String> listed, String... section) throws IOException, InterruptedException {
        var arguments = arguments(listed, section);
        arguments.add(beginning.toString());
        try (var running = new Running(arguments)) {
            running.tool.stdin().close();
            running.finish();
        }
        return true;
    }

    /** Starts to restore the listed entries that belong to a section, and whose data the caller writes, behind the beginning. */
    Running start(List<String> listed, String section) throws IOException { return new Running(arguments(listed, section)); }

    private List<String> arguments(List<String> listed, String... section) throws IOException {
        var arguments = new ArrayList<>(options);
        // At the first error, but for the one that is known beforehand: that it would end at.
        if (unknown.areNone() && !forgiving) arguments.add("--exit-on-error");
        if (forgiving) arguments.add("--verbose"); // or it would not say which entry an error is of
        arguments.add("--use-list=" + Files.write(Files.createTempFile(beginning.getParent(), "list-", ""), listed));
        arguments.addAll(List.of(section));
        return arguments;
    }

    /** A pg_restore at work. */
    final class Running implements AutoCloseable {
        private static final Pattern ERROR = Pattern.compile("pg_restore: error: .*");
        private static final Pattern VERBOSE = Pattern.compile("^pg_restore: (?!error: |warning: |detail: |hint: )");
        private static final Pattern ENTRY = Pattern.compile("^pg_restore: from TOC entry ([0-9]{1,9});");
        private static final String ENDED = "pg_restore: warning: errors ignored on restore: ";
        final Tool tool;
        private volatile int errors;
        private volatile boolean ended;
        /** Whether the line before may be of such a setting. */
        private boolean maybeKnown;

        private Running(List<String> arguments) { tool = Tool.sink(run, program, arguments, environment, this::isWorthKeeping); }

        /** Each of its sessions says the same of a setting that the server does not know, in two lines. */
        private boolean isWorthKeeping(String line) {
            if (maybeKnown && !unknown.areIn(line)) errors++;
            var known = maybeKnown && unknown.areIn(line) || unknown.mayBeIn(line);
            maybeKnown = unknown.mayBeIn(line);
            if (ERROR.matcher(line).matches() && !known) errors++;
            if (line.startsWith(ENDED)) ended = true;
            var entry = ENTRY.matcher(line);
            if (entry.find()) failed.add(Integer.valueOf(entry.group(1)));
            if (VERBOSE.matcher(line).find()) return false;
            return !known && !(ended && errors == 0);
        }

        /** Waits for its end; throws ToolFailed when it failed, but for the settings that the server does not know. */
        void finish() throws InterruptedException {
            try {
                tool.finish(PostgresTools.PATIENCE);
            } catch (Failure.ToolFailed e) {
                if (!ended || errors > 0 && !forgiving) throw e;
            }
        }

        @Override public void close() { tool.close(); }
    }
}
