package ops;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Collectors;

/**
 * Proof that a stored backup is readable: every byte read back, its SHA-256 compared, decrypted, decompressed, and each
 * archive parsed to its end by pg_restore. Puts no load on the database and nothing on the disk.
 */
public final class ReadBack {
    private static final String OTHER_SIZE = "unpacks to another size than the manifest says";

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
     * @throws Failure.NotVerified naming the object that is not what the manifest says
     */
    public void verify(BackupFolder folder) throws IOException, InterruptedException {
        var begun = Instant.now();
        try {
            read(folder);
        } catch (Failure.NotVerified e) {
            evidence(folder, begun, e.getMessage());
            throw e;
        }
        evidence(folder, begun, null);
    }

    private void evidence(BackupFolder folder, Instant begun, String problem) {
        folder.prove(store, "verify", new BackupFolder.Evidence("readable", problem == null, begun.toString(),
            Amount.seconds(Duration.between(begun, Instant.now())), Ops.VERSION, problem));
    }

    private void read(BackupFolder folder) throws IOException, InterruptedException {
        var manifest = folder.manifest(store);
        var identity = identity(manifest);
        var restore = PostgresTools.find(run, settings, "pg_restore", major(manifest));
        checkObjects(folder, manifest);
        var done = new AtomicLong();
        try (var progress = new Progress(run.console, "Read back", done::get, manifest.bytesRaw())) {
            for (var part : manifest.parts()) check(folder, part, identity, restore, done);
            if (manifest.globals() != null) check(folder, manifest.globals(), identity, null, done);
        }
    }

    private Path identity(Manifest manifest) {
        if (!manifest.encrypted()) return null;
        return settings.get(Setting.BACKUP_IDENTITY_FILE).map(Path::of).orElseThrow(() -> new Failure.BadSetting(
            "backup " + manifest.id() + " is encrypted, and BACKUP_IDENTITY_FILE is not set", "name the file with the age identity: BACKUP_IDENTITY_FILE=/path/key.txt"));
    }

    private static int major(Manifest manifest) {
        var digits = manifest.pgDump().replaceFirst("[^0-9].*", "");
        return digits.isEmpty() ? 1 : Integer.parseInt(digits);
    }

    /** Nothing is missing, nothing is there that should not be, and the checksum file says what the manifest says. */
    private void checkObjects(BackupFolder folder, Manifest manifest) {
        var there = folder.objects().stream().map(item -> item.key().substring(folder.key().length())).collect(Collectors.toSet());
        var expected = new TreeSet<>(Set.of(Manifest.NAME, Manifest.SUMS));
        manifest.objects().forEach(part -> expected.add(part.name()));
        for (var name : expected)
            if (!there.contains(name)) throw broken(folder, name, "is missing");
        for (var name : there)
            if (!expected.contains(name) && !name.matches("(verify|drill)-[0-9TZ]+\\.json")) throw broken(folder, name, "does not belong to this backup");
        var sums = store.read(folder.key() + Manifest.SUMS, 1 << 20).orElseThrow(() -> broken(folder, Manifest.SUMS, "is missing"));
        if (!java.util.Arrays.equals(sums, manifest.sums())) throw broken(folder, Manifest.SUMS, "says something else than the manifest");
    }

    private void check(BackupFolder folder, Manifest.Part part, Path identity, PostgresTools.Found restore, AtomicLong done) throws IOException, InterruptedException {
        try (var stored = new Sha256.Reader(store.stream(folder.key() + part.name()))) {
            var problem = unpack(part, stored, identity, restore, done);
            // The rest, so that the checksum is of the whole object also when unpacking gave up or ended early.
            stored.transferTo(OutputStream.nullOutputStream());
            if (stored.count() != part.bytesStored()) throw broken(folder, part.name(), "has " + stored.count() + " bytes, the manifest says " + part.bytesStored());
            if (!stored.hex().equals(part.sha256())) throw broken(folder, part.name(), "has another SHA-256 than the manifest says");
            if (problem != null) throw broken(folder, part.name(), problem);
        }
    }

    /** Unpacks and parses one part; null when all is well, else what is wrong. */
    private String unpack(Manifest.Part part, InputStream stored, Path identity, PostgresTools.Found restore, AtomicLong done) throws InterruptedException {
        try (var raw = Packing.unpack(stored, identity)) {
            if (restore == null) {
                var bytes = copy(raw, OutputStream.nullOutputStream(), part.bytesRaw(), done);
                return bytes == part.bytesRaw() ? null : OTHER_SIZE;
            }
            try (var parser = Tool.sink(run, restore.path(), List.of("--file=-"), Map.of())) {
                long bytes;
                try (var to = parser.stdin()) {
                    bytes = copy(raw, to, part.bytesRaw(), done);
                } catch (IOException e) {
                    if (parser.ended()) return "is not an archive that pg_restore can parse" + parser.said();
                    throw e;
                }
                if (bytes > part.bytesRaw()) return OTHER_SIZE;
                try {
                    parser.finish(settings.seconds(Setting.DB_STALL_SECONDS));
                } catch (Failure.ToolFailed e) {
                    return "is not an archive that pg_restore can parse: " + e.getMessage();
                }
                return bytes == part.bytesRaw() ? null : OTHER_SIZE;
            }
        } catch (IOException e) {
            return "can't be unpacked: " + e.getMessage();
        }
    }

    /** Copies up to one byte more than expected: a part that unpacks to more is wrong, however much more it may be. */
    private static long copy(InputStream from, OutputStream to, long expected, AtomicLong done) throws IOException {
        var buffer = new byte[1 << 17];
        long copied = 0;
        for (int read; (read = from.read(buffer)) > 0; ) {
            copied += read;
            if (copied > expected) return copied;
            to.write(buffer, 0, read);
            done.addAndGet(read);
        }
        return copied;
    }

    private Failure broken(BackupFolder folder, String name, String what) {
        return new Failure.NotVerified(store.uri(folder.key() + name) + " " + what, "do not restore this one; take another: ./jbang backups list --env " + settings.env + "; and make a new one now");
    }
}
