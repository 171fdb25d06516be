///usr/bin/env true ; exec jbang "$0" "$@"
//DESCRIPTION Back up an environment's database to S3: sealed and verified, or not there at all
//JAVA 17+
//RUNTIME_OPTIONS -XX:+UseSerialGC -Xms48m -Xmn24m -Xmx512m -XX:Tier3InvocationThreshold=2000 -XX:Tier3MinInvocationThreshold=1000 -XX:Tier3CompileThreshold=20000 -XX:Tier4InvocationThreshold=50000 -XX:Tier4MinInvocationThreshold=50000
//SOURCES ops/Ops.java
//SOURCES backups/Pruning.java

import backups.Pruning;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.concurrent.Future;
import ops.*;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Back up an environment's database.
 *
 *      jbang backup-db --env staging
 *
 *  Needs pg_dump, of the server's major version or newer. */
@Command(name = "backup-db", mixinStandardHelpOptions = true, sortOptions = false, version = "handover " + Ops.VERSION,
    header = {
        "  backup-db --env staging                      back staging's database up",
        "  backup-db --env staging --dry-run            say what would be done, change nothing",
        "  backup-db --env production --verify readable read every byte back afterwards", ""},
    description = "Streams pg_dump through zstd into the bucket. A backup counts only when its manifest, the seal, is there; it is written last.%n")
class BackupDb implements Callable<Integer> {
    enum Counts { exact, none }
    enum Verify { stored, readable }

    @Option(names = "--env", required = true, paramLabel = "NAME", description = "the environment, as in NAME_DATABASE_URL")
    String env;

    @Option(names = "--dry-run", description = "check everything, list what would be done, change nothing")
    boolean dryRun;

    @Option(names = "--schema", paramLabel = "NAME", description = "only this schema (repeatable); leaves extensions out")
    List<String> schemas = List.of();

    @Option(names = "--exclude-schema", paramLabel = "NAME", description = "without this schema (repeatable)")
    List<String> excludeSchemas = List.of();

    @Option(names = "--exclude-table-data", paramLabel = "SCHEMA.TABLE", description = "without this table's rows (repeatable)")
    List<String> excludeTableData = List.of();

    @Option(names = "--compress", paramLabel = "zstd:LEVEL", defaultValue = "zstd:3", description = "zstd:1 (fast) to zstd:19 (small); default ${DEFAULT-VALUE}")
    String compress;

    @Option(names = "--counts", defaultValue = "exact", description = "count every table's rows in what is stored: ${COMPLETION-CANDIDATES}; default ${DEFAULT-VALUE}")
    Counts counts;

    @Option(names = "--verify", defaultValue = "stored", description = "stored: compare sizes and checksums with the store's; readable: read everything back too; default ${DEFAULT-VALUE}")
    Verify verify;

    @Option(names = "--recipient", paramLabel = "AGE-KEY", description = "encrypt to this age public key, age1… (repeatable)")
    List<String> recipients = List.of();

    @Option(names = "--wait", paramLabel = "SECONDS", description = "how long to wait for another run's lock; default: not at all")
    int wait;

    @Mixin Run run;

    private Settings settings;
    private DatabaseUrl url;
    private Selection selection;
    private Dump.Form form;
    private volatile Unsealed unsealed;

    private boolean locked;
    /** The restore's, within the run of one; null in a dry run. */
    private Lock lock;
    private Manifest made;
    private volatile Database session;

    public static void main(String... args) { Run.main(new BackupDb(), args); }

    /** A whole backup within the run of a restore, which holds the environment's lock already; its id. */
    static String ofLocked(Run run, String env, Lock lock, boolean dryRun, boolean readBack) throws Exception {
        var backup = new BackupDb();
        picocli.CommandLine.populateCommand(backup, "--env", env, "--verify", readBack ? "readable" : "stored");
        backup.run = run;
        backup.dryRun = dryRun;
        backup.locked = true;
        backup.lock = lock;
        try {
            backup.backUp();
        } finally {
            if (backup.session != null) backup.session.close(); // its locks would keep the restore from dropping anything
        }
        return backup.made == null ? null : backup.made.id();
    }

    @Override public Integer call() { return run.execute("backup-db", dryRun, this::backUp); }

    private record Result(String id, String uri, String env, String database, double seconds, long bytesRaw, long bytesStored,
        List<Manifest.Part> parts, int tables, String counts, String proof, int retries, Copied copy) { }

    /** What came of the copy in another place: where it is, or what went wrong and the command that makes it later. */
    private record Copied(String to, String uri, String problem, String later) { }

    private void backUp() throws Exception {
        var steps = new Steps(run, dryRun);
        steps.check("Read the settings", () -> readSettings(steps));

        // The store's client, the session and git each take a while: side by side.
        var opening = steps.start(() -> Store.open(settings));
        var reaching = steps.start(() -> { Steps.await(opening).reach(); return true; });
        var looking = steps.start(() -> dryRun ? null : Conformance.of(run, Steps.await(opening), env));
        var connecting = steps.start(() -> connect());
        var kit = steps.start(() -> new Manifest.Kit(Ops.VERSION, Ops.commit(run)));
        var history = new History(run, opening, env, "backup-db");
        if (!dryRun && !locked) run.record(history);

        if (!locked) steps.change("Take the lock", "so that no restore or deploy runs meanwhile", () -> { lock = Lock.forBackup(run, url, settings, Duration.ofSeconds(wait)); return true; });
        var database = Steps.await(connecting);
        var facts = steps.check("Look at the database", () -> look(steps, database));
        var databaseAhead = Clocks.ofDatabase(database);
        var dump = steps.check("Find pg_dump", () -> find(steps, database, facts));
        var snapshot = steps.check("Hold a snapshot", () -> hold(steps, database));
        var listed = steps.check("List the tables", () -> list(steps, dump, snapshot));
        var rights = snapshot.rights(dump.selection, facts.supabase());
        var outside = dump.selection.schemas().isEmpty() && dump.selection.excludeSchemas().isEmpty() && dump.platform().isEmpty() ? List.<Outside.Made>of()
            : steps.check("Look at what depends on it", () -> outside(steps, database, dump, snapshot));

        // pg_dump begins while the bucket is still being reached, and waits on its pipe when that takes longer.
        var id = BackupFolder.newId(run.started);
        var storing = dryRun ? null : steps.start(() -> { Steps.await(looking); return upload(steps, Steps.await(opening), id, dump, snapshot, listed, outside); });
        var store = steps.check("Reach the bucket", () -> { Steps.await(reaching); return reached(steps, Steps.await(opening), Steps.await(looking)); });
        steps.check("Compare the clocks", () -> { Clocks.refuse(run, store, databaseAhead); return true; });
        var before = locked ? null : steps.start(() -> Sudden.last(store, env));
        var folder = BackupFolder.of(store, env, url.database, id);

        var stored = steps.change("Dump and upload", Amount.bytes(facts.bytes()) + " on the server's disk, to " + store.uri(folder.key()),
            () -> finish(steps, store, dump, facts, storing));
        steps.change("Count the rows", counts == Counts.none ? "no, as --counts none says" : "of all tables, in what is stored", () -> count(steps, stored));
        steps.change("Compare with the store", "sizes and checksums", () -> { steps.found(Seal.compare(store, folder, stored.objects())); return true; });
        var last = before == null ? null : Steps.await(before);
        var manifest = steps.change("Seal", "write the manifest, last and once",
            () -> seal(store, folder, manifest(folder, facts, dump, snapshot, stored, rights, Steps.await(kit), Seal.byHand(store, folder, stored, form, facts.major(), dump.pgDump.major()))));
        if (last != null && manifest != null) Sudden.warn(run, manifest, last);
        if (verify == Verify.readable) steps.change("Read it back", "every byte, and let pg_restore parse it", () -> readBack(store, id));
        steps.change("Clear what killed runs left", "of which nothing was seen for a day", () -> clear(steps, store));
        if (!locked && settings.get(Setting.BACKUP_KEEP).isPresent())
            steps.change("Prune", "what BACKUP_KEEP=" + settings.require(Setting.BACKUP_KEEP) + " no longer keeps", () -> prune(steps, store, id));
        made = manifest;
        if (locked) return;
        if (!dryRun) {
            history.add("backup", store.uri(folder.key()));
            history.add("bytes_raw", manifest.bytesRaw());
            history.add("bytes_stored", manifest.bytesStored());
        }
        var place = settings.get(Setting.BACKUP_COPY_TO);
        var copied = place.isEmpty() ? null : copy(steps, store, place.get(), id);
        if (dryRun) return;
        if (copied != null) history.add("copy", copied);
        report(store, folder, manifest, copied);
    }

    private boolean readSettings(Steps steps) {
        settings = locked ? Settings.of(env) : run.settings(env);
        run.state("nothing was stored, and nothing in the database was changed");
        url = DatabaseUrl.of(settings);
        settings.require(Setting.BACKUP_BUCKET);
        if (!schemas.isEmpty() && !excludeSchemas.isEmpty())
            throw new Failure.Usage("--schema and --exclude-schema exclude each other", "name the schemas to keep, or those to leave out");
        for (var table : excludeTableData)
            if (!table.contains(".")) throw new Failure.Usage("--exclude-table-data wants SCHEMA.TABLE, not '" + table + "'", "for example --exclude-table-data public." + table);
        selection = new Selection(schemas, excludeSchemas, excludeTableData);
        if (!compress.matches("zstd:([1-9]|1[0-9])")) throw new Failure.Usage("--compress wants zstd:1 to zstd:19, not '" + compress + "'", "leave it out for zstd:3");
        form = new Dump.Form(Integer.parseInt(compress.substring(5)), recipients.isEmpty() ? settings.list(Setting.BACKUP_RECIPIENTS) : recipients);
        Packing.check(form.recipients());
        Signature.checkKeys(settings);
        if (verify == Verify.readable && Store.isArchive(settings.require(Setting.BACKUP_STORAGE_CLASS)))
            throw new Failure.BadSetting("what lies in storage class " + settings.require(Setting.BACKUP_STORAGE_CLASS) + " can't be read back", settings.where(Setting.BACKUP_STORAGE_CLASS) + "; STANDARD_IA or GLACIER_IR can be read at once");
        if (verify == Verify.readable && !form.recipients().isEmpty() && settings.get(Setting.BACKUP_IDENTITY_FILE).isEmpty())
            throw new Failure.BadSetting("--verify readable has to decrypt, and BACKUP_IDENTITY_FILE is not set",
                "leave --verify out, and verify where the identity is: ./jbang backups verify latest --env " + env);
        steps.found(env + ", " + url);
        return true;
    }

    private Database connect() {
        session = Database.connect(url, settings, "handover backup-db " + env);
        run.undo.add("close the session", session::close);
        return session;
    }

    private Store reached(Steps steps, Store store, Conformance.Looked looked) {
        steps.found(store.uri("") + (looked == null || !looked.now() ? "" : ", looked at before its first backup in " + looked.evidence().seconds() + " s"));
        if (looked != null) looked.evidence().missing().forEach(run.console::warn);
        if (store.isArchived()) run.console.warn("what lies in storage class " + settings.require(Setting.BACKUP_STORAGE_CLASS)
            + " can't be restored, verified or drilled before it was asked for, hours ahead: BACKUP_STORAGE_CLASS=STANDARD_IA or GLACIER_IR can be read at once");
        return store;
    }

    private Database.Facts look(Steps steps, Database database) {
        var facts = database.facts();
        steps.found("PostgreSQL " + facts.version() + (facts.supabase() ? " at Supabase" : "") + ", " + Amount.bytes(facts.bytes()));
        return facts;
    }

    private Dump find(Steps steps, Database database, Database.Facts facts) throws InterruptedException {
        selection = selection.in(database);
        var dump = new Dump(run, settings, database, facts, selection);
        steps.found(dump.pgDump.version());
        return dump;
    }

    private Snapshot hold(Steps steps, Database database) {
        var snapshot = Snapshot.open(database);
        steps.found("as of " + snapshot.time);
        return snapshot;
    }

    private Snapshot.Listed list(Steps steps, Dump dump, Snapshot snapshot) {
        var listed = snapshot.tables(dump.selection);
        if (!listed.lost().isEmpty()) run.console.warn("a standby has no rows of unlogged tables, so they are not in this backup: " + Snapshot.names(listed.lost()));
        steps.found(listed.tables().size() + ", all readable");
        return listed;
    }

    /** A backup of schemas is good without it, whatever keeps the role from looking. */
    private List<Outside.Made> outside(Steps steps, Database database, Dump dump, Snapshot snapshot) throws Exception {
        try {
            var outside = Outside.ofBackup(run, settings, database, dump.selection, dump.platform(), snapshot);
            if (!outside.lost().isEmpty()) run.console.warn("not in this backup, though it depends on what is: " + Outside.some(outside.lost()));
            var made = outside.made().stream().map(Outside.Made::what).toList();
            steps.found(made.isEmpty() ? "nothing" : Outside.some(made) + ": backed up too");
            return outside.made();
        } catch (Failure.ToolFailed e) {
            run.console.warn("what depends on these schemas from others is not in this backup: " + e.getMessage());
            return List.of();
        }
    }

    private Dump.Stored upload(Steps steps, Store store, String id, Dump dump, Snapshot snapshot, Snapshot.Listed listed, List<Outside.Made> outside) throws Exception {
        var folder = BackupFolder.of(store, env, url.database, id);
        unsealed = new Unsealed(run, store, folder);
        return dump.upload(steps, store, folder, snapshot, form, listed, outside, counts == Counts.exact);
    }

    private Dump.Stored finish(Steps steps, Store store, Dump dump, Database.Facts facts, Future<Dump.Stored> storing) throws Exception {
        try (var progress = new Progress(run.console, "Dump and upload", dump::bytes, facts.bytes())) {
            var stored = Steps.await(storing);
            steps.found(Amount.bytes(stored.bytesRaw()) + ", stored as " + Amount.bytes(stored.bytesStored())
                + (store.retries() == 0 ? "" : ", " + Amount.count(store.retries(), "request") + " had to be sent again"));
            if (stored.globals() == null) run.console.warn("roles are not in this backup: " + stored.globalsNote());
            if (store.plainClass()) run.console.warn("the store refuses storage class " + settings.require(Setting.BACKUP_STORAGE_CLASS) + ", so its default was taken");
            return stored;
        }
    }

    private boolean count(Steps steps, Dump.Stored stored) {
        if (stored.countsNote() != null) run.console.warn("the rows were not counted: " + stored.countsNote() + "; a restore will not be compared with this backup's manifest");
        else if (counts == Counts.exact) steps.found(String.format(Locale.ROOT, "%,d in %s", Manifest.rows(stored.tables()), Amount.count(stored.tables().size(), "table")));
        return true;
    }

    private Manifest manifest(BackupFolder folder, Database.Facts facts, Dump dump, Snapshot snapshot, Dump.Stored stored, List<Rights.Right> rights, Manifest.Kit kit, List<String> byHand) {
        return new Manifest(Manifest.FORMAT, folder.id(), env, url.database, kit, run.started.toString(), snapshot.time.toString(),
            new Manifest.Server(facts.version(), facts.systemIdentifier(), facts.supabase(), facts.encoding(), facts.locale(), facts.name().equals(url.database) ? null : facts.name()), dump.pgDump.version(),
            selection, compress, form.recipients(), stored.parts(), stored.globals(), stored.globalsNote(), (stored.countsNote() == null ? counts : Counts.none).name(),
            stored.tables(), facts.schemaVersion(), facts.extensions(), stored.bytesRaw(), stored.bytesStored(), Amount.seconds(run.elapsed()), "stored", byHand, locked ? "safety" : null, rights, stored.outside());
    }

    private Manifest seal(Store store, BackupFolder folder, Manifest manifest) {
        lock.makeSure();
        if (!locked) lock.endNothing();
        unsealed.seal();
        try {
            var bytes = manifest.bytes();
            Seal.write(store, folder, manifest, bytes, Signature.ofManifest(settings, bytes), () -> {
                unsealed.sent();
                run.state("it is not known whether backup " + folder.id() + " was sealed; if it was, it is whole; if not, it does not count");
            }, () -> {
                unsealed.refused();
                run.state("nothing was sealed, and what was uploaded is taken back; nothing in the database was changed");
            });
            run.state("backup " + folder.id() + " is sealed, whatever is said above");
        } finally {
            unsealed.known();
        }
        return manifest;
    }

    private boolean readBack(Store store, String id) throws Exception {
        run.state("backup " + id + " is stored but could not be read back: do not rely on it");
        new ReadBack(run, settings, store).verify(BackupFolder.of(store, env, url.database, id));
        run.state("backup " + id + " is sealed and readable");
        return true;
    }

    /** Only a courtesy to the bill: a backup that is sealed does not fail because of it. */
    private boolean clear(Steps steps, Store store) {
        try {
            var cleared = Leftovers.of(store, env).clear(run, store);
            steps.found(cleared == 0 ? "nothing" : Amount.count(cleared, "unsealed upload"));
        } catch (Failure e) {
            run.console.warn("leftovers could not be cleared: " + e.getMessage());
        }
        return true;
    }

    /** The backup is good, whatever becomes of the old ones; but nothing is removed without the lock. */
    private boolean prune(Steps steps, Store store, String id) throws Exception {
        try {
            var pruning = new Pruning(run, settings, store, env, Retention.of(settings), id);
            lock.makeSure();
            pruning.remove();
            steps.found(pruning.going().size() + " of " + Amount.count(pruning.backups().size(), "backup") + " removed");
        } catch (Failure.Unclear e) {
            throw e;
        } catch (Failure e) {
            run.console.warn("old backups could not be pruned: " + e.getMessage() + "; try it alone: ./jbang backups prune --env " + env);
        }
        return true;
    }

    /** The backup is good without its copy; only what shows that it is not ends the run. */
    private Copied copy(Steps steps, Store store, String place, String id) throws Exception {
        var name = "Copy to " + place;
        if (dryRun) {
            Copy.to(run, place, store); // fails here when its settings won't do
            return steps.change(name, "the same bytes, sealed the same way", () -> null);
        }
        // A copy may take hours: for so long the server would keep old rows for the snapshot, and an urgent restore find the lock taken.
        session.close();
        lock.close();
        Copy copy = null;
        try {
            var opened = copy = Copy.to(run, place, store);
            return steps.change(name, "", () -> {
                var done = opened.make(BackupFolder.of(store, env, url.database, id));
                steps.found(done.words());
                return new Copied(place, done.uri(), null, null);
            });
        } catch (Failure e) {
            if (copy != null && copy.originalBroken()) throw e;
            var later = Copy.command(id, env, place);
            run.console.warn("backup " + id + " is good, but was not copied to " + place + ": " + e.getMessage() + " (" + e.hint + "); copy it later: " + later);
            return new Copied(place, null, e.getMessage(), later);
        }
    }

    private void report(Store store, BackupFolder folder, Manifest manifest, Copied copied) {
        var result = new Result(folder.id(), store.uri(folder.key()), env, url.database, Amount.seconds(run.elapsed()), manifest.bytesRaw(), manifest.bytesStored(),
            manifest.parts(), manifest.tables().size(), manifest.counts(), verify.name(), store.retries(), copied);
        run.console.result(run.json ? Json.text(result)
            : result.uri() + "  " + Amount.bytes(result.bytesStored()) + " in " + Amount.time(run.elapsed()) + ", proof: " + result.proof()
                + (copied == null ? "" : copied.uri() == null ? ", NOT copied to " + copied.to() : ", copied to " + copied.to()));
    }
}
