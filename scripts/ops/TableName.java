package ops;

import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** A table, by its names as the server keeps them: a name may have dots and quotes in it. */
public record TableName(String schema, String name) {
    private static final Pattern QUOTED = Pattern.compile("\"((?:[^\"]|\"\")*)\"\\.\"((?:[^\"]|\"\")*)\"");

    /** Reads what {@link #toString} wrote; a text without quotes is split at its first dot. */
    static TableName parse(String text) {
        var quoted = QUOTED.matcher(text);
        if (quoted.matches()) return new TableName(quoted.group(1).replace("\"\"", "\""), quoted.group(2).replace("\"\"", "\""));
        var dot = text.indexOf('.');
        return dot < 0 ? new TableName("", text) : new TableName(text.substring(0, dot), text.substring(dot + 1));
    }

    /** Those of some tables that somebody may mean by a text, which is more than one where names have dots. */
    public static List<TableName> meant(String text, List<TableName> known) { return known.stream().filter(table -> table.isWritten(text)).toList(); }

    private boolean isWritten(String text) {
        return Stream.of(schema, Database.quote(schema)).anyMatch(in -> text.equals(in + "." + name) || text.equals(in + "." + Database.quote(name)));
    }

    /** The failure that a text says more than one of them. */
    public static Failure.Usage unclear(String text, List<TableName> meant) {
        return new Failure.Usage("'" + text + "' may be " + String.join(" or ", meant.stream().map(table -> "table '" + table.name + "' of schema '" + table.schema + "'").toList()),
            "say which one, in double quotes: " + String.join(" or ", meant.stream().map(table -> "'" + table.sql() + "'").toList()));
    }

    /** As SQL writes it. */
    public String sql() { return Database.quote(schema) + "." + Database.quote(name); }

    /** SCHEMA.TABLE; as SQL writes it where that could be read in two ways. */
    @Override public String toString() { return (schema + name).matches("[^.\"]*") ? schema + "." + name : sql(); }
}
