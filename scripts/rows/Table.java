package rows;

import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import ops.Database;
import ops.TableName;

/**
 * A table of the environment's database, as its catalog has it. A partitioned one is one table.
 *
 * @param oid of the table in the catalog
 * @param owned whether the role is its owner, or belongs to it
 * @param parts where its rows lie: its partitions, or itself
 * @param key columns by which a row is told from all others; empty when there are none
 */
public record Table(String oid, TableName name, boolean partitioned, boolean owned, List<TableName> parts,
    List<Column> columns, List<String> key) {
    /**
     * One column.
     *
     * @param type as SQL writes it in this database
     * @param plain one of PostgreSQL's own types, in which its values can be compared anywhere; text where it has
     * another
     * @param generated computed from others, and never written
     * @param fixed an identity that takes a value of ours only with OVERRIDING SYSTEM VALUE, and only when the row is
     * new
     * @param demanded may not be empty, and has no default
     */
    public record Column(String name, String type, String plain, boolean generated, boolean fixed, boolean demanded) {
        /** Types whose values any server of any setting writes in the same way. */
        private static final Set<String> STEADY = Set.of("smallint", "integer", "bigint", "numeric", "real",
            "double precision", "boolean", "character varying", "bpchar", "uuid", "date",
            "timestamp without time zone", "json", "jsonb");

        /** Whether a value that is written otherwise is another one: its column's type has changed then. */
        boolean isSteady() { return STEADY.contains(plain) || type.equals("text"); }

        /** Whether a value is a moment, which a text without an offset says only together with a time zone. */
        boolean isMoment() { return plain.equals("timestamp with time zone"); }

        /** Whether its type may hold less than one of PostgreSQL's own does: fewer digits of a second, say. */
        boolean isNarrow() { return !plain.equals("text") && !plain.equals(type); }
    }

    /**
     * A foreign key.
     *
     * @param child oid of the table that points
     * @param parent oid of the one that it points to
     * @param owning whether a pointing row can't be without the other: it goes with it, or its columns are never empty
     * @param clears whether its columns may have been emptied, by the key or by hand, before the row that they point to
     * went: then the pointing row is still there
     * @param rewritten whether values of its columns may be equal that are written in different ways: its operator is
     * not one of PostgreSQL's own for one type, or a collation takes different texts for equal
     */
    public record ForeignKey(String child, String parent, List<String> columns, List<String> referenced, boolean owning,
        boolean clears, boolean rewritten) { }

    Optional<Column> column(String name) {
        return columns.stream().filter(column -> column.name.equals(name)).findFirst();
    }

    /** The command that has the backup's rows of it in a database beside, where somebody can see to them by hand. */
    public String intoScratch(String env) {
        return "./jbang restore-db --env scratch --from " + env + " --table " + name;
    }

    /** As it stands in a FROM: without the tables that inherit from it, which are tables of their own. */
    String from() { return (partitioned ? "" : "only ") + name.sql(); }

    static String quoted(List<String> names) {
        return names.stream().map(Database::quote).collect(Collectors.joining(", "));
    }

    @Override public String toString() { return name.toString(); }
}
