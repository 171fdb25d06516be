package ops;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/** What of a backup looks as if it were of another database, or of one that has lost its data: none of it is an error. */
public final class Sudden {
    private Sudden() { }

    /** The last backup before; empty when there is none that counts, or nobody can say. */
    public static Optional<Manifest> last(Store store, String env) throws Exception {
        try {
            return Optional.of(Latest.of(store, env, null).backup().manifest());
        } catch (Failure e) {
            return Optional.empty();
        }
    }

    /** Warns of what is sudden in a backup. */
    public static void warn(Run run, Manifest now, Optional<Manifest> before) {
        for (var what : in(now, before)) run.console.warn(what + ": is it the right database, and are its data there?");
    }

    /** In words; empty when nothing is. */
    public static List<String> in(Manifest now, Optional<Manifest> before) {
        var what = new ArrayList<String>();
        if (!now.selection().isWhole()) return what;
        var counted = now.counts().equals("exact");
        var rows = now.rows();
        if (now.tables().isEmpty()) what.add("database '" + now.database() + "' has no table");
        else if (counted && rows == 0) what.add("database '" + now.database() + "' has no row in " + Amount.count(now.tables().size(), "table"));
        if (before.isEmpty() || !before.get().selection().isWhole()) return what;
        var then = before.get();
        if (counted && then.counts().equals("exact") && rows * 2 < then.rows())
            what.add(String.format(Locale.ROOT, "database '%s' has %s, and had %,d in the last backup, %s", now.database(), Amount.count(rows, "row"), then.rows(), then.id()));
        else if (now.tables().size() * 2 < then.tables().size())
            what.add(String.format(Locale.ROOT, "database '%s' has %s, and had %d in the last backup, %s", now.database(), Amount.count(now.tables().size(), "table"), then.tables().size(), then.id()));
        return what;
    }
}
