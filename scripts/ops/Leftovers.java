package ops;

import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.function.BooleanSupplier;
import java.util.regex.Pattern;

/** What killed runs left of an environment's backups: unsealed folders and open uploads, once they are a day old. */
public record Leftovers(List<BackupFolder> folders, List<Store.OpenUpload> uploads) {
    /** Younger ones may belong to a run on another server that still goes on. */
    static final Duration AGE = Duration.ofDays(1);

    public static Leftovers of(Store store, String env, Instant now) {
        var oldest = now.minus(AGE);
        var parent = store.prefix + "/" + env + "/";
        var backup = Pattern.compile(Pattern.quote(parent) + "[^/]+/" + BackupFolder.ID + "/[^/]+");
        return new Leftovers(
            BackupFolder.all(store, env).stream().filter(folder -> !folder.sealed() && folder.began().isBefore(oldest)).toList(),
            store.openUploads(parent).stream().filter(upload -> upload.begun().isBefore(oldest) && backup.matcher(upload.key()).matches()).toList());
    }

    public int count() { return folders.size() + uploads.size(); }

    /** Removes them, but for a folder that has been sealed meanwhile; what the store refuses to remove is said, and the rest goes. */
    public int clear(Run run, Store store) {
        var cleared = 0;
        for (var upload : uploads) cleared += cleared(run, upload.key(), () -> { store.abort(upload); return true; });
        for (var folder : folders) cleared += cleared(run, folder.key(), () -> folder.discard(store));
        return cleared;
    }

    private static int cleared(Run run, String what, BooleanSupplier act) {
        try {
            return act.getAsBoolean() ? 1 : 0;
        } catch (Failure.StoreFailed e) {
            run.console.warn("leftover " + what + " stays: " + e.getMessage());
            return 0;
        }
    }
}
