import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.Isolated;

/** What is different at Supabase. Its roles are the whole server's: so no other test runs meanwhile. */
@Isolated
class SupabaseTest {
    /** Supabase itself is not there to test with: this has its roles, schemas and rights, as far as a backup sees them. */
    @Test void an_imitation_of_supabase_keeps_the_rows_of_auth_and_storage_and_leaves_the_platforms_own_out() throws Exception {
        try (var platform = new ImitatedSupabase()) {
            var kit = Stack.kit(platform.project()).withDrillServer();
            kit.set("STAGING_DATABASE_URL", kit.database.url("sb_postgres", "sb-Passw0rd"));
            kit.run("backup-db", "--env", "staging", "--verify", "readable").exits(0).says("at Supabase");
            var manifest = kit.manifest();
            assertTrue(manifest.getAsJsonObject("server").get("supabase").getAsBoolean());
            assertEquals(List.of("data-00.dump.zst all", "data-01.dump.zst data"), manifest.getAsJsonArray("parts").asList().stream().map(part -> part.getAsJsonObject())
                .map(part -> part.get("name").getAsString() + " " + part.get("stage").getAsString()).toList());
            assertEquals(Map.of("public.profile", 2L, "auth.users", 2L, "auth.identities", 1L, "storage.objects", 1L), kit.countsInManifest());
            var whole = kit.archive("data-00.dump.zst");
            assertTrue(whole.contains("CREATE TABLE public.profile") && !whole.contains("auth.users (") && !whole.contains("vault"), whole);
            var rows = kit.archive("data-01.dump.zst");
            assertTrue(rows.contains("ada@example.com") && !rows.contains("CREATE ") && !rows.contains("schema_migrations"), rows);

            var fresh = platform.emptyProject();
            kit.restoreByHandInto(fresh);
            var there = fresh.counts();
            assertEquals(kit.countsInManifest(), Map.of("public.profile", there.get("public.profile"), "auth.users", there.get("auth.users"),
                "auth.identities", there.get("auth.identities"), "storage.objects", there.get("storage.objects")));

            kit.run("backups", "drill", "--env", "staging").exits(12).says("can't be restored on a server without Supabase's own schemas", "auth");
            assertEquals(List.of(), kit.keys().stream().filter(key -> key.contains("/drill-")).toList(), "nothing is said against it");
            // Rows come back all the same, of the platform's tables too.
            kit.database.asSuperuser("delete from public.profile where id = 2; delete from auth.identities; delete from auth.users where id = 2; "
                + "create function public.new_user() returns trigger language plpgsql as 'begin insert into public.profile values (new.id, ''new''); return new; end'; "
                + "create trigger new_user after insert on auth.users for each row execute function public.new_user()");
            kit.run("rows", "--env", "staging", "--table", "auth.users", "--where", "email like 'bob@%'").exits(0)
                .says("these triggers will not run: new_user of auth.users").prints("1 row into auth.users, 1 row into auth.identities, 1 row into public.profile, from backup ");
            assertEquals(List.of("1|ada", "2|bob"), kit.database.rows("select * from public.profile order by 1"));
            kit.database.asSuperuser("drop function public.new_user() cascade");
            Files.copy(Stack.CHECKOUT.resolve("tests/Migrate.java"), kit.home.resolve("tests/Migrate.java"));
            Files.writeString(Files.createDirectories(kit.home.resolve("supabase/migrations")).resolve("1_a.sql"), "create table a (id int)");
            kit.run("tests/Migrate.java", "rehearse", "--env", "staging").exits(0).says("can't be restored on a server without Supabase's own schemas", ": rehearsed in a transaction of ").printsLike("rehearsed: 1_a\\.sql [0-9.]+ s");
            kit.database.asSuperuser("alter table public.profile drop constraint profile_id_fkey");
            kit.run("backup-db", "--env", "staging").exits(0);
            kit.run("backups", "drill", "--env", "staging").exits(0).prints("1 table with 2 rows", "; without data-01.dump.zst (rows of schemas that Supabase owns");
        }
    }

    @Test void a_role_of_its_name_makes_no_database_one_of_supabases() throws Exception {
        try (var platform = new ImitatedSupabase()) {
            var kit = Stack.kit();
            kit.database.execute("create schema auth; create table auth.session (id int); insert into auth.session values (1)");
            kit.run("backup-db", "--env", "staging").exits(0);
            assertTrue(kit.archive("data-00.dump.zst").contains("CREATE TABLE auth.session"));
            assertEquals(Map.of("auth.session", 1L), kit.countsInManifest());
        }
    }

    @Test void what_is_ours_on_the_platforms_tables_outlives_a_restore_in_place_and_comes_into_another_project() throws Exception {
        try (var platform = new ImitatedSupabase()) {
            var project = platform.project().asSuperuser(OURS_ON_PLATFORM);
            var kit = Stack.kit(project);
            kit.set("STAGING_DATABASE_URL", project.url("sb_postgres", "sb-Passw0rd"));
            var before = project.rows(WHAT_IS_OURS);
            kit.run("backup-db", "--env", "staging").exits(0).says("trigger on_auth_user_created on table auth.users", "policy only_mine on table storage.objects");
            project.asSuperuser("delete from public.profile where id = 2");
            kit.run("restore-db", "--env", "staging", "--mode", "in-place", "--no-safety-backup").exits(0).says("made again afterwards, since no backup holds it");
            assertEquals(before, project.rows(WHAT_IS_OURS));
            assertEquals("2", project.one("select count(*) from public.profile"));

            var fresh = platform.emptyProject().asSuperuser("insert into auth.users values (1, 'ada@example.com'), (2, 'bob@example.com'); alter table storage.objects owner to sb_postgres; alter table storage.objects enable row level security");
            fresh.asSuperuser("alter database " + TestDatabase.quote(fresh.name) + " owner to sb_postgres");
            kit.set("PREVIEW_DATABASE_URL", fresh.url("sb_postgres", "sb-Passw0rd"));
            kit.run("restore-db", "--env", "preview", "--from", "staging", "--mode", "in-place", "--no-safety-backup").exits(0);
            assertEquals(before, fresh.rows(WHAT_IS_OURS));
        }
    }

    private static final String OURS_ON_PLATFORM = """
        do $$ begin execute format('alter database %I owner to sb_postgres', current_database()); end $$;
        alter table storage.objects owner to sb_postgres; alter table storage.objects enable row level security;
        set role sb_postgres;
        create function public.new_user() returns trigger language plpgsql as 'begin return new; end';
        create function public.mine(text) returns boolean language sql as 'select true';
        create trigger on_auth_user_created after insert on auth.users for each row execute function public.new_user();
        create policy only_mine on storage.objects as restrictive using (public.mine(name)); create policy everybody on storage.objects for select using (true)""";
    private static final String WHAT_IS_OURS = """
        select tgname, pg_get_triggerdef(oid) from pg_trigger where not tgisinternal
        union all select polname, concat_ws(' ', polrelid::regclass, polpermissive, polcmd, pg_get_expr(polqual, polrelid)) from pg_policy order by 1""";

    /** Roles of the whole server, so they go when the test ends (anon is the stack's own); and projects with the platform's schemas. */
    private static final class ImitatedSupabase implements AutoCloseable {
        ImitatedSupabase() {
            TestDatabase.superuser("create role supabase_admin; create role authenticated; create role sb_postgres login bypassrls password 'sb-Passw0rd';"
                + "grant set on parameter session_replication_role to sb_postgres");
        }

        TestDatabase emptyProject() {
            return TestDatabase.create(Stack.next("project_")).asSuperuser("""
                grant all on schema public to sb_postgres;
                create schema auth authorization supabase_admin; create schema storage authorization supabase_admin;
                create schema extensions authorization supabase_admin; create schema vault authorization supabase_admin;
                create table auth.users (id int primary key, email text); alter table auth.users owner to supabase_admin; alter table auth.users enable row level security;
                create table auth.identities (id int primary key, user_id int references auth.users);
                create table auth.schema_migrations (version text); insert into auth.schema_migrations values ('1');
                create table storage.objects (id int, name text); create table storage.migrations (id int); insert into storage.migrations values (1);
                create table vault.secrets (id int, secret text); insert into vault.secrets values (1, 'platform');
                grant usage on schema auth, storage to sb_postgres, anon; grant all on all tables in schema auth, storage to sb_postgres""");
        }

        TestDatabase project() {
            return emptyProject().asSuperuser("""
                insert into auth.users values (1, 'ada@example.com'), (2, 'bob@example.com'); insert into auth.identities values (1, 2);
                insert into storage.objects values (1, 'photo.jpg');
                set role sb_postgres;
                create table public.profile (id int primary key references auth.users, nickname text); alter table public.profile enable row level security;
                grant select on public.profile to anon; insert into public.profile values (1, 'ada'), (2, 'bob')""");
        }

        @Override public void close() {
            for (var database : TestDatabase.serverRows("select datname from pg_database where datname like 'project\\_%'")) TestDatabase.superuser("drop database " + TestDatabase.quote(database) + " with (force)");
            TestDatabase.superuser("revoke set on parameter session_replication_role from sb_postgres; drop role supabase_admin, authenticated, sb_postgres");
        }
    }
}
