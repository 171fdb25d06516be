package release;

import java.io.IOException;
import java.net.InetAddress;
import java.net.NetworkInterface;
import java.net.UnknownHostException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Predicate;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import ops.Amount;
import ops.Failure;
import ops.Run;
import ops.Setting;
import ops.Settings;
import ops.Tool;

/**
 * A folder that a web server serves from: {@code releases/ID} for each release, and {@code current}, a link to the live one,
 * switched by one rename. Here, or on another machine by ssh and rsync.
 */
public final class Directory implements Provider {
    private static final Pattern REMOTE = Pattern.compile("([A-Za-z0-9._-]+@)?[A-Za-z0-9.-]+:(/[A-Za-z0-9/._-]+)");
    private static final String RELEASES = "releases", CURRENT = "current", COMING = ".coming-";
    /** A path that no shell reads anything into. */
    private static final Pattern PLAIN = Pattern.compile("[A-Za-z0-9/._][A-Za-z0-9/._-]*");
    private static final String ID = "[0-9TZ]{16}-[0-9a-f]{6}";
    /** What was on its way in or out when a run was killed. */
    private static final Pattern LEFT = Pattern.compile("\\.coming-.*|" + ID + "\\.[0-9]+");

    /** What is done to the folder, by the names of releases alone. */
    private interface Folder {
        /** Makes sure that it can be written to; it may not be there yet, and stays so. */
        void reach() throws IOException, InterruptedException;

        void make() throws IOException, InterruptedException;

        /** Its paths, as it is set and as it is called without links. */
        List<Path> tops() throws IOException;

        /** Where the link leads to, as it stands there; empty when there is no link yet. */
        String current() throws IOException, InterruptedException;

        /** Whether a link to there would lead to a folder. */
        boolean leadsToFolder(String target) throws IOException, InterruptedException;

        List<String> releases() throws IOException, InterruptedException;

        void copy(Path from, String to) throws IOException, InterruptedException;

        void rename(String from, String to) throws IOException, InterruptedException;

        void remove(String release) throws IOException, InterruptedException;

        /** Has the link lead there, at once. */
        void link(String target) throws IOException, InterruptedException;

        FolderIdentity identity() throws IOException, InterruptedException;
    }

    private final Run run;
    private final String where;
    private final int keep;
    private final Folder folder;

    public Directory(Run run, Settings settings) {
        this.run = run;
        where = settings.requireOwn(Setting.DEPLOY_DIRECTORY);
        keep = settings.number(Setting.DEPLOY_KEEP);
        folder = folder(run, settings, where);
    }

    private static Folder folder(Run run, Settings settings, String where) {
        var remote = REMOTE.matcher(where);
        if (remote.matches()) return new Remote(run, where.substring(0, where.indexOf(':')), remote.group(2));
        try {
            if (Path.of(where).isAbsolute()) return new Local(Path.of(where));
        } catch (InvalidPathException e) {
            // said below
        }
        throw new Failure.BadSetting("DEPLOY_DIRECTORY is neither an absolute folder nor USER@HOST:/folder",
            settings.where(Setting.DEPLOY_DIRECTORY) + "; begin it with a slash, as /srv/site");
    }

    @Override public String name() { return "directory"; }

    @Override public String reach() throws IOException, InterruptedException {
        folder.reach();
        return where + ", " + Amount.count(folder.releases().size(), "release");
    }

    @Override public Optional<String> sharedWith(Settings other) throws IOException, InterruptedException {
        var theirs = other.get(Setting.DEPLOY_DIRECTORY);
        if (theirs.isEmpty()) return Optional.empty();
        return folder.identity().sharedWith(folder(run, other, theirs.get()).identity()).map(how -> how + ": " + where + " and " + theirs.get());
    }

    @Override public Optional<Live> live() throws IOException, InterruptedException {
        var current = folder.current();
        if (current.isEmpty()) return Optional.empty();
        var release = release(current);
        var ours = release.filter(name -> name.matches(ID));
        return Optional.of(new Live(release.orElse(current), ours.orElse(null), null));
    }

    /** A person who has set the link may have named a release by its whole path, or with a slash behind it. */
    private Optional<String> release(String link) throws IOException {
        for (var top : folder.tops()) {
            var to = top.resolve(link).normalize();
            if (top.resolve(RELEASES).normalize().equals(to.getParent()))
                return Optional.of(to.getFileName().toString());
        }
        return Optional.empty();
    }

    @Override public Path pack(Application application, Path built) { return built; }

    /** Under another name until it is whole; what killed runs left goes first. */
    @Override public Staged stage(Release release, Path packed, Application application) throws IOException, InterruptedException {
        folder.make();
        for (var name : folder.releases()) if (LEFT.matcher(name).matches()) folder.remove(name);
        if (!folder.releases().contains(release.id())) {
            var coming = COMING + release.id();
            try {
                folder.copy(packed, coming);
            } catch (Failure | IOException e) {
                discard(coming); // on a full disk others need its room
                throw e;
            }
            folder.rename(coming, release.id());
        }
        return new Staged(release.id(), null);
    }

    private void discard(String coming) throws InterruptedException {
        try {
            folder.remove(coming);
        } catch (Failure | IOException e) {
            run.console.warn("what was copied in part stays until the next deploy, " + where + "/" + RELEASES + "/"
                + coming + ": " + e.getMessage());
        }
    }

    @Override public Live promote(Release release, Staged staged, Path packed, Application application) throws IOException, InterruptedException {
        rollBack(staged.deployment());
        return new Live(release.id(), release.id(), release.commit().sha());
    }

    /** DEPLOY_KEEP of them stay: the needed ones first, then the good ones, then what was only staged. */
    @Override public void tidy(List<String> needed, List<String> good) throws IOException, InterruptedException {
        var there = folder.releases().stream().filter(name -> name.matches(ID))
            .sorted(Comparator.reverseOrder()).toList();
        var stay = new LinkedHashSet<>(needed);
        live().map(Live::deployment).ifPresent(stay::add);
        stay.retainAll(there);
        var certain = stay.size();
        stay.addAll(good);
        stay.addAll(there);
        stay.retainAll(there);
        for (var name : stay.stream().skip(Math.max(certain, keep)).toList()) folder.remove(name);
    }

    @Override public boolean keeps(String deployment) throws IOException, InterruptedException { return deployment.matches(ID) && folder.releases().contains(deployment); }

    @Override public void rollBack(String deployment) throws IOException, InterruptedException {
        if (folder.releases().contains(deployment)) folder.link(RELEASES + "/" + deployment);
        // What was live before the kit's first release lies elsewhere.
        else if (!deployment.matches(ID) && folder.leadsToFolder(deployment)) folder.link(deployment);
        else throw new Failure.Failed(where + " has no release " + deployment + " any more",
            "see what there is: ls " + where + "/" + RELEASES);
        var live = live().map(Live::deployment).orElse("nothing");
        if (!live.equals(deployment)) throw new Failure.Unclear(where + "/current leads to " + live + ", and not to " + deployment, "look at it: ls -l " + where + "/current; does anything else change it?");
    }

    /** The name of a link before it takes the place of the one that is there. */
    private static String fresh(String target) { return "." + CURRENT + "-" + target.replaceAll("^.*/", ""); }

    private static Failure noLink(String current) {
        return new Failure.BadSetting(current + " is no link, so what is live can't be switched",
            "move it away, and have the web server serve " + current + " once the first deploy has made it");
    }

    /** On this machine. */
    private static final class Local implements Folder {
        private final Path top;
        private final Path releases;

        Local(Path top) {
            this.top = top;
            releases = top.resolve(RELEASES);
        }

        @Override public void reach() {
            var there = releases;
            while (!Files.exists(there)) there = there.getParent();
            if (!Files.isWritable(there) || Files.exists(top) && !Files.isWritable(top)) throw new Failure.BadSetting(there + " can't be written to", "let this user own it, or run this as its owner: ls -ld " + there);
        }

        /** The web server is another user, and the umask of whoever deploys may keep it out. */
        @Override public void make() throws IOException {
            var missing = Stream.iterate(releases, Path::getParent).takeWhile(each -> !Files.exists(each)).toList();
            Files.createDirectories(releases);
            for (var made : missing) open(made, "rwxr-xr-x");
        }

        @Override public List<Path> tops() throws IOException {
            return Files.exists(top) ? List.of(top, top.toRealPath()) : List.of(top);
        }

        @Override public String current() throws IOException {
            var link = top.resolve(CURRENT);
            if (Files.isSymbolicLink(link)) return Files.readSymbolicLink(link).toString();
            if (Files.exists(link, LinkOption.NOFOLLOW_LINKS)) throw noLink(link.toString());
            return "";
        }

        @Override public boolean leadsToFolder(String target) { return Files.isDirectory(top.resolve(target)); }

        @Override public List<String> releases() throws IOException {
            try (var all = Files.list(releases)) {
                return all.map(path -> path.getFileName().toString()).toList();
            } catch (NoSuchFileException e) {
                return List.of();
            }
        }

        @Override public void copy(Path from, String to) throws IOException {
            try (var all = Files.walk(from)) {
                for (var path : all.toList()) {
                    var copy = releases.resolve(to).resolve(from.relativize(path).toString());
                    if (Files.isDirectory(path, LinkOption.NOFOLLOW_LINKS)) open(Files.createDirectory(copy), "rwxr-xr-x");
                    else {
                        Files.copy(path, copy, LinkOption.NOFOLLOW_LINKS);
                        if (!Files.isSymbolicLink(copy)) open(copy, "rw-r--r--"); // the web server is another user
                    }
                }
            }
        }

        private static void open(Path path, String rights) throws IOException { Files.setPosixFilePermissions(path, PosixFilePermissions.fromString(rights)); }

        @Override public void rename(String from, String to) throws IOException { Files.move(releases.resolve(from), releases.resolve(to), StandardCopyOption.ATOMIC_MOVE); }

        @Override public void remove(String release) throws IOException { ops.Private.remove(releases.resolve(release)); }

        @Override public FolderIdentity identity() throws IOException { return FolderIdentity.here(top); }

        @Override public void link(String target) throws IOException {
            var fresh = top.resolve(fresh(target));
            Files.deleteIfExists(fresh);
            Files.createSymbolicLink(fresh, Path.of(target));
            Files.move(fresh, top.resolve(CURRENT), StandardCopyOption.ATOMIC_MOVE);
        }
    }

    /** On another machine, with GNU's tools. Its shell reads what ssh is given: names are such that it has nothing to read into them. */
    private static final class Remote implements Folder {
        private static final Duration LIMIT = Duration.ofMinutes(1), COPY_LIMIT = Duration.ofMinutes(30);
        private static final int ATTEMPTS = 3;
        private static final Duration PAUSE = Duration.ofMillis(500);
        /** ssh's own exit code, of its connection; but for what no other try makes better. */
        private static final Predicate<String> LOST = Pattern.compile("ssh failed \\(exit 255\\)"
            + "(?!(?s:.*)(Permission denied|Host key verification failed))").asPredicate();
        private static final List<String> SSH = List.of("-o", "BatchMode=yes", "-o", "ConnectTimeout=15", "-o", "ServerAliveInterval=15");

        private final Run run;
        private final String host;
        private final String top;

        Remote(Run run, String host, String top) {
            this.run = run;
            this.host = host;
            this.top = top;
        }

        /**
         * Every command may be run twice, and is the same then: a connection that breaks, or its answer lost, must not
         * leave a site that does not work.
         */
        private String ssh(String... words) throws IOException, InterruptedException {
            for (var attempt = 1; ; attempt++) {
                try {
                    return once(words);
                } catch (Failure.ToolFailed e) {
                    if (attempt == ATTEMPTS || !LOST.test(e.getMessage())) throw e;
                    run.console.say(e.getMessage() + ": trying again (" + (attempt + 1) + " of " + ATTEMPTS + ")");
                    Thread.sleep(PAUSE.multipliedBy(attempt).toMillis());
                }
            }
        }

        private String once(String... words) throws IOException, InterruptedException {
            var all = new ArrayList<>(SSH);
            all.add(host);
            all.add("--");
            all.addAll(List.of(words));
            try {
                return Tool.text(run, Path.of("ssh"), all, environment(), LIMIT);
            } catch (Failure.ToolFailed e) {
                throw new Failure.ToolFailed(host + ": " + e.getMessage(), "try it by hand: ssh " + host + " " + String.join(" ", words));
            }
        }

        /** ssh finds its keys through these. */
        private static Map<String, String> environment() { return Stream.of("SSH_AUTH_SOCK", "USER", "LOGNAME").filter(name -> System.getenv(name) != null).collect(Collectors.toMap(name -> name, System::getenv)); }

        @Override public void reach() throws IOException, InterruptedException { ssh("true"); }

        @Override public void make() throws IOException, InterruptedException {
            ssh("umask", "022", "&&", "mkdir", "-p", top + "/" + RELEASES);
        }

        @Override public List<Path> tops() { return List.of(Path.of(top)); }

        /** -H: the folder itself may be a link, to a larger disk say. */
        @Override public String current() throws IOException, InterruptedException {
            var found = ssh("test", "!", "-d", top, "||", "find", "-H", top, "-maxdepth", "1", "-name", CURRENT,
                "-printf", "%y%l").strip();
            if (!found.isEmpty() && !found.startsWith("l")) throw noLink(top + "/" + CURRENT);
            return found.replaceFirst("^l", "");
        }

        @Override public List<String> releases() throws IOException, InterruptedException {
            var releases = top + "/" + RELEASES;
            return ssh("test", "!", "-d", releases, "||", "find", "-H", releases, "-mindepth", "1", "-maxdepth", "1",
                "-printf", "%f\\\\n").lines().toList();
        }

        @Override public boolean leadsToFolder(String target) throws IOException, InterruptedException {
            if (!PLAIN.matcher(target).matches()) return false; // the shell there would read something into it
            var folder = target.startsWith("/") ? target : top + "/" + target;
            return ssh("test", "!", "-d", folder, "||", "echo", "yes").startsWith("yes");
        }

        @Override public void copy(Path from, String to) throws IOException, InterruptedException {
            Tool.narrated(run, Path.of("rsync"), List.of("--archive", "--chmod=D755,F644", "--no-owner", "--no-group", "--timeout=60", "--rsh=ssh " + String.join(" ", SSH),
                from + "/", host + ":" + top + "/" + RELEASES + "/" + to + "/"), environment(), from, COPY_LIMIT);
        }

        @Override public void rename(String from, String to) throws IOException, InterruptedException {
            ssh("test", "!", "-e", path(from), "||", "mv", "-T", path(from), path(to));
        }

        /** Under another name first: what is half gone must be nothing to go back to. */
        @Override public void remove(String release) throws IOException, InterruptedException {
            var going = LEFT.matcher(release).matches() ? release : release + "." + System.nanoTime();
            if (!going.equals(release)) rename(release, going);
            ssh("rm", "-rf", path(going));
        }

        @Override public void link(String target) throws IOException, InterruptedException {
            var fresh = top + "/" + fresh(target);
            ssh("ln", "-sfn", target, fresh, "&&", "mv", "-T", fresh, top + "/" + CURRENT);
        }

        @Override public FolderIdentity identity() throws IOException, InterruptedException {
            var named = FolderIdentity.named(addresses(), top);
            try {
                return named.with(once(FolderIdentity.question(top)).lines().toList());
            } catch (Failure.ToolFailed e) {
                run.console.detail(e.getMessage());
                // Another environment's machine may not be ours to ask; by its address it may be this one.
                return isHere() ? FolderIdentity.here(Path.of(top)) : named;
            }
        }

        private boolean isHere() throws IOException, InterruptedException {
            try {
                for (var address : InetAddress.getAllByName(hostname()))
                    if (address.isLoopbackAddress() || NetworkInterface.getByInetAddress(address) != null) return true;
            } catch (UnknownHostException e) {
                // ssh may reach it through another machine
            }
            return false;
        }

        private String hostname() throws IOException, InterruptedException { return meant().getOrDefault("hostname", host); }

        /** What ssh makes of the name: what is called here may have another name in its settings. */
        private Map<String, String> meant() throws IOException, InterruptedException {
            return Tool.text(run, Path.of("ssh"), List.of("-G", host), environment(), LIMIT).lines().filter(line -> line.matches("(hostname|port) .*"))
                .collect(Collectors.toMap(line -> line.replaceFirst(" .*", ""), line -> line.replaceFirst("[^ ]* ", ""), (first, second) -> first));
        }

        /** The addresses that ssh would connect to. */
        private List<String> addresses() throws IOException, InterruptedException {
            var name = hostname();
            var port = meant().getOrDefault("port", "22");
            try {
                return Stream.of(InetAddress.getAllByName(name)).map(address -> address.getHostAddress() + " port " + port).toList();
            } catch (UnknownHostException e) {
                return List.of(name + " port " + port); // ssh may reach it through another machine
            }
        }

        private String path(String release) { return top + "/" + RELEASES + "/" + release; }
    }
}
