import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.util.ArrayList;
import java.util.List;
import ops.Failure;
import org.junit.jupiter.api.Test;
import restore.Partial;

/** Restores that meet what the database they go into has by itself. */
class HostileRestoreTest {
    private static final String SHOP = """
        create schema shop; create table shop.orders (id int primary key); insert into shop.orders select generate_series(1, 20);
        create table shop.closed (id int)""";
    private static final String WEBHOOK = """
        create schema supabase_functions; create function supabase_functions.http_request() returns trigger
            language plpgsql as 'begin raise exception ''called''; end';""";

    private final Kit kit = Stack.kit();

    private static void role(String name) {
        TestDatabase.superuser("do $$ begin create role " + name + "; exception when duplicate_object then end $$");
    }

    private Kit.Result restore(String... more) {
        var arguments = new ArrayList<>(List.of("restore-db", "--env", "staging", "--no-safety-backup"));
        arguments.addAll(List.of(more));
        return kit.run(arguments.toArray(String[]::new));
    }

    private Kit.Result restorePart(String... more) {
        var arguments = new ArrayList<>(List.of("restore-db", kit.sealed().get(0).replaceFirst(".*/(.*)/", "$1"),
            "--env", "staging", "--no-safety-backup"));
        arguments.addAll(List.of(more));
        return kit.run(arguments.toArray(String[]::new));
    }

    @Test void a_role_that_the_server_lacks_or_a_right_is_named_and_can_be_done_without_and_a_repair_loads_all_rows() {
        var ghost = Stack.next("ghost_");
        role(ghost);
        TestDatabase.superuser("grant " + ghost + " to tester");
        kit.database.execute(SHOP + "; grant usage, create on schema shop to " + ghost + "; grant select on shop.orders to "
            + ghost + "; create function shop.secret() returns int language sql as 'select 1'; revoke execute on function shop.secret() from public; grant"
            + " execute on function shop.secret() to " + ghost + "; alter table shop.closed owner to " + ghost + "; insert into shop.closed values (1)");
        kit.run("backup-db", "--env", "staging", "--quiet").exits(0);
        kit.database.asSuperuser("drop owned by " + ghost + "; drop role " + ghost);
        restore().exits(12).says("role \"" + ghost + "\" does not exist", "--no-owner", "State: the database of 'staging' is as it was.");
        restore("--repair").exits(0).says("table shop.closed belongs to role tester: role \"" + ghost + "\" does not exist",
            "no more rights than in the backup");
        assertEquals("f", kit.database.one("select has_function_privilege('pg_monitor', 'shop.secret()', 'execute')"));
        assertEquals("20|1", kit.database.one("select (select count(*) from shop.orders), (select count(*) from shop.closed)"));
        // Where the role is there, and a right is lacking.
        role(ghost);
        kit.database.execute("delete from shop.orders");
        restore().exits(12).says("must be ", "--no-owner");
        restore("--no-owner").exits(0);
        assertEquals("20|1", kit.database.one("select (select count(*) from shop.orders), (select count(*) from shop.closed)"));
    }

    @Test void a_database_that_is_dropped_while_a_restore_waits_is_told_and_made_by_the_next_one() throws Exception {
        kit.backedUp(SHOP);
        var go = kit.home.resolve("go");
        var first = kit.start("restore-db", "--env", "staging", "--no-safety-backup", "--after-sql",
            kit.sqlThatWaitsFor(go).toString()).awaitSays("ok: Compare with the manifest");
        var second = kit.start("restore-db", "--env", "staging", "--no-safety-backup", "--wait", "300")
            .awaitSays("ok: Find pg_restore");
        TestDatabase.superuser("drop database " + kit.database.name + " with (force)");
        first.signal("KILL").result();
        Files.createFile(go);
        second.result().exits(12).says("says nothing of '" + kit.database.name + "': somebody may just have dropped it");
        restore().exits(0).says("there is no database '" + kit.database.name + "' yet: it will be made");
        assertEquals("20", kit.database.one("select count(*) from shop.orders"));
    }

    @Test void what_was_kept_from_everybody_is_kept_from_everybody_without_owners_and_rights_and_in_a_part() {
        kit.database.execute(SHOP + "; create function shop.secret(int) returns int language sql security definer as 'select 1'; revoke execute on function shop.secret(int) from public; create type shop.mood as enum ('good');"
            + " revoke usage on type shop.mood from public; create procedure shop.\"do; it FROM PUBLIC;\"() language sql as 'select 1'; revoke execute on procedure shop.\"do; it FROM PUBLIC;\"() from public;"
            + " create function shop.open() returns int language sql as 'select 1'; revoke execute on function shop.open() from public; grant execute on function shop.open() to public;"
            + " alter table shop.orders enable row level security; create policy everybody on shop.orders using (true);"
            + " create policy not_closed on shop.orders as restrictive using (not exists (select from shop.closed c where c.id = orders.id))");
        kit.run("backup-db", "--env", "staging", "--quiet").exits(0);
        for (var mode : List.of("swap", "in-place")) {
            restore("--no-owner", "--mode", mode).exits(0);
            assertEquals("f|f|f|t", kit.database.one("select has_function_privilege('pg_monitor', 'shop.secret(int)', 'execute'), has_type_privilege('pg_monitor', 'shop.mood', 'usage'),"
                + " has_function_privilege('pg_monitor', 'shop.\"do; it FROM PUBLIC;\"()', 'execute'), has_function_privilege('pg_monitor', 'shop.open()', 'execute')"), mode);
        }
        kit.database.execute("drop schema shop cascade");
        restore("--no-owner", "--schema", "shop").exits(0);
        assertEquals("f", kit.database.one("select has_function_privilege('pg_monitor', 'shop.secret(int)', 'execute')"));
        // A table whose policy would be left out does not come without it.
        kit.database.execute("drop schema shop cascade");
        var refused = assertThrows(Failure.Usage.class, () -> new Partial(kit.contents(), List.of(), List.of("shop.orders")));
        assertTrue(refused.getMessage().contains("not_closed") && refused.hint.contains("--table shop.closed"), refused::toString);
        restore("--table", "shop.orders", "--table", "shop.closed").exits(0);
        assertEquals("2", kit.database.one("select count(*) from pg_policy"));
    }

    @Test void a_part_of_another_environments_backup_reaches_outward_no_more_than_all_of_it() {
        var production = TestDatabase.create(Stack.next("production_"));
        kit.set("PRODUCTION_DATABASE_URL", production.url());
        production.execute(WEBHOOK + SHOP + "; create trigger paid after insert on shop.orders for each row execute function"
            + " supabase_functions.http_request()");
        kit.run("backup-db", "--env", "production", "--quiet").exits(0);
        kit.database.execute(WEBHOOK + "create schema own; create table own.note (id int); create trigger noted after insert on"
            + " own.note for each row execute function supabase_functions.http_request()");
        var triggers = "select tgname, tgenabled from pg_trigger where not tgisinternal order by 1";
        restore("--from", "production", "--table", "shop.orders").exits(0).says("webhook orders paid (trigger disabled)");
        assertEquals(List.of("noted|O", "paid|D"), kit.database.rows(triggers));
        kit.database.execute("drop schema shop cascade");
        restore("--from", "production", "--schema", "shop", "--keep-outward").exits(0);
        assertEquals(List.of("noted|O", "paid|O"), kit.database.rows(triggers));

        kit.run("backup-db", "--env", "production", "--schema", "shop", "--quiet").exits(0);
        kit.run("restore-db", kit.sealed().get(1).replaceFirst(".*/(.*)/", "$1"), "--env", "staging", "--from", "production",
            "--no-safety-backup").exits(0);
        assertEquals(List.of("noted|O", "paid|D"), kit.database.rows(triggers));
    }

    @Test void rights_that_are_the_targets_own_keep_no_restore_from_what_it_brings() {
        role("reader");
        kit.backedUp(SHOP);
        kit.database.execute("drop schema shop cascade; create schema shop; alter default privileges in schema shop grant select on"
            + " tables to reader");
        kit.database.asSuperuser("alter default privileges grant select on tables to reader");
        restorePart("--schema", "shop").exits(0);
        assertEquals("20", kit.database.one("select count(*) from shop.orders"));
        restore("--mode", "in-place").exits(0);
        assertEquals("f", kit.database.one("select has_table_privilege('reader', 'shop.orders', 'select')"));
    }

    @Test void a_backup_of_14_whose_schema_public_was_everybodys_is_restored_by_newer_servers_and_a_closed_database_stays_closed() {
        kit.backedUp(SHOP);
        kit.forge(kit.sealed().get(0), "PUBLIC USAGE; pg_database_owner CREATE,USAGE",
            "PUBLIC CREATE,USAGE; postgres CREATE,USAGE");
        restore("--mode", "swap").exits(14).says("rights on schema public: PUBLIC USAGE");
        kit.forge(kit.sealed().get(0), "\"version\": \"15.", "\"version\": \"14.");
        restore("--mode", "in-place").exits(0).says("but not everybody may create in schema public");
        kit.database.execute("delete from shop.orders; alter database " + TestDatabase.quote(kit.database.name) + " connection limit 0");
        restore("--mode", "swap").exits(0).says("but not everybody may create in schema public", "warning: what is live was not looked at: ");
        assertEquals("20|0", kit.database.one("select (select count(*) from shop.orders), datconnlimit from pg_database where datname = current_database()"));
    }

    @Test void a_name_that_somebody_takes_in_the_meantime_is_told_as_that() throws Exception {
        kit.backedUp(SHOP);
        var name = TestDatabase.quote(kit.database.name);
        TestDatabase.superuser("drop database " + name);
        var go = kit.home.resolve("go");
        var running = kit.start("restore-db", "--env", "staging", "--after-sql", kit.sqlThatWaitsFor(go).toString())
            .awaitSays("ok: Compare with the manifest");
        TestDatabase.superuser("create database " + name + " owner tester");
        Files.createFile(go);
        running.result().exits(1).says("already exists", "somebody has made that database meanwhile").neverShows("pg_signal_backend");
    }

    @Test void what_others_drop_elsewhere_while_a_part_is_restored_is_not_taken_for_a_loss() throws Exception {
        kit.database.execute(SHOP + "; create schema own; create table own.passing (id int)");
        kit.run("backup-db", "--env", "staging", "--schema", "shop", "--quiet").exits(0);
        kit.database.asSuperuser("create function public.wait() returns event_trigger language plpgsql as 'begin perform"
            + " pg_advisory_xact_lock_shared(4711); end'; create event trigger wait on ddl_command_end when tag in ('CREATE TABLE')"
            + " execute function public.wait()");
        try (var session = kit.database.connect(); var statement = session.createStatement()) {
            statement.execute("select pg_advisory_lock(4711)");
            var running = kit.start("restore-db", kit.sealed().get(0).replaceFirst(".*/(.*)/", "$1"), "--env", "staging",
                "--no-safety-backup").awaitSays("ok: Drop what the backup holds").awaitSays("in place, in one transaction, since the backup is partial");
            kit.database.execute("drop table own.passing");
            statement.execute("select pg_advisory_unlock(4711)");
            running.result().exits(0);
        }
    }
}
