package ops;

import java.util.List;
import java.util.stream.Stream;

/**
 * Which part of a database a backup is of. Names are exact, not patterns; empty lists stand for everything.
 *
 * @param schemas only these
 * @param excludeSchemas all but these
 * @param excludeTableData tables, SCHEMA.TABLE, of which only the definition is kept
 */
public record Selection(List<String> schemas, List<String> excludeSchemas, List<String> excludeTableData) {
    public boolean isWhole() { return schemas.isEmpty() && excludeSchemas.isEmpty() && excludeTableData.isEmpty(); }

    /** The same, less more schemas and more tables' rows. */
    Selection without(List<String> moreSchemas, List<String> moreTableData) {
        return new Selection(schemas, Stream.concat(excludeSchemas.stream(), moreSchemas.stream()).distinct().toList(),
            Stream.concat(excludeTableData.stream(), moreTableData.stream()).distinct().toList());
    }
}
