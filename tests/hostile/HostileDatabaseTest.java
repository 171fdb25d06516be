import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Databases of other people, restored by a swap: nothing of them is lost, and nothing reaches outward. */
class HostileDatabaseTest {
    private static final String SHOP = "create table customer (id int primary key, name text not null); insert into customer select n, 'customer ' || n from generate_series(1, 100) n";

    private final Kit kit = Stack.kit();

    private void hasCustomers(String rows) { assertEquals(rows, kit.database.one("select count(*) from customer")); }

    private Kit.Result restore(String... more) {
        var arguments = new ArrayList<>(List.of("restore-db", "--env", "staging", "--no-safety-backup"));
        arguments.addAll(List.of(more));
        return kit.run(arguments.toArray(String[]::new));
    }

    // --- settings for checks

    @Test void a_row_for_the_smoke_tests_that_the_database_does_not_have_stops_no_restore() {
        kit.backedUp(SHOP);
        for (var row : List.of("public.canary:id=1", "public.customer:nothing=1", "canary")) {
            kit.set("SMOKE_CANARY_ROW", row);
            for (var mode : List.of("swap", "in-place")) {
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
        for (var mode : List.of("swap", "in-place")) {
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

    // --- what belongs to a database itself

    /** What only a database itself has, of the worst kind: settings that keep a session from doing anything, and one that its rows ask for. */
    private void givePropertiesTo(String database) {
        var name = TestDatabase.quote(database);
        TestDatabase.superuser("do $$ begin create role reader; exception when duplicate_object then end $$");
        for (var sql : List.of("revoke connect on database %s from public", "grant connect on database %s to reader with grant option", "alter database %s connection limit 77",
            "comment on database %s is 'it''s\nthe \\ shop'", "alter database %s set role = reader", "alter database %s set default_transaction_read_only = on", "alter database %s set statement_timeout = '1ms'",
            "alter database %s set search_path = \"$user\", public, \"odd, name\"", "alter database %s set app.words = 'a=b, \"c\" \\d ''e'''", "alter role reader in database %s set work_mem = '7MB'",
            "alter database %s set session_preload_libraries = auto_explain", "alter database %s set synchronous_commit = off"))
            TestDatabase.superuser(sql.formatted(name));
    }

    private List<String> properties() {
        return TestDatabase.serverRows("select pg_get_userbyid(datdba), array(select unnest(datacl)::text order by 1), datconnlimit, shobj_description(oid, 'pg_database'), "
            + "(select spcname from pg_tablespace t where t.oid = dattablespace), (select array_agg(setrole::text || (select array_agg(x order by x) from unnest(setconfig) x)::text order by setrole) from pg_db_role_setting where setdatabase = d.oid) "
            + "from pg_database d where datname = '" + kit.database.name + "'");
    }

    private void onDatabase(String sql) { TestDatabase.superuser(sql.formatted(TestDatabase.quote(kit.database.name))); }

    private void shopOfATenant() {
        onDatabase("alter database %s set app.tenant = 'acme'");
        kit.database.execute("create table customer (id int primary key, tenant text check (tenant = current_setting('app.tenant')));"
            + "insert into customer select n, 'acme' from generate_series(1, 100) n; grant select on customer to public");
        givePropertiesTo(kit.database.name);
        onDatabase("alter database %s reset statement_timeout");
        kit.set("STAGING_DATABASE_URL", superuserUrl());
        kit.run("backup-db", "--env", "staging").exits(0);
    }

    @Test void a_swap_keeps_what_belongs_to_the_database_itself_and_is_not_bitten_by_it() {
        var tablespace = Stack.next("space");
        TestDatabase.superuserEach("set allow_in_place_tablespaces = on", "create tablespace " + tablespace + " owner tester location ''");
        try {
            onDatabase("alter database %s set tablespace " + tablespace);
            shopOfATenant();
            onDatabase("alter database %s set statement_timeout = '1ms'");
            var before = properties();
            for (var mode : List.of("swap", "in-place")) {
                kit.database.asSuperuser("set role none; set statement_timeout = 0; set default_transaction_read_only = off; begin read write; delete from customer; commit");
                restore("--mode", mode).exits(0);
                assertEquals(before, properties());
                hasCustomers("100");
            }
            kit.run("backups", "drill", "--env", "staging").exits(0);
        } finally {
            TestDatabase.dropMade();
            TestDatabase.superuser("drop tablespace " + tablespace);
        }
    }

    @Test void a_database_that_is_gone_comes_back_with_what_belonged_to_it_and_what_the_server_lacks_is_named() {
        var leaving = Stack.next("leaving_");
        TestDatabase.superuser("create role " + leaving);
        onDatabase("alter role " + leaving + " in database %s set work_mem = '9MB'");
        shopOfATenant();
        onDatabase("alter role " + leaving + " in database %s reset all");
        TestDatabase.superuser("drop role " + leaving);
        var before = properties();
        onDatabase("drop database %s with (force)");
        restore().exits(0).says("; as the database that was backed up: ", "connection limit 77",
            "warning: the restored database will be without its setting work_mem of role " + leaving + ": there is no role " + leaving + " on this server");
        assertEquals(before, properties());
        hasCustomers("100");
    }

    private String superuserUrl() { return Stack.up().setting("LOCAL_SUPERUSER_URL").replaceFirst("/[^/?]*$", "/" + kit.database.name); }
}
