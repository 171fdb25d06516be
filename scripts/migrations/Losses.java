package migrations;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import ops.Amount;
import ops.Database;
import ops.TableName;

/**
 * What a migration has destroyed where it was rehearsed: objects and columns that are gone, or called otherwise, and
 * rows that are not there any more as they were, whatever way it took. What no data go with is named, and keeps
 * nobody from taking a release back: triggers, policies, constraints, defaults, rights, a sequence's last number.
 */
final class Losses {
    private static final String LATER = "do it in a later release, when no code uses it any more";
    private static final String SWITCH = "add a column of the new type, fill it in portions, and switch over";
    private static final String BACKUP = "only a backup brings them back: make one now";
    private static final String NEEDED = "see whether live code needs it";
    /** Kinds of things, as ids begin, that no data go with. */
    private static final String WITHOUT_DATA = "(trigger|policy|constraint|index|default|identity"
        + "|notnull|content|publication|published) .*";

    private final String file;
    private final Shape before;
    private final Shape after;
    private final List<Finding> found = new ArrayList<>();

    private Losses(String file, Shape before, Shape after) {
        this.file = file;
        this.before = before;
        this.after = after;
    }

    /**
     * Compares the rows as well.
     *
     * @param file what it goes by: the migration's name
     * @param rows of each table that was touched, by its id in the first shape, in the columns that are there at both
     *     moments
     */
    static List<Finding> of(String file, Shape before, Shape after, Map<String, Rows.Change> rows) {
        var losses = new Losses(file, before, after);
        losses.things();
        rows.forEach((id, change) -> losses.rows(before.tables().get(id), change));
        return losses.found;
    }

    /**
     * Where nobody could read the rows before: by what the server has counted.
     *
     * @param session whose transaction it is
     */
    static List<Finding> counted(String file, Shape before, Shape after, Database session) {
        var losses = new Losses(file, before, after);
        losses.things();
        for (var id : before.touched(after)) losses.counted(id, session);
        for (var column : before.remade(after))
            losses.add(before.things().get(column).words() + " was dropped and made anew", BACKUP);
        return losses.found;
    }

    /** Large objects, by what the server has counted in the transaction between two moments. */
    static List<Finding> objects(String file, Shape before, Shape after) {
        var losses = new Losses(file, before, after);
        var removed = after.objects().removed() - before.objects().removed();
        losses.objects(removed, after.objects().changed() > before.objects().changed());
        return losses.found;
    }

    /**
     * The same by what two databases have of them.
     *
     * @param then of a superuser, like now: nobody else may read them
     */
    static List<Finding> objects(String file, Shape before, Shape after, Database then, Database now) {
        var losses = new Losses(file, before, after);
        var numbers = new TableName("pg_catalog", "pg_largeobject_metadata");
        var removed = Rows.of(then, numbers, List.of("oid")).to(Rows.of(now, numbers, List.of("oid"))).lost();
        var pages = new TableName("pg_catalog", "pg_largeobject");
        var page = List.of("loid", "pageno", "data");
        var changed = Rows.of(then, pages, page).to(Rows.of(now, pages, page)).lost();
        losses.objects(removed.orElse(0), changed.orElse(1) > 0);
        return losses.found;
    }

    private void objects(long removed, boolean changed) {
        var verb = removed == 1 ? " is" : " are";
        if (removed > 0) add(Amount.count(removed, "large object") + verb + " gone", BACKUP);
        else if (changed) add("large objects are changed", BACKUP);
    }

    private void things() {
        var types = new HashMap<String, String>();
        after.things().values().forEach(thing -> types.put(thing.words(), thing.type()));
        var gone = before.things().entrySet().stream().filter(each -> !types.containsKey(each.getValue().words()))
            .map(Map.Entry::getKey).collect(Collectors.toSet());
        before.things().forEach((id, thing) -> {
            if (goesWith(thing, gone)) return;
            var type = types.get(thing.words());
            if (id.startsWith("rights ")) {
                rights(thing, type == null ? "" : type);
            } else if (type == null) {
                var now = after.things().get(id);
                var what = thing.words() + (now == null ? " is gone" : " is " + now.words() + " now");
                if (id.matches(WITHOUT_DATA)) add(what, NEEDED, false);
                else add(what, LATER, true);
            } else if (!type.equals(thing.type())) {
                add(thing.words() + " is of type " + type + ", and was of " + thing.type(), SWITCH);
            }
        });
        before.sequences().forEach((name, last) -> {
            if (!after.sequences().containsKey(name) || last == null) return;
            var now = after.sequences().get(name);
            if (now != null && now >= last) return;
            var to = now == null ? "its beginning" : String.valueOf(Math.abs(now));
            add(name + " is set back from " + Math.abs(last) + " to " + to, "see that it gives no number again", false);
        });
    }

    private void rights(Shape.Thing thing, String now) {
        var lost = new ArrayList<>(List.of(thing.type().split(", ")));
        lost.removeAll(List.of(now.split(", ")));
        if (!lost.isEmpty()) add("right " + String.join(", ", lost) + " of " + thing.words() + " is gone", NEEDED, false);
    }

    /** Whether it was told with what it belongs to. */
    private boolean goesWith(Shape.Thing thing, Set<String> gone) {
        var in = before.things().get(thing.in());
        return in != null && (gone.contains(thing.in()) || goesWith(in, gone));
    }

    private void rows(Shape.Table table, Rows.Change change) {
        var lost = change.lost();
        if (lost.isPresent() && lost.getAsLong() == 0) return;
        var number = lost.isEmpty() ? "some" : number(lost.getAsLong());
        var rows = number + " of " + Amount.count(change.was(), "row") + " of " + table.name();
        var verb = number.equals("1") ? " is " : " are ";
        if (change.is() == change.was()) add(rows + verb + "changed", BACKUP);
        else if (lost.isPresent() && change.is() == change.was() - lost.getAsLong()) add(rows + verb + "gone", BACKUP);
        else add(rows + verb + "changed or gone; there are " + number(change.is()) + " now", BACKUP);
    }

    private void counted(String id, Database session) {
        var table = before.tables().get(id);
        var now = before.now(id, after);
        if (now == null) return; // it was told as a thing
        var parts = new HashMap<String, Shape.Part>();
        now.parts().forEach(part -> parts.put(part.oid(), part));
        var updated = 0L;
        var deleted = 0L;
        var emptied = false;
        var elsewhere = false;
        for (var part : table.parts()) {
            var later = parts.get(part.oid());
            if (later == null) {
                elsewhere |= !isEmpty(part, session);
                continue;
            }
            emptied |= !later.file().equals(part.file()) && isEmpty(part, session);
            updated += Math.max(0, later.updated() - part.updated());
            deleted += Math.max(0, later.deleted() - part.deleted());
        }
        if (elsewhere) add("rows of " + table.name() + " are in another table now, or in none", BACKUP);
        if (emptied) add(table.name() + " was emptied", BACKUP);
        if (updated > 0) add(rows(updated, table) + " updated", BACKUP);
        if (deleted > 0) add(rows(deleted, table) + " deleted", BACKUP);
    }

    /** One that is gone may have had rows. */
    private static boolean isEmpty(Shape.Part part, Database session) {
        return "0".equals(session.one("select pg_catalog.pg_relation_size(?::pg_catalog.oid)", part.oid()));
    }

    private static String rows(long number, Shape.Table table) {
        return Amount.count(number, "row") + " of " + table.name() + (number == 1 ? " is" : " are");
    }

    private void add(String what, String instead) { add(what, instead, true); }

    /** Names are whatever somebody has given; a terminal obeys some of the characters that they may have. */
    private void add(String what, String instead, boolean destructive) {
        found.add(new Finding(file, 0, what.replaceAll("\\p{Cntrl}", "?"), instead, destructive));
    }

    private static String number(long number) { return String.format(Locale.ROOT, "%,d", number); }
}
