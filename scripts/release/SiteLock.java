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
    /** What it keeps away, in words. */
    public final String words;
    private final Runnable question;

    private SiteLock(String words, Runnable question) {
        this.words = words;
        this.question = question;
    }

    /** Asks, right before what can't be undone. Throws Unclear when the lock was lost. */
    public void makeSure() { question.run(); }

    /**
     * Takes it until the run ends; throws Busy when another has it.
     *
     * @param patience how long to wait for whoever holds it
     */
    public static SiteLock take(Run run, Settings settings, String script, Duration patience) throws IOException, InterruptedException {
        if (settings.get(Setting.DATABASE_URL).isPresent()) {
            var lock = Lock.forDeploy(run, DatabaseUrl.of(settings), settings, script, patience);
            return new SiteLock("no backup, restore or other deploy runs meanwhile", lock::makeSure);
        }
        var folder = Private.folder(Home.state().resolve("deploying-" + settings.env));
        var deadline = Instant.now().plus(patience);
        while (true) {
            try {
                var lock = FolderLock.take(folder, "another run deploys or rolls back '" + settings.env + "'", "wait until it has ended, then run this again");
                run.undo.add("release the lock", lock::close);
                // The system keeps it for as long as the process lives.
                return new SiteLock("without a database it keeps away this user's runs on this machine only",
                    () -> { });
            } catch (Failure.Busy e) {
                if (!Instant.now().isBefore(deadline)) throw e;
                Thread.sleep(500);
            }
        }
    }
}
