package migrations;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import ops.Amount;

/**
 * Looks for what is dangerous on a live database, by the words of the statements. What is destroyed a rehearsal knows
 * better (Losses); this says it where there is none, and says what is slow. What a migration made itself, or one before
 * it, is nobody's yet, and so in no danger. The bodies of functions are not looked into.
 */
final class Lint {
    private static final String WORD = "(?:\"(?:[^\"]|\"\")++\"|[\\p{L}_][\\p{L}\\p{N}_$]*+)";
    private static final String NAME = WORD + "(?: ?\\. ?" + WORD + ")?+";
    private static final String TABLE = "(?<table>" + NAME + ")(?= |$|\\(|\\)|,)";
    /** Several, one behind the other. */
    private static final String TABLES = "(?<list>.*)";
    private static final Pattern LISTED =
        Pattern.compile("\\G(?:ONLY )?(?<table>" + NAME + ")(?: ?\\*)?(?: ?, ?|(?= |$))");
    /** Behind the names of a WITH, each of them. */
    private static final String WITHIN = "(?:^(?:WITH|INSERT)\\b|\\G(?!^)).*?[()] ?";
    private static final String ALTER = "^ALTER (?:FOREIGN )?TABLE (?:IF EXISTS )?(?:ONLY )?" + TABLE + ".*?";
    private static final String COLUMN = "(?<column>\"(?:[^\"]|\"\")+\"|(?!CONSTRAINT\\b|DEFAULT\\b|NOT\\b|EXPRESSION\\b|IDENTITY\\b)[\\p{L}_][\\p{L}\\p{N}_$]*)";
    private static final String LATER = "do it in a later release, when no code uses it any more";
    private static final String VALIDATE = "add it with NOT VALID, and VALIDATE CONSTRAINT in a migration of its own: that reads the table without a lock on it";

    /** What of a block may destroy something; a trigger's EXECUTE FUNCTION does not. */
    private static final Pattern HIDDEN = Pattern.compile("(?i)\\b(EXECUTE(?!\\s+(?:FUNCTION|PROCEDURE)\\b)|DROP"
        + "|TRUNCATE|DELETE\\s+FROM|UPDATE\\b[^;]*\\bSET|MERGE\\s+INTO|RENAME|CALL)\\b");

    /**
     * @param outer whether it looks at what is outside of all brackets alone
     * @param what with {table}, {column} and {size} for what was found
     */
    private record Rule(Pattern pattern, boolean outer, String what, String instead, boolean destructive) { }

    private static final List<Rule> RULES = List.of(
        destroys("^DROP (?:FOREIGN )?TABLE (?:IF EXISTS )?" + TABLES,
            "drops table {table}{size}", LATER + "; only a backup brings it back"),
        destroys("^DROP SCHEMA .*", "drops a schema", LATER + "; only a backup brings it back"),
        destroys("^DROP (?:MATERIALIZED )?VIEW (?:IF EXISTS )?" + TABLES, "drops view {table}", LATER),
        destroys("^DROP (?:FUNCTION|PROCEDURE|ROUTINE|AGGREGATE|TYPE|DOMAIN|SEQUENCE|EXTENSION|OWNED|ROLE) .*", "drops what live code may use", LATER),
        destroys(ALTER + "\\bDROP (?:COLUMN )?(?:IF EXISTS )?" + COLUMN, "drops column {column} of {table}", LATER + "; only a backup brings it back"),
        destroys("^DROP (?!TABLE|FOREIGN TABLE|SCHEMA|FUNCTION|PROCEDURE|ROUTINE|AGGREGATE|TYPE|DOMAIN|SEQUENCE|EXTENSION|OWNED|ROLE).*\\bCASCADE$|^ALTER .* DROP CONSTRAINT .* CASCADE$", "drops, with CASCADE, whatever depends on it", "name what is to go, and drop that"),
        destroys("^TRUNCATE (?:TABLE )?" + TABLES, "empties {table}{size}",
            "only a backup brings the rows back: make one now"),
        destroys("^TRUNCATE .*\\bCASCADE$", "empties, with CASCADE, whatever refers to it",
            "name what is to be emptied"),
        destroysOutside("^DELETE FROM (?:ONLY )?" + TABLE + "(?!.* WHERE ).*",
            "deletes every row of {table}{size}: it has no WHERE", "only a backup brings the rows back: make one now"),
        destroysOutside("^UPDATE (?:ONLY )?" + TABLE + "(?!.* WHERE ).*",
            "changes every row of {table}{size}: it has no WHERE", "change them in portions, and keep what was there"),
        destroys(WITHIN + "DELETE FROM (?:ONLY )?" + TABLE, "deletes rows of {table}{size}, within WITH",
            "only a backup brings the rows back: make one now"),
        destroys(WITHIN + "UPDATE (?:ONLY )?" + TABLE, "changes rows of {table}{size}, within WITH",
            "change them in portions, and keep what was there"),
        destroys("^MERGE INTO (?:ONLY )?" + TABLE + ".*\\bTHEN (?:UPDATE|DELETE)\\b.*",
            "changes or deletes rows of {table}{size}", "only a backup brings the rows back: make one now"),
        destroys(ALTER + "\\bDETACH PARTITION .*", "takes the rows of a partition out of {table}", LATER),
        destroys("^ALTER (?:TABLE|(?:MATERIALIZED )?VIEW) (?:IF EXISTS )?(?:ONLY )?" + TABLE + ".*? RENAME (?!CONSTRAINT\\b).*", "renames {table}, or a part of it: live code knows the old name only", "add the new one beside it, and drop the old one in a later release"),
        destroys("^ALTER (?:FUNCTION|PROCEDURE|SCHEMA|TYPE|DOMAIN|SEQUENCE) .* RENAME (?:TO|VALUE|ATTRIBUTE) .*|^ALTER .* SET SCHEMA .*", "renames or moves what live code may use", "add the new one beside it, and drop the old one in a later release"),
        destroys(ALTER + "\\bALTER (?:COLUMN )?" + COLUMN + " (?:SET DATA )?TYPE .*", "changes the type of {column} of {table}: that rewrites the table{size} under a lock, unless the old type's values fit as they are", "add a column of the new type, fill it in portions, and switch over"),
        destroys(ALTER + "\\bADD (?:COLUMN )?(?:IF NOT EXISTS )?" + COLUMN + "(?![^,]* DEFAULT | GENERATED |[^,]* AS IDENTITY)[^,]* NOT NULL\\b(?![^,]*DEFAULT|[^,]*GENERATED).*", "adds column {column} to {table}, NOT NULL and without a default: it fails when there are rows, and live code can't insert", "give it a default, or let it be null until the release is out"),
        destroys(ALTER + "\\bDISABLE ROW LEVEL SECURITY.*", "lets everybody with rights on {table} see all its rows", "change the policies instead"),
        slows(ALTER + "\\bADD (?:COLUMN )?(?:IF NOT EXISTS )?" + COLUMN + " (?:[^,]* DEFAULT [^,]*\\b(?:RANDOM|GEN_RANDOM_UUID|UUID_GENERATE_V[0-9]|UUIDV[47]|CLOCK_TIMESTAMP|TIMEOFDAY|NEXTVAL) ?\\(|(?:SMALL|BIG)?SERIAL\\b|[^,]* GENERATED (?:ALWAYS|BY DEFAULT) AS ).*",
            "adds column {column} with another value in each row: that rewrites {table}{size} under a lock", "add it without, set the default for new rows, and fill the old ones in portions"),
        slows(ALTER + "\\bSET (?:LOGGED|UNLOGGED|TABLESPACE|ACCESS METHOD)\\b.*", "rewrites {table}{size} under a lock", "do it when nobody is there"),
        slows("^VACUUM (?:FULL|\\(.*\\bFULL\\b.*\\)) ?.*|^CLUSTER\\b.*", "rewrites tables under a lock", "do it when nobody is there"),
        slows("^CREATE (?:UNIQUE )?INDEX (?!CONCURRENTLY)(?:IF NOT EXISTS )?(?:" + NAME + " )?ON (?:ONLY )?" + TABLE + ".*", "builds an index on {table}{size}: nobody can write to it until then", "CREATE INDEX CONCURRENTLY, in a migration of its own"),
        slows("^DROP INDEX (?!CONCURRENTLY).*", "drops an index under a lock on its table", "DROP INDEX CONCURRENTLY, in a migration of its own"),
        slows("^REINDEX (?!.*\\bCONCURRENTLY\\b).*", "builds indexes under a lock", "REINDEX … CONCURRENTLY, in a migration of its own"),
        slows("^REFRESH MATERIALIZED VIEW (?!CONCURRENTLY)" + TABLE + ".*", "fills {table}{size}: nobody can read it until then", "REFRESH MATERIALIZED VIEW CONCURRENTLY, which needs a unique index"),
        slows(ALTER + "\\bADD (?:CONSTRAINT " + NAME + " )?FOREIGN KEY (?!.* NOT VALID).*", "adds a foreign key to {table}{size}: nobody can write to both tables until all rows are looked at", VALIDATE),
        slows(ALTER + "\\bADD (?:CONSTRAINT " + NAME + " )?CHECK ?\\((?!.* NOT VALID).*", "adds a check to {table}{size}: nobody can use it until all rows are looked at", VALIDATE),
        slows(ALTER + "\\bALTER (?:COLUMN )?" + COLUMN + " SET NOT NULL.*", "makes {column} of {table}{size} NOT NULL: nobody can use it until all rows are looked at", "add CHECK (… IS NOT NULL) NOT VALID, validate it, then SET NOT NULL: that looks at none"),
        slows(ALTER + "\\bADD (?:CONSTRAINT " + NAME + " )?(?:UNIQUE|PRIMARY KEY|EXCLUDE)\\b(?!(?: NULLS (?:NOT )?DISTINCT)? USING INDEX).*", "builds an index on {table}{size}: nobody can use it until then", "CREATE UNIQUE INDEX CONCURRENTLY in a migration of its own, then ADD CONSTRAINT … USING INDEX"),
        slows("^LOCK (?:TABLE )?" + TABLES, "locks {table} until the migration is done",
            "leave it out: what a statement needs it locks itself"));

    private Lint() { }

    private static Rule destroys(String regex, String what, String instead) {
        return new Rule(Pattern.compile(regex), false, what, instead, true);
    }

    private static Rule destroysOutside(String regex, String what, String instead) {
        return new Rule(Pattern.compile(regex), true, what, instead, true);
    }

    private static Rule slows(String regex, String what, String instead) {
        return new Rule(Pattern.compile(regex), false, what, instead, false);
    }

    static List<Finding> of(List<MigrationFile> files, Tables tables) {
        var findings = new ArrayList<Finding>();
        for (var file : files)
            for (var statement : file.body()) {
                var line = statement.line();
                for (var rule : RULES)
                    for (var what : words(rule, statement, tables))
                        findings.add(new Finding(file.fileName(), line, what, rule.instead, rule.destructive));
                if (!statement.is("DO\\b.*")) continue;
                var destructive = HIDDEN.matcher(statement.text()).find();
                var what = "runs code that is not looked into";
                findings.add(new Finding(file.fileName(), line, what, "read it", destructive));
            }
        return findings;
    }

    /** What a rule finds, once for each table that it is about, but for tables that are not there yet. */
    private static List<String> words(Rule rule, Statement statement, Tables tables) {
        var found = new ArrayList<String>();
        var match = rule.pattern.matcher(rule.outer ? statement.outer() : statement.words());
        while (match.find()) {
            if (!rule.what.contains("{table}")) {
                found.add(rule.what);
                continue;
            }
            var one = !rule.pattern.pattern().contains(TABLES);
            if (one) words(rule, match, match.group("table"), tables).ifPresent(found::add);
            var listed = LISTED.matcher(one ? "" : match.group("list"));
            while (listed.find()) words(rule, match, listed.group("table"), tables).ifPresent(found::add);
        }
        return found;
    }

    /** Empty when the table is not there yet. */
    private static Optional<String> words(Rule rule, Matcher match, String name, Tables tables) {
        var what = rule.what;
        if (what.contains("{column}")) what = what.replace("{column}", shown(match.group("column")));
        var table = name.replaceAll(" ?\\. ?", ".");
        var words = what.replace("{table}", shown(table));
        return tables.size(table).map(size -> words.replace("{size}", size < 1 << 20 ? "" : " (" + Amount.bytes(size) + ")"));
    }

    /** Unquoted names are in capitals here. */
    private static String shown(String name) { return Pattern.compile("\"[^\"]*\"|[^\"]+").matcher(name).replaceAll(part -> Matcher.quoteReplacement(part.group().startsWith("\"") ? part.group() : part.group().toLowerCase(Locale.ROOT))); }
}
