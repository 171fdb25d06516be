//SOURCES ArchiveComparison.java
//SOURCES Contents.java
//SOURCES Copy.java
//SOURCES TrialRestore.java
package backups;

import java.time.Duration;
import java.time.Instant;
import java.util.Locale;
import ops.*;

/**
 * Proof that a stored backup can be restored: it is, into a server made for the drill, and what is there then is compared
 * with the manifest and with the archive. The environment's own server is not touched.
 */
public final class Drill {
    private static final int NAMED = 5;

    private final Run run;
    private final Settings settings;
    private final Store store;
    private final BackupFolder folder;
    private final Steps steps;
    private final TrialRestore trial;
    private Contents archive;

    public Drill(Run run, Settings settings, Store store, BackupFolder folder) {
        this.run = run;
        this.settings = settings;
        this.store = store;
        this.folder = folder;
        steps = new Steps(run, false);
        trial = new TrialRestore(run, settings, store, folder, steps);
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
            trial.notRestorable.isEmpty() ? "" : "; without " + String.join(", ", trial.notRestorable));
    }

    private void evidence(Instant begun, String problem) {
        folder.prove(store, "drill", new BackupFolder.Evidence("restored", problem == null, begun.toString(), Amount.seconds(Duration.between(begun, Instant.now())), Ops.VERSION, problem,
            trial.server == null ? null : trial.server.version, archive == null ? null : archive.tables(), archive == null ? null : archive.rows(), trial.notRestorable.isEmpty() ? null : trial.notRestorable));
    }

    private void restore() throws Exception {
        trial.restore();
        steps.check("Compare with the manifest", this::compareWithManifest);
        steps.check("Compare with the archive", this::compareWithArchive);
    }

    private boolean compareWithManifest() {
        try (var session = Database.connect(trial.server.database, settings, "handover backups drill " + settings.env)) {
            steps.found(Comparison.of(session, trial.manifest));
        }
        return true;
    }

    private boolean compareWithArchive() throws Exception {
        var comparison = new ArchiveComparison(run, settings, trial.server, trial.manifest, trial.newReader());
        var part = trial.manifest.parts().stream().filter(TrialRestore::isWhole).findFirst().orElseThrow();
        var differences = comparison.differences(steps, trial.pgRestore, part, trial.lacking);
        archive = comparison.archive();
        if (!differences.isEmpty())
            throw new Failure.NotVerified("the restored database is not what the archive says: " + String.join("; ", differences.subList(0, Math.min(NAMED, differences.size())))
                + (differences.size() > NAMED ? "; and " + (differences.size() - NAMED) + " more" : ""), trial.anotherOne());
        steps.found(String.format(Locale.ROOT, "%d tables with %,d rows, %d definitions%s", archive.tables(), archive.rows(), archive.definitions(),
            comparison.sameVersion() ? "" : ", these by name alone since versions differ"));
        return true;
    }
}
