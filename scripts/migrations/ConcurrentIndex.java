package migrations;

import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import ops.Database;

/**
 * A CREATE INDEX CONCURRENTLY. It can't be undone by a rollback: what a run that was killed has left of it is looked for
 * before it is tried again.
 *
 * @param name as the server keeps it
 * @param table as SQL writes it
 * @param unique whether it is to be
 * @param columns the rest of the definition, spelt as {@link #spelling}
 */
record ConcurrentIndex(String name, String table, boolean unique, String columns) {
    private static final String NAME = "\"(?:[^\"]|\"\")+\"|[\\p{L}_][\\p{L}\\p{N}_$]*";
    private static final Pattern FORM = Pattern.compile("(?is)CREATE (UNIQUE )?INDEX CONCURRENTLY (?:IF NOT EXISTS )?(" + NAME + ") ON (?:ONLY )?((?:(?:" + NAME + ")\\s*\\.\\s*)?(?:" + NAME + "))(.*)");

    /** What is there under its name. */
    enum There { NOTHING, THE_SAME, ANOTHER, INVALID, BEING_BUILT }

    static Optional<ConcurrentIndex> of(Statement statement) {
        var form = FORM.matcher(statement.words());
        if (!form.matches()) return Optional.empty();
        var whole = FORM.matcher(statement.text().replaceAll("--[^\n]*|/\\*.*?\\*/", " ").strip().replaceAll("\\s+", " "));
        return Optional.of(new ConcurrentIndex(Tables.plain(form.group(2)), form.group(3).replaceAll(" ?\\. ?", "."), form.group(1) != null, spelling(whole.matches() ? whole.group(4) : form.group(4))));
    }

    /** Without brackets, casts, blanks and what is so without being said: in these a server's own wording differs. */
    private static String spelling(String definition) {
        return definition.toLowerCase(Locale.ROOT).replaceAll("^\\s*using btree|::[a-z_ ]+(\\[])?|\\basc\\b|[\\s()\"]", "").replaceAll("tablespace.*", "");
    }

    /** @param session whose search path finds the table */
    There there(Database session) {
        var found = rows(session, """
            select i.indisvalid, i.indrelid = t.oid, i.indisunique, c.oid, exists (select from pg_catalog.pg_stat_progress_create_index p where p.index_relid = c.oid)
            from pg_catalog.pg_class t join pg_catalog.pg_class c on c.relnamespace = t.relnamespace join pg_catalog.pg_index i on i.indexrelid = c.oid
            where t.oid = ?::pg_catalog.oid and c.relname = ?""");
        if (found.isEmpty()) return There.NOTHING;
        var row = found.get(0);
        if (row[4].equals("t")) return There.BEING_BUILT;
        if (row[0].equals("f")) return There.INVALID;
        // With the names as the session's search path has them, like the migration's.
        var definition = session.one("select pg_catalog.pg_get_indexdef(?::pg_catalog.oid)", row[3]).replaceFirst("(?is).*? ON (?:ONLY )?(?:" + NAME + ")\\.(?:" + NAME + ")", "");
        return row[1].equals("t") && row[2].equals(unique ? "t" : "f") && spelling(definition).equals(columns) ? There.THE_SAME : There.ANOTHER;
    }

    /** Asks of the table, which the session's search path finds; of operators and functions the server's own alone are found. */
    private List<String[]> rows(Database session, String sql) {
        var oid = session.one("select pg_catalog.to_regclass(?)::pg_catalog.oid", sqlTable());
        var kept = session.one("select pg_catalog.current_setting('search_path')");
        session.execute("set search_path = pg_catalog");
        try {
            return session.rows(sql, row -> row, oid, name);
        } finally {
            session.rows("select pg_catalog.set_config('search_path', ?, false)", row -> row, kept);
        }
    }

    /** Unquoted names are in capitals here. */
    private String sqlTable() {
        return Stream.of(table.split("\\.(?=(?:[^\"]*\"[^\"]*\")*[^\"]*$)")).map(part -> Database.quote(Tables.plain(part))).collect(Collectors.joining("."));
    }

    /** Its name as SQL writes it, when it is there and not valid. */
    Optional<String> quotedIfInvalid(Database session) {
        return rows(session, """
            select pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname)
            from pg_catalog.pg_class t join pg_catalog.pg_namespace n on n.oid = t.relnamespace join pg_catalog.pg_class c on c.relnamespace = n.oid join pg_catalog.pg_index i on i.indexrelid = c.oid
            where t.oid = ?::pg_catalog.oid and c.relname = ? and not i.indisvalid""").stream().map(row -> row[0]).findFirst();
    }
}
