package ops;

import java.io.IOException;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicLong;

/** Sessions that load tables' rows, each table by a COPY in a transaction of its own; any number of threads may use them. */
final class CopySessions implements AutoCloseable {
    private final DatabaseUrl into;
    private final Settings settings;
    private final String encoding;
    private final AtomicLong done;
    private final ConcurrentLinkedQueue<Database> idle = new ConcurrentLinkedQueue<>();
    private final ConcurrentLinkedQueue<Database> all = new ConcurrentLinkedQueue<>();

    /**
     * @param encoding of the rows
     * @param done is told the bytes that the server has taken
     */
    CopySessions(DatabaseUrl into, Settings settings, String encoding, AtomicLong done) {
        this.into = into;
        this.settings = settings;
        this.encoding = encoding;
        this.done = done;
    }

    /**
     * Loads one table.
     *
     * @return how many rows the server has taken
     * @throws Failure.ToolFailed with what the server says of it
     * @throws Failure.NotVerified when it has taken another number than came
     */
    long copy(Archive.Rows rows, Database.CopySource source) throws IOException {
        var session = idle.poll();
        if (session == null) session = connect();
        session.execute("begin");
        // Rows that come with the table need no second visit: neither by a vacuum, nor to note that they are committed.
        if (rows.created()) session.execute("truncate only " + rows.table().sql());
        var counts = new long[1];
        var taken = session.copyIn(rows.copy() + " WITH (" + (rows.created() ? "FREEZE, " : "") + "ENCODING '" + encoding + "')", to -> {
            var count = new RowCount(to);
            source.writeTo(count);
            counts[0] = count.rows();
        }, done);
        if (taken != counts[0]) throw Comparison.differs(rows.table(), taken, "the archive", counts[0]);
        session.execute("commit");
        idle.add(session);
        return taken;
    }

    /** As pg_restore has it. */
    private Database connect() {
        var session = Database.connect(into, settings, "handover, rows");
        all.add(session);
        session.execute("set row_security = off; set xmloption = content; select set_config('search_path', '', false)");
        return session;
    }

    @Override public void close() { all.forEach(Database::close); }
}
