package report;

import java.time.Instant;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import ops.Exit;
import ops.Stamp;
import smoke.Kept;

/** A run, as the history has it; what only some scripts note is null in the others. */
record Past(String script, String started, double seconds, String result, Integer exit, String problem, String backup, Long bytesStored, Copied copy,
        String commit, String subject, String release, String restored, String reason, String breakGlass, List<Kept> checks) {
    /** What came of a backup's copy in another place; the problem is null when it is there. */
    record Copied(String to, String problem, String later) { }

    /** Anybody may have written it. */
    boolean isWhole() {
        return script != null && result != null && Stamp.isTime(started) && (checks == null || checks.stream().allMatch(Past::isWhole));
    }

    private static boolean isWhole(Kept check) { return check != null && check.name() != null && check.outcome() != null && (check.ends() == null || Stamp.isTime(check.ends())); }

    Instant at() { return Instant.parse(started); }

    boolean is(String script) { return this.script.equals(script); }

    boolean isDone() { return result.equals("done"); }

    boolean ended(Exit exit) { return Objects.equals(this.exit, exit.code); }

    /** It refused to begin, for a reason that is no fault of anything. */
    boolean isRefused() { return Stream.of(Exit.USAGE, Exit.REFUSED, Exit.BUSY, Exit.SETTING).anyMatch(this::ended); }

    boolean isNotCopied() { return copy != null && copy.problem != null; }

    String shortCommit() { return commit.substring(0, Math.min(7, commit.length())); }

    /** A reason why, in somebody's own words; empty when there is none. */
    String why() { return breakGlass != null ? breakGlass : reason != null ? reason : problem != null ? problem : ""; }
}
