///usr/bin/env true ; exec jbang "$0" "$@"
//DESCRIPTION Restore a backup into an environment's database: checked before anybody sees it, or not at all
//JAVA 17+
//RUNTIME_OPTIONS -XX:+UseSerialGC -Xms48m -Xmn24m -Xmx512m -XX:Tier3InvocationThreshold=2000 -XX:Tier3MinInvocationThreshold=1000 -XX:Tier3CompileThreshold=20000 -XX:Tier4InvocationThreshold=50000 -XX:Tier4MinInvocationThreshold=50000
//SOURCES ops/Ops.java
//SOURCES BackupDb.java
//SOURCES restore/AfterSql.java
//SOURCES restore/InPlace.java
//SOURCES restore/Outward.java
//SOURCES restore/Partial.java
//SOURCES restore/Replacement.java
//SOURCES restore/Swap.java
//SOURCES smoke/SqlRead.java

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import ops.*;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import restore.AfterSql;
import restore.InPlace;
import restore.Outward;
import restore.Partial;
import restore.Replacement;
import restore.Swap;
import smoke.Outcome;
import smoke.SqlRead;

/** Restore a backup into an environment's database.
 *
 *      jbang restore-db latest --env staging
 *
 *  Needs pg_restore, of the backup's pg_dump's major version or newer. */
@Command(name = "restore-db", mixinStandardHelpOptions = true, sortOptions = false, version = "handover " + Ops.VERSION,
    header = {
        "  restore-db --env staging                             staging's newest backup",
        "  restore-db --env staging --from production           production's newest backup, into staging",
        "  restore-db 20261122T031500Z-4f9a1c --env staging     a certain one (a unique beginning is enough)",
        "  restore-db 2026-11-22T12:00 --env staging            the newest one that was begun by then, UTC",
        "  restore-db --env staging --table public.invoices     one table, where there is no such schema or nothing in it",
        "  restore-db --env staging --dry-run                   say what would be done, change nothing", ""},
    description = "Loads the backup into a new database, compares it with the manifest, and then exchanges the names; the old database stays beside it. "
        + "Where no database can be made, one transaction replaces what the backup holds.%n")
class RestoreDb implements Callable<Integer> {
    @Parameters(paramLabel = "ID", arity = "0..1", defaultValue = "latest", description = "a backup's id or a unique beginning of it, a time (2026-11-22T12:00, UTC), or latest; default ${DEFAULT-VALUE}")
    String wanted;

    @Option(names = "--env", required = true, paramLabel = "NAME", description = "the environment whose database is replaced, as in NAME_DATABASE_URL")
    String env;

    @Option(names = "--from", paramLabel = "NAME", description = "the environment whose backup is taken; default: the same")
    String from;

    @Option(names = "--dry-run", description = "check everything, list what would be done, change nothing")
    boolean dryRun;

    @Option(names = "--mode", paramLabel = "MODE", description = "swap: load into a new database and exchange the names; in-place: one transaction in the database itself; default: swap where the server lets us")
    String mode;

    @Option(names = "--schema", paramLabel = "NAME", description = "only this schema, which must be empty or missing in the target: nothing is replaced; may be repeated")
    List<String> schemas = List.of();

    @Option(names = "--table", paramLabel = "SCHEMA.NAME", description = "only this table with its rows, keys and indexes, and what it needs but other tables, into a schema that is empty or missing; may be repeated")
    List<String> tables = List.of();

    @Option(names = "--jobs", paramLabel = "N", description = "how many things to do at a time; default: this machine's processors")
    Integer jobs;

    @Option(names = "--stream", description = "load one table after another, without a temporary file; default: only where there is no room for one")
    boolean stream;

    @Option(names = "--no-owner", description = "everything belongs to DATABASE_URL's role, and grants are left out: for a server that lacks the backup's roles")
    boolean noOwner;

    @Option(names = "--keep-outward", description = "jobs of pg_cron, user mappings, webhooks and a subscription's slot come back as they were, also from another environment's backup: they reach other servers")
    boolean keepOutward;

    @Option(names = "--repair", description = "load all rows also where an ordinary restore fails: constraints that rows break become NOT VALID, what can't be filled or made is left out, and all that is listed with the SQL that shows it; swap alone")
    boolean repair;

    @Option(names = "--no-safety-backup", description = "do not back the target up first")
    boolean noSafetyBackup;

    @Option(names = "--although-broken", description = "restore a backup that was found broken; it must be named by its whole id")
    boolean althoughBroken;

    @Option(names = "--break-glass", paramLabel = "REASON", description = "restore into a protected environment: asks for its name on the terminal, insists on a safety backup that was read back, and keeps the reason in the history")
    String breakGlass;

    @Option(names = "--after-sql", paramLabel = "FILE", description = "SQL to run on the restored database before anybody can see it; default: NAME_AFTER_RESTORE_SQL")
    Path afterSql;

    @Option(names = "--identity", paramLabel = "FILE", description = "the age identity that decrypts; default: BACKUP_IDENTITY_FILE")
    Path identity;

    @Option(names = "--wait", paramLabel = "SECONDS", description = "how long to wait for another run's lock; default: not at all")
    int wait;

    @Mixin Run run;

    private Settings settings;
    private Settings source;
    private DatabaseUrl url;
    private Database server;
    private String obstacle = "";
    private boolean inPlace;
    private boolean exists;
    private boolean homeOfCron;
    private boolean knownRowAsked;
    private AfterSql after;
    private List<Archive.Entry> contents;
    private Outward outward;
    private Store store;
    private Lock lock;
    private History history;
    private BackupFolder folder;
    private Manifest manifest;
    private PartReader reader;
    /** Null when all of the backup is restored. */
    private Partial partial;
    private PostgresTools.Found pgRestore;
    /** Null unless it is restored in place. */
    private PostgresTools.Found psql;
    private Swap swap;
    private Load load;
    /** Null unless it has left something out. */
    private Repair repaired;
    private String safety;

    public static void main(String... args) { Run.main(new RestoreDb(), args); }

    @Override public Integer call() { return run.execute("restore-db", dryRun, this::restore); }

    private record Result(String id, String env, String from, String database, String mode, double seconds, int tables, long rows, String dataAsOf, String oldDatabase, String safetyBackup, List<String> withoutProperties, List<String> switchedOff, List<String> unfilled) { }

    private void restore() throws Exception {
        var steps = new Steps(run, dryRun);
        steps.check("Read the settings", () -> readSettings(steps));
        // What only looks begins at once, side by side; its step waits for it.
        var opening = steps.start(() -> Store.open(source));
        var choosing = steps.start(() -> Chosen.of(Steps.await(opening), source.env, wanted));
        history = new History(run, opening, env, "restore-db");
        if (!dryRun) run.record(history);
        steps.check("Reach the database server", () -> connect(steps));
        var serverMajor = server.major();
        var finding = steps.start(() -> PostgresTools.findRestore(run, settings, Steps.await(choosing).manifest.pgDumpMajor(), serverMajor));
        var which = breakGlass == null ? "Make sure that it is not a protected one" : "Make sure that it is no other protected one";
        steps.check(which, () -> { Guard.check(run, settings, url, server, breakGlass != null, Steps.await(opening)); return true; });
        store = Steps.await(opening);
        steps.check("Choose the backup", () -> choose(steps, Steps.await(choosing)));
        steps.check("Choose the way", () -> chooseWay(steps));
        if (inPlace && !isPartial()) steps.check("Check what the role may", () -> withTarget((session, kept) -> { InPlace.check(session, manifest.selection(), kept); return true; }));
        steps.check("Check its objects", () -> reading(() -> checkObjects(steps)));
        steps.check("Find pg_restore", () -> {
            pgRestore = Steps.await(finding);
            if (inPlace) psql = PostgresTools.findPsql(run, settings, pgRestore, serverMajor());
            steps.found(pgRestore.version());
            return true;
        });
        if (isPartial()) steps.check("Find the part of it", () -> findPart(steps));
        if (breakGlass != null) steps.change("Ask", "for the name of '" + env + "', typed on the terminal", () -> ask(steps));
        steps.change("Take the lock", "so that no backup or deploy runs meanwhile", () -> { lock = Lock.forRestore(run, url, settings, Duration.ofSeconds(wait)); return true; });
        if (inPlace) replaceInPlace(steps);
        else swapIn(steps);
        steps.change("Check what is live", "as the application's role sees it", () -> checkLive(steps));
        if (dryRun) return;
        sayWhatIsOff();
        report();
    }

    private void swapIn(Steps steps) throws Exception {
        steps.change("Clear what killed runs left", "half-made databases of earlier restores", () -> { var left = swap.dropLeftovers(lock); steps.found(left.isEmpty() ? "nothing" : String.join(", ", left)); return true; });
        safetyBackup();
        steps.change("Load into a new database", swap.fresh.database, () -> reading(() -> load(steps)));
        steps.change("Compare with the manifest", "tables and rows", () -> compare(steps));
        if (outward.switches() != null) steps.change("Switch off what reaches outward", String.join(", ", outward.off()), () -> { swap.switchOff(outward.switches()); return saidToBeOff(steps); });
        if (after != null) steps.change("Run " + after, "before anybody can see the data", () -> runAfterSql());
        steps.change("Switch", "exchange the names of the two databases; sessions are ended", () -> switchOver(steps));
    }

    private void replaceInPlace(Steps steps) throws Exception {
        var replacement = steps.check("Look at what depends on it", () -> replacement(steps));
        if (partial == null || breakGlass != null) safetyBackup();
        try (var place = steps.change("Begin a transaction", "all that follows is one", () -> new InPlace(run, settings, url, psql))) {
            if (partial == null) steps.change("Drop what the backup holds", "seen by nobody else yet", () -> drop(place, replacement));
            else steps.change("Have empty schemas", String.join(", ", partial.schemas()), () -> haveSchemas(place, replacement));
            steps.change("Load", "into the same transaction", () -> reading(() -> load(steps, place)));
            steps.change("Complete", replacement.madeAgain(), () -> { place.complete(replacement, noOwner ? Archive.keptFromEverybody(contents, entry -> (partial == null || partial.has(entry)) && !outward.leavesOut(entry.id())) : List.of()); return true; });
            steps.change("Compare with the manifest", "rows", () -> compare(steps, place));
            if (outward.switches() != null)
                steps.change("Switch off what reaches outward", String.join(", ", outward.off()), () -> { place.switchOff(outward.switches()); return saidToBeOff(steps); });
            if (after != null) steps.change("Run " + after, "before anybody can see the data", () -> { place.run(after); return true; });
            steps.change("Commit", "from then on everybody sees the restored data", () -> commit(place));
        }
    }

    private boolean readSettings(Steps steps) {
        settings = run.settings(env);
        run.state("the database of '" + env + "' is as it was");
        source = from == null ? settings : Settings.of(from);
        url = DatabaseUrl.of(settings);
        source.require(Setting.BACKUP_BUCKET);
        if (breakGlass != null && breakGlass.isBlank()) throw new Failure.Usage("--break-glass wants a reason", "say why in a few words; the history keeps it");
        if (breakGlass != null && noSafetyBackup) throw new Failure.Usage("--break-glass and --no-safety-backup exclude each other", "leave --no-safety-backup out: a protected environment is never restored without one");
        if (mode != null && !mode.matches("swap|in-place")) throw new Failure.Usage("--mode wants swap or in-place, not '" + mode + "'", "leave it out for what the server allows");
        if (isPartial() && "swap".equals(mode)) throw new Failure.Usage("--mode swap exchanges the whole database, and --schema and --table ask for a part", "leave --mode out");
        if (jobs == null) jobs = Runtime.getRuntime().availableProcessors();
        if (jobs < 1 || jobs > 64) throw new Failure.Usage("--jobs wants 1 to 64, not " + jobs, "leave it out for this machine's processors");
        if (afterSql == null) afterSql = settings.get(Setting.AFTER_RESTORE_SQL).map(Path::of).orElse(null);
        if (afterSql != null && !Files.isReadable(afterSql)) throw new Failure.BadSetting("the file with SQL can't be read: " + afterSql, "correct --after-sql or " + settings.where(Setting.AFTER_RESTORE_SQL));
        knownRowAsked = isKnownRowAsked();
        after = afterSql == null ? null : new AfterSql(afterSql);
        steps.found(env + ", " + url + (from == null ? "" : ", from a backup of " + from));
        return true;
    }

    /** On the server's own database, since the environment's may be renamed, or not be there any more. */
    private boolean connect(Steps steps) {
        try {
            if (url.database.equals("postgres")) obstacle = "the database is the server's own, 'postgres'";
            else server = Database.connect(url.withDatabase("postgres"), settings, "handover restore-db " + env);
        } catch (Failure.BadSetting e) {
            obstacle = "role " + url.user + " can't connect to the server's own database, 'postgres'";
        }
        if (server == null) server = Database.connect(url, settings, "handover restore-db " + env);
        run.undo.add("close the session", server::close);
        Lock.refuseStandby(server, url, settings);
        server.execute("set default_transaction_read_only = off");
        exists = server.one("select exists (select from pg_database where datname = ?)", url.database).equals("t");
        if (!exists) refuseAlias();
        if (obstacle.isEmpty()) obstacle = Swap.obstacle(server, url.database);
        swap = new Swap(run, settings, url, server, exists);
        steps.found("PostgreSQL " + server.one("select current_setting('server_version')") + (exists ? "" : "; there is no database '" + url.database + "' yet: it will be made"));
        return true;
    }

    /** A pooler may call a database otherwise than its server does: what a restore makes or renames there nobody would see. */
    private void refuseAlias() {
        String name;
        try (var session = Database.connect(url, settings, "handover restore-db " + env)) {
            name = session.one("select pg_catalog.current_database()");
        } catch (Failure.BadSetting | Failure.ToolFailed e) {
            return; // it is not there, as the server says
        }
        if (!name.equals(url.database))
            throw new Failure.BadSetting("'" + url.database + "' is a pooler's name for the database '" + name + "': a restore needs the one that its server knows",
                "name the server itself, or the database by its own name: " + settings.where(Setting.DATABASE_URL));
    }

    /** A backup, and what was proven of it. */
    private record Chosen(BackupFolder folder, Manifest manifest, Proof proof, List<String> passedOver) {
        static Chosen of(Store store, String env, String wanted) throws Exception {
            var passedOver = new ArrayList<String>();
            var folder = BackupFolder.find(store, env, wanted, passedOver::add);
            var manifest = folder.manifest(store);
            return new Chosen(folder, manifest, Proof.of(manifest, folder.evidence(store)), passedOver);
        }
    }

    private boolean choose(Steps steps, Chosen chosen) {
        folder = chosen.folder;
        manifest = chosen.manifest;
        history.add("restored", store.uri(folder.key()));
        chosen.passedOver.forEach(run.console::warn);
        var proof = chosen.proof;
        proof.refuseBroken(run.console, folder, wanted, althoughBroken, source.env,
            "./jbang restore-db " + folder.id() + " --env " + env + (from == null ? "" : " --from " + from));
        steps.found(folder.id() + ", of database '" + manifest.database() + "', data as of " + manifest.snapshotTime() + ", " + Amount.age(Instant.parse(manifest.snapshotTime()), run.started) + ", proof: " + proof.words(run.started));
        return true;
    }

    private boolean chooseWay(Steps steps) {
        var selection = manifest.selection();
        if (!selection.schemas().isEmpty() || !manifest.server().supabase() && !selection.excludeSchemas().isEmpty()) obstacle = "the backup is partial, and a new database would lack all the rest";
        if (isPartial()) obstacle = "only a part is wanted";
        homeOfCron = isHomeOfCron();
        if (obstacle.isEmpty() && homeOfCron) obstacle = "the server has pg_cron in the database '" + url.database + "' only, and a new one could not have it";
        inPlace = mode == null ? !obstacle.isEmpty() : mode.equals("in-place");
        if (!inPlace && !obstacle.isEmpty())
            throw new Failure.BadSetting("--mode swap is not possible: " + obstacle, "--mode in-place; or, where only the right is missing, on the server of '" + env + "', " + url.host + ":" + url.port + ": ALTER ROLE " + Database.quote(url.user) + " CREATEDB, and let it own the database or belong to its owner: README.md, Security and permissions");
        if (inPlace && !exists) throw new Failure.BadSetting("there is no database '" + url.database + "' to restore into, and no new one can be made: " + obstacle, "create it empty, on the server of '" + env + "', " + url.host + ":" + url.port + ": CREATE DATABASE " + Database.quote(url.database));
        if (inPlace && repair) throw new Failure.Usage("--repair works through a new database alone, and this restore is in place: " + (obstacle.isEmpty() ? "--mode in-place says so" : obstacle),
            "into a database of its own: ./jbang restore-db " + folder.id() + " --env OTHER --from " + source.env + " --repair");
        steps.found(!inPlace ? "swap, through a new database" : "in place, in one transaction" + (mode != null ? "" : ", since " + obstacle));
        return true;
    }

    /** Whether the backup has pg_cron, and this is the one database of the server that may have it. */
    private boolean isHomeOfCron() {
        if (manifest.extensions().stream().noneMatch(extension -> extension.name().equals("pg_cron"))) return false;
        // Only some roles are shown the setting.
        if (server.one("select coalesce((select setting from pg_settings where name = 'cron.database_name'), '')").equals(url.database)) return true;
        if (!exists) return false;
        try (var session = target()) {
            return session.one("select exists (select from pg_extension where extname = 'pg_cron')").equals("t");
        }
    }

    private boolean checkObjects(Steps steps) throws Exception {
        reader = new PartReader(store, folder, manifest, identity != null ? Optional.of(identity.toString()) : source.get(Setting.BACKUP_IDENTITY_FILE).or(() -> settings.get(Setting.BACKUP_IDENTITY_FILE)));
        reader.checkObjects();
        if (!dryRun) reader.checkBytes(run);
        // Nothing of it is restored; but a backup of which anything is broken is a broken one.
        if (manifest.globals() != null) reader.read(manifest.globals(), raw -> { });
        if (manifest.outside() != null) reader.read(manifest.outside(), raw -> { });
        var whole = manifest.parts().stream().filter(part -> part.stage().equals("all")).findFirst();
        if (whole.isEmpty()) throw new Failure.NotVerified("the manifest of backup " + manifest.id() + " names no archive of all", "take another: ./jbang backups list --env " + source.env);
        contents = reader.contents(whole.get());
        if (!isPartial()) outward = outward(entry -> true);
        steps.found(Amount.count(manifest.objects().size(), "object") + ", " + Amount.bytes(manifest.bytesStored()));
        return true;
    }

    private interface Reading<T> { T read() throws Exception; }

    /** What is removed while it is read is no broken backup. */
    private <T> T reading(Reading<T> reading) throws Exception {
        try {
            return reading.read();
        } catch (Failure e) {
            throw folder.judged(store, e, "it can't be restored");
        }
    }

    private Outward outward(Predicate<Archive.Entry> brought) { return new Outward(contents, brought, keepOutward, manifest.env().equals(env), maySubscribe(), homeOfCron); }

    private boolean maySubscribe() {
        return server.one("""
            select rolsuper or exists (select from pg_roles may where may.rolname = 'pg_create_subscription' and pg_has_role(may.oid, 'member'))
            from pg_roles where rolname = current_user""").equals("t");
    }

    private boolean saidToBeOff(Steps steps) {
        steps.found(outward.off().isEmpty() ? "nothing" : String.join(", ", outward.off()));
        return true;
    }

    private boolean isPartial() { return !schemas.isEmpty() || !tables.isEmpty(); }

    private boolean findPart(Steps steps) throws Exception {
        partial = new Partial(contents, schemas, tables);
        outward = outward(partial::has);
        if (!partial.leftOut().isEmpty()) run.console.warn("left out, since it needs more than this part: " + String.join(", ", partial.leftOut()));
        try (var session = target()) {
            partial.makeSureThatNothingIsThere(session, env);
        }
        steps.found(partial.toString());
        return true;
    }

    private boolean haveSchemas(InPlace place, Replacement replacement) throws Exception {
        run.state("the database of '" + env + "' is as it was: nothing was committed");
        try (var session = target()) {
            var there = session.rows("select nspname from pg_namespace", row -> row[0]);
            place.create(partial.create(partial.schemas().stream().filter(schema -> !there.contains(schema)).collect(Collectors.toSet())), session, replacement);
        }
        return true;
    }

    /** The tables that are restored, with their rows. */
    private List<Snapshot.Table> restored() { return manifest.tables().stream().filter(table -> partial == null || partial.has(table)).toList(); }

    private void safetyBackup() throws Exception {
        if (noSafetyBackup || !exists) return;
        run.console.say((dryRun ? "would first back up" : "first a backup of") + " what is there now:");
        safety = BackupDb.ofLocked(run, env, lock, dryRun, breakGlass != null);
    }

    private boolean ask(Steps steps) {
        Confirmation.typed("The database of the protected environment '" + env + "', " + url + ", will be replaced by backup " + folder.id() + ", with the data of " + manifest.snapshotTime() + " (" + Amount.age(Instant.parse(manifest.snapshotTime()), run.started) + ").", env);
        history.add("break_glass", breakGlass);
        steps.found("'" + env + "' was typed");
        return true;
    }

    private boolean load(Steps steps) throws Exception {
        run.state("the database of '" + env + "' is as it was");
        swap.create(manifest.server(), exists ? Optional.empty() : backedUpProperties(), lock);
        load = new Load(run, settings, swap.fresh, pgRestore, options(), jobs, stream);
        var repairing = new Repair(run, settings, !noOwner);
        if (repair) load.repairing(repairing);
        try (var progress = new Progress(run.console, "Load", load::done, manifest.bytesRaw())) {
            for (var part : manifest.parts()) {
                if (part.stage().equals("all")) load.load(reader, part, beginning -> outward::leavesOut);
                else {
                    reader.read(part, raw -> { });
                    run.console.warn(part.name() + " holds rows of schemas that Supabase owns, which this server does not have: left out");
                }
            }
        } catch (Failure.ToolFailed e) {
            throw advised(e);
        }
        if (noOwner) keepFromEverybody();
        if (repair) sayRepaired(repairing);
        var own = swap.properties();
        steps.found(Amount.bytes(manifest.bytesRaw()) + ", checksums right" + (own.isEmpty() ? "" : "; as the database " + (exists ? "that is there" : "that was backed up") + ": " + own));
        return true;
    }

    /** What could not be is seen when rights are compared. */
    private void keepFromEverybody() {
        try (var session = Database.connect(swap.fresh, settings, "handover restore-db " + env)) {
            Archive.keptFromEverybody(contents, entry -> !outward.leavesOut(entry.id())).forEach(session::attempt);
        }
    }

    private void sayRepaired(Repair repairing) throws IOException {
        if (repairing.findings().isEmpty()) return;
        repaired = repairing;
        for (var finding : repairing.findings()) run.console.warn(finding.words() + "; " + finding.sql().replaceAll("\\s+", " "));
        run.console.warn("this list, with the rows: " + repairing.write());
    }

    /** Names the option that helps, where one does: what stands in the way is in the backup, and will be there the next time. */
    private Failure advised(Failure.ToolFailed e) {
        // What the next run may not meet any more, and no option of ours gets over.
        if (SqlFailure.isOwnTrouble(e.getMessage()))
            return new Failure.ToolFailed(e.getMessage(), SqlFailure.next(e.getMessage(), e.hint));
        if (!e.getMessage().contains("ERROR: ") || repair) return e;
        var again = "./jbang restore-db " + folder.id() + " --env " + env + (from == null ? "" : " --from " + from);
        // In place there is one transaction, which ends at the first error; a part of a backup is always loaded so.
        var repairing = !inPlace ? again + " --repair" : obstacle.isEmpty() ? again + " --mode swap --repair" : "./jbang restore-db " + folder.id() + " --env OTHER --from " + source.env + " --repair, where a new database can be made";
        var needsRight = e.getMessage().matches("(?s).*(must be (member of|owner of|able to SET ROLE)|permission denied|role \".*\" does not exist).*");
        if (needsRight && !noOwner) return new Failure.ToolFailed(e.getMessage(), "where this server lacks the role, or " + url.user + " does not belong to it: " + again + " --no-owner; or, with the owners that there are: " + repairing);
        return new Failure.ToolFailed(e.getMessage(), "to load all rows, and be told what could not be as it was: " + repairing);
    }

    /** Of a database that is not there any more nobody but its backup knows. */
    private Optional<DatabaseProperties> backedUpProperties() {
        var properties = DatabaseProperties.of(contents);
        return noOwner ? properties.map(DatabaseProperties::withoutRoles) : properties;
    }

    /** What a restore in place will do, of all or of a part. */
    private Replacement replacement(Steps steps) throws Exception {
        if (partial != null) {
            try (var session = target()) {
                return Replacement.ofPart(session, partial);
            }
        }
        return withTarget((session, kept) -> {
            var replacement = Replacement.of(run, settings, session, manifest.selection(), kept, contents, storedOutside(), noOwner);
            replacement.schemaPublic().ifPresent(outward::withoutToo);
            steps.found(replacement.madeAgain());
            return replacement;
        });
    }

    /** What hung on the backup's schemas from outside of them. */
    private List<Outside.Made> storedOutside() throws Exception {
        if (manifest.outside() == null) return List.of();
        var stored = new ArrayList<Outside.Made>();
        reader.read(manifest.outside(), raw -> stored.addAll(Outside.parse(raw.readAllBytes(), store.uri(folder.key() + manifest.outside().name()))));
        if (!noOwner || stored.isEmpty()) {
            outward.andOutside(stored);
            return stored;
        }
        run.console.warn("--no-owner leaves out what the backup has of other schemas than its own, unless it is there: " + Outside.some(stored.stream().map(Outside.Made::what).toList()));
        return List.of();
    }

    private int serverMajor() { return Integer.parseInt(server.one("select current_setting('server_version_num')")) / 10000; }

    private boolean drop(InPlace place, Replacement replacement) throws Exception {
        run.state("the database of '" + env + "' is as it was: nothing was committed");
        return withTarget((session, kept) -> { place.drop(session, replacement, !noOwner, manifest); return true; });
    }

    /** A session of the environment's database, as the role of its URL whatever role the database sets for everybody. */
    private Database target() {
        var session = Database.connect(url, settings, "handover restore-db " + env);
        DatabaseProperties.asWhoConnected(session);
        return session;
    }

    private interface Looking<T> { T at(Database session, List<String> kept) throws Exception; }

    /** On a session of the target, with the names of the schemas that are nobody's to replace. */
    private <T> T withTarget(Looking<T> looking) throws Exception {
        try (var session = target()) {
            return looking.at(session, session.facts().supabase() ? Supabase.platformSchemas(session) : List.of());
        }
    }

    private boolean load(Steps steps, InPlace place) throws Exception {
        var unknown = new UnknownSettings(pgRestore, server);
        try (var progress = new Progress(run.console, "Load", reader::done, manifest.bytesRaw())) {
            for (var part : manifest.parts()) {
                if (part.stage().equals("all")) place.load(steps, reader, part, pgRestore, options(), unknown);
                else if (partial == null) run.console.warn(part.name() + " is left out: it holds rows of schemas that Supabase owns, and what is there of them stays");
            }
        } catch (Failure.ToolFailed e) {
            throw advised(e);
        }
        steps.found(Amount.bytes(manifest.bytesRaw()) + ", checksums right");
        return true;
    }

    private List<String> options() throws IOException {
        var options = new ArrayList<>(noOwner ? List.of("--no-owner", "--no-privileges") : List.of());
        if (inPlace) options.add("--use-list=" + outward.list(run.undo.act(() -> Workspace.create(run))));
        return options;
    }

    private boolean compare(Steps steps, InPlace place) throws InterruptedException {
        steps.found(place.compare(manifest, restored()) + compareRights(place));
        return true;
    }

    private String compareRights(InPlace place) throws InterruptedException {
        if (partial == null) return compareRights(place.rights(manifest.selection(), manifest.server().supabase()), place.rightsBefore());
        var found = place.rights(new Selection(List.copyOf(partial.schemas()), List.of(), List.of()), false);
        if (!noOwner) Rights.compareWidened(found, manifest, serverMajor());
        return "";
    }

    private String compareRights(List<Rights.Right> found, List<Rights.Right> before) { return Rights.compare(found, before, manifest, noOwner, serverMajor(), repaired, server.one("select quote_ident(current_user)")); }

    private boolean commit(InPlace place) throws Exception {
        lock.makeSure();
        lock.endNothing();
        place.commit();
        run.state("'" + env + "' has the restored data, which were compared with the manifest" + (safety == null ? "" : "; the old data are in backup " + safety));
        Statistics.take(run, url, settings, jobs, partial == null ? List.of() : restored());
        return true;
    }

    private boolean compare(Steps steps) throws Exception {
        var compared = Comparison.of(load.taken(), manifest);
        try (var session = Database.connect(swap.fresh, settings, "handover restore-db " + env)) {
            compared += compareRights(Rights.of(session, manifest.selection(), manifest.server().supabase()), List.of());
        }
        steps.found(compared + (Statistics.take(run, swap.fresh, settings, jobs) ? "; statistics are fresh" : "") + readKnownRow(swap.fresh));
        return true;
    }

    /** A part of a backup need not have the row, and a setting that names none is no reason to have no data. */
    private boolean isKnownRowAsked() {
        try {
            return !isPartial() && SqlRead.isAsked(settings);
        } catch (Failure.BadSetting e) {
            run.console.warn("the smoke tests' row is not looked for: " + e.getMessage() + "; " + e.hint);
            return false;
        }
    }

    /** As the smoke tests do, when they know a row. The rows are as in the manifest already: what is said here stops nothing. */
    private String readKnownRow(DatabaseUrl in) {
        if (!knownRowAsked) return "";
        try {
            var verdict = SqlRead.look(settings, in);
            if (verdict.outcome() == Outcome.pass) return "; " + verdict.what();
            warnOfKnownRow("the smoke tests will not pass in '" + env + "': " + verdict.what() + "; the backup may be older than that row; " + verdict.next());
        } catch (Failure e) {
            warnOfKnownRow("the smoke tests' row could not be looked for, which says nothing of the data: " + e.getMessage() + "; " + e.hint + "; " + settings.where(Setting.SMOKE_CANARY_ROW));
        }
        return "";
    }

    /** Once: it is looked for before the switch and after it. */
    private void warnOfKnownRow(String what) {
        knownRowAsked = false;
        run.console.warn(what);
    }

    private boolean runAfterSql() throws Exception {
        var psql = PostgresTools.closest(run, settings, "psql", serverMajor());
        var workspace = run.undo.act(() -> Workspace.create(run));
        var script = Files.writeString(Private.create(workspace.resolve("after.sql")), after.script());
        var said = Tool.text(run, psql.path(), List.of("--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--file=" + script), PostgresTools.environment(workspace, swap.fresh, settings), Duration.ofDays(1));
        if (!AfterSql.wasOne(said)) throw new Failure.Failed(after + " has ended the transaction that it runs in", "take COMMIT and ROLLBACK out of what it includes, then run it again");
        return true;
    }

    private boolean switchOver(Steps steps) {
        swap.dress();
        lock.makeSure();
        lock.endNothing();
        run.state("'" + env + "' has either the old data or the restored ones, complete; it has the restored ones unless there is a database " + swap.fresh.database);
        try {
            swap.swap();
        } catch (Failure e) {
            if (!(e instanceof Failure.Unclear)) run.state("the database of '" + env + "' is as it was");
            throw e;
        }
        run.state("'" + env + "' has the restored data, which were compared with the manifest" + (exists ? "; the old data are in the database " + swap.old : ""));
        steps.found(exists ? "the old data are in " + swap.old : "");
        return true;
    }

    /** What the backup has brought: at Supabase nothing of the platform's own schemas, which the role may not even read. */
    private Selection brought() throws Exception {
        var backedUp = manifest.selection();
        if (!backedUp.schemas().isEmpty()) return backedUp;
        return withTarget((session, platform) -> new Selection(List.of(), java.util.stream.Stream.concat(backedUp.excludeSchemas().stream(), platform.stream()).toList(), backedUp.excludeTableData()));
    }

    private boolean checkLive(Steps steps) throws Exception {
        try (var session = target(); var snapshot = Snapshot.open(session)) {
            steps.found(Amount.count(snapshot.tables(brought()).tables().size(), "table") + ", all readable" + readKnownRow(url));
        } catch (Failure.Full e) {
            run.console.warn("what is live was not looked at: " + e.getMessage() + "; it is what was compared before");
            steps.found("not looked at");
        } catch (Failure e) {
            if (inPlace) throw e; // committed is committed, as the state says
            lock.makeSure();
            swap.swapBack();
            run.state("the database of '" + env + "' is as it was: it was switched back");
            throw e;
        }
        return true;
    }

    /** What the operator has to know before he relies on it, and what of the old database goes on by itself no more. */
    private void sayWhatIsOff() {
        var where = "in the database of '" + env + "', " + url + ": ";
        if (!outward.off().isEmpty()) run.console.warn("not as it was: " + String.join(", ", outward.off()));
        for (var view : outward.unfilled()) run.console.warn("a restore does not connect to other servers, so it is empty until you say, " + where + "REFRESH MATERIALIZED VIEW " + view);
        if (inPlace) return;
        try {
            for (var name : swap.quietOld()) run.console.warn("subscription " + name + " of the old database " + swap.old + " is disabled there, and its slot is kept: two databases must not share it. When the new one is to go on, " + where + "ALTER SUBSCRIPTION " + Database.quote(name) + " ENABLE");
            for (var name : swap.slotsOfOld()) run.console.warn("logical replication slot " + name + " stays with the old database " + swap.old + ", where nothing is written any more, and the server keeps its log (WAL) for it. Whoever reads it needs a new one, " + where + "SELECT pg_create_logical_replication_slot('NAME', 'PLUGIN'); then, in any database: SELECT pg_drop_replication_slot(" + Database.literal(name) + ")");
        } catch (Failure e) {
            run.console.warn("the old database " + swap.old + " may still replicate: " + e.getMessage());
        }
    }

    private void report() {
        var result = new Result(manifest.id(), env, source.env, url.database, inPlace ? "in-place" : "swap", Amount.seconds(run.elapsed()), restored().size(), Manifest.rows(restored()), manifest.snapshotTime(), exists && !inPlace ? swap.old : null, safety, swap.lacking(), outward.off(), outward.unfilled());
        run.console.result(run.json ? Json.text(result)
            : "restored " + (partial == null ? "" : partial + " of ") + result.id() + " into " + url + ", data as of " + result.dataAsOf() + ", in " + Amount.time(run.elapsed()));
    }
}
