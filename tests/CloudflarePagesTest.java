import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import ops.Failure;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;
import release.Artifact;
import release.Provider;

/** Cloudflare Pages is told what to do, and believed only when the project itself says that it is done. */
class CloudflarePagesTest {
    private static final String ROLLBACK = "POST .*/rollback$", CREATE = "POST .*/pages/projects/shop/deployments$";

    private final Hosting hosting = new Hosting("cloudflare-pages");
    private final PagesStandIn pages = hosting.standIn.pages;

    @AfterEach void close() { hosting.close(); }

    /** What is live when a test begins. */
    private String old() { return pages.deployed(Map.of("index.html", "old"), Hosting.COMMIT, "release " + Hosting.release(1).id() + " commit " + Hosting.COMMIT); }

    /** A good deployment that was live before, of a person's own. */
    private String older() { return pages.deployed(Map.of("index.html", "older"), "0123456", "By hand"); }

    // --- what it does

    /** Beside the application's own configuration of Pages; without the command line the same files go under the same names. */
    @Test void the_real_command_line_uploads_a_preview_first_and_then_the_same_for_production() throws Exception {
        hosting.withCommandLines();
        hosting.write("dist/_headers", "/*\n  x-robots-tag: noindex\n");
        hosting.write("wrangler.toml", "name = \"shop\"\npages_build_output_dir = \"./dist\"\ncompatibility_date = \"2025-01-01\"\n");
        var provider = hosting.provider();
        assertEquals("Cloudflare Pages' project shop, production is branch main", provider.reach());
        assertEquals(Optional.empty(), provider.live());
        var first = hosting.deploy(1, true);
        assertEquals(new Provider.Live(pages.live(), Hosting.release(1).id(), Hosting.COMMIT), first);
        assertEquals("not found", Hosting.page(hosting.standIn.pagesSite() + "/wrangler.toml"));
        var created = hosting.standIn.requests(CREATE).size();

        var packed = hosting.packed("release 2");
        var before = Artifact.of(packed);
        var staged = provider.stage(Hosting.release(2), packed, hosting.application);
        assertEquals(before, Artifact.of(packed));
        assertEquals(Optional.of(first), provider.live());
        assertEquals("<h1>release 2</h1>", Hosting.page(staged.url()));
        assertEquals("<h1>release 1</h1>", Hosting.page(hosting.standIn.pagesSite()));
        assertFalse(provider.keeps(staged.deployment()), "a preview is no way back");
        var sent = hosting.standIn.requests("POST .*/assets/upload$").size();
        var second = provider.promote(Hosting.release(2), staged, packed, hosting.application);
        assertEquals(sent, hosting.standIn.requests("POST .*/assets/upload$").size(), "the files are sent once");
        assertEquals(Optional.of(second), provider.live());
        assertEquals("<h1>release 2</h1>", Hosting.page(hosting.standIn.pagesSite()));

        assertTrue(provider.keeps(first.deployment()));
        provider.rollBack(first.deployment());
        assertEquals(Optional.of(first), provider.live());
        assertEquals("Contact: mailto:ops@example.test", Hosting.page(hosting.standIn.pagesSite() + "/.well-known/security.txt"));

        var live = hosting.deploy(2, false);
        assertEquals(sent, hosting.standIn.requests("POST .*/assets/upload$").size(), "nothing was new to it");
        assertEquals(Optional.of(live), provider.live());
        var forms = hosting.standIn.requests(CREATE).stream().skip(created).map(DeployStandIn.Request::form).toList();
        var manifests = forms.stream().map(form -> new String(form.get("manifest"), StandardCharsets.UTF_8)).map(com.google.gson.JsonParser::parseString).distinct().toList();
        assertEquals(List.of(4, 1), List.of(forms.size(), manifests.size()), manifests::toString);
        assertEquals("[/.well-known/security.txt, /assets/app.js, /index.html]", manifests.get(0).getAsJsonObject().keySet().stream().sorted().toList().toString());
        assertTrue(forms.stream().allMatch(form -> new String(form.get("_headers"), StandardCharsets.UTF_8).contains("noindex")));
        hosting.tellsNoToken();
    }

    @Test void without_the_command_line_new_files_are_sent() throws Exception {
        hosting.deploy(1, false);
        assertEquals("<h1>release 1</h1>", Hosting.page(hosting.standIn.pagesSite()));
        assertEquals("console.log('the same in all')", Hosting.page(hosting.standIn.pagesSite() + "/assets/app.js"));
    }

    @Test void what_a_person_has_deployed_is_told_by_its_commit() throws Exception {
        var older = older();
        assertEquals(Optional.of(new Provider.Live(older, null, "0123456")), hosting.provider().live());
    }

    @Test void functions_that_no_build_has_compiled_are_refused() throws Exception {
        hosting.write("functions/hello.js", "x");
        var failure = hosting.fails(Failure.Failed.class, () -> hosting.packed("x"));
        assertEquals("there is functions in the application's folder, and the build has not made a _worker.js of it", failure.getMessage());
        assertEquals("have it do so at its end: wrangler pages functions build --outdir DIR/_worker.js", failure.hint);
    }

    @Test void a_script_is_uploaded_by_the_command_line_alone() throws Exception {
        hosting.write("dist/_worker.js", "export default {}");
        var packed = hosting.packed("x");
        var failure = hosting.fails(Failure.ToolFailed.class, () -> hosting.provider().stage(Hosting.release(1), packed, hosting.bare));
        assertEquals("Cloudflare takes this release only from wrangler: it has a script, _worker.js", failure.getMessage());
        assertEquals("name the application's folder, with its packages installed: --app DIR", failure.hint);
    }

    // --- what is not believed

    @Test void a_preview_whose_last_stage_fails_has_failed_and_its_log_is_quoted() throws Exception {
        var old = old();
        pages.newDeploymentsAre(PagesStandIn.Stage.FAILURE);
        var failure = hosting.fails(Failure.Failed.class, () -> hosting.deploy(2, false));
        assertTrue(failure.getMessage().matches("Cloudflare has not made \\S+ ready: deploy ended as failure: .+"), failure.getMessage());
        assertEquals(old, pages.live());
    }

    @Test void one_that_never_ends_is_given_up_though_the_command_line_exits_0() throws Exception {
        hosting.withCommandLines().set("DEPLOY_LIVE_SECONDS", "1");
        pages.newDeploymentsAre(PagesStandIn.Stage.ACTIVE);
        var failure = hosting.fails(Failure.Failed.class, () -> hosting.provider().stage(Hosting.release(2), hosting.packed("x"), hosting.application));
        assertTrue(failure.getMessage().endsWith("ready within DEPLOY_LIVE_SECONDS"), failure.getMessage());
        assertTrue(hosting.said().contains("we couldn't ascertain the final status"), hosting::said);
    }

    @ParameterizedTest
    @EnumSource(value = PagesStandIn.Stage.class, names = {"FAILURE", "ACTIVE"})
    void production_whose_last_stage_does_not_succeed_is_not_live(PagesStandIn.Stage stage) throws Exception {
        hosting.set("DEPLOY_LIVE_SECONDS", "1");
        var old = old();
        var packed = hosting.packed("x");
        var staged = hosting.provider().stage(Hosting.release(2), packed, hosting.bare);
        pages.newDeploymentsAre(stage);
        Class<? extends Failure> kind = stage == PagesStandIn.Stage.FAILURE ? Failure.Failed.class : Failure.Unclear.class;
        var failure = hosting.fails(kind, () -> hosting.provider().promote(Hosting.release(2), staged, packed, hosting.bare));
        assertTrue(failure.getMessage().endsWith(old + " is still live"), failure.getMessage());
    }

    @Test void a_rollback_that_is_accepted_and_never_seen_is_unclear() throws Exception {
        var older = older();
        var old = old();
        pages.changesAreInVain(true);
        hosting.set("DEPLOY_LIVE_SECONDS", "1");
        var failure = hosting.fails(Failure.Unclear.class, () -> hosting.provider().rollBack(older));
        assertEquals("Cloudflare has taken the order to make " + older + " live, and has not done so within DEPLOY_LIVE_SECONDS: " + old + " is still live", failure.getMessage());
        assertTrue(failure.hint.startsWith("look at the project's deployments in Cloudflare's dashboard"), failure.hint);
    }

    @Test void a_provider_that_falls_silent_after_the_order_leaves_it_unclear() throws Exception {
        var older = older();
        old();
        pages.changesAreInVain(true);
        hosting.set("DEPLOY_LIVE_SECONDS", "1").standIn.silentAfter(ROLLBACK);
        var failure = hosting.fails(Failure.Unclear.class, () -> hosting.provider().rollBack(older));
        assertTrue(failure.getMessage().endsWith("what is live can't be told"), failure.getMessage());
    }

    @Test void an_answer_that_is_lost_is_made_up_for_by_looking() throws Exception {
        var older = older();
        old();
        hosting.standIn.loseAnswerNext(ROLLBACK, DeployStandIn.ALWAYS);
        hosting.provider().rollBack(older);
        assertEquals(older, pages.live());
    }

    @Test void a_command_line_that_fails_behind_the_upload_is_made_up_for_by_looking() throws Exception {
        var old = old();
        hosting.program("wrangler", String.join(" ", ProviderClis.command("wrangler")) + " \"$@\"; rm \"$WRANGLER_OUTPUT_FILE_PATH\"; exit 1");
        var live = hosting.provider().promote(Hosting.release(2), new Provider.Staged("x", null), hosting.packed("release 2"), hosting.application);
        assertEquals(pages.live(), live.deployment());
        assertEquals(Optional.of(live), hosting.provider().live());
        assertFalse(live.deployment().equals(old));
    }

    @Test void one_that_fails_before_it_has_failed_and_says_what_is_live() throws Exception {
        var old = old();
        hosting.program("wrangler", "sleep 604 & echo 'no such thing' >&2; sleep 31; exit 1");
        var failure = hosting.fails(Failure.ToolFailed.class, () -> hosting.provider().promote(Hosting.release(2), new Provider.Staged("x", null), hosting.packed("x"), hosting.application));
        assertEquals("wrangler pages failed (exit 1): no such thing; " + old + " is still live", failure.getMessage());
        // Neither is waited for it in silence, nor for what it leaves running.
        for (var said : new String[] {"waiting for wrangler, 3", " so far; its last words: no such thing",
            "wrangler ended, and left running what was ended now: ", "sleep 604"})
            assertTrue(hosting.said().contains(said), hosting::said);
    }

    @Test void one_that_ends_well_and_names_nothing_is_not_believed() throws Exception {
        hosting.program("wrangler", "echo '✨ Deployment complete!'");
        var failure = hosting.fails(Failure.ToolFailed.class, () -> hosting.provider().stage(Hosting.release(2), hosting.packed("x"), hosting.application));
        assertEquals("wrangler ended well and named nothing that it has uploaded: []", failure.getMessage());
    }

    @Test void what_is_gone_is_no_way_back() throws Exception {
        var older = older();
        old();
        assertTrue(hosting.provider().keeps(older));
        pages.delete(older);
        assertFalse(hosting.provider().keeps(older));
    }

    @Test void what_is_live_already_is_left_alone() throws Exception {
        hosting.provider().rollBack(old());
        assertEquals(0, hosting.standIn.requests("POST").size());
    }

    // --- the API in general

    @Test void limits_and_moments_of_weakness_are_passed_over() throws Exception {
        var older = older();
        old();
        hosting.standIn.failNext(ROLLBACK, 429, 1, "retry-after", "1").failNext("GET .*/projects/shop$", 500, 1);
        hosting.provider().rollBack(older);
        assertEquals(older, pages.live());
        assertTrue(hosting.said().contains("Cloudflare answers HTTP 429: as the test wants it: asking again in 1.0 s (2 of 3)"), hosting::said);
    }

    @ParameterizedTest
    @ValueSource(ints = {401, 403})
    void a_token_that_is_refused_is_named_by_its_setting(int status) throws Exception {
        hosting.standIn.refuseTokens(status);
        var failure = hosting.fails(Failure.BadSetting.class, () -> hosting.provider().reach());
        assertEquals("Cloudflare does not let the token in CLOUDFLARE_API_TOKEN do that: Authentication error (10000)", failure.getMessage());
        assertTrue(failure.hint.startsWith("LOCAL_CLOUDFLARE_API_TOKEN stands in "), failure.hint);
    }

    @Test void a_project_that_is_not_there_is_named_by_its_setting() throws Exception {
        hosting.set("CLOUDFLARE_PAGES_PROJECT", "other");
        var failure = hosting.fails(Failure.BadSetting.class, () -> hosting.provider().live());
        assertEquals("Cloudflare knows no such project: other", failure.getMessage());
        assertTrue(failure.hint.startsWith("LOCAL_CLOUDFLARE_PAGES_PROJECT stands in "), failure.hint);
    }

    @Test void one_that_is_not_pinned_is_asked_for() throws Exception {
        Files.createDirectory(hosting.folder.resolve("node_modules"));
        var failure = hosting.fails(Failure.ToolFailed.class, () -> hosting.provider().stage(Hosting.release(2), hosting.packed("x"), hosting.application));
        assertEquals("pin it there, and commit: npm install --save-dev --save-exact wrangler", failure.hint);
    }
}
