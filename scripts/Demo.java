///usr/bin/env true ; exec jbang "$0" "$@"
//DESCRIPTION A guided tour on this machine alone: a backup, its proof, a restore, a deploy that is taken back, a rollback
//JAVA 17+
//RUNTIME_OPTIONS -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Xmx96m
//SOURCES ops/Ops.java

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import ops.*;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** The guided tour: every command it shows is run for real, on an embedded stack.
 *
 *      jbang demo
 *
 *  Needs PostgreSQL's client programs. */
@Command(name = "demo", mixinStandardHelpOptions = true, sortOptions = false, version = "handover " + Ops.VERSION,
    header = {
        "  demo           the tour; leaves nothing behind",
        "  demo --keep    keeps the stack's data, for ./jbang local", ""},
    description = "Starts the embedded stack, backs its sample database up, lists, verifies, shows and drills the backup, loses a table, restores it, looks whether the site works, deploys it, deploys a broken one that is taken back, and rolls back.%n")
class Demo implements Callable<Integer> {
    private static final Duration LIMIT = Duration.ofMinutes(5);
    /** What the launcher and JBang go by; nothing else of this environment reaches the tour. */
    private static final List<String> HANDED_ON = List.of("JAVA_HOME", "HANDOVER_CACHE", "HANDOVER_MAVEN_URL", "XDG_CACHE_HOME", "JBANG_DIR", "JBANG_CACHE_DIR",
        "JBANG_REPO", "NO_COLOR", "TERM", "http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "no_proxy", "NO_PROXY");

    @Option(names = "--keep", description = "keep the embedded stack's data, with the backup, in .handover/local")
    boolean keep;

    @Mixin Run run;

    private final Path launcher = Home.dir().resolve("jbang");
    private final Map<String, String> environment = new LinkedHashMap<>();
    private Path state;
    private Path repository;

    public static void main(String... args) { Run.main(new Demo(), args); }

    @Override public Integer call() { return run.execute("demo", this::tour); }

    private void tour() throws Exception {
        prepare();
        show("A PostgreSQL with a sample database and an S3 store, on this machine alone", "local");
        try (var stack = startStack()) {
            show("Back the database up: one command, and a green line is a fact that was checked", "backup-db --env local");
            jbang("backup-db", "--env", "local");
            show("What backups are there, and how far is each proven?", "backups list --env local");
            jbang("backups", "list", "--env", "local");
            show("Read every byte back, compare the checksums, parse the archive to its end", "backups verify latest --env local");
            jbang("backups", "verify", "latest", "--env", "local");
            show("What is in it, and how it is restored without this kit", "backups show latest --env local");
            jbang("backups", "show", "latest", "--env", "local");
            show("Restore it into a throwaway server, and compare that with the backup, row by row and definition by definition", "backups drill latest --env local");
            jbang("backups", "drill", "latest", "--env", "local");
            loseATable();
            show("Restore: nobody sees the restored data before they were compared with the manifest", "restore-db latest --env local");
            jbang("restore-db", "latest", "--env", "local");
            try (var session = connect()) {
                run.console.say("The table is back, with " + session.one("select count(*) from public.invoice_lines") + " rows.");
            }
            if (Settings.ofStack(state).get(Setting.SITE_URL).isPresent()) {
                show("Does the site work, and what of it can't be told?", "smoke-tests --env local");
                jbang("smoke-tests", "--env", "local");
                deployAndRollBack();
            }
        }
        run.console.say("");
        run.console.say(keep ? "The stack is stopped; its data are kept in " + state + ": ./jbang local starts it again" : "The stack is stopped and its data are removed; --keep keeps them");
        run.console.say("Yours next: copy .env.operations.example to .env.operations, fill it in, then ./jbang doctor --env staging");
    }

    /** The sample site in a repository of its own, as a team has it. */
    private void deployAndRollBack() throws IOException, InterruptedException {
        if (!Tool.isOnPath("git")) {
            run.console.say("");
            run.console.say("Deploying is left out of the tour: git is not installed");
            return;
        }
        var folder = Files.createTempDirectory("handover-demo-site-");
        run.undo.add("remove " + folder, () -> Private.remove(folder));
        repository = folder.resolve("repository");
        copySite(Home.dir().resolve("tests/sample-site"), repository);
        Files.writeString(repository.resolve(".gitignore"), "node_modules/\ndist/\n");
        git("init", "--quiet", "--initial-branch=main");
        git("init", "--quiet", "--bare", folder.resolve("remote.git").toString());
        git("remote", "add", "origin", folder.resolve("remote.git").toString());
        commit("The trailers");
        show("Ship the site: built from the commit, looked at before anybody sees it and again when it is live", "deploy --env local");
        jbang("deploy", "--env", "local", "--app", repository.toString());
        var page = repository.resolve("index.html");
        Files.writeString(page, Files.readString(page).replaceFirst("id=\"app\"", "id=\"oops\""));
        commit("A mistake");
        show("A mistake, promoted in a hurry without the look before: seen when it is live, and taken back (exit 15)", "deploy --env local --unstaged");
        jbang(Exit.ROLLED_BACK, "deploy", "--env", "local", "--app", repository.toString(), "--unstaged");
        Files.writeString(page, Files.readString(page).replaceFirst("id=\"oops\"", "id=\"app\"") + "<!-- cheaper -->\n");
        commit("Cheaper trailers");
        show("The next one is good", "deploy --env local --quiet");
        jbang("deploy", "--env", "local", "--app", repository.toString(), "--quiet");
        show("And is not wanted after all: back, in seconds and without a build", "rollback --env local");
        jbang("rollback", "--env", "local", "--app", repository.toString());
        show("What has been live, what is, and what is marked bad", "rollback --env local --list");
        jbang("rollback", "--env", "local", "--list", "--quiet");
    }

    private static void copySite(Path from, Path to) throws IOException {
        try (var all = Files.walk(from)) {
            for (var path : all.filter(path -> !from.relativize(path).toString().matches("(node_modules|dist)(/.*)?")).toList()) Files.copy(path, to.resolve(from.relativize(path).toString()));
        }
    }

    private void commit(String subject) throws IOException, InterruptedException {
        git("add", "--all");
        git("-c", "user.name=demo", "-c", "user.email=demo@localhost", "commit", "--quiet", "--message=" + subject);
        git("push", "--quiet", "origin", "HEAD");
    }

    private void git(String... arguments) throws IOException, InterruptedException {
        var all = new ArrayList<>(List.of("-C", repository.toString()));
        all.addAll(List.of(arguments));
        Tool.text(run, Path.of("git"), all, Map.of(), LIMIT);
    }

    private Database connect() {
        var settings = Settings.ofStack(state);
        return Database.connect(DatabaseUrl.of(settings), settings, "handover demo");
    }

    private void loseATable() {
        run.console.say("");
        run.console.say("An accident: DROP TABLE invoice_lines");
        try (var session = connect()) {
            session.execute("drop table public.invoice_lines");
        }
    }

    private void prepare() throws IOException {
        if (!Files.isExecutable(launcher)) throw new Failure.Failed("the launcher is not where it should be: " + launcher, "run the tour from the kit's checkout: ./jbang demo");
        state = keep ? Home.state().resolve("local") : Files.createTempDirectory("handover-demo-");
        if (!keep) run.undo.add("remove " + state, () -> Private.remove(state));
        for (var name : HANDED_ON)
            if (System.getenv(name) != null) environment.put(name, System.getenv(name));
        environment.put("HANDOVER_LOCAL_STATE", state.toString());
        environment.put("SMOKE_SECONDS", "8"); // of what is broken on purpose nobody wants to watch how patient the tests are
        environment.put("LOG_DIR", state.resolve("logs").toString());
    }

    private void show(String why, String command) {
        run.console.say("");
        run.console.say(why);
        run.console.say("$ ./jbang " + command);
    }

    /** Starts the stack beside us; it is stopped when the tour ends, however it ends. */
    private Tool startStack() throws IOException, InterruptedException {
        var local = Tool.start(run, launcher, keep ? List.of("local", "--state", state.toString()) : List.of("local", "--state", state.toString(), "--throwaway"), environment).patient(Duration.ofSeconds(30));
        var lines = new BufferedReader(new InputStreamReader(local.stdout(LIMIT), StandardCharsets.UTF_8));
        for (String line; (line = lines.readLine()) != null; ) {
            run.console.say(line);
            if (line.equals("ready")) return local;
        }
        local.finish(LIMIT);
        throw new Failure.Failed("the embedded stack ended before it was ready" + local.said(), "start it alone and look: ./jbang local");
    }

    private void jbang(String... command) throws InterruptedException { jbang(Exit.DONE, command); }

    private void jbang(Exit expected, String... command) throws InterruptedException {
        try (var tool = Tool.shown(run, launcher, List.of(command), environment)) {
            tool.finish(LIMIT, expected.code);
        }
    }
}
