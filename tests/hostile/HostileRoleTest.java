import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.util.List;
import java.util.Map;
import ops.Database;
import ops.DatabaseUrl;
import ops.Failure;
import ops.Selection;
import org.junit.jupiter.api.Test;

/** Another role in the same database, which may create objects there: it never becomes the role that runs the kit. */
class HostileRoleTest {
    private final Kit kit = Stack.kit();
    private final TestDatabase database = kit.database;
    private final String mallory = Stack.next("mallory_");

    private static String superuserUrl(TestDatabase database) { return Stack.up().setting("LOCAL_SUPERUSER_URL").replaceFirst("/[^/]*$", "/" + database.name); }

    /** A function that says so when it is called by anybody else, but for a drill's own role, which may do nothing; and whatever may have it called. */
    private void setTraps() {
        TestDatabase.superuser("create role " + mallory + " login password '" + TestDatabase.PASSWORD + "'");
        database.asSuperuser("grant create, usage on schema public to " + mallory);
        asMallory("""
                create function public.trap() returns text language plpgsql volatile as $$ begin
                    if current_user <> '%s' and current_user not like 'handover_drill_loader_%%' then raise exception 'sprung by %%', current_user; end if;
                    return '1';
                end $$;
                create function public.trap(n int) returns int language plpgsql immutable as $$ begin perform public.trap(); return n; end $$;
                create function public.trap(a int, b int) returns bool language plpgsql immutable as $$ begin perform public.trap(); return a = b; end $$;
                create function public.unnest(a text[]) returns setof text language plpgsql as
                    $$ begin perform public.trap(); return query select pg_catalog.unnest(a); end $$;
                create operator public.= (leftarg = int, rightarg = int, procedure = public.trap);
                create table public.aaa (id int);
                insert into public.aaa select n from generate_series(1, 7) n;
                create index on public.aaa ((public.trap(id) + public.trap(0)));
                create index on public.aaa (id) where id < 5 + public.trap(0);
                create statistics public.expressions on (public.trap(id) + public.trap(0)), id from public.aaa;
                create table public.hidden (id int);
                insert into public.hidden values (1);
                alter table public.hidden enable row level security;
                create policy p on public.hidden using (public.trap(id) = id);
                create view public.schema_migrations as select public.trap() as version;
                create view public.canary as select public.trap() as id""".formatted(mallory));
    }

    private void asMallory(String sql) {
        try (var session = TestDatabase.connect(database.url(mallory, TestDatabase.PASSWORD)); var statement = session.createStatement()) {
            statement.execute(sql);
        } catch (java.sql.SQLException e) {
            throw new AssertionError(e);
        }
    }

    @Test void nothing_of_theirs_is_called_while_a_superuser_backs_up_looks_proves_and_restores() {
        setTraps();
        kit.set("STAGING_DATABASE_URL", superuserUrl(database));
        kit.run("backup-db", "--env", "staging").exits(0).says("ok: Count the rows: 8 in 2 tables");
        assertEquals(Map.of("public.aaa", 7L, "public.hidden", 1L), kit.countsInManifest());
        assertEquals("", kit.manifest().get("schema_version").getAsString());
        kit.run("doctor", "--env", "staging").neverShows("sprung").prints("tables: 2, all readable");
        kit.run("backups", "drill", "--env", "staging").exits(0).neverShows("sprung");
        // The row for the smoke tests is one of theirs.
        kit.set("SMOKE_CANARY_ROW", "public.aaa:id=7").run("restore-db", "--env", "staging", "--no-safety-backup").exits(0)
            .says("8 rows in 2 tables, as in the manifest", "the row public.aaa with id 7 is read through SQL");
        kit.set("SMOKE_CANARY_ROW", "public.canary:id=1").run("restore-db", "--env", "staging", "--no-safety-backup", "--mode", "in-place").exits(0)
            .says("8 rows in 2 tables, as in the manifest", "SMOKE_CANARY_ROW").neverShows("sprung");
        kit.set("STAGING_SITE_URL", "http://127.0.0.1:1").set("STAGING_SUPABASE_URL", "none");
        for (var row : List.of("public.canary:id=1", "public.aaa:id=99"))
            kit.set("SMOKE_CANARY_ROW", row).run("smoke-tests", "--env", "staging", "--only", "database", "--tries", "1").exits(14).neverShows("sprung");
    }

    /** The operators would be found before the server's own, for what is compared with a text. */
    @Test void nothing_of_theirs_is_called_while_migrations_are_compared_and_applied() throws IOException {
        setTraps();
        database.asSuperuser("grant create on database " + database.name + " to " + mallory);
        asMallory("""
            create function public.trap(a name, b text) returns bool language plpgsql immutable as
                $$ begin perform public.trap(); return a::text operator(pg_catalog.=) b; end $$;
            create function public.trap(a name, b varchar) returns bool language plpgsql immutable as
                $$ begin perform public.trap(); return a::text operator(pg_catalog.=) b::text; end $$;
            create operator public.= (leftarg = name, rightarg = varchar, procedure = public.trap);
            create function public.trap(a text, b text) returns text language plpgsql immutable as
                $$ begin perform public.trap(); return a; end $$;
            create function public.pg_backend_pid() returns int language plpgsql as
                $$ begin perform public.trap(); return 1; end $$;
            create function public.current_setting(a text) returns text language plpgsql as
                $$ begin perform public.trap(); return a; end $$;
            create function public.unnest(a name[]) returns setof name language plpgsql as
                $$ begin perform public.trap(); return query select 'public'::name; end $$;
            create schema supabase_migrations;
            create table supabase_migrations.schema_migrations (version text primary key, statements text[], name text);
            create index on supabase_migrations.schema_migrations ((version || public.trap('', '')));
            create function public.on_record() returns trigger language plpgsql as
                $$ begin perform public.trap(); return new; end $$;
            create trigger t before insert on supabase_migrations.schema_migrations for each row execute function public.on_record()""");
        var role = Stack.next("admin_");
        TestDatabase.superuser("create role " + role + " superuser login password '" + TestDatabase.PASSWORD + "'");
        TestDatabase.superuser("alter role " + role + " set search_path = public, pg_catalog");
        kit.set("STAGING_DATABASE_URL", database.url(role, TestDatabase.PASSWORD));
        Files.copy(Stack.CHECKOUT.resolve("tests/Migrate.java"), kit.home.resolve("tests/Migrate.java"));
        var files = Files.createDirectories(kit.home.resolve("supabase/migrations"));
        Files.writeString(files.resolve("1_a.sql"), "create table app (id pg_catalog.int4)");
        Files.writeString(files.resolve("2_b.sql"), "create index concurrently app_id on app (id)");
        migrate("plan").exits(0).neverShows("sprung");
        migrate("apply").exits(10).neverShows("sprung").says("belongs to role " + mallory);
        database.asSuperuser("alter schema supabase_migrations owner to " + role + "; alter table supabase_migrations.schema_migrations owner to " + role);
        migrate("apply").exits(10).neverShows("sprung").says("has a trigger of role " + mallory);
        database.asSuperuser("drop trigger t on supabase_migrations.schema_migrations; drop index supabase_migrations.schema_migrations_expr_idx");
        kit.run("tests/Migrate.java", "apply", "--env", "staging").exits(0).neverShows("sprung");
        assertEquals(List.of("1", "2"), database.rows("select version from supabase_migrations.schema_migrations order by 1"));
        database.asSuperuser("delete from supabase_migrations.schema_migrations where version = '2'");
        migrate("apply").exits(0).says("is there already, valid and as it is to be");
    }

    /** In this process. */
    private Kit.Result migrate(String what) { return MigrationsTest.migrate(kit, what); }

    @Test void a_name_with_dots_is_one_name_and_never_another_table() {
        database.execute("""
            create schema a; create schema "a.v1";
            create table a."v1.b" (id int); insert into a."v1.b" select generate_series(1, 2);
            create table "a.v1".b (id int); insert into "a.v1".b select generate_series(1, 3);
            create table a."say ""so"". " (id int); insert into a."say ""so"". " values (1)""");
        try (var session = Database.connect(DatabaseUrl.of(kit.settings()), kit.settings(), "handover tests")) {
            var unclear = assertThrows(Failure.Usage.class, () -> new Selection(List.of(), List.of(), List.of("a.v1.b")).in(session));
            assertTrue(unclear.getMessage().contains("'a.v1.b' may be table 'v1.b' of schema 'a' or table 'b' of schema 'a.v1'"), unclear::getMessage);
            assertTrue(unclear.hint.contains("in double quotes: '\"a\".\"v1.b\"' or '\"a.v1\".\"b\"'"), unclear.hint);
        }
        kit.run("backup-db", "--env", "staging").exits(0);
        kit.run("restore-db", "--env", "staging", "--no-safety-backup").exits(0).says("6 rows in 3 tables, as in the manifest");
        kit.run("restore-db", "--env", "staging", "--table", "a.v1.b").exits(2).says("may be table 'v1.b' of schema 'a'");
        database.execute("drop schema a cascade");
        kit.run("restore-db", "--env", "staging", "--table", "\"a\".\"v1.b\"").exits(0).says("2 rows in 1 table, as in the manifest");

        var partial = Stack.kit(database).withDrillServer();
        partial.run("backup-db", "--env", "staging", "--exclude-table-data", "\"a\".\"v1.b\"").exits(0);
        assertEquals(Map.of("a.v1.b", 3L), partial.countsInManifest());
        partial.run("backups", "drill", partial.manifest().get("id").getAsString(), "--env", "staging").exits(0);
    }

    /** Some of them go to another partition when they are restored: by the hash of an enum, which is of its value's OID. With so many, some row moves. */
    @Test void rows_are_counted_in_the_very_bytes_that_are_stored_whatever_is_in_them_and_rightly_restored_in_every_way() {
        database.asSuperuser("""
            create table nothing (); insert into nothing default values; insert into nothing default values;
            create table texts (t text); insert into texts values (''), (null), (E'a\\nb\\r\\n'), ('\\.'), (E'\\\\.\\n');
            create table empty (id int);
            create table wide (t text); insert into wide select repeat(E'\\n', 400000) from generate_series(1, 3);
            create table parent (id int); insert into parent values (1);
            create table child () inherits (parent); insert into child values (2), (3);
            create table parted (id int) partition by list (id);
            create table parted_1 partition of parted for values in (1);
            create table parted_d partition of parted default; insert into parted values (1), (2), (3);
            create table computed (n int generated always as (1) stored); insert into computed default values;
            create unlogged table brief (id int); insert into brief values (1);
            create extension if not exists pg_trgm; select lo_from_bytea(0, '\\x2e0a5c2e0a');
            create type color as enum ('c1', 'c2', 'c3', 'c4', 'c5', 'c6', 'c7', 'c8', 'c9', 'c10', 'c11', 'c12');
            create table paint (c color not null, n int) partition by hash (c);
            create table paint_0 partition of paint for values with (modulus 2, remainder 0);
            create table paint_1 partition of paint for values with (modulus 2, remainder 1) partition by hash (c);
            create table paint_10 partition of paint_1 for values with (modulus 4, remainder 1);
            create table paint_11 partition of paint_1 for values with (modulus 4, remainder 3);
            insert into paint select ('c' || 1 + n % 12)::color, n from generate_series(1, 1200) n""");
        kit.set("STAGING_DATABASE_URL", superuserUrl(database)).run("backup-db", "--env", "staging").exits(0);
        var counts = database.counts();
        counts.keySet().removeAll(List.of("public.parted", "public.paint", "public.paint_1")); // their partitions have the rows
        assertEquals(counts, kit.countsInManifest());
        kit.withDrillServer().run("backups", "drill", "--env", "staging").exits(0);
        var before = painted();
        var rows = counts.values().stream().mapToLong(n -> n).sum();
        var same = "%,d rows in %d tables, as in the manifest".formatted(rows, counts.size());
        kit.run("restore-db", "--env", "staging", "--no-safety-backup").exits(0).says(same);
        assertEquals(before, painted());
        kit.run("restore-db", "--env", "staging", "--no-safety-backup", "--mode", "in-place").exits(0).says(same);
        assertEquals(before, painted());
    }

    @Test void what_pg_dump_leaves_out_is_told_at_once_and_what_nobody_can_count_is_not_taken_for_counted() {
        database.execute("create table invoice (id int); insert into invoice values (1); create table customer (id int)");
        var tools = new FakeTools(kit).pgDump("exec \"$real\" --exclude-table-data=public.invoice \"$@\"");
        kit.run("backup-db", "--env", "staging").exits(14).says("pg_dump leaves out the rows of 1 table, of which the role may read all: public.invoice");
        assertEquals(List.of(), kit.backupObjects());

        // Less the block of its last table: what is there is whole.
        tools.pgDump("\"$real\" \"$@\" | head -c -28");
        kit.run("backup-db", "--env", "staging").exits(14).says("it ends without table data ", "nothing was stored");
        assertEquals(List.of(), kit.backupObjects());

        // Its format's number is the seventh byte.
        tools.pgDump("\"$real\" \"$@\" | { dd bs=1 count=6 2>/dev/null; printf '\\143'; dd bs=1 count=1 of=/dev/null 2>/dev/null; cat; }");
        kit.run("backup-db", "--env", "staging").exits(0).says("the rows were not counted: the archive's format is 1.99, and this kit knows 1.12 to 1.16");
        assertEquals("none", kit.manifest().get("counts").getAsString());
    }

    @Test void what_may_be_forged_is_never_given_to_a_psql_that_obeys_what_stands_in_names() throws Exception {
        kit.backedUp("create table t as select 1 as one");
        var tools = new FakeTools(kit);
        for (var name : List.of("psql", "pg_restore")) {
            tools.tool(name, "");
            Files.writeString(tools.folder.resolve(name), "#!/bin/sh\necho '" + name + " (PostgreSQL) 15.13'\n");
            kit.run("restore-db", "--env", "staging", "--mode", "in-place", "--no-safety-backup").exits(12).says(name + " 15.13", "execute commands on this machine", "Next:  update it: ");
        }
    }

    private List<String> painted() { return database.rows("select c, count(*), sum(n) from paint group by 1 order by 1"); }
}
