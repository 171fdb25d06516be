package ops;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * Restores what an ordinary restore fails at: loads all rows, makes constraints that they break NOT VALID, leaves a
 * materialized view empty that can't be filled, and leaves out what can't be made; and keeps a list of all that.
 */
public final class Repair {
    /**
     * What is not as it was.
     *
     * @param type like the schema (empty without one) and the name as the archive's table of contents has them
     * @param done what became of it, a sentence without its subject
     * @param problem what the server says
     * @param sql what shows the rows that break it, or what would make it
     * @param rows those that break it, at most {@link #SHOWN}; empty where nobody can tell
     * @param count how many there are; 0 where nobody can tell
     */
    public record Finding(String type, String schema, String name, String done, String problem, String sql, List<String> rows, long count) {
        public String object() { return type.toLowerCase(java.util.Locale.ROOT) + " " + (schema.isEmpty() ? "" : schema + ".") + name; }

        /** One line, without rows: these are in the file. */
        public String words() {
            var breaking = count == 0 ? "" : count == 1 ? "; 1 row breaks it" : "; " + count + " rows break it";
            return (object() + " " + done + breaking + ": " + problem).replaceAll("\\s+", " ");
        }
    }

    /** A constraint that rows are held against while they are loaded. */
    private record Check(String on, String schema, String name, String constraint, String definition, String breaking, String comment) {
        String quoted() { return Database.quote(constraint); }

        String change(String how) { return "alter " + on + " " + how; }
    }

    private static final int SHOWN = 1000;
    private static final String OF_OURS = "n.nspname !~ '^pg_' and n.nspname <> 'information_schema' and not exists (select from pg_catalog.pg_depend d where d.deptype = 'e' and d.objid in (c.conrelid, c.contypid))";
    /** Those that no parent has too: dropping the parent's makes the children's such ones. */
    private static final String CHECKS = """
        select 'table ' || c.conrelid::pg_catalog.regclass, n.nspname, r.relname, c.conname, pg_catalog.pg_get_constraintdef(c.oid),
          'select * from ' || c.conrelid::pg_catalog.regclass || ' where not (' || pg_catalog.pg_get_expr(c.conbin, c.conrelid) || ')', pg_catalog.obj_description(c.oid, 'pg_constraint')
        from pg_catalog.pg_constraint c join pg_catalog.pg_class r on r.oid = c.conrelid join pg_catalog.pg_namespace n on n.oid = r.relnamespace
        where c.contype = 'c' and c.convalidated and c.coninhcount = 0 and %1$s
        union all
        select 'domain ' || c.contypid::pg_catalog.regtype, n.nspname, t.typname, c.conname, pg_catalog.pg_get_constraintdef(c.oid), '', pg_catalog.obj_description(c.oid, 'pg_constraint')
        from pg_catalog.pg_constraint c join pg_catalog.pg_type t on t.oid = c.contypid join pg_catalog.pg_namespace n on n.oid = t.typnamespace
        where c.contype = 'c' and c.convalidated and %1$s""".formatted(OF_OURS);
    private static final String BREAKING_KEY = """
        select pg_catalog.format('select * from %s c where %s and not exists (select from %s p where %s)', c.conrelid::pg_catalog.regclass, pg_catalog.string_agg(pg_catalog.format('c.%I is not null', a.attname), ' and '),
          c.confrelid::pg_catalog.regclass, pg_catalog.string_agg(pg_catalog.format('p.%I = c.%I', b.attname, a.attname), ' and '))
        from pg_catalog.pg_constraint c, rows from (pg_catalog.unnest(c.conkey), pg_catalog.unnest(c.confkey)) k(mine, theirs), pg_catalog.pg_attribute a, pg_catalog.pg_attribute b
        where c.contype = 'f' and a.attrelid = c.conrelid and a.attnum = k.mine and b.attrelid = c.confrelid and b.attnum = k.theirs
          and c.conname = ? and c.conrelid = pg_catalog.to_regclass(?) group by c.oid""";
    /** A name as the server spells it: whatever somebody has put into one, it ends where its quotes do. */
    private static final String NAME = "(?:\"(?:[^\"]++|\"\")*+\"|[^\\s\".,();]++)";
    private static final String TABLE = NAME + "\\." + NAME;
    private static final String COLUMNS = NAME + "(?:, " + NAME + ")*";
    private static final Pattern KEY = Pattern.compile("ALTER TABLE ONLY (" + TABLE + ")\\s+ADD CONSTRAINT (" + NAME
        + ") (FOREIGN KEY|UNIQUE|PRIMARY KEY) ?(?:NULLS NOT DISTINCT )?\\((" + COLUMNS + ")\\).*", Pattern.DOTALL);
    private static final Pattern UNIQUE_INDEX = Pattern.compile("CREATE UNIQUE INDEX " + NAME + " ON (?:ONLY )?(" + TABLE
        + ") USING btree \\((" + COLUMNS + ")\\).*", Pattern.DOTALL);
    /** Takes from everybody else what works with its owner's rights: a view, or a table with rules. */
    private static final String WITHHOLD = """
        select distinct pg_catalog.format('revoke all on table %s from %s cascade', c.oid::pg_catalog.regclass,
          case grantee when 0 then 'public' else pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(grantee)) end)
        from pg_catalog.pg_class c, lateral (select (pg_catalog.aclexplode(c.relacl)).grantee
          union select (pg_catalog.aclexplode(attacl)).grantee from pg_catalog.pg_attribute where attrelid = c.oid) given
        where c.oid = pg_catalog.to_regclass(?) and c.relhasrules and grantee <> c.relowner""";

    /** A table, a function, a schema, and whatever else has a name. */
    private static final Set<String> ALREADY_THERE = Set.of("42P07", "42723", "42P06", "42710");

    private final Run run;
    private final Settings settings;
    private final boolean withOwners;
    private final List<Finding> findings = new ArrayList<>();
    private final List<Check> dropped = new ArrayList<>();
    private final Set<Integer> failed = new TreeSet<>();
    /** What could not be given to its owner, and what the server says to that. */
    private final Map<Archive.Entry, Database.Complaint> ownerless = new LinkedHashMap<>();

    /** @param withOwners whether what is made belongs to the owner that the archive names */
    public Repair(Run run, Settings settings, boolean withOwners) {
        this.run = run;
        this.withOwners = withOwners;
        this.settings = settings;
    }

    /** What is not as it was; empty when everything is. */
    public List<Finding> findings() { return Collections.unmodifiableList(findings); }

    /**
     * Before any row is loaded: takes away what could refuse one.
     *
     * @param failed entries that could not be restored so far
     */
    void begin(DatabaseUrl into, Archive archive, Collection<Integer> failed) {
        this.failed.addAll(failed);
        try (var session = session(into)) {
            for (var entry : archive.entries())
                if (failed.contains(entry.number()) && entry.description().equals("TABLE") && !isThere(session, entry))
                    throw new Failure.ToolFailed(entry + " can't be made, so its rows can't be loaded: ERROR: " + attempt(session, entry.definition()).map(Database.Complaint::message).orElse("what it needs is missing"), "see what it needs on this server");
            while (dropSome(session)) { }
        }
    }

    /** Made, and only not given its owner. */
    private static boolean isThere(Database session, Archive.Entry table) {
        return session.one("select pg_catalog.to_regclass(?) is not null", new TableName(table.schema(), table.name()).sql()).equals("t");
    }

    /** What the server says of itself, a full disk say, is no fault of an object's that is not made for it. */
    private static Optional<Database.Complaint> attempt(Database session, String sql) {
        var complaint = session.attempt(sql);
        if (complaint.isPresent() && SqlFailure.isOwnTroubleByState(complaint.get().state()))
            throw new Failure.ToolFailed("the database at " + session.url + " failed: ERROR: " + complaint.get().message(),
                SqlFailure.next(complaint.get().message(), "see the server's log; when it answers again, run this again"));
        return complaint;
    }

    private boolean dropSome(Database session) {
        var checks = session.rows(CHECKS, row -> new Check(row[0], row[1], row[2], row[3], row[4], row[5], row[6]));
        var before = dropped.size();
        for (var check : checks) if (attempt(session, check.change("drop constraint " + check.quoted())).isEmpty()) dropped.add(check);
        return dropped.size() > before;
    }

    /**
     * After everything else: puts back what was taken away, and tries once more what failed. Another login may then do the
     * same with what it has failed at.
     *
     * @param failed entries that could not be restored since
     */
    void end(DatabaseUrl into, Archive archive, Collection<Integer> failed) {
        this.failed.addAll(failed);
        try (var session = session(into)) {
            Collections.reverse(dropped); // a child's before its parent's, which then becomes one with it
            for (var check : dropped) putBack(session, check);
            for (var entry : archive.entries()) if (this.failed.contains(entry.number())) tryAgain(session, entry);
            ownerless.forEach((entry, complaint) -> keepFrom(session, entry, complaint, archive));
        }
        dropped.clear();
        this.failed.clear();
    }

    private void putBack(Database session, Check check) {
        var add = check.change("add constraint " + check.quoted() + " " + check.definition());
        attempt(session, add).ifPresent(complaint -> {
            var done = attempt(session, add + " not valid").isEmpty() ? "is NOT VALID" : "is left out";
            add(session, new Finding("CHECK CONSTRAINT", check.schema(), check.name() + " " + check.constraint(), done, said(complaint), check.breaking().isEmpty() ? add : check.breaking(), List.of(), 0), !check.breaking().isEmpty());
        });
        if (check.comment() != null) attempt(session, "comment on constraint " + check.quoted() + " on " + check.on().replaceFirst("^table ", "") + " is " + Database.literal(check.comment()));
    }

    private void tryAgain(Database session, Archive.Entry entry) {
        var definition = entry.definition().strip();
        if (entry.description().endsWith("ACL")) {
            grantAgain(session, entry);
            return;
        }
        var complaint = attempt(session, definition).orElse(null);
        if (complaint == null || ALREADY_THERE.contains(complaint.state())) {
            giveAgain(session, entry);
            return;
        }
        var key = KEY.matcher(definition);
        if (entry.description().equals("FK CONSTRAINT") && attempt(session, definition.replaceFirst(";$", Matcher.quoteReplacement(" NOT VALID;"))).isEmpty()) {
            var breaking = key.matches() ? session.rows(BREAKING_KEY, row -> row[0], unquoted(key.group(2)), key.group(1)) : List.<String>of();
            add(session, finding(entry, "is NOT VALID", complaint, breaking.isEmpty() ? definition : breaking.get(0)), !breaking.isEmpty());
        } else if (entry.description().equals("MATERIALIZED VIEW DATA")) {
            add(session, finding(entry, "is left unfilled", complaint, definition), false);
        } else {
            var index = UNIQUE_INDEX.matcher(definition);
            var twice = key.matches() && !key.group(3).equals("FOREIGN KEY") ? twice(key.group(1), key.group(4)) : index.matches() ? twice(index.group(1), index.group(2)) : "";
            add(session, finding(entry, "is left out", complaint, twice.isEmpty() ? definition : twice), !twice.isEmpty());
        }
    }

    /** Each by itself: where a role is missing, what is taken from everybody is taken all the same. */
    private void grantAgain(Database session, Archive.Entry entry) {
        entry.grants().forEach(statement -> attempt(session, statement).ifPresent(complaint -> add(session, finding(entry, "is left out", complaint, statement), false)));
    }

    /** It was made, but could not be given to its owner. */
    private void giveAgain(Database session, Archive.Entry entry) {
        if (!withOwners || entry.owner().isEmpty() || !Outside.OWNED.contains(entry.description()) && !entry.description().matches("TABLE|SCHEMA|SEQUENCE") || !entry.drop().startsWith("DROP ")) return;
        attempt(session, give(entry)).ifPresent(complaint -> ownerless.put(entry, complaint));
    }

    private static String give(Archive.Entry entry) { return "ALTER " + entry.drop().substring("DROP ".length()).replaceFirst(";\\s*$", "") + " OWNER TO " + Database.quote(entry.owner()); }

    /** What works with its owner's rights would work with those of the role that restores, which may be a superuser. */
    private void keepFrom(Database session, Archive.Entry entry, Database.Complaint complaint, Archive archive) {
        var done = "belongs to role " + session.one("select current_user");
        var give = give(entry);
        if (entry.description().matches("FUNCTION|PROCEDURE") && entry.definition().contains(" SECURITY DEFINER")) {
            var definer = give.replaceFirst(" OWNER TO " + Pattern.quote(Database.quote(entry.owner())) + "$", "") + " SECURITY ";
            session.execute(definer + "INVOKER");
            add(session, finding(entry, done + ", and runs as whoever calls it", complaint, give + "; " + definer + "DEFINER"), false);
            return;
        }
        var withheld = session.rows(WITHHOLD, row -> row[0], new TableName(entry.schema(), entry.name()).sql());
        withheld.forEach(session::execute);
        var rights = archive.entries().stream().filter(other -> other.description().equals("ACL") && other.needs().contains(entry.id())).map(Archive.Entry::definition).collect(Collectors.joining("\n"));
        add(session, finding(entry, done + (withheld.isEmpty() ? "" : ", and nobody else may use it"), complaint, withheld.isEmpty() ? give : give + ";\n" + rights.strip()), false);
    }

    /** Whether something in a schema belongs to the role that restores, since its owner could not have it. */
    boolean isOwnerlessIn(String schema) { return ownerless.keySet().stream().anyMatch(entry -> entry.schema().equals(schema)); }

    private static String twice(String table, String columns) { return "select " + columns + ", count(*) from " + table + " group by " + columns + " having count(*) > 1"; }

    private static String unquoted(String name) { return name.startsWith("\"") ? name.substring(1, name.length() - 1).replace("\"\"", "\"") : name; }

    private static Finding finding(Archive.Entry entry, String done, Database.Complaint complaint, String sql) {
        return new Finding(entry.description(), entry.schema(), entry.name(), done, said(complaint), sql, List.of(), 0);
    }

    private static String said(Database.Complaint complaint) { return complaint.message() + (complaint.detail().isEmpty() ? "" : " (" + complaint.detail() + ")"); }

    /** @param hasRows whether its SQL shows rows */
    private void add(Database session, Finding finding, boolean hasRows) {
        if (!hasRows) {
            findings.add(finding);
            return;
        }
        try {
            var count = Long.parseLong(session.one("select pg_catalog.count(*) from (" + finding.sql() + ") breaking"));
            var rows = session.rows("select breaking::pg_catalog.text from (" + finding.sql() + ") breaking limit " + SHOWN, row -> row[0]);
            findings.add(new Finding(finding.type(), finding.schema(), finding.name(), finding.done(), finding.problem(), finding.sql(), rows, count));
        } catch (Failure.ToolFailed e) {
            findings.add(finding); // the SQL is for a person then, with the search path that it takes
        }
    }

    /** As pg_restore has it. */
    private Database session(DatabaseUrl into) {
        var session = Database.forScripts(into, settings, "handover, repair");
        session.rows(Lasting.statement(), row -> row);
        session.execute("select pg_catalog.set_config('search_path', '', false); set row_security = off; set check_function_bodies = off; set xmloption = content");
        session.execute("set standard_conforming_strings = on"); // whatever the database says by now: a text must not end elsewhere
        return session;
    }

    /** Writes the list with all its rows beside the log. */
    public Path write() throws IOException {
        var name = "repair-" + settings.env + "-" + Stamp.of(Instant.now()) + "-" + ProcessHandle.current().pid() + ".log";
        var file = Private.create(Private.folder(LogFolder.of(settings).path()).resolve(name));
        var text = new StringBuilder();
        for (var finding : findings) {
            text.append(finding.words()).append("\n  ").append(finding.sql().replace("\n", "\n  ")).append('\n');
            finding.rows().forEach(row -> text.append("    ").append(row).append('\n'));
            if (finding.count() > finding.rows().size()) text.append("    and ").append(finding.count() - finding.rows().size()).append(" more\n");
            text.append('\n');
        }
        run.console.detail("list of what is not as it was: " + file);
        return Files.writeString(file, text, StandardCharsets.UTF_8);
    }
}
