package migrations;

import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import ops.Amount;
import ops.Database;
import ops.DatabaseUrl;
import ops.Failure;
import ops.Run;
import ops.Setting;
import ops.Settings;
import ops.Steps;

/**
 * Applies migrations: each in one transaction with its record, as the Supabase CLI keeps it, so that it is applied whole or
 * not at all, whenever the run dies. What can't run in a transaction runs alone, and is recorded when all of it is done; a
 * run that died in between is gone on with by the next.
 */
public final class Apply {
    /** "HAND" and "MIGR" in ASCII: keeps our lock apart from the application's. */
    private static final int OURS = 0x48414E44, MIGRATE = 0x4D494752;

    private final Run run;
    private final Settings settings;
    private final DatabaseUrl url;
    private final Runnable sure;
    private final Consumer<String> state;
    private final int lockSeconds;
    private final Duration patience;
    private final List<Timed> done = new ArrayList<>();

    private Apply(Run run, Settings settings, DatabaseUrl url, Runnable sure, Consumer<String> state) {
        this.run = run;
        this.settings = settings;
        this.url = url;
        this.sure = sure;
        this.state = state;
        lockSeconds = settings.number(Setting.MIGRATIONS_LOCK_SECONDS);
        patience = settings.seconds(Setting.DB_STALL_SECONDS);
    }

    /**
     * Applies what is pending in a plan, a step each; what another run has applied meanwhile is left out.
     *
     * @param sure throws when the environment is this run's no more; asked before each migration, and before it is committed
     * @param state is told, as a clause, what the database is like from here on
     * @return those that it has applied, in order
     * @throws Failure.Failed naming the file, the line and what the server says, or who holds the lock
     * @throws Failure.Unclear when nobody can tell whether one was committed
     */
    public static List<Timed> run(Run run, Settings settings, DatabaseUrl url, Plan plan, Steps steps, Runnable sure, Consumer<String> state) throws Exception {
        var apply = new Apply(run, settings, url, sure, state);
        apply.state("");
        try (var lock = Database.connect(url, settings, apply.who()); var blockers = new Blockers(run, url, settings)) {
            apply.take(lock);
            var now = plan.migrations.compare(lock);
            var others = plan.pending().stream().filter(file -> !now.pending().contains(file)).toList();
            if (!others.isEmpty()) run.console.say("applied by another run meanwhile: " + Migrations.names(others));
            if (!now.isEmpty()) History.prepare(lock);
            for (var file : now.pending()) steps.check("Apply " + file, () -> apply.apply(file, lock, blockers));
        }
        return apply.done;
    }

    private String who() { return "handover migrations " + settings.env + ", process " + ProcessHandle.current().pid(); }

    /** One run at a time. Asked for again and again: who waits inside the server would keep an index from being built concurrently. */
    private void take(Database lock) throws InterruptedException {
        var deadline = Instant.now().plus(patience);
        for (var told = false; lock.one("select pg_try_advisory_lock(?, ?)", OURS, MIGRATE).equals("f"); told = true) {
            if (Instant.now().isAfter(deadline)) throw new Failure.Busy("another run is applying migrations to " + url, "wait until it has ended, then run this again");
            if (!told) run.console.say("waiting: another run is applying migrations to " + url);
            Thread.sleep(200);
        }
    }

    private boolean apply(MigrationFile file, Database lock, Blockers blockers) throws Exception {
        var begun = Instant.now();
        makeSure(lock);
        try (var session = Database.forScripts(url, settings, who())) {
            var forget = run.undo.add("end the migration's session", session::close);
            blockers.of(session);
            var execution = new Execution(run, session, trouble -> failed(trouble, session, blockers));
            if (file.runsAlone()) alone(session, execution, file, lock);
            else whole(session, execution, file, lock);
            forget.run();
        }
        done.add(Timed.since(begun, file));
        state("");
        return true;
    }

    private void whole(Database session, Execution execution, MigrationFile file, Database lock) throws InterruptedException {
        state(file + " is being applied, whole or not at all");
        session.execute("set lock_timeout = '" + lockSeconds + "s'; begin");
        execution.inTransaction(file, () -> { });
        History.add(session, file);
        try {
            makeSure(lock); // it may have taken long
        } catch (Failure e) {
            session.rollback();
            state("");
            throw e;
        }
        try {
            session.execute("commit");
        } catch (Failure.ToolFailed e) {
            if (!isThere(file)) throw e;
        }
    }

    /** Throws Unclear when another run may be at work in the environment, or be applying migrations. */
    private void makeSure(Database lock) {
        sure.run();
        var held = false;
        try {
            held = lock.one("select exists (select from pg_locks where locktype = 'advisory' and granted and pid = pg_backend_pid() and classid = ?::oid and objid = ?::oid)", OURS, MIGRATE).equals("t");
        } catch (Failure e) {
            run.console.detail(e.getMessage());
        }
        if (!held) throw new Failure.Unclear("the lock for migrations of " + url + " was lost, so another run may be applying some", "see what is pending: ./jbang deploy --env " + settings.env + " --dry-run; then run this again");
    }

    /** Waiting for a lock keeps nobody else waiting here, so there is time. */
    private void alone(Database session, Execution execution, MigrationFile file, Database lock)
        throws InterruptedException {
        applied("of " + file + ", which runs outside a transaction, a part may be there: the next run goes on with it");
        var invalid = Tables.of(lock).invalidIndexes();
        session.execute("set lock_timeout = '" + patience.toSeconds() + "s'");
        try {
            execution.oneByOne(file, true, patience);
        } catch (Failure.Failed | Failure.Refused | Failure.Busy e) {
            left(file, execution.done(), lock, invalid);
            throw e;
        }
        History.add(session, file);
    }

    /** Says what a file has left that failed outside a transaction. */
    private void left(MigrationFile file, int done, Database lock, List<Tables.Index> invalidBefore) {
        List<String> invalid;
        try {
            invalid = Tables.of(lock).invalidIndexes().stream().filter(index -> !invalidBefore.contains(index))
                .map(Tables.Index::quoted).toList();
        } catch (Failure e) {
            run.console.detail(e.getMessage());
            return; // a part may be there, as was said before
        }
        if (done == 0 && invalid.isEmpty()) {
            state("");
            return;
        }
        var all = file.body().stream().filter(statement -> !statement.isSetting()).count();
        var part = "of " + file + " " + done + " of " + Amount.count(all, "statement") + (done == 1 ? " is" : " are");
        var drop = String.join("; ", invalid.stream().map(index -> "DROP INDEX CONCURRENTLY " + index).toList());
        applied((done == 0 ? "nothing of " + file + " is done" : part + " done, and stay")
            + ": the next run goes on with it" + (drop.isEmpty() ? "" : "; it has left indexes that are not valid: " + drop));
    }

    /** The connection was lost at the commit. */
    private boolean isThere(MigrationFile file) throws InterruptedException {
        Thread.sleep(2000); // what the server has begun it may still be at
        return History.has(file, () -> Database.connect(url, settings, who()));
    }

    private Failure failed(Execution.Trouble trouble, Database session, Blockers blockers) {
        if (!trouble.file().runsAlone()) {
            session.rollback();
            state("");
        }
        var holder = blockers.last();
        if (trouble.complaint().state().equals(Database.LACKS_A_RIGHT)) return new Failure.Failed(trouble.toString(), "role '" + url.user + "' lacks a right: README.md, Security and permissions");
        if (!trouble.isLockTimeout()) return new Failure.Failed(trouble.toString(), "mend the migration, or the data that it stumbles on, and run this again");
        var waited = trouble.file().at(trouble.statement()) + " waited " + (trouble.file().runsAlone() ? patience.toSeconds() : lockSeconds) + " s for a lock, in vain, for " + trouble.statement().shown();
        return holder.isEmpty() ? new Failure.Failed(waited, "run this again at a quieter time")
            : new Failure.Failed(waited + "; it is held by " + holder, "run this again when that session has ended, or end it: select pg_terminate_backend(" + holder.replaceFirst("^process (\\d+) .*", "$1") + ")");
    }

    private void state(String now) {
        var before = done.isEmpty() ? "the database is as it was" : stay();
        state.accept(now.isEmpty() ? before : before + "; " + now);
    }

    /** The database is not as it was any more. */
    private void applied(String now) { state.accept(done.isEmpty() ? now : stay() + "; " + now); }

    private String stay() {
        return "applied, and they stay: " + String.join(", ", done.stream().map(Timed::file).toList());
    }
}
