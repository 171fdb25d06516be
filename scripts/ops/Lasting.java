package ops;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.stream.Collectors;

/** What a session of ours needs to last: no limit of the server, the database or the role ends it, and no line that forgets it. */
final class Lasting {
    /** Limits that would end work that is meant to take long, and the major version from which a server knows them. */
    private static final Map<String, Integer> LIMITS = new LinkedHashMap<>();
    /** The server asks a silent line every minute: a router keeps it, and a dead machine's session and lock end soon. */
    private static final String ALIVE = "-c tcp_keepalives_idle=60 -c tcp_keepalives_interval=10 -c tcp_keepalives_count=6";

    static {
        LIMITS.put("statement_timeout", 0);
        LIMITS.put("lock_timeout", 0);
        LIMITS.put("idle_in_transaction_session_timeout", 0);
        LIMITS.put("idle_session_timeout", 14);
        LIMITS.put("transaction_timeout", 17);
    }

    private Lasting() { }

    /**
     * The same as options of a connection, as PGOPTIONS has them: what comes with it counts before anything is executed.
     *
     * @param major of the server, which refuses a connection with a name that it does not know; 0 when it is not known
     */
    static String options(int major) {
        return LIMITS.entrySet().stream().filter(limit -> limit.getValue() <= major).map(limit -> "-c " + limit.getKey() + "=0 ").collect(Collectors.joining()) + ALIVE;
    }

    /** Switches off, for a session, those limits that are still on; in no search path but the server's own anything is found. */
    static String statement() {
        return LIMITS.keySet().stream().map(Database::literal).collect(Collectors.joining(", ",
            "select pg_catalog.set_config(name, value, false) from (select name, '0' as value from pg_catalog.unnest(array[", "]) name union all select 'search_path', 'pg_catalog') wanted "
                + "where pg_catalog.current_setting(name, true) operator(pg_catalog.<>) value"));
    }
}
