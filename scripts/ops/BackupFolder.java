package ops;

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.concurrent.ThreadLocalRandom;
import java.util.regex.Pattern;

/**
 * A backup's folder in the bucket: {@code PREFIX/ENV/DATABASE/ID/}.
 *
 * @param key of the folder, with a slash at the end
 * @param objects names and sizes of what lies in it
 */
public record BackupFolder(String key, String id, List<Store.Item> objects) {
    private static final DateTimeFormatter TIME = DateTimeFormatter.ofPattern("yyyyMMdd'T'HHmmss'Z'").withZone(ZoneOffset.UTC);
    private static final Pattern ID = Pattern.compile("([0-9]{8}T[0-9]{6}Z)-[0-9a-f]{6}");
    /** Names of what may come to lie beside a backup later. */
    static final String EVIDENCE = "(verify|drill)-[0-9TZ]+\\.json";
    private static final int LARGEST_MANIFEST = 64 << 20;
    /** Younger leftovers may belong to a run on another server that still goes on. */
    static final Duration LEFTOVER_AGE = Duration.ofDays(1);

    /** Evidence beside a backup: what was proven after it was made, and when. */
    public record Evidence(String proof, boolean passed, String at, double seconds, String kit, String problem) { }

    public static String newId(Instant now) {
        return TIME.format(now) + "-" + HexFormat.of().toHexDigits(ThreadLocalRandom.current().nextInt(1 << 24), 6);
    }

    /** The folder of a new backup. */
    public static BackupFolder of(Store store, String env, String database, String id) {
        return new BackupFolder(databaseKey(store, env, database) + id + "/", id, List.of());
    }

    private static String envKey(Store store, String env) { return store.prefix + "/" + env + "/"; }

    private static String databaseKey(Store store, String env, String database) {
        // A name may hold any character; a key should hold only what every tool takes.
        return envKey(store, env) + java.net.URLEncoder.encode(database, StandardCharsets.UTF_8).replace("*", "%2A").replace('%', '=') + "/";
    }

    /** Every folder of an environment that looks like a backup's, sealed or not, newest first. Throws BadSetting when nobody knows the environment. */
    public static List<BackupFolder> all(Store store, String env) {
        var prefix = envKey(store, env);
        var folders = new LinkedHashMap<String, BackupFolder>();
        var items = store.list(prefix);
        if (items.isEmpty()) store.settings.requireKnown(store.folders(store.prefix + "/"));
        for (var item : items) {
            var path = item.key().substring(prefix.length()).split("/");
            if (path.length != 3 || !ID.matcher(path[1]).matches()) continue;
            var key = prefix + path[0] + "/" + path[1] + "/";
            folders.computeIfAbsent(key, k -> new BackupFolder(k, path[1], new ArrayList<>())).objects.add(item);
        }
        return folders.values().stream().sorted(Comparator.comparing(BackupFolder::id).reversed()).toList();
    }

    /** The sealed ones of an environment, newest first. */
    public static List<BackupFolder> sealed(Store store, String env) { return all(store, env).stream().filter(BackupFolder::sealed).toList(); }

    /**
     * One sealed backup: the one with this id or a unique beginning of it; the newest for "latest"; the newest that was
     * begun by then (neither means one that a restore made of what it replaced) for a time like 2026-11-22T12:00, UTC, or a day. Throws Failed when there is none.
     */
    public static BackupFolder find(Store store, String env, String wanted) {
        var sealed = sealed(store, env);
        var by = time(wanted);
        var newest = wanted.equals("latest") || by != null;
        var found = sealed.stream().filter(folder -> newest ? by == null || !folder.began().isAfter(by) : folder.id.startsWith(wanted))
            .filter(folder -> !newest || !folder.manifest(store).isSafety()).limit(newest ? 1 : Long.MAX_VALUE).toList();
        if (found.isEmpty())
            throw new Failure.Failed(sealed.isEmpty() ? "environment '" + env + "' has no backup in " + store.uri(envKey(store, env)) : "there is no backup '" + wanted + "' of environment '" + env + "'",
                sealed.isEmpty() ? "make one: ./jbang backup-db --env " + env : "./jbang backups list --env " + env);
        if (found.size() > 1)
            throw new Failure.Usage("'" + wanted + "' is the beginning of " + found.size() + " backups", "give more of the id: ./jbang backups list --env " + env);
        return found.get(0);
    }

    /** The last moment of the day or minute that is written there; null when it is no time. */
    private static Instant time(String wanted) {
        if (!wanted.matches("[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2}(:[0-9]{2})?Z?)?")) return null;
        var missing = "T23:59:59".substring(Math.min(9, wanted.replace("Z", "").length() - 10));
        try {
            return Instant.parse(wanted.replace(' ', 'T').replace("Z", "") + missing + "Z");
        } catch (java.time.format.DateTimeParseException e) {
            throw new Failure.Usage("'" + wanted + "' is no time", "write it like 2026-11-22T12:00, UTC");
        }
    }

    public boolean sealed() { return objects.stream().anyMatch(item -> item.key().equals(key + Manifest.NAME)); }

    /** When the run that made it began. */
    public Instant began() { return began(id); }

    private static Instant began(String id) {
        var matcher = ID.matcher(id);
        matcher.matches();
        return TIME.parse(matcher.group(1), Instant::from);
    }

    public Manifest manifest(Store store) { return manifest(store, seal(store)); }

    /** The manifest as it is stored, byte for byte. */
    byte[] seal(Store store) {
        return store.read(key + Manifest.NAME, LARGEST_MANIFEST)
            .orElseThrow(() -> new Failure.NotVerified(store.uri(key) + " has no manifest: it is not a backup", "./jbang backups list"));
    }

    Manifest manifest(Store store, byte[] bytes) {
        var manifest = Manifest.parse(bytes, store.uri(key + Manifest.NAME));
        if (!manifest.id().equals(id)) throw new Failure.NotVerified(store.uri(key) + " holds the manifest of another backup, " + manifest.id(), "take another backup: ./jbang backups list");
        return manifest;
    }

    /** Writes evidence beside the backup; one object for each time it was proven or failed to be. */
    public void prove(Store store, String kind, Evidence evidence) {
        store.put(key + kind + "-" + TIME.format(Instant.parse(evidence.at)) + ".json", Json.bytes(evidence));
    }

    /** The evidence beside the backup, oldest first. */
    public List<Evidence> evidence(Store store) {
        return objects.stream().filter(item -> item.key().substring(key.length()).matches(EVIDENCE))
            .flatMap(item -> store.read(item.key(), 1 << 20).stream().map(bytes -> Json.read(bytes, Evidence.class, store.uri(item.key()))))
            .sorted(Comparator.comparing(Evidence::at)).toList();
    }

    /** Removes the objects of a backup that was not sealed; one that is sealed stays. */
    public void discard(Store store) {
        var there = store.list(key);
        if (there.stream().anyMatch(item -> item.key().equals(key + Manifest.NAME))) return;
        for (var item : there) store.delete(item.key());
    }

    /**
     * Removes what killed runs left in this database's folder: unsealed folders and open uploads, once they are a day old.
     *
     * @return how many of both
     */
    public int clearLeftovers(Store store, Instant now) {
        var parent = key.substring(0, key.length() - id.length() - 1);
        var env = parent.substring(0, parent.lastIndexOf('/', parent.length() - 2) + 1);
        var oldest = now.minus(LEFTOVER_AGE);
        var cleared = 0;
        for (var upload : store.openUploads(parent)) {
            if (!upload.begun().isBefore(oldest)) continue;
            store.abort(upload);
            cleared++;
        }
        for (var folder : all(store, env.substring(store.prefix.length() + 1, env.length() - 1))) {
            if (!folder.key.startsWith(parent) || folder.sealed() || !folder.began().isBefore(oldest)) continue;
            folder.discard(store);
            cleared++;
        }
        return cleared;
    }
}
