package ops;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.stream.Collectors;

/**
 * What a program has started and left running when it ended: a server that a build needed, say. It would go on in a
 * folder that is gone, hold the program's output open, and perhaps write where the next build does.
 *
 * <p>It is told by a mark in its environment; without /proc (macOS) it is not found, and lives on.
 */
final class LeftBehind {
    private static final Path PROCESSES = Path.of("/proc");

    private final String mark = UUID.randomUUID().toString();

    /** What the program has to have in its environment. */
    Map<String, String> mark() { return Map.of("HANDOVER_PROGRAM", mark); }

    /** Ends what does not end by itself in time, and says so: it may have been about to make something. */
    void end(Run run, String program, Duration time) {
        Tool.await(all(), time);
        var left = all();
        if (left.isEmpty()) return;
        var names = left.stream().map(each -> each.info().commandLine().orElse("process " + each.pid()))
            .map(Console::plain).collect(Collectors.joining(", "));
        left.forEach(ProcessHandle::destroyForcibly);
        run.console.warn(program + " ended, and left running what was ended now: " + names);
    }

    private List<ProcessHandle> all() {
        if (!Files.isDirectory(PROCESSES)) return List.of();
        return ProcessHandle.allProcesses().filter(this::isMarked).toList();
    }

    private boolean isMarked(ProcessHandle process) {
        try {
            var environment = Files.readAllBytes(PROCESSES.resolve(process.pid() + "/environ"));
            return new String(environment, StandardCharsets.ISO_8859_1).contains(mark);
        } catch (IOException e) {
            return false; // gone, or another user's
        }
    }
}
