package backups;

import backups.Contents.Difference;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.Collectors;
import ops.*;
import restore.Outward;

/** What a backup's archive says against what a dump of the restored database says: both as text, read side by side. */
final class ArchiveComparison {
    private final Run run;
    private final Settings settings;
    private final DrillServer server;
    private final Manifest manifest;
    private final PartReader reader;
    private final PostgresTools.Found pgDump;
    /** Whether nothing was restored with a superuser's rights. */
    private final boolean divided;
    private Contents archive;

    ArchiveComparison(Run run, Settings settings, DrillServer server, Manifest manifest, PartReader reader, boolean divided) throws InterruptedException {
        this.divided = divided;
        this.run = run;
        this.settings = settings;
        this.server = server;
        this.manifest = manifest;
        this.reader = reader;
        pgDump = PostgresTools.find(run, settings, "pg_dump", Math.max(server.major, manifest.pgDumpMajor()));
    }

    /** What the archive says; null before it was compared. */
    Contents archive() { return archive; }

    /**
     * What the comparison found.
     *
     * @param differences what was lost or changed
     * @param printed objects that are there as the archive has them, and that the server words otherwise
     */
    record Outcome(List<Difference> differences, List<Difference> printed) { }

    /** Compares everything but the extensions that the server lacks, and rows that come from other servers. */
    Outcome compare(Steps steps, PostgresTools.Found pgRestore, Manifest.Part part, Set<String> lacking, List<Archive.Entry> withoutRights, Outward outward) throws Exception {
        try (var progress = new Progress(run.console, "Compare", reader::done, part.bytesRaw())) {
            var unlogged = unloggedWithoutData(part);
            var reading = steps.start(() -> read(pgRestore, part));
            var restored = dumped(server.database, unlogged);
            archive = Steps.await(reading);
            readInOrder(restored, archive.otherColumnOrder(restored));
            archive.leaveOut("EXTENSION", lacking::contains);
            archive.leaveOut("COMMENT", name -> lacking.stream().anyMatch(extension -> name.equals("EXTENSION " + extension)));
            for (var entry : withoutRights) archive.leaveOut(entry);
            archive.leaveOut("MATERIALIZED VIEW DATA", name -> outward.leavesOut("MATERIALIZED VIEW DATA", name));
            var found = archive.differences(restored);
            if (found.stream().noneMatch(Difference::isWording)) return new Outcome(found, List.of());
            var again = readAgain(pgRestore, part, found);
            var printed = found.stream().filter(difference -> difference.isWording() && restored.isSame(again, difference)).toList();
            return new Outcome(found.stream().filter(difference -> !printed.contains(difference)).toList(), printed);
        }
    }

    /**
     * Options for pg_dump that leave out what an archive of a standby leaves out: rows of unlogged tables and values of
     * their sequences, which a standby does not have.
     */
    private List<String> unloggedWithoutData(Manifest.Part part) throws Exception {
        List<TableName> unlogged;
        try (var session = Database.connect(server.database, settings, "handover backups drill " + settings.env)) {
            unlogged = session.rows("""
                select n.nspname, c.relname
                from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
                where c.relpersistence = 'u' and c.relkind in ('r', 'S')""", row -> new TableName(row[0], row[1]));
        }
        if (unlogged.isEmpty()) return List.of();
        var inArchive = reader.again().contents(part).stream()
            .filter(entry -> entry.description().matches("TABLE DATA|SEQUENCE SET"))
            .map(entry -> new TableName(entry.schema(), entry.name())).collect(Collectors.toSet());
        return unlogged.stream().filter(table -> !inArchive.contains(table))
            .map(table -> "--exclude-table-data=" + table.sql()).toList();
    }

    /**
     * What this server makes of the archive's definitions, by another way than the restore: psql reads them one by one, into
     * an empty database. A server words much in its own way once it has read it; what it then prints alike is the same.
     */
    private Contents readAgain(PostgresTools.Found pgRestore, Manifest.Part part, List<Difference> found) throws Exception {
        var psql = PostgresTools.find(run, settings, "psql", pgRestore.major());
        if (!pgRestore.restricts() || !psql.restricts())
            throw new Failure.ToolFailed("whether something is lost can't be told, or only printed otherwise: " + found.stream().filter(Difference::isWording).map(Difference::object).limit(5).collect(Collectors.joining(", ")),
                "newer client programs can tell: " + pgRestore.version() + " is not the last of its version; update postgresql-client");
        var again = server.createAgain();
        var workspace = run.undo.act(() -> Workspace.create(run));
        var beginning = Files.write(workspace.resolve("beginning"), reader.beginning(part));
        var loader = server.loader().withDatabase(again.database);
        var loading = new Reading(pgRestore, psql, beginning, loader, divided);
        if (divided) readDivided(again, loading, new Reading(pgRestore, psql, beginning, again, true), reader.contents(part));
        else loading.restore(loading.lines(), "--section=pre-data", "--section=post-data");
        return dumped(again, List.of("--schema-only"));
    }

    private void readDivided(DatabaseUrl again, Reading loading, Reading defining, List<Archive.Entry> entries) throws Exception {
        try (var session = Database.connect(again, settings, "handover backups drill " + settings.env)) {
            var lines = new LinkedHashMap<Integer, String>();
            for (var line : loading.lines()) lines.put(Integer.parseInt(line.substring(0, line.indexOf(';'))), line);
            var division = new Division(session, server.loader().user, loading, defining, entries, lines);
            division.define();
            lines.keySet().removeIf(entry -> !division.isLoaded(entry));
            loading.restore(List.copyOf(lines.values()), "--section=post-data");
            division.end(true);
            division.watch(true);
        }
    }

    /** Has psql read what pg_restore writes of some entries. What can't be done is passed by. */
    private final class Reading implements Division.Program {
        private final PostgresTools.Found pgRestore;
        private final PostgresTools.Found psql;
        private final Path beginning;
        private final Path folder;
        private final Map<String, String> environment;
        private final boolean withoutOwners;

        Reading(PostgresTools.Found pgRestore, PostgresTools.Found psql, Path beginning, DatabaseUrl database, boolean withoutOwners) {
            this.pgRestore = pgRestore;
            this.psql = psql;
            this.beginning = beginning;
            this.withoutOwners = withoutOwners;
            folder = run.undo.act(() -> Workspace.create(run));
            environment = PostgresTools.environment(folder, database, settings);
        }

        List<String> lines() throws IOException, InterruptedException {
            return Tool.text(run, pgRestore.path(), List.of("--list", beginning.toString()), Map.of(), PostgresTools.PATIENCE).lines().filter(line -> !line.startsWith(";")).toList();
        }

        @Override public void restore(List<String> lines, String... sections) throws IOException, InterruptedException {
            var arguments = new ArrayList<>(List.of("--file=-", "--no-tablespaces", "--use-list=" + Files.write(Files.createTempFile(folder, "list-", ""), lines)));
            if (withoutOwners) arguments.add("--no-owner");
            arguments.addAll(List.of(sections));
            arguments.add(beginning.toString());
            try (var reading = Tool.sink(run, psql.path(), List.of("--no-psqlrc", "--quiet", "--no-password", "--file=-"), environment);
                    var writing = Tool.start(run, pgRestore.path(), arguments, Map.of())) {
                writing.stdin().close();
                try (var to = reading.stdin()) {
                    PartReader.copy(writing.stdout(), to);
                }
                writing.finish(PostgresTools.PATIENCE);
                reading.finish(PostgresTools.PATIENCE);
            }
        }
    }

    /** Reads tables again with their columns in the archive's order: a child gets its parent's first when it is created anew. */
    private void readInOrder(Contents restored, List<Copy> tables) throws IOException {
        var asItIs = manifest.server().encoding().equals("SQL_ASCII") ? " with (encoding 'SQL_ASCII')" : "";
        for (var table : tables) {
            try (var session = Database.connect(server.database, settings, "handover backups drill " + settings.env)) {
                session.execute("set timezone = 'UTC'; set datestyle = 'ISO'; set intervalstyle = 'postgres'; set extra_float_digits = 3");
                restored.replace(table, rows -> session.copyOut("copy " + table.name() + " (" + table.columns() + ") to stdout" + asItIs, rows));
            }
        }
    }

    /** What the archive says. */
    private Contents read(PostgresTools.Found pgRestore, Manifest.Part part) throws Exception {
        var contents = new AtomicReference<Contents>();
        reader.read(part, raw -> {
            try (var restore = Tool.start(run, pgRestore.path(), List.of("--file=-", "--no-tablespaces"), Map.of())) {
                var feeding = CompletableFuture.runAsync(() -> feed(raw, restore));
                contents.set(Contents.of(restore.stdout()));
                feeding.join();
                restore.finish(PostgresTools.PATIENCE);
            }
        });
        return contents.get();
    }

    private static void feed(InputStream raw, Tool restore) {
        try (var to = restore.stdin()) {
            PartReader.copy(raw, to);
        } catch (IOException e) {
            try {
                if (!restore.ended()) throw new UncheckedIOException(e); // else it says itself why it ended
            } catch (InterruptedException interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    /** What a dump of a database says. */
    private Contents dumped(DatabaseUrl database, List<String> options) throws IOException, InterruptedException {
        var environment = run.undo.act(() -> PostgresTools.environment(Workspace.create(run), database, settings));
        var arguments = new ArrayList<>(List.of("--no-password", "--no-tablespaces"));
        arguments.addAll(options);
        arguments.addAll(Dump.arguments(manifest.selection()));
        arguments.addAll(Dump.encoding(manifest.server().encoding()));
        try (var dump = Tool.start(run, pgDump.path(), arguments, environment); var output = dump.stdout(PostgresTools.PATIENCE)) {
            var contents = Contents.of(output);
            dump.finish(PostgresTools.PATIENCE);
            return contents;
        }
    }
}
