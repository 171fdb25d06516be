package release;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.StreamSupport;
import ops.Failure;
import ops.Json;
import ops.Private;
import ops.Run;
import ops.Setting;
import ops.Settings;

/**
 * Cloudflare Workers that serve static assets. A release is a version of the Worker; it is live once the newest deployment
 * gives all visitors that version. Routes and domains are the Worker's own, and no release changes them.
 */
final class CloudflareWorkers implements Provider {
    private static final String ASSETS = "assets", CONFIG = "wrangler.json";
    /** In place of a version's name, for what is not uploaded before it is promoted. */
    private static final String FIRST = "the Worker's first version";
    /** What of an application's configuration says how its pages are served; JSON and TOML write it alike. */
    private static final List<String> SERVING = List.of("not_found_handling", "html_handling");
    private static final String COMPATIBLE = "compatibility_date", COMPATIBLE_SINCE = "2025-04-01";
    /** Cloudflare takes no longer ones. */
    private static final int LONGEST_TAG = 25;
    /** How long an upload that wrangler has not brought to its end may take to show. */
    private static final Duration LISTED = Duration.ofSeconds(5);

    private final Cloudflare cloudflare;
    private final Api api;
    private final String worker;
    private final Duration limit;

    CloudflareWorkers(Run run, Settings settings) {
        cloudflare = new Cloudflare(run, settings, Setting.CLOUDFLARE_WORKER);
        api = cloudflare.api;
        worker = settings.requireOwn(Setting.CLOUDFLARE_WORKER);
        limit = settings.seconds(Setting.DEPLOY_LIVE_SECONDS);
    }

    @Override public String name() { return "cloudflare-workers"; }

    @Override public Optional<String> program() { return Optional.of("wrangler"); }

    @Override public String reach() throws IOException, InterruptedException {
        return "Cloudflare's Worker " + worker + (newest().isPresent() ? "" : ", which does not exist yet: this deploy makes it");
    }

    @Override public Optional<String> sharedWith(Settings other) {
        return cloudflare.isSharedWith(other, Setting.CLOUDFLARE_WORKER, worker) ? Optional.of("both are Cloudflare's Worker " + worker) : Optional.empty();
    }

    @Override public Optional<Live> live() throws IOException, InterruptedException {
        var newest = newest();
        if (newest.isEmpty()) return Optional.empty();
        var version = only(newest.get()).orElseThrow(() -> new Failure.Unclear("the Worker " + worker + " is being deployed gradually: " + shares(newest.get()), "bring that to its end first: wrangler versions deploy --name " + worker));
        var annotations = find(version).map(found -> found.get("annotations")).orElse(null);
        return Optional.of(Cloudflare.live(version, Api.text(annotations, "workers/message"), Optional.empty()));
    }

    private Optional<JsonObject> newest() throws IOException, InterruptedException { return api.find(deployments()).flatMap(CloudflareWorkers::newest); }

    private static Optional<JsonObject> newest(JsonObject answer) {
        return Cloudflare.result(answer).get("deployments") instanceof JsonArray list && !list.isEmpty() && list.get(0) instanceof JsonObject first ? Optional.of(first) : Optional.empty();
    }

    private String deployments() { return cloudflare.path("/workers/scripts", worker, "deployments"); }

    /** The version that all visitors get; empty when some get another. */
    private static Optional<String> only(JsonObject deployment) {
        var versions = versions(deployment);
        return versions.size() == 1 && Api.text(versions.get(0), "percentage").filter(share -> share.matches("100(\\.0+)?")).isPresent() ? Api.text(versions.get(0), "version_id") : Optional.empty();
    }

    private static JsonArray versions(JsonObject deployment) { return deployment.get("versions") instanceof JsonArray versions ? versions : new JsonArray(); }

    private static String shares(JsonObject deployment) {
        return StreamSupport.stream(versions(deployment).spliterator(), false).map(each -> Api.text(each, "version_id").orElse("?") + " for " + Api.text(each, "percentage").orElse("?").replaceFirst("\\.0$", "") + " %").collect(Collectors.joining(", "));
    }

    /** The pages as assets, and a configuration that has nothing built and nothing looked up elsewhere. */
    @Override public Path pack(Application application, Path built) throws IOException, InterruptedException {
        var config = Cloudflare.config(application);
        var text = config.isEmpty() ? "" : Files.readString(config.get()).replaceAll("(?m)^\\s*(#|//).*$", "");
        if (said(text, "main").isPresent())
            throw new Failure.Failed(config.get().getFileName() + " names a script (main): this application is more than pages", "serve it from Cloudflare Pages, with the script built as _worker.js: DEPLOY_PROVIDER=cloudflare-pages");
        var assets = new LinkedHashMap<String, String>(Map.of("directory", ASSETS));
        for (var key : SERVING) said(text, key).ifPresent(value -> assets.put(key, value));
        var packed = cloudflare.commandLine.folder("packed");
        Packed.copy(built, pages(packed));
        Private.write(packed.resolve(CONFIG), Json.text(Map.of(COMPATIBLE, said(text, COMPATIBLE).orElse(COMPATIBLE_SINCE), "assets", assets)));
        return packed;
    }

    private static Optional<String> said(String config, String key) {
        var value = Pattern.compile("(?m)(^|[\\s{,])[\"']?" + key + "[\"']?\\s*[:=]\\s*[\"']([^\"']*)[\"']").matcher(config);
        return value.find() ? Optional.of(value.group(2)) : Optional.empty();
    }

    @Override public Path pages(Path packed) { return packed.resolve(ASSETS); }

    /** A Worker that does not exist yet has no versions: its first release is uploaded when it is promoted, before anybody knows of it. */
    @Override public Staged stage(Release release, Path packed, Application application) throws IOException, InterruptedException {
        var before = newest();
        if (before.isEmpty()) return new Staged(FIRST, null);
        var installed = application.isInstalled();
        var report = !installed ? List.<JsonElement>of() : wrangler(release, packed, application, "versions", "upload");
        var version = !installed ? new WorkerUpload(cloudflare, worker).upload(release, pages(packed), packed.resolve(CONFIG))
            : Cloudflare.reported(report, "version_id").orElseThrow(() -> new Failure.ToolFailed(Cloudflare.unnamed(report), "pin another version of it in the application, and deploy again"));
        if (Wait.until(limit, () -> find(version)).isEmpty()) throw new Failure.Failed("Cloudflare does not know the version " + version + " that was uploaded", "look at the Worker in Cloudflare's dashboard; deploy again");
        if (newest().flatMap(CloudflareWorkers::only).equals(Optional.of(version))) throw new Failure.Unclear("Cloudflare has made " + version + " live at once: nobody has looked at it", "look at the site, and roll back if it is not good");
        return new Staged(version, address(version).or(() -> Cloudflare.reported(report, "preview_url")).map(Api::address).orElse(null));
    }

    /** Where one version can be looked at, unless the Worker has previews switched off. */
    private Optional<String> address(String version) throws IOException, InterruptedException {
        try {
            return api.find(cloudflare.path("/workers/workers", worker, "versions", version)).map(answer -> Cloudflare.result(answer).get("urls"))
                .filter(urls -> urls instanceof JsonArray array && !array.isEmpty()).flatMap(urls -> Api.text(urls.getAsJsonArray().get(0)));
        } catch (Failure e) {
            return Optional.empty(); // a newer part of the API, which not every token may use
        }
    }

    private List<JsonElement> wrangler(Release release, Path packed, Application application, String... verb) throws IOException, InterruptedException {
        var arguments = new java.util.ArrayList<>(List.of(verb));
        arguments.addAll(List.of("--config", packed.resolve(CONFIG).toString(), "--name", worker, "--tag", tag(release), "--message", Cloudflare.message(release)));
        return cloudflare.wrangler(application, cloudflare.commandLine.folder("wrangler"), arguments.toArray(String[]::new));
    }

    static String tag(Release release) { return release.id().substring(0, Math.min(LONGEST_TAG, release.id().length())); }

    @Override public Live promote(Release release, Staged staged, Path packed, Application application) throws IOException, InterruptedException {
        if (staged.deployment().equals(FIRST)) return first(release, packed, application);
        deploy(staged.deployment(), Cloudflare.message(release));
        return new Live(staged.deployment(), release.id(), release.commit().sha());
    }

    private Live first(Release release, Path packed, Application application) throws IOException, InterruptedException {
        if (!application.isInstalled()) throw Cloudflare.noCommandLine("the Worker " + worker + " does not exist yet");
        api.ordering();
        try {
            wrangler(release, packed, application, "deploy");
        } catch (Failure.ToolFailed e) {
            // Perhaps behind the point where Cloudflare took the upload.
            if (Wait.until(LISTED, () -> api.glance(deployments()).flatMap(CloudflareWorkers::newest)).isEmpty()) throw new Failure.ToolFailed(e.getMessage() + "; Cloudflare shows nothing that is live", e.hint);
        }
        var deployed = Wait.until(limit, () -> api.glance(deployments()).flatMap(CloudflareWorkers::newest).flatMap(CloudflareWorkers::only));
        return new Live(deployed.orElseThrow(() -> new Failure.Unclear("wrangler says that " + worker + " is deployed, and Cloudflare does not know of it", "look at the Worker in Cloudflare's dashboard, and run it again")), release.id(), release.commit().sha());
    }

    @Override public boolean hasOrdered() { return api.hasOrdered(); }

    @Override public boolean keeps(String deployment) throws IOException, InterruptedException { return find(deployment).isPresent(); }

    @Override public void rollBack(String deployment) throws IOException, InterruptedException {
        deploy(deployment, "rolled back");
    }

    /** Gives all visitors one version. */
    private void deploy(String version, String message) throws IOException, InterruptedException {
        if (newest().flatMap(CloudflareWorkers::only).equals(Optional.of(version))) return;
        var taken = api.order(deployments(),
            Map.of("strategy", "percentage", "versions", List.of(Map.of("version_id", version, "percentage", 100)), "annotations", Map.of("workers/message", message)));
        if (Wait.until(limit, () -> api.glance(deployments()).flatMap(CloudflareWorkers::newest).flatMap(CloudflareWorkers::only).filter(version::equals)).isPresent()) return;
        throw new Failure.Unclear("Cloudflare has " + (taken ? "taken the order to make " + version + " live, and has" : "not said whether it makes " + version + " live, and has") + " not done so within DEPLOY_LIVE_SECONDS: "
            + api.glance(deployments()).flatMap(CloudflareWorkers::newest).map(now -> "live is still " + shares(now)).orElse("what is live can't be told"), "look at the Worker's deployments in Cloudflare's dashboard: when nothing moves there any more, run it again");
    }

    private Optional<JsonObject> find(String version) throws IOException, InterruptedException { return api.find(cloudflare.path("/workers/scripts", worker, "versions", version)).map(Cloudflare::result); }
}
