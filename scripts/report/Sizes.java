package report;

import java.time.Instant;
import java.util.Comparator;
import java.util.List;
import java.util.TreeMap;

/** How large the backups are and how long they take, over the year. */
final class Sizes {
    private record Made(Instant at, long bytes, double seconds) { }

    private final Bucket bucket;
    private final List<Made> made;

    Sizes(Bucket bucket) {
        this.bucket = bucket;
        // The history knows of those that are removed, the manifests of those whose run left no record.
        var all = new TreeMap<Instant, Made>();
        for (var backup : bucket.backups)
            if (backup.manifest() != null && !backup.isSafety() && backup.manifest().selection().isWhole())
                all.put(backup.at(), new Made(backup.at(), backup.manifest().bytesStored(), backup.manifest().seconds()));
        bucket.runs("backup-db").filter(run -> run.isDone() && run.bytesStored() != null).forEach(run -> all.putIfAbsent(run.at(), new Made(run.at(), run.bytesStored(), run.seconds())));
        made = all.values().stream().sorted(Comparator.comparing(Made::at)).toList();
    }

    String html() {
        if (made.isEmpty()) return "<p class=empty>" + new Words("No backup has been made yet.", "Aucune sauvegarde n'a encore été faite.").html() + "</p>";
        var size = made.stream().map(each -> new Chart.Point(each.at, each.bytes, true)).toList();
        var time = made.stream().map(each -> new Chart.Point(each.at, each.seconds, true)).toList();
        var from = Chart.begin(bucket.now, size);
        var last = made.get(made.size() - 1);
        var median = made.stream().mapToDouble(Made::seconds).sorted().toArray()[made.size() / 2];
        return new Chart(new Words("Size as stored: %s", "Taille stockée : %s").with(Words.bytes(last.bytes)), from, bucket.now, size, 0, value -> Words.bytes((long) value)).line()
            + new Chart(new Words("Duration: %s, usually %s", "Durée : %s, d'habitude %s").with(Words.time(last.seconds), Words.time(median)), from, bucket.now, time, 0, Words::time).line();
    }
}
