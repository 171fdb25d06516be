package report;

import java.util.List;
import java.util.Locale;
import java.util.function.Function;
import java.util.stream.Collectors;

/** The four answers that come first, and what they come to: good is only what was checked, and not too long ago. */
final class Verdict {
    final List<Answer> answers;
    final State state;

    Verdict(Bucket bucket, Goals goals) {
        answers = List.of(LastBackup.of(bucket, goals), LastDrill.of(bucket, goals), LastRelease.of(bucket, goals), LastSmokeTest.of(bucket, goals));
        state = answers.stream().map(Answer::state).reduce(State.none, State::worse);
    }

    /** All of it in one line: what is worst, and of what. */
    Words sentence() {
        if (state == State.none) return new Words("Nothing has been done here yet", "Rien n'a encore été fait ici");
        if (state == State.good) return new Words("All that was checked is good", "Tout ce qui a été vérifié est bon");
        var of = answers.stream().filter(answer -> answer.state() == state).map(answer -> answer.about).toList();
        return new Words("%s: %s", "%s : %s").with(state.words, new Words(listed(of, Words::en), listed(of, Words::fr)));
    }

    private static String listed(List<Words> all, Function<Words, String> language) { return all.stream().map(language).map(each -> each.substring(0, 1).toLowerCase(Locale.ROOT) + each.substring(1)).collect(Collectors.joining(", ")); }
}
