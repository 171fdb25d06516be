package smoke;

import java.time.Duration;
import java.util.Optional;
import ops.Database;
import ops.DatabaseUrl;
import ops.Setting;
import ops.Settings;

/**
 * Can what must be seen be read, and not what must be hidden?
 *
 * <p>Through SQL, as the owner of the settings sees it, and through REST, as visitors do. An empty answer of REST is no
 * error: a policy that hides too much looks just like an empty table, so only a row that is known to be there tells.
 */
public final class DatabaseRead {
    private final Settings settings;
    private final DatabaseUrl url;
    private final Web web;

    DatabaseRead(Settings settings, DatabaseUrl url, Web web) {
        this.settings = settings;
        this.url = url;
        this.web = web;
    }

    Verdict look(Duration limit) throws Exception {
        var known = settings.get(Setting.SMOKE_CANARY_ROW).map(text -> Row.of(Setting.SMOKE_CANARY_ROW, text));
        if (known.isEmpty()) return Verdict.unknown("SMOKE_CANARY_ROW is not set", "name a row that is always there and that visitors may see: SMOKE_CANARY_ROW=public.canary:id=1").forGood();
        var hidden = settings.get(Setting.SMOKE_HIDDEN_ROW).map(text -> Row.of(Setting.SMOKE_HIDDEN_ROW, text));
        var inSql = throughSql(settings, url, known.get(), hidden);
        if (!inSql.passed()) return inSql;
        var rest = Rest.of(settings, web);
        if (rest.isEmpty()) return inSql;
        return throughRest(rest.get(), known.get(), hidden, limit.dividedBy(2));
    }

    /** The half that needs a database and no site. */
    public static Verdict throughSql(Settings settings, DatabaseUrl url, Row known, Optional<Row> hidden) {
        try (var session = Database.connect(url, settings, "handover smoke-tests " + settings.env)) {
            if (!has(session, known)) return Verdict.fail("the database has no row " + known, "are these the right data? The row is named in SMOKE_CANARY_ROW").forGood();
            if (hidden.isPresent() && !has(session, hidden.get()))
                return Verdict.unknown("the database has no row " + hidden.get() + ": that visitors don't see it would prove nothing", "name one that is there in SMOKE_HIDDEN_ROW").forGood();
            return Verdict.pass("the row " + known + " is read through SQL");
        }
    }

    private static boolean has(Database session, Row row) {
        return session.one("select exists (select from " + Database.quote(row.schema()) + "." + Database.quote(row.table()) + " where " + Database.quote(row.column()) + "::text = ?)", row.value()).equals("t");
    }

    private static Verdict throughRest(Rest rest, Row known, Optional<Row> hidden, Duration limit) throws Verdict.Judged, InterruptedException {
        var seen = rest.rows(known, limit);
        if (seen.isEmpty()) return Verdict.fail("visitors may not read " + known.schema() + "." + known.table() + ": REST refuses it", "grant the role anon what the application needs: GRANT SELECT ON … TO anon").forGood();
        if (seen.get().isEmpty()) return Verdict.fail("the row " + known + " is in the database, and REST answers [] to visitors: a policy (row-level security) hides it", "see the table's policies for the role anon").forGood();
        if (hidden.isPresent() && rest.rows(hidden.get(), limit).map(rows -> !rows.isEmpty()).orElse(false))
            return Verdict.fail("visitors see the row " + hidden.get() + ", which a policy must hide", "see at once that row-level security is enabled on the table, and its policies").forGood();
        return Verdict.pass("the row " + known + " is read through SQL and REST" + (hidden.isPresent() ? ", and visitors don't see " + hidden.get() : ""));
    }
}
