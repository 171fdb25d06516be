package report;

import java.time.Duration;
import java.time.Instant;
import java.util.Comparator;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import ops.*;

/** What the bucket says of an environment: listed once, and read as far back as the report goes. */
final class Bucket {
    static final Duration YEAR = Duration.ofDays(365), QUARTER = Duration.ofDays(90);
    /** More than two runs an hour for a year; of what is beyond, the report says that it is not in it. */
    private static final int MOST_RUNS = 20_000, LARGEST_RECORD = 1 << 20, AT_A_TIME = 16, NEWEST = 10;

    final String uri;
    final String env;
    final Instant now;
    /** Newest first. */
    final List<Past> runs;
    /** Newest first, each sealed. */
    final List<Stored> backups;
    /** From here on every run that left a record is in the report. */
    final Instant since;
    /** Until then nobody can delete the last backup; null when the store says nothing of a lock. */
    final Instant lockedUntil;
    /** The last backup; null when there is none that counts, as whyNone says. */
    final Latest last;
    final String whyNone;
    private final Store store;
    private final AtomicInteger unreadable = new AtomicInteger();

    Bucket(Store store, String env, Instant now) throws Exception {
        this.store = store;
        this.env = env;
        this.now = now;
        var envKey = BackupFolder.envKey(store, env);
        uri = store.uri(envKey);
        var objects = BackupFolder.objects(store, env);
        var sealed = BackupFolder.among(store, objects, env).stream().filter(BackupFolder::sealed).toList();
        var records = objects.stream().map(Store.Item::key).filter(key -> key.startsWith(envKey + "history/") && key.substring(envKey.length() + 8).compareTo(Stamp.of(now.minus(YEAR))) >= 0)
            .sorted(Comparator.reverseOrder()).toList();
        var read = records.subList(0, Math.min(MOST_RUNS, records.size()));
        runs = Steps.sideBySide(AT_A_TIME, read, this::run).stream().filter(Objects::nonNull).toList();
        since = read.size() < records.size() && !runs.isEmpty() ? runs.get(runs.size() - 1).at() : now.minus(YEAR);
        Latest found = null;
        String why = null;
        try {
            found = Latest.of(store, env, sealed, null);
        } catch (Failure.Failed | Failure.NotVerified | Failure.Refused e) {
            why = e.getMessage();
        }
        last = found;
        whyNone = why;
        var newest = sealed.subList(0, Math.min(NEWEST, sealed.size()));
        backups = Steps.sideBySide(AT_A_TIME, sealed, folder -> backup(folder, newest.contains(folder) || folder.began().isAfter(now.minus(QUARTER)))).stream()
            .sorted(Comparator.comparing(Stored::at).reversed()).toList();
        lockedUntil = last == null ? null : store.head(last.backup().folder().key() + Manifest.NAME).map(Store.Head::lockedUntil).orElse(null);
    }

    boolean isEmpty() { return runs.isEmpty() && backups.isEmpty(); }

    /** How many objects were not what this kit writes. */
    int unreadable() { return unreadable.get(); }

    /** The runs of one of these scripts, newest first. */
    Stream<Past> runs(String... scripts) { return runs.stream().filter(run -> List.of(scripts).contains(run.script())); }

    /** The last backup. */
    Optional<Sealed> newest() { return Optional.ofNullable(last).map(Latest::backup); }

    /** The whole backup before the last one. */
    Optional<Manifest> beforeNewest() {
        return newest().flatMap(newest -> backups.stream().map(Stored::sealed)
            .filter(backup -> backup != null && backup.isWhole() && backup.time().isBefore(newest.time()) && backup.folder().database().equals(newest.folder().database()))
            .map(Sealed::manifest).findFirst());
    }

    /** The smoke tests that came to a result, newest first. */
    Stream<Past> looks() { return runs("smoke-tests").filter(run -> run.checks() != null); }

    /** All drills that left evidence, newest first. */
    Stream<BackupFolder.Evidence> drills() { return backups.stream().flatMap(backup -> backup.drills().stream()).sorted(Comparator.comparing(BackupFolder.Evidence::at).reversed()); }

    private Past run(String key) {
        return tolerant(() -> store.read(key, LARGEST_RECORD).map(bytes -> Json.read(bytes, Past.class, store.uri(key))).filter(Past::isWhole)
            .orElseThrow(() -> new Failure.NotVerified(store.uri(key) + " is no record of a run", "look at it")), null);
    }

    /** The manifest only where it is shown: it has every table in it. */
    private Stored backup(BackupFolder folder, boolean whole) {
        if (!whole) return new Stored(folder, null, folder.began().isAfter(now.minus(YEAR)) ? folder.evidence(store) : List.of(), folder.hold(store).orElse(null));
        var sealed = Sealed.read(store, folder);
        if (sealed.problem() != null) unreadable.incrementAndGet();
        return new Stored(folder, sealed, sealed.evidence(), sealed.hold());
    }

    private interface Read<T> { T now(); }

    /** What one object lacks must not keep the report of all others back. */
    private <T> T tolerant(Read<T> read, T otherwise) {
        try {
            return read.now();
        } catch (Failure.NotVerified | Failure.OutOfReach e) {
            unreadable.incrementAndGet();
            return otherwise;
        }
    }
}
