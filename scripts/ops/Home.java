package ops;

import java.nio.file.Files;
import java.nio.file.Path;

/** The folder of the kit: where {@code .env.operations} is read and {@code .handover/} keeps logs and state. */
public final class Home {
    private Home() { }

    /**
     * HANDOVER_HOME, which the launcher sets; else the nearest folder, from the working directory upward, that holds
     * the kit's catalog or a settings file; else the working directory. A script cannot learn its own path from JBang.
     */
    public static Path dir() {
        var told = System.getenv("HANDOVER_HOME");
        if (told != null && !told.isBlank()) return Path.of(told).toAbsolutePath().normalize();
        var here = Path.of("").toAbsolutePath();
        for (var dir = here; dir != null; dir = dir.getParent())
            if (Files.exists(dir.resolve("jbang-catalog.json")) || Files.exists(dir.resolve(".env.operations"))) return dir;
        return here;
    }

    /** Where logs and the embedded stack keep what they write; ignored by git. */
    public static Path state() { return dir().resolve(".handover"); }
}
