package report;

import ops.Exit;

/** How did the last deploy or rollback end? */
final class LastRelease {
    private LastRelease() { }

    static Answer of(Bucket bucket, Goals goals) {
        var last = bucket.runs("deploy", "rollback").filter(run -> !run.isRefused()).findFirst();
        if (last.isEmpty()) return new Answer(new Words("Last deploy", "Dernier déploiement"), State.none, new Words("there was none", "il n'y en a pas eu"), goals.hasSite() ? "./jbang deploy --env " + bucket.env + " --dry-run" : null);
        var run = last.get();
        var about = run.is("deploy") ? new Words("Last deploy", "Dernier déploiement") : new Words("Last rollback", "Dernier retour arrière");
        var answer = new Answer(about, state(run), Words.age(run.at(), bucket.now), "./jbang rollback --env " + bucket.env + " --list").note(Words.same(Words.minute(run.at())));
        if (run.commit() != null) answer.note(Words.same(run.shortCommit() + (run.subject() == null ? "" : " " + Html.brief(run.subject(), 60))));
        answer.note(Ending.of(run));
        if (!run.why().isEmpty()) answer.note(Words.same(Html.brief(run.why(), Answer.LONGEST)));
        return answer;
    }

    /** After a rollback the site works, and what it should have become is still to be mended. */
    private static State state(Past run) {
        if (run.isDone()) return run.is("deploy") ? State.good : State.attention;
        return run.ended(Exit.VERIFICATION) ? State.problem : run.exit() == null || run.ended(Exit.UNKNOWN) || run.ended(Exit.BUG) ? State.unknown : State.attention;
    }
}
