package ops;

import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.format.DateTimeParseException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ThreadLocalRandom;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A backup's folder in the bucket: {@code PREFIX/ENV/DATABASE/ID/}.
 *
 * @param key of the folder, with a slash at the end
 * @param objects names and sizes of what lies in it
 */
public record BackupFolder(String key, String id, List<Store.Item> objects) {
    private static final String STAMP = "([0-9]{4}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])T(?:[01][0-9]|2[0-3])(?:[0-5][0-9]){2}Z)";
    static final Pattern ID = Pattern.compile(STAMP + "-[0-9a-f]{6}");
    private static final Pattern EVIDENCE = Pattern.compile("(verify|drill)-" + STAMP + "\\.json");
    private static final String HOLD = "hold.json";
    /** Names of what may come to lie beside a backup later. */
    static final String BESIDE = EVIDENCE + "|" + HOLD;
    private static final int LARGEST_MANIFEST = 64 << 20;

    /**
     * Evidence beside a backup: what was proven after it was made, and when.
     *
     * @param server version of the PostgreSQL that it was restored into; null, like what follows, when it was not restored
     * @param tables and rows that were compared with the archive
     * @param notRestorable what that server can't have, each with the reason
     * @param notes what that server has or prints otherwise, and says nothing against the backup; null, as in older evidence, when there is nothing
     */
    public record Evidence(String proof, boolean passed, String at, double seconds, String kit, String problem, String server, Integer tables, Long rows,
            List<String> notRestorable, List<String> notes) {
        Evidence(String proof, boolean passed, String at, double seconds, String kit, String problem) { this(proof, passed, at, seconds, kit, problem, null, null, null, null, null); }
    }

    /** Beside a backup that no rule may remove: why, and since when. */
    public record Hold(String reason, String at) {
        public Hold {
            reason = reason == null ? "" : reason.replaceAll("\\p{Cntrl}", " ").strip(); // anybody may have written it
            at = at == null ? "" : at;
        }

        /** As in "held: before the migration". */
        public String words() { return "held" + (reason.isEmpty() ? "" : ": " + reason); }
    }

    public static String newId(Instant now) {
        return Stamp.of(now) + "-" + HexFormat.of().toHexDigits(ThreadLocalRandom.current().nextInt(1 << 24), 6);
    }

    /** The folder of a new backup. */
    public static BackupFolder of(Store store, String env, String database, String id) {
        return new BackupFolder(databaseKey(store, env, database) + id + "/", id, List.of());
    }

    /** The key of the folder that holds all of an environment, with a slash at the end. */
    public static String envKey(Store store, String env) { return store.prefix + "/" + env + "/"; }

    private static String databaseKey(Store store, String env, String database) {
        // A name may hold any character; a key should hold only what every tool takes.
        return envKey(store, env) + java.net.URLEncoder.encode(database, StandardCharsets.UTF_8).replace("*", "%2A").replace('%', '=') + "/";
    }

    /** All objects of an environment, its backups' and others. Throws BadSetting when nobody knows the environment. */
    public static List<Store.Item> objects(Store store, String env) {
        var items = store.list(envKey(store, env));
        if (items.isEmpty()) store.settings.requireKnown(store.folders(store.prefix + "/"));
        return items;
    }

    /** Every folder of an environment that looks like a backup's, sealed or not, newest first. Throws BadSetting when nobody knows the environment. */
    public static List<BackupFolder> all(Store store, String env) { return among(objects(store, env), envKey(store, env)); }

    /** The same, of objects that were listed already. */
    public static List<BackupFolder> among(List<Store.Item> items, String envKey) {
        var folders = new LinkedHashMap<String, BackupFolder>();
        for (var item : items) {
            var path = item.key().substring(envKey.length()).split("/");
            if (path.length != 3 || !ID.matcher(path[1]).matches()) continue;
            var key = envKey + path[0] + "/" + path[1] + "/";
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
        } catch (DateTimeParseException e) {
            throw new Failure.Usage("'" + wanted + "' is no time", "write it like 2026-11-22T12:00, UTC");
        }
    }

    /** The key of the database's folder, which holds this one. */
    public String database() { return key.substring(0, key.length() - id.length() - 1); }

    public boolean sealed() { return objects.stream().anyMatch(item -> item.key().equals(key + Manifest.NAME)); }

    /** When the run that made it began. */
    public Instant began() { return began(id); }

    private static Instant began(String id) {
        var matcher = ID.matcher(id);
        matcher.matches();
        return Stamp.parse(matcher.group(1));
    }

    public Manifest manifest(Store store) { return manifest(store, seal(store)); }

    /** The manifest as it is stored, byte for byte. */
    byte[] seal(Store store) {
        return store.read(key + Manifest.NAME, LARGEST_MANIFEST)
            .orElseThrow(() -> new Failure.NotVerified(store.uri(key) + " has no manifest: it is not a backup", "./jbang backups list"));
    }

    Manifest manifest(Store store, byte[] bytes) {
        var manifest = Manifest.parse(bytes, store.uri(key + Manifest.NAME));
        if (!manifest.id().equals(id)) throw new Failure.NotVerified(store.uri(key + Manifest.NAME) + " holds the manifest of another backup, " + manifest.id(), "take another backup: ./jbang backups list");
        return manifest;
    }

    /** Writes evidence beside the backup; one object for each time it was proven or failed to be. */
    public void prove(Store store, String kind, Evidence evidence) {
        store.put(key + kind + "-" + Stamp.of(Instant.parse(evidence.at)) + ".json", Json.bytes(evidence));
    }

    /** The evidence beside the backup, oldest first. What can't be read counts as an attempt that failed: it may have been one. */
    public List<Evidence> evidence(Store store) {
        return objects.stream().map(item -> EVIDENCE.matcher(item.key().substring(key.length()))).filter(Matcher::matches)
            .flatMap(name -> store.read(key + name.group(), 1 << 20).stream().map(bytes -> evidence(store, name, bytes)))
            .sorted(Comparator.comparing(Evidence::at)).toList();
    }

    private Evidence evidence(Store store, MatchResult name, byte[] bytes) {
        try {
            var read = Json.read(bytes, Evidence.class, name.group());
            if (read != null && read.at != null && read.proof != null && Proof.GRADES.contains(read.proof)) {
                Instant.parse(read.at);
                return read;
            }
        } catch (Failure.NotVerified | DateTimeParseException e) {
            // said below
        }
        var kind = name.group(1);
        return new Evidence(kind.equals("drill") ? "restored" : "readable", false, Stamp.parse(name.group(2)).toString(), 0, null,
            name.group() + " can't be read; prove it again: ./jbang backups " + kind + " " + id + " --env " + store.settings.env);
    }

    /** The hold on the backup; its presence is what counts, whatever it says. */
    public Optional<Hold> hold(Store store) {
        if (objects.stream().noneMatch(item -> item.key().equals(key + HOLD))) return Optional.empty();
        return store.read(key + HOLD, 1 << 20).map(bytes -> {
            try {
                return Json.read(bytes, Hold.class, store.uri(key + HOLD));
            } catch (Failure.NotVerified e) {
                return null;
            }
        }).or(() -> Optional.of(new Hold("", "")));
    }

    /** Keeps the backup from being removed by any rule. Throws Failed when it was removed meanwhile. */
    public void hold(Store store, Hold hold) {
        store.put(key + HOLD, Json.bytes(hold));
        if (store.head(key + Manifest.NAME).isPresent()) return;
        store.delete(key + HOLD);
        throw new Failure.Failed("backup " + id + " was removed meanwhile, so it can't be held", "./jbang backups list");
    }

    /** Leaves the backup to the rules again. */
    public void release(Store store) { store.delete(key + HOLD); }

    /**
     * Removes a sealed backup: its seal first, so that what a kill in between leaves is not trusted, and a later run clears it.
     *
     * @return why it stays, whole; empty when it is gone
     */
    public Optional<String> remove(Store store) {
        if (store.head(key + HOLD).isPresent()) return Optional.of("held by now");
        return store.deleteUnlessRefused(key + Manifest.NAME) && discard(store) ? Optional.empty() : Optional.of("the store refuses to delete it: s3:DeleteObject is not granted, or it is locked for a time");
    }

    /** Removes the objects of a backup that is not sealed; false when it is, and stays. */
    public boolean discard(Store store) {
        var there = store.list(key);
        if (there.stream().anyMatch(item -> item.key().equals(key + Manifest.NAME))) return false;
        for (var item : there) store.delete(item.key());
        return true;
    }
}
