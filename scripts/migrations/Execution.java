package migrations;

import java.time.Duration;
import java.time.Instant;
import java.util.function.Function;
import ops.Database;
import ops.Database.Complaint;
import ops.Failure;
import ops.Run;

/** Executes migrations on a session, statement by statement. */
final class Execution {
    /** The states of SQL in which nothing is wrong with the migration: it only had to wait too long. */
    private static final String LOCK_TIMEOUT = "55P03", CANCELED = "57014", NO_SUCH_OBJECT = "42704";

    /** What the server says against a migration. */
    record Trouble(MigrationFile file, Statement statement, Complaint complaint) {
        boolean isLockTimeout() { return complaint.state().equals(LOCK_TIMEOUT); }

        boolean isCanceled() { return complaint.state().equals(CANCELED); }

        @Override public String toString() {
            var detail = complaint.detail().isEmpty() ? "" : " (" + complaint.detail().replaceAll("\\s+", " ") + ")";
            var hint = complaint.hint().isEmpty() ? "" : " The server's hint: " + complaint.hint().replaceAll("\\s+", " ");
            return file.fileName() + ", line " + statement.lineAt(complaint.position()) + ": " + complaint.message() + detail + ", in: " + statement.shown() + hint;
        }
    }

    private final Run run;
    private final Database session;
    private final Function<Trouble, Failure> verdict;
    private int done;

    /** @param verdict makes a failure of what the server says */
    Execution(Run run, Database session, Function<Trouble, Failure> verdict) {
        this.run = run;
        this.session = session;
        this.verdict = verdict;
    }

    /** Executes all of it in the session's transaction, deferred constraints included. */
    void inTransaction(MigrationFile file, Runnable beforeEach) {
        for (var statement : file.body()) {
            beforeEach.run();
            attempt(file, statement, statement.text());
        }
        if (!file.body().isEmpty()) attempt(file, file.body().get(file.body().size() - 1), "set constraints all immediate");
    }

    /**
     * Executes one after the other, outside a transaction.
     *
     * @param mayHaveBegun an earlier run may have done some of it, so that an index which is to be dropped may be gone already
     * @param patience how long to wait for an index that a killed run's session is still building
     */
    void oneByOne(MigrationFile file, boolean mayHaveBegun, Duration patience) throws InterruptedException {
        for (var statement : file.body()) {
            var index = ConcurrentIndex.of(statement);
            if (index.isPresent() && isThere(file, statement, index.get(), patience)) {
                done++;
                continue;
            }
            var complaint = session.attempt(statement.text());
            if (complaint.isEmpty()) {
                done += statement.isSetting() ? 0 : 1;
                continue;
            }
            if (mayHaveBegun && complaint.get().state().equals(NO_SUCH_OBJECT) && statement.is("DROP INDEX .*")) {
                run.console.warn(file.at(statement) + " " + complaint.get().message() + ": taken for done");
                done++;
                continue;
            }
            if (index.isPresent()) index.get().quotedIfInvalid(session).ifPresent(this::drop);
            throw verdict.apply(new Trouble(file, statement, complaint.get()));
        }
    }

    /** How many statements of a file that runs outside a transaction are done, and stay; settings do not count. */
    int done() { return done; }

    /** Whether a run that was killed has built it already; what it has left half-built is dropped. */
    private boolean isThere(MigrationFile file, Statement statement, ConcurrentIndex index, Duration patience) throws InterruptedException {
        var deadline = Instant.now().plus(patience);
        for (var told = false; ; told = true) {
            switch (index.there(session)) {
                case NOTHING: return false;
                case THE_SAME:
                    run.console.say(file.at(statement) + " index " + index.name() + " is there already, valid and as it is to be");
                    return true;
                case ANOTHER:
                    throw new Failure.Refused(file.at(statement) + " there is an index " + index.name() + " already, and it is another one", "give the new one another name; or drop that one in a migration before");
                case INVALID:
                    index.quotedIfInvalid(session).ifPresent(this::drop);
                    return false;
                case BEING_BUILT:
                    if (Instant.now().isAfter(deadline)) throw new Failure.Busy(file.at(statement) + " another session is still building index " + index.name(), "wait until it is done, then run this again: select * from pg_stat_progress_create_index");
                    if (!told) run.console.say(file.at(statement) + " another session is building index " + index.name() + ": waiting for it");
                    Thread.sleep(500);
            }
        }
    }

    private void drop(String index) {
        var dropped = session.attempt("drop index concurrently if exists " + index);
        if (dropped.isEmpty()) run.console.say("dropped index " + index + ", which was not valid: one that was left half-built");
        else run.console.warn("index " + index + " is not valid, and could not be dropped: " + dropped.get().message() + "; do it when you can: DROP INDEX CONCURRENTLY " + index + ";");
    }

    private void attempt(MigrationFile file, Statement statement, String sql) {
        session.attempt(sql).ifPresent(complaint -> { throw verdict.apply(new Trouble(file, statement, complaint)); });
    }
}
