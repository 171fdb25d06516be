package ops;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A settings file means to the kit what it means to a shell, or it is refused. */
class EnvFileTest {
    @TempDir Path folder;

    @ParameterizedTest
    @ValueSource(strings = {"A=plain", "A='single $x `y` \\ \" # ! '", "A=\"double ' # ; & | ! \"", "export A=exported", "  export   A=indented", "A=", "A=''", "A=1  # said", "A='x'\t# said",
        "A=https://h.example/p?a=b", "A=a:b@c%20d,e+f=g", "A=naïve"})
    void what_is_accepted_is_what_a_shell_makes_of_it(String line) throws Exception {
        assertEquals(shell(line), read(line).get("A"), line);
    }

    @ParameterizedTest
    @ValueSource(strings = {"A=$HOME", "A=`id`", "A=a b", "A=\"$x\"", "A=\"a\\\\b\"", "A='open", "A=a;id", "A=a&b", "A=(x)", "A= b", "A =b", "A", "1A=b", "A='a''b'", "A=~/x", "A=a\\", "A=a<b", "A=*", "A=[a]", "A+=b", "source x", "A=a#b", "A=a!b"})
    void what_a_shell_would_or_might_read_otherwise_is_refused_by_its_number_and_not_shown(String line) throws Exception {
        var refused = assertThrows(Failure.BadSetting.class, () -> read("# first\n" + line + "secret"), line);
        assertTrue(refused.getMessage().contains(", line 2: not NAME=value as a shell reads it: "),
            refused.getMessage());
        assertFalse((refused.getMessage() + refused.hint).contains("secret"), refused.getMessage());
    }

    /** How a line was written | why it is none | what its command makes of it. */
    private static final String[][] MENDED = {
        {"A = b", "a blank stands beside the =", "b"},
        {"export A= 'b c'", "a blank stands beside the =", "b c"},
        {"A: b", "a colon stands where the = should", "b"},
        {"A=«\u00a0b c\u00a0»", "a word processor's quotation marks", "b c"},
        {"A=“b c”", "a word processor's quotation marks", "b c"},
        {"A='b c\r", "the quote that opens the value is not closed", "b c"},
        {"A=\"b c", "the quote that opens the value is not closed", "b c"},
        {"A=\"b$c`d\\e\"", "a shell replaces what follows a $", "b$c`d\\e"},
        {"A=b c\r", "stands in no quotes", "b c"},
        {"A=#app", "stands in no quotes", "#app"},
        {"A=postgresql://u:p$1@h/d?a=b&c=(d)", "stands in no quotes", "postgresql://u:p$1@h/d?a=b&c=(d)"},
        {"BLUE-GREEN_SITE_URL=b", "'BLUE-GREEN_SITE_URL' is no name to a shell", "b"}};

    @Test void why_a_line_is_refused_is_said_and_the_command_makes_of_it_what_was_meant() throws Exception {
        for (var each : MENDED) {
            var refused = assertThrows(Failure.BadSetting.class, () -> read("# first\n" + each[0]), each[0]);
            assertTrue(refused.getMessage().contains(", line 2: not NAME=value as a shell reads it: ")
                && refused.getMessage().contains(each[1]), each[0] + ": " + refused.getMessage());
            output("bash", "-c", refused.hint);
            for (var fault : EnvFile.faults(file())) output("bash", "-c", fault.mend()); // Windows line ends
            assertEquals(List.of(each[2]), List.copyOf(EnvFile.read(file()).values()), each[0] + ": " + refused.hint);
            var name = each[0].startsWith("BLUE") ? "BLUE_GREEN_SITE_URL" : "A";
            assertEquals(each[2], output("bash", "-c", ". '" + file() + "'; printf %s \"$" + name + "\""),
                refused.hint);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"A='it's", "A=b;c # said", "A=1 OTHER=2", "rest of the line above", "A='b' c",
        "A='open # or not", "1A=b"})
    void what_only_a_person_can_mend_is_said_with_its_line(String line) throws Exception {
        assertTrue(assertThrows(Failure.BadSetting.class, () -> read("\n" + line)).hint.endsWith(": nano +2 '" + file()
            + "'"), line);
    }

    /** A whole file, as bytes | what is said of it. */
    @Test void a_file_that_no_shell_reads_is_told_by_its_encoding_with_the_command_that_mends_it() throws Exception {
        var text = "# é\nA=naïve\n";
        var written = new LinkedHashMap<String, byte[]>();
        written.put("begins with a byte-order mark", ("\ufeff" + text).getBytes(StandardCharsets.UTF_8));
        written.put("holds a zero byte", text.replace("nai", "na\0i").replace("naï", "na\0ï").getBytes(StandardCharsets.UTF_8));
        written.put("is written in UTF-16, ", text.getBytes(StandardCharsets.UTF_16));
        written.put("is written in UTF-16LE", text.getBytes(StandardCharsets.UTF_16LE));
        written.put("is written in UTF-16BE", text.getBytes(StandardCharsets.UTF_16BE));
        written.put("is written in WINDOWS-1252", text.getBytes("windows-1252"));
        for (var each : written.entrySet()) {
            write("");
            Files.write(file(), each.getValue());
            var refused = assertThrows(Failure.BadSetting.class, () -> EnvFile.read(file()), each.getKey());
            assertTrue(refused.getMessage().contains(each.getKey()), refused.getMessage());
            output("bash", "-c", refused.hint);
            assertEquals(Map.of("A", "naïve"), EnvFile.read(file()), refused.hint);
            assertEquals(List.of(), EnvFile.faults(file()));
            assertFalse(Private.openToOthers(file()), refused.hint);
        }
    }

    @Test void what_can_be_read_and_a_shell_reads_otherwise_is_told_with_the_commands_that_mend_it() throws Exception {
        var values = read("# Windows\r\nA=first\r\nB=' in blanks '\r\nC=\" b\" # said\r\nD=no\u00a0break\u200b\r\nE=«b»\r\nA='second'\r\n\r\n");
        assertEquals("second", values.get("A"));
        var faults = EnvFile.faults(file());
        assertEquals(List.of("", "line 3", "line 4", "line 5", "line 6", "line 7"),
            faults.stream().map(EnvFile.Fault::place).toList());
        for (var words : List.of("begins or ends with a blank", "begins or ends with a blank", "nobody sees",
            "a word processor's quotation marks", "A stands on line 2 too; the last one counts",
            "Windows line ends on 8 lines"))
            assertTrue(faults.stream().anyMatch(fault -> fault.what().contains(words)), words);
        for (var fault : faults) output("bash", "-c", fault.mend().replaceFirst(", when line .*", ""));
        assertEquals(List.of(), EnvFile.faults(file()));
        assertEquals(Map.of("A", "second", "B", "in blanks", "C", "b", "D", "nobreak", "E", "b"), EnvFile.read(file()));
        assertEquals("second|in blanks|b|nobreak|b",
            output("bash", "-c", ". '" + file() + "'; printf %s \"$A|$B|$C|$D|$E\""));
    }

    @Test void of_thousands_of_random_lines_none_is_understood_differently_than_by_a_shell() throws Exception {
        var random = new Random(4711);
        var letters = "ab1 '\"$`\\;&|<>()#~*[]{}?!=%-+:/@é\t^,.";
        var lines = new ArrayList<String>();
        for (var n = 0; n < 20_000; n++) {
            var value = new StringBuilder();
            for (var length = random.nextInt(7); length > 0; length--) value.append(letters.charAt(random.nextInt(letters.length())));
            var quote = new String[] {"", "'", "\""}[random.nextInt(3)];
            lines.add("A" + n + "=" + quote + value + quote);
        }
        write(String.join("\n", lines));
        // What is refused is always safe.
        for (var fault : EnvFile.faults(file()))
            if (fault.fatal()) lines.set(Integer.parseInt(fault.place().substring(5)) - 1, "");
        var values = read(String.join("\n", lines));
        assertTrue(values.size() > 5_000, "too few were accepted to mean anything");
        var script = new StringBuilder(". '" + file() + "'\n");
        values.keySet().forEach(name -> script.append("printf '%s\\n' \"$").append(name).append("\"\n"));
        Files.writeString(folder.resolve("script"), script);
        assertEquals(String.join("\n", values.values()) + "\n", output("bash", folder.resolve("script").toString()));
    }

    @Test void a_file_that_is_not_there_is_empty() { assertEquals(Map.of(), EnvFile.read(folder.resolve("none"))); }

    @Test void a_file_that_is_no_text_is_refused_in_words() throws Exception {
        var file = Private.create(folder.resolve("binary"));
        Files.write(file, new byte[] {'A', '=', (byte) 0xff, (byte) 0xfe, '\n'});
        assertThrows(Failure.BadSetting.class, () -> EnvFile.read(file));
    }

    private Path file() { return folder.resolve("settings"); }

    private void write(String text) throws IOException {
        Files.deleteIfExists(file());
        Files.writeString(Private.create(file()), text + "\n");
    }

    private Map<String, String> read(String text) throws IOException {
        write(text);
        return EnvFile.read(file());
    }

    private String shell(String line) throws Exception {
        Files.writeString(folder.resolve("script"), line + "\nprintf %s \"$A\"");
        return output("bash", folder.resolve("script").toString());
    }

    private static String output(String... command) throws Exception {
        var process = new ProcessBuilder(command).start();
        var output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertEquals("", new String(process.getErrorStream().readAllBytes(), StandardCharsets.UTF_8));
        assertEquals(0, process.waitFor());
        return output;
    }
}
