package doctor;

import ops.Exit;
import ops.Failure;

/**
 * What a check saw.
 *
 * @param fix null when there is nothing to do
 * @param exit the code with which a problem ends the run; null for all but problems
 */
public record Seen(Outcome outcome, String what, String fix, Exit exit) {
    /** {@code note} is a fact that is neither right nor wrong; {@code cannot_tell} is never counted as ok. */
    public enum Outcome {
        problem, warning, cannot_tell, not_checked, note, ok;

        /** As a person reads it. */
        public String words() { return name().replace('_', ' '); }

        /** "2 problems". */
        public String count(int number) { return number + " " + words() + (number == 1 || this == ok || this == cannot_tell || this == not_checked ? "" : "s"); }
    }

    static Seen ok(String what) { return new Seen(Outcome.ok, what, null, null); }

    static Seen note(String what) { return new Seen(Outcome.note, what, null, null); }

    static Seen note(String what, String fix) { return new Seen(Outcome.note, what, fix, null); }

    static Seen warning(String what, String fix) { return new Seen(Outcome.warning, what, fix, null); }

    static Seen cannotTell(String what, String fix) { return new Seen(Outcome.cannot_tell, what, fix, null); }

    static Seen notChecked(String what) { return new Seen(Outcome.not_checked, what, null, null); }

    static Seen problem(Exit exit, String what, String fix) { return new Seen(Outcome.problem, what, fix, exit); }

    /** Without the advice to ask the doctor, whom one is asking. */
    static Seen problem(Failure failure) {
        return problem(failure.exit, failure.getMessage(), failure.hint.replaceFirst("; (if it stays, )?\\./jbang doctor.*", ""));
    }
}
