package release;

import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import ops.DatabaseUrl;
import ops.Failure;
import ops.FolderLock;
import ops.Home;
import ops.Lock;
import ops.Private;
import ops.Run;
import ops.Setting;
import ops.Settings;

/** The lock of a deploy or a rollback: the environment's, in its database; where it has none, one of this machine. */
public final class SiteLock {
    private SiteLock() { }

    /**
     * Takes it until the run ends; throws Busy when another has it.
     *
     * @param patience how long to wait for whoever holds it
     * @return what it keeps away, in words
     */
    public static String take(Run run, Settings settings, String script, Duration patience) throws IOException, InterruptedException {
        if (settings.get(Setting.DATABASE_URL).isPresent()) {
            Lock.forDeploy(run, DatabaseUrl.of(settings), settings, script, patience);
            return "no backup, restore or other deploy runs meanwhile";
        }
        var folder = Private.folder(Home.state().resolve("deploying-" + settings.env));
        var deadline = Instant.now().plus(patience);
        while (true) {
            try {
                var lock = FolderLock.take(folder, "another run deploys or rolls back '" + settings.env + "'", "wait until it has ended, then run this again");
                run.undo.add("release the lock", lock::close);
                return "without a database it keeps away runs on this machine only";
            } catch (Failure.Busy e) {
                if (!Instant.now().isBefore(deadline)) throw e;
                Thread.sleep(500);
            }
        }
    }
}
