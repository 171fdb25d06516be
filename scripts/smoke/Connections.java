package smoke;

import java.time.Duration;
import ops.Database;
import ops.DatabaseUrl;
import ops.Setting;
import ops.Settings;

/** How many of the server's connections are in use? The one that is not there any more is the one a visitor needs. */
record Connections(Settings settings, DatabaseUrl url) {
    Verdict look(Duration limit) {
        try (var session = Database.connect(url, settings, "handover smoke-tests " + settings.env)) {
            // Of other roles' sessions the type is hidden.
            var used = session.rows("""
                select count(*), current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
                from pg_stat_activity where datid is not null and coalesce(backend_type, 'client backend') = 'client backend' and pid <> pg_backend_pid()""", row -> new int[] {Integer.parseInt(row[0]), Integer.parseInt(row[1])}).get(0);
            var percent = 100 * used[0] / used[1];
            var most = settings.number(Setting.SMOKE_CONNECTIONS_PERCENT);
            var what = used[0] + " of " + used[1] + " in use, " + percent + " %";
            return percent > most ? Verdict.fail(what + ", more than " + most + " %", "see who holds them: select application_name, state, count(*) from pg_stat_activity group by 1, 2") : Verdict.pass(what);
        }
    }
}
