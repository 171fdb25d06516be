import static org.junit.jupiter.api.Assertions.assertNotNull;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;

/** Cloudflare Pages' part of {@link DeployStandIn}: projects that take uploads; {@code shop} is there. */
final class PagesStandIn {
    static final String NAME = "shop";
    static final String PRODUCTION_BRANCH = "main";

    /** How the last stage of a deployment is. */
    enum Stage { SUCCESS, FAILURE, ACTIVE }

    private static final class Deployment {
        String id, branch, commitHash, commitMessage;
        boolean dirty, production;
        long created;
        Stage stage;
        Map<String, byte[]> files;
        StandInSite site;
    }

    private final class Project {
        final String name;
        final List<Deployment> deployments = new ArrayList<>();
        Deployment live;
        final StandInSite site = all.site(() -> live == null ? null : live.files);

        Project(String name) { this.name = name; }

        Deployment find(String id) { return deployments.stream().filter(each -> each.id.equals(id)).findAny().orElse(null); }
    }

    private final DeployStandIn all;
    private final Map<String, Project> projects = new TreeMap<>();
    private final Map<String, byte[]> assets = new HashMap<>();
    private Stage stage = Stage.SUCCESS;
    private boolean inVain;

    PagesStandIn(DeployStandIn all) {
        this.all = all;
        projects.put(NAME, new Project(NAME));
    }

    // --- what tests say and ask

    /** How far new deployments come; one that is no success does not go live. */
    PagesStandIn newDeploymentsAre(Stage stage) {
        this.stage = stage;
        return this;
    }

    /** From now on deployments and rollbacks are said to have succeeded, and what is live stays. */
    PagesStandIn changesAreInVain(boolean inVain) {
        this.inVain = inVain;
        return this;
    }

    /** Ends a deployment that is active. */
    void finish(String id, Stage how) {
        synchronized (all) {
            var project = projects.get(NAME);
            var deployment = project.find(id);
            deployment.stage = how;
            if (deployment.production && how == Stage.SUCCESS) project.live = deployment;
        }
    }

    StandInSite site() { return projects.get(NAME).site; }

    /** The live deployment's id; null when there is none. */
    String live() {
        synchronized (all) {
            return projects.get(NAME).live == null ? null : projects.get(NAME).live.id;
        }
    }

    /** Ids, newest first. */
    List<String> deployments() {
        synchronized (all) {
            return projects.get(NAME).deployments.stream().map(each -> each.id).toList();
        }
    }

    /** Puts files live, as a deployment three days before the test began. */
    String deployed(Map<String, String> files, String commitHash, String commitMessage) {
        synchronized (all) {
            var project = projects.get(NAME);
            project.live = create(project, DeployStandIn.files(files), PRODUCTION_BRANCH, commitHash, commitMessage, false);
            project.live.created -= TimeUnit.DAYS.toMillis(3);
            return project.live.id;
        }
    }

    /** Somebody else makes a deployment live, by the dashboard. */
    void makeLive(String id) {
        synchronized (all) {
            projects.get(NAME).live = projects.get(NAME).find(id);
            assertNotNull(projects.get(NAME).live, () -> "the stand-in has no deployment " + id);
        }
    }

    /** Somebody deletes a deployment. */
    void delete(String id) {
        synchronized (all) {
            projects.get(NAME).deployments.removeIf(each -> each.id.equals(id));
        }
    }

    // --- the API

    void routes(DeployStandIn.Routes routes, String base) {
        routes.on("GET " + base, (request, path) -> CloudflareStandIn.page(request, projects.values().stream().map(this::project).toList(), 10));
        routes.on("POST " + base, (request, path) -> {
            var name = request.json().get("name").getAsString();
            projects.put(name, new Project(name));
            return CloudflareStandIn.ok(project(projects.get(name)));
        });
        routes.on("GET " + base + "/([^/]+)", (request, path) -> in(path.group(1), project -> CloudflareStandIn.ok(project(project))));
        routes.on("GET " + base + "/([^/]+)/upload-token", (request, path) -> in(path.group(1), project -> CloudflareStandIn.ok(DeployStandIn.object("jwt", CloudflareStandIn.token(DeployStandIn.object("max_file_count_allowed", 20000))))));
        routes.on("GET " + base + "/([^/]+)/deployments", (request, path) -> in(path.group(1), project -> CloudflareStandIn.page(request, project.deployments.stream()
            .filter(each -> request.query("env", environment(each)).equals(environment(each))).map(each -> deployment(project, each)).toList(), 25)));
        routes.on("POST " + base + "/([^/]+)/deployments", (request, path) -> in(path.group(1), project -> deploy(project, request.form())));
        routes.on("GET " + base + "/([^/]+)/deployments/([^/]+)", (request, path) -> in(path.group(1), project -> of(project, path.group(2), each -> CloudflareStandIn.ok(deployment(project, each)))));
        routes.on("DELETE " + base + "/([^/]+)/deployments/([^/]+)", (request, path) -> in(path.group(1), project -> of(project, path.group(2), each -> {
            if (each == project.live) return CloudflareStandIn.no(400, 8000034, "You cannot delete the active production deployment.");
            project.deployments.remove(each);
            return CloudflareStandIn.ok(null);
        })));
        routes.on("POST " + base + "/([^/]+)/deployments/([^/]+)/rollback", (request, path) -> in(path.group(1), project -> of(project, path.group(2), each -> rollback(project, each))));
        routes.on("GET " + base + "/([^/]+)/deployments/[^/]+/history/logs", (request, path) -> CloudflareStandIn.ok(
            DeployStandIn.object("total", 1, "data", List.of(DeployStandIn.object("ts", CloudflareStandIn.time(all.now()), "line", "Error: as the test wants it")), "includes_container_logs", false)));
        routes.on("POST /pages/assets/check-missing", (request, path) -> CloudflareStandIn.ok(hashes(request.json()).stream().filter(hash -> !assets.containsKey(hash)).toList()));
        routes.on("POST /pages/assets/upload", (request, path) -> {
            request.body().getAsJsonArray().forEach(each -> assets.put(each.getAsJsonObject().get("key").getAsString(), Base64.getDecoder().decode(each.getAsJsonObject().get("value").getAsString())));
            return CloudflareStandIn.ok(DeployStandIn.object("successful_key_count", request.body().getAsJsonArray().size(), "unsuccessful_keys", List.of()));
        });
        routes.on("POST /pages/assets/upsert-hashes", (request, path) -> CloudflareStandIn.ok(null));
    }

    private DeployStandIn.Answer in(String name, Function<Project, DeployStandIn.Answer> answer) {
        var project = projects.get(name);
        return project == null ? CloudflareStandIn.no(404, 8000007, "Project not found. The specified project name does not match any of your existing projects.") : answer.apply(project);
    }

    private static DeployStandIn.Answer of(Project project, String id, Function<Deployment, DeployStandIn.Answer> answer) {
        var deployment = project.find(id);
        return deployment == null ? CloudflareStandIn.no(404, 8000009, "The deployment ID you have specified does not exist. Update the deployment ID and try again.") : answer.apply(deployment);
    }

    private static List<String> hashes(JsonObject body) { return body.getAsJsonArray("hashes").asList().stream().map(JsonElement::getAsString).toList(); }

    private static String environment(Deployment deployment) { return deployment.production ? "production" : "preview"; }

    private Map<String, Object> project(Project project) {
        var configuration = DeployStandIn.object("compatibility_date", "2026-01-01", "compatibility_flags", List.of());
        return DeployStandIn.object("id", "pages-" + project.name, "name", project.name, "subdomain", project.site.host(), "domains", List.of(project.site.host()), "production_branch", PRODUCTION_BRANCH,
            "created_on", "2024-01-01T00:00:00Z", "deployment_configs", DeployStandIn.object("production", configuration, "preview", configuration),
            "canonical_deployment", project.live == null ? null : deployment(project, project.live),
            "latest_deployment", project.deployments.isEmpty() ? null : deployment(project, project.deployments.get(0)));
    }

    private static Map<String, Object> deployment(Project project, Deployment deployment) {
        var created = CloudflareStandIn.time(deployment.created);
        var stage = DeployStandIn.object("name", "deploy", "status", deployment.stage.name().toLowerCase(), "started_on", created, "ended_on", deployment.stage == Stage.ACTIVE ? null : created);
        return DeployStandIn.object("id", deployment.id, "short_id", deployment.id.substring(0, 8), "project_id", "pages-" + project.name, "project_name", project.name, "environment", environment(deployment),
            "url", deployment.site.url(), "created_on", created, "modified_on", created, "latest_stage", stage,
            "stages", List.of(DeployStandIn.object("name", "queued", "status", "success", "started_on", created, "ended_on", created), stage),
            "deployment_trigger", DeployStandIn.object("type", "ad_hoc", "metadata",
                DeployStandIn.object("branch", deployment.branch, "commit_hash", deployment.commitHash, "commit_message", deployment.commitMessage, "commit_dirty", deployment.dirty)),
            "aliases", deployment.production ? null : List.of(deployment.site.url()), "is_skipped", false, "source", null, "env_vars", Map.of(), "build_config", Map.of(), "production_branch", PRODUCTION_BRANCH);
    }

    private DeployStandIn.Answer deploy(Project project, Map<String, byte[]> form) {
        var files = new TreeMap<String, byte[]>();
        DeployStandIn.JSON.fromJson(text(form, "manifest", "{}"), JsonObject.class).entrySet().forEach(each -> files.put(each.getKey(), assets.get(each.getValue().getAsString())));
        if (files.containsValue(null)) return CloudflareStandIn.no(400, 8000096, "The manifest names files that were not uploaded");
        var deployment = create(project, files, text(form, "branch", PRODUCTION_BRANCH), text(form, "commit_hash", ""), text(form, "commit_message", ""), text(form, "commit_dirty", "").equals("true"));
        if (deployment.production && deployment.stage == Stage.SUCCESS && !inVain) project.live = deployment;
        return CloudflareStandIn.ok(deployment(project, deployment));
    }

    private Deployment create(Project project, Map<String, byte[]> files, String branch, String commitHash, String commitMessage, boolean dirty) {
        var deployment = new Deployment();
        deployment.id = UUID.randomUUID().toString();
        deployment.created = all.now();
        deployment.branch = branch;
        deployment.production = branch.equals(PRODUCTION_BRANCH);
        deployment.commitHash = commitHash;
        deployment.commitMessage = commitMessage;
        deployment.dirty = dirty;
        deployment.stage = stage;
        deployment.files = files;
        deployment.site = all.site(() -> project.deployments.contains(deployment) && deployment.stage == Stage.SUCCESS ? files : null);
        project.deployments.add(0, deployment);
        return deployment;
    }

    private DeployStandIn.Answer rollback(Project project, Deployment to) {
        if (!to.production || to.stage != Stage.SUCCESS) return CloudflareStandIn.no(400, 8000033, "Only successful production deployments can be rolled back to.");
        if (!inVain) project.live = to;
        return CloudflareStandIn.ok(deployment(project, to));
    }

    private static String text(Map<String, byte[]> form, String name, String otherwise) { return form.containsKey(name) ? new String(form.get(name), StandardCharsets.UTF_8) : otherwise; }
}
