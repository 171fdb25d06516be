package report;

import java.time.Instant;
import ops.BackupFolder;

/** Can a backup be restored, and soon enough? */
final class LastDrill {
    private LastDrill() { }

    static Answer of(Bucket bucket, Goals goals) {
        var about = new Words("Last restore drill", "Dernier exercice de restauration");
        var next = "./jbang backups drill latest --env " + bucket.env;
        var last = bucket.drills().findFirst();
        // What could not be tried has left no evidence, only its record.
        var failed = bucket.runs("backups drill").findFirst().filter(run -> !run.isDone() && last.filter(drill -> !run.at().isAfter(Instant.parse(drill.at()))).isEmpty());
        if (last.isEmpty()) {
            var none = new Answer(about, bucket.isEmpty() ? State.none : State.attention, new Words("there was none", "il n'y en a pas eu"), next);
            failed.ifPresent(run -> none.note(State.attention, Ending.later(run)));
            return none;
        }
        var drill = last.get();
        var at = Instant.parse(drill.at());
        var answer = new Answer(about, State.good, Words.age(at, bucket.now), next).note(Words.same(Words.minute(at)));
        if (drill.passed()) judge(answer, drill, goals);
        else answer.note(State.problem, new Words("it did not pass: %s", "il n'a pas réussi : %s").with(Html.brief(String.valueOf(drill.problem()), Answer.LONGEST)));
        if (at.isBefore(bucket.now.minus(goals.drill()))) answer.note(State.attention, new Words("older than %s days", "plus de %s jours").with(goals.drill().toDays()));
        failed.ifPresent(run -> answer.note(State.attention, Ending.later(run)));
        return answer;
    }

    private static void judge(Answer answer, BackupFolder.Evidence drill, Goals goals) {
        var time = Words.time(drill.seconds());
        goals.restore().ifPresentOrElse(goal -> answer.note(drill.seconds() > goal.toSeconds() ? State.attention : State.good, new Words("took %s; the goal is %s", "a pris %s ; l'objectif est de %s").with(time, Words.time(goal.toSeconds()))),
            () -> answer.note(new Words("took %s; no goal is set", "a pris %s ; aucun objectif n'est fixé").with(time)));
        if (drill.rows() != null && drill.tables() != null) answer.note(new Words("%s in %s compared", "%s dans %s comparées").with(Words.count(drill.rows(), "row", "rows", "ligne", "lignes"), Words.count(drill.tables(), "table", "tables", "table", "tables")));
        if (drill.notRestorable() != null) answer.note(new Words("without %s", "sans %s").with(Html.brief(String.join(", ", drill.notRestorable()), Answer.LONGEST)));
    }
}
