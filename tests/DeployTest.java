//SOURCES ../scripts/release/Deployment.java
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonObject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeSet;
import ops.Failure;
import ops.Run;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import release.Application;
import release.Build;
import release.Checkout;
import release.Contents;

/** What is deployed was looked at before it is live and after, and what does not pass does not stay; on a folder that a web server serves. */
class DeployTest {
    private static final List<String> STEPS = List.of("Read the settings", "Look at the checkout", "Look at the application", "Reach the provider", "Look for protected environments behind other names", "Take the lock", "See what is live", "See how old the last backup is",
        "Install", "Build", "Check what was built", "Keep the artifact", "Stage", "Look at the staged release", "Record the release", "Promote", "Look at the site", "Mark it as good");
    private static final List<String> TOLD = List.of("Read the settings", "Build", "Stage", "Promote");
    private static final String TRAILER = "create table trailer (id int primary key, colour text); insert into trailer values (1, 'red'), (2, 'red')";

    private final DeployedSite deployed = new DeployedSite(Stack.kit());
    private final Kit kit = deployed.kit;
    private final SiteRepository site = deployed.repository;
    private final Path www = deployed.www;
    /** For what a test does in its own process. */
    private final Run run = new Run();

    @AfterEach void stop() {
        run.undo.close();
        deployed.close();
    }

    private Kit.Result deploy(String... more) { return deployed.run("deploy", more); }

    private JsonObject recorded(String release) { return kit.json("handover/staging/releases/" + release + ".json"); }

    // --- what it does

    /** The program that is told can break nothing. */
    @Test void what_is_live_afterwards_is_the_commit_and_everything_about_it_is_recorded() throws IOException {
        Kit.needs("zstd", "tar");
        site.write("../hook", "#!/bin/sh\ncat >>told; exit 3\n");
        kit.bash("chmod +x hook");
        kit.set("DEPLOY_HOOK", "hook");
        site.byNpm().commit("The trailers");
        var result = deploy().exits(0).says("ok: Look at the checkout: " + site.head().substring(0, 12) + " The trailers, on main", "ok: Reach the provider: directory, ", "ok: See what is live: nothing yet", "ok: Check what was built: 4 files, ",
            "ok: Keep the artifact: stored", "ok: Look at the staged release: 3 of 3 pass, served by this machine", "ok: Look at the site: 7 of 7 pass", "ok: Mark it as good: tag deploy/staging/", "warning: the program of DEPLOY_HOOK was not told, or failed");
        result.prints("deployed " + deployed.current() + " (" + site.head().substring(0, 12) + " The trailers) to " + deployed.url());
        assertEquals(site.head(), deployed.liveCommit());
        var release = recorded(deployed.current());
        assertEquals(List.of(site.head(), "main", "directory", deployed.current()), List.of(release.getAsJsonObject("commit").get("sha").getAsString(), release.getAsJsonObject("commit").get("branch").getAsString(), release.get("provider").getAsString(), release.get("deployment").getAsString()));
        assertEquals(List.of("good.json", "json"), new java.util.ArrayList<>(new TreeSet<>(kit.keys("handover/staging/releases/").stream().map(key -> key.replaceFirst("[^.]*\\.", "")).toList())));
        assertEquals(site.head(), site.git("rev-list -1 $(git -C " + site.folder + " tag --list 'deploy/staging/*')").out().strip());
        var history = kit.history().get(0);
        assertEquals(List.of("deploy", "done", deployed.current(), site.head()), List.of(history.get("script").getAsString(), history.get("result").getAsString(), history.get("release").getAsString(), history.get("commit").getAsString()));
        var told = com.google.gson.JsonParser.parseString(Files.readString(kit.home.resolve("told"))).getAsJsonObject();
        assertEquals(List.of("deploy", "staging", "done", deployed.current()), List.of(told.get("script").getAsString(), told.get("env").getAsString(), told.get("result").getAsString(), told.get("release").getAsString()));
        // What was built is stored once, and opens with stock tools.
        assertEquals(1, kit.keys("handover/staging/artifacts/").size());
        var key = kit.keys("handover/staging/artifacts/").get(0);
        Files.write(kit.home.resolve("artifact"), kit.object(key));
        kit.bash("zstd -d -q <artifact >artifact.tar && mkdir opened && tar -C opened -xf artifact.tar && cmp opened/app.js site/src/app.js && sha256sum artifact.tar").exits(0).prints(key.replaceFirst(".*/", "").replace(".tar.zst", ""));
        assertEquals(List.of(), kit.leftTemporary());
    }

    /** Without a database it deploys too; and what a build leaves running is ended and named. */
    @Test void only_public_and_listed_variables_reach_the_build() throws IOException {
        site.byNpm().write("build.js", "import { spawn } from 'node:child_process'\nimport { cpSync, writeFileSync } from 'node:fs'\ncpSync('src', 'dist', { recursive: true })\nwriteFileSync('dist/seen.json', JSON.stringify(Object.keys(process.env)))\n"
            + "writeFileSync('dist/value.txt', process.env.VITE_COLOUR + ' ' + process.env.LISTED + ' ' + process.env.VITE_MAP_KEY)\n"
            + "spawn('sleep', ['601'], { detached: true, stdio: 'ignore' }).unref()\n"
            + "spawn('sleep', ['602'], { detached: true, stdio: 'inherit' }).unref()\n")
            .write("look.js", "import { writeFileSync } from 'node:fs'\nwriteFileSync('" + kit.home
                + "/installing.json', JSON.stringify(Object.keys(process.env)))\n")
            .write("package.json", "{\"name\": \"trailers\", \"version\": \"1.0.0\", \"type\": \"module\", "
                + "\"scripts\": {\"build\": \"node build.js\", \"preinstall\": \"node look.js\"}}").commit("Look around");
        kit.set("VITE_MAP_KEY", "pk.shown-to-everybody").set("STAGING_VITE_COLOUR", "red").set("VITE_COLOUR", "blue").set("LISTED", "yes").set("UNLISTED", "no").set("DEPLOY_BUILD_VARIABLES", "LISTED").with("SOME_TOKEN", "not-for-builds")
            .with("NODE_EXTRA_CA_CERTS", "/etc/ssl/certs/ca-certificates.crt")
            .with("NPM_CONFIG_CAFILE", "/etc/ssl/certs/ca-certificates.crt").with("ALL_PROXY", "http://127.0.0.1:9");
        kit.set("STAGING_DATABASE_URL", null).set("OTHER_DATABASE_URL", kit.database.url());
        deploy().exits(0).says("ok: Take the lock: without a database it keeps away this user's runs on this machine only", "the environment has no database",
            "warning: npm ended, and left running what was ended now: ", "sleep 601", "sleep 602");
        kit.awaitNoProcess();
        assertEquals("red yes pk.shown-to-everybody", Files.readString(www.resolve("current/value.txt")));
        var seen = Files.readString(www.resolve("current/seen.json"));
        var installing = Files.readString(kit.home.resolve("installing.json"));
        for (var name : List.of("UNLISTED", "SOME_TOKEN", "AWS_", "DATABASE_URL", "JBANG", "JAVA_HOME"))
            assertFalse(seen.contains(name) || installing.contains(name), seen + installing);
        assertTrue(seen.contains("SITE_RELEASE"), seen);
        // A private registry's token, and what a proxy that opens TLS needs.
        for (var name : List.of("LISTED", "NODE_EXTRA_CA_CERTS", "NPM_CONFIG_CAFILE", "ALL_PROXY"))
            assertTrue(seen.contains(name) && installing.contains(name), name + " in " + seen + installing);
    }

    /** A clone as deploy makes it of what is checked out; it goes with the test. */
    private Path fresh() throws Exception {
        var checkout = Checkout.of(run, site.folder);
        return checkout.fresh(checkout.commit("HEAD"));
    }

    private void hasNoFresh(String what, String next) {
        var failure = assertThrows(Failure.Failed.class, this::fresh);
        assertTrue(failure.getMessage().contains(what) && failure.hint.contains(next), failure.getMessage() + failure.hint);
    }

    /** A clone has neither: the pages would lack a theme, and show pointers where pictures are. */
    @Test void what_submodules_and_git_lfs_keep_is_built_too_or_nothing_is() throws Exception {
        kit.bash("git init --quiet --initial-branch=main theme && cd theme && echo 'h1 {}' >theme.css && git add . && "
            + "git -c user.name=tester -c user.email=tester@example.org commit --quiet -m Theme").exits(0);
        site.git("-c protocol.file.allow=always submodule --quiet add " + kit.home + "/theme src/theme");
        var picture = "a picture, as large as one\n";
        var hash = kit.bash("printf '" + picture.replace("\n", "\\n") + "' | sha256sum").out().substring(0, 64);
        site.write("src/logo.png", "version https://git-lfs.github.com/spec/v1\noid sha256:" + hash + "\nsize 27\n")
            .write("src/pointer.txt", "version https://git-lfs.github.com/spec/v1\noid sha256:" + hash + "\nsize 27\n")
            .write(".gitattributes", "*.png filter=lfs diff=lfs merge=lfs -text\n").commit("A theme and a logo");
        site.git("submodule --quiet deinit --force src/theme");
        var get = "git -C " + site.folder + " submodule update --init";
        hasNoFresh("the checkout in " + site.folder + " does not have the submodule src/theme at ",
            get + "; then run it again");
        kit.bash(get.replace("git ", "git -c protocol.file.allow=always ")).exits(0);
        hasNoFresh("does not have what Git LFS keeps of src/logo.png (1 in all), and nothing is built of pointers",
            "git -C " + site.folder + " lfs pull; then run it again");
        var kept = ".git/lfs/objects/" + hash.substring(0, 2) + "/" + hash.substring(2, 4) + "/" + hash;
        site.write(kept, "another picture, as large \n");
        hasNoFresh("does not have what Git LFS keeps of src/logo.png", "lfs pull");
        site.write(kept, picture);
        deploy().exits(0);
        assertEquals("h1 {}\n", Files.readString(www.resolve("current/theme/theme.css")));
        assertFalse(Files.exists(www.resolve("current/theme/.git")), "it says where the clone was, in each build another place");
        assertEquals(picture, Files.readString(www.resolve("current/logo.png")));
        assertTrue(Files.readString(www.resolve("current/pointer.txt")).startsWith("version "), "not kept by Git LFS");
        // Said to be needed by nobody, so git itself does not get it either; and one that nobody has said anything of.
        site.git("config --file .gitmodules submodule.src/theme.update none");
        site.git("clone --quiet " + kit.home + "/theme src/inner 2>/dev/null");
        site.commit("A repository within");
        site.git("submodule --quiet deinit --force src/theme");
        hasNoFresh("the commit has a repository within it, src/inner, and .gitmodules does not say which", "git rm --cached src/inner");
        site.git("rm --quiet --cached src/inner");
        site.write(".gitignore", "src/inner/\nnode_modules/\ndist/\n").commit("Without it");
        assertTrue(Files.exists(fresh().resolve("src/logo.png")));
    }

    /** As npm, pnpm, yarn and bun have them: one lock file for all, above the application. */
    @Test void an_application_among_others_is_installed_by_the_lock_file_above_it() throws IOException {
        site.git("rm --quiet package.json bun.lock build.js");
        site.write("apps/site/package.json", "{\"name\": \"trailers\", \"version\": \"1.0.0\", \"type\": \"module\", "
            + "\"engines\": {\"node\": \"lts/*\"}, \"scripts\": {\"build\": \"node build.js\"}}")
            .write("apps/site/build.js", "import { cpSync, existsSync, mkdirSync, symlinkSync } from 'node:fs'\n"
                + "if (!existsSync('../../node_modules/trailers')) throw new Error('not installed')\n"
                + "cpSync('../../src', '.output/public', { recursive: true })\n"
                + "symlinkSync(process.cwd() + '/.output/public', 'dist')\n") // as Nuxt does
            .write("package.json", "{\"name\": \"all\", \"workspaces\": [\"apps/*\"]}")
            .write("package-lock.json", "{\"name\": \"all\", \"lockfileVersion\": 3, \"requires\": true, \"packages\": {"
                + "\"\": {\"name\": \"all\", \"workspaces\": [\"apps/*\"]}, \"apps/site\": {\"name\": \"trailers\", \"version\": "
                + "\"1.0.0\"}, \"node_modules/trailers\": {\"resolved\": \"apps/site\", \"link\": true}}}").commit("Among others");
        kit.set("DEPLOY_APP", site.folder + "/apps/site");
        deploy().exits(0).says("warning: engines in package.json asks for Node lts/*, which is no range of versions",
            "ok: Look at the site: 7 of 7 pass");
        site.git("rm --quiet package-lock.json");
        site.write("bun.lock", "{}").commit("With bun");
        deploy("--dry-run").exits(0).says(", bun 1.3.0", "would install: bun install, in a fresh clone");
        site.git("rm --quiet bun.lock");
        site.write("apps/site/package.json", "{\"name\": \"trailers\", \"packageManager\": \"pnpm@10.20.0+sha512.abc\", "
            + "\"scripts\": {\"build\": \"node build.js\"}}").write("pnpm-lock.yaml", "");
        var app = site.folder.resolve("apps/site");
        var missing = assertThrows(Failure.ToolFailed.class, () -> build(app).check());
        assertTrue(missing.getMessage().startsWith("pnpm is not installed"), missing::getMessage);
        assertEquals("npm install --global pnpm@10.20.0", missing.hint);
        Files.delete(site.folder.resolve("pnpm-lock.yaml"));
        isNotLocked(app);
    }

    private Build build(Path app) throws IOException { return Build.of(run, kit.settings(), new Application(app)); }

    private void isNotLocked(Path app) {
        var failure = assertThrows(Failure.Failed.class, () -> build(app));
        assertEquals("there is no lock file in " + app + ", so nobody knows what would be installed", failure.getMessage());
        assertEquals("make one and commit it: npm install", failure.hint);
    }

    /** Pages as people write them: no element that scripts fill, a folder for each language, no health endpoint. */
    @Test void a_site_of_files_alone_is_deployed_and_is_told_what_to_say_of_its_health() {
        site.git("rm --quiet src/index.html src/health.json");
        for (var language : List.of("en", "fr"))
            site.write("src/" + language + "/index.html", "<!doctype html><html lang=\"" + language + "\"><head>"
                + "<title>Remorques</title><link rel=\"stylesheet\" href=\"/style.css\"></head><body><h1>Nos remorques</h1>"
                + "</body></html>");
        site.write("src/style.css", "h1 {}\n").commit("Pages");
        kit.set("STAGING_SITE_URL", deployed.url() + "fr/").set("SMOKE_HEALTH_PATH", null).set("SMOKE_SECONDS", "12");
        deploy().exits(16).says("there is no index.html but in folders, as in fr/",
            "ok: Look at the staged release: 3 of 3 pass", "whether the release works can't be told: ",
            "/health answers 404: there is no health endpoint", "is live, and is not proven to work",
            "name its path: SMOKE_HEALTH_PATH; or, if the site has none: SMOKE_HEALTH_PATH=none; then deploy again");
        assertFalse(kit.keys("handover/staging/releases/").toString().contains(".bad.json"));
        kit.set("SMOKE_HEALTH_PATH", "none").set("STAGING_SITE_URL", deployed.url());
        site.write("src/index.html", "<!doctype html><html><head><meta http-equiv=\"refresh\" content=\"0; url=fr/\"></head>"
            + "</html>").commit("To French");
        deploy().exits(0).says("ok: Look at the staged release: 3 of 3 pass", "ok: Look at the site: 7 of 7 pass");
    }

    @Test void the_page_to_begin_with_is_found_where_sites_have_it() throws IOException {
        var number = 0;
        for (var line : """
            index.html fr/index.html     | /       |
            en/index.html fr/index.html  | /       | en/
            en/index.html fr/index.html  | /fr/    | fr/
            en/index.html                | /../../ | en/
            _worker.js about.html        | /       |
            ../functions/index.func      | /       |
            about.html                   | /       | none
            a/b/index.html               | /       | none""".split("\n")) {
            var row = line.split("\\s*\\|\\s*", 3);
            var pages = Files.createDirectories(kit.home.resolve("built" + number++ + "/.vercel/output/static"));
            for (var file : row[0].split(" ")) {
                Files.createDirectories(pages.resolve(file).getParent());
                Files.writeString(pages.resolve(file), "<h1>Remorques</h1>");
            }
            if (!row[2].equals("none")) assertEquals(row[2], Contents.first(pages, row[1]), line);
            else {
                var none = assertThrows(Failure.Failed.class, () -> Contents.first(pages, row[1]), line);
                assertEquals("the build has made no page: there is no index.html in static", none.getMessage());
                assertTrue(none.hint.contains("DEPLOY_OUTPUT"), none.hint);
            }
        }
    }

    @Test void a_full_disk_of_the_web_server_is_said_and_left_as_it_was() throws Exception {
        site.write("build.js", "import { cpSync, writeFileSync } from 'node:fs'\ncpSync('src', 'dist', { recursive: true })\n"
            + "writeFileSync('dist/film.mp4', Buffer.alloc(200000, 7))\n").commit("A film");
        try (var full = new FullDisk(www)) {
            full.leave(30000);
            deploy().exits(1).says("no room is left: ", "No space left on device",
                "State: nothing was changed: what was live is live.", "Next:  make room there");
            assertEquals("", kit.bash("ls -A www/releases").out());
        }
    }

    @Test void with_another_lock_file_another_package_manager_installs_exactly_what_it_says() throws IOException {
        Kit.needs("npm");
        kit.bash("mkdir managers && cp " + Stack.CHECKOUT.resolve("tests/package-managers") + "/package*.json managers && cd managers && npm ci --ignore-scripts --no-audit --no-fund --prefer-offline --loglevel=error").exits(0);
        kit.with("PATH", kit.home.resolve("managers/node_modules/.bin") + ":" + System.getenv("PATH"));
        isInstalledBy("pnpm", "bun.lock", "pnpm-lock.yaml", "lockfileVersion: '9.0'\nimporters:\n  .: {}\n");
        site.git("checkout --quiet HEAD~1 package.json");
        isInstalledBy("yarn", "pnpm-lock.yaml", "yarn.lock", "# yarn lockfile v1\n");
    }

    private void isInstalledBy(String manager, String before, String lockFile, String lock) {
        site.git("rm --quiet " + before);
        site.write(lockFile, lock).commit("With " + manager);
        deploy().exits(0).says(", " + manager + " ", "ok: Install");
        assertEquals(site.head(), deployed.liveCommit());
        site.write("package.json", "{\"name\": \"trailers\", \"version\": \"1.0.0\", \"dependencies\": {\"left-pad\": \"1.3.0\"}, \"scripts\": {\"build\": \"node build.js\"}}").commit("Not locked");
        deploy().exits(12).says(manager + " install: " + manager + " failed (exit 1)", "State: nothing was changed: what was live is live.");
    }

    /** With a real sshd; where the test finds it is told by a wrapper, since ssh reads the settings of the user's own home. */
    @Test void a_folder_on_another_machine_is_reached_by_ssh_and_rsync() throws Exception {
        Kit.needs("ssh", "rsync", "ssh-keygen");
        var sshd = Path.of("/usr/sbin/sshd");
        org.junit.jupiter.api.Assumptions.assumeTrue(Files.isExecutable(sshd), "sshd is not installed");
        var port = freePort();
        var user = System.getProperty("user.name");
        kit.bash("mkdir -p ssh bin && cd ssh && ssh-keygen -q -t ed25519 -N '' -f host && ssh-keygen -q -t ed25519 -N '' -f key && cp key.pub authorized && chmod 600 authorized && mkdir -p /run/sshd 2>/dev/null || true");
        var ssh = kit.home.resolve("ssh");
        Files.writeString(ssh.resolve("sshd_config"), "Port " + port + "\nListenAddress 127.0.0.1\nHostKey " + ssh + "/host\nAuthorizedKeysFile " + ssh + "/authorized\nPidFile none\nStrictModes no\nUsePAM no\n");
        Files.writeString(ssh.resolve("config"), "Host www1 www2\nHostName 127.0.0.1\nPort " + port + "\nIdentityFile " + ssh + "/key\nStrictHostKeyChecking accept-new\nUserKnownHostsFile " + ssh + "/known\n");
        kit.bash("printf '#!/bin/sh\\nexec %s -F %s/config \"$@\"\\n' \"$(command -v ssh)\" " + ssh + " >bin/ssh && chmod +x bin/ssh").exits(0);
        kit.with("PATH", kit.home.resolve("bin") + ":" + System.getenv("PATH")).set("STAGING_DEPLOY_DIRECTORY", user + "@www1:" + www);
        var server = new ProcessBuilder(sshd.toString(), "-D", "-e", "-f", ssh.resolve("sshd_config").toString()).redirectErrorStream(true).redirectOutput(ssh.resolve("log").toFile()).start();
        try {
            Patience.until(() -> Files.readString(ssh.resolve("log")).contains("listening"), () -> "sshd never listens");
            deploy().exits(0).says("ok: Reach the provider: directory, " + user + "@www1:" + www + ", 0 releases", "ok: Look at the site: 7 of 7 pass");
            var first = deployed.current();
            // What is removed and does not go at once is nothing to go back to, and no failure of the deploy.
            kit.set("DEPLOY_KEEP", "1").set("PRODUCTION_DEPLOY_DIRECTORY", "www2:/srv/another");
            var older = "20200101T000000Z-aaaaaa";
            kit.bash("cp -a www/releases/" + first + " www/releases/" + older + "; sed -i '2i case \"$*\" in *\"rm -rf\"*) exit 9 ;; esac' bin/ssh").exits(0);
            deployed.change("second");
            deploy().exits(0).says("ok: See what is live: " + first, "warning: old releases could not be removed: ");
            assertFalse(Files.exists(www.resolve("releases/" + older)));
            assertTrue(Files.exists(www.resolve("releases/" + first)));
            assertEquals("rw-r--r--", java.nio.file.attribute.PosixFilePermissions.toString(Files.getPosixFilePermissions(www.resolve("current/app.js"))));
            deployed.run("rollback").exits(0).says("ok: Choose the way: instant: directory still has " + first);
            assertEquals(first, deployed.current());
            for (var theirs : List.of("www2:" + www, user + "@www1:" + www + "/../www/", www.toString(), "www2:" + www + "/releases")) {
                kit.set("PRODUCTION_DEPLOY_DIRECTORY", theirs);
                deployed.run(theirs.equals(www.toString()) ? "deploy" : "rollback").exits(10).says("'staging' points at the site of the protected environment 'production': ", theirs);
            }
            server.destroy();
            server.waitFor();
            deploy().exits(12).says("www1: ssh failed (exit 255)", "try it by hand: ssh " + user + "@www1 true", "nothing was changed");
        } finally {
            server.descendants().forEach(ProcessHandle::destroyForcibly);
            server.destroyForcibly();
        }
    }

    private static int freePort() throws IOException {
        try (var socket = new java.net.ServerSocket(0, 1, java.net.InetAddress.getLoopbackAddress())) {
            return socket.getLocalPort();
        }
    }

    // --- what it refuses

    /** Nor what is not pushed; and what is deployed without either, as options say, has nothing of what lies about. */
    @Test void what_is_not_committed_is_not_deployed() {
        site.commitOnly("Mine alone");
        site.write("src/app.js", "changed").write("src/draft.html", "new").write("dist/old.html", "of an earlier build");
        deploy().exits(10).says("has 2 changes that are not committed: M src/app.js, ?? src/draft.html", "State: nothing was changed: what was live is live.", "git stash --include-untracked", "--leave-changes");
        deploy("--leave-changes").exits(10).says("Mine alone is not pushed: nobody else could build or mend this release", "Next:  git push");
        deploy("--leave-changes", "--unpushed").exits(0).says("Mine alone, not pushed");
        assertFalse(Files.exists(www.resolve("current/draft.html")) || Files.exists(www.resolve("current/old.html")));
    }

    @Test void a_protected_environment_is_deployed_from_its_branches_with_a_fresh_backup_and_its_name_given() {
        kit.set("PROTECTED_ENVS", "staging");
        site.git("checkout --quiet -b feature");
        site.commit("Half a feature");
        deploy().exits(10).says("'staging' is deployed from main or master, and commit ", " is on feature", "merge it first");
        site.git("checkout --quiet main");
        deploy().exits(10).says("there is no backup of 'staging' that is good and new enough: there is none yet; DEPLOY_BACKUP_HOURS is 26", "./jbang backup-db --env staging, then deploy");
        kit.backedUp(TRAILER);
        deploy("--confirm", "production").exits(10).says("--confirm says 'production', not 'staging'");
        deploy("--confirm", "staging").exits(0).says("ok: Ask: 'staging' was given");
    }

    @Test void an_application_without_its_node_a_lock_file_or_a_package_json_is_not_built() throws IOException {
        site.write("package.json", "{\"name\": \"trailers\", \"version\": \"1.0.0\", \"engines\": {\"node\": \">=99\"}, \"scripts\": {\"build\": \"node build.js\"}}").commit("The future");
        deploy().exits(12).says("and the application asks for >=99 (engines in package.json)", "nothing was changed");
        site.byNpm();
        assertEquals("npm ci", build(site.folder).installing());
        Files.delete(site.folder.resolve("package-lock.json"));
        isNotLocked(site.folder);
        var nowhere = assertThrows(Failure.BadSetting.class, () -> Checkout.of(run, kit.home));
        assertEquals("there is no package.json in " + kit.home, nowhere.getMessage());
        assertTrue(nowhere.hint.startsWith("name the application's folder: --app DIR, or DEPLOY_APP"), nowhere.hint);
    }

    @Test void a_secret_in_what_was_built_is_seen_before_anybody_else_sees_it() throws IOException {
        site.write("src/app.js", "const key = '" + TestDatabase.PASSWORD + "'").commit("Too much");
        deploy().exits(10).says("the build has made app.js, which holds the value of STAGING_DATABASE_URL", "nothing was changed").neverShows(TestDatabase.PASSWORD);
        assertEquals(List.of(), kit.keys("handover/staging/artifacts/"));
        var key = "-----BEGIN RSA PRIVATE KEY-----\n" + "MIIEowIBAAKCAQEA".repeat(4);
        refuses(key, "a private key");
        refuses("eyJhbGciOiJIUzI1NiJ9.eyJyb2xlIjoic2VydmljZV9yb2xlIn0.c2lnbmF0dXJl", "Supabase's service_role key");
        refuses("sb_secret_0123456789abcdefghij", "a secret key of Supabase");
        refuses("\0".repeat(4194304 * 2 - 5) + key, "a private key"); // at the border of two pieces
    }

    private void refuses(String text, String holds) throws IOException {
        var pages = Files.createDirectory(kit.home.resolve(Stack.next("pages")));
        Files.writeString(pages.resolve("film.mp4"), text);
        var failure = assertThrows(Failure.Refused.class, () -> Contents.refuseSecrets(pages, Map.of()));
        assertTrue(failure.getMessage().startsWith("the build has made film.mp4, which holds " + holds), failure::getMessage);
    }

    @Test void settings_that_are_missing_or_wrong_are_named() {
        try (var hosting = new Hosting("directory").set("DEPLOY_DIRECTORY", "relative/folder")) {
            assertEquals("DEPLOY_DIRECTORY is neither an absolute folder nor USER@HOST:/folder", hosting.fails(Failure.BadSetting.class, hosting::provider).getMessage());
        }
        kit.set("STAGING_DEPLOY_PROVIDER", null).set("DEPLOY_PROVIDER", "directory");
        deploy().exits(78).says("STAGING_DEPLOY_PROVIDER is not set");
        kit.set("STAGING_SITE_URL", null);
        var told = deploy("--json").exits(78).says("STAGING_SITE_URL is not set").json();
        assertEquals(List.of("code", "what", "state", "next"), List.copyOf(told.keySet()));
        assertEquals(List.of("78", "nothing was changed: what was live is live"),
            List.of(told.get("code").getAsString(), told.get("state").getAsString()));
        var mistyped = kit.run("deploy", "--evn", "staging", "--json").exits(2)
            .says("Unknown option: '--evn'", "Did you mean --env? Next: ./jbang deploy --help").json();
        assertEquals("Unknown option: '--evn'", mistyped.get("what").getAsString());
    }

    // --- what goes wrong

    @Test void a_build_that_fails_changes_nothing_and_its_last_words_are_shown() throws IOException {
        deployed.ship(1);
        var before = kit.keys("handover/staging/releases/").size();
        site.byNpm().write("build.js", "console.log('so far so good'); console.error('\\u001b[31mError\\u001b[39m: no trailers today'); process.exit(1)").commit("No trailers");
        deploy().exits(12).says("npm run build: npm failed (exit 1)", ": no trailers today", "mend it in " + site.folder, "State: nothing was changed: what was live is live.");
        assertEquals(before, kit.keys("handover/staging/releases/").size());
        assertTrue(kit.logs().contains("npm: so far so good"), "the log has all that the build said");
        assertFalse(kit.logs().contains("\033"), "no colours, nor what else moves a cursor");
        site.write("package.json", "{\"name\": \"trailers\", \"version\": \"1.0.0\", \"dependencies\": {\"left-pad\": \"1.3.0\"}, \"scripts\": {\"build\": \"node build.js\"}}");
        var unlocked = assertThrows(Failure.ToolFailed.class, () -> build(site.folder).install(Optional.empty())).getMessage();
        assertTrue(unlocked.startsWith("npm ci: npm failed (exit 1): npm error code EUSAGE / npm error `npm ci` can only "
            + "install packages when your package.json and package-lock.json"), unlocked);
        assertTrue(unlocked.contains("Missing: left-pad@1.3.0 from lock file"), unlocked);
        assertFalse(unlocked.contains("Clean install a project"), unlocked);
    }

    @Test void a_release_that_fails_is_seen_by_nobody_or_is_taken_back_and_marked_bad() throws Exception {
        kit.set("DEPLOY_KEEP", "1").set("SMOKE_SECONDS", "15");
        var two = deployed.ship(2);
        site.write("src/index.html", "<html><body>Oops</body></html>").commit("Broken");
        deploy().exits(14).says("front end loads: ", "without the application's root element", "State: what was live is live; the new release is staged, and no visitor sees it.");
        assertEquals(two.get(1), deployed.current());
        site.git("-c user.name=tester -c user.email=tester@example.org revert --no-edit HEAD");
        var good = two.get(1);
        fallSick();
        var result = deploy().exits(15).says("warning: the site does not pass: ", "ok: Roll back: " + good, " did not pass, and was taken back: ", "State: what was live before is live again, and passes the smoke tests; release ", " is marked bad.", "Next:  mend it, commit, and deploy again");
        assertEquals(good, deployed.current());
        assertTrue(Files.exists(www.resolve("releases/" + two.get(0))), "what a rollback would take stays");
        var bad = kit.keys("handover/staging/releases/").stream().filter(key -> key.endsWith(".bad.json")).findFirst().orElseThrow(() -> new AssertionError(result)).replaceFirst(".*/", "").replace(".bad.json", "");
        assertTrue(bad.compareTo(good) > 0);
        assertEquals(15, kit.history().stream().reduce((earlier, later) -> later).orElseThrow().get("exit").getAsInt());
        // What is checked out is the bad one now.
        deploy("--commit", "live").exits(0).says("ok: Look at the checkout: " + deployed.commitOf(good).substring(0, 12));
        assertEquals(deployed.commitOf(good), deployed.liveCommit());
        assertFalse(deployed.current().equals(good), "it was built anew");
        var checkout = Checkout.of(run, site.folder);
        assertTrue(assertThrows(Failure.Failed.class, () -> checkout.commit("--output=x")).getMessage().endsWith("does not have the commit --output=x"));
    }

    @Test void old_releases_go_but_never_the_one_that_may_be_needed() {
        kit.set("DEPLOY_KEEP", "1");
        var two = deployed.ship(2);
        deployed.change("third");
        deploy().exits(0);
        var third = deployed.current();
        assertEquals(List.of(two.get(1), third), releases());
        kit.bash("mv www/releases/" + third + " elsewhere");
        deployed.change("fourth");
        deploy().exits(0).says("ok: See what is live: " + third);
        assertEquals(List.of(deployed.current()), releases());
    }

    private List<String> releases() { return kit.bash("ls www/releases").out().lines().toList(); }

    @Test void what_is_taken_back_comes_to_a_good_release_and_not_to_one_that_is_marked_bad() {
        var good = deployed.ship(1).get(0);
        kit.set("SMOKE_SECONDS", "15");
        fallSick();
        deploy("--stay").exits(14).says("is live, and does not work", "./jbang rollback --env staging");
        site.write("src/app.js", "document.getElementById('app').textContent = 'still sick'\n").commit("Still sick");
        deploy().exits(15)
            .says("ok: Roll back: " + good, "State: release " + good + " is live again, and passes the smoke tests");
        assertEquals(good, deployed.current());
    }

    @Test void a_store_that_takes_nothing_at_the_moment_keeps_no_broken_release_live() throws IOException {
        var good = deployed.ship(1).get(0);
        kit.set("SMOKE_SECONDS", "15");
        fallSick();
        try (var store = new FaultProxy(kit)) {
            store.every("PUT .*/releases/.*(bad|turning)").answer(403, "AccessDenied");
            deploy().exits(15).says("warning: could not mark release 2", "ok: Roll back: " + good,
                "State: what was live before is live again, and passes the smoke tests; release ",
                " could not be marked bad.");
        }
        assertEquals(good, deployed.current());
    }

    /** An edge that follows when it likes: what it still shows of the release before says nothing of the new one. */
    @Test void an_edge_that_still_serves_the_release_before_gets_no_release_taken_back() throws IOException {
        var first = deployed.ship(1).get(0);
        var edge = kit.home.resolve("edge");
        Files.createSymbolicLink(edge, www.resolve("releases/" + first));
        try (var server = new release.Preview(edge)) {
            kit.set("STAGING_SITE_URL", server.url()).set("DEPLOY_LIVE_SECONDS", "2");
            deployed.change("second");
            deploy().exits(16).says("still serves " + site.git("rev-parse HEAD~1").out().strip(),
                "is live at directory, and nobody has seen it at the site's address");
            var second = deployed.current();
            assertEquals(site.head(), deployed.liveCommit());
            assertFalse(kit.keys("handover/staging/releases/").toString().contains(".bad.json"));
            kit.set("DEPLOY_LIVE_SECONDS", "300");
            Files.delete(edge);
            Files.createSymbolicLink(edge, www.resolve("releases/" + second));
            deployed.change("third");
            var running = kit.start("deploy", "--env", "staging").awaitSays("waiting: the site still serves ");
            Files.delete(edge);
            Files.createSymbolicLink(edge, www.resolve("current"));
            running.result().exits(0).says("ok: Look at the site: 7 of 7 pass");
        }
    }

    /** The next release says of itself that it is down. */
    private void fallSick() { site.write("src/health.json", "{\"status\": \"down\"}").commit("Sick"); }

    @Test void what_does_not_work_stays_where_there_is_nothing_good_to_go_back_to_and_that_is_said() {
        fallSick();
        kit.set("SMOKE_SECONDS", "20");
        deploy().exits(14).says("is live, and does not work; nothing was live before");
        var bad = deployed.current();
        deploy().exits(14).says("warning: this commit was deployed before, as release " + bad + ", which is marked bad: ",
            "does not work; what was live before is marked bad, and no release before it is good");
    }

    /** Something that no release can mend, and that is looked at on the way back as well. */
    @Test void when_the_one_before_does_not_pass_either_that_is_said() {
        deployed.ship(1);
        kit.set("SMOKE_SECONDS", "20").set("SMOKE_HEALTH_PATH", "/none.json");
        deployed.change("more");
        deploy().exits(14).says(
            "the release did not pass and was taken back, and the site does not pass with the one before either",
            "the release may not be the cause: ./jbang smoke-tests --env staging",
            "State: what was live before is live again, and does not pass either; release ");
    }

    @Test void what_can_not_be_told_is_neither_a_success_nor_taken_back() {
        deployed.ship(1);
        kit.set("STAGING_SUPABASE_URL", null);
        site.write("src/more.html", "more").commit("More");
        deploy().exits(16).says("1 of 7 can't be told", "is live, and is not proven to work");
        assertEquals(site.head(), deployed.liveCommit());
        assertFalse(kit.keys("handover/staging/releases/" + deployed.current()).toString().matches(".*\\.(good|bad)\\.json.*"));
    }

    // --- migrations

    @Test void migrations_that_are_pending_are_rehearsed_in_the_last_backup_and_applied_before_the_release_is_live() {
        kit.backedUp(TRAILER);
        site.write("supabase/migrations/20261101000000_prices.sql", "alter table public.trailer add column price numeric;\n").commit("Prices");
        var keys = kit.keys();
        var dry = deploy("--dry-run").exits(0).says("ok: Look at the checkout: ", "would take the lock",
            "ok: See what is live: nothing yet", "ok: Look at the migrations: 1 pending: 20261101000000_prices.sql",
            "would rehearse the migrations: in the last backup", "would install: bun install, in a fresh clone at ",
            "would promote: make it live, and ask the provider whether it is");
        assertTrue(dry.err().indexOf("would rehearse") < dry.err().indexOf("would install"), dry::toString);
        assertFalse(Files.exists(www));
        assertEquals(keys, kit.keys());
        deploy().exits(10).says("migrations are pending: 1 pending: 20261101000000_prices.sql", "--apply-migrations; or, if this release does without them: --leave-migrations", "nothing was changed");
        deploy("--apply-migrations").exits(0).says("ok: Rehearse 20261101000000_prices.sql", ", in backup 2", "ok: Apply the migrations: 1 applied; the database is at 20261101000000", "ok: Look at the site: 7 of 7 pass");
        assertEquals(List.of("20261101000000", "prices"), List.of(kit.database.one("select version from supabase_migrations.schema_migrations"), kit.database.one("select name from supabase_migrations.schema_migrations")));
        assertEquals("20261101000000", recorded(deployed.current()).get("schema_version").getAsString());
        deploy("--dry-run").exits(0).says("ok: Look at the migrations: nothing is pending; the last one is 20261101000000");
    }

    @Test void migrations_of_another_tool_are_refused_by_its_name_and_can_be_left_to_it() {
        site.write("supabase/migrations/20261101000000_init/migration.sql", "create table a (id int);\n")
            .write("supabase/migrations/migration_lock.toml", "provider = \"postgresql\"\n").commit("Prisma");
        deploy("--apply-migrations").exits(78).says("supabase/migrations is written for Prisma: ",
            "npx prisma migrate deploy", "State: nothing was changed: what was live is live.");
        deploy("--leave-migrations", "--dry-run").exits(0).says("ok: Look at the migrations: left to Prisma");
    }

    @Test void an_own_command_applies_them_behind_its_rehearsal_and_sees_the_address_alone() throws IOException {
        Kit.needs("psql");
        kit.backedUp(TRAILER).set("MIGRATE_COMMAND", "npm run migrate").set("DEPLOY_BUILD_VARIABLES", "DIRECT_URL")
            .set("DIRECT_URL", kit.database.url());
        site.write("migrate.js", """
            import { spawnSync } from 'node:child_process'
            import { writeFileSync } from 'node:fs'
            writeFileSync('SEEN', JSON.stringify(Object.keys(process.env)))
            console.log('it goes to ' + process.env.DATABASE_URL)
            const ran = spawnSync('psql', ['-qX', '-v', 'ON_ERROR_STOP=1', '-f', 'migrate.sql',
                process.env.DATABASE_URL], { stdio: 'inherit' })
            process.exit(ran.status)
            """.replace("SEEN", kit.home + "/seen.json"))
            .write("migrate.sql", "create table if not exists knex_migrations (name text);"
                + "alter table trailer drop column colour; insert into knex_migrations values ('1_colour.js');\n")
            .write("package.json", "{\"name\": \"trailers\", \"version\": \"1.0.0\", \"type\": \"module\", "
                + "\"scripts\": {\"build\": \"node build.js\", \"migrate\": \"node migrate.js\"}}").commit("Own");
        deploy("--unrehearsed").exits(10).says("whether migrations are pending is seen when 'npm run migrate' is");
        site.write(".env", "DATABASE_URL=" + kit.database.url() + "\nDIRECT_URL=\"" + kit.database.url() + "?a=b\"\n")
            .commit("An address");
        deploy("--apply-migrations").exits(10).says(".env has the address of environment 'staging' in it, as DIRECT_URL:"
            + " a command that is rehearsed may go there", "State: nothing was changed").neverShows(TestDatabase.PASSWORD);
        site.write(".env", "DATABASE_URL=" + kit.database.url() + "\n").commit("No address of its own");
        deploy().exits(10).says("ok: Look at the migrations: 'npm run migrate' says what is pending when it is run;"
            + " MIGRATE_COMMAND goes before MIGRATIONS_DIR", "migrations are pending: 1 pending: 1_colour.js",
            "warning: a rollback can't undo this: 'npm run migrate': column colour of public.trailer is gone",
            "State: nothing was changed: what was live is live.");
        assertEquals("1", kit.database.one("select count(*) from trailer where id = 1 and colour = 'red'"));
        deploy("--apply-migrations").exits(0).says("ok: Apply the migrations: 'npm run migrate' ended well; 1 applied;"
            + " the database is at 1_colour.js", "ok: Look at the site: 7 of 7 pass");
        assertEquals("id", kit.database.one("select string_agg(attname, ',') from pg_attribute where attrelid ="
            + " 'trailer'::regclass and attnum > 0 and not attisdropped"));
        var release = recorded(deployed.current());
        assertEquals(List.of("1_colour.js", "1_colour.js"),
            List.of(release.get("schema_version").getAsString(), release.get("breaking").getAsString()));
        var seen = Files.readString(kit.home.resolve("seen.json"));
        assertTrue(seen.contains("\"DATABASE_URL\""), seen);
        assertTrue(kit.logs().contains("it goes to ••••••"), "what it says is in the log, without the secret");
        // Another address would be a database that the rehearsal is not meant to reach.
        for (var name : List.of("DIRECT_URL", "STAGING_", "AWS_", "PGPASS"))
            assertFalse(seen.contains(name), seen);
    }

    @Test void a_migration_that_fails_on_the_real_rows_is_caught_by_the_rehearsal() {
        kit.backedUp(TRAILER);
        site.write("supabase/migrations/20261101000000_unique.sql", "create unique index trailer_colour on public.trailer (colour);\n").commit("One of each");
        deploy("--apply-migrations").exits(14).says("20261101000000_unique.sql", "trailer_colour", "State: nothing was changed: what was live is live.");
        assertEquals("0", kit.database.one("select count(*) from pg_indexes where indexname = 'trailer_colour'"));
        deploy("--apply-migrations", "--unrehearsed").exits(1).says("20261101000000_unique.sql", "what was live is live");
        assertTrue(deployed.isNothingLive());
    }

    @Test void a_release_whose_migrations_destroyed_what_the_one_before_needs_is_not_taken_back_by_itself() {
        kit.database.execute(TRAILER);
        deployed.ship(1);
        site.write("supabase/migrations/20261101000000_drop.sql", "alter table public.trailer drop column colour;\n").write("src/health.json", "{\"status\": \"down\"}").commit("No colours");
        deploy("--apply-migrations", "--unrehearsed").exits(14).says("warning: a rollback can't undo this: 20261101000000_drop.sql, line 1: ", "it was not taken back, since migrations have changed what the release before needs", "./jbang rollback --env staging --accept-schema-ahead");
        assertEquals(site.head(), deployed.liveCommit());
    }

    @Test void what_only_the_rehearsal_saw_destroyed_keeps_a_release_from_being_taken_back_too() {
        kit.backedUp(TRAILER);
        deployed.ship(1);
        site.write("supabase/migrations/20261101000000_empty.sql",
            "create function empty() returns void language sql as 'delete from public.trailer where id = 1';\nselect empty();\n")
            .write("src/health.json", "{\"status\": \"down\"}").commit("No trailers");
        deploy("--apply-migrations").exits(14).says("warning: a rollback can't undo this: "
            + "20261101000000_empty.sql: 1 of 2 rows of public.trailer is gone; only a backup brings them back",
            "it was not taken back, since migrations have changed what the release before needs");
    }

    @Test void what_a_killed_deploy_destroyed_keeps_the_next_one_from_going_back_too() {
        kit.database.execute(TRAILER);
        deployed.ship(1);
        site.write("supabase/migrations/20261101000000_drop.sql", "alter table public.trailer drop column colour;\n").write("supabase/migrations/20261102000000_slow.sql", "select pg_sleep(60);\n").commit("No colours");
        kit.start("deploy", "--env", "staging", "--apply-migrations", "--unrehearsed").awaitSays("ok: Apply 20261101000000_drop.sql").signal("KILL").result();
        kit.awaitNoProcess();
        site.write("src/health.json", "{\"status\": \"down\"}").commit("Down");
        deploy("--leave-migrations").exits(14).says("it was not taken back, since migrations have changed what the release before needs", "./jbang rollback --env staging --accept-schema-ahead");
        assertEquals(site.head(), deployed.liveCommit());
    }

    // --- others at work

    /** As the system kills what takes too much memory: the one process, and nobody who could clean up behind it. */
    @ParameterizedTest @ValueSource(strings = {"the process alone", "its whole group"})
    void when_it_is_killed_nothing_that_it_has_started_goes_on(String what) throws IOException {
        var begun = kit.home.resolve("begun");
        site.byNpm().write("build.js", "import { spawn } from 'node:child_process'\nimport { writeFileSync } from 'node:fs'\n"
            + "spawn('sleep', ['600'], { detached: true, stdio: 'ignore' }).unref()\n"
            + "writeFileSync('" + begun + "', '')\n"
            + "setTimeout(() => {}, 600000)\n").commit("Slowly");
        var running = kit.startInForeground("deploy", "--env", "staging");
        Patience.until(() -> Files.exists(begun), () -> "the build never begins: " + running.soFar());
        // As "timeout -s KILL" and terminals do: the shell that watches must not be among those.
        if (what.equals("its whole group")) running.signalGroup("KILL").result();
        else running.signal("KILL").result();
        kit.awaitNoProcess();
    }

    /** Soon on a busy machine, and here at once. */
    @Test void who_gets_the_number_of_a_program_that_has_ended_is_not_taken_for_it() throws IOException {
        org.junit.jupiter.api.Assumptions.assumeTrue(Files.isWritable(Path.of("/proc/sys/kernel/ns_last_pid")),
            "only root chooses the number of a process");
        var begun = kit.home.resolve("begun");
        site.write("build.js", "import { writeFileSync } from 'node:fs'\nwriteFileSync('" + begun + "', '')\n"
            + "setTimeout(() => {}, 600000)\n").commit("Slowly");
        var running = kit.start("deploy", "--env", "staging");
        Patience.until(() -> Files.exists(begun), () -> "the build never begins: " + running.soFar());
        var children = running.process.children().toList();
        var watcher = children.stream().filter(each -> each.info().commandLine().orElse("").contains("handover-watch")).findFirst().orElseThrow().pid();
        var program = children.stream().filter(each -> each.pid() != watcher).findFirst().orElseThrow().pid();
        kit.bash("kill -STOP " + watcher + "; kill -KILL " + running.process.pid() + " " + program + """

            other=
            until [ "$other" = PROGRAM ]; do
                [ -z "$other" ] || kill -KILL "$other"
                until [ ! -e /proc/PROGRAM ]; do sleep 0.1; done
                echo $((PROGRAM - 1)) >/proc/sys/kernel/ns_last_pid
                sleep 600 >/dev/null 2>&1 & other=$!
            done
            kill -CONT WATCHER
            until [ ! -e /proc/WATCHER ]; do sleep 0.1; done
            kill -KILL PROGRAM""".replace("PROGRAM", String.valueOf(program)).replace("WATCHER", String.valueOf(watcher))).exits(0);
        kit.awaitNoProcess();
    }

    @Test void whoever_comes_while_another_is_at_work_waits_or_is_told_who_that_is() throws IOException {
        kit.backedUp(TRAILER);
        var built = kit.home.resolve("built");
        site.write("build.js", "import { cpSync, existsSync } from 'node:fs'\ncpSync('src', 'dist', { recursive: true })\nconst waiting = setInterval(() => { if (existsSync('" + built + "')) clearInterval(waiting) }, 100)\n").commit("Slowly");
        var restored = kit.home.resolve("restored");
        var restore = kit.start("restore-db", "--env", "staging", "--no-safety-backup", "--after-sql", kit.sqlThatWaitsFor(restored).toString()).awaitSays("ok: Take the lock");
        deploy().exits(11).says("another run holds the lock of environment 'staging': handover restore-db staging, process ",
            "State: nothing was changed: what was live is live.");
        var waiting = kit.start("deploy", "--env", "staging", "--wait", "120").awaitSays("waiting: another run holds the lock");
        Files.createFile(restored);
        restore.result().exits(0);
        waiting.awaitSays("ok: Take the lock");
        for (var other : List.of("rollback", "restore-db")) deployed.run(other).exits(11).says("handover deploy staging");
        Files.createFile(built);
        waiting.result().exits(0);
    }

    /** Told to stop before the first change, in the midst of it and after the turn; and killed after every step, npm with it. */
    @Test void a_signal_after_any_step_leaves_one_whole_release_and_the_next_run_goes_on() throws IOException {
        deployed.ship(1);
        var pages = new HashMap<>(Map.of(site.head(), Files.readString(www.resolve("current/app.js"))));
        var built = STEPS.indexOf("Build");
        walk("TERM", TOLD, pages);
        walk("KILL", STEPS.subList(built, STEPS.size()), pages);
        assertEquals(site.head(), deployed.liveCommit());
        site.byNpm();
        walk("KILL", STEPS.subList(0, built), pages);
        deploy().exits(0).says("ok: See what is live: ");
        assertEquals(site.head(), deployed.liveCommit());
        assertEquals(List.of(), kit.leftTemporary());
        assertEquals(List.of(), kit.openUploads());
        assertFalse(kit.bash("ls -A www/releases www").out().contains(".coming"));
    }

    /** Deploys another page again and again, and sends a signal after each of the steps; pages are those of all commits. */
    private void walk(String signal, List<String> steps, Map<String, String> pages) throws IOException {
        var page = "document.getElementById('app').textContent = '" + signal + pages.size() + "'\n";
        pages.put(site.write("src/app.js", page).commit("Another page"), page);
        for (var step : steps) {
            var result = kit.start("deploy", "--env", "staging", "--wait", "60").awaitSays("ok: " + step).signal(signal).result();
            kit.awaitNoProcess();
            assertEquals(pages.get(deployed.liveCommit()), Files.readString(www.resolve("current/app.js")), result::toString);
            if (signal.equals("KILL")) continue;
            if (result.exit() != 0) result.exits(143).says("warning: interrupted: stopping and cleaning up", "State: ");
            assertEquals(List.of(), kit.leftTemporary());
        }
    }
}
