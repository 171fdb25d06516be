package backups;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicReference;
import ops.*;

/** What a backup's archive says against what a dump of the restored database says: both as text, read side by side. */
final class ArchiveComparison {
    private final Run run;
    private final Settings settings;
    private final DrillServer server;
    private final Manifest manifest;
    private final PartReader reader;
    private final PostgresTools.Found pgDump;
    private Contents archive;

    ArchiveComparison(Run run, Settings settings, DrillServer server, Manifest manifest, PartReader reader) throws InterruptedException {
        this.run = run;
        this.settings = settings;
        this.server = server;
        this.manifest = manifest;
        this.reader = reader;
        pgDump = PostgresTools.find(run, settings, "pg_dump", Math.max(server.major, manifest.pgDumpMajor()));
    }

    /** Whether both are worded by the same version; if not, of definitions only the names are compared. */
    boolean sameVersion() { return pgDump.major() == manifest.pgDumpMajor() && server.major == manifest.serverMajor(); }

    /** What the archive says; null before it was compared. */
    Contents archive() { return archive; }

    /** What the restored database has otherwise, a sentence each; but for the extensions that its server lacks. */
    List<String> differences(Steps steps, PostgresTools.Found pgRestore, Manifest.Part part, Set<String> lacking) throws Exception {
        try (var progress = new Progress(run.console, "Compare", reader::done, part.bytesRaw())) {
            var reading = steps.start(() -> read(pgRestore, part));
            var restored = restored();
            archive = Steps.await(reading);
            readInOrder(restored, archive.otherColumnOrder(restored));
            archive.leaveOut("EXTENSION", lacking::contains);
            archive.leaveOut("COMMENT", name -> lacking.stream().anyMatch(extension -> name.equals("EXTENSION " + extension)));
            return archive.differences(restored, sameVersion());
        }
    }

    /** Reads tables again with their columns in the archive's order: a child gets its parent's first when it is created anew. */
    private void readInOrder(Contents restored, List<Copy> tables) throws IOException {
        for (var table : tables) {
            try (var session = Database.connect(server.database, settings, "handover backups drill " + settings.env)) {
                session.execute("set timezone = 'UTC'; set datestyle = 'ISO'; set intervalstyle = 'postgres'; set extra_float_digits = 3");
                restored.replace(table, rows -> session.copyOut("copy (select " + table.columns() + " from only " + table.name() + ") to stdout", rows));
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

    /** What a dump of the restored database says. */
    private Contents restored() throws IOException, InterruptedException {
        var environment = run.undo.act(() -> PostgresTools.environment(Workspace.create(run), server.database, settings));
        var arguments = new ArrayList<>(List.of("--no-password", "--no-tablespaces"));
        arguments.addAll(Dump.arguments(manifest.selection()));
        try (var dump = Tool.start(run, pgDump.path(), arguments, environment); var output = dump.stdout(PostgresTools.PATIENCE)) {
            var contents = Contents.of(output);
            dump.finish(PostgresTools.PATIENCE);
            return contents;
        }
    }
}
