package browser;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.Pattern;
import ops.Failure;
import ops.Private;
import ops.Secret;

/** A header that opens a protected site: its value is a secret. */
public record Header(String name, Secret value) {
    private static final Pattern LINE = Pattern.compile("([A-Za-z0-9-]+): *(\\P{Cntrl}*[^\\p{Cntrl} ]) *");

    /** Reads the one line {@code Name: value} of a file that nobody else may read. */
    public static Header read(Path file) {
        try {
            if (Private.openToOthers(file)) throw new Failure.BadSetting(file + " can be read by others on this machine", "chmod 600 '" + file + "'");
            var line = LINE.matcher(Files.readString(file).strip());
            if (!line.matches()) throw new Failure.BadSetting(file + " is not one line of the form Name: value", "as in x-vercel-protection-bypass: SECRET");
            return new Header(line.group(1), new Secret(line.group(2)));
        } catch (IOException e) {
            throw new Failure.BadSetting("the header file can't be read: " + e.getMessage(), "--header-file names it");
        }
    }
}
