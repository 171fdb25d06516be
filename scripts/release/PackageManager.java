package release;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.function.Predicate;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** How dependencies are installed: exactly those of the lock file, or not at all. */
enum PackageManager {
    NPM(List.of("package-lock.json", "npm-shrinkwrap.json"), "ci", "--no-audit", "--no-fund", "--no-update-notifier",
        "--prefer-offline"),
    PNPM(List.of("pnpm-lock.yaml"), "install", "--frozen-lockfile"),
    YARN(List.of("yarn.lock"), "install", "--frozen-lockfile"),
    BUN(List.of("bun.lock", "bun.lockb"), "install", "--frozen-lockfile");

    /** What says nothing of what is wrong. */
    private static final Pattern NOISE = Pattern.compile("npm (error|ERR!)( (Lifecycle script |A complete log |path |"
        + "workspace |location |command ).*)?");
    private static final Pattern USAGE = Pattern.compile("npm (error|ERR!) (Clean install a project|Usage:.*)");

    private final List<String> lockFiles;
    final String program;
    final List<String> install;

    PackageManager(List<String> lockFiles, String... install) {
        this.lockFiles = lockFiles;
        program = name().toLowerCase(java.util.Locale.ROOT);
        this.install = List.of(install);
    }

    /**
     * The one whose lock file a folder has.
     *
     * @param named as package.json names it, pnpm@10.20.0 say: of several it is this one; may be empty
     */
    static Optional<PackageManager> in(Path folder, String named) {
        return Stream.of(values())
            .filter(each -> each.lockFiles.stream().anyMatch(file -> Files.exists(folder.resolve(file))))
            .min(Comparator.comparing(each -> !named.startsWith(each.program + "@")));
    }

    /** How to get it, of the version that package.json names. */
    String installation(String named) {
        var version = named.startsWith(program + "@") ? named.substring(program.length()).replaceFirst("\\+.*", "") : "";
        if (this == NPM) return "apt-get install npm";
        if (this == YARN && version.matches("@[2-9].*")) return "npm install --global corepack; corepack enable";
        return "npm install --global " + program + version;
    }

    /** Of what it says, one line after another, those that tell why it has failed: without pages of its options. */
    static Predicate<String> complaints() {
        return new Predicate<>() {
            private boolean usage;

            @Override public boolean test(String line) {
                usage = usage || USAGE.matcher(line.strip()).matches();
                return !usage && !NOISE.matcher(line.strip()).matches();
            }
        };
    }
}
