//SOURCES PgBouncer.java
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.file.Files;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** A pooler between the kit and the server, in transaction and in session mode: refused by its behaviour, or nothing stays set. */
class HostilePoolerTest {
    private static final String SHARED = "is behind a pooler that gives each transaction another session: dumps, snapshots and locks don't work through it";
    private static final String SHOP = "create table orders (id int primary key); insert into orders select generate_series(1, 9)";

    private final Kit kit = Stack.kit();

    @BeforeEach void isThere() { PgBouncer.needed(); }

    private static final String UNTOUCHED = "\"$user\", public 1min on 1 0 0 9";

    /** What each session in a pool says of itself, through as many clients at once as there are sessions. */
    private List<String> sessions(PgBouncer pooler, String sql) throws SQLException {
        var clients = new ArrayList<Connection>();
        try {
            var there = Integer.parseInt(kit.database.one("select count(*) from pg_stat_activity where usename = 'tester' and datname = '" + kit.database.name + "'"));
            var said = new ArrayList<String>();
            for (var client = 0; client < Math.max(1, there); client++) {
                clients.add(TestDatabase.connect(pooler.url(kit.database)));
                try (var statement = clients.get(client).createStatement(); var result = statement.executeQuery(sql)) {
                    result.next();
                    said.add(result.getString(1));
                }
            }
            return said.stream().distinct().toList();
        } finally {
            for (var client : clients) client.close();
        }
    }

    private static final String LIMITS = "select concat_ws(' ', current_setting('search_path'), current_setting('statement_timeout'), current_setting('row_security'), current_setting('extra_float_digits'), "
        + "current_setting('idle_in_transaction_session_timeout'), current_setting('lock_timeout'), (select count(*) from orders))";

    @Test void a_pooler_that_shares_sessions_is_refused_by_what_it_does_and_nothing_stays_set_in_them() throws Exception {
        kit.backedUp(SHOP).set("SMOKE_CANARY_ROW", "public.orders:id=1");
        TestDatabase.superuser("alter role tester in database " + kit.database.name + " set statement_timeout = '1min'");
        for (var settings : List.of(List.of("pool_mode = transaction"), List.of("pool_mode = statement"), List.of("pool_mode = transaction", "default_pool_size = 1"),
            List.of("pool_mode = transaction", "ignore_startup_parameters = extra_float_digits,options", "server_round_robin = 1", "min_pool_size = 3"))) {
            try (var pooler = new PgBouncer(settings.toArray(String[]::new))) {
                kit.set("STAGING_DATABASE_URL", pooler.url(kit.database));
                kit.run("backup-db", "--env", "staging").exits(78).says(SHARED, "Next:  name the server itself, or a pooler in session mode", "State: nothing was stored, and nothing in the database was changed.");
                // All commands connect in one way; what is told of it is each one's own.
                if (settings.equals(List.of("pool_mode = transaction"))) {
                    kit.run("restore-db", "--env", "staging").exits(78).says(SHARED, "State: the database of 'staging' is as it was.");
                    kit.run("doctor", "--env", "staging").exits(78).prints(SHARED);
                    kit.run("smoke-tests", "--env", "staging", "--only", "database").exits(16).prints(SHARED);
                }
                assertEquals(List.of(UNTOUCHED), sessions(pooler, LIMITS), settings.toString());
            }
        }
    }

    @Test void other_clients_of_the_pool_do_not_hide_that_it_shares_sessions() throws Exception {
        kit.database.execute(SHOP);
        try (var pooler = new PgBouncer("pool_mode = transaction", "default_pool_size = 4")) {
            var busy = new ArrayList<Thread>();
            for (var n = 0; n < 6; n++) busy.add(new Thread(() -> work(pooler)));
            busy.forEach(Thread::start);
            kit.set("STAGING_DATABASE_URL", pooler.url(kit.database));
            for (var time = 0; time < 3; time++) kit.run("backup-db", "--env", "staging", "--dry-run").exits(78).says(SHARED);
            busy.forEach(Thread::interrupt);
            for (var client : busy) client.join();
        }
    }

    private void work(PgBouncer pooler) {
        try (var client = TestDatabase.connect(pooler.url(kit.database)); var statement = client.createStatement()) {
            while (!Thread.currentThread().isInterrupted()) statement.execute("select count(*) from orders");
        } catch (SQLException e) {
            // the pooler ends before its clients do
        }
    }

    @Test void a_pooler_in_session_mode_keeps_no_lock_and_no_setting_of_ours_even_when_it_resets_nothing() throws Exception {
        kit.database.execute(SHOP);
        TestDatabase.superuser("alter role tester in database " + kit.database.name + " set statement_timeout = '1min'");
        try (var pooler = new PgBouncer("pool_mode = session")) {
            kit.set("STAGING_DATABASE_URL", pooler.url(kit.database)).run("doctor", "--env", "staging").neverShows("pooler:");
        }
        try (var pooler = new PgBouncer("pool_mode = session", "server_reset_query =")) {
            kit.set("STAGING_DATABASE_URL", pooler.url(kit.database)).set("SMOKE_CANARY_ROW", "public.orders:id=1");
            kit.run("backup-db", "--env", "staging").exits(0);
            assertEquals(List.of(UNTOUCHED), sessions(pooler, LIMITS));
            kit.run("doctor", "--env", "staging").prints("lock: free", "warning      pooler: it hands a session on as it was left", "server_reset_query = DISCARD ALL");
            assertEquals(List.of(UNTOUCHED), sessions(pooler, LIMITS));
            kit.run("restore-db", "--env", "staging", "--mode", "in-place", "--no-safety-backup").exits(0);
            assertEquals(List.of(UNTOUCHED), sessions(pooler, LIMITS));

            // Killed in the middle: the lock is gone with the run, though the pooler lives.
            var go = kit.home.resolve("go");
            var restore = kit.start("restore-db", "--env", "staging", "--mode", "in-place", "--no-safety-backup", "--after-sql", kit.sqlThatWaitsFor(go).toString()).awaitSays("ok: Compare with the manifest");
            kit.run("backup-db", "--env", "staging").exits(11);
            restore.signal("KILL").result();
            Files.createFile(go);
            kit.run("backup-db", "--env", "staging", "--wait", "30").exits(0);
            kit.run("restore-db", "--env", "staging").exits(0);
            assertEquals("9", kit.database.one("select count(*) from orders"));
        }
    }
}
