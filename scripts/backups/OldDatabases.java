package backups;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import ops.Amount;
import ops.Database;
import ops.DatabaseUrl;
import ops.Failure;
import ops.Lock;
import ops.Run;
import ops.Setting;
import ops.Settings;
import ops.Subscriptions;
import restore.Swap;

/** The databases that restores have replaced: they stay on the server for some days, to go back to. */
public final class OldDatabases {
    /** A database and what becomes of it. */
    public record Old(String name, boolean stays, String why) { }

    private final Run run;
    private final Settings settings;
    private final DatabaseUrl url;
    private final Database server;
    private final List<Old> olds = new ArrayList<>();
    private Lock lock;

    /**
     * Looks at them and decides. Throws a Failure when the server can't be asked.
     *
     * @param days for which they stay
     */
    public OldDatabases(Run run, Settings settings, int days) {
        this.run = run;
        this.settings = settings;
        url = DatabaseUrl.of(settings);
        server = Database.connect(url.withDatabase("postgres"), settings, "handover backups prune " + settings.env);
        run.undo.add("close the session", server::close);
        var live = live();
        var missing = server.one("select not exists (select from pg_database where datname = ?)", url.database).equals("t");
        for (var old : Swap.replaced(server, url.database)) {
            var age = Amount.age(old.since(), run.started);
            if (live.contains(old.name())) olds.add(new Old(old.name(), true, "an environment uses it"));
            else if (missing) olds.add(new Old(old.name(), true, "there is no database '" + url.database + "' any more"));
            else if (old.since().isAfter(run.started.minus(Duration.ofDays(days)))) olds.add(new Old(old.name(), true, "replaced " + age + ", less than " + Amount.count(days, "day")));
            else olds.add(new Old(old.name(), false, "replaced " + age));
        }
    }

    /** The databases of all environments that are known here: somebody may have gone back to an old one by its name. */
    private List<String> live() {
        return Stream.concat(settings.environments().stream(), settings.protectedEnvironments().stream()).distinct().map(Settings::of)
            .filter(other -> other.get(Setting.DATABASE_URL).isPresent()).map(other -> DatabaseUrl.of(other).database).toList();
    }

    /** All of them, oldest first. */
    public List<Old> olds() { return List.copyOf(olds); }

    /** The names of those that don't stay. */
    public List<String> going() { return olds.stream().filter(old -> !old.stays).map(Old::name).toList(); }

    /** Drops those that don't stay; one that has sessions stays, and all while another run holds the environment's lock. */
    public void drop() throws InterruptedException {
        if (going().isEmpty()) return;
        try {
            lock = Lock.forPrune(run, url, settings);
        } catch (Failure e) {
            olds.replaceAll(old -> old.stays ? old : stays(old, e.getMessage()));
        }
        olds.replaceAll(old -> old.stays ? old : drop(old));
    }

    /** Nobody's sessions are ended for it, and not WITH (FORCE): whoever still uses the old data has a reason. */
    private Old drop(Old old) {
        try {
            Subscriptions.disable(server, settings, old.name); // replication is nobody's use, and would look like a session
            var users = server.rows("select distinct usename from pg_stat_activity where datname = ? and usesysid is not null order by 1", row -> row[0], old.name);
            if (!users.isEmpty()) return stays(old, "it has sessions of " + String.join(", ", users));
            lock.makeSure();
            Subscriptions.drop(server, settings, old.name);
            server.execute("drop database if exists " + Database.quote(old.name));
        } catch (Failure.Unclear e) {
            throw e; // without the lock none of the others is dropped either
        } catch (Failure e) {
            return stays(old, e.getMessage());
        }
        run.console.say("dropped " + old.name + ": " + old.why);
        return old;
    }

    private Old stays(Old old, String why) {
        run.console.warn("the old database " + old.name + " stays: " + why);
        return new Old(old.name, true, why);
    }
}
