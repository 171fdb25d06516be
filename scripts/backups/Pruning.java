package backups;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Collectors;
import ops.BackupFolder;
import ops.BackupPlace;
import ops.Clocks;
import ops.Guard;
import ops.Retention;
import ops.Run;
import ops.Sealed;
import ops.Settings;
import ops.Steps;
import ops.Store;

/** The sealed backups of an environment, and the removal of those that the rules of BACKUP_KEEP no longer keep. */
public final class Pruning {
    /** A backup and what becomes of it. */
    public record Backup(String id, String uri, String database, String dataAsOf, long bytesStored, boolean stays, String why) { }

    private record Planned(BackupFolder folder, Backup backup) { }

    private final Run run;
    private final Store store;
    private final List<Planned> planned = new ArrayList<>();

    /**
     * Looks at the backups and decides, by the store's clock; throws Refused when they lie in a protected environment's place.
     *
     * @param made the id of a backup that this very run has made, which stays; null when it has made none
     */
    public Pruning(Run run, Settings settings, Store store, String env, Retention retention, String made) throws Exception {
        Guard.check(settings, new BackupPlace(settings));
        this.run = run;
        this.store = store;
        var known = Steps.sideBySide(BackupFolder.sealed(store, env), folder -> Sealed.read(store, folder));
        Clocks.refuse(run, store);
        for (var one : known) {
            if (one.manifest() != null) continue;
            // One that this kit can't read may be a newer kit's: it does not go, nor does it stand in for another.
            run.console.warn("backup " + one.folder().id() + " stays, and does not count: " + one.problem());
            plan(one, true, "can't be read");
        }
        for (var group : known.stream().filter(one -> one.manifest() != null).collect(Collectors.groupingBy(Pruning::group)).values()) {
            var byId = group.stream().collect(Collectors.toMap(one -> one.folder().id(), one -> one));
            for (var decision : retention.decide(group.stream().map(this::facts).toList(), store.now())) {
                var one = byId.get(decision.backup().id());
                if (one.folder().id().equals(made)) plan(one, true, decision.stays() ? decision.why() : "just made");
                else plan(one, decision.stays(), decision.why());
            }
        }
        planned.sort(Comparator.comparing((Planned one) -> one.backup.dataAsOf).thenComparing(one -> one.backup.id).reversed());
    }

    /** Only backups of the same stand in for one another: one of a single schema is none of the whole. */
    private static String group(Sealed one) {
        return one.folder().database() + " " + one.manifest().selection() + (one.manifest().isSafety() ? " safety" : "");
    }

    private Retention.Backup facts(Sealed one) {
        return new Retention.Backup(one.folder().id(), one.time(), one.proof().broken() || one.ahead(store.now()) != null, one.hold() != null);
    }

    private void plan(Sealed one, boolean stays, String why) {
        var bytes = one.folder().objects().stream().mapToLong(Store.Item::bytes).sum();
        var database = one.manifest() == null ? "?" : one.manifest().database();
        planned.add(new Planned(one.folder(), new Backup(one.folder().id(), store.uri(one.folder().key()), database, one.time().toString(), bytes, stays, why)));
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
        return new Planned(one.folder, new Backup(gone.id, gone.uri, gone.database, gone.dataAsOf, gone.bytesStored, true, obstacle.get()));
    }
}
