package ops;

import java.time.Duration;
import java.time.Instant;
import java.util.List;

/**
 * A sealed backup as it was read, with what was proven of it.
 *
 * @param manifest null when it can't be read, as the problem says; the problem is null when it can
 * @param evidence oldest first
 * @param modified when the store took the seal, by its clock
 * @param hold null when it is not held
 */
public record Sealed(BackupFolder folder, Manifest manifest, List<BackupFolder.Evidence> evidence, Instant modified, BackupFolder.Hold hold, String problem) {
    /** Clocks that differ by no more than this are as good as right; S3 draws the same line. */
    public static final Duration CLOCKS_DIFFER = Duration.ofMinutes(15);

    private static final long LARGE_SEAL = 1 << 20;

    /** Reads one, and distrusts it: whatever is wrong with it is its problem, and nobody else's. */
    public static Sealed read(Store store, BackupFolder folder) {
        var evidence = folder.evidence(store);
        var hold = folder.hold(store).orElse(null);
        try {
            return new Sealed(folder, manifest(store, folder), evidence, folder.modified(), hold, null);
        } catch (Failure.NotVerified e) {
            return new Sealed(folder, null, evidence, folder.modified(), hold, Console.plain(e.getMessage()));
        } catch (Failure.OutOfReach e) {
            return new Sealed(folder, null, evidence, folder.modified(), hold, Console.plain(e.getMessage() + "; " + e.hint));
        }
    }

    /** Several are read at once, but of large ones only one at a time: together they would not fit into memory. */
    private static Manifest manifest(Store store, BackupFolder folder) {
        if (folder.bytesOfSeal() < LARGE_SEAL) return folder.manifest(store);
        synchronized (Sealed.class) {
            return folder.manifest(store);
        }
    }

    /** How far it is proven; null when its manifest can't be read. */
    public Proof proof() { return manifest == null ? null : Proof.of(manifest, evidence); }

    /** The moment its data are of: the snapshot's, by the database's clock; but no later than the store took the seal. */
    public Instant time() {
        if (manifest == null) return modified;
        var snapshot = snapshot();
        return snapshot.isAfter(modified) ? modified : snapshot;
    }

    private Instant snapshot() { return Instant.parse(manifest.snapshotTime()); }

    /** What says that its time can't be right; null when nothing does. */
    public String ahead(Instant now) {
        if (manifest == null) return null;
        if (snapshot().isAfter(now.plus(CLOCKS_DIFFER))) return "its data are of " + manifest.snapshotTime() + ", which lies in the future";
        if (snapshot().isAfter(modified.plus(CLOCKS_DIFFER)))
            return "its data are of " + manifest.snapshotTime() + ", which is after the store took it, " + modified;
        return null;
    }

    /** All of its database, made as a backup and not before a restore. */
    public boolean isWhole() { return manifest != null && !manifest.isSafety() && manifest.selection().isWhole(); }

    /** As in "20261122T031500Z-4f9a1c, data as of 2026-11-22T03:15:02Z, 2 h ago". */
    public String words(Instant now) {
        return folder.id() + ", data as of " + (manifest == null ? "?" : manifest.snapshotTime() + ", " + Amount.age(snapshot(), now));
    }
}
