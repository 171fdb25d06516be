package ops;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ExecutorCompletionService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Predicate;

/**
 * Loads a backup into an empty database that nobody else uses yet, straight from the store.
 *
 * <p>Several tables at a time: their rows go to a temporary file as they arrive, and from there to as many sessions. What
 * has no rows (definitions before them; indexes, keys and triggers after them) pg_restore restores from the archive's
 * beginning alone, several at a time too. Where there is no room for the file, tables are loaded one after another.
 */
public final class Load {
    /** Tables, each with its partitions, and materialized views: their names, quoted. */
    private static final String WITH_STATISTICS = "select format('%I.%I', n.nspname, c.relname) from pg_class c join pg_namespace n on n.oid = c.relnamespace "
        + "where c.relkind in ('r', 'p', 'm') and not c.relispartition and n.nspname !~ '^pg_' and n.nspname <> 'information_schema' order by pg_total_relation_size(c.oid) desc";

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
    private final boolean stream;
    private final Path head;
    private final Map<String, String> environment = new LinkedHashMap<>();
    private final AtomicLong done = new AtomicLong();
    private Archive archive;
    /** Entries of its table of contents that are restored. */
    private final Set<Integer> kept = new HashSet<>();

    /**
     * @param into an empty database
     * @param options for every pg_restore: --no-owner, say
     * @param jobs how many things at a time
     * @param stream one table after another, without a temporary file
     */
    public Load(Run run, Settings settings, DatabaseUrl into, PostgresTools.Found pgRestore, List<String> options, int jobs, boolean stream) {
        this.run = run;
        this.settings = settings;
        this.into = into;
        this.pgRestore = pgRestore;
        this.options = options;
        this.jobs = jobs;
        this.stream = stream;
        head = run.undo.act(() -> {
            var workspace = Workspace.create(run);
            environment.putAll(PostgresTools.environment(workspace, into, settings));
            return workspace.resolve("head");
        });
    }

    /** Bytes of rows that the server has taken so far. */
    public long done() { return done.get(); }

    /** Loads an archive with all that is in it, and takes the planner's statistics. */
    public void load(PartReader reader, Manifest.Part part) throws Exception { load(reader, part, beginning -> line -> false); }

    /** The same, after a preparation that needs to know what is in it. */
    public void load(PartReader reader, Manifest.Part part, Preparation preparation) throws Exception {
        reader.read(part, raw -> {
            archive = new Archive(raw);
            Files.write(head, archive.beginning());
            select(preparation.before(head));
            if (jobs > 1 && !stream && fits(part.bytesRaw())) sideBySide();
            else oneByOne();
            restore("--section=post-data", "--jobs=" + jobs);
        });
        analyze();
    }

    private boolean fits(long bytes) throws IOException {
        var folder = Workspace.onDisk();
        if (Spool.fits(folder, bytes)) return true;
        run.console.warn("no room for a temporary file of " + Amount.bytes(bytes) + " in " + folder + ": tables are loaded one after another; TMPDIR can name another folder");
        return false;
    }

    /** Chooses what is restored, and lists it for pg_restore: once all of it, and once without the rows that we load. */
    private void select(Predicate<String> leftOut) throws IOException, InterruptedException {
        var all = text("--list").lines().filter(line -> !line.startsWith(";")).toList();
        var hasPublic = all.stream().anyMatch(Load::isPublic) && adoptPublic();
        var chosen = all.stream().filter(line -> !leftOut.test(line) && !(hasPublic && isPublic(line))).toList();
        chosen.forEach(line -> kept.add(entry(line)));
        Files.write(list(), chosen);
        Files.write(others(), chosen.stream().filter(line -> archive.rows(entry(line)).isEmpty()).toList());
    }

    private static int entry(String line) { return Integer.parseInt(line.substring(0, line.indexOf(';'))); }

    private Path list() { return head.resolveSibling("list"); }

    private Path others() { return head.resolveSibling("others"); }

    /** A backup of chosen schemas creates this one like any other, but every new database has it: then it only gets its owner. */
    private boolean adoptPublic() throws IOException, InterruptedException {
        var text = text("--section=pre-data").lines().toList();
        if (!text.contains("CREATE SCHEMA public;")) return false;
        var owner = text.stream().filter(line -> line.startsWith("ALTER SCHEMA public OWNER TO ")).findFirst();
        if (owner.isEmpty() || options.contains("--no-owner")) return true;
        try (var session = Database.connect(into, settings, "handover, public")) {
            session.execute(owner.get());
        }
        return true;
    }

    private static boolean isPublic(String line) { return line.contains(" SCHEMA - public "); }

    private String text(String argument) throws IOException, InterruptedException {
        return Tool.text(run, pgRestore.path(), List.of(argument, "--file=-", head.toString()), Map.of(), Duration.ofSeconds(60));
    }

    private void oneByOne() throws Exception {
        restore("--section=pre-data");
        try (var sessions = new CopySessions(into, settings, archive.encoding(), done); var others = new Others()) {
            while (archive.next()) {
                var rows = archive.rows(archive.entry());
                if (!kept.contains(archive.entry())) archive.data(OutputStream.nullOutputStream());
                else if (rows.isEmpty()) others.take();
                else sessions.copy(rows.get(), archive::data);
            }
            others.finish();
        }
    }

    /** Reads on while tables are being loaded. */
    private void sideBySide() throws Exception {
        var workers = Executors.newFixedThreadPool(jobs, body -> {
            var thread = new Thread(body, "load");
            thread.setDaemon(true);
            return thread;
        });
        var loading = new ExecutorCompletionService<Boolean>(workers);
        try (var spool = new Spool(Workspace.createOnDisk(run)); var sessions = new CopySessions(into, settings, archive.encoding(), done); var others = new Others()) {
            var defined = loading.submit(() -> { restore("--section=pre-data"); return true; });
            var tasks = 1;
            while (archive.next()) {
                for (var ended = loading.poll(); ended != null; ended = loading.poll(), tasks--) Steps.await(ended);
                var rows = archive.rows(archive.entry());
                if (!kept.contains(archive.entry())) archive.data(OutputStream.nullOutputStream());
                else if (rows.isEmpty()) {
                    Steps.await(defined);
                    others.take();
                } else {
                    var piece = spool.begin();
                    loading.submit(() -> { Steps.await(defined); sessions.copy(rows.get(), to -> PartReader.copy(piece.read(), to)); return true; });
                    tasks++;
                    archive.data(piece);
                    piece.close();
                }
            }
            Steps.await(defined);
            others.finish();
            for (; tasks > 0; tasks--) Steps.await(loading.take());
        } finally {
            workers.shutdownNow();
        }
    }

    /** The pg_restore for what is loaded with the rows and is none: large objects, and sequences' values. */
    private final class Others implements AutoCloseable {
        private Tool restoring;

        void take() throws IOException, InterruptedException {
            start();
            try {
                archive.block(restoring.stdin());
            } catch (IOException e) {
                if (!restoring.ended()) throw e;
                finish(); // it says itself why it ended
            }
        }

        private void start() throws IOException {
            if (restoring != null) return;
            restoring = Tool.sink(run, pgRestore.path(), arguments(others(), "--section=data"), environment);
            restoring.stdin().write(archive.beginning());
        }

        void finish() throws IOException, InterruptedException {
            if (Files.size(others()) == 0) return;
            start();
            try {
                restoring.stdin().close();
            } catch (IOException e) {
                // it says itself why it ended
            }
            restoring.finish(PostgresTools.PATIENCE);
        }

        @Override public void close() { if (restoring != null) restoring.close(); }
    }

    private void restore(String... arguments) throws IOException, InterruptedException {
        var all = arguments(list(), arguments);
        all.add(head.toString());
        Tool.output(run, pgRestore.path(), all, environment, PostgresTools.PATIENCE);
    }

    private List<String> arguments(Path list, String... more) {
        var arguments = new ArrayList<>(List.of("--exit-on-error", "--no-password", "--dbname=" + into.database, "--use-list=" + list));
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
