package local;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Optional;
import ops.Private;

/**
 * The folder from which the sample site is served: {@code releases/…}, and {@code current}, a link to the live one. Deploys
 * put others there, and the site shows them at once.
 */
public record SiteFolder(Path folder) {
    private static final String SAMPLE = "sample-";

    /** Puts a build there and makes it live, unless a deploy has put something else. */
    public void offer(SiteBuild build) throws IOException {
        var current = folder.resolve("current");
        if (Files.isSymbolicLink(current) && !Files.readSymbolicLink(current).getFileName().toString().startsWith(SAMPLE)) return;
        var releases = Private.folder(folder.resolve("releases"));
        var name = SAMPLE + build.folder().getFileName();
        if (!Files.exists(releases.resolve(name))) Files.createSymbolicLink(releases.resolve(name), build.folder());
        var fresh = folder.resolve(".current-" + name);
        Files.deleteIfExists(fresh);
        Files.createSymbolicLink(fresh, Path.of("releases", name));
        Files.move(fresh, current, StandardCopyOption.ATOMIC_MOVE);
    }

    /** A file of what is live; empty when it has none of that path. */
    Optional<byte[]> read(String path) {
        try {
            var live = folder.resolve("current").toRealPath();
            var file = live.resolve(path.substring(1)).normalize();
            return file.startsWith(live) && Files.isRegularFile(file) ? Optional.of(Files.readAllBytes(file)) : Optional.empty();
        } catch (IOException e) {
            return Optional.empty();
        }
    }
}
