package doctor;

import java.util.ArrayList;
import java.util.Locale;
import java.util.stream.Stream;
import ops.BackupPlace;
import ops.Database;
import ops.DatabaseTarget;
import ops.DatabaseUrl;
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
        if (settings.get(Setting.DRILL_DATABASE_URL).isPresent())
            group.check("server of drills", this::drills, "PROTECTED_ENVS", Setting.DRILL_DATABASE_URL.name());
        if (settings.get(Setting.DEPLOY_PROVIDER).isPresent())
            group.check("site", () -> alone(new SiteTarget(run, settings, Providers.of(run, settings), store)), "PROTECTED_ENVS", DeployChecks.PROVIDER);
        group.check("address of the site", this::site, "PROTECTED_ENVS", "SITE_URL");
        return group;
    }

    /** Whether it is an environment's own, which a drill refuses. Null where it can't be reached: that is said before. */
    private Seen drills() throws Exception {
        var url = DatabaseUrl.ofDrill(settings).orElseThrow();
        try (var session = Database.connect(url, settings, "handover doctor " + settings.env)) {
            Guard.checkDrill(run, settings, url, session, store);
            return Seen.ok("no environment's: " + url);
        } catch (Failure.Refused e) {
            return Seen.problem(Exit.SETTING, e.getMessage(), e.hint);
        } catch (Failure.BadSetting | Failure.ToolFailed e) {
            return null;
        }
    }

    /**
     * Smoke tests of one environment that look at another's site say nothing of their own. Null where no site is named.
     */
    private Seen site() {
        var site = settings.get(Setting.SITE_URL);
        if (site.isEmpty()) return null;
        for (var other : Guard.others(settings, settings.environments(Setting.SITE_URL)))
            if (other.get(Setting.SITE_URL).map(TargetChecks::bare).equals(site.map(TargetChecks::bare)))
                return Seen.warning(site.get() + " is the site of environment '" + other.env
                    + "' too: smoke tests of the two look at one site", "correct one of them: "
                    + settings.where(Setting.SITE_URL));
        return Seen.ok("no other environment's: " + site.get());
    }

    private static String bare(String address) { return address.replaceFirst("/+$", "").toLowerCase(Locale.ROOT); }

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
