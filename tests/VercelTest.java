import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.TreeSet;
import ops.Failure;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;
import release.Artifact;
import release.Provider;

/** Vercel is told what to do, and believed only when the project itself says that it is done. */
class VercelTest {
    private final Hosting hosting = new Hosting("vercel");
    private final VercelStandIn vercel = hosting.standIn.vercel;

    @AfterEach void close() { hosting.close(); }

    /** What is live when a test begins. */
    private String old() { return vercel.deployed(Map.of("index.html", "old"), Map.of("release", Hosting.release(1).id(), "commit", Hosting.COMMIT)); }

    /** A good deployment that was live before. */
    private String older() { return vercel.deployed(Map.of("index.html", "older"), Map.of()); }

    /** What a build of the application has left for Vercel itself, packed without its command line. */
    private Path prebuilt() throws Exception {
        hosting.write(".vercel/output/config.json", "{\"version\": 3}");
        hosting.write(".vercel/output/static/index.html", "hello");
        return hosting.provider().pack(hosting.application, hosting.folder.resolve(".vercel/output"));
    }

    // --- what it does

    @Test void the_real_command_line_uploads_what_would_go_without_it_and_nobody_sees_it_until_it_is_promoted() throws Exception {
        hosting.withCommandLines();
        var provider = hosting.provider();
        assertEquals("Vercel's project shop", provider.reach());
        assertEquals(Optional.empty(), provider.live());
        var first = hosting.deploy(1, true);
        assertEquals(new Provider.Live(vercel.live(), Hosting.release(1).id(), Hosting.COMMIT), first);

        var asked = hosting.standIn.requests("POST /v13/deployments").size();
        var packed = hosting.packed("release 2");
        var before = Artifact.of(packed);
        var staged = provider.stage(Hosting.release(2), packed, hosting.application);
        assertEquals(before, Artifact.of(packed));
        assertEquals(Optional.of(first), provider.live());
        assertEquals("<h1>release 2</h1>", Hosting.page(staged.url()));
        assertEquals("<h1>release 1</h1>", Hosting.page(hosting.standIn.vercelSite()));
        var second = provider.promote(Hosting.release(2), staged, packed, hosting.application);
        assertEquals(Optional.of(second), provider.live());
        assertEquals("<h1>release 2</h1>", Hosting.page(hosting.standIn.vercelSite()));

        assertTrue(provider.keeps(first.deployment()));
        provider.rollBack(first.deployment());
        assertEquals(Optional.of(first), provider.live());
        assertEquals("Contact: mailto:ops@example.test", Hosting.page(hosting.standIn.vercelSite() + "/.well-known/security.txt"));

        // Without the command line the same files are uploaded.
        provider.stage(Hosting.release(2), packed, hosting.bare);
        var uploads = hosting.standIn.requests("POST /v13/deployments").stream().skip(asked).map(request -> new TreeSet<>(request.json().getAsJsonArray("files").asList().stream().map(file -> file.getAsJsonObject().get("file") + " " + file.getAsJsonObject().get("sha") + " " + file.getAsJsonObject().get("mode")).toList())).distinct().toList();
        assertEquals(1, uploads.size(), uploads::toString);
        assertEquals(4, uploads.get(0).size(), uploads::toString);
        hosting.tellsNoToken();
    }

    @Test void after_a_rollback_when_new_deployments_stay_hidden_the_next_release_goes_live_all_the_same() throws Exception {
        var older = older();
        old();
        var provider = hosting.provider();
        provider.rollBack(older);
        assertFalse(vercel.assignsDomains());
        var packed = prebuilt();
        var live = provider.promote(Hosting.release(3), provider.stage(Hosting.release(3), packed, hosting.bare), packed, hosting.bare);
        assertEquals(Optional.of(live), provider.live());
        assertEquals("hello", Hosting.page(hosting.standIn.vercelSite()));
    }

    @Test void rewrites_and_headers_of_vercel_json_are_packed_and_its_build_is_not_run() throws Exception {
        hosting.withCommandLines();
        hosting.write("vercel.json", """
            {"framework": "nextjs", "installCommand": "exit 7", "buildCommand": "exit 8", "outputDirectory": "elsewhere", "cleanUrls": true,
             "rewrites": [{"source": "/(.*)", "destination": "/index.html"}], "headers": [{"source": "/assets/(.*)", "headers": [{"key": "cache-control", "value": "max-age=1"}]}]}
            """);
        var packed = hosting.packed("x");
        var config = Files.readString(packed.resolve(".vercel/output/config.json"));
        assertTrue(config.contains("\"dest\": \"/index.html\"") && config.contains("max-age=1"), config);
        try (var all = Files.walk(packed)) {
            assertEquals("[.vercel/output/config.json, .vercel/output/static/.well-known/security.txt, .vercel/output/static/assets/app.js, .vercel/output/static/index.html]",
                all.filter(Files::isRegularFile).map(file -> packed.relativize(file).toString()).sorted().toList().toString());
        }
        assertTrue(Files.exists(hosting.provider().pages(packed).resolve("index.html")));
        // Whoever builds the same gets the same.
        assertEquals(Artifact.of(packed), Artifact.of(hosting.packed("x")));
        assertEquals(0, hosting.standIn.requests().size());
    }

    @ParameterizedTest
    @ValueSource(strings = {".vercel/output", ".vercel/output/static"})
    void what_a_build_has_left_for_vercel_is_taken_as_it_is(String built) throws Exception {
        hosting.write(".vercel/output/config.json", "{\"version\": 3}");
        hosting.write(".vercel/output/builds.json", "{\"argv\": [\"/home/me\"]}");
        hosting.write(".vercel/output/static/index.html", "hello");
        hosting.write(".vercel/output/functions/api.func/.vc-config.json", "{\"handler\": \"index.js\"}");
        var packed = hosting.provider().pack(hosting.application, hosting.folder.resolve(built));
        assertEquals("hello", Files.readString(hosting.provider().pages(packed).resolve("index.html")));
        assertTrue(Files.exists(packed.resolve(".vercel/output/functions/api.func/.vc-config.json")));
        assertFalse(Files.exists(packed.resolve(".vercel/output/builds.json")));
    }

    @Test void functions_that_need_files_of_the_sources_are_refused() throws Exception {
        hosting.write(".vercel/output/config.json", "{\"version\": 3}");
        hosting.write(".vercel/output/functions/api.func/.vc-config.json", "{\"filePathMap\": {\"a.js\": \"node_modules/a.js\"}}");
        var failure = hosting.fails(Failure.Failed.class, () -> hosting.provider().pack(hosting.application, hosting.folder.resolve(".vercel/output")));
        assertEquals(".vercel/output/functions/api.func/.vc-config.json needs files from outside of .vercel/output", failure.getMessage());
        assertEquals("have the build put them there: vercel build --prod --standalone", failure.hint);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {"api/hello.js | x | there is api in the application's folder", "middleware.ts | x | there is middleware.ts in the application's folder", "vercel.json | {\"functions\": {}} | vercel.json has 'functions'"})
    void an_application_that_only_vercel_can_build_is_refused(String file, String text, String why) throws Exception {
        hosting.write(file, text);
        var failure = hosting.fails(Failure.Failed.class, () -> hosting.packed("x"));
        assertEquals("this application is more than pages, and only Vercel's own build can build it: " + why, failure.getMessage());
        assertTrue(failure.hint.contains("DEPLOY_OUTPUT=.vercel/output/static"), failure.hint);
    }

    // --- what is not believed

    @ParameterizedTest
    @EnumSource(value = VercelStandIn.Outcome.class, names = {"FAILED", "SKIPPED"})
    void a_rollback_that_is_accepted_and_not_done_has_failed(VercelStandIn.Outcome outcome) throws Exception {
        var older = older();
        var old = old();
        vercel.outcome(outcome);
        var failure = hosting.fails(Failure.Failed.class, () -> hosting.provider().rollBack(older));
        assertEquals("Vercel has not made " + older + " live: its order has " + outcome.word() + "; " + old + " is still live", failure.getMessage());
        // That it failed once says nothing of the next time.
        vercel.outcome(VercelStandIn.Outcome.SUCCEEDED);
        hosting.provider().rollBack(older);
        assertEquals(older, vercel.live());
    }

    @ParameterizedTest
    @EnumSource(value = VercelStandIn.Outcome.class, names = {"PENDING", "NONE", "SUCCEEDED_IN_VAIN"})
    void a_promotion_that_is_accepted_and_never_seen_is_unclear(VercelStandIn.Outcome outcome) throws Exception {
        var older = older();
        var old = old();
        vercel.outcome(outcome);
        hosting.set("DEPLOY_LIVE_SECONDS", "1");
        var failure = hosting.fails(Failure.Unclear.class, () -> hosting.provider().promote(Hosting.release(2), new Provider.Staged(older, null), null, null));
        assertEquals("Vercel has taken the order to make " + older + " live, and has not done so within DEPLOY_LIVE_SECONDS: " + old + " is still live", failure.getMessage());
        assertTrue(failure.hint.startsWith("look at the project's deployments in Vercel's dashboard"), failure.hint);
    }

    @Test void a_rollback_that_takes_its_time_is_waited_for() throws Exception {
        var older = older();
        old();
        vercel.outcome(VercelStandIn.Outcome.PENDING);
        var later = new Thread(() -> {
            hosting.standIn.awaitRequest("POST .*/rollback/");
            vercel.finish(VercelStandIn.Outcome.SUCCEEDED);
        });
        later.start();
        hosting.provider().rollBack(older);
        assertEquals(older, vercel.live());
        later.join();
    }

    @Test void an_answer_that_is_lost_is_made_up_for_by_looking() throws Exception {
        var older = older();
        var old = old();
        hosting.standIn.loseAnswerNext("POST .*/rollback/", DeployStandIn.ALWAYS);
        hosting.provider().rollBack(older);
        assertEquals(older, vercel.live());
        vercel.outcome(VercelStandIn.Outcome.PENDING);
        hosting.set("DEPLOY_LIVE_SECONDS", "1");
        var failure = hosting.fails(Failure.Unclear.class, () -> hosting.provider().rollBack(old));
        assertEquals("Vercel has not said whether it makes " + old + " live, and has not done so within DEPLOY_LIVE_SECONDS: " + older + " is still live", failure.getMessage());
    }

    @Test void a_provider_that_falls_silent_after_the_order_leaves_it_unclear() throws Exception {
        var older = older();
        old();
        vercel.outcome(VercelStandIn.Outcome.PENDING);
        hosting.set("DEPLOY_LIVE_SECONDS", "1").standIn.silentAfter("POST .*/rollback/");
        var failure = hosting.fails(Failure.Unclear.class, () -> hosting.provider().rollBack(older));
        assertTrue(failure.getMessage().endsWith("what is live can't be told"), failure.getMessage());
    }

    @Test void an_order_that_is_refused_is_not_taken_for_one_that_may_be_carried_out() throws Exception {
        var older = older();
        var old = old();
        hosting.standIn.failNext("POST .*/rollback/", 429, 1, "retry-after", "3600");
        var failure = hosting.fails(Failure.Failed.class, () -> hosting.provider().rollBack(older));
        assertEquals("Vercel takes no more requests for now (HTTP 429) and asks to wait 1 h 00 min: as the test wants it",
            failure.getMessage());
        assertEquals("run it again in 1 h 00 min", failure.hint);
        assertFalse(hosting.provider().hasOrdered());
        hosting.standIn.failNext("POST .*/rollback/", 403, 1);
        hosting.fails(Failure.BadSetting.class, () -> hosting.provider().rollBack(older));
        assertFalse(hosting.provider().hasOrdered());
        assertEquals(old, vercel.live());
        // A busy provider may have taken the one before: that it is busy now says nothing.
        hosting.set("DEPLOY_LIVE_SECONDS", "1").standIn.failNext("POST .*/rollback/", 503, 1)
            .failNext("POST .*/rollback/", 429, 1, "retry-after", "3600");
        hosting.fails(Failure.Unclear.class, () -> hosting.provider().rollBack(older));
        assertTrue(hosting.provider().hasOrdered());
        // As some write it; until then it is waited.
        var soon = java.time.ZonedDateTime.now(java.time.ZoneOffset.UTC).plusSeconds(3)
            .format(java.time.format.DateTimeFormatter.RFC_1123_DATE_TIME);
        hosting.set("DEPLOY_LIVE_SECONDS", "20").standIn.failNext("POST .*/rollback/", 429, 1, "retry-after", soon);
        hosting.provider().rollBack(older);
        assertEquals(older, vercel.live());
        assertTrue(hosting.said().matches("(?s).*answers HTTP 429: as the test wants it: asking again in [12]\\.[0-9] s.*"),
            hosting::said);
    }

    @Test void what_is_live_already_is_left_alone() throws Exception {
        var old = old();
        hosting.provider().rollBack(old);
        assertEquals(0, hosting.standIn.requests("POST").size());
    }

    @ParameterizedTest
    @ValueSource(strings = {"ERROR", "CANCELED"})
    void a_deployment_that_vercel_can_not_make_ready_has_failed(String state) throws Exception {
        var old = old();
        vercel.newDeploymentsAre(state);
        var failure = hosting.fails(Failure.Failed.class, () -> hosting.provider().stage(Hosting.release(2), prebuilt(), hosting.bare));
        assertTrue(failure.getMessage().matches("Vercel has not made dpl_\\w+ ready: " + state + ".*"), failure.getMessage());
        assertEquals(old, vercel.live());
    }

    @Test void one_that_is_never_ready_is_given_up() throws Exception {
        hosting.set("DEPLOY_LIVE_SECONDS", "1");
        vercel.newDeploymentsAre("BUILDING");
        var failure = hosting.fails(Failure.Failed.class, () -> hosting.provider().stage(Hosting.release(2), prebuilt(), hosting.bare));
        assertTrue(failure.getMessage().endsWith("ready within DEPLOY_LIVE_SECONDS"), failure.getMessage());
    }

    @Test void what_is_gone_or_was_a_preview_is_no_way_back() throws Exception {
        var older = older();
        old();
        assertTrue(hosting.provider().keeps(older));
        vercel.delete(older);
        assertFalse(hosting.provider().keeps(older));
        assertFalse(hosting.provider().keeps("../../v9/projects/prj_test"));
    }

    @Test void on_the_hobby_plan_only_one_step_back_is_possible_and_vercel_is_quoted() throws Exception {
        var oldest = vercel.deployed(Map.of("index.html", "oldest"), Map.of());
        older();
        old();
        vercel.hobby();
        var failure = hosting.fails(Failure.Failed.class, () -> hosting.provider().rollBack(oldest));
        assertEquals("Vercel does not do that on this plan: To roll back further than the previous production deployment, upgrade to pro", failure.getMessage());
    }

    // --- the API in general

    @Test void a_limit_is_waited_out_for_as_long_as_it_asks() throws Exception {
        var old = old();
        hosting.standIn.failNext("GET /v9", 429, 1, "retry-after", "2");
        var begun = System.nanoTime();
        assertEquals(Optional.of(new Provider.Live(old, Hosting.release(1).id(), Hosting.COMMIT)), hosting.provider().live());
        assertTrue(System.nanoTime() - begun >= 2_000_000_000L);
        assertTrue(hosting.said().contains("Vercel answers HTTP 429: as the test wants it: asking again in 2.0 s (2 of 5)"), hosting::said);
    }

    @ParameterizedTest
    @ValueSource(ints = {500, 502, 503})
    void a_moment_of_weakness_is_passed_over(int status) throws Exception {
        var older = older();
        old();
        hosting.standIn.failNext("POST .*/rollback/", status, 1).failNext("GET /v9", status, 1).loseAnswerNext("GET /v9", 1);
        hosting.provider().rollBack(older);
        assertEquals(older, vercel.live());
    }

    @Test void one_that_does_not_pass_is_a_failure_in_words() throws Exception {
        hosting.standIn.failNext("GET", 500, DeployStandIn.ALWAYS);
        var failure = hosting.fails(Failure.Failed.class, () -> hosting.provider().live());
        assertEquals("Vercel is broken: HTTP 500: as the test wants it", failure.getMessage());
        assertEquals(5, hosting.standIn.requests().size());
    }

    @Test void nobody_at_that_address_is_a_failure_in_words() throws Exception {
        hosting.set("VERCEL_API_URL", "http://127.0.0.1:1");
        var failure = hosting.fails(Failure.Failed.class, () -> hosting.provider().live());
        assertTrue(failure.getMessage().startsWith("Vercel takes no connection"), failure.getMessage());
    }

    @ParameterizedTest
    @ValueSource(ints = {401, 403})
    void a_token_that_is_refused_is_named_by_its_setting(int status) throws Exception {
        hosting.standIn.refuseTokens(status);
        var failure = hosting.fails(Failure.BadSetting.class, () -> hosting.provider().reach());
        assertEquals("Vercel does not let the token in VERCEL_TOKEN do that: Not authorized", failure.getMessage());
        assertTrue(failure.hint.startsWith("LOCAL_VERCEL_TOKEN stands in "), failure.hint);
    }

    @Test void a_token_that_no_header_can_hold_is_refused_unseen() throws Exception {
        hosting.set("VERCEL_TOKEN", Hosting.TOKEN + " ä");
        hosting.fails(Failure.BadSetting.class, () -> hosting.provider().reach());
    }

    @Test void a_token_goes_nowhere_in_the_clear() throws Exception {
        hosting.set("VERCEL_API_URL", "http://api.vercel.com");
        assertEquals("VERCEL_API_URL is no https:// address", hosting.fails(Failure.BadSetting.class, () -> hosting.provider().reach()).getMessage());
    }

    @Test void a_project_that_is_not_there_is_named_by_its_setting() throws Exception {
        hosting.set("VERCEL_PROJECT_ID", "prj_other");
        var failure = hosting.fails(Failure.BadSetting.class, () -> hosting.provider().live());
        assertEquals("Vercel knows no such project: prj_other", failure.getMessage());
        assertTrue(failure.hint.startsWith("LOCAL_VERCEL_PROJECT_ID stands in "), failure.hint);
    }

    @Test void a_provider_that_nobody_knows_is_refused_with_the_one_that_was_meant() {
        hosting.set("DEPLOY_PROVIDER", "vercle");
        var failure = hosting.fails(Failure.BadSetting.class, hosting::provider);
        assertEquals("there is no provider 'vercle'", failure.getMessage());
        assertEquals("did you mean vercel? DEPLOY_PROVIDER is one of: vercel, cloudflare-pages, cloudflare-workers, directory", failure.hint);
    }

    // --- the command line

    @Test void one_that_is_not_pinned_is_asked_for() throws Exception {
        var failure = hosting.fails(Failure.ToolFailed.class, () -> hosting.packed("x"));
        assertEquals("pin it there, and commit: npm install --save-dev --save-exact vercel", failure.hint);
    }

    @Test void one_that_fails_is_quoted_and_nothing_has_changed() throws Exception {
        var old = old();
        hosting.program("vercel", "printf '\\033[31mError: no such thing: %s\\033[0m\\n' \"$VERCEL_TOKEN\" >&2; exit 3");
        var failure = hosting.fails(Failure.ToolFailed.class, () -> hosting.provider().stage(Hosting.release(2), Files.createDirectories(hosting.folder.resolve("packed")), hosting.application));
        assertEquals("vercel deploy failed (exit 3): Error: no such thing: ••••••", failure.getMessage());
        assertEquals(old, vercel.live());
    }

    @Test void one_that_ends_well_and_names_nothing_is_not_believed() throws Exception {
        hosting.program("vercel", "echo '{\"status\": \"ok\"}'");
        var failure = hosting.fails(Failure.ToolFailed.class, () -> hosting.provider().stage(Hosting.release(2), Path.of("/tmp"), hosting.application));
        assertEquals("vercel deploy ended well and named no deployment: {\"status\": \"ok\"}", failure.getMessage());
    }

    @Test void the_other_form_of_its_answer_is_understood() throws Exception {
        var packed = prebuilt();
        hosting.program("vercel", "echo Vercel CLI; printf '{\"status\": \"ok\", \"deployment\": %s}' \"$(" + String.join(" ", ProviderClis.command("vercel")) + " \"$@\")\"");
        var staged = hosting.provider().stage(Hosting.release(2), packed, hosting.application);
        assertEquals(vercel.deployments().get(0), staged.deployment());
    }

    @Test void it_finds_neither_a_login_nor_a_setting_of_whoever_runs_it() throws IOException, InterruptedException {
        hosting.program("vercel", "env | cut -d= -f1 | sort | tr '\\n' ' ' >&2; ls -A \"$HOME\" >&2; exit 1");
        var failure = hosting.fails(Failure.ToolFailed.class, () -> hosting.packed("x"));
        assertFalse(failure.getMessage().contains("VERCEL_TOKEN"), failure.getMessage());
        assertFalse(failure.getMessage().contains("AWS_"), failure.getMessage());
    }
}
