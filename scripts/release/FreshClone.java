package release;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import ops.Failure;
import ops.Run;
import ops.Sha256;

/**
 * All files of a commit in a folder of their own: also those of its submodules and those that Git LFS keeps, which a
 * clone alone leaves out.
 *
 * <p>They come from the checkout that is cloned, and from nowhere else: no address that a commit names is asked. What
 * the checkout does not have is named, and nothing is built without it.
 */
final class FreshClone {
    /** Git LFS's programs are not asked: some machines have none, and some have them do nothing. */
    private static final List<String> WITHOUT_LFS = List.of("-c", "filter.lfs.smudge=", "-c", "filter.lfs.process=",
        "-c", "filter.lfs.required=false");
    private static final String POINTER = "version https://git-lfs.github.com/spec/";
    private static final Pattern CONTENT = Pattern.compile("(?m)^oid sha256:([0-9a-f]{64})$");
    private static final Pattern EXTENDED = Pattern.compile("(?m)^ext-");
    private static final int LONGEST_POINTER = 1024, SHOWN = 3;
    private static final Pattern SUBMODULE = Pattern.compile("160000 commit ([0-9a-f]+)\t(?s:(.*))");

    /** A repository within another one, at one of its commits. */
    private record Submodule(String path, String sha) { }

    private final Run run;
    private final Path source;
    private final String sha;
    private final Path clone;
    /** What git knows of a clone; a submodule's is beside the outermost one's, so that no build copies it. */
    private final Path known;

    private FreshClone(Run run, Path source, String sha, Path clone, Path known) {
        this.run = run;
        this.source = source;
        this.sha = sha;
        this.clone = clone;
        this.known = known;
    }

    /**
     * Makes one that borrows the checkout's objects. Throws Failed when the checkout does not have all of the commit.
     *
     * @param source the top of a checkout
     * @param clone not there yet, or empty
     */
    static void make(Run run, Path source, String sha, Path clone) throws IOException, InterruptedException {
        new FreshClone(run, source, sha, clone, clone.resolve(".git")).make();
    }

    private void make() throws IOException, InterruptedException {
        var cloning = new ArrayList<>(List.of("clone", "--quiet", "--template=", "--shared", "--no-checkout"));
        if (!known.startsWith(clone)) cloning.addAll(List.of("--separate-git-dir", known.toString()));
        cloning.addAll(List.of(source.toString(), clone.toString()));
        git(source, cloning.toArray(String[]::new));
        var checkout = new ArrayList<>(WITHOUT_LFS);
        checkout.addAll(List.of("checkout", "--quiet", "--detach", sha));
        git(clone, checkout.toArray(String[]::new));
        for (var submodule : submodules()) {
            var inside = known.resolve("modules").resolve(submodule.path.replace('/', '+'));
            Files.createDirectories(inside.getParent());
            new FreshClone(run, checkout(submodule), submodule.sha, clone.resolve(submodule.path), inside).make();
        }
        fetchLargeFiles();
        // It says where this clone is: pages that have it would be others in every build.
        if (!known.startsWith(clone)) Files.delete(clone.resolve(".git"));
    }

    private String git(Path folder, String... arguments) throws IOException, InterruptedException {
        return Checkout.git(run, folder, arguments);
    }

    private static List<String> split(String list) {
        return Stream.of(list.split("\0")).filter(each -> !each.isEmpty()).toList();
    }

    /** Those that git itself would get: without the ones that .gitmodules says are not needed. */
    private List<Submodule> submodules() throws IOException, InterruptedException {
        var all = split(git(clone, "ls-tree", "-r", "-z", "HEAD")).stream().map(SUBMODULE::matcher)
            .filter(line -> line.matches()).map(line -> new Submodule(line.group(2), line.group(1))).toList();
        if (all.isEmpty()) return all;
        var said = gitmodules();
        var wanted = new ArrayList<Submodule>();
        for (var submodule : all) {
            var name = said.entrySet().stream().filter(each -> each.getKey().endsWith(".path")
                && each.getValue().replaceFirst("/+$", "").equals(submodule.path)).findFirst();
            if (name.isEmpty()) throw unnamed(submodule);
            var update = name.get().getKey().replaceFirst("path$", "update");
            if (!"none".equals(said.get(update))) wanted.add(submodule);
        }
        return wanted;
    }

    private Map<String, String> gitmodules() throws IOException, InterruptedException {
        if (!Files.isRegularFile(clone.resolve(".gitmodules"), LinkOption.NOFOLLOW_LINKS)) return Map.of();
        return split(git(clone, "config", "--file", ".gitmodules", "--null", "--list")).stream()
            .map(line -> line.split("\n", 2)).filter(line -> line.length == 2 && line[0].startsWith("submodule."))
            .collect(Collectors.toMap(line -> line[0], line -> line[1], (one, later) -> later));
    }

    private static Failure unnamed(Submodule submodule) {
        return new Failure.Failed("the commit has a repository within it, " + submodule.path
            + ", and .gitmodules does not say which: nobody else gets its files",
            "add it as a submodule (git submodule add), or take it out (git rm --cached " + submodule.path
                + "); commit, and deploy again");
    }

    /** Where the checkout has a submodule. */
    private Path checkout(Submodule submodule) throws IOException, InterruptedException {
        var there = source.resolve(submodule.path);
        if (Files.exists(there.resolve(".git")) && has(there, submodule.sha)) return there;
        throw new Failure.Failed("the checkout in " + source + " does not have the submodule " + submodule.path + " at "
            + submodule.sha.substring(0, 12) + ", and nothing is built without it", get("submodule update --init"));
    }

    private boolean has(Path repository, String commit) throws IOException, InterruptedException {
        try {
            git(repository, "cat-file", "-e", commit + "^{commit}");
            return true;
        } catch (Failure.ToolFailed e) {
            return false;
        }
    }

    /** A command that gets what is missing; it is got for what is checked out. */
    private String get(String command) throws IOException, InterruptedException {
        var git = "git -C " + source + " ";
        var there = git(source, "rev-parse", "HEAD").strip().equals(sha);
        return (there ? "" : git + "checkout " + sha.substring(0, 12) + "; ") + git + command + "; then run it again";
    }

    /** Puts the contents in the place of the pointers that git keeps instead of them. */
    private void fetchLargeFiles() throws IOException, InterruptedException {
        var missing = new ArrayList<String>();
        var kept = largeFiles();
        for (var name : split(git(clone, "ls-files", "-z", ":(attr:filter=lfs)"))) {
            var file = clone.resolve(name);
            if (!Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS) || Files.size(file) > LONGEST_POINTER) continue;
            var text = Files.readString(file, StandardCharsets.ISO_8859_1);
            if (text.startsWith(POINTER) && !fetch(kept, text, file)) missing.add(name);
        }
        if (missing.isEmpty()) return;
        var some = missing.stream().limit(SHOWN).collect(Collectors.joining(", "))
            + (missing.size() > SHOWN ? " …" : "");
        throw new Failure.Failed("the checkout in " + source + " does not have what Git LFS keeps of " + some
            + " (" + missing.size() + " in all), and nothing is built of pointers", get("lfs pull"));
    }

    /** Whether the checkout has the very content that a pointer names. */
    private static boolean fetch(Path kept, String pointer, Path file) throws IOException {
        var named = CONTENT.matcher(pointer);
        if (!named.find() || EXTENDED.matcher(pointer).find()) return false;
        var hash = named.group(1);
        var content = kept.resolve(hash.substring(0, 2)).resolve(hash.substring(2, 4)).resolve(hash);
        if (!Files.isRegularFile(content)) return false;
        var executable = Files.isExecutable(file);
        try (var in = new Sha256.Reader(Files.newInputStream(content))) {
            Files.copy(in, file, StandardCopyOption.REPLACE_EXISTING);
            if (executable) file.toFile().setExecutable(true);
            return in.hex().equals(hash);
        }
    }

    /** Where Git LFS keeps them, unless it is told otherwise. */
    private Path largeFiles() throws IOException, InterruptedException {
        var git = source.resolve(git(source, "rev-parse", "--git-common-dir").strip());
        var told = git(source, "config", "--default", "lfs", "--type", "path", "--get", "lfs.storage").strip();
        return git.resolve(told).resolve("objects");
    }
}
