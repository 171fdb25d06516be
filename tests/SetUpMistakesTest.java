import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/**
 * Mistakes of whoever sets the kit up. Doctor names each, what it says is done to the letter, and the next look no
 * longer finds it; the last one finds nothing. Those that can't hide each other are looked at together.
 */
class SetUpMistakesTest {
    /** As they stand in a next step, to be copied into a terminal. */
    private static final Pattern COMMAND = Pattern.compile(
        "sed -E -i (?:'[^']*'|\"(?:[^\"\\\\]|\\\\.)*\") '[^']*'|\\(umask [^)]*\\) && mv '[^']*'.new '[^']*'"
            + "|(?:(?:mv|cp) '[^']*' '[^']*' && )?chmod 600 '[^']*'|grep -E '[^']*' '[^']*' >> '[^']*'");
    private static final String URL = "STAGING_DATABASE_URL";

    private final Kit kit = Stack.kit();
    private final Path file = kit.home.resolve(".env.operations");
    /** Mistakes that were named, and whose next step was done. */
    private int mended;
    /** What was not as it should be, of all of them. */
    private final List<String> faults = new ArrayList<>();

    /**
     * One mistake.
     *
     * @param check the check that finds it
     * @param words what it says
     * @param next what its next step says to do; null when the commands in it are that
     * @param then what a person does who has read that; null when the commands are run
     */
    private record Mistake(String check, String words, String next, Runnable then) { }

    private final List<Mistake> made = new ArrayList<>();

    private static Mistake byCommand(String check, String words) { return new Mistake(check, words, null, null); }

    /** Writes a line as somebody has typed it; in the place of the one of that name, if there is one. */
    private void type(String name, String line) {
        try {
            var lines = new ArrayList<>(Files.readAllLines(file));
            lines.removeIf(each -> each.startsWith(name + "="));
            if (line != null) lines.add(line);
            Files.writeString(file, lines.stream().map(each -> each + "\n").collect(Collectors.joining()));
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    private void set(String name, String value) { type(name, value == null ? null : name + "='" + value + "'"); }

    /** A value that is wrong until somebody does what is said. */
    private void wrong(String name, String value, String check, String words, String next, String right) {
        set(name, value);
        made.add(new Mistake(check, words, next, () -> set(name, right)));
    }

    private Map<String, JsonObject> look(String env) {
        var report = kit.run("doctor", "--env", env, "--json").neverShows("s3cr3t").json();
        var problems = new LinkedHashMap<String, JsonObject>();
        for (var check : report.getAsJsonArray("checks").asList().stream().map(JsonElement::getAsJsonObject).toList())
            if (check.get("outcome").getAsString().equals("problem"))
                problems.put(check.get("name").getAsString(), check);
        return problems;
    }

    /** Looks, finds what was made and nothing else, and does what is said. */
    private void mend(String env) {
        var problems = look(env);
        var expected = new TreeSet<>(made.stream().map(Mistake::check).toList());
        if (!expected.equals(problems.keySet())) faults.add("found " + problems + " for " + expected);
        for (var mistake : made) {
            var problem = problems.get(mistake.check);
            if (problem == null) continue;
            var fix = problem.get("fix").getAsString();
            if (!problem.get("seen").getAsString().contains(mistake.words))
                faults.add("does not say: " + mistake.words + ": " + problem);
            if (mistake.then != null) {
                if (!fix.contains(mistake.next)) faults.add("does not say to do: " + mistake.next + ": " + problem);
                mistake.then.run();
            } else {
                var commands = COMMAND.matcher(fix).results().map(MatchResult::group).toList();
                if (commands.isEmpty()) faults.add("has no command: " + problem);
                for (var command : commands) kit.bash(command).exits(0);
            }
            mended++;
        }
        made.clear();
    }

    @Test void each_is_named_and_its_next_step_leads_out() throws Exception {
        theExample();
        theFileItself();
        lines();
        values();
        database();
        assertEquals(Map.of(), look("staging"), () -> String.join("\n", faults));
        assertEquals("", String.join("\n", faults));
        assertTrue(mended >= 50, () -> "only " + mended);
        kit.bash("set -a; . ./.env.operations; test \"$BACKUP_BUCKET\" = " + kit.bucket + "; psql -Atc 'select 1' \"$"
            + URL + "\"").exits(0);
    }

    /** As README has it copied, and filled in by half. */
    private void theExample() throws IOException {
        var typed = Files.readAllLines(file);
        var url = kit.database.url();
        Files.copy(Stack.CHECKOUT.resolve(".env.operations.example"), file, StandardCopyOption.REPLACE_EXISTING);
        Files.copy(file, kit.home.resolve(".env.operations.example")); // as in any checkout: no place to take a line from
        Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-------"));
        made.add(new Mistake("DATABASE_URL", "still a placeholder, as in .env.operations.example", URL
            + " stands in .env.operations; put the right one there", () -> set(URL, url)));
        made.add(new Mistake("BACKUP_BUCKET", "BACKUP_BUCKET is not set", "set it in " + file, () ->
            set("BACKUP_BUCKET", kit.bucket)));
        wrong("AWS_REGION", "eu-west-3a", "AWS_REGION", "is not a region of Amazon's, such as eu-west-3",
            "AWS_REGION stands in", "us-east-1");
        wrong("DEPLOY_BRANCHES", "main; release", "DEPLOY_BRANCHES", "which is no branch", "names alone", null);
        mend("staging");
        for (var line : typed) type(line.replaceFirst("=.*", ""), line);
    }

    /** Where the settings stand, under which name, and for whom they can be read. */
    private void theFileItself() throws IOException {
        var sound = Files.readString(file);
        Files.move(file, kit.home.resolve(".env"));
        made.add(byCommand("DATABASE_URL", URL + " stands in " + kit.home.resolve(".env") + ", which is not read"));
        made.add(byCommand("BACKUP_BUCKET", "BACKUP_BUCKET stands in " + kit.home.resolve(".env")));
        mend("staging");
        Files.delete(kit.home.resolve(".env"));

        kit.in(Files.createDirectory(kit.home.resolve("elsewhere")));
        Files.move(file, kit.directory.resolve(".env.operations"));
        made.add(byCommand("DATABASE_URL", URL + " stands in " + kit.directory.resolve(".env.operations")
            + ", which is not read"));
        made.add(new Mistake("BACKUP_BUCKET", "elsewhere/.env.operations", "mv ", () -> { })); // the same command
        mend("staging");
        kit.in(kit.home);

        var beside = kit.home.resolve(".env.operations.txt");
        Files.writeString(file, sound.lines().filter(line -> !line.startsWith(URL)).map(line -> line + "\n")
            .collect(Collectors.joining()));
        Files.writeString(beside, sound.lines().filter(line -> line.startsWith(URL)).map(line -> "export " + line + "\n")
            .collect(Collectors.joining()));
        made.add(byCommand("DATABASE_URL", URL + " stands in " + beside + ", which is not read"));
        mend("staging");
        Files.delete(beside);

        Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-r--r--"));
        made.add(byCommand("settings files", "can be read by others"));
        mend("staging");

        Files.write(file, ("# Windows\r\n" + sound.replace("\n", "\r\n")).getBytes(StandardCharsets.UTF_16));
        made.add(byCommand("settings files", "is written in UTF-16"));
        mend("staging");

        for (var name : List.of("DATABASE_URL", "staging_DATABASE_URL", "STAGING_DATABSE_URL",
            "STAGING_POSTGRES_URL")) {
            Files.writeString(file, sound.replace(URL, name));
            made.add(byCommand("DATABASE_URL", name + " stands in " + file
                + (name.equals("DATABASE_URL") ? " without an environment before it" : ", and the kit reads " + URL)));
            made.add(new Mistake("spelling", "did you mean " + URL + "?", "sed ", () -> { })); // the same command
            mend("staging");
        }
        // What somebody else has put there is not to be taken for settings.
        var planted = Files.writeString(kit.home.resolve(".env.planted"),
            "STAG_DATABASE_URL=postgresql://a:b@evil.example/d\n");
        TestServer.own(planted);
        if (Files.getOwner(planted).equals(Files.getOwner(file)))
            Files.delete(planted); // not root, who alone can give it away
        made.add(new Mistake("DATABASE_URL", "environment 'stag' is unknown: STAG_DATABASE_URL is not set",
            "did you mean --env staging?", () -> { }));
        mend("stag");
    }

    /** Lines that a shell reads otherwise, or not at all. */
    private void lines() throws IOException {
        var sound = Files.readAllLines(file);
        var first = sound.size() + 1;
        var bad = List.of("LOG_DAYS = 90", "DEPLOY_KEEP: 5", "LOG_DIR=« logs »", "SMOKE_SECONDS='30",
            "STAGING_SITE_URL=\"http://localhost:1/$x\"", "DRILL_DAYS=35 ;", "BLUE-GREEN_SITE_URL=http://localhost:2");
        Files.writeString(file, String.join("\n", sound) + "\n" + String.join("\n", bad) + "\n");
        var words = List.of("a blank stands beside the =", "a colon stands where",
            "the value stands in a word processor's quotation marks", "the quote that opens the value is not closed",
            "a shell replaces what follows a $", "stands in no quotes", "is no name to a shell");
        for (var i = 0; i < bad.size(); i++)
            made.add(byCommand(i == 0 ? "settings files" : "as a shell reads it line " + (first + i), words.get(i)));
        mend("staging");
        type("DRILL_DAYS", null);
        type("STAGING_SITE_URL", null);
    }

    /** Values that can't be right, and what only a shell reads otherwise. */
    private void values() throws IOException {
        wrong("S3_ATTEMPTS", "many", "S3_ATTEMPTS", "not a whole number", "as in S3_ATTEMPTS=5", "1");
        for (var number : List.of("S3_ATTEMPT_SECONDS=soon", "S3_REQUEST_SECONDS=1.5", "S3_CONNECT_SECONDS=-1",
            "DB_STALL_SECONDS=10 min", "DB_LOCK_SECONDS=0x10", "LOG_DAYS=99999999999", "RESTORE_GOAL_MINUTES=1h")) {
            var name = number.replaceFirst("=.*", "");
            wrong(name, number.replaceFirst(".*=", ""), name, name + " is not a whole number from 1 to 1000000",
                "make it digits alone", null);
        }
        wrong("S3_PATH_STYLE", "yes", "S3_PATH_STYLE", "neither true nor false", "make it S3_PATH_STYLE=true", "true");
        wrong("STAGING_SITE_URL", "https://staging.example.com/", "SITE_URL", "still a placeholder",
            "or a # before the line", null);
        wrong("STAGING_SUPABASE_URL", "https://REF.supabase.co", "SUPABASE_URL", "still a placeholder",
            "Supabase: Project Settings", "none");
        wrong("STAGING_SUPABASE_ANON_KEY", "sb_secret_abcdefghijk", "SUPABASE_ANON_KEY", "goes past every policy",
            "put the anon or publishable key there", "sb_publishable_abcdefghijk");
        wrong("SMOKE_BROWSER", "true", "SMOKE_BROWSER", "is not 1, which turns the browser on",
            "SMOKE_BROWSER stands in", "1");
        wrong("SMOKE_TLS_DAYS", "7,30", "SMOKE_TLS_DAYS", "fails before it warns",
            "the days of the warning come first: 30,7", "30,7");
        wrong("SMOKE_CANARY_ROW", "canary", "SMOKE_CANARY_ROW", "is no row", "it looks like public.canary:id=1", null);
        wrong("SMOKE_REDIRECTS", "www.pro-remorque.fr", "SMOKE_REDIRECTS", "is no address", "it looks like http://",
            null);
        wrong("SMOKE_FILE", "smoke.json", "SMOKE_FILE", "can't be read", "ls -l '", null);
        wrong("SMOKE_DNS", "https://pro-remorque.fr", "SMOKE_DNS", "names 'https://pro-remorque.fr', which is no address",
            "for example SMOKE_DNS=", null);
        wrong("SMOKE_HEADERS", "x-frame-options: DENY", "SMOKE_HEADERS", "which is no header", "for example SMOKE_HEADERS=",
            null);
        wrong("DEPLOY_OUTPUT", "../dist", "DEPLOY_OUTPUT", "outside of the application", "as dist", null);
        wrong("BACKUP_KEEP", "7 days", "BACKUP_KEEP", "is not a list of rules", "for example BACKUP_KEEP=last=7",
            "last=7");
        wrong("BACKUP_SSE", "AES", "BACKUP_SSE", "is not AES256 or aws:kms", "BACKUP_SSE stands in", null);
        wrong("BACKUP_COPY_TO", "offsite", "BACKUP_COPY_TO", "OFFSITE_BACKUP_BUCKET is not set", "set it in", null);
        wrong("BACKUP_RECIPIENTS", "bob", "BACKUP_RECIPIENTS", "not an age public key", "BACKUP_RECIPIENTS stands in",
            null);
        wrong("PG_BIN", "/usr/lib/postgres/bin", "PG_BIN", "a folder that is not there", "leave it out", null);
        wrong("DEPLOY_HOOK", "curl -d done https://hooks.slack.com/s3cr3t", "DEPLOY_HOOK",
            "no program that can be run", "the path of a program, without arguments", null);
        wrong("MIGRATE_COMMAND", "npm ci && npm run migrate", "MIGRATE_COMMAND",
            "has something in it that only a shell understands: &", "MIGRATE_COMMAND=npm run migrate", null);
        wrong("DEPLOY_BUILD_VARIABLES", "NPM_TOKEN=s3cr3t", "DEPLOY_BUILD_VARIABLES",
            "names 'NPM_TOKEN=…', which is no variable", "names alone", null);
        wrong("LOG_DIR", "~/logs", "LOG_DIR", "begins with a sign for the home folder", "write the folder out", null);
        wrong("PROTECTED_ENVS", "Production", "PROTECTED_ENVS", "not the name of an environment",
            "PROTECTED_ENVS=production,live", null);
        wrong("AWS_ENDPOINT_URL_S3", "s3.eu-west-3.amazonaws.com", "AWS_ENDPOINT_URL_S3",
            "is not an address like https://", "begin it with https://", "http://127.0.0.1:1");
        wrong("BACKUP_BUCKET", "s3://" + kit.bucket + "/backups", "BACKUP_BUCKET", "without s3://",
            "s3://shop/backups is the bucket shop", kit.bucket);
        wrong("BACKUP_RECIPIENT", "bob", "spelling", "did you mean BACKUP_RECIPIENTS?", "sed ", null);
        var branches = Files.write(kit.home.resolve("branches"), "main".getBytes(StandardCharsets.UTF_16));
        Files.setPosixFilePermissions(branches, PosixFilePermissions.fromString("rw-------"));
        type("DEPLOY_BRANCHES_FILE", "DEPLOY_BRANCHES_FILE=" + branches);
        made.add(byCommand("DEPLOY_BRANCHES", "DEPLOY_BRANCHES_FILE: " + branches + " is written in UTF-16"));
        var address = kit.database.url();
        wrong(URL, "jdbc:" + address, "addresses for psql", "begins with jdbc:", "take jdbc: out: sed ", address);
        type("SMOKE_SECONDS", "SMOKE_SECONDS='30 '");
        var lines = new ArrayList<>(Files.readAllLines(file));
        lines.removeIf(line -> line.startsWith("#")); // long enough without
        var number = lines.indexOf("SMOKE_SECONDS='30 '") + 1;
        made.add(byCommand("as a shell reads it line " + number, "begins or ends with a blank inside of its quotes"));
        made.add(byCommand("as a shell reads it line " + (lines.size() + 1), "AWS_REGION stands on line "));
        made.add(byCommand("as a shell reads it", "Windows line ends"));
        Files.writeString(file, String.join("\r\n", lines) + "\r\nAWS_REGION='us-east-1'\r\n");
        mend("staging");
    }

    /** What only the server and the store can tell: one mistake of each at a time. */
    private void database() throws IOException {
        var stack = Stack.up();
        var url = kit.database.url();
        var server = TestDatabase.server();
        var store = stack.setting("AWS_ENDPOINT_URL_S3");
        var identity = kit.home.resolve("identity.txt");
        Files.writeString(identity, "# nothing yet\n");
        Files.setPosixFilePermissions(identity, PosixFilePermissions.fromString("rw-------"));

        wrong("SMOKE_HIDDEN_ROW", "public.canary:id=2", "SMOKE_HIDDEN_ROW", "neither row is looked for",
            "or leave both out", null);
        wrong("BACKUP_IDENTITY_FILE", identity.toString(), "BACKUP_IDENTITY_FILE", "without an age identity",
            "age-keygen", null);
        wrong(URL, kit.database.url(TestDatabase.ROLE, "wrong-Passw0rd"), "connection",
            "refuses the role or its password", "to try one: psql 'postgresql://tester@" + server, url);
        made.add(new Mistake("bucket", "connection refused",
            "is the store reachable from here? AWS_ENDPOINT_URL_S3 stands in", () ->
            set("AWS_ENDPOINT_URL_S3", store)));
        mend("staging");

        wrong(URL, url.replaceFirst("[^/]*$", "nowhere"), "connection", "there is no database 'nowhere'",
            "to see which there are: psql -l 'postgresql://tester@" + server + "/postgres'", url);
        wrong("BACKUP_BUCKET", "no-such-bucket", "bucket", "there is no bucket 'no-such-bucket'",
            "create it, or correct the name", kit.bucket);
        mend("staging");

        wrong(URL, url + "?sslmode=require", "connection", "has no TLS, and sslmode demands it",
            "sslmode=prefer for require", url + "?sslmode=prefer");
        wrong("AWS_ENDPOINT_URL_S3", store.replace("http:", "https:"), "bucket", "it speaks plain http there",
            "write http:// for https://", store);
        mend("staging");

        wrong(URL, url.replace(server, "127.0.0.1:1"), "connection", "nothing listens at port 1 of 127.0.0.1",
            "correct host and port, which is 5432 as a rule", url);
        wrong("AWS_ENDPOINT_URL_S3", store + "/" + kit.bucket, "bucket", "seems to have the bucket's name in it",
            "take it out: AWS_ENDPOINT_URL_S3=" + store + "; ", store);
        mend("staging");

        wrong(URL, url.replace(server, store.replaceFirst("http://", "")), "connection",
            "what answers there is no PostgreSQL", "correct the port, which is 5432 as a rule", url);
        wrong("AWS_ENDPOINT_URL_S3", store.replace("127.0.0.1", kit.bucket + ".localhost"), "bucket",
            "seems to have the bucket's name in it", "take it out: AWS_ENDPOINT_URL_S3="
            + store.replace("127.0.0.1", "localhost") + "; ", store);
        mend("staging");

        wrong(URL, url.replace(server, "db.no-such-host.invalid"), "connection",
            "no address is known for 'db.no-such-host.invalid'", "correct the host's name", url);
        wrong("AWS_SECRET_ACCESS_KEY", "copied-by-half", "bucket", "refuses the credentials",
            "AWS_SECRET_ACCESS_KEY is not its secret", stack.setting("AWS_SECRET_ACCESS_KEY"));
        mend("staging");

        wrong(URL, "postgresql://postgres.REF:[YOUR-PASSWORD]@aws-0-eu-west-3.pooler.supabase.com:5432/postgres",
            "DATABASE_URL", "still a placeholder", "Supabase: Connect, Session pooler", url);
        wrong("AWS_ACCESS_KEY_ID", "AKIA0000", "bucket", "refuses the credentials", "the store knows no such key",
            stack.setting("AWS_ACCESS_KEY_ID"));
        mend("staging");

        wrong(URL, kit.database.urlWithoutPassword(), "connection",
            "wants a password for role 'tester', and none is given",
            "put it into the address, as postgresql://USER:PASSWORD@HOST", url);
        mend("staging");

        var role = Stack.next("closed_");
        kit.database.asSuperuser("create role " + role + " nologin password 'closed-Passw0rd'");
        wrong(URL, kit.database.url(role, "closed-Passw0rd"), "connection", "is not permitted to log in",
            "as a superuser: ALTER ROLE \"" + role + "\" LOGIN", url);
        mend("staging");
        kit.database.asSuperuser("drop role " + role);

        wrong(URL, url.replace("tester-", "tester@"), "DATABASE_URL", "the password has an @ in it",
            "written %40 for @", url);
        mend("staging");
    }
}
