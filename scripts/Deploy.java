///usr/bin/env true ; exec jbang "$0" "$@"
//DESCRIPTION Ship a release: checked before it is live and after, or taken back
//JAVA 17+
//RUNTIME_OPTIONS -XX:+UseSerialGC -Xmx256m -XX:TieredStopAtLevel=1 -XX:+IgnoreUnrecognizedVMOptions
//SOURCES ops/Ops.java
//SOURCES migrations/Migrations.java
//SOURCES release/Deployment.java

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.Future;
import migrations.Finding;
import migrations.MigrateCommand;
import migrations.Migrations;
import migrations.Pending;
import ops.*;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import release.*;
import smoke.BackupAge;
import smoke.Findings;
import smoke.Outcome;

/** Ship the commit that is checked out.
 *
 *      jbang deploy --env staging
 *
 *  Needs git, Node and the provider's command line as the application pins it. */
@Command(name = "deploy", mixinStandardHelpOptions = true, sortOptions = false, version = "handover " + Ops.VERSION,
    header = {
        "  deploy --env staging --dry-run                say what would be done, change nothing",
        "  deploy --env staging                          ship the commit that is checked out",
        "  deploy --env staging --commit live            build anew what is live: a variable has changed, say",
        "  deploy --env production --apply-migrations    the database's first",
        "  deploy --env production --confirm production  without a person at a terminal", ""},
    description = "Builds the commit in a clone of its own, stages it, looks at it, promotes it, asks the provider what is live and looks at the site. What does not pass is taken back (exit 15).%n")
class Deploy implements Callable<Integer> {
    @Option(names = "--env", required = true, paramLabel = "NAME", description = "the environment, as in NAME_SITE_URL")
    String env;

    @Option(names = "--app", paramLabel = "DIR", description = "the application's folder, in a git checkout; default: DEPLOY_APP, else the kit's own folder")
    Path app;

    @Option(names = "--commit", paramLabel = "COMMIT", description = "deploy this commit of the checkout, whatever is checked out; live: the one that is live, built anew")
    String which;

    @Option(names = "--dry-run", description = "check everything, list what would be done, change nothing")
    boolean dryRun;

    @Option(names = "--confirm", paramLabel = "NAME", description = "a protected environment's name, where nobody can type it")
    String confirm;

    @Option(names = "--apply-migrations", description = "apply the migrations that are pending before the release is live, one transaction each")
    boolean applyMigrations;

    @Option(names = "--leave-migrations", description = "deploy though migrations are pending, and leave them")
    boolean leaveMigrations;

    @Option(names = "--unrehearsed", description = "do not try the migrations in a restored backup before")
    boolean unrehearsed;

    @Option(names = "--leave-changes", description = "deploy the commit without what is not committed")
    boolean leaveChanges;

    @Option(names = "--unpushed", description = "deploy a commit that nobody else can have yet")
    boolean unpushed;

    @Option(names = "--unstaged", description = "promote the release without a look at it before")
    boolean unstaged;

    @Option(names = "--stay", description = "do not take the release back when the site does not pass")
    boolean stay;

    @Option(names = "--wait", paramLabel = "SECONDS", description = "how long to wait for another run's lock; default: not at all")
    int wait;

    @Mixin Run run;

    private Settings settings;
    private Checkout checkout;
    private Release.Commit commit;
    private Build build;
    private Provider provider;
    private Store store;
    private SiteLock lock;
    private Releases releases;
    private History history;
    private Optional<Provider.Live> before = Optional.empty();
    /** The release that was live; empty where it was none of this kit's. */
    private Optional<Releases.Known> old = Optional.empty();
    private Application application;
    private boolean installed;
    private Path packed;
    private Artifact.Stored artifact;
    private Provider.Staged staged;
    private Release release;
    private Provider.Live live;
    /** Null where there is no database, or no folder of migrations and no command for them. */
    private Pending plan;

    public static void main(String... args) { Run.main(new Deploy(), args); }

    @Override public Integer call() {
        return run.execute("deploy", dryRun,
            Hook.telling(run, () -> settings, () -> dryRun ? null : history, this::deploy));
    }

    private void deploy() throws Exception {
        var steps = new Steps(run, dryRun);
        steps.check("Read the settings", () -> readSettings(steps));
        // What only asks begins at once, side by side; its step waits for it.
        var opening = steps.start(() -> Store.open(settings));
        var reaching = steps.start(() -> provider.reach());
        var aging = steps.start(() -> backupAge(Steps.await(opening)));
        history = new History(run, opening, env, "deploy");
        if (!dryRun) run.record(history);
        steps.check("Look at the checkout", () -> lookAtCheckout(steps, opening));
        steps.check("Look at the application", () -> lookAtApplication(steps));
        steps.check("Reach the provider", () -> { steps.found(provider.name() + ", " + Steps.await(reaching)); return true; });
        store = Steps.await(opening);
        steps.check("Look for protected environments behind other names", () -> guard(steps));
        steps.change("Take the lock", "so that no backup, restore or other deploy runs meanwhile", () -> { lock = SiteLock.take(run, settings, "deploy", Duration.ofSeconds(wait)); steps.found(lock.words); return true; });
        steps.check("See what is live", () -> seeLive(steps));
        steps.check("See how old the last backup is", () -> judgeBackup(steps, aging));
        steps.check("Look at the migrations", () -> lookAtMigrations(steps));
        // Before anybody is asked: what it has seen destroyed is what they have to know.
        if (hasPending() && !leaveMigrations && !unrehearsed)
            steps.change("Rehearse the migrations", "in the last backup, restored into a throwaway server",
                () -> rehearse(steps));
        if (isProtected()) steps.change("Ask", "for the name of '" + env + "', typed on the terminal or given as --confirm", () -> { steps.found(Deployment.agreed(settings, confirm, "commit " + commit)); return true; });
        steps.change("Install", build.installing() + ", in a fresh clone at " + commit.brief(), () -> install());
        steps.change("Build", "with " + commit.brief() + " as its SITE_RELEASE", () -> build());
        steps.change("Check what was built", "a page to begin with, and no secret in it", () -> checkBuilt(steps));
        steps.change("Keep the artifact", store.uri(store.prefix + "/" + env + "/artifacts/"), () -> keep(steps));
        steps.change("Stage", "upload it where no visitor sees it: " + provider.name(), () -> stage(steps));
        if (!unstaged) steps.change("Look at the staged release", "page, assets and commit", () -> lookAtStaged(steps));
        steps.change("Record the release", "before anybody sees it", () -> record(steps));
        if (hasPending() && applyMigrations) steps.change("Apply the migrations", plan.toString(), () -> apply(steps));
        steps.change("Promote", "make it live, and ask the provider whether it is", () -> promote(steps));
        steps.change("Look at the site", "the smoke tests; what does not pass is taken back", () -> lookAtSite(steps));
        steps.change("Mark it as good", "and tag the commit", () -> markGood(steps));
        if (!dryRun) report();
    }

    private boolean readSettings(Steps steps) throws Exception {
        settings = run.settings(env);
        run.state("nothing was changed: what was live is live");
        settings.require(Setting.BACKUP_BUCKET);
        Signature.checkKeys(settings);
        var site = settings.requireOwn(Setting.SITE_URL);
        provider = Providers.of(run, settings);
        SiteChecks.requireSettings(settings);
        app = Application.folder(settings, app);
        checkout = Checkout.of(run, app);
        if (applyMigrations && leaveMigrations) throw new Failure.Usage("--apply-migrations and --leave-migrations exclude each other", "take one of them");
        steps.found(env + ", " + site + ", application in " + app);
        return true;
    }

    /** Before the lock, which is the database's. */
    private boolean guard(Steps steps) throws Exception {
        Guard.check(settings, new BackupPlace(settings), new SiteTarget(run, settings, provider, store));
        if (settings.get(Setting.DATABASE_URL).isPresent()) Guard.check(settings, DatabaseTarget.of(run, settings, store));
        steps.found("database, site and place in the bucket are none of theirs");
        return true;
    }

    private boolean isProtected() { return settings.protectedEnvironments().contains(env); }

    private boolean lookAtCheckout(Steps steps, Future<Store> opening) throws Exception {
        commit = checkout.commit(which == null ? "HEAD" : which.equals("live") ? liveCommit(opening) : which);
        history.add("commit", commit.sha());
        history.add("subject", commit.subject());
        if (!leaveChanges && which == null) checkout.refuseChanges();
        var pushed = checkout.pushedTo(commit);
        if (!unpushed && pushed.isEmpty())
            throw new Failure.Refused("commit " + commit + " is not pushed: nobody else could build or mend this release", checkout.hasRemote() ? "git push; or, if it has to be: --unpushed" : "give the repository a remote, and push; or, if it has to be: --unpushed");
        var allowed = settings.list(Setting.DEPLOY_BRANCHES);
        var on = pushed.isEmpty() ? List.of(commit.branch()) : pushed;
        if (isProtected() && on.stream().noneMatch(allowed::contains))
            throw new Failure.Refused("'" + env + "' is deployed from " + String.join(" or ", allowed) + ", and commit " + commit.brief() + " is on " + (String.join(", ", on).isBlank() ? "no branch" : String.join(", ", on)), "merge it first, then deploy that; DEPLOY_BRANCHES names the branches");
        steps.found(commit + (pushed.isEmpty() ? ", not pushed" : ", on " + String.join(", ", pushed)));
        return true;
    }

    private String liveCommit(Future<Store> opening) throws Exception {
        var known = new Releases(Steps.await(opening), env);
        var shown = provider.live().orElseThrow(() -> new Failure.Refused("nothing is live yet, so there is no commit to deploy again",
            "deploy what is checked out: ./jbang deploy --env " + env));
        return known.of(shown).map(one -> one.release().commit().sha()).or(() -> Optional.ofNullable(shown.commit()))
            .orElseThrow(() -> new Failure.Refused("nobody knows of which commit " + shown.deployment() + " is, which is live",
                "name the commit: --commit"));
    }

    /** As it is in the commit, in a clone of its own: what lies about in the checkout gets into no build and no database. */
    private boolean lookAtApplication(Steps steps) throws Exception {
        application = new Application(checkout.fresh(commit));
        build = Build.of(run, settings, application);
        var uploads = provider.program();
        if (uploads.isPresent()) build.requirePinned(uploads.get());
        steps.found(build.check());
        return true;
    }

    private boolean seeLive(Steps steps) throws Exception {
        releases = new Releases(store, env);
        before = provider.live();
        old = before.isEmpty() ? Optional.empty() : releases.of(before.get());
        steps.found(Deployment.words(releases, before));
        releases.all().stream().filter(each -> each.bad() != null && each.release().commit().sha().equals(commit.sha())).findFirst()
            .ifPresent(each -> run.console.warn("this commit was deployed before, as release " + each.release().id() + ", which is marked bad: " + each.bad().why()));
        Clocks.refuse(run, store); // which of two releases is the older one is told by their times
        Deployment.warnOfLeftOut(run, releases);
        return true;
    }

    private Optional<smoke.Verdict> backupAge(Store store) throws Exception {
        return settings.get(Setting.DATABASE_URL).isEmpty() ? Optional.empty() : Optional.of(BackupAge.of(store, env, Duration.ofHours(settings.number(Setting.DEPLOY_BACKUP_HOURS))));
    }

    /** A protected environment needs a fresh one; of others it is only said. */
    private boolean judgeBackup(Steps steps, Future<Optional<smoke.Verdict>> aging) throws Exception {
        var age = Steps.await(aging);
        if (age.isEmpty()) steps.found("the environment has no database");
        else if (age.get().outcome() == Outcome.pass || !isProtected()) steps.found(age.get().what());
        else throw new Failure.Refused("there is no backup of '" + env + "' that is good and new enough: " + age.get().what() + "; DEPLOY_BACKUP_HOURS is " + settings.number(Setting.DEPLOY_BACKUP_HOURS), "./jbang backup-db --env " + env + ", then deploy");
        return true;
    }

    /** Once: a command that is rehearsed needs it before the others do. */
    private boolean install() throws Exception {
        if (!installed) build.install(provider.program());
        installed = true;
        return true;
    }

    private boolean lookAtMigrations(Steps steps) throws Exception {
        var command = settings.command(Setting.MIGRATE_COMMAND);
        if (!command.isEmpty() && settings.get(Setting.DATABASE_URL).isPresent()) return lookAtCommand(steps, command);
        var folder = Migrations.folder(settings, application.folder());
        if (settings.get(Setting.DATABASE_URL).isEmpty() || !Files.isDirectory(folder)) {
            steps.found("the " + (Files.isDirectory(folder) ? "environment has no database" : "application has no " + application.folder().relativize(folder)));
            return true;
        }
        try (var session = Database.connect(DatabaseUrl.of(settings), settings, "handover deploy " + env)) {
            var others = leaveMigrations ? Migrations.others(settings, folder, session) : Optional.<String>empty();
            if (others.isPresent()) {
                steps.found("left to " + others.get());
                return true;
            }
            var compared = Migrations.of(run, settings, folder).compare(session);
            plan = compared;
            compared.findings().forEach(this::warn);
            compared.invalidIndexes().forEach(drop -> run.console.warn(
                "an index is not valid, as a killed CREATE INDEX CONCURRENTLY leaves it; remove it: " + drop));
        }
        if (hasPending() && !applyMigrations && !leaveMigrations && !dryRun) throw pending();
        steps.found(plan.toString());
        return true;
    }

    /** It goes before MIGRATIONS_DIR. What is pending nobody knows until it is rehearsed. */
    private boolean lookAtCommand(Steps steps, List<String> command) {
        var name = "'" + String.join(" ", command) + "'";
        if (leaveMigrations) {
            steps.found("left to " + name);
            return true;
        }
        if (unrehearsed && !applyMigrations)
            throw new Failure.Refused("whether migrations are pending is seen when " + name + " is rehearsed",
                "leave out --unrehearsed; or add --apply-migrations or --leave-migrations");
        try (var session = Database.connect(DatabaseUrl.of(settings), settings, "handover deploy " + env)) {
            plan = new MigrateCommand(command, build::migrate, session.schemaVersion());
        }
        steps.found(plan + "; MIGRATE_COMMAND goes before MIGRATIONS_DIR");
        return true;
    }

    private Failure pending() {
        return new Failure.Refused("migrations are pending: " + plan, "./jbang deploy --env " + env
            + " --apply-migrations; or, if this release does without them: --leave-migrations");
    }

    private void warn(Finding finding) {
        run.console.warn((finding.destructive() ? "a rollback can't undo this: " : "") + finding);
    }

    private boolean hasPending() { return plan != null && !plan.isEmpty(); }

    private boolean rehearse(Steps steps) throws Exception {
        if (plan instanceof MigrateCommand) {
            build.refuseAddresses();
            install();
        }
        var rehearsed = plan.rehearse(run, settings, store, steps);
        rehearsed.losses().forEach(this::warn);
        if (hasPending() && !applyMigrations) throw pending();
        steps.found(rehearsed + (plan instanceof MigrateCommand ? "; " + plan : ""));
        return true;
    }

    private boolean apply(Steps steps) throws Exception {
        var done = plan.apply(run, settings, steps, lock::makeSure,
            database -> run.state("what was live is live; " + database));
        history.add("migrations", plan.versions());
        steps.found(done);
        return true;
    }

    private boolean build() throws Exception {
        var built = build.build(commit);
        Contents.noteCommit(built, commit);
        packed = provider.pack(application, built);
        return true;
    }

    private boolean checkBuilt(Steps steps) throws IOException {
        var first = SiteChecks.first(settings, provider.pages(packed));
        Contents.refuseSecrets(packed, settings.secrets());
        artifact = Artifact.of(packed);
        steps.found(artifact + (first.isEmpty() ? "" : "; there is no index.html but in folders, as in " + first));
        return true;
    }

    private boolean keep(Steps steps) throws Exception {
        steps.found(Artifact.store(run, store, env, packed, artifact) ? "stored" : "it is there already");
        return true;
    }

    private boolean stage(Steps steps) throws Exception {
        var now = Instant.now(); // after the lock: of two that waited for it, the one that ships later has the later id
        release = new Release(Release.FORMAT, BackupFolder.newId(now), env, now.toString(), commit, provider.name(), null, artifact, applyMigrations && plan != null ? plan.version() : Deployment.schemaVersion(settings, "deploy"), applyMigrations && plan != null ? plan.breaking() : null, Host.operator(), new Manifest.Kit(Ops.VERSION, Ops.commit(run)));
        staged = provider.stage(release, packed, application);
        release = release.staged(staged.deployment());
        steps.found(staged.url() == null ? staged.deployment() : staged.url());
        return true;
    }

    private boolean lookAtStaged(Steps steps) throws Exception {
        run.state("what was live is live; the new release is staged, and no visitor sees it");
        var findings = SiteChecks.staged(run, settings, staged.url(), provider.pages(packed), commit.sha());
        findings.conclude();
        steps.found(findings.counts() + (staged.url() == null ? ", served by this machine" : ""));
        return true;
    }

    private boolean record(Steps steps) {
        releases.record(release);
        history.add("release", release.id());
        steps.found(release.id());
        return true;
    }

    private boolean promote(Steps steps) throws Exception {
        lock.makeSure();
        run.state("either the release before or " + release.id() + " is live, whole; ./jbang rollback --env " + env + " --list says which");
        try {
            live = provider.promote(release, staged, packed, application);
        } catch (Failure e) {
            if (e instanceof Failure.Failed || !provider.hasOrdered())
                run.state("what was live is live; release " + release.id() + " is staged, and no visitor sees it");
            throw e;
        }
        history.add("deployment", live.deployment());
        endRollback();
        steps.found(live.deployment());
        return true;
    }

    /** What a killed rollback began is over once this is live, and not before; what it was to leave is no way back. */
    private void endRollback() throws Exception {
        Deployment.written(run, "write down that a killed rollback is over", () -> {
            releases.markLeft().ifPresent(run.console::warn);
            releases.end();
        });
        if (before.isPresent()) old = releases.of(before.get());
    }

    private boolean lookAtSite(Steps steps) throws Exception {
        var earlier = releases.commitsBut(commit.sha());
        before.map(Provider.Live::commit).filter(sha -> !sha.equals(commit.sha())).ifPresent(earlier::add);
        var where = provider.name() + ", and nobody has seen it at the site's address";
        run.state("release " + release.id() + " is live at " + where);
        SiteChecks.awaitNew(run, settings, commit.sha(), earlier);
        run.state("release " + release.id() + " is live, and is not proven to work");
        var findings = SiteChecks.live(run, settings, commit.sha(), earlier);
        earlier.add(commit.sha());
        if (smoke.Smoke.isWithoutHealth(findings) && releases.all().stream().allMatch(known -> known.good() == null))
            throw new Failure.Unclear("whether the release works can't be told: " + findings.counts() + findings.wrong("; "),
                smoke.Health.NAME_IT + "; then deploy again");
        if (findings.outcome() == Outcome.fail) takeBack(steps, findings, earlier);
        findings.conclude();
        steps.found(findings.counts());
        return true;
    }

    /** What does not work is not left live, unless there is nothing to go back to. */
    private void takeBack(Steps steps, Findings findings, Set<String> commits) throws Exception {
        var why = findings.counts() + findings.wrong("; ");
        run.state(doesNotWork());
        var ways = WayBack.all(releases, before, old);
        var kept = before.isEmpty() ? "; nothing was live before" : "";
        if (before.isPresent() && ways.isEmpty())
            kept = "; what was live before is marked bad, and no release before it is good";
        var behind = false;
        for (var way : List.copyOf(ways)) {
            if (plan != null && releases.isBehindBreaking(way.release(), plan.version())) {
                behind = true;
                kept = "; it was not taken back, since migrations have changed what the release before needs";
            } else if (way.hasBytesOf(release)) {
                kept = "; it was not taken back, since the release before has the very same bytes";
            } else continue;
            ways.remove(way);
        }
        if (!ways.isEmpty()) kept = "";
        var marked = Deployment.written(run, "mark release " + release.id() + " as bad",
            () -> releases.bad(release, why));
        if (stay || ways.isEmpty()) {
            run.state(doesNotWork() + kept);
            var back = "; or, if the release before works with the database as it is: ./jbang rollback --env " + env;
            var accept = hasPending() || behind ? " --accept-schema-ahead" : "";
            throw new Failure.NotVerified(why, "mend it and deploy again" + (before.isEmpty() ? "" : back + accept));
        }
        run.console.warn("the site does not pass: " + why);
        var bad = "; release " + release.id() + (marked ? " is marked bad" : " could not be marked bad");
        var wanted = ways.get(0).release();
        var seen = "";
        while (!ways.isEmpty()) {
            var way = ways.remove(0);
            if (!turnTo(steps, way, why)) {
                if (ways.isEmpty()) further(way).ifPresent(ways::add);
                continue;
            }
            var after = lookAgain(way, commits, bad);
            if (after.outcome() == Outcome.pass)
                throw new Failure.RolledBack("release " + release.id() + " did not pass, and was taken back: " + why,
                    "mend it, commit, and deploy again");
            seen = (after.outcome() == Outcome.fail ? "the site does not pass with the one before either: "
                : "whether it passes with the one before can't be told: ") + after.counts() + after.wrong("; ");
            if (!ways.isEmpty()) run.console.warn(seen);
        }
        if (seen.isEmpty()) throw nothingLeft(why, wanted);
        throw new Failure.NotVerified("the release did not pass and was taken back, and " + seen,
            "the release may not be the cause: ./jbang smoke-tests --env " + env + ", and ./jbang doctor --env "
                + env);
    }

    /** @param wanted what would be live again, if it were there */
    private Failure nothingLeft(String why, Optional<Releases.Known> wanted) {
        run.state(doesNotWork() + "; neither " + provider.name()
            + " nor the bucket has a good release before it any more");
        return new Failure.NotVerified(why, "mend it and deploy again" + wanted.map(known -> "; or build one anew: "
            + "./jbang rollback --env " + env + " --to " + known.release().id() + " --rebuild").orElse(""));
    }

    private String doesNotWork() { return "release " + release.id() + " is live, and does not work"; }

    /** Makes it live; false where it is there no more, or can't be got ready: what was live still is then. */
    private boolean turnTo(Steps steps, WayBack way, String why) throws Exception {
        WayBack.Turn turn;
        lock.makeSure();
        try {
            turn = way.prepare(run, store, env, provider, application);
        } catch (Failure | IOException e) {
            return isNot(way, e);
        }
        if (way.release().isPresent())
            Deployment.written(run, "write down where it goes back to",
                () -> releases.begin(release.id(), way.release().get().release().id(), why));
        lock.makeSure();
        run.state("either release " + release.id() + ", which does not work, or " + way.name()
            + " is live, whole; ./jbang rollback --env " + env + " --list says which");
        try {
            return steps.change("Roll back", "", () -> {
                turn.make();
                steps.found(way.words());
                return true;
            });
        } catch (Failure.Failed e) {
            return isNot(way, e);
        }
    }

    private boolean isNot(WayBack way, Exception why) {
        run.state(doesNotWork());
        run.console.warn(way.name() + " can't be live again: " + why.getMessage());
        return false;
    }

    /** A good release further back that works with the database as it is. */
    private Optional<WayBack> further(WayBack way) throws Exception {
        var found = way.further(releases, release);
        while (found.isPresent() && plan != null && releases.isBehindBreaking(found.get().release(), plan.version()))
            found = found.get().further(releases, release);
        return found;
    }

    private Findings lookAgain(WayBack way, Set<String> commits, String bad) throws Exception {
        run.state(way.name() + " is live again, and is not looked at yet" + bad);
        var earlier = new HashSet<>(commits);
        earlier.remove(way.commit());
        SiteChecks.awaitNew(run, settings, way.commit(), earlier);
        var after = SiteChecks.live(run, settings, way.commit(), earlier);
        if (after.outcome() != Outcome.unknown)
            Deployment.written(run, "write down that this has ended", releases::end);
        run.state(way.name() + " is live again, and " + switch (after.outcome()) {
            case pass -> "passes the smoke tests";
            case fail -> "does not pass either";
            case unknown -> "is not proven to work";
        } + bad);
        return after;
    }

    private boolean markGood(Steps steps) throws Exception {
        run.state("release " + release.id() + " is live and passed the smoke tests, and is not marked as good");
        releases.good(release, live.deployment());
        run.state("release " + release.id() + " is live and passed the smoke tests");
        tidy();
        steps.found(Deployment.tag(run, checkout, "deploy/" + env + "/" + Stamp.of(run.started), commit.sha()));
        return true;
    }

    /** Not before what is live is proven: until then anything may be the way back. */
    private void tidy() throws Exception {
        var needed = new ArrayList<>(List.of(live.deployment()));
        before.ifPresent(each -> needed.add(each.deployment()));
        releases.previous(releases.byId(release.id())).ifPresent(each -> needed.add(each.deployment()));
        try {
            var good = releases.all().stream().filter(Releases.Known::isGood).map(Releases.Known::deployment).toList();
            provider.tidy(needed, good);
        } catch (Failure | IOException e) {
            run.console.warn("old releases could not be removed: " + e.getMessage());
        }
    }

    private record Result(String release, String env, String commit, String url, String provider, String deployment, Artifact.Stored artifact, double seconds) { }

    private void report() {
        var result = new Result(release.id(), env, commit.sha(), settings.require(Setting.SITE_URL), provider.name(), live.deployment(), artifact, Amount.seconds(run.elapsed()));
        run.console.result(run.json ? Json.text(result) : "deployed " + release + " to " + result.url() + ", in " + Amount.time(run.elapsed()));
    }
}
