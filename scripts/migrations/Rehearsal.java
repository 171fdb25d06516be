package migrations;

import backups.RoleCopy;
import backups.TrialRestore;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import ops.*;

/**
 * Executes what is pending where it does no harm: in the environment's last backup, restored beside it; without one, in a
 * transaction of its own database that is rolled back.
 */
public final class Rehearsal {
    /**
     * How it went.
     *
     * @param where in words
     * @param losses what is gone or changed there since
     * @param notRehearsed those that a transaction can't tell anything of, and what comes behind them
     */
    public record Result(String where, List<Timed> times, List<Finding> losses, List<String> notRehearsed) {
        @Override public String toString() {
            return String.join(", ", times.stream().map(Timed::toString).toList()) + (times.isEmpty() ? "nothing" : "") + ", in " + where + (notRehearsed.isEmpty() ? "" : "; NOT rehearsed: " + String.join(", ", notRehearsed));
        }
    }

    private final Run run;
    private final Settings settings;
    private final Plan plan;
    private final List<Timed> times = new ArrayList<>();
    private final List<Finding> losses = new ArrayList<>();
    private RoleCopy copy;

    private Rehearsal(Run run, Settings settings, Plan plan) {
        this.run = run;
        this.settings = settings;
        this.plan = plan;
    }

    /**
     * Rehearses, and has the plan know what was destroyed.
     *
     * @param url of the environment's own database
     * @throws Failure.NotVerified naming the file, the line and what the server says
     */
    public static Result run(Run run, Settings settings, Store store, DatabaseUrl url, Plan plan, Steps steps) throws Exception {
        if (plan.isEmpty()) return new Result("no place", List.of(), List.of(), List.of());
        var result = new Rehearsal(run, settings, plan).anywhere(store, url, steps);
        plan.rehearsed(result.losses);
        return result;
    }

    private Result anywhere(Store store, DatabaseUrl url, Steps steps) throws Exception {
        var backup = lastBackup(store, settings.env);
        if (backup.isEmpty()) return withoutBackup(url, steps, "there is no whole backup of '" + url.database + "'");
        var trial = new TrialRestore(run, settings, store, backup.get(), steps);
        try {
            trial.restore();
            return inBackup(backup.get(), trial, steps);
        } catch (Failure.ToolFailed e) {
            return withoutBackup(url, steps, e.getMessage());
        } finally {
            trial.close();
        }
    }

    /** Empty when there is none; of one that can't be read nobody can say whether it is the last. */
    static Optional<BackupFolder> lastBackup(Store store, String env) throws Exception {
        try {
            return Optional.of(Latest.of(store, env, null).backup().folder());
        } catch (Failure.Failed e) {
            return Optional.empty();
        }
    }

    private Result inBackup(BackupFolder backup, TrialRestore trial, Steps steps) throws Exception {
        copy = RoleCopy.of(settings);
        var database = asWhoApplies(trial, copy);
        var where = where(backup, run);
        var applied = applied(trial);
        for (var file : plan.migrations.files) {
            if (applied.contains(file.version())) continue;
            if (!plan.pending().contains(file))
                steps.check("Bring the backup up to date with " + file, () -> bringUpToDate(file, database, where));
            else times.add(steps.check("Rehearse " + file, () -> inBackup(file, database, trial.database(), where)));
        }
        return new Result(where, List.copyOf(times), List.copyOf(losses), List.of());
    }

    /** As in "backup 20261122T101500Z-abcdef (2 h ago)". */
    static String where(BackupFolder backup, Run run) {
        return "backup " + backup.id() + " (" + Amount.age(backup.began(), run.started) + ")";
    }

    /** Versions that the backup has: by its table, or by its manifest when the table was not in it. */
    private Set<String> applied(TrialRestore trial) {
        try (var session = Database.connect(trial.database(), settings, who())) {
            var applied = History.of(session).keySet();
            var last = trial.manifest().schemaVersion();
            if (!applied.isEmpty() || last.isEmpty()) return applied;
            return plan.migrations.files.stream().map(MigrationFile::version).filter(version -> version.compareTo(last) <= 0).collect(Collectors.toSet());
        }
    }

    /** As a copy of the role that will apply them: what it may not, fails here too; and nothing in them becomes this server's superuser. */
    static DatabaseUrl asWhoApplies(TrialRestore trial, RoleCopy copy) {
        return trial.database(copy).orElseThrow(() -> new Failure.ToolFailed("the server for drills has a role '" + copy.role() + "' of its own", "leave DRILL_DATABASE_URL out of the settings"));
    }

    private boolean bringUpToDate(MigrationFile file, DatabaseUrl database, String where) throws InterruptedException {
        try (var session = open(database)) {
            if (file.runsAlone()) execution(session, where).oneByOne(file, false, Duration.ZERO);
            else {
                inTransaction(file, session, where);
                session.execute("commit");
            }
            return true;
        }
    }

    /**
     * Twice when it touches rows: only then is it known in which tables, and these are read as they were before.
     *
     * @param reading the same database for who may read all of it
     */
    private Timed inBackup(MigrationFile file, DatabaseUrl database, DatabaseUrl reading, String where)
        throws InterruptedException {
        try (var session = open(database)) {
            var before = Shape.of(session);
            var begun = Instant.now();
            if (file.runsAlone()) execution(session, where).oneByOne(file, false, Duration.ZERO);
            else inTransaction(file, session, where);
            var took = Timed.since(begun, file);
            var after = Shape.of(session);
            losses.addAll(Losses.objects(file.fileName(), before, after));
            var touched = before.touched(after);
            if (file.runsAlone() || touched.isEmpty()) {
                if (!file.runsAlone()) session.execute("commit");
                losses.addAll(Losses.of(file.fileName(), before, after, Map.of()));
                return took;
            }
            session.execute("rollback");
            var was = new HashMap<String, Rows>();
            var then = after;
            reading(reading, rows -> touched.forEach(id -> was.put(id, rows(id, before, then, true, rows))));
            inTransaction(file, session, where);
            var now = Shape.of(session);
            session.execute("commit");
            var changes = new HashMap<String, Rows.Change>();
            reading(reading, rows ->
                was.forEach((id, each) -> changes.put(id, each.to(rows(id, before, now, false, rows)))));
            losses.addAll(Losses.of(file.fileName(), before, now, changes));
            return took;
        }
    }

    private void reading(DatabaseUrl database, Consumer<Database> read) {
        try (var session = Database.connect(database, settings, who())) {
            read.accept(session);
        }
    }

    /**
     * The rows that a table has now, in the columns that are there at both moments; none of one that is not there.
     *
     * @param id before
     * @param still whether now is before
     */
    static Rows rows(String id, Shape before, Shape after, boolean still, Database session) {
        var then = before.tables().get(id);
        var now = before.now(id, after);
        var table = still ? then : now;
        var columns = new ArrayList<>(then.columns());
        if (now != null) columns.retainAll(now.columns());
        if (columns.isEmpty() && table != null) columns.addAll(table.columns());
        return table == null || columns.isEmpty() ? Rows.none() : Rows.of(session, table.name(), columns);
    }

    private Database open(DatabaseUrl database) {
        var session = Database.forScripts(database, settings, who());
        session.rows("select pg_catalog.set_config('search_path', ?, false)", row -> row[0], plan.searchPath());
        return session;
    }

    private Execution execution(Database session, String where) {
        return new Execution(run, session, trouble -> failed(trouble, where));
    }

    private void inTransaction(MigrationFile file, Database session, String where) {
        session.execute("begin");
        execution(session, where).inTransaction(file, () -> { });
    }

    private Failure failed(Execution.Trouble trouble, String where) {
        if (trouble.complaint().state().equals(Database.LACKS_A_RIGHT) && copy.mayMore())
            return new Failure.ToolFailed(trouble + "; a copy of role " + copy.role() + " may not do that, since what others have written could run with its rights", "--unrehearsed");
        return new Failure.NotVerified(trouble + "; seen in " + where + ": on the environment's own data it would fail too", !trouble.complaint().state().equals(Database.LACKS_A_RIGHT) ? "mend the migration, or the data that it stumbles on"
            : "let the role have that right: README.md, Security and permissions; where the environment's own server grants it in a way of its own, --unrehearsed");
    }

    /** In the database itself: what is locked is so for visitors too, hence not for long. */
    private Result withoutBackup(DatabaseUrl url, Steps steps, String why) throws Exception {
        run.console.warn(why + ": rehearsed in a transaction of " + url + " itself, which is rolled back");
        var left = new ArrayList<>(plan.pending());
        times.clear();
        losses.clear();
        var seconds = settings.number(Setting.MIGRATIONS_LOCK_SECONDS);
        try (var session = Database.forScripts(url, settings, who()); var blockers = new Blockers(run, url, settings)) {
            blockers.of(session);
            session.execute("set lock_timeout = '" + seconds + "s'; begin");
            var end = Instant.now().plusSeconds(seconds);
            var execution = new Execution(run, session, trouble -> rolledBack(trouble, session, blockers, seconds));
            var sequences = Shape.of(session).sequences();
            try {
                while (!left.isEmpty() && !left.get(0).runsAlone() && left.get(0).lasting().isEmpty()) {
                    var file = left.get(0);
                    var before = Shape.of(session);
                    var begun = Instant.now();
                    steps.check("Rehearse " + file, () -> {
                        execution.inTransaction(file, () -> session.execute("set local statement_timeout = '" + Math.max(1, Duration.between(Instant.now(), end).toMillis()) + "ms'"));
                        return true;
                    });
                    times.add(Timed.since(begun, file));
                    session.execute("set local statement_timeout = 0");
                    var after = Shape.of(session);
                    losses.addAll(Losses.counted(file.fileName(), before, after, session));
                    losses.addAll(Losses.objects(file.fileName(), before, after));
                    left.remove(0);
                }
            } finally {
                session.rollback();
                putBack(sequences, url);
            }
        }
        if (!left.isEmpty()) {
            var reason = left.get(0).lasting().orElse(left.get(0) + " can't run in a transaction");
            run.console.warn(reason + ", so neither it nor what follows is rehearsed: make a backup, ./jbang backup-db --env "
                + settings.env);
        }
        var untried = left.stream().map(MigrationFile::fileName).toList();
        return new Result("a transaction that was rolled back", List.copyOf(times), List.copyOf(losses), untried);
    }

    /** What calls setval() unseen has done so for good; nobody else makes a sequence go back. */
    private void putBack(Map<String, Long> before, DatabaseUrl url) {
        try (var session = Database.connect(url, settings, who())) {
            var now = Shape.of(session).sequences();
            for (var each : before.entrySet()) {
                var last = each.getValue();
                if (last == null || !now.containsKey(each.getKey())) continue;
                if (now.get(each.getKey()) != null && now.get(each.getKey()) >= last) continue;
                var name = each.getKey().replaceFirst("^sequence ", "");
                session.rows("select pg_catalog.setval(?::pg_catalog.regclass, ?)", row -> row, name, Math.abs(last));
                run.console.warn("the rehearsal had set back " + Console.plain(each.getKey()) + ", which no rollback undoes: it is at "
                    + Math.abs(last) + " again");
            }
        } catch (Failure e) {
            run.console.warn("whether the rehearsal has set back a sequence can't be told: " + e.getMessage());
        }
    }

    private Failure rolledBack(Execution.Trouble trouble, Database session, Blockers blockers, int seconds) {
        session.rollback();
        var backup = "make a backup, so that it is rehearsed beside the environment: ./jbang backup-db --env " + settings.env;
        if (trouble.isCanceled()) return new Failure.NotVerified(trouble.file().at(trouble.statement()) + " the rehearsal took longer than " + seconds + " s, and would have kept others waiting: it was rolled back", backup);
        if (trouble.isLockTimeout()) return new Failure.NotVerified(trouble.file().at(trouble.statement()) + " the rehearsal waited " + seconds + " s for a lock" + (blockers.last().isEmpty() ? "" : " that is held by " + blockers.last()), backup);
        return new Failure.NotVerified(trouble + "; it was rolled back", "mend the migration, or the data that it stumbles on");
    }

    private String who() { return "handover migrations " + settings.env + ", process " + ProcessHandle.current().pid(); }
}
