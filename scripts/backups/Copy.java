package backups;

import java.util.List;
import java.util.regex.Pattern;

/**
 * The statement with which a table's rows begin in a dump.
 *
 * @param title of the entry
 * @param name of the table with its schema, and columns, as SQL writes them
 */
public record Copy(String title, String statement, String name, String columns) {
    private static final Pattern COLUMN = Pattern.compile(Needs.NAME);
    /** Names and nothing else: it may stand in a text that somebody has made look so, and the superuser copies by it. */
    private static final Pattern STATEMENT = Pattern.compile("COPY ((?:NAME)\\.(?:NAME)) \\(((?:NAME)(?:, (?:NAME))*+)\\) FROM stdin;\n".replace("NAME", "\"(?:[^\"]++|\"\")++\"|[a-z_][a-z0-9_$]*+"));

    /** Null for a table without columns. */
    public static Copy of(String title, String statement) {
        var parts = STATEMENT.matcher(statement);
        return parts.matches() ? new Copy(title, statement, parts.group(1), parts.group(2)) : null;
    }

    boolean isInOtherOrder(Copy other) { return other != null && !columns.equals(other.columns) && sorted().equals(other.sorted()); }

    /** The columns, by their names. */
    public List<String> names() { return COLUMN.matcher(columns).results().map(column -> Needs.unquoted(column.group())).toList(); }

    private List<String> sorted() { return COLUMN.matcher(columns).results().map(column -> column.group()).sorted().toList(); }
}
