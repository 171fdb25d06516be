package release;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import ops.Run;
import ops.Store;
import ops.Workspace;

/**
 * Something that may be live in place of a release that does not work.
 *
 * @param name in words: "what was live before"
 * @param deployment the provider's name for it
 * @param release empty for what this kit did not deploy
 */
public record WayBack(String name, String deployment, Optional<Releases.Known> release) {
    /**
     * What was live, unless it is marked bad; and the good one before it, unless that is proven itself.
     *
     * @param before what was live, as the provider says
     * @param old the release that it is; empty for what this kit did not deploy
     */
    public static List<WayBack> all(Releases releases, Optional<Provider.Live> before, Optional<Releases.Known> old)
        throws Exception {
        var all = new ArrayList<WayBack>();
        if (before.isEmpty()) return all;
        if (old.isEmpty() || old.get().bad() == null)
            all.add(new WayBack("what was live before", before.get().deployment(), old));
        var good = old.isEmpty() || old.get().isGood() ? Optional.<Releases.Known>empty() : releases.previous(old);
        // What was made for another provider can't be live here.
        good.filter(known -> known.release().provider().equals(old.get().release().provider()))
            .ifPresent(known -> all.add(new WayBack("release " + known.release().id(), known.deployment(), good)));
        return all;
    }

    /** Whether it is the very same files, so that nothing would change. */
    public boolean hasBytesOf(Release other) { return release.isPresent() && release.get().hasBytesOf(other); }

    /** Null where nobody knows it. */
    public String commit() { return release.map(known -> known.release().commit().sha()).orElse(null); }

    public String words() {
        return release.map(Releases.Known::words).orElse(deployment + ", which this kit did not deploy");
    }

    /**
     * Makes it live: at once where the provider still has it, else from the archive.
     *
     * @param makeSure asks whether the lock is still held, right before what can't be undone
     */
    public void take(Run run, Store store, String env, Provider provider, Application application, Runnable makeSure)
        throws IOException, InterruptedException {
        makeSure.run();
        if (release.isEmpty() || provider.keeps(deployment)) {
            provider.rollBack(deployment);
            return;
        }
        var older = release.get().release();
        var folder = Workspace.createOnDisk(run);
        Artifact.fetch(store, env, older.artifact(), folder);
        var staged = provider.stage(older, folder, application);
        makeSure.run();
        provider.promote(older, staged, folder, application);
    }
}
