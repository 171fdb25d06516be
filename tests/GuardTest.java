import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.Stream;
import ops.DatabaseTarget;
import ops.DatabaseUrl;
import ops.Failure;
import ops.Guard;
import ops.Run;
import ops.Settings;
import ops.Store;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import release.Providers;

/** A protected environment's database, site and backups are never changed by accident, whatever name and way lead to them. */
class GuardTest {
    private static final String IS_PRODUCTION = "'staging' points at the database of the protected environment 'production'";
    private static final String IS_ITS_SITE = "'staging' points at the site of the protected environment 'production'";
    private final TestDatabase production = TestDatabase.create(Stack.next("production_"));
    private final Kit kit = Stack.kit();

    @BeforeEach void twoRowsInProduction() {
        production.execute("create table customer (id int); insert into customer values (1), (2)");
        kit.set("PRODUCTION_DATABASE_URL", production.url());
    }

    /** With one row. */
    private void backUpStaging() { kit.backedUp(Kit.ONE_CUSTOMER); }

    /** Why something of staging's is production's, as the guard finds it in this process; empty when it is not. */
    private Optional<String> shared(Function<Settings, Guard.Target> target) throws Exception {
        return target.apply(kit.settings()).sharedWith(kit.settings("production"));
    }

    private Optional<String> sharedSite() throws Exception {
        var run = new Run();
        try {
            return Providers.of(run, kit.settings()).sharedWith(kit.settings("production"));
        } finally {
            run.undo.close();
        }
    }

    @Test void by_its_own_name_it_is_refused_and_told_what_to_do_instead() {
        kit.run("restore-db", "--env", "production", "--from", "staging").exits(10)
            .says("FAILED: environment 'production' is protected: it is in PROTECTED_ENVS", "Next:  restore into another one: --env staging --from production", "State: the database of 'production' is as it was.");
        untouched();
    }

    @Test void by_another_spelling_of_its_address_it_is_refused() throws Exception {
        TestDatabase.superuser("do $$ begin if not exists (select from pg_roles where rolname = 'other') then create role other superuser login password 'x'; end if; end $$");
        // The list of protected ones may be written carelessly.
        kit.set("STAGING_DATABASE_URL", production.url().replace("@127.0.0.1:", "@%6Cocalhost:")).set("PROTECTED_ENVS", " live ,,production ,");
        kit.run("restore-db", "--env", "staging").exits(10).says(IS_PRODUCTION, "Next:  correct it: STAGING_DATABASE_URL stands in .env.operations");
        var addresses = Stream.of("127.0.0.1", "localhost", "LOCALHOST", "localhost.", "127%2E0%2E0%2E1", "127.1", "[::ffff:127.0.0.1]")
            .map(host -> production.url().replace("@127.0.0.1:", "@" + host + ":"));
        // A percent-encoded name, and another role, do not make it another database either.
        var others = Stream.of(production.url().replace("/production_", "/%70roduction_"), production.url("other", "x"));
        for (var address : Stream.concat(addresses, others).toList()) {
            kit.set("STAGING_DATABASE_URL", address);
            var why = shared(settings -> DatabaseTarget.of(new Run(), settings, Store.open(settings)));
            assertEquals(Optional.of("both lead to " + TestDatabase.server() + "/" + production.name), why, address);
        }
        untouched();
    }

    @Test void a_parameter_that_could_lead_elsewhere_is_refused_and_so_are_several_hosts() {
        var parameters = List.of("host=127.0.0.1", "hostaddr=127.0.0.1", "port=5432", "dbname=production", "user=postgres", "options=-c%20search_path%3Dx", "service=production", "%68ost=127.0.0.1", "HOST=127.0.0.1",
            "sslmode=disable&host=127.0.0.1", "sslmode=disable&sslmode=require", "servicefile=/tmp/x", "targetServerType=primary", "passfile=/tmp/x");
        for (var parameter : parameters) {
            kit.set("STAGING_DATABASE_URL", kit.database.url() + "?" + parameter);
            var refused = assertThrows(Failure.BadSetting.class, () -> DatabaseUrl.of(kit.settings()), parameter);
            assertTrue(refused.getMessage().contains("DATABASE_URL has a parameter") && refused.hint.contains("remove it"), refused::toString);
        }
        kit.run("restore-db", "--env", "staging").exits(78).says("DATABASE_URL has a parameter", "Next:  remove it");
        for (var hosts : List.of("@127.0.0.1@localhost:", "@127.0.0.1,localhost:", "@127.0.0.1:1,127.0.0.1:")) {
            kit.set("STAGING_DATABASE_URL", kit.database.url().replace("@127.0.0.1:", hosts));
            var refused = assertThrows(Failure.BadSetting.class, () -> DatabaseUrl.of(kit.settings()), hosts);
            assertTrue(refused.getMessage().contains("DATABASE_URL"), refused::toString);
        }
        kit.run("restore-db", "--env", "staging").exits(78).says("FAILED: DATABASE_URL");
        untouched();
    }

    /** A database beside it, on the same server, is another one. */
    @Test void what_libpq_reads_from_the_environment_leads_nowhere_else() throws IOException {
        var server = TestDatabase.server().split(":");
        var file = Files.writeString(kit.home.resolve("services"), "[production]\nhost=" + server[0] + "\nport=" + server[1] + "\ndbname=" + production.name + "\n");
        backUpStaging();
        kit.with("PGHOST", server[0]).with("PGHOSTADDR", server[0]).with("PGPORT", server[1]).with("PGDATABASE", production.name).with("PGUSER", "postgres").with("PGOPTIONS", "-c search_path=x")
            .with("PGSERVICE", "production").with("PGSERVICEFILE", file.toString()).with("PGPASSFILE", "/nowhere");
        kit.database.execute("insert into customer values (7)");
        kit.run("restore-db", "--env", "staging").exits(0);
        assertEquals("1", kit.database.one("select count(*) from customer"));
        untouched();
    }

    @Test void a_port_forward_to_it_is_found_by_what_the_server_says_of_itself() throws IOException {
        try (var forward = forward()) {
            kit.set("STAGING_DATABASE_URL", production.url().replaceFirst("@[^/]*/", "@127.0.0.1:" + forward.port() + "/"));
            kit.run("restore-db", "--env", "staging").exits(10).says(IS_PRODUCTION, "the server says that both are its database");
        }
        untouched();
    }

    @Test void a_port_forward_is_found_by_its_last_backup_when_it_cannot_be_reached_itself() throws IOException {
        kit.run("backup-db", "--env", "production", "--quiet").exits(0);
        try (var forward = forward()) {
            kit.set("STAGING_DATABASE_URL", production.url().replaceFirst("@[^/]*/", "@127.0.0.1:" + forward.port() + "/"));
            for (var url : new String[] {production.url().replaceFirst("@[^/]*/", "@127.0.0.1:9/"), null}) {
                kit.set("PRODUCTION_DATABASE_URL", url);
                kit.run("restore-db", "--env", "staging").exits(10).says(IS_PRODUCTION, "the server says it is the one of its backup ");
            }
        }
        untouched();
    }

    /** The pooler calls it otherwise than the server does, and so does its backup. */
    @Test void backed_up_under_a_pooler_s_alias_it_is_known_by_its_own_name() {
        PgBouncer.needed();
        try (var pooler = new PgBouncer("pool_mode = session\n[databases]\nshop = host=" + TestDatabase.server().replace(":", " port=") + " dbname=" + production.name)) {
            kit.set("PRODUCTION_DATABASE_URL", pooler.url(production).replace("/" + production.name, "/shop"));
            kit.run("backup-db", "--env", "production", "--quiet").exits(0);
            assertEquals("shop", kit.manifest().get("database").getAsString());
            // Another database of the pooler's name, made by a restore, would be one that nobody reads.
            kit.set("STAGING_DATABASE_URL", pooler.url(kit.database).replace("/" + kit.database.name, "/shop")).set("PROTECTED_ENVS", "none");
            kit.run("restore-db", "--env", "staging", "--from", "production").exits(78).says("'shop' is a pooler's name for the database '" + production.name + "'", "STAGING_DATABASE_URL stands in");
            kit.set("PROTECTED_ENVS", null);
        }
        kit.set("STAGING_DATABASE_URL", production.url());
        kit.run("restore-db", "--env", "staging", "--from", "production").exits(10).says(IS_PRODUCTION, "the server says it is the one of its backup ");
        untouched();
    }

    /** A standby has another address and another start, and all that is changed at its primary. */
    @Test void where_its_address_is_a_standbys_the_primary_is_its_too() throws Exception {
        backUpStaging();
        try (var primary = TestServer.start(); var standby = primary.standby()) {
            primary.execute("postgres", "create table customer (id int); insert into customer values (1), (2)");
            kit.set("STAGING_DATABASE_URL", primary.url("postgres"))
                .set("PRODUCTION_DATABASE_URL", standby.url("postgres"));
            kit.run("restore-db", "--env", "staging", "--no-safety-backup").exits(10).says(IS_PRODUCTION, "that one's address is of a standby with this server's data", "Next:  correct it: STAGING_DATABASE_URL");
            kit.set("STAGING_DATABASE_URL", kit.database.url())
                .set("DRILL_DATABASE_URL", primary.url("postgres"));
            kit.run("backups", "drill", "--env", "staging").exits(10).says("DRILL_DATABASE_URL leads to the server of environment 'production'");
            assertEquals("2", primary.one("postgres", "select count(*) from customer"));
        }
    }

    @Test void when_it_can_neither_be_reached_nor_was_backed_up_the_answer_is_no() {
        kit.set("PRODUCTION_DATABASE_URL", production.url().replaceFirst("@[^/]*/", "@127.0.0.1:9/"));
        kit.run("restore-db", "--env", "staging").exits(10).says("it can't be told whether", "has no backup", "Next:  make production reachable from here, or back it up once");
    }

    /** In this process by other names, since production is protected there in any case. */
    @Test void the_list_of_protected_ones_may_be_written_carelessly() {
        for (var list : List.of(" other ", "live , other", "live,,other,", " live ,,other ,"))
            assertTrue(kit.set("PROTECTED_ENVS", list).settings().protectedEnvironments().contains("other"), list);
    }

    @Test void a_name_that_is_almost_its_own_is_no_environment() {
        for (var name : List.of("production ", " production", "Production", "prod/../production"))
            assertTrue(assertThrows(Failure.Usage.class, () -> Settings.of(name)).getMessage().contains("is not the name of an environment"), name);
        kit.run("restore-db", "--env", "production\n").exits(2).says("is not the name of an environment");
        untouched();
    }

    @Test void a_list_of_protected_ones_that_would_protect_nothing_ends_every_command_that_reads_it() {
        for (var list : List.of("production;live", "\"production\"", "Production", "production.", "1production", ",", "production,drill", "production staging")) {
            kit.set("PROTECTED_ENVS", list);
            var refused = assertThrows(Failure.BadSetting.class, () -> kit.settings().protectedEnvironments(), list);
            assertTrue(refused.getMessage().startsWith("PROTECTED_ENVS names ") && refused.getMessage().contains("protects nothing"), refused::toString);
            assertTrue(refused.hint.contains("PROTECTED_ENVS stands in "), refused.hint);
        }
        kit.set("STAGING_DATABASE_URL", production.url());
        kit.run("restore-db", "--env", "staging").exits(78).says("FAILED: PROTECTED_ENVS names ", "protects nothing", "PROTECTED_ENVS stands in .env.operations");
        kit.run("backups", "prune", "--env", "staging", "--dry-run").exits(78);
        kit.run("doctor", "--env", "staging").exits(78).prints("problem      PROTECTED_ENVS: PROTECTED_ENVS names 'production staging'");
        // Another environment's own list is one that is read, too: whether a standby stands for its primary goes by it.
        kit.set("PROTECTED_ENVS", null).set("STAGING_DATABASE_URL", kit.database.url());
        backUpStaging();
        kit.set("PRODUCTION_PROTECTED_ENVS", "production;live");
        kit.run("restore-db", "--env", "staging").exits(78).says("PROTECTED_ENVS names 'production;live'", "PRODUCTION_PROTECTED_ENVS stands in .env.operations");
        kit.run("doctor", "--env", "staging").exits(78).prints("PROTECTED_ENVS names 'production;live'");
        untouched();
    }

    @Test void a_misspelt_protected_environment_is_a_problem_for_the_doctor() {
        kit.set("PROTECTED_ENVS", "prodution");
        kit.run("doctor", "--env", "staging").exits(78).prints("problem      protected: PROTECTED_ENVS names 'prodution', which is no environment in these settings: did you mean production?");
    }

    // --- where a protected environment's backups lie

    /** The last backup, where another prefix or another bucket keeps it, tells who the target is. */
    @Test void a_protected_one_that_is_known_by_its_own_place_in_a_bucket_alone_is_not_overwritten() {
        backUpStaging();
        kit.set("PRODUCTION_BACKUP_PREFIX", "elsewhere");
        kit.run("backup-db", "--env", "production", "--quiet").exits(0);
        kit.set("PRODUCTION_DATABASE_URL", null).set("STAGING_DATABASE_URL", production.url());
        kit.run("restore-db", "--env", "staging").exits(10).says(IS_PRODUCTION, "the server says it is the one of its backup ");
        // Where that place can't be looked into, nobody knows.
        kit.set("PRODUCTION_BACKUP_BUCKET", "not-there");
        kit.run("restore-db", "--env", "staging").exits(10).says("it can't be told whether", "its backups can't be read");
        untouched();
    }

    @Test void a_place_in_the_bucket_that_lies_in_a_protected_ones_is_neither_pruned_nor_written_to() {
        var lies = "'staging' points at the place in the bucket of the protected environment 'production': one lies in the other, s3://";
        kit.set("STAGING_BACKUP_PREFIX", "handover//production/").run("backups", "prune", "--env", "staging").exits(10).says(lies);
        kit.set("STAGING_BACKUP_PREFIX", "handover/x/../production/./y").run("restore-db", "--env", "staging").exits(10).says(lies);
        kit.set("STAGING_BACKUP_PREFIX", null).set("PRODUCTION_BACKUP_PREFIX", "handover/staging");
        kit.run("backups", "prune", "--env", "staging").exits(10).says("one lies in the other");
        kit.set("PRODUCTION_BACKUP_BUCKET", "another");
        kit.run("backups", "prune", "--env", "staging").exits(0);
    }

    @Test void databases_that_restores_of_a_protected_one_have_replaced_are_not_dropped_under_another_name() {
        production.execute("create table t (id int)");
        var old = production.name + "_old_20200101T000000Z";
        TestDatabase.superuser("create database \"" + old + "\"");
        kit.set("STAGING_DATABASE_URL", production.url());
        kit.run("backups", "prune", "--env", "staging").exits(10).says(IS_PRODUCTION);
        assertEquals("1", production.one("select count(*) from pg_database where datname = '" + old + "'"));
        TestDatabase.superuser("drop database \"" + old + "\"");
    }

    // --- deploys

    @Test void a_deploy_and_a_rollback_change_no_protected_ones_database() throws IOException {
        var site = new DeployedSite(kit);
        try {
            site.repository.write("supabase/migrations/20261101000000_gone.sql", "drop table public.customer;\n").commit("Gone");
            kit.set("STAGING_DATABASE_URL", production.url());
            for (var command : List.of("deploy --leave-migrations", "deploy --dry-run", "rollback")) refusesADatabase(site, command);
            // The doctor names whatever is production's.
            kit.set("PRODUCTION_DEPLOY_PROVIDER", "directory").set("PRODUCTION_DEPLOY_DIRECTORY", site.www.toString()).set("STAGING_BACKUP_PREFIX", "handover/production");
            kit.run("doctor", "--env", "staging").exits(78).prints("problem      database: the database is the one of environment 'production' too: both lead to ",
                "problem      site: the site is the one of environment 'production' too: ", "problem      place in the bucket: the place in the bucket is the one of environment 'production' too");
            kit.set("PRODUCTION_DEPLOY_PROVIDER", null).set("PRODUCTION_DEPLOY_DIRECTORY", null).set("STAGING_BACKUP_PREFIX", null);
            try (var forward = forward()) {
                kit.set("STAGING_DATABASE_URL", production.url().replaceFirst("@[^/]*/", "@127.0.0.1:" + forward.port() + "/"));
                refusesADatabase(site, "deploy --apply-migrations --unrehearsed").says("the server says that both are its database");
            }
            assertTrue(site.isNothingLive());
            untouched();
        } finally {
            site.close();
        }
    }

    private static Kit.Result refusesADatabase(DeployedSite site, String command) {
        var words = command.split(" ");
        return site.run(words[0], Arrays.copyOfRange(words, 1, words.length)).exits(10).says(IS_PRODUCTION, "State: nothing was changed: what was live is live.", "correct it: STAGING_DATABASE_URL stands in .env.operations");
    }

    /** Production's folder by other names: links, slashes, a folder within it, a mount of it. */
    @Test void a_deploy_and_a_rollback_change_no_protected_ones_folder_whatever_leads_there() throws Exception {
        var site = new DeployedSite(kit);
        try {
            var live = site.shipTwo().get(1);
            var www = site.www.toString();
            kit.set("PRODUCTION_DEPLOY_PROVIDER", "directory").set("PRODUCTION_DEPLOY_DIRECTORY", www);
            kit.bash("ln -s www alias; mkdir -p other further; ln -s ../www/releases other/releases").exits(0);
            var names = new ArrayList<>(List.of(www, www + "/", www.replace("/www", "//./www/."), kit.home + "/other", www + "/current", www + "/releases/below", kit.home + "/alias"));
            if (kit.bash("mkdir mounted; mount --bind www mounted || true").err().isEmpty()) names.add(0, kit.home + "/mounted");
            try {
                for (var name : names) {
                    kit.set("STAGING_DEPLOY_DIRECTORY", name);
                    assertTrue(sharedSite().isPresent(), name);
                }
                site.run("deploy").exits(10).says(IS_ITS_SITE, "State: nothing was changed: what was live is live.", "correct it: STAGING_DEPLOY_DIRECTORY stands in .env.operations");
                assertEquals(live, site.current());
                // By ssh to this very machine, which does not let us in.
                kit.set("STAGING_DEPLOY_DIRECTORY", www);
                for (var host : List.of("nobody@127.0.0.1", "nobody@localhost")) {
                    kit.set("PRODUCTION_DEPLOY_DIRECTORY", host + ":" + kit.home + "/alias");
                    assertTrue(sharedSite().orElse("").startsWith("both are one folder"), host);
                }
                kit.set("PRODUCTION_DEPLOY_DIRECTORY", www);
                site.run("rollback").exits(10).says(IS_ITS_SITE);
                // Where these settings do not say what production's folder is, its own records do.
                kit.set("PRODUCTION_DEPLOY_DIRECTORY", null).set("STAGING_DEPLOY_DIRECTORY", www).set("PRODUCTION_BACKUP_PREFIX", "elsewhere");
                kit.put("elsewhere/production/releases/" + live + ".json", "{}");
                kit.delete("handover/staging/releases/" + live + ".json");
                site.run("deploy").exits(10).says(IS_ITS_SITE, "what is live there is its release " + live);
                assertEquals(live, site.current());
                kit.set("STAGING_DEPLOY_DIRECTORY", kit.home + "/further");
                site.run("deploy", "--dry-run").exits(0).says("ok: Look for protected environments behind other names: database, site and place in the bucket are none of theirs");
            } finally {
                kit.bash("umount mounted 2>/dev/null || true");
            }
        } finally {
            site.close();
        }
    }

    @Test void a_provider_s_project_of_a_protected_one_is_not_deployed_to() throws Exception {
        var site = new SiteRepository(kit);
        var projects = new String[][] {{"vercel", "VERCEL_PROJECT_ID", VercelStandIn.PROJECT, "Vercel's project"}, {"vercel", "VERCEL_PROJECT_ID", VercelStandIn.NAME, "by its id and by its name"},
            {"cloudflare-pages", "CLOUDFLARE_PAGES_PROJECT", PagesStandIn.NAME, "Cloudflare Pages' project"}, {"cloudflare-workers", "CLOUDFLARE_WORKER", "SHOP", "Cloudflare's Worker"}};
        try (var standIn = DeployStandIn.start()) {
            kit.set("VERCEL_TOKEN", Hosting.TOKEN).set("VERCEL_ORG_ID", VercelStandIn.TEAM).set("STAGING_VERCEL_PROJECT_ID", VercelStandIn.PROJECT).set("VERCEL_API_URL", standIn.url())
                .set("CLOUDFLARE_API_TOKEN", Hosting.TOKEN).set("CLOUDFLARE_ACCOUNT_ID", CloudflareStandIn.ACCOUNT).set("CLOUDFLARE_API_URL", standIn.cloudflareUrl())
                .set("STAGING_CLOUDFLARE_PAGES_PROJECT", PagesStandIn.NAME).set("STAGING_CLOUDFLARE_WORKER", "shop");
            for (var each : projects) {
                site.ship(each[0], standIn.vercelSite());
                kit.set("PRODUCTION_" + each[1], "another");
                assertEquals(Optional.empty(), sharedSite(), each[0]);
                kit.set("PRODUCTION_" + each[1], each[2]);
                assertTrue(sharedSite().orElse("").contains(each[3]), each[3]);
            }
            kit.run("rollback", "--env", "staging").exits(10).says(IS_ITS_SITE, "Cloudflare's Worker");
            kit.set("PRODUCTION_CLOUDFLARE_WORKER", "another");
            kit.run("rollback", "--env", "staging").exits(10).says("has no good release before the one that is live");
        }
    }

    // --- break glass

    @Test void breaking_the_glass_needs_a_person_at_a_terminal() {
        backUpStaging();
        kit.run("restore-db", "--env", "production", "--from", "staging", "--break-glass", "all is lost").exits(10).says("this needs a person at a terminal");
        kit.run("restore-db", "--env", "production", "--from", "staging", "--break-glass", " ").exits(2).says("--break-glass wants a reason");
        kit.run("restore-db", "--env", "production", "--from", "staging", "--break-glass", "x", "--no-safety-backup").exits(2).says("exclude each other");
        untouched();
    }

    @Test void with_the_name_typed_it_is_restored_after_a_safety_backup_that_was_read_back_and_the_reason_is_kept() {
        assumeTrue(Files.exists(Path.of("/usr/bin/script")), "script (util-linux) is not there to make a terminal");
        backUpStaging();
        typed("staging", 10).prints("Make sure that it is no other protected one", ", with the data of 20",
            "Type production to go on: ", "not confirmed: 'staging' was typed, not 'production'");
        untouched();
        typed("production", 0).prints("Read it back", "'production' was typed");
        assertEquals("1", production.one("select count(*) from customer"));
        assertTrue(kit.history().stream().anyMatch(record -> record.has("break_glass") && record.get("break_glass").getAsString().equals("all is lost")), () -> kit.history().toString());
        assertTrue(kit.keys("handover/production/" + production.name + "/").stream().anyMatch(key -> key.matches(".*/verify-.*")), () -> kit.keys().toString());
    }

    /** Types an answer on a terminal, once it is asked for. */
    private Kit.Result typed(String answer, int exit) {
        return kit.bash("""
            rm -f in out; mkfifo in; touch out
            script -qfec './jbang restore-db --env production --from staging --break-glass "all is lost"' out <in >/dev/null &
            exec 3>in
            for i in $(seq 600); do ! grep -q 'to go on' out || break; sleep 0.1; done
            echo %s >&3
            code=0; wait $! || code=$?
            cat out
            exit $code""".formatted(answer)).exits(exit);
    }

    private void untouched() { assertEquals("2", production.one("select count(*) from customer")); }

    /** What ssh -L does. */
    private static Relay forward() throws IOException {
        return new Relay(TestDatabase.server(), (port, toServer, bytes) -> true);
    }
}
