///usr/bin/env true ; exec jbang "$0" "$@"
//DESCRIPTION List, show, verify, drill, copy, hold and prune the stored backups of an environment
//JAVA 17+
//RUNTIME_OPTIONS -XX:+UseSerialGC -Xms32m -Xmx512m -XX:Tier3InvocationThreshold=2000 -XX:Tier3MinInvocationThreshold=1000 -XX:Tier3CompileThreshold=20000 -XX:Tier4InvocationThreshold=50000 -XX:Tier4MinInvocationThreshold=50000
//SOURCES ops/Ops.java
//SOURCES backups/Drill.java
//SOURCES backups/OldDatabases.java
//SOURCES backups/Pruning.java
//SOURCES restore/Swap.java

import backups.Drill;
import backups.OldDatabases;
import backups.Pruning;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.regex.Matcher;
import ops.*;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** What backups there are, how far each is proven, copies of them elsewhere, and which may go.
 *
 *      jbang backups list --env staging
 *      jbang backups verify latest --env staging
 *      jbang backups copy latest --env staging --to offsite
 *
 *  Verifying needs pg_restore, and no database; a drill starts one of its own. */
@Command(name = "backups", mixinStandardHelpOptions = true, sortOptions = false, version = "handover " + Ops.VERSION,
    header = {
        "  backups list                           which environments the bucket has",
        "  backups list --env staging             newest first: age, size, proof",
        "  backups show latest --env staging      what is in it, and how to restore it by hand",
        "  backups verify latest --env staging    read every byte back, compare, parse to the end",
        "  backups verify --all --env staging",
        "  backups drill latest --env staging     restore it into a throwaway server, compare everything",
        "  backups copy latest --env staging --to offsite   into the bucket OFFSITE_BACKUP_BUCKET",
        "  backups hold ID --env staging          keep it whatever the rules say",
        "  backups prune --env staging --dry-run  what BACKUP_KEEP no longer keeps, and why", ""},
    description = "Only sealed backups count; what killed runs left is counted apart.%n",
    subcommands = {Backups.ListAll.class, Backups.Show.class, Backups.Verify.class, Backups.DrillOne.class, Backups.CopyTo.class, Backups.Prune.class, Backups.Hold.class, Backups.Release.class})
class Backups {
    public static void main(String... args) { Run.main(new Backups(), args); }

    /**
     * A sealed backup as it is listed. When its manifest can't be read, the problem says why, and what would be known from it is null.
     *
     * @param dataAsOf by the database's clock; when the store took the seal, where that can't be read or can't be right
     */
    record Entry(String id, String uri, String env, String database, String created, String dataAsOf, double ageHours, Long bytesRaw, Long bytesStored,
        Integer tables, Boolean partial, Boolean encrypted, Boolean safety, Proof proof, BackupFolder.Hold hold, String problem) { }

    private static final String ROW = "%-23s  %-12s  %9s  %-16s  %s";

    /** What every subcommand does: it looks into the bucket. */
    abstract static class OfBucket implements Callable<Integer> {
        @Mixin Run run;

        /** Null where none is named. */
        String env;
        Settings settings;
        Store store;

        abstract String name();

        abstract void go() throws Exception;

        @Override public Integer call() {
            return run.execute("backups-" + name(), () -> {
                settings = env == null ? run.settings() : run.settings(env);
                store = Store.open(settings);
                go();
            });
        }

        Entry entry(BackupFolder folder) {
            var read = Sealed.read(store, folder);
            var uri = store.uri(folder.key());
            var age = Math.round(Duration.between(read.time(), store.now()).toMinutes() / 6.0) / 10.0;
            var manifest = read.manifest();
            if (manifest == null)
                return new Entry(folder.id(), uri, env, null, null, read.time().toString(), age, null, null, null, null, null, null, null, read.hold(), read.problem());
            return new Entry(folder.id(), uri, env, manifest.database(), manifest.created(), read.time().toString(), age, manifest.bytesRaw(), manifest.bytesStored(),
                manifest.tables().size(), !manifest.selection().isWhole(), manifest.encrypted(), manifest.isSafety(), read.proof(), read.hold(), read.ahead(store.now()));
        }

        /** The backup that is asked for, by whatever name. */
        BackupFolder find(String wanted) throws Exception { return BackupFolder.find(store, env, wanted, run.console::warn); }

        /** Whatever went wrong while a backup was read: when it has just been removed, that is the reason, and nothing else is said of it. */
        Failure judged(BackupFolder folder, Failure failure) {
            if (!folder.isGone(store)) return failure;
            run.state("backup " + folder.id() + " is gone, and nothing was proven of it; all else is as it was");
            return folder.gone("nothing could be proven of it");
        }

        /** Has this run recorded in the history, where facts can be added to it. */
        History record() {
            var history = new History(run, CompletableFuture.completedFuture(store), env, "backups " + name());
            run.record(history);
            return history;
        }

        /** Prints backups as the listing has them, with the evidence that came to lie beside them meanwhile. */
        void report(List<BackupFolder> folders) throws Exception {
            var fresh = BackupFolder.all(store, env).stream().filter(now -> folders.stream().anyMatch(then -> then.key().equals(now.key()))).toList();
            run.console.result(Json.text(Steps.sideBySide(fresh, this::entry)));
        }
    }

    /** One environment's, which has to be named. */
    abstract static class OfEnvironment extends OfBucket {
        @Option(names = "--env", required = true, paramLabel = "NAME", description = "the environment")
        void environment(String name) { env = name; }
    }

    @Command(name = "list", mixinStandardHelpOptions = true, sortOptions = false,
        description = "All backups, newest first: age, size, proof. Without --env, which environments the bucket has.")
    static class ListAll extends OfBucket {
        private static final String KEPT = "%-20s  %7s  %s";

        /**
         * What the bucket has of an environment.
         *
         * @param newest id of the sealed backup that was begun last; null when there is none
         */
        private record Kept(String env, int backups, String newest) { }

        @Option(names = "--env", paramLabel = "NAME",
            description = "the environment; without it, which environments the bucket has")
        void environment(String name) { env = name; }

        @Override String name() { return "list"; }

        @Override void go() throws Exception {
            if (env == null) listEnvironments();
            else listBackups();
        }

        /** For whoever has the bucket and nothing else: on a new machine, say. */
        private void listEnvironments() throws Exception {
            var names = store.folders(store.prefix + "/").stream().filter(Settings::isName).sorted().toList();
            var kept = Steps.sideBySide(names, this::kept);
            if (run.json) run.console.result(Json.text(kept));
            else show(kept);
            for (var other : settings.environments(Setting.BACKUP_BUCKET))
                if (settings.environments().contains(other))
                    run.console.say("environment '" + other + "' has a bucket of its own in these settings: "
                        + "./jbang backups list --env " + other);
        }

        private Kept kept(String name) {
            var sealed = BackupFolder.sealed(store, name);
            return new Kept(name, sealed.size(), sealed.isEmpty() ? null : sealed.get(0).id());
        }

        private void show(List<Kept> kept) {
            if (kept.isEmpty()) {
                run.console.say("there is no environment in s3://" + store.bucket + "/" + store.prefix
                    + "/; BACKUP_PREFIX names the folder, BACKUP_BUCKET the bucket");
                return;
            }
            run.console.result(String.format(KEPT, "ENVIRONMENT", "BACKUPS", "NEWEST"));
            for (var each : kept)
                run.console.result(String.format(KEPT, each.env, each.backups,
                    each.newest == null ? "none" : each.newest));
        }

        private void listBackups() throws Exception {
            var folders = BackupFolder.all(store, env);
            var sealed = folders.stream().filter(BackupFolder::sealed).toList();
            var entries = Steps.sideBySide(sealed, this::entry).stream().sorted(Comparator.comparing(Entry::dataAsOf).thenComparing(Entry::id).reversed()).toList();
            if (run.json) run.console.result(Json.text(entries));
            else print(entries);
            var running = folders.stream().filter(folder -> !folder.sealed() && Leftovers.isRunning(store, folder)).count();
            var left = folders.size() - sealed.size() - running;
            if (running > 0) run.console.say(Amount.count(running, "unsealed upload") + " of runs that are at work, or were killed less than a day ago: not counted yet");
            if (left > 0) run.console.say(Amount.count(left, "unsealed leftover") + " of killed runs: not counted; a later backup or prune clears what is left");
        }

        private void print(List<Entry> entries) {
            if (entries.isEmpty()) {
                run.console.say("environment '" + env + "' has no backup in s3://" + store.bucket + "/" + store.prefix + "/" + env + "/; make one: ./jbang backup-db --env " + env);
                return;
            }
            run.console.result(String.format(ROW, "ID", "AGE", "SIZE", "DATABASE", "PROOF"));
            for (var entry : entries)
                run.console.result(Console.plain(String.format(ROW, entry.id, Amount.age(Instant.parse(entry.dataAsOf), store.now()), entry.bytesStored == null ? "?" : Amount.bytes(entry.bytesStored),
                    entry.database == null ? "?" : entry.database, entry.proof == null ? "CAN'T BE READ: " + entry.problem : words(entry))));
        }

        private String words(Entry entry) {
            return entry.proof.words(store.now()) + (entry.partial ? "; partial" : "") + (entry.safety ? "; made before a restore" : "") + (entry.encrypted ? "; encrypted" : "")
                + (entry.hold == null ? "" : "; " + entry.hold.words()) + (entry.problem == null ? "" : "; NOT TO BE TRUSTED: " + entry.problem);
        }
    }

    @Command(name = "show", mixinStandardHelpOptions = true, sortOptions = false, description = "What is in a backup, and how to restore it by hand.")
    static class Show extends OfEnvironment {
        @Parameters(paramLabel = "ID", defaultValue = "latest", description = "a backup's id, a unique beginning of it, or latest; default ${DEFAULT-VALUE}")
        String id;

        private record Shown(String uri, Manifest manifest, Proof proof, BackupFolder.Hold hold) { }

        @Override String name() { return "show"; }

        @Override void go() throws Exception {
            var folder = find(id);
            var manifest = folder.manifest(store);
            var hold = folder.hold(store);
            if (run.json) {
                run.console.result(Json.text(new Shown(store.uri(folder.key()), manifest, Proof.of(manifest, folder.evidence(store)), hold.orElse(null))));
                return;
            }
            print("backup", manifest.id() + " of " + manifest.database() + ", environment " + env);
            print("uri", store.uri(folder.key()));
            print("data as of", manifest.snapshotTime() + ", " + Amount.age(Instant.parse(manifest.snapshotTime()), store.now()));
            print("proof", Proof.of(manifest, folder.evidence(store)).words(store.now()));
            var unsigned = folder.verdicts() - folder.evidence(store).size();
            if (unsigned > 0) print("unsigned", Amount.count(unsigned, "verdict") + " of verify or drill, not counted, since not signed by a key in BACKUP_VERIFY_KEY");
            if (hold.isPresent()) print("held", "since " + hold.get().at() + (hold.get().reason().isEmpty() ? "" : ": " + hold.get().reason()));
            print("size", Amount.bytes(manifest.bytesRaw()) + ", stored as " + Amount.bytes(manifest.bytesStored()) + (manifest.encrypted() ? ", encrypted" : ""));
            print("server", "PostgreSQL " + manifest.server().version() + (manifest.server().supabase() ? " at Supabase" : "") + "; pg_dump " + manifest.pgDump());
            print("migration", manifest.schemaVersion().isEmpty() ? "none" : manifest.schemaVersion());
            print("tables", manifest.tables().size() + (manifest.counts().equals("exact") ? ", " + Amount.count(manifest.rows(), "row") : ", not counted")
                + (manifest.selection().isWhole() ? "" : "; PARTIAL: " + manifest.selection()));
            print("by hand", "");
            // A copy's manifest is the original's, which may be what is lost: fetch the one that is shown.
            manifest.howto().forEach(line -> run.console.result("  " + Console.plain(line.replaceFirst("s3://\\S+/", Matcher.quoteReplacement(store.uri(folder.key()))))));
        }

        private void print(String name, String value) { run.console.result(Console.plain(String.format("%-12s %s", name, value)).stripTrailing()); }
    }

    @Command(name = "verify", mixinStandardHelpOptions = true, sortOptions = false,
        description = "Read every byte back, compare SHA-256, decrypt, decompress, and let pg_restore parse it to the end. The evidence is kept beside the backup.")
    static class Verify extends OfEnvironment {
        static class Which {
            @Parameters(paramLabel = "ID", description = "a backup's id, a unique beginning of it, or latest (the default)")
            String id;

            @Option(names = "--all", description = "every backup of the environment, newest first; goes on after a broken one")
            boolean all;
        }

        @ArgGroup Which which = new Which();

        @Override String name() { return "verify"; }

        @Override void go() throws Exception {
            run.state("the backups are as they were; verifying changes none");
            Signature.warnWithoutKey(run, settings);
            record();
            var folders = which.all ? BackupFolder.sealed(store, env)
                : List.of(find(which.id == null ? "latest" : which.id));
            var steps = new Steps(run, false);
            var broken = new ArrayList<Failure.NotVerified>();
            var unread = new ArrayList<Failure>();
            var unkept = new ArrayList<Failure>();
            for (var folder : folders) {
                try {
                    steps.check("Read back " + folder.id(), () -> new ReadBack(run, settings, store).verify(folder)).ifPresent(unkept::add);
                } catch (Failure.NotVerified e) {
                    if (folder.isGone(store)) throw judged(folder, e);
                    run.console.warn("backup " + folder.id() + " is broken: " + e.getMessage());
                    broken.add(e);
                } catch (Failure.OutOfReach e) {
                    run.console.warn("nothing is known of backup " + folder.id() + ": " + e.getMessage());
                    unread.add(e);
                } catch (Failure e) {
                    throw judged(folder, e);
                }
            }
            if (run.json) report(folders);
            else run.console.result((folders.size() - broken.size() - unread.size()) + " of " + Amount.count(folders.size(), "backup") + " readable to the last byte");
            if (!broken.isEmpty()) throw broken.get(0);
            if (!unread.isEmpty()) throw unread.get(0);
            if (!unkept.isEmpty()) throw new Failure.StoreFailed("what was read is right, but the proof of " + unkept.size() + " of " + folders.size() + " could not be kept: " + unkept.get(0).getMessage(), unkept.get(0).hint);
        }
    }

    @Command(name = "drill", mixinStandardHelpOptions = true, sortOptions = false,
        description = "Restore it into a throwaway PostgreSQL on this machine, or into a new database at DRILL_DATABASE_URL, and compare tables, rows and definitions with the manifest and the archive. "
            + "Nothing stays but the evidence beside the backup; the environment's own server is not touched.")
    static class DrillOne extends OfEnvironment {
        @Parameters(paramLabel = "ID", defaultValue = "latest", description = "a backup's id, a unique beginning of it, or latest; default ${DEFAULT-VALUE}")
        String id;

        @Option(names = "--as", paramLabel = "ENV", description = "restore with the rights of a copy of the role in ENV_DATABASE_URL, so that it is proven for that environment; default: a superuser's")
        String as;

        @Override String name() { return "drill"; }

        @Override void go() throws Exception {
            run.state("the backup is as it was, and the environment too; a drill changes neither");
            Signature.warnWithoutKey(run, settings);
            record();
            var folder = find(id);
            try {
                var proven = new Drill(run, settings, store, folder, Optional.ofNullable(as).map(Settings::of)).prove();
                if (!run.json) run.console.result(proven);
            } catch (Failure e) {
                var failure = judged(folder, e);
                if (failure instanceof Failure.NotVerified && run.json) report(List.of(folder));
                throw failure;
            }
            if (run.json) report(List.of(folder));
        }
    }

    @Command(name = "copy", mixinStandardHelpOptions = true, sortOptions = false,
        description = "Copy a backup into another bucket, as it is stored: compared on the way and afterwards, sealed the same way. Needs no identity; one that is there already is left as it is.")
    static class CopyTo extends OfEnvironment {
        @Parameters(paramLabel = "ID", defaultValue = "latest", description = "a backup's id, a unique beginning of it, or latest; default ${DEFAULT-VALUE}")
        String id;

        @Option(names = "--to", required = true, paramLabel = "PLACE", description = "where to: offsite is the bucket OFFSITE_BACKUP_BUCKET, with OFFSITE_AWS_REGION and so on")
        String place;

        @Override String name() { return "copy"; }

        @Override void go() throws Exception {
            var history = record();
            var steps = new Steps(run, false);
            var copy = steps.check("Open " + place, () -> Copy.to(run, place, store));
            var folder = steps.check("Find the backup", () -> { var found = find(id); steps.found(store.uri(found.key())); return found; });
            var done = steps.change("Copy to " + place, "", () -> { var made = copy.make(folder); steps.found(made.words()); return made; });
            history.add("copy", done);
            run.console.result(run.json ? Json.text(done) : done.uri() + (done.wasThere() ? "  is there already, whole" : "  " + Amount.bytes(done.bytesStored()) + " in " + Amount.time(run.elapsed())));
        }
    }

    @Command(name = "prune", mixinStandardHelpOptions = true, sortOptions = false,
        description = "Remove the backups that BACKUP_KEEP no longer keeps, what killed runs left, and the databases that restores replaced BACKUP_OLD_DATABASE_DAYS ago. "
            + "Never the newest backup, a held one, one younger than BACKUP_MIN_AGE_DAYS, nor so many that fewer than BACKUP_MIN_KEEP would stay.")
    static class Prune extends OfEnvironment {
        @Option(names = "--dry-run", description = "say what would be removed and why, change nothing")
        boolean dryRun;

        private record Result(String env, boolean dryRun, List<Pruning.Backup> backups, int leftovers, List<OldDatabases.Old> oldDatabases) { }

        @Override String name() { return "prune"; }

        @Override void go() throws Exception {
            var retention = Retention.of(settings);
            var days = settings.number(Setting.BACKUP_OLD_DATABASE_DAYS);
            var history = dryRun ? null : record();
            var steps = new Steps(run, dryRun);
            var pruning = steps.check("Look at the backups", () -> new Pruning(run, settings, store, env, retention, null));
            var leftovers = steps.check("Look for what killed runs left", () -> Leftovers.of(store, env));
            var olds = olds(steps, days);
            if (olds.isPresent() && !olds.get().going().isEmpty()) Guard.check(settings, DatabaseTarget.of(run, settings, store));
            if (!retention.isSet()) run.console.warn("BACKUP_KEEP is not set, so every backup stays; a rule would be BACKUP_KEEP=last=7,daily=14,weekly=8,monthly=12");
            run.state("what was removed is named above; a backup that lost its seal does not count any more, and the next prune clears the rest of it");
            steps.change("Remove backups", words(pruning.going()), () -> { pruning.remove(); steps.found(words(pruning.going())); return true; });
            var cleared = steps.change("Clear what killed runs left", Amount.count(leftovers.count(), "unsealed upload"), () -> clear(steps, leftovers));
            if (olds.isPresent()) steps.change("Drop databases that restores replaced", words(olds.get().going()), () -> drop(steps, olds.get()));
            var result = new Result(env, dryRun, pruning.backups(), dryRun ? leftovers.count() : cleared, olds.map(OldDatabases::olds).orElse(List.of()));
            if (history != null) history.add("removed", pruning.going());
            if (run.json) run.console.result(Json.text(result));
            else print(result);
        }

        /** Empty when the server can't be asked from here: the bucket is pruned all the same. */
        private Optional<OldDatabases> olds(Steps steps, int days) throws Exception {
            if (settings.get(Setting.DATABASE_URL).isEmpty()) return Optional.empty();
            try {
                return Optional.of(steps.check("Look for databases that restores replaced", () -> new OldDatabases(run, settings, days)));
            } catch (Failure e) {
                run.console.warn("databases that restores replaced stay: " + e.getMessage());
                return Optional.empty();
            }
        }

        private int clear(Steps steps, Leftovers leftovers) {
            var cleared = leftovers.clear(run, store);
            steps.found(Amount.count(cleared, "unsealed upload"));
            return cleared;
        }

        private boolean drop(Steps steps, OldDatabases olds) throws InterruptedException {
            olds.drop();
            steps.found(words(olds.going()));
            return true;
        }

        private static String words(List<String> names) { return names.isEmpty() ? "none" : String.join(", ", names); }

        private void print(Result result) {
            var goes = dryRun ? "would be removed: " : "removed: ";
            if (!result.backups.isEmpty()) run.console.result(String.format(ROW, "ID", "AGE", "SIZE", "DATABASE", "WHAT"));
            for (var backup : result.backups)
                run.console.result(String.format(ROW, backup.id(), Amount.age(Instant.parse(backup.dataAsOf()), store.now()), Amount.bytes(backup.bytesStored()), backup.database(),
                    (backup.stays() ? "stays: " : goes) + backup.why()));
            for (var old : result.oldDatabases) run.console.result("database " + old.name() + "  " + (old.stays() ? "stays: " : goes) + old.why());
        }
    }

    @Command(name = "hold", mixinStandardHelpOptions = true, sortOptions = false, description = "Keep a backup whatever the rules say, until it is released.")
    static class Hold extends OfEnvironment {
        @Parameters(paramLabel = "ID", description = "a backup's id, a unique beginning of it, or latest")
        String id;

        @Option(names = "--reason", paramLabel = "TEXT", defaultValue = "", description = "why; stands in the listing")
        String reason;

        @Override String name() { return "hold"; }

        @Override void go() throws Exception {
            record();
            var folder = find(id);
            var hold = new BackupFolder.Hold(reason, run.started.toString());
            folder.hold(store, hold);
            run.console.result(run.json ? Json.text(new Held(folder.id(), hold)) : "backup " + folder.id() + " is " + hold.words());
        }
    }

    @Command(name = "release", mixinStandardHelpOptions = true, sortOptions = false, description = "Leave a held backup to the rules again.")
    static class Release extends OfEnvironment {
        @Parameters(paramLabel = "ID", description = "a backup's id, a unique beginning of it, or latest")
        String id;

        @Override String name() { return "release"; }

        @Override void go() throws Exception {
            record();
            var folder = find(id);
            var held = folder.hold(store).isPresent();
            folder.release(store);
            run.console.result(run.json ? Json.text(new Held(folder.id(), null)) : "backup " + folder.id() + (held ? " is held no more" : " was not held"));
        }
    }

    private record Held(String id, BackupFolder.Hold hold) { }
}
