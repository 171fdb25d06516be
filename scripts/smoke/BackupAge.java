//SOURCES Outcome.java
//SOURCES Verdict.java
package smoke;

import java.time.Duration;
import java.util.stream.Collectors;
import ops.BackupFolder;
import ops.Failure;
import ops.Latest;
import ops.Setting;
import ops.Settings;
import ops.Store;

/** Is the newest backup as new as it should be? Asks the bucket, not the job. */
public final class BackupAge {
    private BackupAge() { }

    static Verdict look(Settings settings) throws Exception { return of(Store.open(settings), settings.env, Duration.ofHours(settings.number(Setting.SMOKE_BACKUP_HOURS))); }

    /** The last backup of an environment against an age; by the store's clock, which no wrong one of this machine makes it young. */
    public static Verdict of(Store store, String env, Duration oldest) throws Exception {
        var make = "./jbang backup-db --env " + env;
        try {
            var last = Latest.of(store, env, null);
            var now = store.now();
            var what = last.backup().words(now);
            if (last.backup().time().isBefore(now.minus(oldest)))
                return Verdict.fail(what + passedOver(last), "make one, and see why none was made: " + make).forGood();
            return last.passedOver().isEmpty() ? Verdict.pass(what)
                : Verdict.warning(what + passedOver(last), "./jbang backups list --env " + env);
        } catch (Failure.Failed | Failure.NotVerified | Failure.Refused e) {
            if (BackupFolder.sealed(store, env).isEmpty()) return Verdict.fail("there is none yet", "make one: " + make).forGood();
            return Verdict.fail(e.getMessage(), e.hint).forGood();
        }
    }

    private static String passedOver(Latest last) { return last.passedOver().stream().map(one -> "; newer " + one).collect(Collectors.joining()); }
}
