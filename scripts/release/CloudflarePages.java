package release;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import ops.Failure;
import ops.Run;
import ops.Setting;
import ops.Settings;

/**
 * Cloudflare Pages. A release is staged as the preview of a branch, and promoted by uploading the same again to the branch of
 * production: only files that are new are sent. What is live is the project's canonical deployment.
 */
final class CloudflarePages implements Provider {
    private static final String PAGES = "pages", STAGED_BRANCH = "handover-staged";
    /** How long an upload that wrangler has not brought to its end may take to show in the list of deployments. */
    private static final Duration LISTED = Duration.ofSeconds(5);

    private final Cloudflare cloudflare;
    private final Api api;
    private final String project;
    private final Duration limit;

    CloudflarePages(Run run, Settings settings) {
        cloudflare = new Cloudflare(run, settings, Setting.CLOUDFLARE_PAGES_PROJECT);
        api = cloudflare.api;
        project = settings.requireOwn(Setting.CLOUDFLARE_PAGES_PROJECT);
        limit = settings.seconds(Setting.DEPLOY_LIVE_SECONDS);
    }

    @Override public String name() { return "cloudflare-pages"; }

    @Override public Optional<String> program() { return Optional.of("wrangler"); }

    @Override public String reach() throws IOException, InterruptedException {
        return "Cloudflare Pages' project " + project + ", production is branch " + Api.plain(productionBranch(project()));
    }

    @Override public Optional<String> sharedWith(Settings other) {
        return cloudflare.isSharedWith(other, Setting.CLOUDFLARE_PAGES_PROJECT, project) ? Optional.of("both are Cloudflare Pages' project " + project) : Optional.empty();
    }

    @Override public Optional<Live> live() throws IOException, InterruptedException {
        return canonical(project()).map(CloudflarePages::live);
    }

    private static Live live(JsonObject deployment) {
        var trigger = deployment.get("deployment_trigger");
        return Cloudflare.live(id(deployment), Api.text(trigger, "metadata", "commit_message"), Api.text(trigger, "metadata", "commit_hash"));
    }

    /** The pages, and beside them the application's configuration of Pages when it has one. */
    @Override public Path pack(Application application, Path built) throws IOException, InterruptedException {
        if (Files.exists(application.folder().resolve("functions")) && !Files.exists(built.resolve("_worker.js")))
            throw new Failure.Failed("there is functions in the application's folder, and the build has not made a _worker.js of it", "have it do so at its end: wrangler pages functions build --outdir DIR/_worker.js");
        var packed = cloudflare.commandLine.folder("packed");
        Packed.copy(built, pages(packed));
        var config = Cloudflare.config(application);
        if (config.isPresent() && Files.readString(config.get()).contains("pages_build_output_dir")) Files.copy(config.get(), packed.resolve(config.get().getFileName()));
        return packed;
    }

    @Override public Path pages(Path packed) { return packed.resolve(PAGES); }

    @Override public Staged stage(Release release, Path packed, Application application) throws IOException, InterruptedException {
        var branch = STAGED_BRANCH.equals(productionBranch(project())) ? STAGED_BRANCH + "-preview" : STAGED_BRANCH;
        var id = upload(release, packed, application, branch);
        var deployment = Wait.until(limit, () -> ready(id, api.find(path("deployments", id)))).orElseThrow(() -> new Failure.Failed("Cloudflare has not made " + id + " ready within DEPLOY_LIVE_SECONDS", "look at it in Cloudflare's dashboard; deploy again"));
        if (!Api.text(deployment, "environment").equals(Optional.of("preview"))) throw new Failure.Unclear("Cloudflare has not taken " + id + " for a preview: nobody has looked at it, and it may be live", "look at the site, and roll back if it is not good");
        return new Staged(id, Api.address(Api.text(deployment, "url").orElseThrow(() -> new Failure.Failed("Cloudflare gives no address for " + id, "deploy again"))));
    }

    private String upload(Release release, Path packed, Application application, String branch) throws IOException, InterruptedException {
        if (!application.isInstalled()) return new PagesUpload(cloudflare, project).upload(release, pages(packed), branch);
        // It looks for its configuration where it runs, and leaves files there.
        var folder = cloudflare.commandLine.folder("wrangler");
        for (var config : Cloudflare.CONFIGS) if (Files.exists(packed.resolve(config))) Files.copy(packed.resolve(config), folder.resolve(config));
        var report = cloudflare.wrangler(application, folder, "pages", "deploy", pages(packed).toString(), "--project-name", project, "--branch", branch,
            "--commit-hash", release.commit().sha(), "--commit-message", Cloudflare.message(release), "--commit-dirty=true");
        return Cloudflare.reported(report, "deployment_id").orElseThrow(() -> new Failure.ToolFailed(Cloudflare.unnamed(report), "pin another version of it in the application, and deploy again"));
    }

    /** The deployment once all its stages are done; throws Failed, with the end of its log, when one of them is not. */
    private Optional<JsonObject> ready(String id, Optional<JsonObject> answer) throws IOException, InterruptedException {
        var deployment = answer.map(Cloudflare::result).orElse(new JsonObject());
        var status = Api.text(deployment, "latest_stage", "status").orElse("");
        if (List.of("failure", "canceled").contains(status) || Api.text(deployment, "is_skipped").equals(Optional.of("true")))
            throw new Failure.Failed("Cloudflare has not made " + id + " ready: " + Api.text(deployment, "latest_stage", "name").orElse("it") + " ended as " + (status.isEmpty() ? "skipped" : status) + log(id), "mend what it says, and deploy again");
        return isReady(deployment) ? Optional.of(deployment) : Optional.empty();
    }

    private static boolean isReady(JsonObject deployment) {
        return Api.text(deployment, "latest_stage", "name").equals(Optional.of("deploy")) && Api.text(deployment, "latest_stage", "status").equals(Optional.of("success"));
    }

    private String log(String id) throws IOException, InterruptedException {
        var lines = api.glance(path("deployments", id, "history", "logs")).map(answer -> Cloudflare.result(answer).get("data")).filter(JsonArray.class::isInstance).map(JsonElement::getAsJsonArray).orElse(new JsonArray());
        var said = StreamSupport.stream(lines.spliterator(), false).skip(Math.max(0, lines.size() - 3)).flatMap(line -> Api.text(line, "line").stream()).map(Api::plain).collect(Collectors.joining(" / "));
        return said.isEmpty() ? "" : ": " + said;
    }

    @Override public Live promote(Release release, Staged staged, Path packed, Application application) throws IOException, InterruptedException {
        var id = uploadForProduction(release, packed, application);
        try {
            Wait.until(limit, () -> ready(id, api.glance(path("deployments", id))));
        } catch (Failure.Failed e) {
            throw new Failure.Failed(e.getMessage() + "; " + stillLive(), e.hint);
        }
        awaitLive(id, true);
        return new Live(id, release.id(), release.commit().sha());
    }

    /** What fails may have failed behind the point where Cloudflare took the upload, and then it goes live. */
    private String uploadForProduction(Release release, Path packed, Application application) throws IOException, InterruptedException {
        var list = path("deployments") + "?env=production";
        var before = deployments(api.get(list)).map(CloudflarePages::id).toList();
        api.ordering();
        try {
            return upload(release, packed, application, productionBranch(project()));
        } catch (Failure.ToolFailed | Failure.Failed e) {
            var made = Wait.until(LISTED, () -> api.glance(list).stream().flatMap(CloudflarePages::deployments).filter(each -> !before.contains(id(each)) && release.id().equals(live(each).release())).findFirst());
            if (made.isPresent()) return id(made.get());
            if (api.glance(list).isEmpty()) throw new Failure.Unclear(e.getMessage() + "; and Cloudflare can't be asked whether it has taken the upload", "look at the project's deployments in Cloudflare's dashboard, and run it again");
            var what = e.getMessage() + "; " + stillLive();
            throw e instanceof Failure.ToolFailed ? new Failure.ToolFailed(what, e.hint) : new Failure.Failed(what, e.hint);
        }
    }

    /** Of a list, the newest first. */
    private static Stream<JsonObject> deployments(JsonObject answer) {
        return answer.get("result") instanceof JsonArray list ? StreamSupport.stream(list.spliterator(), false).filter(JsonObject.class::isInstance).map(JsonElement::getAsJsonObject) : Stream.empty();
    }

    @Override public boolean hasOrdered() { return api.hasOrdered(); }

    @Override public boolean keeps(String deployment) throws IOException, InterruptedException {
        return find(deployment).filter(found -> isReady(found) && Api.text(found, "environment").equals(Optional.of("production"))).isPresent();
    }

    @Override public void rollBack(String deployment) throws IOException, InterruptedException {
        if (canonical(project()).map(CloudflarePages::id).equals(Optional.of(deployment))) return;
        awaitLive(deployment, api.order(path("deployments", deployment, "rollback"), Map.of()));
    }

    private void awaitLive(String id, boolean taken) throws IOException, InterruptedException {
        if (Wait.until(limit, () -> api.glance(path()).map(Cloudflare::result).flatMap(CloudflarePages::canonical).map(CloudflarePages::id).filter(id::equals)).isEmpty())
            throw new Failure.Unclear("Cloudflare has " + (taken ? "taken the order to make " + id + " live, and has" : "not said whether it makes " + id + " live, and has") + " not done so within DEPLOY_LIVE_SECONDS: " + stillLive(),
                "look at the project's deployments in Cloudflare's dashboard: when nothing moves there any more, run it again");
    }

    private String stillLive() throws IOException, InterruptedException {
        return api.glance(path()).map(Cloudflare::result).map(project -> canonical(project).map(live -> id(live) + " is still live").orElse("nothing is live")).orElse("what is live can't be told");
    }

    private static Optional<JsonObject> canonical(JsonObject project) { return project.get("canonical_deployment") instanceof JsonObject deployment ? Optional.of(deployment) : Optional.empty(); }

    private static String id(JsonObject deployment) { return Api.text(deployment, "id").orElse("a deployment without a name"); }

    private static String productionBranch(JsonObject project) { return Api.text(project, "production_branch").orElse("main"); }

    private JsonObject project() throws IOException, InterruptedException { return Cloudflare.result(api.get(path())); }

    private Optional<JsonObject> find(String deployment) throws IOException, InterruptedException { return api.find(path("deployments", deployment)).map(Cloudflare::result); }

    private String path(String... parts) {
        var all = new String[parts.length + 1];
        all[0] = project;
        System.arraycopy(parts, 0, all, 1, parts.length);
        return cloudflare.path("/pages/projects", all);
    }
}
