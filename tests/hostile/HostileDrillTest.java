//SOURCES ../../scripts/local/EmbeddedPostgres.java

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.google.gson.JsonObject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.stream.Collectors;
import local.EmbeddedPostgres;
import ops.BackupFolder;
import ops.Console;
import ops.Failure;
import ops.Store;
import org.junit.jupiter.api.Test;

/** Good backups that a drill's server prints, sorts or keeps otherwise: broken is only what was seen to be broken. */
class HostileDrillTest {
    private static final String LETTERS = "create table person (name text check (name ~ '^[[:alpha:] -]+$')); insert into person values ('Zoë Łukasz')";

    @Test void a_drill_sorts_and_classes_text_as_the_backups_own_locale_does() {
        var kit = withLocale("encoding 'UTF8' lc_collate 'C.UTF-8' lc_ctype 'C.UTF-8'", LETTERS);
        kit.run("backups", "drill", "--env", "staging").exits(0).says("C.UTF-8");
        assertFalse(evidence(kit).has("notes"));
        // As if another machine's library had it: the nearest is taken, and that is said.
        kit.forge(kit.sealed().get(0), "\"collate\": \"C.UTF-8\"", "\"collate\": \"xx_XX.UTF-8\"");
        kit.run("backups", "drill", "--env", "staging").exits(0).prints("does not have the backup's locale, xx_XX.UTF-8, and the drill's has C.UTF-8");
        assertTrue(evidence(kit).getAsJsonArray("notes").toString().contains("does not have the backup's locale"));

        var icu = withLocale("encoding 'UTF8' locale_provider icu icu_locale 'de-u-co-phonebk' lc_collate 'C' lc_ctype 'C'", LETTERS + "; create unique index on person (lower(name))");
        icu.run("backups", "drill", "--env", "staging").exits(0).says("de-u-co-phonebk of icu");
    }

    @Test void what_another_locale_can_explain_says_nothing_against_the_backup() {
        var kit = withLocale("encoding 'UTF8' lc_collate 'C' lc_ctype 'C'", "create table t (s text check (s !~ '[[:alpha:]]')); insert into t values ('é')");
        kit.forge(kit.sealed().get(0), "\"collate\": \"C\"", "\"collate\": \"xx_XX.UTF-8\"");
        kit.run("backups", "drill", "--env", "staging").exits(12).says("does not have the backup's locale, xx_XX.UTF-8", "violates check constraint", "DRILL_DATABASE_URL");
        assertEquals(List.of(), evidences(kit, ""));
    }

    @Test void text_of_which_nobody_knows_the_encoding_is_backed_up_drilled_and_restored_byte_for_byte() {
        var kit = withLocale("encoding 'SQL_ASCII' lc_collate 'C' lc_ctype 'C'", "create table t (s text); insert into t values (E'caf\\xe9'), (E'\\xc3\\xa9');"
            + " create schema beside; create table beside.p (a text); create table beside.c (b text) inherits (beside.p); alter table beside.p add column z text; insert into beside.c values (E'\\xe9', E'\\xe8', 'z');"
            + " create view beside.v as select s, E'\\xe9'::text as e from t");
        kit.run("backups", "drill", "--env", "staging").exits(0);
        // What hangs on it from outside can't be made again from text that nobody can read: it is named, and nothing is dropped.
        kit.run("backup-db", "--env", "staging", "--schema", "public").exits(0).says("not in this backup, though it depends on what is: view beside.v");
        kit.run("restore-db", kit.sealed().get(kit.sealed().size() - 1).split("/")[3], "--env", "staging", "--no-safety-backup", "--mode", "in-place").exits(10).says("view beside.v");
        for (var key : kit.keys(kit.sealed().get(kit.sealed().size() - 1))) kit.delete(key);
        for (var mode : List.of("swap", "in-place")) {
            kit.database.asSuperuser("delete from t");
            kit.run("restore-db", "latest", "--env", "staging", "--no-safety-backup", "--mode", mode).exits(0);
            assertEquals(List.of("636166e9", "c3a9"), kit.database.rows("select encode(s::bytea, 'hex') from t order by 1"));
        }
    }

    @Test void bytes_that_stand_for_no_character_are_told_by_the_backup_in_words() {
        var name = Stack.next("locale_");
        TestDatabase.superuser("create database " + name + " template template0 encoding 'WIN1252' lc_collate 'C' lc_ctype 'C'");
        var kit = Stack.kit(TestDatabase.named(name)).withDrillServer();
        kit.database.asSuperuser("create table t (s text); insert into t values ('caf' || chr(233)), (chr(129)); create table \"Größe\" (\"ä\" text default 'ä'); insert into \"Größe\" values ('ö')");
        kit.set("STAGING_DATABASE_URL", superuserUrl(kit));
        kit.run("backup-db", "--env", "staging").exits(12).says("contents of table \"t\"", "has no equivalent in encoding \"UTF8\"", "Next:  correct those rows: ", "--exclude-table-data SCHEMA.TABLE", "State: nothing was stored");
        kit.run("backup-db", "--env", "staging", "--exclude-table-data", "public.t").exits(0);
        kit.database.asSuperuser("delete from t where s = chr(129)");
        kit.run("backup-db", "--env", "staging").exits(0);
        kit.run("backups", "drill", "--env", "staging").exits(0);
    }

    /** What was printed otherwise must not hide what was lost. */
    @Test void whatever_is_lost_or_changed_is_found_all_the_same_and_named() throws Exception {
        var kit = backedUp("create table t (a int default 7, b text, c int check (c > 0) not null); alter table t enable row level security; create policy mine on t using (a = 1);"
            + " create view v as with w as (select a, b from t union all select 1, null) select * from w; grant select on t to public;"
            + " create function f() returns trigger language plpgsql as 'begin return new; end'; create trigger g before insert on t for each row execute function f();"
            + " create table said as select n, 'row number ' || n as words from generate_series(1, 500) n; create unique index said_words on said (words); create sequence s; select setval('s', 42);"
            + " create function body() returns text language sql as 'select ''old body'''; select lo_from_bytea(4711, 'large object')");
        var id = kit.sealed().get(0).replaceFirst(".*/(.+)/$", "$1"); // once it is known to be broken, latest means another
        var tools = new FakeTools(kit);
        // As if pg_restore or the server had lost or changed something: the real ones are told something else than the archive.
        tools.tool("pg_restore", """
            case "$*" in
                *--dbname*--section=pre-data*) sed -i 's/old body/new body/' "${@: -1}"; exec $real "$@" ;;
                *--dbname*--section=post-data*)
                    $real "$@" && psql -qX -d "$(printf '%s\n' "$@" | sed -n s/^--dbname=//p)" \
                        -c "drop index if exists said_words; update said set words = 'row number 7x' where n = 77" ;;
                *--section=data*) sed 's/large object/l4rge object/' | $real "$@" ;;
                *) exec $real "$@" ;;
            esac""");
        kit.run("backups", "drill", id, "--env", "staging").exits(14).says("archive says: ", "table data public.said of postgres: other rows than in the archive",
            "index public.said_words of postgres is missing", "function public.body() of postgres is not as in the archive", "blobs BLOBS is not as in the archive");
        tools.tool("pg_restore", "exec \"$real\" \"$@\"");

        // Once all of it is restored and belongs to its owners.
        var losses = List.of("drop policy mine on t; revoke select on t from public; alter table t alter a drop default; drop trigger g on t",
            "alter policy mine on t using (a = 2); alter view v owner to pg_read_all_data; alter table t drop constraint t_c_check; alter function f() security definer",
            "alter table t alter c drop not null; alter table t disable row level security; create or replace view v as select a, b from t; alter table t alter a set default 8");
        var found = List.of(List.of("policy public.t mine", "acl public.TABLE t", "table public.t", "trigger public.t g"),
            List.of("policy public.t mine", "view public.v of pg_read_all_data is there", "table public.t", "function public.f()"),
            List.of("table public.t", "row security public.t", "view public.v of postgres is not as in the archive"));
        for (var i = 0; i < losses.size(); i++) {
            tools.pgDump("case \"$PGDATABASE\" in *_again) ;; *) psql -qX -v ON_ERROR_STOP=1 -c '" + losses.get(i) + "' || exit ;; esac; exec $real \"$@\"");
            kit.run("backups", "drill", id, "--env", "staging").exits(14).says(found.get(i).toArray(String[]::new));
        }
        assertFalse(evidence(kit).get("passed").getAsBoolean());
        tools.none();

        // A verdict of a drill is no last word: who names the backup gets it.
        kit.run("restore-db", id, "--env", "staging", "--no-safety-backup").exits(14).says("is known to be broken", "./jbang restore-db " + id + " --env staging --although-broken");
        var folder = new BackupFolder(kit.sealed().get(0), id, List.of());
        assertThrows(Failure.NotVerified.class, () -> kit.proof().refuseBroken(new Console(), folder, id.substring(0, 20), true, "staging", "the same"));
        kit.run("restore-db", id, "--env", "staging", "--no-safety-backup", "--although-broken").exits(0).says("is known to be broken");
        kit.run("backups", "drill", id, "--env", "staging").exits(0);
        assertEquals(id, BackupFolder.find(Store.open(kit.settings()), "staging", "latest", passedOver -> { }).id());
    }

    /** All that plain pg_restore gets over with a warning. */
    @Test void what_an_ordinary_restore_fails_at_is_loaded_by_repair_and_named_with_its_rows_and_a_drill_says_so() throws IOException {
        var kit = Stack.kit().withDrillServer();
        var stranger = Stack.next("stranger");
        TestDatabase.superuser("create role " + stranger);
        kit.database.execute("create table price (n int); insert into price values (3); create function total() returns bigint language sql as 'select count(*) from price';"
            + " create materialized view m as select total() as n; create function fine(int) returns bool language sql immutable as 'select true';"
            + " create domain amount as int constraint amount_fine check (fine(value)); create table t (c int constraint c_fine check (fine(c)), a amount, b int check (b > 0));"
            + " comment on constraint c_fine on t is 'mine'; insert into t values (-1, 5, 1), (2, -6, 1); create function key(int) returns int language sql immutable as 'select $1'; create unique index t_key on t (key(c));"
            + " create or replace function fine(int) returns bool language sql immutable as 'select $1 > 0'; create or replace function key(int) returns int language sql immutable as 'select 1';"
            + " create table parent (id int primary key); insert into parent values (1), (2); create table child (p int references parent, note text); insert into child values (1, 'one'), (2, 'orphan')");
        kit.database.asSuperuser("alter table parent disable trigger all; delete from parent where id = 2; alter table parent enable trigger all;"
            + " alter default privileges for role " + stranger + " in schema public grant select on tables to public");
        var before = kit.database.counts();
        kit.run("backup-db", "--env", "staging").exits(0);
        var drill = kit.run("backups", "drill", "--env", "staging").exits(14).says("all rows of backup", "an ordinary restore of it fails", "child_p_fkey is NOT VALID", "--repair");
        assertFalse(drill.toString().contains("is not what the archive says"), drill::toString);
        assertTrue(kit.proof().words(Instant.now()).matches("restored .*only with --repair.*"), () -> kit.proof().toString());

        // It is no broken one, so nothing keeps it from being restored but what is in it.
        kit.run("restore-db", "--env", "staging", "--no-safety-backup").exits(12).says("violates check constraint", "--env staging --repair");
        kit.run("restore-db", "--env", "staging", "--no-safety-backup", "--mode", "in-place", "--repair").exits(2).says("through a new database alone");
        kit.run("restore-db", "--env", "staging", "--no-safety-backup", "--repair").exits(0).says("check constraint public.t c_fine is NOT VALID; 1 row breaks it", "check constraint public.amount amount_fine is NOT VALID",
            "fk constraint public.child child_p_fkey is NOT VALID; 1 row breaks it", "not exists (select from public.parent p where p.id = c.p)", "materialized view data public.m is left unfilled", "index public.t_key is left out",
            "default acl public.DEFAULT PRIVILEGES FOR TABLES is left out", "this list, with the rows: ");
        assertEquals(before, kit.database.counts());
        assertEquals(List.of("amount_fine|f", "c_fine|f", "child_p_fkey|f", "parent_pkey|t", "t_b_check|t"), kit.database.rows("select conname, convalidated from pg_constraint where connamespace = 'public'::regnamespace order by 1"));
        assertEquals("mine", kit.database.one("select obj_description(oid) from pg_constraint where conname = 'c_fine'"));
        assertTrue(kit.logs().contains("    (2,orphan)"), kit::logs);
    }

    @Test void a_drill_as_an_environments_role_passes_only_where_that_role_could_restore() {
        var group = Stack.next("group");
        var kit = backedUp("create role " + group + "; create schema s authorization " + group + "; create table s.t as select 1 as one; alter table s.t owner to " + group);
        kit.set("STAGING_DATABASE_URL", kit.database.url());
        TestDatabase.superuser("alter database " + kit.database.name + " owner to " + TestDatabase.ROLE);
        kit.run("backups", "drill", "--env", "staging", "--as", "staging").exits(12).says("role " + TestDatabase.ROLE + " of 'staging' can't restore it", group, "--no-owner");
        TestDatabase.superuser("grant " + group + " to " + TestDatabase.ROLE);
        kit.run("backups", "drill", "--env", "staging", "--as", "staging").exits(0).prints("as a copy of role " + TestDatabase.ROLE + " of 'staging'");
        assertTrue(evidence(kit).getAsJsonArray("notes").toString().contains("as a copy of role " + TestDatabase.ROLE));
        kit.run("backups", "drill", "--env", "staging", "--as", "stagign").exits(78);
    }

    /** As a query of a partitioned table takes them, one for each partition and index; here a function does, which is quicker to make. */
    @Test void a_drills_server_has_room_for_more_locks_the_more_there_is_in_the_archive() {
        var kit = backedUp(Stack.kit(), "do $$ begin for i in 1..500 loop execute format('create table t%s (n int)', i); if i % 100 = 0 then commit; end if; end loop; end $$;"
            + " create function locks() returns bigint language sql as 'select 1::bigint'; create materialized view m as select locks();"
            + " create or replace function locks() returns bigint language sql as 'select count(pg_advisory_xact_lock_shared(n)) from generate_series(1, 8000) n'");
        kit.run("backups", "drill", "--env", "staging").exits(0).prints("500 tables");
    }

    @Test void client_programs_of_17_drill_and_restore_a_server_of_15_in_both_ways_and_by_hand() throws IOException {
        var kit = Stack.kit().withDrillServer();
        clientsOf17(kit);
        kit.database.execute("create table t (n int primary key, s text); insert into t select n, E'SET transaction_timeout = 0;\\n' || n from generate_series(1, 50) n;"
            + " create table u (n int references t); insert into u values (1); create index on t (s); create sequence q; select setval('q', 7);"
            + " create function f() returns text language sql as $$select '\nSET transaction_timeout = 0;\n'$$");
        var before = kit.database.counts();
        kit.run("backup-db", "--env", "staging").exits(0);
        kit.run("backups", "drill", "--env", "staging").exits(0).prints("is restorable");
        kit.run("restore-db", "--env", "staging", "--no-safety-backup").exits(0);
        assertEquals(before, kit.database.counts());
        kit.run("restore-db", "--env", "staging", "--no-safety-backup", "--mode", "in-place").exits(0);
        assertEquals(before, kit.database.counts());
        kit.with("PATH", kit.home.resolve("fake-bin") + ":" + kit.environment().get("PATH"));
        var byHand = kit.restoreByHand();
        assertEquals(before, byHand.counts());
        assertEquals(kit.database.rows("select prosrc from pg_proc where proname = 'f'"), byHand.rows("select prosrc from pg_proc where proname = 'f'"));

        // What is known beforehand is passed over, and nothing else.
        kit.database.asSuperuser("alter table t disable trigger all; delete from t where n = 1; alter table t enable trigger all");
        kit.run("backup-db", "--env", "staging").exits(0);
        kit.run("restore-db", "--env", "staging", "--no-safety-backup").exits(12).says("violates foreign key constraint \"u_n_fkey\"");
    }

    /** Minutes of work, and client programs that no machine has all of: HANDOVER_TEST_CLIENTS names their folders, with colons between. */
    @Test void servers_14_to_18_are_backed_up_drilled_and_restored_with_whatever_client_programs_there_are() throws Exception {
        var clients = System.getenv("HANDOVER_TEST_CLIENTS");
        assumeTrue(clients != null, "HANDOVER_TEST_CLIENTS names no folders with client programs");
        for (var major : List.of(14, 15, 16, 17, 18)) {
            for (var folder : clients.split(":")) {
                var kit = Stack.bareKit().set("PG_BIN", folder);
                var client = Integer.parseInt(kit.bash(folder + "/pg_dump --version").exits(0).out().replaceFirst(".*\\(PostgreSQL\\) ([0-9]+)[^0-9](?s:.*)", "$1"));
                if (client < major) continue;
                try (var server = EmbeddedPostgres.throwaway(Optional.of(major)); var session = server.connect("postgres"); var statement = session.createStatement()) {
                    statement.execute("create database app");
                    try (var app = server.connect("app"); var filling = app.createStatement()) {
                        filling.execute("create table t (n int primary key, s text); insert into t select n, n from generate_series(1, 99) n; create table u (n int references t); create sequence q; select lo_from_bytea(0, 'large')");
                    }
                    kit.set("STAGING_DATABASE_URL", server.superuserUrl().replaceFirst("/postgres$", "/app"));
                    kit.run("backup-db", "--env", "staging").exits(0);
                    kit.run("backups", "drill", "--env", "staging").exits(0).says("PostgreSQL " + major).prints("2 tables with 99 rows");
                    kit.run("restore-db", "--env", "staging", "--no-safety-backup").exits(0);
                    kit.run("restore-db", "--env", "staging", "--no-safety-backup", "--mode", "in-place").exits(0);
                }
            }
        }
    }

    /** Of the machine's own programs, with what those of 17 say of themselves and set in every session. */
    private static void clientsOf17(Kit kit) throws IOException {
        var tools = new FakeTools(kit);
        for (var name : List.of("pg_dump", "pg_dumpall", "psql", "pg_restore")) {
            var version = "if [ \"$1\" = --version ]; then echo '" + name + " (PostgreSQL) 17.6'; exit; fi\n";
            var file = tools.tool(name, name.equals("pg_restore") ? SETTING_17 : "exec \"$real\" \"$@\"").folder.resolve(name);
            Files.writeString(file, Files.readString(file).replaceFirst("\\[ .*\n", Matcher.quoteReplacement(version)));
        }
    }

    private static final String SETTING_17 = """
        case " $* " in
            *" --list "*) exec "$real" "$@" ;;
            *" --file=- "*|*" -f - "*)
                "$real" "$@" | sed '0,/^SET client_encoding/s//SET transaction_timeout = 0;\\n&/'
                exit ${PIPESTATUS[0]} ;;
            *" --file=/dev/null "*|*" -f /dev/null "*) exec "$real" "$@" ;;
        esac
        database=$(printf '%s\\n' "$@" | sed -n s/^--dbname=//p)
        if ! said=$(psql -qXd "$database" -c 'SET transaction_timeout = 0' 2>&1); then
            echo "pg_restore: while INITIALIZING:"
            # As a server with other lc_messages says it.
            echo "pg_restore: error: could not execute query: $(echo "$said" | sed 's/ERROR:  unrec.* "\\(.*\\)"/ERREUR:  paramètre de configuration « \\1 » non reconnu/')"
            echo "Command was: SET transaction_timeout = 0;"
        fi >&2
        case " $* " in *" --exit-on-error "*) [ -z "$said" ] || exit 1 ;; esac
        "$real" "$@"
        code=$?
        [ $code != 0 ] || [ -z "$said" ] || { echo "pg_restore: warning: errors ignored on restore: 1" >&2; code=1; }
        exit $code""";

    /** A database of this locale, filled and backed up. */
    private static Kit withLocale(String options, String sql) {
        var name = Stack.next("locale_");
        TestDatabase.superuser("create database " + name + " template template0 " + options);
        return backedUp(Stack.kit(TestDatabase.named(name)), sql).withDrillServer();
    }

    private static Kit backedUp(String sql) { return backedUp(Stack.kit(), sql).withDrillServer(); }

    /** Each of these is evaluated when it is created, or when rows, an index, a key or a view are. */
    @Test void nothing_that_a_role_has_written_runs_with_the_rights_of_a_drills_superuser() throws Exception {
        var kit = Stack.kit();
        var mallory = Stack.next("mallory_");
        var traces = Path.of("/tmp", Stack.next("superuser_") + "_" + ProcessHandle.current().pid());
        TestDatabase.superuser("create role " + mallory + " login createrole password '" + TestDatabase.PASSWORD + "'");
        kit.database.asSuperuser("grant create, usage on schema public to " + mallory);
        try (var session = TestDatabase.connect(kit.database.url(mallory, TestDatabase.PASSWORD)); var statement = session.createStatement()) {
            statement.execute("""
                alter role %1$s set search_path = E'\nALTER ROLE %1$s WITH SUPERUSER;\n';
                create function acts(what text) returns void language plpgsql as $$ begin
                    if (select rolsuper from pg_catalog.pg_roles where rolname = current_user) then
                        execute format('copy (select 1) to program %%L', 'cat > /dev/null; (id -un; grep NoNewPrivs /proc/self/status) > %2$s-' || what);
                    end if;
                    begin
                        execute 'grant pg_execute_server_program to ' || current_user;
                        execute format('copy (select 1) to program %%L', 'cat > %2$s-granted');
                    exception when others then null;
                    end;
                end $$;
                create function run(what text) returns bool language plpgsql immutable as $$ begin
                    perform public.acts(what);
                    return true;
                end $$;
                create domain amount as int check (public.run('domain'));
                create table checked (id int primary key check (public.run('check')), a amount, twice int generated always as (case when public.run('generated') then id * 2 end) stored);
                create table defaulted (amounts amount[] default '{1}'::amount[]);
                create view literal as select '{1}'::amount[] as amounts;
                create function defaults(amounts amount[] default '{1}') returns int language sql as 'select 1';
                alter table defaulted enable row level security;
                create policy mine on defaulted using (amounts = '{1}'::amount[]);
                create table parts (id int, a amount) partition by list (a);
                create table part partition of parts for values in (1);
                create table whole (id int);
                create function whole_is_fine(whole) returns bool language sql immutable as 'select public.run(''late-check'')';
                alter table whole add constraint fine check (public.whole_is_fine(whole.*));
                create index on whole ((public.run('index')));
                create table colors (name text primary key);
                create type color as enum ('red');
                create function named(color) returns text language sql immutable as 'select case when public.run(''cast'') then ''red'' end';
                create cast (color as text) with function named(color) as implicit;
                create table painted (with_color color references colors);
                create materialized view seen as select public.run('view') as one;
                insert into checked values (1, 1); insert into defaulted default values; insert into parts values (1, 1); insert into whole values (1); insert into colors values ('red'); insert into painted values ('red')
                """.formatted(mallory, traces));
        } catch (java.sql.SQLException e) {
            throw new AssertionError(e);
        }
        try {
            backedUp(kit, "create table of_theirs (id int); insert into of_theirs values (1); create index on of_theirs ((run('index-of-a-superuser')))");
            assertTrue(traces(traces).remove(traces + "-index-of-a-superuser"), "the trap does nothing");
            kit.run("backups", "drill", "--env", "staging").exits(0).prints("is restorable: 7 tables");
            assertEquals(List.of(), traces(traces));
            // At a server that stays, too, where a role may have the owner's name.
            kit.withDrillServer().run("backups", "drill", "--env", "staging").exits(0);
            assertEquals(List.of(), traces(traces));
            kit.set("DRILL_DATABASE_URL", null);
            // Who asks for it gets it, as a user who owns nothing where root asks.
            kit.run("backups", "drill", "--env", "staging", "--as", "staging").exits(0).says("a superuser: what others have written in it runs as one");
            var user = Files.readAllLines(Path.of(traces + "-check"));
            if ("root".equals(System.getProperty("user.name"))) assertEquals("nobody", user.get(0));
            if (System.getProperty("os.name").equals("Linux")) assertTrue(user.get(1).endsWith("1"), user::toString);
            traces(traces);
            // Nor is it held against the backup where it can't be loaded without.
            kit.database.asSuperuser("create or replace function acts(what text) returns void language plpgsql as $$ begin copy (select 1) to program 'cat > " + traces + "-rows'; end $$");
            kit.run("backup-db", "--env", "staging").exits(0);
            kit.withDrillServer().run("backups", "drill", "--env", "staging").exits(12).says("it takes a superuser to restore it, and a drill runs nothing that others have written as one", "--as ENV");
            assertEquals(List.of(), evidences(kit, kit.sealed().get(1)));
            assertEquals(List.of(), traces(traces));
        } finally {
            TestDatabase.superuser("alter role " + mallory + " reset all");
            traces(traces);
        }
    }

    /** Here a role makes the text of its index look like the rows of its table, and drops the index while it is restored. */
    @Test void a_text_that_looks_like_a_tables_rows_is_no_statement_for_a_drills_superuser() throws Exception {
        var kit = Stack.kit().withDrillServer();
        var traces = Path.of("/tmp", Stack.next("columns_") + "_" + ProcessHandle.current().pid());
        kit.database.execute("""
            create table t (a text, b text);
            insert into t values ('#', 'touch %1$s-program');
            create index looks_like on t ((a || '
            -- Data for Name: t; Type: TABLE DATA; Schema: public; Owner: %2$s
            COPY public.t (b, a) TO PROGRAM $$$0$$ -- ) FROM stdin;
            '));
            create function drops() returns int language plpgsql as $f$ begin
                if starts_with(current_user, 'handover_drill_loader_') then
                    drop index public.looks_like;
                end if;
                return 1;
            end $f$;
            create materialized view m as select public.drops()""".formatted(traces, TestDatabase.ROLE));
        kit.run("backup-db", "--env", "staging").exits(0);
        var drill = kit.run("backups", "drill", "--env", "staging");
        assertEquals(List.of(), traces(traces), drill::toString);
        drill.exits(14).says("index public.looks_like");
    }

    /** Each of these reads as one harmless statement to whoever takes a quote or a comment for another one than PostgreSQL does. */
    @Test void a_forged_archive_gets_nothing_executed_by_a_drills_superuser() throws Exception {
        var kit = Stack.kit().withDrillServer();
        var traces = Path.of("/tmp", Stack.next("f")); // short, to have room in what is replaced
        var room = "A".repeat(200);
        kit.database.asSuperuser("create table t (n int); comment on table t is '" + room + "'; create foreign data wrapper small options (a '" + room + "'); create foreign data wrapper wide options (b '" + room + "')");
        kit.set("STAGING_DATABASE_URL", superuserUrl(kit));
        var program = "COPY (SELECT 1) TO PROGRAM $$touch " + traces + "-%s$$; SELECT (1";
        var path = "SELECT pg_catalog.set_config('search_path', '', false);";
        var texts = List.of(sameLength("a '" + room + "'", "a e'\\\\''); " + program.formatted("small") + " --'", 1),
            sameLength("b '" + room + "'", "€E'\\\\'); " + program.formatted("wide") + " --'", 1),
            sameLength("IS '" + room + "';", "IS 'A' --\\r; " + program.formatted("comment") + ")\\n;", 2));
        kit.run("backup-db", "--env", "staging").exits(0);
        var objects = kit.keys(kit.sealed().get(0)).stream().collect(Collectors.toMap(key -> key, kit::object));
        for (var forged : List.of(texts, List.of(sameLength(path, "COPY (SELECT) TO PROGRAM '>" + traces + "-path';", 0)))) {
            var script = Files.writeString(kit.home.resolve("forge.sed"), String.join("\n", forged));
            objects.forEach(kit::put);
            kit.forgeArchive("zstd -q -d -f data-00.dump.zst; cp data-00.dump whole; LC_ALL=C sed -i -f '" + script
                + "' data-00.dump; cmp -s data-00.dump whole && exit 1; rm whole");
            var drill = kit.run("backups", "drill", "--env", "staging");
            assertEquals(List.of(), traces(traces), drill::toString);
            drill.exits(12);
        }
    }

    /** @param escapes how many characters of the new text are none but for sed */
    private static String sameLength(String old, String text, int escapes) {
        var spaces = old.length() - text.getBytes(java.nio.charset.StandardCharsets.UTF_8).length + escapes;
        return "s#" + old.replace("[", "\\[") + "#" + text + " ".repeat(spaces) + "#";
    }

    /** The files whose names begin so; they are gone then. */
    private static List<String> traces(Path beginning) throws IOException {
        var found = new java.util.ArrayList<String>();
        try (var files = Files.newDirectoryStream(beginning.getParent(), beginning.getFileName() + "-*")) {
            for (var file : files) {
                found.add(file.toString());
                Files.delete(file);
            }
        }
        return found;
    }

    private static final String WHAT_TAKES_A_SUPERUSER = "create extension file_fdw; create extension hstore; create server files foreign data wrapper file_fdw; create foreign data wrapper nowhere; comment on foreign data wrapper nowhere is 'E\\; drop';"
            + " create table keyed (a int, b hstore); insert into keyed values (1, 'a=>1'); create publication everything for all tables; create operator class mine for type int using btree as operator 1 <, operator 3 =, function 1 btint4cmp(int, int);"
            + " create index on keyed (a mine); create type pair as (a int, b text); create cast (pair as text) with inout; create function on_ddl() returns event_trigger language plpgsql as 'begin end';"
            + " create event trigger watch on ddl_command_end execute function on_ddl(); comment on event trigger watch is 'mine'; grant usage on foreign data wrapper nowhere to public;"
            + " create function my_now() returns timestamptz stable language internal as 'now'; comment on function my_now() is 'mine'; revoke all on function my_now() from public; create table z_owned (n int); create sequence a_seq owned by z_owned.n;"
            + " create text search template words (lexize = dsimple_lexize); create access method heap2 type table handler heap_tableam_handler; create table on_heap2 (n int) using heap2; ";

    /** Among them a view that the server prints otherwise once it was restored, and that is the same. */
    @Test void what_databases_have_comes_back_without_a_superusers_rights_and_what_only_a_superuser_can_make_but_for_functions_that_act_as_the_servers_user() {
        var kit = Stack.kit().withDrillServer();
        var alice = Stack.next("alice_");
        var bob = Stack.next("bob_");
        TestDatabase.superuser("create role " + alice + "; create role " + bob + " in role " + alice + ", pg_read_all_data, pg_signal_backend");
        backedUp(kit, WHAT_TAKES_A_SUPERUSER + """
            create table t (a int, b text, c varchar(3) check (c in ('x', 'y'))); insert into t values (1, 'x', 'x');
            create view v as with w as (select a, b from t union all select 1, null) select * from w; create materialized view m as select * from v; grant select (a) on v to public;
            create extension pg_trgm; create extension citext; create extension btree_gist; create extension unaccent; create extension postgres_fdw; create extension "uuid-ossp"; create schema ext; create extension ltree schema ext;
            comment on extension pg_trgm is 'a /* b'; create schema theirs authorization %1$s; grant usage on schema theirs to %2$s; grant create on schema theirs to %2$s with grant option;
            create table theirs.p (id int generated always as identity, k int not null, mail citext, path ext.ltree, during daterange, twice int generated always as (k * 2) stored) partition by list (k);
            
            create table theirs.p1 partition of theirs.p (primary key (id), exclude using gist (k with =, during with &&)) for values in (1); alter table theirs.p owner to %1$s; alter table theirs.p1 owner to %2$s;
            insert into theirs.p (k, mail, path, during) values (1, 'A@B', 'a.b', '[2024-01-01,2025-01-01)');
            create index on theirs.p1 using gin ((mail::text) gin_trgm_ops); create index on theirs.p1 using gist (path);
            alter table theirs.p1 enable row level security; alter table theirs.p1 force row level security; create policy nobody on theirs.p1 using (false);
            create function theirs.checks(int) returns bool language plpgsql security definer set search_path = theirs as 'begin return exists (select from p1) or true; end'; alter function theirs.checks owner to %2$s; revoke all on function theirs.checks from public;
            create domain theirs.small as int check (value < 9); alter domain theirs.small owner to %2$s;
            create table base (n theirs.small check (theirs.checks(n))); create table child (m uuid default uuid_generate_v4()) inherits (base); alter table child owner to %1$s; alter table base owner to %2$s; insert into child values (1);
            create view seen as select * from theirs.p1; alter view seen owner to %1$s; create materialized view counted as select n, unaccent(n::text) as s from base; alter materialized view counted owner to %2$s; create unique index on counted (n);
            select lo_from_bytea(77, 'large'); alter large object 77 owner to %2$s; grant select on large object 77 to public; comment on large object 77 is 'E\\';
            alter default privileges for role %1$s in schema theirs grant select on tables to %2$s; create type "odd
            "" /* type" as enum ('x'); create function "odd /* name"("odd
            "" /* type") returns int language sql as 'select 1'; comment on function "odd /* name" is 'it''s; odd'; alter function "odd /* name" owner to %1$s; grant select (n) on base to %1$s with grant option;
            create cast (int as "odd
            "" /* type") with inout; create statistics st on n, m from child; create publication part for table theirs.p1 where (k > 0); create publication whole for tables in schema theirs;
            create subscription gone connection 'host=127.0.0.1 port=1' publication part with (connect = false);
            create operator // (leftarg = int, rightarg = int, function = int4div); alter operator // (int, int) owner to %1$s; create collation theirs.plain (locale = 'C'); alter collation theirs.plain owner to %1$s;
            create sequence theirs.free; alter sequence theirs.free owner to %2$s; alter sequence theirs.free owned by theirs.p1.k; set role %2$s; create table theirs.last (id bigserial, s text); insert into theirs.last (s) values ('x'); reset role
            """.formatted(alice, bob));
        kit.database.asSuperuser("alter subscription gone set (slot_name = none); drop subscription gone");
        kit.run("backups", "drill", "--env", "staging").exits(0).prints("is restorable: 8 tables with 5 rows", "; without function my_now() (its language acts as the user who runs the server, and a drill lets nothing do that)",
            "print otherwise, and are the same", "view public.v");
        assertEquals(1, evidence(kit).getAsJsonArray("not_restorable").size());
        assertTrue(evidence(kit).getAsJsonArray("notes").toString().contains("view public.v"), () -> evidence(kit).toString());
        assertTrue(kit.proof().words(Instant.now()).matches("restored .*print otherwise.*"), () -> kit.proof().toString());

        kit.database.asSuperuser("create view needing as select my_now()");
        kit.run("backup-db", "--env", "staging").exits(0);
        kit.run("backups", "drill", "--env", "staging").exits(12).says("it takes a superuser to restore it", "left out: function my_now()", "--as ENV");
    }

    /** The server's superuser fills it and backs it up. */
    private static Kit backedUp(Kit kit, String sql) {
        kit.database.asSuperuser(sql);
        kit.set("STAGING_DATABASE_URL", superuserUrl(kit));
        kit.run("backup-db", "--env", "staging").exits(0);
        return kit;
    }

    private static String superuserUrl(Kit kit) { return Stack.up().setting("LOCAL_SUPERUSER_URL").replaceFirst("/[^/]*$", "/" + kit.database.name); }

    private static JsonObject evidence(Kit kit) {
        var keys = evidences(kit, "");
        return kit.json(keys.get(keys.size() - 1));
    }

    /** What drills have said of backups whose keys begin so. */
    private static List<String> evidences(Kit kit, String prefix) { return kit.keys(prefix).stream().filter(key -> key.matches(".*/drill-[0-9TZ]+\\.json")).toList(); }
}
