//SOURCES ../migrations/Statement.java
//SOURCES ../migrations/Statements.java
package restore;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.Set;
import java.util.regex.Pattern;
import migrations.Statements;
import ops.Database;
import ops.DatabaseProperties;
import ops.Failure;

/**
 * SQL of the operator's own for restored data, to make them anonymous say. In both modes it is one transaction, which
 * is the kit's: a script that ended it by itself could leave the half of its work for everybody to see.
 */
public final class AfterSql {
    private static final Pattern INCLUDE = Pattern.compile("\\\\(i|ir|include|include_relative)\\s+'?([^']*?)'?\\s*");
    private static final Pattern CONNECT = Pattern.compile("\\\\(c|connect)(\\s.*)?");
    private static final Pattern COPY = Pattern.compile("(?i)\\s*copy\\b.*\\bfrom\\s+stdin\\b.*");
    private static final String MEND = "take it out: restore-db runs the file in one transaction of its own, and "
        + "commits that when all of it has passed";

    public final Path file;

    /** Throws BadSetting when the file, or one that it includes, begins or ends a transaction. */
    public AfterSql(Path file) {
        this.file = file;
        check(file, new HashSet<>());
    }

    private static void check(Path file, Set<Path> seen) {
        if (!seen.add(file.toAbsolutePath().normalize())) return;
        var sql = new StringBuilder();
        var rows = false;
        try {
            for (var line : Files.readAllLines(file)) {
                var include = INCLUDE.matcher(line.strip());
                if (rows) rows = !line.equals("\\.");
                else if (CONNECT.matcher(line.strip()).matches()) throw new Failure.BadSetting(file
                    + " connects by itself: " + line.strip(), MEND);
                else if (include.matches()) {
                    // Beside the file that names it, or where the run was started.
                    var other = include.group(1).contains("r") ? file.resolveSibling(include.group(2))
                        : Path.of(include.group(2));
                    if (Files.isReadable(other)) check(other, seen);
                } else if (!line.strip().startsWith("\\")) sql.append(line);
                else rows = false;
                if (COPY.matcher(line).matches()) rows = true;
                sql.append('\n'); // lines are those of the file
            }
        } catch (IOException e) {
            throw new Failure.BadSetting("the file with SQL can't be read: " + file,
                "it has to be text in UTF-8: --after-sql or AFTER_RESTORE_SQL names it");
        }
        for (var statement : Statements.of(sql.toString()))
            if (statement.isControl()) throw new Failure.BadSetting(file + " begins or ends a transaction, on line "
                + statement.line() + ": " + statement.words(), MEND);
    }

    /**
     * What psql reads within a transaction that has begun: the file, as a session of the role finds the database when
     * it has just connected, but without limits.
     */
    public String lines() {
        return String.join("\n", "reset all;",
            "set statement_timeout = 0; set lock_timeout = 0; set idle_in_transaction_session_timeout = 0;",
            "set default_transaction_read_only = on;", // what comes behind an end of the transaction fails
            "\\i " + Database.literal(file.toAbsolutePath().toString().replace("\\", "\\\\")),
            // However the file has left psql.
            "\\pset format unaligned", "\\pset tuples_only on", "\\pset expanded off", "\\set ON_ERROR_STOP 1",
                "\\o /dev/null", "");
    }

    /**
     * The whole of it for a psql of its own; says in the end of what number the transaction was, twice, when it was
     * one.
     */
    public String script() {
        return String.join("\n", "set default_transaction_read_only = on; begin read write;",
            "select 'set local role none' where exists (" + DatabaseProperties.SETS_A_ROLE + ") \\gexec",
            "select txid_current() as handover_begun \\gset", lines(),
                "select txid_current() as handover_ended \\gset", "commit;", "\\o",
                "\\echo handover :handover_begun :handover_ended", "");
    }

    /** Whether what {@link #script} has said shows one transaction. */
    public static boolean wasOne(String said) {
        return Pattern.compile("(?m)^handover ([0-9]+) "
            + "\\1$").matcher(said).find();
    }

    @Override public String toString() { return file.getFileName().toString(); }
}
