package migrations;

import backups.RoleCopy;
import backups.TrialRestore;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import ops.*;

/**
 * Migrations that the application's own command applies, as MIGRATE_COMMAND names it. Only the command knows what is
 * pending: it is seen by running it in the environment's last backup, restored beside it, and comparing all that is
 * there before and after. Where its tool keeps what it has applied in a table that the kit knows, the environment's own
 * is compared with that.
 */
public final class MigrateCommand implements Pending {
    /** Runs it where the application's dependencies are installed, with a database's address as DATABASE_URL. */
    public interface Runner { void run(List<String> command, Secret database) throws Exception; }

    /**
     * What can be told of a database without reading its rows.
     *
     * @param tables each with its columns
     * @param applied by what tools' tables say, as is what has not ended well, and the last version
     */
    private record Moment(
        Set<String> things, Set<String> tables, Set<String> applied, List<String> wrong, String last) {
        static Moment of(DatabaseUrl url, Settings settings) {
            try (var session = connect(url, settings)) {
                var shape = Shape.of(session);
                return new Moment(MigrateCommand.things(shape), MigrateCommand.tables(shape),
                    ToolHistory.applied(session), ToolHistory.wrong(session), session.schemaVersion());
            }
        }

        /** What has come of an earlier one, as a clause. */
        String since(Moment before) {
            var what = new ArrayList<String>();
            var more = new LinkedHashSet<>(applied);
            more.removeAll(before.applied);
            if (!more.isEmpty()) what.add("recorded as applied since: " + String.join(", ", more));
            what.addAll(wrong);
            if (!what.isEmpty()) return String.join("; ", what);
            if (!things.equals(before.things))
                return "objects of the database have changed, and no migration is recorded";
            return "the database has the objects and the recorded migrations that it had; its rows were not compared";
        }
    }

    private static final Duration TIME_TO_COUNT = Duration.ofSeconds(5);

    private final List<String> command;
    private final Runner runner;
    private final String name;
    private final String last;
    private boolean rehearsed;
    private boolean changes;
    private List<String> versions = List.of();
    /** Those of the versions that the backup has applied already: what they destroy is not seen there. */
    private List<String> notRehearsed = List.of();
    private List<Finding> losses = List.of();
    /** What was applied to the environment's database and is not in the backup. */
    private Set<String> lacking = Set.of();
    private String version;

    /** @param last version of the environment's database; empty where no tool's table that the kit knows has any */
    public MigrateCommand(List<String> command, Runner runner, String last) {
        this.command = command;
        this.runner = runner;
        this.last = last;
        name = "'" + String.join(" ", command) + "'";
        version = last + " and what " + name + " has applied unrehearsed";
    }

    @Override public boolean isEmpty() { return rehearsed && !changes; }

    @Override public String version() { return version; }

    /** What nobody has tried may destroy anything, also before its tool's table says a word of it. */
    @Override public String breaking() {
        if (!rehearsed) return last;
        return !notRehearsed.isEmpty() || losses.stream().anyMatch(Finding::destructive) ? version : null;
    }

    @Override public List<String> versions() { return versions; }

    @Override public String toString() {
        if (!rehearsed) return name + " says what is pending when it is run";
        if (!changes) return "nothing is pending" + (last.isEmpty() ? "" : "; the last one is " + last)
            + (lacking.isEmpty() ? "" : "; what no table tells of can't be seen in that backup");
        return versions.isEmpty() ? name + " changes the database, by no table of migrations that the kit knows"
            : versions.size() + " pending: " + String.join(", ", versions);
    }

    @Override public Rehearsal.Result rehearse(Run run, Settings settings, Store store, Steps steps) throws Exception {
        var skip = "; or, without a rehearsal: --apply-migrations --unrehearsed";
        var backup = Rehearsal.lastBackup(store, settings.env).orElseThrow(() -> new Failure.Refused("there is no whole"
            + " backup of '" + settings.env + "', and " + name + " can be rehearsed nowhere else",
            "./jbang backup-db --env " + settings.env + ", then deploy" + skip));
        var trial = new TrialRestore(run, settings, store, backup, steps);
        try {
            trial.restore();
            return inBackup(run, settings, trial, Rehearsal.where(backup, run), steps);
        } catch (Failure.ToolFailed e) {
            throw new Failure.ToolFailed(name + " can't be rehearsed: " + e.getMessage(), e.hint + skip);
        } finally {
            trial.close();
        }
    }

    private Rehearsal.Result inBackup(Run run, Settings settings, TrialRestore trial, String where, Steps steps)
        throws Exception {
        var copy = RoleCopy.of(settings);
        var database = Rehearsal.asWhoApplies(trial, copy);
        var before = trial.copyOfNow();
        var sessions = trial.sessions();
        var rollbacks = trial.rollbacks();
        var environment = Moment.of(DatabaseUrl.of(settings), settings);
        var begun = Instant.now();
        var failed = Optional.<Failure>empty();
        try {
            runner.run(command, database.address());
        } catch (Failure.ToolFailed e) {
            failed = Optional.of(e);
        }
        var took = new Timed(name, Amount.seconds(Duration.between(begun, Instant.now())));
        if (!environment.equals(Moment.of(DatabaseUrl.of(settings), settings))) {
            run.state("the environment's database was changed while " + name + " was rehearsed; what was live is live");
            throw new Failure.NotVerified("the environment's own database has changed meanwhile: it may be that " + name
                + " does not go by DATABASE_URL", "see what it connects to (a file .env, an address in its"
                + " configuration); when somebody else has changed the database, run this again");
        }
        if (failed.isPresent())
            throw new Failure.NotVerified(name + " fails in " + where + ", and on the environment's own data it would"
                + " too: " + failed.get().getMessage(), "see the log for all that it said; mend the migration, or the"
                + " data that it stumbles on" + (copy.mayMore() ? "; a copy of role " + copy.role() + " may less than"
                    + " itself: if that is all, --apply-migrations --unrehearsed" : ""));
        requireConnected(trial, sessions);
        warn(run, trial.rollbacks() - rollbacks);
        environment.wrong.forEach(each -> run.console.warn("in the environment's own database " + each + "; "
            + ToolHistory.MENDING));
        steps.check("Compare what it has left", () -> compare(settings, before, trial, environment, run));
        return new Rehearsal.Result(where, List.of(took), isEmpty() ? List.of() : losses, notRehearsed);
    }

    /** One that goes to another database, or to none, ends well and changes nothing. */
    private void requireConnected(TrialRestore trial, long before) throws InterruptedException {
        var until = Instant.now().plus(TIME_TO_COUNT); // the server counts a moment later
        while (before >= 0 && trial.sessions() == before) {
            if (Instant.now().isAfter(until))
                throw new Failure.NotVerified(name + " ended well, and has not connected to the database that"
                    + " DATABASE_URL names", "have its configuration take the address from the environment variable"
                    + " DATABASE_URL");
            Thread.sleep(100);
        }
    }

    private boolean compare(Settings settings, DatabaseUrl was, TrialRestore trial, Moment environment, Run run)
        throws Exception {
        try (var then = connect(was, settings); var now = connect(trial.database(), settings)) {
            var before = Shape.of(then);
            var after = Shape.of(now);
            var rows = rows(before, after, then, now);
            losses = new ArrayList<>(Losses.of(name, before, after, rows));
            losses.addAll(Losses.objects(name, before, after, then, now));
            var had = ToolHistory.applied(then);
            var applied = ToolHistory.applied(now);
            versions = applied.stream().filter(each -> !environment.applied.contains(each)).toList();
            notRehearsed = versions.stream().filter(had::contains).toList();
            lacking = new LinkedHashSet<>(applied);
            lacking.removeAll(had);
            lacking.removeAll(versions);
            var same = rows.isEmpty() && losses.isEmpty() && things(before).equals(things(after));
            // Last, since it takes longest: a function's text, a view's query, an index.
            changes = !versions.isEmpty()
                || lacking.isEmpty() && !(same && trial.definesTheSame(was, trial.database()));
            rehearsed = true;
            version = changes ? now.schemaVersion() : last;
            if (!changes && applied.isEmpty() && !environment.tables.equals(tables(before)))
                throw new Failure.Refused(name + " changes nothing in the last backup, and the environment's database"
                    + " has other tables or columns than that: whether something is pending there can't be told",
                    "./jbang backup-db --env " + settings.env + ", then deploy");
            warn(run, "./jbang backup-db --env " + settings.env);
            return true;
        }
    }

    /** Of those tables that have not the same rows any more. */
    private Map<String, Rows.Change> rows(Shape before, Shape after, Database then, Database now) {
        var changed = new HashMap<String, Rows.Change>();
        before.tables().forEach((id, table) -> {
            if (ToolHistory.isOne(table.name(), table.columns())) return;
            var was = Rehearsal.rows(id, before, after, true, then);
            var is = Rehearsal.rows(id, before, after, false, now);
            if (!was.areLike(is)) changed.put(id, was.to(is));
        });
        return changed;
    }

    /** A program that passes over what has failed ends well too; tools that have done their work roll nothing back. */
    private void warn(Run run, long rolledBack) {
        if (rolledBack > 0)
            run.console.warn(name + " ended well, and " + Amount.count(rolledBack, "transaction") + " of it "
                + (rolledBack == 1 ? "was" : "were") + " rolled back: when the log tells of an error, it has not done"
                + " all that is pending");
    }

    /** Of what this backup can't show. */
    private void warn(Run run, String backUp) {
        if (!notRehearsed.isEmpty())
            run.console.warn("the last backup has had these applied, which the environment's database lacks, so what"
                + " they destroy can't be seen in it: " + String.join(", ", notRehearsed) + "; make a backup first: "
                + backUp);
        if (!lacking.isEmpty())
            run.console.warn("the last backup lacks what was applied since: " + String.join(", ", lacking) + (changes
                ? "; what that has destroyed is told with the rest, unless you make a backup first: " + backUp : ""));
    }

    @Override public String apply(Run run, Settings settings, Steps steps, Runnable sure, Consumer<String> state)
        throws Exception {
        var url = DatabaseUrl.of(settings);
        var before = Moment.of(url, settings);
        sure.run();
        state.accept(name + " was run on the database: what it has applied stays, and its own table says what that is");
        try {
            runner.run(command, url.address());
        } catch (Failure.ToolFailed e) {
            state.accept(left(before, url, settings));
            throw new Failure.Failed(e.getMessage(), "see the log for all that it said; mend the migration, or the data"
                + " that it stumbles on, and deploy again; should State say of one that it has not ended: "
                + ToolHistory.MENDING);
        }
        var after = Moment.of(url, settings);
        state.accept(after.since(before));
        var missing = new ArrayList<>(versions);
        missing.removeAll(after.applied);
        after.wrong.stream().filter(each -> !before.wrong.contains(each)).forEach(missing::add);
        if (!missing.isEmpty())
            throw new Failure.NotVerified(name + " ended well, and by the database's own table these are not applied: "
                + String.join(", ", missing), "see the log for all that it said");
        var applied = after.applied.stream().filter(each -> !before.applied.contains(each)).toList();
        if (!rehearsed) versions = applied;
        if (rehearsed || !after.applied.isEmpty()) version = after.last;
        return name + " ended well; " + (applied.isEmpty() ? after.since(before)
            : applied.size() + " applied; the database is at " + version);
    }

    private String left(Moment before, DatabaseUrl url, Settings settings) {
        try {
            return Moment.of(url, settings).since(before);
        } catch (Failure e) {
            return "what " + name + " has left in the database can't be told: " + e.getMessage();
        }
    }

    private static Set<String> things(Shape shape) {
        return shape.things().values().stream().map(thing -> thing.words() + " " + thing.type())
            .collect(Collectors.toSet());
    }

    private static Set<String> tables(Shape shape) {
        return shape.tables().values().stream()
            .map(table -> table.name() + " " + new TreeSet<>(table.columns())).collect(Collectors.toSet());
    }

    private static Database connect(DatabaseUrl url, Settings settings) {
        return Database.connect(url, settings, "handover migrations " + settings.env);
    }
}
