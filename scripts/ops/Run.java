package ops;

import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import picocli.CommandLine;
import picocli.CommandLine.Option;

/**
 * One run of a script: its console, its steps, its clean-up and its exit code. Mixed into every command.
 *
 * <p>However the run ends (return, failure, Ctrl-C, TERM) everything registered with {@link #undo} is undone, the record
 * is written and the log is closed. After kill -9 only the process is gone: nothing that a later run would trust is left.
 */
public final class Run {
    /** The whole of what a script does. */
    public interface Body { void run() throws Exception; }

    /** What the process exits with, once that is known. */
    private static final CompletableFuture<Integer> CODE = new CompletableFuture<>();

    @Option(names = "--json", description = "print the result as one JSON document on stdout")
    public boolean json;

    @Option(names = {"-q", "--quiet"}, description = "say nothing but warnings, failures and the result")
    boolean quiet;

    @Option(names = {"-v", "--verbose"}, description = "say more, and print a stack trace on failure")
    boolean verbose;

    public final Console console = new Console();
    public final Undo undo = new Undo(console);
    final Lifeline lifeline = new Lifeline();
    public final Instant started = Instant.now().truncatedTo(ChronoUnit.MILLIS);

    private String name;
    private String state = "nothing was changed";
    private String problem;
    private History history;
    private final Map<String, String> names = new LinkedHashMap<>();
    /** Whether the outcome is known: the body's or a signal's, whichever was first. */
    private final AtomicBoolean decided = new AtomicBoolean();

    /**
     * Runs a script's command line and ends the process with its exit code.
     *
     * @param command a picocli command
     */
    public static void main(Object command, String... args) {
        CODE.complete(commandLine(command).execute(args));
        System.exit(CODE.join());
    }

    /** The command line as every script has it: exit codes in --help, usage errors in the kit's form. */
    static CommandLine commandLine(Object command) {
        var line = new CommandLine(command);
        describeExitCodes(line);
        line.setParameterExceptionHandler((e, args) -> {
            var console = new Console();
            // A misspelt option is also one that is missing, and that is said first.
            var unknown = e instanceof CommandLine.MissingParameterException ? unknown(e.getCommandLine(), args)
                : Optional.<String>empty();
            var what = unknown.map(option -> "Unknown option: '" + option + "'").orElse(e.getMessage())
                .replaceAll("\\p{Cntrl}", " ");
            var similar = unknown.flatMap(option -> Similar.to(option, options(e.getCommandLine()))).map(List::of)
                .orElse(e instanceof CommandLine.UnmatchedArgumentException u ? u.getSuggestions() : List.of());
            var meant = similar.isEmpty() ? "" : "Did you mean " + String.join(" or ", similar) + "? ";
            var help = "./jbang " + e.getCommandLine().getCommandSpec().qualifiedName(" ") + " --help";
            console.bad(what);
            console.follow(meant + "Next: " + help);
            if (List.of(args).contains("--json"))
                console.result(Json.text(new Failed(Exit.USAGE.code, what, "nothing was done", meant + help)));
            return Exit.USAGE.code;
        });
        return line;
    }

    private static Optional<String> unknown(CommandLine line, String... args) {
        return Stream.of(args).takeWhile(arg -> !arg.equals("--")).filter(arg -> arg.startsWith("--"))
            .map(arg -> arg.replaceFirst("=.*", "")).filter(arg -> !options(line).contains(arg)).findFirst();
    }

    /** A command's own, and those of the commands above it. */
    private static Set<String> options(CommandLine line) {
        return Stream.iterate(line, each -> each != null, CommandLine::getParent)
            .flatMap(each -> each.getCommandSpec().optionsMap().keySet().stream()).collect(Collectors.toSet());
    }

    /**
     * What stands on stdout with {@code --json} when there is no result.
     *
     * @param code that the process exits with
     * @param state what things are like
     */
    private record Failed(int code, String what, String state, String next) { }

    private static void describeExitCodes(CommandLine line) {
        line.getCommandSpec().usageMessage().exitCodeListHeading("%nExit codes:%n").exitCodeList(Exit.table()).width(100);
        line.getSubcommands().values().forEach(Run::describeExitCodes);
    }

    /** The same, where a rehearsal's log has a name of its own: the last one of the script is then of a run that was none. */
    public int execute(String name, boolean rehearsal, Body body) {
        return execute(rehearsal ? name + "-dry-run" : name, body);
    }

    /**
     * Runs the body, prints a failure in three lines (what, state, next step) and returns the exit code.
     *
     * @param name of the script; names the log file too
     */
    public int execute(String name, Body body) {
        this.name = name;
        console.configure(quiet, verbose);
        var hook = new Thread(this::interrupted, "clean-up");
        Runtime.getRuntime().addShutdownHook(hook);
        var exit = said(attempt(body));
        end(exit);
        return exit.code;
    }

    private Exit attempt(Body body) {
        try {
            body.run();
            return Exit.DONE;
        } catch (Throwable thrown) {
            if (decided.get()) waitForTheEnd();
            undo.close(); // first, so that what is said about the state is so
            var cause = unwrap(thrown);
            var known = MachineLimit.in(cause);
            if (known.isPresent()) {
                var failure = known.get();
                problem = named(failure.getMessage());
                tell(failure.exit, problem, named(failure.hint));
                if (console.verbose()) trace(cause);
                return failure.exit;
            }
            problem = cause.toString();
            tell(Exit.BUG, "a bug in the kit: " + cause, "run it again with --verbose and send us the log");
            trace(cause);
            return Exit.BUG;
        }
    }

    private void tell(Exit exit, String what, String next) {
        console.bad(what);
        console.follow("State: " + state + ".");
        console.follow("Next:  " + next);
        // One document: what was looked at may be the result of a run that fails for it.
        if (json && !console.hasResult()) console.result(Json.text(new Failed(exit.code, what, state, next)));
    }

    /** What can't be said is no success where what is said is the result; a run that is recorded has changed what it was to change. */
    private Exit said(Exit exit) {
        var lost = console.lostResult();
        if (lost.isEmpty()) return exit;
        var what = "the result could not be written to stdout, or not all of it: " + lost.get();
        if (exit != Exit.DONE || history != null && !json) {
            console.warn(what);
            return exit;
        }
        undo.close();
        console.bad(what);
        console.follow("State: " + state + ".");
        console.follow("Next:  let stdout lead where there is room and somebody reads to the end, and run it again");
        problem = what;
        return Exit.FAILED;
    }

    private void trace(Throwable thrown) {
        var trace = new java.io.StringWriter();
        thrown.printStackTrace(new java.io.PrintWriter(trace));
        trace.toString().lines().forEach(console::detail);
    }

    private static Throwable unwrap(Throwable thrown) {
        while ((thrown instanceof ExecutionException || thrown instanceof CompletionException || thrown instanceof ExceptionInInitializerError) && thrown.getCause() != null) thrown = thrown.getCause();
        return thrown;
    }

    /**
     * Names a folder of the run's own, which goes with it, as an operator knows it: where a failure is told, the latter
     * stands.
     */
    public void name(Path own, Path known) { names.put(own.toString(), known.toString()); }

    private String named(String text) {
        for (var name : names.entrySet()) text = text.replace(name.getKey(), name.getValue());
        return text;
    }

    /** What things are like if the run fails from here on, as a clause: "nothing was stored". */
    public void state(String state) { this.state = state; }

    /** Reads an environment's settings and starts the log of this run, where they say; removes old ones. */
    public Settings settings(String env) { return logged(Settings.of(env), name + "-" + env); }

    /** The same of no environment in particular. */
    public Settings settings() { return logged(Settings.shared(), name); }

    private Settings logged(Settings settings, String name) {
        var logs = LogFolder.of(settings);
        console.openLog(logs, name);
        logs.clear(console, settings.number(Setting.LOG_DAYS));
        return settings;
    }

    /** Has this run recorded in the history when it ends, whatever its end. */
    public void record(History history) { this.history = history; }

    public Duration elapsed() { return Duration.between(started, Instant.now()); }

    /** Nothing changes the outcome from here on; does not return when a signal came before. */
    private void decide() {
        if (!decided.compareAndSet(false, true)) waitForTheEnd();
    }

    private void interrupted() {
        // Too late to stop anything: the exit code stays the one of what was done.
        if (!decided.compareAndSet(false, true)) Runtime.getRuntime().halt(CODE.join());
        undo.stop();
        console.warn("interrupted: stopping and cleaning up");
        undo.close();
        console.follow("State: " + state + ".");
        if (history != null) history.write("interrupted", null, null, elapsed());
    }

    /** Ends the run from another thread as a signal does, with a failure's words and exit code. Too late when its outcome is known. */
    void stop(Failure failure) {
        if (!decided.compareAndSet(false, true)) return;
        undo.close();
        tell(failure.exit, failure.getMessage(), failure.hint);
        if (history != null) history.write("failed", failure.exit, failure.getMessage(), elapsed());
        console.closeLog();
        Runtime.getRuntime().halt(failure.exit.code);
    }

    private void end(Exit exit) {
        // What is done is done. A failure is a signal's until it is recorded: Ctrl-C ends the programs that we run as well.
        if (exit == Exit.DONE) decide();
        undo.close();
        if (history != null) history.write(exit == Exit.DONE ? "done" : "failed", exit, problem, elapsed());
        if (exit != Exit.DONE) decide();
        console.closeLog();
    }

    /** The JVM is going down and its hook is cleaning up; this thread has nothing left to say. */
    static void waitForTheEnd() {
        while (true) {
            try {
                Thread.sleep(Long.MAX_VALUE);
            } catch (InterruptedException e) {
                // the JVM halts when the hook is done
            }
        }
    }
}
