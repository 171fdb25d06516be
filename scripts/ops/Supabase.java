package ops;

import java.util.ArrayList;
import java.util.List;

/**
 * What a backup does differently on Supabase: the platform owns some schemas, creates them itself in every project, and
 * does not let us restore their definitions. Their rows are ours where the application puts them there.
 *
 * <p>Source: what Supabase's own dump leaves out and keeps, as of November 2026.
 */
public final class Supabase {
    /** Schemas whose definitions belong to the platform; the last ones are patterns of extensions. */
    private static final String PLATFORM = "_analytics|_realtime|_supavisor|auth|etl|extensions|pgbouncer|realtime|storage|supabase_functions|"
        + "supabase_migrations|cron|dbdev|graphql|graphql_public|net|pgmq|pgsodium|pgsodium_masks|pgtle|repack|tiger|tiger_data|topology|vault|"
        + "timescaledb_.*|_timescaledb_.*";
    private static final List<String> WITH_OUR_ROWS = List.of("auth", "storage", "supabase_functions", "cron", "net", "pgmq", "dbdev");
    /** Tables in them that the platform fills itself. */
    static final List<String> PLATFORM_TABLES = List.of("auth.schema_migrations", "storage.migrations", "supabase_functions.migrations");

    private Supabase() { }

    static boolean owns(String schema) { return schema.matches(PLATFORM); }

    /** The platform's schemas that this database has. */
    public static List<String> platformSchemas(Database database) {
        return database.rows("select nspname from pg_namespace where nspname ~ ? order by 1", row -> row[0], "^(" + PLATFORM + ")$");
    }

    /** Those of them that the backup leaves out altogether. */
    static List<String> withoutOurRows(List<String> platformSchemas) {
        return platformSchemas.stream().filter(schema -> !WITH_OUR_ROWS.contains(schema)).toList();
    }

    /** pg_dump's arguments for the rows of ours in the platform's schemas; empty when it has none of these. */
    static List<String> ourRows(List<String> platformSchemas) {
        var ours = platformSchemas.stream().filter(WITH_OUR_ROWS::contains).toList();
        if (ours.isEmpty()) return List.of();
        var arguments = new ArrayList<String>(List.of("--data-only"));
        ours.forEach(schema -> arguments.add("--schema=" + Database.quote(schema)));
        PLATFORM_TABLES.forEach(table -> arguments.add("--exclude-table=" + TableName.parse(table).sql()));
        return arguments;
    }
}
