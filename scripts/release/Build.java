//SOURCES Application.java
//DEPS org.semver4j:semver4j:6.0.0
package release;

import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import ops.Failure;
import ops.Run;
import ops.Setting;
import ops.Settings;
import ops.Tool;
import org.semver4j.Semver;

/** Builds an application as its lock file and its own script say, in an environment that names every variable. */
public final class Build {
    private static final Duration LIMIT = Duration.ofMinutes(30);
    private static final List<String> OUTPUTS = List.of("dist", "build", "out", ".output/public", ".vercel/output/static");

    /** How dependencies are installed: exactly those of the lock file, or not at all. */
    private enum Packages {
        NPM("package-lock.json", "npm", "ci", "--no-audit", "--no-fund", "--no-update-notifier", "--prefer-offline"),
        PNPM("pnpm-lock.yaml", "pnpm", "install", "--frozen-lockfile"),
        YARN("yarn.lock", "yarn", "install", "--frozen-lockfile");

        final String lockFile;
        final String program;
        final List<String> install;

        Packages(String lockFile, String program, String... install) {
            this.lockFile = lockFile;
            this.program = program;
            this.install = List.of(install);
        }
    }

    private final Run run;
    private final Settings settings;
    private final Path folder;
    private final JsonObject about;
    private final Packages packages;

    private Build(Run run, Settings settings, Path folder, JsonObject about, Packages packages) {
        this.run = run;
        this.settings = settings;
        this.folder = folder;
        this.about = about;
        this.packages = packages;
    }

    /** Reads what an application says of itself; throws Failed when it can't be built so that two builds are alike. */
    public static Build of(Run run, Settings settings, Path folder) throws IOException {
        JsonObject about;
        try {
            about = JsonParser.parseString(Files.readString(folder.resolve("package.json"))).getAsJsonObject();
        } catch (JsonParseException | IllegalStateException | CharacterCodingException e) {
            throw new Failure.Failed(folder.resolve("package.json") + " is no JSON object", "correct it, commit, and deploy again");
        }
        if (text(about, "scripts", "build").isEmpty()) throw new Failure.Failed("package.json in " + folder + " has no script 'build'", "add one, as \"build\": \"vite build\"");
        var packages = Stream.of(Packages.values()).filter(each -> Files.exists(folder.resolve(each.lockFile))).findFirst()
            .orElseThrow(() -> new Failure.Failed("there is no lock file in " + folder + ", so nobody knows what would be installed", "make one and commit it: npm install"));
        return new Build(run, settings, folder, about, packages);
    }

    private static Optional<String> text(JsonObject in, String outer, String inner) {
        return Optional.ofNullable(in.get(outer)).filter(value -> value.isJsonObject()).map(value -> value.getAsJsonObject().get(inner)).filter(value -> value.isJsonPrimitive()).map(value -> value.getAsString());
    }

    /** Makes sure that Node and the package manager are there, and of the version that the application asks for; says which. */
    public String check() throws IOException, InterruptedException {
        var node = version("node", "apt-get install nodejs npm; or a version manager's: nvm install --lts");
        var wanted = text(about, "engines", "node").orElse("");
        if (!wanted.isEmpty() && !new Semver(node).satisfies(wanted))
            throw new Failure.ToolFailed("Node is " + node + ", and the application asks for " + wanted + " (engines in package.json)", "install one of these, or correct the application");
        return "Node " + node + (wanted.isEmpty() ? "" : ", as " + wanted + " asks for") + ", " + packages.program + " " + version(packages.program, packages == Packages.NPM ? "apt-get install npm" : "corepack enable");
    }

    /** Makes sure that the lock file decides which version of a provider's command line uploads the release. */
    public void requirePinned(String program) {
        for (var kind : List.of("devDependencies", "dependencies")) if (text(about, kind, program).isPresent()) return;
        throw new Failure.ToolFailed("the application does not bring '" + program + "', which uploads it", "pin it there, and commit: npm install --save-dev --save-exact " + program);
    }

    private String version(String program, String install) throws IOException, InterruptedException {
        try {
            return Tool.version(run, Path.of(program)).strip().replaceFirst("^v", "");
        } catch (Failure.ToolFailed e) {
            throw new Failure.ToolFailed(program + " is not installed: " + e.getMessage(), install);
        }
    }

    public String installing() { return packages.program + " " + packages.install.get(0); }

    public void install() throws IOException, InterruptedException { tool(packages.install, Map.of()); }

    /**
     * Runs the application's own build.
     *
     * @return the folder with its pages
     */
    public Path build(Release.Commit commit) throws IOException, InterruptedException {
        tool(List.of("run", "build"), variables(commit));
        var named = settings.get(Setting.DEPLOY_OUTPUT);
        var output = (named.isPresent() ? Stream.of(named.get()) : OUTPUTS.stream()).map(folder::resolve).filter(Files::isDirectory).findFirst();
        if (output.isEmpty() || !output.get().normalize().startsWith(folder))
            throw new Failure.Failed("the build ended well and left no folder " + named.orElse(String.join(", ", OUTPUTS)) + " in the application's", "name the one that it makes: DEPLOY_OUTPUT");
        return output.get().normalize();
    }

    private void tool(List<String> arguments, Map<String, String> more) throws IOException, InterruptedException {
        var environment = new LinkedHashMap<>(Map.of("CI", "1", "NPM_CONFIG_UPDATE_NOTIFIER", "false"));
        environment.putAll(more);
        for (var name : List.of("npm_config_registry", "http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")) if (System.getenv(name) != null) environment.put(name, System.getenv(name));
        try {
            Tool.narrated(run, Path.of(packages.program), arguments, environment, folder, LIMIT);
        } catch (Failure.ToolFailed e) {
            throw new Failure.ToolFailed(packages.program + " " + String.join(" ", arguments.stream().filter(each -> !each.startsWith("-")).toList()) + ": " + e.getMessage(), "see the log for all that it said; mend it where it was written, commit, and deploy again");
        }
    }

    /** Those that the application may show to everybody, those that DEPLOY_BUILD_VARIABLES lists, and which commit it is. */
    private Map<String, String> variables(Release.Commit commit) {
        var variables = settings.forBuilds(settings.list(Setting.DEPLOY_BUILD_VARIABLES));
        variables.put("SITE_RELEASE", commit.sha());
        run.console.detail("the build gets " + String.join(", ", variables.keySet()));
        return variables;
    }
}
