package doctor;

import java.time.Duration;
import java.time.Instant;
import java.util.concurrent.Future;
import ops.Amount;
import ops.BackupFolder;
import ops.Store;

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

    private Seen newest(Store store) {
        var sealed = BackupFolder.all(store, env).stream().filter(BackupFolder::sealed).toList();
        if (sealed.isEmpty()) return Seen.warning("there is none yet", "make one: ./jbang backup-db --env " + env);
        var newest = sealed.get(0);
        var what = newest.id() + ", " + Amount.age(newest.began(), Instant.now()) + ", of " + sealed.size() + " sealed ones";
        return newest.began().isBefore(Instant.now().minus(OLD)) ? Seen.warning(what, "make one, and see why none was made: ./jbang backup-db --env " + env) : Seen.ok(what);
    }
}
