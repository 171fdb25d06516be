package smoke;

import java.time.Duration;
import java.util.Optional;
import ops.DatabaseUrl;
import ops.Settings;

/**
 * Can what must be seen be read, and not what must be hidden?
 *
 * <p>Through SQL, as the owner of the settings sees it, and through REST, as visitors do. An empty answer of REST is no
 * error: a policy that hides too much looks just like an empty table, so only a row that is known to be there tells.
 */
record DatabaseRead(Settings settings, DatabaseUrl url, Web web) {
    Verdict look(Duration limit) throws Exception {
        var inSql = SqlRead.look(settings, url);
        if (!inSql.passed()) return inSql;
        var rest = Rest.of(settings, web);
        return rest.isEmpty() ? inSql : throughRest(rest.get(), Row.known(settings).orElseThrow(), Row.hidden(settings), limit.dividedBy(2));
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
