import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertIterableEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import ops.Exit;
import ops.Ops;
import ops.Setting;
import org.junit.jupiter.api.Test;

/** What the documents list is what the code has. */
class DocumentsTest {
    private static final Pattern SETTING = Pattern.compile("(#?)(?:STAGING_)?([A-Z][A-Z0-9_]*)=(.*)");
    private static final Pattern NAME = Pattern.compile("\\b[A-Z][A-Z0-9]*(_[A-Z0-9]+)+\\b");
    private static final String PREFIX = "^(STAGING|PRODUCTION|SCRATCH|OFFSITE|NAME)_";
    /** With an ending, or with folders; but no address, and no call. */
    private static final Pattern FILE = Pattern.compile("(?!\\./jbang$|[A-Z]+@)[\\w.~-]*(?:/[\\w.-]*)+|[\\w.-]+\\.(?:json|zst|sql|sh|md|java|log|age)");
    /** What stands for something else in a file's name, and what joins its pieces. */
    private static final String PLACEHOLDER = "[./-]|PREFIX|ENV|DATABASE|ID|TIME|SHA256|NAME|VERSION|\\d\\d";
    /** What looks like a setting: the launcher's own, what a build is told, what psql knows, and a file. */
    private static final Set<String> OTHERS = Set.of("HANDOVER_HOME", "SITE_RELEASE", "NODE_EXTRA_CA_CERTS", "ON_ERROR_STOP", "TEST_RESULTS_SUMMARY");

    @Test void the_example_lists_every_setting_in_order_with_its_meaning_and_its_default() throws IOException {
        var lines = lines(".env.operations.example");
        var names = new ArrayList<String>();
        for (var i = 0; i < lines.size(); i++) {
            var line = SETTING.matcher(lines.get(i));
            if (!line.matches() || line.group(2).startsWith("PRODUCTION_")) continue;
            var setting = Setting.valueOf(line.group(2));
            names.add(setting.name());
            var first = i;
            while (lines.get(first - 1).startsWith("# ")) first--;
            assertEquals("# " + setting.meaning, lines.get(first));
            // What is commented out is what counts without it, or an example of what has no default.
            if (line.group(1).equals("#") && setting.fallback != null) assertEquals(setting.fallback, line.group(3), setting.name());
        }
        assertEquals(Stream.of(Setting.values()).map(Setting::name).toList(), names);
    }

    @Test void the_readme_lists_every_exit_code_with_its_meaning() throws IOException {
        assertEquals(Stream.of(Exit.values()).map(exit -> List.of("" + exit.code, exit.meaning)).toList(), new Document("README.md").numberedRows(2));
    }

    @Test void every_exit_code_has_a_meaning_in_french_too_and_every_failure_a_first_step_in_both_languages() throws IOException {
        var all = Stream.of(Exit.values()).map(exit -> "" + exit.code).toList();
        assertEquals(all, codes(new Document("README.fr.md").numberedRows(2)));
        for (var name : List.of("README.md", "README.fr.md")) assertEquals(all.subList(1, all.size()), codes(new Document(name).numberedRows(3)), name);
    }

    @Test void the_french_documents_have_the_same_headings_the_same_code_below_each_and_the_same_commands_in_the_same_order() throws IOException {
        for (var name : List.of("README.md", "INDEX.md", "tests/ACCEPTANCE.md")) {
            var english = new Document(name);
            var french = new Document(inTheOtherLanguage(name));
            assertIterableEquals(english.sections.stream().map(Document.Section::level).toList(), french.sections.stream().map(Document.Section::level).toList(), name);
            for (var i = 0; i < english.sections.size(); i++) assertIterableEquals(code(english.sections.get(i)), code(french.sections.get(i)), "below " + french.sections.get(i).heading());
            assertIterableEquals(english.commands().stream().map(DocumentsTest::inAnyLanguage).toList(), french.commands().stream().map(DocumentsTest::inAnyLanguage).toList(), name);
        }
    }

    @Test void a_document_leads_to_others_in_its_own_language_and_to_itself_in_the_other() throws IOException {
        for (var name : List.of("README.md", "INDEX.md", "tests/ACCEPTANCE.md"))
            assertIterableEquals(files(new Document(name)).map(DocumentsTest::inTheOtherLanguage).toList(), files(new Document(inTheOtherLanguage(name))).toList(), name);
    }

    @Test void every_command_and_every_option_that_is_named_exists() throws IOException {
        var catalog = new Catalog();
        for (var document : documents()) {
            assertEquals(List.of(), document.code().stream().filter(catalog::isCommand).filter(call -> catalog.unknown(call).isPresent()).toList(), document.name);
            assertEquals(List.of(), document.commands().stream().filter(call -> catalog.unknown(call).isPresent()).map(call -> call + ": no " + catalog.unknown(call).get()).toList(), document.name);
            assertEquals(List.of(), document.code().stream().filter(code -> code.startsWith("-")).flatMap(code -> catalog.unknownAlone(code).stream()).toList(), document.name);
        }
    }

    @Test void every_setting_that_is_named_exists() throws IOException {
        var settings = Stream.of(Setting.values()).map(Setting::name).toList();
        for (var document : documents()) {
            var named = document.code().stream().flatMap(code -> NAME.matcher(code).results()).map(MatchResult::group).filter(name -> !OTHERS.contains(name)).distinct();
            assertEquals(List.of(), named.filter(name -> !settings.contains(name.replaceFirst(PREFIX, "")) && !settings.contains(name.replaceFirst(PREFIX, "").replaceFirst("_FILE$", ""))).toList(), document.name);
        }
    }

    @Test void every_link_and_every_file_of_the_kit_that_is_named_is_there() throws IOException {
        for (var document : documents()) {
            for (var link : document.links) {
                if (link.matches("https?://.*")) continue;
                var target = link.startsWith("#") ? document.name : Path.of(document.name).resolveSibling(link.replaceFirst("#.*", "")).toString();
                assertTrue(Files.exists(Stack.CHECKOUT.resolve(target)), document.name + ": " + link);
                if (link.contains("#")) assertTrue(new Document(target).sections.stream().anyMatch(section -> section.anchor().equals(link.replaceFirst(".*#", ""))), document.name + ": " + link);
            }
            document.code().stream().filter(code -> code.matches("(scripts|acceptance|tests|runbooks)/\\S*|\\.env\\.operations\\.example|jbang[-.]\\S+"))
                .map(file -> file.replaceFirst("#.*", "")).forEach(file -> assertTrue(Files.exists(Stack.CHECKOUT.resolve(file)) || isGenerated(file), document.name + ": " + file));
        }
    }

    /** What stands there as FILE#NAME is a method or a test of that file. */
    @Test void the_threat_model_names_code_and_tests_that_are_there() throws IOException {
        var named = new Document("SECURITY.md").code().stream().filter(code -> code.contains("#")).toList();
        assertTrue(named.size() > 40, named::toString);
        for (var each : named) {
            var parts = each.split("#");
            var text = Files.readString(Stack.CHECKOUT.resolve(parts[0]));
            assertTrue(Pattern.compile("^ {4}.*\\b" + parts[1] + "\\(.*[{;]", Pattern.MULTILINE).matcher(text).find(), each);
            if (parts[0].startsWith("tests/")) assertTrue(text.matches("(?s).*@(Parameterized)?Test\\b.*void " + parts[1] + "\\(.*"), each);
        }
    }

    @Test void every_other_file_that_is_named_is_one_that_the_scripts_name_too() throws IOException {
        var sources = sources();
        for (var document : withRunbooks())
            for (var code : document.code()) {
                if (!FILE.matcher(code).matches() || code.contains("#") || Files.exists(Stack.CHECKOUT.resolve(code)) || isGenerated(code)) continue;
                for (var piece : code.split(PLACEHOLDER)) assertTrue(sources.contains(piece), document.name + ": " + code + ", no script has " + piece);
            }
    }

    @Test void every_exit_code_in_the_text_is_one() throws IOException {
        var all = Stream.of(Exit.values()).map(exit -> "" + exit.code).toList();
        for (var document : withRunbooks()) {
            var named = Pattern.compile("\\b(?:exit|code) (\\d+)\\b").matcher(Files.readString(Stack.CHECKOUT.resolve(document.name))).results().map(found -> found.group(1)).toList();
            assertEquals(List.of(), named.stream().filter(code -> !all.contains(code)).toList(), document.name);
        }
    }

    @Test void the_changes_begin_with_the_version_that_the_scripts_say() throws IOException {
        assertTrue(new Document("CHANGELOG.md").sections.get(1).heading().matches(Pattern.quote(Ops.VERSION) + "( .*)?"));
    }

    /** What git ignores of the tests' folder: whoever hands the kit over makes it. */
    private static boolean isGenerated(String file) {
        try {
            return lines(".gitignore").stream().filter(line -> line.startsWith("tests/")).anyMatch(line -> FileSystems.getDefault().getPathMatcher("glob:" + line).matches(Path.of(file)));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static List<Document> documents() throws IOException {
        var documents = new ArrayList<Document>();
        for (var name : List.of("README.md", "README.fr.md", "INDEX.md", "INDEX.fr.md", "CHANGELOG.md", "SECURITY.md", "tests/ACCEPTANCE.md", "tests/ACCEPTANCE.fr.md")) documents.add(new Document(name));
        return documents;
    }

    private static List<Document> withRunbooks() throws IOException {
        var documents = documents();
        for (var name : RunbooksTest.all()) documents.add(new Document("runbooks/" + name));
        return documents;
    }

    /** The text of all scripts. */
    static String sources() throws IOException {
        var text = new StringBuilder();
        for (var folder : List.of("scripts", "acceptance"))
            try (var files = Files.walk(Stack.CHECKOUT.resolve(folder))) {
                for (var file : files.filter(each -> each.toString().endsWith(".java")).toList()) text.append(Files.readString(file));
            }
        return text.toString();
    }

    private static List<String> codes(List<List<String>> rows) { return rows.stream().map(row -> row.get(0)).toList(); }

    /** In no order: that of a sentence depends on its language. */
    private static List<String> code(Document.Section section) { return section.code().stream().map(DocumentsTest::inAnyLanguage).sorted().toList(); }

    /** What stands in quotes is for people, and may be translated. */
    private static String inAnyLanguage(String code) { return code.replaceAll("\"[^\"$]*\"", "TEXT"); }

    /** The files that a document leads to. */
    private static Stream<String> files(Document document) { return document.links.stream().map(link -> link.replaceFirst("#.*", "")); }

    private static String inTheOtherLanguage(String document) {
        if (document.equals("CHANGELOG.md") || document.equals("SECURITY.md")) return document;
        return document.endsWith(".fr.md") ? document.replace(".fr.md", ".md") : document.replace(".md", ".fr.md");
    }

    private static List<String> lines(String document) throws IOException { return Files.readAllLines(Stack.CHECKOUT.resolve(document)); }
}
