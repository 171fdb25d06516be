package ops;

import java.util.Locale;
import java.util.stream.Collectors;

/** A restored database against the manifest of the backup that it was restored from. */
public final class Comparison {
    private Comparison() { }

    /**
     * Compares tables, their rows and the last migration.
     *
     * @return what was compared, in words
     * @throws Failure.NotVerified naming what differs
     */
    public static String of(Database session, Manifest manifest) {
        // Rows of schemas that a platform owns are a part of their own, which is not loaded where there is no such platform.
        var platform = manifest.parts().stream().anyMatch(part -> part.stage().equals("data"));
        var expected = manifest.tables().stream().filter(table -> !platform || !Supabase.owns(table.schema())).collect(Collectors.toMap(Snapshot.Table::toString, table -> table));
        var snapshot = Snapshot.open(session);
        var found = snapshot.tables(new Selection(java.util.List.of(), java.util.List.of(), manifest.selection().excludeTableData()))
            .stream().filter(table -> expected.containsKey(table.toString())).toList();
        if (found.size() < expected.size()) {
            found.forEach(table -> expected.remove(table.toString()));
            throw differs("it lacks " + expected.size() + " tables: " + expected.keySet().stream().sorted().limit(5).collect(Collectors.joining(", ")));
        }
        if (manifest.counts().equals("none")) return found.size() + " tables; rows were not counted when it was backed up";
        var counted = snapshot.count(found);
        for (var table : counted) {
            var rows = expected.get(table.toString()).rows();
            if (table.rows() != rows) throw differs(String.format(Locale.ROOT, "%s has %,d rows, and the manifest says %,d", table, table.rows(), rows));
        }
        return String.format(Locale.ROOT, "%,d rows in %d tables, as in the manifest", counted.stream().mapToLong(Snapshot.Table::rows).sum(), counted.size());
    }

    private static Failure differs(String what) {
        return new Failure.NotVerified("the restored database is not what was backed up: " + what, "take another backup: ./jbang backups list");
    }
}
