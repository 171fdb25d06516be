package local;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import ops.Failure;
import ops.Private;

/** Runs PostgreSQL's server programs as the user that may, and stops all that it has started. */
final class ServerPrograms implements AutoCloseable {
    private static final int SECONDS_TO_STOP = 15;

    private final ServerUser user;
    private final Path directory;
    /** PostgreSQL's immediate or its fast shutdown; the TERM that Java can send would wait for the clients to leave. */
    private final String ending;
    private final List<Process> children = new CopyOnWriteArrayList<>();
    private volatile boolean closed;
    private volatile PostgresBinaries binaries;

    /**
     * @param directory where they work: one that the user can enter
     * @param throwaway whether a server may end without writing its data to the disk
     */
    ServerPrograms(ServerUser user, Path directory, boolean throwaway) {
        this.user = user;
        this.directory = directory;
        ending = throwaway ? "QUIT" : "INT";
    }

    void find(Optional<Integer> major) throws IOException, InterruptedException { binaries = PostgresBinaries.find(major, user); }

    int major() { return binaries.major(); }

    /** Runs a program to its end; what it printed is in the failure. */
    void run(String name, List<String> arguments) throws IOException, InterruptedException {
        var program = begin(builder(user.server(command(name, arguments))));
        program.getOutputStream().close();
        var said = new String(program.getInputStream().readAllBytes());
        var exit = program.waitFor();
        children.remove(program);
        if (exit != 0)
            throw new Failure.ToolFailed(name + " failed (exit " + exit + "): " + said.strip().replaceAll("\\s*\\R\\s*", " / "), "is there room? df -h " + directory);
    }

    /** Starts the server, from a thread that lasts: Linux takes the end of the thread, not of the process, for the death of the parent. */
    Process serve(Path log, List<String> arguments) throws IOException, InterruptedException {
        Files.deleteIfExists(log);
        Private.create(log);
        var builder = builder(user.server(command("postgres", arguments))).redirectOutput(log.toFile());
        var started = new CompletableFuture<Process>();
        var keeper = new Thread(() -> {
            try {
                var server = begin(builder);
                started.complete(server);
                server.onExit().join();
            } catch (IOException e) {
                started.completeExceptionally(e);
            }
        }, "PostgreSQL");
        keeper.setDaemon(true);
        keeper.start();
        try {
            return started.get();
        } catch (ExecutionException e) {
            throw new Failure.ToolFailed("PostgreSQL could not be started: " + e.getCause().getMessage(), "check it: " + binaries.program("postgres") + " --version");
        }
    }

    /** Stops a server and waits. */
    void stop(ProcessHandle server) throws InterruptedException {
        var tree = new ArrayList<>(server.descendants().toList());
        tree.add(server);
        try {
            if (binaries == null) throw new TimeoutException();      // nobody asked for a gentle end
            var kill = List.of("kill", ending, String.valueOf(server.pid()));
            builder(user.command(command("pg_ctl", kill))).start().waitFor();
            server.onExit().get(SECONDS_TO_STOP, TimeUnit.SECONDS);
        } catch (IOException | ExecutionException | TimeoutException e) {
            tree.forEach(ProcessHandle::destroyForcibly);
        }
        for (var handle : tree) handle.onExit().completeOnTimeout(handle, 5, TimeUnit.SECONDS).join();
    }

    /** Stops whatever runs; nothing more can be started. */
    @Override public void close() throws InterruptedException {
        closed = true;
        for (var child : children) stop(child.toHandle());
    }

    private List<String> command(String name, List<String> arguments) {
        var command = new ArrayList<>(List.of(binaries.program(name)));
        command.addAll(arguments);
        return command;
    }

    private ProcessBuilder builder(List<String> command) {
        var builder = new ProcessBuilder(command).redirectErrorStream(true).directory(directory.toFile());
        builder.environment().keySet().retainAll(List.of("PATH", "HOME", "TMPDIR"));
        return builder;
    }

    private Process begin(ProcessBuilder builder) throws IOException {
        var child = builder.start();
        children.add(child);
        if (closed) child.destroyForcibly();      // it came too late for close() to see it
        return child;
    }
}
