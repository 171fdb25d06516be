package restore;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import ops.Database;
import ops.DatabaseProperties;
import ops.DatabaseUrl;
import ops.Failure;
import ops.Run;

/**
 * Gives the new database of a swap what belongs to a database itself, in two goes. Rows may ask for a setting, so
 * these come before them; what keeps people or sessions out comes last, and is tried first: nothing is left that
 * could fail after hours.
 */
final class Dress {
    private final Run run;
    private final Database server;
    private final DatabaseUrl live;
    private final String fresh;
    private final DatabaseProperties wanted;
    private final Set<String> lacking = new TreeSet<>();

    /**
     * @param live the database that this one is to be
     * @param fresh this one's name until then
     */
    Dress(Run run, Database server, DatabaseUrl live, String fresh, DatabaseProperties wanted) {
        this.run = run;
        this.server = server;
        this.live = live;
        this.fresh = fresh;
        this.wanted = wanted;
    }

    /** Before anything is loaded. Warns of what can't be had on this server, or by this role, and leaves that out. */
    void before() {
        // The server or the role may have it otherwise, and this is the one place that goes before both.
        server.attempt(mayWrite("set default_transaction_read_only = off"));
        var missing = missingRoles();
        for (var setting : wanted.settings()) {
            if (missing.contains(setting.role())) lack(setting, "there is no role " + setting.role()
                + " on this server");
            else if (setting.bites()) attempt(setting, List.of("begin", setting.statement(fresh)));
            else attempt(setting, List.of(setting.statement(fresh)));
        }
        for (var right : wanted.rights()) if (missing.contains(right.grantee())) lack(right, "there is no role "
            + right.grantee() + " on this server");
        for (var label : wanted.labels()) attempt(label, List.of(label.statement(fresh)));
    }

    private String mayWrite(String how) {
        return "alter role session_user in database " + Database.quote(fresh) + " "
            + how;
    }

    private List<String> missingRoles() {
        var named = new TreeSet<String>();
        wanted.settings().forEach(setting -> named.add(setting.role()));
        wanted.rights().forEach(right -> named.add(right.grantee()));
        return named.stream().filter(role -> !role.isEmpty()
            && server.one("select exists (select from pg_roles where rolname = ?)", role).equals("f")).toList();
    }

    /** The last of the statements is the one that may fail. */
    private void attempt(Object what, List<String> statements) {
        var complaint = statements.stream().map(server::attempt).reduce((first, last) -> last).orElseThrow();
        if (statements.size() > 1) server.execute("rollback");
        complaint.ifPresent(said -> lack(what, said.message()));
    }

    private void lack(Object what, String why) {
        lacking.add(what.toString());
        run.console.warn("the restored database will be without its " + what + ": " + why);
    }

    private boolean isThere(Object what) { return !lacking.contains(what.toString()); }

    /** Immediately before the switch. Throws when somebody would have another right than before. */
    void after() {
        var name = Database.quote(fresh);
        server.attempt(mayWrite("reset default_transaction_read_only"));
        var statements = new ArrayList<String>();
        if (!wanted.comment().isEmpty()) statements.add("comment on database " + name + " is "
            + Database.literal(wanted.comment()));
        wanted.settings().stream().filter(setting -> setting.bites() && isThere(setting))
            .forEach(setting -> statements.add(setting.statement(fresh)));
        statements.add("alter database " + name + " connection limit " + wanted.connectionLimit());
        statements.add("revoke all on database " + name + " from public");
        wanted.rights().stream().filter(this::isThere).forEach(right -> statements.add(right.statement(fresh)));
        server.transaction(statements);
        compare();
    }

    private void compare() {
        var found = DatabaseProperties.of(server, fresh);
        var widened = found.rights().stream().filter(right -> !wanted.rights().contains(right)).map(Object::toString)
            .collect(Collectors.joining(", "));
        if (!widened.isEmpty()) throw new Failure.NotVerified("the restored database would give rights that it did "
            + "not give before: " + widened, "see who owns it: " + live);
        for (var difference : wanted.differences(found))
            if (lacking.stream()
                .noneMatch(difference::endsWith)) run.console.warn("the restored database is not as it was in one "
                + "thing that belongs to a database itself: " + difference);
    }

    /** In a few words; empty for a database that has nothing of its own. */
    String words() {
        var words = new ArrayList<String>();
        if (!wanted.settings().isEmpty()) words.add(wanted.settings().size()
            + (wanted.settings().size() == 1 ? " setting" : " settings"));
        if (!wanted.rights().equals(DatabaseProperties.USUAL_RIGHTS)) words.add("rights");
        if (wanted.connectionLimit() >= 0) words.add("connection limit " + wanted.connectionLimit());
        if (!wanted.comment().isEmpty()) words.add("comment");
        if (!wanted.tablespace().equals(DatabaseProperties.DEFAULT_TABLESPACE)) words.add("tablespace "
            + wanted.tablespace());
        return String.join(", ", words);
    }

    /** What the restored database is without. */
    List<String> lacking() { return List.copyOf(lacking); }
}
