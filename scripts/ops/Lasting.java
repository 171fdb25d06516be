package ops;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * What a session of ours needs to last, and to mean what it says: no limit of the server, the database or the role ends it, no
 * line forgets it, and none of their settings has it read a text in another way than it was written.
 */
public final class Lasting {
    /** Limits that would end work that is meant to take long, and the major version from which a server knows them. */
    private static final Map<String, Integer> LIMITS = new LinkedHashMap<>();
    /** With array_nulls off, a missing value in an array is loaded as the word NULL; and no two servers' names are alike when one quotes all. */
    private static final Map<String, String> MEANINGS = new LinkedHashMap<>();
    /** The server asks a silent line every minute: a router keeps it, and a dead machine's session and lock end soon. */
    private static final String ALIVE = "-c tcp_keepalives_idle=60 -c tcp_keepalives_interval=10 -c tcp_keepalives_count=6";

    static {
        LIMITS.put("statement_timeout", 0);
        LIMITS.put("lock_timeout", 0);
        LIMITS.put("idle_in_transaction_session_timeout", 0);
        LIMITS.put("idle_session_timeout", 14);
        LIMITS.put("transaction_timeout", 17);
        MEANINGS.put("array_nulls", "on");
        MEANINGS.put("transform_null_equals", "off");
        MEANINGS.put("quote_all_identifiers", "off");
        MEANINGS.put("standard_conforming_strings", "on");
    }

    private Lasting() { }

    /**
     * What comes with a connection counts before anything is executed.
     *
     * @param major of the server, which refuses a connection with a name that it does not know; 0 when it is not known
     */
    static String options(int major) {
        return LIMITS.entrySet().stream().filter(limit -> limit.getValue() <= major).map(limit -> "-c " + limit.getKey() + "=0 ").collect(Collectors.joining()) + ALIVE;
    }

    /** The same for PostgreSQL's own programs, as PGOPTIONS has them. */
    static String ofPrograms(int major) {
        return MEANINGS.entrySet().stream().map(meaning -> "-c " + meaning.getKey() + "=" + meaning.getValue() + " ").collect(Collectors.joining()) + options(major);
    }

    /** Sets for a session what is not so yet; in no search path but the server's own anything is found. */
    public static String statement() {
        var wanted = Stream.concat(LIMITS.keySet().stream().map(name -> Map.entry(name, "0")), Stream.concat(MEANINGS.entrySet().stream(), Stream.of(Map.entry("search_path", "pg_catalog"))));
        return wanted.map(each -> "(" + Database.literal(each.getKey()) + ", " + Database.literal(each.getValue()) + ")").collect(Collectors.joining(", ",
            "select pg_catalog.set_config(name, value, false) from (values ", ") wanted(name, value) where pg_catalog.current_setting(name, true) operator(pg_catalog.<>) value"));
    }

    /** Has a session read and find what the role, its database and its server have set. */
    static String back() { return Stream.concat(MEANINGS.keySet().stream(), Stream.of("search_path")).map(name -> "reset " + name).collect(Collectors.joining("; ")); }
}
