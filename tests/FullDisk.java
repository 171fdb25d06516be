import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/** A file system without a free byte. */
final class FullDisk implements AutoCloseable {
    final Path folder;

    FullDisk(Path folder) throws Exception {
        this.folder = Files.createDirectories(folder);
        var mounted = new ProcessBuilder("mount", "-t", "tmpfs", "-o", "size=64k,mode=0700", "tmpfs", folder.toString()).redirectErrorStream(true).start();
        var said = new String(mounted.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
        assumeTrue(mounted.waitFor() == 0, "a small file system can't be mounted here (it takes root): " + said);
        var chunk = new byte[4096];
        try (var filler = Files.newOutputStream(folder.resolve("filler"))) {
            while (true) filler.write(chunk);
        } catch (IOException e) {
            // full, as wanted
        }
    }

    @Override public void close() throws Exception { new ProcessBuilder("umount", folder.toString()).start().waitFor(); }
}
