package migrations;

import java.io.IOException;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;
import ops.Console;
import ops.Database;
import ops.Failure;
import ops.PlainTable;

/** A tool whose migrations are no plain SQL, or have what undoes them beside what does: it applies them itself. */
enum OtherTool {
    /** With versions of 14 digits its files may as well be for the Supabase CLI: then its table decides. */
    DRIZZLE("Drizzle", "npx drizzle-kit migrate", "meta/[0-9]{4}_snapshot\\.json|[^/]+/snapshot\\.json",
        null, "*.__drizzle_migrations.hash"),
    PRISMA("Prisma", "npx prisma migrate deploy", "migration_lock\\.toml|[^/]+/migration\\.sql",
        null, "public._prisma_migrations.migration_name"),
    FLYWAY("Flyway", "flyway migrate", "(?:.+/)?(?:[VUB][0-9][0-9._]*|R)__[^/]*\\.sql",
        null, "public.flyway_schema_history.installed_rank"),
    DBMATE("dbmate", "dbmate up", null, "--\\s*migrate:(?:up|down)\\b", Names.SHARED),
    GOOSE("goose", "goose up", null, "--\\s*\\+goose\\s", "public.goose_db_version.version_id"),
    SQL_MIGRATE("sql-migrate", "sql-migrate up", null, "--\\s*\\+migrate\\s", "public.gorp_migrations.id"),
    NODE_PG_MIGRATE("node-pg-migrate", "npx node-pg-migrate up",
        null, "\\s*--[\\s-]*(?:up|down)\\s+migration\\b", "public.pgmigrations.run_on"),
    TERN("tern", "tern migrate", null, "----\\s*create above / drop below", "public.schema_version.version"),
    MYBATIS("MyBatis Migrations", "migrate up", null, "--\\s*//\\s*@UNDO\\b", "public.changelog.applied_at"),
    LIQUIBASE("Liquibase", "liquibase update",
        null, "--\\s*liquibase formatted sql|.*<databaseChangeLog\\b|\"?databaseChangeLog\"?:",
        "public.databasechangelog.md5sum"),
    SQITCH("Sqitch", "sqitch deploy", "sqitch\\.(?:plan|conf)|(?:deploy|revert|verify)/[^/]+\\.sql",
        "--\\s*(?:Deploy|Revert|Verify) \\S+ (?:to|from|on) pg\\b", "sqitch.changes.change_id"),
    /** Its files are plain ones: its table decides. */
    ATLAS("Atlas", "atlas migrate apply", null, null, "*.atlas_schema_revisions.version"),
    /** Its files are plain ones too. */
    POSTGRES_MIGRATIONS("postgres-migrations", "pg-migrate up, or as the application does",
        null, null, "public.migrations.hash"),
    GRAPHILE("Graphile Migrate", "npx graphile-migrate migrate",
        null, "--! Previous: ", "graphile_migrate.migrations.hash"),
    DIESEL("Diesel or Hasura", "diesel migration run, or hasura migrate apply",
        "(?:.+/)?[^/]+/(?:up|down)\\.sql", null, "public.__diesel_schema_migrations.run_on"),
    POSTGRATOR("Postgrator", "npx postgrator",
        "[0-9]+\\.(?:do|undo)\\..*sql", null, "public.schemaversion.run_at"),
    YOYO("yoyo", "yoyo apply", ".+\\.rollback\\.sql", null, "public._yoyo_migration.migration_hash"),
    GOLANG_MIGRATE("golang-migrate or sqlx", "migrate up, or sqlx migrate run", "[0-9]+_.*\\.(?:up|down)\\.sql",
        null, Names.SHARED, "public._sqlx_migrations.version"),
    KNEX("Knex", "npx knex migrate:latest",
        null, "\\s*exports\\.up\\s*=.*\\bknex\\b|.*\\bfunction up\\s*\\(knex\\b",
        "public.knex_migrations.migration_time"),
    PROGRAMS("a tool whose migrations are programs", "as the application's own instructions say",
        "[0-9V][^/]*\\.(?:[cm]?[jt]s|go|java|kt|cs)|[^/]+\\.(?:py|rb|php|exs)", null),
    UNKNOWN("another tool", "as the application's own instructions say",
        null, "\\s*--[^\\w\\n]*(?:(?:rambler|micrate) )?(?:downs?|undo|revert|rollback)"
            + "(?: (?:migration|script|section|part))?[^\\w\\n]*$");

    /** Of a file no more than this is looked through. */
    private static final int LOOKED_AT = 4 << 20;
    private static final int DEPTH = 3, SHOWN = 5;

    /** What the constants need before the class is there. */
    private static final class Names {
        /** Of dbmate, golang-migrate, Rails and others. */
        static final String SHARED = "public.schema_migrations.version";
    }

    /** @param where as in "V1__init.sql" or "1_a.sql, line 3" */
    record Found(OtherTool tool, String where) { }

    private final String words;
    private final Pattern path;
    private final Pattern line;
    private final String command;
    /** Tables of what was applied: SCHEMA.NAME.COLUMN, with a column that makes it this tool's; * for any schema. */
    private final List<String> histories;

    /**
     * @param command that applies them
     * @param path of a file within the folder; null where it says nothing
     * @param line how a line of one begins; null where none says anything
     */
    OtherTool(String words, String command, String path, String line, String... histories) {
        this.words = words;
        this.path = path == null ? null : Pattern.compile(path);
        var anywhere = Pattern.CASE_INSENSITIVE | Pattern.MULTILINE;
        this.line = line == null ? null : Pattern.compile("^(?:" + line + ")", anywhere);
        this.command = command;
        this.histories = List.of(histories);
    }

    /** The tool that a folder's files are written for; empty where they are plain ones, or the folder is not there. */
    static Optional<Found> of(Path folder) throws IOException {
        if (!Files.isDirectory(folder)) return Optional.empty();
        var names = new ArrayList<String>();
        try (var all = Files.walk(folder, DEPTH)) {
            all.filter(Files::isRegularFile).sorted().forEach(file -> names.add(folder.relativize(file).toString()));
        }
        var plain = names.stream().anyMatch(name -> MigrationFile.FORM.matcher(name).matches());
        for (var tool : values()) {
            if ((tool == PROGRAMS || tool == DIESEL) && plain) continue; // helpers beside them
            for (var name : names) {
                var where = tool.where(folder, name);
                if (where.isPresent()) return Optional.of(new Found(tool, where.get()));
            }
        }
        return Optional.empty();
    }

    /** Where a file says that it is this tool's; empty when it does not. */
    private Optional<String> where(Path folder, String name) throws IOException {
        if (path != null && path.matcher(name).matches()) return Optional.of(name);
        if (line == null || !name.matches(".*\\.(sql|[cm]?[jt]s|xml|ya?ml|json)")) return Optional.empty();
        var text = beginning(folder.resolve(name));
        var marker = line.matcher(text);
        if (!marker.find() || this == UNKNOWN && !executes(text.substring(marker.end()))) return Optional.empty();
        var before = text.substring(0, marker.start()).chars().filter(c -> c == '\n').count();
        return Optional.of(name + ", line " + (before + 1));
    }

    /** Whether there is anything but comments in it. */
    private static boolean executes(String sql) {
        return Statements.of(sql).stream().anyMatch(statement -> !statement.isComment());
    }

    private static String beginning(Path file) throws IOException {
        try (var in = Files.newInputStream(file)) {
            return new String(in.readNBytes(LOOKED_AT), StandardCharsets.UTF_8);
        }
    }

    /** What is to be done about it. */
    static Failure.BadSetting refusal(Path folder, Found found) {
        var next = found.tool == UNKNOWN ? "take the part that undoes it out of the files (a comment in other"
            + " words does no harm); or apply them by that tool, and deploy with --leave-migrations"
            : "have deploy rehearse and apply them by its own command (" + found.tool.command
            + "): MIGRATE_COMMAND; or apply them yourself, and deploy with --leave-migrations; MIGRATIONS_DIR names a"
            + " folder of plain files VERSION_name.sql";
        return new Failure.BadSetting(folder + " is written for " + found.tool + ": " + found.where + "; executed as"
            + " plain SQL, its files would do something else, or be undone by what undoes them", next);
    }

    @Override public String toString() { return words; }

    /** @param tools in words: several keep a table of the same name */
    record Applied(String tools, String table) {
        Failure.Refused refusal(List<MigrationFile> files) {
            var versions = files.stream().map(MigrationFile::version).limit(SHOWN).toList();
            return new Failure.Refused(tools + " has applied migrations to this database (" + table + "), and the table"
                + " by which this kit goes, supabase_migrations.schema_migrations, has none: what is applied would be"
                + " executed again, on top of the data",
                "have deploy apply them by that tool: MIGRATE_COMMAND; or apply them by it yourself, and deploy with"
                + " --leave-migrations; or, to go on with this kit, record those"
                + " that are applied: supabase migration repair --status applied " + String.join(" ", versions)
                + (files.size() > SHOWN ? " ..." : ""));
        }
    }

    /**
     * What another tool has applied to a database, by its own record of it; empty when none has.
     *
     * @param session of the database, in no transaction
     * @param files that are in no record of ours, in order
     */
    static Optional<Applied> applied(Database session, List<MigrationFile> files) {
        if (files.isEmpty()) return Optional.empty();
        var known = Arrays.stream(values()).flatMap(tool -> tool.histories.stream()).distinct().toArray(String[]::new);
        var there = session.rows("""
            select history, n.nspname, c.relname, a.attname from unnest(?::text[]) as history
            join pg_catalog.pg_class c on c.relname = split_part(history, '.', 2)
            join pg_catalog.pg_namespace n on n.oid = c.relnamespace and split_part(history, '.', 1) in ('*', n.nspname)
            join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
                and a.attname = split_part(history, '.', 3)
            where c.relkind in ('r', 'p') order by 1, 2""", row -> row, (Object) known);
        return there.stream().filter(row -> holds(session, row, files)).findFirst()
            .map(row -> applied(row[0], row[1] + "." + row[2]));
    }

    private static Applied applied(String history, String table) {
        var tools = Arrays.stream(values()).filter(tool -> tool.histories.contains(history)).map(OtherTool::toString);
        return new Applied(String.join(" or ", tools.toList()), Console.plain(table));
    }

    /**
     * Whether a tool's table has a row, but for the version 0 with which some begin. One that several tools, and
     * applications, keep under this name counts where it is at the first of the files or behind it.
     *
     * @param there as it is known, then schema, name and column as they are
     */
    private static boolean holds(Database session, String[] there, List<MigrationFile> files) {
        var table = new PlainTable(session, there[1], there[2]);
        var shared = there[0].equals(Names.SHARED);
        if (!table.isReadable()) return !shared;
        var first = new BigInteger(files.get(0).version());
        var held = new boolean[1];
        table.read(List.of(there[3]), row -> {
            held[0] |= shared ? row[0] != null && isFrom(first, row[0]) : !"0".equals(row[0]);
            return false;
        });
        return held[0];
    }

    private static boolean isFrom(BigInteger first, String version) {
        return version.matches("[0-9]+") && new BigInteger(version).compareTo(first) >= 0;
    }
}
