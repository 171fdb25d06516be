package ops;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.DirectoryNotEmptyException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
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
 * in it, which the operating system frees when the process dies, however it dies; a folder that is empty was left before
 * that. A process id would not tell: two containers that share a folder know nothing of each other's processes.
 */
public final class Workspace {
    private static final Pattern NAME = Pattern.compile("handover-run-([0-9]{1,10})-.*");
    private static final String LOCK = "lock";
    /** For a folder without a lock, of an older kit, or on a file system that has none. */
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

    private static synchronized Owned own(Path base) throws IOException {
        while (true) {
            // 0700 from the start
            var outer = Files.createTempDirectory(base, "handover-run-" + ProcessHandle.current().pid() + "-");
            var file = outer.resolve(LOCK);
            try {
                var channel = FileChannel.open(Private.create(file), StandardOpenOption.WRITE);
                // Another run may have taken what has no lock yet for something left behind.
                if (lock(channel) != Locked.BY_ANOTHER && Files.exists(file)) {
                    OURS.add(outer);
                    return new Owned(outer, Private.folder(outer.resolve("work")), channel);
                }
                channel.close();
            } catch (NoSuchFileException e) {
                // it has removed it
            }
        }
    }

    private enum Locked { BY_US, BY_ANOTHER, UNKNOWN }

    /** Unknown where the file system has no locks: then only its age tells whether a folder was left behind. */
    private static Locked lock(FileChannel channel) {
        try {
            return channel.tryLock() != null ? Locked.BY_US : Locked.BY_ANOTHER;
        } catch (OverlappingFileLockException e) {
            return Locked.BY_ANOTHER; // another thread of ours is just removing it
        } catch (IOException e) {
            return Locked.UNKNOWN;
        }
    }

    /** A full disk, most likely. */
    static Failure failed(IOException e) {
        return new Failure.Failed("temporary files can't be written: " + e.getMessage(), "make room, or set XDG_RUNTIME_DIR to a folder of your own elsewhere");
    }

    private static synchronized void sweep(Path base, Owned owned, Console console) throws IOException {
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
        try (var file = FileChannel.open(folder.resolve(LOCK), StandardOpenOption.WRITE, LinkOption.NOFOLLOW_LINKS)) {
            var locked = lock(file);
            if (locked == Locked.BY_ANOTHER || locked == Locked.UNKNOWN && !isOld(folder)) return false;
            Private.remove(folder);
            return true;
        } catch (NoSuchFileException e) {
            return clearWithoutLock(folder);
        }
    }

    private static boolean clearWithoutLock(Path folder) throws IOException {
        try {
            if (Private.isGoing(folder) || isOld(folder)) Private.remove(folder);
            else Files.delete(folder); // only when it is empty: killed before it had a lock, or about to try again
            return true;
        } catch (NoSuchFileException | DirectoryNotEmptyException e) {
            return false;
        }
    }

    private static boolean isOld(Path folder) throws IOException {
        var modified = Files.getLastModifiedTime(folder, LinkOption.NOFOLLOW_LINKS).toInstant();
        return leftBy(folder, NAME).isPresent() && modified.isBefore(Instant.now().minus(AGE_WITHOUT_LOCK));
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
