package ops;

import java.nio.file.Path;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * Why a line of a settings file is none, and the commands that mend it: with sed, which macOS has otherwise, and perl
 * there.
 */
public final class Mending {
    /** Never a line's own text, which may hold a password. */
    record Cause(String what, String mend) { }

    static final String TYPOGRAPHIC_QUOTES =
        "the value stands in a word processor's quotation marks, which are none to a shell";
    static final Pattern TYPOGRAPHIC =
        Pattern.compile("[^=]*=[ \\t]*[\u2018\u2019\u201a\u201c\u201d\u201e\u00ab\u00bb].*");
    private static final String PLAIN_QUOTES = "s/\u201a|\u2018|\u2019|\u201c|\u201d|\u201e"
        + "|\u00ab(\u00a0|\u202f| )?|(\u00a0|\u202f| )?\u00bb/'/g";
    private static final boolean MACOS = System.getProperty("os.name").startsWith("Mac");
    /** What stands before the value, and names nothing that is secret: an environment and a setting. */
    private static final String KNOWN = "([A-Z0-9]+[-_.])*("
        + String.join("|", Stream.of(Setting.values()).map(Setting::name).toList()) + ")(_FILE)?";
    private static final Pattern BESIDE = Pattern.compile("(export[ \\t]+)?[A-Za-z_][A-Za-z0-9_]*([ \\t]+=|=[ \\t]).*");
    private static final Pattern COLON = Pattern.compile("(export[ \\t]+)?[A-Za-z_][A-Za-z0-9_]*[ \\t]*:[^=]?.*");
    private static final Pattern NAMED = Pattern.compile("((?:export[ \\t]+)?)(" + KNOWN + ")=.*");
    private static final Pattern WELL_NAMED = Pattern.compile("(?:export[ \\t]+)?[A-Za-z_][A-Za-z0-9_]*=(.*)");
    private static final Pattern TWO = Pattern.compile("\\S* +(export )?[A-Z][A-Z0-9_]*=.*");
    /** The beginning of a line as sed and perl know it. */
    static final String BEGIN = "^[[:blank:]]*(export[[:blank:]]+)?";

    /** As a shell reads it. */
    private final String file;

    Mending(Path file) { this.file = quoted(file); }

    /** A path as one word for a shell. */
    static String quoted(Path path) { return "'" + path.toString().replace("'", "'\\''") + "'"; }

    /**
     * Edits one line. The substitution is one that leaves a sound line alone: another one may have got the number
     * meanwhile.
     */
    private String edit(int line, String quote, String substitution) {
        return MACOS ? "perl -i -pe " + quote + substitution + " if $. == " + line + quote + " " + file
            : "sed -E -i " + quote + line + substitution + quote + " " + file;
    }

    /** Edits the lines of a name. */
    private String edit(String name, String quote, List<String> substitutions) {
        var lines = "/" + BEGIN + name + "=/";
        if (MACOS)
            return "perl -i -pe " + quote + "if (" + lines + ") { " + String.join("; ", substitutions) + " }" + quote
                + " " + file;
        return "sed -E -i " + quote + String.join("; ", substitutions.stream().map(lines::concat).toList()) + quote
            + " " + file;
    }

    private String edit(String substitution) {
        return (MACOS ? "perl -i -pe '" : "sed -E -i '") + substitution + "' " + file;
    }

    String withoutReturns() { return edit("s/\\r$//"); }

    String withoutZeros() { return edit("s/\\x00//g"); }

    /** Java's form of an address becomes the one that PostgreSQL's own programs know. */
    public static String withoutJdbc(Path file) { return new Mending(file).edit("s/jdbc:(postgres)/\\1/"); }

    String withoutMark() { return edit(1, "'", "s/^\\xef\\xbb\\xbf//"); }

    String withoutInvisible(String name) {
        return edit(name, "'",
            List.of("s/\\xc2\\xa0|\\xe2\\x80(\\x8b|\\x8c|\\x8d|\\x8e|\\x8f|\\xaf)|\\xe2\\x81\\xa0|\\xef\\xbb\\xbf//g"));
    }

    String withoutBlanks(String name, boolean single) {
        var own = single ? "'" : "\"";
        return edit(name, single ? "\"" : "'",
            List.of("s/=" + own + "[[:blank:]]+/=" + own + "/", "s/[[:blank:]]+" + own + "([[:space:]]*(#.*)?)$/" + own
            + "\\1/"));
    }

    String inPlainQuotes(String name) { return edit(name, "\"", List.of(PLAIN_QUOTES)); }

    /** By a comment the lines keep their numbers, on which other commands rely. */
    String comment(int line, String name) { return edit(line, "'", "s/(" + BEGIN + name + "=)/#\\1/"); }

    /** In a file of its own first, readable by its owner only. */
    String from(String charset) {
        return "(umask 077; iconv -f " + charset + " -t UTF-8 " + file + " > " + file + ".new) && mv " + file + ".new "
            + file;
    }

    /** The command that gives a name that is there another, in every line that has it. */
    String rename(String from, String to) { return edit("s/(" + BEGIN + ")" + from + "=/\\1" + to + "=/"); }

    private String byHand(int line, String what) { return what + ": nano +" + line + " " + file; }

    /** Why a line that is neither empty nor a comment is not {@code NAME=value}. */
    Cause cause(int number, String line) {
        if (COLON.matcher(line).matches())
            return new Cause("a colon stands where the = should",
                edit(number, "'", "s/(" + BEGIN + "[A-Za-z0-9_]+)[[:blank:]]*:[[:blank:]]*/\\1=/"));
        if (BESIDE.matcher(line).matches())
            return new Cause("a blank stands beside the =", edit(number, "'", "s/[[:blank:]]*=[[:blank:]]*/=/"));
        if (TYPOGRAPHIC.matcher(line).matches()) return new Cause(TYPOGRAPHIC_QUOTES, edit(number, "\"", PLAIN_QUOTES));
        if (!line.contains("="))
            return new Cause("there is no = in it",
                byHand(number, "a comment begins with #, and a value stands on one line with its name"));
        var named = NAMED.matcher(line);
        if (named.matches() && named.group(2).matches(".*[-.].*"))
            return new Cause("'" + named.group(2) + "' is no name to a shell",
                rename(named.group(2).replace(".", "\\."), named.group(2).replaceAll("[-.]", "_")));
        var value = WELL_NAMED.matcher(line);
        if (!value.matches())
            return new Cause("what stands before the = is no name",
                byHand(number, "a name has letters, digits and _: STAGING_SITE_URL=…"));
        return ofValue(number, value.group(1));
    }

    private Cause ofValue(int number, String value) {
        var single = value.chars().filter(c -> c == '\'').count();
        var twice = value.chars().filter(c -> c == '"').count();
        if (value.startsWith("'") && single == 1) return open(number, value, "'", "\"");
        if (value.startsWith("\"") && twice == 1) return open(number, value, "\"", "'");
        if (value.startsWith("'") && single > 2)
            return new Cause("a ' inside of single quotes ends them",
                byHand(number, "in an address write it as %27;"
                    + " else put the value into a file of its own, and its path here: NAME_FILE=/path"));
        if (single == 0 && value.matches("\"[^\"]*\""))
            return new Cause("a shell replaces what follows a $, a ` or a \\ inside of double quotes",
                edit(number, "\"", "s/=\\\"([^\\\"']*)\\\"/='\\1'/"));
        if (TWO.matcher(value).matches())
            return new Cause("two settings stand on it", byHand(number, "one on each line"));
        if (single == 0 && twice == 0 && !value.matches(".*[ \\t]#.*"))
            return new Cause("the value has a character that means something to a shell, and stands in no quotes",
                edit(number, "\"", "s/=([^'\\\"\\r]+)(\\r?)$/='\\1'\\2/"));
        return new Cause("a shell makes something else of its value",
            byHand(number, "have it read NAME='value', with nothing else on the line"));
    }

    /** Where a comment may follow, only a person knows where the value ends. */
    private Cause open(int number, String value, String quote, String around) {
        var what = "the quote that opens the value is not closed on this line";
        if (value.contains("#")) return new Cause(what, byHand(number, "close it where the value ends"));
        var other = "[^" + quote + "]*";
        return new Cause(what, edit(number, around, "s/^(" + other + quote + "[^" + quote + "\\r]*)(\\r?)$/\\1" + quote
            + "\\2/"));
    }
}
