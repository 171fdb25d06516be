import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import ops.Exit;
import ops.Setting;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What the runbooks tell a person to type works, and what they say of the kit is so, in both languages. */
class RunbooksTest {
    private static final Path FOLDER = Stack.CHECKOUT.resolve("runbooks");
    /** After the language, which is all that GitHub looks at: a name, and what the commands do. */
    private static final Pattern MARK = Pattern.compile("sh name=\"([a-z0-9-]+)\" (read-only|changing|by-hand=\"[^\"]+\")");
    private static final Pattern COMMAND = Pattern.compile("(?:\\.|/opt/handover)/jbang ([a-z][a-z-]*)([^\\n`|&;)>']*)");
    /** Verbs that have verbs of their own. */
    private static final Set<String> GROUPS = Set.of("backups");
    /** They change something for good: here they are only rehearsed. */
    private static final Pattern REHEARSED = Pattern.compile("(?m)^(\\./jbang (?:backup-db|restore-db|deploy|rollback|backups prune)\\b(?!.*--(?:dry-run|list)).*)$");
    /** The sample site is served without TLS, as its runbook's reader will see it fail. */
    private static final Map<String, Integer> NOT_WELL = Map.of("dns-and-tls", 14);
    /** What stands in capitals and is no setting: what the reader puts in, and what other programs read. */
    private static final Set<String> NO_SETTINGS = Set.of("BACKUP_ID", "SAFETY_ID", "RELEASE_ID", "THE_COMMIT", "NEW_BUCKET", "FIRST_CHARACTERS", "OLD_KEY_ID", "FOLDER_OF_THE_KIT", "FOLDER_OF_THE_BACKUP", "NEW_DATABASE_URL", "IDENTITY_FILE", "SUPABASE_ACCESS_TOKEN", "ON_ERROR_STOP", "ACTIVE_HEALTHY", "COMING_UP", "HANDOVER_CACHE", "PING_ID");

    private record Fence(Path file, String info, String text) {
        private MatchResult mark() {
            var mark = MARK.matcher(info);
            assertTrue(mark.matches(), () -> this + ": a command wants ```sh name=\"…\" and then read-only, changing or by-hand=\"why\"");
            return mark;
        }

        String name() { return mark().group(1); }

        String kind() { return mark().group(2).replaceFirst("=.*", ""); }

        /** Not a drawing, nor what the reader copies into a file. */
        boolean isCommand() { return !info.matches("mermaid|(crontab|ini|text) name=\"[^\"]+\""); }

        @Override public String toString() { return file.getFileName() + ", ```" + info + "\n" + text; }
    }

    // --- the form

    @ParameterizedTest @MethodSource("all")
    void every_command_has_a_name_of_its_own_and_says_whether_it_changes_anything(String name) throws IOException {
        var file = FOLDER.resolve(name);
        var names = new HashSet<String>();
        for (var fence : commands(file)) {
            assertTrue(names.add(fence.name()), () -> file.getFileName() + ": two commands are named " + fence.name());
            if (fence.kind().equals("by-hand")) assertFalse(fence.text.contains("./jbang"), () -> fence + "\nis the kit's own: it can be tried here");
        }
        // Opened and closed; and nothing that looks like a command stands where no test looks.
        assertEquals(0, lines(file).stream().filter(line -> line.startsWith("```")).count() % 2, file.toString());
        assertEquals(List.of(), lines(file).stream().filter(line -> line.matches("\\s+```.*|~~~.*|( {4}|\\t)\\./jbang.*")).toList());
    }

    @ParameterizedTest @MethodSource("english")
    void both_languages_have_the_same_commands_and_headings_in_the_same_order(String name) throws IOException {
        var file = FOLDER.resolve(name);
        var french = french(file);
        assertEquals(copied(file), copied(french));
        assertEquals(outline(file), outline(french));
        assertEquals(exits(file), exits(french), "exit codes in the text");
        assertEquals(inline(file), inline(french), "commands in the text");
        assertEquals(rows(file), rows(french), "rows of tables");
    }

    @ParameterizedTest @MethodSource("all")
    void every_link_leads_somewhere_and_stays_in_its_language(String name) throws IOException {
        var file = FOLDER.resolve(name);
        var links = Pattern.compile("\\]\\(([^)\\s]+)\\)").matcher(prose(file)).results().map(link -> link.group(1)).toList();
        for (var link : links) {
            if (link.matches("https://.*")) continue;
            var parts = link.split("#", 2);
            var target = parts[0].isEmpty() ? file : file.resolveSibling(parts[0]).normalize();
            assertTrue(Files.exists(target), () -> file.getFileName() + ": " + link + " leads nowhere");
            if (parts.length == 2) assertTrue(anchors(target).contains(parts[1]), () -> file.getFileName() + ": " + link + " is none of " + anchors(target));
            if (target.getParent().equals(FOLDER) && !isSame(target, file)) assertEquals(isFrench(file), isFrench(target), () -> file.getFileName() + ": " + link + " changes the language");
        }
        assertTrue(links.contains((isFrench(file) ? english(file) : french(file)).getFileName().toString()), () -> file.getFileName() + " has no link to the other language");
    }

    // --- what it says of the kit

    @Test void every_option_is_one_of_its_command() throws IOException {
        var kit = new Kit(Stack.next("kit"));
        var asked = new TreeMap<String, Set<String>>();
        for (var name : all()) {
            var file = FOLDER.resolve(name);
            COMMAND.matcher(Files.readString(file)).results().forEach(found -> {
                var words = found.group(2).strip().split("\\s+");
                var options = asked.computeIfAbsent(found.group(1) + (GROUPS.contains(found.group(1)) ? " " + words[0] : ""), verb -> new TreeSet<>());
                Stream.of(words).filter(word -> word.startsWith("--")).map(word -> word.replaceFirst("=.*", "")).forEach(options::add);
            });
        }
        for (var each : asked.entrySet()) {
            var help = kit.run((each.getKey() + " --help").split(" ")).exits(0).out();
            for (var option : each.getValue()) assertTrue(Pattern.compile("(?m)^\\s+(?:-\\w, )?" + option + "\\b").matcher(help).find(), () -> each.getKey() + " has no " + option + ":\n" + help);
        }
    }

    @ParameterizedTest @MethodSource("all")
    void what_stands_in_quotation_marks_is_what_the_screen_says(String name) throws IOException {
        var file = FOLDER.resolve(name);
        var says = DocumentsTest.sources();
        for (var quote : quotes(prose(file))) assertTrue(says.contains(quote), () -> file.getFileName() + ": no script says: " + quote);
    }

    @Test void the_steps_of_a_deploy_and_of_a_rollback_are_listed_as_they_are() throws IOException {
        for (var name : List.of("runbook-failed-deploy.md", "runbook-failed-deploy.fr.md")) {
            var section = prose(FOLDER.resolve(name)).replaceFirst("(?s).*\n## 3\\.(.*?)\n## 4\\..*", "$1");
            var listed = section.lines().filter(line -> line.matches("\\| [“«].*")).map(line -> quotes(line).get(0)).toList();
            assertEquals(Stream.concat(steps("Deploy"), steps("Rollback")).toList(), listed, name);
        }
    }

    @ParameterizedTest @MethodSource("all")
    void every_exit_code_and_every_setting_is_one_of_the_kit(String name) throws IOException {
        var file = FOLDER.resolve(name);
        var codes = Stream.of(Exit.values()).map(exit -> exit.code).collect(Collectors.toSet());
        for (var code : exits(file)) assertTrue(codes.contains(code), () -> file.getFileName() + ": exit " + code);
        var settings = Stream.of(Setting.values()).map(Enum::name).collect(Collectors.toSet());
        var named = Pattern.compile("\\b(?:STAGING_|PRODUCTION_|OFFSITE_|MAIN_)?([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)\\b").matcher(Files.readString(file)).results().toList();
        for (var each : named) {
            var bare = each.group(1).replaceFirst("_FILE$", "");
            assertTrue(settings.contains(bare) || settings.contains(each.group()) || settings.contains(each.group(1)) || NO_SETTINGS.contains(each.group()), () -> file.getFileName() + ": there is no setting " + each.group());
        }
    }

    @Test void every_option_of_a_providers_command_line_is_one_of_it() throws IOException {
        var line = Pattern.compile("(?m)^npx (vercel|wrangler) ((?:[a-z]+ )+)(.*)$");
        var lines = new ArrayList<MatchResult>();
        for (var name : english()) for (var fence : commands(FOLDER.resolve(name))) lines.addAll(line.matcher(fence.text).results().toList());
        assertFalse(lines.isEmpty());
        for (var each : lines) {
            var command = new ArrayList<>(ProviderClis.command(each.group(1)));
            // A name of somebody's own, my-worker, is none of its words.
            command.addAll(List.of(each.group(2).strip().split(" ")));
            command.add("--help");
            var help = new Kit.Running(command, Stack.folder(), ProviderClis.environment(Stack.folder())).result();
            for (var word : each.group(3).split(" "))
                if (word.startsWith("--")) assertTrue((help.out() + help.err()).contains(word), () -> each.group() + ": there is no " + word + "\n" + help);
        }
    }

    // --- what it has a person type

    @Test void every_command_does_what_its_mark_says_on_a_site_with_a_database_backups_and_releases() throws Exception {
        Kit.needs("psql", "curl", "aws", "zstd", "age-keygen", "sha256sum", "git", "npm");
        var kit = Stack.kit();
        var site = new DeployedSite(kit);
        try {
            var production = TestDatabase.create(Stack.next("db_")).execute("create table invoices (id int primary key, amount int); insert into invoices values (1, 10), (2, 20); create table some_log (line text)");
            var fresh = TestDatabase.named(Stack.next("by_hand_"));
            var offsite = Stack.next("bucket");
            var another = Stack.next("bucket");
            for (var bucket : List.of(offsite, another)) Stack.up().s3.createBucket(request -> request.bucket(bucket));
            kit.set("PRODUCTION_SITE_URL", site.url()).set("PRODUCTION_DEPLOY_PROVIDER", "directory").set("PRODUCTION_DEPLOY_DIRECTORY", site.www.toString()).set("PRODUCTION_SUPABASE_URL", "none").set("STAGING_DEPLOY_DIRECTORY", null)
                .set("PRODUCTION_DATABASE_URL", production.urlWithoutPassword()).with("PGPASSFILE", TestDatabase.passwordFile(kit).toString()).set("OFFSITE_BACKUP_BUCKET", offsite).set("BACKUP_COPY_TO", "offsite").set("BACKUP_KEEP", "last=7");

            kit.run("backup-db", "--env", "production").exits(0);
            var backup = kit.manifest().get("id").getAsString();
            kit.run("deploy", "--env", "production", "--confirm", "production").exits(0);
            var release = site.current();
            site.change("second");
            kit.run("deploy", "--env", "production", "--confirm", "production").exits(0);

            try (var idle = production.connect(); var its = idle.createStatement(); var pid = its.executeQuery("select pg_backend_pid()")) {
                pid.next();
                var values = new LinkedHashMap<String, String>();
                values.put("FOLDER_OF_THE_KIT", kit.home.toString());
                values.put("/opt/handover", kit.home.toString());
                // The test's passwords do not lie in the home folder, where cron's run would find them.
                values.put("env -i HOME", "env -i PGPASSFILE=\"$PGPASSFILE\" HOME");
                values.put("BACKUP_ID", backup);
                values.put("SAFETY_ID", backup);
                values.put("RELEASE_ID", release);
                values.put("THE_COMMIT", site.liveCommit().substring(0, 7));
                values.put("NEW_BUCKET", another);
                values.put("FIRST_CHARACTERS", "no secret begins so");
                values.put("FOLDER_OF_THE_BACKUP", kit.sealed().get(0).replaceFirst("/$", ""));
                values.put("NEW_DATABASE_URL", fresh.url());
                values.put("new_database", fresh.name);
                values.put("PID", pid.getString(1));
                assertFalse(idle.isClosed());

                var before = state(kit, site, production);
                var done = new HashSet<String>();
                run(kit, values, done, true, 2);
                assertEquals(before, state(kit, site, production), "read-only, or rehearsed");
                // An accident, which the runbook for it puts right; the log it may empty.
                production.execute("delete from invoices where id = 2; insert into some_log values ('x')");
                run(kit, values, done, false, 1);
                assertEquals(before, state(kit, site, production), "put right");
                assertEquals("0", production.one("select count(*) from some_log"));
            }
            assertEquals("2", fresh.one("select count(*) from invoices"));
        } finally {
            site.close();
        }
    }

    /** What no command of a runbook may change here: what is live, what is backed up, and the data. */
    private static String state(Kit kit, DeployedSite site, TestDatabase production) {
        return site.current() + " " + kit.sealed() + " " + production.rows("select string_agg(i::text, ' ' order by id) from invoices i");
    }

    /** Each script once, wherever it stands, in the order of the documents: those that change nothing here, or the others. */
    private static void run(Kit kit, Map<String, String> values, Set<String> done, boolean harmless, int atATime) throws Exception {
        var begin = commands(FOLDER.resolve("runbook-site-down.md")).stream().filter(fence -> fence.name().equals("begin")).findFirst().orElseThrow().text;
        done.add(begin + begin);
        var pool = Executors.newFixedThreadPool(atATime);
        try {
            var running = new ArrayList<Future<?>>();
            for (var name : english()) for (var fence : commands(FOLDER.resolve(name))) {
                var script = begin + REHEARSED.matcher(fence.text).replaceAll("$1 --dry-run");
                var isHarmless = fence.kind().equals("read-only") || !script.equals(begin + fence.text);
                if (!fence.kind().equals("by-hand") && isHarmless == harmless && done.add(script)) running.add(pool.submit(() -> run(kit, values, fence, script)));
            }
            for (var each : running) each.get();
        } catch (ExecutionException e) {
            if (e.getCause() instanceof AssertionError error) throw error;
            throw e;
        } finally {
            pool.shutdownNow();
        }
    }

    private static void run(Kit kit, Map<String, String> values, Fence fence, String script) {
        var filled = script;
        for (var value : values.entrySet()) filled = filled.replace(value.getKey(), value.getValue());
        var result = kit.bash(filled);
        assertEquals(NOT_WELL.getOrDefault(fence.name(), 0), result.exit(), () -> fence + "\n" + result);
    }

    // --- reading

    /** The names of the runbooks, in both languages. */
    static List<String> all() throws IOException {
        try (var files = Files.list(FOLDER)) {
            return files.map(file -> file.getFileName().toString()).filter(name -> name.endsWith(".md")).sorted().toList();
        }
    }

    private static List<String> english() throws IOException { return all().stream().filter(name -> !name.endsWith(".fr.md")).toList(); }

    private static boolean isFrench(Path file) { return file.toString().endsWith(".fr.md"); }

    private static Path french(Path file) { return Path.of(file.toString().replaceFirst("\\.md$", ".fr.md")); }

    private static Path english(Path file) { return Path.of(file.toString().replaceFirst("\\.fr\\.md$", ".md")); }

    private static boolean isSame(Path one, Path other) { return english(one).equals(english(other)); }

    private static List<String> lines(Path file) throws IOException { return Files.readAllLines(file); }

    private static List<Fence> fences(Path file) throws IOException {
        return Pattern.compile("(?ms)^```([^\\n]*)\\n(.*?)^```$").matcher(Files.readString(file)).results().map(found -> new Fence(file, found.group(1), found.group(2))).toList();
    }

    private static List<Fence> commands(Path file) throws IOException { return fences(file).stream().filter(Fence::isCommand).toList(); }

    /** What the reader copies as it is: all but the drawings. */
    private static String copied(Path file) throws IOException { return fences(file).stream().filter(fence -> !fence.info.equals("mermaid")).map(fence -> fence.info + "\n" + fence.text).collect(Collectors.joining("\n")); }

    /** The text without what stands in fences. */
    private static String prose(Path file) throws IOException { return Files.readString(file).replaceAll("(?ms)^```.*?^```$", ""); }

    private static List<String> quotes(String text) { return Pattern.compile("[“«]\\s?([^”»]*?)\\s?[”»]").matcher(text).results().map(found -> found.group(1)).toList(); }

    private static List<String> inline(Path file) throws IOException { return Pattern.compile("`(\\./jbang [^`]*)`").matcher(prose(file)).results().map(found -> found.group(1)).toList(); }

    /** Depth and number of each heading. */
    private static List<String> outline(Path file) throws IOException {
        return Pattern.compile("(?m)^(#+) (\\d+\\.|[A-Z]\\.)?").matcher(prose(file)).results().map(MatchResult::group).toList();
    }

    private static List<Integer> exits(Path file) throws IOException {
        return Pattern.compile(isFrench(file) ? "\\bcode (\\d+)|^\\| (\\d+) \\|" : "\\b[Ee]xit (\\d+)|^\\| (\\d+) \\|", Pattern.MULTILINE).matcher(prose(file)).results().map(found -> Integer.valueOf(found.group(1) != null ? found.group(1) : found.group(2))).toList();
    }

    private static long rows(Path file) throws IOException { return lines(file).stream().filter(line -> line.startsWith("|")).count(); }

    /** As GitHub makes them of headings. */
    private static Set<String> anchors(Path file) {
        try {
            return Pattern.compile("(?m)^#+ (.*)$").matcher(prose(file)).results().map(found -> found.group(1).toLowerCase().replaceAll("[^\\p{L}\\p{N} _-]", "").replace(' ', '-')).collect(Collectors.toSet());
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    private static Stream<String> steps(String script) throws IOException {
        return Pattern.compile("steps\\.(?:check|change)\\(\"([^\"]+)\"").matcher(Files.readString(Stack.CHECKOUT.resolve("scripts/" + script + ".java"))).results().map(found -> found.group(1));
    }
}
