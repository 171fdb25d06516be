import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonParser;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import ops.Failure;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import release.Artifact;
import release.Provider;

/** Cloudflare Workers is told what to do, and believed only when the Worker's newest deployment says that it is done. */
class CloudflareWorkersTest {
    private static final String SHOP = "shop", DEPLOY = "POST .*/scripts/shop/deployments$";

    private final Hosting hosting = new Hosting("cloudflare-workers");
    private final WorkersStandIn workers = hosting.standIn.workers;

    @AfterEach void close() { hosting.close(); }

    /** What is live when a test begins. */
    private String old() { return workers.deployed(SHOP, Map.of("index.html", "old"), "release " + Hosting.release(1).id() + " commit " + Hosting.COMMIT, Hosting.release(1).id()); }

    /** A good version that was live before, of a person's own. */
    private String older() { return workers.deployed(SHOP, Map.of("index.html", "older"), "By hand", "v1"); }

    // --- what it does

    /** Without the command line the same files go under the same names. */
    @Test void the_real_command_line_makes_the_worker_and_then_uploads_versions_that_nobody_sees_until_they_are_promoted() throws Exception {
        hosting.withCommandLines();
        var provider = hosting.provider();
        assertEquals("Cloudflare's Worker shop, which does not exist yet: this deploy makes it", provider.reach());
        assertEquals(Optional.empty(), provider.live());
        var first = hosting.deploy(1, true);
        assertEquals(Map.of(first.deployment(), 100.0), workers.live(SHOP));
        assertEquals(new Provider.Live(first.deployment(), Hosting.release(1).id(), Hosting.COMMIT), first);
        assertEquals("Cloudflare's Worker shop", provider.reach());

        var packed = hosting.packed("release 2");
        var before = Artifact.of(packed);
        var staged = provider.stage(Hosting.release(2), packed, hosting.application);
        assertEquals(before, Artifact.of(packed));
        assertEquals(Optional.of(first), provider.live());
        assertEquals("<h1>release 2</h1>", Hosting.page(staged.url()));
        assertEquals("<h1>release 1</h1>", Hosting.page(hosting.standIn.workerSite(SHOP)));
        var second = provider.promote(Hosting.release(2), staged, packed, hosting.application);
        assertEquals(Optional.of(second), provider.live());
        assertEquals("<h1>release 2</h1>", Hosting.page(hosting.standIn.workerSite(SHOP)));

        assertTrue(provider.keeps(first.deployment()));
        provider.rollBack(first.deployment());
        assertEquals(Optional.of(first), provider.live());
        // Twice is not forth and back again.
        provider.rollBack(first.deployment());
        assertEquals(Optional.of(first), provider.live());
        assertEquals("Contact: mailto:ops@example.test", Hosting.page(hosting.standIn.workerSite(SHOP) + "/.well-known/security.txt"));

        var sent = hosting.standIn.requests("POST .*/assets/upload$").size();
        var live = hosting.deploy(2, false);
        assertEquals(sent, hosting.standIn.requests("POST .*/assets/upload$").size(), "nothing was new to it");
        assertEquals(Optional.of(live), provider.live());
        assertEquals(1, hosting.standIn.requests("POST .*/assets-upload-session$").stream().skip(1).map(DeployStandIn.Request::body).distinct().count());
        var metadata = hosting.standIn.requests("POST .*/scripts/shop/versions$").stream().map(request -> JsonParser.parseString(new String(request.form().get("metadata"), StandardCharsets.UTF_8)).getAsJsonObject()).toList();
        metadata.forEach(each -> {
            each.getAsJsonObject("assets").remove("jwt");
            each.remove("compatibility_flags"); // wrangler says that there are none
        });
        assertEquals(List.of(2, 1L), List.of(metadata.size(), metadata.stream().distinct().count()), metadata::toString);
        hosting.tellsNoToken();
    }

    @Test void without_the_command_line_new_files_are_sent() throws Exception {
        old();
        hosting.deploy(2, false);
        assertEquals("<h1>release 2</h1>", Hosting.page(hosting.standIn.workerSite(SHOP)));
        assertEquals("console.log('the same in all')", Hosting.page(hosting.standIn.workerSite(SHOP) + "/assets/app.js"));
    }

    @Test void a_worker_that_is_not_there_is_made_by_the_command_line_alone() throws Exception {
        var failure = hosting.fails(Failure.ToolFailed.class, () -> hosting.deploy(1, false));
        assertEquals("Cloudflare takes this release only from wrangler: the Worker shop does not exist yet", failure.getMessage());
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "wrangler.jsonc | {\"name\": \"x\", /* why */ \"compatibility_date\": \"2026-01-01\", \"assets\": {\"directory\": \"dist\", \"not_found_handling\": \"single-page-application\"}}",
        "wrangler.toml | name = 'x'~compatibility_date = '2026-01-01'~# main = 'worker.js'~[assets]~directory = './dist'~not_found_handling = 'single-page-application'"})
    void what_the_application_says_of_how_its_pages_are_served_goes_with_them(String file, String config) throws Exception {
        hosting.write(file, config.replace('~', '\n'));
        var packed = JsonParser.parseString(Files.readString(hosting.packed("x").resolve("wrangler.json")));
        assertEquals(JsonParser.parseString("{\"compatibility_date\": \"2026-01-01\", \"assets\": {\"directory\": \"assets\", \"not_found_handling\": \"single-page-application\"}}"), packed);
    }

    @Test void an_application_with_a_script_of_its_own_is_refused() throws Exception {
        hosting.write("wrangler.toml", "main = \"src/index.ts\"\n");
        var failure = hosting.fails(Failure.Failed.class, () -> hosting.packed("x"));
        assertEquals("wrangler.toml names a script (main): this application is more than pages", failure.getMessage());
        assertTrue(failure.hint.contains("DEPLOY_PROVIDER=cloudflare-pages"), failure.hint);
    }

    // --- what is not believed

    @Test void a_deployment_that_is_accepted_and_never_seen_is_unclear() throws Exception {
        var older = older();
        var old = old();
        workers.deploymentsAreInVain(true);
        hosting.set("DEPLOY_LIVE_SECONDS", "1");
        var failure = hosting.fails(Failure.Unclear.class, () -> hosting.provider().rollBack(older));
        assertEquals("Cloudflare has taken the order to make " + older + " live, and has not done so within DEPLOY_LIVE_SECONDS: live is still " + old + " for 100 %", failure.getMessage());
    }

    @Test void an_answer_that_is_lost_is_made_up_for_by_looking() throws Exception {
        var older = older();
        old();
        hosting.standIn.loseAnswerNext(DEPLOY, DeployStandIn.ALWAYS);
        hosting.provider().rollBack(older);
        assertEquals(Map.of(older, 100.0), workers.live(SHOP));
    }

    @Test void a_provider_that_falls_silent_after_the_order_leaves_it_unclear() throws Exception {
        var older = older();
        var old = old();
        workers.deploymentsAreInVain(true);
        hosting.set("DEPLOY_LIVE_SECONDS", "1").standIn.silentAfter(DEPLOY);
        var failure = hosting.fails(Failure.Unclear.class, () -> hosting.provider().rollBack(older));
        assertTrue(failure.getMessage().endsWith("what is live can't be told"), failure.getMessage());
        assertEquals(Map.of(old, 100.0), workers.live(SHOP));
    }

    @Test void a_gradual_deployment_is_nothing_to_begin_with() throws Exception {
        var older = older();
        var old = old();
        workers.makeLive(SHOP, Map.of(old, 90.0, older, 10.0));
        var failure = hosting.fails(Failure.Unclear.class, () -> hosting.provider().live());
        assertTrue(failure.getMessage().startsWith("the Worker shop is being deployed gradually: "), failure.getMessage());
        assertTrue(failure.getMessage().contains(older + " for 10 %"), failure.getMessage());
        assertEquals("bring that to its end first: wrangler versions deploy --name shop", failure.hint);
        // The way back is open all the same.
        hosting.provider().rollBack(old);
        assertEquals(Map.of(old, 100.0), workers.live(SHOP));
    }

    @Test void what_is_gone_is_no_way_back() throws Exception {
        assertTrue(hosting.provider().keeps(older()));
        assertFalse(hosting.provider().keeps("00000000-0000-0000-0000-000000000000"));
        assertFalse(hosting.provider().keeps("the Worker's first version"));
    }

    @Test void a_command_line_that_fails_on_the_first_release_has_failed_and_nothing_is_live() throws Exception {
        hosting.program("wrangler", "echo 'no such thing' >&2; exit 1");
        var failure = hosting.fails(Failure.ToolFailed.class, () -> hosting.deploy(1, true));
        assertEquals("wrangler deploy failed (exit 1): no such thing; Cloudflare shows nothing that is live", failure.getMessage());
    }

    // --- the API in general

    @Test void limits_and_moments_of_weakness_are_passed_over() throws Exception {
        var older = older();
        old();
        hosting.standIn.failNext(DEPLOY, 429, 1, "retry-after", "1").failNext("GET .*/deployments$", 500, 1);
        hosting.provider().rollBack(older);
        assertEquals(Map.of(older, 100.0), workers.live(SHOP));
    }

    @ParameterizedTest
    @ValueSource(ints = {401, 403})
    void a_token_that_is_refused_is_named_by_its_setting(int status) throws Exception {
        hosting.standIn.refuseTokens(status);
        var failure = hosting.fails(Failure.BadSetting.class, () -> hosting.provider().reach());
        assertEquals("Cloudflare does not let the token in CLOUDFLARE_API_TOKEN do that: Authentication error (10000)", failure.getMessage());
    }

    @Test void an_account_that_is_another_is_refused() throws Exception {
        hosting.set("CLOUDFLARE_ACCOUNT_ID", "x/../y");
        hosting.fails(Failure.BadSetting.class, () -> hosting.provider().reach());
    }
}
