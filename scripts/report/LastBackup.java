package report;

import ops.Proof;

/** Is there a new, good backup? */
final class LastBackup {
    private LastBackup() { }

    static Answer of(Bucket bucket, Goals goals) {
        var about = new Words("Last backup", "Dernière sauvegarde");
        var make = "./jbang backup-db --env " + bucket.env;
        var newest = bucket.newest();
        if (newest.isEmpty()) return new Answer(about, bucket.isEmpty() ? State.none : State.problem, new Words("there is none", "il n'y en a pas"), make);
        var backup = newest.get();
        var answer = new Answer(about, State.good, Words.age(backup.began(), bucket.now), make).note(Words.same(Words.minute(backup.began())));
        backup.proof().ifPresentOrElse(proof -> judge(answer, backup, proof), () -> answer.note(State.unknown, new Words("its manifest can't be read", "son manifeste ne peut pas être lu")));
        if (backup.began().isBefore(bucket.now.minus(goals.backup()))) answer.note(State.problem, new Words("older than %s h", "plus de %s h").with(goals.backup().toHours()));
        bucket.runs("backup-db").findFirst().filter(run -> !run.isDone() && run.at().isAfter(backup.began())).ifPresent(run -> answer.note(State.attention, Ending.later(run)));
        bucket.runs("backup-db").filter(Past::isDone).findFirst().filter(Past::isNotCopied).ifPresent(run -> answer.note(State.attention, new Words("not copied to %s: %s", "pas copiée vers %s : %s").with(run.copy().to(), run.copy().later())));
        return answer;
    }

    private static void judge(Answer answer, Stored backup, Proof proof) {
        answer.note(new Words("%s, %s", "%s, %s").with(Words.bytes(backup.manifest().bytesStored()), Words.count(backup.manifest().tables().size(), "table", "tables", "table", "tables")));
        answer.note(proof.broken() ? State.problem : State.good, new Words("proof: %s", "preuve : %s").with(Grade.of(proof).words()));
        if (proof.broken()) answer.note(Words.same(Html.brief(proof.problem(), Answer.LONGEST)));
        if (!backup.manifest().selection().isWhole()) answer.note(State.attention, new Words("of a part of the database only", "d'une partie de la base seulement"));
    }
}
