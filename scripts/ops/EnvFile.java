package ops;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.regex.Pattern;

/**
 * A settings file: lines of {@code NAME=value} that a shell can source as well.
 *
 * <p>Only what a shell reads the same way is accepted; the rest is refused with its line number and never its text,
 * which may hold a password. (dotenv-java knows no {@code export} and quotes the line in its message.)
 */
final class EnvFile {
    private static final Pattern LINE = Pattern.compile(
        "(?:export\\s+)?([A-Za-z_][A-Za-z0-9_]*)=(?:'([^']*)'|\"([^\"$`\\\\]*)\"|([^\\s'\"$`\\\\;&|<>()#~*\\[!]*))(?:\\s+#.*)?");

    private EnvFile() { }

    /** Names and values, in the order of the file; empty when there is no such file. */
    static Map<String, String> read(Path file) {
        var values = new LinkedHashMap<String, String>();
        if (!Files.exists(file)) return values;
        try {
            if (Private.openToOthers(file))
                throw new Failure.BadSetting(file + " can be read by others on this machine", "chmod 600 '" + file + "'");
            var number = 0;
            for (var line : Files.readAllLines(file)) {
                number++;
                line = line.strip();
                if (line.isEmpty() || line.startsWith("#")) continue;
                var parsed = LINE.matcher(line);
                if (!parsed.matches())
                    throw new Failure.BadSetting(file + ", line " + number + ": not NAME=value as a shell reads it",
                        "put the value in single quotes: NAME='value'");
                for (var group = 2; group <= 4; group++)
                    if (parsed.group(group) != null) values.put(parsed.group(1), parsed.group(group));
            }
        } catch (IOException e) {
            throw new Failure.BadSetting(file + " can't be read: " + e.getMessage(), "ls -l '" + file + "'");
        }
        return values;
    }
}
