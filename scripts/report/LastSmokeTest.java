package report;

import smoke.Kept;
import smoke.Outcome;

/** Does the site work, as far as somebody has looked lately? */
final class LastSmokeTest {
    private static final int NAMED = 3;

    private LastSmokeTest() { }

    static Answer of(Bucket bucket, Goals goals) {
        var about = new Words("Last smoke test", "Dernier smoke test");
        var next = goals.hasSite() ? "./jbang smoke-tests --env " + bucket.env : null;
        var last = bucket.looks().findFirst();
        if (last.isEmpty()) return new Answer(about, bucket.isEmpty() || !goals.hasSite() ? State.none : State.unknown, new Words("there was none", "il n'y en a pas eu"), next);
        var run = last.get();
        var passed = run.checks().stream().filter(check -> check.outcome() == Outcome.pass).count();
        var answer = new Answer(about, State.good, Words.age(run.at(), bucket.now), next).note(Words.same(Words.minute(run.at())))
            .note(new Words("%s of %s checks pass", "%s vérifications sur %s réussissent").with(passed, run.checks().size()));
        var wrong = run.checks().stream().filter(check -> state(check) != State.good).toList();
        for (var check : wrong.subList(0, Math.min(NAMED, wrong.size()))) answer.note(new Words("%s: %s", "%s : %s").with(CheckTitle.of(check), Html.brief(String.valueOf(check.what()), Answer.LONGEST)));
        wrong.forEach(check -> answer.atLeast(state(check)));
        if (run.at().isBefore(bucket.now.minus(Goals.SMOKE))) answer.note(State.unknown, new Words("too long ago to tell how the site is now", "trop ancien pour dire comment va le site maintenant"));
        return answer;
    }

    static State state(Kept check) {
        return switch (check.outcome()) { case pass -> check.warning() ? State.attention : State.good; case fail -> State.problem; case unknown -> State.unknown; };
    }
}
