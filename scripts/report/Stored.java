package report;

import java.time.Instant;
import java.util.List;
import java.util.Optional;
import ops.BackupFolder;
import ops.Manifest;
import ops.Proof;
import ops.Sealed;
import ops.Store;

/**
 * A sealed backup.
 *
 * @param sealed null when it is too old to matter
 * @param hold null when it is not held
 */
record Stored(BackupFolder folder, Sealed sealed, List<BackupFolder.Evidence> evidence, BackupFolder.Hold hold) {
    /** Null when it is too old to matter, or can't be read. */
    Manifest manifest() { return sealed == null ? null : sealed.manifest(); }

    /** The moment its data are of; where its manifest was not read, that of its id. */
    Instant at() { return sealed == null ? folder.began() : sealed.time(); }

    long bytes() { return folder.objects().stream().mapToLong(Store.Item::bytes).sum(); }

    /** Whether it is one of the whole database, as backups go; also one that can't be read is taken for that. */
    boolean counts(Instant now) { return sealed == null || sealed.problem() != null || sealed.isWhole() && sealed.ahead(now) == null; }

    boolean isSafety() { return manifest() != null && manifest().isSafety(); }

    Optional<Proof> proof() { return Optional.ofNullable(sealed).map(Sealed::proof); }

    List<BackupFolder.Evidence> drills() { return evidence.stream().filter(found -> "restored".equals(found.proof())).toList(); }
}
