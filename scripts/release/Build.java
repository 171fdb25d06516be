//SOURCES Application.java
//SOURCES DotEnv.java
//SOURCES PackageManager.java
//SOURCES WayOut.java
//DEPS org.semver4j:semver4j:6.0.0
package release;

import com.google.gson.JsonObject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import ops.Failure;
import ops.Run;
import ops.Secret;
import ops.Setting;
import ops.Settings;
import ops.Tool;
import org.semver4j.Semver;
import org.semver4j.SemverException;
import org.semver4j.range.RangeListFactory;

/** Builds an application as its lock file and its own script say, in an environment that names every variable. */
public final class Build {
    private static final Duration LIMIT = Duration.ofMinutes(30);
    private static final int DEEPEST = 4;
    private static final List<String> OUTPUTS = List.of("dist", "build", "out", ".output/public", ".vercel/output/static");

    private final Run run;
    private final Settings settings;
    private final Application application;
    private final JsonObject about;
    private final PackageManager packages;
    /** Where the lock file is: with the application, or at the root of the workspaces that it is one of. */
    private final Path locked;

    private Build(Run run, Settings settings, Application application, JsonObject about, PackageManager packages,
        Path locked) {
        this.run = run;
        this.settings = settings;
        this.application = application;
        this.about = about;
        this.packages = packages;
        this.locked = locked;
    }

    /** Reads what an application says of itself; throws Failed when it can't be built so that two builds are alike. */
    public static Build of(Run run, Settings settings, Application application) throws IOException {
        var file = application.folder().resolve(Application.ABOUT);
        if (!Files.isRegularFile(file))
            throw new Failure.Failed("the commit has no " + file, "commit it, and deploy again");
        var about = Application.about(file);
        if (Application.text(about, "scripts", "build").isEmpty())
            throw new Failure.Failed(file + " has no script 'build'", "add one, as \"build\": \"vite build\"");
        for (var folder : application.upwards()) {
            if (!folder.equals(application.folder()) && !isRootOfWorkspaces(folder)) continue;
            var packages = PackageManager.in(folder, packageManager(about, folder));
            if (packages.isPresent())
                return new Build(run, settings, application, about, packages.get(), folder);
        }
        throw new Failure.Failed("there is no lock file in " + application.folder() + ", so nobody knows what would be installed",
            "make one and commit it: npm install");
    }

    /** As the application names it, or the root of its workspaces; empty when neither does. */
    private static String packageManager(JsonObject about, Path root) throws IOException {
        var named = Application.text(about, "packageManager");
        var file = root.resolve(Application.ABOUT);
        if (named.isPresent() || !Files.isRegularFile(file)) return named.orElse("");
        return Application.text(Application.about(file), "packageManager").orElse("");
    }

    private static boolean isRootOfWorkspaces(Path folder) throws IOException {
        var file = folder.resolve(Application.ABOUT);
        return Files.exists(folder.resolve("pnpm-workspace.yaml"))
            || Files.isRegularFile(file) && Application.about(file).has("workspaces");
    }

    /** Makes sure that Node and the package manager are there, and of the version that the application asks for; says which. */
    public String check() throws IOException, InterruptedException {
        var found = new ArrayList<String>();
        if (packages != PackageManager.BUN || Tool.isOnPath("node")) found.add("Node " + checkedNode());
        found.add(packages.program + " " + version(packages.program, packages.installation(packageManager(about, locked))));
        return String.join(", ", found);
    }

    private String checkedNode() throws IOException, InterruptedException {
        var node = node();
        var wanted = Application.text(about, "engines", "node").orElse("");
        if (wanted.isEmpty()) return node;
        var suits = suits(node, wanted);
        if (suits.isEmpty()) {
            run.console.warn("engines in package.json asks for Node " + wanted + ", which is no range of versions: it was not compared with " + node);
            return node;
        }
        if (!suits.get())
            throw new Failure.ToolFailed("Node is " + node + ", and the application asks for " + wanted + " (engines in package.json)", "install one of these, or correct the application");
        return node + ", as " + wanted + " asks for";
    }

    /** Empty when it can't be told: lts/*, say, is known to version managers alone. */
    private static Optional<Boolean> suits(String node, String wanted) {
        try {
            var range = RangeListFactory.create(wanted);
            return range.toString().isBlank() ? Optional.empty() : Optional.of(new Semver(node).satisfies(range));
        } catch (SemverException | NumberFormatException e) {
            return Optional.empty();
        }
    }

    private String node() throws IOException, InterruptedException {
        return version("node", "apt-get install nodejs npm; or a version manager's: nvm install --lts");
    }

    /** Makes sure that the lock file decides which version of a provider's command line uploads the release. */
    public void requirePinned(String program) throws IOException {
        var root = locked.resolve(Application.ABOUT);
        var abouts = Files.isRegularFile(root) ? List.of(about, Application.about(root))
            : List.of(about);
        for (var kind : List.of("devDependencies", "dependencies"))
            for (var each : abouts) if (Application.text(each, kind, program).isPresent()) return;
        throw Application.notPinned(program);
    }

    private String version(String program, String install) throws IOException, InterruptedException {
        try {
            return Tool.version(run, Path.of(program)).strip().replaceFirst("^v", "");
        } catch (Failure.ToolFailed e) {
            throw new Failure.ToolFailed(program + " is not installed: " + e.getMessage(), install);
        }
    }

    public String installing() { return packages.program + " " + packages.install.get(0); }

    /**
     * Installs the dependencies, and makes sure that what uploads the release runs with this Node: before the build,
     * which may take long.
     *
     * @param uploads the provider's command line; empty when there is none
     */
    public void install(Optional<String> uploads) throws IOException, InterruptedException {
        tool(locked, packages.install, given());
        if (uploads.isPresent()) requireRunnable(uploads.get());
    }

    private void requireRunnable(String program) throws IOException, InterruptedException {
        for (var folder : application.upwards()) {
            var file = folder.resolve("node_modules").resolve(program).resolve(Application.ABOUT);
            if (!Files.isRegularFile(file)) continue;
            var theirs = Application.about(file);
            var wanted = Application.text(theirs, "engines", "node").orElse("*");
            var node = node();
            if (!suits(node, wanted).orElse(true))
                throw new Failure.ToolFailed("Node is " + node + ", and " + program + " "
                    + Application.text(theirs, "version").orElse("") + " of the application, which uploads it, asks for "
                    + wanted,
                    "install such a Node, or pin another version of " + program + " in the application");
            return;
        }
    }

    /**
     * Runs the application's own build.
     *
     * @return the folder with its pages
     */
    public Path build(Release.Commit commit) throws IOException, InterruptedException {
        var begun = FileTime.from(Instant.now());
        tool(application.folder(), List.of("run", "build"), variables(commit));
        var set = settings.get(Setting.DEPLOY_OUTPUT);
        var output = (set.isPresent() ? Stream.of(set.get()) : OUTPUTS.stream()).map(application.folder()::resolve)
            .filter(Files::isDirectory).findFirst();
        // A link, as Nuxt's dist, is what it leads to.
        if (output.isPresent() && output.get().toRealPath().startsWith(top().toRealPath()))
            return Contents.servable(output.get().toRealPath());
        var pages = pagesSince(begun);
        throw new Failure.Failed("the build ended well and left no folder " + set.orElse(String.join(", ", OUTPUTS))
            + " in the application's" + pages.map(folder -> "; there are pages in " + folder).orElse(""),
            "name the one that it makes: DEPLOY_OUTPUT" + pages.map(folder -> "=" + folder).orElse(""));
    }

    /** A folder below the application's in which the build has made a first page; empty when there is none. */
    private Optional<Path> pagesSince(FileTime begun) throws IOException {
        try (var made = Files.find(application.folder(), DEEPEST, (file, about) -> file.endsWith(Contents.INDEX)
            && about.lastModifiedTime().compareTo(begun) > 0 && !file.toString().contains("node_modules"))) {
            return made.map(Path::getParent).filter(folder -> !folder.equals(application.folder()))
                .map(application.folder()::relativize).min(Comparator.comparing(Path::getNameCount));
        }
    }

    private Path top() {
        var all = application.upwards();
        return all.get(all.size() - 1);
    }

    /** Makes sure that the commit brings no address by which a command that is rehearsed would reach an environment. */
    public void refuseAddresses() throws IOException { DotEnv.refuseAddresses(application.upwards(), settings); }

    /**
     * Runs a command of the application's own in its folder, with the address of a database as DATABASE_URL, and
     * nothing else of the settings: another address there would be a database that it is not meant to reach. What is
     * not installed is not fetched for it.
     *
     * @throws Failure.ToolFailed with its last words, unless it has ended with exit code 0 in half an hour
     */
    public void migrate(List<String> command, Secret database) throws IOException, InterruptedException {
        var variables = environment(Map.of("NPM_CONFIG_YES", "false", "DATABASE_URL", database.reveal()));
        var program = command.get(0).contains("/") ? application.folder().resolve(command.get(0))
            : Path.of(command.get(0));
        Tool.build(run, program, command.subList(1, command.size()), variables, application.folder(), LIMIT,
            PackageManager.complaints());
    }

    private static Map<String, String> environment(Map<String, String> more) {
        var environment = new LinkedHashMap<>(Map.of("CI", "1", "NPM_CONFIG_UPDATE_NOTIFIER", "false"));
        environment.putAll(WayOut.variables());
        environment.putAll(more);
        return environment;
    }

    private void tool(Path folder, List<String> arguments, Map<String, String> more) throws IOException, InterruptedException {
        var environment = environment(more);
        try {
            Tool.build(run, Path.of(packages.program), arguments, environment, folder, LIMIT, PackageManager.complaints());
        } catch (Failure.ToolFailed e) {
            throw new Failure.ToolFailed(packages.program + " " + String.join(" ", arguments.stream().filter(each -> !each.startsWith("-")).toList()) + ": " + e.getMessage(),
                "see the log for all that it said; mend it in " + application.folder() + ", commit, and deploy again");
        }
    }

    /** Those that the application may show to everybody, and those that DEPLOY_BUILD_VARIABLES lists. */
    private Map<String, String> given() {
        var variables = settings.forBuilds(settings.list(Setting.DEPLOY_BUILD_VARIABLES));
        // What a build prints is told and recorded.
        for (var secret : settings.secrets().values())
            if (variables.values().stream().anyMatch(value -> value.contains(secret))) Secret.hide(secret);
        return variables;
    }

    /** The same, and which commit it is. */
    private Map<String, String> variables(Release.Commit commit) {
        var variables = given();
        variables.put("SITE_RELEASE", commit.sha());
        run.console.detail("the build gets " + String.join(", ", variables.keySet()));
        return variables;
    }
}
