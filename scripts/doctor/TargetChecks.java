package doctor;

import java.util.ArrayList;
import java.util.stream.Stream;
import ops.BackupPlace;
import ops.DatabaseTarget;
import ops.Exit;
import ops.Failure;
import ops.Guard;
import ops.Run;
import ops.Setting;
import ops.Settings;
import ops.Store;
import release.Providers;
import release.SiteTarget;

/** Is what this environment changes its own alone? Asks the other environments of these settings, and the protected ones. */
public final class TargetChecks {
    public final Group group;
    private final Run run;
    private final Settings settings;
    private final Store store;

    /** @param store null when its bucket has not answered */
    public TargetChecks(Run run, SettingChecks settings, Store store, Group... earlier) {
        this.run = run;
        this.settings = settings.settings;
        this.store = store;
        group = new Group("targets", Stream.concat(Stream.of(settings.group), Stream.of(earlier)).toArray(Group[]::new));
    }

    public Group look() {
        group.check("place in the bucket", () -> alone(new BackupPlace(settings)), SettingChecks.FILES, "PROTECTED_ENVS", "BACKUP_BUCKET", "BACKUP_PREFIX");
        if (settings == null || store == null) return group;
        group.check("database", () -> alone(DatabaseTarget.of(run, settings, store)), "PROTECTED_ENVS", DatabaseChecks.CONNECTION);
        if (settings.get(Setting.DEPLOY_PROVIDER).isPresent())
            group.check("site", () -> alone(new SiteTarget(run, settings, Providers.of(run, settings), store)), "PROTECTED_ENVS", DeployChecks.PROVIDER);
        return group;
    }

    private Seen alone(Guard.Target target) throws Exception {
        var names = Stream.concat(settings.protectedEnvironments().stream(), settings.environments(Setting.DATABASE_URL, Setting.DEPLOY_PROVIDER).stream()).distinct().toList();
        var others = Guard.others(settings, names);
        var untold = new ArrayList<String>();
        for (var other : others) {
            try {
                var why = target.sharedWith(other);
                if (why.isPresent()) return Seen.problem(Exit.SETTING, target.what() + " is the one of environment '" + other.env + "' too: " + why.get(), "correct one of them: " + settings.where(target.setting()));
            } catch (Failure e) {
                untold.add(other.env + ": " + e.getMessage());
            }
        }
        if (!untold.isEmpty()) return Seen.cannotTell("whether it is another environment's too: " + String.join("; ", untold), "mend the settings of that environment, or look at it by hand");
        return Seen.ok(others.isEmpty() ? "no other environment is known here" : "no other environment's: " + String.join(", ", others.stream().map(other -> other.env).toList()));
    }
}
