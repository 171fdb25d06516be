package release;

import com.google.gson.Gson;
import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.StreamSupport;
import ops.Failure;
import ops.Secret;

/** Uploads a Worker's assets without wrangler, in the steps that its API's documentation names: where there is no Node, a rollback still brings an artifact back. */
record WorkerUpload(Cloudflare cloudflare, String worker) {
    private static final List<String> RULES = List.of("_headers", "_redirects");

    /** Gives the version's id. */
    String upload(Release release, Path assets, Path config) throws IOException, InterruptedException {
        var serving = config(config);
        var rules = serving.getAsJsonObject("assets");
        for (var name : RULES) if (Files.exists(assets.resolve(name))) rules.addProperty(name, Files.readString(assets.resolve(name)));
        var metadata = Map.of("compatibility_date", serving.get("compatibility_date"), "annotations", Map.of("workers/tag", CloudflareWorkers.tag(release), "workers/message", Cloudflare.message(release)),
            "assets", Map.of("jwt", send(assets), "config", rules));
        var made = cloudflare.api.send(cloudflare.path("/workers/scripts", worker, "versions"), new Multipart().field("metadata", new Gson().toJson(metadata)));
        return Api.text(made, "result", "id").orElseThrow(() -> new Failure.Failed("Cloudflare has taken the upload and names no version", "run it again"));
    }

    private static JsonObject config(Path file) throws IOException {
        try {
            var config = JsonParser.parseString(Files.readString(file)).getAsJsonObject();
            config.getAsJsonObject("assets").remove("directory");
            return config;
        } catch (JsonParseException | IllegalStateException | NullPointerException e) {
            throw new Failure.NotVerified("the artifact's " + file.getFileName() + " is not what this kit writes", "deploy that commit anew");
        }
    }

    /** Gives the token that stands for the whole set. */
    private String send(Path pages) throws IOException, InterruptedException {
        var assets = CloudflareAssets.of(pages, RULES.toArray(String[]::new));
        var manifest = new TreeMap<String, Object>();
        for (var asset : assets) manifest.put(asset.path(), Map.of("hash", asset.hash(), "size", asset.size()));
        var session = Cloudflare.result(cloudflare.api.post(cloudflare.path("/workers/scripts", worker, "assets-upload-session"), Map.of("manifest", manifest)));
        var token = token(session);
        var api = cloudflare.api.with(new Secret(token));
        for (var bucket : session.get("buckets") instanceof JsonArray buckets ? buckets : new JsonArray()) {
            var form = new Multipart();
            var hashes = bucket instanceof JsonArray wanted ? StreamSupport.stream(wanted.spliterator(), false).flatMap(hash -> Api.text(hash).stream()).toList() : List.<String>of();
            for (var asset : CloudflareAssets.batches(assets, hashes).stream().flatMap(List::stream).toList()) form.file(asset.hash(), asset.type(), asset.content().getBytes(StandardCharsets.US_ASCII));
            token = Api.text(api.send(cloudflare.path("/workers/assets", "upload") + "?base64=true", form), "result", "jwt").orElse(token);
        }
        return token;
    }

    private static String token(JsonObject session) { return Api.text(session, "jwt").orElseThrow(() -> new Failure.Failed("Cloudflare gives no token for an upload", "run it again later")); }
}
