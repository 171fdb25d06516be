package ops;

import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * The last backup: the newest whole one of the environment's own database that is not known to be broken. Everything that
 * says "latest" or shows the age of a backup means this one. New is what the database's clock says of the snapshot, held
 * against the store's clock; an id is a name.
 *
 * @param passedOver newer ones that do not count, each with the reason
 */
public record Latest(Sealed backup, List<String> passedOver) {
    /** So many manifests are read at once, when the newest alone does not settle it. */
    private static final int AT_A_TIME = 4;

    /**
     * Reads as few manifests as it takes: none can be of a later moment than the store took it.
     *
     * @param by only what is of that moment or earlier counts; null for the last of all
     * @throws Failure.Failed when there is none
     * @throws Failure.NotVerified when a newer one can't be read, or all are broken: which is the last can't be said then
     */
    public static Latest of(Store store, String env, Instant by) throws Exception { return of(store, env, BackupFolder.sealed(store, env), by); }

    /** The same, among folders that were listed already. */
    public static Latest of(Store store, String env, List<BackupFolder> sealed, Instant by) throws Exception {
        var folders = ofTheDatabase(store, env, sealed).stream().sorted(Comparator.comparing(BackupFolder::modified).reversed()).toList();
        var read = new ArrayList<Sealed>();
        for (var next = 0; next < folders.size(); ) {
            var best = best(read, store.now(), by);
            if (best.isPresent() && !folders.get(next).modified().isAfter(best.get().time())) break;
            var end = Math.min(folders.size(), next == 0 ? 1 : next + AT_A_TIME);
            read.addAll(Steps.sideBySide(folders.subList(next, end), folder -> Sealed.read(store, folder)));
            next = end;
        }
        return among(read, store, env, by);
    }

    private static Latest among(List<Sealed> read, Store store, String env, Instant by) {
        var now = store.now();
        var list = "./jbang backups list --env " + env;
        var found = best(read, now, by);
        var newer = read.stream().filter(one -> found.isEmpty() || one.time().isAfter(found.get().time()))
            .sorted(Comparator.comparing(Sealed::time).reversed()).toList();
        for (var one : newer) {
            // Nobody knows what is in it: to take an older one instead would be a guess.
            if (one.problem() == null || by != null && one.folder().began().isAfter(by)) continue;
            throw new Failure.NotVerified("which backup is the last one can't be said: " + one.problem(),
                "look at it; " + found.map(best -> "the one before is " + best.words(now) + ": give its id if it is the one you want").orElse(list));
        }
        var passedOver = newer.stream().filter(one -> one.isWhole() && (by == null || !one.time().isAfter(by))).map(one -> why(one, now)).toList();
        if (found.isPresent()) return new Latest(found.get(), passedOver);
        if (!passedOver.isEmpty())
            throw new Failure.NotVerified("environment '" + env + "' has no backup that counts: " + String.join("; ", passedOver), "take another: " + list + "; and make a new one now");
        throw none(store, env, by, read.isEmpty() ? "" : ": what is there is of a part of the database, was made before a restore, or is newer");
    }

    private static Failure none(Store store, String env, Instant by, String why) {
        return new Failure.Failed("environment '" + env + "' has no backup " + (by == null ? "" : "of " + by + " or earlier ") + "in " + store.uri(BackupFolder.envKey(store, env)) + why,
            by == null ? "make one: ./jbang backup-db --env " + env : "./jbang backups list --env " + env);
    }

    private static Optional<Sealed> best(List<Sealed> read, Instant now, Instant by) {
        return read.stream().filter(Sealed::isWhole).filter(one -> !one.proof().broken() && one.ahead(now) == null)
            .filter(one -> by == null || !one.time().isAfter(by)).max(Comparator.comparing(Sealed::time));
    }

    private static String why(Sealed one, Instant now) {
        return "backup " + one.words(now) + ", does not count: "
            + (one.ahead(now) != null ? one.ahead(now) + ", so a clock was wrong" : "it is known to be broken: " + Console.plain(one.proof().problem()));
    }

    /** The sealed backups of the database that the settings name; where they name none, of the only one that has any. */
    private static List<BackupFolder> ofTheDatabase(Store store, String env, List<BackupFolder> sealed) {
        var databases = sealed.stream().map(folder -> name(store, env, folder)).distinct().sorted().toList();
        var list = "./jbang backups list --env " + env;
        if (databases.isEmpty()) throw none(store, env, null, "");
        if (store.settings.get(Setting.DATABASE_URL).isEmpty()) {
            if (databases.size() > 1)
                throw new Failure.Refused("environment '" + env + "' has backups of " + databases.size() + " databases: " + String.join(", ", databases),
                    "give the id of the one you want: " + list + "; or name the environment's own: " + setting(env));
            return sealed;
        }
        var found = ofOwnDatabase(store, env, sealed);
        if (found.isEmpty())
            throw new Failure.Failed("environment '" + env + "' has no backup of its database '" + DatabaseUrl.of(store.settings).database + "', but of " + String.join(", ", databases),
                "make one: ./jbang backup-db --env " + env + "; or, if one of those is meant, give its id: " + list);
        return found;
    }

    /** Those of the database that the settings name; all where they name none. */
    static List<BackupFolder> ofOwnDatabase(Store store, String env, List<BackupFolder> folders) {
        if (store.settings.get(Setting.DATABASE_URL).isEmpty()) return folders;
        var own = BackupFolder.databaseKey(store, env, DatabaseUrl.of(store.settings).database);
        return folders.stream().filter(folder -> folder.key().startsWith(own)).toList();
    }

    /** The setting that names an environment's own database. */
    static String setting(String env) { return env.toUpperCase(Locale.ROOT).replace('-', '_') + "_DATABASE_URL"; }

    /** The database's name, as its folder has it. */
    private static String name(Store store, String env, BackupFolder folder) {
        var name = folder.key().substring(BackupFolder.envKey(store, env).length()).replaceFirst("/.*", "");
        try {
            return Console.plain(URLDecoder.decode(name.replace('=', '%'), StandardCharsets.UTF_8));
        } catch (IllegalArgumentException e) {
            return Console.plain(name); // somebody else's folder
        }
    }
}
