//SOURCES ../scripts/migrations/Migrations.java

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import java.util.concurrent.atomic.AtomicReference;
import ops.Failure;
import org.junit.jupiter.api.Test;

/**
 * Migrations are compared, rehearsed and applied, on a real server, by tests/Migrate.java: in this process, but where its
 * end, or what it leaves, is what a test is about.
 */
class MigrationsTest {
    /** How often, and when: another moment in each run of the suite. */
    private static final int KILLS = 4;
    private static final Random RANDOM = new Random();
    private static final String RECORDED = "select version, name, statements from supabase_migrations.schema_migrations order by 1";

    @Test void pending_files_are_applied_in_order_each_whole_and_once() throws Exception {
        var kit = kit();
        file(kit, "20260101000000_orders.sql", "create table orders (id int primary key, email text); -- mail\ninsert into orders values (1, 'a;b')");
        file(kit, "20260102000000_wrapped.sql", "begin;\nalter table orders add note text;\ncommit;\n");
        file(kit, "20260103000000_index.sql", "-- beside the visitors\nset maintenance_work_mem = '32MB';\ncreate index concurrently orders_email on orders (lower(email)) where email <> 'x';\nvacuum orders");
        file(kit, "README.md", "not one");
        var applied = start(kit, "apply").result().exits(0).says("ok: Compare the migrations: 3 pending: 20260101000000_orders.sql, ", "no migrations, by their names: README.md", "ok: Apply 20260103000000_index.sql");
        assertTrue(applied.out().matches("(?s)applied: \\[20260101000000_orders.sql \\d+\\.\\d s, .*]\\s+"), applied::toString);
        assertEquals(List.of("20260101000000|orders|{\"create table orders (id int primary key, email text)\",\"-- mail\\ninsert into orders values (1, 'a;b')\"}".replace("\\n", "\n"),
            "20260102000000|wrapped|{begin,\"alter table orders add note text\",commit}"), kit.database.rows(RECORDED).subList(0, 2));
        assertEquals("t", kit.database.one("select indisvalid from pg_index where indexrelid = 'orders_email'::regclass"));
        migrate(kit, "apply").exits(0).says("nothing is pending; the last one is 20260103000000").prints("applied: []");
        // Killed behind the index and before its record: the next run sees that it is there.
        kit.database.execute("delete from supabase_migrations.schema_migrations where version = '20260103000000'");
        migrate(kit, "apply").exits(0).says("line 3: index orders_email is there already, valid and as it is to be");
        file(kit, "20260104000000_gone.sql", "drop index concurrently orders_gone");
        migrate(kit, "apply").exits(0).says("20260104000000_gone.sql, line 1: index \"orders_gone\" does not exist: taken for done");
        kit.database.execute("delete from supabase_migrations.schema_migrations where version >= '20260103000000'; drop index orders_email; create index orders_email on orders (email)");
        migrate(kit, "apply").exits(10).says("there is an index orders_email already, and it is another one");
    }

    @Test void a_broken_file_is_found_by_the_rehearsal_and_leaves_those_before_it_when_it_is_applied_all_the_same() throws Exception {
        var kit = kit().set("MIGRATIONS_LOCK_SECONDS", "60");
        file(kit, "1_a.sql", "create table a (id int)");
        file(kit, "2_b.sql", "create table b (id int);\n\ninsert into b values (1),\n  (nope);\n");
        migrate(kit, "rehearse").exits(14).says("there is no whole backup of '" + kit.database.name + "': rehearsed in a transaction of ", "ok: Rehearse 1_a.sql",
            "FAILED: 2_b.sql, line 4: column \"nope\" does not exist, in: INSERT INTO B VALUES (1), (NOPE); it was rolled back", "State: nothing was changed");
        assertEquals(List.of(), kit.database.rows("select relname from pg_class where relname in ('a', 'b', 'schema_migrations')"));
        start(kit, "apply").result().exits(1).says("FAILED: 2_b.sql, line 4: column \"nope\" does not exist", "State: applied, and they stay: 1_a.sql.", "Next:  mend the migration");
        assertEquals(List.of("a"), kit.database.rows("select relname from pg_class where relname in ('a', 'b')"));
        file(kit, "2_b.sql", "create table b (id int);\nselect pg_terminate_backend(pg_backend_pid())");
        migrate(kit, "apply").exits(1).says("FAILED: 2_b.sql, line 2: terminating connection due to administrator command", "State: the database is as it was.");
        file(kit, "2_b.sql", "create table b (id int)");
        migrate(kit, "apply").exits(0).says("1 pending: 2_b.sql");
    }

    @Test void what_passes_on_an_empty_database_and_fails_on_real_data_is_found_in_the_last_backup() throws Exception {
        var kit = kit();
        file(kit, "20260101000000_orders.sql", "create table orders (id int primary key, email text)");
        migrate(kit, "apply").exits(0);
        kit.database.execute("insert into orders select n, 'mail' || n % 3 from generate_series(1, 10) n");
        backUp(kit);
        file(kit, "20260102000000_later.sql", "alter table orders add note text");
        migrate(kit, "apply").exits(0);
        file(kit, "20260103000000_note.sql", "update orders set note = email");
        file(kit, "20260104000000_index.sql", "create index concurrently orders_note on orders (note)");
        migrate(kit, "rehearse").exits(0).says("ok: Bring the backup up to date with 20260102000000_later.sql", "ok: Rehearse 20260104000000_index.sql")
            .prints("destructive: 20260103000000_note.sql, line 1: changes every row of orders", ", in backup ").printsLike("rehearsed: 20260103000000_note\\.sql [0-9.]+ s");
        kit.withDrillServer();
        file(kit, "20260105000000_unique.sql", "drop index concurrently orders_gone");
        migrate(kit, "rehearse").exits(14).says("20260105000000_unique.sql, line 1: index \"orders_gone\" does not exist");
        file(kit, "20260105000000_unique.sql", "create unique index orders_email on orders (email)");
        start(kit, "rehearse").result().exits(14).prints("slow: 20260105000000_unique.sql, line 1: builds an index on orders")
            .says("FAILED: 20260105000000_unique.sql, line 1: could not create unique index \"orders_email\" (Key (email)=(mail", "; seen in backup ", "Next:  mend the migration, or the data");
        assertEquals("10|20260102000000|0", kit.database.one("select (select count(*) from orders where note is null), (select max(version) from supabase_migrations.schema_migrations), (select count(*) from pg_class where relname = 'orders_note')"));
        kit.awaitNoProcess();
        assertEquals(List.of(), kit.leftTemporary());
    }

    @Test void the_rehearsal_counts_what_is_gone_or_changed_whatever_way_a_migration_takes() throws Exception {
        var kit = kit();
        kit.database.execute("""
            create table customers (id int primary key, email text);
            insert into customers select n, 'MAIL' || n from generate_series(1, 1204) n;
            create table orders (id int, colour text); insert into orders select n, 'red' from generate_series(1, 10) n;
            create table parts (id int, n int) partition by range (id);
            create table parts_1 partition of parts for values from (0) to (10);
            create table parts_2 partition of parts for values from (10) to (20);
            insert into parts values (1, 1), (2, 2);
            create view reds as select * from orders; create function price(int) returns int language sql as 'select 1';
            create table spare (id int); insert into spare values (1); create policy p on spare using (true)""");
        file(kit, "1_hidden.sql", """
            do $$ begin
                execute 'update customers set email = lower(email)'; truncate spare; drop policy p on spare;
            end $$""");
        migrate(kit, "rehearse").exits(0).prints("destructive: 1_hidden.sql, line 1: runs code that is not looked into",
            "destructive: 1_hidden.sql: 1,204 rows of public.customers are updated",
            "destructive: 1_hidden.sql: public.spare was emptied",
            "gone: 1_hidden.sql: policy p of public.spare is gone");
        backUp(kit);
        kit.withDrillServer();
        file(kit, "2_list.sql", """
            create table tmp1 (a int); drop table if exists tmp_gone, orders cascade; drop function price""");
        file(kit, "3_with.sql", """
            with gone as (delete from customers where id > 1200 returning id) select * from gone""");
        file(kit, "4_filled.sql", """
            alter table customers add city text; update customers set city = email;
            alter table customers alter email set not null""");
        file(kit, "5_moved.sql", "update parts set id = 11 where id = 1; insert into parts values (3, 3)");
        file(kit, "6_called.sql", """
            create function empty() returns void language plpgsql as $$ begin truncate parts; end $$; select empty();
            alter table customers rename city to town""");
        var rehearsed = migrate(kit, "rehearse").exits(0).prints(
            "destructive: 1_hidden.sql: 1,204 of 1,204 rows of public.customers are changed",
            "destructive: 1_hidden.sql: 1 of 1 row of public.spare is gone",
            "destructive: 2_list.sql, line 1: drops table orders",
            "destructive: 2_list.sql: table public.orders is gone",
            "destructive: 2_list.sql: view public.reds is gone",
            "destructive: 2_list.sql: function public.price(integer) is gone",
            "destructive: 2_list.sql: 10 of 10 rows of public.orders are gone",
            "destructive: 3_with.sql, line 1: deletes rows of customers",
            "destructive: 3_with.sql: 4 of 1,204 rows of public.customers are gone",
            "destructive: 5_moved.sql: 1 of 2 rows of public.parts is changed or gone; there are 3 now",
            "destructive: 6_called.sql: 3 of 3 rows of public.parts are gone",
            "destructive: 6_called.sql: column city of public.customers is column town of public.customers now");
        // No value that was there is another.
        assertFalse(rehearsed.out().contains("4_filled.sql: "), rehearsed::toString);
        assertEquals("1204|10|2", kit.database.one("select (select count(*) from customers where email like "
            + "'MAIL%'), (select count(*) from orders), (select count(*) from parts)"));
    }

    @Test void the_rehearsal_sees_what_goes_beside_rows_and_objects() throws Exception {
        var kit = kit();
        kit.database.execute("""
            create table customers (id serial primary key, email text not null constraint mail unique,
                note text default 'none', total int);
            insert into customers (email, note, total) select 'mail' || n, 'note' || n, n from generate_series(1, 40) n;
            create index by_note on customers (note); grant select on customers to public;
            create publication live for table customers;
            create table colours (name text); insert into colours values ('red'), ('blue');
            create table shades (name text); insert into shades values ('dark');
            create table parts (id int) partition by range (id);
            create table parts_1 partition of parts for values from (0) to (10); insert into parts values (1), (2);
            create materialized view sums as select 1 as one;
            create function back() returns bigint language sql as $$ select setval('customers_id_seq', 3) $$;
            select lo_from_bytea(n, 'photo') from generate_series(70001, 70012) n""");
        file(kit, "1_swapped.sql", """
            do $$ begin
                alter table colours rename to was; alter table shades rename to colours;
                alter table was rename to shades; alter table parts detach partition parts_1;
            end $$""");
        migrate(kit, "rehearse").exits(0).prints(
            "destructive: 1_swapped.sql: rows of public.colours are in another table now, or in none",
            "destructive: 1_swapped.sql: rows of public.parts are in another table now, or in none");
        file(kit, "2_setback.sql", "select back(); select nope");
        migrate(kit, "rehearse").exits(14).says("the rehearsal had set back sequence public.customers_id_seq,"
            + " which no rollback undoes: it is at 40 again");
        assertEquals("40", kit.database.one("select last_value from customers_id_seq"));
        file(kit, "2_setback.sql", "select 1; select pg_catalog.setval('customers_id_seq', 7)");
        migrate(kit, "rehearse").exits(0).says("2_setback.sql, line 1: pg_catalog.setval is not undone by a rollback, so neither")
            .prints("; NOT rehearsed: 2_setback.sql");
        assertEquals("40", kit.database.one("select last_value from customers_id_seq"));
        backUp(kit);
        kit.withDrillServer();
        file(kit, "3_objects.sql", "select lo_unlink(70001), lo_unlink(70002)");
        file(kit, "8_revoked.sql", "revoke all on sequence customers_id_seq from current_user");
        file(kit, "7_written.sql", "select lo_put(70003, 0, 'other')");
        file(kit, "4_anew.sql", """
            create function anew() returns void language plpgsql as $$ begin
                alter table customers drop column note; alter table customers add column note text;
                alter table customers drop column total, add column total int generated always as (0) stored;
            end $$; select anew()""");
        file(kit, "5_loose.sql", """
            alter table customers drop constraint mail; alter table customers alter id drop default;
            alter table customers alter email drop not null; revoke select on customers from public;
            alter publication live drop table customers""");
        file(kit, "6_empty.sql", "refresh materialized view sums with no data");
        var rehearsed = migrate(kit, "rehearse").exits(0).prints(
            "destructive: 1_swapped.sql: 2 of 2 rows of public.colours are changed or gone; there are 1 now",
            "destructive: 1_swapped.sql: 2 of 2 rows of public.parts are gone",
            "gone: 2_setback.sql: sequence public.customers_id_seq is set back from 40 to 7",
            "destructive: 3_objects.sql: 2 large objects are gone",
            "destructive: 7_written.sql: large objects are changed",
            "destructive: 4_anew.sql: 40 of 40 rows of public.customers are changed",
            "destructive: 4_anew.sql: column total of public.customers is of type integer, generated, and was of integer",
            "gone: 5_loose.sql: constraint mail of public.customers is gone",
            "gone: 5_loose.sql: default of column id of public.customers is gone",
            "gone: 5_loose.sql: NOT NULL of column email of public.customers is gone",
            "gone: 5_loose.sql: right SELECT of everybody on table public.customers is gone",
            "gone: 5_loose.sql: public.customers in publication live is gone",
            "gone: 6_empty.sql: content of materialized view public.sums is gone");
        assertFalse(rehearsed.out().contains("8_revoked.sql: sequence"), rehearsed::toString); // nobody may look at it now
    }

    @Test void what_another_tool_has_applied_is_not_applied_again_and_its_folder_is_refused_by_name() throws Exception {
        var kit = kit();
        kit.database.execute("create schema drizzle; create table drizzle.__drizzle_migrations (id serial, hash "
            + "text, created_at bigint); insert into drizzle.__drizzle_migrations (hash) values ('a'), ('b')");
        file(kit, "0000_first.sql", "create table first (id int)");
        migrate(kit, "apply").exits(10).says("Drizzle has applied migrations to this database "
            + "(drizzle.__drizzle_migrations)", "would be executed again", "--leave-migrations",
            "supabase migration repair --status applied 0000");
        kit.database.execute("delete from drizzle.__drizzle_migrations");
        file(kit, "0000_first.sql", """
            -- Up Migration
            create table first (id int);
            -- Down Migration
            drop table first;""");
        migrate(kit, "apply").exits(78).says("is written for node-pg-migrate: 0000_first.sql, line 1",
            "npx node-pg-migrate up", "--leave-migrations");
        Files.delete(folder(kit).resolve("0000_first.sql"));
        file(kit, "V1__init.sql", "create table first (id int)");
        migrate(kit, "apply").exits(78).says("is written for Flyway: V1__init.sql");
        Files.delete(folder(kit).resolve("V1__init.sql"));
        file(kit, "init.sql", "create table first (id int)");
        migrate(kit, "apply").exits(78).says("there is no migration in",
            "and what is there is not understood: init.sql");
        Files.delete(folder(kit).resolve("init.sql"));
        Files.createDirectories(folder(kit).resolve("2026/q1"));
        file(kit, "2026/q1/1_first.sql", "create table first (id int)");
        migrate(kit, "apply").exits(78).says("and what is there is not understood: 2026/q1/1_first.sql");
        Files.delete(folder(kit).resolve("2026/q1/1_first.sql"));
        kit.database.execute("create table migrations (id int, name text, hash text); insert into migrations values "
            + "(0, 'x', 'y'); create table __drizzle_migrations (hash text)");
        file(kit, "1_first.sql", "create table first (id int)");
        migrate(kit, "apply").exits(10).says("postgres-migrations has applied migrations to this database");
        kit.database.execute("drop table migrations; insert into __drizzle_migrations values ('a')");
        migrate(kit, "apply").exits(10).says("Drizzle has applied migrations to this database");
        assertEquals(List.of(), kit.database.rows("select relname from pg_class where relname = 'first'"));
    }

    /** A program as a tool is: what it does stands in a file, and it may keep a table as node-pg-migrate does. */
    @Test void an_own_command_is_rehearsed_in_the_last_backup_and_what_it_destroys_there_is_counted() throws Exception {
        var kit = kitWithTool();
        kit.database.execute("create table customers (id int primary key, email text);"
            + "insert into customers select n, 'mail' || n from generate_series(1, 40) n;"
            + "create table orders (id int); insert into orders values (1), (2)");
        tool(kit, "select 1");
        migrate(kit, "rehearse").exits(10).says("there is no whole backup of 'local', and './tool up' can be rehearsed"
            + " nowhere else", "./jbang backup-db --env local", "--apply-migrations --unrehearsed");
        for (var none : List.of("/", "./", ".."))
            migrate(kit.set("MIGRATE_COMMAND", none + " up"), "rehearse").exits(78).says("names no program: " + none);
        kit.set("MIGRATE_COMMAND", "./tool up");
        backUp(kit);
        migrate(kit, "rehearse").exits(0).prints("rehearsed: './tool up' ", ", in backup ", "; nothing is pending",
            "breaking: null");

        // A tool that the kit does not know: it goes by what has changed.
        tool(kit, "delete from customers where id > 36; alter table orders rename to carts; create table more ()");
        migrate(kit, "rehearse").exits(0).prints("destructive: './tool up': 4 of 40 rows of public.customers are gone",
            "destructive: './tool up': table public.orders is table public.carts now",
            "; './tool up' changes the database, by no table of migrations that the kit knows");
        assertEquals("40|2", kit.database.one("select (select count(*) from customers),"
            + " (select count(*) from orders)"));

        // One that ends well and was never there, and one that has an address of its own: both would be green.
        Files.writeString(kit.home.resolve("tool"), "#!/bin/sh\nexit 0\n");
        migrate(kit, "rehearse").exits(14).says("'./tool up' ended well, and has not connected to the database that"
            + " DATABASE_URL names");
        Files.writeString(kit.home.resolve("tool"), "#!/bin/sh\nexec psql -qX '" + kit.database.url()
            + "' -c 'create table elsewhere (id int)'\n");
        migrate(kit, "rehearse").exits(14).says("the environment's own database has changed meanwhile: it may be that"
            + " './tool up' does not go by DATABASE_URL");
        kit.database.execute("drop table elsewhere");

        // One that passes over its own failure: what is pending then looks as if nothing were.
        Files.writeString(kit.home.resolve("tool"), "#!/bin/sh\npsql -qX \"$DATABASE_URL\" -c 'select 1/0'\nexit 0\n");
        migrate(kit, "rehearse").exits(0).says("warning: './tool up' ended well, and 1 transaction of it was rolled back");

        // It would be kept, all of it, and a deploy has not the memory.
        Files.writeString(kit.home.resolve("tool"), "#!/bin/sh\nprintf '\\033[1mlong:%30000s\\r\\nlast' x\nexit 3\n");
        migrate(kit, "rehearse").exits(14).says("tool failed (exit 3): long: ", "  … (cut) / last").neverShows("x / last");

        tool(kit, "insert into customers values (1, 'again')");
        migrate(kit, "rehearse").exits(14).says("'./tool up' fails in backup ", "tool failed (exit 3): red / psql:up.sql:1: ERROR:"
            + "  duplicate key value violates unique constraint", "mend the migration, or the data").neverShows("\033");
        kit.awaitNoProcess();
        assertEquals(List.of(), kit.leftTemporary());
    }

    @Test void what_an_own_command_has_left_is_told_by_its_tools_table_also_when_it_fails_half_way() throws Exception {
        var kit = kitWithTool();
        kit.database.execute("create table pgmigrations (id serial, name text, run_on timestamp);"
            + "create table customers (id int primary key); insert into customers values (1), (2)");
        backUp(kit);
        tool(kit, "insert into pgmigrations (name) select '1_first' where not exists (select from pgmigrations)");
        migrate(kit, "rehearse").exits(0).prints("; 1 pending: 1_first", "breaking: null");
        migrate(kit, "unrehearsed").exits(0).prints("breaking: \n",
            "'./tool up' ended well; 1 applied; the database is at 1_first");
        // The backup is older than what was applied: in it the first one is pending still, and here it is not.
        migrate(kit, "rehearse").exits(0).says("the last backup lacks what was applied since: 1_first")
            .prints("; nothing is pending; the last one is 1_first");
        tool(kit, "insert into pgmigrations (name) values ('2_second'); delete from nowhere");
        migrate(kit, "unrehearsed").exits(1).prints("breaking: 1_first\n")
            .says("relation \"nowhere\" does not exist", "State: recorded as applied since: 2_second.");
        tool(kit, "insert into nowhere values (1)");
        migrate(kit, "unrehearsed").exits(1).says("State: the database has the objects and the recorded migrations that"
            + " it had; its rows were not compared.");
        kit.database.execute("create table _prisma_migrations (migration_name text, finished_at timestamp, "
            + "rolled_back_at timestamp)");
        tool(kit, "insert into _prisma_migrations values ('3_third', null, null)");
        migrate(kit, "unrehearsed").exits(14).says("'./tool up' ended well, and by the database's own table these are"
            + " not applied: public._prisma_migrations says that 3_third was not ended");
    }

    @Test void what_failed_since_the_last_backup_or_was_undone_is_pending_for_an_own_command_too() throws Exception {
        var kit = kitWithTool();
        kit.database.execute("create table schema_migrations (version bigint, dirty bool);"
            + "create table _prisma_migrations (migration_name text, finished_at timestamptz, rolled_back_at timestamptz);"
            + "insert into schema_migrations values (4, false); insert into _prisma_migrations values ('1_first', now())");
        backUp(kit);
        kit.database.execute("update schema_migrations set version = 5, dirty = true;"
            + "insert into _prisma_migrations values ('2_second', null, null)");
        tool(kit, "update schema_migrations set version = 5; insert into _prisma_migrations values ('2_second', now())");
        migrate(kit, "rehearse").exits(0).prints("; 2 pending: 5, 2_second").says(
            "in the environment's own database public.schema_migrations says that 5 was not ended: dirty; see what",
            "public._prisma_migrations says that 2_second was not ended");
        kit.database.execute("update schema_migrations set dirty = false;"
            + "update _prisma_migrations set rolled_back_at = now() where migration_name = '2_second'");
        migrate(kit, "rehearse").exits(0).prints("; 1 pending: 2_second")
            .says("the last backup lacks what was applied since: 5;").neverShows("was not ended");
        // As after a restore of an older backup: what the last one has is not seen to destroy anything.
        kit.database.execute("delete from _prisma_migrations");
        migrate(kit, "rehearse").exits(0).prints("; NOT rehearsed: 1_first; 2 pending: 1_first, 2_second", "breaking: 5")
            .says("has had these applied, which the environment's database lacks, so what they destroy can't be seen");
    }

    @Test void what_an_own_command_changes_is_seen_also_where_no_row_and_no_column_is_another() throws Exception {
        var kit = kitWithTool();
        kit.database.execute("create table waits (id int primary key, long interval, raw bytea, costs money);"
            + "insert into waits values (1, '90 min', 'raw', 5); select lo_create(0); select lo_from_bytea(0, 'kept');"
            + "create function fee() returns int language sql as 'select 1';"
            // As text its values are others then.
            + "alter database " + kit.database.name + " set intervalstyle = 'iso_8601';"
            + "alter database " + kit.database.name + " set bytea_output = 'escape'");
        backUp(kit);
        tool(kit, "select 1");
        migrate(kit, "rehearse").exits(0).prints("; nothing is pending", "breaking: null");
        kit.database.execute("alter table waits add note text");
        migrate(kit, "rehearse").exits(10).says("'./tool up' changes nothing in the last backup, and the environment's"
            + " database has other tables or columns than that: whether something is pending there can't be told",
            "Next:  ./jbang backup-db --env local, then deploy");
        kit.database.execute("alter table waits drop column note");
        for (var sql : List.of("create or replace function fee() returns int language sql as 'select 2'",
            "create index on waits (long)")) {
            tool(kit, sql);
            migrate(kit, "rehearse").exits(0).prints("; './tool up' changes the database", "breaking: null");
        }
        tool(kit, "select lo_unlink(min(oid)) from pg_largeobject_metadata");
        migrate(kit, "rehearse").exits(0).prints("destructive: './tool up': 1 large object is gone",
            "; './tool up' changes the database");
    }

    /** Whose migrations are the affair of the program that {@link #tool} writes. */
    private static Kit kitWithTool() throws IOException {
        Kit.needs("psql");
        return kit().withDrillServer().set("MIGRATE_COMMAND", "./tool up");
    }

    /** Writes a program that executes SQL statement by statement where DATABASE_URL leads, and speaks in colours. */
    private static void tool(Kit kit, String sql) throws IOException {
        Files.writeString(kit.home.resolve("up.sql"), sql.replace("; ", ";\n"));
        var tool = kit.home.resolve("tool");
        Files.writeString(tool, "#!/bin/sh\nprintf '\\033[31mred\\033[0m\\n'\n"
            + "exec psql -qX -v ON_ERROR_STOP=1 -f \"$1.sql\" \"$DATABASE_URL\"\n");
        assertTrue(tool.toFile().setExecutable(true));
    }

    @Test void a_rehearsal_has_the_rights_of_the_role_that_will_apply_and_no_way_to_more() throws Exception {
        var kit = kit().withDrillServer();
        kit.database.execute("create table orders (id int)");
        backUp(kit);
        file(kit, "1_a.sql", "alter table orders add note text; create schema own; create table own.a (id int)");
        migrate(kit, "rehearse").exits(0).prints(", in backup ");
        file(kit, "2_b.sql", "reset role; reset session authorization; select pg_read_file('PG_VERSION')");
        migrate(kit, "rehearse").exits(14).says("2_b.sql, line 1: permission denied for function pg_read_file", "Next:  let the role have that right");

        // Nor has a superuser's: on this machine somebody's trigger would be one.
        var trace = Path.of("/tmp", Stack.next("rehearsed_") + "_" + ProcessHandle.current().pid());
        kit.database.execute("insert into orders values (1); create function on_change() returns trigger language plpgsql as $$ begin"
            + " if (select rolsuper from pg_catalog.pg_roles where rolname = current_user) then copy (select 1) to program 'cat > " + trace + "'; end if; return new; end $$;"
            + " create trigger on_change before update on orders for each row execute function on_change();"
            // To plan any query of the table would call this one.
            + "create function trace() returns void language plpgsql as $$ begin"
            + " if (select rolsuper from pg_catalog.pg_roles where rolname = current_user) then"
            + " copy (select 1) to program 'cat > " + trace + "'; end if; end $$;"
            + "create function on_plan(int) returns int immutable language plpgsql as"
            + " 'begin perform public.trace(); return $1; end'; create index on orders ((on_plan(id) + on_plan(1)))");
        backUp(kit);
        kit.set("DRILL_DATABASE_URL", null).set("STAGING_DATABASE_URL", Stack.up().setting("LOCAL_SUPERUSER_URL").replaceFirst("/[^/]*$", "/" + kit.database.name));
        file(kit, "2_b.sql", "update orders set note = 'x'; create role " + Stack.next("migrated_"));
        migrate(kit, "rehearse").exits(0).says("a copy of role postgres may not do that, since what others have written could run with its rights: rehearsed in a transaction of ");
        file(kit, "2_b.sql", "update orders set note = 'x'; alter table orders add more text");
        Files.deleteIfExists(trace);
        migrate(kit, "rehearse").exits(0).prints("destructive: 2_b.sql: 1 of 1 row of public.orders is changed",
            ", in backup ");
        assertFalse(Files.exists(trace));
    }

    @Test void a_rehearsal_without_a_backup_keeps_nobody_waiting_and_says_what_it_can_not_tell() throws Exception {
        var kit = kit().set("MIGRATIONS_LOCK_SECONDS", "60");
        file(kit, "1_a.sql", "create table a (id int)");
        file(kit, "2_index.sql", "create index concurrently a_id on a (id)");
        file(kit, "3_b.sql", "create table b (id int)");
        migrate(kit, "rehearse").exits(0).says("2_index.sql can't run in a transaction, so neither it nor what follows is rehearsed: make a backup").prints("in a transaction that was rolled back; NOT rehearsed: 2_index.sql, 3_b.sql");
        kit.set("MIGRATIONS_LOCK_SECONDS", "1");
        file(kit, "1_a.sql", "create table a (id int); select pg_sleep(60)");
        migrate(kit, "rehearse").exits(14).says("1_a.sql, line 1: the rehearsal took longer than 1 s", "Next:  make a backup");
        assertEquals(List.of(), kit.database.rows("select relname from pg_class where relname = 'a'"));
    }

    @Test void a_history_that_has_parted_from_the_files_is_explained_and_refused() throws Exception {
        var kit = kit();
        file(kit, "20260101000000_a.sql", "create table a (id int);");
        file(kit, "20260103000000_c.sql", "create table c (id int);");
        migrate(kit, "apply").exits(0);
        file(kit, "20260103000000_c.sql", "-- a comment\nCREATE  table c\n(id int)");
        migrate(kit, "plan").exits(10).says("edited afterwards");     // other letters are another text
        file(kit, "20260103000000_c.sql", "-- a comment\ncreate  table c\n(id int);\n\n");
        migrate(kit, "plan").exits(0);
        file(kit, "20260103000000_c.sql", "create table c (id int, more text)");
        migrate(kit, "apply").exits(10).says("applied, and edited afterwards, so that the database lacks the edit: 20260103000000_c.sql", "supabase migration repair --status applied 20260103000000");
        file(kit, "20260103000000_c.sql", "create table c (id int)");
        file(kit, "20260102000000_b.sql", "create table b (id int)");
        migrate(kit, "apply").exits(10).says("older than the last migration of the database, 20260103000000, and never applied: 20260102000000_b.sql", "State: nothing was changed");
        Files.delete(folder(kit).resolve("20260102000000_b.sql"));
        Files.delete(folder(kit).resolve("20260103000000_c.sql"));
        migrate(kit, "apply").exits(10).says("the database has migrations that are not in ", ": 20260103000000", "Next:  take the newest commit: git pull");
        assertEquals("2", kit.database.one("select count(*) from supabase_migrations.schema_migrations"));
    }

    @Test void a_file_that_could_end_half_way_is_refused_before_anything_is_done() throws Exception {
        var kit = kit();
        file(kit, "1_a.sql", "create table a (id int);\ncreate index concurrently a_id on a (id);");
        migrate(kit, "apply").exits(10).says("1_a.sql, line 2: CREATE INDEX CONCURRENTLY A_ID ON A (ID) can't run in a transaction, and the rest (CREATE TABLE A (ID INT)) has to", "move line 2 to a file that follows");
        file(kit, "1_a.sql", "create table a (id int);\ncommit;\ncreate table b (id int);");
        migrate(kit, "apply").exits(10).says("1_a.sql, line 2: COMMIT ends the transaction in the middle of the migration");
        file(kit, "1_a.sql", "create index concurrently on a (id)");
        migrate(kit, "apply").exits(10).says("the index has no name");
        file(kit, "1_a.sql", "-- migrate:up\ncreate table a (id int);\n-- migrate:down\ndrop table a;");
        migrate(kit, "apply").exits(78).says("is written for dbmate: 1_a.sql, line 1");
        file(kit, "1_a.sql", "-- Rollback: not possible\ncopy a from stdin;\n1\n\\.\n");
        migrate(kit, "apply").exits(10).says("1_a.sql, line 2: COPY A FROM STDIN takes rows that only psql can send",
            "INSERT");
        file(kit, "1_a.sql", "select 1;\n\\i other.sql\n");
        migrate(kit, "apply").exits(10).says("1_a.sql, line 2: \\I OTHER.SQL is a command of psql");
        Files.write(folder(kit).resolve("1_a.sql"), "-- ä".getBytes(StandardCharsets.ISO_8859_1));
        migrate(kit, "apply").exits(78).says("1_a.sql is not UTF-8");
        file(kit, "1_a.sql", "");
        file(kit, "1_b.sql", "");
        migrate(kit, "apply").exits(78).says("1_a.sql and 1_b.sql have the same version");
        Files.delete(folder(kit).resolve("1_b.sql"));
        file(kit, "10_b.sql", "");
        migrate(kit, "apply").exits(78).says("10_b.sql and 1_a.sql have versions of different lengths");
        assertEquals(List.of(), kit.database.rows("select relname from pg_class where relname in ('a', 'schema_migrations')"));
    }

    @Test void who_holds_a_lock_for_too_long_is_named_and_everything_is_as_it_was() throws Exception {
        var kit = kit().set("MIGRATIONS_LOCK_SECONDS", "10");
        kit.database.execute("create table a (id int)");
        file(kit, "1_first.sql", "create table first (id int)");
        file(kit, "2_a.sql", "create table second (id int);\nalter table a add note text;");
        try (var holder = kit.database.connect(); var statement = holder.createStatement()) {
            statement.execute("set application_name = 'a forgotten psql'; begin; lock table a in access share mode");
            var pid = kit.database.one("select pid from pg_stat_activity where application_name = 'a forgotten psql'");
            migrate(kit, "apply").exits(1).says("FAILED: 2_a.sql, line 2: waited 10 s for a lock, in vain, for ALTER TABLE A ADD NOTE TEXT; it is held by process " + pid + " (role tester, a forgotten psql, idle in transaction since ",
                "State: applied, and they stay: 1_first.sql.", "or end it: select pg_terminate_backend(" + pid + ")");
            assertEquals(List.of("first"), kit.database.rows("select relname from pg_class where relname in ('first', 'second')"));
        }
        migrate(kit, "apply").exits(0).prints("applied: [2_a.sql ");
    }

    @Test void one_that_is_killed_half_way_is_as_if_it_had_not_begun_and_the_next_run_goes_on() throws Exception {
        var kit = kit().set("MIGRATIONS_LOCK_SECONDS", String.valueOf(4 * Patience.LIMIT_SECONDS)); // whoever is gone must not go by this
        kit.database.execute("create table a (id int)");
        file(kit, "1_a.sql", "create table b (id int);\nalter table a add note text;");
        for (var signal : List.of("KILL", "TERM")) {
            try (var holder = kit.database.connect(); var statement = holder.createStatement()) {
                statement.execute("begin; lock table a in access share mode");
                var running = start(kit, "apply").awaitSays("waiting for a lock that is held by process ");
                running.signal(signal);
                var ended = running.result();
                if (signal.equals("TERM")) ended.exits(143).says("State: the database is as it was; 1_a.sql is being applied, whole or not at all");
                awaitNoSession(kit);
                assertEquals(List.of(), kit.database.rows("select relname from pg_class where relname = 'b'"));
            }
        }
        migrate(kit, "apply").exits(0).prints("applied: [1_a.sql ");
    }

    @Test void killed_at_any_moment_each_migration_is_there_whole_with_its_record_or_not_at_all() throws Exception {
        var kit = kit();
        for (var n = 1; n <= 9; n++)
            file(kit, n + "_t.sql", """
                create table t%1$d (id int); select pg_sleep(0.1); insert into t%1$d values (1); select pg_sleep(0.1);
                alter table t%1$d add done int""".formatted(n));
        kit.database.execute("create schema supabase_migrations; create table "
            + "supabase_migrations.schema_migrations (version text not null primary key)");
        for (var kill = 0; kill < KILLS; kill++) {
            var running = start(kit, "apply").awaitSays("ok: Compare the migrations");
            Thread.sleep(RANDOM.nextInt(1000));
            running.signal("KILL").result();
            awaitNoSession(kit);
            var recorded = kit.database.rows("""
                select 't' || version from supabase_migrations.schema_migrations order by 1""");
            assertEquals(recorded, kit.database.rows("""
                select relname from pg_class join pg_attribute on attrelid = pg_class.oid
                where relname ~ '^t[0-9]$' and attname = 'done' order by 1"""));
            assertEquals(recorded, kit.database.rows("""
                select relname from pg_class where relname ~ '^t[0-9]$' order by 1"""));
        }
        migrate(kit, "apply").exits(0);
        assertEquals("9", kit.database.one("select count(*) from supabase_migrations.schema_migrations"));
    }

    @Test void an_index_that_a_killed_run_left_half_built_is_built_anew_and_others_are_named() throws Exception {
        var kit = kit();
        kit.database.execute("create table a (id int); insert into a values (1), (1)");
        file(kit, "1_a.sql", "create index concurrently a_id on a (id)");
        try (var old = kit.database.connect(); var statement = old.createStatement()) {
            statement.execute("set application_name = 'old reader'; begin transaction isolation level repeatable read; select count(*) from pg_class; insert into a values (2)");
            var running = start(kit, "apply").awaitSays("waiting for a lock that is held by process ");
            running.signal("KILL").result();
            awaitNoSession(kit);
        }
        assertEquals("f", kit.database.one("select indisvalid from pg_index where indexrelid = 'a_id'::regclass"));
        migrate(kit, "apply").exits(0).says("dropped index public.a_id, which was not valid");
        assertEquals("t", kit.database.one("select indisvalid from pg_index where indexrelid = 'a_id'::regclass"));
        file(kit, "2_b.sql", "create unique index concurrently a_unique on a (id)");
        migrate(kit, "apply").exits(1).says("2_b.sql, line 1: could not create unique index \"a_unique\" (Key "
            + "(id)=(1) is duplicated.)", "dropped index public.a_unique", "State: the database is as it was.");
        assertEquals(List.of(), kit.database.rows("select 1 from pg_class where relname = 'a_unique'"));
        file(kit, "2_b.sql", "create index concurrently a_more on a (id);\nreindex table concurrently a;\ncreate "
            + "unique index concurrently a_unique on a (id)");
        migrate(kit, "apply").exits(1).says("State: of 2_b.sql 2 of 3 statements are done, and stay: the next run "
            + "goes on with it.");
        // A failed REINDEX leaves one under another name.
        kit.database.execute("create function key(int) returns int immutable language plpgsql as 'begin return $1; "
            + "end'; create table b (id int); insert into b values (1), (2); create unique index b_key on b (key(id));"
            + "create or replace function key(int) returns int immutable language plpgsql as 'begin return 1; end'");
        file(kit, "2_b.sql", "reindex index concurrently b_key");
        migrate(kit, "apply").exits(1).says("2_b.sql, line 1: could not create unique index",
            "State: nothing of 2_b.sql is done: the next run goes on with it; it has left indexes that are not "
            + "valid: DROP INDEX CONCURRENTLY public.b_key_ccnew.");
        kit.database.asSuperuser("create index left_over on a (id); update pg_index set indisvalid = false where indexrelid = 'left_over'::regclass");
        migrate(kit, "plan").exits(0).prints("DROP INDEX CONCURRENTLY public.left_over;");
    }

    @Test void of_two_at_once_one_applies_and_the_other_sees_it() throws Exception {
        var kit = kit();
        file(kit, "1_a.sql", "create table a (id int); select pg_sleep(3)");
        file(kit, "2_b.sql", "create index concurrently a_id on a (id)");
        var both = List.of(start(kit, "apply"), start(kit, "apply")).stream().map(Kit.Running::result).toList();
        both.forEach(each -> each.exits(0));
        assertEquals(1, both.stream().filter(each -> each.out().contains("1_a.sql")).count(), both::toString);
        assertEquals(List.of("1", "2"), kit.database.rows("select version from supabase_migrations.schema_migrations order by 1"));
    }

    @Test void the_record_is_what_the_supabase_cli_writes_and_afterwards_it_has_nothing_to_do() throws Exception {
        Kit.needs("npm");
        var kit = kit();
        var cli = Files.createDirectory(kit.home.resolve("cli"));
        for (var name : List.of("package.json", "package-lock.json")) Files.copy(Stack.CHECKOUT.resolve("tests/supabase-cli").resolve(name), cli.resolve(name));
        var installed = kit.bash("cd cli && npm ci --ignore-scripts --no-audit --no-fund --no-update-notifier");
        assumeTrue(installed.exit() == 0, () -> "the Supabase CLI can't be had: " + installed.err().lines().limit(5).toList());
        file(kit, "20260101000000_tricky.sql", TRICKY);
        file(kit, "20260102000000_no_semicolon.sql", "create table u (id int) -- and a comment; here");
        file(kit, "20260103000000_.sql", "");
        file(kit, "20260104000000_windows's \"file\".sql", "\ufeffcreate table bom (id int);\r\n\r\ncreate table crlf (id int);\r\n");
        file(kit, "20260105000000_index.sql", "create index concurrently u_id on u (id);\n");
        file(kit, "20260106000000_wrapped.sql", "begin;\ncreate table x (id int);\ncommit;\n");
        file(kit, "20260107000000_comments.sql", "-- nothing;\n/* to do; */\n");
        file(kit, "20260108000000_other_path.sql", "set search_path = ''; set standard_conforming_strings = off; select 'a\\\\';");
        file(kit, "abc_x.sql", "skipped");
        var theirs = TestDatabase.create(Stack.next("cli_"));
        supabase(kit, theirs, "db", "push", "--yes").exits(0);
        migrate(kit, "apply").exits(0);
        for (var query : List.of(RECORDED, "select attname, atttypid::regtype, attnotnull from pg_attribute where attrelid = 'supabase_migrations.schema_migrations'::regclass and attnum > 0 order by attnum",
            "select relname, relkind from pg_class where relnamespace in ('public'::regnamespace, 'supabase_migrations'::regnamespace) order by 1"))
            assertEquals(theirs.rows(query), kit.database.rows(query), query);
        supabase(kit, kit.database, "db", "push", "--yes").exits(0).prints("up to date");
        var list = supabase(kit, kit.database, "migration", "list").exits(0).out();
        for (var version : kit.database.rows("select version from supabase_migrations.schema_migrations")) assertTrue(list.split(version, -1).length >= 3, list);
        migrateOn(kit, theirs, "plan").exits(0).prints("nothing is pending");
    }

    private static final String TRICKY = """
        -- leading comment; with a semicolon
        create table t (id int primary key, note text default 'a;b''c', "odd;name" text); -- trailing
        ;;
        /* block /* nested ; */ ; */ insert into t values (1, E'it\\'s; here');
        create function f() returns int language plpgsql as $fn$ begin return 1; end; $fn$;
        create function g() returns int language sql begin atomic select 1; select 2; end;
        create function h() returns text language sql
        begin
          atomic
          select case when true then 'x;' else $$end;$$ end; -- it's; the end;
          select 'y'::text as weekend;
        end;
        do $do$ begin execute 'select 1;'; end $do$;
        create view v as select id as atomic from t;
        insert into t values (2, $$a;b$$), (3, $x$ $$ ; $x$);
        select 1 -
        - 2; select 4 / 2; insert into t values (5, '\\'); insert into t values (6, '(');
        create table type_ä (é$1 int); select é$1, 'ü;' from type_ä;
        create rule r as on insert to type_ä do also (delete from t where id = 7; delete from t where id = 8);
        select '{"a": "b;c"}'::jsonb ? 'a', U&'d\\0061t', B'01', 1.5e3;
        -- only a comment at the end;
        """;

    private static Kit.Result supabase(Kit kit, TestDatabase database, String... arguments) {
        return kit.bash("cd " + kit.home + " && HOME=" + kit.runtime + " SUPABASE_TELEMETRY_DISABLED=1 DO_NOT_TRACK=1 timeout 200 cli/node_modules/.bin/supabase " + String.join(" ", arguments) + " --db-url '" + database.url() + "?sslmode=disable'");
    }

    private static Kit kit() throws IOException {
        var kit = Stack.kit();
        Files.copy(Stack.CHECKOUT.resolve("tests/Migrate.java"), kit.home.resolve("tests/Migrate.java"));
        Files.createDirectories(folder(kit));
        return kit;
    }

    private static Path folder(Kit kit) { return kit.home.resolve("supabase/migrations"); }

    private static void file(Kit kit, String name, String sql) throws IOException { Files.writeString(folder(kit).resolve(name), sql); }

    private static Kit.Running start(Kit kit, String what) { return withLocal(kit).start("tests/Migrate.java", what, "--env", "local"); }

    /** To what runs in this process its environment is called local, and so it is to its commands. */
    private static Kit withLocal(Kit kit) { return kit.with("HANDOVER_LOCAL_STATE", kit.local("staging").toString()); }

    private static void backUp(Kit kit) { withLocal(kit).run("backup-db", "--env", "local").exits(0); }

    /** In this process; what it says and prints is as the command does it. */
    static Kit.Result migrate(Kit kit, String what) {
        var said = new ByteArrayOutputStream();
        var printed = new StringBuilder();
        var state = new AtomicReference<>("nothing was changed");
        var run = Hosting.listened(said);
        var exit = 0;
        var failure = "";
        try {
            Migrate.migrate(run, kit.settings(), kit.home, what, line -> printed.append(line).append('\n'), state::set);
        } catch (Failure e) {
            exit = e.exit.code;
            failure = "FAILED: " + e.getMessage() + "\nState: " + state.get() + ".\nNext:  " + e.hint;
        } catch (Exception e) {
            throw new AssertionError(e);
        } finally {
            run.undo.close();
        }
        // On a terminal its marks are signs.
        var text = said.toString(StandardCharsets.UTF_8).replaceAll("\033\\[\\d*[mK]|\r", "").replaceAll("(?m)^✓", "ok:").replaceAll("(?m)^!", "warning:");
        return new Kit.Result(List.of("migrate", what), exit, printed.toString(), text + failure);
    }

    private static Kit.Result migrateOn(Kit kit, TestDatabase database, String what) { return migrate(kit.set("STAGING_DATABASE_URL", database.url()), what); }

    /** The server sees within a second or so that who it works for is gone. */
    private static void awaitNoSession(Kit kit) {
        Patience.until(() -> kit.database.rows("select 1 from pg_stat_activity where datname = '" + kit.database.name + "' and application_name like 'handover migrations%'").isEmpty(),
            () -> "the server still works for a process that is gone");
    }
}
