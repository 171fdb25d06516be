//SOURCES ../scripts/rows/Table.java
//SOURCES ../scripts/rows/Target.java
//SOURCES ../scripts/rows/Trigger.java
//SOURCES ../scripts/rows/Writable.java

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import ops.Database;
import ops.DatabaseUrl;
import ops.Failure;
import org.junit.jupiter.api.Test;
import rows.Condition;
import rows.Target;
import rows.Writable;

/** Rows come back from a backup: those that are missing, with what belongs to them, and nothing else changes. */
class RowsTest {
    /** Of everything that is not easy, one. */
    private static final String SHOP = """
        create schema shop;
        create type shop.state as enum ('open', 'paid');
        create domain shop.cents as int check (value >= 0);
        create table shop.customer (id int generated always as identity primary key, email text not null unique,
            best_order int);
        create table shop."order" (id bigserial primary key,
            customer_id int not null references shop.customer on delete cascade,
            state shop.state not null default 'open', price shop.cents not null,
            tax numeric generated always as (price * 0.2) stored, note text,
            changed timestamptz not null default '2026-11-01 12:00+01', "Été ?" text[]);
        alter table shop.customer add foreign key (best_order) references shop."order" deferrable initially deferred;
        create table shop.line (order_id bigint not null references shop."order" on delete cascade, what text not null,
            number int not null, part_of text);
        create table shop.message (id int primary key, order_id bigint references shop."order" on delete set null,
            text text);
        create table shop.visit (id int, at date, order_id bigint references shop."order" on delete cascade,
            primary key (at, id)) partition by range (at);
        create table shop.visit_2025 partition of shop.visit for values from ('2025-01-01') to ('2026-01-01')
            partition by range (at);
        create table shop.visit_autumn partition of shop.visit_2025 for values from ('2025-01-01') to ('2025-12-10');
        create table shop.visit_winter partition of shop.visit_2025 for values from ('2025-12-10') to ('2026-01-01');
        create table shop.visit_2026 (at date not null, order_id bigint, id int not null);
        alter table shop.visit attach partition shop.visit_2026 for values from ('2026-01-01') to ('2027-01-01');
        create table shop.event (at timestamptz, code char(4), state shop.state,
            order_id bigint not null references shop."order" on delete cascade,
            x xml, i interval, f float8, b bytea, j json, m money, t regtype, n numeric(8,3),
            primary key (at, code, state));
        create table shop.log (text text);
        create function shop.stamp() returns trigger language plpgsql as $$ begin
            insert into shop.log values (tg_op || ' ' || new.id);
            new.note = 'stamped';
            return new;
        end $$;
        insert into shop.customer (email) select 'c' || n || '@example.com' from generate_series(1, 10) n;
        insert into shop."order" (customer_id, state, price, note, "Été ?")
            select 1 + n % 10, case n % 2 when 0 then 'open' else 'paid' end::shop.state, n * 100,
                E'tab\\t\\\\ line\\n' || n, array['a,b', null, '"'] from generate_series(1, 50) n;
        create trigger stamp before insert or update on shop."order" for each row execute function shop.stamp();
        alter table shop."order" enable always trigger stamp;
        insert into shop.line select 1 + n % 50, 'thing ' || n, n from generate_series(1, 150) n;
        insert into shop.line values (42, 'twice', 1), (42, 'twice', 1);
        insert into shop.message select n, 1 + n % 50, 'm' || n from generate_series(1, 100) n;
        insert into shop.visit select n, date '2025-12-01' + n, 1 + n % 50 from generate_series(1, 60) n;
        insert into shop.event select '2026-03-29 02:30+01', n, 'paid', n, xmlparse(content '<a>1</a>b'),
            '1 day -02:00', 1e-300 * n, '\\x0001ff', '{"a" : 1}', 12.34, 'shop.state', 1.50
            from generate_series(40, 44) n;
        update shop.customer set best_order = 42 where id = 3;
        """;
    private static final List<String> TABLES = List.of("customer", "order", "line", "message", "visit", "event", "log");

    @Test void an_order_comes_back_with_all_that_was_its_own_and_its_customer_and_nothing_else_changes()
        throws Exception {
        var kit = Stack.kit().backedUp(SHOP);
        var before = state(kit);
        var triggers = kit.database.rows("select tgname, tgenabled from pg_trigger where not tgisinternal");
        // The customer and with him his orders, among them 42 with its lines and visits; two messages lose what they
        // pointed to.
        kit.database.execute("delete from shop.customer where id = 3");
        kit.database.execute("alter sequence shop.order_id_seq restart with 10");
        var deleted = state(kit);

        var dry = kit.run("rows", "--env", "staging", "--table", "shop.order", "--where", "id = 42 and state = 'open'",
            "--dry-run").exits(0);
        dry.says("1 of shop.order chosen; missing: 1 row of shop.order, 1 row of shop.customer, 5 rows of shop.line, "
            + "1 row of shop.visit, 1 row of shop.event", "these triggers will not run: stamp of shop.order",
            "would put them back: 1 row of shop.order",
            "2 rows of shop.message pointed at them in the backup, and do not now");
        assertEquals(deleted, state(kit));
        kit.withDrillServer();

        kit.run("rows", "--env", "staging", "--table", "shop.order", "--where", "id = 42 and state = 'open'").exits(0)
            .says("ok: Compare: rows as in the backup; nothing else has changed in any table")
            .prints("1 row into shop.order, 1 row into shop.customer, 5 rows into shop.line, 1 row into shop.visit, "
                + "1 row into shop.event, from backup ");
        assertEquals(before.get("order").stream().filter(row -> row.startsWith("(42,")).toList(),
            state(kit).get("order").stream().filter(row -> row.startsWith("(42,")).toList());
        assertEquals(deleted.get("order").size() + 1, state(kit).get("order").size());
        assertEquals(deleted.get("message"), state(kit).get("message"));
        assertEquals(triggers, kit.database.rows("select tgname, tgenabled from pg_trigger where not tgisinternal"));
        assertEquals("43", kit.database.one("select nextval('shop.order_id_seq')"), "a number is given once");

        // The rest of what is missing; then what has been changed, too.
        kit.run("rows", "--env", "staging", "--table", "shop.order", "--missing").exits(0)
            .prints("4 rows into shop.order");
        assertEquals(before.get("line"), state(kit).get("line"));
        assertEquals(before.get("visit"), state(kit).get("visit"));
        kit.run("rows", "--env", "staging", "--table", "shop.order", "--missing").exits(0)
            .prints("nothing is missing: 50 of shop.order in backup");
        kit.run("rows", "--env", "staging", "--table", "shop.message", "--where", "order_id % 10 = 2", "--overwrite")
            .exits(0).says("first a backup of what is there now").prints("10 rows of shop.message overwritten, from ");
        assertEquals(before, state(kit));
        var restored = kit.history().stream()
            .filter(record -> record.get("script").getAsString().equals("rows") && record.has("rows")).toList();
        assertEquals("{\"shop.order\":1,\"shop.customer\":1,\"shop.line\":5,\"shop.visit\":1,\"shop.event\":1}",
            restored.get(0).get("rows").toString());
    }

    @Test void what_can_not_be_put_back_is_said_before_anything_changes() {
        var kit = Stack.kit().backedUp(SHOP).withDrillServer();
        var role = Stack.next("clerk_");
        kit.database.asSuperuser("create role " + role
            + " login password 'clerk-Passw0rd'; grant usage on schema shop to " + role
            + "; grant all on all tables in schema shop to " + role
            + "; delete from shop.customer where id = 4; insert into shop.customer (email) values ('c4@example.com')");
        var before = state(kit);
        try {
            rows(kit, "shop.order").exits(2).says("which rows of shop.order?", "--missing for all that are missing");
            rows(kit, "shop.line", "--missing").exits(10).says("shop.line has no primary key");
            rows(kit, "shop.order", "--where", "id = 4711").exits(1)
                .says("no row of shop.order in backup ", "is what --where says", "./jbang backups list --env staging");
            rows(kit, "shop.event", "--where", "id = 1 or what = 0").exits(2).says("column \"id\" does not exist");
            rows(kit, "shop.order", "--where", "pg_read_file('/etc/passwd') <> ''").exits(2)
                .says("permission denied for function pg_read_file");
            kit.put(kit.sealed().get(0) + "drill-20260101T000000Z.json", "{}");
            var id = kit.sealed().get(0).replaceFirst(".*/(.+)/$", "$1");
            kit.run("rows", id, "--env", "staging", "--table", "shop.customer", "--missing").exits(14)
                .says("is known to be broken: drill-20260101T000000Z.json can't be read",
                    "by its id: ./jbang rows " + id + " --env staging --table shop.customer … --although-broken");
            kit.run("rows", id, "--env", "staging", "--table", "shop.customer", "--where", "id = 4", "--although-broken")
                .exits(12).says("warning: backup " + id + " is known to be broken",
                    "duplicate key value violates unique constraint", "customer_email_key",
                    "another row has taken that value since", "State: the database of 'staging' is as it was");
            assertEquals(before, state(kit));

            refuses(kit, "shop.ordr", 2, "did you mean shop.order?");
            refuses(kit, "shop.visit_2026", 2, "is a partition of shop.visit", "--table shop.visit");
            kit.database.execute("alter table shop.message enable row level security, force row level security; "
                + "create rule quiet as on insert to shop.visit do also nothing");
            refuses(kit, "shop.visit", 10, "rules of shop.visit would rewrite what is written to it: quiet");
            refuses(kit, "shop.message", 78, "policies of shop.message decide which of its rows role tester sees");
            kit.set("STAGING_DATABASE_URL", kit.database.url(role, "clerk-Passw0rd"));
            refuses(kit, "shop.order", 78, "role " + role
                + " is not the owner of shop.order, and can't keep its triggers from running: [stamp of shop.order]",
                "--fire-triggers");
        } finally {
            kit.database.asSuperuser("drop owned by " + role + "; drop role " + role);
        }
    }

    /** By the look at the tables, in this process. */
    private static void refuses(Kit kit, String table, int exit, String... words) {
        var settings = kit.settings();
        try (var session = Database.connect(DatabaseUrl.of(settings), settings, "a look at tables")) {
            var refused = assertThrows(Failure.class, () ->
                Writable.check(session, settings, new Target(session, settings).table(table), false, false), table);
            assertEquals(exit, refused.exit.code, refused::toString);
            for (var each : words) assertTrue((refused.getMessage() + " " + refused.hint).contains(each), refused::toString);
        }
    }

    /** Each of these has been changed since, or is just being changed by somebody else. */
    @Test void what_is_otherwise_now_is_not_taken_for_what_was_backed_up_and_nothing_comes_twice() throws Exception {
        var kit = Stack.kit().withDrillServer().backedUp("""
            create table kind (name text primary key, price int);
            create function known(text) returns boolean language sql
                as $$ select exists (select from kind where name = $1) $$;
            create domain ticket_id as int;
            create sequence ticket_number;
            create table ticket (id ticket_id primary key default nextval('ticket_number'), at timestamp,
                exact timestamptz, kind text not null check (known(kind)));
            create table remark (ticket_id int references ticket on delete set null, text text);
            create table seat (ticket_id int not null references ticket on delete cascade, number int);
            create table reading (at date, n int, primary key (at, n)) partition by range (at);
            create table reading_2025 partition of reading for values from ('2025-01-01') to ('2026-01-01');
            create table reading_2026 (at date not null, n int not null);
            create table dear () inherits (kind);
            insert into kind values ('a', 1), ('b', 2);
            insert into dear values ('b', 3);
            insert into ticket select n, '2026-03-29 02:30', '2026-03-29 12:00:00.4+02', 'a' from generate_series(1, 3) n;
            insert into remark values (2, 'two'), (3, 'three');
            insert into seat values (2, 20), (3, 30), (3, 30);
            insert into reading values ('2025-12-31', 1);
            insert into reading_2026 values ('2026-01-01', 2), ('2026-01-02', 3);
            """);
        kit.database.execute("""
            delete from ticket where id = 3;
            alter table ticket alter at type timestamptz, alter exact type timestamptz(0);
            alter table reading attach partition reading_2026 for values from ('2026-01-01') to ('2027-01-01');
            delete from reading where n = 3;
            delete from only kind where name = 'b';
            """);
        rows(kit, "public.ticket", "--missing").exits(0)
            .says("1 row of public.remark pointed at them in the backup, and public.remark has no key: nobody can tell",
                "1 value of public.ticket, column at, not as in the backup: its type is timestamp with time zone now, "
                    + "and what has no offset there was read in time zone",
                "1 value of public.ticket, column exact, not as in the backup: its type is timestamp(0) with time zone")
            .prints("1 row into public.ticket, 2 rows into public.seat, from backup ");
        assertEquals(List.of("two"), kit.database.rows("select text from remark where ticket_id is not null"));
        assertEquals("4", kit.database.one("select nextval('ticket_number')"), "a number is given once");
        rows(kit, "public.reading", "--missing").exits(0).prints("1 row into public.reading, from backup ");
        assertEquals("3", kit.database.one("select count(*) from reading"));
        rows(kit, "public.kind", "--missing").exits(0).prints("1 row into public.kind, from backup ");

        // A trigger finds its own table without a schema, as in any application; and it may refuse.
        kit.database.execute("""
            create table heard (id int);
            create function hear() returns trigger language plpgsql as $$ begin
                insert into heard values (new.id);
                return case when new.id = 3 then null else new end;
            end $$;
            create trigger hear before insert on ticket for each row execute function hear();
            update remark set ticket_id = null;
            delete from ticket where id > 1;
            """);
        rows(kit, "public.ticket", "--where", "id = 2", "--fire-triggers").exits(0)
            .says("triggers have changed more: public.heard (1 inserted, 0 updated, 0 deleted)");
        rows(kit, "public.ticket", "--where", "id = 3", "--fire-triggers").exits(1)
            .says("1 row of public.ticket would not come back: a trigger keeps them out", "nothing was committed");

        kit.database.execute("drop trigger hear on ticket");
        try (var other = kit.database.connect(); var statement = other.createStatement()) {
            other.setAutoCommit(false);
            statement.execute("insert into ticket values (3, null, null, 'a'); insert into seat values (3, 30)");
            var second = kit.start("rows", "--env", "staging", "--table", "public.ticket", "--missing");
            awaitsLock(kit, second);
            other.commit();
            second.result().exits(1).says("public.seat has 1 row pointing to rows of public.ticket that were missing");
            assertEquals("2", kit.database.one("select count(*) from seat"));

            statement.execute("update kind set price = 3 where name = 'b'");
            var overwriting = kit.start("rows", "--env", "staging", "--table", "public.kind", "--where", "true",
                "--overwrite");
            awaitsLock(kit, overwriting);
            other.commit();
            overwriting.result().exits(1)
                .says("1 row of public.kind that would be overwritten was changed while the safety backup was made");
            assertEquals("3", kit.database.one("select price from only kind where name = 'b'"));
        }
    }

    @Test void what_can_not_be_told_by_how_a_value_is_written_is_refused_or_left_as_it_is() {
        var kit = Stack.kit().withDrillServer().backedUp("""
            create extension citext;
            create table person (name citext primary key);
            create table pet (id int primary key, person citext references person on delete cascade);
            create table account (name citext primary key);
            create table entry (account citext references account, text text);
            create table card (id int primary key, account citext references account on delete cascade);
            insert into person values ('Bob');
            insert into pet values (1, 'BOB');
            insert into account values ('Ann');
            insert into entry values ('Ann', 'paid');
            insert into card values (1, 'Ann');
            """);
        kit.database.execute("delete from person; update entry set account = null; delete from account");
        rows(kit, "public.person", "--missing").exits(10)
            .says("1 row of public.pet points to rows of public.person that are written otherwise (person): "
                + "nobody can tell here whether these are missing", "State: the database of 'staging' is as it was");
        rows(kit, "public.account", "--missing").exits(0)
            .says("1 row of public.entry pointed at them in the backup, and public.entry has no key: nobody can tell")
            .prints("1 row into public.account, 1 row into public.card, from backup ");
        assertEquals("1", kit.database.one("select count(*) from entry"), "it is still there, and comes not twice");
    }

    private static void awaitsLock(Kit kit, Kit.Running running) {
        var waiting = "select count(*) from pg_stat_activity where datname = '" + kit.database.name
            + "' and application_name like 'handover rows%' and wait_event_type = 'Lock'";
        Patience.until(() -> kit.database.one(waiting).equals("1"), () -> "never waited\n" + running.saidSoFar());
    }

    @Test void a_condition_is_one_expression_whatever_it_says() {
        for (var good : List.of("id = 42", "name = 'it''s; -- (' and \"a;b(\" > 1", "path like '%\\' or (id in (1, 2))",
            "data @> '{\"a\": 1}' and tags ? 'x'", "b = B'1' and n = N'e'"))
            assertEquals(good, Condition.checked(good));
        for (var bad : List.of("", " ", "true; drop table x", "true) or (true", "(true", "true -- all", "true /* all",
            "'open", "\"open", "x = $$a$$", "x = $1", "x = e'\\'; drop table y --'", "E'\\''=''"))
            assertThrows(Failure.Usage.class, () -> Condition.checked(bad), bad);
        assertTrue(assertThrows(Failure.Usage.class, () -> Condition.checked("true) or (true")).getMessage()
            .contains("closes a parenthesis that it has not opened"));
    }

    @Test void killed_in_the_middle_nothing_has_changed_and_the_next_run_puts_all_of_it_back() throws Exception {
        var kit = Stack.kit().backedUp(SHOP).withDrillServer();
        var before = state(kit);
        kit.database.execute("delete from shop.customer where id = 3");
        kit.database.execute("alter table shop.event alter n type numeric(8,1)");
        var deleted = state(kit);
        try (var other = kit.database.connect(); var statement = other.createStatement()) {
            other.setAutoCommit(false);
            statement.execute("lock table shop.line in share mode"); // whoever inserts waits
            var running = kit.start("rows", "--env", "staging", "--table", "shop.customer", "--missing");
            awaitsLock(kit, running);
            running.signal("KILL").result();
            other.rollback();
            Patience.until(() -> kit.database.one("select count(*) from pg_stat_activity where datname = '"
                + kit.database.name + "' and application_name like 'handover rows%'").equals("0"),
                () -> "its sessions stay");
        }
        assertEquals(deleted, state(kit));
        rows(kit, "shop.customer", "--missing", "--fire-triggers").exits(0)
            .says("these triggers will run: stamp of shop.order",
            "5 rows of shop.order would not be as in the backup: its triggers have changed them",
            "1 value of shop.event, column n, not as in the backup: its type is numeric(8,1) now",
            "ok: Compare: triggers have changed more: shop.log (5 inserted, 0 updated, 0 deleted)");
        var after = state(kit);
        assertEquals(List.of("1.5|5"), kit.database.rows("select n, count(*) from shop.event group by n"));
        for (var table : List.of("customer", "line", "visit"))
            assertEquals(before.get(table), after.get(table));
        assertEquals(List.of("5"), kit.database.rows("select count(*) from shop.\"order\" where note = 'stamped'"));
    }

    /** A superuser looks at what others have made, with traps in it; and the archive is not what it was. */
    @Test void nothing_of_theirs_is_called_by_a_look_and_no_statement_of_a_backup_is_executed() throws Exception {
        var kit = Stack.kit().withDrillServer();
        var trace = Path.of("/tmp", Stack.next("rows"));
        kit.set("STAGING_DATABASE_URL", Stack.up().setting("LOCAL_SUPERUSER_URL")
            .replaceFirst("/[^/?]*$", "/" + kit.database.name));
        kit.database.execute("""
            create schema "s""; drop";
            create sequence calls;
            create function trap(n int) returns int language plpgsql immutable as $$ begin
                if (select rolsuper from pg_roles where rolname = current_user) then
                    perform nextval('public.calls');
                end if;
                return n;
            end $$;
            create function trigger_trap() returns trigger language plpgsql as $$ begin
                perform public.trap(1);
                return new;
            end $$;
            create table "s""; drop"."t'x" (id int primary key, "a""b) from stdin; --" int check (public.trap(id) > 0),
                twice int generated always as (public.trap(id) * 2) stored);
            create index on "s""; drop"."t'x" ((public.trap(id) + public.trap(0)));
            create trigger trap after insert on "s""; drop"."t'x" for each row execute function trigger_trap();
            create table "s""; drop".child (id int primary key, "to" int references "s""; drop"."t'x", %s int);
            insert into "s""; drop"."t'x" select n, n from generate_series(1, 9) n;
            insert into "s""; drop".child select n, n, n from generate_series(1, 9) n;
            """.formatted("a".repeat(60)));
        kit.run("backup-db", "--env", "staging").exits(0);
        kit.database.execute(
            "delete from \"s\"\"; drop\".child where id = 4; delete from \"s\"\"; drop\".\"t'x\" where id = 4");
        var calls = "select last_value, is_called from calls";
        var before = kit.database.one(calls);
        rows(kit, "\"s\"\"; drop\".\"t'x\"", "--where", "\"a\"\"b) from stdin; --\" = 4", "--dry-run").exits(0)
            .says("missing: 1 row of \"s\"\"; drop\".\"t'x\", 1 row of \"s\"\"; drop\".\"child\"");
        assertEquals(before, kit.database.one(calls));

        var statement = "\"to\", " + "a".repeat(60) + ") FROM stdin;";
        kit.forgeArchive("zstd -q -d data-00.dump.zst; LC_ALL=C sed -i 's#" + statement + "#"
            + ("\"to\") FROM PROGRAM $$touch " + trace + "$$ --") + " ".repeat(67 - 32 - trace.toString().length())
            + " FROM stdin;#' data-00.dump");
        rows(kit, "\"s\"\"; drop\".\"t'x\"", "--missing").exits(14)
            .says("the backup does not say which columns its rows of ");
        assertFalse(Files.exists(trace));
        assertEquals(before, kit.database.one(calls));
    }

    @Test void a_protected_environment_asks_for_its_name_and_is_known_by_any_other() {
        var database = TestDatabase.sample(Stack.next("dealer_"));
        var kit = Stack.bareKit().withDrillServer();
        var url = Stack.up().setting("LOCAL_DATABASE_URL").replaceFirst("/[^/?]*$", "/" + database.name);
        kit.database = database;
        kit.set("PRODUCTION_DATABASE_URL", url);
        kit.run("backup-db", "--env", "production").exits(0);
        // Identities generated always, generated columns, domains, enums, ranges, policies, a circle of tables.
        var tables = List.of("branches", "employees", "customers", "addresses", "quotes", "quote_lines", "invoices",
            "invoice_lines", "payments", "appointments", "messages");
        var before = tables.stream().map(table ->
            database.one("select md5(string_agg(t::text, '' order by t::text)) from " + table + " t")).toList();
        database.asSuperuser("""
            set session_replication_role = replica;
            delete from payments where invoice_id in (select id from invoices where customer_id = 7);
            delete from invoice_lines where invoice_id in (select id from invoices where customer_id = 7);
            delete from invoices where customer_id = 7;
            delete from quote_lines where quote_id in (select id from quotes where customer_id = 7);
            delete from quotes where customer_id = 7;
            delete from addresses where customer_id = 7;
            delete from appointments where customer_id = 7;
            delete from messages where customer_id = 7;
            delete from customers where id = 7;
            delete from branches where id = 2;
            delete from employees where id = 6""");
        rows(kit, "public.customers", "production", "--where", "id = 7").exits(10)
            .says("this needs a person at a terminal", "State: the database of 'production' is as it was");
        rows(kit, "public.customers", "production", "--where", "id = 7", "--confirm", "production").exits(0)
            .says("'production' was given", "rows as in the backup; nothing else has changed in any table");
        rows(kit, "public.branches", "production", "--where", "true", "--confirm", "production").exits(0);
        assertEquals(before, tables.stream()
            .map(table -> database.one("select md5(string_agg(t::text, '' order by t::text)) from " + table + " t"))
            .toList());
        kit.set("STAGING_DATABASE_URL", url);
        rows(kit, "public.customers", "--missing").exits(10)
            .says("'staging' points at ", "of the protected environment 'production'");
    }

    private static Kit.Result rows(Kit kit, String table, String... options) {
        var isProduction = options.length > 0 && options[0].equals("production");
        var env = isProduction ? "production" : "staging";
        var command = new ArrayList<>(List.of("rows", "--env", env, "--table", table));
        command.addAll(List.of(options).subList(isProduction ? 1 : 0, options.length));
        return kit.run(command.toArray(String[]::new));
    }

    /** What each table has, but for what it computes itself. */
    private static Map<String, List<String>> state(Kit kit) {
        var state = new TreeMap<String, List<String>>();
        for (var table : TABLES) state.put(table,
            kit.database.rows("select t::text from shop.\"" + table + "\" t order by 1"));
        return state;
    }
}
