package migrations;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.regex.Pattern;

/**
 * Splits SQL into its statements as PostgreSQL reads it. The Supabase CLI does the same but for what PostgreSQL then refuses,
 * and for a rule with brackets inside its brackets, which the CLI tears apart.
 */
public final class Statements {
    private static final Pattern TAG = Pattern.compile("\\$(?:[\\p{L}_][\\p{L}\\p{N}_]*)?\\$");

    private final String sql;
    private final List<Statement> found = new ArrayList<>();
    private final StringBuilder words = new StringBuilder();
    private final StringBuilder essence = new StringBuilder();
    private int at, begin, firstWord = -1, counted, lines = 1;
    /** Brackets, and bodies between BEGIN ATOMIC and END, in which a semicolon ends nothing. */
    private int brackets, bodies;
    private String lastWord = "";

    private Statements(String sql) { this.sql = sql; }

    /** The statements of a script, in order. */
    public static List<Statement> of(String sql) {
        var statements = new Statements(sql);
        while (statements.at < sql.length()) statements.next();
        statements.end();
        return statements.found;
    }

    private void next() {
        var c = sql.charAt(at);
        if (sql.startsWith("--", at)) blank(after("\n", at));
        else if (sql.startsWith("/*", at)) blank(afterBlock());
        else if (c == '\'') quoted(afterQuote(false), "''");
        else if (c == '"') {
            var end = afterQuote(false);
            quoted(end, sql.substring(at, end));
        } else if (c == '$' && tag() != null) quoted(after(tag(), at + tag().length()), "$$");
        else if (isWord(c)) word();
        else if (c == ';' && brackets == 0 && bodies == 0) {
            at++;
            end();
        } else if (isBlank(c)) blank(at + 1);
        else sign(c);
    }

    private String tag() {
        var tag = TAG.matcher(sql).region(at, sql.length());
        return tag.lookingAt() ? tag.group() : null;
    }

    private int after(String what, int from) {
        var end = sql.indexOf(what, from);
        return end < 0 ? sql.length() : end + what.length();
    }

    private int afterBlock() {
        var depth = 0;
        for (var i = at; i < sql.length() - 1; i++) {
            if (sql.startsWith("/*", i)) depth++;
            else if (sql.startsWith("*/", i)) depth--;
            else continue;
            i++;
            if (depth == 0) return i + 1;
        }
        return sql.length();
    }

    /** @param escapes whether a backslash escapes, as it does behind E */
    private int afterQuote(boolean escapes) {
        var quote = sql.charAt(at);
        for (var i = at + 1; i < sql.length(); i++) {
            if (escapes && sql.charAt(i) == '\\') i++;
            else if (sql.charAt(i) == quote) {
                if (i + 1 == sql.length() || sql.charAt(i + 1) != quote) return i + 1;
                i++;
            }
        }
        return sql.length();
    }

    private static boolean isBlank(char c) { return Character.getType(c) == Character.SPACE_SEPARATOR || "\t\n\u000b\f\r\u2028\u2029\ufeff".indexOf(c) >= 0; }

    private static boolean isWord(char c) { return c == '_' || c >= 0x80 && !isBlank(c) || Character.isLetterOrDigit(c); }

    private void word() {
        var end = at;
        var number = Character.isDigit(sql.charAt(at));
        while (end < sql.length() && (isWord(sql.charAt(end)) || sql.charAt(end) == '$' && !number)) end++;
        var word = sql.substring(at, end).toUpperCase(Locale.ROOT);
        code(word, sql.substring(at, end), end);
        if (word.equals("ATOMIC") && lastWord.equals("BEGIN")) bodies = 1;
        else if (bodies > 0 && !lastWord.equals("AS")) bodies += word.equals("CASE") ? 1 : word.equals("END") ? -1 : 0;
        lastWord = word;
        if (word.equals("E") && end < sql.length() && sql.charAt(end) == '\'') quoted(afterQuote(true), "''");
    }

    private void sign(char c) {
        if (c == '(') brackets++;
        else if (c == ')' && brackets > 0) brackets--;
        lastWord = "";
        code(String.valueOf(c), c == ';' ? "" : String.valueOf(c), at + 1);
    }

    private void quoted(int end, String shown) {
        lastWord = "";
        code(shown, sql.substring(at, end), end);
    }

    private void blank(int end) {
        if (words.length() > 0 && words.charAt(words.length() - 1) != ' ') words.append(' ');
        at = end;
    }

    private void code(String shown, String exact, int end) {
        if (firstWord < 0) firstWord = at;
        words.append(shown);
        essence.append(exact);
        at = end;
    }

    private void end() {
        var from = begin;
        var to = at;
        while (to > from && sql.charAt(to - 1) == ';') to--;
        while (to > from && isBlank(sql.charAt(to - 1))) to--;
        while (from < to && isBlank(sql.charAt(from))) from++;
        if (from < to) found.add(new Statement(sql.substring(from, to), words.toString().strip(), essence.toString(), line(from), line(Math.max(from, firstWord))));
        begin = at;
        firstWord = -1;
        brackets = bodies = 0;
        lastWord = "";
        words.setLength(0);
        essence.setLength(0);
    }

    /** Never asked for an earlier one than before: counting anew each time would take minutes in a file of many statements. */
    private int line(int index) {
        for (; counted < index; counted++) if (sql.charAt(counted) == '\n') lines++;
        return lines;
    }
}
