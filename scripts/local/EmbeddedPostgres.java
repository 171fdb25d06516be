//DEPS org.postgresql:postgresql:42.7.14
//SOURCES KeptSecret.java
//SOURCES PostgresBinaries.java
//SOURCES ServerPrograms.java
//SOURCES ServerUser.java
//SOURCES StateFolder.java
package local;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.List;
import java.util.Optional;
import java.util.Properties;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import ops.Failure;
import ops.FolderLock;
import ops.Private;
import ops.Secret;
import ops.Workspace;

/**
 * A PostgreSQL server of our own on a free loopback port. Its data is kept in a folder between runs.
 *
 * <p>It ends with this process, on Linux even after kill -9; elsewhere the next start stops what was left.
 */
public final class EmbeddedPostgres implements AutoCloseable {
    public static final String SUPERUSER = "postgres";
    private static final int SECONDS_TO_START = 60, ATTEMPTS = 4;
    private static final int CONNECTIONS = 50;
    /** As many as a server has room for by itself. */
    private static final int LOCKS = 64 * CONNECTIONS;
    private static final Pattern THROWAWAY = Pattern.compile("handover-throwaway-([0-9]{1,10})-.*");

    private final ServerUser user;
    private final Path folder;
    private final Optional<Integer> wanted;
    private final Path data;
    private final FolderLock lock;
    private final Secret password;
    private final boolean throwaway;
    private final int locks;
    private final String superuser;
    private final ServerPrograms programs;
    private Process process;
    private int port;

    private EmbeddedPostgres(Path folder, Optional<Integer> major, boolean throwaway, int locks, String superuser) throws IOException, InterruptedException {
        user = throwaway ? ServerUser.owningNothing() : ServerUser.find();
        this.folder = folder;
        this.throwaway = throwaway;
        this.locks = locks;
        this.superuser = superuser;
        wanted = major;
        var real = StateFolder.open(folder, user);
        data = real.resolve("data");
        lock = FolderLock.take(real, "a PostgreSQL of ours already runs in " + real, "use that one, or stop it first");
        password = KeptSecret.in(real.resolve("superuser.password"));
        programs = new ServerPrograms(user, real, throwaway);
    }

    /**
     * A server that is not started yet, so that its {@link #close} can be registered before there is anything to stop.
     *
     * @param folder used by nothing else; where the server's user can't enter it, a link to the real one is put there
     * @param major version of a new cluster; empty takes the newest on this system
     * @throws Failure.Busy when another process runs it
     */
    public static EmbeddedPostgres in(Path folder, Optional<Integer> major) throws IOException, InterruptedException {
        return new EmbeddedPostgres(folder.toAbsolutePath(), major, false, LOCKS, SUPERUSER);
    }

    /** Starts a server on a new cluster that is deleted when it is closed; one that a killed run left, by the next run. */
    public static EmbeddedPostgres throwaway(Optional<Integer> major) throws IOException, InterruptedException { return throwaway(major, LOCKS, SUPERUSER); }

    /**
     * The same, of a major version or the nearest above it that can be had, with room for many locks.
     *
     * @param locks that may be held at a time, by all sessions together
     * @param superuser its name
     */
    public static EmbeddedPostgres throwaway(int major, int locks, String superuser) throws IOException, InterruptedException {
        return throwaway(Optional.of(PostgresBinaries.nearest(major)), locks, superuser);
    }

    private static EmbeddedPostgres throwaway(Optional<Integer> major, int locks, String superuser) throws IOException, InterruptedException {
        var parent = Path.of(Files.isDirectory(Path.of("/var/tmp")) ? "/var/tmp" : System.getProperty("java.io.tmpdir"));
        deleteLeftThrowaways(parent);
        var folder = parent.resolve("handover-throwaway-" + ProcessHandle.current().pid() + "-" + KeptSecret.random(8));
        return new EmbeddedPostgres(folder, major, true, locks, superuser).start();
    }

    /** The folder's name carries the process id, and that process is gone. */
    private static void deleteLeftThrowaways(Path parent) throws IOException, InterruptedException {
        try (var folders = Files.newDirectoryStream(parent, "handover-throwaway-*")) {
            for (var folder : folders) {
                try {
                    if (Workspace.leftBy(folder, THROWAWAY).isPresent()) new EmbeddedPostgres(folder, Optional.empty(), true, LOCKS, SUPERUSER).delete();
                } catch (IOException | UncheckedIOException | Failure e) {
                    // another run is at it, or the next one will be
                }
            }
        }
    }

    /** Starts the server, on a new cluster when the folder has none, and waits until it takes connections. */
    public EmbeddedPostgres start() throws IOException, InterruptedException {
        try {
            programs.find(keptMajor().or(() -> wanted));
            if (wanted.isPresent() && major() != wanted.get())
                throw new Failure.Refused("the cluster in " + folder + " is one of PostgreSQL " + major(), "use another folder for version " + wanted.get());
            stopLeftOver();
            if (!Files.exists(data)) createCluster();
            startServer();
            return this;
        } catch (Throwable e) {
            close();
            throw e;
        }
    }

    public int port() { return port; }

    public int major() { return programs.major(); }

    public long pid() { return process.pid(); }

    /** Where the data really is. */
    public Path data() { return data; }

    /** What the server has to say, of this run only. */
    public Path log() { return data.resolveSibling("server.log"); }

    public String superuserUrl() { return url(superuser, password, "postgres"); }

    /** A connection URL with the password in it. */
    public String url(String role, Secret password, String database) {
        return "postgresql://" + role + ":" + password.reveal() + "@127.0.0.1:" + port + "/" + database;
    }

    /** Connects as superuser. */
    public Connection connect(String database) throws SQLException { return connect(superuser, password, database); }

    Connection connect(String role, Secret password, String database) throws SQLException { return connect(role, password, database, 0); }

    /** @param seconds to connect, and for each answer; 0 sets no limit */
    Connection connect(String role, Secret password, String database, int seconds) throws SQLException {
        var properties = new Properties();
        properties.setProperty("sslmode", "disable");       // else the driver tries twice, and takes twice the time
        properties.setProperty("connectTimeout", String.valueOf(seconds));
        properties.setProperty("socketTimeout", String.valueOf(seconds));
        properties.setProperty("user", role);
        properties.setProperty("password", password.reveal());
        return new org.postgresql.Driver().connect("jdbc:postgresql://127.0.0.1:" + port + "/" + database, properties);
    }

    /** Waits until the server ends, which it does not do by itself. */
    public void awaitEnd() throws InterruptedException { process.waitFor(); }

    /** Stops the server (open transactions are rolled back), or whatever runs to create it, and waits until it is gone. */
    @Override public void close() throws IOException, InterruptedException {
        programs.close();
        if (throwaway) StateFolder.delete(folder);
        lock.close();
    }

    /** Closes it and deletes the cluster. */
    public void delete() throws IOException, InterruptedException {
        stopLeftOver();
        close();
        StateFolder.delete(folder);
    }

    private Optional<Integer> keptMajor() throws IOException {
        var version = data.resolve("PG_VERSION");
        return Files.exists(version) ? Optional.of(Integer.valueOf(Files.readString(version).strip())) : Optional.empty();
    }

    /** Under another name first: a cluster with its final name is whole. */
    private void createCluster() throws IOException, InterruptedException {
        var fresh = data.resolveSibling("data.new");
        StateFolder.delete(fresh);
        user.own(Private.folder(fresh));
        var passwordFile = data.resolveSibling("superuser.password.new");     // one that the server's user may read
        Files.deleteIfExists(passwordFile);
        user.own(Private.create(passwordFile));
        Files.writeString(passwordFile, password.reveal());
        programs.run("initdb", List.of("-D", fresh.toString(), "-U", superuser, "--pwfile=" + passwordFile, "--auth=scram-sha-256",
            "--encoding=UTF8", "--no-locale", "--no-sync", "--no-instructions"));
        Files.delete(passwordFile);
        Files.writeString(fresh.resolve("pg_hba.conf"), "host all all 127.0.0.1/32 scram-sha-256\n");
        Files.move(fresh, data, StandardCopyOption.ATOMIC_MOVE);
    }

    private void startServer() throws IOException, InterruptedException {
        // Nothing of a throwaway outlives it, so nothing has to be on the disk.
        var lasting = throwaway ? "off" : "on";
        for (var attempt = 1; ; attempt++) {
            port = freePort();
            process = programs.serve(log(), List.of("-D", data.toString(), "-p", String.valueOf(port),
                "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", "max_connections=" + CONNECTIONS,
                "-c", "max_locks_per_transaction=" + Math.max(LOCKS, locks) / CONNECTIONS, "-c", "shared_buffers=128MB",
                "-c", "maintenance_work_mem=128MB", "-c", "max_wal_size=2GB", "-c", "synchronous_commit=off", "-c", "jit=off", "-c", "timezone=UTC",
                // Nothing replicates it, and with this a table filled where it was created is written once, not twice:
                "-c", "wal_level=minimal", "-c", "max_wal_senders=0",
                "-c", "fsync=" + lasting, "-c", "full_page_writes=" + lasting,
                // Statements can hold passwords:
                "-c", "log_min_error_statement=panic"));
            if (isReady()) return;
            // Another program took the port meanwhile, or backends of a killed server are not gone yet: both pass.
            if (process.isAlive() || attempt == ATTEMPTS)
                throw new Failure.ToolFailed("PostgreSQL " + major() + " did not start: " + lastLine(log()), "read " + log() + ", or start from nothing: ./jbang local --reset");
            TimeUnit.MILLISECONDS.sleep(500L * attempt);
        }
    }

    private boolean isReady() throws IOException, InterruptedException {
        var deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(SECONDS_TO_START);
        while (process.isAlive() && System.nanoTime() < deadline) {
            var lines = pidFile();
            if (lines.size() > 7 && lines.get(0).equals(String.valueOf(process.pid())) && lines.get(7).strip().equals("ready")) return true;
            process.waitFor(20, TimeUnit.MILLISECONDS);
        }
        return false;
    }

    /** Stops a server that a killed run left, if the process in postmaster.pid really is one, and works in our folder. */
    private void stopLeftOver() throws IOException, InterruptedException {
        var lines = pidFile();
        if (lines.size() < 3 || !lines.get(0).strip().matches("[0-9]+")) return;
        var handle = ProcessHandle.of(Long.parseLong(lines.get(0).strip())).filter(ProcessHandle::isAlive);
        if (handle.isEmpty()) return;
        if (isOurs(handle.get(), Long.parseLong(lines.get(2).strip()))) programs.stop(handle.get());
        else Files.deleteIfExists(data.resolve("postmaster.pid"));            // its number went to another program
    }

    private boolean isOurs(ProcessHandle handle, long startedAt) throws IOException {
        var place = Path.of("/proc", String.valueOf(handle.pid()), "cwd");
        if (Files.exists(place, LinkOption.NOFOLLOW_LINKS)) {
            try {
                return Files.isSameFile(place, data);
            } catch (AccessDeniedException | NoSuchFileException e) {
                return false;          // somebody else's, or gone meanwhile
            }
        }
        var info = handle.info();
        return info.command().orElse("").endsWith("postgres")
            && info.startInstant().map(instant -> Math.abs(instant.getEpochSecond() - startedAt) < 10).orElse(false);
    }

    private List<String> pidFile() throws IOException {
        try {
            return Files.readAllLines(data.resolve("postmaster.pid"));
        } catch (NoSuchFileException e) {
            return List.of();
        }
    }

    private static String lastLine(Path log) throws IOException {
        var lines = Files.readAllLines(log);
        return lines.isEmpty() ? "it said nothing" : lines.get(lines.size() - 1);
    }

    private static int freePort() throws IOException {
        try (var socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return socket.getLocalPort();
        }
    }
}
