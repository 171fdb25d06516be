package ops;

import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * What killed runs left of an environment's backups: folders without a seal, and open uploads. A run is taken for over
 * when the store has seen nothing of it for a day: no sign of life, no object, no part. How long ago it began says
 * nothing: a large backup takes more than a day, and a copy has the id of a backup that was made long before.
 */
public record Leftovers(List<BackupFolder> folders, List<Store.OpenUpload> uploads) {
    private static final Duration AGE = Duration.ofDays(1);
    /** Where the store does not say when it took the last part: no run of a kit that gave no sign of life went on for so long. */
    private static final Duration AGE_WITHOUT_SIGN = Duration.ofDays(7);

    public static Leftovers of(Store store, String env) {
        var parent = BackupFolder.envKey(store, env);
        var backup = Pattern.compile("(" + Pattern.quote(parent) + "[^/]+/(" + BackupFolder.ID + ")/)[^/]+");
        var folders = new LinkedHashMap<String, BackupFolder>();
        for (var folder : BackupFolder.all(store, env)) folders.put(folder.key(), folder);
        var uploads = new LinkedHashMap<String, List<Store.OpenUpload>>();
        for (var upload : store.openUploads(parent)) {
            var key = backup.matcher(upload.key());
            if (!key.matches()) continue;
            uploads.computeIfAbsent(key.group(1), k -> new ArrayList<>()).add(upload);
            folders.putIfAbsent(key.group(1), new BackupFolder(key.group(1), key.group(2), List.of()));
        }
        var over = folders.values().stream()
            .filter(folder -> !folder.sealed() || uploads.containsKey(folder.key()))
            .filter(folder -> isOver(store, folder, uploads.getOrDefault(folder.key(), List.of()))).toList();
        return new Leftovers(over.stream().filter(folder -> !folder.sealed() && !folder.objects().isEmpty()).toList(),
            over.stream().flatMap(folder -> uploads.getOrDefault(folder.key(), List.of()).stream()).toList());
    }

    /** Whether a folder's run gave a sign of life just now: it will have its seal later. */
    public static boolean isRunning(Store store, BackupFolder folder) {
        return SignOfLife.last(store, folder).filter(sign -> sign.isAfter(store.now().minus(AGE))).isPresent();
    }

    private static boolean isOver(Store store, BackupFolder folder, List<Store.OpenUpload> uploads) {
        var oldest = store.now().minus(AGE);
        var seen = Stream.concat(folder.sealed() ? Stream.of() : folder.objects().stream().map(Store.Item::modified),
            uploads.stream().map(Store.OpenUpload::begun)).filter(Objects::nonNull);
        if (seen.anyMatch(oldest::isBefore)) return false;
        var sign = SignOfLife.last(store, folder);
        if (sign.filter(oldest::isBefore).isPresent()) return false;
        for (var upload : uploads)
            if (!isOver(store, upload, oldest, sign)) return false;
        return true;
    }

    private static boolean isOver(Store store, Store.OpenUpload upload, Instant oldest, Optional<Instant> sign) {
        try {
            return store.lastPart(upload).filter(oldest::isBefore).isEmpty();
        } catch (Failure.StoreFailed e) {
            // Not every store knows this request, nor every key may send it.
            return sign.isPresent() || upload.begun().isBefore(store.now().minus(AGE_WITHOUT_SIGN));
        }
    }

    public int count() { return folders.size() + uploads.size(); }

    /** Removes them, but for a folder that has a seal by now; what the store refuses to remove is said, and the rest goes. */
    public int clear(Run run, Store store) {
        var cleared = 0;
        for (var upload : uploads) cleared += cleared(run, upload.key(), () -> { store.abort(upload); return true; });
        for (var folder : folders) cleared += cleared(run, folder.key(), () -> isOver(store, folder.seenAnew(store), List.of()) && folder.discard(store));
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
