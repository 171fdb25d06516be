//SOURCES Outcome.java
//SOURCES Verdict.java
package smoke;

import java.time.Duration;
import java.time.Instant;
import ops.Amount;
import ops.BackupFolder;
import ops.Setting;
import ops.Settings;
import ops.Store;

/** Is the newest backup as new as it should be? Asks the bucket, not the job. */
public final class BackupAge {
    private BackupAge() { }

    static Verdict look(Settings settings) { return of(Store.open(settings), settings.env, Duration.ofHours(settings.number(Setting.SMOKE_BACKUP_HOURS))); }

    /** The newest sealed backup of an environment against an age. */
    public static Verdict of(Store store, String env, Duration oldest) {
        var make = "./jbang backup-db --env " + env;
        var sealed = BackupFolder.all(store, env).stream().filter(BackupFolder::sealed).toList();
        if (sealed.isEmpty()) return Verdict.fail("there is none yet", "make one: " + make).forGood();
        var newest = sealed.get(0);
        var what = newest.id() + ", " + Amount.age(newest.began(), Instant.now()) + ", of " + sealed.size() + " sealed ones";
        return newest.began().isBefore(Instant.now().minus(oldest)) ? Verdict.fail(what, "make one, and see why none was made: " + make).forGood() : Verdict.pass(what);
    }
}
