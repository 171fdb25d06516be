//SOURCES ../scripts/release/Deployment.java

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.util.List;
import java.util.Optional;
import ops.Failure;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import release.Artifact;
import release.Releases;

/** An earlier release is live again in seconds, and nothing else is ever made live by it. */
class RollbackTest {
    private static final List<String> STEPS = List.of("Read the settings", "Reach the provider", "Look for protected environments behind other names", "Take the lock", "See what is live", "Choose the release", "Compare the schema", "Choose the way", "Tag what is left", "Roll back", "Mark what was left as bad", "Look at the site");
    /** Steps after which it is also told to stop: before the first change, and after the turn. */
    private static final List<String> TOLD = List.of("Take the lock", "Roll back");

    private final DeployedSite site = new DeployedSite(Stack.kit());
    private final Kit kit = site.kit;

    @AfterEach void stop() { site.close(); }

    @Test void the_release_before_is_live_again_and_the_one_that_was_left_is_marked_bad() {
        var two = site.shipTwo();
        var first = site.commitOf(two.get(0));
        site.run("rollback", "--reason", "prices were wrong").exits(0).says("ok: See what is live: " + two.get(1), "ok: Choose the release: " + two.get(0), "ok: Choose the way: instant: directory still has " + two.get(0), "ok: Tag what is left: tag recovery/staging/",
            "ok: Roll back: " + two.get(0), "ok: Look at the site: 7 of 7 pass", "not undone by a rollback: environment variables and crons at the provider, and data that were written meanwhile").prints("rolled back to " + two.get(0), "at " + site.url());
        assertEquals(List.of(two.get(0), first), List.of(site.current(), site.liveCommit()));
        site.run("rollback", "--list").exits(0).prints("bad   " + two.get(1), "rolled back: prices were wrong", "live  " + two.get(0));
        assertEquals(site.commitOf(two.get(1)), site.repository.git("rev-list -1 $(git -C " + site.repository.folder + " tag --list 'recovery/staging/*')").out().strip());
        var history = kit.history().get(2);
        assertEquals(List.of("rollback", "done", two.get(0), two.get(1), "instant", "prices were wrong"), List.of("script", "result", "release", "left", "way", "reason").stream().map(name -> history.get(name).getAsString()).toList());
        site.run("rollback").exits(10).says("'staging' has no good release before the one that is live", "State: nothing was changed: what was live is live.");
        site.run("rollback", "--to", two.get(1)).exits(10).says("is marked bad: rolled back: prices were wrong", "deploy its commit anew");
        site.run("rollback", "--to", two.get(0)).exits(10).says("is live already");
    }

    /** What it would look at does not pass, so that it looks again and again until it is killed. */
    private void killedOnceTheSiteWasTurned() {
        kit.set("SMOKE_HEALTH_PATH", "/none.json");
        kit.start("rollback", "--env", "staging", "--reason", "prices").awaitSays("ok: Roll back")
            .signal("KILL").result();
        kit.awaitNoProcess();
        kit.set("SMOKE_HEALTH_PATH", "/health.json");
    }

    @Test void killed_once_the_site_was_turned_and_run_again_it_goes_no_release_further_back() {
        var three = site.ship(3);
        killedOnceTheSiteWasTurned();
        // One whose result nobody has seen has not come to its end either.
        kit.bash("cd " + kit.home + " && ./jbang rollback --env staging --to " + three.get(1) + " --json > /dev/full").exits(1)
            .says("ends what was begun at 2", "State: release " + three.get(1) + " is live again, and passed the smoke tests.",
                "run it again");
        site.run("rollback").exits(0).says("ends what was begun at 2", "ok: Choose the way: it is live already")
            .prints("rolled back to " + three.get(1));
        assertEquals(three.get(1), site.current());
        assertEquals("rolled back: prices", site.whyBad(three.get(2)));
        assertTrue(kit.json("handover/staging/releases/turning.json").has("ended"), "nothing is left to end");
    }

    @Test void what_a_killed_rollback_left_is_no_release_to_go_back_to_after_the_next_deploy() throws Exception {
        var three = site.ship(3);
        killedOnceTheSiteWasTurned();
        assertEquals(three.get(1), site.current());
        kit.delete("handover/staging/releases/" + three.get(2) + ".bad.json"); // as when it was killed a moment earlier
        site.change("fourth");
        site.run("deploy").exits(0);
        assertEquals("rolled back: prices", site.whyBad(three.get(2)));
        site.run("rollback").exits(0).prints("rolled back to " + three.get(1));
        // And one that was killed before it had turned the site: somebody wanted to leave what is live.
        kit.put("handover/staging/releases/turning.json", "{\"at\": \"2026-11-30T10:00:00Z\", \"from\": \""
            + three.get(1) + "\", \"to\": \"" + three.get(0) + "\", \"why\": \"rolled back: prices\"}");
        try (var store = site.store()) {
            var releases = new Releases(store, "staging");
            var fourth = Optional.of(releases.all().get(0));
            assertEquals(three.get(0), releases.previous(fourth).orElseThrow().release().id());
            assertEquals(Optional.of("release " + three.get(1) + " is marked bad, as the rollback of 2026-11-30T10:00:00Z"
                + " that did not come to its end: rolled back: prices"), releases.markLeft());
        }
        assertEquals("rolled back: prices", site.whyBad(three.get(1)));
    }

    @Test void a_release_of_the_very_same_bytes_is_none_to_go_back_to() {
        var two = site.shipTwo();
        site.run("deploy").exits(0).says("ok: Keep the artifact: it is there already");
        assertEquals(2, kit.keys("handover/staging/artifacts/").size());
        var again = site.current();
        site.run("rollback", "--to", two.get(1)).exits(10)
            .says("release " + two.get(1), "has the very same bytes as what is live", "nothing was changed");
        site.run("rollback").exits(0).says("ok: Mark what was left as bad: " + again + ", " + two.get(1))
            .prints("rolled back to " + two.get(0));
        assertEquals(two.get(0), site.current());
        for (var left : List.of(again, two.get(1))) assertEquals("rolled back", site.whyBad(left));
    }

    @Test void without_a_release_there_is_nothing_to_roll_back_to() throws Exception {
        site.run("rollback").exits(10).says("ok: See what is live: nothing yet", "has no good release before the one that is live");
        try (var store = site.store()) {
            var missing = assertThrows(Failure.Failed.class, () -> new Releases(store, "staging").find("20261122T031500Z-4f9a1c"));
            assertEquals("'staging' has no release '20261122T031500Z-4f9a1c'", missing.getMessage());
            assertTrue(missing.hint.contains("--list"), missing.hint);
        }
        site.run("rollback", "--list").exits(0).prints("live: nothing yet");
    }

    @Test void a_certain_one_is_named_by_its_id_its_commit_or_a_beginning_of_it() {
        var two = site.ship(3);
        site.run("rollback", "--to", "20").exits(2).says("'20' may be any of 3 releases");
        site.run("rollback", "--to", site.commitOf(two.get(0)).substring(0, 8)).exits(0);
        assertEquals(two.get(0), site.current());
    }

    @Test void a_dry_run_says_what_would_be_done() {
        var two = site.shipTwo();
        site.run("rollback", "--dry-run").exits(0).says("ok: Choose the release: " + two.get(0), "would roll back: the provider still has it", "would mark what was left as bad: " + two.get(1));
        assertEquals(two.get(1), site.current());
    }

    @Test void a_protected_environment_wants_its_name() {
        var two = site.shipTwo();
        kit.set("PROTECTED_ENVS", "staging");
        kit.startInForeground("rollback", "--env", "staging").result().exits(10).says("this needs a person at a terminal");
        assertEquals(two.get(1), site.current());
        site.run("rollback", "--confirm", "staging").exits(0);
        assertEquals(two.get(0), site.current());
    }

    @Test void what_the_provider_has_no_more_comes_from_the_archive_without_node_and_git() throws IOException {
        var two = site.shipTwo();
        var first = site.commitOf(two.get(0));
        kit.bash("rm -r www/releases/" + two.get(0) + " site");
        kit.set("DEPLOY_APP", null);
        site.run("rollback").exits(0).says("ok: Choose the way: the archived artifact, 4 files, ");
        assertEquals(List.of(two.get(0), first), List.of(site.current(), site.liveCommit()));
        assertTrue(Files.readString(site.www.resolve("current/app.js")).contains("'trailers'"));
        assertEquals(List.of(), kit.leftTemporary());
    }

    @Test void an_artifact_that_is_not_what_was_stored_goes_nowhere() throws IOException {
        var two = site.shipTwo();
        kit.bash("rm -r www/releases/" + two.get(0));
        var keys = kit.keys("handover/staging/artifacts/");
        var first = site.artifactOf(two.get(0));
        var own = keys.stream().filter(key -> key.contains(first.sha256())).findFirst().orElseThrow();
        var other = keys.stream().filter(key -> !key.equals(own)).findFirst().orElseThrow();
        var flipped = kit.object(other);
        flipped[flipped.length / 2] ^= 1;
        try (var store = site.store()) {
            for (var bytes : List.of(kit.object(other), flipped)) {
                kit.put(own, bytes);
                var folder = Files.createDirectory(kit.home.resolve(Stack.next("fetched")));
                var failure = assertThrows(Failure.NotVerified.class, () -> Artifact.fetch(store, "staging", first, folder));
                assertTrue(failure.getMessage().contains(own), failure::getMessage);
            }
        }
        // Something that would be written outside, through a link, before anybody knows that it is not what was stored.
        kit.bash("mkdir outside one two; ln -s \"$PWD/outside\" one/x; mkdir two/x; echo caught > two/x/authorized_keys; tar cf forged -C one x; tar rf forged -C two x/authorized_keys; zstd -q forged").exits(0);
        kit.put(own, Files.readAllBytes(kit.home.resolve("forged.zst")));
        site.run("rollback").exits(14).says(own + " is not what was stored", "State: nothing was changed: what was live is live.");
        assertEquals("", kit.bash("ls outside").exits(0).out());
        assertEquals(two.get(1), site.current());
    }

    @Test void what_nobody_has_any_more_is_built_anew_when_asked_for() {
        var two = site.shipTwo();
        var first = site.commitOf(two.get(0));
        kit.bash("rm -r www/releases/" + two.get(0));
        kit.keys("handover/staging/artifacts/").forEach(kit::delete);
        site.run("rollback").exits(10).says("neither directory nor the bucket has release " + two.get(0), "--to " + two.get(0) + " --rebuild");
        site.run("rollback", "--rebuild").exits(0).says("ok: Choose the way: a build of " + first.substring(0, 12));
        assertEquals(List.of(two.get(0), first), List.of(site.current(), site.liveCommit()));
        assertEquals(List.of(), kit.leftTemporary());
    }

    @Test void behind_a_migration_it_refuses_and_never_touches_the_database() {
        var three = site.ship(3);
        var first = three.get(1);
        var record = kit.json("handover/staging/releases/" + three.get(0) + ".json");
        record.addProperty("schema_version", "20261101000000");
        kit.put("handover/staging/releases/" + three.get(0) + ".json", record.toString());
        kit.delete("handover/staging/releases/" + three.get(2) + ".good.json");
        kit.database.execute("create schema supabase_migrations; create table supabase_migrations.schema_migrations (version text primary key, statements text[], name text); insert into supabase_migrations.schema_migrations values ('20261101000000'), ('20261102000000')");
        site.run("rollback").exits(10).says("the database is at migration 20261102000000, and release " + first, "was made for none; a rollback never changes the database", "--accept-schema-ahead");
        site.run("rollback", "--list").exits(0).prints("behind a migration, made for 20261101000000", "behind a migration, made for none",
            "never proven: its deploy did not come to its end");
        // Where no table says what was applied, the release that came with it does.
        kit.database.execute("alter table supabase_migrations.schema_migrations rename to aside");
        var live = "handover/staging/releases/" + site.current() + ".json";
        var destroying = kit.json(live);
        destroying.addProperty("breaking", "");
        kit.put(live, destroying.toString());
        site.run("rollback").exits(10).says("migrations that came with a later release have changed what release "
            + first, "--accept-schema-ahead");
        site.run("rollback", "--accept-schema-ahead").exits(0);
        assertEquals(List.of(first, "2"),
            List.of(site.current(), kit.database.one("select count(*) from supabase_migrations.aside")));
    }

    @Test void a_database_that_is_down_keeps_nobody_from_rolling_back() {
        var two = site.shipTwo();
        kit.set("STAGING_DATABASE_URL", kit.database.url().replaceFirst(":[0-9]+/", ":9/")).set("DB_CONNECT_SECONDS", "2");
        site.run("rollback").exits(12).says("nothing was changed", "--no-lock");
        site.run("rollback", "--no-lock").exits(12).says("--accept-schema-ahead");
        site.run("rollback", "--no-lock", "--accept-schema-ahead").exits(0);
        assertEquals(two.get(0), site.current());
    }

    @Test void a_release_that_does_not_pass_when_it_is_live_again_is_said_not_to() {
        var two = site.shipTwo();
        site.stopServing();
        site.run("rollback").exits(14).says("State: release " + two.get(0) + " is live again, and does not pass the smoke tests.");
        assertEquals(two.get(0), site.current());
    }

    @Test void a_signal_after_any_step_leaves_one_whole_release_and_the_next_run_goes_on() {
        var two = site.shipTwo();
        for (var step : STEPS) {
            endAfter(step, "KILL", two);
            if (TOLD.contains(step)) endAfter(step, "TERM", two);
        }
        site.run("rollback").exits(0);
        assertEquals(two.get(0), site.current());
        assertEquals(List.of(), kit.leftTemporary());
    }

    private void endAfter(String step, String signal, List<String> two) {
        var result = kit.start("rollback", "--env", "staging", "--wait", "60").awaitSays("ok: " + step).signal(signal).result();
        kit.awaitNoProcess();
        assertTrue(two.contains(site.current()), result::toString);
        assertEquals(site.commitOf(site.current()), site.liveCommit(), result::toString);
        if (signal.equals("TERM") && result.exit() != 0) result.exits(143).says("warning: interrupted: stopping and cleaning up", "State: ");
        // And there again for the next step, whatever this one has come to.
        kit.bash("ln -sfn releases/" + two.get(1) + " www/current").exits(0);
        kit.keys("handover/staging/releases/").stream().filter(key -> key.matches(".*(\\.bad|/turning)\\.json")).forEach(kit::delete);
    }
}
