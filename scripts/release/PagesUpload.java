package release;

import com.google.gson.Gson;
import com.google.gson.JsonArray;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.StreamSupport;
import ops.Failure;
import ops.Secret;

/** Uploads to Cloudflare Pages without wrangler, in wrangler's steps: where there is no Node, a rollback still brings an artifact back. */
record PagesUpload(Cloudflare cloudflare, String project) {
    /** Files that say how the others are served, and are none themselves. */
    private static final List<String> RULES = List.of("_headers", "_redirects");
    private static final List<String> SCRIPTS = List.of("_worker.js", "_routes.json");

    /** Gives the deployment's id. */
    String upload(Release release, Path pages, String branch) throws IOException, InterruptedException {
        for (var script : SCRIPTS) if (Files.exists(pages.resolve(script))) throw Cloudflare.noCommandLine("it has a script, " + script);
        var assets = CloudflareAssets.of(pages, RULES.toArray(String[]::new));
        send(assets);
        var manifest = new TreeMap<String, String>();
        for (var asset : assets) manifest.put(asset.path(), asset.hash());
        var form = new Multipart().field("manifest", new Gson().toJson(manifest)).field("branch", branch).field("commit_message", Cloudflare.message(release)).field("commit_hash", release.commit().sha()).field("commit_dirty", "true");
        for (var rules : RULES) if (Files.exists(pages.resolve(rules))) form.file(rules, "application/octet-stream", Files.readAllBytes(pages.resolve(rules)));
        var made = cloudflare.api.send(cloudflare.path("/pages/projects", project, "deployments"), form);
        return Api.text(made, "result", "id").orElseThrow(() -> new Failure.Failed("Cloudflare has taken the upload and names no deployment", "run it again"));
    }

    private void send(List<CloudflareAssets.Asset> assets) throws IOException, InterruptedException {
        var token = Api.text(cloudflare.api.get(cloudflare.path("/pages/projects", project, "upload-token")), "result", "jwt").orElseThrow(() -> new Failure.Failed("Cloudflare gives no token for an upload", "run it again later"));
        var api = cloudflare.api.with(new Secret(token));
        var hashes = Map.of("hashes", assets.stream().map(CloudflareAssets.Asset::hash).distinct().toList());
        if (!(api.post("/pages/assets/check-missing", hashes).get("result") instanceof JsonArray missing)) throw new Failure.Failed("Cloudflare does not say which files it lacks", "run it again later");
        for (var batch : CloudflareAssets.batches(assets, StreamSupport.stream(missing.spliterator(), false).flatMap(hash -> Api.text(hash).stream()).toList())) {
            var files = new ArrayList<Map<String, Object>>();
            for (var asset : batch) files.add(Map.of("key", asset.hash(), "value", asset.content(), "metadata", Map.of("contentType", asset.type()), "base64", true));
            api.post("/pages/assets/upload", files);
        }
        api.post("/pages/assets/upsert-hashes", hashes);
    }
}
