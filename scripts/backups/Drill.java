//SOURCES ArchiveComparison.java
//SOURCES Contents.java
//SOURCES Copy.java
//SOURCES TrialRestore.java
package backups;

import backups.Contents.Difference;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.Collectors;
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

    /** @param as the environment whose role's rights it is restored with; empty for a superuser's */
    public Drill(Run run, Settings settings, Store store, BackupFolder folder, Optional<Settings> as) {
        this.run = run;
        this.settings = settings;
        this.store = store;
        this.folder = folder;
        steps = new Steps(run, false);
        trial = new TrialRestore(run, settings, store, folder, steps, as.map(RoleCopy::of).orElse(null));
    }

    /**
     * Restores, compares, and leaves the evidence beside the backup, of success and of failure alike; none when the
     * server, and not the backup, is the reason.
     *
     * @return what was proven, in words
     * @throws Failure.NotVerified naming what is not as it was backed up, or what an ordinary restore fails at: with that the backup is no broken one
     */
    public String prove() throws Exception {
        var begun = Instant.now();
        try {
            restore();
        } catch (Failure.NotVerified e) {
            evidence(begun, e.getMessage());
            throw e;
        }
        var unkept = evidence(begun, null);
        if (!trial.repaired.isEmpty())
            throw new Failure.NotVerified("all rows of backup " + folder.id() + " are there, but an ordinary restore of it fails: " + trial.repaired.stream().limit(NAMED).map(finding -> finding.words() + "; " + finding.sql()).collect(Collectors.joining(". ")),
                "mend it in the database, and back that up again; until then: ./jbang restore-db " + folder.id() + " --env ENV --from " + settings.env + " --repair");
        var without = trial.notRestorable.isEmpty() ? "" : "; without " + String.join(", ", trial.notRestorable);
        var proven = String.format("backup %s is restorable: %s, are as in the archive%s",
            folder.id(), words(archive), without + trial.notes.stream().map(note -> "; " + note).collect(Collectors.joining()));
        if (unkept.isPresent()) throw new Failure.StoreFailed(proven + "; but the proof could not be kept: " + unkept.get().getMessage(), unkept.get().hint);
        return proven;
    }

    private Optional<Failure> evidence(Instant begun, String problem) {
        var seconds = Amount.seconds(Duration.between(begun, Instant.now()));
        return folder.keep(run, store, "drill", new BackupFolder.Evidence("restored", problem == null, store.at(begun).toString(), seconds, Ops.VERSION, problem,
            trial.server == null ? null : trial.server.version, archive == null ? null : archive.tables(), archive == null ? null : archive.rows(), orNull(trial.notRestorable), orNull(trial.notes)));
    }

    private static String words(Contents archive) {
        return Amount.count(archive.tables(), "table") + " with " + Amount.count(archive.rows(), "row") + ", and " + Amount.count(archive.definitions(), "definition");
    }

    private static List<String> orNull(List<String> some) { return some.isEmpty() ? null : some; }

    private void restore() throws Exception {
        trial.restore();
        steps.check("Compare with the manifest", this::compareWithManifest);
        steps.check("Compare with the archive", this::compareWithArchive);
    }

    private boolean compareWithManifest() {
        steps.found(Comparison.of(trial.taken, trial.manifest));
        return true;
    }

    private boolean compareWithArchive() throws Exception {
        var comparison = new ArchiveComparison(run, settings, trial.server, trial.manifest, trial.newReader(), trial.isDivided());
        var part = trial.manifest.parts().stream().filter(TrialRestore::isWhole).findFirst().orElseThrow();
        var outcome = comparison.compare(steps, trial.pgRestore, part, trial.lacking, trial.withoutRights, trial.outward);
        archive = comparison.archive();
        var lost = outcome.differences().stream().filter(difference -> trial.repaired.stream().noneMatch(difference::isOf)).toList();
        if (!lost.isEmpty())
            throw new Failure.NotVerified("the restored database is not what the archive says: " + some(lost, Difference::words, "; "), trial.anotherOne());
        var printed = outcome.printed();
        if (!printed.isEmpty()) trial.note((printed.size() == 1 ? "1 definition prints otherwise, and is the same: " : printed.size() + " definitions print otherwise, and are the same: ") + some(printed, Difference::object, ", "));
        steps.found(words(archive));
        return true;
    }

    private static String some(List<Difference> differences, Function<Difference, String> words, String between) {
        return differences.stream().limit(NAMED).map(words).collect(Collectors.joining(between)) + (differences.size() > NAMED ? between + "and " + (differences.size() - NAMED) + " more" : "");
    }
}
