package release;

import ops.Manifest;

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

    /** The same, once it is staged. */
    public Release staged(String deployment) { return new Release(format, id, env, created, commit, provider, deployment, artifact, schemaVersion, breaking, by, kit); }

    @Override public String toString() { return id + " (" + commit + ")"; }
}
