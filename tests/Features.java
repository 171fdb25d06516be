/** Whatever of PostgreSQL's features a dump may lose or break. */
final class Features {
    private static final String SQL = """
        create role "%1$s" nologin;
        create role "%1$s Größe" login;
        create role "%1$s group" nologin;
        grant "%1$s group" to "%1$s Größe";
        alter default privileges for role "%1$s" grant select on tables to "%1$s Größe";
        do $$ begin execute format('alter database %%I set timezone = ''Asia/Kolkata''', current_database()); end $$;
        create schema "Größe ""x"" y" authorization "%1$s";
        comment on schema "Größe ""x"" y" is 'a comment with ''quotes'', a \\ and
        -- Name: not a title; Type: TABLE; Schema: public; Owner: nobody';
        create domain price as numeric(10,2) check (value >= 0);
        create type mood as enum ('sad', 'o''k', 'glücklich');
        create type pair as (a int, b text);
        create type span as range (subtype = float8);
        create table everything (id int generated always as identity primary key, old serial, m mood default 'sad', p price, c pair, s span, a text[], j jsonb, b bytea, t timestamptz default now(),
            v varchar(10) check (v in ('one', 'two')), total numeric generated always as (p * 2) stored, "Spalte ä" text, unique (m, p), exclude using gist (s with &&));
        insert into everything (m, p, c, s, a, j, b, v, "Spalte ä") values ('glücklich', 1.5, '(1,"x, y")', '[1,2)', array['a','b"c',null], '{"k":1}', '\\x00ff0a5c', 'one', E'tab\\there\\nline\\\\ \\\\.'),
            (null, null, null, null, null, null, null, null, '\\.');
        comment on column everything.a is 'array';
        create statistics everything_statistics (dependencies) on m, p from everything;
        create table no_columns ();
        insert into no_columns default values; insert into no_columns default values;
        create unlogged table unlogged_one as select 1 as one;
        create table measured (at date, value int) partition by range (at);
        create table measured_2025 partition of measured for values from ('2025-01-01') to ('2026-01-01');
        create table measured_rest partition of measured default;
        create index on measured (value);
        insert into measured select '2025-06-01'::date + n, n from generate_series(1, 400) n;
        create table parent (id int primary key);
        create table child (extra text) inherits (parent);
        alter table parent add column name text;
        insert into parent values (1, 'p'); insert into child values (2, 'e', 'c'), (3, E'\\t', null);
        create table hen (id int primary key, egg int);
        create table egg (id int primary key, hen int references hen deferrable initially deferred);
        alter table hen add foreign key (egg) references egg deferrable initially deferred;
        begin; insert into hen values (1, 1); insert into egg values (1, 1); commit;
        create table sizes (n int, filling text);
        alter table sizes alter filling set storage plain;
        insert into sizes select n, repeat('x', case when n %% 3 = 0 then 5000 when n %% 3 = 1 then 2900 else 40 end) from generate_series(1, 300) n;
        create function touch() returns trigger language plpgsql as $$ begin new.name = upper(new.name); return new; end $$;
        create trigger touched before insert on parent for each row execute function touch();
        create trigger sleeping before update on parent for each row execute function touch();
        alter table parent disable trigger sleeping;
        create rule quiet as on delete to egg do instead nothing;
        alter table parent enable row level security;
        create policy mine on parent for select to "%1$s", "%1$s Größe" using (name = current_user);
        create function twice(n int) returns int language sql immutable as 'select n * 2';
        create function twice(n text) returns text language sql immutable as 'select n || n';
        create operator === (leftarg = int, rightarg = int, function = int4eq);
        create operator === (leftarg = text, rightarg = text, function = texteq);
        create aggregate joined (text) (sfunc = textcat, stype = text);
        create procedure nothing() language plpgsql as $$ begin null; end $$;
        create index on parent (twice(id)) where name is not null;
        create view seen as select id, name from parent where name in ('a', 'b') with check option;
        create materialized view summary as select count(*) as n from everything with data;
        create materialized view empty_summary as select 1 as n with no data;
        create unique index on summary (n);
        create table "Größe ""x"" y"."Tabelle; drop
        table" (id int, "a""b" text);
        insert into "Größe ""x"" y"."Tabelle; drop
        table" values (1, 'ä'), (2, null);
        alter table "Größe ""x"" y"."Tabelle; drop
        table" owner to "%1$s";
        grant select (id) on everything to "%1$s Größe" with grant option;
        grant all on seen to public;
        create publication part for table everything, parent where (id > 0);
        create sequence odd increment 2 start 7 cycle maxvalue 99; select nextval('odd'), nextval('odd');
        create function on_ddl() returns event_trigger language plpgsql as $$ begin end $$;
        create event trigger watch on ddl_command_end execute function on_ddl();
        create extension pg_trgm;
        create foreign data wrapper nowhere;
        create server elsewhere foreign data wrapper nowhere;
        create user mapping for "%1$s" server elsewhere;
        create foreign table far (id int) server elsewhere;
        create collation numeric_order (provider = icu, locale = 'en-u-kn');
        create text search configuration plain (copy = simple);
        select lo_from_bytea(4711, '\\xdeadbeef'), lo_from_bytea(4712, convert_to(repeat('large ', 20000), 'utf8'));
        """;

    private Features() { }

    /** @param role begins the names of the roles that it makes, and that are on no other server */
    static String sql(String role) { return SQL.formatted(role); }
}
