package ops;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;

/**
 * The statements with which pg_dump describes a database itself. They are taken apart and never executed as they
 * stand: they name the database that was backed up, and an archive may come from anywhere.
 */
final class DatabaseScript {
    private static final Pattern TOKEN = Pattern.compile("--[^\n]*+|\"((?:[^\"]++|\"\")*+)\"|E'((?:[^'\\\\]++|''|\\\\.)*+)'|'((?:[^']++|'')*+)'|[\\p{L}_0-9$.-]++|[^\\s]", Pattern.DOTALL);
    private static final List<String> ALL = List.of("CREATE", "CONNECT", "TEMPORARY");

    private enum Kind { WORD, NAME, TEXT }

    /** @param kind a word of SQL (or a name without quotes), a name in double ones, a text in single ones */
    private record Token(String text, Kind kind) {
        boolean is(String words) { return kind == Kind.WORD && text.matches(words); }
    }

    private final String owner;
    private String tablespace = DatabaseProperties.DEFAULT_TABLESPACE;
    private int connectionLimit = -1;
    private String comment = "";
    private final Set<DatabaseProperties.Right> rights = new TreeSet<>(DatabaseProperties.USUAL_RIGHTS);
    private final List<DatabaseProperties.Value> settings = new ArrayList<>();
    private final List<DatabaseProperties.Label> labels = new ArrayList<>();

    DatabaseScript(String owner, String sql) {
        this.owner = owner;
        var statement = new ArrayList<Token>();
        var tokens = TOKEN.matcher(sql);
        while (tokens.find()) {
            if (tokens.group(1) != null) statement.add(new Token(tokens.group(1).replace("\"\"", "\""), Kind.NAME));
            else if (tokens.group(2) != null) statement.add(new Token(tokens.group(2).replace("''",
                "'").replaceAll("(?s)\\\\(.)", "$1"), Kind.TEXT));
            else if (tokens.group(3) != null) statement.add(new Token(tokens.group(3).replace("''", "'"), Kind.TEXT));
            else if (tokens.group().equals(";")) {
                read(statement);
                statement.clear();
            } else if (!tokens.group().startsWith("--")) statement.add(new Token(tokens.group(), Kind.WORD));
        }
    }

    DatabaseProperties properties() {
        var sorted = settings.stream()
            .sorted(java.util.Comparator.comparing(DatabaseProperties.Value::role).thenComparing(DatabaseProperties.Value::name)).toList();
        rights.removeIf(right -> right.grantee().equals(owner));
        return new DatabaseProperties(owner, tablespace, connectionLimit, comment, rights, sorted, labels);
    }

    /** What is of no known form says nothing that is kept. */
    private void read(List<Token> statement) {
        var words = statement.stream().map(Token::text).toList();
        var size = words.size();
        if (size < 6) return;
        var first = words.get(0) + " " + words.get(1);
        if (first.equals("CREATE DATABASE")) {
            for (var i = 2; i < size - 2; i++) if (statement.get(i).is("TABLESPACE")
                && statement.get(i + 1).is("=")) tablespace = words.get(i + 2);
        } else if (first.equals("ALTER DATABASE") && size > 6
            && words.get(3).equals("CONNECTION")) connectionLimit = limit(words.get(6));
        else if (first.equals("ALTER DATABASE") && words.get(3).equals("SET")) set("", words.get(4), statement);
        else if (first.equals("ALTER ROLE") && size > 9 && words.get(6).equals("SET")) set(words.get(2), words.get(7),
            statement);
        else if (first.equals("COMMENT ON")) comment = words.get(size - 1);
        else if (first.equals("SECURITY LABEL")) labels.add(new DatabaseProperties.Label(words.get(3),
            words.get(size - 1)));
        else if (words.get(0).matches("GRANT|REVOKE")) change(statement);
    }

    private static int limit(String number) { return number.matches("-?[0-9]{1,9}") ? Integer.parseInt(number) : -1; }

    private void set(String role, String name, List<Token> statement) {
        settings.add(new DatabaseProperties.Value(role, name, statement.stream().filter(token -> token.kind == Kind.TEXT)
            .map(Token::text).toList()));
    }

    private void change(List<Token> statement) {
        var grants = statement.get(0).is("GRANT");
        var on = find(statement, "ON");
        var to = find(statement, grants ? "TO" : "FROM");
        if (on < 0 || to < on || to + 1 == statement.size()) return;
        var of = statement.get(to + 1);
        var grantee = of.is("PUBLIC") ? "" : of.text;
        var option = grants && find(statement, "GRANT", to + 2) > 0;
        var onlyTheOption = !grants && find(statement, "OPTION") > 0;
        var named = statement.subList(1, on).stream().filter(token -> token.is("CREATE|CONNECT|TEMPORARY")).map(Token::text).toList();
        for (var privilege : named.isEmpty() ? ALL : named) {
            rights.removeIf(right -> right.grantee().equals(grantee) && right.privilege().equals(privilege));
            if (grants || onlyTheOption) rights.add(new DatabaseProperties.Right(grantee, privilege, option));
        }
    }

    private static int find(List<Token> statement, String word) { return find(statement, word, 0); }

    private static int find(List<Token> statement, String word, int from) {
        for (var i = from; i < statement.size(); i++) if (statement.get(i).is(word)) return i;
        return -1;
    }
}
