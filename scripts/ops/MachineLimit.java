package ops;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.FileSystemException;
import java.util.Optional;

/** What a machine lets a run have, as it shows in what Java throws: none of it is a bug in the kit. */
public final class MachineLimit {
    private static final String SEE_THE_LIMITS = "see the limits of this user and service: ulimit -a";

    private MachineLimit() { }

    /** The failure that a limit, or a file system, stands behind; empty when it is something else. */
    public static Optional<Failure> in(Throwable thrown) {
        for (var cause = thrown; cause != null; cause = cause.getCause()) {
            if (cause instanceof Failure failure) return Optional.of(failure);
            if (cause instanceof OutOfMemoryError e) return Optional.of(memory(String.valueOf(e.getMessage())));
            if (cause instanceof StackOverflowError) return Optional.of(failed("something is nested deeper than this run has room for", "is what it reads really what it should be? the log says what it read last"));
            if (cause instanceof UncheckedIOException) continue;
            if (cause instanceof IOException e) return Optional.of(failure(e));
            if (cause instanceof LinkageError && isFileSystem(cause)) return Optional.of(files());
        }
        return Optional.empty();
    }

    private static Failure memory(String said) {
        if (said.contains("native thread") || said.contains("process/resource limits"))
            return failed("this user may start no more processes or threads", "ulimit -u, or TasksMax= of the service, has to allow some hundred more");
        var heap = Runtime.getRuntime().maxMemory();
        return failed("the run needs more memory than it may use (Java has " + Amount.bytes(heap) + "): " + said,
            "is something in JAVA_TOOL_OPTIONS or JDK_JAVA_OPTIONS, or the machine's memory, too small? " + SEE_THE_LIMITS);
    }

    private static Failure failure(IOException e) {
        var said = String.valueOf(e.getMessage());
        if (said.contains("Too many open files")) return files();
        if (said.contains("No space left") || said.contains("Disk quota")) return failed("no room is left: " + said, "make room there, or let TMPDIR name a folder elsewhere");
        if (e instanceof CharacterCodingException) return failed("a file that is to be text is none, or is not in UTF-8", "see which it read last: run it again with --verbose");
        if (e instanceof FileSystemException file) {
            var reason = file.getReason() == null ? file.getClass().getSimpleName().replaceAll("Exception$", "").replaceAll("(?<=[a-z])(?=[A-Z])", " ").toLowerCase() : file.getReason();
            return failed(file.getFile() + ": " + reason, "see whether this user may read and write there: ls -ld '" + file.getFile() + "'");
        }
        return failed("a file, a program or a connection failed: " + (e.getMessage() == null ? e.getClass().getSimpleName() : said), "run it again; with --verbose it says where");
    }

    /** A class that is there can't be loaded when no file can be opened. */
    private static boolean isFileSystem(Throwable e) { return String.valueOf(e.getMessage()).contains("Too many open files"); }

    private static Failure files() { return failed("this process may open no more files", "ulimit -n, or LimitNOFILE= of the service, has to allow 256 or more"); }

    private static Failure failed(String what, String hint) { return new Failure.Failed(what.replaceAll("\\p{Cntrl}", " "), hint); }
}
