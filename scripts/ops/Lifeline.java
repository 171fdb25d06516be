package ops;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
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

    /** Nothing of it comes from outside: the mark is its argument, and it reads pairs of numbers, NUMBER:BEGIN. */
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
        # The system soon gives a number to another process: only the one that began then is meant.
        began() { sed 's/.*) //' /proc/"$1"/stat 2>/dev/null | cut -d ' ' -f 20; }
        for process in $running; do
            [ "$(began "${process%:*}")" != "${process#*:}" ] || end "${process%:*}"
        done
        for look in 1 2 3; do
            for process in $(grep -lsF "$1" /proc/[0-9]*/environ | cut -d/ -f3); do end "$process"; done
        done
        """;

    private final String mark = UUID.randomUUID().toString();
    /** When each began, in the system's ticks since it was started itself; empty without /proc. */
    private final Map<Long, String> running = new TreeMap<>();
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
        running.put(process, began(process));
        tell();
    }

    synchronized void remove(long process) {
        if (running.remove(process) != null) tell();
    }

    /** Field 22 of proc(5)'s stat; the second, which may have anything in it, ends at the last parenthesis. */
    private static String began(long process) {
        try {
            var stat = Files.readString(Path.of("/proc", String.valueOf(process), "stat"), StandardCharsets.ISO_8859_1);
            return stat.substring(stat.lastIndexOf(')') + 2).split(" ")[19];
        } catch (IOException e) {
            return "";
        }
    }

    private void tell() {
        tell(running.entrySet().stream().map(one -> one.getKey() + ":" + one.getValue()).collect(Collectors.joining(" ")));
    }

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
