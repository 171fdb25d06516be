package ops;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.regex.Pattern;

/**
 * Loads a backup into an empty database that nobody else uses yet, straight from the store and without a temporary copy.
 *
 * <p>The archive's rows are loaded in the order in which they come. As soon as a table is full its indexes are built and
 * its statistics taken beside the next table's rows: a download and one COPY alone would leave processors idle. What
 * depends on more than one table (foreign keys, triggers, materialized views) follows at the end, several at a time.
 */
public final class Load {
    private static final Pattern LISTED = Pattern.compile("([0-9]+); [0-9]+ [0-9]+ (.*)");
    private static final Pattern TITLE = Pattern.compile("-- Name: (.*); Type: (.*); Schema: (.*); Owner: (.*)");
    private static final String IDENTIFIER = "((?:\"(?:[^\"]|\"\")+\"|[^\\s.\"]+)\\.(?:\"(?:[^\"]|\"\")+\"|[^\\s.\"]+))";
    private static final Pattern OF_TABLE = Pattern.compile("(?:CREATE (?:UNIQUE )?INDEX .+? ON " + IDENTIFIER + " USING .*|ALTER TABLE ONLY " + IDENTIFIER + "\\R    ADD CONSTRAINT .*)", Pattern.DOTALL);
    private static final Pattern AT_TABLE = Pattern.compile("pg_restore: processing data for table \"(.*)\"");
    private static final Pattern COMPLAINT = Pattern.compile("pg_restore: (error|warning|detail|hint):.*|(?!pg_restore: ).*");
    /** Tables, each with its partitions, and materialized views: their names, quoted. */
    private static final String ROOTS = "select format('%I.%I', n.nspname, c.relname) from pg_class c join pg_namespace n on n.oid = c.relnamespace "
        + "where c.relkind in ('r', 'p', 'm') and not c.relispartition and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'";
    private static final int SMALLEST_HEAD = 1 << 18;

    private final Run run;
    private final Settings settings;
    private final PartReader reader;
    private final DatabaseUrl into;
    private final int jobs;
    private final PostgresTools.Found pgRestore;
    private final Path workspace;
    private final Map<String, String> environment;
    private final List<String> options;
    private final ExecutorService workers;
    private final List<Future<?>> early = new ArrayList<>();
    private final Set<String> analyzed = java.util.concurrent.ConcurrentHashMap.newKeySet();

    /**
     * @param into an empty database
     * @param options for every pg_restore: --no-owner, say
     * @param jobs how many things at a time
     */
    public Load(Run run, Settings settings, PartReader reader, DatabaseUrl into, PostgresTools.Found pgRestore, List<String> options, int jobs) {
        this.run = run;
        this.settings = settings;
        this.reader = reader;
        this.into = into;
        this.pgRestore = pgRestore;
        this.options = options;
        this.jobs = jobs;
        workspace = run.undo.act(() -> Workspace.create(run));
        environment = new LinkedHashMap<>(run.undo.act(() -> PostgresTools.environment(workspace, into, settings)));
        environment.put("LC_ALL", "C"); // its progress is read
        workers = Executors.newFixedThreadPool(Math.max(1, jobs - 1), body -> {
            var thread = new Thread(body, "index");
            thread.setDaemon(true);
            return thread;
        });
    }

    /** The first part of an archive, which lists all that is in it; enough for what has no rows. */
    private final class Head {
        final byte[] bytes;
        final Path file;
        /** What is listed, to the line that selects it. */
        final Map<String, String> lines = new LinkedHashMap<>();

        Head(InputStream raw) throws IOException, InterruptedException {
            file = workspace.resolve("head");
            var read = new byte[0];
            for (var size = SMALLEST_HEAD; ; size *= 2) {
                var more = raw.readNBytes(size - read.length);
                var longer = java.util.Arrays.copyOf(read, read.length + more.length);
                System.arraycopy(more, 0, longer, read.length, more.length);
                read = longer;
                Files.write(file, read);
                try {
                    for (var line : text("--list").lines().toList()) {
                        var listed = LISTED.matcher(line);
                        if (listed.matches()) lines.put(listed.group(2), line);
                    }
                    break;
                } catch (Failure.ToolFailed e) {
                    if (more.length == 0) throw e; // that was all there is
                }
            }
            bytes = read;
        }

        String text(String... arguments) throws IOException, InterruptedException {
            var all = new ArrayList<>(List.of(arguments));
            all.add(file.toString());
            return new String(Tool.output(run, pgRestore.path(), all, Map.of("LC_ALL", "C"), Duration.ofSeconds(60)), StandardCharsets.UTF_8);
        }

        /** The indexes and the keys of each table that belong to it alone: SCHEMA.TABLE to the lines that select them. */
        Map<String, List<String>> ownOfTables() throws IOException, InterruptedException {
            var own = new LinkedHashMap<String, List<String>>();
            String line = null;
            for (var piece : text("--file=-", "--section=post-data").split("\\R--\\R")) {
                var title = TITLE.matcher(piece);
                if (title.matches()) {
                    var wanted = title.group(2).matches("INDEX|CONSTRAINT");
                    line = wanted ? lines.get(title.group(2) + " " + title.group(3) + " " + title.group(1) + " " + title.group(4)) : null;
                    continue;
                }
                var table = line == null ? null : tableOf(piece);
                if (table != null) own.computeIfAbsent(table, t -> new ArrayList<>()).add(line);
                line = null;
            }
            return own;
        }
    }

    /** SCHEMA.TABLE that a statement is about, as pg_restore names it when it comes to its rows; null when that isn't plain. */
    private static String tableOf(String statement) {
        var found = Pattern.compile("(?m)^(CREATE|ALTER TABLE ONLY)").matcher(statement);
        if (!found.find()) return null;
        var of = OF_TABLE.matcher(statement.substring(found.start()));
        if (!of.matches()) return null;
        var name = of.group(1) != null ? of.group(1) : of.group(2);
        return name.replace("\"\"", "\0").replace("\"", "").replace("\0", "\"");
    }

    /** Loads one part of stage "all". */
    public void load(Manifest.Part part) throws Exception {
        try {
            reader.read(part, this::load);
            analyze();
        } finally {
            workers.shutdownNow();
        }
    }

    private void load(InputStream raw) throws IOException, InterruptedException {
        var head = new Head(raw);
        restore(head, List.of("--section=pre-data"), null);
        var own = head.ownOfTables();
        var ready = new HashSet<String>();
        rows(head, raw, table -> {
            if (table != null && ready.add(table)) early.add(workers.submit(() -> finish(head, table, own.getOrDefault(table, List.of()))));
        });
        awaitEarly();
        var done = new HashSet<String>();
        ready.forEach(table -> done.addAll(own.getOrDefault(table, List.of())));
        var rest = new LinkedHashSet<>(head.lines.values());
        rest.removeAll(done);
        restore(head, List.of("--section=post-data", "--jobs=" + jobs), rest);
    }

    private interface AtTable { void full(String table); }

    /** Loads all rows; tells of each table when it is full. */
    private void rows(Head head, InputStream raw, AtTable tables) throws IOException, InterruptedException {
        var at = new String[1];
        var arguments = arguments(List.of("--section=data", "--verbose"));
        try (var restoring = Tool.sink(run, pgRestore.path(), arguments, environment, line -> {
            var table = AT_TABLE.matcher(line);
            if (table.matches()) {
                tables.full(at[0]);
                at[0] = table.group(1);
            }
            return !COMPLAINT.matcher(line).matches();
        })) {
            try (var to = restoring.stdin()) {
                to.write(head.bytes);
                PartReader.copy(raw, to);
            } catch (IOException e) {
                if (!restoring.ended()) throw e; // else it says itself why it ended
            }
            restoring.finish(settings.seconds(Setting.DB_STALL_SECONDS));
        }
        tables.full(at[0]);
    }

    private Void finish(Head head, String table, List<String> own) throws IOException, InterruptedException {
        if (!own.isEmpty()) restore(head, List.of(), own);
        try (var session = Database.connect(into, settings, "handover, statistics")) {
            // A partition's come with its table's, at the end.
            session.rows(ROOTS + " and n.nspname || '.' || c.relname = ?", row -> row[0], table).forEach(name -> analyze(session, name));
        }
        return null;
    }

    private void awaitEarly() throws IOException, InterruptedException {
        for (var started : early) {
            try {
                Steps.await(started);
            } catch (IOException | InterruptedException | RuntimeException e) {
                throw e;
            } catch (Exception e) {
                throw new IllegalStateException(e);
            }
        }
    }

    /** Statistics of what has none yet. */
    private void analyze() throws Exception {
        try (var session = Database.connect(into, settings, "handover, statistics")) {
            var missing = session.rows(ROOTS, row -> row[0]).stream().filter(name -> !analyzed.contains(name)).toList();
            Steps.sideBySide(missing, name -> {
                try (var another = Database.connect(into, settings, "handover, statistics")) {
                    analyze(another, name);
                    return true;
                }
            });
        }
    }

    private void analyze(Database session, String table) {
        session.execute("analyze " + table);
        analyzed.add(table);
    }

    /** Restores what the lines select, or everything. */
    private void restore(Head head, List<String> arguments, Iterable<String> lines) throws IOException, InterruptedException {
        var all = arguments(arguments);
        if (lines != null) {
            var list = Files.createTempFile(workspace, "list", "");
            Files.write(list, lines);
            all.add("--use-list=" + list);
        }
        all.add(head.file.toString());
        Tool.output(run, pgRestore.path(), all, environment, Duration.ofDays(7)); // an index may take hours, without a word
    }

    private List<String> arguments(List<String> more) {
        var arguments = new ArrayList<>(List.of("--exit-on-error", "--no-password", "--dbname=" + into.database));
        arguments.addAll(options);
        arguments.addAll(more);
        return arguments;
    }
}
