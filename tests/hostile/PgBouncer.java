import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;

/** A pgbouncer before the stack's server, on a port of its own; it knows the role of the tests. */
final class PgBouncer implements AutoCloseable {
    private final Process process;
    private final Path folder;
    final int port;

    /** @param settings lines of its section [pgbouncer] */
    PgBouncer(String... settings) {
        try {
            port = freePort();
            // Where another user can read it: pgbouncer refuses to run as root.
            folder = Files.createTempDirectory("handover-pgbouncer-", PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwxr-xr-x")));
            Files.writeString(folder.resolve("users"), "\"" + TestDatabase.ROLE + "\" \"" + TestDatabase.PASSWORD + "\"\n");
            var server = TestDatabase.server().split(":");
            Files.writeString(folder.resolve("ini"), """
                [databases]
                * = host=%s port=%s
                [pgbouncer]
                listen_addr = 127.0.0.1
                listen_port = %d
                unix_socket_dir =
                auth_type = scram-sha-256
                auth_file = %s
                %s
                """.formatted(server[0], server[1], port, folder.resolve("users"), String.join("\n", settings)));
            var command = new ArrayList<String>();
            if (System.getProperty("user.name").equals("root")) command.addAll(List.of("setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", "--pdeathsig=TERM"));
            command.addAll(List.of(program(), folder.resolve("ini").toString()));
            process = new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(folder.resolve("log").toFile()).start();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        Patience.until(this::listens, () -> "pgbouncer does not listen: " + Files.readString(folder.resolve("log")));
    }

    /** Skips the test where there is none. */
    static void needed() { org.junit.jupiter.api.Assumptions.assumeTrue(program() != null, "pgbouncer is not installed"); }

    private static String program() {
        return List.of("/usr/sbin/pgbouncer", "/usr/bin/pgbouncer").stream().filter(path -> Files.isExecutable(Path.of(path))).findFirst().orElse(null);
    }

    private static int freePort() throws IOException {
        try (var socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return socket.getLocalPort();
        }
    }

    private boolean listens() {
        try (var socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
            return true;
        } catch (IOException e) {
            return false;
        }
    }

    /** A database's address through it. */
    String url(TestDatabase database) { return database.url().replace(TestDatabase.server(), "127.0.0.1:" + port); }

    @Override public void close() {
        process.destroy();
        try {
            process.waitFor();
            Stack.remove(folder);
        } catch (IOException | InterruptedException e) {
            throw new AssertionError(e);
        }
    }
}
