package ops;

import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Optional;

/**
 * What a run says: the result on stdout; everything on the way on stderr and in the log, free of secrets.
 *
 * <p>On a terminal short lines with marks, colours (unless NO_COLOR) and one line of progress; otherwise plain lines
 * that begin with the time, in UTC. The log always gets the latter, {@code --verbose} lines included.
 */
public final class Console {
    private static final boolean TERMINAL = isTerminal();
    private static final boolean COLOUR = TERMINAL && System.getenv("NO_COLOR") == null;

    /** Not System.out, which swallows what goes wrong, and with it why. */
    private final OutputStream out = new FileOutputStream(FileDescriptor.out);
    private String lost;
    private boolean hasResult;
    private final PrintStream err = new PrintStream(System.err, true, StandardCharsets.UTF_8);
    private boolean quiet;
    private boolean verbose;
    private Writer log;
    private boolean progressShown;

    void configure(boolean quiet, boolean verbose) {
        this.quiet = quiet;
        this.verbose = verbose;
    }

    /** Text that somebody else may have written, fit for a terminal: neither moves the cursor nor turns what follows round. */
    public static String plain(String text) { return text.replaceAll("[\\p{Cc}\\p{Cf}]", " "); }

    /** The result, on stdout. */
    public synchronized void result(String text) {
        clearProgress();
        hasResult = true;
        if (lost != null) return;
        try {
            out.write((Secret.mask(text) + System.lineSeparator()).getBytes(StandardCharsets.UTF_8));
        } catch (IOException e) {
            lost = e.getMessage();
        }
    }

    /** Whether something was said on stdout. */
    synchronized boolean hasResult() { return hasResult; }

    /** Why a result, or a part of it, was not taken; empty when all was. */
    public synchronized Optional<String> lostResult() { return Optional.ofNullable(lost); }

    /** A line that says what is happening. */
    public void say(String line) { write("", line, null, quiet); }

    /** A line for {@code --verbose} and the log. */
    public void detail(String line) { write("", line, null, !verbose); }

    /** Something the operator should know though the run goes on; shown even with {@code --quiet}. */
    public void warn(String line) { write("warning", line, "33", false); }

    void good(String line) { write("ok", line, "32", quiet); }

    void bad(String line) { write("FAILED", line, "31", false); }

    /** Part of a failure's message: state and next step; shown even with {@code --quiet}. */
    void follow(String line) { write("", line, null, false); }

    boolean terminal() { return TERMINAL; }

    boolean verbose() { return verbose; }

    /** Replaces the line of progress; on a terminal only. */
    synchronized void progress(String line) {
        if (!TERMINAL || quiet) return;
        err.print("\r\033[K" + Secret.mask(line));
        err.flush();
        progressShown = true;
    }

    private synchronized void write(String mark, String text, String ansi, boolean logOnly) {
        text = Secret.mask(text);
        var time = Instant.now().truncatedTo(ChronoUnit.SECONDS) + " ";
        var word = mark.isEmpty() ? "" : mark + ": ";
        if (log != null) {
            try {
                log.write(time + word + text + "\n");
                log.flush();
            } catch (IOException e) {
                log = null; // a full disk must not end the run, nor go unsaid
                warn("the log can't be written any more: " + e.getMessage());
            }
        }
        if (logOnly) return;
        clearProgress();
        if (!TERMINAL) err.println(time + word + text);
        else if (mark.isEmpty()) err.println("  " + text);
        else {
            var sign = switch (mark) { case "ok" -> "✓"; case "warning" -> "!"; default -> "✗"; };
            err.println((COLOUR ? "\033[" + ansi + "m" + sign + "\033[0m" : sign) + " " + text);
        }
        err.flush();
    }

    private void clearProgress() {
        if (progressShown) err.print("\r\033[K");
        progressShown = false;
    }

    /** Starts the log of this run. A run goes on without one when it can't be. */
    void openLog(LogFolder folder, String name) {
        try {
            log = folder.open(name);
        } catch (IOException | UncheckedIOException e) {
            warn("no log of this run: " + e.getMessage() + " (LOG_DIR names another folder)");
        }
    }

    synchronized void closeLog() {
        try {
            if (log != null) log.close();
        } catch (IOException e) {
            warn("the log may be incomplete: " + e.getMessage());
        }
        log = null;
    }

    /** Asks test(1) about our stderr: System.console() judges stdin and stdout, and differently since JDK 22. */
    private static boolean isTerminal() {
        if ("dumb".equals(System.getenv("TERM"))) return false;
        try {
            var test = new ProcessBuilder("test", "-t", "2").redirectError(ProcessBuilder.Redirect.INHERIT).start();
            return test.waitFor(30, java.util.concurrent.TimeUnit.SECONDS) && test.exitValue() == 0;
        } catch (IOException e) {
            return false;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        }
    }
}
