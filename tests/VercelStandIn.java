import static org.junit.jupiter.api.Assertions.assertNotNull;

import com.google.gson.JsonObject;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Deque;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.UUID;

/** Vercel's part of {@link DeployStandIn}: one team with one project, whose production domain is a port. */
final class VercelStandIn {
    static final String TEAM = "team_test";
    static final String PROJECT = "prj_test";
    static final String NAME = "shop";

    /** What becomes of the job that moves the domains when something is promoted or rolled back. */
    enum Outcome {
        SUCCEEDED, FAILED, SKIPPED,
        /** Until {@link #finish}. */
        PENDING,
        /** The project knows of no job. */
        NONE,
        /** It is said to have succeeded, and the domains are where they were. */
        SUCCEEDED_IN_VAIN;

        String word() { return this == SUCCEEDED_IN_VAIN ? "succeeded" : name().toLowerCase(); }
    }

    private static final class Deployment {
        String id, state = "READY", substate;
        boolean production;
        long created;
        Map<String, byte[]> files;
        JsonObject meta;
        StandInSite site;
    }

    private final DeployStandIn all;
    /** What is live. */
    final StandInSite site;
    private final Map<String, byte[]> uploaded = new HashMap<>();
    private final List<Deployment> deployments = new ArrayList<>();
    private final Deque<String> lives = new ArrayDeque<>();
    private Outcome outcome = Outcome.SUCCEEDED;
    private Map<String, Object> lastJob;
    private boolean assignsDomains = true, hobby;
    private String state = "READY";

    VercelStandIn(DeployStandIn all) {
        this.all = all;
        site = all.site(() -> lives.isEmpty() ? null : find(lives.peek()).files);
    }

    // --- what tests say and ask

    /** How jobs end from now on. */
    VercelStandIn outcome(Outcome outcome) {
        this.outcome = outcome;
        return this;
    }

    /** Ends the pending job, or one that is about to come. */
    void finish(Outcome how) {
        Patience.until(() -> {
            synchronized (all) {
                if (lastJob != null) end(lastJob, how);
                return lastJob != null;
            }
        }, () -> "there is no job");
    }

    /** The plan on which only one step back is possible. */
    VercelStandIn hobby() {
        hobby = true;
        return this;
    }

    /** What new deployments come to: READY, ERROR, CANCELED, or BUILDING for ever. */
    VercelStandIn newDeploymentsAre(String state) {
        this.state = state;
        return this;
    }

    /** Whether a production deployment goes live by itself: a rollback switches this off, a promotion on. */
    boolean assignsDomains() { return assignsDomains; }

    /** The live deployment's id; null when there is none. */
    String live() {
        synchronized (all) {
            return lives.peek();
        }
    }

    /** Ids, newest first. */
    List<String> deployments() {
        synchronized (all) {
            return deployments.stream().map(deployment -> deployment.id).toList();
        }
    }

    /** Puts files live, as a deployment before the test began. */
    String deployed(Map<String, String> files, Map<String, String> meta) {
        synchronized (all) {
            var deployment = create(DeployStandIn.files(files), true, DeployStandIn.JSON.toJsonTree(meta).getAsJsonObject());
            moveDomains(deployment);
            return deployment.id;
        }
    }

    /** Somebody else makes a deployment live, by the dashboard. */
    void makeLive(String id) {
        synchronized (all) {
            moveDomains(find(id));
        }
    }

    /** Somebody deletes a deployment. */
    void delete(String id) {
        synchronized (all) {
            deployments.remove(find(id));
            lives.remove(id);
        }
    }

    // --- the API

    static DeployStandIn.Answer no(int status, String code, String message, Object... more) {
        var error = DeployStandIn.object("code", code, "message", message);
        error.putAll(DeployStandIn.object(more));
        return new DeployStandIn.Answer(status, DeployStandIn.object("error", error));
    }

    private static DeployStandIn.Answer ok(Object... namesAndValues) { return new DeployStandIn.Answer(200, DeployStandIn.object(namesAndValues)); }

    private final DeployStandIn.Routes routes = new DeployStandIn.Routes();
    {
        routes.on("GET /v2/user", (request, path) -> ok("user", user()));
        routes.on("GET (/v\\d+)?/teams", (request, path) -> ok("teams", List.of(team()), "pagination", DeployStandIn.object("count", 1, "next", null, "prev", null)));
        routes.on("GET (/v\\d+)?/teams/[^/]+", (request, path) -> new DeployStandIn.Answer(200, team()));
        routes.on("GET /v\\d+/projects", (request, path) -> ok("projects", List.of(project()), "pagination", DeployStandIn.object("count", 1, "next", null, "prev", null)));
        routes.on("GET /v\\d+/projects/([^/]+)", (request, path) -> isOurs(path.group(1)) ? new DeployStandIn.Answer(200, project()) : no(404, "not_found", "Project not found."));
        routes.on("GET /v\\d+/projects/[^/]+/rolling-release.*", (request, path) -> ok("rollingRelease", null));
        routes.on("GET /v\\d+/projects/[^/]+/(?:rollback|promote)/aliases", (request, path) -> domains());
        routes.on("POST /v\\d+/projects/([^/]+)/(rollback|promote)/([^/]+)", (request, path) -> isOurs(path.group(1)) ? move(path.group(2), path.group(3)) : no(404, "not_found", "Project not found."));
        routes.on("POST /v2/files", (request, path) -> upload(request));
        routes.on("POST /v13/deployments", (request, path) -> request.json().has("deploymentId") ? again(request.json()) : deploy(request.json()));
        routes.on("GET /v\\d+/(?:now/)?deployments", (request, path) -> list(request));
        routes.on("GET /v\\d+/(?:now/)?deployments/([^/]+)", (request, path) -> one(path.group(1).equals("get") ? request.query("url", "") : path.group(1)));
        routes.on("DELETE /v\\d+/(?:now/)?deployments/([^/]+)", (request, path) -> deployments.removeIf(each -> each.id.equals(path.group(1)) && !each.id.equals(lives.peek())) ? ok("uid", path.group(1), "state", "DELETED") : gone(path.group(1)));
        routes.on("GET /v\\d+/(?:now/)?deployments/[^/]+/builds", (request, path) -> ok("builds", List.of()));
        routes.on("GET /v\\d+/(?:now/)?deployments/[^/]+/events", (request, path) -> new DeployStandIn.Answer(200, List.of()));
    }

    DeployStandIn.Answer answer(DeployStandIn.Request request) {
        var answer = routes.answer(request, request.line());
        return answer == null ? no(404, "not_found", "the stand-in knows no " + request.line()) : answer;
    }

    private static boolean isOurs(String project) { return project.equals(PROJECT) || project.equals(NAME); }

    private static Map<String, Object> user() {
        return DeployStandIn.object("id", "usr_test", "uid", "usr_test", "email", "ops@example.test", "username", "ops", "name", "Ops", "defaultTeamId", null, "limited", false);
    }

    private Map<String, Object> team() {
        return DeployStandIn.object("id", TEAM, "slug", "acme", "name", "Acme", "createdAt", 1, "created", "2024-01-01T00:00:00.000Z",
            "membership", DeployStandIn.object("role", "OWNER", "confirmed", true, "uid", "usr_test"), "billing", DeployStandIn.object("plan", hobby ? "hobby" : "pro"));
    }

    private Map<String, Object> project() {
        var project = DeployStandIn.object("id", PROJECT, "name", NAME, "accountId", TEAM, "framework", null, "nodeVersion", "24.x", "createdAt", 1, "updatedAt", 1, "link", null, "rootDirectory", null,
            "directoryListing", false, "ssoProtection", null, "env", List.of(), "autoAssignCustomDomains", assignsDomains,
            "alias", List.of(DeployStandIn.object("domain", site.host(), "target", "PRODUCTION", "environment", "production")),
            "targets", lives.isEmpty() ? Map.of() : DeployStandIn.object("production", target(find(lives.peek()))));
        if (lastJob != null) project.put("lastAliasRequest", lastJob);
        return project;
    }

    private Map<String, Object> target(Deployment live) {
        return DeployStandIn.object("id", live.id, "name", NAME, "target", "production", "alias", List.of(site.host()), "aliasAssigned", live.created, "url", live.site.host(), "readyState", live.state,
            "readySubstate", live.substate, "createdAt", live.created, "meta", live.meta);
    }

    /** As GET /v13/deployments/ID has it. */
    private Map<String, Object> whole(Deployment deployment) {
        var target = deployment.production ? "production" : null;
        return DeployStandIn.object("id", deployment.id, "uid", deployment.id, "url", deployment.site.host(), "name", NAME, "projectId", PROJECT, "project", DeployStandIn.object("id", PROJECT, "name", NAME),
            "ownerId", TEAM, "team", DeployStandIn.object("id", TEAM, "slug", "acme", "name", "Acme"), "creator", user(), "target", target, "version", 2, "type", "LAMBDAS", "source", "cli",
            "createdAt", deployment.created, "buildingAt", deployment.created, "ready", deployment.created, "status", deployment.state, "readyState", deployment.state, "readySubstate", deployment.substate,
            "alias", List.of("PROMOTED".equals(deployment.substate) ? site.host() : deployment.site.host()), "aliasAssigned", deployment.state.equals("READY") ? (Object) deployment.created : false,
            "aliasError", null, "inspectorUrl", "https://vercel.com/acme/shop/" + deployment.id.substring(4), "meta", deployment.meta, "regions", List.of("iad1"), "routes", null, "builds", List.of(),
            "build", DeployStandIn.object("env", List.of()), "env", List.of(), "plan", hobby ? "hobby" : "pro", "public", false,
            "errorCode", deployment.state.equals("ERROR") ? "BUILD_FAILED" : null, "errorMessage", deployment.state.equals("ERROR") ? "as the test wants it" : null);
    }

    /** As GET /v6/deployments has it. */
    private Map<String, Object> item(Deployment deployment) {
        var target = deployment.production ? "production" : null;
        return DeployStandIn.object("uid", deployment.id, "name", NAME, "projectId", PROJECT, "url", deployment.site.host(), "created", deployment.created, "createdAt", deployment.created, "buildingAt", deployment.created,
            "ready", deployment.created, "state", deployment.state, "readyState", deployment.state, "readySubstate", deployment.substate, "type", "LAMBDAS", "source", "cli", "creator", user(),
            "inspectorUrl", "https://vercel.com/acme/shop/" + deployment.id.substring(4), "meta", deployment.meta, "target", target, "aliasError", null, "aliasAssigned", deployment.created,
            "isRollbackCandidate", deployment.production && lives.contains(deployment.id) && !deployment.id.equals(lives.peek()));
    }

    /** What of the last job failed. */
    private DeployStandIn.Answer domains() {
        var domain = DeployStandIn.object("id", "ali_1", "status", "failed", "alias", DeployStandIn.object("alias", site.host(), "deploymentId", lives.peek()));
        return ok("aliases", List.of(domain), "pagination", DeployStandIn.object("count", 1, "next", null, "prev", null));
    }

    private DeployStandIn.Answer list(DeployStandIn.Request request) {
        var until = Long.parseLong(request.query("until", String.valueOf(Long.MAX_VALUE)));
        var limit = Integer.parseInt(request.query("limit", "20"));
        var matching = deployments.stream().filter(each -> each.created < until && isOurs(request.query("projectId", PROJECT)))
            .filter(each -> !request.query().containsKey("target") || each.production == request.query().get("target").equals("production"))
            .filter(each -> List.of(request.query("state", each.state).split(",")).contains(each.state))
            .filter(each -> request.query().entrySet().stream().allMatch(wanted -> !wanted.getKey().startsWith("meta-")
                || each.meta.has(wanted.getKey().substring(5)) && each.meta.get(wanted.getKey().substring(5)).getAsString().equals(wanted.getValue()))).toList();
        var page = DeployStandIn.page(matching, 0, limit);
        return ok("deployments", page.stream().map(this::item).toList(),
            "pagination", DeployStandIn.object("count", page.size(), "next", page.size() < matching.size() ? page.get(limit - 1).created : null, "prev", null));
    }

    private DeployStandIn.Answer one(String idOrHost) {
        var wanted = idOrHost.equals(site.host()) ? lives.peek() : idOrHost;
        return deployments.stream().filter(each -> each.id.equals(wanted) || each.site.host().equals(wanted)).findAny().map(each -> new DeployStandIn.Answer(200, whole(each))).orElseGet(() -> gone(idOrHost));
    }

    private static DeployStandIn.Answer gone(String id) { return no(404, "not_found", "The deployment \"" + id + "\" can't be found"); }

    private Deployment find(String id) {
        var found = deployments.stream().filter(each -> each.id.equals(id)).findAny().orElse(null);
        assertNotNull(found, () -> "the stand-in has no deployment " + id);
        return found;
    }

    private DeployStandIn.Answer upload(DeployStandIn.Request request) {
        try {
            var digest = HexFormat.of().formatHex(MessageDigest.getInstance("SHA-1").digest(request.content()));
            if (!digest.equals(request.headers().getFirst("x-now-digest"))) return no(400, "bad_digest", "the file has the digest " + digest);
            uploaded.put(digest, request.content());
            return ok();
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError(e);
        }
    }

    private DeployStandIn.Answer deploy(JsonObject wanted) {
        var files = new TreeMap<String, byte[]>();
        var missing = new ArrayList<String>();
        for (var each : wanted.getAsJsonArray("files")) {
            var file = each.getAsJsonObject();
            var name = "/" + file.get("file").getAsString().replaceFirst("^\\.vercel/output/static/", "");
            if (!file.has("sha")) {
                var data = file.get("data").getAsString();
                files.put(name, file.has("encoding") && file.get("encoding").getAsString().equals("base64") ? Base64.getDecoder().decode(data) : data.getBytes(StandardCharsets.UTF_8));
            } else if (uploaded.containsKey(file.get("sha").getAsString())) files.put(name, uploaded.get(file.get("sha").getAsString()));
            else missing.add(file.get("sha").getAsString());
        }
        if (!missing.isEmpty()) return no(400, "missing_files", "Missing files", "missing", missing);
        // The rest of a build's output is not for visitors.
        files.keySet().removeIf(name -> name.startsWith("/.vercel/"));
        var production = wanted.has("target") && !wanted.get("target").isJsonNull() && wanted.get("target").getAsString().equals("production");
        var deployment = create(files, production, wanted.has("meta") ? wanted.getAsJsonObject("meta") : new JsonObject());
        var staged = wanted.has("autoAssignCustomDomains") && !wanted.get("autoAssignCustomDomains").getAsBoolean();
        if (production && assignsDomains && !staged && deployment.state.equals("READY")) moveDomains(deployment);
        return new DeployStandIn.Answer(200, whole(deployment));
    }

    /** How the command line promotes a preview: a new deployment, built from the preview's sources with production's variables. */
    private DeployStandIn.Answer again(JsonObject wanted) {
        var from = deployments.stream().filter(each -> each.id.equals(wanted.get("deploymentId").getAsString())).findAny();
        if (from.isEmpty()) return gone(wanted.get("deploymentId").getAsString());
        var meta = from.get().meta.deepCopy();
        if (wanted.has("meta")) wanted.getAsJsonObject("meta").entrySet().forEach(each -> meta.add(each.getKey(), each.getValue()));
        var deployment = create(from.get().files, true, meta);
        if (deployment.state.equals("READY")) moveDomains(deployment);
        return new DeployStandIn.Answer(200, whole(deployment));
    }

    private Deployment create(Map<String, byte[]> files, boolean production, JsonObject meta) {
        var deployment = new Deployment();
        deployment.id = "dpl_" + UUID.randomUUID().toString().replace("-", "").substring(0, 24);
        deployment.created = all.now();
        deployment.production = production;
        deployment.state = state;
        deployment.substate = production ? "STAGED" : null;
        deployment.files = files;
        deployment.meta = meta;
        deployment.site = all.site(() -> deployments.contains(deployment) ? files : null);
        deployments.add(0, deployment);
        return deployment;
    }

    private DeployStandIn.Answer move(String how, String id) {
        var to = deployments.stream().filter(each -> each.id.equals(id)).findAny();
        if (to.isEmpty()) return gone(id);
        if (how.equals("rollback") && !to.get().production) return no(400, "bad_request", "A preview deployment is no rollback target");
        var previous = lives.stream().skip(1).findFirst().orElse(null);
        if (how.equals("rollback") && hobby && !id.equals(previous)) return no(402, "plan_upgrade_required", "To roll back further than the previous production deployment, upgrade to pro");
        var job = DeployStandIn.object("fromDeploymentId", lives.peek(), "toDeploymentId", id, "jobStatus", Outcome.PENDING.word(), "requestedAt", all.now(), "type", how);
        lastJob = outcome == Outcome.NONE ? null : job;
        end(job, outcome);
        return new DeployStandIn.Answer(201, Map.of());
    }

    private void end(Map<String, Object> job, Outcome how) {
        job.put("jobStatus", how.word());
        if (how != Outcome.SUCCEEDED) return;
        moveDomains(find((String) job.get("toDeploymentId")));
        assignsDomains = job.get("type").equals("promote");
    }

    private void moveDomains(Deployment to) {
        to.substate = "PROMOTED";
        lives.remove(to.id);
        lives.push(to.id);
    }
}
