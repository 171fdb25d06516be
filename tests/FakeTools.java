import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;

/** A folder of PostgreSQL's tools, in PG_BIN of a checkout, in which some are scripts around the real ones. */
final class FakeTools {
    private static final List<String> TOOLS = List.of("pg_dump", "pg_dumpall", "pg_restore", "psql");

    private final Kit kit;
    final Path folder;

    FakeTools(Kit kit) {
        this.kit = kit;
        folder = kit.home.resolve("fake-bin");
    }

    FakeTools pgDump(String script) { return tool("pg_dump", script); }

    /** Puts a bash script in a tool's place. In it, $real is the real one, which also answers --version. */
    FakeTools tool(String name, String script) {
        try {
            if (!Files.exists(folder)) {
                Files.createDirectory(folder);
                for (var tool : TOOLS) Files.createSymbolicLink(folder.resolve(tool), real(tool));
            }
            var file = folder.resolve(name);
            Files.deleteIfExists(file);
            Files.writeString(file, "#!/bin/bash\nreal='" + real(name) + "'\n[ \"$1\" != --version ] || exec \"$real\" \"$@\"\n" + script + "\n");
            Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rwxr-xr-x"));
            kit.set("PG_BIN", folder.toString());
            return this;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Goes back to the real ones. */
    void none() { kit.set("PG_BIN", null); }

    private static Path real(String tool) throws IOException {
        var debian = Path.of("/usr/lib/postgresql");
        if (TOOLS.contains(tool) && Files.isDirectory(debian)) {
            try (var versions = Files.list(debian)) {
                var newest = versions.map(version -> version.resolve("bin").resolve(tool)).filter(Files::isExecutable).max(Path::compareTo);
                if (newest.isPresent()) return newest.get();
            }
        }
        for (var folder : System.getenv("PATH").split(":"))
            if (Files.isExecutable(Path.of(folder, tool))) return Path.of(folder, tool);
        throw new AssertionError("there is no " + tool);
    }
}
