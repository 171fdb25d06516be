package ops;

import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentSkipListSet;
import java.util.stream.Stream;
import software.amazon.awssdk.core.exception.SdkException;

/**
 * A few small objects beside the backups, written, read and removed to see what the store does.
 *
 * <p>Nothing else looks at them. What a killed run left is removed by the next doctor, once it is an hour old.
 */
public final class StoreProbe {
    private static final String MARK = ".doctor-";
    private static final Duration LEFT = Duration.ofHours(1);

    private final Store store;
    private final Run run;
    private final String folder;
    private final boolean versions;
    private final Runnable forget;
    private final Set<String> written = new ConcurrentSkipListSet<>();
    /** Of its first object; those of the others begin with it. */
    public final String key;

    /** @param versions whether old versions of it are removed, too, which takes rights that only the doctor needs */
    public StoreProbe(Run run, Store store, String env, boolean versions) {
        this.run = run;
        this.store = store;
        this.versions = versions;
        folder = store.prefix + "/" + env + "/" + MARK;
        key = folder + BackupFolder.newId(Instant.now());
        forget = run.undo.add("remove the probe " + store.uri(key), () -> remove(key, List.copyOf(written)));
    }

    /** The key of one of its objects, which is removed in the end even when the store does not list it. */
    public String key(String ending) {
        written.add(key + ending);
        return key + ending;
    }

    public byte[] content() { return ("A probe of the store, " + key + ": it may be removed.\n").getBytes(java.nio.charset.StandardCharsets.UTF_8); }

    /** Removes everything of this probe. */
    public void remove() {
        forget.run();
        remove(key, List.copyOf(written));
    }

    /** What is still there of this probe: objects, and open uploads. */
    public List<String> left() {
        return Stream.concat(store.list(key).stream().map(Store.Item::key), openUploads(key).stream().map(upload -> "the open upload of " + upload.key())).toList();
    }

    /** Removes what killed runs left; how many probes. */
    public int removeOld() {
        var there = new TreeSet<String>();
        store.list(folder).forEach(item -> there.add(item.key()));
        openUploads(folder).forEach(upload -> there.add(upload.key()));
        var old = there.stream().filter(this::isOld).toList();
        old.forEach(left -> remove(left, List.of()));
        return (int) old.stream().map(left -> left.substring(folder.length()).replaceFirst("\\..*", "")).distinct().count();
    }

    private boolean isOld(String left) {
        var id = left.substring(folder.length()).replaceFirst("\\..*", "");
        return id.matches("[0-9]{8}T[0-9]{6}Z-[0-9a-f]{6}") && BackupFolder.of(store, "", "", id).began().isBefore(Instant.now().minus(LEFT));
    }

    private void remove(String prefix, List<String> known) {
        known.forEach(store::delete);
        store.list(prefix).forEach(item -> store.delete(item.key()));
        openUploads(prefix).forEach(store::abort);
        if (versions) removeVersions(prefix);
    }

    /** None where they may not be listed: another check says that, and the objects are to go all the same. */
    private List<Store.OpenUpload> openUploads(String prefix) {
        try {
            return store.openUploads(prefix);
        } catch (Failure.StoreFailed e) {
            return List.of();
        }
    }

    /** In a bucket with versions a deleted object stays, hidden, and is paid for. */
    private void removeVersions(String prefix) {
        try {
            for (var page : store.client().listObjectVersionsPaginator(request -> request.bucket(store.bucket).prefix(prefix))) {
                for (var version : page.versions()) removeVersion(version.key(), version.versionId());
                for (var marker : page.deleteMarkers()) removeVersion(marker.key(), marker.versionId());
            }
        } catch (SdkException e) {
            // a store without versions, or no right to remove them: what is left is a few bytes that nobody sees
            run.console.detail("versions of the probe were not looked for: " + e.getMessage());
        }
    }

    private void removeVersion(String key, String version) {
        if (version == null || version.equals("null")) return;
        store.client().deleteObject(request -> request.bucket(store.bucket).key(key).versionId(version));
    }
}
