package ops;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
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
        assertTrue(refused.getMessage().endsWith(", line 2: not NAME=value as a shell reads it"), refused.getMessage());
        assertFalse((refused.getMessage() + refused.hint).contains("secret"), refused.getMessage());
    }

    @Test void of_thousands_of_random_lines_none_is_understood_differently_than_by_a_shell() throws Exception {
        var random = new Random(4711);
        var letters = "ab1 '\"$`\\;&|<>()#~*[]{}?!=%-+:/@é\t^,.";
        var accepted = new StringBuilder();
        var expected = new StringBuilder();
        for (var n = 0; n < 20_000; n++) {
            var value = new StringBuilder();
            for (var length = random.nextInt(7); length > 0; length--) value.append(letters.charAt(random.nextInt(letters.length())));
            var quote = new String[] {"", "'", "\""}[random.nextInt(3)];
            try {
                expected.append(read("A=" + quote + value + quote).get("A")).append("\n");
                accepted.append("A=").append(quote).append(value).append(quote).append("\nprintf '%s\\n' \"$A\"\n");
            } catch (Failure.BadSetting e) {
                // that is always safe
            }
        }
        assertTrue(expected.length() > 10_000, "too few were accepted to mean anything");
        Files.writeString(folder.resolve("script"), accepted);
        assertEquals(expected.toString(), output("bash", folder.resolve("script").toString()));
    }

    @Test void a_file_that_is_not_there_is_empty() { assertEquals(Map.of(), EnvFile.read(folder.resolve("none"))); }

    @Test void a_file_that_is_no_text_is_refused_in_words() throws Exception {
        var file = Private.create(folder.resolve("binary"));
        Files.write(file, new byte[] {'A', '=', (byte) 0xff, (byte) 0xfe, '\n'});
        assertThrows(Failure.BadSetting.class, () -> EnvFile.read(file));
    }

    private Map<String, String> read(String text) throws IOException {
        var file = folder.resolve("settings");
        Files.deleteIfExists(file);
        Files.writeString(Private.create(file), text + "\n");
        return EnvFile.read(file);
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
