package rows;

import java.io.IOException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import ops.Amount;
import ops.Database;
import ops.DatabaseProperties;
import ops.DatabaseUrl;
import ops.Failure;
import ops.Fate;
import ops.Run;
import ops.Setting;
import ops.Settings;
import ops.TableName;
import rows.BackedUp.Found;
import rows.Table.Column;
import rows.Table.ForeignKey;

/**
 * The one transaction that puts rows back. It holds the tables against other writers, so what it has counted is so until
 * it is committed, and undoes itself when the session ends before.
 *
 * <p>Only rows come from the backup, as COPY's data into temporary tables with the columns' own types. The role's own
 * search_path stays, since check constraints may rely on it; all that is said here is qualified.
 */
public final class Putting implements AutoCloseable {
    /** A trigger that would run for each row, as it is switched on. */
    private record Trigger(TableName on, String name, boolean always) {
        String disabled() { return "alter table only " + on.sql() + " disable trigger " + Database.quote(name); }

        String enabled() { return "alter table only " + on.sql() + " enable " + (always ? "always " : "") + "trigger " + Database.quote(name); }

        @Override public String toString() { return name + " of " + on; }
    }

    /** What is put into one table, and where it waits. */
    private record Share(Found found, List<Column> columns, String waiting, List<Trigger> triggers) {
        Table table() { return found.table(); }

        List<String> names() { return columns.stream().map(Column::name).toList(); }

        /** Columns that a row that is there can be given. */
        List<Column> changeable() { return columns.stream().filter(column -> !column.fixed() && !table().key().contains(column.name())).toList(); }

        String waitingValue(String column) { return "w.c" + names().indexOf(column); }

        /** That a row of the table is the one that waits, by its key. */
        String isSame() {
            return table().key().stream().map(name -> equal("t." + Database.quote(name), waitingValue(name), columns.get(names().indexOf(name)))).collect(Collectors.joining(" and "));
        }

        /** Types of others are compared by their text: an operator of their name may be anybody's. */
        private static String equal(String one, String other, Column column) {
            return column.plain().equals("text") ? one + "::pg_catalog.text operator(pg_catalog.=) " + other + "::pg_catalog.text" : one + " operator(pg_catalog.=) " + other;
        }

        /** That it has the values that wait. */
        String isEqual(List<Column> these) {
            return "row(" + these.stream().map(column -> "t." + Database.quote(column.name())).collect(Collectors.joining(", ")) + ")::pg_catalog.text operator(pg_catalog.=) row("
                + these.stream().map(column -> waitingValue(column.name())).collect(Collectors.joining(", ")) + ")::pg_catalog.text";
        }
    }

    private static final int FOR_INSERT = 4, FOR_UPDATE = 16;
    private static final String RULE_FOR_INSERT = "3", RULE_FOR_UPDATE = "2";
    private static final String TRIGGERS = """
        select n.nspname, c.relname, g.tgname, g.tgenabled = 'A'
        from pg_catalog.pg_trigger g join pg_catalog.pg_class c on c.oid = g.tgrelid join pg_catalog.pg_namespace n on n.oid = c.relnamespace
        where g.tgrelid in (select relid from pg_catalog.pg_partition_tree(?::pg_catalog.oid) union all select ?::pg_catalog.oid)
        and not g.tgisinternal and g.tgenabled in ('O', 'A') and g.tgtype::int & ? <> 0 order by 1, 2, 3""";
    private static final String RULES = """
        select rulename from pg_catalog.pg_rewrite
        where ev_class = ?::pg_catalog.oid and ev_enabled <> 'D' and pg_catalog.strpos(?, ev_type::pg_catalog.text) > 0 order by 1""";
    /** Of identities and serials, and of defaults: which column takes its numbers from which sequence. */
    private static final String SEQUENCES = """
        select distinct n.nspname, s.relname, a.attname, q.seqincrement, q.seqmin, q.seqmax, pg_catalog.pg_has_role(s.relowner, 'usage')
        from pg_catalog.pg_class s join pg_catalog.pg_namespace n on n.oid = s.relnamespace join pg_catalog.pg_sequence q on q.seqrelid = s.oid
        join (
            select objid as sequence, refobjid as relation, refobjsubid::int as number from pg_catalog.pg_depend
            where classid = 'pg_catalog.pg_class'::pg_catalog.regclass and refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass and deptype in ('a', 'i')
            union all select d.refobjid, e.adrelid, e.adnum::int from pg_catalog.pg_depend d join pg_catalog.pg_attrdef e on e.oid = d.objid
            where d.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass and d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass) of on of.sequence = s.oid
        join pg_catalog.pg_attribute a on a.attrelid = of.relation and a.attnum = of.number
        where s.relkind = 'S' and of.relation = ?::pg_catalog.oid
        and a.atttypid in ('int2'::pg_catalog.regtype, 'int4'::pg_catalog.regtype, 'int8'::pg_catalog.regtype)""";
    /** Of every table, by its whole where it is a partition: what this transaction has done. */
    private static final String DONE = """
        select coalesce(pg_catalog.pg_partition_root(s.relid)::pg_catalog.oid, s.relid), min(s.schemaname::text), min(s.relname::text),
            sum(s.n_tup_ins), sum(s.n_tup_upd), sum(s.n_tup_del)
        from pg_catalog.pg_stat_xact_user_tables s join pg_catalog.pg_class c on c.oid = s.relid
        where c.relpersistence <> 't' and s.n_tup_ins + s.n_tup_upd + s.n_tup_del > 0 group by 1""";

    private final Run run;
    private final Settings settings;
    private final Database session;
    private final List<ForeignKey> foreignKeys;
    private final boolean firing;
    private final List<Share> shares = new ArrayList<>();
    private final Map<Table, Long> inserted = new LinkedHashMap<>();
    private final Map<Table, Long> overwritten = new LinkedHashMap<>();
    private String transaction;

    /**
     * Looks whether it can be done, and changes nothing.
     *
     * @param firing whether triggers run for the rows
     * @throws Failure.BadSetting when the role may not
     * @throws Failure.Refused when more would happen than that rows are put back
     */
    public Putting(Run run, Settings settings, DatabaseUrl url, BackedUp rows, List<Found> found, List<ForeignKey> foreignKeys, boolean firing) {
        this.run = run;
        this.settings = settings;
        this.foreignKeys = foreignKeys;
        this.firing = firing;
        session = Database.connect(url, settings, "handover rows " + settings.env);
        run.undo.add("close the session", session::close);
        DatabaseProperties.asWhoConnected(session);
        for (var each : inOrder(found)) shares.add(share(rows, each));
    }

    private Share share(BackedUp rows, Found found) {
        var table = found.table();
        var triggers = check(session, settings, table, found.missing() > 0, found.overwritten() > 0, firing);
        var lacking = found.missing() == 0 ? List.of() : rows.lacking(table);
        if (!lacking.isEmpty()) throw new Failure.Refused(table + " has columns that must have a value and that the backup does not know: " + lacking, "give them a default for a moment: ALTER TABLE " + table.name().sql() + " ALTER COLUMN … SET DEFAULT …; then run it again");
        var written = rows.written(table).stream().map(name -> table.column(name).orElseThrow()).toList();
        return new Share(found, written, "pg_temp.\"handover rows " + table.oid() + "\"", triggers);
    }

    /**
     * Looks whether rows can be written to a table, and nothing else would happen. It changes nothing.
     *
     * @param inserting whether rows come to it
     * @param updating whether rows of it are changed
     * @param firing whether triggers run for the rows
     * @return the triggers that would run
     */
    private static List<Trigger> check(Database session, Settings settings, Table table, boolean inserting, boolean updating, boolean firing) {
        var may = session.one("select pg_catalog.has_table_privilege(c.oid, 'select') and pg_catalog.has_table_privilege(c.oid, 'insert') and pg_catalog.has_table_privilege(c.oid, 'update') "
            + "from pg_catalog.pg_class c where c.oid = ?::pg_catalog.oid", table.oid());
        var anotherRole = "name another role: " + settings.where(Setting.DATABASE_URL);
        Target.refusePolicies(session, settings, table);
        if (may.equals("f"))
            throw new Failure.BadSetting("role " + session.url.user + " may not write to " + table, "as its owner: GRANT SELECT, INSERT, UPDATE ON " + table.name().sql() + " TO " + Database.quote(session.url.user) + "; or " + anotherRole);
        var rules = session.rows(RULES, row -> row[0], table.oid(), (inserting ? RULE_FOR_INSERT : "") + (updating ? RULE_FOR_UPDATE : ""));
        if (!rules.isEmpty()) throw new Failure.Refused("rules of " + table + " would rewrite what is written to it: " + String.join(", ", rules), "have a developer put these rows back by hand: ./jbang restore-db --env scratch --from " + settings.env + " --table " + table);
        var events = (inserting ? FOR_INSERT : 0) | (updating ? FOR_UPDATE : 0);
        var triggers = session.rows(TRIGGERS, row -> new Trigger(new TableName(row[0], row[1]), row[2], row[3].equals("t")), table.oid(), table.oid(), events).stream().distinct().toList();
        if (!firing && !triggers.isEmpty() && !table.owned())
            throw new Failure.BadSetting("role " + session.url.user + " is not the owner of " + table + ", and can't keep its triggers from running: " + triggers, anotherRole + "; or let them run: --fire-triggers");
        return triggers;
    }

    /** The same for the table that was asked for, before anything takes time. */
    public static void check(Database session, Settings settings, Table table, boolean updating, boolean firing) { check(session, settings, table, true, updating, firing); }

    /** Those that others point to come first, where that is possible. */
    private List<Found> inOrder(List<Found> found) {
        var left = new LinkedHashSet<>(found.stream().filter(Found::isToDo).toList());
        var ordered = new ArrayList<Found>();
        while (!left.isEmpty()) {
            var ready = left.stream().filter(each -> pointsToNone(each, left)).toList();
            var next = ready.isEmpty() ? List.copyOf(left) : ready;
            ordered.addAll(next);
            next.forEach(left::remove);
        }
        return ordered;
    }

    private boolean pointsToNone(Found found, Set<Found> others) {
        var oid = found.table().oid();
        return others.stream().filter(other -> other != found).noneMatch(other -> foreignKeys.stream().anyMatch(key -> key.child().equals(oid) && key.parent().equals(other.table().oid())));
    }

    /** The triggers that would run, in words; empty without any. */
    public String triggers() { return shares.stream().flatMap(share -> share.triggers.stream()).map(Trigger::toString).collect(Collectors.joining(", ")); }

    /**
     * Puts the rows there, seen by nobody else yet.
     *
     * @return how many in which tables, in words
     */
    public String put(BackedUp rows) throws IOException {
        session.execute("begin isolation level read committed read write; set local lock_timeout = '" + settings.number(Setting.DB_LOCK_SECONDS) + "s'; set local datestyle = 'ISO'; set local intervalstyle = 'postgres'; set local xmloption = content");
        transaction = session.one("select pg_catalog.txid_current()");
        if (!session.one("select pg_catalog.current_setting('session_replication_role')").equals("origin"))
            throw new Failure.BadSetting("role " + session.url.user + " has session_replication_role set: no foreign key would be looked at", "ALTER ROLE " + Database.quote(session.url.user) + " RESET session_replication_role; or, where the database sets it, ALTER DATABASE … RESET");
        for (var share : shares) hold(share);
        for (var share : shares) bring(rows, share);
        if (!firing) triggers(Trigger::disabled);
        try {
            for (var some : together()) insert(some);
        } catch (Failure.ToolFailed e) {
            if (!e.getMessage().contains("duplicate key")) throw e;
            throw new Failure.ToolFailed(e.getMessage(), "another row has taken that value since: change it there, or choose without this row: --where \"… and id <> …\"");
        }
        for (var share : shares) if (share.found.overwritten() > 0) overwrite(share);
        session.execute("set constraints all immediate");
        if (!firing) triggers(Trigger::enabled);
        for (var share : shares) if (share.found.missing() > 0) raiseSequences(share);
        return words();
    }

    private void triggers(java.util.function.Function<Trigger, String> statement) { for (var share : shares) for (var trigger : share.triggers) session.execute(statement.apply(trigger)); }

    /** Nobody else writes to it from here on, and it is what it was when it was looked at. */
    private void hold(Share share) {
        session.execute("lock table " + share.table().from() + " in share row exclusive mode");
        if (!Target.describe(session, share.table().oid(), share.table().name()).equals(share.table()))
            throw new Failure.Failed("somebody has changed table " + share.table() + " since it was looked at", "run it again");
    }

    private void bring(BackedUp rows, Share share) throws IOException {
        session.execute("create temp table " + share.waiting.replace("pg_temp.", "") + " (replaces boolean" + IntStream.range(0, share.columns.size()).mapToObj(i -> ", c" + i + " " + share.columns.get(i).type()).collect(Collectors.joining()) + ") on commit drop");
        session.copyIn("copy " + share.waiting + " from stdin (encoding " + Database.literal(rows.encoding()) + ")", to -> rows.rows(share.table(), to), new AtomicLong());
        if (share.table().key().isEmpty() || !share.names().containsAll(share.table().key())) return;
        // What somebody has put back in the meantime is there.
        session.execute("delete from " + share.waiting + " w where not w.replaces and exists (select from " + share.table().from() + " t where " + share.isSame() + ")");
    }

    /** Tables one by one; those that point to each other in one statement, at whose end foreign keys are looked at. */
    private List<List<Share>> together() {
        var together = new ArrayList<List<Share>>();
        var done = new HashSet<Share>();
        for (var share : shares) {
            if (done.contains(share)) continue;
            var left = shares.stream().filter(each -> !done.contains(each)).toList();
            var alone = pointsToNone(share.found, left.stream().map(Share::found).collect(Collectors.toSet()));
            var some = alone ? List.of(share) : left;
            together.add(some);
            done.addAll(some);
        }
        return together;
    }

    private void insert(List<Share> some) {
        var statement = new StringBuilder();
        for (var i = 0; i < some.size(); i++) {
            var share = some.get(i);
            statement.append(i == 0 ? "with " : ", ").append("i").append(i).append(" as (insert into ").append(share.table().name().sql()).append(" (").append(Table.quoted(share.names())).append(") overriding system value select ")
                .append(share.names().stream().map(share::waitingValue).collect(Collectors.joining(", "))).append(" from ").append(share.waiting).append(" w where not w.replaces returning 1)");
        }
        statement.append(" select ").append(IntStream.range(0, some.size()).mapToObj(i -> "(select pg_catalog.count(*) from i" + i + ")").collect(Collectors.joining(", ")));
        var counts = session.rows(statement.toString(), row -> row).get(0);
        for (var i = 0; i < some.size(); i++) inserted.put(some.get(i).table(), Long.valueOf(counts[i]));
    }

    private void overwrite(Share share) {
        var table = share.table();
        if (share.changeable().isEmpty()) return;
        var count = session.one("with u as (update " + table.from() + " t set " + share.changeable().stream().map(column -> Database.quote(column.name()) + " = " + share.waitingValue(column.name())).collect(Collectors.joining(", "))
            + " from " + share.waiting + " w where w.replaces and " + share.isSame() + " returning 1) select pg_catalog.count(*) from u");
        overwritten.put(table, Long.valueOf(count));
    }

    /** A number that a row has come back with is given to nobody again. Numbers only ever rise here, and nobody takes one meanwhile. */
    private void raiseSequences(Share share) {
        for (var row : session.rows(SEQUENCES, row -> row, share.table().oid())) {
            if (!share.names().contains(row[2])) continue;
            var sequence = new TableName(row[0], row[1]);
            var step = Long.parseLong(row[3]);
            var last = session.one("select pg_catalog." + (step > 0 ? "max" : "min") + "(" + share.waitingValue(row[2]) + ") from " + share.waiting + " w where not w.replaces");
            if (last == null || !isBehind(sequence, step, Long.parseLong(last))) continue;
            if (Long.parseLong(last) > Long.parseLong(row[5]) - Math.max(step, 0) || Long.parseLong(last) < Long.parseLong(row[4]) - Math.min(step, 0)) continue; // it can never come there
            var next = Long.parseLong(last) + step;
            if (row[6].equals("f"))
                throw new Failure.Failed("sequence " + sequence + " would give " + last + " again, which a row of " + share.table() + " comes back with", "as its owner: ALTER SEQUENCE " + sequence.sql() + " RESTART WITH " + next + "; then run it again");
            session.execute("alter sequence " + sequence.sql() + " increment by " + step); // as it is: for its lock
            if (isBehind(sequence, step, Long.parseLong(last))) session.execute("alter sequence " + sequence.sql() + " restart with " + next);
        }
    }

    private boolean isBehind(TableName sequence, long step, long number) {
        var state = session.rows("select last_value, is_called from " + sequence.sql(), row -> row).get(0);
        var last = Long.parseLong(state[0]);
        return step > 0 ? last < number || last == number && state[1].equals("f") : last > number || last == number && state[1].equals("f");
    }

    /**
     * Compares the rows with the backup's, and what this transaction has done to tables with what it was to do.
     *
     * @return what was compared, in words
     * @throws Failure.Failed when anything else has changed, or a row is otherwise; nothing is committed then
     */
    public String compare() {
        for (var share : shares) compareRows(share);
        if (session.one("select pg_catalog.current_setting('track_counts')").equals("off")) return "rows as in the backup; the server does not count what else a transaction changes: track_counts is off";
        var done = session.rows(DONE, row -> row);
        var others = new ArrayList<>(done.stream().filter(row -> !isExpected(row)).map(row -> new TableName(row[1], row[2]) + " (" + row[3] + " inserted, " + row[4] + " updated, " + row[5] + " deleted)").toList());
        for (var share : shares) if (count(share.table()) > 0 && done.stream().noneMatch(row -> row[0].equals(share.table().oid()))) others.add(share.table() + " (nothing)");
        if (others.isEmpty()) return "rows as in the backup; nothing else has changed in any table";
        if (firing) return "triggers have changed more: " + String.join(", ", others);
        throw new Failure.Failed("more would change than the rows that are put back: " + String.join(", ", others), "see which constraint or trigger of the table does that; nothing was committed");
    }

    private boolean isExpected(String[] done) {
        return shares.stream().map(Share::table).filter(table -> table.oid().equals(done[0]))
            .anyMatch(table -> done[3].equals(String.valueOf(inserted.getOrDefault(table, 0L))) && done[4].equals(String.valueOf(overwritten.getOrDefault(table, 0L))) && done[5].equals("0"));
    }

    private void compareRows(Share share) {
        if (share.table().key().isEmpty() || !share.names().containsAll(share.table().key())) return;
        for (var replaces : List.of(false, true)) {
            var these = replaces ? share.changeable() : share.columns;
            var waiting = " from " + share.waiting + " w" + (replaces ? " where w.replaces" : " where not w.replaces");
            var there = session.one("select pg_catalog.count(*) from " + share.waiting + " w join " + share.table().from() + " t on " + share.isSame() + " where " + (replaces ? "" : "not ") + "w.replaces"
                + (these.isEmpty() ? "" : " and " + share.isEqual(these)));
            var wanted = session.one("select pg_catalog.count(*)" + waiting);
            if (there.equals(wanted)) continue;
            var what = Amount.count(Long.parseLong(wanted) - Long.parseLong(there), "row") + " of " + share.table() + " would not be as in the backup";
            if (!firing) throw new Failure.Failed(what, "see what its constraints, domains and partitions do to a row that is written");
            run.console.warn(what + ": its triggers have changed them");
        }
    }

    /** Commits. Whoever looked at it before sees all of the rows from then on. */
    public void commit() throws InterruptedException {
        run.state("the rows are either all there or none of them; it is not known which");
        try {
            session.execute("commit");
        } catch (Failure.ToolFailed e) {
            if (Fate.isCommitted(session.url, settings, "handover rows " + settings.env, transaction)) return;
            run.state("the database of '" + settings.env + "' is as it was");
            throw e;
        }
    }

    /** How many rows were put into a table, or are as in the backup again. */
    public long count(Table table) { return inserted.getOrDefault(table, 0L) + overwritten.getOrDefault(table, 0L); }

    /** The same of all tables, in words. */
    public String words() {
        var words = shares.stream().map(Share::table).filter(table -> count(table) > 0)
            .map(table -> Amount.count(inserted.getOrDefault(table, 0L), "row") + " into " + table + (overwritten.containsKey(table) ? " and " + overwritten.get(table) + " overwritten" : "")).collect(Collectors.joining(", "));
        return words.isEmpty() ? "nothing: somebody else has done so" : words;
    }

    @Override public void close() { session.close(); }
}
