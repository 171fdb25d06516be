///usr/bin/env true ; exec jbang "$0" "$@"
//DESCRIPTION List, show, verify and copy the stored backups of an environment
//JAVA 17+
//RUNTIME_OPTIONS -XX:+UseSerialGC -Xms32m -Xmx512m
//SOURCES ops/Ops.java

import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.regex.Matcher;
import ops.*;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** What backups there are, how far each is proven, and copies of them elsewhere.
 *
 *      jbang backups list --env staging
 *      jbang backups verify latest --env staging
 *      jbang backups copy latest --env staging --to offsite
 *
 *  Verifying needs pg_restore, and no database. */
@Command(name = "backups", mixinStandardHelpOptions = true, sortOptions = false, version = "handover " + Ops.VERSION,
    header = {
        "  backups list --env staging             newest first: age, size, proof",
        "  backups show latest --env staging      what is in it, and how to restore it by hand",
        "  backups verify latest --env staging    read every byte back, compare, parse to the end",
        "  backups verify --all --env staging",
        "  backups copy latest --env staging --to offsite   into the bucket OFFSITE_BACKUP_BUCKET", ""},
    description = "Only sealed backups count; what killed runs left is counted apart.%n",
    subcommands = {Backups.ListAll.class, Backups.Show.class, Backups.Verify.class, Backups.CopyTo.class})
class Backups {
    public static void main(String... args) { Run.main(new Backups(), args); }

    /** A sealed backup as it is listed; manifest and proof are null when the manifest can't be read, as the problem says. */
    record Entry(String id, String uri, String env, String database, String created, double ageHours, long bytesRaw, long bytesStored,
        int tables, boolean partial, boolean encrypted, boolean safety, Proof proof) { }

    /** What every subcommand is about. */
    abstract static class OfEnvironment implements Callable<Integer> {
        @Option(names = "--env", required = true, paramLabel = "NAME", description = "the environment")
        String env;

        @Mixin Run run;

        Settings settings;
        Store store;

        abstract String name();

        abstract void go() throws Exception;

        @Override public Integer call() {
            return run.execute("backups-" + name(), () -> {
                settings = run.settings(env);
                store = Store.open(settings);
                go();
            });
        }

        Entry entry(BackupFolder folder, Manifest manifest) {
            return new Entry(folder.id(), store.uri(folder.key()), env, manifest.database(), manifest.created(),
                Math.round(Duration.between(folder.began(), run.started).toMinutes() / 6.0) / 10.0, manifest.bytesRaw(), manifest.bytesStored(),
                manifest.tables().size(), !manifest.selection().isWhole(), manifest.encrypted(), manifest.isSafety(), Proof.of(manifest, folder.evidence(store)));
        }
    }

    @Command(name = "list", mixinStandardHelpOptions = true, sortOptions = false, description = "All backups, newest first: age, size, proof.")
    static class ListAll extends OfEnvironment {
        @Override String name() { return "list"; }

        @Override void go() throws Exception {
            var folders = BackupFolder.all(store, env);
            var sealed = folders.stream().filter(BackupFolder::sealed).toList();
            var entries = Steps.sideBySide(sealed, folder -> entry(folder, folder.manifest(store)));
            if (run.json) run.console.result(Json.text(entries));
            else print(entries);
            if (sealed.size() < folders.size())
                run.console.say(folders.size() - sealed.size() + " unsealed leftovers of killed runs don't count; a later backup clears them");
        }

        private void print(List<Entry> entries) {
            if (entries.isEmpty()) {
                run.console.say("environment '" + env + "' has no backup in s3://" + store.bucket + "/" + store.prefix + "/" + env + "/; make one: ./jbang backup-db --env " + env);
                return;
            }
            var row = "%-23s  %-12s  %9s  %-16s  %s";
            run.console.result(String.format(row, "ID", "AGE", "SIZE", "DATABASE", "PROOF"));
            for (var entry : entries)
                run.console.result(String.format(row, entry.id, Amount.age(Instant.parse(entry.created), run.started), Amount.bytes(entry.bytesStored), entry.database,
                    entry.proof.words(run.started) + (entry.partial ? "; partial" : "") + (entry.safety ? "; made before a restore" : "") + (entry.encrypted ? "; encrypted" : "")));
        }
    }

    @Command(name = "show", mixinStandardHelpOptions = true, sortOptions = false, description = "What is in a backup, and how to restore it by hand.")
    static class Show extends OfEnvironment {
        @Parameters(paramLabel = "ID", defaultValue = "latest", description = "a backup's id, a unique beginning of it, or latest; default ${DEFAULT-VALUE}")
        String id;

        @Override String name() { return "show"; }

        @Override void go() {
            var folder = BackupFolder.find(store, env, id);
            var manifest = folder.manifest(store);
            if (run.json) {
                run.console.result(Json.text(Map.of("uri", store.uri(folder.key()), "manifest", manifest, "proof", Proof.of(manifest, folder.evidence(store)))));
                return;
            }
            print("backup", manifest.id() + " of " + manifest.database() + ", environment " + env);
            print("uri", store.uri(folder.key()));
            print("data as of", manifest.snapshotTime() + ", " + Amount.age(Instant.parse(manifest.snapshotTime()), run.started));
            print("proof", Proof.of(manifest, folder.evidence(store)).words(run.started));
            print("size", Amount.bytes(manifest.bytesRaw()) + ", stored as " + Amount.bytes(manifest.bytesStored()) + (manifest.encrypted() ? ", encrypted" : ""));
            print("server", "PostgreSQL " + manifest.server().version() + (manifest.server().supabase() ? " at Supabase" : "") + "; pg_dump " + manifest.pgDump());
            print("migration", manifest.schemaVersion().isEmpty() ? "none" : manifest.schemaVersion());
            print("tables", manifest.tables().size() + (manifest.counts().equals("exact") ? String.format(Locale.ROOT, ", %,d rows", manifest.rows()) : ", not counted")
                + (manifest.selection().isWhole() ? "" : "; PARTIAL: " + manifest.selection()));
            print("by hand", "");
            // A copy's manifest is the original's, which may be what is lost: fetch the one that is shown.
            manifest.howto().forEach(line -> run.console.result("  " + line.replaceFirst("s3://\\S+/", Matcher.quoteReplacement(store.uri(folder.key())))));
        }

        private void print(String name, String value) { run.console.result(String.format("%-12s %s", name, value).stripTrailing()); }
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
            run.record(new History(run, java.util.concurrent.CompletableFuture.completedFuture(store), env, "backups verify"));
            var folders = which.all ? BackupFolder.sealed(store, env)
                : List.of(BackupFolder.find(store, env, which.id == null ? "latest" : which.id));
            var steps = new Steps(run, false);
            var broken = new ArrayList<Failure.NotVerified>();
            for (var folder : folders) {
                try {
                    steps.check("Read back " + folder.id(), () -> { new ReadBack(run, settings, store).verify(folder); return true; });
                } catch (Failure.NotVerified e) {
                    run.console.warn("backup " + folder.id() + " is broken: " + e.getMessage());
                    broken.add(e);
                }
            }
            if (run.json) report(folders);
            else run.console.result((folders.size() - broken.size()) + " of " + folders.size() + " backups are readable to the last byte");
            if (!broken.isEmpty()) throw broken.get(0);
        }

        private void report(List<BackupFolder> folders) throws Exception {
            var fresh = BackupFolder.all(store, env).stream().filter(now -> folders.stream().anyMatch(then -> then.key().equals(now.key()))).toList();
            run.console.result(Json.text(Steps.sideBySide(fresh, folder -> entry(folder, folder.manifest(store)))));
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
            var history = new History(run, java.util.concurrent.CompletableFuture.completedFuture(store), env, "backups copy");
            run.record(history);
            var steps = new Steps(run, false);
            var copy = steps.check("Open " + place, () -> Copy.to(run, place, store));
            var folder = steps.check("Find the backup", () -> { var found = BackupFolder.find(store, env, id); steps.found(store.uri(found.key())); return found; });
            var done = steps.change("Copy to " + place, "", () -> { var made = copy.make(folder); steps.found(made.words()); return made; });
            history.add("copy", done);
            run.console.result(run.json ? Json.text(done) : done.uri() + (done.wasThere() ? "  is there already, whole" : "  " + Amount.bytes(done.bytesStored()) + " in " + Amount.time(run.elapsed())));
        }
    }
}
