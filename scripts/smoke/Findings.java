package smoke;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import ops.Failure;
import ops.Secret;
import ops.Steps;

/** What all checks together have found. */
public record Findings(List<Judge.Result> results) {
    /**
     * Looks at all of them side by side.
     *
     * @param limit for all together
     * @param tries at most so many looks at each; 0 for as many as there is time for
     * @param each is told each result, in their order, as soon as it is known
     */
    public static Findings of(List<Check> checks, Duration limit, int tries, Consumer<Judge.Result> each) throws Exception {
        var results = new ArrayList<Judge.Result>();
        for (var judging : new Judge(limit, tries).start(checks)) {
            var result = Steps.await(judging);
            results.add(result);
            each.accept(result);
        }
        return new Findings(results);
    }

    public Outcome outcome() { return count(Outcome.fail) > 0 ? Outcome.fail : count(Outcome.unknown) > 0 ? Outcome.unknown : Outcome.pass; }

    private long count(Outcome outcome) { return results.stream().filter(result -> result.verdict().outcome() == outcome).count(); }

    /** As in "1 of 7 FAIL, 6 of 7 pass". */
    public String counts() {
        return Stream.of(Outcome.values()).filter(outcome -> count(outcome) > 0).map(outcome -> count(outcome) + " of " + results.size() + " " + switch (outcome) { case pass -> "pass"; case fail -> "FAIL"; case unknown -> "can't be told"; }).collect(Collectors.joining(", "));
    }

    /** Those that did not pass, each with what it saw, behind a mark; empty when all passed. */
    public String wrong(String mark) {
        return results.stream().filter(result -> result.verdict().outcome() != Outcome.pass).map(result -> mark + result.check().title() + ": " + result.verdict().what()).collect(Collectors.joining());
    }

    /** What the history keeps of them. */
    public List<Kept> kept() {
        return results.stream().map(result -> new Kept(result.check().name(), result.check().title(), result.verdict().outcome(), result.verdict().isWarning(), result.seconds(),
            Secret.mask(result.verdict().what()), result.verdict().ends() == null ? null : result.verdict().ends().toString())).toList();
    }

    /** One line for a person, with the name that --only takes, and the next step below it where there is one. */
    public static String line(Judge.Result result) {
        var verdict = result.verdict();
        var word = switch (verdict.outcome()) { case pass -> verdict.isWarning() ? "warning" : "ok"; case fail -> "FAILED"; case unknown -> "unknown"; };
        return String.format(Locale.ROOT, "%-8s %6.2f s  %-11s %s: %s%s", word, result.seconds(), result.check().name(),
            result.check().title(), verdict.what(), verdict.next() == null ? ""
            : "\n                    next: " + verdict.next());
    }

    /** Throws NotVerified when something failed, Unclear when something can't be told. */
    public void conclude() {
        if (outcome() == Outcome.pass) return;
        var first = results.stream().filter(result -> result.verdict().outcome() == outcome()).findFirst().orElseThrow();
        var what = counts() + "; the first: " + first.check().title() + ": " + first.verdict().what();
        throw outcome() == Outcome.fail ? new Failure.NotVerified(what, first.verdict().next()) : new Failure.Unclear(what, first.verdict().next());
    }
}
