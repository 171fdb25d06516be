package migrations;

import java.util.List;
import java.util.function.Consumer;
import ops.Run;
import ops.Settings;
import ops.Steps;
import ops.Store;

/** What is to be done to a database before a release is live, as in "2 pending: a.sql, b.sql". */
public sealed interface Pending permits Plan, MigrateCommand {
    /** Whether it is known that nothing is. */
    boolean isEmpty();

    /** The version that the database has when all of it is done; empty when there is none at all. */
    String version();

    /** The first version that destroys what live code may need; null when none does. */
    String breaking();

    /** What is applied by it, as far as it is known. */
    List<String> versions();

    /**
     * Does it where it does no harm, and sees what it destroys.
     *
     * @throws ops.Failure.NotVerified when it fails there
     */
    Rehearsal.Result rehearse(Run run, Settings settings, Store store, Steps steps) throws Exception;

    /**
     * Does it.
     *
     * @param sure throws when the environment is this run's no more
     * @param state is told, as a clause, what the database is like from here on
     * @return what was done, in words
     */
    String apply(Run run, Settings settings, Steps steps, Runnable sure, Consumer<String> state) throws Exception;
}
