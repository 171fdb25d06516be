//SOURCES ../ops/Ops.java
//SOURCES ../backups/TrialRestore.java
//SOURCES Apply.java
//SOURCES Blockers.java
//SOURCES ConcurrentIndex.java
//SOURCES Execution.java
//SOURCES Finding.java
//SOURCES History.java
//SOURCES Lint.java
//SOURCES Losses.java
//SOURCES MigrateCommand.java
//SOURCES MigrationFile.java
//SOURCES OtherTool.java
//SOURCES Pending.java
//SOURCES Plan.java
//SOURCES Rehearsal.java
//SOURCES Rows.java
//SOURCES Shape.java
//SOURCES Statement.java
//SOURCES Statements.java
//SOURCES Tables.java
//SOURCES Timed.java
package migrations;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.TreeSet;
import ops.Database;
import ops.Failure;
import ops.Run;
import ops.Setting;
import ops.Settings;

/** The migrations of an application, in order: files VERSION_name.sql, as the Supabase CLI reads them. */
public final class Migrations {
    /** How deep folders within the folder are looked through for what somebody may take for migrations. */
    private static final int DEPTH = 4;

    private final Settings settings;
    public final Path folder;
    /** In order. */
    final List<MigrationFile> files = new ArrayList<>();
    /** Names of files that are none; the Supabase CLI skips them too. */
    public final List<String> skipped = new ArrayList<>();

    private Migrations(Settings settings, Path folder) {
        this.settings = settings;
        this.folder = folder;
    }

    /** The folder that MIGRATIONS_DIR names, of an application. */
    public static Path folder(Settings settings, Path application) { return application.resolve(settings.require(Setting.MIGRATIONS_DIR)); }

    /**
     * Reads a folder; one that is not there has none.
     *
     * @throws Failure.BadSetting naming files that can't be put in order or not be read, or the tool that they are for
     */
    public static Migrations of(Run run, Settings settings, Path folder) {
        var migrations = new Migrations(settings, folder);
        if (Files.exists(folder)) {
            migrations.tool().ifPresent(found -> { throw OtherTool.refusal(folder, found); });
            migrations.read();
        }
        if (!migrations.isUnderstood())
            throw new Failure.BadSetting("there is no migration in " + folder
                + ", and what is there is not understood: " + String.join(", ", migrations.skipped),
                "name them VERSION_name.sql, as in 20261122101500_quotes.sql; or, when another tool applies them, "
                + "deploy with --leave-migrations");
        if (!migrations.skipped.isEmpty()) run.console.warn("no migrations, by their names: " + String.join(", ", migrations.skipped) + " (a migration's is VERSION_name.sql)");
        return migrations;
    }

    /**
     * Who else applies what is in a folder: a tool that its files are written for, or that has applied them to a
     * database; empty when they are for this kit.
     *
     * @param session of the database; nothing is changed
     */
    public static Optional<String> others(Settings settings, Path folder, Database session) {
        var migrations = new Migrations(settings, folder);
        if (!Files.exists(folder)) return Optional.empty();
        var tool = migrations.tool();
        if (tool.isPresent()) return tool.map(found -> found.tool().toString());
        migrations.read();
        var skipped = String.join(", ", migrations.skipped);
        if (!migrations.isUnderstood()) return Optional.of("whoever understands " + skipped);
        if (!History.of(session).isEmpty()) return Optional.empty();
        return OtherTool.applied(session, migrations.files).map(OtherTool.Applied::tools);
    }

    private Optional<OtherTool.Found> tool() {
        try {
            return OtherTool.of(folder);
        } catch (IOException | UncheckedIOException e) {
            throw unreadable();
        }
    }

    /** Whether there is a migration among its files, or nothing that looks like one. */
    private boolean isUnderstood() {
        return !files.isEmpty() || skipped.stream().noneMatch(name -> name.endsWith(".sql") && !isFormerInit(name));
    }

    private Failure.BadSetting unreadable() {
        var next = "ls -ld '" + folder + "'; " + settings.where(Setting.MIGRATIONS_DIR);
        return new Failure.BadSetting(folder + " can't be read", next);
    }

    private void read() {
        try (var all = Files.walk(folder, DEPTH)) {
            for (var path : all.filter(Files::isRegularFile).sorted().toList()) {
                var name = folder.relativize(path).toString();
                if (name.contains("/")) {
                    if (name.endsWith(".sql")) skipped.add(name);
                } else if (MigrationFile.FORM.matcher(name).matches() && !(files.isEmpty() && isFormerInit(name))) add(MigrationFile.read(path));
                else skipped.add(name);
            }
        } catch (IOException | UncheckedIOException e) {
            throw unreadable();
        }
    }

    /** What the first versions of the Supabase CLI wrote, and all later ones leave alone. */
    private static boolean isFormerInit(String name) { return name.matches("[0-9]{14}_init\\.sql") && name.compareTo("20211209000000") < 0; }

    private void add(MigrationFile file) {
        if (!files.isEmpty()) {
            var before = files.get(files.size() - 1);
            if (before.version().equals(file.version()))
                throw new Failure.BadSetting(before + " and " + file + " have the same version", "give the newer one a version of its own: git mv");
            if (before.version().length() != file.version().length())
                throw new Failure.BadSetting(before + " and " + file + " have versions of different lengths: by name they sort otherwise than by number", "make them equally long, with zeros in front; those that are applied have to keep theirs");
        }
        files.add(file);
    }

    /**
     * Compares them with what a database says was applied.
     *
     * @param session of the database; nothing is changed
     * @throws Failure.Refused when the two have parted, with the way to bring them together
     */
    public Plan compare(Database session) {
        var applied = History.of(session);
        var known = new TreeSet<>(files.stream().map(MigrationFile::version).toList());
        var elsewhere = applied.keySet().stream().filter(version -> !known.contains(version)).toList();
        if (!elsewhere.isEmpty())
            throw new Failure.Refused("the database has migrations that are not in " + folder + ": " + String.join(", ", elsewhere),
                "take the newest commit: git pull; when somebody has applied them by hand, put their files here, or have them forgotten: supabase migration repair --status reverted " + String.join(" ", elsewhere));
        var edited = files.stream().filter(file -> applied.get(file.version()) != null && !applied.get(file.version()).equals(file.essence())).toList();
        if (!edited.isEmpty())
            throw new Failure.Refused("applied, and edited afterwards, so that the database lacks the edit: " + names(edited),
                "take the edit back and put it into a new migration; when the database is right as it is: supabase migration repair --status applied " + String.join(" ", edited.stream().map(MigrationFile::version).toList()));
        if (applied.isEmpty()) OtherTool.applied(session, files).ifPresent(by -> { throw by.refusal(files); });
        var pending = files.stream().filter(file -> !applied.containsKey(file.version())).toList();
        var last = applied.keySet().stream().reduce("", (before, version) -> version);
        var late = pending.stream().filter(file -> file.version().compareTo(last) < 0).toList();
        if (!late.isEmpty())
            throw new Failure.Refused("older than the last migration of the database, " + last + ", and never applied: " + names(late),
                "give them versions of today, since nobody has tried them behind the others: git mv; the Supabase CLI refuses them too, but for --include-all");
        pending.forEach(MigrationFile::check);
        return new Plan(this, pending, last, Tables.of(session));
    }

    static String names(List<MigrationFile> files) { return String.join(", ", files.stream().map(MigrationFile::fileName).toList()); }
}
