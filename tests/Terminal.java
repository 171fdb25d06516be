import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;

/** A person's terminal: one bash, which keeps its folder and its variables from one line to the next. */
final class Terminal implements AutoCloseable {
    /** What bash prints when it wants the next line. No line that is typed, and so shown, has such characters. */
    private static final String PROMPT = "printf '\\001%s\\002' \"$?\"";
    private static final Pattern PROMPTED = Pattern.compile("\001(\\d+)\002");
    private static final Pattern COLOURS = Pattern.compile("\033\\[[0-9;?]*[A-Za-z]|\r");

    private final Process process;
    private final StringBuilder shown = new StringBuilder();
    private final Thread reader;
    private final Map<String, String> answers = new LinkedHashMap<>();
    /** What was shown up to here was read. */
    private int read;

    /** Opens one in a folder, as large as a window of a desktop is. */
    Terminal(Path folder, Map<String, String> environment) {
        var builder = new ProcessBuilder("script", "-qefc", "bash --noprofile --norc --noediting -i", "/dev/null")
            .directory(folder.toFile()).redirectErrorStream(true);
        builder.environment().clear();
        builder.environment().putAll(environment);
        builder.environment().putAll(Map.of("TERM", "xterm", "SHELL", "/bin/bash", "HISTFILE", "/dev/null",
            "PS1", "", "PROMPT_COMMAND", PROMPT));
        try {
            process = builder.start();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        reader = new Thread(this::read);
        reader.setDaemon(true);
        reader.start();
        awaitPrompt();
        type("stty rows 50 columns 200");
    }

    /** What is typed where something is asked that ends so. */
    Terminal answer(String question, String answer) {
        answers.put(question, answer);
        return this;
    }

    /** Types lines, each when the one before has ended. The exit code is the first that is not 0. */
    Kit.Result type(String lines) {
        var exit = 0;
        var from = read;
        for (var line : lines.strip().split("\n")) {
            send(line);
            var code = awaitPrompt();
            if (exit == 0) exit = code;
        }
        var text = COLOURS.matcher(between(from, read)).replaceAll("").replaceAll("\001\\d+\002", "");
        return new Kit.Result(List.of(lines), exit, text, "");
    }

    private void send(String line) {
        try {
            var keyboard = process.getOutputStream();
            keyboard.write((line + "\n").getBytes(StandardCharsets.UTF_8));
            keyboard.flush();
        } catch (IOException e) {
            throw new AssertionError("the terminal is closed\n" + between(0, shown.length()), e);
        }
    }

    /** Gives what is asked for until the line has ended; its exit code. */
    private int awaitPrompt() {
        var asked = new int[] {read};
        var code = new int[1];
        Patience.until(() -> {
            var said = between(asked[0], length());
            var prompted = PROMPTED.matcher(said);
            if (prompted.find()) {
                code[0] = Integer.parseInt(prompted.group(1));
                read = asked[0] + prompted.end();
                return true;
            }
            if (!reader.isAlive())
                throw new AssertionError("the terminal is closed: " + process.waitFor() + "\n" + between(0, length()));
            for (var each : answers.entrySet())
                if (said.endsWith(each.getKey())) {
                    asked[0] += said.length();
                    send(each.getValue());
                }
            return false;
        }, () -> "never ended:\n" + between(read, length()));
        return code[0];
    }

    private void read() {
        try (var text = new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8)) {
            var some = new char[4096];
            for (int count; (count = text.read(some)) >= 0; ) append(new String(some, 0, count));
        } catch (IOException e) {
            // it is closed
        }
    }

    private synchronized void append(String text) { shown.append(text); }

    private synchronized int length() { return shown.length(); }

    private synchronized String between(int from, int to) { return shown.substring(from, to); }

    /** As a person leaves it; what does not end by that is killed. */
    @Override public void close() {
        try {
            if (reader.isAlive()) send("exit");
            process.waitFor(10, TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        process.descendants().forEach(ProcessHandle::destroyForcibly);
        process.destroyForcibly();
    }
}
