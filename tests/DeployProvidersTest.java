import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import ops.Failure;
import ops.Run;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import release.Application;
import release.Build;

/** deploy and rollback at each provider, with its real command line going up and its API telling what is live. */
class DeployProvidersTest {
    private final Kit kit = Stack.kit();
    private final SiteRepository site = new SiteRepository(kit);
    private final DeployStandIn standIn = DeployStandIn.start();

    @AfterEach void stop() { standIn.close(); }

    /** The application pins the command line, which npm then brings into every clone. */
    private void pin(String cli) {
        site.write("pins/" + cli + "/package.json", "{\"name\": \"" + cli + "\", \"version\": \"1.0.0\", \"bin\": {\"" + cli + "\": \"run.sh\"}}\n");
        site.write("pins/" + cli + "/run.sh", "#!/bin/sh\nexec " + String.join(" ", ProviderClis.command(cli)) + " \"$@\"\n");
        site.write("package.json", "{\"name\": \"trailers\", \"version\": \"1.0.0\", \"private\": true, \"type\": \"module\", \"scripts\": {\"build\": \"node build.js\"}, \"devDependencies\": {\"" + cli + "\": \"file:pins/" + cli + "\"}}\n");
        site.byNpm().write("package-lock.json", """
            {"name": "trailers", "version": "1.0.0", "lockfileVersion": 3, "requires": true, "packages": {
              "": {"name": "trailers", "version": "1.0.0", "devDependencies": {"%1$s": "file:pins/%1$s"}},
              "node_modules/%1$s": {"resolved": "pins/%1$s", "link": true}, "pins/%1$s": {"name": "%1$s", "version": "1.0.0", "dev": true, "bin": {"%1$s": "run.sh"}}}}
            """.formatted(cli));
        kit.bash("chmod +x site/pins/*/run.sh").exits(0);
        site.commit("Pin the command line");
    }

    private String url(String provider) {
        return switch (provider) { case "vercel" -> standIn.vercelSite(); case "cloudflare-pages" -> standIn.pagesSite(); default -> standIn.workerSite("shop"); };
    }

    private Kit.Result run(String command, String... more) {
        var all = new ArrayList<>(List.of(command, "--env", "staging"));
        all.addAll(List.of(more));
        return kit.run(all.toArray(String[]::new)).neverShows(Hosting.TOKEN);
    }

    private String liveCommit(String provider) throws IOException, InterruptedException {
        return com.google.gson.JsonParser.parseString(Hosting.page(url(provider) + "/version.json")).getAsJsonObject().get("commit").getAsString();
    }

    private void at(String provider) {
        pin(provider.equals("vercel") ? "vercel" : "wrangler");
        site.ship(provider, url(provider));
        kit.set("VERCEL_TOKEN", Hosting.TOKEN).set("VERCEL_ORG_ID", VercelStandIn.TEAM).set("STAGING_VERCEL_PROJECT_ID", VercelStandIn.PROJECT).set("VERCEL_API_URL", standIn.url())
            .set("CLOUDFLARE_API_TOKEN", Hosting.TOKEN).set("CLOUDFLARE_ACCOUNT_ID", CloudflareStandIn.ACCOUNT).set("CLOUDFLARE_API_URL", standIn.cloudflareUrl()).set("STAGING_CLOUDFLARE_PAGES_PROJECT", PagesStandIn.NAME).set("STAGING_CLOUDFLARE_WORKER", "shop");
    }

    /** Puts a commit live as somebody's deployment from before. */
    private void wasDeployed(String provider, String commit) {
        var files = Map.of("index.html", "<html><body><div id=\"app\"></div></body></html>", "version.json", "{\"commit\": \"" + commit + "\"}");
        switch (provider) {
            case "vercel" -> standIn.vercel.deployed(files, Map.of("commit", commit));
            case "cloudflare-pages" -> standIn.pages.deployed(files, commit, "by hand");
            default -> standIn.workers.deployed("shop", files, "by hand", "1");
        }
    }

    /** Killed while the provider has the order and has not answered: it carries it out, and the next run says so and goes on. Where nothing is sent, one provider is like another, and like a folder. */
    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "vercel             | POST /v13/deployments              | 1 | POST .*/promote/",
        "cloudflare-pages   | POST .*/projects/shop/deployments$ | 2 | POST .*/projects/shop/deployments$",
        "cloudflare-workers | POST .*/versions$                  | 1 | POST .*/scripts/shop/deployments$"})
    void killed_in_the_middle_of_an_order_one_whole_release_is_live_and_what_was_live_before_comes_back_without_node(String provider, String upload, int which, String promotion) throws Exception {
        at(provider);
        var first = site.head();
        wasDeployed(provider, first);
        var second = site.write("src/app.js", "document.getElementById('app').textContent = 'more trailers'\n").commit("More trailers");
        killedWhileItHas(1, upload).countDown();
        assertEquals(first, liveCommit(provider));
        run("deploy", "--wait", "60").exits(0).says("which this kit did not deploy", "ok: Look at the site: 7 of 7 pass");
        assertEquals(second, liveCommit(provider));
        kit.awaitNoProcess();
        assertEquals(List.of(), kit.leftTemporary());
        var deployment = switch (provider) { case "vercel" -> standIn.vercel.live(); case "cloudflare-pages" -> standIn.pages.live(); default -> standIn.workers.live("shop").keySet().iterator().next(); };

        var third = site.write("src/app.js", "document.getElementById('app').textContent = 'all trailers'\n").commit("All trailers");
        var answered = killedWhileItHas(which, promotion);
        assertEquals(second, liveCommit(provider));
        answered.countDown();
        Patience.until(() -> liveCommit(provider).equals(third), () -> "the order is never carried out");

        // Back again, where there is no Node: at once, or from the archive when the provider has it no more.
        kit.bash("mkdir no-node && printf '#!/bin/sh\\nexit 99\\n' >no-node/node && chmod +x no-node/node").exits(0);
        kit.with("PATH", kit.home.resolve("no-node") + ":" + System.getenv("PATH"));
        if (provider.equals("vercel")) standIn.vercel.delete(deployment);
        var instant = "instant: " + provider + " still has " + deployment;
        if (provider.equals("cloudflare-workers")) {
            standIn.failNext("POST .*/scripts/shop/deployments$", 403, 1);
            run("rollback", "--wait", "60").exits(78).says("Cloudflare does not let the token in CLOUDFLARE_API_TOKEN do that",
                "State: what was live is live.");
            assertEquals(third, liveCommit(provider));
        }
        kit.set("SMOKE_HEALTH_PATH", "/none.json"); // it looks again and again until it is killed
        kit.start("rollback", "--env", "staging", "--wait", "60").awaitSays("ok: Roll back").signal("KILL").result()
            .says("ok: See what is live: 2", " (" + third.substring(0, 12) + " All trailers), never proven",
                "ok: Choose the way: " + (provider.equals("vercel") ? "the archived artifact, " : instant));
        assertEquals(second, liveCommit(provider));
        kit.set("SMOKE_HEALTH_PATH", "/health.json");
        run("rollback", "--wait", "60").exits(0).says("which ends what was begun at ", "ok: Look at the site: 7 of 7 pass");
        assertEquals(second, liveCommit(provider));
        for (var key : kit.keys()) if (key.endsWith(".json")) assertFalse(new String(kit.object(key), java.nio.charset.StandardCharsets.UTF_8).contains(Hosting.TOKEN), key);
        assertFalse(kit.logs().contains(Hosting.TOKEN));
    }

    /** Kills a deploy once the provider has such an order for the first, the second time; it carries it out when the latch opens, and what was started may still bring its upload to an end. */
    private CountDownLatch killedWhileItHas(int which, String order) {
        var answered = new CountDownLatch(1);
        var seen = standIn.requests(order).size() + which;
        standIn.hold(which, order, answered);
        var running = kit.start("deploy", "--env", "staging", "--wait", "60");
        Patience.until(() -> standIn.requests(order).size() >= seen || !running.process.isAlive(), () -> "no further request " + order);
        running.signal("KILL").result();
        return answered;
    }

    @Test void what_vercel_takes_and_does_not_do_is_no_success() {
        at("vercel");
        kit.set("DEPLOY_LIVE_SECONDS", "2");
        standIn.vercel.outcome(VercelStandIn.Outcome.FAILED);
        run("deploy").exits(1).says("Vercel has not made ", " live: its order has failed; nothing is live", "State: what was live is live; release ", " is staged, and no visitor sees it.");
        standIn.vercel.outcome(VercelStandIn.Outcome.PENDING);
        run("deploy").exits(16).says("has not done so within DEPLOY_LIVE_SECONDS", "State: either the release before or ", " is live, whole; ./jbang rollback --env staging --list says which", "look at the project's deployments in Vercel's dashboard");
    }

    @Test void what_cloudflare_takes_and_does_not_do_is_no_success() {
        at("cloudflare-pages");
        standIn.pages.newDeploymentsAre(PagesStandIn.Stage.FAILURE);
        run("deploy").exits(12).says("wrangler pages failed (exit 1): ", "Deployment failed!", "State: nothing was changed: what was live is live.");
    }

    /** Both are seen before the build, which may take long. */
    @Test void a_command_line_that_is_not_pinned_or_wants_another_node_is_named() throws Exception {
        at("cloudflare-pages");
        var run = new Run();
        try (var end = run.undo) {
            var build = Build.of(run, kit.settings(), new Application(site.folder));
            var missing = assertThrows(Failure.ToolFailed.class, () -> build.requirePinned("vercel"));
            assertEquals("the application does not bring 'vercel', which uploads it", missing.getMessage());
            assertEquals("pin it there, and commit: npm install --save-dev --save-exact vercel", missing.hint);
            build.requirePinned("wrangler");
            site.write("pins/wrangler/package.json", "{\"name\": \"wrangler\", \"version\": \"1.0.0\", "
                + "\"bin\": {\"wrangler\": \"run.sh\"}, \"engines\": {\"node\": \">=99\"}}\n");
            var older = assertThrows(Failure.ToolFailed.class, () -> build.install(Optional.of("wrangler")));
            assertTrue(older.getMessage().startsWith("Node is "), older::getMessage);
            assertTrue(older.getMessage()
                .endsWith(", and wrangler 1.0.0 of the application, which uploads it, asks for >=99"), older::getMessage);
            assertEquals("install such a Node, or pin another version of wrangler in the application", older.hint);
        }
    }
}
