///usr/bin/env true ; exec jbang "$0" "$@"
//DESCRIPTION Make an earlier release live again, in seconds and without a build
//JAVA 17+
//RUNTIME_OPTIONS -XX:+UseSerialGC -Xmx256m -XX:TieredStopAtLevel=1 -XX:+IgnoreUnrecognizedVMOptions
//SOURCES ops/Ops.java
//SOURCES release/Deployment.java

import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Optional;
import java.util.concurrent.Callable;
import ops.*;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import release.*;
import smoke.Outcome;

/** Make an earlier release live again.
 *
 *      jbang rollback --env staging
 *
 *  Needs neither Node nor git, unless --rebuild asks for a build. */
@Command(name = "rollback", mixinStandardHelpOptions = true, sortOptions = false, version = "handover " + Ops.VERSION,
    header = {
        "  rollback --env production                      the good release before the one that is live",
        "  rollback --env production --list               what there is, what is live, what is bad",
        "  rollback --env production --to 4f9a1c7         a certain one, by release or commit",
        "  rollback --env staging --dry-run               say what would be done, change nothing", ""},
    description = "Takes the provider's own instant rollback, else the archived artifact. It never touches the database: where migrations lie between it refuses. "
        + "What it does not undo: environment variables and crons at the provider, and data that the newer release has written.%n")
class Rollback implements Callable<Integer> {
    /** Of a reason in the list; --json has all of it. */
    private static final int LONGEST = 100;

    /** What is live already was made so by a run that did not come to its end. */
    private enum Way { live, instant, artifact, rebuild }

    @Option(names = "--env", required = true, paramLabel = "NAME", description = "the environment, as in NAME_SITE_URL")
    String env;

    @Option(names = "--to", paramLabel = "RELEASE", defaultValue = "previous", description = "a release's id or its commit, a unique beginning of one, or previous; default: ${DEFAULT-VALUE}")
    String to;

    @Option(names = "--list", description = "list the releases: live, good, bad, or ? for one whose deploy did not come to its end; changes nothing")
    boolean list;

    @Option(names = "--dry-run", description = "check everything, list what would be done, change nothing")
    boolean dryRun;

    @Option(names = "--confirm", paramLabel = "NAME", description = "a protected environment's name, where nobody can type it")
    String confirm;

    @Option(names = "--reason", paramLabel = "TEXT", description = "why; stands with the release that is left, and in the history")
    String reason;

    @Option(names = "--accept-schema-ahead", description = "go back though the database has migrations that the older release does not know")
    boolean acceptSchemaAhead;

    @Option(names = "--rebuild", description = "where neither the provider nor the bucket has the release any more, build its commit anew")
    boolean rebuild;

    @Option(names = "--app", paramLabel = "DIR", description = "the application's folder, for its tag, its command line and --rebuild; default: DEPLOY_APP, else the kit's own folder")
    Path app;

    @Option(names = "--no-lock", description = "go on without the environment's lock, as when its database is down: make sure yourself that nobody deploys")
    boolean noLock;

    @Option(names = "--wait", paramLabel = "SECONDS", description = "how long to wait for another run's lock; default: not at all")
    int wait;

    @Mixin Run run;

    private Settings settings;
    private Provider provider;
    private Store store;
    /** Null under --no-lock. */
    private SiteLock lock;
    private Releases releases;
    private History history;
    private Optional<Provider.Live> before = Optional.empty();
    private Optional<Releases.Known> left = Optional.empty();
    /** What a killed run began, and this one ends. */
    private Optional<Turning> begun = Optional.empty();
    private Releases.Known target;
    private Way way;
    private Checkout checkout;
    private Provider.Live live;

    public static void main(String... args) { Run.main(new Rollback(), args); }

    @Override public Integer call() {
        return run.execute(list ? "rollback-list" : "rollback", dryRun,
            Hook.telling(run, () -> settings, () -> dryRun ? null : history, this::rollBack));
    }

    private void rollBack() throws Exception {
        var steps = new Steps(run, dryRun);
        steps.check("Read the settings", () -> readSettings(steps));
        // What only asks begins at once, side by side; its step waits for it.
        var opening = steps.start(() -> Store.open(settings));
        var reaching = steps.start(() -> provider.reach());
        var reading = steps.start(() -> { releases = new Releases(Steps.await(opening), env); return releases.all(); });
        if (list) {
            store = Steps.await(opening);
            Steps.await(reading);
            showAll();
            return;
        }
        history = new History(run, opening, env, "rollback");
        if (!dryRun) run.record(history);
        steps.check("Reach the provider", () -> { steps.found(provider.name() + ", " + Steps.await(reaching)); return true; });
        store = Steps.await(opening);
        steps.check("Look for protected environments behind other names", () -> guard(steps));
        if (!noLock) steps.change("Take the lock", "so that no backup, restore or deploy runs meanwhile", () -> { lock = lock(); steps.found(lock.words); return true; });
        steps.check("See what is live", () -> { Steps.await(reading); return seeLive(steps); });
        steps.check("Choose the release", () -> choose(steps));
        steps.check("Compare the schema", () -> compareSchema(steps));
        steps.check("Choose the way", () -> chooseWay(steps));
        if (settings.protectedEnvironments().contains(env)) steps.change("Ask", "for the name of '" + env + "', typed on the terminal or given as --confirm", () -> { steps.found(Deployment.agreed(settings, confirm, "release " + target.release() + " again")); return true; });
        if (checkout != null && left.isPresent()) steps.change("Tag what is left", "so that it can be found again", () -> { steps.found(Deployment.tag(run, checkout, "recovery/" + env + "/" + Stamp.of(run.started), left.get().release().commit().sha())); return true; });
        steps.change("Roll back", planned(), () -> change(steps));
        if (left.isPresent())
            steps.change("Mark what was left as bad", left.get().release().id(), () -> markLeft(steps));
        steps.change("Look at the site", "the smoke tests, and the commit", () -> lookAtSite(steps));
        if (dryRun) return;
        run.console.say("not undone by a rollback: environment variables and crons at the provider, and data that were written meanwhile");
        report();
        end();
    }

    /** Not before it was said: whoever is not told runs it again, and then it must go no further back. */
    private void end() throws Exception {
        if (run.console.lostResult().isPresent()) return;
        Deployment.written(run, "write down that this has ended, so the next rollback stays here", releases::end);
    }

    private boolean readSettings(Steps steps) throws Exception {
        settings = run.settings(env);
        run.state("nothing was changed: what was live is live");
        settings.require(Setting.BACKUP_BUCKET);
        Signature.warnWithoutKey(run, settings);
        var site = settings.requireOwn(Setting.SITE_URL);
        provider = Providers.of(run, settings);
        SiteChecks.requireSettings(settings);
        app = Application.folder(settings, app);
        checkout = rebuild ? Checkout.of(run, app) : Checkout.find(run, app).orElse(null);
        steps.found(env + ", " + site);
        return true;
    }

    /** Of the database only its lock is touched: without it nobody needs to know which one it is. */
    private boolean guard(Steps steps) throws Exception {
        Guard.check(settings, new BackupPlace(settings), new SiteTarget(run, settings, provider, store));
        if (!noLock && settings.get(Setting.DATABASE_URL).isPresent()) Guard.check(settings, database());
        steps.found("site and place in the bucket are none of theirs");
        return true;
    }

    private DatabaseTarget database() {
        try {
            return DatabaseTarget.of(run, settings, store);
        } catch (Failure.ToolFailed e) {
            throw noLock(e);
        }
    }

    private Failure noLock(Failure e) {
        return new Failure.ToolFailed("the lock can't be taken: " + e.getMessage(), "if the database is down: make sure that nobody else deploys, then: ./jbang rollback --env " + env + " --no-lock --accept-schema-ahead");
    }

    /** A database that is down may be why somebody wants to go back. */
    private SiteLock lock() throws Exception {
        try {
            return SiteLock.take(run, settings, "rollback", Duration.ofSeconds(wait));
        } catch (Failure.ToolFailed e) {
            throw noLock(e);
        }
    }

    private boolean seeLive(Steps steps) throws Exception {
        before = provider.live();
        left = before.isEmpty() ? Optional.empty() : releases.of(before.get());
        begun = releases.begun(left);
        Deployment.warnOfLeftOut(run, releases);
        steps.found(Deployment.words(releases, before));
        return true;
    }

    private boolean choose(Steps steps) throws Exception {
        var all = "./jbang rollback --env " + env + " --list";
        var named = to.equals("previous") ? Optional.<Releases.Known>empty() : Optional.of(releases.find(to));
        var unended = unended().filter(known -> named.isEmpty() || known.release().id().equals(named.get().release().id()));
        if (unended.isPresent()) target = unended.get();
        else if (named.isPresent()) target = named.get();
        else target = releases.previous(left).orElseThrow(() -> new Failure.Refused(
            "'" + env + "' has no good release before the one that is live",
            "see what there is: " + all + "; or mend it, and deploy: ./jbang deploy --env " + env));
        var release = target.release();
        if (target.bad() != null) throw new Failure.Refused("release " + release + " is marked bad: " + target.bad().why(), "take another: " + all + "; if it is good after all, deploy its commit anew");
        if (unended.isEmpty()) refuseSame(release, all);
        else if (isLeft(target)) left = releases.byId(begun.get().from());
        if (!release.provider().equals(provider.name())) throw new Failure.Refused("release " + release + " was deployed by " + release.provider() + ", and DEPLOY_PROVIDER is " + provider.name(), "deploy its commit anew: git checkout " + release.commit().brief() + ", then ./jbang deploy --env " + env);
        if (target.good() == null) run.console.warn("release " + release + " was never proven: its deploy did not come to its end");
        var ends = ", which ends what was begun at " + begun.map(Turning::at).orElse("") + "; to go further back: --to";
        steps.found(target.words() + (unended.isEmpty() ? "" : ends));
        return true;
    }

    /** What a killed run was on the way to, or had reached: run again, it goes there, and no release further back. */
    private Optional<Releases.Known> unended() throws Exception {
        if (begun.isEmpty()) return Optional.empty();
        return releases.byId(begun.get().to()).filter(known -> known.bad() == null);
    }

    private void refuseSame(Release release, String all) {
        if (left.isEmpty()) return;
        var what = "release " + release;
        if (isLeft(target)) throw new Failure.Refused(what + " is live already", "see what there is: " + all);
        if (left.get().hasBytesOf(release))
            throw new Failure.Refused(what + " has the very same bytes as what is live, so nothing would change",
                "take another: " + all);
    }

    /** A release that does not know what the database has become may break, or break it. */
    private boolean compareSchema(Steps steps) throws Exception {
        var then = target.release().schemaVersion();
        if (acceptSchemaAhead || then == null || settings.get(Setting.DATABASE_URL).isEmpty()) {
            steps.found(acceptSchemaAhead ? "not looked at, as --accept-schema-ahead says" : "the release knows of no database");
            return true;
        }
        var now = schemaNow();
        if (!now.equals(then))
            throw new Failure.Refused("the database is at migration " + (now.isEmpty() ? "none" : now) + ", and release " + target.release() + " was made for " + (then.isEmpty() ? "none" : then) + "; a rollback never changes the database",
                "if the older release works with it (columns were only added, say): --accept-schema-ahead; else mend it forward: ./jbang deploy --env " + env);
        if (releases.isBehindBreaking(Optional.of(target), now))
            throw new Failure.Refused("migrations that came with a later release have changed what release "
                + target.release() + " may need; a rollback never changes the database",
                "if the older release works with it all the same: --accept-schema-ahead; else mend it forward: "
                + "./jbang deploy --env " + env);
        steps.found(now.isEmpty() ? "no migrations" : "both at migration " + now);
        return true;
    }

    private String schemaNow() {
        try {
            return Deployment.schemaVersion(settings, "rollback");
        } catch (Failure.ToolFailed e) {
            throw new Failure.ToolFailed("the database can't be asked for its migrations: " + e.getMessage(), "if the older release works with the database as it is: --accept-schema-ahead");
        }
    }

    private boolean chooseWay(Steps steps) throws Exception {
        way = way();
        if (way == null) throw new Failure.Refused("neither " + provider.name() + " nor the bucket has release " + target.release() + " any more", "build its commit anew: ./jbang rollback --env " + env + " --to " + target.release().id() + " --rebuild");
        steps.found(switch (way) {
            case live -> "it is live already";
            case instant -> "instant: " + provider.name() + " still has " + target.deployment();
            case artifact -> "the archived artifact, " + target.release().artifact();
            case rebuild -> "a build of " + target.release().commit().brief();
        });
        return true;
    }

    /** Null when there is none. */
    private Way way() throws Exception {
        var now = before.isEmpty() ? Optional.<Releases.Known>empty() : releases.of(before.get());
        if (now.filter(known -> known.release().id().equals(target.release().id())).isPresent()) return Way.live;
        if (provider.keeps(target.deployment())) return Way.instant;
        if (Artifact.isKept(store, env, target.release().artifact())) return Way.artifact;
        return rebuild ? Way.rebuild : null;
    }

    private String why() {
        if (reason != null) return "rolled back: " + reason;
        return begun.filter(one -> one.to().equals(target.release().id())).map(Turning::why).orElse("rolled back");
    }

    /** Of these two this run itself says what they are, once it has turned the site. */
    private boolean isInHand(String id) { return target.release().id().equals(id) || left.isPresent() && left.get().release().id().equals(id); }

    private boolean isLeft(Releases.Known known) { return known.release().id().equals(left.get().release().id()); }

    /** And with it what has the very same bytes: else the next rollback would come back to what is left now. */
    private boolean markLeft(Steps steps) throws Exception {
        var same = releases.all().stream().filter(known -> known.hasBytesOf(left.get().release()))
            .filter(known -> known.bad() == null || isLeft(known) && begun.isEmpty())
            .map(Releases.Known::release).toList();
        var marked = new ArrayList<String>();
        for (var release : same) {
            var what = "mark release " + release.id() + " as bad, so a later rollback may come to it";
            var written = Deployment.written(run, what, () -> releases.bad(release, why()));
            if (written) marked.add(release.id());
        }
        steps.found(marked.isEmpty() ? "not marked" : String.join(", ", marked));
        return true;
    }

    private String planned() {
        return switch (way) {
            case live -> "it is live already";
            case instant -> "the provider still has it";
            case artifact -> "upload the archived artifact";
            case rebuild -> "build " + target.release().commit().brief() + " anew";
        };
    }

    private boolean change(Steps steps) throws Exception {
        history.add("release", target.release().id());
        history.add("commit", target.release().commit().sha());
        history.add("subject", target.release().commit().subject());
        history.add("way", way.name());
        if (left.isPresent()) history.add("left", left.get().release().id());
        if (reason != null) history.add("reason", reason);
        var either = "either the release before or " + target.release().id() + " is live, whole; ./jbang rollback --env " + env + " --list says which";
        if (way != Way.live) {
            if (releases.left().filter(known -> !isInHand(known.release().id())).isPresent())
                Deployment.written(run, "mark as bad what a killed run was to leave", releases::markLeft);
            Deployment.written(run, "write down where this goes, so name it if this is killed and run again, --to "
                + target.release().id(), () -> releases.begin(left.map(known -> known.release().id()).orElse(null),
                    target.release().id(), why()));
        }
        if (way == Way.live) {
            live = before.get();
        } else if (way == Way.instant) {
            makeSureOfTheLock();
            run.state(either);
            turn(() -> provider.rollBack(target.deployment()));
            live = new Provider.Live(target.deployment(), target.release().id(), target.release().commit().sha());
        } else {
            var packed = way == Way.artifact ? fetched() : rebuilt();
            var application = new Application(app); // a build anew has its own, in a fresh clone
            var staged = provider.stage(target.release(), packed, application);
            makeSureOfTheLock();
            run.state(either);
            turn(() -> live = provider.promote(target.release(), staged, packed, application));
        }
        history.add("deployment", live.deployment());
        steps.found(live.deployment());
        return true;
    }

    /** What has failed, or was refused, has left live what was. */
    private void turn(Turn turn) throws Exception {
        try {
            turn.make();
        } catch (Failure e) {
            if (e instanceof Failure.Failed || !provider.hasOrdered()) run.state("what was live is live");
            throw e;
        }
    }

    private interface Turn { void make() throws Exception; }

    private void makeSureOfTheLock() { if (lock != null) lock.makeSure(); }

    private Path fetched() throws Exception {
        var folder = Workspace.createOnDisk(run);
        Artifact.fetch(store, env, target.release().artifact(), folder);
        return folder;
    }

    private Path rebuilt() throws Exception {
        var commit = target.release().commit();
        var application = new Application(checkout.fresh(checkout.commit(commit.sha())));
        app = application.folder();
        var build = Build.of(run, settings, application);
        build.install(provider.program());
        var built = build.build(commit);
        Contents.noteCommit(built, commit);
        var packed = provider.pack(application, built);
        SiteChecks.first(settings, provider.pages(packed));
        Contents.refuseSecrets(packed, settings.secrets());
        return packed;
    }

    private boolean lookAtSite(Steps steps) throws Exception {
        var sha = target.release().commit().sha();
        var earlier = releases.commitsBut(sha);
        run.state("release " + target.release().id() + " is live again, and is not proven to work");
        SiteChecks.awaitNew(run, settings, sha, earlier);
        var findings = SiteChecks.live(run, settings, sha, earlier);
        if (findings.outcome() == Outcome.fail) {
            run.state("release " + target.release().id() + " is live again, and does not pass the smoke tests");
            Deployment.written(run, "write down that this has ended", releases::end);
        }
        findings.conclude();
        Deployment.written(run, "mark release " + target.release().id() + " as good",
            () -> releases.good(target.release(), live.deployment()));
        run.state("release " + target.release().id() + " is live again, and passed the smoke tests");
        steps.found(findings.counts());
        return true;
    }

    private record Line(String release, String commit, String subject, String created, boolean live, boolean good, String bad, String schemaVersion, boolean behindMigration) { }

    private void showAll() throws Exception {
        var current = provider.live();
        Deployment.warnOfLeftOut(run, releases);
        var of = current.isEmpty() ? Optional.<Releases.Known>empty() : releases.of(current.get());
        var schema = Optional.<String>empty();
        try {
            schema = Optional.ofNullable(schemaNow());
        } catch (Failure e) {
            run.console.warn("which releases lie behind a migration can't be told: " + e.getMessage());
        }
        var now = schema;
        var lines = releases.all().stream().map(known -> line(known, of, now)).toList();
        if (run.json) run.console.result(Json.text(lines));
        else {
            for (var line : lines)
                run.console.result(Console.plain(String.format("%-5s %s  %s  %-12s  %s%s", line.live ? "live" : line.bad != null ? "bad" : line.good ? "good" : "?", line.release, line.commit.substring(0, 12), Amount.age(Instant.parse(line.created), run.started), line.subject,
                    (line.bad == null ? line.good ? "" : "; never proven" : "; " + (line.bad.length() <= LONGEST ? line.bad : line.bad.substring(0, LONGEST) + "…")) + (line.behindMigration ? "; behind a migration, made for " + (line.schemaVersion.isEmpty() ? "none" : line.schemaVersion) : ""))));
            run.console.result("live: " + Deployment.words(releases, current));
        }
    }

    private static Line line(Releases.Known known, Optional<Releases.Known> live, Optional<String> schema) {
        var release = known.release();
        return new Line(release.id(), release.commit().sha(), release.commit().subject(), release.created(), live.filter(one -> one.release().id().equals(release.id())).isPresent(), known.isGood(), known.bad() == null ? null : known.bad().why(),
            release.schemaVersion(), schema.isPresent() && release.schemaVersion() != null && !schema.get().equals(release.schemaVersion()));
    }

    private record Result(String release, String env, String commit, String url, String way, String deployment, String left, double seconds) { }

    private void report() {
        var result = new Result(target.release().id(), env, target.release().commit().sha(), settings.require(Setting.SITE_URL), way.name(), live.deployment(), left.map(known -> known.release().id()).orElse(null), Amount.seconds(run.elapsed()));
        run.console.result(run.json ? Json.text(result) : "rolled back to " + target.release() + " at " + result.url() + ", in " + Amount.time(run.elapsed()));
    }
}
