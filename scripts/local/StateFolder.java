package local;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Comparator;
import java.util.UUID;
import ops.Failure;

/**
 * The folder of a server that another user may have to work in.
 *
 * <p>It is below the stack's folder. Where that can't be entered by the server's user (a checkout in root's home), a
 * link stands there instead, to a folder below /var/tmp, which outlives a reboot.
 */
public final class StateFolder {
    private static final Path ELSEWHERE = Path.of("/var/tmp");

    private StateFolder() { }

    /** Creates a folder, or finds it again, and returns where it really is. */
    static Path open(Path folder, ServerUser user) throws IOException, InterruptedException {
        if (!Files.exists(folder)) {
            Files.deleteIfExists(folder);                      // a link whose folder is gone
            make(folder, user);
            if (!user.canEnter(folder)) {
                Files.delete(folder);
                Files.createSymbolicLink(folder, make(elsewhere(folder), user));
            }
        }
        var real = folder.toRealPath();
        if (!user.canEnter(real))
            throw new Failure.Refused("the user '" + user.name() + "', under whom PostgreSQL runs, can't enter " + real,
                "open the way to it, or name another folder: ./jbang local --state FOLDER");
        return real;
    }

    /** Others may pass through it to what they own, and see nothing of the rest. */
    private static Path make(Path folder, ServerUser user) throws IOException {
        var rights = PosixFilePermissions.fromString(user.isOther() ? "rwx--x--x" : "rwx------");
        if (!Files.exists(folder)) Files.createDirectories(folder, PosixFilePermissions.asFileAttribute(rights));
        if (!Files.getOwner(folder, LinkOption.NOFOLLOW_LINKS).getName().equals(System.getProperty("user.name")))
            throw new Failure.Refused(folder + " belongs to somebody else", "remove it, or name another folder: ./jbang local --state FOLDER");
        Files.setPosixFilePermissions(folder, rights);         // whatever the umask left of them
        return folder;
    }

    /** Lets other users through a folder of the kit's own. */
    public static void openTheWay(Path folder) throws IOException {
        if (!ServerUser.find().isOther()) return;
        var rights = Files.getPosixFilePermissions(folder);
        rights.add(PosixFilePermission.OTHERS_EXECUTE);
        rights.add(PosixFilePermission.GROUP_EXECUTE);
        Files.setPosixFilePermissions(folder, rights);
    }

    private static Path elsewhere(Path folder) {
        return ELSEWHERE.resolve("handover-" + UUID.nameUUIDFromBytes(folder.toString().getBytes(StandardCharsets.UTF_8)));
    }

    /** Deletes a folder with all that is in it, and the one that it links to. */
    public static void delete(Path folder) throws IOException {
        if (Files.isSymbolicLink(folder)) {
            var target = Files.readSymbolicLink(folder);
            if (target.startsWith(ELSEWHERE) && Files.exists(target)) delete(target);
            Files.delete(folder);
        } else if (Files.exists(folder)) {
            try (var all = Files.walk(folder)) {
                for (var path : all.sorted(Comparator.reverseOrder()).toList()) {
                    if (Files.isSymbolicLink(path) && !path.equals(folder)) delete(path);
                    else Files.deleteIfExists(path);
                }
            }
        }
    }
}
