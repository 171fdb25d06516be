package ops;

import java.net.SocketTimeoutException;
import java.sql.Connection;
import java.sql.SQLException;

/**
 * A pooler between us and the server, as PgBouncer: told by what it does, since its address says nothing.
 *
 * <p>In session mode each connection has a session of its own until it is closed. In transaction or statement mode the next
 * statement may be executed by another session: locks, snapshots and settings get lost there, or stay with somebody else.
 */
final class Pooler {
    /** A busy pool may give the same session again by chance, though not so often. */
    private static final int ROUNDS = 6;

    /** Opens another connection to the same place. */
    interface Another { Connection open() throws SQLException; }

    private Pooler() { }

    /** Whether it is one that takes no options of a session with a connection. */
    static boolean refusesOptions(SQLException e) {
        return SqlFailure.PROTOCOL.equals(e.getSQLState()) && e.getMessage().contains("startup parameter");
    }

    /** The server tells a client its process when it connects; a pooler makes something up, or tells another's. */
    static boolean isBetween(Connection connection) throws SQLException {
        return process(connection) != connection.unwrap(org.postgresql.PGConnection.class).getBackendPID();
    }

    /**
     * Whether two connections are given the same session, or one of them another from statement to statement. Sets nothing.
     *
     * @param another is asked for a second connection to compare with, which is closed again
     */
    static boolean sharesSessions(Connection first, Another another) throws SQLException {
        var ours = process(first);
        try (var second = another.open()) {
            for (var round = 0; round < ROUNDS; round++) {
                if (process(second) == ours || process(first) != ours || process(first) != ours) return true;
                second.setAutoCommit(false);
                if (process(second) == ours || process(first) != ours) return true;
                second.rollback();
                second.setAutoCommit(true);
            }
            return false;
        } catch (SQLException e) {
            // No room for a second session: the first one has its own, if it still has it.
            if (e.getCause() instanceof SocketTimeoutException) return process(first) != ours;
            if (SqlFailure.PROTOCOL.equals(e.getSQLState())) return true; // statement mode refuses transactions
            throw e;
        }
    }

    private static int process(Connection connection) throws SQLException {
        try (var statement = connection.createStatement(); var result = statement.executeQuery("select pg_catalog.pg_backend_pid()")) {
            result.next();
            return result.getInt(1);
        }
    }
}
