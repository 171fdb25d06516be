package ops;

import com.github.luben.zstd.util.Native;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Objects;
import java.util.stream.Stream;

/** zstd is native code, and the system has to let it be loaded from somewhere: a folder that is mounted noexec does not. */
public final class NativeCode {
    private NativeCode() { }

    /**
     * Loads it, once; throws BadSetting when no folder lets it.
     *
     * @return the words that say from where; empty when it was loaded before
     */
    public static synchronized String load() {
        if (Native.isLoaded()) return "";
        var obstacles = new ArrayList<String>();
        for (var base : folders().toList()) {
            try {
                // By itself zstd-jni keeps its native code in a file until the end, and for good when killed before.
                Workspace.lend(base, folder -> Native.load(folder.toFile()));
                return "loaded from " + base;
            } catch (IOException e) {
                obstacles.add(base + " (can't be written)");
            } catch (LinkageError e) {
                // A system whose library zstd-jni lacks says so everywhere; a folder that is noexec, only of itself.
                obstacles.add(base + " (" + words(e) + ")");
            }
        }
        throw new Failure.BadSetting("native code can't be loaded from any folder here: " + String.join(", ", obstacles),
            "let HANDOVER_CACHE name a folder of your own that is not mounted noexec (findmnt -T FOLDER tells), with a few megabytes free");
    }

    private static Stream<Path> folders() {
        var env = System.getenv();
        var cache = env.containsKey("XDG_CACHE_HOME") ? env.get("XDG_CACHE_HOME") : env.containsKey("HOME") ? env.get("HOME") + "/.cache" : null;
        return Stream.of(System.getProperty("java.io.tmpdir"), env.get("TMPDIR"), env.get("XDG_RUNTIME_DIR"), env.get("HANDOVER_CACHE"), cache == null ? null : cache + "/handover", "/var/tmp",
            Home.state().toString()).filter(Objects::nonNull).filter(name -> name.startsWith("/")).map(Path::of).distinct();
    }

    private static String words(LinkageError e) {
        var said = String.valueOf(e.getMessage()).lines().findFirst().orElse("");
        return said.contains("failed to map segment") || said.contains("not permitted") ? "mounted noexec" : said.replaceAll("\\p{Cntrl}", "?");
    }
}
