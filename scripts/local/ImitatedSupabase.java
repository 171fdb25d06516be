package local;

import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.sql.SQLException;
import java.sql.Types;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import ops.Database;
import ops.Secret;

/**
 * An imitation of Supabase, as far as a check from outside looks: GoTrue's health, and of PostgREST reading a table of
 * schema public by equality. Which rows are shown is decided by the database's own row-level security, for role anon.
 */
final class ImitatedSupabase {
    private static final String REST = "/rest/v1/";

    private final SampleDatabase database;
    private final Secret anonKey;

    ImitatedSupabase(SampleDatabase database, Secret anonKey) {
        this.database = database;
        this.anonKey = anonKey;
    }

    Answer answer(String path, String query, String key) {
        if (!anonKey.reveal().equals(key)) return Answer.object(401, "message", "Invalid API key");
        if (path.equals("/auth/v1/health")) return Answer.object(200, "name", "GoTrue", "version", "imitation");
        if (path.equals(REST)) return Answer.object(401, "message", "Secret API key required");     // as Supabase answers to the anon key
        if (!path.startsWith(REST)) return Answer.object(404, "message", "not imitated");
        try {
            return Answer.json(200, rows(path.substring(REST.length()), query == null ? "" : query));
        } catch (IllegalArgumentException e) {
            return Answer.object(400, "message", String.valueOf(e.getMessage()));
        } catch (SQLException e) {
            return refused(e);
        }
    }

    private String rows(String table, String query) throws SQLException {
        var columns = "*";
        var limit = "";
        var conditions = new ArrayList<String>(List.of("true"));
        var values = new ArrayList<String>();
        for (var parameter : query.split("&")) {
            if (parameter.isEmpty()) continue;
            var name = decoded(parameter.replaceFirst("=.*", ""));
            var value = decoded(parameter.replaceFirst("[^=]*=?", ""));
            if (name.equals("select")) columns = value.equals("*") ? value : Stream.of(value.split(",")).map(Database::quote).collect(Collectors.joining(", "));
            else if (name.equals("limit")) limit = " limit " + Integer.parseUnsignedInt(value);
            else if (value.startsWith("eq.")) {
                conditions.add(Database.quote(name) + " = ?");
                values.add(value.substring("eq.".length()));
            } else throw new IllegalArgumentException("not imitated: " + parameter);
        }
        var sql = "select coalesce(json_agg(_row), '[]') from (select " + columns + " from public." + Database.quote(table) + " where " + String.join(" and ", conditions) + limit + ") _row";
        try (var session = database.session()) {
            session.setReadOnly(true);
            session.setAutoCommit(false);
            try (var role = session.createStatement(); var statement = session.prepareStatement(sql)) {
                role.execute("set local role " + SampleDatabase.VISITOR);
                for (var i = 0; i < values.size(); i++) statement.setObject(i + 1, values.get(i), Types.OTHER);      // of the column's type
                try (var answer = statement.executeQuery()) {
                    answer.next();
                    return answer.getString(1);
                }
            }
        }
    }

    private static String decoded(String text) { return URLDecoder.decode(text, StandardCharsets.UTF_8); }

    /** With the status that PostgREST has for it when nobody is signed in. */
    private static Answer refused(SQLException e) {
        var state = String.valueOf(e.getSQLState());
        var status = switch (state) {
            case "42P01" -> 404;
            case "42501" -> 401;
            default -> state.matches("(22|42).*") ? 400 : 503;
        };
        return Answer.object(status, "code", state, "message", e.getMessage().lines().findFirst().orElse("").replaceFirst("^ERROR: ", ""));
    }
}
