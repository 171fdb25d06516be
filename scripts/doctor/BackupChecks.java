package doctor;

import java.time.Duration;
import java.util.concurrent.Future;
import ops.Store;
import smoke.BackupAge;
import smoke.Outcome;

/** Are there backups, and is the newest one new? */
public final class BackupChecks {
    private static final Duration OLD = Duration.ofDays(2);

    public final Group group;
    private final String env;
    private final Future<Store> reached;

    public BackupChecks(String env, StoreChecks stores) {
        this.env = env;
        reached = stores.reached;
        group = new Group("backups", stores.group);
    }

    public Group look() throws Exception {
        var store = reached.get();
        group.check("newest backup", () -> newest(store), "DATABASE_URL", StoreChecks.BUCKET);
        return group;
    }

    private Seen newest(Store store) throws Exception {
        var verdict = BackupAge.of(store, env, OLD);
        return verdict.outcome() == Outcome.pass && !verdict.isWarning() ? Seen.ok(verdict.what()) : Seen.warning(verdict.what(), verdict.next());
    }
}
