package ops;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;

/**
 * A table in somebody's database, read without executing anything of theirs.
 *
 * <p>A query would do that: a view is its owner's query, a policy may call a function, and already to plan a query of a plain
 * table evaluates the expressions of its indexes, constraints and statistics, all as whoever asks. COPY … TO STDOUT of a table
 * plans nothing, reads no generated column, calls only the output functions of types (which only a superuser can make), and
 * is an error for views and foreign tables, also when one has taken the table's place since it was looked up.
 */
public final class PlainTable {
    /** Partitions, and partitions of these. */
    private static final String LEAVES = """
        with recursive below(oid) as (
            select ?::pg_catalog.oid union all select i.inhrelid from pg_catalog.pg_inherits i join below on below.oid = i.inhparent)
        select n.nspname, c.relname from below join pg_catalog.pg_class c on c.oid = below.oid
        join pg_catalog.pg_namespace n on n.oid = c.relnamespace where c.relkind = 'r' order by 1, 2""";
    private static final Map<String, String> OTHERS = Map.of("v", "a view", "m", "a materialized view", "f", "a foreign table");

    private final Database session;
    private final TableName table;
    /** Null when there is none that the role may look up. */
    private final String oid;
    private final String kind;
    private final boolean readable;

    /**
     * Looks one up.
     *
     * @param session one that is in no transaction
     */
    public PlainTable(Database session, String schema, String name) {
        this.session = session;
        table = new TableName(schema, name);
        // Not to_regclass(): without the right to use the schema that is an error, and no answer.
        var found = session.rows("""
            select c.oid, c.relkind, has_schema_privilege(n.oid, 'usage') and has_table_privilege(c.oid, 'select') and not row_security_active(c.oid)
            from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace where n.nspname = ? and c.relname = ?""", row -> row, schema, name);
        var row = found.isEmpty() ? new String[3] : found.get(0);
        oid = row[0];
        kind = row[1];
        readable = "t".equals(row[2]) && kind.matches("[rp]");
    }

    /** Whether it is there, a table, and all of it may be read. */
    public boolean isReadable() { return readable; }

    /** The columns that are stored, and can be read so. */
    public List<String> columns() {
        return session.rows("select attname from pg_catalog.pg_attribute where attrelid = ?::pg_catalog.oid and attnum > 0 and not attisdropped and attgenerated = '' order by attnum", row -> row[0], oid);
    }

    /**
     * Reads some of its columns, row by row and as text, until somebody has seen enough. The session is at its end then:
     * the server would go on sending, and what asks it to stop may arrive late, in the middle of something else.
     *
     * @param seen is given each row, and says whether it was enough; null stands for NULL
     * @throws Failure.ToolFailed with what the server says when it is not there or may not be read
     */
    public void read(List<String> columns, Predicate<String[]> seen) {
        if (OTHERS.containsKey(kind)) throw new Failure.ToolFailed(table + " is " + OTHERS.get(kind) + ": what stands behind it is its owner's, and is not executed", "name a table");
        var leaves = "p".equals(kind) ? session.rows(LEAVES, row -> new TableName(row[0], row[1]), oid) : List.of(table);
        session.execute("begin read only; set local row_security = off; set local lock_timeout = '" + session.lockSeconds + "s'");
        try {
            for (var leaf : leaves) {
                var copy = "copy " + leaf.sql() + " (" + String.join(", ", columns.stream().map(Database::quote).toList()) + ") to stdout";
                if (read(copy, seen)) return;
            }
        } finally {
            session.rollback();
        }
    }

    private boolean read(String sql, Predicate<String[]> seen) {
        try {
            return session.copyOut(sql, rows -> {
                for (byte[] row; (row = rows.next()) != null; ) {
                    if (!seen.test(values(new String(row, StandardCharsets.UTF_8)))) continue;
                    session.abandon();
                    return true;
                }
                return false;
            });
        } catch (IOException e) {
            throw new UncheckedIOException(e); // nothing is written here
        }
    }

    /** As COPY writes a row. */
    private static String[] values(String row) {
        var values = row.strip().isEmpty() ? new String[] {""} : row.replaceFirst("\n$", "").split("\t", -1);
        for (var i = 0; i < values.length; i++) values[i] = values[i].equals("\\N") ? null : plain(values[i]);
        return values;
    }

    private static String plain(String value) {
        if (value.indexOf('\\') < 0) return value;
        var plain = new StringBuilder();
        for (var i = 0; i < value.length(); i++) {
            var letter = value.charAt(i);
            if (letter != '\\' || i + 1 == value.length()) plain.append(letter);
            else plain.append(escaped(value.charAt(++i)));
        }
        return plain.toString();
    }

    private static char escaped(char letter) {
        return switch (letter) {
            case 'b' -> '\b';
            case 'f' -> '\f';
            case 'n' -> '\n';
            case 'r' -> '\r';
            case 't' -> '\t';
            case 'v' -> '\u000b';
            default -> letter;
        };
    }
}
