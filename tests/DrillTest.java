//SOURCES ../scripts/local/EmbeddedPostgres.java

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import local.EmbeddedPostgres;
import org.junit.jupiter.api.Test;

/** A drill restores a backup into a throwaway server, and finds what is not as it was. */
class DrillTest {
    /** Of roles that no other server has. */
    private static final String FEATURES = """
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

    @Test void a_database_with_every_feature_is_restored_and_proven_and_the_listing_says_so() throws Exception {
        var kit = backedUp(FEATURES.formatted(Stack.next("owner")));
        var drill = kit.run("backups", "drill", "--env", "staging").exits(0).prints("is restorable: ").says("as in the manifest");
        assertTrue(drill.out().lines().count() == 1, drill::toString);
        kit.run("backups", "list", "--env", "staging").exits(0).prints("restored just now, ");
        var evidence = evidence(kit);
        assertTrue(evidence.get("passed").getAsBoolean());
        assertEquals("restored", evidence.get("proof").getAsString());
        assertEquals(kit.manifest().getAsJsonArray("tables").size(), evidence.get("tables").getAsInt());
        assertEquals(kit.database.counts().values().stream().mapToLong(n -> n).sum(), evidence.get("rows").getAsLong());
        assertFalse(evidence.has("not_restorable"));
        assertTrue(evidence.get("server").getAsString().matches("[0-9.]+"));
        assertNothingIsLeft(kit);
    }

    @Test void partial_backups_and_one_of_another_encoding_are_proven_too() {
        var kit = Stack.kit();
        kit.database.asSuperuser("create schema other; create table other.t (n int); create table public.t (n int); insert into public.t values (1); create table public.big as select 1 as one");
        kit.set("STAGING_DATABASE_URL", superuserUrl(kit.database));
        for (var selection : List.of("--schema=public", "--exclude-schema=public", "--exclude-table-data=public.big")) {
            kit.run("backup-db", "--env", "staging", selection, "--counts", selection.contains("data") ? "none" : "exact").exits(0);
            kit.run("backups", "drill", "--env", "staging").exits(0);
        }
        var publicAlone = kit.sealed().get(0).split("/");
        kit.run("restore-db", publicAlone[publicAlone.length - 1], "--env", "staging", "--no-safety-backup").exits(0);
        TestDatabase.superuser("create database " + kit.database.name + "_latin template template0 encoding 'LATIN1' lc_collate 'C' lc_ctype 'C'");
        var latin = Stack.kit(TestDatabase.named(kit.database.name + "_latin"));
        latin.database.asSuperuser("create table t (\"Größe\" text default 'ä'); insert into t values ('ö')");
        latin.set("STAGING_DATABASE_URL", superuserUrl(latin.database)).run("backup-db", "--env", "staging").exits(0);
        latin.run("backups", "drill", "--env", "staging").exits(0);
    }

    @Test void with_json_the_entry_is_printed_as_verify_prints_it() {
        var kit = backedUp("create table t as select 1 as one");
        var entry = JsonParser.parseString(kit.run("backups", "drill", "--env", "staging", "--json").exits(0).out()).getAsJsonArray().get(0).getAsJsonObject();
        assertEquals("restored", entry.getAsJsonObject("proof").get("grade").getAsString());
        assertEquals(kit.manifest().get("id"), entry.get("id"));
        assertEquals("backups drill", kit.history().get(kit.history().size() - 1).get("script").getAsString());
    }

    // --- what is found

    @Test void a_manifest_with_another_count_is_found_and_the_table_named() {
        var kit = backedUp("create table t as select 1 as one; create table \"Größe\" as select n from generate_series(1, 7) n");
        kit.forge(kit.sealed().get(0), "\"rows\": 7", "\"rows\": 8");
        var drill = kit.run("backups", "drill", "--env", "staging", "--json").exits(14)
            .says("public.Größe has 7 rows, and the manifest says 8", "State: the backup is as it was");
        assertTrue(drill.out().contains("\"grade\": \"broken\""), drill::toString);
        assertFalse(evidence(kit).get("passed").getAsBoolean());
        kit.run("backups", "verify", "--env", "staging").exits(0);
        kit.run("backups", "list", "--env", "staging").exits(0).prints("BROKEN, found just now: ", "public.Größe has 7 rows");
        kit.run("restore-db", "--env", "staging", "--dry-run").exits(14).says("is known to be broken");
    }

    @Test void an_archive_of_something_else_is_found_though_every_checksum_is_right() {
        var kit = backedUp("create table t as select n from generate_series(1, 7) n; create table u as select 1 as one");
        kit.database.asSuperuser("drop table u; delete from t where n = 3");
        forge(kit, "pg_dump -Fc -Z0 -d '" + superuserUrl(kit.database) + "' > data-00.dump");
        kit.run("backups", "verify", "--env", "staging").exits(0);
        kit.run("backups", "drill", "--env", "staging").exits(14).says("it lacks 1 tables: public.u");
    }

    @Test void an_archive_that_can_not_be_loaded_is_a_broken_backup() {
        var kit = backedUp("create table parent (id int primary key); insert into parent values (1), (2); create table child (parent int references parent); insert into child values (1), (2)");
        kit.database.asSuperuser("alter table parent disable trigger all; delete from parent where id = 2; alter table parent enable trigger all");
        forge(kit, "pg_dump -Fc -Z0 -d '" + superuserUrl(kit.database) + "' > data-00.dump");
        kit.run("backups", "drill", "--env", "staging").exits(14).says("the backup can't be restored", "child_parent_fkey");
        kit.run("backups", "list", "--env", "staging").exits(0).prints("BROKEN");
        assertNothingIsLeft(kit);
    }

    /** As if pg_restore or the server had lost or changed something: the real ones are told something else than the archive. */
    @Test void a_changed_row_a_lost_index_a_changed_function_and_a_changed_large_object_are_found_and_named() {
        var kit = backedUp("create table t as select n, 'row number ' || n as words from generate_series(1, 500) n; create unique index t_words on t (words); create sequence s; select setval('s', 42);"
            + " create function f() returns text language sql as 'select ''old body'''; select lo_from_bytea(4711, 'large object')");
        var tools = new FakeTools(kit);
        tools.tool("pg_restore", "$real \"$@\" && case \"$*\" in *--dbname*--section=post-data*) psql -qX -d \"$(printf '%s\\n' \"$@\" | sed -n s/^--dbname=//p)\" -c \"update t set words = 'row number 7x' where n = 77\" ;; esac");
        kit.run("backups", "drill", "--env", "staging").exits(14).says("archive says: table data public.t of postgres: other rows than in the archive");
        tools.tool("pg_restore", "case \"$*\" in *--section=post-data*--jobs*) ;; *) exec $real \"$@\" ;; esac");
        kit.run("backups", "drill", "--env", "staging").exits(14).says("archive says: index public.t_words of postgres is missing");
        tools.tool("pg_restore", "case \"$*\" in *--dbname*--section=pre-data*) sed -i 's/old body/new body/' \"${@: -1}\" ;; esac; exec $real \"$@\"");
        kit.run("backups", "drill", "--env", "staging").exits(14).says("archive says: function public.f() of postgres is not as in the archive");
        tools.tool("pg_restore", "case \"$*\" in *--section=data*) sed 's/large object/l4rge object/' | $real \"$@\" ;; *) exec $real \"$@\" ;; esac");
        kit.run("backups", "drill", "--env", "staging").exits(14).says("archive says: blobs BLOBS is not as in the archive");
        tools.none();
        kit.run("backups", "drill", "--env", "staging").exits(0);
        kit.run("backups", "list", "--env", "staging").exits(0).prints("restored just now");
    }

    @Test void an_extension_that_the_server_lacks_is_named_and_is_a_failure_only_when_something_needs_it() {
        var kit = backedUp("create extension pg_trgm; comment on extension pg_trgm is 'mine'; create table t as select 'a' as words");
        // As if another server had had one that is nowhere else: of the same length, so that the archive stays one.
        forge(kit, "zstd -q -d data-00.dump.zst; sed -i 's/pg_trgm/pg_trgX/g' data-00.dump");
        kit.run("backups", "drill", "--env", "staging").exits(0).prints("; without extension pg_trgX (this server does not have it)").says("left out: extension pg_trgX");
        assertEquals("extension pg_trgX (this server does not have it)", evidence(kit).getAsJsonArray("not_restorable").get(0).getAsString());
        kit.run("backups", "list", "--env", "staging").exits(0).prints("restored just now", "; without extension pg_trgX");

        var needing = backedUp("create extension pg_trgm; create table t as select 'a' as words; create index on t using gin (words gin_trgm_ops)");
        forge(needing, "zstd -q -d data-00.dump.zst; sed -i 's/pg_trgm/pg_trgX/g' data-00.dump");
        needing.run("backups", "drill", "--env", "staging").exits(12).says("can't be restored on a server without extension pg_trgX", "gin_trgm_ops", "DRILL_DATABASE_URL");
        needing.run("backups", "list", "--env", "staging").exits(0).prints("stored");
    }

    @Test void an_encrypted_backup_is_drilled_where_its_identity_is() {
        Kit.needs("age-keygen");
        var kit = Stack.kit();
        kit.database.execute("create table t as select n from generate_series(1, 2000) n");
        kit.bash("age-keygen -o key.txt; chmod 600 key.txt").exits(0);
        kit.run("backup-db", "--env", "staging", "--recipient", kit.bash("age-keygen -y key.txt").out().strip()).exits(0);
        kit.run("backups", "drill", "--env", "staging").exits(78).says("is encrypted, and BACKUP_IDENTITY_FILE is not set");
        kit.set("BACKUP_IDENTITY_FILE", kit.home.resolve("key.txt").toString());
        kit.run("backups", "drill", "--env", "staging").exits(0).prints("1 tables with 2,000 rows");
        kit.run("backups", "list", "--env", "staging").exits(0).prints("restored", "; encrypted");
    }

    @Test void it_runs_on_the_newest_java_too() {
        var jdk = Path.of("/usr/lib/jvm/temurin-25-jdk-amd64");
        assumeTrue(Files.isDirectory(jdk), jdk + " is not installed");
        var kit = backedUp("create table t as select 1 as one");
        kit.with("JAVA_HOME", jdk.toString()).run("backups", "drill", "--env", "staging").exits(0);
    }

    // --- interrupted

    @Test void term_at_any_moment_leaves_nothing() throws Exception {
        var kit = backedUp("create table t as select n, md5(n::text) from generate_series(1, 300000) n; create index on t (n)");
        for (var moment : List.of("pg_restore --version", "ok: Check the backup's objects", "ok: Have a server for the drill", "--section=post-data", "ok: Load into it", "ok: Compare with the manifest")) {
            var drill = kit.start("backups", "drill", "--env", "staging", "--verbose").awaitSays(moment);
            drill.signal("TERM").result().exits(143).says("cleaning up");
            assertEquals(List.of(), left(drill), moment);
            assertNothingIsLeft(kit);
        }
        kit.run("backups", "list", "--env", "staging").exits(0).prints("stored");
    }

    @Test void what_kill_9_leaves_the_next_drill_clears() throws Exception {
        var kit = backedUp("create table t as select n, md5(n::text) from generate_series(1, 300000) n");
        var drill = kit.start("backups", "drill", "--env", "staging").awaitSays("ok: Have a server for the drill");
        drill.signal("KILL").process.waitFor();
        kit.awaitNoProcess();
        assertEquals(1, left(drill).size());
        kit.run("backups", "drill", "--env", "staging").exits(0);
        assertEquals(List.of(), left(drill));
        assertNothingIsLeft(kit);
    }

    // --- a server for drills

    @Test void at_a_server_for_drills_nothing_stays_and_nothing_that_was_there_changes() throws Exception {
        try (var other = EmbeddedPostgres.throwaway(Optional.empty()); var session = other.connect("postgres"); var statement = session.createStatement()) {
            var owner = Stack.next("owner");
            statement.execute("create role \"" + owner + " group\" nologin");
            statement.execute("create database handover_drill_mine");
            var before = state(statement);
            var kit = backedUp(FEATURES.formatted(owner));
            kit.set("DRILL_DATABASE_URL", other.superuserUrl()).set("PROTECTED_ENVS", "staging");
            kit.run("backups", "drill", "--env", "staging").exits(0);
            assertEquals(before, state(statement));

            statement.execute("select pg_advisory_lock(x'48414E44'::int, x'4452494C'::int)");
            kit.run("backups", "drill", "--env", "staging").exits(11).says("another drill goes on at");
            statement.execute("select pg_advisory_unlock_all()");
            kit.start("backups", "drill", "--env", "staging").awaitSays("ok: Load into it").signal("KILL").process.waitFor();
            assertFalse(before.equals(state(statement)));
            kit.awaitNoProcess();
            kit.run("backups", "drill", "--env", "staging").exits(0);
            assertEquals(before, state(statement));
            kit.start("backups", "drill", "--env", "staging").awaitSays("ok: Have a server").signal("TERM").result().exits(143);
            assertEquals(before, state(statement));
            assertNothingIsLeft(kit);
        }
    }

    @Test void a_server_that_has_an_environments_database_is_refused() {
        var kit = backedUp("create table t as select 1 as one");
        var server = Stack.up().setting("LOCAL_SUPERUSER_URL");
        kit.set("DRILL_DATABASE_URL", server).run("backups", "drill", "--env", "staging").exits(10).says("DRILL_DATABASE_URL leads to the server of environment 'staging'");
        kit.set("DRILL_DATABASE_URL", server.replace("127.0.0.1", "localhost")).run("backups", "drill", "--env", "staging").exits(10);
        // Its address is not known here: its backup says which server it was.
        kit.set("STAGING_DATABASE_URL", null).run("backups", "drill", "--env", "staging").exits(10).says("is the one of its backup");
        kit.run("backups", "list", "--env", "drill").exits(2).says("an environment can't be called 'drill'");
        kit.set("DRILL_DATABASE_URL", "postgresql://nobody:x@127.0.0.1:1/postgres").run("backups", "drill", "--env", "staging").exits(78).says("DRILL_DATABASE_URL stands in .env.operations");
    }

    private static List<String> state(java.sql.Statement statement) throws Exception {
        var found = new ArrayList<String>();
        try (var rows = statement.executeQuery("select datname from pg_database union all select rolname from pg_roles union all select roleid::text || ' ' || member::text from pg_auth_members order by 1")) {
            while (rows.next()) found.add(rows.getString(1));
        }
        return found;
    }

    /** Folders that a run's throwaway servers have left. */
    private static List<Path> left(Kit.Running run) throws IOException {
        try (var folders = Files.list(Path.of("/var/tmp"))) {
            return folders.filter(folder -> folder.getFileName().toString().startsWith("handover-throwaway-" + run.process.pid() + "-")).toList();
        }
    }

    /** Puts another archive in the only backup's place, and has everything that is said of it agree. */
    private static void forge(Kit kit, String makeArchive) {
        Kit.needs("aws", "zstd");
        var folder = kit.sealed().get(0);
        kit.bash("mkdir forged; set -a; . ./.env.operations; set +a; cd forged; aws --endpoint-url $AWS_ENDPOINT_URL_S3 s3 cp --quiet --recursive s3://" + kit.bucket + "/" + folder + " .; "
            + makeArchive + "; zstd -q -f data-00.dump; sha256sum data-00.dump.zst globals.sql.zst > SHA256SUMS"
            + "; old=$(grep -m1 -o '\"sha256\": \"[0-9a-f]*' manifest.json | grep -o '[0-9a-f]*$'); new=$(head -c 64 SHA256SUMS)"
            + "; sed -i \"s/$old/$new/; 0,/\\\"bytes_raw\\\": [0-9]*/s//\\\"bytes_raw\\\": $(stat -c %s data-00.dump)/; 0,/\\\"bytes_stored\\\": [0-9]*/s//\\\"bytes_stored\\\": $(stat -c %s data-00.dump.zst)/\" manifest.json"
            + "; rm data-00.dump; sha256sum manifest.json >> SHA256SUMS; aws --endpoint-url $AWS_ENDPOINT_URL_S3 s3 cp --quiet --recursive . s3://" + kit.bucket + "/" + folder).exits(0);
    }

    private static String superuserUrl(TestDatabase database) { return Stack.up().setting("LOCAL_SUPERUSER_URL").replaceFirst("/[^/]*$", "/" + database.name); }

    /** A database that the server's superuser filled and backed up. */
    private static Kit backedUp(String sql) {
        var kit = Stack.kit();
        kit.database.asSuperuser(sql);
        kit.set("STAGING_DATABASE_URL", superuserUrl(kit.database));
        kit.run("backup-db", "--env", "staging").exits(0);
        return kit;
    }

    private static JsonObject evidence(Kit kit) {
        var keys = kit.keys().stream().filter(key -> key.matches(".*/drill-[0-9TZ]+\\.json")).toList();
        return kit.json(keys.get(keys.size() - 1));
    }

    private static void assertNothingIsLeft(Kit kit) {
        kit.awaitNoProcess();
        assertEquals(List.of(), kit.leftTemporary());
    }
}
