package migrations;

import backups.RoleCopy;
import backups.TrialRestore;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
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
     * @param applied by what tools' tables say, as is what has not ended well, and the last version
     */
    private record Moment(Set<String> things, Set<String> applied, List<String> wrong, String last) {
        static Moment of(DatabaseUrl url, Settings settings) {
            try (var session = connect(url, settings)) {
                return new Moment(MigrateCommand.things(Shape.of(session)), ToolHistory.applied(session),
                    ToolHistory.wrong(session), session.schemaVersion());
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
    private List<Finding> losses = List.of();
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

    /** What nobody has tried may destroy anything; and where no table says what is applied, at any time since. */
    @Override public String breaking() {
        if (!rehearsed) return last.isEmpty() ? "" : version;
        return losses.stream().anyMatch(Finding::destructive) ? version : null;
    }

    @Override public List<String> versions() { return versions; }

    @Override public String toString() {
        if (!rehearsed) return name + " says what is pending when it is run";
        if (!changes) return "nothing is pending" + (last.isEmpty() ? "" : "; the last one is " + last);
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
        steps.check("Compare what it has left", () -> compare(settings, before, trial.database(), environment, run));
        return new Rehearsal.Result(where, List.of(took), isEmpty() ? List.of() : losses, List.of());
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

    private boolean compare(Settings settings, DatabaseUrl was, DatabaseUrl is, Moment environment, Run run) {
        try (var then = connect(was, settings); var now = connect(is, settings)) {
            var before = Shape.of(then);
            var after = Shape.of(now);
            var rowsThen = new HashMap<String, Rows>();
            var rowsNow = new HashMap<String, Rows>();
            before.tables().forEach((id, table) -> {
                if (ToolHistory.isOne(table.name())) return;
                var each = Rehearsal.rows(id, before, after, true, then);
                var later = Rehearsal.rows(id, before, after, false, now);
                if (each.areLike(later)) return;
                rowsThen.put(id, each);
                rowsNow.put(id, later);
            });
            losses = Losses.of(name, before, after, rowsThen, rowsNow);
            var applied = ToolHistory.applied(now);
            versions = applied.stream().filter(each -> !environment.applied.contains(each)).toList();
            var since = new LinkedHashSet<>(applied);
            since.removeAll(ToolHistory.applied(then));
            since.removeAll(versions);
            rehearsed = true;
            var same = rowsThen.isEmpty() && things(before).equals(things(after));
            changes = !versions.isEmpty() || since.isEmpty() && !same;
            version = changes ? now.schemaVersion() : last;
            if (!since.isEmpty())
                run.console.warn("the last backup lacks what was applied since: " + String.join(", ", since)
                    + (changes ? "; what that has destroyed is told with the rest, unless you make a backup first:"
                        + " ./jbang backup-db --env " + settings.env : ""));
            return true;
        }
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
        var lacking = new ArrayList<>(versions);
        lacking.removeAll(after.applied);
        after.wrong.stream().filter(each -> !before.wrong.contains(each)).forEach(lacking::add);
        if (!lacking.isEmpty())
            throw new Failure.NotVerified(name + " ended well, and by the database's own table these are not applied: "
                + String.join(", ", lacking), "see the log for all that it said");
        var applied = after.applied.stream().filter(each -> !before.applied.contains(each)).toList();
        if (!rehearsed) versions = applied;
        if (rehearsed || !after.applied.isEmpty()) version = after.last;
        return name + " ended well; " + (applied.isEmpty() ? "no table that the kit knows has another entry"
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

    private static Database connect(DatabaseUrl url, Settings settings) {
        return Database.connect(url, settings, "handover migrations " + settings.env);
    }
}
