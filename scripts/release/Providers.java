//SOURCES Api.java
//SOURCES ApiAnswer.java
//SOURCES Application.java
//SOURCES Artifact.java
//SOURCES Cloudflare.java
//SOURCES CloudflareAssets.java
//SOURCES CloudflarePages.java
//SOURCES CloudflareWorkers.java
//SOURCES CommandLine.java
//SOURCES Directory.java
//SOURCES FolderIdentity.java
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
            case "vercel" -> new Vercel(run, settings);
            case "cloudflare-pages" -> new CloudflarePages(run, settings);
            case "cloudflare-workers" -> new CloudflareWorkers(run, settings);
            case "directory" -> new Directory(run, settings);
            default -> throw new Failure.BadSetting("there is no provider '" + name.replaceAll("\\p{Cntrl}", "?") + "'", Similar.to(name, ALL).map(like -> "did you mean " + like + "? ").orElse("") + "DEPLOY_PROVIDER is one of: " + String.join(", ", ALL));
        };
    }
}
