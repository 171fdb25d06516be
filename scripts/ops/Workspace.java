package ops;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.UserPrincipal;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * A run's private folder (0700) for what tools must read from a file: passwords, above all.
 *
 * <p>It is removed when the run ends. What a killed run left is removed by the next one: its process has a lock on a file
 * in it, which the operating system frees when the process dies, however it dies. A process id would not tell: two
 * containers that share a folder know nothing of each other's processes.
 */
public final class Workspace {
    private static final Pattern NAME = Pattern.compile("handover-run-([0-9]{1,10})-.*");
    private static final String LOCK = "lock";
    /** A folder without a lock is of an older kit, or is just being made, or its removal was begun. */
    private static final Duration AGE_WITHOUT_LOCK = Duration.ofDays(1);

    private static final Path TEMPORARY = Path.of(System.getProperty("java.io.tmpdir"));
    /** This process must not open their locks again: closing one frees it. */
    private static final Set<Path> OURS = ConcurrentHashMap.newKeySet();

    /** What lies in the temporary folder: the lock, and beside it the folder that is worked in. */
    private record Owned(Path outer, Path inner, FileChannel lock) implements AutoCloseable {
        @Override public void close() throws IOException {
            try {
                Private.remove(outer);
            } finally {
                lock.close();
                OURS.remove(outer);
            }
        }
    }

    private Workspace() { }

    /** Creates the folder and registers its removal. */
    public static Path create(Run run) {
        // In memory where the system has such a place for this user.
        var runtime = System.getenv("XDG_RUNTIME_DIR");
        return create(run, runtime != null && Files.isWritable(Path.of(runtime)) ? Path.of(runtime) : TEMPORARY);
    }

    /** One on the disk, for what is too large for memory. */
    public static Path createOnDisk(Run run) { return create(run, onDisk()); }

    /** Where that would be: TMPDIR, else /var/tmp. */
    static Path onDisk() {
        var named = System.getenv("TMPDIR");
        return Stream.of(named == null ? "" : named, "/var/tmp").map(Path::of).filter(Path::isAbsolute).filter(Files::isWritable).findFirst().orElse(TEMPORARY);
    }

    private static Path create(Run run, Path base) {
        try {
            var owned = own(base);
            run.undo.add("remove " + owned.outer, owned::close);
            sweep(base, owned, run.console);
            if (!base.equals(TEMPORARY)) sweep(TEMPORARY, owned, run.console);
            return owned.inner;
        } catch (IOException e) {
            throw failed(e);
        }
    }

    /** What is done in a folder for a moment. */
    interface Use { void in(Path folder); }

    /** Lends a folder for a moment, without a run to register it with, and removes what was left there by runs that were killed. */
    static void lend(Path base, Use use) throws IOException {
        try (var owned = own(base)) {
            sweep(base, owned, null);
            use.in(owned.inner);
        }
    }

    private static Owned own(Path base) throws IOException {
        var outer = Files.createTempDirectory(base, "handover-run-" + ProcessHandle.current().pid() + "-"); // 0700 from the start
        OURS.add(outer);
        // Under its name only once it is locked: a lock that nobody has yet would look like one that is free again.
        var fresh = Private.create(outer.resolve(LOCK + ".new"));
        var channel = FileChannel.open(fresh, StandardOpenOption.WRITE);
        if (isLocked(channel)) Files.move(fresh, outer.resolve(LOCK), StandardCopyOption.ATOMIC_MOVE);
        return new Owned(outer, Private.folder(outer.resolve("work")), channel);
    }

    /** False too where the file system knows no locks: then only its age tells whether a folder was left behind. */
    private static boolean isLocked(FileChannel channel) {
        try {
            return channel.tryLock() != null;
        } catch (IOException | OverlappingFileLockException e) {
            return false;
        }
    }

    /** A full disk, most likely. */
    static Failure failed(IOException e) {
        return new Failure.Failed("temporary files can't be written: " + e.getMessage(), "make room, or set XDG_RUNTIME_DIR to a folder of your own elsewhere");
    }

    private static void sweep(Path base, Owned owned, Console console) throws IOException {
        var user = Files.getOwner(owned.outer);
        try (var folders = Files.newDirectoryStream(base, "handover-run-*")) {
            for (var folder : folders) {
                if (OURS.contains(folder) || !isOf(folder, user) || !clear(folder)) continue;
                if (console != null) console.detail("removed what a run that was killed had left in " + folder);
            }
        }
    }

    private static boolean isOf(Path folder, UserPrincipal user) throws IOException {
        try {
            return Files.isDirectory(folder, LinkOption.NOFOLLOW_LINKS) && Files.getOwner(folder, LinkOption.NOFOLLOW_LINKS).equals(user);
        } catch (NoSuchFileException e) {
            return false; // another run has just removed it
        }
    }

    /** Removes a folder whose owner is gone; false when it is not known to be. */
    private static boolean clear(Path folder) throws IOException {
        try (var lock = FileChannel.open(folder.resolve(LOCK), StandardOpenOption.WRITE, LinkOption.NOFOLLOW_LINKS)) {
            if (!isLocked(lock)) return false;
            Private.remove(folder);
            return true;
        } catch (NoSuchFileException e) {
            return clearWithoutLock(folder);
        }
    }

    private static boolean clearWithoutLock(Path folder) throws IOException {
        try {
            if (!Private.isGoing(folder)) {
                var modified = Files.getLastModifiedTime(folder, LinkOption.NOFOLLOW_LINKS).toInstant();
                if (leftBy(folder, NAME).isEmpty() || modified.isAfter(Instant.now().minus(AGE_WITHOUT_LOCK))) return false;
            }
            Private.remove(folder);
            return true;
        } catch (NoSuchFileException e) {
            return false;
        }
    }

    /** The process that left a folder of this user's behind; empty while it runs. Its id is the first group of the folder's name. */
    public static Optional<String> leftBy(Path folder, Pattern name) throws IOException {
        var found = name.matcher(folder.getFileName().toString());
        return found.matches() && ProcessHandle.of(Long.parseLong(found.group(1))).isEmpty() && isOurs(folder) ? Optional.of(found.group(1)) : Optional.empty();
    }

    private static boolean isOurs(Path folder) throws IOException {
        try {
            return Files.getOwner(folder).getName().equals(System.getProperty("user.name"));
        } catch (NoSuchFileException e) {
            return false; // another run has just removed it
        }
    }
}
