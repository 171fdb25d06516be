package local;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.regex.Pattern;
import ops.Failure;
import ops.Home;
import ops.Ops;
import ops.Private;
import ops.Run;
import ops.Sha256;
import ops.Tool;

/**
 * The sample site as npm builds it from tests/sample-site, kept until its sources or the release are others.
 *
 * @param folder whole: it is built under another name
 * @param release the checkout's commit, which every page carries
 */
public record SiteBuild(Path folder, String release) {
    private static final String SOURCES = "tests/sample-site";
    /** What a developer's own npm leaves among the sources. */
    private static final Set<String> MADE = Set.of("node_modules", "dist");
    /** The first line that says what is wrong, of npm or of Vite. */
    private static final Pattern COMPLAINT = Pattern.compile("^(npm (error|ERR!) (?!code |syscall |errno |engine )|\\[[A-Z_]+]|\\w*Error: )");
    private static final Duration LIMIT = Duration.ofMinutes(2);

    /**
     * Builds it, or finds it built.
     *
     * @param kept its own folder, in which only the last build stays
     * @throws Failure when there are no sources, no npm, or npm fails
     */
    public static SiteBuild in(Path kept, Run run) throws IOException, InterruptedException {
        var sources = Home.dir().resolve(SOURCES);
        if (!Files.isDirectory(sources)) throw new Failure.Failed("there is no " + SOURCES, "take the whole checkout");
        var commit = Ops.commit(run);
        var release = commit.isEmpty() ? "sample" : commit;
        var files = files(sources);
        var built = kept.resolve(digest(sources, files, release));
        if (!Files.exists(built)) build(sources, files, built, release, run);
        return new SiteBuild(built, release);
    }

    private static List<Path> files(Path sources) throws IOException {
        try (var all = Files.walk(sources)) {
            return all.map(sources::relativize).filter(file -> Files.isRegularFile(sources.resolve(file)) && !MADE.contains(file.getName(0).toString())).sorted().toList();
        }
    }

    private static String digest(Path sources, List<Path> files, String release) throws IOException {
        var digest = Sha256.digest();
        for (var file : files) {
            var content = Files.readAllBytes(sources.resolve(file));
            digest.update((file + "\0" + content.length + "\0").getBytes(StandardCharsets.UTF_8));
            digest.update(content);
        }
        digest.update(release.getBytes(StandardCharsets.UTF_8));
        return Sha256.hex(digest.digest());
    }

    private static void build(Path sources, List<Path> files, Path built, String release, Run run) throws IOException, InterruptedException {
        if (!Tool.isOnPath("npm"))
            throw new Failure.ToolFailed("npm is not installed", "apt-get install npm");
        var kept = Private.folder(built.getParent());
        clear(kept);
        var work = Files.createTempDirectory(kept, "building-");
        var forget = run.undo.add("remove " + work, () -> Private.remove(work));
        try {
            run.undo.act(() -> copy(sources, files, work));     // what is written after a clean-up would stay
            npm(run, work, release, "ci", "--ignore-scripts", "--engine-strict", "--no-audit", "--no-fund", "--no-update-notifier", "--fetch-retry-mintimeout=1000");
            npm(run, work, release, "run", "build");
            run.undo.act(() -> Files.move(work.resolve("dist"), built, StandardCopyOption.ATOMIC_MOVE));
        } finally {
            run.undo.act(() -> { Private.remove(work); forget.run(); return work; });
        }
    }

    /** Removes earlier builds. */
    private static void clear(Path kept) throws IOException {
        try (var all = Files.list(kept)) {
            for (var path : all.toList()) {
                try {
                    Private.remove(path);
                } catch (IOException | UncheckedIOException e) {
                    // the npm of a run that was killed is still at it; the next build removes it
                }
            }
        }
    }

    private static Path copy(Path sources, List<Path> files, Path to) throws IOException {
        for (var file : files) {
            Files.createDirectories(to.resolve(file).getParent());
            Files.copy(sources.resolve(file), to.resolve(file));
        }
        return to;
    }

    private static void npm(Run run, Path work, String release, String... verb) throws IOException, InterruptedException {
        var environment = new TreeMap<>(Map.of("SITE_RELEASE", release));      // and how to reach the registry
        System.getenv().forEach((name, value) -> { if (name.matches("(?i)(https?|no)_proxy|node_extra_ca_certs|npm_config_.*")) environment.put(name, value); });
        var log = work.resolveSibling("npm.log");
        try {
            Tool.logged(run, Path.of("npm"), List.of(verb), environment, work, log, LIMIT);
        } catch (Failure.ToolFailed e) {
            var said = Files.readString(log).replaceAll("\033\\[[0-9;]*m", "").lines().filter(line -> COMPLAINT.matcher(line).find()).findFirst();
            throw new Failure.ToolFailed(e.getMessage().replaceFirst("^npm", "npm " + String.join(" ", verb).replaceFirst(" --.*", "")) + said.map(": "::concat).orElse("") + ", see " + log, "mend what it says, then start again");
        }
    }
}
