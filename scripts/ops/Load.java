package ops;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;

/**
 * Loads a backup into an empty database that nobody else uses yet, straight from the store and without a temporary copy.
 *
 * <p>The rows go to pg_restore as they arrive. What has no rows (definitions before them; indexes, keys and triggers
 * after them) is restored from the archive's beginning alone, which lists it: several at a time.
 */
public final class Load {
    /** Tables, each with its partitions, and materialized views: their names, quoted. */
    private static final String WITH_STATISTICS = "select format('%I.%I', n.nspname, c.relname) from pg_class c join pg_namespace n on n.oid = c.relnamespace "
        + "where c.relkind in ('r', 'p', 'm') and not c.relispartition and n.nspname !~ '^pg_' and n.nspname <> 'information_schema' order by pg_total_relation_size(c.oid) desc";
    private static final int SMALLEST_HEAD = 1 << 18;
    /** What has to be done before a certain archive can be loaded. */
    public interface Preparation {
        /**
         * Is called before anything is loaded.
         *
         * @param beginning file with the archive's beginning, from which pg_restore can tell everything but the rows
         * @return which lines of its table of contents, as pg_restore --list prints them, are not to be restored
         */
        Predicate<String> before(Path beginning) throws IOException, InterruptedException;
    }

    private final Run run;
    private final Settings settings;
    private final DatabaseUrl into;
    private final PostgresTools.Found pgRestore;
    private final List<String> options;
    private final int jobs;
    private final Path head;
    private final Map<String, String> environment;

    /**
     * @param into an empty database
     * @param options for every pg_restore: --no-owner, say
     * @param jobs how many things at a time
     */
    public Load(Run run, Settings settings, DatabaseUrl into, PostgresTools.Found pgRestore, List<String> options, int jobs) {
        this.run = run;
        this.settings = settings;
        this.into = into;
        this.pgRestore = pgRestore;
        this.options = new ArrayList<>(options);
        this.jobs = jobs;
        environment = new LinkedHashMap<>();
        head = run.undo.act(() -> {
            var workspace = Workspace.create(run);
            environment.putAll(PostgresTools.environment(workspace, into, settings));
            return workspace.resolve("head");
        });
    }

    /** Loads an archive with all that is in it, and takes the planner's statistics. */
    public void load(PartReader reader, Manifest.Part part) throws Exception { load(reader, part, beginning -> line -> false); }

    /** The same, after a preparation that needs to know what is in it. */
    public void load(PartReader reader, Manifest.Part part, Preparation preparation) throws Exception {
        reader.read(part, raw -> {
            var beginning = beginning(raw);
            select(preparation.before(head));
            restore("--section=pre-data");
            rows(beginning, raw);
            restore("--section=post-data", "--jobs=" + jobs);
        });
        analyze();
    }

    /** Reads as much of the archive as pg_restore needs to list what is in it, and keeps that in a file. */
    private byte[] beginning(InputStream raw) throws IOException, InterruptedException {
        var beginning = new byte[0];
        for (var size = SMALLEST_HEAD; ; size *= 2) {
            var read = beginning.length;
            beginning = Arrays.copyOf(beginning, size);
            read += raw.readNBytes(beginning, read, size - read);
            if (read < size) beginning = Arrays.copyOf(beginning, read);
            Files.write(head, beginning);
            try {
                output("--list");
                return beginning;
            } catch (Failure.ToolFailed e) {
                if (read < size) throw e; // that was all there is
            }
        }
    }

    private String output(String argument) throws IOException, InterruptedException {
        return Tool.text(run, pgRestore.path(), List.of(argument, "--file=-", head.toString()), Map.of(), Duration.ofSeconds(60));
    }

    private void select(Predicate<String> leftOut) throws IOException, InterruptedException {
        var all = output("--list").lines().toList();
        var hasPublic = all.stream().anyMatch(Load::isPublic) && adoptPublic();
        var kept = all.stream().filter(line -> !leftOut.test(line) && !(hasPublic && isPublic(line))).toList();
        if (kept.size() == all.size()) return;
        var list = head.resolveSibling("list");
        Files.write(list, kept);
        options.add("--use-list=" + list);
    }

    /** A backup of chosen schemas creates this one like any other, but every new database has it: then it only gets its owner. */
    private boolean adoptPublic() throws IOException, InterruptedException {
        var text = output("--section=pre-data").lines().toList();
        if (!text.contains("CREATE SCHEMA public;")) return false;
        var owner = text.stream().filter(line -> line.startsWith("ALTER SCHEMA public OWNER TO ")).findFirst();
        if (owner.isEmpty() || options.contains("--no-owner")) return true;
        try (var session = Database.connect(into, settings, "handover, public")) {
            session.execute(owner.get());
        }
        return true;
    }

    private static boolean isPublic(String line) { return line.contains(" SCHEMA - public "); }

    private void rows(byte[] beginning, InputStream raw) throws IOException, InterruptedException {
        try (var restoring = Tool.sink(run, pgRestore.path(), arguments("--section=data"), environment)) {
            try (var to = restoring.stdin()) {
                to.write(beginning);
                PartReader.copy(raw, to);
            } catch (IOException e) {
                if (!restoring.ended()) throw e; // else it says itself why it ended
            }
            restoring.finish(PostgresTools.PATIENCE);
        }
    }

    private void restore(String... arguments) throws IOException, InterruptedException {
        var all = arguments(arguments);
        all.add(head.toString());
        Tool.output(run, pgRestore.path(), all, environment, PostgresTools.PATIENCE);
    }

    private List<String> arguments(String... more) {
        var arguments = new ArrayList<>(List.of("--exit-on-error", "--no-password", "--dbname=" + into.database));
        arguments.addAll(options);
        arguments.addAll(List.of(more));
        return arguments;
    }

    private void analyze() throws Exception {
        List<String> tables;
        try (var session = Database.connect(into, settings, "handover, statistics")) {
            tables = session.rows(WITH_STATISTICS, row -> row[0]);
        }
        Steps.sideBySide(tables, table -> {
            try (var session = Database.connect(into, settings, "handover, statistics")) {
                session.execute("analyze " + table);
                return true;
            }
        });
    }
}
