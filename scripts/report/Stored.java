package report;

import java.time.Instant;
import java.util.List;
import java.util.Optional;
import ops.BackupFolder;
import ops.Manifest;
import ops.Proof;
import ops.Store;

/**
 * A sealed backup.
 *
 * @param manifest null when it is too old to matter, or can't be read
 * @param hold null when it is not held
 */
record Stored(BackupFolder folder, Manifest manifest, List<BackupFolder.Evidence> evidence, BackupFolder.Hold hold) {
    Instant began() { return folder.began(); }

    long bytes() { return folder.objects().stream().mapToLong(Store.Item::bytes).sum(); }

    boolean isSafety() { return manifest != null && manifest.isSafety(); }

    Optional<Proof> proof() { return Optional.ofNullable(manifest).map(read -> Proof.of(read, evidence)); }

    List<BackupFolder.Evidence> drills() { return evidence.stream().filter(found -> "restored".equals(found.proof())).toList(); }
}
