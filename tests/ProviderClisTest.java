import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/**
 * What the real command lines do, against the stand-in: the four flows, and the cases in which an exit code of 0 does not
 * mean what one would take it for. When one of these fails after an update, what the kit relies on has changed.
 */
class ProviderClisTest {
    private static final String TOKEN = "tokenThatGoesNowhereElse";
    private static final String COMMIT = "0123456789abcdef0123456789abcdef01234567";
    private static final HttpClient HTTP = HttpClient.newHttpClient();

    private static Path built;

    private final Path folder;
    private final DeployStandIn standIn = DeployStandIn.start();
    private final ProviderClis.Offline offline = new ProviderClis.Offline(standIn);

    ProviderClisTest() throws IOException {
        ProviderClis.nodeModules();
        folder = Files.createDirectory(Stack.folder().resolve(Stack.next("app")));
        site("one");
    }

    /** Whatever a test did, its requests went to the stand-in with the token, and no site was told it. */
    @AfterEach void the_token_went_to_the_api_only() {
        offline.close();
        standIn.close();
        for (var request : standIn.requests()) assertTrue(request.authorization() != null && request.authorization().startsWith("Bearer "), request::toString);
        for (var visit : standIn.visits()) assertNull(visit.authorization(), visit::toString);
    }

    // --- helpers

    private void site(String version) throws IOException {
        Files.createDirectories(folder.resolve("dist/assets"));
        Files.writeString(folder.resolve("dist/index.html"), "<!doctype html><title>" + version + "</title><script src=\"/assets/app.js\"></script>");
        Files.writeString(folder.resolve("dist/assets/app.js"), "console.log('" + version + "')");
    }

    private Kit.Result run(Map<String, String> more, List<String> command) {
        var environment = new LinkedHashMap<>(ProviderClis.environment(folder.resolve("home")));
        environment.putAll(offline.environment());
        environment.putAll(more);
        return new Kit.Running(offline.command(command), folder, environment).result();
    }

    private static List<String> with(List<String> command, String... arguments) {
        var all = new ArrayList<>(command);
        all.addAll(List.of(arguments));
        return all;
    }

    private Kit.Result vercel(String... arguments) {
        return run(Map.of("VERCEL_TOKEN", TOKEN, "VERCEL_ORG_ID", VercelStandIn.TEAM, "VERCEL_PROJECT_ID", VercelStandIn.PROJECT),
            with(with(ProviderClis.command("vercel"), arguments), "--api", standIn.url(), "--scope", VercelStandIn.TEAM));
    }

    /** Turns dist into .vercel/output, without any token, and without asking anybody. */
    private Kit.Result vercelBuild(String... how) throws IOException {
        Files.createDirectories(folder.resolve(".vercel"));
        Files.writeString(folder.resolve(".vercel/project.json"), """
            {"projectId": "prj_test", "orgId": "team_test", "projectName": "shop",
             "settings": {"framework": null, "installCommand": "", "buildCommand": "", "outputDirectory": "dist"}}""");
        return run(Map.of(), with(with(ProviderClis.command("vercel"), "build", "--yes"), how.length == 0 ? new String[] {"--prod"} : how));
    }

    /** What a build has made for an earlier test, where it is about what comes behind that; its title is prebuilt. */
    private void vercelBuilt() throws IOException {
        synchronized (ProviderClisTest.class) {
            if (built == null) {
                site("prebuilt");
                vercelBuild().exits(0);
                built = Files.createDirectory(Stack.folder().resolve(Stack.next("built")));
                run(Map.of(), List.of("cp", "-a", folder.resolve(".vercel").toString(), built.toString())).exits(0);
                return;
            }
        }
        run(Map.of(), List.of("cp", "-a", built.resolve(".vercel").toString(), folder.toString())).exits(0);
    }

    private Kit.Result wrangler(String... arguments) {
        return run(Map.of("CLOUDFLARE_API_BASE_URL", standIn.cloudflareUrl(), "CLOUDFLARE_API_TOKEN", TOKEN, "CLOUDFLARE_ACCOUNT_ID", CloudflareStandIn.ACCOUNT,
            "WRANGLER_OUTPUT_FILE_PATH", folder.resolve("output.ndjson").toString()), with(ProviderClis.command("wrangler"), arguments));
    }

    /** The last line of this type that wrangler has written. */
    private JsonObject output(String type) throws IOException {
        return Files.readAllLines(folder.resolve("output.ndjson")).stream().map(line -> JsonParser.parseString(line).getAsJsonObject())
            .filter(line -> line.get("type").getAsString().equals(type)).reduce((earlier, later) -> later).orElseThrow();
    }

    private Kit.Result pagesDeploy(String version, String... more) throws IOException {
        site(version);
        return wrangler(with(List.of("pages", "deploy", "dist", "--project-name", "shop", "--commit-hash", COMMIT, "--commit-message", "release " + version, "--commit-dirty=true"), more).toArray(String[]::new));
    }

    private void workerSite(String version) throws IOException {
        site(version);
        Files.writeString(folder.resolve("wrangler.json"), "{\"name\": \"shop\", \"compatibility_date\": \"2026-01-01\", \"assets\": {\"directory\": \"dist\", \"not_found_handling\": \"single-page-application\"}}");
    }

    private String workerUpload(String version) throws IOException {
        workerSite(version);
        wrangler("versions", "upload", "--message", "release " + version, "--tag", version).exits(0);
        return output("version-upload").get("version_id").getAsString();
    }

    private void workerDeploy(String id) { wrangler("versions", "deploy", id + "@100%", "--name", "shop", "--yes").exits(0); }

    private String get(String url) {
        try {
            return HTTP.send(HttpRequest.newBuilder(URI.create(url)).build(), BodyHandlers.ofString()).body();
        } catch (IOException | InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    private JsonObject rest(String method, String url) {
        try {
            var request = HttpRequest.newBuilder(URI.create(url)).method(method, BodyPublishers.noBody()).header("authorization", "Bearer " + TOKEN).build();
            return JsonParser.parseString(HTTP.send(request, BodyHandlers.ofString()).body()).getAsJsonObject();
        } catch (IOException | InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    private JsonObject pagesRest(String method, String rest) { return rest(method, standIn.cloudflareUrl() + "/accounts/" + CloudflareStandIn.ACCOUNT + "/pages/projects/shop" + rest); }

    /** Where a proxy is set, wrangler says so on stdout, before the JSON. */
    private static JsonArray list(Kit.Result result) {
        var out = "\n" + result.out();
        return JsonParser.parseString(out.substring(out.indexOf("\n[\n"))).getAsJsonArray();
    }

    private void shows(String url, String version) {
        assertTrue(get(url).contains("<title>" + version + "</title>"), () -> get(url));
        assertTrue(get(url + "/assets/app.js").contains(version), () -> get(url + "/assets/app.js"));
        assertTrue(get(url + "/some/page").contains("<title>" + version + "</title>"), () -> get(url + "/some/page"));
    }

    // --- Vercel

    @Test void vercel_stages_promotes_and_lists_a_release_and_rolls_it_back_and_the_next_one_exits_0_and_is_not_live() throws IOException {
        var one = standIn.vercel.deployed(Map.of("index.html", "<title>one</title>"), Map.of());
        vercelBuilt();
        var staged = vercel("deploy", "--prebuilt", "--prod", "--skip-domain", "--yes", "--json", "--meta", "release=R2", "--meta", "commit=" + COMMIT).exits(0).json();
        var two = staged.get("id").getAsString();
        assertEquals("READY", staged.get("readyState").getAsString());
        shows(staged.get("url").getAsString().replace("https:", "http:"), "prebuilt");
        assertEquals(one, standIn.vercel.live());
        vercel("promote", two, "--yes").exits(0);
        shows(standIn.vercelSite(), "prebuilt");

        var listed = vercel("list", "--json", "--meta", "release=R2").exits(0).json().getAsJsonArray("deployments");
        assertEquals(1, listed.size(), listed::toString);
        assertEquals(COMMIT, listed.get(0).getAsJsonObject().getAsJsonObject("meta").get("commit").getAsString());
        assertEquals(2, vercel("list", "--json", "--prod").exits(0).json().getAsJsonArray("deployments").size());

        vercel("rollback", one, "--yes").exits(0).says("shop was rolled back to");
        assertEquals("<title>one</title>", get(standIn.vercelSite()));
        assertEquals(one, rest("GET", standIn.url() + "/v9/projects/prj_test").getAsJsonObject("targets").getAsJsonObject("production").get("id").getAsString());

        site("three");
        vercelBuild().exits(0);
        var deployed = vercel("deploy", "--prebuilt", "--prod", "--yes", "--json").exits(0).json();
        assertEquals("READY", deployed.get("readyState").getAsString());
        assertEquals(one, standIn.vercel.live());
        vercel("promote", deployed.get("id").getAsString(), "--yes").exits(0);
        shows(standIn.vercelSite(), "three");
    }

    @Test void vercel_build_obeys_commands_in_vercel_json_unless_another_file_is_named_and_asks_neither_npm_nor_the_api() throws IOException {
        Files.writeString(folder.resolve("vercel.json"), "{\"buildCommand\": \"echo ran > ran; exit 3\"}");
        vercelBuild().exits(1);
        assertTrue(Files.exists(folder.resolve("ran")));
        Files.writeString(folder.resolve("package.json"), "{\"scripts\": {\"build\": \"exit 3\", \"vercel-build\": \"exit 3\"}}");
        Files.writeString(folder.resolve("other.json"), "{\"rewrites\": [{\"source\": \"/(.*)\", \"destination\": \"/index.html\"}], \"headers\": [{\"source\": \"/(.*)\", \"headers\": [{\"key\": \"x-frame-options\", \"value\": \"DENY\"}]}]}");
        vercelBuild("--prod", "--local-config", "other.json").exits(0);
        assertEquals(List.of(), standIn.requests());
        assertEquals(Files.readString(folder.resolve("dist/index.html")), Files.readString(folder.resolve(".vercel/output/static/index.html")));
        var routes = JsonParser.parseString(Files.readString(folder.resolve(".vercel/output/config.json"))).getAsJsonObject().getAsJsonArray("routes").toString();
        assertTrue(routes.contains("x-frame-options") && routes.contains("/index.html"), routes);
    }

    /** And with an agent at the keyboard it prints its answer in another form. */
    @Test void what_vercel_build_writes_about_itself_names_folders_and_is_not_needed() throws IOException {
        vercelBuilt();
        assertTrue(Files.readString(folder.resolve(".vercel/output/builds.json")).contains(ProviderClis.nodeModules().toString()));
        Files.delete(folder.resolve(".vercel/output/builds.json"));
        Stack.remove(folder.resolve(".vercel/output/diagnostics"));
        var printed = run(Map.of("VERCEL_TOKEN", TOKEN, "VERCEL_ORG_ID", VercelStandIn.TEAM, "VERCEL_PROJECT_ID", VercelStandIn.PROJECT, "AI_AGENT", "some"),
            with(ProviderClis.command("vercel"), "deploy", "--prebuilt", "--prod", "--yes", "--json", "--api", standIn.url(), "--scope", VercelStandIn.TEAM)).exits(0).json();
        assertEquals(standIn.vercel.live(), printed.getAsJsonObject("deployment").get("id").getAsString());
        shows(standIn.vercelSite(), "prebuilt");
    }

    @Test void a_vercel_rollback_that_was_skipped_exits_0() throws IOException {
        var good = standIn.vercel.deployed(Map.of("index.html", "<title>one</title>"), Map.of());
        var bad = standIn.vercel.deployed(Map.of("index.html", "<title>two</title>"), Map.of());
        standIn.vercel.outcome(VercelStandIn.Outcome.SKIPPED);
        vercel("rollback", good, "--yes").exits(0).says("Rollback was skipped");
        assertEquals(bad, standIn.vercel.live());
    }

    @Test void a_vercel_rollback_of_which_nothing_is_known_exits_0() throws IOException {
        var good = standIn.vercel.deployed(Map.of("index.html", "<title>one</title>"), Map.of());
        var bad = standIn.vercel.deployed(Map.of("index.html", "<title>two</title>"), Map.of());
        standIn.vercel.outcome(VercelStandIn.Outcome.NONE);
        vercel("rollback", good, "--yes").exits(0).says("No deployment rollback in progress");
        assertEquals(bad, standIn.vercel.live());
    }

    @Test void a_vercel_rollback_or_promotion_that_is_said_to_have_succeeded_exits_0_wherever_the_domains_are() throws IOException {
        var good = standIn.vercel.deployed(Map.of("index.html", "<title>one</title>"), Map.of());
        var bad = standIn.vercel.deployed(Map.of("index.html", "<title>two</title>"), Map.of());
        standIn.vercel.outcome(VercelStandIn.Outcome.SUCCEEDED_IN_VAIN);
        vercel("rollback", good, "--yes").exits(0).says("was rolled back to");
        vercel("promote", good, "--yes").exits(0).says("was promoted to");
        assertEquals(bad, standIn.vercel.live());
    }

    @Test void a_vercel_rollback_that_failed_or_takes_too_long_exits_1() throws IOException {
        var good = standIn.vercel.deployed(Map.of("index.html", "<title>one</title>"), Map.of());
        standIn.vercel.deployed(Map.of("index.html", "<title>two</title>"), Map.of());
        standIn.vercel.outcome(VercelStandIn.Outcome.FAILED);
        vercel("rollback", good, "--yes").exits(1);
        standIn.vercel.outcome(VercelStandIn.Outcome.PENDING);
        vercel("rollback", good, "--yes", "--timeout", "1s").exits(1);
        assertNotEquals(good, standIn.vercel.live());
        standIn.vercel.finish(VercelStandIn.Outcome.SUCCEEDED);
        assertEquals(good, standIn.vercel.live());
    }

    @Test void vercel_rollback_without_a_deployment_only_prints_how_the_last_one_went() throws IOException {
        standIn.vercel.deployed(Map.of("index.html", "<title>one</title>"), Map.of());
        var bad = standIn.vercel.deployed(Map.of("index.html", "<title>two</title>"), Map.of());
        Files.createDirectories(folder.resolve(".vercel"));
        Files.writeString(folder.resolve(".vercel/project.json"), "{\"projectId\": \"prj_test\", \"orgId\": \"team_test\"}");
        vercel("rollback", "--yes").exits(0);
        assertEquals(bad, standIn.vercel.live());
        assertEquals(List.of(), standIn.requests("^POST"));
    }

    @Test void on_vercels_hobby_plan_only_one_step_back_is_possible() throws IOException {
        standIn.vercel.hobby();
        var oldest = standIn.vercel.deployed(Map.of("index.html", "<title>one</title>"), Map.of());
        var older = standIn.vercel.deployed(Map.of("index.html", "<title>two</title>"), Map.of());
        standIn.vercel.deployed(Map.of("index.html", "<title>three</title>"), Map.of());
        vercel("rollback", oldest, "--yes").exits(1).says("upgrade to pro");
        vercel("rollback", older, "--yes").exits(0);
        assertEquals(older, standIn.vercel.live());
    }

    @Test void promoting_a_vercel_preview_makes_another_deployment() throws IOException {
        vercelBuild("--target", "preview").exits(0);
        var preview = vercel("deploy", "--prebuilt", "--yes", "--json").exits(0).json().get("id").getAsString();
        vercel("promote", preview, "--yes").exits(0).says("Successfully created new deployment");
        assertEquals(2, standIn.vercel.deployments().size());
        assertNotEquals(preview, standIn.vercel.live());
    }

    @Test void vercel_rollback_does_not_find_the_team_by_itself() throws IOException {
        var good = standIn.vercel.deployed(Map.of("index.html", "<title>one</title>"), Map.of());
        run(Map.of("VERCEL_TOKEN", TOKEN, "VERCEL_ORG_ID", VercelStandIn.TEAM, "VERCEL_PROJECT_ID", VercelStandIn.PROJECT), with(ProviderClis.command("vercel"), "rollback", good, "--yes", "--api", standIn.url())).exits(1).says("belongs to a different team");
        assertEquals(List.of(), standIn.requests("^POST"));
    }

    @Test void a_vercel_deployment_that_fails_at_the_provider_exits_1_and_is_not_live() throws IOException {
        var good = standIn.vercel.deployed(Map.of("index.html", "<title>one</title>"), Map.of());
        vercelBuilt();
        standIn.vercel.newDeploymentsAre("ERROR");
        vercel("deploy", "--prebuilt", "--prod", "--yes", "--json").exits(1);
        assertEquals(good, standIn.vercel.live());
    }

    @Test void when_the_answer_to_a_vercel_deployment_is_lost_it_is_there_all_the_same() throws IOException {
        vercelBuilt();
        vercel("deploy", "--prebuilt", "--prod", "--skip-domain", "--yes", "--json").exits(0); // so that its files are there
        assertNull(standIn.vercel.live());
        standIn.loseAnswerNext("POST /v13/deployments", DeployStandIn.ALWAYS);
        vercel("deploy", "--prebuilt", "--prod", "--skip-domain", "--yes", "--json", "--meta", "release=R1").exits(1);
        assertEquals(2, standIn.vercel.deployments().size());
    }

    @Test void a_token_that_vercel_refuses_exits_1_and_one_with_a_hyphen_is_not_even_sent() throws IOException {
        standIn.refuseTokens(403);
        vercel("list", "--json").exits(1);
        var asked = standIn.requests().size();
        run(Map.of("VERCEL_TOKEN", "with-hyphen"), with(ProviderClis.command("vercel"), "list", "--api", standIn.url())).exits(1).says("Must not contain: \"-\"");
        assertEquals(asked, standIn.requests().size());
    }

    // --- Cloudflare Pages

    @Test void wrangler_deploys_and_lists_pages_and_the_api_rolls_them_back() throws IOException {
        // Outside of git a branch need not be named.
        pagesDeploy("one").exits(0);
        assertEquals("production", output("pages-deploy-detailed").get("environment").getAsString());
        var one = standIn.pages.live();
        shows(standIn.pagesSite(), "one");
        pagesDeploy("two", "--branch", "main").exits(0);
        var written = output("pages-deploy-detailed");
        assertEquals(standIn.pages.live(), written.get("deployment_id").getAsString());
        assertEquals("production", written.get("environment").getAsString());
        shows(written.get("url").getAsString(), "two");
        shows(standIn.pagesSite(), "two");
        var metadata = pagesRest("GET", "/deployments/" + standIn.pages.live()).getAsJsonObject("result").getAsJsonObject("deployment_trigger").getAsJsonObject("metadata");
        assertEquals(COMMIT + " release two", metadata.get("commit_hash").getAsString() + " " + metadata.get("commit_message").getAsString());

        assertTrue(pagesRest("POST", "/deployments/" + one + "/rollback").get("success").getAsBoolean());
        shows(standIn.pagesSite(), "one");
        assertEquals(one, pagesRest("GET", "").getAsJsonObject("result").getAsJsonObject("canonical_deployment").get("id").getAsString());
        assertFalse(wrangler("pages", "deployment", "--help").exits(0).out().contains("rollback"));
    }

    @Test void pages_deploy_of_a_detached_head_without_a_branch_goes_to_preview_which_is_no_target_of_a_rollback_and_exits_0() throws IOException {
        standIn.pages.deployed(Map.of("index.html", "<title>one</title>"), COMMIT, "release one");
        var live = standIn.pages.live();
        var git = List.of("git", "-c", "user.name=a", "-c", "user.email=a@example.test");
        run(Map.of(), with(git, "init", "-q", "-b", "main")).exits(0);
        run(Map.of(), with(git, "commit", "-q", "--allow-empty", "-m", "first")).exits(0);
        run(Map.of(), with(git, "checkout", "-q", "--detach")).exits(0);
        pagesDeploy("two").exits(0).prints("Deployment complete");
        assertEquals("preview", output("pages-deploy-detailed").get("environment").getAsString());
        assertEquals(live, standIn.pages.live());
        assertFalse(pagesRest("POST", "/deployments/" + output("pages-deploy").get("deployment_id").getAsString() + "/rollback").get("success").getAsBoolean());
        assertEquals(live, standIn.pages.live());
    }

    @Test void pages_deploy_exits_0_when_it_could_not_ascertain_the_final_status_and_1_when_it_failed_and_the_list_shows_that_where_it_has_the_time_of_others() throws IOException {
        var live = standIn.pages.deployed(Map.of("index.html", "<title>one</title>"), COMMIT, "release one");
        standIn.pages.newDeploymentsAre(PagesStandIn.Stage.ACTIVE);
        pagesDeploy("two", "--branch", "main").exits(0).prints("couldn't ascertain the final status");
        assertEquals(live, standIn.pages.live());
        assertNotEquals(live, output("pages-deploy").get("deployment_id").getAsString());
        standIn.pages.newDeploymentsAre(PagesStandIn.Stage.FAILURE);
        pagesDeploy("three", "--branch", "main").exits(1);
        var listed = list(wrangler("pages", "deployment", "list", "--project-name", "shop", "--json").exits(0));
        assertEquals(List.of("Failure", "Active", "3 days ago"), listed.asList().stream().map(each -> each.getAsJsonObject().get("Status").getAsString()).toList());
    }

    @Test void pages_deploy_exits_0_when_it_succeeded_and_something_else_is_live() throws IOException {
        var live = standIn.pages.deployed(Map.of("index.html", "<title>one</title>"), COMMIT, "release one");
        standIn.pages.changesAreInVain(true);
        pagesDeploy("two", "--branch", "main").exits(0).prints("Deployment complete");
        assertEquals(live, standIn.pages.live());
    }

    @Test void pages_deploy_exits_1_for_an_unknown_project_or_a_refused_token() throws IOException {
        wrangler("pages", "deploy", "dist", "--project-name", "other", "--branch", "main", "--commit-dirty=true").exits(1);
        standIn.refuseTokens(403);
        pagesDeploy("one", "--branch", "main").exits(1);
    }

    // --- Cloudflare Workers

    @Test void wrangler_uploads_deploys_and_lists_versions_of_a_worker_and_rolls_back_to_one_by_its_id() throws IOException {
        workerSite("one");
        wrangler("deploy", "--message", "release one", "--tag", "one").exits(0);
        var one = output("deploy").get("version_id").getAsString();
        shows(standIn.workerSite("shop"), "one");
        var two = workerUpload("two");
        shows(standIn.workerSite("shop"), "one");
        var address = rest("GET", standIn.cloudflareUrl() + "/accounts/" + CloudflareStandIn.ACCOUNT + "/workers/workers/shop/versions/" + two).getAsJsonObject("result").getAsJsonArray("urls").get(0).getAsString();
        shows(address, "two");
        assertTrue(output("version-upload").get("preview_url").getAsString().matches("https://" + two.substring(0, 8) + "-shop\\.acme\\.workers\\.dev"));
        workerDeploy(two);
        shows(standIn.workerSite("shop"), "two");

        var listed = list(wrangler("versions", "list", "--name", "shop", "--json").exits(0));
        assertTrue(listed.asList().stream().anyMatch(version -> version.getAsJsonObject().getAsJsonObject("annotations").toString().contains("\"workers/message\":\"release two\",\"workers/tag\":\"two\"")), listed::toString);
        assertEquals(2, list(wrangler("deployments", "list", "--name", "shop", "--json").exits(0)).size());

        wrangler("rollback", one, "--name", "shop", "--yes", "--message", "two is bad").exits(0);
        shows(standIn.workerSite("shop"), "one");
    }

    @Test void the_first_version_of_a_worker_can_not_be_uploaded_without_deploying_it() throws IOException {
        workerSite("one");
        wrangler("versions", "upload", "--message", "release one", "--tag", "one").exits(1);
        assertEquals(Map.of(), standIn.workers.live("shop"));
    }

    @Test void a_second_plain_rollback_of_a_worker_returns_to_the_bad_version() throws IOException {
        var good = standIn.workers.deployed("shop", Map.of("index.html", "<title>one</title>"), "release one", "one");
        var bad = standIn.workers.deployed("shop", Map.of("index.html", "<title>two</title>"), "release two", "two");
        wrangler("rollback", "--name", "shop", "--yes", "--message", "bad").exits(0);
        assertEquals(Map.of(good, 100.0), standIn.workers.live("shop"));
        wrangler("rollback", "--name", "shop", "--yes", "--message", "bad").exits(0);
        assertEquals(Map.of(bad, 100.0), standIn.workers.live("shop"));
    }

    @Test void versions_deploy_of_a_worker_exits_0_when_something_else_is_live_and_a_gradual_one_has_two_versions_live() throws IOException {
        var two = standIn.workers.deployed("shop", Map.of("index.html", "<title>two</title>"), "release two", "two");
        var old = standIn.workers.deployed("shop", Map.of("index.html", "<title>one</title>"), "release one", "one");
        standIn.workers.deploymentsAreInVain(true);
        workerDeploy(two);
        assertEquals(Map.of(old, 100.0), standIn.workers.live("shop"));
        standIn.workers.deploymentsAreInVain(false);
        wrangler("versions", "deploy", old + "@90%", two + "@10%", "--name", "shop", "--yes").exits(0);
        assertEquals(Map.of(old, 90.0, two, 10.0), standIn.workers.live("shop"));
        var seen = new java.util.TreeSet<String>();
        for (var i = 0; i < 100; i++) seen.add(get(standIn.workerSite("shop")).replaceFirst("(?s).*<title>(.*)</title>.*", "$1"));
        assertEquals(java.util.Set.of("one", "two"), seen);
    }

    @Test void a_token_that_cloudflare_refuses_or_an_unknown_version_exits_1() throws IOException {
        standIn.workers.deployed("shop", Map.of("index.html", "<title>one</title>"), "release one", "one");
        wrangler("versions", "deploy", "00000000-0000-4000-8000-000000000000@100%", "--name", "shop", "--yes").exits(1);
        standIn.refuseTokens(403);
        wrangler("versions", "list", "--name", "shop", "--json").exits(1);
    }
}
