package migrations;

import java.util.List;
import java.util.function.Consumer;
import java.util.stream.Stream;
import ops.DatabaseUrl;
import ops.Run;
import ops.Settings;
import ops.Steps;
import ops.Store;

/** What is to be done to a database. */
public final class Plan implements Pending {
    final Migrations migrations;
    private final List<MigrationFile> pending;
    /** The last version that was applied; empty when none was. */
    public final String last;
    private final Tables tables;
    /** What a rehearsal has seen them destroy. */
    private List<Finding> losses = List.of();

    Plan(Migrations migrations, List<MigrationFile> pending, String last, Tables tables) {
        this.migrations = migrations;
        this.pending = List.copyOf(pending);
        this.last = last;
        this.tables = tables;
    }

    /** The files that are to be applied, in order. */
    public List<MigrationFile> pending() { return pending; }

    @Override public boolean isEmpty() { return pending.isEmpty(); }

    @Override public String version() { return pending.isEmpty() ? last : pending.get(pending.size() - 1).version(); }

    /** What is dangerous in the pending files, by their words. */
    public List<Finding> findings() { return Lint.of(pending, tables); }

    void rehearsed(List<Finding> seen) { losses = seen; }

    @Override public List<String> versions() { return pending.stream().map(MigrationFile::version).toList(); }

    @Override public Rehearsal.Result rehearse(Run run, Settings settings, Store store, Steps steps) throws Exception {
        return Rehearsal.run(run, settings, store, DatabaseUrl.of(settings), this, steps);
    }

    @Override public String apply(Run run, Settings settings, Steps steps, Runnable sure, Consumer<String> state)
        throws Exception {
        var applied = Apply.run(run, settings, DatabaseUrl.of(settings), this, steps, sure, state);
        return applied.size() + " applied; the database is at " + version();
    }

    /** By the files' words, and by what a rehearsal has seen. */
    @Override public String breaking() {
        var all = Stream.concat(findings().stream(), losses.stream());
        var destroying = all.filter(Finding::destructive).map(Finding::file).toList();
        return pending.stream().filter(file -> destroying.contains(file.fileName())).map(MigrationFile::version).findFirst().orElse(null);
    }

    /** How to remove each index that is not valid, and that no pending file builds anew: a killed CREATE INDEX CONCURRENTLY leaves such. */
    public List<String> invalidIndexes() {
        var built = pending.stream().flatMap(file -> file.statements().stream()).flatMap(statement -> ConcurrentIndex.of(statement).stream()).map(ConcurrentIndex::name).toList();
        return tables.invalidIndexes().stream().filter(index -> !built.contains(index.name())).map(index -> "DROP INDEX CONCURRENTLY " + index.quoted() + ";").toList();
    }

    /** The search path of who will apply them. */
    String searchPath() { return tables.searchPath(); }

    /** As in "2 pending: a.sql, b.sql". */
    @Override public String toString() {
        return pending.isEmpty() ? "nothing is pending" + (last.isEmpty() ? "" : "; the last one is " + last) : pending.size() + " pending: " + Migrations.names(pending);
    }
}
