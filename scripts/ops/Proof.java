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
 * @param without what could not be restored where it was tried; null when everything was
 * @param notes what was otherwise where it was tried, and says nothing against it; null when nothing was
 */
public record Proof(String grade, String at, double seconds, String problem, List<String> without, List<String> notes) {
    static final List<String> GRADES = List.of("stored", "readable", "restored");

    /** The highest grade that was reached; unless an attempt failed, which overrules all before it until one of that grade or a higher one passes. */
    public static Proof of(Manifest manifest, List<BackupFolder.Evidence> evidence) {
        var proof = new Proof(manifest.proof(), manifest.created(), manifest.seconds(), null, null, null);
        var reached = GRADES.indexOf(proof.grade);
        for (var found : evidence) {
            var grade = GRADES.indexOf(found.proof());
            if (found.passed() && grade < reached) continue;
            reached = grade;
            if (!found.passed()) proof = new Proof("broken", found.at(), found.seconds(), found.problem(), null, null);
            else proof = new Proof(found.proof(), found.at(), found.seconds(), null, found.notRestorable(), found.notes());
        }
        return proof;
    }

    public boolean broken() { return problem != null; }

    /**
     * Throws NotVerified for a backup that is known to be broken. It is taken all the same by its whole id alone: only who
     * has read that means this one; and what was found once may be found no more.
     *
     * @param folder the backup's
     * @param wanted as it was asked for, an id or latest
     * @param accepted whether --although-broken was given
     * @param command that took it, with its options
     */
    public void refuseBroken(Console console, BackupFolder folder, String wanted, boolean accepted, String env,
        String command) {
        if (!broken()) return;
        var known = "backup " + folder.id() + " is known to be broken: " + problem;
        if (accepted && wanted.equals(folder.id())) console.warn(known);
        else throw new Failure.NotVerified(known, "take another: ./jbang backups list --env " + env
            + "; a new drill tells whether it still is: ./jbang backups drill " + folder.id() + " --env " + env
            + "; or take it all the same, by its id: " + command + " --although-broken");
    }

    /** As in "readable 3 h ago, 41.0 s". */
    public String words(Instant now) {
        if (grade.equals("stored")) return grade;
        var words = (broken() ? "BROKEN, found " : grade + " ") + Amount.age(Instant.parse(at), now)
            + (broken() ? ": " + problem : ", " + Amount.time(Duration.ofMillis((long) (seconds * 1000)))) + (without == null || without.isEmpty() ? "" : "; without " + String.join(", ", without))
            + (notes == null || notes.isEmpty() ? "" : "; " + String.join("; ", notes));
        return Console.plain(words); // anybody may have written the evidence
    }
}
