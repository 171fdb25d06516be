//SOURCES ../scripts/local/EmbeddedPostgres.java

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Files;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;
import local.EmbeddedPostgres;
import ops.Database;
import ops.DatabaseUrl;
import ops.EnvFile;
import ops.Failure;
import ops.PostgresTools;
import ops.Run;
import ops.Selection;
import ops.Setting;
import ops.Settings;
import ops.Store;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Whatever is wrong with the command line, the settings or the database: a clear line, the right code, nothing changed. */
class BadInputTest {
    private static final String SECRET = "Hidden-Passw0rd";

    // --- the command line

    @Test void a_mistyped_environment_is_answered_with_the_one_that_was_meant() {
        var kit = Stack.kit();
        kit.run("backup-db", "--env", "stagin").exits(78).says("FAILED: environment 'stagin' is unknown: STAGIN_DATABASE_URL is not set", "State: nothing was stored", "Next:  did you mean --env staging? environments with a database: staging");
        nothingChanged(kit);
    }

    @Test void an_environment_is_never_guessed() {
        var kit = Stack.kit();
        kit.set("DATABASE_URL", kit.database.url());
        kit.run("backup-db").exits(2).says("Missing required option: '--env=NAME'", "Next: ./jbang backup-db --help");
        kit.run("backup-db", "--env", "production").exits(78).says("PRODUCTION_DATABASE_URL is not set");
        nothingChanged(kit);
    }

    @Test void a_name_that_is_none_of_an_environment_is_refused() {
        var kit = Stack.kit();
        kit.run("backup-db", "--env=a\nb").exits(2).says("is not the name of an environment",
            "Next:  a name is lower case letters, digits and '-': --env staging");
        nothingChanged(kit);
        // No command asks another way.
        for (var name : List.of("../staging", "a\nb", "$(id)", "..", "staging/..", "Staging", "", " ", "staging prod", "-x", "staging;id", "naïve"))
            assertThrows(Failure.Usage.class, () -> Settings.of(name), name);
    }

    @Test void a_mistyped_option_is_answered_with_the_one_that_was_meant_and_nothing_runs() {
        var kit = Stack.kit();
        kit.run("backup-db", "--env", "staging", "--dry-rnu").exits(2).says("Unknown option: '--dry-rnu'", "Did you mean --dry-run?", "Next: ./jbang backup-db --help");
        kit.run("backup-db", "--env", "staging", "extra").exits(2).says("Unmatched argument");
        kit.run("backup-db", "--env", "staging", "--env", "production").exits(2).says("--env");
        nothingChanged(kit);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "--compress gzip:9          | --compress wants zstd:1 to zstd:19, not 'gzip:9'",
        "--compress zstd:0          | --compress wants zstd:1 to zstd:19",
        "--compress zstd:20         | --compress wants zstd:1 to zstd:19",
        "--counts maybe             | maybe",
        "--verify restored          | restored",
        "--exclude-table-data t     | --exclude-table-data wants SCHEMA.TABLE, not 't'",
        "--schema a --exclude-schema b | --schema and --exclude-schema exclude each other"})
    void a_value_that_makes_no_sense_is_refused_with_those_that_do(String options, String words) {
        var kit = Stack.kit();
        var arguments = new java.util.ArrayList<>(List.of("backup-db", "--env", "staging"));
        arguments.addAll(List.of(options.split(" ")));
        kit.run(arguments.toArray(String[]::new)).exits(2).says(words, "Next: ");
        nothingChanged(kit);
    }

    @Test void a_recipient_that_is_no_age_public_key_is_refused_and_a_secret_one_is_not_repeated() {
        var kit = Stack.kit();
        kit.run("backup-db", "--env", "staging", "--recipient", "age1nonsense").exits(78).says("not an age public key: age1nonsense");
        var secret = "AGE-SECRET-KEY-1QQPQYPQXPQ9QCRSSZG2PVXQ6RS0ZQG3YYC5Z5TPWXQERGD3C8G7RUSQQQQQ";
        kit.set("BACKUP_RECIPIENTS", secret).run("backup-db", "--env", "staging", "--verbose").exits(78).says("one that does not begin with age1").neverShows("QYPQXPQ");
        nothingChanged(kit);
    }

    @Test void reading_an_encrypted_backup_back_needs_the_identity_and_says_so_before_anything_is_done() {
        var kit = Stack.kit();
        kit.run("backup-db", "--env", "staging", "--verify", "readable", "--recipient", "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj").exits(78)
            .says("BACKUP_IDENTITY_FILE is not set", "backups verify latest");
        nothingChanged(kit);
    }

    @Test void a_schema_or_table_that_is_not_there_is_answered_with_the_nearest_one() {
        var kit = Stack.kit();
        kit.database.execute("create schema sales; create table sales.customer (id int)");
        kit.run("backup-db", "--env", "staging", "--schema", "sale").exits(2).says("there is no schema 'sale' in the database", "did you mean sales?");
        try (var session = Database.connect(DatabaseUrl.of(kit.settings()), kit.settings(), "handover tests")) {
            var schema = assertThrows(Failure.Usage.class, () -> new Selection(List.of(), List.of("accounting"), List.of()).in(session));
            assertTrue(schema.getMessage().contains("there is no schema 'accounting'") && schema.hint.matches("names are exact, not patterns; there are: .*sales.*"), () -> schema.getMessage() + schema.hint);
            var table = assertThrows(Failure.Usage.class, () -> new Selection(List.of(), List.of(), List.of("sales.customers")).in(session));
            assertTrue(table.getMessage().contains("there is no table 'sales.customers'") && table.hint.contains("did you mean sales.customer?"), () -> table.getMessage() + table.hint);
        }
        nothingChanged(kit);
    }

    // --- settings

    @Test void without_any_settings_it_says_which_one_is_missing() {
        var kit = new Kit(Stack.next("kit"));
        kit.run("backup-db", "--env", "staging").exits(78).says("environment 'staging' is unknown: STAGING_DATABASE_URL is not set", "none is set in " + kit.home);
    }

    /** Of each that something else reads, the whole command too. */
    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', value = {
        "BACKUP_BUCKET          | s3://shop/backups   | 's3://shop/backups' can't be the name of a bucket: it is bare, without s3:// and without folders",
        "DB_STALL_SECONDS       | 10 min              | DB_STALL_SECONDS is not a whole number from 1",
        "BACKUP_RECIPIENTS      | bob                 | not an age public key"})
    void a_setting_that_is_missing_or_malformed_is_named(String name, String value, String words) {
        var kit = Stack.kit().set(name, value);
        kit.run("backup-db", "--env", "staging").exits(78).says(words, "State: nothing was", "Next:  ");
        nothingChanged(kit.set(name, value));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', value = {
        "BACKUP_BUCKET          |                     | BACKUP_BUCKET is not set",
        "BACKUP_BUCKET          | s3://shop/backups   | 's3://shop/backups' can't be the name of a bucket: it is bare, without s3:// and without folders",
        "BACKUP_BUCKET          | my bucket           | 'my bucket' can't be the name of a bucket",
        "AWS_SECRET_ACCESS_KEY  |                     | AWS_ACCESS_KEY_ID is set, AWS_SECRET_ACCESS_KEY is not",
        "AWS_ENDPOINT_URL_S3    | not a url           | AWS_ENDPOINT_URL_S3 is not an address like https://",
        "S3_PATH_STYLE          | yes                 | S3_PATH_STYLE is neither true nor false",
        "S3_ATTEMPTS            | 0                   | S3_ATTEMPTS is not a whole number from 1",
        "BACKUP_SSE             | AES257              | BACKUP_SSE is neither AES256 nor aws:kms"})
    void a_setting_of_the_store_that_is_missing_or_malformed_is_named_before_it_is_asked_anything(String name, String value, String words) {
        var kit = new Kit(Stack.next("kit")).set("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:1").set("AWS_ACCESS_KEY_ID", "id").set("AWS_SECRET_ACCESS_KEY", "secret").set("AWS_REGION", "us-east-1").set("BACKUP_BUCKET", "bucket");
        var refused = assertThrows(Failure.BadSetting.class, () -> Store.open(kit.set(name, value).settings()), name);
        assertTrue(refused.getMessage().contains(words) && !refused.hint.isBlank(), refused::toString);
    }

    @Test void an_address_of_a_database_that_will_not_do_is_refused_without_showing_its_password() throws Exception {
        var kit = Stack.kit();
        var addresses = Map.of("mysql://u:%s@127.0.0.1:5432/d", "is not of the form postgresql://",
            "postgresql://u:%s/slash@127.0.0.1:5432/d", "is not of the form postgresql://",
            "postgresql://u:%s@db.abc.supabase.co:6543/postgres", "names port 6543, a transaction pooler",
            "postgresql://u:%s@127.0.0.1:5432/d?host=evil.example", "has a parameter 'host' that is not accepted",
            "postgresql://u:%s@127.0.0.1:5432/d?sslmode=maybe", "sslmode has a value that does not exist");
        for (var address : addresses.entrySet()) {
            kit.set("STAGING_DATABASE_URL", address.getKey().formatted(SECRET));
            var refused = assertThrows(Failure.BadSetting.class, () -> DatabaseUrl.of(kit.settings()));
            assertTrue(refused.getMessage().contains(address.getValue()) && refused.hint.contains("DATABASE_URL stands in "), refused::toString);
            assertFalse((refused.getMessage() + refused.hint).contains(SECRET), refused::toString);
        }
        kit.set("STAGING_DATABASE_URL", "postgresql://u:" + SECRET + "/slash@127.0.0.1:5432/d");
        var result = kit.run("backup-db", "--env", "staging", "--verbose").exits(78).says("is not of the form postgresql://", "STAGING_DATABASE_URL stands in .env.operations").neverShows(SECRET);
        assertFalse(kit.logs().contains(SECRET), result::toString);
        nothingChanged(kit);
    }

    @Test void a_settings_file_that_others_can_read_is_refused_with_the_command_that_closes_it() throws Exception {
        var kit = Stack.kit();
        var file = kit.home.resolve(".env.operations");
        for (var mode : List.of("rw-r--r--", "rw-rw----", "rwx---r-x", "rw-r-----")) {
            Files.setPosixFilePermissions(file, PosixFilePermissions.fromString(mode));
            assertEquals(List.of("can be read by others on this machine"),
                EnvFile.faults(file).stream().map(EnvFile.Fault::what).toList(), mode);
        }
        var result = kit.run("backup-db", "--env", "staging").exits(78).says(".env.operations can be read by others on this machine", "Next:  chmod 600 '" + file + "'");
        nothingChanged(kit);
        kit.bash(result.err().lines().filter(line -> line.contains("Next:")).findFirst().orElseThrow().replaceFirst(".*Next: *", "")).exits(0);
        kit.run("backup-db", "--env", "staging", "--dry-run").exits(0);
    }

    @Test void a_line_that_a_shell_would_read_differently_is_refused_by_its_number_and_never_shown() {
        var kit = Stack.kit();
        kit.writeSettings("# settings\n\nSTAGING_DATABASE_URL=postgresql://u:" + SECRET + "$HOME@h/d\n", "rw-------");
        kit.run("backup-db", "--env", "staging",
            "--verbose").exits(78).says(".env.operations, line 3: not NAME=value as a shell reads it: the value has a character", "Next:  sed -E -i \"3s/").neverShows(SECRET);
    }

    @Test void a_secret_in_a_file_that_is_missing_or_open_or_given_twice_is_refused() throws Exception {
        var kit = Stack.kit().set("AWS_SECRET_ACCESS_KEY_FILE", "/nowhere/key");
        kit.run("backup-db", "--env", "staging").exits(78).says("both AWS_SECRET_ACCESS_KEY and AWS_SECRET_ACCESS_KEY_FILE are set", "remove one of them");
        kit.set("AWS_SECRET_ACCESS_KEY", null);
        var missing = assertThrows(Failure.BadSetting.class, () -> kit.settings().secret(Setting.AWS_SECRET_ACCESS_KEY));
        assertEquals("AWS_SECRET_ACCESS_KEY_FILE: /nowhere/key can't be read", missing.getMessage());
        var file = Files.writeString(kit.home.resolve("key"), SECRET);
        Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-r--r--"));
        kit.set("AWS_SECRET_ACCESS_KEY_FILE", file.toString());
        var open = assertThrows(Failure.BadSetting.class, () -> kit.settings().secret(Setting.AWS_SECRET_ACCESS_KEY));
        assertTrue(open.getMessage().contains("can be read by others on this machine") && open.hint.equals("chmod 600 '" + file + "'"), open::toString);
        assertFalse((open.getMessage() + open.hint).contains(SECRET), open::toString);
        nothingChanged(kit);
    }

    // --- the database

    @Test void a_role_that_can_read_nothing_is_refused_with_the_tables_and_the_grant_that_mends_it() {
        var kit = Stack.kit();
        var role = role("reader");
        kit.database.execute("create table one (id int); create table two (id int); revoke all on schema public from public");
        kit.set("STAGING_DATABASE_URL", kit.database.url(role, SECRET));
        var result = kit.run("backup-db", "--env", "staging").exits(78).says("role '" + role + "' can't read 2 of 2 tables: public.one (no right to read), public.two (no right to read)", "as a superuser: GRANT pg_read_all_data TO \"" + role + "\"");
        nothingChanged(kit);
        // What the hint says is enough.
        var grant = Pattern.compile("GRANT [^;]*;").matcher(result.err());
        assertTrue(grant.find(), result::toString);
        kit.database.asSuperuser(grant.group());
        kit.run("backup-db", "--env", "staging").exits(0);
    }

    @Test void a_policy_that_would_hide_rows_is_refused_and_not_dumped_around() {
        var kit = Stack.kit();
        var role = role("limited");
        kit.database.execute("create table shown (id int); create table hidden (id int, owner text); insert into hidden values (1, 'somebody'); alter table hidden enable row level security; "
            + "create policy own on hidden using (owner = current_user); grant select on shown, hidden to " + role);
        kit.set("STAGING_DATABASE_URL", kit.database.url(role, SECRET));
        kit.run("backup-db", "--env", "staging").exits(78).says("can't read 1 of 2 tables: public.hidden (row-level security)", "BYPASSRLS");
        nothingChanged(kit);
        kit.database.asSuperuser("alter role " + role + " bypassrls");
        kit.run("backup-db", "--env", "staging").exits(0);
    }

    @Test void a_wrong_password_is_a_setting_to_correct_and_not_shown() {
        var kit = Stack.kit();
        kit.set("STAGING_DATABASE_URL", kit.database.url(TestDatabase.ROLE, SECRET));
        kit.run("backup-db", "--env", "staging", "--verbose").exits(78).says("refuses the role or its password", "STAGING_DATABASE_URL stands in .env.operations").neverShows(SECRET);
        nothingChanged(kit);
    }

    @Test void a_database_that_is_not_there_is_named() {
        var kit = Stack.kit();
        kit.set("STAGING_DATABASE_URL", kit.database.url().replaceFirst("/[^/]*$", "/nowhere"));
        kit.run("backup-db", "--env", "staging").exits(78).says("there is no database 'nowhere' at " + TestDatabase.server());
        nothingChanged(kit);
    }

    @Test void a_server_that_is_down_is_named() {
        var kit = Stack.kit();
        kit.set("STAGING_DATABASE_URL", kit.database.url().replace(TestDatabase.server(), "127.0.0.1:9"));
        kit.run("backup-db", "--env", "staging").exits(12).says("the database at 127.0.0.1:9", "can't be reached: nothing listens at port 9 of 127.0.0.1",
            "Next:  start the server, or correct host and port", "STAGING_DATABASE_URL stands in .env.operations");
        nothingChanged(kit);
        kit.set("STAGING_DATABASE_URL", kit.database.url().replace(TestDatabase.server(), "no-such-host.invalid:5432"));
        var unknown = assertThrows(Failure.ToolFailed.class, () -> Database.connect(DatabaseUrl.of(kit.settings()), kit.settings(), "handover tests"));
        assertTrue(unknown.getMessage().contains("the database at no-such-host.invalid:5432") && unknown.getMessage().contains("can't be reached: no address is known for 'no-such-host.invalid'")
            && unknown.hint.contains("correct the host's name") && unknown.hint.contains("DATABASE_URL stands in "), () -> unknown.getMessage() + unknown.hint);
    }

    @Test void a_server_newer_than_pg_dump_is_refused_with_the_package_that_is_needed() throws Exception {
        var here = new Kit(Stack.next("kit")).bash("ls -d /usr/lib/postgresql/1[7-9] /usr/lib/postgresql/[2-9][0-9] 2>/dev/null || true").out();
        assumeTrue(here.isEmpty(), "a pg_dump as new as the server is installed: " + here);
        try (var server = EmbeddedPostgres.throwaway(Optional.of(17))) {
            var kit = Stack.kit().set("STAGING_DATABASE_URL", server.superuserUrl());
            kit.run("backup-db", "--env", "staging").exits(12).says("pg_dump 17 or newer is needed, and the newest here is ", "Next:  ").says("postgresql-client-17");
            nothingChanged(kit);
        }
    }

    @Test void a_pg_dump_that_is_too_old_or_is_none_is_refused() throws Exception {
        var kit = Stack.kit();
        var folder = Files.createDirectory(kit.home.resolve("old"));
        kit.set("PG_BIN", folder.toString());
        for (var version : List.of("pg_dump (PostgreSQL) 9.6.24", "pg_dump (PostgreSQL) 11devel", "something else")) {
            Files.writeString(folder.resolve("pg_dump"), "#!/bin/sh\necho '" + version + "'\n");
            Files.setPosixFilePermissions(folder.resolve("pg_dump"), PosixFilePermissions.fromString("rwxr-xr-x"));
            var asking = new Run();
            var refused = assertThrows(Failure.ToolFailed.class, () -> PostgresTools.find(asking, kit.settings(), "pg_dump", 12), version);
            asking.undo.close();
            assertTrue(refused.getMessage().startsWith("pg_dump 12 or newer is needed, and ") && refused.hint.startsWith("PG_BIN stands in "), refused::toString);
        }
        Files.writeString(folder.resolve("pg_dump"), "#!/bin/sh\necho 'pg_dump (PostgreSQL) 9.6.24'\n");
        kit.run("backup-db", "--env", "staging").exits(12).says("or newer is needed, and the newest here is 9.6.24", "Next:  PG_BIN stands in .env.operations");
        var run = new Run();
        var none = assertThrows(Failure.ToolFailed.class, () -> PostgresTools.find(run, kit.set("PG_BIN", "/nowhere").settings(), "pg_dump", 12));
        run.undo.close();
        assertTrue(none.getMessage().contains("and there is none") && none.hint.startsWith("PG_BIN stands in "), none::toString);
        nothingChanged(kit);
    }

    // --- what the tests above are made of

    private static void nothingChanged(Kit kit) {
        assertEquals(List.of(), kit.backupObjects());
        assertEquals(List.of(), kit.openUploads());
        assertEquals(List.of(), kit.leftTemporary());
    }

    /** A role that may log in, and no more. */
    private static String role(String name) {
        var role = Stack.next(name + "_");
        TestDatabase.superuser("create role " + role + " login password '" + SECRET + "'");
        return role;
    }
}
