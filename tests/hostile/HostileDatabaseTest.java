import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

/** Databases of other people, restored by a swap: nothing of them is lost, and nothing reaches outward. */
class HostileDatabaseTest {
    private static final String SHOP = "create table customer (id int primary key, name text not null); insert into customer select n, 'customer ' || n from generate_series(1, 100) n";

    private final Kit kit = Stack.kit();

    private void hasCustomers(String rows) { assertEquals(rows, kit.database.one("select count(*) from customer")); }

    private Kit.Result restore(String... more) {
        var arguments = new java.util.ArrayList<>(java.util.List.of("restore-db", "--env", "staging", "--no-safety-backup"));
        arguments.addAll(java.util.List.of(more));
        return kit.run(arguments.toArray(String[]::new));
    }

    // --- settings for checks

    @Test void a_row_for_the_smoke_tests_that_the_database_does_not_have_stops_no_restore() {
        kit.backedUp(SHOP);
        for (var row : java.util.List.of("public.canary:id=1", "public.customer:nothing=1", "canary")) {
            kit.set("SMOKE_CANARY_ROW", row);
            for (var mode : java.util.List.of("swap", "in-place")) {
                kit.database.execute("delete from customer");
                restore("--mode", mode).exits(0).says("warning: ", "SMOKE_CANARY_ROW");
                hasCustomers("100");
            }
            kit.run("doctor", "--env", "staging").exits(78).prints("SMOKE_CANARY_ROW");
        }
        kit.set("SMOKE_CANARY_ROW", "public.canary:id=1");
        kit.database.execute("drop table customer");
        restore("--table", "public.customer").exits(0).neverShows("canary");
        hasCustomers("100");
        restore("--table", "public.customer").exits(10).says("in the database of 'staging', " + TestDatabase.server() + "/" + kit.database.name + ", and in no other: ALTER SCHEMA \"public\" RENAME TO");
    }

    // --- names

    @Test void a_database_whose_name_reads_as_something_else_is_backed_up_restored_and_drilled() {
        kit.database = TestDatabase.create(Stack.next("host=h port='1' \\'%41 "));
        kit.set("STAGING_DATABASE_URL", kit.database.url());
        kit.backedUp(SHOP + "; create index on customer (name)");
        for (var mode : java.util.List.of("swap", "in-place")) {
            kit.database.execute("delete from customer");
            restore("--mode", mode).exits(0);
            hasCustomers("100");
        }
        TestDatabase.superuser("drop database " + TestDatabase.quote(kit.database.name) + " with (force)");
        restore().exits(0);
        hasCustomers("100");
        kit.run("backups", "list", "--env", "staging").exits(0);
        kit.run("backups", "verify", "latest", "--env", "staging").exits(0);
        kit.run("doctor", "--env", "staging").exits(0);
    }
}
