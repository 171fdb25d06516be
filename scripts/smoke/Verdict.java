package smoke;

/**
 * What one look found, in words.
 *
 * @param next what the operator does about it; null where there is nothing to do
 * @param settled another look would find the same, so that there need not be one
 */
public record Verdict(Outcome outcome, String what, String next, boolean settled) {
    public static Verdict pass(String what) { return new Verdict(Outcome.pass, what, null, false); }

    /** A pass that somebody should do something about, before it is none. */
    public static Verdict warning(String what, String next) { return new Verdict(Outcome.pass, what, next, false); }

    public static Verdict fail(String what, String next) { return new Verdict(Outcome.fail, what, next, false); }

    public static Verdict unknown(String what, String next) { return new Verdict(Outcome.unknown, what, next, false); }

    Verdict forGood() { return new Verdict(outcome, what, next, true); }

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
