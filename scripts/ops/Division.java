package ops;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Predicate;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * An archive restored by two logins, so that nothing in it runs with a superuser's rights: who may create a table in the
 * database that was backed up could else write whatever the server's own user may, by a function in a check say.
 *
 * <p>A role that may nothing but own this database creates and loads all that PostgreSQL lets it, and owns it meanwhile. The
 * superuser executes what only it may and what evaluates nothing ({@link Definition}), and in the end gives everything to
 * its owners, with the rights that others have on it.
 */
public final class Division {
    /** Restores lines of the table of contents, in their order, of some sections; all without one. */
    public interface Program { void restore(List<String> lines, String... sections) throws IOException, InterruptedException; }

    /** As pg_dump writes it. */
    private static final String SEARCH_PATH = "SELECT pg_catalog.set_config('search_path', '', false);";
    private static final Pattern LANGUAGE = Pattern.compile("\\n    LANGUAGE (\"(?:[^\"]|\"\")+\"|\\S+)");
    private static final Set<String> NAMED_BY_THEIR_DROP = Set.of("AGGREGATE", "FUNCTION", "PROCEDURE", "OPERATOR", "OPERATOR CLASS", "OPERATOR FAMILY");
    private static final Set<String> WITHOUT_A_SCHEMA = Set.of("PROCEDURAL LANGUAGE", "SCHEMA", "FOREIGN DATA WRAPPER", "SERVER", "PUBLICATION", "SUBSCRIPTION", "EVENT TRIGGER");
    private static final Set<String> IN_A_SCHEMA = Set.of("COLLATION", "CONVERSION", "DOMAIN", "FOREIGN TABLE", "MATERIALIZED VIEW", "SEQUENCE",
        "STATISTICS", "TABLE", "TEXT SEARCH DICTIONARY", "TEXT SEARCH CONFIGURATION", "TYPE", "VIEW");
    /** Nobody else can own one, up to PostgreSQL 15 at least. */
    private static final Set<String> OF_A_SUPERUSER = Set.of("FOREIGN DATA WRAPPER", "EVENT TRIGGER", "SUBSCRIPTION");
    private static final int AT_A_TIME = 100;
    /** What the superuser has made and others may use: of extensions, and wrappers. */
    private static final String MADE_BY_THE_SUPERUSER = """
        with me as (select oid from pg_roles where rolname = current_user)
        select format('all on schema %I', nspname) from pg_namespace, me where nspname !~ '^pg_' and nspname <> 'information_schema' and nspowner = me.oid
        union all select format('all on %s %I.%I', case relkind when 'S' then 'sequence' else 'table' end, nspname, relname) from pg_class c join pg_namespace n on n.oid = relnamespace, me
          where nspname !~ '^pg_' and nspname <> 'information_schema' and relkind in ('r', 'p', 'v', 'm', 'f', 'S') and relowner = me.oid
        union all select format('usage on foreign data wrapper %I', fdwname) from pg_foreign_data_wrapper, me where fdwowner = me.oid""";

    private final Database superuser;
    private final String loader;
    private final Program loading;
    private final Program defining;
    private final Map<Integer, Archive.Entry> entries = new LinkedHashMap<>();
    private final Map<Integer, String> lines;
    private final Map<Integer, Definition> definitions = new LinkedHashMap<>();
    private final List<Archive.Entry> leftOut = new ArrayList<>();

    /**
     * @param superuser a session of the database, which belongs to the other login
     * @param loader the role of the other login
     * @param loading what restores as that one
     * @param defining what restores as the superuser
     * @param lines those of the entries that are restored, as pg_restore lists them
     */
    public Division(Database superuser, String loader, Program loading, Program defining, List<Archive.Entry> entries, Map<Integer, String> lines) {
        this.superuser = superuser;
        this.loader = loader;
        this.loading = loading;
        this.defining = defining;
        this.lines = new LinkedHashMap<>(lines);
        for (var entry : entries) this.entries.put(entry.number(), entry);
        // Then a backslash is what the archive says that it is, and not what is read here.
        var escapes = entries.stream().anyMatch(entry -> entry.description().equals("STDSTRINGS") && entry.definition().contains("off"));
        // Whatever it is, pg_restore executes it at the beginning of each session: the superuser's has none then.
        if (entries.stream().anyMatch(entry -> entry.description().equals("SEARCHPATH") && !entry.definition().strip().equals(SEARCH_PATH))) return;
        for (var number : lines.keySet()) {
            var text = this.entries.get(number).definition();
            var definition = escapes && text.contains("\\") ? null : Definition.of(text);
            if (definition != null && isWithoutRows(number)) definitions.put(number, definition);
        }
    }

    /** A forged archive may say that anything has rows, and pg_restore executes whatever statement stands before them. */
    private boolean isWithoutRows(int entry) { return entries.get(entry).copy().isEmpty(); }

    /** Whether the role that loads restores an entry. */
    public boolean isLoaded(int entry) { return !definitions.containsKey(entry) && leftOut.stream().noneMatch(other -> other.number() == entry); }

    /** Functions that act as the server's own user, with what is said of them: nobody who may not become that can be given one. */
    public List<Archive.Entry> leftOut() { return leftOut; }

    /** Before the rows: what they go into. */
    public void define() throws IOException, InterruptedException {
        var schemas = numbers(number -> isWithoutRows(number) && Definition.isOfSchema(entries.get(number).definition()));
        restore(loading, schemas, "--section=pre-data");
        define(Definition.FIRST);
        change("grant ", " to ");
        leaveOutFunctions();
        var turn = new ArrayList<Integer>();
        var isDefined = false;
        for (var number : numbers(number -> !schemas.contains(number) && (isLoaded(number) || definitions.get(number) == Definition.IN_ORDER))) {
            if (definitions.containsKey(number) != isDefined) restore(turn, isDefined);
            isDefined = definitions.containsKey(number);
            turn.add(number);
        }
        restore(turn, isDefined);
    }

    private void restore(List<Integer> turn, boolean isDefined) throws IOException, InterruptedException {
        if (isDefined) define(turn);
        else restore(loading, turn, "--section=pre-data");
        if (isDefined) change("grant ", " to ");
        turn.clear();
    }

    private void leaveOutFunctions() {
        var usable = new HashSet<>(superuser.rows("select quote_ident(lanname) from pg_language where lanpltrusted and has_language_privilege(?, oid, 'usage')", row -> row[0], loader));
        var known = superuser.rows("select quote_ident(lanname) from pg_language", row -> row[0]);
        for (var number : numbers(number -> entries.get(number).description().matches("FUNCTION|PROCEDURE"))) {
            var language = LANGUAGE.matcher(entries.get(number).definition());
            if (!language.find() || usable.contains(language.group(1)) || !known.contains(language.group(1))) continue;
            var id = entries.get(number).id();
            leftOut.add(entries.get(number));
            entries.values().stream().filter(other -> other.needs().contains(id) && other.description().matches("COMMENT|ACL|SECURITY LABEL")).forEach(leftOut::add);
        }
        for (var entry : leftOut) definitions.remove(entry.number());
    }

    /**
     * After everything else, but for event triggers: what has to be there, and whose it is.
     *
     * @param forgiving whether it goes on where something is not there
     */
    public void end(boolean forgiving) throws IOException, InterruptedException {
        define(Definition.LATE);
        change("revoke ", " from ");
        give(forgiving, entry -> !entry.description().equals("EVENT TRIGGER"));
        define(Definition.LAST);
    }

    /** After which the superuser must do nothing in the database that an event trigger would run at. */
    public void watch(boolean forgiving) throws IOException, InterruptedException {
        define(Definition.WATCHING);
        give(forgiving, entry -> entry.description().equals("EVENT TRIGGER"));
    }

    private void define(Definition definition) throws IOException, InterruptedException { define(numbers(number -> definitions.get(number) == definition)); }

    private void define(List<Integer> numbers) throws IOException, InterruptedException { restore(defining, numbers); }

    private void change(String how, String whom) {
        inChunks(false, superuser.rows(MADE_BY_THE_SUPERUSER, row -> how + row[0] + whom + Database.quote(loader)));
    }

    private void give(boolean forgiving, Predicate<Archive.Entry> which) {
        var own = entries.values().stream().filter(entry -> isBrought(entry) && !entry.owner().isEmpty() && which.test(entry)).toList();
        for (var entry : own) if (OF_A_SUPERUSER.contains(entry.description())) giveToSuperuser(forgiving, entry);
        var statements = own.stream().filter(entry -> !OF_A_SUPERUSER.contains(entry.description()))
            .collect(Collectors.partitioningBy(entry -> entry.description().equals("SEQUENCE"))); // a table's goes with it, if it is not there already
        for (var sequences : List.of(false, true)) inChunks(forgiving, statements.get(sequences).stream().flatMap(entry -> given(entry).stream()).toList());
    }

    /** The schema public is there before, and is not restored. */
    private boolean isBrought(Archive.Entry entry) {
        return (lines.containsKey(entry.number()) || entry.description().equals("SCHEMA") && entry.name().equals("public")) && !leftOut.contains(entry);
    }

    /** The owner is one for this moment: nothing else is executed meanwhile, and no other session sees it. */
    private void giveToSuperuser(boolean forgiving, Archive.Entry entry) {
        var role = "alter role " + Database.quote(entry.owner());
        var isOne = superuser.one("select coalesce((select rolsuper from pg_roles where rolname = ?), true)", entry.owner()).equals("t");
        superuser.execute("begin");
        try {
            if (!isOne) superuser.execute(role + " superuser");
            given(entry).forEach(superuser::execute);
            if (!isOne) superuser.execute(role + " nosuperuser");
            superuser.execute("commit");
        } catch (Failure.ToolFailed e) {
            superuser.rollback();
            if (!forgiving) throw e;
        }
    }

    /** As pg_restore gives things to their owners. */
    private static List<String> given(Archive.Entry entry) {
        var kind = entry.description();
        var to = " owner to " + Database.quote(entry.owner());
        if (kind.equals("BLOB")) return entry.name().matches("[0-9]+") ? List.of("alter large object " + entry.name() + to) : List.of();
        if (kind.equals("BLOB METADATA")) return entry.definition().lines().filter(line -> line.matches("[0-9]+")).map(oid -> "alter large object " + oid + to).toList();
        if (WITHOUT_A_SCHEMA.contains(kind)) return List.of("alter " + kind + " " + Database.quote(entry.name()) + to);
        if (IN_A_SCHEMA.contains(kind)) return List.of("alter " + kind + " " + new TableName(entry.schema(), entry.name()).sql() + to);
        // The rest of these says which one of several that have the name. It is one statement, whatever stands in it.
        var drop = entry.drop().replaceFirst(";$", "");
        return NAMED_BY_THEIR_DROP.contains(kind) && drop.startsWith("DROP " + kind + " ") && Definition.isOne(drop) ? List.of("alter " + drop.substring("DROP ".length()) + to) : List.of();
    }

    /** Some at a time: each may hold a lock until all of them are through. */
    private void inChunks(boolean forgiving, List<String> statements) {
        for (var from = 0; from < statements.size(); from += AT_A_TIME) {
            var some = statements.subList(from, Math.min(statements.size(), from + AT_A_TIME));
            if (!forgiving) superuser.execute(String.join("; ", some));
            else some.forEach(superuser::attempt); // what is not there is told of elsewhere
        }
    }

    private List<Integer> numbers(Predicate<Integer> which) { return lines.keySet().stream().filter(which).collect(Collectors.toCollection(ArrayList::new)); }

    private void restore(Program program, Collection<Integer> numbers, String... sections) throws IOException, InterruptedException {
        if (!numbers.isEmpty()) program.restore(numbers.stream().map(lines::get).toList(), sections);
    }
}
