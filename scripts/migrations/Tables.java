package migrations;

import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import ops.Database;

/**
 * What a database has before migrations change it.
 *
 * @param bytes of each table and materialized view, by SCHEMA.NAME; views have none
 * @param schemas in which names without a schema are looked up
 */
record Tables(Map<String, Long> bytes, List<String> schemas, String searchPath, List<Index> invalidIndexes) {
    /** @param quoted SCHEMA.NAME as SQL writes it */
    record Index(String name, String quoted) { }

    static Tables of(Database session) {
        var kept = session.one("select pg_catalog.current_setting('search_path')");
        session.execute("reset search_path");
        var path = session.one("select pg_catalog.current_setting('search_path')");
        var schemas = session.rows("select pg_catalog.unnest(pg_catalog.current_schemas(false))", row -> row[0]);
        session.rows("select pg_catalog.set_config('search_path', ?, false)", row -> row[0], kept);
        var bytes = new HashMap<String, Long>();
        session.rows("""
            select n.nspname || '.' || c.relname, case when c.relkind in ('r', 'm') then pg_catalog.pg_total_relation_size(c.oid) else 0 end
            from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
            where c.relkind in ('r', 'p', 'm', 'v', 'f') and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'""", row -> bytes.put(row[0], Long.valueOf(row[1])));
        var invalid = session.rows("""
            select c.relname, pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname)
            from pg_catalog.pg_index i join pg_catalog.pg_class c on c.oid = i.indexrelid join pg_catalog.pg_namespace n on n.oid = c.relnamespace
            where not i.indisvalid and c.relkind = 'i' and not exists (select from pg_catalog.pg_stat_progress_create_index p where p.index_relid = c.oid) order by 2""", row -> new Index(row[0], row[1]));
        return new Tables(bytes, schemas, path, invalid);
    }

    /** Its size; empty when there is none of that name, as SQL writes it. */
    Optional<Long> size(String name) {
        var parts = name.split("\\.(?=(?:[^\"]*\"[^\"]*\")*[^\"]*$)");
        var table = plain(parts[parts.length - 1]);
        if (parts.length > 1) return Optional.ofNullable(bytes.get(plain(parts[parts.length - 2]) + "." + table));
        return schemas.stream().map(schema -> bytes.get(schema + "." + table)).filter(size -> size != null).findFirst();
    }

    /** A name as SQL writes it, as the server keeps it. */
    static String plain(String name) { return name.startsWith("\"") ? name.substring(1, name.length() - 1).replace("\"\"", "\"") : name.toLowerCase(Locale.ROOT); }
}
