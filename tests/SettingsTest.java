import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import ops.Home;
import org.junit.jupiter.api.Test;

/** Where a setting comes from, when there are several places. What counts is seen in the lines of a dry run. */
class SettingsTest {
    private final Kit kit = Stack.kit();

    @Test void the_process_environment_goes_before_the_environments_file_and_that_before_the_common_one() throws Exception {
        kit.set("BACKUP_BUCKET", "common").set("BACKUP_PREFIX", "common").with("BACKUP_PREFIX", "process");
        file(kit.home.resolve(".env.operations.staging"), "BACKUP_BUCKET=" + kit.bucket + "\nBACKUP_PREFIX=file\n");
        run().exits(0).says("s3://" + kit.bucket + "/process/staging/");
    }

    @Test void a_name_with_the_environments_prefix_goes_before_one_without_wherever_each_stands_and_no_other_ones_counts() {
        kit.set("STAGING_BACKUP_BUCKET", kit.bucket).with("BACKUP_BUCKET", "common");
        kit.set("PRODUCTION_BACKUP_PREFIX", "productions").set("STAGING2_BACKUP_PREFIX", "others").set("BACKUP_PREFIX", "own");
        // An empty value counts as none, and the next place is asked.
        kit.with("BACKUP_PREFIX", "").with("AWS_SECRET_ACCESS_KEY", " ");
        run().exits(0).says("s3://" + kit.bucket + "/own/staging/");
        kit.run("backup-db", "--env", "production", "--dry-run").exits(78).says("PRODUCTION_DATABASE_URL is not set");
    }

    @Test void what_a_test_calls_in_its_own_process_reads_no_settings_of_the_checkout_and_reaches_nothing_of_theirs() {
        assertNotEquals(Stack.CHECKOUT, Home.dir());
    }

    @Test void an_environment_with_a_dash_is_looked_up_with_an_underscore() {
        kit.set("STAGING_DATABASE_URL", null).set("BLUE_GREEN_DATABASE_URL", kit.database.url());
        kit.run("backup-db", "--env", "blue-green", "--dry-run").exits(0).says("ok: Read the settings: blue-green");
    }

    @Test void every_setting_can_stand_in_a_file_of_its_own_and_what_goes_first_goes_first_in_either_form() throws Exception {
        kit.set("BACKUP_BUCKET", null).set("BACKUP_BUCKET_FILE", file(kit.home.resolve("bucket"), kit.bucket + "\n").toString());
        kit.set("BACKUP_PREFIX", "common").with("BACKUP_PREFIX_FILE", file(kit.home.resolve("prefix"), "first").toString());
        run().exits(0).says("s3://" + kit.bucket + "/first/staging/");
    }

    @Test void the_settings_file_can_be_sourced_by_a_shell_and_means_the_same_there() throws Exception {
        var lines = """
            export BACKUP_BUCKET="%s"   # the bucket
              AWS_REGION=eu-central-1
            BACKUP_PREFIX='with space & $HOME'
            """.formatted(kit.bucket);
        Files.writeString(kit.home.resolve("more"), lines);
        var sourced = kit.bash("set -a; . ./more; echo \"$BACKUP_BUCKET|$AWS_REGION|$BACKUP_PREFIX\"").exits(0).out().strip();
        assertTrue(sourced.equals(kit.bucket + "|eu-central-1|with space & $HOME"), sourced);
        kit.set("BACKUP_BUCKET", null).set("AWS_REGION", null);
        kit.writeSettings(Files.readString(kit.home.resolve(".env.operations")) + lines, "rw-------");
        // It is found from a folder further down, too.
        kit.in(Files.createDirectories(kit.home.resolve("a/b")));
        run().exits(0).says("s3://" + kit.bucket + "/with space & $HOME/staging/");
    }

    private Kit.Result run() { return kit.run("backup-db", "--env", "staging", "--dry-run"); }

    private static Path file(Path file, String text) throws IOException {
        Files.writeString(file, text);
        return Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-------"));
    }
}
