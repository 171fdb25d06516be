package smoke;

import java.time.Instant;
import java.util.Optional;

/**
 * What one look found, in words.
 *
 * @param next what the operator does about it; null where there is nothing to do
 * @param settled another look would find the same, so that there need not be one
 * @param ends when what was looked at comes to its end by itself, as a certificate does; null where nothing does
 */
public record Verdict(Outcome outcome, String what, String next, boolean settled, Instant ends) {
    /** What to do when the machine itself is too busy. */
    public static final String BUSY = "look again when this machine has less to do, or from another one";

    Verdict(Outcome outcome, String what, String next, boolean settled) { this(outcome, what, next, settled, null); }

    public static Verdict pass(String what) { return new Verdict(Outcome.pass, what, null, false); }

    /** A pass that somebody should do something about, before it is none. */
    public static Verdict warning(String what, String next) { return new Verdict(Outcome.pass, what, next, false); }

    public static Verdict fail(String what, String next) { return new Verdict(Outcome.fail, what, next, false); }

    public static Verdict unknown(String what, String next) { return new Verdict(Outcome.unknown, what, next, false); }

    Verdict forGood() { return forGood(outcome, what); }

    /** This one, unless this machine was too busy to tell. */
    Verdict unless(Optional<String> busy) {
        return busy.map(why -> unknown(what + "; but " + why, BUSY)).orElse(this);
    }

    /** The last word of several looks, of which this one tells what to do. */
    Verdict forGood(Outcome outcome, String what) { return new Verdict(outcome, what, next, true, ends); }

    Verdict ending(Instant ends) { return new Verdict(outcome, what, next, settled, ends); }

    boolean passed() { return outcome == Outcome.pass; }

    public boolean isWarning() { return passed() && next != null; }

    /** To leave a look at once, from wherever the answer has become clear. */
    Judged judged() { return new Judged(this); }

    static final class Judged extends Exception {
        final Verdict verdict;

        private Judged(Verdict verdict) {
            super(verdict.what, null, false, false);
            this.verdict = verdict;
        }
    }
}
