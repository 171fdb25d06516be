package ops;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * A run's private folder (0700) for what tools must read from a file: passwords, above all.
 *
 * <p>It is removed when the run ends. What a killed run left is removed by the next one: the folder's name carries the
 * process id, and that process is gone.
 */
public final class Workspace {
    private static final Pattern NAME = Pattern.compile("handover-run-([0-9]{1,10})-.*");

    private static final Path TEMPORARY = Path.of(System.getProperty("java.io.tmpdir"));

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
            sweep(base, run);
            if (!base.equals(TEMPORARY)) sweep(TEMPORARY, run);
            var folder = folder(base);
            run.undo.add("remove " + folder, () -> Private.remove(folder));
            return folder;
        } catch (IOException e) {
            throw failed(e);
        }
    }

    /** A folder that the next run removes if this one is killed: for a moment, without a run to register it with. */
    static Path brief(Path base) throws IOException { return folder(base); }

    private static Path folder(Path base) throws IOException {
        return Files.createTempDirectory(base, "handover-run-" + ProcessHandle.current().pid() + "-"); // 0700 from the start
    }

    /** A full disk, most likely. */
    static Failure failed(IOException e) {
        return new Failure.Failed("temporary files can't be written: " + e.getMessage(), "make room, or set XDG_RUNTIME_DIR to a folder of your own elsewhere");
    }

    private static void sweep(Path base, Run run) throws IOException {
        try (var folders = Files.newDirectoryStream(base, "handover-run-*")) {
            for (var folder : folders) {
                var process = leftBy(folder, NAME);
                if (process.isEmpty()) continue;
                Private.remove(folder);
                run.console.detail("removed what process " + process.get() + ", which was killed, had left in " + folder);
            }
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
