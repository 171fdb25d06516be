package ops;

import java.time.Instant;

/** What became of a transaction whose answer to COMMIT was lost. */
public final class Fate {
    private static final int SECONDS_TO_END = 30;

    private Fate() { }

    /**
     * Asks the server, in a session of its own.
     *
     * @param transaction as txid_current() gave it
     * @throws Failure.Unclear when it can't be asked, or does not know
     */
    public static boolean isCommitted(DatabaseUrl url, Settings settings, String who, String transaction) throws InterruptedException {
        try (var session = Database.connect(url, settings, who)) {
            var late = Instant.now().plusSeconds(SECONDS_TO_END);
            var status = session.one("select txid_status(?::bigint)", transaction);
            for (; "in progress".equals(status) && Instant.now().isBefore(late); status = session.one("select txid_status(?::bigint)", transaction)) Thread.sleep(200);
            if (status == null || status.equals("in progress")) throw new Failure.ToolFailed("it says of the transaction that it is " + (status == null ? "too old to be known" : status), "");
            return status.equals("committed");
        } catch (Failure e) {
            throw new Failure.Unclear("the connection was lost at the commit, and the server can't be asked what came of it: " + e.getMessage(), "when it answers again, look which data it has");
        }
    }
}
