package ops;

import java.io.IOException;
import java.io.Writer;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.regex.Pattern;

/** The folder of the log files: one a run, named by script, environment, time and process, 0600. */
public record LogFolder(Path path) {
    /** Only what is named so is removed. */
    private static final Pattern NAME = Pattern.compile("[a-z0-9-]+-([0-9]{8})T[0-9]{6}Z-[0-9]+\\.log");

    public static LogFolder of(Settings settings) { return new LogFolder(settings.get(Setting.LOG_DIR).map(Path::of).orElse(Home.state().resolve("logs"))); }

    /** @param name script and environment */
    Writer open(String name) throws IOException {
        Private.folder(path);
        return Files.newBufferedWriter(Private.create(path.resolve(name + "-" + Stamp.of(Instant.now()) + "-" + ProcessHandle.current().pid() + ".log")));
    }

    /** Removes those that are older than so many days, as their names say. */
    void clear(Console console, int days) {
        if (!Files.isDirectory(path)) return;
        var oldest = DateTimeFormatter.BASIC_ISO_DATE.format(LocalDate.now(ZoneOffset.UTC).minusDays(days));
        try (var files = Files.newDirectoryStream(path)) {
            for (var file : files) {
                var name = NAME.matcher(file.getFileName().toString());
                if (name.matches() && name.group(1).compareTo(oldest) < 0) Files.deleteIfExists(file);
            }
        } catch (IOException | DirectoryIteratorException e) {
            console.warn("old log files stay: " + e.getMessage());
        }
    }
}
