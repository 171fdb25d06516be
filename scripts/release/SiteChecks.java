//SOURCES ../smoke/Smoke.java
package release;

import java.nio.file.Path;
import java.util.Set;
import java.util.function.Predicate;
import ops.Run;
import ops.Setting;
import ops.Settings;
import smoke.Check;
import smoke.Findings;
import smoke.Smoke;

/** The smoke tests as a deploy and a rollback run them: those that can tell something of a release. */
public final class SiteChecks {
    /** What a release shows before it is live: the rest needs the site's own address. */
    private static final Set<String> OF_STAGED = Set.of("front-end", "assets", "commit", "browser");
    /** What no release can break, and none can mend. */
    private static final Set<String> OF_NO_RELEASE = Set.of("tls", "dns", "backup", "connections");

    private SiteChecks() { }

    /**
     * Looks at a release that no visitor sees yet.
     *
     * @param url where its provider shows it; null has this machine serve its pages for as long
     */
    public static Findings staged(Run run, Settings settings, String url, Path pages, String commit) throws Exception {
        if (url != null) return look(run, settings, url, commit, check -> OF_STAGED.contains(check.name()));
        try (var preview = new Preview(pages)) {
            return staged(run, settings, preview.url(), pages, commit);
        }
    }

    /**
     * Looks at the site.
     *
     * @param commit that has to be live; null when nobody knows it
     */
    public static Findings live(Run run, Settings settings, String commit) throws Exception { return look(run, settings, null, commit, check -> !OF_NO_RELEASE.contains(check.name())); }

    private static Findings look(Run run, Settings settings, String url, String commit, Predicate<Check> wanted) throws Exception {
        var checks = Smoke.checks(run, new Smoke.Target(settings, url, commit, false)).stream().filter(check -> check.on() && wanted.test(check)).toList();
        return Findings.of(checks, settings.seconds(Setting.SMOKE_SECONDS), 0, result -> Findings.line(result).lines().forEach(run.console::say));
    }
}
