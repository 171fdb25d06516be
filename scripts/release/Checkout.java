//SOURCES FreshClone.java
package release;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import ops.Failure;
import ops.Run;
import ops.Tool;
import ops.Workspace;

/** The git checkout of an application: which commit it is at, and fresh copies of it, so that nothing that lies about gets into a build. */
public final class Checkout {
    private static final Duration LIMIT = Duration.ofMinutes(2);
    private static final Pattern OWNED_BY_ANOTHER = Pattern.compile("dubious ownership in repository at '([^']+)'");
    private static final int SHOWN = 3;
    /** Of a subject; a commit without an empty line has all its text for one. */
    private static final int LONGEST_SUBJECT = 200;
    /** Whatever git is told on this machine: hooks would run in a clone, signatures stand where answers are read. */
    private static final List<String> PLAIN = Stream.of("core.hooksPath=/dev/null", "core.fsmonitor=false",
        "log.showSignature=false", "i18n.logOutputEncoding=UTF-8", "tag.gpgSign=false", "tag.forceSignAnnotated=false")
        .flatMap(setting -> Stream.of("-c", setting)).toList();

    private final Run run;
    private final Path top;
    /** The application's folder within it. */
    private final Path inside;

    private Checkout(Run run, Path top, Path inside) {
        this.run = run;
        this.top = top;
        this.inside = inside;
    }

    /** Throws BadSetting when there is no git checkout with an application in the folder. */
    public static Checkout of(Run run, Path folder) throws IOException, InterruptedException {
        if (!Files.isRegularFile(folder.resolve("package.json"))) throw new Failure.BadSetting("there is no package.json in " + folder, "name the application's folder: --app DIR, or DEPLOY_APP in .env.operations");
        try {
            var top = Path.of(git(run, folder, "rev-parse", "--show-toplevel").strip());
            return new Checkout(run, top, top.relativize(folder.toRealPath()));
        } catch (Failure.ToolFailed e) {
            var owned = OWNED_BY_ANOTHER.matcher(e.getMessage());
            var trust = "git config --global --add safe.directory ";
            var what = folder + " is no git checkout that can be read: " + e.getMessage();
            throw new Failure.BadSetting(what, !owned.find()
                ? "deploy from a clone of the application's repository; a release is told by its commit"
                : "run this as its owner; or, if what is in it may run as this user: " + trust + owned.group(1) + "; "
                    + trust + owned.group(1) + "/.git");
        }
    }

    /** The same; empty where there is none, or none that can be read. */
    public static Optional<Checkout> find(Run run, Path folder) throws IOException, InterruptedException {
        try {
            return Optional.of(of(run, folder));
        } catch (Failure.BadSetting e) {
            return Optional.empty();
        }
    }

    static String git(Run run, Path folder, String... arguments) throws IOException, InterruptedException {
        var all = new ArrayList<>(PLAIN);
        all.addAll(List.of("-C", folder.toString()));
        all.addAll(List.of(arguments));
        var environment = new HashMap<>(Map.of("GIT_TERMINAL_PROMPT", "0", "GIT_OPTIONAL_LOCKS", "0"));
        // By it git knows that whoever has become root is the owner.
        var sudo = System.getenv("SUDO_UID");
        if (sudo != null) environment.put("SUDO_UID", sudo);
        return Tool.text(run, Path.of("git"), all, environment, LIMIT);
    }

    private String git(String... arguments) throws IOException, InterruptedException { return git(run, top, arguments); }

    /** The commit that is checked out, or another one. */
    public Release.Commit commit(String which) throws IOException, InterruptedException {
        String[] lines;
        try {
            lines = git("log", "-1", "--format=%H%n%s", "--end-of-options", which + "^{commit}").split("\n", 2);
        } catch (Failure.ToolFailed e) {
            throw new Failure.Failed("the checkout in " + top + " does not have the commit " + which, "get it there: git -C " + top + " fetch");
        }
        var subject = lines.length < 2 ? "" : lines[1].strip().replaceAll("\\p{Cntrl}", " ");
        return new Release.Commit(lines[0], which.equals("HEAD") ? branch() : "", shortened(subject));
    }

    private static String shortened(String subject) {
        var letters = subject.codePoints().limit(LONGEST_SUBJECT + 1).toArray();
        return letters.length <= LONGEST_SUBJECT ? subject : new String(letters, 0, LONGEST_SUBJECT) + "…";
    }

    /** Empty on a detached HEAD. */
    private String branch() throws IOException, InterruptedException { return git("branch", "--show-current").strip(); }

    /** Refuses when something is not committed. */
    public void refuseChanges() throws IOException, InterruptedException {
        var changes = git("status", "--porcelain").lines().toList();
        if (changes.isEmpty()) return;
        throw new Failure.Refused("the checkout in " + top + " has " + (changes.size() == 1 ? "1 change that is not committed: " : changes.size() + " changes that are not committed: ") + String.join(", ", changes.stream().limit(SHOWN).map(String::strip).toList()) + (changes.size() > SHOWN ? " …" : ""),
            "commit them, or put them aside: git stash --include-untracked; or deploy the commit without them: --leave-changes");
    }

    /** The branches at a remote that have the commit, as this checkout knows them: main, not origin/main. */
    public List<String> pushedTo(Release.Commit commit) throws IOException, InterruptedException {
        return git("for-each-ref", "--format=%(refname:lstrip=3)", "--contains", commit.sha(), "refs/remotes").lines().filter(name -> !name.equals("HEAD")).distinct().toList();
    }

    /** Whether the repository has another one to push to. */
    public boolean hasRemote() throws IOException, InterruptedException { return !git("remote").isBlank(); }

    /** The application as it is in a commit, in a clone of its own that borrows this one's objects and goes with the run: nothing stays here, whatever ends it. */
    public Path fresh(Release.Commit commit) throws IOException, InterruptedException {
        var clone = run.undo.act(() -> Workspace.createOnDisk(run)).resolve("site");
        FreshClone.make(run, top, commit.sha(), clone);
        run.name(clone.toRealPath(), top); // as what is started in it names it
        run.name(clone, top);
        return clone.resolve(inside.toString());
    }

    /** Puts a tag on a commit; one of that name stays where it is. */
    public void tag(String name, String sha) throws IOException, InterruptedException { git("tag", name, sha); }
}
