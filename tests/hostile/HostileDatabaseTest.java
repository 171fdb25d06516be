//SOURCES ../../scripts/local/EmbeddedPostgres.java
//SOURCES ../../scripts/restore/AfterSql.java

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import local.EmbeddedPostgres;
import ops.DatabaseUrl;
import ops.Failure;
import org.junit.jupiter.api.Test;
import restore.AfterSql;
import smoke.Outcome;
import smoke.SqlRead;

/** Databases of other people, restored by a swap: nothing of them is lost, and nothing reaches outward. */
class HostileDatabaseTest {
    private static final String SHOP = "create table customer (id int primary key, name text not null); insert into "
        + "customer select n, 'customer ' || n from generate_series(1, 100) n";

    private final Kit kit = Stack.kit();

    private void hasCustomers(String rows) { assertEquals(rows, kit.database.one("select count(*) from customer")); }

    private Kit.Result restore(String... more) {
        var arguments = new ArrayList<>(List.of("restore-db", "--env", "staging", "--no-safety-backup"));
        arguments.addAll(List.of(more));
        return kit.run(arguments.toArray(String[]::new));
    }

    // --- settings for checks

    @Test void a_row_for_the_smoke_tests_is_looked_for_and_whatever_it_says_stops_no_restore() {
        kit.backedUp(SHOP);
        var notLookedFor = "the smoke tests' row could not be looked for, which says nothing of the data: ";
        var rows = List.of(
            List.of("swap", "public.customer:id=101", "warning: the smoke tests will not pass in 'staging': the database has no "
                + "row public.customer with id 101; the backup may be older than that row; are these the right data? "
                + "SMOKE_CANARY_ROW stands in .env.operations"),
            List.of("swap", "pg_catalog.pg_stats:tablename=customer", "warning: " + notLookedFor,
                "SMOKE_CANARY_ROW stands in .env.operations"),
            List.of("in-place", "public.customer:nothing=1", "warning: ", "SMOKE_CANARY_ROW"),
            List.of("in-place", "canary", "warning: ", "SMOKE_CANARY_ROW"),
            List.of("in-place", "public.customer:id=100", "the row public.customer with id 100 is read through SQL"));
        for (var row : rows) {
            kit.set("SMOKE_CANARY_ROW", row.get(1));
            kit.database.execute("delete from customer");
            var said = restore("--mode", row.get(0)).exits(0).says(row.subList(2, row.size()).toArray(String[]::new)).err();
            assertFalse(said.contains(notLookedFor) && said.contains("will not pass"), said);
            hasCustomers("100");
        }
        // Without its table as without its column.
        var settings = kit.set("SMOKE_CANARY_ROW", "public.canary:id=1").settings();
        var verdict = SqlRead.look(settings, DatabaseUrl.of(settings));
        assertEquals(Outcome.fail, verdict.outcome());
        assertTrue(verdict.next().contains("SMOKE_CANARY_ROW"), verdict::toString);
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
        kit.run("backups", "verify", "latest", "--env", "staging").exits(0);
        kit.run("doctor", "--env", "staging").exits(0);
    }

    // --- what belongs to a database itself

    /**
     * What only a database itself has, of the worst kind: settings that keep a session from doing anything, and one
     * that its rows ask for.
     */
    private void givePropertiesTo(String database) {
        var name = TestDatabase.quote(database);
        TestDatabase.superuser("do $$ begin create role reader; exception when duplicate_object then end $$");
        for (var sql : List.of("revoke connect on database %s from public",
            "grant connect on database %s to reader with grant option", "alter database %s connection limit 77",
            "comment on database %s is 'it''s\nthe \\ shop'", "alter database %s set role = reader",
                "alter database %s set default_transaction_read_only = on",
                "alter database %s set statement_timeout = '1ms'",
            "alter database %s set search_path = \"$user\", public, \"odd, name\"",
                "alter database %s set app.words = 'a=b, \"c\" \\d ''e'''",
                "alter role reader in database %s set work_mem = '7MB'",
            "alter database %s set session_preload_libraries = auto_explain",
                "alter database %s set synchronous_commit = off"))
            TestDatabase.superuser(sql.formatted(name));
    }

    private List<String> properties() {
        return TestDatabase.serverRows("select pg_get_userbyid(datdba), array(select unnest(datacl)::text order by "
            + "1), datconnlimit, encoding, datcollate, datctype, shobj_description(oid, 'pg_database'), "
            + "(select spcname from pg_tablespace t where t.oid = dattablespace), (select array_agg(setrole::text "
                + "|| (select array_agg(x order by x) from unnest(setconfig) x)::text order by setrole) from "
                + "pg_db_role_setting where setdatabase = d.oid) "
            + "from pg_database d where datname = '" + kit.database.name + "'");
    }

    private void onDatabase(String sql) { TestDatabase.superuser(sql.formatted(TestDatabase.quote(kit.database.name))); }

    private void shopOfATenant() {
        onDatabase("alter database %s set app.tenant = 'acme'");
        kit.database.execute("create table customer (id int primary key, tenant text check (tenant = "
            + "current_setting('app.tenant')));"
            + "insert into customer select n, 'acme' from generate_series(1, 100) n; grant select on customer to "
                + "public");
        givePropertiesTo(kit.database.name);
        onDatabase("alter database %s reset statement_timeout");
        kit.set("STAGING_DATABASE_URL", superuserUrl(kit.database));
        kit.run("backup-db", "--env", "staging").exits(0);
    }

    @Test void a_swap_keeps_what_belongs_to_the_database_itself_and_is_not_bitten_by_it() {
        var tablespace = Stack.next("space");
        TestDatabase.superuserEach("set allow_in_place_tablespaces = on", "create tablespace " + tablespace
            + " owner tester location ''");
        try {
            onDatabase("alter database %s set tablespace " + tablespace);
            shopOfATenant();
            onDatabase("alter database %s set statement_timeout = '1ms'");
            var before = properties();
            for (var mode : List.of("swap", "in-place")) {
                // What empties and counts here is not to be bitten by it either.
                onDatabase("alter database %s reset statement_timeout");
                kit.database.asSuperuser("set role none; set default_transaction_read_only = off; begin read write; "
                    + "delete from customer; commit");
                onDatabase("alter database %s set statement_timeout = '1ms'");
                restore("--mode", mode).exits(0);
                assertEquals(before, properties());
                onDatabase("alter database %s reset statement_timeout");
                hasCustomers("100");
            }
            onDatabase("alter database %s set statement_timeout = '1ms'");
            kit.withDrillServer().run("backups", "drill", "--env", "staging").exits(0);
        } finally {
            TestDatabase.dropMade();
            TestDatabase.superuser("drop tablespace " + tablespace);
        }
    }

    @Test void a_role_and_a_server_that_only_read_by_default_restore_all_the_same() throws IOException {
        var role = Stack.next("reading_");
        TestDatabase.superuser("create role " + role + " login createdb password 'reading-Passw0rd'");
        onDatabase("alter database %s owner to " + role);
        kit.database.asSuperuser("set role " + role + "; " + SHOP);
        kit.set("STAGING_DATABASE_URL", kit.database.url(role, "reading-Passw0rd")).run("backup-db", "--env",
            "staging").exits(0);
        TestDatabase.superuser("alter role " + role + " set default_transaction_read_only = on");
        for (var mode : List.of("swap", "in-place")) {
            kit.database.asSuperuser("delete from customer");
            restore("--mode", mode, "--after-sql", sql("after.sql", "update customer set name = 'x'")).exits(0);
            hasCustomers("100");
        }
        assertEquals("0", kit.database.one("select count(*) from pg_db_role_setting s join pg_database d on d.oid = "
            + "setdatabase where datname = current_database()"));
    }

    @Test void a_database_that_is_gone_comes_back_with_what_belonged_to_it_and_what_the_server_lacks_is_named() {
        onDatabase("drop database %s with (force)");
        onDatabase("create database %s template template0 lc_collate 'C.UTF-8' lc_ctype 'C.UTF-8' owner " + TestDatabase.ROLE);
        var leaving = Stack.next("leaving_");
        TestDatabase.superuser("create role " + leaving);
        onDatabase("alter role " + leaving + " in database %s set work_mem = '9MB'");
        // Roles may be named as words of SQL are.
        for (var word : List.of("PUBLIC", "TO", "FROM", "ON")) {
            TestDatabase.superuser("do $$ begin create role \"" + word + "\"; exception when duplicate_object then end $$");
            onDatabase("grant connect on database %s to \"" + word + "\"");
        }
        shopOfATenant();
        onDatabase("alter role " + leaving + " in database %s reset all");
        TestDatabase.superuser("drop role " + leaving);
        var before = properties();
        onDatabase("drop database %s with (force)");
        restore().exits(0).neverShows("the old data are in").says("there is no database '" + kit.database.name
            + "' yet: it will be made", "; as the database that was backed up: ", "connection limit 77",
            "warning: the restored database will be without its setting work_mem of role " + leaving
                + ": there is no role " + leaving + " on this server");
        assertEquals(before, properties());
        hasCustomers("100");

        onDatabase("drop database %s with (force)");
        kit.forge(kit.sealed().get(0), "\"collate\": \"C.UTF-8\"", "\"collate\": \"xx_XX\"");
        restore().exits(0).says("warning: text will sort as this server has it", "xx_XX");
        hasCustomers("100");
    }

    private static String superuserUrl(TestDatabase database) { return Stack.up().setting("LOCAL_SUPERUSER_URL").replaceFirst("/[^/?]*$", "/" + database.name); }

    // --- what reaches outward

    /**
     * One that replicates, has another server's tables, and a view of them. That server can't be reached: who tries
     * it fails.
     */
    private void reachesOutward(TestDatabase database) {
        var server = TestDatabase.server().split(":");
        var superuser = superuserUrl(database).replaceFirst("^postgresql://", "").split("[:@]");
        database.asSuperuser(SHOP
            + "; create extension postgres_fdw; create table theirs (id int, region text); insert into theirs "
            + "values (1, 'far')");
        database.asSuperuser("create server far foreign data wrapper postgres_fdw options (host '" + server[0]
            + "', port '" + server[1] + "', dbname '" + database.name + "');"
            + "create user mapping for postgres server far options (user '" + superuser[0] + "', password '"
                + superuser[1] + "');"
            + "create table region (id int, region text) partition by list (region); create table near partition of "
                + "region for values in ('near');"
            + "create foreign table far partition of region for values in ('far') server far options (table_name "
                + "'theirs'); insert into near select n, 'near' from generate_series(1, 50) n;"
            + "create view seen as select * from region; create materialized view counted as select count(*) from "
                + "seen; alter server far options (set port '1')");
        database.asSuperuser("create subscription " + database.name
            + " connection 'host=127.0.0.1 port=1 dbname=nowhere' publication p with (connect = false)");
        database.asSuperuser("alter subscription " + database.name + " enable");
    }

    private String subscription(TestDatabase database) {
        return String.join(" ",
            database.rows("select subenabled, coalesce(subslotname, 'none') from pg_subscription s join pg_database "
            + "d on d.oid = subdbid where datname = current_database()"));
    }

    private void lettingGoOf(TestDatabase... databases) {
        for (var database : databases)
            for (var name : TestDatabase.serverRows("select datname from pg_database where starts_with(datname, '"
                + database.name + "')")) {
                var there = TestDatabase.named(name);
                for (var subscription
                    : there.rows("select subname from pg_subscription s join pg_database d on d.oid = subdbid where "
                    + "datname = current_database()"))
                    for (var sql : List.of("alter subscription %s disable",
                        "alter subscription %s set (slot_name = none)",
                        "drop subscription %s")) there.asSuperuser(sql.formatted(subscription));
            }
    }

    @Test void what_reaches_outward_comes_back_switched_off_in_another_environment_and_no_restore_connects_to_other_servers() {
        var production = TestDatabase.create(Stack.next("production_"));
        reachesOutward(production);
        kit.set("PRODUCTION_DATABASE_URL", superuserUrl(production)).set("STAGING_DATABASE_URL",
            superuserUrl(kit.database));
        try {
            kit.run("backup-db", "--env", "production").exits(0);
            for (var mode : List.of("swap", "in-place")) {
                restore("--from", "production", "--mode", mode).exits(0)
                    .says("ok: Switch off what reaches outward: ", "subscription " + production.name
                        + " (disabled, without a slot)", "user mapping of postgres for server far (left out)",
                        "it is empty until you say, in the database of 'staging', " + TestDatabase.server() + "/"
                            + kit.database.name + ": REFRESH MATERIALIZED VIEW \"public\".\"counted\"");
                assertEquals("f none", subscription(kit.database).replace('|', ' '));
                assertEquals("0|50|1",
                    kit.database.one("select (select count(*) from pg_user_mappings), (select count(*) from near), "
                    + "(select count(*) from pg_stats where tablename = 'near' and attname = 'id')"));
                lettingGoOf(kit.database);
                TestDatabase.superuser("drop database " + TestDatabase.quote(kit.database.name) + " with (force)");
                TestDatabase.superuser("create database " + TestDatabase.quote(kit.database.name));
            }
            restore("--from", "production", "--mode", "swap",
                "--keep-outward").exits(12).says("could not connect to server \"far\"",
                "State: the database of 'staging' is as it was.");
            assertEquals(List.of(), kit.database.rows("select datname from pg_database where datname like '"
                + kit.database.name + "\\_new%'"));
            assertEquals("t|" + production.name, subscription(production));
        } finally {
            lettingGoOf(production, kit.database);
        }
    }

    @Test void two_databases_never_share_a_subscription_and_one_in_a_database_that_is_left_or_old_is_let_go_of_without_its_publisher() throws Exception {
        reachesOutward(kit.database);
        kit.set("STAGING_DATABASE_URL", superuserUrl(kit.database));
        try {
            kit.run("backup-db", "--env", "staging").exits(0);
            kit.start("restore-db", "--env", "staging",
                "--no-safety-backup").awaitSays("ok: Load into a new database").signal("KILL").result();
            kit.awaitNoProcess();
            restore().exits(0).says("ok: Clear what killed runs left: " + kit.database.name + "_new_", "subscription "
                + kit.database.name + " (disabled)",
                "subscription " + kit.database.name + " of the old database " + kit.database.name + "_old_",
                    "ALTER SUBSCRIPTION \"" + kit.database.name + "\" ENABLE");
            assertEquals("f|" + kit.database.name, subscription(kit.database));
            var old = TestDatabase.named(kit.database.one("select datname from pg_database where datname like '"
                + kit.database.name + "\\_old\\_%'"));
            assertEquals("f|" + kit.database.name, subscription(old));
            assertEquals("1|50",
                kit.database.one("select (select count(*) from pg_user_mappings), (select count(*) from near)"));
            kit.withDrillServer().run("backups", "drill", "--env", "staging").exits(0).prints("is restorable",
                "without rows of the materialized view \"public\".\"counted\" (they come from another server)");
            assertEquals(List.of("0"), TestDatabase.rows(Stack.drillServer(), "select count(*) from pg_database where datname like 'handover%'"));
            TestDatabase.superuser("alter database " + TestDatabase.quote(old.name) + " rename to "
                + TestDatabase.quote(kit.database.name + "_old_20200101T000000Z"));
            kit.set("BACKUP_KEEP", "last=3").run("backups", "prune", "--env", "staging").exits(0).says("dropped "
                + kit.database.name + "_old_20200101T000000Z");
        } finally {
            lettingGoOf(kit.database);
        }
    }

    @Test void pg_cron_stays_in_the_one_database_of_its_server_and_its_jobs_run_in_no_other_environment()
        throws Exception {
        try (var places = Files.newDirectoryStream(Path.of("/usr/share/postgresql"), "[0-9]*")) {
            var there = false;
            for (var place : places) there |= Files.exists(place.resolve("extension/pg_cron.control"));
            assumeTrue(there, "pg_cron is not installed");
        }
        var folder = kit.home.resolve("cron");
        try (var server = EmbeddedPostgres.in(folder, Optional.empty()).start()) {
            execute(server, "postgres", "create database shop", "create database other");
            Files.writeString(server.data().resolve("postgresql.conf"),
                "\nshared_preload_libraries = 'pg_cron'\ncron.database_name = 'shop'\n", StandardOpenOption.APPEND);
        }
        try (var server = EmbeddedPostgres.in(folder, Optional.empty()).start()) {
            execute(server, "shop", "create extension pg_cron", "alter default privileges in schema cron grant select on "
                + "tables to pg_monitor", "select cron.schedule('0 0 1 1 *', 'select 1')", SHOP);
            var url = server.superuserUrl().replaceFirst("/postgres$", "/");
            kit.set("STAGING_DATABASE_URL", url + "shop").set("SCRATCH_DATABASE_URL", url + "other").run("backup-db",
                "--env", "staging").exits(0);
            restore("--dry-run").exits(0).says("ok: Choose the way: in place, in one transaction, since the server "
                + "has pg_cron in the database 'shop' only, and a new one could not have it");
            var elsewhere = List.of("restore-db", "--env", "scratch", "--from", "staging",
                "--no-safety-backup").toArray(String[]::new);
            kit.run(elsewhere).exits(0).says("swap, through a new database",
                "pg_cron and its jobs (left out: the server has it in one database only)");
            assertEquals("100|0", one(server, "other",
                "select count(*) || '|' || (select count(*) from pg_extension where extname = 'pg_cron') from "
                + "customer"));
            execute(server, "postgres", "drop database shop with (force)");
            restore().exits(78).says("there is no database 'shop' to restore into",
                "create it empty, on the server of 'staging', 127.0.0.1:", "CREATE DATABASE \"shop\"");
            execute(server, "postgres", "create database shop");
            kit.set("SCRATCH_DATABASE_URL", url + "shop").run(elsewhere).exits(0).says("in place, in one transaction",
                "jobs of pg_cron (inactive)");
            assertEquals("100|1", one(server, "shop",
                "select count(*) || '|' || (select count(*) from cron.job where not active) from customer"));
        }
    }

    private static void execute(EmbeddedPostgres server, String database, String... statements) throws SQLException {
        try (var session = server.connect(database); var statement = session.createStatement()) {
            for (var sql : statements) statement.execute(sql);
        }
    }

    private static String one(EmbeddedPostgres server, String database, String query) throws SQLException {
        try (var session = server.connect(database); var statement = session.createStatement(); var rows = statement.executeQuery(query)) {
            rows.next();
            return rows.getString(1);
        }
    }

    // --- SQL of one's own

    private String sql(String name, String text) throws IOException {
        return Files.writeString(kit.home.resolve(name),
            text).toString();
    }

    @Test void sql_of_ones_own_means_the_same_in_both_modes_and_its_transaction_is_not_its_own_to_end()
        throws IOException {
        kit.database.execute("create schema shop; create table shop.customer (id int primary key, name text); "
            + "insert into shop.customer select n, 'customer ' || n from generate_series(1, 100) n");
        onDatabase("alter database %s set search_path = shop");
        kit.run("backup-db", "--env", "staging").exits(0);
        kit.database.execute("insert into shop.customer values (101, 'later')");
        var good = sql("good.sql",
            "-- commit;\nupdate customer set name = 'x';\ndo $$ begin perform 'commit'; end $$;\nsavepoint s; "
            + "delete from customer; rollback to s;\n");
        var commits = sql("commits.sql", "begin;\nupdate customer set name = 'seen';\ncommit;\n");
        var includes = sql("includes.sql", "\\ir commits.sql\n");
        var hidden = sql("hidden.sql",
            "update customer set name = 'seen' where id = 1;\nselect 'commit' \\gexec\nupdate customer set name = "
            + "'seen';\n");
        var rollsBack = sql("back.sql", "select 'rollback' \\gexec\nupdate customer set name = 'seen';\n");
        var ends = "commits.sql begins or ends a transaction, on line 1: BEGIN";
        restore("--after-sql", includes).exits(78).says(ends, "State: the database of 'staging' is as it was.");
        assertTrue(assertThrows(Failure.BadSetting.class, () -> new AfterSql(Path.of(commits))).getMessage().contains(ends));
        for (var mode : List.of("swap", "in-place")) {
            restore("--mode", mode, "--after-sql", rollsBack).exits(12).says("read-only transaction",
                "State: the database of 'staging' is as it was");
            assertEquals("101|0",
                kit.database.one("select count(*), count(*) filter (where name = 'seen') from shop.customer"));
        }
        restore("--mode", "swap", "--after-sql",
            hidden).exits(12).says("State: the database of 'staging' is as it was.");
        assertEquals("101|0",
            kit.database.one("select count(*), count(*) filter (where name = 'seen') from shop.customer"));
        restore("--mode", "in-place", "--after-sql",
            hidden).exits(12).says("State: 'staging' has the restored data, and hidden.sql has ended the "
            + "transaction before all of it was done");
        for (var mode : List.of("swap", "in-place")) {
            kit.database.execute("insert into shop.customer values (102, 'later')");
            restore("--mode", mode, "--after-sql", good).exits(0);
            assertEquals("100|100",
                kit.database.one("select count(*), count(*) filter (where name = 'x') from shop.customer"));
        }
    }
}
