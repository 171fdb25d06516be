//SOURCES ../release/Deployment.java
package doctor;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import ops.Run;
import ops.Setting;
import ops.Settings;
import release.Application;
import release.Build;
import release.Checkout;
import release.Providers;

/** Could this environment be deployed from here? Nothing is looked at where DEPLOY_PROVIDER is not set. */
public final class DeployChecks {
    static final String PROVIDER = "provider";

    private final Run run;
    private final Settings settings;
    public final Group group;

    public DeployChecks(Run run, SettingChecks settings) {
        this.run = run;
        this.settings = settings.settings;
        group = new Group("deploying", settings.group);
    }

    public Group look() {
        if (settings == null || settings.get(Setting.DEPLOY_PROVIDER).isEmpty()) return group;
        group.check(PROVIDER, () -> Seen.ok(Providers.of(run, settings).reach()));
        var application = Application.folder(settings, null);
        if (settings.get(Setting.DEPLOY_APP).isPresent() || Files.exists(application.resolve("package.json")))
            group.check("application", () -> look(application), "DEPLOY_APP");
        return group;
    }

    private Seen look(Path application) throws IOException, InterruptedException {
        var commit = Checkout.of(run, application).commit("HEAD");
        return Seen.ok(commit + " in " + application + ", " + Build.of(run, settings, new Application(application)).check());
    }
}
