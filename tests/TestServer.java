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

/** A PostgreSQL server of one test's own, with options of its own, and with a standby where one is wanted. */
final class TestServer implements AutoCloseable {
    private static final boolean ROOT = System.getProperty("user.name").equals("root");
    private static final Path PROGRAMS = programs();

    /** The server's user can make things in it; gone with the server. */
    final Path folder;
    private final List<String> options;
    private final int port;
    private final Process process;

    private TestServer(Path folder, List<String> options) throws IOException {
        this.folder = folder;
        this.options = options;
        try (var socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            port = socket.getLocalPort();
        }
        var command = new ArrayList<>(List.of("postgres", "-D", data().toString(), "-p", String.valueOf(port)));
        for (var option : List.of("listen_addresses=127.0.0.1", "unix_socket_directories=", "shared_buffers=16MB", "fsync=off"))
            command.addAll(List.of("-c", option));
        for (var option : options) command.addAll(List.of("-c", option));
        process = begin(folder, command.toArray(String[]::new));
        Patience.until(this::answers, () -> "does not start: " + Files.readString(folder.resolve("postgres.log")));
    }

    /**
     * A new one; skips the test where there are no programs of a server beside the PATH, as Debian has them.
     *
     * @param options NAME=VALUE, as in postgresql.conf
     */
    static TestServer start(String... options) throws Exception {
        assumeTrue(PROGRAMS != null, "no /usr/lib/postgresql/*/bin/initdb");
        var folder = newFolder();
        finish(folder, "initdb", "-D", folder.resolve("data").toString(), "-U", "postgres", "--auth=trust",
            "--encoding=UTF8", "--no-locale", "--no-sync");
        return new TestServer(folder, List.of(options));
    }

    /** Another one, that follows this one and takes no changes. */
    TestServer standby() throws Exception {
        var copy = newFolder();
        finish(copy, "pg_basebackup", "-h", "127.0.0.1", "-p", String.valueOf(port), "-U", "postgres", "-D",
            copy.resolve("data").toString(), "--write-recovery-conf", "--checkpoint=fast", "--no-sync");
        return new TestServer(copy, options);
    }

    private Path data() { return folder.resolve("data"); }

    /** The address of a database of it, for the superuser. */
    String url(String database) { return "postgresql://postgres:any-Passw0rd@127.0.0.1:" + port + "/" + database; }

    /** A new database. */
    String create(String database) {
        execute("postgres", "create database " + database);
        return url(database);
    }

    void execute(String database, String sql) { TestDatabase.execute(url(database), sql); }

    List<String> rows(String database, String sql) { return TestDatabase.rows(url(database), sql); }

    String one(String database, String sql) { return rows(database, sql).get(0); }

    /** Has the server's user own a folder. */
    static Path own(Path folder) throws IOException {
        // PostgreSQL refuses to run as root.
        if (!ROOT) return folder;
        var users = folder.getFileSystem().getUserPrincipalLookupService();
        return Files.setOwner(folder, users.lookupPrincipalByName("nobody"));
    }

    /** One that the server's user can get at. */
    static Path newFolder() throws IOException {
        return own(Files.createTempDirectory(Path.of("/var/tmp"), "handover-server-"));
    }

    private static Path programs() {
        try (var all = Files.newDirectoryStream(Path.of("/usr/lib/postgresql"), "*")) {
            for (var version : all) if (Files.isExecutable(version.resolve("bin/initdb"))) return version.resolve("bin");
        } catch (IOException e) {
            // not there
        }
        return null;
    }

    private static Process begin(Path folder, String... command) throws IOException {
        var all = new ArrayList<String>();
        if (ROOT) all.addAll(List.of("setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", "--pdeathsig=INT"));
        all.add(PROGRAMS.resolve(command[0]).toString());
        all.addAll(List.of(command).subList(1, command.length));
        var log = folder.resolve(command[0] + ".log").toFile();
        return new ProcessBuilder(all).directory(folder.toFile()).redirectErrorStream(true).redirectOutput(log).start();
    }

    private static void finish(Path folder, String... command) throws Exception {
        var exit = begin(folder, command).waitFor();
        assertEquals(0, exit, () -> read(folder.resolve(command[0] + ".log")));
    }

    private static String read(Path file) {
        try {
            return Files.readString(file);
        } catch (IOException e) {
            return e.toString();
        }
    }

    private boolean answers() {
        try (var connection = TestDatabase.connect(url("postgres"))) {
            return true;
        } catch (SQLException e) {
            return false;
        }
    }

    @Override public void close() throws Exception {
        new ProcessBuilder("kill", "-INT", String.valueOf(process.pid())).start().waitFor();
        process.waitFor();
        Stack.remove(folder);
    }
}
