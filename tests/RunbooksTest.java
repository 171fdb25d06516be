import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
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
    static final Path FOLDER = Stack.CHECKOUT.resolve("runbooks");
    /** After the language, which is all that GitHub looks at: a name, and what the commands do. */
    private static final Pattern MARK = Pattern.compile("sh name=\"([a-z0-9-]+)\" (read-only|changing|by-hand=\"[^\"]+\")");
    private static final Pattern COMMAND = Pattern.compile("(?:\\.|/opt/handover)/jbang ([a-z][a-z-]*)([^\\n`|&;)>']*)");
    /** What stands in capitals and is no setting: what the reader puts in, and what other programs read. */
    private static final Set<String> NO_SETTINGS = Set.of("BACKUP_ID", "SAFETY_ID", "RELEASE_ID", "THE_COMMIT", "NEW_BUCKET", "FIRST_CHARACTERS", "OLD_KEY_ID", "FOLDER_OF_THE_KIT", "FOLDER_OF_THE_BACKUP", "LOG_NAME", "IDENTITY_FILE", "SUPABASE_ACCESS_TOKEN", "ON_ERROR_STOP", "ACTIVE_HEALTHY", "COMING_UP", "HANDOVER_CACHE", "PING_ID");

    record Fence(Path file, String info, String text) {
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

    /** By what the sources declare; those that stand in fences are typed by RunbookWalksTest. */
    @Test void every_option_is_one_of_its_command() throws IOException {
        var catalog = new Catalog();
        for (var name : all()) {
            var calls = COMMAND.matcher(Files.readString(FOLDER.resolve(name))).results()
                .map(found -> (found.group(1) + found.group(2)).strip()).toList();
            for (var call : calls) assertEquals(Optional.empty(), catalog.unknown(call), name + ": " + call);
        }
    }

    @ParameterizedTest @MethodSource("all")
    void what_stands_in_quotation_marks_is_what_the_screen_says(String name) throws IOException {
        var file = FOLDER.resolve(name);
        var says = DocumentsTest.sources();
        for (var quote : quotes(prose(file))) assertTrue(says.contains(quote), () -> file.getFileName() + ": no script says: " + quote);
    }

    @Test void whatever_smoke_test_fails_the_runbook_says_where_to_go_and_no_document_names_another() throws IOException {
        var names = smokeTests();
        for (var name : List.of("README.md", "README.fr.md")) {
            var rows = new Document(name).rows().stream().filter(cells -> cells.size() == 3);
            var listed = rows.map(cells -> cells.get(0).replace("`", "")).filter(names::contains).toList();
            assertEquals(names, listed, name);
        }
        for (var name : List.of("runbook-site-down.md", "runbook-site-down.fr.md")) {
            var section = prose(FOLDER.resolve(name)).replaceFirst("(?s).*\n## 2\\.(.*?)\n## 3\\..*", "$1");
            var told = Pattern.compile("(?m)^\\| (`[a-z-]+`[^|]*)\\|").matcher(section).results()
                .flatMap(row -> Pattern.compile("`([a-z-]+)`").matcher(row.group(1)).results()).map(found -> found.group(1));
            assertEquals(names.stream().sorted().toList(), told.sorted().toList(), name);
        }
        var asked = Pattern.compile("--(?:only|skip) ([a-z][a-z,-]*)");
        var others = Stream.of("README.md", "README.fr.md", "INDEX.md", "INDEX.fr.md", "tests/ACCEPTANCE.md",
            "tests/ACCEPTANCE.fr.md").map(Stack.CHECKOUT::resolve);
        var documents = Stream.concat(all().stream().map(FOLDER::resolve), others).toList();
        for (var document : documents)
            for (var found : asked.matcher(Files.readString(document)).results().toList())
                assertTrue(names.containsAll(List.of(found.group(1).split(","))), () -> document + ": " + found.group());
    }

    /** The names of the smoke tests, in the order in which they are shown; without those of one's own. */
    private static List<String> smokeTests() throws IOException {
        var source = Files.readString(Stack.CHECKOUT.resolve("scripts/smoke/Smoke.java"));
        return Pattern.compile("\\b(?:add|ofSite|ofDatabase)\\(\"([a-z-]+)\", \"").matcher(source).results()
            .map(found -> found.group(1)).filter(name -> !name.equals("extra")).distinct().toList();
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

    /** What the library below can end with besides, a reader finds in the README. */
    @Test void a_table_of_exit_codes_has_all_that_the_code_of_its_command_ends_with() throws IOException {
        var failures = Pattern.compile("(?s) class (\\w+) extends (\\w+).*?super\\((?:Exit\\.(\\w+))?");
        var codes = new HashMap<String, Integer>();
        var source = Files.readString(Stack.CHECKOUT.resolve("scripts/ops/Failure.java"));
        for (var found : failures.matcher(source).results().toList()) {
            var exit = found.group(3);
            codes.put(found.group(1), exit != null ? Integer.valueOf(Exit.valueOf(exit).code) : codes.get(found.group(2)));
        }
        for (var file : all().stream().map(FOLDER::resolve).toList()) {
            String command = null;
            for (var part : Files.readString(file).split("(?m)^(?=```sh |\\| (?:Exit code|Code de sortie) \\|)")) {
                var typed = COMMAND.matcher(part);
                if (part.startsWith("```") && typed.find() && !part.contains("--list")) command = typed.group(1);
                if (!part.startsWith("|")) continue;
                // The one table that stands before the commands says itself what it is of.
                var of = part.matches("(?s)[^\n]*(a deploy|un déploiement) .*") ? "deploy" : command;
                var listed = Pattern.compile("(?m)^\\| (\\d+) \\|").matcher(part.split("\n\n")[0]).results()
                    .map(row -> Integer.valueOf(row.group(1))).toList();
                var ends = Pattern.compile("new Failure\\.(\\w+)\\(").matcher(ownCode(of)).results()
                    .map(found -> codes.get(found.group(1))).collect(Collectors.toCollection(TreeSet::new));
                ends.removeAll(listed);
                ends.remove(Exit.USAGE.code);
                assertEquals(Set.of(), ends, () -> file.getFileName() + ", the table of " + of);
            }
        }
    }

    /** The text of a command's script and of the files that it names, without the library. */
    private static String ownCode(String command) throws IOException {
        var scripts = Stack.CHECKOUT.resolve("scripts");
        var files = new TreeSet<>(Set.of(Stack.CHECKOUT.resolve(new Catalog().script(command)).normalize()));
        var text = new StringBuilder();
        for (var left = new ArrayDeque<>(files); !left.isEmpty(); ) {
            var file = left.poll();
            var source = Files.readString(file);
            text.append(source);
            for (var named : Pattern.compile("(?m)^//SOURCES (\\S+)").matcher(source).results().toList()) {
                var next = file.resolveSibling(named.group(1)).normalize();
                var isShared = next.startsWith(scripts.resolve("ops")) || next.getParent().equals(scripts);
                if (!isShared && files.add(next)) left.add(next);
            }
        }
        return text.toString();
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

    // --- what it has a person type; RunbookWalksTest types all of it

    /** psql would take this machine's server for production's, and the first bucket's backups are no second ones. */
    @Test void typed_before_the_settings_were_read_a_command_does_nothing_and_says_so() throws IOException {
        Kit.needs("script");
        var asks = Pattern.compile("psql|curl|aws |\\$OFFSITE");
        var notSet = Pattern.compile("parameter null or not set|there is no second bucket");
        var folder = Files.createDirectory(Stack.folder().resolve(Stack.next("empty")));
        try (var terminal = new Terminal(folder, Map.of("PATH", System.getenv("PATH"), "HOME", folder.toString()))) {
            for (var name : english())
                for (var fence : commands(FOLDER.resolve(name))) {
                    if (fence.kind().equals("by-hand") || !asks.matcher(fence.text).find()) continue;
                    var shown = terminal.type(fence.text).exits(1);
                    assertTrue(notSet.matcher(shown.out()).find(), shown::toString);
                }
        }
    }

    // --- reading

    /** The names of the runbooks, in both languages. */
    static List<String> all() throws IOException {
        try (var files = Files.list(FOLDER)) {
            return files.map(file -> file.getFileName().toString()).filter(name -> name.endsWith(".md")).sorted().toList();
        }
    }

    static List<String> english() throws IOException { return all().stream().filter(name -> !name.endsWith(".fr.md")).toList(); }

    private static boolean isFrench(Path file) { return file.toString().endsWith(".fr.md"); }

    private static Path french(Path file) { return Path.of(file.toString().replaceFirst("\\.md$", ".fr.md")); }

    private static Path english(Path file) { return Path.of(file.toString().replaceFirst("\\.fr\\.md$", ".md")); }

    private static boolean isSame(Path one, Path other) { return english(one).equals(english(other)); }

    private static List<String> lines(Path file) throws IOException { return Files.readAllLines(file); }

    private static List<Fence> fences(Path file) throws IOException {
        return Pattern.compile("(?ms)^```([^\\n]*)\\n(.*?)^```$").matcher(Files.readString(file)).results().map(found -> new Fence(file, found.group(1), found.group(2))).toList();
    }

    static List<Fence> commands(Path file) throws IOException { return fences(file).stream().filter(Fence::isCommand).toList(); }

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

    static List<Integer> exits(Path file) throws IOException {
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
