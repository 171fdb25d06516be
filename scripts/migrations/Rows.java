package migrations;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalLong;
import ops.Database;
import ops.PlainTable;
import ops.Sha256;
import ops.TableName;

/** The rows of a table at one moment, a checksum of each: two moments can be compared whatever the rows' order. */
final class Rows {
    /** Of 8 bytes each. Of a larger table only the number of rows and the sum of their checksums are kept. */
    private static final int KEPT = 4_000_000;

    /**
     * What has become of a table's rows.
     *
     * @param was how many there were, and is how many there are
     * @param lost how many are not there any more as they were; empty when there are too many to say
     */
    record Change(long was, long is, OptionalLong lost) { }

    private long[] each = new long[1024];
    private long count;
    private long sum;

    private Rows() { }

    /** None at all. */
    static Rows none() { return new Rows(); }

    /**
     * Reads them as COPY writes them, which executes nothing of the table's.
     *
     * @param session of who may read every table, in no transaction
     * @param columns those that are compared; with none of them the number of rows alone is
     */
    static Rows of(Database session, TableName table, List<String> columns) {
        // As some database's own settings have it, the same value would be another text.
        session.execute("set bytea_output = 'hex'; set intervalstyle = 'postgres'; set lc_monetary = 'C'");
        var rows = new Rows();
        var there = new PlainTable(session, table.schema(), table.name());
        there.read(columns, row -> {
            rows.add(row);
            return false;
        });
        return rows;
    }

    private void add(String[] row) {
        var text = new StringBuilder();
        for (var value : row) text.append(value == null ? "n" : "v" + value.length() + ":" + value);
        var checksum = ByteBuffer.wrap(Sha256.of(text.toString().getBytes(StandardCharsets.UTF_8))).getLong();
        if (count < KEPT) {
            if (count == each.length) each = Arrays.copyOf(each, each.length * 2);
            each[(int) count] = checksum;
        }
        sum += checksum;
        count++;
    }

    /** Whether they are the same, in whatever order. */
    boolean areLike(Rows others) { return count == others.count && sum == others.sum; }

    /** What has become of these at a later moment. */
    Change to(Rows later) { return new Change(count, later.count, lost(later)); }

    private OptionalLong lost(Rows later) {
        if (areLike(later)) return OptionalLong.of(0);
        if (later.count == 0) return OptionalLong.of(count);
        if (count > KEPT || later.count > KEPT) return OptionalLong.empty();
        var before = sorted();
        var after = later.sorted();
        var lost = 0L;
        var at = 0;
        for (var checksum : before) {
            while (at < after.length && after[at] < checksum) at++;
            if (at < after.length && after[at] == checksum) at++;
            else lost++;
        }
        return OptionalLong.of(lost);
    }

    private long[] sorted() {
        var sorted = Arrays.copyOf(each, (int) count);
        Arrays.sort(sorted);
        return sorted;
    }
}
