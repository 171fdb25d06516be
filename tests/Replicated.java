import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;

/** Two servers of our own: a primary, and a standby that is a copy of it and waits for more. */
final class Replicated implements AutoCloseable {
    private static final boolean ROOT = System.getProperty("user.name").equals("root");

    private final Path programs = programs();
    private final List<Process> servers = new ArrayList<>();
    private final Path folder;
    final String primary;
    final String standby;

    /** Skips the test where there are no programs of a server beside the PATH, as Debian has them. */
    Replicated() throws Exception {
        assumeTrue(programs != null, "no /usr/lib/postgresql/*/bin/initdb");
        // PostgreSQL refuses to run as root.
        folder = Files.createTempDirectory(Path.of("/var/tmp"), "handover-replicated-");
        if (ROOT) Files.setOwner(folder, folder.getFileSystem().getUserPrincipalLookupService().lookupPrincipalByName("nobody"));
        var first = folder.resolve("primary").toString();
        finish(begin("initdb", programs.resolve("initdb").toString(), "-D", first, "-U", "postgres", "--auth=trust", "--encoding=UTF8", "--no-locale", "--no-sync"));
        finish(begin("copy", "cp", "-a", first, folder.resolve("standby").toString()));
        finish(begin("signal", "touch", folder.resolve("standby/standby.signal").toString()));
        primary = start("primary");
        standby = start("standby");
    }

    private static Path programs() {
        try (var all = Files.newDirectoryStream(Path.of("/usr/lib/postgresql"), "*")) {
            for (var version : all) if (Files.isExecutable(version.resolve("bin/initdb"))) return version.resolve("bin");
        } catch (IOException e) {
            // not there
        }
        return null;
    }

    private Process begin(String log, String... command) throws IOException {
        var all = new ArrayList<>(ROOT ? List.of("setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", "--pdeathsig=INT") : List.<String>of());
        all.addAll(List.of(command));
        return new ProcessBuilder(all).directory(folder.toFile()).redirectErrorStream(true).redirectOutput(folder.resolve(log + ".log").toFile()).start();
    }

    private static void finish(Process process) throws InterruptedException { assertEquals(0, process.waitFor()); }

    /** The address of its database. */
    private String start(String name) throws IOException {
        int port;
        try (var socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            port = socket.getLocalPort();
        }
        servers.add(begin(name, programs.resolve("postgres").toString(), "-D", folder.resolve(name).toString(), "-p", String.valueOf(port), "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=",
            "-c", "shared_buffers=16MB", "-c", "fsync=off"));
        var url = "postgresql://postgres:none@127.0.0.1:" + port + "/postgres";
        Patience.until(() -> answers(url), () -> name + " does not start: " + Files.readString(folder.resolve(name + ".log")));
        return url;
    }

    private static boolean answers(String url) {
        try (var connection = TestDatabase.connect(url)) {
            return true;
        } catch (SQLException e) {
            return false;
        }
    }

    @Override public void close() throws Exception {
        for (var server : servers) new ProcessBuilder("kill", "-INT", String.valueOf(server.pid())).start().waitFor();
        for (var server : servers) server.waitFor();
        Stack.remove(folder);
    }
}
