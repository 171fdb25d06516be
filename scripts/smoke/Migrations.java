package smoke;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Predicate;
import ops.Database;
import ops.DatabaseUrl;
import ops.Failure;
import ops.Home;
import ops.PlainTable;
import ops.Setting;
import ops.Settings;

/** Is the last migration of the database the last one of the repository, and has none been left half-way? */
record Migrations(Settings settings, DatabaseUrl url) {
    /** @param columns the version first, which is what makes a table one of its tool */
    private record History(
        String schema, String table, List<String> columns, Predicate<String[]> isWrong, String words) { }

    private static final List<History> HISTORIES = List.of(
        new History("public", "schema_migrations", List.of("version", "dirty"), row -> "t".equals(row[1]),
            "was not ended: dirty"),
        new History("public", "flyway_schema_history", List.of("version", "success"), row -> "f".equals(row[1]),
            "failed: success is false"),
        new History("public", "_sqlx_migrations", List.of("version", "success"), row -> "f".equals(row[1]),
            "failed: success is false"),
        new History("public", "_prisma_migrations", List.of("migration_name", "finished_at", "rolled_back_at"),
            row -> row[1] == null && row[2] == null, "was not ended: finished_at and rolled_back_at are empty"),
        new History("atlas_schema_revisions", "atlas_schema_revisions", List.of("version", "error"),
            row -> row[1] != null && !row[1].isEmpty(), "failed: it has an error"));

    Verdict look(Duration limit) {
        var folder = Home.dir().resolve(settings.require(Setting.SMOKE_MIGRATIONS));
        var last = last(folder);
        try (var session = Database.connect(url, settings, "handover smoke-tests " + settings.env)) {
            var wrong = wrong(session);
            if (!wrong.isEmpty())
                return Verdict.fail(String.join("; ", wrong), "see what it has left in the database and mend that; then"
                    + " have the tool know of it (Flyway: repair; golang-migrate: force; Prisma: migrate resolve)");
            var applied = session.facts().schemaVersion();
            if (applied.isEmpty()) return Verdict.fail("the database has no table schema_migrations that the role can read, and " + folder + " ends with " + last, "apply the migrations, or leave SMOKE_MIGRATIONS empty");
            if (!isAt(last, applied)) return Verdict.fail("the database is at migration " + applied + ", and " + folder + " ends with " + last, "apply the missing migrations, or deploy the code that belongs to the database").forGood();
            return Verdict.pass("the last one is " + applied + ", as in " + folder.getFileName());
        }
    }

    /** A version is kept as a text, or as a number: then without the zeros with which the file's begins. */
    private static boolean isAt(String last, String applied) {
        if (last.equals(applied) || last.startsWith(applied + "_")) return true;
        return applied.matches("[0-9]+") && last.matches("0*" + applied + "(_.*)?");
    }

    /** What tools' own tables say of migrations that did not end well. */
    private static List<String> wrong(Database session) {
        var wrong = new ArrayList<String>();
        for (var history : HISTORIES) {
            var table = new PlainTable(session, history.schema, history.table);
            if (!table.isReadable() || !table.columns().containsAll(history.columns)) continue;
            table.read(history.columns, row -> {
                var version = String.valueOf(row[0]).replaceAll("\\p{Cntrl}", "?");
                if (history.isWrong.test(row))
                    wrong.add(history.schema + "." + history.table + " says that " + version + " " + history.words);
                return false;
            });
        }
        return wrong;
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
