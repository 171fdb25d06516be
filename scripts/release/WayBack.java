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
        if (old.isEmpty() || old.get().bad() == null && !releases.isLeft(old.get()))
            all.add(new WayBack("what was live before", before.get().deployment(), old));
        var isProven = old.isEmpty() || old.get().isGood() && !releases.isLeft(old.get());
        var good = isProven ? Optional.<Releases.Known>empty() : releases.previous(old);
        // What was made for another provider can't be live here.
        good.filter(known -> known.release().provider().equals(old.get().release().provider()))
            .ifPresent(known -> all.add(new WayBack("release " + known.release().id(), known.deployment(), good)));
        return all;
    }

    /**
     * The good one before this one, where this one is there no more.
     *
     * @param broken what is to be left: what has its very bytes would change nothing
     */
    public Optional<WayBack> further(Releases releases, Release broken) throws Exception {
        for (var good = releases.previous(release); good.isPresent(); good = releases.previous(good)) {
            var known = good.get();
            if (known.release().provider().equals(broken.provider()) && !known.hasBytesOf(broken))
                return Optional.of(new WayBack("release " + known.release().id(), known.deployment(), good));
        }
        return Optional.empty();
    }

    /** Whether it is the very same files, so that nothing would change. */
    public boolean hasBytesOf(Release other) { return release.isPresent() && release.get().hasBytesOf(other); }

    /** Null where nobody knows it. */
    public String commit() { return release.map(known -> known.release().commit().sha()).orElse(null); }

    public String words() {
        return release.map(Releases.Known::words).orElse(deployment + ", which this kit did not deploy");
    }

    /** The last step of a way back, which no visitor sees before it is done. */
    public interface Turn { void make() throws IOException, InterruptedException; }

    /**
     * Makes all ready for it to be live: at once where the provider still has it, else from the archive. What fails
     * here has changed nothing that a visitor sees.
     */
    public Turn prepare(Run run, Store store, String env, Provider provider, Application application)
        throws IOException, InterruptedException {
        if (release.isEmpty() || provider.keeps(deployment)) return () -> provider.rollBack(deployment);
        var older = release.get().release();
        var folder = Workspace.createOnDisk(run);
        Artifact.fetch(store, env, older.artifact(), folder);
        var staged = provider.stage(older, folder, application);
        return () -> provider.promote(older, staged, folder, application);
    }
}
