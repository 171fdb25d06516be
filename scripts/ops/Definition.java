package ops;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.regex.Pattern;

/**
 * SQL that only a superuser may execute, and that evaluates nothing: what it names is noted in the catalog, and no more.
 *
 * <p>Hardly anything else is so: an expression may have the text of a value in it, and PostgreSQL reads that when it reads
 * the statement. In {@code '{1}'::amounts[]} it calls the check of a domain, so a view, a default, a policy or a function's
 * default argument runs somebody's function when it is created. What follows has no expression in it.
 */
enum Definition {
    /** Of an extension, whose script is on the server's own disk: before there is anything that the script could call instead. */
    FIRST("CREATE EXTENSION( IF NOT EXISTS)? \\S+( WITH SCHEMA \\S+)?"),
    /**
     * Of something that others may need. Of a wrapper with a validator that one would be called; and a cast's function is, by
     * whoever's query casts, so a cast between the server's own types calls somebody's function as the superuser.
     */
    IN_ORDER("CREATE (OPERATOR CLASS|OPERATOR FAMILY|TEXT SEARCH PARSER|TEXT SEARCH TEMPLATE|ACCESS METHOD) .*|ALTER OPERATOR FAMILY .*"
        + "|CREATE CAST .* (WITH INOUT|WITHOUT FUNCTION|WITH FUNCTION PG_CATALOG[.].*).*"
        + "|CREATE FOREIGN DATA WRAPPER (?!.* VALIDATOR ).*"),
    /** Of something that needs others. */
    LATE("CREATE PUBLICATION \\S+ FOR ALL TABLES.*|ALTER PUBLICATION \\S+ ADD TABLES IN SCHEMA \\S+"
        + "|CREATE SUBSCRIPTION \\S+ CONNECTION ' PUBLICATION .* WITH \\( CONNECT = FALSE .*"),
    /** What is said of things that are there, and not of the server. */
    LAST("COMMENT ON (?!EVENT TRIGGER ).* IS '|(GRANT|REVOKE) (?!.* ON (DATABASE|PARAMETER|TABLESPACE) ).* ON .*|ALTER DEFAULT PRIVILEGES .*"
        + "|SET SESSION AUTHORIZATION \\S+|RESET SESSION AUTHORIZATION|SECURITY LABEL .* IS '"),
    /** Event triggers, which would run at all that follows, at a comment say. */
    WATCHING("(CREATE|ALTER) EVENT TRIGGER .*|COMMENT ON EVENT TRIGGER \\S+ IS '");

    private static final Pattern SCHEMA = Pattern.compile("CREATE SCHEMA \\S+");
    /**
     * A comment, which a carriage return ends too; a quoted name; a text, before which stands nothing that could have a backslash
     * in it escape (as in {@code e'…'}); a word or a sign.
     */
    private static final Pattern TOKEN = Pattern.compile("\\G\\s*+(?:(--[^\n\r]*+)|(\"(?:[^\"]++|\"\")*+\")"
        + "|((?<![^\\s(,])'(?:[^']++|'')*+')|([\\p{L}_0-9.]++)|([^\\s'\"$\\\\/]|/(?!\\*)))");

    private final Pattern form;

    Definition(String form) { this.form = Pattern.compile(form); }

    /** Which one a text is of; null when it is anything else, or several kinds. */
    static Definition of(String sql) {
        Definition all = null;
        var statements = statements(sql);
        if (statements == null) return null;
        for (var statement : statements) {
            var one = List.of(values()).stream().filter(definition -> definition.form.matcher(statement).matches()).findFirst().orElse(null);
            if (one == null || all != null && all != one) return null;
            all = one;
        }
        return all;
    }

    /** Whether a text makes a schema, and nothing in it. */
    static boolean isOfSchema(String sql) {
        var statements = statements(sql);
        return statements != null && statements.size() == 1 && SCHEMA.matcher(statements.get(0)).matches();
    }

    /** Whether a text, with a semicolon behind it, is one statement of any kind. */
    static boolean isOne(String sql) {
        var statements = statements(sql + ";");
        return statements != null && statements.size() == 1;
    }

    /**
     * The words of each statement in capitals, with " for a quoted name and ' for a text.
     *
     * @return null when it has something else in it, text between dollars say
     */
    private static List<String> statements(String sql) {
        var statements = new ArrayList<String>();
        var words = new StringBuilder();
        var token = TOKEN.matcher(sql.strip());
        var end = 0;
        while (token.find()) {
            end = token.end();
            var sign = token.group(5);
            if (token.group(1) != null) continue;
            if (";".equals(sign)) {
                if (words.length() > 0) statements.add(words.toString());
                words.setLength(0);
                continue;
            }
            if (words.length() > 0) words.append(' ');
            words.append(token.group(2) != null ? "\"" : token.group(4) != null ? token.group(4).toUpperCase(Locale.ROOT) : sign != null ? sign : "'");
        }
        var whole = end == sql.strip().length() && words.length() == 0;
        return whole ? statements : null;
    }
}
