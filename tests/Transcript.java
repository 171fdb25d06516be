import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.Locale;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import ops.Setting;

/** What commands were and said, as a reader elsewhere may see it: no secret, and no path of this machine. */
final class Transcript {
    /** Shorter ones would blank out ordinary words. */
    private static final int SHORTEST_SECRET = 8;
    /** Programs that a test calls by hand may print a whole database. */
    private static final int MOST_LINES = 200;
    private static final Pattern PASSWORD = Pattern.compile("(?<=://[^:@/\\s]{1,60}:)[^@/\\s'\"]+(?=@)|(?<=PGPASSWORD=)[^\\s'\"]+");
    /** What is secret wherever it comes from: age identities, private keys, keys of Supabase. */
    private static final Pattern KEY = Pattern.compile("AGE-SECRET-KEY-1\\w+|-----BEGIN [A-Z ]*PRIVATE KEY-----|\\beyJ\\w+\\.\\w+\\.\\w+|\\bsb_secret_\\w+");
    private static final Set<String> SECRETS = ConcurrentHashMap.newKeySet();

    private Transcript() { }

    /** Remembers what is secret in a setting's value: all of it, or the password in an address. */
    static void note(String name, String value) {
        if (Stream.of(Setting.values()).anyMatch(setting -> setting.kind == Setting.Kind.SECRET && name.endsWith(setting.name()))) secret(value.replaceFirst("^[\\w-]+: ", ""));
        PASSWORD.matcher(value).results().forEach(found -> secret(found.group()));
    }

    private static void secret(String value) { if (value.length() >= SHORTEST_SECRET) SECRETS.add(value); }

    /** Whether a text shows what a setting of a test keeps secret. */
    static boolean isTelling(String text) { return SECRETS.stream().anyMatch(text::contains); }

    /** The command as it was typed, what it printed, and how it ended. */
    static String of(Kit.Running running) {
        var result = running.soFar();
        var bash = running.command.get(0).equals("bash");
        var line = bash ? running.command.get(running.command.size() - 1).strip() : running.command.stream().map(Transcript::quoted).collect(Collectors.joining(" "));
        return plain("\n$ " + line.replace("\n", "\n> ") + "\n" + indented("out", result.out(), bash) + indented("err", result.err(), bash))
            + String.format(Locale.ROOT, "exit %d after %.2f s%s%n", result.exit(), running.seconds(), running.signals.isEmpty() ? "" : "; the test sent " + String.join(", ", running.signals));
    }

    private static String quoted(String word) { return word.matches("[\\w@%+=:,./-]+") ? word : "'" + word.replace("'", "'\\''") + "'"; }

    private static String indented(String stream, String text, boolean byHand) {
        var lines = text.lines().toList();
        var shown = byHand && lines.size() > MOST_LINES ? lines.subList(0, MOST_LINES) : lines;
        return shown.stream().map(line -> "  " + stream + "| " + line.replaceAll("\\p{Cntrl}", " ") + "\n").collect(Collectors.joining())
            + (shown.size() < lines.size() ? "  " + stream + "| … and " + (lines.size() - shown.size()) + " lines more\n" : "");
    }

    /** The text with dots for secrets, and with words for the folders of this machine. */
    static String plain(String text) {
        // The longest first: one may be the beginning of another.
        for (var secret : SECRETS.stream().sorted(Comparator.comparing(String::length).reversed()).toList()) text = text.replace(secret, "••••••");
        text = KEY.matcher(PASSWORD.matcher(text).replaceAll("••••••")).replaceAll("••••••");
        var tests = Pattern.quote(folder().toString());
        text = text.replaceAll(tests + "/kit\\d+x\\d+/jbang\\b", "./jbang").replaceAll(tests + "/kit\\d+x\\d+", "KIT").replaceAll(tests, "TESTS").replace(Stack.CHECKOUT.toString(), "CHECKOUT");
        return text.replace(System.getProperty("user.home") + "/", "~/");
    }

    private static Path folder() {
        try {
            return Stack.folder();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
