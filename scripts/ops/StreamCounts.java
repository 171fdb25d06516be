package ops;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Predicate;
import java.util.stream.Collectors;

/**
 * The rows of each table, counted in pg_dump's archives on their way into the store: in the very bytes that are stored,
 * without a second read of the database and without a query in it.
 */
final class StreamCounts {
    private final Snapshot.Listed listed;
    private final boolean wanted;
    private final Map<TableName, Long> rows = new HashMap<>();
    private String note;
    private Failure.NotVerified damage;

    /** @param wanted false when nothing is to be counted */
    StreamCounts(Snapshot.Listed listed, boolean wanted) {
        this.listed = listed;
        this.wanted = wanted;
    }

    /**
     * Reads an archive, perhaps not to its end: what it can't read is told by {@link #check}, since the reason may be
     * that pg_dump has failed.
     *
     * @param has which tables' rows have to be in it
     * @throws Failure.NotVerified as soon as the archive says that it has the rows of other tables than are listed
     */
    void of(InputStream raw, Predicate<TableName> has) throws IOException {
        if (!wanted || note != null) return;
        Archive archive;
        try {
            archive = new Archive(raw);
        } catch (Failure.ToolFailed e) {
            note = e.getMessage(); // a format that is newer than this kit
            return;
        } catch (Failure.NotVerified e) {
            damage = e;
            return;
        }
        compare(archive.tables(), has);
        try {
            while (archive.next()) count(archive);
        } catch (Failure.NotVerified e) {
            damage = e;
        }
    }

    private void count(Archive archive) throws IOException {
        var of = archive.rows(archive.entry());
        var count = new RowCount(OutputStream.nullOutputStream());
        archive.data(of.isEmpty() ? OutputStream.nullOutputStream() : count);
        if (of.isPresent()) rows.put(of.get().table(), count.rows());
    }

    private void compare(Set<TableName> found, Predicate<TableName> has) {
        var expected = listed.tables().stream().map(Snapshot.Table::table).filter(has).collect(Collectors.toSet());
        var missing = less(expected, found);
        var more = less(less(found, expected), listed.maybe());
        if (!missing.isEmpty()) throw differs("leaves out the rows of", missing, "of which the role may read all");
        if (!more.isEmpty()) throw differs("brings the rows of", more, "which were not to be in this backup");
    }

    private static Set<TableName> less(Set<TableName> tables, Collection<TableName> others) {
        var left = new HashSet<>(tables);
        left.removeAll(others);
        return left;
    }

    private static Failure differs(String what, Set<TableName> tables, String but) {
        var named = tables.stream().map(TableName::toString).sorted().limit(5).collect(Collectors.joining(", ")) + (tables.size() > 5 ? ", …" : "");
        return new Failure.NotVerified("pg_dump " + what + " " + Amount.count(tables.size(), "table") + ", " + but + ": " + named, "see what is special about them; --counts none backs up without comparing");
    }

    /** Throws NotVerified when what pg_dump gave, and ended with success, is no archive. */
    void check() {
        if (damage != null) throw new Failure.NotVerified("pg_dump ended well, and yet " + damage.getMessage(), "run it again; if it stays, take another pg_dump: PG_BIN");
    }

    /** The listed tables with their rows; with -1 each when nobody has counted. */
    List<Snapshot.Table> tables() {
        if (!wanted || note != null) return listed.tables();
        return listed.tables().stream().map(table -> new Snapshot.Table(table.schema(), table.name(), rows.get(table.table()))).toList();
    }

    /** Why nothing was counted, though it was wanted; else null. */
    String note() { return note; }
}
