package report;

import java.time.Instant;
import java.util.Collections;
import java.util.ArrayList;
import ops.BackupFolder;

/** The drills of the year against the recovery-time goal. */
final class Drills {
    private final Bucket bucket;
    private final Goals goals;

    Drills(Bucket bucket, Goals goals) {
        this.bucket = bucket;
        this.goals = goals;
    }

    String html() {
        var drills = new ArrayList<>(bucket.drills().toList());
        if (drills.isEmpty())
            return "<p class=empty>" + new Words("No backup has been restored in a drill yet: whether one can be restored, and in what time, is not known.", "Aucune sauvegarde n'a encore été restaurée lors d'un exercice : on ne sait ni si c'est possible, ni en combien de temps.").html()
                + "</p>" + Html.next("./jbang backups drill latest --env " + bucket.env);
        var goal = goals.restore().map(set -> (double) set.toSeconds()).orElse(0.0);
        var passed = drills.stream().filter(BackupFolder.Evidence::passed).toList();
        var longest = passed.stream().mapToDouble(BackupFolder.Evidence::seconds).max();
        var summary = new Words("%s of %s passed", "%s réussis sur %s").with(passed.size(), Words.count(drills.size(), "drill", "drills", "exercice", "exercices"));
        if (longest.isPresent()) summary = new Words("%s; the longest took %s", "%s ; le plus long a pris %s").with(summary, Words.time(longest.getAsDouble()));
        var html = new StringBuilder("<p>" + summary.html() + ".</p>");
        Collections.reverse(drills);
        var points = drills.stream().map(drill -> new Chart.Point(Instant.parse(drill.at()), drill.seconds(), drill.passed())).toList();
        var title = goal > 0 ? new Words("Time to restore and compare; dashed: the goal, %s", "Temps pour restaurer et comparer ; tirets : l'objectif, %s").with(Words.time(goal)) : new Words("Time to restore and compare", "Temps pour restaurer et comparer");
        html.append(new Chart(title, Chart.begin(bucket.now, points), bucket.now, points, goal, Words::time).dots());
        if (goal == 0) html.append("<p class=small>").append(new Words("No goal is set: RESTORE_GOAL_MINUTES in the settings draws it.", "Aucun objectif n'est fixé : RESTORE_GOAL_MINUTES, dans les paramètres, le trace.").html()).append("</p>");
        bucket.runs("restore-db").filter(run -> run.isDone()).findFirst().ifPresent(run -> html.append("<p class=small>")
            .append(new Words("The last real restore, on %s, took %s.", "La dernière vraie restauration, le %s, a pris %s.").with(Words.day(run.at()), Words.time(run.seconds())).html()).append("</p>"));
        return html.toString();
    }
}
