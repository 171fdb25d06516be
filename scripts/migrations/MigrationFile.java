package migrations;

import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;
import ops.Failure;

/**
 * One migration.
 *
 * @param fileName VERSION_name.sql
 * @param statements all of them, as the Supabase CLI records them
 */
public record MigrationFile(String fileName, String version, String name, List<Statement> statements) {
    static final Pattern FORM = Pattern.compile("([0-9]+)_(.*)\\.sql");

    static MigrationFile read(Path path) {
        var fileName = path.getFileName().toString();
        var form = FORM.matcher(fileName);
        if (!form.matches()) throw new IllegalArgumentException(fileName);
        try {
            var sql = Files.readString(path);
            return new MigrationFile(fileName, form.group(1), form.group(2), Statements.of(sql.replaceFirst("^\ufeff", "")));
        } catch (CharacterCodingException e) {
            throw new Failure.BadSetting(fileName + " is not UTF-8", "iconv -f LATIN1 -t UTF-8 '" + path + "'");
        } catch (IOException e) {
            throw new Failure.BadSetting(path + " can't be read", "ls -l '" + path + "'");
        }
    }

    /** What a database that it was applied to depends on: no comments, no blanks. */
    String essence() { return essence(statements); }

    static String essence(List<Statement> statements) {
        var essence = new StringBuilder();
        for (var statement : statements) essence.append(statement.essence());
        return essence.toString();
    }

    /** Whether its statements can't run in a transaction, so that they run one by one. */
    public boolean runsAlone() { return statements.stream().anyMatch(Statement::runsAlone); }

    /** What of it stays when its transaction is rolled back, in words; empty when nothing is seen that does. */
    Optional<String> lasting() {
        return body().stream().flatMap(statement -> statement.lasting().map(what -> at(statement) + " " + what).stream())
            .map(what -> what + " is not undone by a rollback").findFirst();
    }

    /** What is executed: all but comments, and but for a BEGIN and COMMIT round everything, since that is so anyway. */
    List<Statement> body() {
        var body = statements.stream().filter(statement -> !statement.isComment()).toList();
        var wrapped = body.size() > 1 && body.get(0).is("(BEGIN|START)( WORK| TRANSACTION)?") && body.get(body.size() - 1).is("(COMMIT|END)( WORK| TRANSACTION)?");
        return wrapped ? body.subList(1, body.size() - 1) : body;
    }

    /**
     * Throws Refused when it has what only psql can do, or could end half-way, with a part of it in the database and no
     * record of it.
     */
    void check() {
        for (var statement : body()) {
            var what = at(statement) + " " + statement.shown();
            if (statement.isCopy())
                throw new Failure.Refused(what + " takes rows that only psql can send",
                    "write them as INSERT: pg_dump --rows-per-insert=1000 does");
            if (statement.isOfPsql())
                throw new Failure.Refused(what + " is a command of psql, and no SQL",
                    "take it out, or write in SQL what it does");
        }
        for (var statement : body())
            if (statement.isControl())
                throw new Failure.Refused(at(statement) + " " + statement.shown() + " ends the transaction in the middle of the migration: when a later line fails, the earlier ones stay",
                    "take it out, or make two migrations of it");
        if (!runsAlone()) return;
        var alone = body().stream().filter(Statement::runsAlone).findFirst().orElseThrow();
        for (var statement : body()) {
            if (!statement.runsAlone() && !statement.isSetting())
                throw new Failure.Refused(at(alone) + " " + alone.shown() + " can't run in a transaction, and the rest (" + statement.shown() + ") has to: when one fails, the other stays",
                    "give it a migration of its own: move line " + alone.line() + " to a file that follows");
            if (statement.is("CREATE (UNIQUE )?INDEX CONCURRENTLY ON .*"))
                throw new Failure.Refused(at(statement) + " the index has no name: a second try would build a second one", "give it a name: CREATE INDEX CONCURRENTLY NAME ON …");
        }
    }

    String at(Statement statement) { return fileName + ", line " + statement.line() + ":"; }

    @Override public String toString() { return fileName; }
}
