import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import ops.Exit;
import org.junit.jupiter.api.Test;

/** The lines and files of runbooks/unattended.md, run as cron and systemd run them; neither of the two is started. */
class UnattendedTest {
    private static final String SECRET = "another-Passw0rd";

    private final Document document = new Document("runbooks/unattended.md");
    private final Kit kit = Stack.kit();

    UnattendedTest() throws IOException { }

    // --- cron

    @Test void cron_takes_the_lines() throws Exception {
        Kit.needs("crontab");
        assumeTrue(kit.bash("crontab -h 2>&1 || true").out().contains("dry run"), "this crontab can't only check");
        Files.writeString(kit.home.resolve("crontab"), document.fence("crontab"));
        kit.bash("crontab -n crontab").exits(0);
        Files.writeString(kit.home.resolve("crontab"), document.fence("crontab").replace("15 3", "15 30"));
        assertTrue(kit.bash("! crontab -n crontab 2>&1").exits(0).out().contains("bad hour"));
    }

    @Test void as_cron_runs_it_a_backup_that_succeeds_sends_no_mail_and_one_that_fails_says_what_and_what_next() throws Exception {
        kit.database.execute("create table invoice as select 1 as id");
        kit.set("STAGING_DATABASE_URL", null).set("PRODUCTION_DATABASE_URL", kit.database.url());
        var logs = Files.createDirectories(kit.home.resolve(".handover/logs"));
        for (var name : List.of("backup-db-production-20250101T031500Z-1.log", "backup-db-production-29990101T031500Z-1.log", "notes-of-20250101.txt")) Files.createFile(logs.resolve(name));

        // A person has run it once by hand, as this user: that is when it is compiled, which is said.
        kit.bash("unset JAVA_HOME; PATH=/usr/bin:/bin ./jbang backup-db --help").exits(0);
        assertEquals("", mail(cron("backup-db").exits(0)));
        assertEquals(1, kit.sealed().size());
        // A log file a run would fill the disk in the end.
        assertEquals(List.of("backup-db-production-29990101T031500Z-1.log", "notes-of-20250101.txt"), names(logs).stream().filter(name -> !name.startsWith("backup-db-production-20")).toList());
        assertEquals(3, names(logs).size(), () -> names(logs).toString());

        kit.set("PRODUCTION_DATABASE_URL", kit.database.url().replace(TestDatabase.PASSWORD, SECRET));
        var mail = mail(cron("backup-db").exits(Exit.SETTING.code).neverShows(SECRET)).replace(TestDatabase.server() + "/" + kit.database.name, "db.example.com:5432/site").replace(TestDatabase.ROLE, "backup");
        assertEquals(document.fence("mail").replaceAll("(?m)^\\S+Z ", ""), mail.replaceAll("(?m)^\\S+Z ", ""));
        assertEquals(1, kit.sealed().size());
    }

    /** What cron does with the line of a verb: {@code /bin/sh -c}, in the home folder, with its own few variables and no terminal. */
    private Kit.Result cron(String verb) throws IOException {
        var line = document.fence("crontab").lines().filter(each -> each.contains("/jbang " + verb)).findFirst().orElseThrow();
        var command = line.replaceFirst("(\\S+\\s+){5}", "").replace("/opt/handover", kit.home.toString());
        assertFalse(command.contains("%"), "cron takes it for the end of the line");
        var environment = own();
        environment.putAll(Map.of("SHELL", "/bin/sh", "PATH", "/usr/bin:/bin"));
        document.fence("crontab").lines().filter(each -> each.matches("[A-Z_]+=.*")).forEach(each -> environment.put(each.replaceFirst("=.*", ""), each.replaceFirst("[A-Z_]+=", "")));
        return new Kit.Running(List.of("/bin/sh", "-c", command), Path.of(System.getProperty("user.home")), environment).result();
    }

    /** All that is printed is sent. */
    private static String mail(Kit.Result result) { return result.out() + result.err(); }

    // --- systemd

    @Test void systemd_takes_the_files_and_the_times_of_all_jobs() throws Exception {
        Kit.needs("systemd-analyze");
        var units = Files.createDirectory(kit.home.resolve("units"));
        for (var name : List.of("handover-backup.service", "handover-backup.timer", "handover-failed@.service")) Files.writeString(units.resolve(name), here(document.fence(name)));
        var jobs = document.rows().stream().filter(cells -> cells.get(0).startsWith("`handover-")).map(cells -> cells.stream().map(cell -> cell.replace("`", "")).toList()).toList();
        assertEquals(3, jobs.size());
        for (var job : jobs) {
            Files.writeString(units.resolve(job.get(0) + ".service"), here(document.fence("handover-backup.service").replaceAll("(?<=ExecStart=/opt/handover/jbang ).*", job.get(1))));
            Files.writeString(units.resolve(job.get(0) + ".timer"), document.fence("handover-backup.timer").replaceAll("(?<=OnCalendar=).*", job.get(2)));
        }
        var verify = "systemd-analyze verify --man=no units/*.service units/*.timer";
        assertEquals("", mail(kit.bash(verify).exits(0)));
        kit.bash("systemd-analyze calendar '*-*-* 03:15:00 America/Toronto'").exits(0);
        Files.writeString(units.resolve("handover-backup.service"), here(document.fence("handover-backup.service")).replace("Type=oneshot", "Typ=oneshot").replace("KillMode=mixed", "KillMode=mixd"));
        kit.bash(verify + " || true").says("Typ", "mixd");
    }

    /** It looks for the program. */
    private String here(String unit) { return unit.replace("/opt/handover", kit.home.toString()); }

    @Test void as_systemd_runs_it_a_backup_finds_its_secrets_among_the_credentials() throws Exception {
        var credentials = Files.createDirectory(kit.home.resolve("credentials"));
        Files.writeString(credentials.resolve("database-url"), kit.database.url() + "\n");
        Files.writeString(credentials.resolve("aws-secret-access-key"), Stack.up().setting("AWS_SECRET_ACCESS_KEY") + "\n");
        kit.set("STAGING_DATABASE_URL", null).set("AWS_SECRET_ACCESS_KEY", null);
        permit(credentials, "r--------");
        systemd("backup-db --env production").exits(0);
        assertEquals(1, kit.sealed().size());
    }

    @Test void a_credential_that_systemd_hands_over_by_an_access_list_is_not_taken_for_one_that_others_can_read() throws Exception {
        assumeTrue(System.getProperty("user.name").equals("root"), "what it hands over is root's");
        var credentials = Files.createDirectory(kit.home.resolve("credentials"));
        for (var name : List.of("database-url", "aws-secret-access-key")) Files.writeString(credentials.resolve(name), Stack.up().setting("AWS_SECRET_ACCESS_KEY"));
        kit.set("AWS_SECRET_ACCESS_KEY", null);
        // Since version 254 the list's mask stands where the group's right would.
        permit(credentials, "r--r-----");
        systemd("backups list --env production").exits(0).says("has no backup");
        permit(credentials, "r--r--r--");
        systemd("backups list --env production").exits(Exit.SETTING.code).says("can be read by others");
        // Anywhere else a right of the group is what it looks like.
        permit(credentials, "r--r-----");
        kit.set("AWS_SECRET_ACCESS_KEY_FILE", credentials.resolve("aws-secret-access-key").toString());
        kit.run("backups", "list", "--env", "production").exits(Exit.SETTING.code).says("can be read by others");
    }

    private static void permit(Path credentials, String rights) throws IOException {
        for (var name : names(credentials)) Files.setPosixFilePermissions(credentials.resolve(name), PosixFilePermissions.fromString(rights));
    }

    /** What systemd does with the service's line: no shell, its own few variables and the unit's, in the root folder, without a terminal. */
    private Kit.Result systemd(String arguments) throws IOException {
        var unit = document.fence("handover-backup.service");
        var environment = own();
        environment.putAll(Map.of("SHELL", "/bin/bash", "PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG", "C.UTF-8", "INVOCATION_ID", "0123456789abcdef0123456789abcdef",
            "CREDENTIALS_DIRECTORY", kit.home.resolve("credentials").toString()));
        values(unit, "Environment").forEach(each -> environment.put(each.replaceFirst("=.*", ""), each.replaceFirst("[A-Z_]+=", "").replace("%d", environment.get("CREDENTIALS_DIRECTORY"))));
        var line = values(unit, "ExecStart").get(0);
        assertEquals("/opt/handover/jbang backup-db --env production", line);
        return new Kit.Running(List.of(line.replace("/opt/handover", kit.home.toString()).replace("backup-db --env production", arguments).split(" ")), Path.of("/"), environment).result();
    }

    private static List<String> values(String unit, String name) { return Pattern.compile("(?m)^" + name + "=(.*)$").matcher(unit).results().map(each -> each.group(1)).toList(); }

    // --- both

    /** The user's, who has what the launcher fetched once. */
    private Map<String, String> own() {
        var environment = new HashMap<>(Map.of("HOME", System.getProperty("user.home"), "LOGNAME", System.getProperty("user.name"), "USER", System.getProperty("user.name")));
        // Where the kit's own folder is another than the one below the home folder, the crontab has to say so too.
        for (var name : List.of("HANDOVER_CACHE", "XDG_CACHE_HOME", "JBANG_REPO", "HANDOVER_MAVEN_URL")) if (kit.environment().containsKey(name)) environment.put(name, kit.environment().get(name));
        return environment;
    }

    @Test void every_exit_code_is_there_with_the_words_of_the_readme() throws Exception {
        var all = Stream.of(Exit.values()).map(exit -> List.of("" + exit.code, exit.meaning)).toList();
        assertEquals(all, document.numberedRows(3).stream().map(row -> row.subList(0, 2)).toList());
        assertEquals(new Document("README.fr.md").numberedRows(2), new Document("runbooks/unattended.fr.md").numberedRows(3).stream().map(row -> row.subList(0, 2)).toList());
    }

    private static List<String> names(Path folder) {
        try (var files = Files.list(folder)) {
            return files.map(file -> file.getFileName().toString()).sorted().toList();
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }
}
