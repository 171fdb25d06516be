//SOURCES SampleRows.java
//SOURCES SampleTables.java
package local;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;
import ops.Failure;
import ops.Private;
import ops.Secret;

/**
 * The sample database of a trailer dealer in a French-speaking place: {@code dealer}, owned by the role {@code dealer}.
 *
 * <p>Its rows are computed from a seed, on the server; the same seed and scale give the same rows in the same order.
 */
public final class SampleDatabase {
    public static final String NAME = "dealer";
    public static final String OWNER = "dealer";
    /** Who looks at the site without having signed in, as Supabase calls it. */
    static final String VISITOR = "anon";
    public static final int DEFAULT_SEED = 1;
    private static final int SESSION_SECONDS = 2;
    private static final String FRESH = NAME + "_being_made";

    /** What was made: as much as that times the smallest one, from that seed. */
    public record Made(int scale, int seed) {
        private static final Pattern FORM = Pattern.compile("scale=(\\d{1,9})\nseed=(\\d{1,9})\n");

        @Override public String toString() { return "scale " + scale + ", seed " + seed; }
    }

    private final EmbeddedPostgres server;
    private final Path note;
    private final Secret password;

    /**
     * The sample database on a server.
     *
     * @param folder keeps the owner's password and a note of what was made
     */
    public SampleDatabase(EmbeddedPostgres server, Path folder) throws IOException {
        this.server = server;
        note = folder.resolve("sample");
        password = KeptSecret.in(folder.resolve("dealer.password"));
    }

    /** The owner's connection URL, with the password. */
    public String url() { return server.url(OWNER, password, NAME); }

    /** A session of the owner's for one question, since a restore ends sessions and renames databases. It gives up soon: no answer is one too. */
    Connection session() throws SQLException { return server.connect(OWNER, password, NAME, SESSION_SECONDS); }

    /** What is there; empty when there is none, or when nobody can say how it was made. */
    public Optional<Made> made() throws IOException, SQLException {
        if (!Files.exists(note) || !exists()) return Optional.empty();
        var text = Made.FORM.matcher(Files.readString(note));
        return text.matches() ? Optional.of(new Made(Integer.parseInt(text.group(1)), Integer.parseInt(text.group(2)))) : Optional.empty();
    }

    public boolean exists() throws SQLException {
        try (var connection = server.connect("postgres")) {
            return asks(connection, "select exists (select from pg_database where datname = '" + NAME + "')");
        }
    }

    /** Makes it anew, in place of the one that is there. Until the last moment it has another name: what is called dealer is whole. */
    public void make(int scale, int seed) throws IOException, SQLException {
        if (scale < 1 || scale > 10_000) throw new Failure.Usage("a scale of " + scale + " is not possible", "1 gives about 6 MB, 180 about 1 GB, at most 10000");
        Files.deleteIfExists(note);
        try (var connection = server.connect("postgres")) {
            makeRoles(connection);
            execute(connection, "drop database if exists " + FRESH + " with (force)");
            execute(connection, "create database " + FRESH + " owner " + OWNER + " template template0");
        }
        try (var connection = server.connect(OWNER, password, FRESH)) {
            connection.setAutoCommit(false);
            // In the transaction that creates a table its rows need no write-ahead log.
            execute(connection, SampleTables.CREATE);
            execute(connection, SampleRows.sql(scale, seed));
            execute(connection, SampleTables.FINISH);
            execute(connection, SampleTables.CANARY);
            connection.commit();
            connection.setAutoCommit(true);
            execute(connection, "vacuum analyze");
        }
        try (var connection = server.connect("postgres")) {
            execute(connection, "drop database if exists " + NAME + " with (force)");
            execute(connection, "alter database " + FRESH + " rename to " + NAME);
        }
        Private.write(note, "scale=" + scale + "\nseed=" + seed + "\n");
    }

    /** Gives the one that is there what earlier versions of the kit did not make. */
    public void complete() throws SQLException {
        try (var connection = server.connect(NAME)) {
            if (asks(connection, "select to_regclass('public.canary') is not null")) return;
            makeRoles(connection);
            execute(connection, SampleTables.CANARY + "alter table canary owner to " + OWNER);
        }
    }

    private void makeRoles(Connection connection) throws SQLException {
        for (var role : List.of(OWNER, VISITOR))
            if (!asks(connection, "select exists (select from pg_roles where rolname = '" + role + "')")) execute(connection, "create role " + role);
        execute(connection, "alter role " + OWNER + " login createdb password '" + password.reveal() + "'; grant " + VISITOR + " to " + OWNER);
    }

    private static void execute(Connection connection, String sql) throws SQLException {
        try (var statement = connection.createStatement()) {
            statement.execute(sql);
        }
    }

    private static boolean asks(Connection connection, String sql) throws SQLException {
        try (var statement = connection.createStatement(); var answer = statement.executeQuery(sql)) {
            answer.next();
            return answer.getBoolean(1);
        }
    }
}
