package restore;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import ops.Archive.Entry;
import ops.Database;
import ops.Outside;

/**
 * What of a restored database would reach other machines by itself: it replicates, mails, pays. Restored into another
 * environment than its own, it comes back switched off. And no restore opens such a connection itself.
 *
 * <p>Functions that connect when they are called (dblink, http) are as they were; so are publications, which wait to
 * be asked.
 */
public final class Outward {
    private static final Pattern WEBHOOK = Pattern.compile("EXECUTE (?:FUNCTION|PROCEDURE) "
        + "supabase_functions\\.http_request\\(");
    /**
     * Rows are statements that switch off what the restore has brought; pg_restore itself leaves subscriptions disabled.
     * Of subscriptions these names; jobs, or none; triggers in these schemas, and these outside of them.
     */
    private static final String SWITCHES = """
        select pg_catalog.format('alter subscription %%I set (slot_name = none)', subname)
          from pg_catalog.pg_subscription s join pg_catalog.pg_database d on d.oid = s.subdbid
          where d.datname = pg_catalog.current_database() and not subenabled and subname = any (%s)
        union all select 'update cron.job set active = false where active'
          from pg_catalog.pg_extension e join pg_catalog.pg_depend m
            on m.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass and m.refobjid = e.oid and m.deptype = 'e'
          join pg_catalog.pg_class c on m.classid = 'pg_catalog.pg_class'::pg_catalog.regclass and m.objid = c.oid
            join pg_catalog.pg_namespace n on n.oid = c.relnamespace
          where extname = 'pg_cron' and nspname = 'cron' and relname = 'job' and relkind = 'r' and %s
        union all select pg_catalog.format('alter table %%I.%%I disable trigger %%I', n.nspname, c.relname, tgname)
          from pg_catalog.pg_trigger t join pg_catalog.pg_class c on c.oid = tgrelid join pg_catalog.pg_namespace n
            on n.oid = c.relnamespace
          join pg_catalog.pg_proc p on p.oid = tgfoid join pg_catalog.pg_namespace f on f.oid = p.pronamespace
          where f.nspname = 'supabase_functions' and proname = 'http_request' and not tgisinternal
            and (n.nspname = any (%s) or pg_catalog.pg_describe_object(t.tableoid, t.oid, 0) = any (%s))""";

    private final List<Entry> entries;
    private final Predicate<Entry> brought;
    private final Set<String> leftOut = new HashSet<>();
    private final Set<String> off = new TreeSet<>();
    private final Set<String> unfilled = new TreeSet<>();
    private final Set<String> outside = new TreeSet<>();
    private final boolean switchesOff;
    private final boolean switchesJobsOff;

    /**
     * @param entries of the archive
     * @param brought which of them are restored
     * @param keep whether all of it is to be as it was
     * @param own whether it is restored into the environment that it is of
     * @param maySubscribe whether the role may create subscriptions
     * @param cron whether pg_cron can be in the database that is loaded
     */
    public Outward(List<Entry> entries, Predicate<Entry> brought, boolean keep, boolean own, boolean maySubscribe, boolean cron) {
        this.entries = entries;
        this.brought = brought;
        switchesOff = !own && !keep;
        var byId = entries.stream().collect(Collectors.toMap(Entry::id, entry -> entry, (one, same) -> one));
        var foreign = foreign(entries, byId);
        var hasCron = entries.stream().anyMatch(Outward::isCron);
        switchesJobsOff = switchesOff && cron && brought().anyMatch(Outward::isCron);
        for (var entry : brought().toList()) {
            var what = entry.description();
            if (hasCron && isOfCron(entry)) {
                if (!cron) leftOut.add(entry.id());
                if (isCron(entry) && !cron)
                    off.add("pg_cron and its jobs (left out: the server has it in one database only)");
                else if (isCron(entry) && switchesOff) off.add("jobs of pg_cron (inactive)");
            } else if (what.equals("SUBSCRIPTION") && !maySubscribe) {
                leave(entry, "subscription " + entry.name() + " (left out: the role may not create one)");
            } else if (what.equals("SUBSCRIPTION")) {
                off.add("subscription " + entry.name() + (switchesOff ? " (disabled, without a slot)" : " (disabled)"));
            } else if (what.equals("USER MAPPING") && switchesOff) {
                leave(entry, entry.name().replaceFirst("^USER MAPPING (.*) SERVER (.*)$",
                    "user mapping of $1 for server $2") + " (left out)");
            } else if (what.equals("TRIGGER") && switchesOff && WEBHOOK.matcher(entry.definition()).find()) {
                off.add("webhook " + entry.name() + " (trigger disabled)");
            } else if (what.equals("MATERIALIZED VIEW DATA") && !keep && needs(entry, foreign, byId, new HashSet<>())) {
                leftOut.add(entry.id());
                unfilled.add(Database.quote(entry.schema()) + "." + Database.quote(entry.name()));
            }
        }
        if (maySubscribe) return;
        // What is said of a subscription that is not there.
        for (var entry : entries) if (entry.name().startsWith("SUBSCRIPTION ")) leftOut.add(entry.id());
    }

    private void leave(Entry entry, String words) {
        leftOut.add(entry.id());
        off.add(words);
    }

    private static boolean isCron(Entry entry) {
        return entry.description().equals("EXTENSION") && entry.name().equals("pg_cron");
    }

    /** The extension and what is its own; a schema of this name may be anybody's. */
    private static boolean isOfCron(Entry entry) {
        if (entry.description().matches("EXTENSION|COMMENT|ACL|DEFAULT ACL"))
            return entry.name().matches("pg_cron|EXTENSION pg_cron|SCHEMA cron") || entry.schema().equals("cron");
        return entry.schema().equals("cron") && entry.name().matches("job|job_run_details|jobid_seq|runid_seq");
    }

    /** Foreign tables, and tables that have one below them: a query of those reads it too. */
    private static Set<String> foreign(List<Entry> entries, Map<String, Entry> byId) {
        var foreign = entries.stream().filter(entry -> entry.description().equals("FOREIGN TABLE")).map(Entry::id)
            .collect(Collectors.toCollection(HashSet::new));
        boolean more;
        do {
            more = false;
            for (var entry : entries) {
                var below = entry.description().equals("TABLE ATTACH")
                    ? entry.needs().stream().anyMatch(foreign::contains)
                    : foreign.contains(entry.id()) && entry.definition().contains("INHERITS (");
                if (!below) continue;
                for (var id : entry.needs())
                    more |= byId.containsKey(id) && byId.get(id).description().equals("TABLE") && foreign.add(id);
            }
        } while (more);
        return foreign;
    }

    /** Whether the rows of a materialized view come from one of these, as far as the archive knows. */
    private static boolean needs(Entry entry, Set<String> foreign, Map<String, Entry> byId, Set<String> seen) {
        if (foreign.contains(entry.id())) return true;
        return seen.add(entry.id()) && entry.needs().stream().map(byId::get)
            .anyMatch(other -> other != null && needs(other, foreign, byId, seen));
    }

    private Stream<Entry> brought() { return entries.stream().filter(brought); }

    /** What the backup has of other schemas than its own, and is made too. */
    public void andOutside(List<Outside.Made> made) {
        if (!switchesOff) return;
        for (var each : made) {
            if (!WEBHOOK.matcher(each.sql()).find()) continue;
            outside.add(each.what());
            off.add("webhook " + each.what() + " (disabled)");
        }
    }

    /** Leaves another entry out, which is made in another way. */
    public void withoutToo(Entry entry) { leftOut.add(entry.id()); }

    /** Whether a line of pg_restore --list is not to be restored. */
    public boolean leavesOut(String line) { return leftOut.contains(line.replaceFirst(";.*", "")); }

    /** Whether an entry, by its type and its name alone, may be one of those that are left out. */
    public boolean leavesOut(String type, String name) {
        return entries.stream().anyMatch(entry -> leftOut.contains(entry.id()) && entry.description().equals(type)
            && entry.name().equals(name));
    }

    /** A file that pg_restore --use-list reads: what is restored, but what is left out. */
    public Path list(Path folder) throws IOException {
        return Files.write(folder.resolve("inward"), brought().filter(entry -> !leftOut.contains(entry.id()))
            .map(entry -> entry.id() + ";").toList());
    }

    /** A query whose rows are the statements to execute once all is loaded; null for none. */
    public String switches() {
        if (!switchesOff) return null;
        return SWITCHES.formatted(array(named("SUBSCRIPTION", Entry::name)), switchesJobsOff,
            array(named("TABLE", Entry::schema)), array(outside));
    }

    private Set<String> named(String kind, Function<Entry, String> name) {
        return brought().filter(entry -> entry.description().equals(kind)).map(name).collect(Collectors.toSet());
    }

    private static String array(Set<String> values) {
        return "array[" + values.stream().map(Database::literal).collect(Collectors.joining(", "))
            + "]::pg_catalog.text[]";
    }

    /** What does not come back as it was, in words. */
    public List<String> off() { return new ArrayList<>(off); }

    /** Materialized views that stay empty, as SQL writes their names. */
    public List<String> unfilled() { return new ArrayList<>(unfilled); }
}
