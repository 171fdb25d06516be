package report;

import java.util.List;

/** The four answers that come first, and what they come to: good is only what was checked, and not too long ago. */
final class Verdict {
    final List<Answer> answers;
    final State state;

    Verdict(Bucket bucket, Goals goals) {
        answers = List.of(LastBackup.of(bucket, goals), LastDrill.of(bucket, goals), LastRelease.of(bucket, goals), LastSmokeTest.of(bucket, goals));
        state = answers.stream().map(Answer::state).reduce(State.none, State::worse);
    }

    /** All of it in one sentence. */
    Words sentence() {
        var alike = answers.stream().filter(answer -> answer.state() == state).count();
        return switch (state) {
            case none -> new Words("Nothing has been done here yet", "Rien n'a encore été fait ici");
            case good -> new Words("All that was checked is good", "Tout ce qui a été vérifié est bon");
            case attention -> alike == 1 ? new Words("One thing wants attention", "Un point demande attention") : new Words("%s things want attention", "%s points demandent attention").with(alike);
            case unknown -> alike == 1 ? new Words("One thing can't be told", "Un point reste indéterminé") : new Words("%s things can't be told", "%s points restent indéterminés").with(alike);
            case problem -> alike == 1 ? new Words("There is a problem", "Il y a un problème") : new Words("There are %s problems", "Il y a %s problèmes").with(alike);
        };
    }
}
