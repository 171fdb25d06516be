package ops;

import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * Which part of a database a backup is of. Names are exact, not patterns; empty lists stand for everything.
 *
 * @param schemas only these
 * @param excludeSchemas all but these
 * @param excludeTableData tables, as {@link TableName} writes them, of which only the definition is kept
 */
public record Selection(List<String> schemas, List<String> excludeSchemas, List<String> excludeTableData) {
    public boolean isWhole() { return schemas.isEmpty() && excludeSchemas.isEmpty() && excludeTableData.isEmpty(); }

    /** Whether it has the rows of a table. */
    boolean hasRowsOf(TableName table) {
        return (schemas.isEmpty() || schemas.contains(table.schema())) && !excludeSchemas.contains(table.schema())
            && excludeTableData.stream().map(TableName::parse).noneMatch(table::equals);
    }

    /** The same, less more schemas and more tables' rows. */
    Selection without(List<String> moreSchemas, List<String> moreTableData) {
        return new Selection(schemas, Stream.concat(excludeSchemas.stream(), moreSchemas.stream()).distinct().toList(),
            Stream.concat(excludeTableData.stream(), moreTableData.stream()).distinct().toList());
    }

    /**
     * The same, as the database has these names.
     *
     * @throws Failure.Usage with the nearest name, when it names what is not there or may mean two tables
     */
    public Selection in(Database session) {
        var there = session.rows("select nspname from pg_catalog.pg_namespace where nspname !~ '^pg_'", row -> row[0]);
        for (var schema : Stream.concat(schemas.stream(), excludeSchemas.stream()).toList())
            if (!there.contains(schema)) throw unknown("schema", schema, there);
        if (excludeTableData.isEmpty()) return this;
        var tables = Snapshot.all(session).stream().map(Snapshot.Found::table).toList();
        return new Selection(schemas, excludeSchemas, excludeTableData.stream().map(text -> only(text, tables).toString()).toList());
    }

    private static TableName only(String text, List<TableName> tables) {
        var meant = TableName.meant(text, tables);
        if (meant.isEmpty()) throw unknown("table", text, tables.stream().map(TableName::toString).toList());
        if (meant.size() > 1) throw TableName.unclear(text, meant);
        return meant.get(0);
    }

    private static Failure unknown(String kind, String name, List<String> known) {
        return new Failure.Usage("there is no " + kind + " '" + name + "' in the database", Similar.to(name, known).map(like -> "did you mean " + like + "?")
            .orElse("names are exact, not patterns; there are: " + known.stream().limit(10).collect(Collectors.joining(", "))));
    }
}
