package smoke;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import ops.Amount;
import ops.Failure;

/**
 * Looks at everything side by side, again and again, until it is clear or the time is over.
 *
 * <p>One look that fails is no verdict: a page may be cold, a name not known everywhere yet. But what has failed once has to
 * pass three times running before it counts as passed, or a site that fails now and then would pass with patience alone.
 */
public final class Judge {
    private static final int RUNNING = 3;
    private static final Duration FIRST_PAUSE = Duration.ofMillis(250), LONGEST_PAUSE = Duration.ofSeconds(4);
    /** With less time no look is begun: it would find nothing but that. */
    private static final Duration SHORTEST_LOOK = Duration.ofSeconds(1);
    /** A look is told a tenth less than it has, so that it can say itself what it was waiting for, on a busy machine too. */
    private static final int GRACE = 10;

    /** One look: when it began, in seconds from the first one's beginning, how long it took and what it found. */
    public record Attempt(double at, double seconds, Outcome outcome, String what) { }

    /** What all looks together say. */
    public record Result(Check check, Verdict verdict, double seconds, List<Attempt> attempts) { }

    private final Duration limit;
    private final int tries;
    private final ExecutorService threads = Executors.newCachedThreadPool(body -> {
        var thread = new Thread(body, "smoke");
        thread.setDaemon(true); // a look that can't be interrupted must not keep the process
        return thread;
    });
    private final long begun = System.nanoTime();

    /**
     * A judge.
     *
     * @param limit for all checks together
     * @param tries at most so many looks at each; 0 for as many as there is time for
     */
    public Judge(Duration limit, int tries) {
        this.limit = limit;
        this.tries = tries;
    }

    /** Begins with all of them; the results come in the same order. */
    public List<Future<Result>> start(List<Check> checks) {
        var results = new ArrayList<Future<Result>>();
        for (var check : checks) results.add(threads.submit(() -> judge(check)));
        return results;
    }

    private Result judge(Check check) throws InterruptedException {
        var attempts = new ArrayList<Attempt>();
        var begun = System.nanoTime();
        Verdict last = null, notPassed = null;
        var running = 0;
        var pause = FIRST_PAUSE;
        // A look may take a third, so that one that hangs leaves time for another.
        var share = tries == 1 ? limit : limit.dividedBy(3);
        while (true) {
            var at = System.nanoTime();
            last = look(check, least(share, left()));
            attempts.add(new Attempt(seconds(begun, at), seconds(at, System.nanoTime()), last.outcome(), last.what()));
            if (last.passed()) running++;
            else {
                running = 0;
                notPassed = last;
            }
            if (notPassed == null || running == RUNNING || last.settled()) break;
            if (attempts.size() == tries || left().minus(pause).compareTo(SHORTEST_LOOK) < 0) break;
            TimeUnit.NANOSECONDS.sleep(pause.toNanos());
            if (left().compareTo(SHORTEST_LOOK) < 0) break; // the machine itself has slept
            pause = last.passed() ? FIRST_PAUSE : least(pause.multipliedBy(2), LONGEST_PAUSE);
        }
        return new Result(check, conclude(last, notPassed, running, attempts), seconds(begun, System.nanoTime()), attempts);
    }

    private Verdict look(Check check, Duration time) throws InterruptedException {
        var waiting = Waiting.own();
        var begun = System.nanoTime();
        var own = time.minus(time.dividedBy(GRACE));
        var looking = threads.submit(() -> check.look().at(own));
        Verdict verdict;
        try {
            verdict = looking.get(time.toMillis(), TimeUnit.MILLISECONDS);
        } catch (TimeoutException e) {
            verdict = Verdict.fail("no answer in " + Amount.time(time), "is it up, and reachable from here?");
        } catch (ExecutionException e) {
            verdict = verdict(check, e.getCause());
        } finally {
            looking.cancel(true);
        }
        // One that failed before its time was over did not fail for want of time.
        var late = System.nanoTime() - begun > own.minus(own.dividedBy(GRACE)).toNanos();
        return verdict.outcome() == Outcome.fail && late ? verdict.unless(waiting.tooLong()) : verdict;
    }

    private static Verdict verdict(Check check, Throwable thrown) {
        if (thrown instanceof Verdict.Judged judged) return judged.verdict;
        if (thrown instanceof Failure.BadSetting wrong)
            return Verdict.unknown(wrong.getMessage(), wrong.hint).forGood();
        if (thrown instanceof Failure.StoreFailed failure) return Verdict.unknown(failure.getMessage(), failure.hint);
        if (thrown instanceof Failure failure) return Verdict.fail(failure.getMessage(), failure.hint);
        throw new IllegalStateException(check.name() + ": " + thrown, thrown);
    }

    private static Verdict conclude(Verdict last, Verdict notPassed, int running, List<Attempt> attempts) {
        if (notPassed == null || attempts.size() == 1) return last;
        var failed = attempts.stream().filter(attempt -> attempt.outcome() != Outcome.pass).count();
        var first = attempts.get(0).what();
        if (running == RUNNING) return last.forGood(Outcome.pass, last.what() + "; passed at try " + (attempts.size() - RUNNING + 1) + ", before that: " + first);
        if (failed < attempts.size()) return notPassed.forGood(notPassed.outcome(), "not steady: " + failed + " of " + attempts.size() + " tries did not pass, the last of these: " + notPassed.what());
        return last.forGood(last.outcome(), last.what() + (last.settled() && failed == 1 ? "" : ", " + attempts.size() + " tries"));
    }

    private Duration left() { return limit.minusNanos(System.nanoTime() - begun); }

    private static Duration least(Duration one, Duration other) { return one.compareTo(other) < 0 ? one : other; }

    private static double seconds(long from, long to) { return Math.round((to - from) / 1e6) / 1e3; }
}
