package ops;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.UUID;
import java.util.stream.Collectors;

/**
 * Ends whatever a run has started when its own process is gone without having done so: kill -9, or the system that
 * kills what takes too much memory. Else an upload would go on while the next run has the lock.
 *
 * <p>A small shell waits at a pipe whose other end is this process's alone, so its end is seen at once and for certain.
 * It then kills what it was told of, and whatever has the run's mark in its environment, with their descendants. That
 * finds also what was started a moment ago, and what has left its parent. Without /proc (macOS) it is the former alone.
 *
 * <p>Linux's signal at the parent's death is not used: it comes when the thread ends that has started a program, and it
 * does not reach what that program starts.
 */
final class Lifeline {
    static final String MARK = "HANDOVER_RUN";

    /** Nothing of it comes from outside: the mark is its argument, and it reads numbers. */
    private static final String WATCHER = """
        trap '' HUP INT QUIT TERM PIPE
        cd /
        running=
        while read -r line; do
            [ "$line" != ended ] || exit 0
            running=$line
        done
        children() { cat /proc/"$1"/task/*/children 2>/dev/null || pgrep -P "$1"; }
        # What is stopped starts nothing more while its descendants are looked for.
        end() {
            kill -STOP "$1" || return
            for child in $(children "$1"); do end "$child"; done
            kill -KILL "$1"
        }
        for look in 1 2 3; do
            for process in $running $(grep -lsF "$1" /proc/[0-9]*/environ | cut -d/ -f3); do end "$process"; done
        done
        """;

    private final String mark = UUID.randomUUID().toString();
    private final Set<Long> running = new TreeSet<>();
    private Process watcher;

    /** Has the shell watch over what is started from now on; it is told when the run has ended and cleaned up. */
    synchronized void hold(Run run) throws IOException {
        if (watcher != null) return;
        run.undo.act(() -> {
            var command = new ArrayList<>(List.of("/bin/sh", "-c", WATCHER, "handover-watch", MARK + "=" + mark));
            // In a session of its own, where there is setsid: kill -9 of this process's whole group must not reach it.
            if (Tool.isOnPath("setsid")) command.add(0, "setsid");
            var builder = new ProcessBuilder(command)
                .redirectOutput(ProcessBuilder.Redirect.DISCARD).redirectError(ProcessBuilder.Redirect.DISCARD);
            builder.environment().keySet().retainAll(Set.of("PATH"));
            watcher = builder.start();
            return run.undo.add("tell that the run has ended", () -> tell("ended"));
        });
    }

    /** What a program finds in its environment, and hands on to whatever it starts. */
    Map<String, String> mark() { return Map.of(MARK, mark); }

    synchronized void add(long process) {
        running.add(process);
        tell();
    }

    synchronized void remove(long process) {
        if (running.remove(process)) tell();
    }

    private void tell() { tell(running.stream().map(String::valueOf).collect(Collectors.joining(" "))); }

    /** One line is written at once, or not at all. */
    private synchronized void tell(String line) {
        try {
            var pipe = watcher.getOutputStream();
            pipe.write((line + "\n").getBytes(StandardCharsets.US_ASCII));
            pipe.flush();
        } catch (IOException e) {
            // somebody has ended it; the run itself goes on, and stops what it has started
        }
    }
}
