package ops;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryNotEmptyException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.EnumSet;
import java.util.Set;
import java.util.regex.Pattern;

/** Files and folders that only their owner may read: 0600 and 0700 from the moment they exist. */
public final class Private {
    private static final Set<PosixFilePermission> FILE = PosixFilePermissions.fromString("rw-------");
    private static final Set<PosixFilePermission> FOLDER = PosixFilePermissions.fromString("rwx------");
    private static final Set<PosixFilePermission> OTHERS = EnumSet.of(
        PosixFilePermission.GROUP_READ, PosixFilePermission.GROUP_WRITE, PosixFilePermission.GROUP_EXECUTE,
        PosixFilePermission.OTHERS_READ, PosixFilePermission.OTHERS_WRITE, PosixFilePermission.OTHERS_EXECUTE);

    private static final Pattern GOING = Pattern.compile("\\.[0-9]+$");

    private Private() { }

    /** Creates a folder and its missing parents; leaves one that exists as it is. */
    public static Path folder(Path folder) throws IOException {
        return Files.createDirectories(folder, PosixFilePermissions.asFileAttribute(FOLDER));
    }

    /** Creates an empty file; fails when it exists. */
    public static Path create(Path file) throws IOException {
        return Files.createFile(file, PosixFilePermissions.asFileAttribute(FILE));
    }

    /** Puts a file in place whole: nobody sees it half-written, whoever reads the old one keeps it. */
    public static void write(Path file, String text) throws IOException { write(file, text.getBytes(StandardCharsets.UTF_8)); }

    public static void write(Path file, byte[] content) throws IOException {
        var fresh = file.resolveSibling(file.getFileName() + "." + ProcessHandle.current().pid());
        Files.deleteIfExists(fresh);
        create(fresh);
        Files.write(fresh, content);
        Files.move(fresh, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    }

    /** Removes a folder and all that is in it, also while somebody still writes into it or removes it too; one that is gone already is fine. */
    public static void remove(Path folder) throws IOException {
        // Under another name nobody finds it any more, but who removes what others have begun to remove.
        var going = folder.resolveSibling(GOING.matcher(folder.getFileName().toString()).replaceFirst("") + "." + System.nanoTime());
        try {
            Files.move(folder, going, StandardCopyOption.ATOMIC_MOVE);
        } catch (NoSuchFileException e) {
            return;
        }
        for (var tries = 5; ; tries--) {
            try {
                removeAll(going);
                return;
            } catch (DirectoryNotEmptyException e) {
                if (tries == 1) throw e; // somebody goes on writing into it
            }
        }
    }

    /** Whether somebody has begun to remove this folder, and may have been killed at it. */
    static boolean isGoing(Path folder) { return GOING.matcher(folder.getFileName().toString()).find(); }

    private static void removeAll(Path folder) throws IOException {
        Files.walkFileTree(folder, new SimpleFileVisitor<>() {
            @Override public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) throws IOException { return removed(file); }

            @Override public FileVisitResult visitFileFailed(Path file, IOException e) throws IOException {
                if (e instanceof NoSuchFileException) return FileVisitResult.CONTINUE;
                throw e;
            }

            @Override public FileVisitResult postVisitDirectory(Path emptied, IOException e) throws IOException { return removed(emptied); }

            private FileVisitResult removed(Path path) throws IOException {
                Files.deleteIfExists(path);
                return FileVisitResult.CONTINUE;
            }
        });
    }

    /** True when group or others have any right to it. */
    public static boolean openToOthers(Path file) throws IOException {
        var rights = Files.getPosixFilePermissions(file);
        rights.retainAll(OTHERS);
        if (isCredential(file)) rights.remove(PosixFilePermission.GROUP_READ);
        return !rights.isEmpty();
    }

    /** What systemd hands to a service stays root's, with a list of who may read it; in the mode, that list looks like a right of root's group. */
    private static boolean isCredential(Path file) throws IOException {
        var folder = System.getenv("CREDENTIALS_DIRECTORY");
        return folder != null && file.toAbsolutePath().normalize().startsWith(folder) && Files.getAttribute(file, "unix:gid").equals(0);
    }
}
