package ops;

/**
 * How many locks a server has room for, as it promises; it may have some more.
 *
 * @param perTransaction max_locks_per_transaction
 * @param transactions that the server can have at a time, of sessions and of its own workers
 * @param taken by everybody at this moment
 */
public record LockTable(long perTransaction, long transactions, long taken) {
    /** Asks a server. */
    public static LockTable of(Database session) {
        var row = session.rows("""
            select current_setting('max_locks_per_transaction'),
              current_setting('max_connections')::bigint + current_setting('max_prepared_transactions')::bigint
                + coalesce(current_setting('autovacuum_worker_slots', true), current_setting('autovacuum_max_workers'))::bigint
                + 1 + current_setting('max_worker_processes')::bigint + current_setting('max_wal_senders')::bigint,
              (select count(*) from pg_locks where not fastpath)""", r -> r).get(0);
        return new LockTable(Long.parseLong(row[0]), Long.parseLong(row[1]), Long.parseLong(row[2]));
    }

    public long free() { return perTransaction * transactions - taken; }

    /** The statement after which, and a restart, the server has room for so many more. */
    public String makeRoomFor(long needed) {
        return "ALTER SYSTEM SET max_locks_per_transaction = " + ((needed + taken) / transactions * 5 / 4 + 1);
    }
}
