package ops;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * A settings file: lines of {@code NAME=value} that a shell can source as well.
 *
 * <p>Only what a shell reads the same way is accepted; the rest is refused with its line number and never its text,
 * which may hold a password. (dotenv-java knows no {@code export} and quotes the line in its message.) What can be read
 * without doubt, and what a shell reads otherwise all the same, ends no run: {@link #faults} tells it to the doctor.
 */
public final class EnvFile {
    /**
     * Something to mend.
     *
     * @param place "line 7", or empty when it is the whole file
     * @param mend the command that mends it, or what to do
     * @param fatal that the file can't be read
     */
    public record Fault(String place, String what, String mend, boolean fatal) { }

    private static final Pattern LINE = Pattern.compile("(?:export[ \\t]+)?([A-Za-z_][A-Za-z0-9_]*)="
        + "(?:'([^']*)'|\"([^\"$`\\\\]*)\"|([^\\s'\"$`\\\\;&|<>()#~*\\[!]*))(?:[ \\t]+#.*)?");
    private static final Pattern INVISIBLE = Pattern.compile("[\\u00a0\\u202f\\u200b-\\u200f\\u2060\\ufeff]");
    private static final String UTF_8 = "UTF-8";
    private static final String BYTE_ORDER_MARK = "\ufeff";

    private final Path file;
    private final Mending mending;
    private final Map<String, String> values = new LinkedHashMap<>();
    private final List<Fault> faults = new ArrayList<>();
    private final Map<String, Integer> lines = new LinkedHashMap<>();

    private EnvFile(Path file) {
        this.file = file;
        mending = new Mending(file);
        try {
            if (Files.exists(file)) read();
        } catch (IOException e) {
            fatal("can't be read: " + e.getMessage(), "ls -l " + Mending.quoted(file));
        }
    }

    /** Names and values, in the order of the file; empty when there is no such file. */
    static Map<String, String> read(Path file) {
        var read = new EnvFile(file);
        for (var fault : read.faults)
            if (fault.fatal) throw new Failure.BadSetting(words(file, fault), fault.mend);
        return read.values;
    }

    /** What of a file a shell reads otherwise than this kit, or neither can read, in the order of its lines. */
    public static List<Fault> faults(Path file) { return List.copyOf(new EnvFile(file).faults); }

    private static String words(Path file, Fault fault) {
        return file + (fault.place.isEmpty() ? " " : ", " + fault.place + ": ") + fault.what;
    }

    private void fatal(String what, String mend) { faults.add(new Fault("", what, mend, true)); }

    private void read() throws IOException {
        if (Files.isDirectory(file)) {
            fatal("is a folder, and should be a file", "mv " + Mending.quoted(file) + " "
                + Mending.quoted(Path.of(file + ".folder")));
            return;
        }
        if (Private.openToOthers(file)) {
            fatal("can be read by others on this machine", "chmod 600 " + Mending.quoted(file));
            return;
        }
        var bytes = Files.readAllBytes(file);
        var encoding = encoding(file, bytes);
        encoding.ifPresent(faults::add);
        if (encoding.isPresent()) return;
        var split = new String(bytes, StandardCharsets.UTF_8).split("\n", -1);
        var returns = 0;
        for (var i = 0; i < split.length; i++) {
            var line = split[i];
            if (line.endsWith("\r")) {
                returns++;
                line = line.substring(0, line.length() - 1);
            }
            line(i + 1, line.replaceFirst("^[ \\t]+", "").replaceFirst("[ \\t]+$", ""));
        }
        if (returns > 0)
            faults.add(0, new Fault("", "has Windows line ends on " + Amount.count(returns, "line")
                + ": a shell takes the carriage return for a part of each value", mending.withoutReturns(), false));
    }

    /** What keeps the bytes of a file from being text as a shell reads it; empty when nothing does. */
    static Optional<Fault> encoding(Path file, byte[] bytes) {
        var mending = new Mending(file);
        var charset = charset(bytes);
        var text = new String(bytes, StandardCharsets.UTF_8);
        if (!charset.equals(UTF_8))
            return Optional.of(new Fault("", "is written in " + charset
                + ", and neither this kit nor a shell reads that", mending.from(charset), true));
        if (text.startsWith(BYTE_ORDER_MARK))
            return Optional.of(new Fault("", "begins with a byte-order mark, which a shell takes for a part of the"
                + " first line", mending.withoutMark(), true));
        if (text.indexOf('\0') < 0) return Optional.empty();
        return Optional.of(new Fault("", "holds a zero byte, which a shell leaves out", mending.withoutZeros(), true));
    }

    /** In UTF-16, about every second byte of such a file is zero; what else is no UTF-8 an editor of Windows has saved. */
    private static String charset(byte[] bytes) {
        var first = bytes.length < 2 ? 0 : (bytes[0] & 0xff) << 8 | bytes[1] & 0xff;
        if (first == 0xfffe || first == 0xfeff) return "UTF-16";
        var zeros = new int[2];
        for (var i = 0; i < bytes.length; i++) if (bytes[i] == 0) zeros[i % 2]++;
        if (zeros[0] > bytes.length / 4) return "UTF-16BE";
        if (zeros[1] > bytes.length / 4) return "UTF-16LE";
        try {
            StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes));
            return UTF_8;
        } catch (CharacterCodingException e) {
            return "WINDOWS-1252";
        }
    }

    private void line(int number, String line) {
        if (line.isEmpty() || line.startsWith("#")) return;
        var place = "line " + number;
        var parsed = LINE.matcher(line);
        if (!parsed.matches()) {
            var cause = mending.cause(number, line);
            faults.add(new Fault(place, "not NAME=value as a shell reads it: " + cause.what(), cause.mend(), true));
            return;
        }
        var name = parsed.group(1);
        var value = "";
        for (var group = 2; group <= 4; group++) if (parsed.group(group) != null) value = parsed.group(group);
        values.put(name, value);
        var before = lines.put(name, number);
        if (before != null)
            faults.add(new Fault(place, name + " stands on line " + before + " too; the last one counts",
                mending.comment(before, name) + ", when line " + number + " is the right one", false));
        if (!value.equals(value.strip()))
            faults.add(new Fault(place, "the value of " + name
                + " begins or ends with a blank inside of its quotes: this kit leaves it out, and a shell does not",
                    mending.withoutBlanks(name, parsed.group(2) != null), false));
        if (Mending.TYPOGRAPHIC.matcher(line).matches())
            faults.add(new Fault(place, Mending.TYPOGRAPHIC_QUOTES, mending.inPlainQuotes(name), false));
        else if (INVISIBLE.matcher(value).find())
            faults.add(new Fault(place, "the value of " + name
                + " holds a character that nobody sees, a no-break space say",
                mending.withoutInvisible(name), false));
    }
}
