package release;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * What tells whether two settings lead to the same folder to serve from, whatever links, mounts and names of machines lie
 * between: the machine, the real path, and what the file system calls it.
 *
 * @param machines the names of the machine: the one that its kernel gave itself when it started, its addresses
 * @param top its real path
 * @param within the real paths of what a deploy changes in it: the releases, and what is live
 * @param inodes of the folder and of its releases; empty while there is none, or when nobody could look
 */
record FolderIdentity(Set<String> machines, Path top, Set<Path> within, Set<String> inodes) {
    private static final Path BOOT = Path.of("/proc/sys/kernel/random/boot_id");
    private static final List<String> CHANGED = List.of("releases", "current");

    /** A folder of this machine. */
    static FolderIdentity here(Path top) throws IOException {
        var inodes = new HashSet<String>();
        for (var folder : List.of(top, top.resolve(CHANGED.get(0))))
            if (Files.exists(folder)) inodes.add(Files.getAttribute(folder, "unix:dev") + ":" + Files.getAttribute(folder, "unix:ino"));
        var within = new HashSet<Path>();
        for (var name : CHANGED) within.add(real(top.resolve(name)));
        return new FolderIdentity(Set.of(Files.exists(BOOT) ? Files.readString(BOOT).strip() : "this machine"), real(top), within, inodes);
    }

    /** As far as there is something, links are followed; what is not there yet will be made behind them. */
    private static Path real(Path path) throws IOException {
        var absolute = path.toAbsolutePath();
        if (Files.exists(absolute)) return absolute.toRealPath();
        var parent = absolute.getParent();
        return parent == null ? absolute : real(parent).resolve(absolute.getFileName()).normalize();
    }

    /** A folder of another machine, which was not asked. */
    static FolderIdentity named(List<String> addresses, String top) {
        var path = Path.of(top).normalize();
        return new FolderIdentity(Set.copyOf(addresses), path, Set.of(path.resolve(CHANGED.get(0)), path.resolve(CHANGED.get(1))), Set.of());
    }

    /** What its machine is asked, by GNU's tools; the answer is for {@link #with}. */
    static String[] question(String top) {
        var releases = top + "/" + CHANGED.get(0);
        return new String[] {"cat", BOOT.toString(), "&&", "realpath", "-m", top, releases, top + "/" + CHANGED.get(1), "&&", "{", "stat", "-L", "-c", "%d:%i", top, releases, "2>/dev/null", ";", "true", ";", "}"};
    }

    /** The same with what its machine has answered. */
    FolderIdentity with(List<String> answer) {
        if (answer.size() < 4) return this;
        var all = new HashSet<>(machines);
        all.add(answer.get(0).strip());
        return new FolderIdentity(all, Path.of(answer.get(1)), Set.of(Path.of(answer.get(2)), Path.of(answer.get(3))), Set.copyOf(answer.subList(4, answer.size())));
    }

    /** How the two are one, in words; empty when a deploy to this one leaves the other alone. */
    Optional<String> sharedWith(FolderIdentity other) {
        if (machines.stream().noneMatch(other.machines::contains)) return Optional.empty();
        if (inodes.stream().anyMatch(other.inodes::contains)) return Optional.of("both are one folder");
        // Two that are there and have nothing in common are two, as /srv is in one container and in another.
        if (top.equals(other.top)) return inodes.isEmpty() || other.inodes.isEmpty() ? Optional.of("both are one folder") : Optional.empty();
        return isWithin(other) || other.isWithin(this) ? Optional.of("one folder lies within what a deploy changes in the other") : Optional.empty();
    }

    private boolean isWithin(FolderIdentity other) {
        var mine = new ArrayList<>(within);
        mine.add(top);
        return mine.stream().anyMatch(path -> other.within.stream().anyMatch(path::startsWith));
    }
}
