package ops;

import java.time.Duration;
import java.time.Instant;
import java.util.List;

/**
 * How far a backup is proven, by its manifest and the evidence beside it: stored, readable, restored; or broken.
 *
 * @param grade "stored", "readable", "restored" or "broken"
 * @param at when that was found
 * @param seconds how long finding it took
 * @param problem what is broken; null otherwise
 */
public record Proof(String grade, String at, double seconds, String problem) {
    private static final List<String> GRADES = List.of("stored", "readable", "restored");

    /** The highest grade that was reached; unless the last attempt failed, which overrules everything before it. */
    public static Proof of(Manifest manifest, List<BackupFolder.Evidence> evidence) {
        var proof = new Proof(manifest.proof(), manifest.created(), manifest.seconds(), null);
        for (var found : evidence) {
            if (!found.passed()) proof = new Proof("broken", found.at(), found.seconds(), found.problem());
            else if (GRADES.indexOf(found.proof()) >= GRADES.indexOf(proof.grade)) proof = new Proof(found.proof(), found.at(), found.seconds(), null);
        }
        return proof;
    }

    public boolean broken() { return problem != null; }

    /** As in "readable 3 h ago, 41.0 s". */
    public String words(Instant now) {
        if (grade.equals("stored")) return grade;
        return (broken() ? "BROKEN, found " : grade + " ") + Amount.age(Instant.parse(at), now)
            + (broken() ? ": " + problem : ", " + Amount.time(Duration.ofMillis((long) (seconds * 1000))));
    }
}
