package release;

import java.util.stream.Stream;
import ops.Manifest;
import ops.Stamp;

/**
 * A release, as it stands in {@code PREFIX/ENV/releases/ID.json}: written once, before anybody sees it. What comes
 * of it later lies beside it.
 *
 * @param created when it was built, UTC
 * @param provider as in DEPLOY_PROVIDER
 * @param deployment the provider's name for what was staged
 * @param schemaVersion the database's last migration once this release is live; empty without any, null when there is no database
 * @param breaking the first of the migrations that come with it to destroy what older releases may need; null without any
 * @param by who ran it, as USER on HOST
 */
public record Release(int format, String id, String env, String created, Commit commit, String provider, String deployment, Artifact.Stored artifact, String schemaVersion, String breaking, String by, Manifest.Kit kit) {
    public static final int FORMAT = 1;

    /** What it was built from. */
    public record Commit(String sha, String branch, String subject) {
        public String brief() { return sha.substring(0, Math.min(12, sha.length())); }

        @Override public String toString() { return brief() + " " + subject; }
    }

    /** Whether it has what every release has; anybody who may write to the bucket may have written it. */
    boolean isSound() {
        if (commit == null || artifact == null || provider == null || deployment == null || artifact.sha256() == null) return false;
        if (artifact.bytes() < 0 || !artifact.sha256().matches("[0-9a-f]{64}") || commit.sha() == null || !commit.sha().matches("[0-9a-f]{40,64}")) return false;
        if (Stream.of(commit.branch(), commit.subject(), provider, deployment).anyMatch(text -> text == null || text.matches("(?s).*\\p{Cntrl}.*"))) return false;
        return Stamp.isTime(created);
    }

    /** The same, once it is staged. */
    public Release staged(String deployment) { return new Release(format, id, env, created, commit, provider, deployment, artifact, schemaVersion, breaking, by, kit); }

    @Override public String toString() { return id + " (" + commit + ")"; }
}
