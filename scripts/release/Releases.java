//SOURCES Release.java
package release;

import java.time.Instant;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;
import ops.Failure;
import ops.Json;
import ops.Steps;
import ops.Store;

/**
 * An environment's releases: {@code PREFIX/ENV/releases/ID.json}, and beside each what came of it: {@code ID.good.json} once it
 * was live and the smoke tests had passed, {@code ID.bad.json} once it was found not to be good.
 */
public final class Releases {
    /** What came of a release: how it was live, or why it is bad. */
    public record Mark(String at, String deployment, String why) { }

    /** A release and what came of it; the marks are null when it has none. */
    public record Known(Release release, Mark good, Mark bad) {
        /** Something to roll back to. */
        public boolean isGood() { return good != null && bad == null; }

        /** The provider's name for it when it was live. */
        public String deployment() { return good != null && good.deployment != null ? good.deployment : release.deployment(); }

        public String words() {
            return release + (bad != null ? ", marked bad: " + bad.why : good == null ? ", never proven: its deploy did not come to its end" : "");
        }
    }

    private static final int LARGEST = 1 << 20;

    private final Store store;
    private final String env;
    private final String folder;
    private List<Known> known;

    public Releases(Store store, String env) {
        this.store = store;
        this.env = env;
        folder = store.prefix + "/" + env + "/releases/";
    }

    /** All of them, newest first. */
    public List<Known> all() throws Exception {
        if (known != null) return known;
        var names = store.list(folder).stream().map(item -> item.key().substring(folder.length())).collect(Collectors.toSet());
        var ids = names.stream().filter(name -> name.matches("[0-9TZ]{16}-[0-9a-f]{6}\\.json")).map(name -> name.substring(0, name.length() - 5)).sorted(Comparator.reverseOrder()).toList();
        return known = Steps.sideBySide(ids, id -> new Known(release(id), mark(names, id + ".good.json"), mark(names, id + ".bad.json")));
    }

    /** Whether a release with this id was recorded, whatever its record says. */
    boolean has(String id) { return id.matches("[0-9TZ]{16}-[0-9a-f]{6}") && store.head(folder + id + ".json").isPresent(); }

    private Release release(String id) {
        var release = read(id + ".json", Release.class);
        if (release.format() > Release.FORMAT) throw new Failure.NotVerified("release " + id + " was written by a newer kit", "update the kit: its version is in ./jbang rollback --version");
        if (release.commit() == null || release.artifact() == null || !id.equals(release.id())) throw new Failure.NotVerified(store.uri(folder + id + ".json") + " is broken: it lacks what every release has", "look at it, and remove it");
        return release;
    }

    private Mark mark(java.util.Set<String> names, String name) { return names.contains(name) ? read(name, Mark.class) : null; }

    private <T> T read(String name, Class<T> type) {
        var read = Json.read(store.read(folder + name, LARGEST).orElseThrow(() -> new Failure.StoreFailed(store.uri(folder + name) + " has just gone", "run it again")), type, store.uri(folder + name));
        if (read == null) throw new Failure.NotVerified(store.uri(folder + name) + " is empty", "look at it, and remove it");
        return read;
    }

    /** The release that a provider says is live; empty when it is none of these. */
    public Optional<Known> of(Provider.Live live) throws Exception {
        return all().stream().filter(known -> known.release.id().equals(live.release()) || live.deployment().equals(known.deployment())).findFirst();
    }

    /** The newest good one that is older than what is live; any good one when that is not ours. */
    public Optional<Known> previous(Optional<Known> live) throws Exception {
        return all().stream().filter(Known::isGood).filter(known -> live.isEmpty() || known.release.id().compareTo(live.get().release.id()) < 0).findFirst();
    }

    /** Whether what is live would have to work without what a newer release's migrations destroyed, also when its deploy was killed before it was live. */
    public boolean isBehindBreaking(Optional<Provider.Live> live, String schemaNow) throws Exception {
        if (live.isEmpty()) return false;
        var since = of(live.get()).map(known -> known.release.id()).orElse("");
        return all().stream().map(Known::release).anyMatch(release -> release.breaking() != null && release.id().compareTo(since) > 0 && release.breaking().compareTo(schemaNow) <= 0);
    }

    /** By its id or commit, or a unique beginning of one of them; of several of one commit the newest good one. */
    public Known find(String wanted) throws Exception {
        var found = all().stream().filter(known -> known.release.id().startsWith(wanted) || wanted.length() >= 7 && known.release.commit().sha().startsWith(wanted)).toList();
        var commits = found.stream().map(known -> known.release.commit().sha()).distinct().count();
        var list = "./jbang rollback --env " + env + " --list";
        if (found.isEmpty()) throw new Failure.Failed("'" + env + "' has no release '" + wanted.replaceAll("\\p{Cntrl}", "?") + "'", "see what there is: " + list);
        if (commits > 1) throw new Failure.Usage("'" + wanted + "' may be any of " + found.size() + " releases", "give more of it; " + list);
        return found.stream().filter(Known::isGood).findFirst().orElse(found.get(0));
    }

    /** Writes a release, once; from here on the kit knows it, good or not. */
    public void record(Release release) {
        if (!store.putNew(folder + release.id() + ".json", Json.bytes(release))) throw new Failure.Unclear("there is another release at " + store.uri(folder + release.id() + ".json"), "run it again: it takes another id");
        known = null;
    }

    public void good(Release release, String deployment) { mark(release.id() + ".good.json", new Mark(now(), deployment, null)); }

    public void bad(Release release, String why) { mark(release.id() + ".bad.json", new Mark(now(), null, why)); }

    private void mark(String name, Mark mark) {
        store.put(folder + name, Json.bytes(mark));
        known = null;
    }

    private static String now() { return Instant.now().truncatedTo(java.time.temporal.ChronoUnit.SECONDS).toString(); }
}
