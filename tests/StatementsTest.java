package migrations;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What is read in a migration without any server: where its statements end, and which of them are dangerous. */
class StatementsTest {
    private static final Tables TABLES = new Tables(Map.of("public.orders", 2_000_000_000L, "shop.Odd Name", 5L, "public.totals", 0L), List.of("public"), "public", List.of());

    @Test void statements_end_where_they_do_for_the_server() {
        assertEquals(List.of("a", "b", "c"), split("a;;\n ;b; c"));
        for (var one : List.of("select 'a;''b;'", "select E'it\\'s;'", "select $$a;$x$;$$", "select $x$ $$;$x$", "select \"a;\"\"b\"", "-- a;\nselect 1", "/* a; /* b; */ c; */ select 1", "create rule r as on insert to t do also ((a); (b;c))",
            "create function f() returns int begin atomic select case when a then 'end;' else $$end;$$ end; select b as end; -- end;\n select appended; end", "select a$b$, 1 as x$y"))
            assertEquals(List.of(one, "select 2"), split(one + ";\nselect 2;\n"), one);
        assertEquals(List.of("select 'never closed; "+ "select 2"), split("select 'never closed; select 2"));
        assertEquals(List.of("-- first\nselect 1", "-- last; and only"), split("-- first\nselect 1;\n-- last; and only\n"));
        assertEquals(List.of(), split(" ;\n; \ufeff"));
    }

    @Test void a_place_is_a_line_of_the_file() {
        var second = Statements.of("select 1;\n\n-- why\nselect é,\n  nope;").get(1);
        assertEquals(4, second.line());
        assertEquals(4, second.lineAt(0));
        assertEquals(5, second.lineAt("-- why\nselect é,\n  n".length()));
        assertEquals("SELECT É, NOPE", second.words());
    }

    @Test void only_blanks_and_comments_may_change_afterwards() {
        assertEquals(essence("create table t (a int, b text default 'x y')"), essence("/* new */ create  table t (\n a int, -- why\n b text default 'x y' ) ;"));
        for (var other : List.of("create table t (a int, b text default 'x  y')", "create table t (a int, b text default 'X y')", "create table t (a int)"))
            assertTrue(!essence(other).equals(essence("create table t (a int, b text default 'x y')")), other);
    }

    @ParameterizedTest @CsvSource(delimiter = '|', quoteCharacter = '`', value = {
        "drop table if exists orders | ! drops table orders (2.00 GB)",
        "alter table only public.orders add a int, drop column if exists \"Note\" cascade | ! drops column \"Note\" of public.orders",
        "alter table orders drop note | ! drops column note of orders",
        "alter table orders drop constraint x | ",
        "drop schema shop cascade | ! drops a schema",
        "drop view totals cascade | ! drops view totals; ! drops, with CASCADE, whatever",
        "drop function f(int) | ! drops what live code may use",
        "truncate orders, totals | ! empties orders; ! empties totals",
        "delete from orders | ! deletes every row of orders",
        "delete from orders where id in (select 1) | ",
        "update orders o set a = 1 | ! changes every row of orders",
        "update orders set a = 1 where b | ",
        "alter table orders rename column a to b | ! renames orders, or a part of it",
        "alter table orders rename to bills | ! renames orders",
        "alter table shop.\"Odd Name\" alter column a set data type bigint using a::bigint | ! changes the type of a of shop.\"Odd Name\"",
        "alter table orders add column a int not null | ! adds column a to orders, NOT NULL and without a default",
        "alter table orders add a int not null default 1 | ",
        "alter table orders add a int default 1 not null | ",
        "alter table orders disable row level security | ! lets everybody with rights on orders",
        "alter table orders add column id uuid default gen_random_uuid() | adds column id with another value in each row: that rewrites orders (2.00 GB)",
        "alter table orders add column at timestamptz default now() | ",
        "alter table orders add n serial | adds column n with another value in each row",
        "alter table orders set logged | rewrites orders",
        "vacuum full orders | rewrites tables",
        "cluster orders using x | rewrites tables",
        "create unique index if not exists x on public.orders using btree (a) | builds an index on public.orders (2.00 GB)",
        "create index on orders(a) | builds an index on orders",
        "create index concurrently x on orders (a) | ",
        "alter table orders add constraint x foreign key (a) references b | adds a foreign key to orders",
        "alter table orders add constraint x foreign key (a) references b not valid | ",
        "alter table orders add check (a > 0) | adds a check to orders",
        "alter table orders add constraint x check (a > 0) not valid | ",
        "alter table orders alter a set not null | makes a of orders (2.00 GB) NOT NULL",
        "alter table orders add constraint x unique (a) | builds an index on orders",
        "alter table orders add primary key using index x | ",
        "refresh materialized view totals | fills totals",
        "refresh materialized view concurrently totals | ",
        "lock table orders in exclusive mode | locks orders",
        "drop index x | drops an index under a lock",
        "reindex table orders | builds indexes under a lock",
        "drop table if exists tmp_gone, orders cascade | ! drops table orders",
        "truncate table tnew, only shop.\"Odd Name\" * restart identity cascade"
            + " | ! empties shop.\"Odd Name\"; ! empties, with CASCADE, whatever refers",
        "drop view brand_new, totals | ! drops view totals",
        "lock table brand_new, orders in exclusive mode | locks orders",
        "update orders set a = (select b from c where c.d = 1) | ! changes every row of orders",
        "delete from orders using (select 1 where true) x | ! deletes every row of orders",
        "with gone as (delete from orders where a returning *) select 1 | ! deletes rows of orders",
        "with x as (select 1) delete from orders | ! deletes rows of orders",
        "with x as (select 1) update orders set a = 1 where b | ! changes rows of orders",
        "merge into orders using b on true when matched then delete | ! changes or deletes rows of orders",
        "alter table orders detach partition orders_1 | ! takes the rows of a partition out of orders",
        "do $$ begin execute 'drop table orders'; end $$ | ! runs code that is not looked into",
        "do $$ begin delete from orders; end $$ | ! runs code that is not looked into",
        "do $$ begin create type mood as enum ('a'); end $$ | runs code that is not looked into",
        "/* drop table orders; */ select 'drop table orders' | ",
        "alter table brand_new drop column a | ",
        "create index x on brand_new (a) | "})
    void dangerous_statements_are_named(String sql, String expected) {
        var found = Lint.of(List.of(new MigrationFile("1_x.sql", "1", "x", Statements.of(sql))), TABLES);
        var wanted = expected == null ? List.<String>of() : List.of(expected.split("; "));
        assertEquals(wanted.size(), found.size(), found::toString);
        for (var i = 0; i < wanted.size(); i++) {
            assertTrue(found.get(i).what().startsWith(wanted.get(i).replace("! ", "")), found::toString);
            assertEquals(wanted.get(i).startsWith("! "), found.get(i).destructive(), found::toString);
        }
    }

    /** ⏎ stands for the end of a line. */
    @ParameterizedTest @CsvSource(delimiter = '|', quoteCharacter = '`', value = {
        "Prisma | 20260101000000_init/migration.sql | create table a ()",
        "Prisma | migration_lock.toml | provider",
        "Drizzle | meta/0000_snapshot.json | {}",
        "Drizzle | 20260101000000_init/snapshot.json | {}",
        " | meta/20260101000000_snapshot.json | {}",
        " | 20260101000000_a.sql | create table a ();⏎--> statement-breakpoint",
        "Flyway | V1__init.sql | select 1",
        "Flyway | sub/R__views.sql | select 1",
        "Flyway | U1.2__init.sql | select 1",
        "dbmate | 1_a.sql | -- migrate:up⏎select 1",
        "goose | 1_a.sql | -- +goose Up⏎select 1",
        "sql-migrate | 1_a.sql | -- +migrate Up",
        "node-pg-migrate | 1_a.sql | select 1;⏎  -- Down Migration⏎drop table a",
        "tern | 1_a.sql | select 1;⏎---- create above / drop below ----⏎select 2",
        "MyBatis Migrations | 1_a.sql | -- // first⏎select 1;⏎-- //@UNDO⏎select 2",
        "Liquibase | 1_a.sql | --liquibase formatted sql",
        "Liquibase | changes.xml | <databaseChangeLog xmlns=''>",
        "Liquibase | changes.yaml | databaseChangeLog:",
        "Sqitch | sqitch.plan | x",
        "Sqitch | deploy/a.sql | -- Deploy shop:a to pg",
        " | atlas.sum | h1:",
        "golang-migrate or sqlx | 1_a.up.sql | select 1",
        "golang-migrate or sqlx | 1_a.down.sql | select 1",
        "Diesel or Hasura | 2026-01-01-000000_first/up.sql | create table a ()",
        "Diesel or Hasura | default/1796051320302_first/up.sql | create table a ()",
        "Postgrator | 001.do.first.sql | create table a ()",
        "yoyo | 0001_first.rollback.sql | drop table a",
        "Graphile Migrate | committed/000001.sql | --! Previous: -⏎--! Hash: sha1:1⏎select 1",
        "another tool | 1_a.sql | -- rambler up⏎select 1;⏎-- rambler down⏎drop table a",
        "another tool | 1_a.sql | select 1;⏎--+down⏎drop table a",
        "another tool | 1_a.sql | select 1;⏎-- [down]⏎drop table a",
        " | 1_a.sql | -- what goes down⏎select 1",
        "Knex | 1_a.js | exports.up = function(knex) {",
        "a tool whose migrations are programs | 1_a.ts | export async function up() {}",
        "a tool whose migrations are programs | 0001_initial.py | x",
        "another tool | 1_a.sql | select 1;⏎-- Down⏎drop table a",
        "another tool | 1_a.sql | select 1;⏎--- !Downs⏎drop table a",
        "another tool | 1_a.sql | select 1;⏎-- ROLLBACK:⏎drop table a",
        " | 1_a.sql | -- Rollback: not possible",
        " | 1_a.sql | select 1;⏎-- Down⏎-- drop table a;",
        " | 1_a.sql | -- undo nothing of this by hand",
        " | 1_a.sql | create table a (); -- down",
        " | README.md | -- Down",
        " | 1_a.sql | -- up and down migrations are for others"})
    void a_folder_of_another_tool_is_known_by_its_files(String tool, String name, String text, @TempDir Path folder)
        throws IOException {
        Files.createDirectories(folder.resolve(name).getParent());
        Files.writeString(folder.resolve(name), text.replace("⏎", "\n"));
        assertEquals(tool, OtherTool.of(folder).map(found -> found.tool().toString()).orElse(null));
    }

    private static List<String> split(String sql) { return Statements.of(sql).stream().map(Statement::text).toList(); }

    private static String essence(String sql) { return MigrationFile.essence(Statements.of(sql)); }
}
