//SOURCES ../scripts/local/EmbeddedPostgres.java

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Stream;
import local.EmbeddedPostgres;
import org.junit.jupiter.api.Test;

/**
 * Each runbook is typed as it stands by somebody who has no time to think: block by block, in order, in one terminal,
 * against what the runbook is for. The settings are the example with what has to be filled in.
 *
 * <p>The French runbooks have the very same blocks, which {@link RunbooksTest} sees to: who walks these walks those.
 */
class RunbookWalksTest {
    private static final String SHOP = """
        create table canary (id int primary key, text text);
        insert into canary values (1, 'seen'), (2, 'hidden');
        create table orders (id int generated always as identity primary key, customer text not null,
            price int not null, tax numeric generated always as (price * 0.2) stored);
        create table lines (order_id int not null references orders on delete cascade, what text not null);
        create table some_log (line text);
        insert into orders (customer, price) select 'c' || n % 7, n * 100 from generate_series(1, 50) n;
        insert into lines select 1 + n % 50, 'thing ' || n from generate_series(1, 100) n;
        insert into some_log select 'x' from generate_series(1, 1000)
        """;
    private static final String PASSWORD = "known-to-strangers-1", NEW_PASSWORD = "not-known-to-strangers-2";
    /** How a token begins that somebody has committed. */
    private static final String TOKEN = "tok_live_4711";

    private final Kit kit = Stack.kit();
    private final DeployedSite site = new DeployedSite(kit);
    private final TestDatabase production = TestDatabase.create(Stack.next("db_"));
    /** Owns production's database. */
    private final String role = Stack.next("role_");
    private final String offsite = Stack.next("bucket");
    private final String elsewhere = Stack.next("bucket");
    /** Blocks that were typed in one of the walks. */
    private final Set<String> typed = new HashSet<>();
    /** What every walk puts in for the words in capitals. */
    private final Map<String, String> everywhere = new HashMap<>();

    @Test void every_runbook_can_be_typed_as_it_stands_in_one_terminal_against_its_incident() throws Exception {
        Kit.needs("script", "psql", "curl", "aws", "zstd", "age-keygen", "sha256sum", "git", "node");
        // One for all: a drill, and each look at rows, would start one of its own.
        try (var drills = EmbeddedPostgres.throwaway(Optional.empty())) {
            kit.set("DRILL_DATABASE_URL", drills.superuserUrl());
            var backup = setUp();
            var releases = aDeployHasFailed();
            theSiteIsDown(releases);
            var afterwards = aSecretHasLeaked();
            var good = aBackupIsLost(backup, afterwards);
            dataAreLost(good, backup);
            withNobodyAtTheKeyboard();
            theMachineIsLost();
            for (var name : RunbooksTest.english())
                for (var fence : RunbooksTest.commands(RunbooksTest.FOLDER.resolve(name)))
                    if (!fence.kind().equals("by-hand"))
                        assertTrue(typed.contains(fence.text()), () -> "not typed: " + fence);
        } finally {
            site.close();
            TestDatabase.dropMade();
            TestDatabase.superuser("drop role if exists " + role);
        }
    }

    /** A shop with a site, a database, a backup in two buckets and one release; the id of the backup. */
    private String setUp() throws Exception {
        for (var bucket : List.of(offsite, elsewhere)) Stack.up().s3.createBucket(request -> request.bucket(bucket));
        TestDatabase.superuser("create role " + role + " login createdb password '" + PASSWORD + "'");
        for (var database : List.of(production, kit.database))
            TestDatabase.superuser("alter database " + TestDatabase.quote(database.name) + " owner to " + role);
        TestDatabase.execute(production.url(role, PASSWORD), SHOP);
        Files.copy(Stack.CHECKOUT.resolve(".env.operations.example"), kit.home.resolve(".env.operations.example"));
        kit.set("PRODUCTION_SITE_URL", site.url()).set("PRODUCTION_DEPLOY_PROVIDER", "directory")
            .set("PRODUCTION_DEPLOY_DIRECTORY", site.www.toString()).set("PRODUCTION_SUPABASE_URL", "none")
            .set("STAGING_DEPLOY_DIRECTORY", null).set("STAGING_DEPLOY_PROVIDER", null).set("STAGING_SITE_URL", null)
            .set("SMOKE_CANARY_ROW", "public.canary:id=1").set("OFFSITE_BACKUP_BUCKET", offsite)
            .set("STAGING_DATABASE_URL", kit.database.url(role, PASSWORD));
        setAddress(production.url(role, PASSWORD));
        everywhere.put("FOLDER_OF_THE_KIT", kit.home.toString());
        kit.with("BACKUP_COPY_TO", "offsite").run("backup-db", "--env", "production").exits(0);
        kit.with("BACKUP_COPY_TO", null);
        var backup = kit.manifest().get("id").getAsString();
        site.repository.write("notes.txt", TOKEN + "_0815").write(".env", "A=b").commit("A token");
        kit.run("deploy", "--env", "production", "--confirm", "production").exits(0);
        return backup;
    }

    /** Refused, since something is not committed; then one that passes, and has prices at 0 €. All releases. */
    private List<String> aDeployHasFailed() throws Exception {
        var first = site.current();
        site.repository.write("src/app.js", "document.getElementById('app').textContent = '12 €'\n");
        kit.run("deploy", "--env", "production", "--confirm", "production").exits(10)
            .says("not committed");
        var commit = site.repository.commit("Prices");
        try (var walk = new Walk("runbook-failed-deploy")) {
            walk.types("begin");
            walk.types("what-is-live").prints("live", first);
            walk.types("look");
            walk.put("THE_COMMIT", commit.substring(0, 7)).types("which-commit", 14);
            walk.types("last-log").prints("FAILED", "not committed");
            walk.types("rehearse-deploy");
            assertEquals(first, site.current());
            walk.types("deploy-with-migrations");
            var second = site.current();
            assertEquals(commit, site.liveCommit());
            site.change("0 €");
            walk.types("deploy-and-wait");
            var third = site.current();
            walk.types("roll-back");
            assertEquals(second, site.current());
            site.change("13 €");
            walk.types("deploy-again");
            assertFalse(List.of(first, second, third).contains(site.current()));
            return List.of(first, second, third, site.current());
        }
    }

    /** A white page, a query that does not end, a table that fills the disk; then the database is down. */
    private void theSiteIsDown(List<String> releases) throws Exception {
        Files.delete(site.www.resolve("current/app.js"));
        try (var stranger = TestDatabase.connect(production.url(role, PASSWORD));
             var walk = new Walk("runbook-site-down")) {
            var pid = pid(stranger);
            stranger.setAutoCommit(false);
            var query = CompletableFuture.supplyAsync(() -> failure(stranger, "select pg_sleep(1000)"));
            walk.types("begin");
            walk.types("look", 14).prints("/app.js");
            walk.hasTyped("what-is-live");
            walk.types("answer").prints("200 text/html");
            walk.types("headers").prints("200");
            walk.types("back-end");
            walk.types("doctor");
            walk.types("connections").prints("allowed");
            walk.types("long-queries").prints(pid, "pg_sleep");
            walk.types("space").prints("some_log");
            walk.types("dns-and-tls", 14);
            walk.types("rehearse-rollback").prints(releases.get(1));
            assertEquals(releases.get(3), site.current());
            walk.hasTyped("roll-back");
            walk.put("RELEASE_ID", releases.get(0)).types("roll-back-to");
            assertEquals(releases.get(0), site.current());

            // Somebody has made the bad one live again, and the database is down.
            link(releases.get(3));
            setAddress(production.url(role, PASSWORD).replace(TestDatabase.server(), "127.0.0.1:1"));
            walk.types("roll-back-without-database", 14).prints("is live");
            assertEquals(releases.get(1), site.current());
            setAddress(production.url(role, PASSWORD));

            walk.put("PID", pid).types("cancel-query");
            assertTrue(query.get().contains("canceling statement"), query.get());
            walk.types("end-session");
            assertNotEquals("", failure(stranger, "select 1"));
            walk.types("empty-a-table");
            assertEquals("0", production.one("select count(*) from some_log"));
        }
    }

    /** A stranger is in the database with its password. The id of the backup that was made meanwhile. */
    private String aSecretHasLeaked() throws Exception {
        try (var stranger = TestDatabase.connect(production.url(role, PASSWORD));
             var walk = new Walk("runbook-leaked-secret")) {
            walk.put("leaked_role", role);
            walk.terminal.answer("password for user \"" + role + "\": ", NEW_PASSWORD)
                .answer("it again: ", NEW_PASSWORD);
            execute(stranger, "set application_name = 'a stranger'");
            walk.types("begin");
            walk.types("who-is-in").prints("a stranger");
            walk.put("FIRST_CHARACTERS", TOKEN.substring(0, 8)).types("search-git").prints("A token");
            assertFalse(walk.types("file-modes").out().contains("rw-"));
            walk.hasTyped("doctor");
            walk.types("back-up-now");
            var backup = newest();
            walk.types("new-password");
            kit.set("STAGING_DATABASE_URL", kit.database.url(role, NEW_PASSWORD));
            setAddress(production.url(role, NEW_PASSWORD));
            walk.types("read-again");
            walk.types("end-sessions").prints("(1 row)");
            assertNotEquals("", failure(stranger, "select 1"));
            walk.types("new-identity").prints("age1");
            walk.hasTyped("what-is-live");
            walk.hasTyped("check-settings");
            var live = site.current();
            walk.types("deploy-again");
            assertNotEquals(live, site.current());
            walk.hasTyped("look");
            return backup;
        }
    }

    /** The night's run still had the old password; one backup is broken, one was deleted. The id of a good one. */
    private String aBackupIsLost(String deleted, String broken) throws Exception {
        setAddress(production.url(role, PASSWORD));
        kit.run("backup-db", "--env", "production").exits(78);
        var log = log("backup-db-production-");
        setAddress(production.url(role, NEW_PASSWORD));
        kit.keys().stream().filter(key -> key.contains(deleted)).forEach(kit::delete);
        var part = kit.keys().stream().filter(key -> key.contains(broken + "/data-00")).findFirst().orElseThrow();
        var bytes = kit.object(part);
        bytes[bytes.length / 2] ^= 1;
        kit.put(part, bytes);
        // Whoever has made one at the last incident has put it elsewhere.
        for (var identity : identities()) Files.delete(identity);
        try (var walk = new Walk("runbook-lost-backup")) {
            walk.types("begin");
            walk.types("back-up-and-read-back");
            var good = newest();
            walk.types("list-backups").prints(good, broken);
            walk.types("age-of-backup");
            walk.hasTyped("doctor");
            walk.types("verify-all", 14).prints(broken);
            walk.put("BACKUP_ID", good).types("drill-backup");
            walk.types("list-offsite").prints(deleted);
            walk.types("logs").prints(log, log("backup-db-production-"));
            walk.put("LOG_NAME", log).types("night-log").prints("FAILED", "password");
            walk.types("hold-backup");
            walk.put("NEW_BUCKET", elsewhere).types("back-up-elsewhere");
            walk.types("rehearse-prune");
            walk.put("BACKUP_ID", deleted).types("fetch-from-offsite");
            assertTrue(kit.sealed().stream().anyMatch(folder -> folder.contains(deleted)));
            walk.types("new-identity");
            return good;
        }
    }

    /** An order was deleted; later all of the database was. */
    private void dataAreLost(String good, String other) throws Exception {
        execute("delete from orders where id = 42");
        try (var walk = new Walk("runbook-restore")) {
            walk.put("BACKUP_ID", good).types("begin");
            walk.hasTyped("list-backups");
            walk.types("show-backup").prints(good);
            walk.hasTyped("hold-backup");
            walk.hasTyped("drill-backup");
            walk.hasTyped("back-up-now");
            walk.types("see-missing-rows").prints("1 row of public.orders", "2 rows of public.lines");
            assertEquals("49", production.one("select count(*) from orders"));
            walk.types("put-rows-back");
            assertEquals("50|100", production.one("select count(*), (select count(*) from lines) from orders"));
            walk.types("see-changed-rows");
            walk.types("restore-into-staging");
            assertEquals("50", kit.database.one("select count(*) from orders"));

            drop(production);
            walk.types("rehearse-production").prints("it will be made");
            walk.types("restore-production");
            assertEquals("50", production.one("select count(*) from orders"));
            walk.hasTyped("look-at-site");
            assertEquals("0", production.one("select count(*) from some_log"));
            walk.put("SAFETY_ID", other).types("undo-restore");
            assertEquals("1000", production.one("select count(*) from some_log"));

            var folder = kit.sealed().stream().filter(each -> each.contains(good)).findFirst().orElseThrow();
            var fresh = TestDatabase.named(production.name + "_by_hand");
            walk.put("FOLDER_OF_THE_BACKUP", folder.replaceFirst("/$", "")).put("new_database", fresh.name);
            walk.types("by-hand-find").prints(folder + "manifest.json");
            walk.types("by-hand-fetch").prints("manifest.json: OK");
            drop(production);
            walk.types("by-hand-load");
            assertEquals("50", fresh.one("select count(*) from orders"));
            // The site's owner calls it as before.
            TestDatabase.superuser("alter database " + TestDatabase.quote(fresh.name) + " rename to "
                + TestDatabase.quote(production.name));
        }
    }

    private void withNobodyAtTheKeyboard() throws Exception {
        try (var walk = new Walk("unattended")) {
            walk.put("/opt/handover", kit.home.toString());
            // Where the caches of these tests are elsewhere than a user's, cron has to be told.
            var caches = Stream.of("HANDOVER_CACHE", "XDG_CACHE_HOME", "JBANG_REPO", "HANDOVER_MAVEN_URL")
                .filter(kit.environment()::containsKey).map(name -> name + "=\"$" + name + "\" ")
                .reduce("", String::concat);
            walk.put("env -i HOME", "env -i " + caches + "HOME");
            walk.types("begin");
            walk.hasTyped("doctor");
            walk.hasTyped("back-up-and-read-back");
            walk.types("as-cron-does");
            walk.types("last-log").prints("Seal");
            walk.hasTyped("age-of-backup");
        }
    }

    /** There is another one, with the kit and the sheet of paper. */
    private void theMachineIsLost() throws Exception {
        var machine = new Kit(Stack.next("kit"));
        Files.copy(Stack.CHECKOUT.resolve(".env.operations.example"), machine.home.resolve(".env.operations.example"));
        everywhere.put("FOLDER_OF_THE_KIT", machine.home.toString());
        try (var walk = new Walk("runbook-lost-machine")) {
            walk.types("new-settings");
            var settings = machine.home.resolve(".env.operations");
            assertEquals("rw-------", PosixFilePermissions.toString(Files.getPosixFilePermissions(settings)));
            for (var name : List.of("AWS_ENDPOINT_URL_S3", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"))
                machine.set(name, Stack.up().setting(name));
            machine.set("AWS_REGION", "us-east-1").set("S3_PATH_STYLE", "true").set("BACKUP_BUCKET", kit.bucket)
                .likeTheExample();
            walk.types("which-environments").prints("ENVIRONMENT", "production", newest());
            machine.set("STAGING_DATABASE_URL", kit.database.url(role, NEW_PASSWORD))
                .set("PRODUCTION_DATABASE_URL", production.url(role, NEW_PASSWORD))
                .set("PRODUCTION_SITE_URL", site.url()).set("PRODUCTION_DEPLOY_PROVIDER", "directory")
                .set("PRODUCTION_DEPLOY_DIRECTORY", site.www.toString()).set("PRODUCTION_SUPABASE_URL", "none")
                .set("DEPLOY_APP", site.repository.folder.toString()).set("SMOKE_CANARY_ROW", "public.canary:id=1")
                .likeTheExample();
            walk.types("doctor");
            walk.hasTyped("drill-backup");
            walk.hasTyped("back-up-and-read-back");
            walk.types("what-is-live").prints(site.current());
        }
    }

    // --- what happens meanwhile

    /** An operator edits the settings. */
    private void setAddress(String url) { kit.set("PRODUCTION_DATABASE_URL", url).likeTheExample(); }

    private void execute(String sql) { TestDatabase.execute(production.url(role, NEW_PASSWORD), sql); }

    private static void drop(TestDatabase database) {
        TestDatabase.superuser("drop database " + TestDatabase.quote(database.name) + " with (force)");
    }

    private static void execute(Connection session, String sql) throws SQLException {
        try (var statement = session.createStatement()) {
            statement.execute(sql);
        }
    }

    /** What the server says against it; empty when it does it. */
    private static String failure(Connection session, String sql) {
        try {
            execute(session, sql);
            return "";
        } catch (SQLException e) {
            return e.getMessage();
        }
    }

    private static String pid(Connection session) throws SQLException {
        try (var statement = session.createStatement(); var pid = statement.executeQuery("select pg_backend_pid()")) {
            pid.next();
            return pid.getString(1);
        }
    }

    /** Has the web server serve another release, past the kit. */
    private void link(String release) throws IOException {
        var current = site.www.resolve("current");
        var target = Files.readSymbolicLink(current).resolveSibling(release);
        Files.delete(current);
        Files.createSymbolicLink(current, target);
    }

    /** The id of production's newest backup. */
    private String newest() {
        return kit.sealed().stream().filter(folder -> folder.contains("/production/"))
            .map(folder -> folder.replaceFirst(".*/([^/]+)/$", "$1")).sorted().reduce("", (one, next) -> next);
    }

    /** The name of the newest log that begins so. */
    private String log(String name) throws IOException {
        try (var logs = Files.list(kit.home.resolve(".handover/logs"))) {
            return logs.map(log -> log.getFileName().toString()).filter(log -> log.startsWith(name)).sorted()
                .reduce("", (one, next) -> next);
        }
    }

    private List<Path> identities() throws IOException {
        try (var files = Files.list(kit.home)) {
            return files.filter(file -> file.getFileName().toString().startsWith("identity-")).toList();
        }
    }

    // --- who reads and types

    /** A reader of one runbook, with a terminal. */
    private final class Walk implements AutoCloseable {
        private final String runbook;
        private final List<Integer> told;
        private final Deque<RunbooksTest.Fence> left = new ArrayDeque<>();
        private final Map<String, String> values = new HashMap<>(everywhere);
        private final Terminal terminal = new Terminal(kit.home.getParent(), kit.environment())
            .answer("Type production to go on: ", "production");

        Walk(String runbook) throws IOException {
            this.runbook = runbook;
            var file = RunbooksTest.FOLDER.resolve(runbook + ".md");
            told = RunbooksTest.exits(file);
            for (var fence : RunbooksTest.commands(file)) if (!fence.kind().equals("by-hand")) left.add(fence);
        }

        /** From here on the reader puts this in for a word. */
        Walk put(String word, String value) {
            values.put(word, value);
            return this;
        }

        Kit.Result types(String name) { return types(name, 0); }

        /** Types the next block, which has this name. */
        Kit.Result types(String name, int exit) {
            var fence = next(name);
            typed.add(fence.text());
            var text = fence.text();
            for (var value : values.entrySet()) text = text.replace(value.getKey(), value.getValue());
            // What a command ends with, other than well, is told where it is to be typed.
            if (exit != 0) assertTrue(told.contains(exit), () -> runbook + " says nothing of exit " + exit);
            return terminal.type(text).exits(exit);
        }

        /** The next block was typed before, where it showed something else; it would be found from here. */
        void hasTyped(String name) {
            var fence = next(name);
            // The newest one has an id, too.
            var text = fence.text().replace("drill latest", "drill BACKUP_ID");
            assertTrue(typed.contains(text), () -> "not typed: " + fence);
            typed.add(fence.text());
            terminal.type("ls ./jbang").exits(0);
        }

        private RunbooksTest.Fence next(String name) {
            var fence = left.poll();
            assertEquals(name, fence == null ? "nothing" : fence.name(), runbook);
            return fence;
        }

        @Override public void close() {
            terminal.close();
            assertEquals(List.of(), List.copyOf(left), runbook);
        }
    }
}
