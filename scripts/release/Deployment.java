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
//SOURCES SiteTarget.java
//SOURCES WayBack.java
package release;

import java.util.Optional;
import ops.Confirmation;
import ops.Database;
import ops.DatabaseUrl;
import ops.Failure;
import ops.Run;
import ops.Setting;
import ops.Settings;

/** What deploy and rollback say and leave in the same words. */
public final class Deployment {
    private Deployment() { }

    /** Says which records are left out, since they can't be read, or since nobody who may has signed them. */
    public static void warnOfLeftOut(Run run, Releases releases) {
        if (!releases.unreadable().isEmpty())
            run.console.warn("can't be read, so they do not count: " + String.join(", ", releases.unreadable()) + "; look at them in " + releases.uri());
        if (!releases.untrusted().isEmpty())
            run.console.warn("not signed by a key in BACKUP_VERIFY_KEY, so they do not count: " + String.join(", ", releases.untrusted()));
    }

    /** What is live, as far as the kit knows it. */
    public static String words(Releases releases, Optional<Provider.Live> live) throws Exception {
        if (live.isEmpty()) return "nothing yet";
        return releases.of(live.get()).map(Releases.Known::words).orElse(live.get().deployment() + ", which this kit did not deploy");
    }

    /**
     * Asks whether a protected environment is meant; throws Refused unless its name is typed, or was given.
     *
     * @param confirm the name as an option gave it, or null
     * @param becomes what its site will be of
     * @return how it was agreed, in words
     */
    public static String agreed(Settings settings, String confirm, String becomes) {
        Confirmation.given(confirm, "The site of the protected environment '" + settings.env + "', " + settings.require(Setting.SITE_URL) + ", will be of " + becomes + ".", settings.env);
        return "'" + settings.env + (confirm == null ? "' was typed" : "' was given");
    }

    /** Something that is written down in the store. */
    public interface Writing { void write() throws Exception; }

    /** A store that takes nothing at the moment keeps nobody from going back: says so, and gives false. */
    public static boolean written(Run run, String what, Writing act) throws Exception {
        try {
            act.write();
            return true;
        } catch (Failure e) {
            run.console.warn("could not " + what + ": " + e.getMessage());
            return false;
        }
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
