package ops;

import java.io.IOException;
import java.io.OutputStream;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/**
 * Counts a table's rows while they are written on, as an archive has them: COPY's text format, in which each row ends with
 * a newline and no other newline is real. Behind the last row pg_dump writes a line {@code \.} and blank ones.
 */
final class RowCount extends OutputStream {
    private static final VarHandle EIGHT = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.BIG_ENDIAN);
    private static final long NEWLINES = 0x0a0a0a0a0a0a0a0aL, LOW_BITS = 0x7f7f7f7f7f7f7f7fL;

    private final OutputStream to;
    private long newlines;
    /** How much was written, and the last eight bytes of it. */
    private long length, tail;

    /** @param to gets all of it */
    RowCount(OutputStream to) { this.to = to; }

    @Override public void write(int octet) throws IOException { write(new byte[] {(byte) octet}, 0, 1); }

    @Override public void write(byte[] bytes, int from, int count) throws IOException {
        to.write(bytes, from, count);
        length += count;
        var at = from;
        var end = from + count;
        // Eight at a time: this looks at every byte of the database.
        for (; end - at >= 8; at += 8) {
            var others = (long) EIGHT.get(bytes, at) ^ NEWLINES; // a newline is a byte of 0 now
            newlines += Long.bitCount(~((others & LOW_BITS) + LOW_BITS | others | LOW_BITS));
        }
        for (; at < end; at++) if (bytes[at] == '\n') newlines++;
        if (count >= 8) tail = (long) EIGHT.get(bytes, end - 8);
        else for (at = from; at < end; at++) tail = tail << 8 | bytes[at] & 0xff;
    }

    /** The rows, when all is written. Throws NotVerified when it does not end as pg_dump ends them. */
    long rows() {
        var rest = tail;
        var behind = 0;
        for (; behind < length && (rest & 0xff) == '\n'; behind++) rest >>>= 8;
        var ends = behind > 0 && (rest & 0xffff) == ('\\' << 8 | '.') && (length == behind + 2 || (rest >>> 16 & 0xff) == '\n');
        if (!ends) throw new Failure.NotVerified("the rows of a table do not end as pg_dump ends them", "make a new backup: ./jbang backup-db");
        return newlines - behind;
    }

    @Override public void flush() throws IOException { to.flush(); }
}
