package ops;

import java.io.EOFException;
import java.net.ConnectException;
import java.net.NoRouteToHostException;
import java.net.SocketTimeoutException;
import java.net.URLEncoder;
import java.net.UnknownHostException;
import java.nio.charset.StandardCharsets;
import java.security.cert.CertificateExpiredException;
import java.security.cert.CertificateNotYetValidException;
import java.sql.SQLException;
import java.util.regex.Pattern;

/** What a server says against a connection or a statement, by SQLSTATE: what it is, and what to do about it. */
public final class SqlFailure {
    /** A pooler has nothing else for all that it refuses. */
    static final String PROTOCOL = "08P01";

    private static final String ROOM = "make room on the server's disk, then run this again";
    /** PostgreSQL says the second when a part of a page still had room, and the last when a session begins. */
    private static final String NO_ROOM = "No space left|wrote only [0-9]+ of [0-9]+ bytes|Disk quota exceeded"
        + "|could not write init file";
    /** The same, and more of the kind, as pg_restore and psql pass it on: without SQLSTATE. */
    private static final Pattern OWN_TROUBLE = Pattern.compile(NO_ROOM + "|temp_file_limit|out of (shared )?memory"
        + "|too many (connections|clients)|remaining connection slots|terminating connection|canceling statement"
        + "|read-only transaction|deadlock|lock timeout|server closed|error: connection to server"
        + "|connection to server was lost|shutting down|starting up|recovery mode");

    private SqlFailure() { }

    /**
     * Whether what a program of PostgreSQL has passed on blames the server itself: its disk, its limits, or somebody who
     * is at it. Then nothing is said against what the server was given.
     */
    public static boolean isOwnTrouble(String said) { return OWN_TROUBLE.matcher(said).find(); }

    /** The same by SQLSTATE: of a connection that fails (08) or a file that is not there (58P01) an object may be to blame. */
    static boolean isOwnTroubleByState(String state) {
        return state.matches("(40|53|57).*|58030|XX00[12]|55P03|25006");
    }

    /** The next step after such words; the other one where they say nothing better. */
    public static String next(String said, String otherwise) {
        return Pattern.compile(NO_ROOM).matcher(said).find() ? ROOM : otherwise;
    }

    /** Of a connection that was not to be had. */
    static Failure connecting(SQLException e, DatabaseUrl url, Settings settings) {
        var state = state(e);
        var where = settings.where(Setting.DATABASE_URL);
        var said = said(e);
        var pooler = state.equals(PROTOCOL);
        if (said.contains("is not permitted to log in"))
            return new Failure.BadSetting("the database at " + url + " refuses the role: " + said,
                "as a superuser: ALTER ROLE " + Database.quote(url.user) + " LOGIN; or name another role: " + where);
        if (state.startsWith("28") || pooler && (said.contains("authentication failed") || said.contains("no such user")))
            return new Failure.BadSetting("the database at " + url + " refuses the role or its password: " + said,
                "correct the role or its password: " + where + "; to try one: psql '" + plain(url, url.database) + "'"
                    + (url.host.matches(".*\\.supabase\\.(co|com)")
                        ? "; Supabase gives a new password under Database, Settings" : ""));
        if (state.equals("3D000") || pooler && said.contains("no such database"))
            return new Failure.BadSetting("there is no database '" + url.database + "' at " + url.host + ":" + url.port,
                "correct its name: " + where + "; to see which there are: psql -l '" + plain(url, "postgres")
                    + "'; if it is lost, ./jbang restore-db makes it again");
        if (state.equals(Database.LACKS_A_RIGHT)) return new Failure.BadSetting("role '" + url.user + "' may not connect to " + url + ": " + said,
            "GRANT CONNECT ON DATABASE " + Database.quote(url.database) + " TO " + Database.quote(url.user) + ", or name another role: " + where);
        if (state.equals("55000") && said.contains("not currently accepting connections"))
            return new Failure.BadSetting("database '" + url.database + "' at " + url.host + ":" + url.port
                + " is closed to everybody: " + said, "find out who closed it; as a superuser: ALTER DATABASE "
                    + Database.quote(url.database) + " ALLOW_CONNECTIONS true; or name another one: " + where);
        if (state.equals("53300") && said.contains("connections for role"))
            return new Failure.Full("role '" + url.user + "' has as many connections to " + url.host + ":" + url.port
                + " as it may: " + said, "as a superuser: ALTER ROLE " + Database.quote(url.user)
                    + " CONNECTION LIMIT -1; or see who holds them, and run this again: "
                    + "select pid, application_name, state from pg_stat_activity where usename = "
                    + Database.literal(url.user));
        if (state.equals("53300") || pooler && said.contains("no more connections"))
            return new Failure.Full("the database at " + url + " takes no more connections: " + said,
                "see who holds them: select usename, application_name, count(*) from pg_stat_activity group by 1, 2; then run this again");
        if (state.equals("57P03")) return new Failure.ToolFailed("the database at " + url + " is not ready: " + said, "wait until the server is up, then run this again");
        if (state.startsWith("53") || state.startsWith("58")) return of(e, url);
        if (said.matches(".*SSL (root certificate|certificate|key).*")) return new Failure.BadSetting("the files for an encrypted connection to " + url + " won't do: " + said, "correct sslrootcert, sslcert or sslkey: " + where);
        if (said.contains("no password was provided"))
            return new Failure.BadSetting("the database at " + url + " wants a password for role '" + url.user
                + "', and none is given",
                "put it into the address, as postgresql://USER:PASSWORD@HOST:PORT/NAME, or into ~/.pgpass: " + where);
        if (hasExpired(e))
            return new Failure.BadSetting("the certificate of the server at " + url
                + " has expired, or is not valid yet: " + said,
                "have it renewed on the server; nothing here can mend it, unless this machine's clock is wrong: date");
        if (said.startsWith("SSL error"))
            return new Failure.BadSetting("the server at " + url + " can't be trusted: " + said, "does sslrootcert name the authority of its certificate, and the address its name? " + where);
        if (said.contains("does not support SSL"))
            return new Failure.BadSetting("the server at " + url + " has no TLS, and sslmode demands it",
                "turn it on there (ssl = on); or, where nobody else can listen on the way, sslmode=prefer for "
                    + url.parameters.get("sslmode") + ": " + where);
        return unreachable(e, said, url, where);
    }

    /** Of a connection that nobody, or somebody else, has answered. */
    private static Failure unreachable(SQLException e, String said, DatabaseUrl url, String where) {
        var what = "the database at " + url + " can't be reached: ";
        if (e.getCause() instanceof UnknownHostException)
            return new Failure.ToolFailed(what + "no address is known for '" + url.host + "'",
                "correct the host's name: " + where + "; getent hosts " + url.host
                    + " shows whether this machine can resolve it");
        if (e.getCause() instanceof ConnectException && said.contains("refused"))
            return new Failure.ToolFailed(what + "nothing listens at port " + url.port + " of " + url.host
                + ", or a firewall refuses it",
                "start the server, or correct host and port, which is 5432 as a rule: " + where
                    + "; to ask again: pg_isready -h " + url.host + " -p " + url.port);
        if (e.getCause() instanceof NoRouteToHostException || said.contains("unreachable"))
            return new Failure.ToolFailed(what + "there is no way from here to " + url.host + said(e.getCause()),
                "a host with IPv6 addresses only, as Supabase's direct one, needs IPv6 here: name its session pooler; else see this machine's network: " + where);
        if (said.contains("setting up the SSL connection") || said.contains("Session setup failed")
            || e.getCause() instanceof EOFException)
            return new Failure.ToolFailed(what + "what answers there is no PostgreSQL",
                "correct the port, which is 5432 as a rule: " + where);
        var hint = next(said, "is it running, and reachable from here? " + where
            + "; a firewall, or the provider's list of addresses that may connect, can be in the way");
        return new Failure.ToolFailed(hint.equals(ROOM) ? "the database at " + url + " can't be opened: " + said : what
            + said, hint);
    }

    private static String said(Throwable cause) {
        return cause == null || cause.getMessage() == null ? "" : ": " + cause.getMessage();
    }

    /** For psql, which asks for the password. */
    private static String plain(DatabaseUrl url, String database) {
        return "postgresql://" + encoded(url.user) + "@" + (url.host.contains(":") ? "[" + url.host + "]" : url.host)
            + ":" + url.port + "/" + encoded(database);
    }

    private static String encoded(String text) {
        return URLEncoder.encode(text, StandardCharsets.UTF_8).replace("+", "%20");
    }

    private static boolean hasExpired(Throwable e) {
        for (var cause = e; cause != null; cause = cause.getCause())
            if (cause instanceof CertificateExpiredException || cause instanceof CertificateNotYetValidException)
                return true;
        return false;
    }

    /** Of a statement that the server is not at work on, or that it waits with for somebody. */
    static Failure unanswered(DatabaseUrl url) {
        return new Failure.ToolFailed("the database at " + url + " has not answered a query in time", "see what blocks it; DB_STALL_SECONDS sets the limit");
    }

    /** Of a statement. */
    static Failure of(SQLException e, DatabaseUrl url) {
        if (e.getCause() instanceof SocketTimeoutException) return unanswered(url);
        var state = state(e);
        var said = said(e);
        if (state.startsWith("08") || state.isEmpty())
            return new Failure.ToolFailed("the connection to the database at " + url + " was lost: " + said, "see the server's log; when it answers again, run it again");
        return new Failure.ToolFailed("the database at " + url + " failed: " + said, next(state, said, url));
    }

    private static String next(String state, String said, DatabaseUrl url) {
        return switch (state) {
            case Database.LACKS_A_RIGHT -> "role '" + url.user + "' lacks a right: README.md, Security and permissions";
            case "42P01", "3F000", "42703", "42883", "42704" ->
                "see whether database '" + url.database + "' is the right one, and has it; settings that name objects: SMOKE_CANARY_ROW, SMOKE_HIDDEN_ROW";
            case "53100" -> ROOM;
            case "53200" -> said.contains("shared memory") ? "raise max_locks_per_transaction on the server and restart it, then run this again"
                : "the server needs more memory, or a smaller work_mem and maintenance_work_mem; then run this again";
            case "53300" -> "see who holds the connections: select usename, application_name, count(*) from pg_stat_activity group by 1, 2; then run this again";
            case "53400" -> "raise the limit that it names, for role '" + url.user + "', then run this again";
            case "55P03" -> "see who holds the lock: select * from pg_stat_activity where pid in (select pid from pg_locks where granted); run this again when that session has ended";
            case "55006" -> "see who uses it: select pid, usename, application_name from pg_stat_activity; run this again when these sessions have ended";
            case "57P01", "57P02", "57P03" -> "somebody ended the session, or the server went down: see its log; when it answers again, run this again";
            case "57P04" -> "somebody has dropped the database: see who, before anything else";
            case "57P05", "25P03", "25P04" -> "a time limit of the server ended the session: ALTER ROLE " + Database.quote(url.user) + " SET the parameter that it names = 0, then run this again";
            case "57014" -> "somebody cancelled it, or a time limit did: see the server's log for which, then run this again";
            case "25006" -> "a standby takes no changes: name the primary; else default_transaction_read_only is on, which Supabase sets when the disk is full:"
                + " make room, then ALTER DATABASE " + Database.quote(url.database) + " RESET default_transaction_read_only";
            case "40P01", "40001" -> "another session was in the way at that moment: run this again";
            case "58030", "58P01", "XX001", "XX002" -> "the server can't read its own files: see its log and its disk at once, and keep all the backups that there are";
            default -> switch (state.substring(0, 2)) {
                case "22", "23" -> "the data are not as their table or the statement wants them: see what it names; to wait does not help";
                case "42", "0A" -> "see what it says of the object that it names, and the server's version; to wait does not help";
                case "57", "53" -> "see the server's log; when it answers again, run it again";
                default -> "see what it says, and the server's log";
            };
        };
    }

    private static String state(SQLException e) { return e.getSQLState() == null ? "" : e.getSQLState(); }

    private static String said(SQLException e) { return e.getMessage() == null ? state(e) : e.getMessage().lines().findFirst().orElse(state(e)); }
}
