//SOURCES Api.java
//SOURCES Application.java
//SOURCES Artifact.java
//SOURCES Cloudflare.java
//SOURCES CloudflareAssets.java
//SOURCES CloudflarePages.java
//SOURCES CloudflareWorkers.java
//SOURCES CommandLine.java
//SOURCES Directory.java
//SOURCES Multipart.java
//SOURCES Packed.java
//SOURCES PagesUpload.java
//SOURCES Provider.java
//SOURCES Release.java
//SOURCES Vercel.java
//SOURCES VercelUpload.java
//SOURCES Wait.java
//SOURCES WorkerUpload.java
package release;

import java.util.Map;
import java.util.TreeMap;
import java.util.function.BiFunction;
import ops.Failure;
import ops.Run;
import ops.Setting;
import ops.Settings;
import ops.Similar;

/** Those that the kit knows, by their names in DEPLOY_PROVIDER. */
public final class Providers {
    private static final Map<String, BiFunction<Run, Settings, Provider>> KNOWN = new TreeMap<>(Map.of(
        "vercel", Vercel::new, "cloudflare-pages", CloudflarePages::new, "cloudflare-workers", CloudflareWorkers::new, "directory", Directory::new));

    private Providers() { }

    /** The environment's provider; throws BadSetting when none is named, or none that the kit knows. */
    public static Provider of(Run run, Settings settings) {
        var name = settings.requireOwn(Setting.DEPLOY_PROVIDER);
        var known = KNOWN.get(name);
        if (known != null) return known.apply(run, settings);
        var like = Similar.to(name, KNOWN.keySet()).map(similar -> "did you mean " + similar + "? ").orElse("");
        throw new Failure.BadSetting("DEPLOY_PROVIDER is '" + Api.plain(name) + "', and not one of " + String.join(", ", KNOWN.keySet()), like + settings.where(Setting.DEPLOY_PROVIDER));
    }
}
