package rows;

import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Function;
import java.util.function.Supplier;
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
import rows.Choice.Found;
import rows.Table.ForeignKey;

/**
 * The one transaction that puts rows back. It holds the tables against other writers, so what it has counted is so
 * until it is committed, and undoes itself when the session ends before.
 *
 * <p>Only rows come from the backup, as COPY's data into temporary tables with the columns' own types. Where they are
 * written, with the role's own search_path, all that is said here is qualified.
 */
public final class Putting {
    /** Of every table, by its whole where it is a partition: what this transaction has done. */
    private static final String DONE = """
        select coalesce(pg_catalog.pg_partition_root(s.relid)::pg_catalog.oid, s.relid),
            min(s.schemaname::text), min(s.relname::text), sum(s.n_tup_ins), sum(s.n_tup_upd), sum(s.n_tup_del)
        from pg_catalog.pg_stat_xact_user_tables s join pg_catalog.pg_class c on c.oid = s.relid
        where c.relpersistence <> 't' and s.n_tup_ins + s.n_tup_upd + s.n_tup_del > 0 group by 1""";

    private static final String NAMED = """
        select n.nspname, c.relname, case c.relkind when 'p' then '' else 'only ' end
        from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
        where c.oid = ?::pg_catalog.oid""";

    private final Run run;
    private final Settings settings;
    private final Database session;
    private final List<ForeignKey> foreignKeys;
    private final boolean firing;
    /** Those that are put together in one statement, at whose end foreign keys are looked at. */
    private final List<List<Share>> groups = new ArrayList<>();
    private final Map<Table, Long> inserted = new LinkedHashMap<>();
    private final Map<Table, Long> overwritten = new LinkedHashMap<>();
    /** What a changed type has changed. */
    private final List<String> otherwise = new ArrayList<>();
    private String transaction;
    /** All transactions before it had ended when the safety backup began; null without one. */
    private String oldest;

    /**
     * Looks whether it can be done, and changes nothing.
     *
     * @param firing whether triggers run for the rows
     * @throws Failure.BadSetting when the role may not
     * @throws Failure.Refused when more would happen than that rows are put back
     */
    public Putting(Run run, Settings settings, DatabaseUrl url, BackedUp rows, List<Found> found,
        List<ForeignKey> foreignKeys, boolean firing) {
        this.run = run;
        this.settings = settings;
        this.foreignKeys = foreignKeys;
        this.firing = firing;
        session = Database.connect(url, settings, "handover rows " + settings.env);
        run.undo.add("close the session", session::close);
        DatabaseProperties.asWhoConnected(session);
        group(found.stream().filter(Found::isToDo).map(each -> share(rows, each)).toList());
    }

    private Share share(BackedUp rows, Found found) {
        var table = found.table();
        var triggers = Writable.check(session, settings, table, found.missing() > 0, found.overwritten() > 0, firing);
        var lacking = found.missing() == 0 ? List.of() : rows.lacking(table);
        if (!lacking.isEmpty())
            throw new Failure.Refused(table + " has columns that must have a value, which the backup lacks: " + lacking,
                "give them a default for a moment: ALTER TABLE " + table.name().sql()
                    + " ALTER COLUMN … SET DEFAULT …; then run it again");
        return new Share(found, rows.written(table), triggers);
    }

    /** Those that others point to come first; those that point to each other come together. */
    private void group(List<Share> shares) {
        var left = new ArrayList<>(shares);
        while (!left.isEmpty()) {
            var ready = left.stream().filter(each -> left.stream().noneMatch(other -> pointsTo(each, other))).toList();
            if (ready.isEmpty()) groups.add(List.copyOf(left));
            else ready.forEach(each -> groups.add(List.of(each)));
            left.removeAll(ready.isEmpty() ? List.copyOf(left) : ready);
        }
    }

    private boolean pointsTo(Share share, Share other) {
        var from = share.table().oid();
        var to = other.table().oid();
        return other != share
            && foreignKeys.stream().anyMatch(key -> key.child().equals(from) && key.parent().equals(to));
    }

    private List<Share> shares() { return groups.stream().flatMap(List::stream).toList(); }

    /** The triggers that would run, in words; empty without any. */
    public String triggers() {
        return shares().stream().flatMap(share -> share.triggers().stream()).map(Trigger::toString)
            .collect(Collectors.joining(", "));
    }

    /** The safety backup begins now: what others change from here on may not be in it, and is not overwritten. */
    public void noteBackup() {
        oldest = session.one("select pg_catalog.txid_snapshot_xmin(pg_catalog.txid_current_snapshot())");
    }

    /**
     * Puts the rows there, seen by nobody else yet.
     *
     * @return how many in which tables, in words
     */
    public String put(BackedUp rows) throws IOException {
        begin();
        for (var share : shares()) hold(share);
        for (var share : shares()) bring(rows, share);
        for (var share : shares()) if (share.found().overwritten() > 0) refuseChanged(share);
        for (var share : shares()) if (!share.hasKey()) refuseTwice(share);
        for (var share : shares()) if (share.hasKey()) session.execute(share.withoutThere());
        if (!firing) switchTriggers(Trigger::disabled);
        for (var group : groups) {
            if (!firing && group.stream().anyMatch(Share::isSilenced)) insertSilently(group);
            else insert(group);
        }
        for (var share : shares()) overwrite(share);
        asTheRole(() -> {
            session.execute("set constraints all immediate");
            return true;
        });
        if (!firing) switchTriggers(Trigger::enabled);
        for (var share : shares()) Sequences.raise(session, share);
        return words();
    }

    private void begin() {
        session.execute("begin isolation level read committed read write; set local lock_timeout = '"
            + settings.number(Setting.DB_LOCK_SECONDS) + "s'; "
            + "set local datestyle = 'ISO'; set local intervalstyle = 'postgres'; set local xmloption = content; "
            + "set local extra_float_digits = 3");
        transaction = session.one("select pg_catalog.txid_current()");
        if (session.one("select pg_catalog.current_setting('session_replication_role')").equals("origin")) return;
        throw new Failure.BadSetting("role " + session.url.user
            + " has session_replication_role set: no foreign key would be looked at",
            "ALTER ROLE " + Database.quote(session.url.user)
                + " RESET session_replication_role; or, where the database sets it, ALTER DATABASE … RESET");
    }

    /** Nobody else writes to it from here on, and it is what it was when it was looked at. */
    private void hold(Share share) {
        var table = share.table();
        session.execute("lock table " + table.from() + " in share row exclusive mode");
        if (!Target.describe(session, table.oid(), table.name()).equals(table)
            || !Trigger.of(session, table, share.events()).equals(share.triggers()))
            throw new Failure.Failed("somebody has changed table " + table + " since it was looked at", "run it again");
    }

    private void bring(BackedUp rows, Share share) throws IOException {
        session.execute(share.created());
        session.copyIn("copy " + share.waiting() + " from stdin (encoding " + Database.literal(rows.encoding()) + ")",
            to -> rows.rows(share, to), new AtomicLong());
        if (!share.twice().isEmpty()) warnOfTypes(share, session.rows(share.changedByType(), row -> row).get(0));
    }

    private void warnOfTypes(Share share, String[] counts) {
        for (var i = 0; i < counts.length; i++) {
            var column = share.twice().get(i);
            if (!counts[i].equals("0"))
                otherwise.add(Amount.count(Long.parseLong(counts[i]), "value") + " of " + share.table() + ", column "
                    + column.name() + ", not as in the backup: its type is " + column.type() + " now"
                    + (column.isMoment() ? ", and what has no offset there was read in time zone "
                        + session.one("select pg_catalog.current_setting('TimeZone')") : ""));
        }
    }

    private void refuseChanged(Share share) {
        var changed = Long.parseLong(session.one(share.changedSince(oldest)));
        if (changed > 0)
            throw new Failure.Failed(Amount.count(changed, "row") + " of " + share.table() + " that would be overwritten "
                + (changed == 1 ? "was" : "were") + " changed while the safety backup was made, which may lack that",
                "run it again: the next one has it");
    }

    /** Of rows without a key it is known only by what they point to that they are missing: that is so no longer. */
    private void refuseTwice(Share share) {
        for (var parent : shares())
            for (var key : foreignKeys) {
                if (!key.child().equals(share.table().oid()) || !key.parent().equals(parent.table().oid())
                    || !parent.names().containsAll(key.referenced())) continue;
                var there = Long.parseLong(session.one(parent.pointing(key, share.table().from())));
                if (there > 0)
                    throw new Failure.Failed(share.table() + " has " + Amount.count(there, "row") + " pointing to rows of "
                        + parent.table() + " that were missing, and has no key: nobody can tell which of them are there",
                        "somebody may be putting them back, too: run it again; if it stays, delete these first");
            }
    }

    /** Functions that checks, defaults and triggers call may rely on the search path that the role has else. */
    private <T> T asTheRole(Supplier<T> statement) {
        session.execute("set local search_path to default");
        var result = statement.get();
        session.execute("set local search_path = pg_catalog");
        return result;
    }

    private void switchTriggers(Function<Trigger, String> statement) {
        for (var share : shares()) {
            if (share.isSilenced()) continue;
            for (var trigger : share.triggers()) session.execute(statement.apply(trigger));
        }
    }

    /** Where triggers are another role's: foreign keys are looked at here then, as the server does it else. */
    private void insertSilently(List<Share> group) {
        session.execute(Trigger.SILENCED);
        insert(group);
        session.execute(Trigger.HEARD);
        for (var share : group)
            for (var key : foreignKeys)
                if (key.child().equals(share.table().oid()) && share.names().containsAll(key.columns()))
                    checkParents(share, key);
    }

    private void checkParents(Share share, ForeignKey key) {
        var parent = session.rows(NAMED, row -> row, key.parent()).get(0);
        var name = new TableName(parent[0], parent[1]);
        var from = parent[2] + name.sql();
        session.rows(share.parentsHeld(key, from), row -> row);
        var lacking = Long.parseLong(session.one(share.withoutParent(key, from)));
        if (lacking > 0)
            throw new Failure.Failed(Amount.count(lacking, "row") + " of " + share.table() + " would point to rows of "
                + name + " that are not there", "put these back first, or choose others");
    }

    private void insert(List<Share> group) {
        var numbers = IntStream.range(0, group.size()).boxed().toList();
        var all = numbers.stream().map(i -> "i" + i + " as (" + group.get(i).inserted() + " returning 1)")
            .collect(Collectors.joining(", "));
        var counts = numbers.stream().map(i -> "(select pg_catalog.count(*) from i" + i + ")")
            .collect(Collectors.joining(", "));
        try {
            var row = asTheRole(() -> session.rows("with " + all + " select " + counts, each -> each).get(0));
            for (var i : numbers) inserted.put(group.get(i).table(), Long.valueOf(row[i]));
        } catch (Failure.ToolFailed e) {
            if (!e.getMessage().contains("duplicate key")) throw e;
            throw new Failure.ToolFailed(e.getMessage(),
                "another row has taken that value since: change it there, or choose without this row: "
                    + "--where \"… and id <> …\"");
        }
        for (var share : group) refuseFewer(share);
    }

    private void refuseFewer(Share share) {
        var fewer = Long.parseLong(session.one(share.toInsert())) - inserted.get(share.table());
        if (fewer != 0)
            throw new Failure.Failed(Amount.count(fewer, "row") + " of " + share.table()
                + " would not come back: a trigger keeps them out",
                "without --fire-triggers they come back as they were");
    }

    private void overwrite(Share share) {
        if (share.found().overwritten() == 0) return;
        if (share.changeable().isEmpty()) {
            overwritten.put(share.table(), 0L);
            return;
        }
        var count = asTheRole(() -> session.one("with u as (" + share.updated()
            + " returning 1) select pg_catalog.count(*) from u"));
        overwritten.put(share.table(), Long.valueOf(count));
    }

    /**
     * Compares the rows with the backup's, and what this transaction has done to tables with what it was to do.
     *
     * @return what was compared, in words
     * @throws Failure.Failed when anything else has changed, or a row is otherwise; nothing is committed then
     */
    public String compare() {
        otherwise.forEach(run.console::warn);
        for (var share : shares()) {
            if (!share.hasKey()) continue;
            compareRows(share, false);
            compareRows(share, true);
        }
        if (session.one("select pg_catalog.current_setting('track_counts')").equals("off"))
            return rowsCompared() + "the server does not count what else has changed: track_counts is off";
        var done = session.rows(DONE, row -> row);
        var others = new ArrayList<String>();
        for (var row : done) if (!isExpected(row)) others.add(words(row));
        for (var table : shares().stream().map(Share::table).filter(each -> count(each) > 0).toList())
            if (done.stream().noneMatch(row -> row[0].equals(table.oid()))) others.add(table + " (nothing)");
        if (others.isEmpty()) return rowsCompared() + "nothing else has changed in any table";
        if (firing) return "triggers have changed more: " + String.join(", ", others);
        throw new Failure.Failed("more would change than the rows that are put back: " + String.join(", ", others),
            "see which constraint or trigger of the table does that; nothing was committed");
    }

    private String rowsCompared() {
        return "rows as in the backup" + (otherwise.isEmpty() ? "" : ", but for values that a type has changed") + "; ";
    }

    private boolean isExpected(String[] done) {
        var table = shares().stream().map(Share::table).filter(each -> each.oid().equals(done[0])).findFirst();
        if (table.isEmpty()) return false;
        var isInserted = done[3].equals(String.valueOf(inserted.getOrDefault(table.get(), 0L)));
        var isOverwritten = done[4].equals(String.valueOf(overwritten.getOrDefault(table.get(), 0L)));
        return isInserted && isOverwritten && done[5].equals("0");
    }

    private static String words(String[] done) {
        return new TableName(done[1], done[2])
            + " (" + done[3] + " inserted, " + done[4] + " updated, " + done[5] + " deleted)";
    }

    private void compareRows(Share share, boolean replaces) {
        var otherwise = Long.parseLong(session.one(share.otherwise(replaces)));
        if (otherwise == 0) return;
        var what = Amount.count(otherwise, "row") + " of " + share.table() + " would not be as in the backup";
        if (!firing)
            throw new Failure.Failed(what, "see what its domains and partitions do to a row that is written");
        run.console.warn(what + ": its triggers have changed them");
    }

    /** Commits. Whoever looks from then on sees all of the rows. */
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
        var all = new ArrayList<String>();
        inserted.forEach((table, rows) -> { if (rows > 0) all.add(Amount.count(rows, "row") + " into " + table); });
        overwritten.forEach((table, rows) -> all.add(Amount.count(rows, "row") + " of " + table + " overwritten"));
        var words = String.join(", ", all);
        return words.isEmpty() ? "nothing: somebody else has done so" : words;
    }
}
