///usr/bin/env true ; exec jbang "$0" "$@"
//DESCRIPTION Put rows back from a backup: those that are missing, with what belongs to them, and nothing else
//JAVA 17+
//RUNTIME_OPTIONS -XX:+UseSerialGC -Xms48m -Xmn24m -Xmx512m -XX:Tier3InvocationThreshold=2000 -XX:Tier3MinInvocationThreshold=1000 -XX:Tier3CompileThreshold=20000 -XX:Tier4InvocationThreshold=50000 -XX:Tier4MinInvocationThreshold=50000
//SOURCES ops/Ops.java
//SOURCES BackupDb.java
//SOURCES backups/Copy.java
//SOURCES backups/DrillServer.java
//SOURCES backups/Needs.java
//SOURCES rows/BackedUp.java
//SOURCES rows/Choice.java
//SOURCES rows/Condition.java
//SOURCES rows/Loaded.java
//SOURCES rows/Putting.java
//SOURCES rows/Sequences.java
//SOURCES rows/Share.java
//SOURCES rows/Table.java
//SOURCES rows/Target.java
//SOURCES rows/Trigger.java
//SOURCES rows/Writable.java

import backups.DrillServer;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import ops.*;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import rows.BackedUp;
import rows.Choice;
import rows.Choice.Found;
import rows.Condition;
import rows.Putting;
import rows.Table;
import rows.Target;
import rows.Writable;

/** Put rows of a backup back into an environment's database.
 *
 *      jbang rows latest --env production --table public.orders --where "id = 42"
 *
 *  Needs a server for drills: the embedded one. The same by hand: runbooks/runbook-restore.md */
@Command(name = "rows", mixinStandardHelpOptions = true, sortOptions = false, version = "handover " + Ops.VERSION,
    header = {
        "  rows --env production --table public.orders --where \"id = 42\" --dry-run   what would come back",
        "  rows --env production --table public.orders --where \"id = 42\"             this order, if missing",
        "  rows --env production --table public.orders --missing                     all that are missing",
        "  rows 2026-11-22T12:00 --env production --table public.orders --missing    from a backup by then",
        "  rows --env staging --table public.prices --where true --overwrite         prices as they were", ""},
    description = "Only what is missing comes back: rows of the table, rows of others that pointed to these, "
        + "and what all of them need. "
        + "One transaction; the site goes on meanwhile. Rows that are there stay as they are.%n")
class Rows implements Callable<Integer> {
    /** For a few hundred tables of ours. */
    private static final int LOCKS = 6400;

    @Parameters(paramLabel = "ID", arity = "0..1", defaultValue = "latest",
        description = "a backup's id or a unique beginning of it, a time (2026-11-22T12:00, UTC), or latest; "
            + "default ${DEFAULT-VALUE}")
    String wanted;

    @Option(names = "--env", required = true, paramLabel = "NAME",
        description = "the environment, as in NAME_DATABASE_URL; its own backups are taken")
    String env;

    @Option(names = "--table", required = true, paramLabel = "SCHEMA.NAME",
        description = "the table whose rows are put back; what belongs to them comes by foreign keys")
    String name;

    @Option(names = "--where", paramLabel = "CONDITION",
        description = "which of the backup's rows, as behind WHERE; times without an offset are UTC")
    String where;

    @Option(names = "--missing",
        description = "all of the backup's rows that are missing, also those that were deleted on purpose since")
    boolean missing;

    @Option(names = "--overwrite",
        description = "chosen rows that are there become as in the backup; a safety backup is made first")
    boolean overwrite;

    @Option(names = "--dry-run", description = "say how many rows of which tables would come back, change nothing")
    boolean dryRun;

    @Option(names = "--fire-triggers",
        description = "let the tables' triggers run for each row; default: they do not, as in a restore")
    boolean fireTriggers;

    @Option(names = "--confirm", paramLabel = "NAME",
        description = "a protected environment's name, where nobody can type it")
    String confirm;

    @Option(names = "--although-broken",
        description = "take a backup that was found broken; it must be named by its whole id")
    boolean althoughBroken;

    @Option(names = "--identity", paramLabel = "FILE",
        description = "the age identity that decrypts; default: BACKUP_IDENTITY_FILE")
    Path identity;

    @Option(names = "--wait", paramLabel = "SECONDS",
        description = "how long to wait for another run's lock; default: not at all")
    int wait;

    @Mixin Run run;

    private Settings settings;
    private DatabaseUrl url;
    private History history;

    public static void main(String... args) { Run.main(new Rows(), args); }

    @Override public Integer call() { return run.execute("rows", dryRun, this::putBack); }

    private record Result(String id, String env, String database, double seconds, String dataAsOf, long chosen,
        Map<String, Long> rows, String safetyBackup) { }

    /** A backup that may be taken. */
    private record Chosen(BackupFolder folder, Manifest manifest, PartReader reader) { }

    private void putBack() throws Exception {
        var steps = new Steps(run, dryRun);
        steps.check("Read the settings", () -> readSettings(steps));
        var opening = steps.start(() -> Store.open(settings));
        history = new History(run, opening, env, "rows");
        if (!dryRun) run.record(history);
        var session = steps.check("Reach the database", () -> connect(steps));
        var store = Steps.await(opening);
        steps.check("Make sure that no other, protected environment is meant",
            () -> { Guard.check(run, settings, url, session, true, store); return true; });
        var chosen = steps.check("Choose the backup", () -> choose(steps, store));
        var target = new Target(session, settings);
        var table = target.table(name);
        var tables = steps.check("Look at the tables", () -> related(steps, session, target, table));
        var server = steps.check("Have a server for the backup's rows", () -> server(steps, store, chosen.manifest));
        var rows = new BackedUp(run, settings, server.loader());
        steps.check("Load them", () -> load(steps, chosen, rows, target, table, tables));
        var found = steps.check("Find what is missing", () -> find(steps, chosen, rows, target, table));
        target.close();
        if (found.stream().noneMatch(Found::isToDo)) {
            report(chosen.manifest, found, null, null);
            return;
        }
        var putting = steps.check("Look whether they can be put back", () -> look(steps, target, rows, found));
        if (settings.protectedEnvironments().contains(env))
            steps.change("Ask", "for the name of '" + env + "', typed on the terminal or given as --confirm",
                () -> ask(steps, chosen, found));
        var lock = steps.change("Take the lock", "so that no backup, restore or deploy runs meanwhile",
            () -> Lock.forRows(run, url, settings, Duration.ofSeconds(wait)));
        var safety = found.stream().anyMatch(each -> each.overwritten() > 0) ? safetyBackup(lock, putting) : null;
        steps.change("Put them back", words(found), () -> put(steps, putting, rows));
        steps.change("Compare", "each row with the backup's, and what else has changed",
            () -> { steps.found(putting.compare()); return true; });
        steps.change("Commit", "from then on everybody sees them", () -> commit(lock, putting, chosen, found));
        if (!dryRun) report(chosen.manifest, found, putting, safety);
    }

    private boolean readSettings(Steps steps) {
        settings = run.settings(env);
        run.state("the database of '" + env + "' is as it was");
        url = DatabaseUrl.of(settings);
        settings.require(Setting.BACKUP_BUCKET);
        if (where == null && !missing)
            throw new Failure.Usage("which rows of " + name + "?",
                "--where \"id = 42\" for certain ones; --missing for all that are missing");
        if (where != null && missing)
            throw new Failure.Usage("--where and --missing exclude each other",
                "leave --missing out: what --where chooses comes back where it is missing");
        if (overwrite && where == null)
            throw new Failure.Usage("--overwrite wants to know which rows",
                "--where \"id = 42\"; for all of them: --where true");
        if (where != null) where = Condition.checked(where);
        steps.found(env + ", " + url);
        return true;
    }

    private Database connect(Steps steps) {
        var session = Database.connect(url, settings, "handover rows " + env);
        run.undo.add("close the session", session::close);
        Lock.refuseStandby(session, url, settings);
        DatabaseProperties.asWhoConnected(session);
        steps.found("PostgreSQL " + session.one("select pg_catalog.current_setting('server_version')"));
        return session;
    }

    private Chosen choose(Steps steps, Store store) throws Exception {
        var folder = BackupFolder.find(store, env, wanted, run.console::warn);
        var manifest = folder.manifest(store);
        var proof = Proof.of(manifest, folder.evidence(store));
        proof.refuseBroken(run.console, folder, wanted, althoughBroken, env,
            "./jbang rows " + folder.id() + " --env " + env + " --table " + name + " …");
        var reader = new PartReader(store, folder, manifest,
            Optional.ofNullable(identity).map(Path::toString).or(() -> settings.get(Setting.BACKUP_IDENTITY_FILE)));
        reader.checkObjects();
        history.add("from", store.uri(folder.key()));
        steps.found(folder.id() + ", of database '" + manifest.database() + "', data as of " + manifest.snapshotTime()
            + ", " + Amount.age(Instant.parse(manifest.snapshotTime()), run.started) + ", proof: "
            + proof.words(run.started));
        return new Chosen(folder, manifest, reader);
    }

    private List<Table> related(Steps steps, Database session, Target target, Table table) {
        var tables = target.related(table);
        steps.found(table + (table.key().isEmpty() ? "" : ", key " + String.join(", ", table.key()))
            + (tables.size() == 1 ? "" : "; " + Amount.count(tables.size() - 1, "other") + " by foreign keys"));
        if (table.key().isEmpty())
            throw new Failure.Refused(table + " has no primary key and no unique columns that are never empty: "
                + "nobody can tell which of its rows are missing", byHand(table));
        Writable.check(session, settings, table, overwrite, fireTriggers);
        return tables;
    }

    private String byHand(Table table) {
        return "compare by hand, from a scratch database: " + table.intoScratch(env);
    }

    private DrillServer server(Steps steps, Store store, Manifest manifest) throws Exception {
        var server = DrillServer.open(run, settings, store, manifest.serverMajor(), LOCKS, null);
        var locale = server.create(manifest.server());
        if (!locale.isEmpty()) run.console.detail(locale);
        steps.found("PostgreSQL " + server.version + ", which nobody else uses");
        return server;
    }

    /** Nothing of it is used before all of it was read, and its checksum is right. */
    private boolean load(Steps steps, Chosen chosen, BackedUp rows, Target target, Table table, List<Table> tables)
        throws Exception {
        String compared;
        try (var progress = new Progress(run.console, "Load", chosen.reader::done, chosen.manifest.bytesRaw())) {
            compared = rows.load(chosen.reader, chosen.manifest, tables, target.partitions());
        }
        var id = chosen.folder.id();
        if (!rows.has(table))
            throw new Failure.Failed("backup " + id + " has no rows of " + table
                + ": it is newer than the backup, had another name then, or was left out",
                "see what is in it: ./jbang backups show " + id + " --env " + env);
        if (!rows.hasKey(table))
            throw new Failure.Refused("backup " + id + " does not have the key of " + table + ", "
                + String.join(", ", table.key()), byHand(table));
        var lacking = tables.stream().filter(each -> !rows.has(each)).map(Table::toString).toList();
        if (!lacking.isEmpty()) run.console.warn("the backup has no rows of " + String.join(", ", lacking));
        steps.found(compared);
        return true;
    }

    private List<Found> find(Steps steps, Chosen chosen, BackedUp rows, Target target, Table table) throws Exception {
        var found = new Choice(rows, target, env).of(table, Optional.ofNullable(where), overwrite);
        var number = found.stream().mapToLong(Found::chosen).sum();
        if (number == 0 && where != null)
            throw new Failure.Failed("no row of " + table + " in backup " + chosen.folder.id() + ", of "
                + chosen.manifest.snapshotTime() + ", is what --where says",
                "is the condition right? Else another backup may have it: ./jbang backups list --env " + env);
        steps.found(number + " of " + table + (where == null ? " are in the backup" : " chosen") + "; missing: "
            + words(found));
        for (var each : found) {
            if (each.isToDo() && !rows.gone(each.table()).isEmpty())
                run.console.warn("left out, since " + each.table() + " has no such columns any more: "
                    + String.join(", ", rows.gone(each.table())));
            if (each.changed() > 0) run.console.warn(changed(each));
        }
        return found;
    }

    private String changed(Found found) {
        var table = found.table();
        var pointed = Amount.count(found.changed(), "row") + " of " + table + " pointed at them in the backup";
        if (table.key().isEmpty())
            return pointed + ", and " + table + " has no key: nobody can tell whether they are still there, and they do "
                + "not come back; " + byHand(table);
        return pointed + ", and do not now: they stay as they are; to have them as they were: --table " + table
            + " --where … --overwrite";
    }

    private static String words(List<Found> found) {
        var words = found.stream().filter(Found::isToDo)
            .map(each -> Amount.count(each.missing(), "row") + " of " + each.table()
            + (each.overwritten() == 0 ? "" : ", and " + each.overwritten() + " to overwrite"))
            .collect(Collectors.joining(", "));
        return words.isEmpty() ? "none" : words;
    }

    private Putting look(Steps steps, Target target, BackedUp rows, List<Found> found) {
        var putting = new Putting(run, settings, url, rows, found, target.foreignKeys(), fireTriggers);
        var triggers = putting.triggers();
        steps.found(triggers.isEmpty() ? "no trigger would run"
            : (fireTriggers ? "these triggers will run: " : "these triggers will not run: ") + triggers);
        return putting;
    }

    private boolean ask(Steps steps, Chosen chosen, List<Found> found) {
        Confirmation.given(confirm, "Into the database of the protected environment '" + env + "', " + url
            + ", come from backup " + chosen.folder.id() + ", "
            + Amount.age(Instant.parse(chosen.manifest.snapshotTime()), run.started) + ": " + words(found) + ".", env);
        steps.found("'" + env + "' was " + (confirm == null ? "typed" : "given"));
        return true;
    }

    private String safetyBackup(Lock lock, Putting putting) throws Exception {
        putting.noteBackup();
        run.console.say((dryRun ? "would first back up" : "first a backup of") + " what is there now:");
        return BackupDb.ofLocked(run, env, lock, dryRun, settings.protectedEnvironments().contains(env));
    }

    private boolean put(Steps steps, Putting putting, BackedUp rows) throws Exception {
        run.state("the database of '" + env + "' is as it was: nothing was committed");
        steps.found(putting.put(rows));
        return true;
    }

    private boolean commit(Lock lock, Putting putting, Chosen chosen, List<Found> found) throws Exception {
        lock.makeSure();
        lock.endNothing();
        putting.commit();
        run.state("the rows are back in the database of '" + env + "'");
        history.add("restored", chosen.folder.id());
        history.add("rows", counts(found, putting));
        return true;
    }

    private static Map<String, Long> counts(List<Found> found, Putting putting) {
        var counts = new LinkedHashMap<String, Long>();
        for (var table : found.stream().map(Found::table).toList())
            if (putting != null && putting.count(table) > 0) counts.put(table.toString(), putting.count(table));
        return counts;
    }

    /** @param putting null when there was nothing to do */
    private void report(Manifest manifest, List<Found> found, Putting putting, String safety) {
        var result = new Result(manifest.id(), env, url.database, Amount.seconds(run.elapsed()),
            manifest.snapshotTime(), found.stream().mapToLong(Found::chosen).sum(), counts(found, putting), safety);
        run.console.result(run.json ? Json.text(result)
            : putting == null ? "nothing is missing: " + result.chosen() + " of " + name + " in backup " + result.id()
                + ", and all of them are there"
            : putting.words() + ", from backup " + result.id() + ", data as of " + result.dataAsOf() + ", in "
                + Amount.time(run.elapsed()));
    }
}
