package ops;

import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Properties;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.ReentrantLock;

/** A session on the server: what the server is, and queries whose failures are the kit's. */
public final class Database implements AutoCloseable {
    /** One extension and its version. */
    public record Extension(String name, String version) { }

    /**
     * What a server and database are.
     *
     * @param bytes size on disk
     * @param systemIdentifier of the cluster: the same through every address; empty when the server won't say
     * @param schemaVersion the last migration; empty without a table of migrations
     */
    public record Facts(String version, int major, String systemIdentifier, boolean supabase, long bytes, String encoding, DatabaseLocale locale, String name, String schemaVersion, List<Extension> extensions) { }

    /**
     * What the server says against a statement.
     *
     * @param state the five letters of SQLSTATE
     * @param detail empty, like the hint, when there is none
     * @param position of the character that it points at, from 1; 0 when at none
     */
    public record Complaint(String state, String message, String detail, String hint, int position) { }

    /** The state of SQL in which the role may not do what it was told to. */
    public static final String LACKS_A_RIGHT = "42501";

    /**
     * Whatever may have taken the place of a table: a policy is an error instead of a function that is called, and a view or a
     * foreign table can't be read at all (as in pg_dump; servers from the minor versions of August 2024 on know it).
     */
    private static final String DISTRUST = "set row_security = off; select pg_catalog.set_config(name, 'view, foreign-table', false) from pg_catalog.pg_settings where name = 'restrict_nonsystem_relation_kind'";

    /** What connecting to an address has shown: of HOST:PORT. */
    private record Shown(int major, boolean pooled) { }

    private static final Map<String, Shown> SHOWN = new ConcurrentHashMap<>();
    /** Where a pooler was seen to give each connection a session of its own. */
    private static final Set<String> SESSIONS_OF_THEIR_OWN = ConcurrentHashMap.newKeySet();

    public final DatabaseUrl url;
    final Connection connection;
    /** A pooler keeps the session after us, with all that is set in it. */
    final boolean pooled;
    /** How long to wait for a table that is locked. */
    final int lockSeconds;
    private final ReentrantLock using = new ReentrantLock();
    /** Null as long as the connection has a limit of its own. */
    private Silence silence;

    private Database(DatabaseUrl url, Connection connection, boolean pooled, int lockSeconds) {
        this.url = url;
        this.connection = connection;
        this.pooled = pooled;
        this.lockSeconds = lockSeconds;
    }

    /**
     * Connects. Throws BadSetting, with nothing set, where a pooler gives each transaction another session.
     *
     * @param who shown by the server to whoever asks who is connected, at most 63 bytes
     */
    public static Database connect(DatabaseUrl url, Settings settings, String who) {
        var session = connect(url, settings, who, Map.of());
        session.execute(DISTRUST);
        session.watch(settings, false);
        return session;
    }

    /**
     * Connects for statements that others have written: each goes to the server as it stands, with the role's own search
     * path, and may take as long as it takes. When this process dies, the server ends what it is at (from PostgreSQL 14 on).
     */
    public static Database forScripts(DatabaseUrl url, Settings settings, String who) {
        var session = connect(url, settings, who, Map.of("preferQueryMode", "simple"));
        session.watch(settings, true);
        session.execute(Lasting.back());
        session.attempt("set client_connection_check_interval = '1s'");
        return session;
    }

    /** One for a single question that has to be answered soon. */
    static Database brief(DatabaseUrl url, Settings settings, String who) { return connect(url, settings, who, Map.of("socketTimeout", settings.require(Setting.DB_CONNECT_SECONDS))); }

    /** From now on, answers are awaited for as long as the server is at work. */
    private void watch(Settings settings, boolean locksToo) {
        silence = new Silence(url, settings, connection, one("select pg_catalog.pg_backend_pid()"), locksToo);
        use(() -> {
            connection.setNetworkTimeout(Runnable::run, 0);
            return true;
        });
    }

    private static Database connect(DatabaseUrl url, Settings settings, String who, Map<String, String> more) {
        var properties = new Properties();
        properties.setProperty("user", url.user);
        // Without one the driver looks where PostgreSQL's own programs do.
        if (url.password != null) properties.setProperty("password", url.password.reveal());
        properties.setProperty("ApplicationName", who.length() > 63 ? who.substring(0, 63) : who);
        properties.setProperty("connectTimeout", settings.require(Setting.DB_CONNECT_SECONDS));
        properties.setProperty("loginTimeout", String.valueOf(settings.number(Setting.DB_CONNECT_SECONDS)));
        properties.setProperty("tcpKeepAlive", "true");
        properties.setProperty("prepareThreshold", "0"); // what is prepared by name stays with a pooler's session, too
        // Without a limit a network that goes silent in the middle of an answer is waited for without end.
        properties.setProperty("socketTimeout", String.valueOf(settings.number(Setting.DB_STALL_SECONDS)));
        more.forEach(properties::setProperty);
        url.parameters.forEach((name, value) -> properties.setProperty(name.equals("channel_binding") ? "channelBinding" : name, value));
        try {
            return connect(url, settings, properties);
        } catch (SQLException e) {
            throw SqlFailure.connecting(e, url, settings);
        }
    }

    private static Database connect(DatabaseUrl url, Settings settings, Properties properties) throws SQLException {
        var connection = open(url, properties);
        try {
            var pooled = Pooler.isBetween(connection);
            SHOWN.put(place(url), new Shown(connection.getMetaData().getDatabaseMajorVersion(), pooled));
            if (pooled) refuseSharedSessions(url, settings, connection, properties);
            var database = new Database(url, connection, pooled, settings.number(Setting.DB_LOCK_SECONDS));
            database.rows(Lasting.statement(), row -> row);
            return database;
        } catch (SQLException | Failure e) {
            connection.close();
            throw e;
        }
    }

    private static Connection open(DatabaseUrl url, Properties properties) throws SQLException {
        var host = url.host.contains(":") ? "[" + url.host + "]" : url.host;
        var address = "jdbc:postgresql://" + host + ":" + url.port + "/" + encode(url.database);
        var with = new Properties();
        with.putAll(properties);
        with.setProperty("options", Lasting.options(0));
        // The driver itself, not DriverManager: that would search every jar for drivers first.
        try {
            return new org.postgresql.Driver().connect(address, with);
        } catch (SQLException e) {
            if (!Pooler.refusesOptions(e)) throw e;
            return new org.postgresql.Driver().connect(address, properties);
        }
    }

    private static void refuseSharedSessions(DatabaseUrl url, Settings settings, Connection first, Properties properties) throws SQLException {
        var where = url.user + " at " + url;
        if (SESSIONS_OF_THEIR_OWN.contains(where)) return;
        var patient = new Properties();
        patient.putAll(properties);
        patient.setProperty("socketTimeout", settings.require(Setting.DB_CONNECT_SECONDS));
        if (Pooler.sharesSessions(first, () -> open(url, patient)))
            throw new Failure.BadSetting("the database at " + url + " is behind a pooler that gives each transaction another session: dumps, snapshots and locks don't work through it",
                "name the server itself, or a pooler in session mode (pgbouncer: pool_mode=session; Supabase: port 5432; Neon: the host without -pooler): " + settings.where(Setting.DATABASE_URL));
        SESSIONS_OF_THEIR_OWN.add(where);
    }

    /**
     * Whether a pooler hands a session on with what the one before has set in it: what PostgreSQL's own programs set then
     * stays, since they can't take it back as we do. A setting of our own name is tried, and taken back.
     */
    public static boolean handsOnSettings(DatabaseUrl url, Settings settings, String who) {
        var mark = java.util.UUID.randomUUID().toString();
        try (var first = brief(url, settings, who)) {
            if (!first.pooled) return false;
            first.execute("discard all"); // should nobody find it again, no more than this stays
            first.one("select pg_catalog.set_config('handover.mark', ?, false)", mark);
            first.leave();
        }
        try (var second = brief(url, settings, who)) {
            return second.one("select coalesce(pg_catalog.current_setting('handover.mark', true), '')").equals(mark);
        }
    }

    /** Closes it as any program does, with whatever is set in it. */
    private void leave() {
        use(() -> {
            connection.close();
            return true;
        });
    }

    private static String place(DatabaseUrl url) { return url.host + ":" + url.port; }

    /** What PostgreSQL's own programs need so that their sessions last, as PGOPTIONS; empty where a pooler would refuse it, or nobody has connected. */
    static Optional<String> options(DatabaseUrl url) {
        return Optional.ofNullable(SHOWN.get(place(url))).filter(shown -> !shown.pooled).map(shown -> Lasting.ofPrograms(shown.major));
    }

    private static String encode(String name) {
        return java.net.URLEncoder.encode(name, java.nio.charset.StandardCharsets.UTF_8).replace("+", "%20");
    }

    /** The server's major version. */
    public int major() { return Integer.parseInt(one("select current_setting('server_version_num')")) / 10000; }

    /** Schemas of these names are anybody's; those of Supabase belong to its own roles, and a role alone says nothing. */
    private static final String PLATFORMS_SCHEMAS = """
        select exists (select from pg_catalog.pg_namespace n join pg_catalog.pg_roles r on r.oid = n.nspowner
        where n.nspname in ('auth', 'storage') and r.rolname like 'supabase%')""";

    /** Asks what the server is. */
    public Facts facts() {
        var extensions = rows("select extname, extversion from pg_catalog.pg_extension order by 1", row -> new Extension(row[0], row[1]));
        var version = one("select current_setting('server_version')");
        var supabase = one(PLATFORMS_SCHEMAS).equals("t") || url.host.endsWith(".supabase.co")
            || url.host.endsWith(".supabase.com");
        var name = one("select pg_catalog.current_database()"); // a pooler may call it otherwise
        return new Facts(version, major(), systemIdentifier(), supabase, Long.parseLong(one("select pg_database_size(current_database())")),
            one("select pg_encoding_to_char(encoding) from pg_catalog.pg_database where datname = current_database()"), DatabaseLocale.of(this, name), name, schemaVersion(), extensions);
    }

    /** The cluster's identifier: the same through every address; empty when the server won't say. */
    String systemIdentifier() {
        try {
            return one("select system_identifier from pg_control_system()");
        } catch (Failure e) {
            return ""; // some providers revoke it
        }
    }

    /** The last migration; empty without a plain table of a tool that this kit knows, and that the role can read. */
    public String schemaVersion() { return ToolHistory.last(this); }

    /** Turns one row, as text, into something. */
    public interface RowMapper<T> { T map(String[] row); }

    private interface Act<T> { T run() throws SQLException; }

    private <T> T use(Act<T> act) {
        using.lock();
        try {
            return awaited(act);
        } catch (SQLException e) {
            throw failed(e);
        } finally {
            using.unlock();
        }
    }

    /** What waits for an answer of the server. */
    private <T> T awaited(Act<T> act) throws SQLException {
        if (silence == null) return act.run();
        var before = silence.begins();
        try {
            return act.run();
        } finally {
            silence.ends(before);
        }
    }

    private Failure failed(SQLException e) { return silence != null && silence.wasLost() ? SqlFailure.unanswered(url) : SqlFailure.of(e, url); }

    /** All rows of a query; the values are bound to its question marks. */
    public <T> List<T> rows(String sql, RowMapper<T> mapper, Object... values) {
        return use(() -> {
            try (var statement = connection.prepareStatement(sql)) {
                for (var i = 0; i < values.length; i++) statement.setObject(i + 1, values[i]);
                try (var result = statement.executeQuery()) {
                    var rows = new ArrayList<T>();
                    while (result.next()) {
                        var row = new String[result.getMetaData().getColumnCount()];
                        for (var i = 0; i < row.length; i++) row[i] = result.getString(i + 1);
                        rows.add(mapper.map(row));
                    }
                    return rows;
                }
            }
        });
    }

    /** The first value of a query's only row, as text. Throws ToolFailed when there is none. */
    public String one(String sql, Object... values) { return only(sql, row -> row[0], values); }

    /** A query's only row. Throws ToolFailed when there is none: it asks for what was there just now. */
    <T> T only(String sql, RowMapper<T> mapper, Object... values) {
        var rows = rows(sql, mapper, values);
        if (rows.isEmpty())
            throw new Failure.ToolFailed("the server at " + url + " says nothing" + (values.length == 0 ? "" : " of '" + values[0] + "'") + ": somebody may just have dropped it",
                "see whether it is there, then run it again");
        return rows.get(0);
    }

    /** Executes all of them in one transaction. */
    public void transaction(List<String> statements) {
        use(() -> {
            connection.setAutoCommit(false);
            statements.forEach(this::execute);
            connection.commit();
            connection.setAutoCommit(true);
            return true;
        });
    }

    public void execute(String sql) {
        use(() -> {
            try (var statement = connection.createStatement()) {
                return statement.execute(sql);
            }
        });
    }

    /** Executes one statement as it stands; empty when it is done. Throws when the session is lost, and nobody knows. */
    public Optional<Complaint> attempt(String sql) {
        return use(() -> {
            try (var statement = connection.createStatement()) {
                statement.setEscapeProcessing(false);
                statement.execute(sql);
                return Optional.empty();
            } catch (SQLException e) {
                if (!(e instanceof org.postgresql.util.PSQLException said) || said.getServerErrorMessage() == null) throw e;
                var message = said.getServerErrorMessage();
                return Optional.of(new Complaint(e.getSQLState(), message.getMessage(), Objects.requireNonNullElse(message.getDetail(), ""),
                    Objects.requireNonNullElse(message.getHint(), ""), message.getPosition()));
            }
        });
    }

    /** Ends a transaction that is not to be; the server does so itself when the session is lost. */
    public void rollback() {
        try {
            execute("rollback");
        } catch (Failure.ToolFailed e) {
            // then there is no session any more
        }
    }

    /** Writes the rows of a COPY. */
    public interface CopySource { void writeTo(OutputStream to) throws IOException; }

    /**
     * Executes a COPY … FROM STDIN, telling how many bytes the server has taken. When it fails, the session is of no more use.
     *
     * @return how many rows it has taken
     */
    public long copyIn(String sql, CopySource rows, AtomicLong done) throws IOException {
        using.lock();
        try {
            var copy = connection.unwrap(org.postgresql.PGConnection.class).getCopyAPI().copyIn(sql);
            var to = new BufferedOutputStream(new OutputStream() {
                @Override public void write(int octet) { write(new byte[] {(byte) octet}, 0, 1); }

                @Override public void write(byte[] bytes, int from, int length) {
                    try {
                        awaited(() -> {
                            copy.writeToCopy(bytes, from, length);
                            return true;
                        });
                        done.addAndGet(length);
                    } catch (SQLException e) {
                        throw failed(e);
                    }
                }
            }, 1 << 16);
            rows.writeTo(to);
            to.flush();
            return awaited(copy::endCopy);
        } catch (SQLException e) {
            throw failed(e);
        } finally {
            using.unlock();
        }
    }

    /** Gives the rows of a COPY … TO STDOUT, one at a time; null behind the last. */
    interface CopyRows { byte[] next() throws SQLException; }

    /** Takes them. */
    interface CopyTaker { boolean take(CopyRows rows) throws SQLException, IOException; }

    /** Executes a COPY … TO STDOUT. */
    boolean copyOut(String sql, CopyTaker taker) throws IOException {
        using.lock();
        try {
            var copy = awaited(() -> connection.unwrap(org.postgresql.PGConnection.class).getCopyAPI().copyOut(sql));
            return taker.take(() -> awaited(copy::readFromCopy));
        } catch (SQLException e) {
            throw failed(e);
        } finally {
            using.unlock();
        }
    }

    /** Writes what a COPY … TO STDOUT gives. */
    public void copyOut(String sql, OutputStream to) throws IOException {
        copyOut(sql, rows -> {
            for (byte[] row; (row = rows.next()) != null; ) to.write(row);
            return true;
        });
    }

    /** A name as SQL writes it: in double quotes. */
    public static String quote(String name) { return "\"" + name.replace("\"", "\"\"") + "\""; }

    /** A text as SQL writes it: in single quotes. */
    public static String literal(String text) { return "'" + text.replace("'", "''") + "'"; }

    /**
     * Ends the session at once, also in the middle of a query, from any thread. Where a pooler keeps it after us, nothing that
     * was set and no lock stays with it; in the middle of something the pooler ends it itself.
     */
    @Override public void close() {
        if (silence != null) silence.stop();
        try {
            // Not in the middle of a query, which may be this thread's own: then the pooler ends the session.
            if (pooled && !connection.isClosed() && !using.isHeldByCurrentThread() && using.tryLock()) {
                try {
                    leaveNothing();
                } finally {
                    using.unlock();
                }
            }
        } catch (SQLException e) {
            // then all that is left is to go
        }
        try {
            connection.abort(Runnable::run);
        } catch (SQLException e) {
            // the session is gone either way
        }
    }

    /** Ends it in the middle of a COPY, where nothing else can be said to the server; a pooler then ends its own session too. */
    void abandon() {
        if (silence != null) silence.stop();
        try {
            connection.abort(Runnable::run);
        } catch (SQLException e) {
            // the session is gone either way
        }
    }

    private void leaveNothing() throws SQLException {
        connection.setNetworkTimeout(Runnable::run, 5000);
        if (!connection.getAutoCommit()) {
            connection.rollback();
            connection.setAutoCommit(true);
        }
        try (var statement = connection.createStatement()) {
            statement.execute("rollback");
            statement.execute("discard all");
        }
        connection.close();
    }
}
