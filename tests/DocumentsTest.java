import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import ops.Exit;
import ops.Setting;
import org.junit.jupiter.api.Test;

/** What the documents list is what the code has. */
class DocumentsTest {
    private static final Pattern SETTING = Pattern.compile("(#?)(?:STAGING_)?([A-Z][A-Z0-9_]*)=(.*)");

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
        var row = Pattern.compile("\\| ([0-9]+) \\| (.*) \\|");
        var rows = lines("README.md").stream().map(row::matcher).map(m -> m.matches() ? m.group(1) + " " + m.group(2) : null).filter(Objects::nonNull).toList();
        assertEquals(Stream.of(Exit.values()).map(exit -> exit.code + " " + exit.meaning).toList(), rows);
    }

    private static List<String> lines(String document) throws IOException { return Files.readAllLines(Stack.CHECKOUT.resolve(document)); }
}
