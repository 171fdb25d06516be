//SOURCES Artifact.java
//SOURCES Build.java
//SOURCES Checkout.java
//SOURCES Contents.java
//SOURCES Directory.java
//SOURCES Hook.java
//SOURCES Preview.java
//SOURCES Provider.java
//SOURCES Providers.java
//SOURCES Releases.java
//SOURCES SiteChecks.java
//SOURCES SiteLock.java
package release;

import java.util.Optional;
import ops.Database;
import ops.DatabaseUrl;
import ops.Failure;
import ops.Run;
import ops.Setting;
import ops.Settings;

/** What deploy and rollback say and leave in the same words. */
public final class Deployment {
    private Deployment() { }

    /** What is live, as far as the kit knows it. */
    public static String words(Releases releases, Optional<Provider.Live> live) throws Exception {
        if (live.isEmpty()) return "nothing yet";
        return releases.of(live.get()).map(Releases.Known::words).orElse(live.get().deployment() + ", which this kit did not deploy");
    }

    /** The last migration of an environment's database; null when the environment has none. */
    public static String schemaVersion(Settings settings, String script) {
        if (settings.get(Setting.DATABASE_URL).isEmpty()) return null;
        try (var session = Database.connect(DatabaseUrl.of(settings), settings, "handover " + script + " " + settings.env)) {
            return session.schemaVersion();
        }
    }

    /** Tags a commit; what keeps it from that is said, and no more. */
    public static String tag(Run run, Checkout checkout, String name, String sha) throws Exception {
        try {
            checkout.tag(name, sha);
            return "tag " + name;
        } catch (Failure.ToolFailed e) {
            run.console.warn("the commit was not tagged: " + e.getMessage());
            return "not tagged";
        }
    }
}
