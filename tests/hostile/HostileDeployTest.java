import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Optional;
import ops.Failure;
import ops.Run;
import ops.Secret;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import release.Application;
import release.Artifact;
import release.Build;
import release.Checkout;
import release.Contents;
import release.Preview;
import release.Provider;
import release.Releases;
import release.SiteChecks;
import release.WayBack;

/** Repositories, builds and habits that deploy was not made for: what is live is told as it is, and can come back. */
class HostileDeployTest {
    private final DeployedSite site = new DeployedSite(Stack.kit());
    private final Kit kit = site.kit;
    private final SiteRepository repository = site.repository;
    /** For what a test does in its own process. */
    private final Run run = new Run();

    @AfterEach void stop() {
        run.undo.close();
        site.close();
    }

    /** A release that passes where it is staged, and fails once it is live. */
    private void fallSick() {
        kit.set("SMOKE_SECONDS", "15");
        repository.git("rm --quiet src/health.json");
        repository.commit("Without its health");
    }

    // --- the folder of a web server

    /** With a slash behind it, as a shell completes it, or by its whole path. */
    @Test void a_link_that_a_person_has_set_is_the_release_that_it_leads_to() throws Exception {
        var two = site.ship(2);
        kit.bash("ln -sfn releases/" + two.get(1) + "/ www/current").exits(0);
        fallSick();
        site.run("deploy").exits(15).says("ok: See what is live: " + two.get(1), "ok: Roll back: " + two.get(1));
        assertEquals(two.get(1), site.current());
        kit.bash("ln -sfn \"$PWD/www/releases/" + two.get(1) + "\" www/current").exits(0);
        // And an application that is one of several in its repository is one that can be tagged.
        kit.bash("mkdir -p site/apps/shop && cp site/package.json site/apps/shop").exits(0);
        kit.set("DEPLOY_APP", repository.folder.resolve("apps/shop").toString());
        site.run("rollback").exits(0).says("ok: See what is live: " + two.get(1),
            "ok: Choose the release: " + two.get(0), "ok: Tag what is left: tag recovery/staging/");
        assertEquals(two.get(0), site.current());
    }

    private void servesSomethingOlder() {
        kit.bash("mkdir older www && cp site/src/* older && ln -s ../older www/current").exits(0);
    }

    @Test void what_was_live_before_the_first_release_comes_back_when_that_one_fails() {
        servesSomethingOlder();
        fallSick();
        site.run("deploy").exits(15).says("ok: See what is live: ../older, which this kit did not deploy",
            "State: what was live before is live again, and passes the smoke tests");
        assertEquals("../older\n", kit.bash("readlink www/current").out());
    }

    /**
     * The folder and its releases are links there, and the answer of every command is lost the first time. What stands in
     * the place of ssh runs here what it is to run there.
     */
    @Test void on_another_machine_the_folders_may_be_links_and_a_connection_may_break() throws IOException {
        Kit.needs("rsync");
        servesSomethingOlder();
        kit.bash("mkdir -p bin disk tried && ln -s ../disk www/releases && ln -s www linked").exits(0);
        Files.writeString(kit.home.resolve("bin/ssh"), """
            #!/bin/sh
            while [ "$1" = -o ]; do shift 2; done
            shift; [ "$1" != -- ] || shift
            case $* in rsync*) exec sh -c "$*" ;; esac
            tried='%s/tried/'$(echo "$*" | cksum | tr ' ' -)
            [ -e "$tried" ] || { sh -c "$*"; touch "$tried"; exit 255; } >/dev/null
            exec sh -c "$*"
            """.formatted(kit.home));
        kit.bash("chmod +x bin/ssh").exits(0);
        kit.with("PATH", kit.home.resolve("bin") + ":" + System.getenv("PATH"))
            .set("STAGING_DEPLOY_DIRECTORY", "www1:" + kit.home.resolve("linked"));
        fallSick();
        site.run("deploy").exits(15).says("ok: See what is live: ../older, which this kit did not deploy",
            "www1: ssh failed (exit 255): trying again (2 of 3)", "ok: Promote: 2", "State: what was live before is live again, and passes the smoke tests");
        assertEquals("../older\n", kit.bash("readlink www/current").out());
        site.run("rollback", "--list").exits(0).prints("bad   2", "live: ../older, which this kit did not deploy");
    }

    /** Vite's base, Next's basePath. And the umask of a machine that is locked down keeps no web server out. */
    @Test void pages_that_are_served_below_a_path_of_their_host_are_looked_at_there() throws IOException {
        repository.write("src/index.html", Files.readString(repository.folder.resolve("src/index.html"))
            .replace("\"/app.js\"", "\"/shop/app.js\"")).commit("Below /shop/");
        try (var host = new Preview(site.www.resolve("current"), "/shop")) {
            kit.set("STAGING_SITE_URL", host.url()).set("SMOKE_SECONDS", "15");
            kit.bash("umask 077; ./jbang deploy --env staging").exits(0)
                .says("ok: Look at the staged release: 3 of 3 pass");
        }
        for (var folder : List.of("", "releases", "current")) {
            var rights = Files.getPosixFilePermissions(site.www.resolve(folder));
            assertEquals("rwxr-xr-x", PosixFilePermissions.toString(rights), folder);
        }
    }

    // --- settings

    @Test void what_would_keep_anybody_from_looking_at_the_site_is_said_before_it_is_another() {
        for (var row : List.of("STAGING_SITE_URL=example.org", "STAGING_SITE_URL=https://user:word@example.org/",
            "SMOKE_SECONDS=soon", "DEPLOY_LIVE_SECONDS=0", "SMOKE_HEADER=secret", "SMOKE_HEALTH_PATH=/%zz",
            "SMOKE_CANARY_ROW=customers", "SMOKE_FILE=nowhere")) {
            var setting = row.split("=", 2);
            kit.set(setting[0], setting[1]);
            assertThrows(Failure.BadSetting.class, () -> SiteChecks.requireSettings(kit.settings()), row);
            kit.set(setting[0], null);
        }
        repository.ship("directory", site.url());
        var two = site.ship(2);
        kit.set("DEPLOY_LIVE_SECONDS", "soon");
        site.run("rollback").exits(78).says("DEPLOY_LIVE_SECONDS is not a whole number", "State: nothing was changed");
        kit.set("DEPLOY_LIVE_SECONDS", null).set("STAGING_SITE_URL", "example.org");
        site.run("deploy").exits(78).says("'example.org' is no address of a site", "State: nothing was changed");
        assertEquals(two.get(1), site.current());
    }

    // --- repositories

    /** By a program in the place of git, since the settings of the tests' own home are not theirs to change. */
    @Test void what_git_is_told_on_this_machine_changes_no_deploy() throws IOException {
        Kit.needs("ssh-keygen");
        repository.write(".githooks/post-checkout", "#!/bin/sh\ntouch '" + kit.home + "/hooked'\n");
        var text = "a commit whose text has no empty line " + "and goes on ".repeat(100_000);
        Files.writeString(kit.home.resolve("text"), text);
        kit.bash("""
            chmod +x site/.githooks/post-checkout
            ssh-keygen -q -t ed25519 -N '' -f key && echo "tester $(cat key.pub)" >signers
            git -C site add --all
            git -C site -c user.name=tester -c user.email=tester -c gpg.format=ssh -c user.signingkey="$PWD/key" \
                commit --quiet -S -F "$PWD/text"
            git -C site push --quiet
            mkdir -p bin
            told="-c log.showSignature=true -c gpg.format=ssh -c gpg.ssh.allowedSignersFile=$PWD/signers"
            told="$told -c core.hooksPath=.githooks -c tag.gpgSign=true"
            printf '#!/bin/sh\\nexec %s %s "$@"\\n' "$(command -v git)" "$told" >bin/git
            chmod +x bin/git""").exits(0);
        kit.with("PATH", kit.home.resolve("bin") + ":" + System.getenv("PATH"));
        site.run("deploy").exits(0).says("ok: Mark it as good: tag deploy/staging/");
        assertFalse(Files.exists(kit.home.resolve("hooked")), "nothing of a repository is run before its build");
        assertEquals(repository.head(), site.liveCommit());
        // A record that is longer than any record is read again as none.
        var subject = kit.json("handover/staging/releases/" + site.current() + ".json").getAsJsonObject("commit")
            .get("subject").getAsString();
        assertTrue(subject.matches("a commit whose text.{150,200}…"), subject);
    }

    /** As one that root deploys from and somebody else has cloned. */
    @Test void a_checkout_of_another_user_is_read_as_git_itself_would() throws IOException {
        assumeTrue(Files.getAttribute(Path.of("/proc/self"), "unix:uid").equals(0), "giving files away takes root");
        kit.bash("chown -R 65534 site").exits(0);
        var refused = site.run("deploy", "--dry-run").exits(78)
            .says("dubious ownership", "Next:  run this as its owner; or, ");
        // What is said next, to the letter, where it changes nobody's own settings.
        var cache = System.getenv().getOrDefault("XDG_CACHE_HOME", System.getenv("HOME") + "/.cache") + "/handover";
        kit.with("HANDOVER_CACHE", System.getenv().getOrDefault("HANDOVER_CACHE", cache))
            .with("HOME", kit.home.toString());
        kit.bash(refused.err().replaceFirst("(?s).*this user: ", "")).exits(0);
        site.run("deploy", "--dry-run").exits(0);
        Files.delete(kit.home.resolve(".gitconfig"));
        kit.with("SUDO_UID", "65534");
        site.run("deploy", "--dry-run").exits(0);
    }

    // --- builds

    private Build build(String script) throws Exception {
        repository.write("build.js", """
            import { createServer } from 'node:net'
            import { execSync } from 'node:child_process'
            import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
            rmSync('dist', { recursive: true, force: true })
            mkdirSync('dist')
            writeFileSync('dist/index.html', '<h1>Trailers</h1>')
            """ + script);
        return Build.of(run, kit.settings(), new Application(repository.folder));
    }

    /** Whoever reads a pipe waits for ever. */
    @Test void what_is_no_file_or_has_no_name_elsewhere_is_named_and_not_shipped() throws Exception {
        repository.byNpm();
        var commit = Checkout.of(run, repository.folder).commit("HEAD");
        for (var row : List.of(
            List.of("execSync('mkfifo dist/pipe')", "the build has made pipe, which is neither a file nor a link"),
            List.of("createServer().listen('dist/socket', () => process.exit(0))",
                "the build has made socket, which is neither"),
            List.of("rmSync('dist', { recursive: true })\nmkdirSync('docs/.vitepress/dist', { recursive: true })\n"
                + "writeFileSync('docs/.vitepress/dist/index.html', '')",
                "in the application's; there are pages in docs/.vitepress/dist"),
            List.of("writeFileSync(Buffer.from('dist/caf\\xe9.html', 'latin1'), '')", "whose name is not in UTF-8"))) {
            var build = build(row.get(0));
            var failure = assertThrows(Failure.Failed.class, () -> build.build(commit), row.get(0));
            assertTrue(failure.getMessage().contains(row.get(1)), failure.getMessage());
        }
        var pages = build("writeFileSync('dist/café.html', '')").build(commit);
        // What is written goes into the folder, wherever a link of the build's leads.
        Files.createSymbolicLink(pages.resolve("version.json"), kit.home.resolve("outside.json"));
        Contents.noteCommit(pages, commit);
        assertFalse(Files.exists(kit.home.resolve("outside.json")));
        // Nobody knows which Node that is, and it is no fault of the kit.
        var about = Files.readString(repository.folder.resolve("package.json"));
        var engines = "{\"engines\": {\"node\": \"99999999999999999999\"}, ";
        repository.write("package.json", about.replaceFirst("\\{", engines));
        assertDoesNotThrow(() -> build("").check());
    }

    /** As Astro and React Router leave them where some pages are made by a server. */
    @Test void a_server_s_code_beside_the_pages_is_not_shipped() throws IOException {
        var built = Files.createDirectories(kit.home.resolve("build"));
        for (var part : List.of("client/index.html", "server/index.js")) {
            Files.createDirectory(built.resolve(part).getParent());
            Files.writeString(built.resolve(part), "<h1>Trailers</h1>");
        }
        var failure = assertThrows(Failure.Failed.class, () -> Contents.first(built, "/"));
        assertTrue(failure.getMessage().contains("in server in it a server's code"), failure.getMessage());
        assertTrue(failure.hint.contains("DEPLOY_OUTPUT=build/client"), failure.hint);
        assertEquals("", Contents.first(built.resolve("client"), "/"));
    }

    @Test void a_secret_that_a_build_is_given_and_prints_is_shown_nowhere() throws IOException {
        var token = "npm_0123456789abcdefghij";
        kit.set("NPM_TOKEN", token).set("OTHER_DATABASE_URL", "postgresql://u:p%40ss%2Fw0rd@10.0.0.1/db")
            .set("DEPLOY_BUILD_VARIABLES", "NPM_TOKEN,OTHER_DATABASE_URL");
        kit.with("ALL_PROXY", "http://me:pr0xy-w0rd@127.0.0.1:9");
        repository.write("build.js", "const { NPM_TOKEN, OTHER_DATABASE_URL, ALL_PROXY } = process.env\n"
            + "console.log('given', NPM_TOKEN, OTHER_DATABASE_URL, ALL_PROXY)\nprocess.exit(1)\n").commit("Talkative");
        var secrets = List.of(token, "p%40ss%2Fw0rd", "pr0xy-w0rd");
        site.run("deploy", "--json").exits(12).says("bun run build: bun failed (exit 1)", "given •••")
            .neverShows(secrets.toArray(String[]::new));
        for (var told : List.of(kit.logs(), kit.history().toString()))
            for (var secret : secrets) assertFalse(told.contains(secret), told);
    }

    /** The very words of jose 6, where it looks whether it can read a key; folders as of Expo and Vercel's builds. */
    @Test void a_secret_is_seen_as_it_is_written_and_words_about_one_are_none() throws IOException {
        var address = "postgresql://u:p%40ss%2Fw0rd@10.0.0.1/db";
        ops.Private.write(kit.home.resolve("address"),
            "postgresql://v@10.0.0.1/db?sslmode=require&password=another%21password\n");
        kit.set("OTHER_DATABASE_URL", address).set("THIRD_DATABASE_URL_FILE", kit.home.resolve("address").toString());
        var line = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj\\n";
        var begin = "-----BEGIN PRIVATE KEY-----";
        refuses("app.js", "const db = '" + address + "'", "holds the value of OTHER_DATABASE_URL");
        refuses("app.js", "const password = 'p@ss/w0rd'", "holds the value of OTHER_DATABASE_URL");
        refuses("app.js", "'/db?password=another%21password'", "holds the value of THIRD_DATABASE_URL");
        refuses("app.js", "\"" + begin + "\\n" + line, "holds a private key");
        refuses("app.js", "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,"
            + "0123456789ABCDEF0123456789ABCDEF\n\n" + line, "holds a private key");
        refuses("node_modules/.package-lock.json", "{}", "is a file that no visitor may see");
        for (var harmless : List.of(List.of("app.js", "if (typeof pkcs8 !== 'string' || pkcs8.indexOf('" + begin
            + "') !== 0) throw new TypeError('\"pkcs8\" must be PKCS#8 formatted string')"),
            List.of("assets/node_modules/@expo/vector-icons/Ionicons.ttf", "a font"),
            List.of(".vercel/output/functions/index.func/node_modules/react/index.js", "react")))
            assertDoesNotThrow(() -> look(harmless.get(0), harmless.get(1)));
    }

    private void look(String file, String text) throws IOException {
        var pages = Files.createDirectory(kit.home.resolve(Stack.next("pages")));
        Files.createDirectories(pages.resolve(file).getParent());
        Files.writeString(pages.resolve(file), text);
        Contents.refuseSecrets(pages, kit.settings().secrets());
    }

    private void refuses(String file, String text, String why) {
        var failure = assertThrows(Failure.Refused.class, () -> look(file, text), text);
        var begin = "the build has made " + file + ", which " + why;
        assertTrue(failure.getMessage().startsWith(begin), failure.getMessage());
    }

    // --- records

    /** Whoever wants to go back at night has no time for it. */
    @Test void a_store_that_takes_nothing_at_the_moment_keeps_nobody_from_rolling_back() throws IOException {
        var two = site.ship(2);
        try (var store = new FaultProxy(kit)) {
            store.every("PUT .*/releases/.*").answer(403, "AccessDenied");
            site.run("rollback").exits(0).prints("rolled back to " + two.get(0))
                .says("warning: could not write down where this goes, so name it if this is killed and run again, --to "
                    + two.get(0), "warning: could not mark release " + two.get(1)
                    + " as bad, so a later rollback may come to it: ", "ok: Mark what was left as bad: not marked");
        }
        assertEquals(two.get(0), site.current());
    }

    @Test void a_kept_artifact_that_is_not_whole_is_stored_anew() throws Exception {
        var folder = site.www.resolve("releases/" + site.ship(1).get(0));
        var stored = Artifact.of(folder);
        var key = "handover/staging/artifacts/" + stored.sha256() + ".tar.zst";
        kit.put(key, "no archive".getBytes(StandardCharsets.UTF_8));
        try (var store = site.store()) {
            assertTrue(Artifact.store(run, store, "staging", folder, stored), "it was there, and not whole");
            Artifact.fetch(store, "staging", stored, Files.createDirectory(kit.home.resolve("fetched")));
            assertFalse(Artifact.store(run, store, "staging", folder, stored), "it is there already");
        }
    }

    @Test void of_releases_only_one_that_is_named_and_was_made_for_this_provider_is_taken() throws Exception {
        var two = site.ship(2);
        var first = "handover/staging/releases/" + two.get(0) + ".json";
        var record = new String(kit.object(first), StandardCharsets.UTF_8);
        var another = record.replace("\"provider\": \"directory\"", "\"provider\": \"vercel\"");
        kit.put(first, another.getBytes(StandardCharsets.UTF_8));
        kit.delete("handover/staging/releases/" + two.get(1) + ".good.json");
        try (var store = site.store()) {
            var releases = new Releases(store, "staging");
            var live = Optional.of(new Provider.Live(two.get(1), two.get(1), null));
            var ways = WayBack.all(releases, live, releases.of(live.get()));
            assertEquals(List.of("what was live before"), ways.stream().map(WayBack::name).toList());
            assertThrows(Failure.Usage.class, () -> releases.find(""));
            // What a site answers may hold what it was sent.
            Secret.hide("the-header-of-this-site");
            releases.bad(releases.byId(two.get(1)).orElseThrow().release(), "answers: no the-header-of-this-site");
            assertEquals("answers: no ••••••", site.whyBad(two.get(1)));
        }
    }

    /** Nothing of a release is left, neither where it was live nor in the store. */
    private void lose(String release) throws IOException {
        kit.bash("rm -r www/releases/" + release).exits(0);
        kit.delete("handover/staging/artifacts/" + site.artifactOf(release).sha256() + ".tar.zst");
    }

    @Test void where_the_release_before_is_there_no_more_the_good_one_before_it_is_live_again() throws IOException {
        var three = site.ship(3);
        kit.set("SMOKE_SECONDS", "15");
        lose(three.get(2));
        fallSick();
        site.run("deploy").exits(15).says("warning: what was live before can't be live again: ",
            "ok: Roll back: " + three.get(1),
            "State: release " + three.get(1) + " is live again, and passes the smoke tests; release ");
        assertEquals(three.get(1), site.current());
        for (var lost : three.subList(0, 2)) lose(lost);
        site.change("still sick");
        site.run("deploy").exits(14).says("warning: what was live before can't be live again: ",
            "warning: release " + three.get(0) + " can't be live again: ",
            "is live, and does not work; neither directory nor the bucket has a good release before it any more.",
            "build one anew: ./jbang rollback --env staging --to " + three.get(1) + " --rebuild");
    }

    @Test void what_a_killed_rollback_began_is_over_once_the_next_release_is_live() throws IOException {
        var two = site.ship(2);
        kit.put("handover/staging/releases/turning.json", "{\"at\": \"2026-11-30T10:00:00Z\", \"from\": \""
            + two.get(1) + "\", \"to\": \"" + two.get(0) + "\", \"why\": \"rolled back: prices\"}");
        site.change("third");
        try (var store = new FaultProxy(kit)) {
            store.every("PUT .*/turning").answer(403, "AccessDenied");
            site.run("deploy").exits(0).says("release " + two.get(1) + " is marked bad, as the rollback of 2026-11-30",
                "warning: could not write down that a killed rollback is over: ");
            assertEquals("rolled back: prices", site.whyBad(two.get(1)));
            // As when it was killed before it could mark it.
            kit.delete("handover/staging/releases/" + two.get(1) + ".bad.json");
            site.run("rollback").exits(0).prints("rolled back to " + two.get(0));
        }
        assertEquals("rolled back: prices", site.whyBad(two.get(1)));
    }
}
