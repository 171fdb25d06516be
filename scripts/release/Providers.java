package release;

import java.util.List;
import ops.Failure;
import ops.Run;
import ops.Setting;
import ops.Settings;
import ops.Similar;

/** The provider of an environment, by DEPLOY_PROVIDER. */
public final class Providers {
    private static final List<String> ALL = List.of("vercel", "cloudflare-pages", "cloudflare-workers", "directory");

    private Providers() { }

    public static Provider of(Run run, Settings settings) {
        var name = settings.requireOwn(Setting.DEPLOY_PROVIDER);
        return switch (name) {
            case "directory" -> new Directory(run, settings);
            default -> throw new Failure.BadSetting("there is no provider '" + name.replaceAll("\\p{Cntrl}", "?") + "'", Similar.to(name, ALL).map(like -> "did you mean " + like + "? ").orElse("") + "DEPLOY_PROVIDER is one of: " + String.join(", ", ALL));
        };
    }
}
