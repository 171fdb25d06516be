//SOURCES Outcome.java
//SOURCES Row.java
//SOURCES Verdict.java
package smoke;

import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import ops.Database;
import ops.DatabaseUrl;
import ops.PlainTable;
import ops.Setting;
import ops.Settings;

/** The half of database read access that needs no site, so that a restore asks the same before anybody sees its result. */
public final class SqlRead {
    private SqlRead() { }

    /** Whether there is something to look for. Throws BadSetting when a setting that names a row is malformed. */
    public static boolean isAsked(Settings settings) {
        Row.hidden(settings);
        return Row.known(settings).isPresent();
    }

    /** Is the row there that is always there, and the one that visitors must not see? Throws the database's failures. */
    public static Verdict look(Settings settings, DatabaseUrl url) {
        var known = Row.known(settings);
        if (known.isEmpty()) return Verdict.unknown("SMOKE_CANARY_ROW is not set", "name a row that is always there and that visitors may see, SMOKE_CANARY_ROW=public.canary:id=1; 'none' says that the site does without a database").forGood();
        var hidden = Row.hidden(settings);
        try (var session = Database.connect(url, settings, "handover smoke-tests " + settings.env)) {
            var homeless = Stream.of(known, hidden).flatMap(Optional::stream).filter(row -> !hasPlaceFor(session, row)).findFirst();
            if (homeless.isPresent())
                return Verdict.fail("the database has no table " + homeless.get().schema() + "." + homeless.get().table() + " with a column " + homeless.get().column(),
                    "are these the right data? " + settings.where(homeless.equals(known) ? Setting.SMOKE_CANARY_ROW : Setting.SMOKE_HIDDEN_ROW)).forGood();
            if (!has(settings, url, known.get())) return Verdict.fail("the database has no row " + known.get(), "are these the right data? " + settings.where(Setting.SMOKE_CANARY_ROW)).forGood();
            if (hidden.isPresent() && !has(settings, url, hidden.get()))
                return Verdict.unknown("the database has no row " + hidden.get() + ": that visitors don't see it would prove nothing", "name one that is there; " + settings.where(Setting.SMOKE_HIDDEN_ROW)).forGood();
            return Verdict.pass("the row " + known.get() + " is read through SQL");
        }
    }

    private static boolean hasPlaceFor(Database session, Row row) {
        return session.one("""
            select exists (select from pg_catalog.pg_namespace n join pg_catalog.pg_class c on c.relnamespace = n.oid join pg_catalog.pg_attribute a on a.attrelid = c.oid
            where n.nspname = ? and c.relname = ? and a.attname = ? and not a.attisdropped)""", row.schema(), row.table(), row.column()).equals("t");
    }

    /** As text, and read up to the row alone: a query would have to be planned, and might be somebody else's. */
    private static boolean has(Settings settings, DatabaseUrl url, Row row) {
        var found = new boolean[1];
        try (var session = Database.connect(url, settings, "handover smoke-tests " + settings.env)) {
            new PlainTable(session, row.schema(), row.table()).read(List.of(row.column()), values -> found[0] = row.isValue(values[0]));
        }
        return found[0];
    }
}
