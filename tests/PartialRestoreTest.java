//SOURCES ../scripts/restore/Partial.java

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import ops.Failure;
import org.junit.jupiter.api.Test;
import restore.Partial;

/** One schema or one table of a backup, beside what is there. */
class PartialRestoreTest {
    private static final String SHOP = """
        create table public.account (id int primary key, name text); insert into account values (1, 'ours');
        create schema shop; comment on schema shop is 'what we sell';
        create type shop.state as enum ('open', 'paid');
        create function shop.stamp() returns trigger language plpgsql as 'begin new.note = upper(new.note); return new; end';
        create table shop.customer (id serial primary key, account_id int references public.account);
        create table shop."order" (id serial primary key, customer_id int references shop.customer, state shop.state not null default 'open', note text);
        create index on shop."order" using gin (to_tsvector('english', note));
        create trigger stamp before insert on shop."order" for each row execute function shop.stamp();
        create view shop.open_order as select * from shop."order" where state = 'open';
        insert into shop.customer (account_id) select 1 from generate_series(1, 10);
        insert into shop."order" (customer_id, note) select 1 + n % 10, 'note ' || n from generate_series(1, 100) n;
        create table shop.visit (at date, n int) partition by range (at);
        create table shop.visit_2025 partition of shop.visit for values from ('2025-01-01') to ('2026-01-01');
        create table shop.visit_2026 partition of shop.visit for values from ('2026-01-01') to ('2027-01-01');
        create index on shop.visit (n);
        insert into shop.visit select date '2025-12-01' + n, n from generate_series(1, 60) n;
        create table public.visit (at date, n int) partition by range (at);
        create table public.visit_2025 partition of public.visit for values from ('2025-01-01') to ('2026-01-01');
        create table public.visit_2026 partition of public.visit for values from ('2026-01-01') to ('2027-01-01');
        create index on public.visit (n);
        insert into public.visit select * from shop.visit""";

    @Test void a_table_comes_back_with_all_that_is_its_own_and_what_it_needs_but_other_tables() {
        var kit = backedUp();
        kit.database.execute("drop schema shop cascade; insert into public.account values (2, 'newer')");
        kit.set("SMOKE_CANARY_ROW", "public.canary:id=1"); // which a part need not have
        kit.run("restore-db", "--env", "staging", "--table", "shop.order").exits(0).neverShows("canary").says("left out, since it needs more than this part: fk constraint order order_customer_id_fkey").prints("restored shop.order of ");
        assertEquals("t", kit.database.one("select reltuples = 100 from pg_class where oid = 'shop.order'::regclass"));
        assertEquals("100|NOTE 1", kit.database.one("select count(*), min(note) from shop.\"order\""));
        assertEquals("101|open|LAST", kit.database.one("insert into shop.\"order\" (note) values ('last') returning id, state, note"));
        assertEquals(List.of("order", "order_id_seq", "order_pkey", "order_to_tsvector_idx"), kit.database.rows("select relname from pg_class where relnamespace = 'shop'::regnamespace and relkind <> 'v' order by 1"));
        assertEquals("what we sell", kit.database.one("select obj_description('shop'::regnamespace)"));
        assertEquals("2", kit.database.one("select count(*) from public.account"));
    }

    @Test void a_schema_comes_back_whole_and_the_rest_stays_as_it_is() {
        var kit = backedUp();
        var before = kit.database.rows("select * from shop.\"order\" order by 1");
        kit.database.execute("drop schema shop cascade; create schema shop; insert into public.account values (2, 'newer')");
        kit.run("restore-db", "--env", "staging", "--schema", "shop").exits(0);
        assertEquals(before, kit.database.rows("select * from shop.\"order\" order by 1"));
        assertEquals("60|100", kit.database.one("select (select count(*) from shop.visit), (select count(*) from shop.open_order)"));
        assertEquals("2", kit.database.one("select count(*) from pg_constraint where contype = 'f' and conrelid in ('shop.order'::regclass, 'shop.customer'::regclass)"));
        assertEquals("2", kit.database.one("select count(*) from public.account"));
        assertEquals(1, kit.sealed().size(), "nothing is replaced, so no safety backup is needed");
    }

    @Test void partitions_come_with_their_table_and_public_is_made_as_in_a_new_database() {
        var kit = backedUp();
        kit.database.asSuperuser("alter schema public rename to before");
        kit.run("restore-db", "--env", "staging", "--table", "public.visit").exits(0).prints("restored public.visit, public.visit_2025, public.visit_2026 of ");
        assertEquals("60|30", kit.database.one("select (select count(*) from public.visit), (select count(*) from only public.visit_2026)"));
        assertEquals("3", kit.database.one("select count(*) from pg_indexes where schemaname = 'public'"));
        assertEquals("60", kit.database.one("select count(*) from before.visit"));
        assertEquals("pg_database_owner", kit.database.one("select nspowner::regrole from pg_namespace where nspname = 'public'"));
    }

    @Test void what_is_there_is_never_replaced() {
        var kit = backedUp();
        kit.run("restore-db", "--env", "staging", "--table", "shop.customer").exits(10).says("schema 'shop' is not empty", "a part of a backup never replaces anything", "customer", "in the database of 'staging', " + TestDatabase.server() + "/" + kit.database.name + ", and in no other: ALTER SCHEMA \"shop\" RENAME TO \"shop_before\"");
        kit.run("restore-db", "--env", "staging", "--schema", "public").exits(10).says("it has account");
        kit.database.execute("drop schema shop cascade; create schema shop; create domain shop.positive as int");
        kit.run("restore-db", "--env", "staging", "--schema", "shop").exits(10).says("it has positive");
        assertEquals("1", kit.database.one("select count(*) from public.account"));
    }

    @Test void what_fails_leaves_nothing() {
        var kit = backedUp();
        kit.database.execute("drop schema shop cascade; delete from public.account");
        kit.run("restore-db", "--env", "staging", "--schema", "shop").exits(12).says("customer_account_id_fkey", "nothing was committed");
        assertEquals("f", kit.database.one("select exists (select from pg_namespace where nspname = 'shop')"));
    }

    @Test void a_part_that_is_not_in_the_backup_is_answered_with_what_was_meant() {
        var kit = backedUp();
        kit.run("restore-db", "--env", "staging", "--table", "shop.custmer").exits(2).says("there is no table 'shop.custmer' in the backup", "did you mean shop.customer?");
        var contents = kit.contents();
        var bare = assertThrows(Failure.Usage.class, () -> new Partial(contents, List.of(), List.of("customer")));
        assertTrue(bare.hint.contains("a table's has its schema; there are: public.account, public.visit, public.visit_2025, public.visit_2026, shop.customer"), bare.hint);
        var misspelt = assertThrows(Failure.Usage.class, () -> new Partial(contents, List.of("shoop"), List.of()));
        assertTrue(misspelt.hint.contains("did you mean shop?"), misspelt.hint);
        kit.run("restore-db", "--env", "staging", "--schema", "shop", "--mode", "swap").exits(2).says("--mode swap exchanges the whole database");
    }

    @Test void a_dry_run_names_the_part_and_changes_nothing() {
        var kit = backedUp();
        kit.database.execute("drop schema shop cascade");
        var said = kit.run("restore-db", "--env", "staging", "--schema", "shop", "--dry-run").exits(0).says("ok: Find the part of it: shop.customer, shop.order, shop.visit, shop.visit_2025, shop.visit_2026", "would have empty schemas: shop").err();
        assertFalse(said.contains("would drop"), said);
        assertEquals("f", kit.database.one("select exists (select from pg_namespace where nspname = 'shop')"));
    }

    private static Kit backedUp() { return Stack.kit().backedUp(SHOP); }
}
