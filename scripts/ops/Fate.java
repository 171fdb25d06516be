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
    public static boolean isCommitted(DatabaseUrl url, Settings settings, String who, String transaction)
        throws InterruptedException {
        try (var session = Database.connect(url, settings, who)) {
            var late = Instant.now().plusSeconds(SECONDS_TO_END);
            var status = status(session, transaction);
            while ("in progress".equals(status) && Instant.now().isBefore(late)) {
                Thread.sleep(200);
                status = status(session, transaction);
            }
            if (status == null) throw unclear("it does not know the transaction any more");
            if (status.equals("in progress")) throw unclear("the transaction is still in progress");
            return status.equals("committed");
        } catch (Failure.Unclear e) {
            throw e;
        } catch (Failure e) {
            throw unclear(e.getMessage());
        }
    }

    private static Failure unclear(String why) {
        return new Failure.Unclear("the connection was lost at the commit, and nobody can say what came of it: " + why,
            "when the server answers again, look which data it has");
    }

    /** Null when it is too old to be known. */
    private static String status(Database session, String transaction) {
        return session.one("select txid_status(?::bigint)", transaction);
    }
}
