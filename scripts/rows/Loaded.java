package rows;

import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import ops.Database;

/**
 * A backup's rows of one table, as they lie on the drill's server: each value as text, and what is to become of the
 * row.
 *
 * @param number of the table among those that were loaded
 * @param columns by their names in the backup
 */
record Loaded(Table table, int number, List<String> columns) {
    static final String SCHEMA = "\"handover rows\"";
    /**
     * What a row is: one that is missing, one that is missing and others need, one that replaces another, one that was
     * chosen.
     */
    static final int MISSING = 1, NEEDED = 2, OVERWRITTEN = 3, CHOSEN = 9;

    /** Where its rows are. */
    String rows() { return SCHEMA + ".r" + number; }

    /** Where the keys of the rows are that the environment has. */
    String keys() { return SCHEMA + ".k" + number; }

    String created() {
        return "create table " + rows() + " (id bigint generated always as identity, what smallint not null default 0, "
            + IntStream.range(0, columns.size()).mapToObj(i -> "c" + i + " text").collect(Collectors.joining(", "))
                + ")";
    }

    String keysCreated() {
        var key = table.key();
        return "create table " + keys() + " ("
            + IntStream.range(0, key.size()).mapToObj(i -> "k" + i + " " + plain(key.get(i)))
                .collect(Collectors.joining(", ")) + ")";
    }

    /** A view with the table's own name, in which values have types of their own. */
    String view() {
        return "create view " + table.name().sql() + " as select r.id as " + Database.quote(id())
            + columns.stream().map(name -> ", " + value("r", name) + " as " + Database.quote(name))
                .collect(Collectors.joining())
            + " from " + rows() + " r";
    }

    /** What a row's own number is called there: no column of the table. */
    String id() {
        var name = "handover row";
        while (columns.contains(name)) name += "_";
        return name;
    }

    boolean has(List<String> names) { return columns.containsAll(names); }

    boolean hasKey() { return !table.key().isEmpty() && has(table.key()); }

    /** The column that holds the text. */
    String raw(String name) { return "c" + columns.indexOf(name); }

    /** A value in a type in which it can be compared. */
    String value(String alias, String name) { return alias + "." + raw(name) + "::" + plain(name); }

    private String plain(String name) { return table.column(name).map(Table.Column::plain).orElse("text"); }

    /** That the environment does not have row {@code r}. One without a key that needs a missing one can't be there. */
    String isMissing() {
        if (!hasKey()) return "true";
        var key = table.key();
        return "not exists (select from " + keys() + " k where "
            + IntStream.range(0, key.size()).mapToObj(i -> "k.k" + i + " = " + value("r", key.get(i)))
                .collect(Collectors.joining(" and ")) + ")";
    }
}
