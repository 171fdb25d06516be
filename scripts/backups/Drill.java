//SOURCES ArchiveComparison.java
//SOURCES Contents.java
//SOURCES Copy.java
//SOURCES DrillServer.java
//SOURCES Needs.java
package backups;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Predicate;
import java.util.regex.Pattern;
import ops.*;

/**
 * Proof that a stored backup can be restored: it is, into a server made for the drill, and what is there then is compared
 * with the manifest and with the archive. The environment's own server is not touched.
 */
public final class Drill {
    private static final int NAMED = 5;
    /** What a server says when it, and not the backup, is to blame. */
    private static final Pattern SERVERS_FAULT = Pattern.compile("No space left|out of memory|out of shared memory|terminating connection|server closed|shutting down|recovery mode|connection to server"
        + "|Command was: CREATE EXTENSION|collation \"[^/]*\" for encoding");

    private final Run run;
    private final Settings settings;
    private final Store store;
    private final BackupFolder folder;
    private final Steps steps;
    private final Set<String> lacking = new TreeSet<>();
    private final List<String> notRestorable = new ArrayList<>();
    private Manifest manifest;
    private PartReader reader;
    private PostgresTools.Found pgRestore;
    private DrillServer server;
    private Contents archive;

    public Drill(Run run, Settings settings, Store store, BackupFolder folder) {
        this.run = run;
        this.settings = settings;
        this.store = store;
        this.folder = folder;
        steps = new Steps(run, false);
    }

    /**
     * Restores, compares, and leaves the evidence beside the backup, of success and of failure alike; none when the
     * server, and not the backup, is the reason.
     *
     * @return what was proven, in words
     * @throws Failure.NotVerified naming what is not as it was backed up
     */
    public String prove() throws Exception {
        var begun = Instant.now();
        try {
            restore();
        } catch (Failure.NotVerified e) {
            evidence(begun, e.getMessage());
            throw e;
        }
        evidence(begun, null);
        return String.format(Locale.ROOT, "backup %s is restorable: %d tables with %,d rows, and %d definitions, are as in the archive%s", folder.id(), archive.tables(), archive.rows(), archive.definitions(),
            notRestorable.isEmpty() ? "" : "; without " + String.join(", ", notRestorable));
    }

    private void evidence(Instant begun, String problem) {
        folder.prove(store, "drill", new BackupFolder.Evidence("restored", problem == null, begun.toString(), Amount.seconds(Duration.between(begun, Instant.now())), Ops.VERSION, problem,
            server == null ? null : server.version, archive == null ? null : archive.tables(), archive == null ? null : archive.rows(), notRestorable.isEmpty() ? null : notRestorable));
    }

    private void restore() throws Exception {
        steps.check("Check the backup's objects", this::checkObjects);
        steps.check("Have a server for the drill", this::open);
        steps.check("Load into it", this::load);
        for (var what : notRestorable) run.console.warn("left out: " + what);
        steps.check("Compare with the manifest", this::compareWithManifest);
        steps.check("Compare with the archive", this::compareWithArchive);
    }

    private boolean checkObjects() throws InterruptedException {
        manifest = folder.manifest(store);
        reader = new PartReader(store, folder, manifest, settings.get(Setting.BACKUP_IDENTITY_FILE));
        pgRestore = PostgresTools.find(run, settings, "pg_restore", manifest.pgDumpMajor());
        reader.checkObjects();
        steps.found(folder.id() + ", " + Amount.bytes(manifest.bytesStored()));
        return true;
    }

    /** Never older than the pg_dump: what that writes, an older server may not understand. */
    private boolean open() throws Exception {
        server = DrillServer.open(run, settings, store, Math.max(manifest.serverMajor(), manifest.pgDumpMajor()));
        server.create(manifest.server().encoding());
        steps.found("PostgreSQL " + server.version + ", " + server.database);
        return true;
    }

    private boolean load() throws Exception {
        if (manifest.globals() != null) reader.read(manifest.globals(), raw -> server.roles(new String(raw.readAllBytes(), StandardCharsets.UTF_8)));
        var load = new Load(run, settings, server.database, pgRestore, List.of("--no-tablespaces"), Runtime.getRuntime().availableProcessors(), false);
        try (var progress = new Progress(run.console, "Load", load::done, manifest.bytesRaw())) {
            for (var part : manifest.parts()) {
                if (isWhole(part)) load.load(reader, part, this::prepare);
                else notRestorable.add(part.name() + " (rows of schemas that Supabase owns, which this server does not have)");
            }
        } catch (Failure.ToolFailed e) {
            throw judged(e);
        }
        steps.found(Amount.bytes(manifest.bytesRaw()));
        return true;
    }

    private static boolean isWhole(Manifest.Part part) { return part.stage().equals("all"); }

    private Predicate<String> prepare(Path beginning) throws IOException, InterruptedException {
        var needs = Needs.of(run, pgRestore, beginning);
        server.roles(needs.roles());
        lacking.addAll(server.lacking(needs.extensions()));
        lacking.forEach(name -> notRestorable.add("extension " + name + " (this server does not have it)"));
        return line -> lacking.stream().anyMatch(extension -> Needs.isOf(extension, line));
    }

    /** Whose fault it is that it could not be loaded: only the backup's makes it a broken one. */
    private Failure judged(Failure.ToolFailed e) {
        if (!lacking.isEmpty())
            return new Failure.ToolFailed("it can't be restored on a server without extension " + String.join(", ", lacking) + ": " + e.getMessage(),
                "name a server that has it: DRILL_DATABASE_URL; or install it here");
        if (manifest.server().supabase())
            return new Failure.ToolFailed("it can't be restored on a server without Supabase's own schemas: " + e.getMessage(), "restore it into a project made for that: ./jbang restore-db --env OTHER --from " + settings.env);
        if (!e.getMessage().contains("ERROR: ") || SERVERS_FAULT.matcher(e.getMessage()).find()) return e;
        return new Failure.NotVerified("the backup can't be restored: " + e.getMessage(), anotherOne());
    }

    private String anotherOne() { return "do not rely on this one; take another: ./jbang backups list --env " + settings.env + "; and make a new one now"; }

    private boolean compareWithManifest() {
        try (var session = Database.connect(server.database, settings, "handover backups drill " + settings.env)) {
            steps.found(Comparison.of(session, manifest));
        }
        return true;
    }

    private boolean compareWithArchive() throws Exception {
        var comparison = new ArchiveComparison(run, settings, server, manifest, new PartReader(store, folder, manifest, settings.get(Setting.BACKUP_IDENTITY_FILE)));
        var part = manifest.parts().stream().filter(Drill::isWhole).findFirst().orElseThrow();
        var differences = comparison.differences(steps, pgRestore, part, lacking);
        archive = comparison.archive();
        if (!differences.isEmpty())
            throw new Failure.NotVerified("the restored database is not what the archive says: " + String.join("; ", differences.subList(0, Math.min(NAMED, differences.size())))
                + (differences.size() > NAMED ? "; and " + (differences.size() - NAMED) + " more" : ""), anotherOne());
        steps.found(String.format(Locale.ROOT, "%d tables with %,d rows, %d definitions%s", archive.tables(), archive.rows(), archive.definitions(),
            comparison.sameVersion() ? "" : ", these by name alone since versions differ"));
        return true;
    }
}
