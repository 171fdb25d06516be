package ops;

import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Collectors;

/**
 * Reads the objects of a sealed backup, decrypted and decompressed, and proves on the way that they are what the manifest
 * says: size and SHA-256 as stored, size as unpacked. Constant memory, nothing on the disk.
 */
public final class PartReader {
    /** Takes the raw bytes of a part; what it throws counts only when the part itself is right. */
    public interface Taker { void take(InputStream raw) throws Exception; }

    private final Store store;
    private final BackupFolder folder;
    private final Manifest manifest;
    private final Path identity;
    private final AtomicLong done = new AtomicLong();
    private final AtomicLong checked = new AtomicLong();
    /** ETags of the objects whose bytes were checked before. */
    private final Map<String, String> etags = new HashMap<>();

    /**
     * @param identity file with the age identity; only encrypted backups need it
     * @throws Failure.BadSetting when the backup is encrypted and there is none
     */
    public PartReader(Store store, BackupFolder folder, Manifest manifest, Optional<String> identity) {
        this(store, folder, manifest, !manifest.encrypted() ? null : identity.map(Path::of).orElseThrow(() -> new Failure.BadSetting(
            "backup " + manifest.id() + " is encrypted, and BACKUP_IDENTITY_FILE is not set", "name the file with the age identity: BACKUP_IDENTITY_FILE=/path/key.txt")));
    }

    private PartReader(Store store, BackupFolder folder, Manifest manifest, Path identity) {
        this.store = store;
        this.folder = folder;
        this.manifest = manifest;
        this.identity = identity;
    }

    /** One that only copies: what is not opened needs no identity. */
    static PartReader ofStored(Store store, BackupFolder folder, Manifest manifest) { return new PartReader(store, folder, manifest, (Path) null); }

    /** Another reader of the same backup, and of no other objects than this one has checked. */
    public PartReader again() {
        var again = new PartReader(store, folder, manifest, identity);
        again.etags.putAll(etags);
        return again;
    }

    /** Bytes read so far, after unpacking. */
    public long done() { return done.get(); }

    /** The manifest is what the checksum file says, and that what it says; nothing is missing or of another size, nothing is there that should not be. */
    public void checkObjects() {
        var sums = store.read(folder.key() + Manifest.SUMS, 1 << 20).orElseThrow(() -> broken(Manifest.SUMS, "is missing"));
        var found = new String(sums, StandardCharsets.UTF_8).lines().toList();
        var right = new String(manifest.sums(folder.seal(store)), StandardCharsets.UTF_8).lines().toList();
        // Before anything else the manifest says is believed: one wrong letter in it would have another object accused.
        var seal = right.get(right.size() - 1);
        if (found.isEmpty() || !found.get(found.size() - 1).equals(seal)) throw broken(Manifest.NAME, "has another SHA-256 than " + store.uri(folder.key() + Manifest.SUMS) + " says");
        if (!found.equals(right)) throw broken(Manifest.SUMS, "says something else than the manifest");
        var sizes = new HashMap<>(folder.objects().stream().collect(Collectors.toMap(item -> item.key().substring(folder.key().length()), Store.Item::bytes)));
        var there = sizes.keySet();
        var expected = new TreeSet<>(Set.of(Manifest.NAME, Manifest.SUMS));
        manifest.objects().forEach(part -> expected.add(part.name()));
        for (var name : expected) // asked by its key: a store's listing may lack what it has
            if (!there.contains(name)) sizes.put(name, store.head(folder.key() + name).orElseThrow(() -> broken(name, "is missing")).bytes());
        for (var name : there)
            if (!expected.contains(name) && !name.matches(BackupFolder.BESIDE)) throw broken(name, "does not belong to this backup");
        for (var part : manifest.objects()) checkSize(part, sizes.get(part.name()));
    }

    /**
     * Where only what is signed may be believed, reads every object to its end before any of it is used: a restore executes
     * what it reads while it reads it. From then on these very objects are read, and no others in their place.
     *
     * @throws Failure.NotVerified naming the object that is not what the manifest says
     */
    public void checkBytes(Run run) throws IOException {
        if (!Signature.isDemanded(store)) return;
        var counting = new OutputStream() {
            @Override public void write(int one) { checked.incrementAndGet(); }
            @Override public void write(byte[] bytes, int from, int length) { checked.addAndGet(length); }
        };
        try (var progress = new Progress(run.console, "Check before it is used", checked::get, manifest.bytesStored())) {
            for (var part : manifest.objects()) {
                var download = new Download(store, folder.key() + part.name(), null);
                try (var stored = new Sha256.Reader(download)) {
                    copy(stored, counting);
                    check(part, stored);
                }
                etags.put(part.name(), download.etag());
            }
        }
    }

    private InputStream stream(Manifest.Part part) { return new Download(store, folder.key() + part.name(), etags.get(part.name())); }

    /**
     * Reads one part to its end, whatever its taker does.
     *
     * @throws Failure.NotVerified naming the object, when it is not what the manifest says; this before what the taker throws
     */
    public void read(Manifest.Part part, Taker taker) throws Exception {
        try (var stored = new Sha256.Reader(stream(part))) {
            String problem = null;
            Exception thrown = null;
            try (var raw = new Raw(Packing.unpack(stored, identity), part.bytesRaw())) {
                try {
                    taker.take(raw);
                } catch (Failure.ToolFailed | Failure.NotVerified | IOException e) {
                    thrown = e;
                }
                copy(raw, OutputStream.nullOutputStream());
                if (raw.broken != null) problem = "can't be unpacked: " + raw.broken.getMessage();
                else if (raw.count != part.bytesRaw()) problem = "unpacks to another size than the manifest says";
            } catch (IOException e) {
                problem = "can't be unpacked: " + e.getMessage();
            }
            // The rest, so that the checksum is of the whole object also when unpacking gave up or ended early.
            copy(stored, OutputStream.nullOutputStream());
            check(part, stored);
            if (problem != null) throw broken(part.name(), problem);
            if (thrown != null) throw thrown;
        }
    }

    /** What is in a part, by its beginning: not proven yet, so only good for choosing. */
    public List<Archive.Entry> contents(Manifest.Part part) throws Exception { return archive(part).entries(); }

    /** A part up to its rows, from which pg_restore can tell everything but them: not proven either. */
    public byte[] beginning(Manifest.Part part) throws Exception { return archive(part).beginning(); }

    private Archive archive(Manifest.Part part) throws Exception {
        try (var raw = Packing.unpack(stream(part), identity)) {
            return new Archive(raw);
        } catch (IOException | Failure.NotVerified e) {
            read(part, raw -> { }); // says what of it is not as it was stored
            throw broken(part.name(), "is as it was stored, and can't be read: " + e.getMessage());
        }
    }

    /**
     * Writes one object as it is stored, neither decrypted nor unpacked. What was written counts only when this returns.
     *
     * @throws Failure.NotVerified naming the object, when it is not what the manifest says
     */
    void copy(Manifest.Part part, OutputStream to) throws IOException {
        try (var stored = new Sha256.Reader(stream(part))) {
            copy(stored, to);
            check(part, stored);
        }
    }

    private void check(Manifest.Part part, Sha256.Reader stored) {
        checkSize(part, stored.count());
        if (!stored.hex().equals(part.sha256())) throw broken(part.name(), "has another SHA-256 than the manifest says");
    }

    private void checkSize(Manifest.Part part, long bytes) {
        if (bytes != part.bytesStored()) throw broken(part.name(), "has " + bytes + " bytes, the manifest says " + part.bytesStored());
    }

    /** Copies in pieces as large as a pipe: transferTo's are small. */
    public static void copy(InputStream from, OutputStream to) throws IOException {
        var buffer = new byte[1 << 17];
        for (int read; (read = from.read(buffer)) > 0; ) to.write(buffer, 0, read);
    }

    /** The failure that an object of this backup is broken. */
    Failure.NotVerified broken(String name, String what) {
        return new Failure.NotVerified(store.uri(folder.key() + name) + " " + what,
            "do not restore this one; take another: ./jbang backups list --env " + manifest.env() + "; and make a new one now");
    }

    /** Counts, and ends one byte after the expected size: a part that unpacks to more is wrong, however much more it may be. */
    private final class Raw extends FilterInputStream {
        private final long expected;
        private long count;
        private IOException broken;

        Raw(InputStream in, long expected) {
            super(in);
            this.expected = expected;
        }

        @Override public int read() throws IOException {
            var one = new byte[1];
            return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
        }

        @Override public int read(byte[] bytes, int from, int length) throws IOException {
            if (count > expected || broken != null) return -1;
            try {
                var read = super.read(bytes, from, (int) Math.min(length, expected + 1 - count));
                if (read > 0) {
                    count += read;
                    done.addAndGet(read);
                }
                return read;
            } catch (IOException e) {
                broken = e; // whoever takes it sees an end, and the operator what is broken
                return -1;
            }
        }
    }
}
