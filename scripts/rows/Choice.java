package rows;

import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import ops.Amount;
import ops.Database;
import ops.Failure;
import rows.Table.ForeignKey;

/**
 * Finds what is to be put back: the chosen rows of a table that are missing, what pointed to these and is missing, and
 * what all of these need and is missing.
 */
public final class Choice {
    /**
     * What becomes of a table's rows: how many.
     *
     * @param changed rows that pointed to missing ones and are there all the same: they point elsewhere now
     */
    public record Found(Table table, long chosen, long missing, long overwritten, long changed) {
        public boolean isToDo() { return missing + overwritten > 0; }
    }

    private final BackedUp rows;
    private final Database session;
    private final Target target;
    private final String env;
    private final Map<String, Loaded> byOid = new HashMap<>();
    /** Those of which it is known what the environment has. */
    private final Set<Loaded> known = new HashSet<>();

    public Choice(BackedUp rows, Target target, String env) {
        this.env = env;
        this.rows = rows;
        this.target = target;
        session = rows.session;
        for (var each : rows.all()) byOid.put(each.table().oid(), each);
    }

    /**
     * Finds them.
     *
     * @param condition empty for all rows
     * @param overwrite whether chosen rows that are there are to be as in the backup
     * @throws Failure.Usage when the condition can't be asked
     * @throws Failure.Refused when it can't be told here what points to missing rows
     */
    public List<Found> of(Table table, Optional<String> condition, boolean overwrite) throws IOException {
        var first = rows.of(table).orElseThrow();
        var chosen = mark(first, condition);
        if (chosen > 0) {
            know(first);
            count("update " + first.rows() + " r set what = case when " + first.isMissing() + " then " + Loaded.MISSING
                + " else " + (overwrite ? Loaded.OVERWRITTEN : 0) + " end where what = " + Loaded.CHOSEN);
        }
        // What they need comes for their sake alone, and pulls nothing: with an order its customer, but not all his
        // orders.
        do {
            while (pointing(true)) { }
            while (needed()) { }
        } while (pointing(false));
        for (var key : target.foreignKeys()) refuseRewritten(key, table);
        var found = new ArrayList<Found>();
        for (var each : target.related(table).stream().flatMap(other -> rows.of(other).stream()).toList())
            found.add(new Found(each.table(), each == first ? chosen : 0,
                number(each, Loaded.MISSING) + number(each, Loaded.NEEDED), number(each, Loaded.OVERWRITTEN),
                changed(each)));
        return found;
    }

    private long mark(Loaded table, Optional<String> condition) {
        if (condition.isEmpty()) return count("update " + table.rows() + " r set what = " + Loaded.CHOSEN);
        session.execute("set search_path = " + Database.quote(table.table().name().schema()));
        // On its own: a name that the table lacks must not be found among our columns round it.
        var complaint = session.attempt("with chosen(id) as materialized (select " + Database.quote(table.id())
            + " from " + table.table().name().sql() + " where (\n" + condition.get() + "\n)) update " + table.rows()
            + " r set what = " + Loaded.CHOSEN + " from chosen where chosen.id = r.id");
        session.execute("reset search_path");
        if (complaint.isEmpty()) return number(table, Loaded.CHOSEN);
        var said = complaint.get();
        throw new Failure.Usage("--where can't be asked of the backup's rows: " + said.message()
            + (said.hint().isEmpty() ? "" : " (" + said.hint() + ")"),
            "it is asked where there are only PostgreSQL's own types and functions, and these tables: "
                + rows.all().stream().map(each -> each.table().toString()).collect(Collectors.joining(", "))
                + "; a value of a type of yours is a text there, and what is generated is not there");
    }

    /**
     * One round of rows that pointed to missing ones; false when there were none.
     *
     * @param owned only those that can't be without them, or the others; one that was only needed so far is more then
     */
    private boolean pointing(boolean owned) throws IOException {
        var more = 0L;
        for (var key : target.foreignKeys()) {
            if (key.owning() != owned || !isAsked(key)) continue;
            var child = byOid.get(key.child());
            var pointing = "r.what in (0" + (owned ? ", " + Loaded.NEEDED : "") + ") and " + pointsToMissing(key);
            if (!any(child, pointing)) continue;
            if (child.hasKey()) know(child);
            else if (key.clears()) continue; // it may be there, and point to nothing now
            more += count("update " + child.rows() + " r set what = " + Loaded.MISSING + " where " + pointing + " and "
                + child.isMissing());
        }
        return more > 0;
    }

    /** One round of rows that are needed; false when there were none. */
    private boolean needed() throws IOException {
        var more = 0L;
        for (var key : target.foreignKeys()) {
            if (!isAsked(key)) continue;
            var parent = byOid.get(key.parent());
            var isNeeded = "r.what = 0 and exists (select from " + byOid.get(key.child()).rows()
                + " c where c.what > 0 and " + matches(key, "c", "r") + ")";
            if (!parent.hasKey() || !any(parent, isNeeded)) continue;
            know(parent);
            more += count("update " + parent.rows() + " r set what = " + Loaded.NEEDED + " where " + isNeeded + " and "
                + parent.isMissing());
        }
        return more > 0;
    }

    /**
     * Such values are compared as they are written: equality of their type is the environment's, and may be anybody's.
     * In the backup each row has what it points to; one for which nothing is found that is written so points to
     * something that is written otherwise, and that may be missing.
     */
    private void refuseRewritten(ForeignKey key, Table first) {
        if (!key.rewritten() || !isAsked(key)) return;
        var child = byOid.get(key.child());
        var parent = byOid.get(key.parent());
        if (number(parent, Loaded.MISSING) == 0) return;
        var points = key.columns().stream().map(name -> " and r." + child.raw(name) + " is not null")
            .collect(Collectors.joining());
        var found = Long.parseLong(session.one("select count(*) from " + child.rows() + " r where r.what = 0" + points
            + " and not exists (select from " + parent.rows() + " p where " + matches(key, "r", "p") + ")"));
        if (found > 0)
            throw new Failure.Refused(Amount.count(found, "row") + " of " + child.table()
                + (found == 1 ? " points" : " point") + " to rows of " + parent.table()
                + " that are written otherwise (" + String.join(", ", key.columns())
                + "): nobody can tell here whether these are missing",
                "have a developer put these rows back by hand, from a scratch database: " + first.intoScratch(env));
    }

    private boolean isAsked(ForeignKey key) {
        var child = byOid.get(key.child());
        var parent = byOid.get(key.parent());
        return child != null && parent != null && child.has(key.columns()) && parent.has(key.referenced());
    }

    /** A condition on a child's row. */
    private String pointsToMissing(ForeignKey key) {
        return "exists (select from " + byOid.get(key.parent()).rows() + " p where p.what = " + Loaded.MISSING
            + " and " + matches(key, "r", "p") + ")";
    }

    private String matches(ForeignKey key, String child, String parent) {
        var from = byOid.get(key.child());
        var to = byOid.get(key.parent());
        return IntStream.range(0, key.columns().size())
            .mapToObj(i -> from.value(child, key.columns().get(i)) + " = " + to.value(parent, key.referenced().get(i)))
            .collect(Collectors.joining(" and "));
    }

    private long changed(Loaded child) {
        var pointed = target.foreignKeys().stream().filter(key -> byOid.get(key.child()) == child && isAsked(key))
            .map(this::pointsToMissing).collect(Collectors.joining(" or "));
        return pointed.isEmpty() ? 0 : Long.parseLong(session.one("select count(*) from " + child.rows()
            + " r where r.what = 0 and (" + pointed + ")"));
    }

    /** Fetches the keys of the rows that are there, once. */
    private void know(Loaded table) throws IOException {
        if (!known.add(table)) return;
        session.execute(table.keysCreated());
        session.copyIn("copy " + table.keys() + " from stdin (encoding " + Database.literal(target.encoding()) + ")",
            to -> target.keys(table.table(), to), rows.done);
        session.execute("analyze " + table.keys());
    }

    private boolean any(Loaded table, String condition) {
        return session.one("select exists (select from " + table.rows() + " r where " + condition + ")").equals("t");
    }

    private long number(Loaded table, int what) {
        return Long.parseLong(session.one("select count(*) from " + table.rows() + " where what = " + what));
    }

    private long count(String update) {
        return Long.parseLong(session.one("with changed as (" + update + " returning 1) select count(*) from changed"));
    }
}
