import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Databases of other people, restored in place: nothing that no backup holds is dropped, no right is widened. */
class HostileInPlaceTest {
    private static final String SALES = """
        create schema sales; create schema reporting;
        create type sales.mood as enum ('good', 'bad');
        create table sales.orders (id int primary key, cents int not null, mood sales.mood not null default 'good');
        insert into sales.orders select n, n * 100 from generate_series(1, 20) n;
        create sequence sales.ticket;
        create function sales.positive(int) returns boolean language sql immutable as 'select $1 > 0';
        create function sales.noted() returns trigger language plpgsql as 'begin return new; end'""";
    /** What nobody's backup of schema sales holds, of each kind that DROP … CASCADE takes along. */
    private static final String REPORTING = """
        create view reporting.turnover as select mood, sum(cents) as cents from sales.orders group by mood;
        comment on view reporting.turnover is 'for the board'; revoke all on reporting.turnover from tester; grant select on reporting.turnover to reader;
        create view reporting.good as select * from reporting.turnover where mood = 'good';
        create materialized view reporting.filled as select count(*) as orders from sales.orders; create unique index filled_once on reporting.filled (orders);
        create function reporting.latest() returns setof sales.orders language sql as 'select * from sales.orders order by id desc limit 1';
        revoke execute on function reporting.latest() from public;
        create table reporting.note (id int primary key default nextval('sales.ticket'), order_id int references sales.orders, stars int constraint stars_positive check (sales.positive(stars)));
        insert into reporting.note values (1, 1, 5);
        create index note_positive on reporting.note (sales.positive(stars));
        create trigger note_noted before insert on reporting.note for each row execute function sales.noted();
        alter table reporting.note disable trigger note_noted;
        alter table reporting.note enable row level security;
        create policy note_positive on reporting.note as restrictive for select using (sales.positive(id));
        create rule note_rule as on delete to reporting.note do also select count(*) from sales.orders;
        create publication outward_of_sales for table sales.orders, reporting.note with (publish = 'insert')""";
    private static final String WHAT_IS_OUTSIDE = """
        select 'relation ' || c.oid::regclass, relkind, relacl::text, pg_get_userbyid(relowner), relrowsecurity, obj_description(c.oid, 'pg_class'), case relkind when 'v' then pg_get_viewdef(c.oid) when 'm' then pg_get_viewdef(c.oid) when 'i' then pg_get_indexdef(c.oid) end
        from pg_class c where relnamespace = 'reporting'::regnamespace and relkind <> 't'
        union all select 'function ' || oid::regprocedure, '', proacl::text, pg_get_userbyid(proowner), prosecdef, '', pg_get_functiondef(oid) from pg_proc where pronamespace = 'reporting'::regnamespace
        union all select 'constraint ' || conname, contype, conrelid::regclass::text, '', convalidated, '', pg_get_constraintdef(oid) from pg_constraint where connamespace = 'reporting'::regnamespace
        union all select 'trigger ' || tgname, tgenabled, tgrelid::regclass::text, '', true, '', pg_get_triggerdef(oid) from pg_trigger where not tgisinternal
        union all select 'rule ' || rulename, ev_enabled, ev_class::regclass::text, '', true, '', pg_get_ruledef(oid) from pg_rewrite where ev_class = 'reporting.note'::regclass
        union all select 'policy ' || polname, polcmd, polrelid::regclass::text, polroles::text, polpermissive, '', pg_get_expr(polqual, polrelid) from pg_policy
        union all select 'default', '', adrelid::regclass::text, '', true, '', pg_get_expr(adbin, adrelid) from pg_attrdef where adrelid = 'reporting.note'::regclass
        union all select 'published ' || pubname, '', schemaname, tablename, true, '', '' from pg_publication_tables
        order by 1, 3""";

    /** With a view outside that a backup of the schema alone keeps as text. */
    private static final String TURNOVER = SALES + """
        ; create view reporting.turnover as select sum(cents) as cents from sales.orders; create table public.busy (id int);
        create table sales.visit (day date) partition by range (day); create table sales.customer (id int)""";

    private final Kit kit = Stack.kit();

    private static void reader() { TestDatabase.superuser("do $$ begin create role reader; exception when duplicate_object then end $$"); }

    /** The first backup: one of a part is never the latest. */
    private Kit.Result restored(String... more) { return restoredFrom(kit.sealed().get(0), more); }

    private Kit.Result restoredFrom(String folder, String... more) {
        var arguments = new ArrayList<>(List.of("restore-db", folder.replaceFirst(".*/(.*)/", "$1"), "--env", "staging", "--mode", "in-place", "--no-safety-backup"));
        arguments.addAll(List.of(more));
        return kit.run(arguments.toArray(String[]::new));
    }

    private void asSuperuser() { kit.set("STAGING_DATABASE_URL", Stack.up().setting("LOCAL_SUPERUSER_URL").replaceFirst("/[^/?]*$", "/" + kit.database.name)); }

    // --- what no backup holds

    @Test void what_hangs_on_a_schema_that_is_replaced_or_kept_and_is_in_no_backup_is_there_afterwards_whatever_new_objects_get_there() {
        reader();
        kit.database.execute(SALES).execute(REPORTING).execute("""
            create table reporting.ticket (id int primary key, stars int constraint at_least_one check (sales.positive(stars))); comment on constraint at_least_one on reporting.ticket is 'at least one';
            create table reporting.visit (day date, stars int) partition by range (day); create table reporting.visit_2025 partition of reporting.visit for values from ('2025-01-01') to ('2026-01-01');
            create index visit_positive on reporting.visit (sales.positive(stars));
            alter default privileges in schema reporting grant all on tables to reader; alter default privileges in schema reporting grant all on functions to reader""");
        kit.run("backup-db", "--env", "staging", "--schema", "sales", "--quiet").exits(0);
        var before = kit.database.rows(WHAT_IS_OUTSIDE);
        var facts = """
            select has_table_privilege('reader', 'reporting.turnover', 'select'), has_function_privilege('reader', 'reporting.latest()', 'execute'),
              (select obj_description(oid, 'pg_constraint') from pg_constraint where conname = 'at_least_one'),
              (select string_agg(indexrelid::regclass || ' ' || indisvalid, ', ' order by indexrelid::regclass::text) from pg_index where indrelid in ('reporting.visit'::regclass, 'reporting.visit_2025'::regclass)),
              (select string_agg(defaclacl::text, ' ' order by defaclobjtype) from pg_default_acl where defaclnamespace = 'reporting'::regnamespace)""";
        var factsBefore = kit.database.rows(facts);
        kit.database.execute("delete from reporting.note; delete from sales.orders where id > 3; refresh materialized view reporting.filled");
        kit.database.execute("insert into reporting.note values (1, 1, 5)");
        restored().exits(0).says("ok: Look at what depends on it: ", "view reporting.turnover", "trigger note_noted");
        assertEquals(before, kit.database.rows(WHAT_IS_OUTSIDE));
        assertEquals(factsBefore, kit.database.rows(facts));
        assertEquals("20|20|5", kit.database.one("select (select count(*) from sales.orders), (select orders from reporting.filled), (select stars from reporting.note)"));
        assertEquals("20", kit.database.one("select id from reporting.latest()"));

        // What is outside and is lost too comes back from the backup, which anybody can read with psql.
        assertEquals("outside.sql.zst", kit.manifest().getAsJsonObject("outside").get("name").getAsString());
        kit.database.execute("drop schema sales cascade; drop view if exists reporting.turnover cascade");
        kit.database.execute("create schema sales");
        restored().exits(0);
        assertEquals(before, kit.database.rows(WHAT_IS_OUTSIDE));
        assertEquals(factsBefore, kit.database.rows(facts));

        // Of a schema that a backup leaves out nothing is dropped.
        kit.run("backup-db", "--env", "staging", "--exclude-schema", "reporting", "--quiet").exits(0);
        restoredFrom(kit.sealed().get(1)).exits(0);
        assertEquals(before, kit.database.rows(WHAT_IS_OUTSIDE));
        assertEquals(factsBefore, kit.database.rows(facts));

        kit.database.execute("create function sales.newer() returns int language sql as 'select 1'; create view reporting.newest as select sales.newer()");
        restored().exits(10).says("reporting.newest", "sales.newer() does not exist", "nothing was committed");
        assertEquals("1", kit.database.one("select newer from reporting.newest"));
    }

    @Test void what_somebody_changes_outside_between_the_look_and_the_drop_is_not_made_again_as_it_was() throws Exception {
        kit.backedUp(TURNOVER, "--schema", "sales");
        try (var session = kit.database.connect(); var statement = session.createStatement()) {
            session.setAutoCommit(false);
            statement.execute("lock table public.busy in access exclusive mode"); // the safety backup waits for it
            var running = kit.start("restore-db", kit.sealed().get(0).replaceFirst(".*/(.*)/", "$1"), "--env", "staging", "--mode", "in-place").awaitSays("first a backup of what is there now");
            statement.execute("create or replace view reporting.turnover as select sum(cents) / 100 as cents from sales.orders");
            session.commit();
            running.result().exits(1).says("somebody has changed what depends on it", "nothing was committed");
        }
        assertEquals("1", kit.database.one("select count(*) from pg_views where viewname = 'turnover' and definition like '%100%'"));
    }

    @Test void a_backup_that_somebody_has_changed_executes_nothing_on_this_machine() {
        kit.backedUp(TURNOVER, "--schema", "sales");
        var proof = kit.home.resolve("executed");
        // Of the same length: each block says how long it is.
        kit.forgeOutside("sed -i 's|^CREATE VIEW reporting.turnover AS.*|\\\\! touch " + proof + "|; s/^-- handover [0-9]* bytes/-- handover 9999 bytes/' outside.sql; "
            + "length=$(sed '1,/^-- handover/d' outside.sql | wc -c); sed -i \"s/9999 bytes/$((length - 1)) bytes/\" outside.sql");
        restored().exits(10).says("view reporting.turnover, which is in no archive, can't be made again", "nothing was committed");
        assertFalse(java.nio.file.Files.exists(proof));
    }

    @Test void a_setting_of_the_database_or_of_an_archive_that_changes_what_text_means_changes_no_row_and_executes_nothing() {
        kit.database.execute("create table public.tag (names text[]); insert into public.tag values ('{red,NULL}'); create view public.empty as select 1 as one where null = null; create table \"Odd\" (id int); grant select on \"Odd\" to public;"
            + " create schema \"\\'\n\\! touch executed\n--\"; create table \"\\'\n\\! touch executed\n--\".t (id int)");
        var name = TestDatabase.quote(kit.database.name);
        TestDatabase.superuser("alter database " + name + " set quote_all_identifiers = on");
        kit.run("backup-db", "--env", "staging", "--quiet").exits(0);
        TestDatabase.superuser("alter database " + name + " reset quote_all_identifiers");
        for (var set : List.of("array_nulls = off", "transform_null_equals = on", "standard_conforming_strings = off", "datestyle = 'SQL, DMY'", "intervalstyle = 'iso_8601'")) TestDatabase.superuser("alter database " + name + " set " + set);
        for (var mode : List.of("in-place", "swap")) {
            kit.run("restore-db", "--env", "staging", "--mode", mode, "--no-safety-backup").exits(0);
            assertEquals("t|(NULL::text = NULL::text)", kit.database.one("select names[2] is null, substring(pg_get_viewdef('public.empty') from 'WHERE (.*);') from public.tag"), mode);
        }
        TestDatabase.superuser("alter database " + name + " reset all");
        kit.forgeArchive("zstd -q -d data-00.dump.zst; sed -i \"s/SET standard_conforming_strings = 'on'/SET standard_conforming_strings ='off'/\" data-00.dump");
        kit.run("restore-db", "--env", "staging", "--mode", "in-place", "--no-safety-backup").exits(0);
        assertFalse(java.nio.file.Files.exists(kit.home.resolve("executed")));
    }

    @Test void what_would_take_rows_along_that_no_backup_holds_is_refused_and_named() {
        kit.backedUp(TURNOVER, "--schema", "sales");
        kit.database.execute("create table reporting.visit_2025 partition of sales.visit for values from ('2025-01-01') to ('2026-01-01'); insert into sales.visit values ('2025-05-05');"
            + " create table reporting.ticket (id int, mood sales.mood); insert into reporting.ticket values (1, 'bad')");
        restored().exits(10).says("table reporting.visit_2025", "column mood of table reporting.ticket", "State: the database of 'staging' is as it was").neverShows("Begin a transaction");
        assertEquals("1|bad", kit.database.one("select (select count(*) from reporting.visit_2025), mood from reporting.ticket"));
        kit.database.execute("drop table reporting.visit_2025, reporting.ticket");
        kit.database.asSuperuser("create extension citext schema sales");
        restored().exits(10).says("extension citext", "ALTER EXTENSION citext SET SCHEMA");
        kit.database.asSuperuser("alter extension citext set schema public");
        restored().exits(0);
    }

    // --- rights

    @Test void rights_that_new_objects_get_in_the_target_do_not_widen_what_is_restored() {
        reader();
        kit.database.execute(SALES).execute("create table public.salary (cents int); create table public.price (cents int); grant select on public.price to reader; create sequence public.number");
        kit.run("backup-db", "--env", "staging", "--quiet").exits(0);
        kit.run("backup-db", "--env", "staging", "--schema", "sales", "--quiet").exits(0);
        kit.database.execute("alter default privileges grant all on tables to reader; alter default privileges grant all on sequences to reader; alter default privileges in schema public grant all on tables to reader;"
            + " alter default privileges revoke execute on functions from public; alter default privileges grant all on schemas to reader");
        var rights = "select coalesce(string_agg(relname || relacl::text, ' ' order by relname), '') from pg_class where relacl is not null and relnamespace in ('public'::regnamespace, 'sales'::regnamespace)";
        var defaults = "select defaclnamespace::regnamespace, defaclobjtype, defaclacl from pg_default_acl order by 1, 2";
        var before = kit.database.rows(defaults);
        restoredFrom(kit.sealed().get(1)).exits(0);
        assertEquals("", kit.database.one(rights).replaceAll("price\\{\\S+", ""));
        assertEquals(before, kit.database.rows(defaults), "what a part of a backup does not hold stays");
        restored().exits(0);
        assertEquals("price{tester=arwdDxt/tester,reader=r/tester}", kit.database.one(rights));
        assertEquals(List.of(), kit.database.rows(defaults), "a whole backup brings its own");
    }

    @Test void a_right_that_somebody_elses_event_trigger_gives_is_never_committed() {
        reader();
        kit.backedUp(TURNOVER, "--schema", "sales");
        kit.database.asSuperuser("create schema helpful; create function helpful.grant_all() returns event_trigger language plpgsql as 'begin if to_regclass(''sales.orders'') is not null then grant select on sales.orders to reader; end if; end';"
            + " create event trigger helpful on ddl_command_end when tag in ('CREATE TABLE') execute function helpful.grant_all(); grant all on schema helpful to public");
        kit.database.execute("delete from sales.orders");
        restored().exits(14).says("table sales.orders", "reader", "nothing was committed");
        assertEquals("f|0", kit.database.one("select has_table_privilege('reader', 'sales.orders', 'select'), (select count(*) from sales.orders)"));
    }

    // --- objects without a schema

    /** And rows of an extension's own table, as pg_cron's: some are the user's own, and a dump holds them. */
    @Test void what_is_in_no_schema_or_of_an_extension_is_replaced_too_and_not_added_twice() {
        asSuperuser();
        kit.database.asSuperuser(SALES + """
            ; create access method heap2 type table handler heap_tableam_handler; create table sales.other (id int) using heap2;
            create function sales.handler() returns language_handler language c as '$libdir/plpgsql', 'plpgsql_call_handler'; create language plpgsql2 handler sales.handler;
            create function sales.from_mood(sales.mood) returns int language sql as 'select 1'; create cast (sales.mood as int) with function sales.from_mood(sales.mood);
            create cast (point as text) with inout as assignment; create cast (jsonb as bytea) with inout as assignment; comment on cast (point as text) is 'our own';
            create function sales.from_sql(internal) returns internal language internal strict immutable as 'pg_lsn_recv';
            create foreign data wrapper fdw; create server far foreign data wrapper fdw; create user mapping for public server far options (password 'x'); create foreign table sales.far (id int) server far;
            create publication published for table sales.orders; create publication everything for all tables;
            create subscription subscribed connection 'host=127.0.0.1 port=1 dbname=nowhere' publication p with (connect = false, slot_name = 'their_slot');
            create function sales.ddl() returns event_trigger language plpgsql as 'begin end'; create event trigger watching on ddl_command_end execute function sales.ddl();
            select lo_from_bytea(0, 'large');
            alter default privileges grant select on tables to tester""");
        kit.database.asSuperuser("create schema jobs; create extension citext schema jobs; delete from pg_depend where classid = 'pg_extension'::regclass and refclassid = 'pg_namespace'::regclass;"
            + " update pg_extension set extnamespace = 'pg_catalog'::regnamespace where extname = 'citext'; create table jobs.job (id int primary key, command text); alter extension citext add schema jobs; alter extension citext add table jobs.job;"
            + " update pg_extension set extconfig = array['jobs.job'::regclass], extcondition = array['where id > 10'] where extname = 'citext';"
            + " insert into jobs.job values (1, 'the extension''s own'), (11, 'mail'), (12, 'tidy')");
        kit.run("backup-db", "--env", "staging", "--quiet").exits(0);
        kit.database.asSuperuser("update jobs.job set command = 'changed'; insert into jobs.job values (13, 'newer')");
        restored().exits(0);
        restored().exits(0).says("warning: subscription subscribed comes back disabled");
        assertEquals("20|1|2|1|1|1|1|2|1|1", kit.database.one("""
            select (select count(*) from sales.orders), (select count(*) from pg_am where amname = 'heap2'),
              (select count(*) from pg_cast where oid >= 16384 and castmethod = 'i'), (select count(*) from pg_cast where castsource = 'sales.mood'::regtype and casttarget = 'int'::regtype), (select count(*) from pg_language where lanname = 'plpgsql2'),
              (select count(*) from pg_foreign_server), (select count(*) from pg_user_mappings), (select count(*) from pg_publication),
              (select count(*) from pg_subscription where subdbid = (select oid from pg_database where datname = current_database()) and not subenabled and subslotname = 'their_slot'), (select count(*) from pg_largeobject_metadata)"""));
        assertEquals(List.of("1|changed", "11|mail", "12|tidy"), kit.database.rows("select * from jobs.job order by 1"));
        kit.database.asSuperuser("alter subscription subscribed set (slot_name = none)");
        kit.database.asSuperuser("drop subscription subscribed");
    }

    // --- psql, and the server's limits

    @Test void psql_that_ends_while_it_is_written_to_says_why() {
        kit.database.execute("do $$ begin for n in 1..400 loop execute format('create table t%s (id int)', to_char(n, 'fm000')); end loop; end $$; insert into t001 values (1)");
        kit.run("backup-db", "--env", "staging", "--quiet").exits(0);
        kit.forge(kit.sealed().get(0), "\"rows\": 1\n", "\"rows\": 2\n");
        restored().exits(14).says("public.t001 ", "the manifest says 2", "nothing was committed");
    }

    @Test void the_psql_of_the_servers_own_version_is_taken_and_settings_of_the_database_do_not_reach_it() throws Exception {
        kit.backedUp(TURNOVER);
        var old = java.nio.file.Files.createDirectory(kit.home.resolve("old"));
        java.nio.file.Files.writeString(old.resolve("psql"), "#!/bin/sh\n[ \"$1\" = --version ] && echo 'psql (PostgreSQL) 9.2.24' && exit\necho 'too old' >&2\nexit 2\n");
        old.resolve("psql").toFile().setExecutable(true);
        kit.with("PATH", old + ":" + kit.environment().get("PATH"));
        var name = TestDatabase.quote(kit.database.name);
        for (var set : List.of("default_transaction_read_only = on", "lock_timeout = '1s'", "idle_in_transaction_session_timeout = '1s'", "role = 'nobody_here'", "search_path = 'nowhere'", "default_transaction_isolation = 'serializable'"))
            TestDatabase.superuser("do $$ begin create role nobody_here; exception when duplicate_object then end $$; grant nobody_here to tester; alter database " + name + " set " + set);
        kit.database.asSuperuser("begin read write; set local role none; delete from sales.orders; commit");
        restored().exits(0);
        TestDatabase.superuser("alter database " + name + " reset all");
        assertEquals("20", kit.database.one("select count(*) from sales.orders"));
    }

    @Test void a_schema_that_is_too_big_for_the_servers_lock_table_is_refused_before_anything_is_dropped() {
        for (var batch = 0; batch < 4; batch++)
            kit.database.execute("do $$ begin for n in 1..120 loop execute format('create table t%s_%s (id int primary key, name text unique)', " + batch + ", n); end loop; end $$");
        kit.run("backup-db", "--env", "staging", "--quiet").exits(0);
        kit.run("restore-db", "--env", "staging", "--mode", "in-place").exits(78).says("locks", "max_locks_per_transaction", "State: the database of 'staging' is as it was").neverShows("first a backup of", "Begin a transaction");
        assertEquals("480", kit.database.one("select count(*) from pg_tables where schemaname = 'public'"));
    }

    // --- a part

    @Test void a_second_part_is_told_where_it_would_go_and_what_to_do() {
        kit.backedUp(TURNOVER);
        kit.database.execute("drop schema sales cascade");
        kit.run("restore-db", "--env", "staging", "--table", "sales.orders").exits(0);
        kit.run("restore-db", "--env", "staging", "--table", "sales.customer").exits(10)
            .says("schema 'sales' is not empty", "in the database of 'staging', " + TestDatabase.server() + "/" + kit.database.name + ", and in no other: ALTER SCHEMA \"sales\"", "in one run: --table sales.customer --table sales.orders");
    }
}
