package rows;

import ops.Failure;

/**
 * The operator's own condition on rows. It is one expression: what could end it, and with it the statement around it,
 * is refused before anything is asked. Where it is evaluated nobody has rights: see {@link BackedUp}.
 */
public final class Condition {
    private Condition() { }

    /**
     * Gives it back when it is one expression.
     *
     * @throws Failure.Usage naming what it may not have
     */
    public static String checked(String text) {
        if (text.isBlank()) throw wrong("is empty");
        var open = 0;
        for (var at = 0; at < text.length(); at++) {
            var letter = text.charAt(at);
            if (letter == '\'' || letter == '"') at = end(text, at);
            else if (letter == ';') throw wrong("has a semicolon outside of quotes");
            else if (letter == '$') throw wrong("has a $ outside of quotes");
            else if (text.startsWith("--", at) || text.startsWith("/*", at)) throw wrong("has a comment");
            else if (letter == '(') open++;
            else if (letter == ')' && --open < 0) throw wrong("closes a parenthesis that it has not opened");
        }
        if (open > 0) throw wrong("does not close a parenthesis");
        return text;
    }

    /** Where a text or a name in quotes ends. */
    private static int end(String text, int begin) {
        // There a backslash hides the quote behind it.
        if (text.charAt(begin) == '\'' && text.substring(Math.max(0, begin - 2), begin).matches("(?s)([^\\w$])?[eE]"))
            throw wrong("has a text with E before it");
        var end = text.indexOf(text.charAt(begin), begin + 1);
        if (end < 0) throw wrong("does not close a quote");
        return end;
    }

    private static Failure wrong(String what) {
        return new Failure.Usage("--where " + what + ": it wants one condition",
            "as behind WHERE, texts in single quotes: --where \"id = 42\""
                + " or --where \"email = 'a@example.com' and total > 10\"");
    }
}
