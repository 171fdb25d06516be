package rows;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import ops.Database;
import rows.Choice.Found;
import rows.Table.Column;
import rows.Table.ForeignKey;

/**
 * What is put into one table, and the SQL that does it: rows wait in a temporary table {@code w} and go into the table
 * {@code t}.
 *
 * @param columns that are written
 * @param triggers that would run for them
 */
record Share(Found found, List<Column> columns, List<Trigger> triggers) {
    Table table() { return found.table(); }

    List<String> names() { return columns.stream().map(Column::name).toList(); }

    /** Whether it is a column of whole numbers that is written. */
    boolean isWhole(String name) {
        return columns.stream().anyMatch(each -> each.name().equals(name)
            && List.of("smallint", "integer", "bigint").contains(each.plain()));
    }

    /** Whether a row that is there can be found by its key. */
    boolean hasKey() { return !table().key().isEmpty() && names().containsAll(table().key()); }

    /** Columns that a row that is there can be given. */
    List<Column> changeable() {
        return columns.stream().filter(column -> !column.fixed() && !table().key().contains(column.name())).toList();
    }

    /** What its triggers may run for, as pg_trigger.tgtype has it. */
    int events() {
        return (found.missing() > 0 ? Trigger.FOR_INSERT : 0) | (found.overwritten() > 0 ? Trigger.FOR_UPDATE : 0);
    }

    /** Whether its triggers can be kept from running by those of the whole session alone. */
    boolean isSilenced() { return !triggers.isEmpty() && !table().owned(); }

    /** That a row {@code t} of another table is what a waiting one points to. */
    private String isParent(ForeignKey key) {
        var pairs = new ArrayList<String>();
        for (var i = 0; i < key.columns().size(); i++) {
            var name = key.columns().get(i);
            var parents = "t." + Database.quote(key.referenced().get(i));
            pairs.add(equal(parents, waitingValue(name), columns.get(names().indexOf(name))));
        }
        return String.join(" and ", pairs);
    }

    /** Keeps what the waiting rows point to from going, until the transaction ends. */
    String parentsHeld(ForeignKey key, String parent) {
        return "select 1 from " + parent + " t where exists (select from " + waiting() + " w where not w.replaces and "
            + isParent(key) + ") for key share of t";
    }

    /** How many waiting rows point to what is not there. */
    String withoutParent(ForeignKey key, String parent) {
        var points = key.columns().stream().map(name -> " and " + waitingValue(name) + " is not null")
            .collect(Collectors.joining());
        return "select pg_catalog.count(*) from " + waiting() + " w where not w.replaces" + points
            + " and not exists (select from " + parent + " t where " + isParent(key) + ")";
    }

    /** Where its rows wait. */
    String waiting() { return "pg_temp." + waitingName(); }

    private String waitingName() { return "\"handover rows " + table().oid() + "\""; }

    /** Columns whose values are brought once more, as the backup has them. */
    List<Column> twice() {
        return columns.stream().filter(each -> each.isSteady() || each.isMoment() || each.isNarrow()).toList();
    }

    String created() {
        var values = columns.stream().map(column -> ", " + waitingName(column) + " " + column.type());
        var texts = twice().stream().map(column -> ", " + textName(column) + " text");
        return "create temp table " + waitingName() + " (replaces boolean"
            + Stream.concat(values, texts).collect(Collectors.joining()) + ") on commit drop";
    }

    private String waitingName(Column column) { return "c" + columns.indexOf(column); }

    private String textName(Column column) { return "b" + columns.indexOf(column); }

    /** How many values of each of these columns are not what they are in the backup. */
    String changedByType() {
        return twice().stream().map(column -> "pg_catalog.count(*) filter (where w." + waitingName(column)
            + " is not null and (" + isChanged(column) + "))")
            .collect(Collectors.joining(", ", "select ", " from " + waiting() + " w"));
    }

    private String isChanged(Column column) {
        var value = "w." + waitingName(column);
        var text = "w." + textName(column);
        if (column.isSteady()) return "pg_catalog.format('%s', " + value + ") operator(pg_catalog.<>) " + text;
        var changed = value + "::pg_catalog.text operator(pg_catalog.<>) " + text + "::" + column.plain()
            + "::pg_catalog.text";
        if (!column.isMoment()) return changed;
        return changed + " or " + text
            + " operator(pg_catalog.!~) ':[0-9]{2}([.][0-9]+)?[+-][0-9]{2}(:[0-9]{2}){0,2}( BC)?$|infinity$'";
    }

    /** How many rows that are to be replaced are of that transaction or a later one. */
    String changedSince(String transaction) {
        return "select pg_catalog.count(*) from " + table().from() + " t, " + waiting() + " w where w.replaces and "
            + isSame() + " and pg_catalog.age(t.xmin) operator(pg_catalog.<=) "
            + "(pg_catalog.txid_current() operator(pg_catalog.-) " + transaction + ")";
    }

    /** How many rows of another table point to those that wait. */
    String pointing(ForeignKey key, String child) {
        var pairs = new ArrayList<String>();
        for (var i = 0; i < key.columns().size(); i++) {
            var name = key.referenced().get(i);
            pairs.add(equal("t." + Database.quote(key.columns().get(i)), waitingValue(name),
                columns.get(names().indexOf(name))));
        }
        return "select pg_catalog.count(*) from " + child + " t where exists (select from " + waiting()
            + " w where not w.replaces and " + String.join(" and ", pairs) + ")";
    }

    /** How many rows are to be inserted. */
    String toInsert() { return "select pg_catalog.count(*) from " + waiting() + " w where not w.replaces"; }

    /** Lets those wait no longer that somebody has put back in the meantime. */
    String withoutThere() {
        return "delete from " + waiting() + " w where not w.replaces and exists (select from " + table().from()
            + " t where " + isSame() + ")";
    }

    /** Inserts those that replace none. */
    String inserted() {
        var values = names().stream().map(this::waitingValue).collect(Collectors.joining(", "));
        return "insert into " + table().name().sql() + " (" + Table.quoted(names()) + ") overriding system value"
            + " select " + values + " from " + waiting() + " w where not w.replaces";
    }

    /** Gives those that are there their values back. */
    String updated() {
        return "update " + table().from() + " t set "
            + changeable().stream().map(column -> Database.quote(column.name()) + " = " + waitingValue(column.name()))
                .collect(Collectors.joining(", "))
            + " from " + waiting() + " w where w.replaces and " + isSame();
    }

    /** How many rows that wait are not in the table as they wait. */
    String otherwise(boolean replaces) {
        var these = replaces ? changeable() : columns;
        return "select pg_catalog.count(*) from " + waiting() + " w where " + (replaces ? "" : "not ")
            + "w.replaces and not exists (select from " + table().from() + " t where "
            + isSame() + (these.isEmpty() ? "" : " and " + isEqual(these)) + ")";
    }

    String waitingValue(String column) { return "w.c" + names().indexOf(column); }

    /** That a row of the table is the one that waits, by its key. */
    private String isSame() {
        return table().key().stream()
            .map(name -> equal("t." + Database.quote(name), waitingValue(name), columns.get(names().indexOf(name))))
            .collect(Collectors.joining(" and "));
    }

    /** Types of others are compared as they are printed: an operator or a cast of theirs may be anybody's. */
    private static String equal(String one, String other, Column column) {
        var isPlain = !column.plain().equals("text") || column.type().equals("text");
        if (isPlain) return one + " operator(pg_catalog.=) " + other;
        return "row(" + one + ")::pg_catalog.text operator(pg_catalog.=) row(" + other + ")::pg_catalog.text";
    }

    /** That it has the values that wait. */
    private String isEqual(List<Column> these) {
        var there = these.stream().map(column -> "t." + Database.quote(column.name()))
            .collect(Collectors.joining(", "));
        var waiting = these.stream().map(column -> waitingValue(column.name())).collect(Collectors.joining(", "));
        return "row(" + there + ")::pg_catalog.text operator(pg_catalog.=) row(" + waiting + ")::pg_catalog.text";
    }
}
