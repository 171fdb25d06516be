package release;

import com.google.gson.GsonBuilder;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Stream;
import ops.Failure;
import ops.Private;
import ops.Run;
import ops.Setting;
import ops.Settings;

/**
 * Vercel. A release is uploaded as it was built, for production but without production's domains, and then promoted.
 *
 * <p>What is live is what the project says, and nothing else: its command line reports READY for what no visitor sees (after
 * a rollback new deployments do not go live by themselves), and a rollback that was skipped as done.
 */
final class Vercel implements Provider {
    private static final String OUTPUT = ".vercel/output";
    private static final List<String> UNFINISHED = List.of("pending", "in-progress");
    private static final List<String> BROKEN = List.of("ERROR", "CANCELED", "DELETED");
    /** What of vercel.json only Vercel's own build understands. */
    private static final List<String> BUILT_THERE = List.of("functions", "builds");

    private final Api api;
    private final CommandLine commandLine;
    private final String team;
    private final String project;
    private final Duration limit;

    Vercel(Run run, Settings settings) {
        api = new Api(run, settings, "Vercel", Setting.VERCEL_API_URL, Setting.VERCEL_TOKEN, Setting.VERCEL_PROJECT_ID);
        commandLine = new CommandLine(run);
        team = settings.require(Setting.VERCEL_ORG_ID);
        project = settings.requireOwn(Setting.VERCEL_PROJECT_ID);
        limit = settings.seconds(Setting.DEPLOY_LIVE_SECONDS);
    }

    @Override public String name() { return "vercel"; }

    @Override public Optional<String> program() { return Optional.of("vercel"); }

    @Override public String reach() throws IOException, InterruptedException {
        return "Vercel's project " + Api.text(project(), "name").map(Api::plain).orElse(project);
    }

    /** A project has an id and a name, and either may stand in the settings: what is neither the same id nor another is asked for. */
    @Override public Optional<String> sharedWith(Settings other) throws IOException, InterruptedException {
        var theirs = other.get(Setting.VERCEL_PROJECT_ID);
        if (theirs.isEmpty()) return Optional.empty();
        var same = "both are Vercel's project " + theirs.get();
        var sameTeam = other.get(Setting.VERCEL_ORG_ID).equals(Optional.of(team));
        if (theirs.get().equals(project)) return sameTeam || isId(project) ? Optional.of(same) : Optional.empty();
        if (isId(theirs.get()) && isId(project) || !sameTeam) return Optional.empty();
        var found = api.find("/v9/projects/" + Api.part(theirs.get()) + query()).flatMap(seen -> Api.text(seen, "id"));
        return found.isPresent() && found.equals(Api.text(project(), "id")) ? Optional.of(same + ", by its id and by its name") : Optional.empty();
    }

    private static boolean isId(String project) { return project.startsWith("prj_"); }

    @Override public Optional<Live> live() throws IOException, InterruptedException {
        var id = live(project());
        return id.isEmpty() ? Optional.empty() : Optional.of(live(id.get()));
    }

    private Live live(String id) throws IOException, InterruptedException {
        var deployment = find(id).orElse(new JsonObject());
        return new Live(id, Api.text(deployment, "meta", "release").orElse(null), Api.text(deployment, "meta", "commit").or(() -> Api.text(deployment, "meta", "githubCommitSha")).orElse(null));
    }

    private static Optional<String> live(JsonObject project) { return Api.text(project, "targets", "production", "id"); }

    /**
     * Takes what a build has left in .vercel/output; of plain pages the application's own command line makes the same, and
     * with it routes of vercel.json's rewrites and headers. It has nothing to install or to build, and gets no token.
     */
    @Override public Path pack(Application application, Path built) throws IOException, InterruptedException {
        var packed = commandLine.folder("packed");
        var output = Stream.of(built, built.getParent()).filter(folder -> folder.endsWith(OUTPUT) && Files.exists(folder.resolve("config.json"))).findFirst();
        if (output.isPresent()) Packed.copy(output.get(), Files.createDirectories(packed.resolve(OUTPUT)));
        else build(application, built, packed);
        for (var trace : List.of("builds.json", "diagnostics")) Packed.remove(packed.resolve(OUTPUT).resolve(trace)); // this machine's paths and times
        refuseWhatIsElsewhere(packed);
        return packed;
    }

    private void build(Application application, Path built, Path packed) throws IOException, InterruptedException {
        var config = config(application);
        for (var key : BUILT_THERE) if (config.has(key)) throw refused("vercel.json has '" + key + "'");
        for (var name : List.of("api", "middleware.js", "middleware.ts")) if (Files.exists(application.folder().resolve(name))) throw refused("there is " + name + " in the application's folder");
        for (var key : List.of("installCommand", "buildCommand")) config.addProperty(key, "");
        for (var key : List.of("framework", "devCommand", "ignoreCommand")) config.add(key, null);
        config.addProperty("outputDirectory", "pages");
        Files.createSymbolicLink(packed.resolve("pages"), built.toAbsolutePath());
        Private.write(packed.resolve("vercel.json"), new GsonBuilder().serializeNulls().create().toJson(config));
        Private.folder(packed.resolve(".vercel"));
        // The command line refuses a folder that is linked to no project, though it asks nobody about it.
        Private.write(packed.resolve(".vercel/project.json"), "{\"projectId\":\"none\",\"orgId\":\"none\",\"settings\":{\"framework\":null}}");
        commandLine.run(application.program("vercel"), List.of("build", "--prod", "--yes"), Map.of(), packed);
        for (var made : List.of("pages", "vercel.json", ".vercel/project.json", ".vercel/README.txt", ".gitignore")) Files.deleteIfExists(packed.resolve(made));
    }

    private static JsonObject config(Application application) throws IOException {
        var file = application.folder().resolve("vercel.json");
        return Files.exists(file) ? json(file) : new JsonObject();
    }

    private static JsonObject json(Path file) throws IOException {
        try {
            return JsonParser.parseString(Files.readString(file)).getAsJsonObject();
        } catch (JsonParseException | IllegalStateException | CharacterCodingException e) {
            throw new Failure.Failed(file + " is no JSON object", "correct it, commit, and deploy again");
        }
    }

    private static Failure refused(String why) {
        return new Failure.Failed("this application is more than pages, and only Vercel's own build can build it: " + why, "have its build script leave " + OUTPUT + " (as \"build\": \"vercel build --prod --standalone\" does), and name it: DEPLOY_OUTPUT=" + OUTPUT + "/static");
    }

    /** A function may name files of the sources, which are not there any more when the artifact is deployed again. */
    private static void refuseWhatIsElsewhere(Path packed) throws IOException {
        try (var all = Files.walk(packed)) {
            for (var file : all.filter(file -> file.endsWith(".vc-config.json") && Files.isRegularFile(file)).toList())
                if (json(file).get("filePathMap") instanceof JsonObject elsewhere && elsewhere.size() > 0)
                    throw new Failure.Failed(packed.relativize(file) + " needs files from outside of " + OUTPUT, "have the build put them there: vercel build --prod --standalone");
        }
    }

    @Override public Path pages(Path packed) { return packed.resolve(OUTPUT).resolve("static"); }

    @Override public Staged stage(Release release, Path packed, Application application) throws IOException, InterruptedException {
        var project = project();
        var before = live(project);
        var root = Api.text(project, "rootDirectory");
        var id = application.isInstalled() ? upload(release, packed, root, application) : new VercelUpload(api, query(), this.project).stage(release, packed, root);
        var deployment = Wait.until(limit, () -> ready(id)).orElseThrow(() -> new Failure.Failed("Vercel has not made " + id + " ready within DEPLOY_LIVE_SECONDS", "look at it in Vercel's dashboard; deploy again"));
        if (!Api.text(deployment, "target").equals(Optional.of("production"))) throw new Failure.Failed("Vercel has taken " + id + " for a preview, which it would build anew", "deploy again, with the newest vercel in the application");
        if (before.isPresent() && live(project()).equals(Optional.of(id))) throw new Failure.Unclear("Vercel has made " + id + " live at once, though it was told not to: nobody has looked at it", "look at the site, and roll back if it is not good; pin the newest vercel in the application");
        return new Staged(id, Api.address(Api.text(deployment, "url").orElseThrow(() -> new Failure.Failed("Vercel gives no address for " + id, "deploy again"))));
    }

    private String upload(Release release, Path packed, Optional<String> root, Application application) throws IOException, InterruptedException {
        // It wants the folder in which Vercel would build, though there is nothing to build.
        if (root.isPresent() && packed.resolve(root.get()).normalize().startsWith(packed)) Files.createDirectories(packed.resolve(root.get()));
        var arguments = new ArrayList<>(List.of("deploy", "--prebuilt", "--prod", "--skip-domain", "--yes", "--json", "--api", api.base().toString()));
        meta(release).forEach((key, value) -> arguments.addAll(List.of("--meta", key + "=" + value)));
        var said = commandLine.run(application.program("vercel"), arguments, Map.of("VERCEL_TOKEN", api.token().reveal(), "VERCEL_ORG_ID", team, "VERCEL_PROJECT_ID", project), packed);
        try {
            var json = JsonParser.parseString(said.substring(Math.max(0, said.indexOf('{'))));
            return Api.text(json, "id").or(() -> Api.text(json, "deployment", "id")).orElseThrow(() -> unnamed(said));
        } catch (JsonParseException e) {
            throw unnamed(said);
        }
    }

    static Map<String, String> meta(Release release) { return new TreeMap<>(Map.of("release", release.id(), "commit", release.commit().sha())); }

    private static Failure unnamed(String said) {
        return new Failure.ToolFailed("vercel deploy ended well and named no deployment: " + Api.plain(said), "pin another version of it in the application, and deploy again");
    }

    private Optional<JsonObject> ready(String id) throws IOException, InterruptedException {
        var deployment = find(id).orElse(new JsonObject()); // one that has just been made may not be known everywhere yet
        var state = Api.text(deployment, "readyState").orElse("");
        if (BROKEN.contains(state))
            throw new Failure.Failed("Vercel has not made " + id + " ready: " + state + Api.text(deployment, "errorMessage").or(() -> Api.text(deployment, "errorCode")).map(said -> ", " + Api.plain(said)).orElse(""), "mend what it says, and deploy again");
        return state.equals("READY") ? Optional.of(deployment) : Optional.empty();
    }

    @Override public Live promote(Release release, Staged staged, Path packed, Application application) throws IOException, InterruptedException {
        point("/v10/projects/" + Api.part(project) + "/promote/", staged.deployment());
        return new Live(staged.deployment(), release.id(), release.commit().sha());
    }

    @Override public boolean hasOrdered() { return api.hasOrdered(); }

    @Override public boolean keeps(String deployment) throws IOException, InterruptedException {
        var found = find(deployment);
        return Api.text(found.orElse(null), "readyState").equals(Optional.of("READY")) && Api.text(found.get(), "target").equals(Optional.of("production"));
    }

    @Override public void rollBack(String deployment) throws IOException, InterruptedException {
        point("/v1/projects/" + Api.part(project) + "/rollback/", deployment);
    }

    /** Has production's domains point to a deployment; the order is taken at once, and carried out, or not, by and by. */
    private void point(String order, String id) throws IOException, InterruptedException {
        var before = project();
        if (isLive(before, id)) return;
        var taken = api.order(order + Api.part(id) + query(), Map.of());
        if (Wait.until(limit, () -> {
            var seen = api.glance(path());
            if (seen.isEmpty()) return seen;
            var project = seen.get();
            // An earlier order's end, for the same deployment even, says nothing of this one.
            var job = project.get("lastAliasRequest");
            if (!Objects.equals(job, before.get("lastAliasRequest"))) refuseBroken(project, id);
            return isLive(project, id) ? Optional.of(project) : Optional.empty();
        }).isPresent()) return;
        throw new Failure.Unclear("Vercel has " + (taken ? "taken the order to make " + id + " live, and has" : "not said whether it makes " + id + " live, and has") + " not done so within DEPLOY_LIVE_SECONDS: " + api.glance(path()).map(Vercel::stillLive).orElse("what is live can't be told"),
            "look at the project's deployments in Vercel's dashboard: when nothing moves there any more, run it again");
    }

    private static boolean isLive(JsonObject project, String id) {
        var moving = Api.text(project, "lastAliasRequest", "toDeploymentId").equals(Optional.of(id)) && UNFINISHED.contains(Api.text(project, "lastAliasRequest", "jobStatus").orElse(""));
        return live(project).equals(Optional.of(id)) && !moving;
    }

    private static void refuseBroken(JsonObject project, String id) {
        var job = project.get("lastAliasRequest");
        var status = Api.text(job, "jobStatus").orElse("");
        if (!Api.text(job, "toDeploymentId").equals(Optional.of(id)) || !List.of("failed", "skipped").contains(status)) return;
        if (live(project).equals(Optional.of(id))) throw new Failure.Unclear("Vercel says both that " + id + " is live and that making it so has " + status, "look at the project's domains in Vercel's dashboard: one of them may lead elsewhere");
        throw new Failure.Failed("Vercel has not made " + id + " live: its order has " + status + "; " + stillLive(project), "see why in the project's deployments in Vercel's dashboard, and run it again");
    }

    private static String stillLive(JsonObject project) { return live(project).map(id -> id + " is still live").orElse("nothing is live"); }

    private JsonObject project() throws IOException, InterruptedException { return api.get(path()); }

    private String path() { return "/v9/projects/" + Api.part(project) + query(); }

    private Optional<JsonObject> find(String deployment) throws IOException, InterruptedException { return api.find("/v13/deployments/" + Api.part(deployment) + query()); }

    /** Requests without it are for the token's own account. */
    private String query() { return team.startsWith("team_") ? "?teamId=" + Api.part(team) : ""; }
}
