package doctor;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Stream;
import ops.Exit;
import ops.Failure;
import ops.MachineLimit;

/** Checks that belong together. Each is made on its own: one that fails leaves the others, but for those that need it. */
public final class Group {
    /** One check. It may see nothing worth a line: null. */
    interface Look { Seen look() throws Exception; }

    /** A check's name and what it saw. */
    public record Finding(String name, Seen seen) { }

    public final String name;
    private final List<Group> earlier;
    private final List<Finding> findings = new ArrayList<>();
    /** Checks that failed or were not made, each with the one that is to blame: itself, or what it needed. */
    private final Map<String, String> failed = new ConcurrentHashMap<>();

    /** @param earlier groups whose checks may be needed by checks of this one */
    Group(String name, Group... earlier) {
        this.name = name;
        this.earlier = List.of(earlier);
    }

    /**
     * Makes a check and keeps what it saw.
     *
     * @param needs names of checks, here or in an earlier group, without which this one makes no sense
     */
    void check(String name, Look look, String... needs) {
        var blamed = Stream.of(needs).map(this::blamed).filter(Objects::nonNull).findFirst();
        var seen = blamed.isEmpty() ? attempt(look) : Seen.notChecked("needs " + blamed.get());
        if (seen == null) return;
        findings.add(new Finding(name, seen));
        if (blamed.isPresent() || seen.outcome() == Seen.Outcome.problem) failed.put(name, blamed.orElse(name));
    }

    private static Seen attempt(Look look) {
        try {
            return look.look();
        } catch (Failure.Usage e) {
            throw e; // the question makes no sense, so there is nothing to examine
        } catch (Failure.Unclear e) {
            return Seen.cannotTell(e.getMessage(), e.hint);
        } catch (Failure e) {
            return Seen.problem(e);
        } catch (Exception | Error e) {
            return MachineLimit.in(e).map(Seen::problem).orElseGet(() -> Seen.problem(Exit.BUG, "a bug in the kit: " + e, "send us this line"));
        }
    }

    boolean hasFailed(String name) { return blamed(name) != null; }

    /** Null when the check did not fail. */
    private String blamed(String name) {
        return failed.containsKey(name) ? failed.get(name) : earlier.stream().map(group -> group.blamed(name)).filter(Objects::nonNull).findFirst().orElse(null);
    }

    /** What was seen, in the order of the checks; once they have all been made. */
    public List<Finding> findings() { return findings; }
}
