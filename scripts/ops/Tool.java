package ops;

import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.function.Predicate;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * The one door to external programs: argument lists, never a shell; an environment of named variables only, so that no
 * secret of ours is inherited; the whole process tree stopped when the run ends, and killed when the run is
 * ({@link Lifeline}).
 *
 * <p>zt-exec is not used: its exceptions print the child's environment, its pump hides a failing sink, and a
 * grandchild outlives its destroyOnExit. What is left of the work is this file.
 */
public final class Tool implements AutoCloseable {
    private static final List<String> INHERITED = List.of("PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "TMPDIR", "TZ", "SYSTEMROOT");
    private static final int KEPT_LINES = 20;
    private static final int LONGEST_LINE = 1 << 14;
    private static final int LONGEST_SECRET = 1 << 12;
    /** What a program has started may end by itself when it has ended: it has as long as this. */
    private static final Duration TIME_TO_END = Duration.ofSeconds(5);
    /** Nobody should wait for longer without a word. */
    private static final Duration UNTOLD = Duration.ofSeconds(30);
    private static final Pattern FOR_TERMINALS = Pattern.compile("\033(\\[[0-9;?]*[ -/]*[@-~]|\\][^\007\033]*(\007|\033\\\\)?|[@-Z\\\\^_])");

    private final String name;
    private volatile Process process;
    private final Deque<String> complaints = new ArrayDeque<>();
    private final Thread listener;
    private final Runnable forget;
    private volatile Duration silent = Duration.ZERO;
    private volatile Duration patience = Duration.ofSeconds(2);
    private volatile long waitingSince;
    private volatile boolean stopped;
    private final Predicate<String> kept;

    private Tool(Run run, Path program, List<String> arguments, Map<String, String> environment, Consumer<ProcessBuilder> output) {
        this(run, program, arguments, environment, output, line -> true);
    }

    private Tool(Run run, Path program, List<String> arguments, Map<String, String> environment, Consumer<ProcessBuilder> output, Predicate<String> kept) {
        name = program.getFileName().toString();
        this.kept = kept;
        var command = new ArrayList<>(List.of(program.toString()));
        command.addAll(arguments);
        var builder = new ProcessBuilder(command);
        builder.environment().keySet().retainAll(INHERITED);
        builder.environment().putAll(environment);
        builder.environment().putAll(run.lifeline.mark());
        output.accept(builder);
        run.console.detail("running " + String.join(" ", command));
        try {
            run.lifeline.hold(run);
            forget = run.undo.act(() -> {
                process = builder.start();
                run.lifeline.add(process.pid());
                // At its end, and no later: the system gives its number to somebody else.
                process.onExit().thenRun(() -> run.lifeline.remove(process.pid()));
                return run.undo.add("stop " + name, this::stop);
            });
        } catch (IOException e) {
            throw new Failure.ToolFailed(name + " could not be started: " + e.getMessage(), "check it: " + command.get(0) + " --version");
        }
        listener = new Thread(this::listen, name + " stderr");
        listener.setDaemon(true);
        listener.start();
    }

    /** Whether there is a program of this name. */
    public static boolean isOnPath(String name) {
        return Stream.of(System.getenv().getOrDefault("PATH", "/usr/bin:/bin").split(File.pathSeparator)).anyMatch(folder -> Files.isExecutable(Path.of(folder, name)));
    }

    /** Starts a program whose stdin and stdout the caller streams. */
    public static Tool start(Run run, Path program, List<String> arguments, Map<String, String> environment) {
        return new Tool(run, program, arguments, environment, streamed -> { });
    }

    /** Starts a program that the caller only writes to. */
    public static Tool sink(Run run, Path program, List<String> arguments, Map<String, String> environment) {
        return new Tool(run, program, arguments, environment, sink -> sink.redirectOutput(ProcessBuilder.Redirect.DISCARD));
    }

    /** The same for one whose complaints somebody listens to, and says which of them are worth keeping. */
    static Tool sink(Run run, Path program, List<String> arguments, Map<String, String> environment, Predicate<String> kept) {
        return new Tool(run, program, arguments, environment, sink -> sink.redirectOutput(ProcessBuilder.Redirect.DISCARD), kept);
    }

    /** Starts a program that speaks to the operator itself, on our stdout and stderr. */
    public static Tool shown(Run run, Path program, List<String> arguments, Map<String, String> environment) {
        return new Tool(run, program, arguments, environment, shown -> shown.inheritIO().redirectInput(ProcessBuilder.Redirect.PIPE));
    }

    /** Runs a program to its end in a folder, with all that it says in a file; any exit code but 0 is a ToolFailed. */
    public static void logged(Run run, Path program, List<String> arguments, Map<String, String> environment, Path folder, Path log, Duration limit) throws IOException, InterruptedException {
        try (var tool = new Tool(run, program, arguments, environment, logged -> logged.directory(folder.toFile()).redirectErrorStream(true).redirectOutput(log.toFile()))) {
            tool.stdin().close();
            tool.finish(limit);
        }
    }

    /**
     * Runs a program to its end in a folder; whatever it says goes to the log line by line, and its last words into the
     * ToolFailed of any exit code but 0.
     */
    public static void narrated(Run run, Path program, List<String> arguments, Map<String, String> environment,
        Path folder, Duration limit) throws IOException, InterruptedException {
        narrated(run, program, arguments, environment, folder, limit, line -> true, () -> { });
    }

    /**
     * The same for a build: what it leaves running is ended.
     *
     * @param kept which of its lines are worth telling when it fails
     */
    public static void build(Run run, Path program, List<String> arguments, Map<String, String> environment,
        Path folder, Duration limit, Predicate<String> kept) throws IOException, InterruptedException {
        var left = new LeftBehind();
        var marked = new HashMap<>(environment);
        marked.putAll(left.mark());
        narrated(run, program, arguments, marked, folder, limit, kept,
            () -> left.end(run, program.getFileName().toString(), TIME_TO_END));
    }

    private static void narrated(Run run, Path program, List<String> arguments, Map<String, String> environment,
        Path folder, Duration limit, Predicate<String> kept, Runnable ended) throws IOException, InterruptedException {
        try (var tool = new Tool(run, program, arguments, environment,
            narrated -> narrated.directory(folder.toFile()).redirectErrorStream(true), kept)) {
            tool.stdin().close();
            var narrating = new Thread(() -> tool.narrate(run), tool.name + " output");
            narrating.setDaemon(true); // what is left behind may hold it open for ever
            narrating.start();
            tool.silent = limit;
            var waiting = tool.tellOfWaiting(run);
            if (!tool.process.waitFor(limit.toMillis(), TimeUnit.MILLISECONDS)) tool.stop();
            waiting.cancel();
            ended.run();
            narrating.join(TIME_TO_END.toMillis());
            tool.finish(limit);
        }
    }

    /** Says from time to time that it is still at work, and what it has said last: it may hang. */
    private Watch tellOfWaiting(Run run) {
        var begun = System.nanoTime();
        return Watch.every(UNTOLD, () -> {
            if (!process.isAlive()) return;
            String last;
            synchronized (complaints) {
                last = complaints.isEmpty() ? "" : "; its last words: " + complaints.getLast();
            }
            run.console.say("waiting for " + name + ", " + Amount.time(Duration.ofNanos(System.nanoTime() - begun))
                + " so far" + last);
        });
    }

    private void narrate(Run run) {
        try {
            lines(stdout(), line -> {
                line = plain(line);
                keep(line);
                run.console.detail(name + ": " + line);
            });
        } catch (IOException e) {
            // Java closes the streams of what has ended or was stopped; finish() says what became of it
        }
    }

    /** A program may never end its line: of a long one only the beginning is taken, and the rest is read and dropped. */
    private static void lines(InputStream from, Consumer<String> taken) throws IOException {
        try (var reader = new InputStreamReader(from, StandardCharsets.UTF_8)) {
            var buffer = new char[1 << 13];
            var line = new StringBuilder();
            var last = '\n';
            for (int read; (read = reader.read(buffer)) > 0; ) {
                for (var i = 0; i < read; i++) {
                    var letter = buffer[i];
                    var ends = letter == '\n' || letter == '\r';
                    if (!ends && line.length() < LONGEST_LINE) line.append(letter);
                    if (ends && !(letter == '\n' && last == '\r')) {
                        taken.accept(whole(line));
                        line.setLength(0);
                    }
                    last = letter;
                }
            }
            if (line.length() > 0) taken.accept(whole(line));
        }
    }

    /** Where it was cut, half a secret may stand, which nobody would know. */
    private static String whole(StringBuilder line) {
        if (line.length() < LONGEST_LINE) return line.toString();
        var masked = Secret.mask(line.toString());
        return masked.substring(0, Math.max(0, masked.length() - LONGEST_SECRET)) + " … (cut)";
    }

    /** Runs a program to its end and gives its stdout; any exit code but 0 is a ToolFailed with its last words. */
    public static byte[] output(Run run, Path program, List<String> arguments, Map<String, String> environment, Duration limit) throws IOException, InterruptedException {
        try (var tool = start(run, program, arguments, environment)) {
            tool.stdin().close();
            var timer = Watch.after(limit, tool::stop);
            var output = tool.readAll();
            timer.cancel();
            tool.finish(limit);
            return output;
        }
    }

    /** The same, as text. */
    public static String text(Run run, Path program, List<String> arguments, Map<String, String> environment, Duration limit) throws IOException, InterruptedException {
        return new String(output(run, program, arguments, environment, limit), StandardCharsets.UTF_8);
    }

    /** The same, in a folder; what it says on stderr goes to the log, and what it has left running is ended. */
    public static String text(Run run, Path program, List<String> arguments, Map<String, String> environment, Path folder, Duration limit) throws IOException, InterruptedException {
        var left = new LeftBehind();
        var marked = new HashMap<>(environment);
        marked.putAll(left.mark());
        try (var tool = new Tool(run, program, arguments, marked, there -> there.directory(folder.toFile()))) {
            tool.stdin().close();
            var waiting = tool.tellOfWaiting(run);
            var timer = Watch.after(limit, tool::stop);
            tool.process.onExit().thenRunAsync(() -> left.end(run, tool.name, TIME_TO_END)); // it may hold the output open
            var output = new String(tool.readAll(), StandardCharsets.UTF_8);
            timer.cancel();
            waiting.cancel();
            try {
                tool.finish(limit);
                return output;
            } finally {
                run.console.detail(tool.name + " ended" + tool.said());
            }
        }
    }

    private byte[] readAll() throws IOException {
        try {
            return stdout().readAllBytes();
        } catch (IOException e) {
            if (stopped) return new byte[0]; // Java closes the streams of what it stops; finish() says why
            throw e;
        }
    }

    /** What a program answers to {@code --version}; it has a minute, which a busy machine may need to start it. */
    public static String version(Run run, Path program) throws IOException, InterruptedException {
        return text(run, program, List.of("--version"), Map.of(), Duration.ofMinutes(1));
    }

    public InputStream stdout() { return process.getInputStream(); }

    /** Its output; when it sends nothing for longer than the limit it is stopped, which {@link #finish} then says. */
    public InputStream stdout(Duration silence) { return stdout(silence, () -> false); }

    /** The same for a program that may be silent while a server works for it: asked whether it does, when the limit is over. */
    public InputStream stdout(Duration silence, BooleanSupplier atWork) {
        silent = silence;
        var watch = Watch.every(Duration.ofMillis(Math.min(1000, silence.toMillis() / 4)), () -> {
            var since = waitingSince;
            if (since == 0 || System.nanoTime() - since <= silence.toNanos()) return;
            if (!atWork.getAsBoolean()) stop();
            else if (waitingSince == since) waitingSince = System.nanoTime();
        });
        return new java.io.FilterInputStream(process.getInputStream()) {
            @Override public int read(byte[] bytes, int from, int length) throws IOException {
                waitingSince = System.nanoTime();
                try {
                    return super.read(bytes, from, length);
                } catch (IOException e) {
                    if (stopped) return -1; // Java closes the streams of what it stops; finish() says why
                    throw e;
                } finally {
                    waitingSince = 0; // while the reader is busy elsewhere, silence is not the program's fault
                }
            }

            @Override public void close() throws IOException {
                watch.cancel();
                super.close();
            }
        };
    }

    public OutputStream stdin() { return process.getOutputStream(); }

    /** Waits for the end; throws ToolFailed unless it came in time and with exit code 0. */
    public void finish(Duration limit) throws InterruptedException { finish(limit, 0); }

    /** The same where another exit code is what is wanted. */
    public void finish(Duration limit, int wanted) throws InterruptedException {
        var inTime = process.waitFor(limit.toMillis(), TimeUnit.MILLISECONDS);
        if (!inTime) stop();
        listener.join(5000);
        if (!inTime || stopped)
            throw new Failure.ToolFailed(name + " was stopped: no sign of life for " + Amount.time(inTime ? silent : limit) + said(), "see what blocks it, then run it again");
        if (process.exitValue() != wanted) {
            var how = process.exitValue() > 128 && process.exitValue() < 193 ? "was killed by signal " + (process.exitValue() - 128) : "failed (exit " + process.exitValue() + ")";
            throw new Failure.ToolFailed(name + " " + how + said(), "mend what it says, then run it again; --verbose shows how it was called");
        }
    }

    /** True when it is no longer running, having been given a moment to end. */
    public boolean ended() throws InterruptedException { return process.waitFor(2, TimeUnit.SECONDS); }

    /** The last lines of its stderr, behind a colon; empty when it said nothing. */
    public String said() {
        synchronized (complaints) {
            return complaints.isEmpty() ? "" : ": " + String.join(" / ", complaints);
        }
    }

    /** Gives it longer than two seconds to end in its own way when it is stopped. */
    public Tool patient(Duration patience) {
        this.patience = patience;
        return this;
    }

    /** Stops it by TERM; what is left of it and its descendants after its time gets TERM, and a second later KILL. */
    public void stop() {
        stopped = true;
        var tree = new ArrayList<>(process.descendants().toList());
        tree.add(process.toHandle());
        process.destroy();
        await(List.of(process.toHandle()), patience);
        tree.forEach(ProcessHandle::destroy);
        await(tree, Duration.ofSeconds(1));
        tree.forEach(ProcessHandle::destroyForcibly);
    }

    static void await(List<ProcessHandle> tree, Duration limit) {
        try {
            CompletableFuture.allOf(tree.stream().map(ProcessHandle::onExit).toArray(CompletableFuture[]::new)).get(limit.toMillis(), TimeUnit.MILLISECONDS);
        } catch (ExecutionException | TimeoutException e) {
            // whoever still lives is stopped harder
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    @Override public void close() {
        if (process.isAlive()) stop();
        forget.run();
    }

    private void listen() {
        try {
            lines(process.getErrorStream(), this::keep);
        } catch (IOException e) {
            // the program is gone, and its exit code says more
        }
    }

    /** Without colours, and what else only a terminal understands. */
    private static String plain(String line) { return Console.plain(FOR_TERMINALS.matcher(line).replaceAll("")); }

    private void keep(String line) {
        if (line.isBlank() || !kept.test(line)) return;
        synchronized (complaints) {
            complaints.add(plain(line).strip());
            if (complaints.size() > KEPT_LINES) complaints.removeFirst();
        }
    }
}
