package migrations;

import java.util.Optional;
import java.util.regex.Pattern;

/**
 * One statement of a file.
 *
 * @param text as the Supabase CLI records it: with comments, without the semicolon
 * @param words the same without comments, in capitals but for quoted names, with single spaces, and with '' and $$ for what is in quotes
 * @param essence the same without comments, and without blanks outside quotes: two texts with the same do the same
 * @param begins the line on which the text begins
 * @param line the line of its first word
 */
public record Statement(String text, String words, String essence, int begins, int line) {
    /** What the server does not take inside a transaction. */
    private static final Pattern ALONE = Pattern.compile("(CREATE (UNIQUE )?|DROP )INDEX CONCURRENTLY\\b.*|REINDEX\\b.* CONCURRENTLY\\b.*|REINDEX( ?\\([^)]*\\))? (DATABASE|SYSTEM|SCHEMA)\\b.*|VACUUM\\b.*|CLUSTER( VERBOSE)?"
        + "|ALTER SYSTEM\\b.*|(CREATE|DROP) (DATABASE|TABLESPACE|SUBSCRIPTION)\\b.*|ALTER DATABASE .* SET TABLESPACE .*|ALTER SUBSCRIPTION .*|ALTER TABLE .* DETACH PARTITION .* CONCURRENTLY");
    private static final Pattern PART = Pattern.compile("\"(?:[^\"]|\"\")*\"|[()]|[^\"()]+|\"");
    private static final Pattern SETTING = Pattern.compile("(SET|RESET)\\b(?! (LOCAL|CONSTRAINTS|TRANSACTION)\\b).*");
    private static final Pattern CONTROL = Pattern.compile("(BEGIN|START TRANSACTION|COMMIT|END|ABORT|PREPARE TRANSACTION|ROLLBACK(?!( WORK| TRANSACTION)? TO\\b))\\b.*");
    /** What the server does at once, whatever becomes of the transaction: numbers, other sessions, files, other servers. */
    private static final Pattern LASTING = Pattern.compile("(?i)(?<![\\w$])(?:(?:pg_catalog\\s*\\.\\s*)?(?:setval"
        + "|dblink(?:_\\w+)?|lo_export|pg_(?:terminate|cancel)_backend|pg_reload_conf|pg_switch_wal|pg_file_\\w+"
        + "|pg_(?:create|drop|replication)_\\w+|pg_stat\\w*_reset\\w*)(?=\\s*\\()"
        + "|(?<!\\.|\\bnet\\.)(?:extensions\\s*\\.\\s*)?http_(?:get|post|put|patch|delete|head)(?=\\s*\\()|copy\\b[^;]*\\bto\\s+(?:program\\b|E?')|copy\\b[^;]*\\bfrom\\s+program\\b)");

    boolean isComment() { return words.isEmpty(); }

    /** Whether it can't run in a transaction. */
    boolean runsAlone() { return ALONE.matcher(words).matches(); }

    /** Whether it changes nothing but the session. */
    boolean isSetting() { return SETTING.matcher(words).matches(); }

    /** Whether it begins or ends a transaction. */
    public boolean isControl() { return CONTROL.matcher(words).matches(); }

    /** What of it stays when the transaction is rolled back, as far as its text says; what it calls is not looked into. */
    Optional<String> lasting() {
        var found = LASTING.matcher(text);
        return found.find() ? Optional.of(found.group().replaceAll("\\s+", " ")) : Optional.empty();
    }

    /** Its words, with () for whatever is in brackets. */
    String outer() {
        var outer = new StringBuilder();
        var depth = 0;
        for (var part = PART.matcher(words); part.find(); ) {
            if (part.group().equals(")")) depth--;
            if (depth <= 0) outer.append(part.group());
            if (part.group().equals("(")) depth++;
        }
        return outer.toString();
    }

    /** Whether it begins with, or ends in, a command of psql's: no SQL has a backslash outside quotes. */
    boolean isOfPsql() { return words.replaceAll("\"[^\"]*\"", "").indexOf('\\') >= 0; }

    /** Whether its rows come, or go, beside the statement. */
    boolean isCopy() { return is("COPY\\b.* (FROM STDIN|TO STDOUT)\\b.*"); }

    boolean is(String regex) { return words.matches(regex); }

    /** The line that a server's position, counted in characters from 1, is on; that of the first word for 0. */
    int lineAt(int position) {
        if (position < 1 || position > text.codePointCount(0, text.length())) return line;
        return begins + (int) text.substring(0, text.offsetByCodePoints(0, position - 1)).chars().filter(c -> c == '\n').count();
    }

    /** Its beginning, on one line. */
    String shown() {
        var shown = words.length() < 100 ? words : words.substring(0, 99) + "…";
        return shown.replaceAll("\\p{Cntrl}", " ");
    }
}
