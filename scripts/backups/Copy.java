package backups;

import java.util.List;
import java.util.regex.Pattern;

/**
 * The statement with which a table's rows begin in a dump.
 *
 * @param title of the entry
 * @param name of the table with its schema, and columns, as SQL writes them
 */
record Copy(String title, String statement, String name, String columns) {
    private static final Pattern STATEMENT = Pattern.compile("COPY ((?:NAME)\\.(?:NAME)) \\((.*)\\) FROM stdin;\n".replace("NAME", Needs.NAME), Pattern.DOTALL);
    private static final Pattern COLUMN = Pattern.compile(Needs.NAME);

    /** Null for a table without columns. */
    static Copy of(String title, String statement) {
        var parts = STATEMENT.matcher(statement);
        return parts.matches() ? new Copy(title, statement, parts.group(1), parts.group(2)) : null;
    }

    boolean isInOtherOrder(Copy other) { return other != null && !columns.equals(other.columns) && sorted().equals(other.sorted()); }

    private List<String> sorted() { return COLUMN.matcher(columns).results().map(column -> column.group()).sorted().toList(); }
}
