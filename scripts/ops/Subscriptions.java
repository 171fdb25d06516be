package ops;

import java.util.ArrayList;
import java.util.List;

/**
 * Subscriptions of a database to another server's publications: PostgreSQL drops no database that has one. They are
 * let go of from this side alone; the publisher is not asked, and keeps the slot, which may be somebody else's by
 * now.
 */
public final class Subscriptions {
    private Subscriptions() { }

    /** Those of a database. Any session of the server sees them. */
    private static List<String> of(Database server, String database, String which) {
        return server.rows("select subname from pg_subscription s join pg_database d on d.oid = s.subdbid where "
            + "d.datname = ? and " + which + " order by 1", row -> row[0], database);
    }

    /** Removes those of a database that is to be dropped. */
    public static void drop(Database server, Settings settings, String database) {
        var all = of(server, database, "true");
        if (all.isEmpty()) return;
        try (var session = session(server, settings, database)) {
            // They would run at what follows.
            for (var trigger : session.rows("select quote_ident(evtname) from pg_event_trigger", row -> row[0])) session.attempt("drop event trigger " + trigger);
            for (var name : all) {
                var quoted = Database.quote(name);
                session.execute("alter subscription " + quoted + " disable");
                session.execute("alter subscription " + quoted + " set (slot_name = none)");
                session.execute("drop subscription " + quoted);
            }
        }
    }

    /**
     * Ends the replication into a database that is no longer the live one; the publisher keeps what comes from now
     * on. Gives their names.
     */
    public static List<String> disable(Database server, Settings settings, String database) {
        var running = of(server, database, "subenabled");
        if (running.isEmpty()) return running;
        try (var session = session(server, settings, database)) {
            for (var name : running) session.execute("alter subscription " + Database.quote(name) + " disable");
        }
        return new ArrayList<>(running);
    }

    private static Database session(Database server, Settings settings, String database) {
        var session = Database.connect(server.url.withDatabase(database), settings, "handover, subscriptions");
        DatabaseProperties.asWhoConnected(session);
        session.execute("set default_transaction_read_only = off");
        return session;
    }
}
