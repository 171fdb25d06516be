import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.github.luben.zstd.ZstdInputStream;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** A password or key is where the operator put it, in the run's own 0600 file for pg_dump, and nowhere else. */
class SecretsTest {
    /** With all that a URL, a password file and a shell treat specially. */
    private static final String PASSWORD = "s3:cr\\et@/w'o%r d&é$x";
    private static final String ENCODED = "s3%3Acr%5Cet%40%2Fw%27o%25r%20d%26%C3%A9%24x";
    /** A tool that writes down its arguments and its environment. */
    private static final String TELL = "{ echo \"I am $0\"; tr '\\0' '\\n' < /proc/$$/environ; printf '%s\\n' \"$@\"; } >> \"${0%/*}/told\"; exec \"$real\" \"$@\"";

    enum Given { IN_THE_SETTINGS_FILE, IN_THE_ENVIRONMENT, IN_FILES_OF_THEIR_OWN }

    private final String role = Stack.next("secretive_");
    private final Kit kit = Stack.kit();

    @ParameterizedTest
    @EnumSource
    void no_secret_shows_in_a_process_a_message_a_log_or_the_bucket(Given given) throws Exception {
        give(given);
        var tools = new FakeTools(kit).tool("pg_dump", TELL).tool("pg_dumpall", TELL).tool("git", TELL);
        kit.with("PATH", tools.folder + ":" + System.getenv("PATH"));
        var modes = new TreeSet<String>();
        var shown = new TreeSet<String>();
        Kit.Result result;
        try (var held = kit.database.connect(); var statement = held.createStatement()) {
            held.setAutoCommit(false);
            statement.execute("lock table customer in access exclusive mode");
            var running = kit.start("backup-db", "--env", "staging", "--verbose", "--json").awaitSays("--snapshot=").awaitSays("ok: Reach the bucket");
            look(running.process.toHandle(), given == Given.IN_THE_ENVIRONMENT, shown);
            // pg_dump waits for the table; it is said before it is started.
            Patience.until(() -> running.process.descendants().anyMatch(child -> child.info().commandLine().orElse("").contains("--snapshot=")), () -> "pg_dump was never started");
            var children = running.process.descendants().toList();
            for (var child : children) look(child, false, shown);
            try (var files = Files.walk(kit.runtime)) {
                for (var file : files.toList()) modes.add((Files.isDirectory(file) ? "folder " : "file ") + PosixFilePermissions.toString(Files.getPosixFilePermissions(file)));
            }
            held.rollback();
            result = running.result().exits(0);
        }
        assertEquals(Set.of("folder rwx------", "file rw-------"), modes);
        var told = Files.readString(tools.folder.resolve("told"));
        for (var tool : List.of("pg_dump", "pg_dumpall", "git")) assertTrue(told.contains("I am " + tools.folder.resolve(tool)) || told.contains("I am " + tool), told);
        isFree(told, "what the tools were given");
        isFree(String.join("\n", shown), "a process");
        isFree(result.toString(), "the output");
        isFree(kit.logs(), "the log");
        for (var key : kit.keys()) isFree(key + text(key), key);
    }

    @ParameterizedTest
    @EnumSource
    void no_secret_shows_when_things_fail_even_if_a_tool_says_it(Given given) throws Exception {
        give(given);
        var tools = new FakeTools(kit).pgDump("cat \"$PGPASSFILE\" >&2; echo '" + PASSWORD.replace("'", "'\\''") + " " + ENCODED + "' >&2; exit 1");
        var results = new ArrayList<Kit.Result>();
        results.add(kit.run("backup-db", "--env", "staging", "--verbose").exits(12).says("••••••"));
        // Where a secret was given makes no difference to what others say of it.
        switch (given) {
            case IN_THE_SETTINGS_FILE -> {
                tools.none();
                results.add(kit.set("BACKUP_BUCKET", "nowhere").run("backup-db", "--env", "staging", "--verbose").exits(13));
                kit.set("BACKUP_BUCKET", kit.bucket);
            }
            case IN_THE_ENVIRONMENT -> {
                TestDatabase.superuser("alter role " + role + " nologin");
                results.add(kit.run("backup-db", "--env", "staging", "--verbose").exits(78));
            }
            default -> { }
        }
        for (var result : results) isFree(result.toString(), "the output");
        isFree(kit.logs(), "a log");
        for (var key : kit.keys()) isFree(key + text(key), key);
    }

    @Test void the_globals_have_the_roles_and_not_their_passwords() throws Exception {
        // Only a superuser is let at the roles at all.
        kit.set("STAGING_DATABASE_URL", Stack.up().setting("LOCAL_SUPERUSER_URL").replaceFirst("/[^/]*$", "/" + kit.database.name));
        kit.run("backup-db", "--env", "staging").exits(0);
        var globals = text(kit.sealed().get(0) + "globals.sql.zst");
        assertTrue(globals.contains("CREATE ROLE " + TestDatabase.ROLE), globals);
        assertFalse(globals.contains("SCRAM-SHA-256") || globals.contains("PASSWORD") || java.util.regex.Pattern.compile("md5[0-9a-f]{32}").matcher(globals).find(), globals);
    }

    @Test void a_password_that_is_not_in_the_url_is_found_where_postgresql_s_own_programs_look_for_it() throws Exception {
        kit.database.execute("create table customer (id int)");
        kit.set("STAGING_DATABASE_URL", kit.database.urlWithoutPassword());
        kit.run("backup-db", "--env", "staging").exits(78).says("wants a password for role 'tester', and none is given", "or into ~/.pgpass");
        kit.with("PGPASSFILE", TestDatabase.passwordFile(kit).toString()).run("backup-db", "--env", "staging").exits(0);
    }

    // --- what the tests above are made of

    /** Hands the kit a role with the password, and the store's key, in one of the ways there are. */
    private void give(Given given) throws IOException {
        TestDatabase.superuser("create role " + role + " login password '" + PASSWORD.replace("'", "''") + "' in role pg_read_all_data");
        kit.database.execute("create table customer (id int)");
        give(given, "STAGING_DATABASE_URL", kit.database.url(role, ENCODED));
        give(given, "AWS_SECRET_ACCESS_KEY", Stack.up().setting("AWS_SECRET_ACCESS_KEY"));
    }

    private void give(Given given, String name, String value) throws IOException {
        kit.set(name, null);
        switch (given) {
            case IN_THE_SETTINGS_FILE -> kit.set(name, value);
            case IN_THE_ENVIRONMENT -> kit.with(name, value);
            case IN_FILES_OF_THEIR_OWN -> {
                var file = Files.createFile(kit.home.resolve(name), PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
                Files.writeString(file, value + "\n");
                kit.set(name + "_FILE", file.toString());
            }
        }
    }

    private static void isFree(String text, String where) {
        for (var secret : List.of(PASSWORD, ENCODED, "s3:cr", "s3\\:cr", "s3%3Acr", Stack.up().setting("AWS_SECRET_ACCESS_KEY")))
            assertFalse(text.contains(secret), () -> where + " shows " + secret + "\n" + text);
    }

    /** What ps and /proc show of a process. */
    private static void look(ProcessHandle process, boolean environmentIsTheOperators, Set<String> shown) {
        try {
            var folder = Path.of("/proc", String.valueOf(process.pid()));
            var command = read(folder.resolve("cmdline"));
            shown.add(command);
            // On its way to be a tool it is still Java for a moment, with Java's own environment.
            var isJava = command.contains("jspawnhelper") || process.parent().isPresent() && command.equals(read(Path.of("/proc", String.valueOf(process.parent().get().pid()), "cmdline")));
            if (!environmentIsTheOperators && !isJava) shown.add(read(folder.resolve("environ")));
        } catch (IOException e) {
            // it has ended meanwhile
        }
    }

    private static String read(Path file) throws IOException { return new String(Files.readAllBytes(file), StandardCharsets.UTF_8).replace('\0', ' '); }

    private String text(String key) throws IOException {
        var bytes = kit.object(key);
        if (!key.endsWith(".zst")) return new String(bytes, StandardCharsets.UTF_8);
        try (var unpacked = new ZstdInputStream(new ByteArrayInputStream(bytes))) {
            return new String(unpacked.readAllBytes(), StandardCharsets.UTF_8);
        }
    }
}
