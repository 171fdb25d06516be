package smoke;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import ops.Database;
import ops.DatabaseUrl;
import ops.Failure;
import ops.Home;
import ops.Setting;
import ops.Settings;
import ops.ToolHistory;

/** Is the last migration of the database the last one of the repository, and has none been left half-way? */
record Migrations(Settings settings, DatabaseUrl url) {
    Verdict look(Duration limit) {
        var folder = Home.dir().resolve(settings.require(Setting.SMOKE_MIGRATIONS));
        var last = last(folder);
        try (var session = Database.connect(url, settings, "handover smoke-tests " + settings.env)) {
            var wrong = ToolHistory.wrong(session);
            if (!wrong.isEmpty()) return Verdict.fail(String.join("; ", wrong), ToolHistory.MENDING);
            var applied = session.facts().schemaVersion();
            if (applied.isEmpty())
                return Verdict.fail("the database has no table of migrations that the kit knows and the role can read, and "
                    + folder + " ends with " + last, "apply the migrations, or leave SMOKE_MIGRATIONS empty");
            if (!isAt(last, applied)) return Verdict.fail("the database is at migration " + applied + ", and " + folder + " ends with " + last, "apply the missing migrations, or deploy the code that belongs to the database").forGood();
            return Verdict.pass("the last one is " + applied + ", as in " + folder.getFileName());
        }
    }

    /** A version is kept as a text, or as a number: then without the zeros with which the file's begins. */
    private static boolean isAt(String last, String applied) {
        if (last.equals(applied) || last.startsWith(applied + "_") || last.startsWith(applied + ".")) return true;
        return applied.matches("[0-9]+") && last.matches("0*" + applied + "(_.*)?");
    }

    /** By its name, as the tools that apply them sort them. Throws BadSetting when there is none. */
    static String last(Path folder) {
        try (var files = Files.list(folder)) {
            return files.map(file -> file.getFileName().toString().replaceFirst("\\.((up|down)\\.)?sql$", "")).filter(name -> name.matches("\\d+.*")).max(String::compareTo)
                .orElseThrow(() -> new Failure.BadSetting("SMOKE_MIGRATIONS: there is no migration in " + folder, "their names begin with a number, as in 20261122101500_quotes.sql"));
        } catch (IOException e) {
            throw new Failure.BadSetting("SMOKE_MIGRATIONS: " + folder + " can't be read", "ls -ld '" + folder + "'");
        }
    }
}
