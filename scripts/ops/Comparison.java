package ops;

import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeSet;
import java.util.stream.Collectors;

/**
 * What a server has taken of a backup, against the backup's manifest. By the entries of the archive, as they were loaded:
 * a row of one partition may rightly come to lie in another one (the hash of an enum's value is not the same in each database).
 */
public final class Comparison {
    private Comparison() { }

    /**
     * Compares tables and their rows.
     *
     * @param taken how many rows the server has taken, by the table that the archive has them of
     * @return what was compared, in words
     * @throws Failure.NotVerified naming what differs
     */
    public static String of(Map<TableName, Long> taken, Manifest manifest) { return of(taken, manifest, manifest.tables()); }

    /** The same, of some of its tables. */
    public static String of(Map<TableName, Long> taken, Manifest manifest, List<Snapshot.Table> some) {
        // Rows of schemas that a platform owns are a part of their own, which is not loaded where there is no such platform.
        var platform = manifest.parts().stream().anyMatch(part -> part.stage().equals("data"));
        var tables = some.stream().filter(table -> !platform || !Supabase.owns(table.schema())).toList();
        var missing = new TreeSet<>(tables.stream().map(Snapshot.Table::table).filter(table -> !taken.containsKey(table)).map(TableName::toString).toList());
        if (!missing.isEmpty()) throw differs("it lacks the rows of " + Amount.count(missing.size(), "table") + ": " + missing.stream().limit(5).collect(Collectors.joining(", ")));
        if (manifest.counts().equals("none")) return Amount.count(tables.size(), "table") + "; rows were not counted when it was backed up";
        for (var table : tables)
            if (taken.get(table.table()) != table.rows()) throw differs(table.table(), taken.get(table.table()), "the manifest", table.rows());
        return Amount.count(Manifest.rows(tables), "row") + " in " + Amount.count(tables.size(), "table") + ", as in the manifest";
    }

    /** The failure that a table has other rows than somebody says. */
    static Failure.NotVerified differs(TableName table, long rows, String who, long says) {
        return differs(String.format(Locale.ROOT, "%s has %s, and %s says %,d", table, Amount.count(rows, "row"), who, says));
    }

    private static Failure.NotVerified differs(String what) {
        return new Failure.NotVerified("the restored database is not what was backed up: " + what, "take another backup: ./jbang backups list");
    }
}
