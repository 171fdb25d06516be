import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/** A small file system, without a free byte at first. */
final class FullDisk implements AutoCloseable {
    private static final int CHUNK = 4096;

    final Path folder;

    FullDisk(Path folder) throws Exception { this(folder, "64k"); }

    /**
     * One of another size; skips the test where it can't be mounted.
     *
     * @param size as mount takes it: 64k, 32m
     */
    FullDisk(Path folder, String size) throws Exception {
        this.folder = Files.createDirectories(folder);
        var mounted = new ProcessBuilder("mount", "-t", "tmpfs", "-o", "size=" + size + ",mode=0700", "tmpfs",
            folder.toString()).redirectErrorStream(true).start();
        var said = new String(mounted.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
        var there = mounted.waitFor() == 0;
        if (!there) Files.delete(folder);
        assumeTrue(there, "a small file system can't be mounted here (it takes root): " + said);
        leave(0);
    }

    /** Leaves so many bytes free. */
    void leave(long bytes) throws IOException {
        Files.deleteIfExists(folder.resolve("filler"));
        var toFill = bytes == 0 ? Long.MAX_VALUE : Files.getFileStore(folder).getUnallocatedSpace() - bytes;
        var chunk = new byte[CHUNK];
        try (var filler = Files.newOutputStream(folder.resolve("filler"))) {
            for (; toFill > 0; toFill -= CHUNK) filler.write(chunk);
        } catch (IOException e) {
            if (bytes > 0) throw e;
            // full, as wanted
        }
    }

    @Override public void close() throws Exception {
        new ProcessBuilder("umount", folder.toString()).start().waitFor();
        Files.delete(folder);
    }
}
