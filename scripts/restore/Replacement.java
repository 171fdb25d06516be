//SOURCES DefaultRights.java
//SOURCES Dropped.java
//SOURCES Locks.java
package restore;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import ops.Archive.Entry;
import ops.Database;
import ops.Failure;
import ops.Outside;
import ops.Run;
import ops.Selection;
import ops.Settings;

/** What a restore in place will do to its database, known before anything is done. */
public final class Replacement {
    final Dropped dropped;
    final Outside outside;
    /** Those that the archive brings itself, and those that come back. */
    private final List<DefaultRights> replacedDefaults;
    private final List<DefaultRights> keptDefaults;
    final List<String> emptied;
    private final List<Entry> archive;
    /** What hung on the backup's schemas when it was made. */
    final List<Outside.Made> stored;

    private Replacement(Dropped dropped, Outside outside, List<DefaultRights> replacedDefaults, List<DefaultRights> keptDefaults, List<String> emptied, List<Entry> archive, List<Outside.Made> stored) {
        this.dropped = dropped;
        this.outside = outside;
        this.replacedDefaults = replacedDefaults;
        this.keptDefaults = keptDefaults;
        this.emptied = emptied;
        this.archive = archive;
        this.stored = stored;
    }

    /**
     * Of all that a backup holds.
     *
     * @param others schemas that are nobody's to replace
     * @param archive what the backup brings
     * @param stored what hung on its schemas when it was made
     * @param withoutRights whether the rights in the archive are left out
     * @throws Failure.Refused when something would be dropped that no backup holds, and that can't be made again
     * @throws Failure.BadSetting when the server has not as many locks as the transaction takes
     */
    public static Replacement of(Run run, Settings settings, Database session, Selection selection, List<String> others, List<Entry> archive, List<Outside.Made> stored, boolean withoutRights) throws IOException, InterruptedException {
        var dropped = new Dropped(session, selection, others, archive);
        var outside = Outside.of(run, settings, session, dropped.roots(), archive, null);
        outside.refuseToLose(selection.schemas().isEmpty() ? "what the backup holds" : "schema " + String.join(", ", selection.schemas()));
        new Locks(session).areEnough(Outside.count(session, dropped.roots()), archive);
        for (var subscription : dropped.subscriptions()) run.console.warn("subscription " + subscription + " comes back disabled: ALTER SUBSCRIPTION " + Database.quote(subscription) + " ENABLE");
        var bringsDefaults = !dropped.ofOneSchemaOnly() && !withoutRights;
        var kept = new ArrayList<>(List.of(DefaultRights.ofOursIn(session, dropped.otherSchemas(session))));
        if (!bringsDefaults) kept.add(DefaultRights.ofOurs(session));
        return new Replacement(dropped, outside, bringsDefaults ? List.of(DefaultRights.ofAll(session)) : List.of(), kept, Dropped.emptied(session, archive), archive, stored);
    }

    /** Of a part of a backup, which drops nothing. */
    public static Replacement ofPart(Database session, Partial part) {
        new Locks(session).areEnough(0, part.entries());
        return new Replacement(null, null, List.of(), List.of(DefaultRights.ofOurs(session), DefaultRights.ofOursIn(session, List.copyOf(part.schemas()))), List.of(), List.of(), List.of());
    }

    /** What is made again afterwards, in a few words; empty when nothing is. */
    public String madeAgain() {
        if (outside == null || outside.made().isEmpty()) return "";
        return "made again afterwards, since no backup holds it: " + Outside.some(outside.made().stream().map(Outside.Made::what).toList());
    }

    /**
     * The entry that creates schema public. An archive of that schema alone has one, and leaves out the rights on it that
     * every new database gives: so it is made as in a new database.
     */
    public Optional<Entry> schemaPublic() {
        if (dropped == null || dropped.schemas().stream().noneMatch(schema -> schema.name().equals("public"))) return Optional.empty();
        return archive.stream().filter(entry -> entry.description().equals("SCHEMA") && entry.name().equals("public") && entry.definition().startsWith("CREATE SCHEMA ")).findFirst();
    }

    /** Statements that come last. */
    List<String> defaultsBack() { return keptDefaults.stream().flatMap(defaults -> defaults.back().stream()).toList(); }

    /** Statements that come before the archive. */
    List<String> before() {
        var statements = new ArrayList<String>();
        if (dropped != null) statements.addAll(dropped.statements());
        replacedDefaults.forEach(defaults -> statements.addAll(defaults.neutral()));
        keptDefaults.forEach(defaults -> statements.addAll(defaults.neutral()));
        statements.addAll(emptied);
        return statements;
    }
}
