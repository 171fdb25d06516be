package backups;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Collectors;
import ops.BackupFolder;
import ops.BackupPlace;
import ops.Failure;
import ops.Guard;
import ops.Manifest;
import ops.Proof;
import ops.Retention;
import ops.Run;
import ops.Settings;
import ops.Steps;
import ops.Store;

/** The sealed backups of an environment, and the removal of those that the rules of BACKUP_KEEP no longer keep. */
public final class Pruning {
    /** A backup and what becomes of it. */
    public record Backup(String id, String uri, String database, String began, long bytesStored, boolean stays, String why) { }

    /** A backup as it lies there; manifest and proof are null when they can't be read. */
    private record Known(BackupFolder folder, Manifest manifest, Proof proof, boolean held) {
        Retention.Backup facts() { return new Retention.Backup(folder.id(), folder.began(), proof.broken(), held); }

        /** Only backups of the same stand in for one another: one of a single schema is none of the whole. */
        String group() { return folder.database() + " " + manifest.selection() + (manifest.isSafety() ? " safety" : ""); }
    }

    private record Planned(BackupFolder folder, Backup backup) { }

    private final Run run;
    private final Store store;
    private final List<Planned> planned = new ArrayList<>();

    /** Looks at the backups and decides; throws Refused when they lie in a protected environment's place. */
    public Pruning(Run run, Settings settings, Store store, String env, Retention retention) throws Exception {
        Guard.check(settings, new BackupPlace(settings));
        this.run = run;
        this.store = store;
        var known = Steps.sideBySide(BackupFolder.sealed(store, env), this::look);
        for (var one : known)
            if (one.manifest == null) plan(one, true, "can't be read");
        for (var group : known.stream().filter(one -> one.manifest != null).collect(Collectors.groupingBy(Known::group)).values()) {
            var byId = group.stream().collect(Collectors.toMap(one -> one.folder.id(), one -> one));
            for (var decision : retention.decide(group.stream().map(Known::facts).toList(), run.started)) plan(byId.get(decision.backup().id()), decision.stays(), decision.why());
        }
        planned.sort(Comparator.comparing((Planned one) -> one.folder.id()).reversed());
    }

    /** One that this kit can't read may be a newer kit's: it does not go, nor does it stand in for another. */
    private Known look(BackupFolder folder) {
        try {
            var manifest = folder.manifest(store);
            return new Known(folder, manifest, Proof.of(manifest, folder.evidence(store)), folder.hold(store).isPresent());
        } catch (Failure.NotVerified e) {
            run.console.warn("backup " + folder.id() + " stays, and does not count: " + e.getMessage());
            return new Known(folder, null, null, false);
        }
    }

    private void plan(Known one, boolean stays, String why) {
        var bytes = one.folder.objects().stream().mapToLong(Store.Item::bytes).sum();
        var database = one.manifest == null ? "?" : one.manifest.database();
        planned.add(new Planned(one.folder, new Backup(one.folder.id(), store.uri(one.folder.key()), database, one.folder.began().toString(), bytes, stays, why)));
    }

    /** All of them, newest first. */
    public List<Backup> backups() { return planned.stream().map(Planned::backup).toList(); }

    /** The ids of those that don't stay. */
    public List<String> going() { return backups().stream().filter(backup -> !backup.stays).map(Backup::id).toList(); }

    /** Removes those that don't stay; one that can't be removed stays whole. */
    public void remove() { planned.replaceAll(one -> one.backup.stays ? one : remove(one)); }

    private Planned remove(Planned one) {
        var gone = one.backup;
        var obstacle = one.folder.remove(store);
        if (obstacle.isEmpty()) {
            run.console.say("removed " + gone.id + ": " + gone.why);
            return one;
        }
        run.console.warn("backup " + gone.id + " stays: " + obstacle.get());
        return new Planned(one.folder, new Backup(gone.id, gone.uri, gone.database, gone.began, gone.bytesStored, true, obstacle.get()));
    }
}
