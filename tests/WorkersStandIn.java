import com.google.gson.JsonObject;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.UUID;
import java.util.function.Function;

/** Cloudflare Workers' part of {@link DeployStandIn}: Workers that are nothing but static assets. */
final class WorkersStandIn {
    private static final class Version {
        String id;
        int number;
        long created;
        JsonObject annotations;
        Map<String, byte[]> files;
        StandInSite site;
    }

    private record Deployment(String id, long created, Map<String, Double> percentages, JsonObject annotations) { }

    private final class Worker {
        final String name;
        final List<Version> versions = new ArrayList<>();
        final List<Deployment> deployments = new ArrayList<>();
        private int visitors;
        final StandInSite site = all.site(this::served);

        Worker(String name) { this.name = name; }

        Version find(String id) { return versions.stream().filter(each -> each.id.equals(id)).findAny().orElse(null); }

        /** Visitors are spread evenly over the versions, by their percentages. */
        private Map<String, byte[]> served() {
            if (deployments.isEmpty()) return null;
            var at = visitors++ * 37 % 100;
            for (var each : deployments.get(0).percentages.entrySet()) {
                at -= each.getValue();
                if (at < 0) return find(each.getKey()).files;
            }
            return null;
        }
    }

    private final DeployStandIn all;
    private final Map<String, Worker> workers = new TreeMap<>();
    /** Hashes by file name, for each upload. */
    private final Map<String, Map<String, String>> manifests = new HashMap<>();
    private final Map<String, byte[]> assets = new HashMap<>();
    private boolean inVain;

    WorkersStandIn(DeployStandIn all) { this.all = all; }

    // --- what tests say and ask

    /** From now on a deployment is accepted, and what is live stays. */
    WorkersStandIn deploymentsAreInVain(boolean inVain) {
        this.inVain = inVain;
        return this;
    }

    StandInSite site(String name) {
        synchronized (all) {
            return workers.computeIfAbsent(name, Worker::new).site;
        }
    }

    /** Percentages by version id. */
    Map<String, Double> live(String name) {
        synchronized (all) {
            var worker = workers.get(name);
            return worker == null || worker.deployments.isEmpty() ? Map.of() : worker.deployments.get(0).percentages;
        }
    }

    /** Ids, newest first. */
    List<String> versions(String name) {
        synchronized (all) {
            return workers.containsKey(name) ? workers.get(name).versions.stream().map(each -> each.id).toList() : List.of();
        }
    }

    /** Puts files live, as a version from before the test began. */
    String deployed(String name, Map<String, String> files, String message, String tag) {
        synchronized (all) {
            var worker = workers.computeIfAbsent(name, Worker::new);
            var annotations = DeployStandIn.JSON.toJsonTree(Map.of("workers/message", message, "workers/tag", tag)).getAsJsonObject();
            var version = create(worker, DeployStandIn.files(files), annotations);
            deploy(worker, Map.of(version.id, 100.0), annotations);
            return version.id;
        }
    }

    /** Somebody else makes versions live, by the dashboard. */
    void makeLive(String name, Map<String, Double> percentages) {
        synchronized (all) {
            deploy(workers.get(name), percentages, new JsonObject());
        }
    }

    // --- the API

    void routes(DeployStandIn.Routes routes, String base) {
        var script = base + "/scripts/([^/]+)";
        routes.on("GET " + base + "/subdomain", (request, path) -> CloudflareStandIn.ok(DeployStandIn.object("subdomain", "acme")));
        routes.on("GET " + base + "/scripts", (request, path) -> CloudflareStandIn.ok(workers.values().stream().filter(each -> !each.versions.isEmpty()).map(each -> DeployStandIn.object("id", each.name)).toList()));
        routes.on("GET " + base + "/services/([^/]+)", (request, path) -> in(path.group(1), worker -> CloudflareStandIn.ok(DeployStandIn.object("id", worker.name, "default_environment",
            DeployStandIn.object("environment", "production", "script", DeployStandIn.object("id", worker.name, "tag", "tag-" + worker.name, "tags", null, "last_deployed_from", "wrangler"))))));
        routes.on("POST " + script + "/assets-upload-session", (request, path) -> begin(request.json().getAsJsonObject("manifest")));
        routes.on("POST " + base + "/assets/upload", (request, path) -> {
            request.form().forEach((hash, content) -> assets.put(hash, Base64.getMimeDecoder().decode(content)));
            var session = CloudflareStandIn.claims(request.authorization().replaceFirst("Bearer ", "")).get("session").getAsString();
            return new DeployStandIn.Answer(201, CloudflareStandIn.ok(DeployStandIn.object("jwt", token(session))).body());
        });
        // As documented, a Worker's first version can't be uploaded only: it takes "wrangler deploy".
        routes.on("POST " + script + "/versions", (request, path) -> in(path.group(1), worker -> upload(worker.name, request, false)));
        routes.on("PUT " + script, (request, path) -> upload(path.group(1), request, true));
        routes.on("GET " + script + "/versions", (request, path) -> in(path.group(1), worker -> CloudflareStandIn.ok(DeployStandIn.object("items", worker.versions.stream().map(WorkersStandIn::version).toList()))));
        routes.on("GET " + script + "/versions/([^/]+)", (request, path) -> in(path.group(1), worker -> of(worker, path.group(2), version -> CloudflareStandIn.ok(version(version)))));
        routes.on("GET " + script + "/deployments", (request, path) -> in(path.group(1), worker -> CloudflareStandIn.ok(DeployStandIn.object("deployments", worker.deployments.stream().map(WorkersStandIn::deployment).toList()))));
        routes.on("POST " + script + "/deployments", (request, path) -> in(path.group(1), worker -> deploy(worker, request.json())));
        routes.on("(?:GET|POST) " + script + "/subdomain", (request, path) -> CloudflareStandIn.ok(DeployStandIn.object("enabled", true, "previews_enabled", true)));
        routes.on("(?:GET|PUT|PATCH) " + script + "(?:/settings|/script-settings)?", (request, path) -> in(path.group(1), worker -> CloudflareStandIn.ok(DeployStandIn.object("id", worker.name, "bindings", List.of(),
            "compatibility_date", "2026-01-01", "compatibility_flags", List.of(), "tags", List.of(), "logpush", false, "observability", Map.of(), "migration_tag", null))));
        routes.on("(?:GET|PUT) " + script + "/(?:schedules|routes|secrets|bindings)", (request, path) -> CloudflareStandIn.ok(List.of()));
        // The newer API, which gives a version's address: wrangler puts that together by itself.
        routes.on("GET " + base + "/workers/([^/]+)/versions/([^/]+)", (request, path) -> in(path.group(1), worker -> of(worker, path.group(2), version -> {
            var answer = version(version);
            answer.put("urls", List.of(version.site.url()));
            return CloudflareStandIn.ok(answer);
        })));
    }

    private DeployStandIn.Answer in(String name, Function<Worker, DeployStandIn.Answer> answer) {
        var worker = workers.get(name);
        return worker == null || worker.versions.isEmpty() ? CloudflareStandIn.no(404, 10007, "This Worker does not exist on your account.") : answer.apply(worker);
    }

    private static DeployStandIn.Answer of(Worker worker, String id, Function<Version, DeployStandIn.Answer> answer) {
        var version = worker.find(id);
        return version == null ? CloudflareStandIn.no(404, 10100, "The requested Worker version could not be found") : answer.apply(version);
    }

    private static String token(String session) { return CloudflareStandIn.token(DeployStandIn.object("session", session)); }

    private DeployStandIn.Answer begin(JsonObject manifest) {
        var session = UUID.randomUUID().toString();
        var hashes = new TreeMap<String, String>();
        manifest.entrySet().forEach(file -> hashes.put(file.getKey(), file.getValue().getAsJsonObject().get("hash").getAsString()));
        manifests.put(session, hashes);
        var missing = hashes.values().stream().distinct().filter(hash -> !assets.containsKey(hash)).toList();
        return CloudflareStandIn.ok(DeployStandIn.object("jwt", token(session), "buckets", missing.isEmpty() ? List.of() : List.of(missing)));
    }

    private DeployStandIn.Answer upload(String name, DeployStandIn.Request request, boolean deploys) {
        var metadata = DeployStandIn.JSON.fromJson(new String(request.form().get("metadata"), StandardCharsets.UTF_8), JsonObject.class);
        var files = new TreeMap<String, byte[]>();
        if (metadata.has("assets")) {
            var session = CloudflareStandIn.claims(metadata.getAsJsonObject("assets").get("jwt").getAsString()).get("session").getAsString();
            manifests.get(session).forEach((file, hash) -> files.put(file, assets.get(hash)));
        }
        if (files.containsValue(null)) return CloudflareStandIn.no(400, 10021, "The manifest names files that were not uploaded");
        var worker = workers.computeIfAbsent(name, Worker::new);
        var version = create(worker, files, metadata.has("annotations") ? metadata.getAsJsonObject("annotations") : new JsonObject());
        version.annotations.addProperty("workers/triggered_by", deploys ? "upload" : "version_upload");
        if (deploys) deploy(worker, Map.of(version.id, 100.0), version.annotations);
        var answer = version(version);
        answer.putAll(DeployStandIn.object("id", deploys ? name : version.id, "deployment_id", version.id, "tag", "tag-" + name, "handlers", List.of(), "entry_point", null));
        return CloudflareStandIn.ok(answer);
    }

    private Version create(Worker worker, Map<String, byte[]> files, JsonObject annotations) {
        var version = new Version();
        version.id = UUID.randomUUID().toString();
        version.number = worker.versions.size() + 1;
        version.created = all.now();
        version.annotations = annotations;
        version.files = files;
        version.site = all.site(() -> files);
        worker.versions.add(0, version);
        return version;
    }

    private DeployStandIn.Answer deploy(Worker worker, JsonObject wanted) {
        var percentages = new LinkedHashMap<String, Double>();
        wanted.getAsJsonArray("versions").forEach(each -> percentages.put(each.getAsJsonObject().get("version_id").getAsString(), each.getAsJsonObject().get("percentage").getAsDouble()));
        for (var id : percentages.keySet())
            if (worker.find(id) == null) return CloudflareStandIn.no(404, 10100, "The requested Worker version could not be found");
        if (percentages.values().stream().mapToDouble(each -> each).sum() != 100) return CloudflareStandIn.no(400, 10013, "The percentages of the versions don't add up to 100");
        return CloudflareStandIn.ok(deployment(deploy(worker, percentages, wanted.has("annotations") ? wanted.getAsJsonObject("annotations") : new JsonObject())));
    }

    private Deployment deploy(Worker worker, Map<String, Double> percentages, JsonObject annotations) {
        var deployment = new Deployment(UUID.randomUUID().toString(), all.now(), percentages, annotations);
        if (!inVain) worker.deployments.add(0, deployment);
        return deployment;
    }

    private static Map<String, Object> version(Version version) {
        var created = CloudflareStandIn.time(version.created);
        return DeployStandIn.object("id", version.id, "number", version.number, "created_on", created, "annotations", version.annotations, "startup_time_ms", 1,
            "metadata", DeployStandIn.object("created_on", created, "modified_on", created, "author_id", "user", "author_email", "ops@example.test", "source", "wrangler", "has_preview", true, "hasPreview", true),
            "resources", DeployStandIn.object("script", DeployStandIn.object("etag", "etag", "handlers", List.of(), "last_deployed_from", "wrangler"), "script_runtime",
                DeployStandIn.object("compatibility_date", "2026-01-01"), "bindings", List.of()));
    }

    private static Map<String, Object> deployment(Deployment deployment) {
        return DeployStandIn.object("id", deployment.id, "source", "wrangler", "strategy", "percentage", "author_email", "ops@example.test", "annotations", deployment.annotations,
            "created_on", CloudflareStandIn.time(deployment.created), "versions", deployment.percentages.entrySet().stream().map(each -> DeployStandIn.object("version_id", each.getKey(), "percentage", each.getValue())).toList());
    }
}
