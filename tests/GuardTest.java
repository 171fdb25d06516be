import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A protected environment's database is never replaced by accident, whatever name and way lead to it. */
class GuardTest {
    private static final String IS_PRODUCTION = "environment 'staging' is in truth protected 'production'";
    private final TestDatabase production = TestDatabase.create(Stack.next("production_"));
    private final Kit kit = Stack.kit();

    @BeforeEach void twoRowsInProductionAndOneInStaging() {
        production.execute("create table customer (id int); insert into customer values (1), (2)");
        kit.database.execute("create table customer (id int); insert into customer values (1)");
        kit.set("PRODUCTION_DATABASE_URL", production.url());
    }

    private void backUpStaging() { kit.run("backup-db", "--env", "staging", "--quiet").exits(0); }

    @Test void by_its_own_name_it_is_refused_and_told_what_to_do_instead() {
        kit.run("restore-db", "--env", "production", "--from", "staging").exits(10)
            .says("FAILED: environment 'production' is protected: it is in PROTECTED_ENVS", "Next:  restore into another one: --env staging --from production", "State: the database of 'production' is as it was.");
        untouched();
    }

    @ParameterizedTest
    @ValueSource(strings = {"127.0.0.1", "localhost", "LOCALHOST", "localhost.", "127%2E0%2E0%2E1", "%6Cocalhost", "127.1", "[::ffff:127.0.0.1]"})
    void by_another_spelling_of_its_address_it_is_refused(String host) {
        kit.set("STAGING_DATABASE_URL", production.url().replace("@127.0.0.1:", "@" + host + ":"));
        kit.run("restore-db", "--env", "staging").exits(10).says(IS_PRODUCTION, "Next:  correct it: STAGING_DATABASE_URL stands in .env.operations");
        untouched();
    }

    @Test void by_a_percent_encoded_name_of_the_database_it_is_refused() {
        kit.set("STAGING_DATABASE_URL", production.url().replace("/production_", "/%70roduction_"));
        kit.run("restore-db", "--env", "staging").exits(10).says(IS_PRODUCTION);
        untouched();
    }

    @ParameterizedTest
    @ValueSource(strings = {"host=127.0.0.1", "hostaddr=127.0.0.1", "port=5432", "dbname=production", "user=postgres", "options=-c%20search_path%3Dx", "service=production", "%68ost=127.0.0.1", "HOST=127.0.0.1",
        "sslmode=disable&host=127.0.0.1", "sslmode=disable&sslmode=require", "servicefile=/tmp/x", "targetServerType=primary", "passfile=/tmp/x"})
    void a_parameter_that_could_lead_elsewhere_is_refused(String parameter) {
        kit.set("STAGING_DATABASE_URL", kit.database.url() + "?" + parameter);
        kit.run("restore-db", "--env", "staging").exits(78).says("DATABASE_URL has a parameter", "Next:  remove it");
        untouched();
    }

    @ParameterizedTest
    @ValueSource(strings = {"@127.0.0.1:1,127.0.0.1:", "@127.0.0.1,localhost:", "@127.0.0.1@localhost:"})
    void several_hosts_in_one_url_are_refused(String hosts) {
        kit.set("STAGING_DATABASE_URL", kit.database.url().replace("@127.0.0.1:", hosts));
        kit.run("restore-db", "--env", "staging").exits(78).says("FAILED: DATABASE_URL");
        untouched();
    }

    @Test void what_libpq_reads_from_the_environment_leads_nowhere_else() throws IOException {
        var server = TestDatabase.server().split(":");
        var file = Files.writeString(kit.home.resolve("services"), "[production]\nhost=" + server[0] + "\nport=" + server[1] + "\ndbname=" + production.name + "\n");
        backUpStaging();
        kit.with("PGHOST", server[0]).with("PGHOSTADDR", server[0]).with("PGPORT", server[1]).with("PGDATABASE", production.name).with("PGUSER", "postgres").with("PGOPTIONS", "-c search_path=x")
            .with("PGSERVICE", "production").with("PGSERVICEFILE", file.toString()).with("PGPASSFILE", "/nowhere");
        kit.database.execute("insert into customer values (7)");
        kit.run("restore-db", "--env", "staging").exits(0);
        assertEquals("1", kit.database.one("select count(*) from customer"));
        untouched();
    }

    @Test void a_port_forward_to_it_is_found_by_what_the_server_says_of_itself() throws IOException {
        try (var forward = new Forward()) {
            kit.set("STAGING_DATABASE_URL", production.url().replaceFirst("@[^/]*/", "@127.0.0.1:" + forward.port() + "/"));
            kit.run("restore-db", "--env", "staging").exits(10).says(IS_PRODUCTION, "the server says that both are its database");
        }
        untouched();
    }

    @Test void a_port_forward_is_found_by_its_last_backup_when_it_cannot_be_reached_itself() throws IOException {
        kit.run("backup-db", "--env", "production", "--quiet").exits(0);
        try (var forward = new Forward()) {
            kit.set("STAGING_DATABASE_URL", production.url().replaceFirst("@[^/]*/", "@127.0.0.1:" + forward.port() + "/"));
            for (var url : new String[] {production.url().replaceFirst("@[^/]*/", "@127.0.0.1:9/"), null}) {
                kit.set("PRODUCTION_DATABASE_URL", url);
                kit.run("restore-db", "--env", "staging").exits(10).says(IS_PRODUCTION, "the server says it is the one of its backup ");
            }
        }
        untouched();
    }

    @Test void when_it_can_neither_be_reached_nor_was_backed_up_the_answer_is_no() {
        kit.set("PRODUCTION_DATABASE_URL", production.url().replaceFirst("@[^/]*/", "@127.0.0.1:9/"));
        kit.run("restore-db", "--env", "staging").exits(10).says("it can't be told whether", "has no backup", "Next:  make production reachable from here, or back it up once");
    }

    @Test void a_database_beside_it_on_the_same_server_is_another_one() {
        backUpStaging();
        kit.run("restore-db", "--env", "staging").exits(0);
        untouched();
    }

    @Test void another_role_does_not_make_it_another_database() {
        TestDatabase.superuser("do $$ begin if not exists (select from pg_roles where rolname = 'other') then create role other superuser login password 'x'; end if; end $$");
        kit.set("STAGING_DATABASE_URL", production.url("other", "x"));
        kit.run("restore-db", "--env", "staging").exits(10).says(IS_PRODUCTION);
        untouched();
    }

    @ParameterizedTest
    @ValueSource(strings = {" production ", "live , production", "Production", "live,,production,"})
    void the_list_of_protected_ones_may_be_written_carelessly(String list) {
        kit.set("PROTECTED_ENVS", list);
        kit.run("restore-db", "--env", "production", "--from", "staging").exits(10);
        kit.set("STAGING_DATABASE_URL", production.url());
        kit.run("restore-db", "--env", "staging").exits(10).says(IS_PRODUCTION);
        untouched();
    }

    @ParameterizedTest
    @ValueSource(strings = {"production ", " production", "Production", "prod/../production", "production\n"})
    void a_name_that_is_almost_its_own_is_no_environment(String name) {
        kit.run("restore-db", "--env", name).exits(2).says("is not the name of an environment");
        untouched();
    }

    // --- break glass

    @Test void breaking_the_glass_needs_a_person_at_a_terminal() {
        backUpStaging();
        kit.run("restore-db", "--env", "production", "--from", "staging", "--break-glass", "all is lost").exits(10).says("this needs a person at a terminal");
        kit.run("restore-db", "--env", "production", "--from", "staging", "--break-glass", " ").exits(2).says("--break-glass wants a reason");
        kit.run("restore-db", "--env", "production", "--from", "staging", "--break-glass", "x", "--no-safety-backup").exits(2).says("exclude each other");
        untouched();
    }

    @Test void with_the_name_typed_it_is_restored_after_a_safety_backup_that_was_read_back_and_the_reason_is_kept() {
        assumeTrue(Files.exists(Path.of("/usr/bin/script")), "script (util-linux) is not there to make a terminal");
        backUpStaging();
        typed("staging", 10).prints("Type production to go on: ", "not confirmed: 'staging' was typed, not 'production'");
        untouched();
        typed("production", 0).prints("Read it back", "'production' was typed");
        assertEquals("1", production.one("select count(*) from customer"));
        assertTrue(kit.history().stream().anyMatch(record -> record.has("break_glass") && record.get("break_glass").getAsString().equals("all is lost")), () -> kit.history().toString());
        assertTrue(kit.keys("handover/production/" + production.name + "/").stream().anyMatch(key -> key.matches(".*/verify-.*")), () -> kit.keys().toString());
    }

    /** Types an answer on a terminal, once it is asked for. */
    private Kit.Result typed(String answer, int exit) {
        return kit.bash("""
            rm -f in out; mkfifo in; touch out
            script -qfec './jbang restore-db --env production --from staging --break-glass "all is lost"' out <in >/dev/null &
            exec 3>in
            for i in $(seq 600); do ! grep -q 'to go on' out || break; sleep 0.1; done
            echo %s >&3
            code=0; wait $! || code=$?
            cat out
            exit $code""".formatted(answer)).exits(exit);
    }

    private void untouched() { assertEquals("2", production.one("select count(*) from customer")); }

    /** What ssh -L does. */
    private static final class Forward implements AutoCloseable {
        private final ServerSocket listening = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());

        Forward() throws IOException { start(this::accept); }

        int port() { return listening.getLocalPort(); }

        private void accept() throws IOException {
            var server = TestDatabase.server().split(":");
            while (true) {
                var client = listening.accept();
                var there = new Socket(server[0], Integer.parseInt(server[1]));
                start(() -> { try (client; there) { client.getInputStream().transferTo(there.getOutputStream()); } });
                start(() -> { try (client; there) { there.getInputStream().transferTo(client.getOutputStream()); } });
            }
        }

        private interface Body { void run() throws IOException; }

        private static void start(Body body) {
            var thread = new Thread(() -> {
                try {
                    body.run();
                } catch (IOException e) {
                    // one side has ended
                }
            });
            thread.setDaemon(true);
            thread.start();
        }

        @Override public void close() throws IOException { listening.close(); }
    }
}
