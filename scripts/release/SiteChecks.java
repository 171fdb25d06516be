//SOURCES ../smoke/Smoke.java
//SOURCES ../smoke/SmokeSettings.java
package release;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Predicate;
import ops.Failure;
import ops.Run;
import ops.Setting;
import ops.Settings;
import smoke.Check;
import smoke.Findings;
import smoke.Judge;
import smoke.Outcome;
import smoke.Smoke;
import smoke.SmokeSettings;

/** The smoke tests as a deploy and a rollback run them: those that can tell something of a release. */
public final class SiteChecks {
    /** What a release shows before it is live: the rest needs the site's own address. */
    private static final Set<String> OF_STAGED = Set.of("front-end", "assets", "commit", "browser");
    /** What no release can break, and none can mend. */
    private static final Set<String> OF_NO_RELEASE = Set.of("tls", "dns", "backup", "connections");

    private static final Duration LONGEST_LOOK = Duration.ofSeconds(10);

    /** Of the settings of the smoke tests, those of what no release can break. */
    private static final Set<Setting> LEFT_OUT = Set.of(Setting.SMOKE_TLS_DAYS, Setting.SMOKE_DNS);

    private SiteChecks() { }

    /**
     * Throws BadSetting when a setting makes no sense by which the site will be looked at: else that is found once the
     * site is another, and nobody has looked at it.
     */
    public static void requireSettings(Settings settings) {
        for (var setting : Setting.values()) if (!LEFT_OUT.contains(setting)) SmokeSettings.check(settings, setting);
        for (var limit : List.of(Setting.SMOKE_SECONDS, Setting.DEPLOY_LIVE_SECONDS)) settings.seconds(limit);
    }

    /**
     * Looks at a release that no visitor sees yet.
     *
     * @param url where its provider shows it; null has this machine serve its pages for as long
     */
    public static Findings staged(Run run, Settings settings, String url, Path pages, String commit) throws Exception {
        var first = first(settings, pages);
        if (url == null) {
            try (var preview = new Preview(pages, first.isEmpty() ? path(settings) : "/")) {
                return lookAtStaged(run, settings, preview.url() + first, commit);
            }
        }
        return lookAtStaged(run, settings, url.replaceFirst("/*$", "/") + first, commit);
    }

    private static Findings lookAtStaged(Run run, Settings settings, String first, String commit) throws Exception {
        return look(run, new Smoke.Target(settings, first, commit, false), check -> OF_STAGED.contains(check.name()));
    }

    /** The page to begin with, as in "" and "fr/"; throws Failed when there is none. */
    public static String first(Settings settings, Path pages) throws IOException {
        return Contents.first(pages, path(settings));
    }

    /** Of the site's address; empty where there is none. */
    private static String path(Settings settings) {
        return settings.require(Setting.SITE_URL).replaceFirst("^[A-Za-z]+://[^/]*", "").replaceFirst("[?#].*", "");
    }

    /**
     * Waits until the site shows nothing of an earlier commit any more: an edge takes its time, and what it still shows
     * says nothing of the new release. Throws Unclear when DEPLOY_LIVE_SECONDS are over.
     *
     * @param earlier the commits that were deployed before
     */
    public static void awaitNew(Run run, Settings settings, String commit, Set<String> earlier)
        throws IOException, InterruptedException {
        if (commit == null || earlier.isEmpty()) return;
        var target = new Smoke.Target(settings, null, commit, earlier, false);
        var seen = new AtomicReference<String>();
        if (Wait.until(settings.seconds(Setting.DEPLOY_LIVE_SECONDS), () -> isNew(run, target, seen)).isEmpty())
            throw stillServes(settings, seen.get(), commit, "though DEPLOY_LIVE_SECONDS are over");
    }

    private static Optional<Boolean> isNew(Run run, Smoke.Target target, AtomicReference<String> seen)
        throws InterruptedException {
        var earlier = Smoke.earlier(target, LONGEST_LOOK);
        if (earlier.isEmpty()) return Optional.of(true);
        var first = seen.getAndSet(earlier.get()) == null;
        if (first) run.console.say("waiting: " + Smoke.STILL_SERVES + earlier.get() + ", as before");
        return Optional.empty();
    }

    private static Failure stillServes(Settings settings, String earlier, String commit, String more) {
        var what = Smoke.STILL_SERVES + earlier + " of an earlier release, and not " + commit + ", " + more;
        return new Failure.Unclear(what,
            "see whether a cache, or a web server with another folder, keeps the old pages; then look again: "
                + "./jbang smoke-tests --env " + settings.env + " --expect-commit " + commit);
    }

    /**
     * Looks at the site. Throws Unclear when it does not pass, and some of its answers were of an earlier release.
     *
     * @param commit that has to be live; null when nobody knows it
     * @param earlier the commits that were deployed before
     */
    public static Findings live(Run run, Settings settings, String commit, Set<String> earlier) throws Exception {
        var target = new Smoke.Target(settings, null, commit, earlier, false);
        var findings = look(run, target, check -> !OF_NO_RELEASE.contains(check.name()));
        var old = findings.results().stream().flatMap(result -> result.attempts().stream()).map(Judge.Attempt::what)
            .filter(what -> what.startsWith(Smoke.STILL_SERVES)).findFirst();
        if (old.isEmpty() || findings.outcome() != Outcome.fail) return findings;
        throw stillServes(settings, old.get().substring(Smoke.STILL_SERVES.length()).replaceFirst(",.*", ""), commit,
            "now and then, so what does not pass may be that release's: " + findings.counts() + findings.wrong("; "));
    }

    private static Findings look(Run run, Smoke.Target target, Predicate<Check> wanted) throws Exception {
        var settings = target.settings();
        var checks = Smoke.checks(run, target).stream().filter(check -> check.on() && wanted.test(check)).toList();
        return Findings.of(checks, settings.seconds(Setting.SMOKE_SECONDS), 0, result -> Findings.line(result).lines().forEach(run.console::say));
    }
}
