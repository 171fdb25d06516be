package report;

import ops.Sealed;
import ops.Sudden;

/** Is there a new, good backup? */
final class LastBackup {
    private LastBackup() { }

    static Answer of(Bucket bucket, Goals goals) {
        var about = new Words("Last backup", "Dernière sauvegarde");
        var make = "./jbang backup-db --env " + bucket.env;
        var newest = bucket.newest();
        if (newest.isEmpty()) {
            var none = new Answer(about, bucket.isEmpty() ? State.none : State.problem, new Words("there is none that counts", "il n'y en a pas qui compte"), make);
            return bucket.backups.isEmpty() ? none : none.note(Words.same(Html.brief(bucket.whyNone, Answer.LONGEST)));
        }
        var backup = newest.get();
        var answer = new Answer(about, State.good, Words.age(backup.time(), bucket.now), make).note(Words.same(Words.minute(backup.time())));
        judge(answer, backup);
        for (var newer : bucket.last.passedOver()) answer.note(State.problem, new Words("newer: %s", "plus récente : %s").with(Html.brief(newer, Answer.LONGEST)));
        for (var sudden : Sudden.in(backup.manifest(), bucket.beforeNewest())) answer.note(State.attention, Words.same(Html.brief(sudden, Answer.LONGEST)));
        if (backup.time().isBefore(bucket.now.minus(goals.backup()))) answer.note(State.problem, new Words("older than %s h", "plus de %s h").with(goals.backup().toHours()));
        bucket.runs("backup-db").findFirst().filter(run -> !run.isDone() && run.at().isAfter(backup.time())).ifPresent(run -> answer.note(State.attention, Ending.later(run)));
        bucket.runs("backup-db").filter(Past::isDone).findFirst().filter(Past::isNotCopied).ifPresent(run -> answer.note(State.attention, new Words("not copied to %s: %s", "pas copiée vers %s : %s").with(run.copy().to(), run.copy().later())));
        return answer;
    }

    private static void judge(Answer answer, Sealed backup) {
        var manifest = backup.manifest();
        answer.note(new Words("%s, %s", "%s, %s").with(Words.bytes(manifest.bytesStored()), Words.count(manifest.tables().size(), "table", "tables", "table", "tables")));
        answer.note(State.good, new Words("proof: %s", "preuve : %s").with(Grade.of(backup.proof()).words()));
    }
}
