package ops;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.stream.Collectors;

/**
 * The planner's statistics of restored tables, which no archive has. A courtesy: without them the server takes them
 * itself, in time.
 */
public final class Statistics {
    /**
     * Tables, each with its partitions, and materialized views; but none with a foreign table below it, which ANALYZE
     * would connect to: then each of the others by itself. First what takes long: indexed expressions have to be
     * computed; and partitioned ones are taken to be large.
     */
    private static final String TABLES = """
        with recursive below (root, relation) as (select inhparent, inhrelid from pg_inherits
            union select root, inhrelid from below join pg_inherits on inhparent = relation),
          reaching (root) as (select distinct root from below join pg_class c on c.oid = relation where relkind = 'f')
        select n.nspname, c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where c.relkind in ('r', 'p', 'm') and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
          and c.oid not in (select root from reaching)
          and (not c.relispartition
            or exists (select from pg_inherits join reaching on root = inhparent where inhrelid = c.oid))
        order by exists (select from pg_index where indrelid = c.oid and indexprs is not null) desc,
            c.relkind = 'p' desc, pg_total_relation_size(c.oid) desc""";

    private Statistics() { }

    /** Takes those of a database, several at a time. What can't be had is a warning, and the answer false. */
    public static boolean take(Run run, DatabaseUrl url, Settings settings, int jobs) throws Exception {
        return take(run, url, settings, jobs, List.of());
    }

    /** @param some of these tables; empty for all that there are */
    public static boolean take(Run run, DatabaseUrl url, Settings settings, int jobs, List<Snapshot.Table> some)
        throws Exception {
        var left = new ConcurrentLinkedQueue<String>();
        var problems = Collections.synchronizedList(new ArrayList<String>());
        var wanted = some.stream().map(table -> sql(table.schema(), table.name())).collect(Collectors.toSet());
        try {
            try (var session = session(url, settings)) {
                left.addAll(session.rows(TABLES, row -> sql(row[0], row[1])).stream()
                    .filter(table -> wanted.isEmpty() || wanted.contains(table)).toList());
            }
            Steps.sideBySide(jobs, Collections.nCopies(Math.min(jobs, Math.max(1, left.size())), left), tables -> {
                try (var session = session(url, settings)) {
                    for (var table = tables.poll(); table != null; table = tables.poll()) {
                        var complaint = session.attempt("analyze " + table);
                        if (complaint.isPresent()) problems.add(table + ": " + complaint.get().message());
                    }
                }
                return true;
            });
        } catch (Failure e) {
            problems.add(e.getMessage());
        }
        if (!problems.isEmpty())
            run.console.warn("statistics could not be taken everywhere, and the first queries may be slow: "
                + problems.get(0) + (problems.size() > 1 ? ", and " + (problems.size() - 1) + " more" : ""));
        return problems.isEmpty();
    }

    private static String sql(String schema, String name) {
        return Database.quote(schema) + "."
            + Database.quote(name);
    }

    private static Database session(DatabaseUrl url, Settings settings) {
        var session = Database.connect(url, settings, "handover, statistics");
        DatabaseProperties.asWhoConnected(session);
        session.execute("set default_transaction_read_only = off");
        return session;
    }
}
