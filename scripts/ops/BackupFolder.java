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
import java.util.function.Consumer;
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
    /** Names of what may lie beside a backup and is no part of it. */
    static final String BESIDE = "(?:" + EVIDENCE + "|" + Manifest.NAME + ")" + Signature.ENDING + "|" + EVIDENCE + "|" + HOLD + "|" + SignOfLife.NAME;
    private static final int LARGEST_MANIFEST = 32 << 20;

    /**
     * Evidence beside a backup: what was proven after it was made, and when.
     *
     * @param at by the store's clock, like all that is compared with it: of two machines the one with a wrong clock would have the last word
     * @param server version of the PostgreSQL that it was restored into; null, like what follows, when it was not restored
     * @param tables and rows that were compared with the archive
     * @param notRestorable what that server can't have, each with the reason
     * @param notes what that server has or prints otherwise, and says nothing against the backup; null, as in older evidence, when there is nothing
     */
    public record Evidence(String proof, boolean passed, String at, double seconds, String kit, String problem, String server, Integer tables, Long rows,
            List<String> notRestorable, List<String> notes) {
        Evidence(String proof, boolean passed, String at, double seconds, String kit, String problem) { this(proof, passed, at, seconds, kit, problem, null, null, null, null, null); }

        /** The same as of the moment when the store took it, which its own clock was ahead of. */
        private Evidence datedAhead(Instant taken) {
            var all = new ArrayList<>(notes == null ? List.of() : notes);
            all.add("the proof is dated " + at + ", after the store took it, so a clock was wrong");
            return new Evidence(proof, passed, taken.toString(), seconds, kit, problem, server, tables, rows, notRestorable, all);
        }
    }

    /** Beside a backup that no rule may remove: why, and since when. */
    public record Hold(String reason, String at) {
        public Hold {
            reason = reason == null ? "" : Console.plain(reason).strip(); // anybody may have written it
            at = at == null ? "" : Console.plain(at);
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

    static String databaseKey(Store store, String env, String database) {
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
    public static List<BackupFolder> all(Store store, String env) { return among(store, objects(store, env), env); }

    /** The same, of objects that were listed already. */
    public static List<BackupFolder> among(Store store, List<Store.Item> items, String env) {
        var envKey = envKey(store, env);
        var folders = new LinkedHashMap<String, BackupFolder>();
        for (var item : items) {
            var path = item.key().startsWith(envKey) ? item.key().substring(envKey.length()).split("/") : new String[0];
            if (path.length != 3 || !ID.matcher(path[1]).matches()) continue;
            var key = envKey + path[0] + "/" + path[1] + "/";
            folders.computeIfAbsent(key, k -> new BackupFolder(k, path[1], new ArrayList<>())).objects.add(item);
        }
        return folders.values().stream().sorted(Comparator.comparing(BackupFolder::id).reversed()).map(folder -> folder.withItsSeal(store)).toList();
    }

    /** A store's listing may lack what it has: only asked by its key, a seal is known not to be there. */
    private BackupFolder withItsSeal(Store store) {
        if (sealed()) return this;
        store.head(key + Manifest.NAME).ifPresent(seal -> objects.add(new Store.Item(key + Manifest.NAME, seal.bytes(), seal.modified())));
        return this;
    }

    /** The sealed ones of an environment, newest first. */
    public static List<BackupFolder> sealed(Store store, String env) { return all(store, env).stream().filter(BackupFolder::sealed).toList(); }

    /**
     * One sealed backup: the one with this id or a unique beginning of it; the last one for "latest"; the last one whose
     * data are of that moment or earlier for a time like 2026-11-22T12:00, UTC, or a day.
     *
     * @param passedOver told of each newer one that does not count as the last, and why
     * @throws Failure.Failed when there is none
     */
    public static BackupFolder find(Store store, String env, String wanted, Consumer<String> passedOver) throws Exception {
        var by = time(wanted);
        if (by != null || wanted.equals("latest")) {
            var last = Latest.of(store, env, by);
            last.passedOver().forEach(passedOver);
            return last.backup().folder();
        }
        if (wanted.isBlank()) throw new Failure.Usage("an empty text is no backup's id", "give an id, a beginning of it, or latest: ./jbang backups list --env " + env);
        var sealed = sealed(store, env);
        var found = sealed.stream().filter(folder -> folder.id.startsWith(wanted)).toList();
        if (found.isEmpty())
            throw new Failure.Failed(sealed.isEmpty() ? "environment '" + env + "' has no backup in " + store.uri(envKey(store, env)) : "there is no backup '" + Console.plain(wanted) + "' of environment '" + env + "'",
                sealed.isEmpty() ? "make one: ./jbang backup-db --env " + env : "./jbang backups list --env " + env);
        // Anybody who may write to the bucket can put one of the same id beside it, in the folder of another database.
        var own = found.size() == 1 ? found : Latest.ofOwnDatabase(store, env, found);
        if (own.size() == 1) return own.get(0);
        if (found.stream().map(BackupFolder::id).distinct().count() == 1)
            throw new Failure.Usage("there are backups '" + Console.plain(wanted) + "' of " + found.size() + " databases", "name the environment's own: " + Latest.setting(env));
        throw new Failure.Usage("'" + Console.plain(wanted) + "' is the beginning of " + found.size() + " backups", "give more of the id: ./jbang backups list --env " + env);
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

    /** When the store took its seal, by its clock; the epoch when it has none. */
    Instant modified() { return seal().map(Store.Item::modified).orElse(Instant.EPOCH); }

    long bytesOfSeal() { return seal().map(Store.Item::bytes).orElse(0L); }

    private Optional<Store.Item> seal() { return objects.stream().filter(item -> item.key().equals(key + Manifest.NAME)).findFirst(); }

    /** How many verdicts lie beside it, whether they count or not. */
    public int verdicts() { return (int) objects.stream().filter(item -> EVIDENCE.matcher(item.key().substring(key.length())).matches()).count(); }

    /** When the run that made it began, by its machine's clock. */
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

    /** The manifest's signature as it is stored; empty when it has none. */
    Optional<byte[]> signature(Store store) { return store.read(key + Manifest.NAME + Signature.ENDING, Signature.BYTES); }

    Manifest manifest(Store store, byte[] bytes) {
        var manifest = Manifest.parse(bytes, store.uri(key + Manifest.NAME));
        if (!of(store, manifest.env(), manifest.database(), manifest.id()).key.equals(key))
            throw new Failure.NotVerified(store.uri(key + Manifest.NAME) + " holds the manifest of another backup, " + Console.plain(manifest.id() + " of database '" + manifest.database() + "', environment '" + manifest.env() + "'"),
                "take another backup: ./jbang backups list");
        Signature.checkManifest(store, key + Manifest.NAME, bytes);
        return manifest;
    }

    /**
     * Writes evidence beside the backup; one object for each time it was proven or failed to be.
     *
     * @throws Failure.Failed when the backup was removed meanwhile: nothing is written beside what is gone
     */
    public void prove(Store store, String kind, Evidence evidence) {
        if (isGone(store)) throw gone("nothing can be said of it any more");
        Signature.put(store, key + kind + "-" + Stamp.of(Instant.parse(evidence.at)) + ".json", Json.bytes(evidence));
    }

    /** The same, where what was found counts whether it can be kept or not; gives what keeps it from being kept. */
    public Optional<Failure> keep(Run run, Store store, String kind, Evidence evidence) {
        try {
            prove(store, kind, evidence);
            return Optional.empty();
        } catch (Failure e) {
            run.console.warn("what was found of backup " + id + " could not be kept beside it: " + e.getMessage());
            return Optional.of(e);
        }
    }

    /** Evidence, and the moment at which it counts among others. */
    private record Placed(Evidence evidence, Instant at) {
        /**
         * The clock of whoever wrote it may have been wrong, the store's is one for all: so nothing was found later than the
         * store took it, and what failed is overruled by what is known to be later only.
         */
        static Placed of(Evidence found, Instant taken) {
            var at = Instant.parse(found.at);
            var last = at.isAfter(taken) ? taken : at;
            return new Placed(at.isAfter(taken.plus(Sealed.CLOCKS_DIFFER)) ? found.datedAhead(taken) : found, found.passed ? last : taken);
        }
    }

    /** The evidence beside the backup, in the order in which it counts. What can't be read counts as an attempt that failed: it may have been one. */
    public List<Evidence> evidence(Store store) {
        return objects.stream().flatMap(item -> placed(store, item).stream())
            .sorted(Comparator.comparing(Placed::at)).map(Placed::evidence).toList();
    }

    private Optional<Placed> placed(Store store, Store.Item item) {
        var name = EVIDENCE.matcher(item.key().substring(key.length()));
        return name.matches() ? evidence(store, name).map(found -> Placed.of(found, item.modified())) : Optional.empty();
    }

    /** Empty for what is gone, and for what is not signed though it has to be: anybody could call a good backup broken, or a broken one good. */
    private Optional<Evidence> evidence(Store store, MatchResult name) {
        try {
            return store.read(key + name.group(), 1 << 20).filter(bytes -> Signature.isTrusted(store, key + name.group(), bytes)).map(bytes -> evidence(store, name, bytes));
        } catch (Failure.NotVerified e) {
            return Signature.isDemanded(store.settings) ? Optional.empty() : Optional.of(unreadable(store, name)); // larger than any
        } catch (Failure.OutOfReach e) {
            return Optional.of(unreadable(name, name.group() + " can't be read: " + e.brief));
        }
    }

    private Evidence evidence(Store store, MatchResult name, byte[] bytes) {
        try {
            var read = Json.read(bytes, Evidence.class, name.group());
            if (read != null && Stamp.isTime(read.at) && read.proof != null && Proof.GRADES.contains(read.proof) && (read.passed || read.problem != null)) return read;
        } catch (Failure.NotVerified e) {
            // said below
        }
        return unreadable(store, name);
    }

    private Evidence unreadable(Store store, MatchResult name) {
        return unreadable(name, name.group() + " can't be read; prove it again: ./jbang backups " + name.group(1) + " " + id + " --env " + store.settings.env);
    }

    private static Evidence unreadable(MatchResult name, String problem) {
        return new Evidence(name.group(1).equals("drill") ? "restored" : "readable", false, Stamp.parse(name.group(2)).toString(), 0, null, problem);
    }

    /** The hold on the backup; its presence is what counts, whatever it says. */
    public Optional<Hold> hold(Store store) {
        if (objects.stream().noneMatch(item -> item.key().equals(key + HOLD))) return Optional.empty();
        try {
            return store.read(key + HOLD, 1 << 20).map(bytes -> Json.read(bytes, Hold.class, store.uri(key + HOLD))).or(() -> Optional.of(new Hold("", "")));
        } catch (Failure.NotVerified | Failure.OutOfReach e) {
            return Optional.of(new Hold("", ""));
        }
    }

    /** Keeps the backup from being removed by any rule. Throws Failed when it was removed meanwhile. */
    public void hold(Store store, Hold hold) {
        store.put(key + HOLD, Json.bytes(hold));
        if (!isGone(store)) return;
        store.delete(key + HOLD);
        throw gone("it can't be held");
    }

    /** Whether it has no seal any more: somebody has removed it. */
    public boolean isGone(Store store) { return store.head(key + Manifest.NAME).isEmpty(); }

    /** The failure that it was removed while it was looked at. */
    public Failure gone(String so) { return new Failure.Failed("backup " + id + " was removed meanwhile, so " + so, "take another: ./jbang backups list"); }

    /** The failure of whoever was reading it: that it was removed meanwhile, where it was. */
    public Failure judged(Store store, Failure failure, String so) { return isGone(store) ? gone(so) : failure; }

    /** Leaves the backup to the rules again. */
    public void release(Store store) { store.delete(key + HOLD); }

    /**
     * Removes a sealed backup: its seal first, so that what a kill in between leaves is not trusted, and a later run clears it.
     *
     * @return why it stays, whole; empty when it is gone
     */
    public Optional<String> remove(Store store) {
        var seal = store.read(key + Manifest.NAME, LARGEST_MANIFEST);
        if (store.head(key + HOLD).isPresent()) return Optional.of("held by now");
        if (!store.deleteUnlessRefused(key + Manifest.NAME))
            return Optional.of("the store refuses to delete it: s3:DeleteObject is not granted, or it is locked for a time");
        if (seal.isPresent() && store.head(key + HOLD).isPresent()) {
            // Whoever held it just now still saw the seal, and was told that it is held.
            store.putNew(key + Manifest.NAME, seal.get());
            return Optional.of("held by now");
        }
        return empty(store) ? Optional.empty() : Optional.of("the store still has its manifest, though it was deleted");
    }

    /** The same folder, with what lies in it by now. */
    BackupFolder seenAnew(Store store) { return new BackupFolder(key, id, store.list(key)); }

    /** Removes the objects of a backup that is not sealed; false when it is, and stays. */
    public boolean discard(Store store) {
        return store.list(key).stream().noneMatch(item -> item.key().equals(key + Manifest.NAME)) && empty(store);
    }

    /** Whether there is a seal is asked by its key before each object goes: a listing may lack it, and a run may be writing it. */
    private boolean empty(Store store) {
        for (var item : store.list(key)) {
            if (store.head(key + Manifest.NAME).isPresent()) return false;
            store.delete(item.key());
        }
        return true;
    }
}
