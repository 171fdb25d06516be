package ops;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
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
    /** As many things at a time as there are jobs: then the server need not do each of them in parallel again. And nobody has to
     *  wait for the disk after each of some hundred statements: the switch does, which comes after all of them in the server's log. */
    private static final Map<String, String> WHILE_LOADING = Map.of("max_parallel_maintenance_workers", "0", "max_parallel_workers_per_gather", "0", "synchronous_commit", "off");

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
    private final PostgresTools.Found program;
    private final List<String> options;
    private final int jobs;
    private final boolean stream;
    private final AtomicLong done = new AtomicLong();
    private final Map<TableName, Long> taken = new ConcurrentHashMap<>();
    private Repair repair;
    private DatabaseUrl superuser;
    private Archive archive;
    private PgRestore pgRestore;
    /** Null where one login does everything. */
    private Division division;
    /** Entries of the table of contents that are restored, as pg_restore lists them. */
    private final Map<Integer, String> kept = new LinkedHashMap<>();

    /**
     * @param into an empty database
     * @param program pg_restore
     * @param options for every pg_restore: --no-owner, say
     * @param jobs how many things at a time
     * @param stream one table after another, without a temporary file
     */
    public Load(Run run, Settings settings, DatabaseUrl into, PostgresTools.Found program, List<String> options, int jobs, boolean stream) {
        this.run = run;
        this.settings = settings;
        this.into = into;
        this.program = program;
        this.options = options;
        this.jobs = jobs;
        this.stream = stream;
    }

    /** Goes on where something can't be restored as it was, and leaves it to this. */
    public Load repairing(Repair repair) {
        this.repair = repair;
        return this;
    }

    /**
     * Has what only a superuser can do done by this one, and nothing else: then the login that loads need be none, and
     * must own the database.
     */
    public Load dividing(DatabaseUrl superuser) {
        this.superuser = superuser;
        return this;
    }

    /** Functions that nobody but a superuser can have, and that were not made; none where one login does everything. */
    public List<Archive.Entry> leftOut() { return division == null ? List.of() : division.leftOut(); }

    /** Bytes of rows that the server has taken so far. */
    public long done() { return done.get(); }

    /** How many rows the server says that it has taken, by the table that the archive has them of. */
    public Map<TableName, Long> taken() { return taken; }

    /** Loads an archive with all that is in it, but for the planner's statistics, which no archive has. */
    public void load(PartReader reader, Manifest.Part part) throws Exception { load(reader, part, beginning -> line -> false); }

    /** The same, after a preparation that needs to know what is in it. */
    public void load(PartReader reader, Manifest.Part part, Preparation preparation) throws Exception {
        reader.read(part, raw -> {
            archive = new Archive(raw);
            try (var session = session()) {
                pgRestore = new PgRestore(run, settings, program, session, options, repair != null, archive.beginning());
                select(preparation.before(pgRestore.beginning()), session);
                setDatabase(session, "set %s = %s");
                if (superuser == null) load(part);
                else loadDivided(part);
                setDatabase(session, "reset %s");
            }
        });
    }

    private void load(Manifest.Part part) throws Exception {
        if (jobs > 1 && !stream && fits(part.bytesRaw())) sideBySide();
        else oneByOne();
        if (repair != null) repair.end(into, archive, pgRestore.failed());
    }

    private void loadDivided(Manifest.Part part) throws Exception {
        try (var session = Database.connect(superuser, settings, "handover, definitions")) {
            var defining = new PgRestore(run, settings, program, session, options, repair != null, archive.beginning());
            division = new Division(session, into.user, pgRestore::restore, defining::restore, archive.entries(), kept);
            kept.keySet().removeIf(entry -> !division.isLoaded(entry));
            load(part);
            division.end(repair != null);
            var failed = defining.failed();
            if (repair != null) repair.end(superuser, archive, failed);
            division.watch(repair != null);
            if (repair != null) repair.end(superuser, archive, defining.failed().stream().filter(entry -> !failed.contains(entry)).toList());
        }
    }

    private void select(Predicate<String> leftOut, Database session) throws IOException, InterruptedException {
        var all = pgRestore.lines("--list").stream().filter(line -> !line.startsWith(";")).toList();
        var hasPublic = all.stream().anyMatch(Load::isPublic) && adoptPublic(session);
        for (var line : all) if (!leftOut.test(line) && !(hasPublic && isPublic(line))) kept.put(Integer.parseInt(line.substring(0, line.indexOf(';'))), line);
    }

    private static boolean isPublic(String line) { return line.contains(" SCHEMA - public "); }

    /** A backup of chosen schemas creates this one like any other, but every new database has it: then it only gets its owner. */
    private boolean adoptPublic(Database session) throws IOException, InterruptedException {
        var text = pgRestore.lines("--section=pre-data");
        if (!text.contains("CREATE SCHEMA public;")) return false;
        var owner = text.stream().filter(line -> line.startsWith("ALTER SCHEMA public OWNER TO ")).findFirst();
        if (owner.isPresent() && !options.contains("--no-owner")) session.execute(owner.get());
        return true;
    }

    private void setDatabase(Database session, String how) {
        WHILE_LOADING.forEach((name, value) -> session.execute("alter database " + Database.quote(into.database) + " " + how.formatted(name, value)));
    }

    private boolean fits(long bytes) throws IOException {
        var folder = Workspace.onDisk();
        if (Spool.fits(folder, bytes)) return true;
        run.console.warn("no room for a temporary file of " + Amount.bytes(bytes) + " in " + folder + ": tables are loaded one after another; TMPDIR can name another folder");
        return false;
    }

    private List<String> listed(Predicate<Integer> which) { return kept.keySet().stream().filter(which).map(kept::get).toList(); }

    private boolean definitions() throws IOException, InterruptedException {
        if (division == null) pgRestore.restore(listed(entry -> true), "--section=pre-data");
        else division.define();
        if (repair != null) repair.begin(into, archive, pgRestore.failed());
        return true;
    }

    private void oneByOne() throws Exception {
        definitions();
        try (var sessions = new CopySessions(into, settings, archive.encoding(), done); var others = new Others()) {
            while (archive.next()) {
                var rows = archive.rows(archive.entry());
                if (!kept.containsKey(archive.entry())) archive.data(OutputStream.nullOutputStream());
                else if (rows.isEmpty()) others.take();
                else take(sessions, rows.get(), archive::data);
            }
            others.finish();
        }
        pgRestore.restore(listed(entry -> true), "--section=post-data", "--jobs=" + jobs);
    }

    /** Reads on while tables are being loaded. Those with indexes that take long go first, and get these at once. */
    private void sideBySide() throws Exception {
        var workers = pool();
        var first = pool();
        try (var spool = new Spool(Workspace.createOnDisk(run)); var sessions = new CopySessions(into, settings, archive.encoding(), done); var others = new Others()) {
            var defined = workers.submit(this::definitions);
            var copies = new ArrayList<>(List.of(defined));
            var indexes = new ArrayList<Future<Boolean>>();
            var early = new HashSet<Integer>();
            while (archive.next()) {
                for (var copy : copies) if (copy.isDone()) Steps.await(copy);
                var rows = archive.rows(archive.entry()).orElse(null);
                if (!kept.containsKey(archive.entry())) archive.data(OutputStream.nullOutputStream());
                else if (rows == null) {
                    Steps.await(defined);
                    others.take();
                } else {
                    var piece = spool.begin();
                    var slow = rows.slowIndexes().stream().filter(kept::containsKey).toList();
                    var copy = (slow.isEmpty() ? workers : first).submit(() -> { Steps.await(defined); return take(sessions, rows, to -> PartReader.copy(piece.read(), to)); });
                    copies.add(copy);
                    early.addAll(slow);
                    if (!slow.isEmpty()) indexes.add(first.submit(() -> { Steps.await(copy); return pgRestore.restore(listed(slow::contains), "--section=post-data"); }));
                    archive.data(piece);
                    piece.close();
                }
            }
            Steps.await(defined);
            others.finish();
            for (var copy : copies) Steps.await(copy);
            pgRestore.restore(listed(entry -> !early.contains(entry)), "--section=post-data", "--jobs=" + jobs);
            for (var index : indexes) Steps.await(index);
        } finally {
            workers.shutdownNow();
            first.shutdownNow();
        }
    }

    private boolean take(CopySessions sessions, Archive.Rows rows, Database.CopySource source) throws IOException {
        taken.put(rows.table(), sessions.copy(rows, source));
        return true;
    }

    private ExecutorService pool() {
        return Executors.newFixedThreadPool(jobs, body -> {
            var thread = new Thread(body, "load");
            thread.setDaemon(true);
            return thread;
        });
    }

    /** A pg_restore for what comes with the rows and is none: large objects, and sequences' values. */
    private final class Others implements AutoCloseable {
        private final List<String> listed = listed(entry -> archive.rows(entry).isEmpty());
        private PgRestore.Running restoring;

        void take() throws IOException, InterruptedException {
            try {
                start();
                archive.block(restoring.tool.stdin());
            } catch (IOException e) {
                if (!restoring.tool.ended()) throw e;
                finish(); // it says itself why it ended
            }
        }

        private void start() throws IOException {
            if (restoring != null) return;
            restoring = pgRestore.start(listed, "--section=data");
            restoring.tool.stdin().write(archive.beginning());
        }

        void finish() throws InterruptedException {
            if (listed.isEmpty()) return;
            try {
                start();
                restoring.tool.stdin().close();
            } catch (IOException e) {
                // it says itself why it ended
            }
            restoring.finish();
        }

        @Override public void close() { if (restoring != null) restoring.close(); }
    }

    private Database session() { return Database.connect(into, settings, "handover, load"); }
}
