package ops;

import java.io.IOException;
import java.io.InputStream;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Proof that a stored backup is readable: every byte read back, its SHA-256 compared, decrypted, decompressed, and each
 * archive parsed to its end by pg_restore. Puts no load on the database and nothing on the disk.
 */
public final class ReadBack {
    private static final String NO_ARCHIVE = "is not an archive that pg_restore can parse";

    private final Run run;
    private final Settings settings;
    private final Store store;

    public ReadBack(Run run, Settings settings, Store store) {
        this.run = run;
        this.settings = settings;
        this.store = store;
    }

    /**
     * Reads a sealed backup back and leaves the evidence beside it, of success and of failure alike.
     *
     * @return what keeps the evidence from lying there, though all was read and is right
     * @throws Failure.NotVerified naming the object that is not what the manifest says
     */
    public Optional<Failure> verify(BackupFolder folder) throws Exception {
        var begun = Instant.now();
        try {
            read(folder);
        } catch (Failure.NotVerified e) {
            evidence(folder, begun, e.getMessage());
            throw e;
        }
        return evidence(folder, begun, null);
    }

    private Optional<Failure> evidence(BackupFolder folder, Instant begun, String problem) {
        return folder.keep(run, store, "verify", new BackupFolder.Evidence("readable", problem == null, store.at(begun).toString(),
            Amount.seconds(Duration.between(begun, Instant.now())), Ops.VERSION, problem));
    }

    private void read(BackupFolder folder) throws Exception {
        var manifest = folder.manifest(store);
        var reader = new PartReader(store, folder, manifest, settings.get(Setting.BACKUP_IDENTITY_FILE));
        reader.checkObjects(); // before anything that the manifest says is believed
        var restore = PostgresTools.find(run, settings, "pg_restore", manifest.pgDumpMajor());
        try (var progress = new Progress(run.console, "Read back", reader::done, manifest.bytesRaw())) {
            for (var part : manifest.parts()) reader.read(part, raw -> parse(reader, part, raw, restore));
            if (manifest.globals() != null) reader.read(manifest.globals(), raw -> { }); // read to its end in any case
            if (manifest.outside() != null) reader.read(manifest.outside(), raw -> { });
        }
    }

    /** Lets pg_restore read an archive to its end. */
    private void parse(PartReader reader, Manifest.Part part, InputStream raw, PostgresTools.Found restore) throws IOException, InterruptedException {
        try (var parser = Tool.sink(run, restore.path(), List.of("--file=-"), Map.of())) {
            try (var to = parser.stdin()) {
                PartReader.copy(raw, to);
            } catch (IOException e) {
                if (parser.ended()) throw reader.broken(part.name(), NO_ARCHIVE + parser.said());
                throw e;
            }
            try {
                parser.finish(settings.seconds(Setting.DB_STALL_SECONDS));
            } catch (Failure.ToolFailed e) {
                throw reader.broken(part.name(), NO_ARCHIVE + ": " + e.getMessage());
            }
        }
    }
}
