//SOURCES Release.java
//SOURCES Turning.java
package release;

import java.time.Instant;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import ops.Console;
import ops.Failure;
import ops.Json;
import ops.Secret;
import ops.Signature;
import ops.Steps;
import ops.Store;
import ops.ToolHistory;

/**
 * An environment's releases: {@code PREFIX/ENV/releases/ID.json}, and beside each what came of it: {@code ID.good.json} once it
 * was live and the smoke tests had passed, {@code ID.bad.json} once it was found not to be good.
 */
public final class Releases {
    /** What came of a release: how it was live, or why it is bad. */
    public record Mark(String at, String deployment, String why) {
        public Mark {
            why = why == null ? null : Console.plain(why); // anybody may have written it
        }
    }

    /** A release and what came of it; the marks are null when it has none. */
    public record Known(Release release, Mark good, Mark bad) {
        /** Something to roll back to. */
        public boolean isGood() { return good != null && bad == null; }

        /** The provider's name for it when it was live. */
        public String deployment() { return good != null && good.deployment != null ? good.deployment : release.deployment(); }

        /** Whether both are the same files, so that it makes no difference which of them is live. */
        public boolean hasBytesOf(Release other) {
            return release.artifact().sha256().equals(other.artifact().sha256());
        }

        public String words() {
            return Console.plain(release.toString()) + (bad != null ? ", marked bad: " + bad.why : good == null ? ", never proven: its deploy did not come to its end" : "");
        }
    }

    private static final int LARGEST = 1 << 20;
    private static final String TURNING = "turning.json";

    private final Store store;
    private final String env;
    private final String folder;
    private final List<String> untrusted = new CopyOnWriteArrayList<>();
    private final List<String> unreadable = new CopyOnWriteArrayList<>();
    private final Set<String> outOfReach = ConcurrentHashMap.newKeySet();
    private List<Known> known;
    /** As it was at the last look at all of them, or has been written since. */
    private Optional<Turning> turning = Optional.empty();

    public Releases(Store store, String env) {
        this.store = store;
        this.env = env;
        folder = store.prefix + "/" + env + "/releases/";
    }

    /** Where they are. */
    public String uri() { return store.uri(folder); }

    /** All of them, newest first. */
    public List<Known> all() throws Exception {
        if (known != null) return known;
        var names = store.list(folder).stream().map(item -> item.key().substring(folder.length())).collect(Collectors.toSet());
        var ids = names.stream().filter(name -> name.matches("[0-9TZ]{16}-[0-9a-f]{6}\\.json")).map(name -> name.substring(0, name.length() - 5)).sorted(Comparator.reverseOrder()).toList();
        untrusted.clear();
        unreadable.clear();
        outOfReach.clear();
        turning = names.contains(TURNING) ? read(TURNING, Turning.class) : Optional.empty();
        return known = Steps.sideBySide(ids, id -> known(names, id)).stream().flatMap(Optional::stream).toList();
    }

    /** Whether a release with this id was recorded, whatever its record says. */
    boolean has(String id) { return id.matches("[0-9TZ]{16}-[0-9a-f]{6}") && store.head(folder + id + ".json").isPresent(); }

    /** The names of records that are not signed though they have to be: for the kit they are not there. */
    public List<String> untrusted() { return untrusted; }

    /** The names of records that are none of this kit's: one of them must not keep anybody from going back to another. */
    public List<String> unreadable() { return unreadable; }

    private Optional<Known> known(Set<String> names, String id) {
        return release(id).map(release -> new Known(release, mark(names, id + ".good.json").orElse(null), bad(names, id + ".bad.json")));
    }

    private Optional<Release> release(String id) {
        var read = read(id + ".json", Release.class);
        if (read.isEmpty()) return Optional.empty();
        var release = read.get();
        if (release.format() > Release.FORMAT) unreadable.add(id + ".json, of a newer kit");
        else if (!id.equals(release.id()) || !release.isSound()) unreadable.add(id + ".json");
        else return read;
        return Optional.empty();
    }

    private Optional<Mark> mark(Set<String> names, String name) { return names.contains(name) ? read(name, Mark.class) : Optional.empty(); }

    /** Being there is what counts, whatever it says; unless it is not signed though it has to be: anybody could call a good one bad. */
    private Mark bad(Set<String> names, String name) {
        if (!names.contains(name)) return null;
        var read = read(name, Mark.class);
        if (read.isEmpty() && Signature.isDemanded(store) && !outOfReach.contains(name)) return null;
        return read.filter(mark -> mark.why != null).orElseGet(() -> new Mark(null, null, "its mark does not say why"));
    }

    /** Empty for what can't be read, and for what is not signed though it has to be. */
    private <T> Optional<T> read(String name, Class<T> type) {
        try {
            var bytes = store.read(folder + name, LARGEST).orElseThrow(() -> new Failure.StoreFailed(store.uri(folder + name) + " has just gone", "run it again"));
            if (!Signature.isTrusted(store, folder + name, bytes)) {
                untrusted.add(name);
                return Optional.empty();
            }
            var read = Json.read(bytes, type, store.uri(folder + name));
            if (read != null) return Optional.of(read);
        } catch (Failure.NotVerified e) {
            // said by whoever asks for them all
        } catch (Failure.OutOfReach e) {
            outOfReach.add(name);
            unreadable.add(name + " (" + e.brief + ")");
            return Optional.empty();
        }
        unreadable.add(name);
        return Optional.empty();
    }

    /** The release that a provider says is live; empty when it is none of these. */
    public Optional<Known> of(Provider.Live live) throws Exception {
        return all().stream().filter(known -> known.release.id().equals(live.release()) || live.deployment().equals(known.deployment())).findFirst();
    }

    /** The newest good one that is older than what is live and has other bytes; any good one when that is not ours. */
    public Optional<Known> previous(Optional<Known> live) throws Exception {
        var good = all().stream().filter(known -> known.isGood() && !isLeft(known));
        if (live.isEmpty()) return good.findFirst();
        var now = live.get().release;
        return good.filter(known -> known.release.id().compareTo(now.id()) < 0 && !known.hasBytesOf(now)).findFirst();
    }

    /** The one with this id; empty when there is none, or its record does not count. */
    public Optional<Known> byId(String id) throws Exception {
        return all().stream().filter(known -> known.release.id().equals(id)).findFirst();
    }

    /** The commits that were deployed here, but for one. */
    public Set<String> commitsBut(String sha) throws Exception {
        return all().stream().map(known -> known.release.commit().sha()).filter(each -> !each.equals(sha))
            .collect(Collectors.toCollection(HashSet::new));
    }

    /** Writes down that the site will be turned back, before it is; from is null when what is live is none of these. */
    public void begin(String from, String to, String why) {
        put(new Turning(now(), from, to, Secret.mask(why), null));
    }

    /** Writes down that what was begun has come to its end, if anything was. */
    public void end() {
        if (turning.isPresent() && turning.get().ended() == null) put(turning.get().ended(now()));
    }

    private void put(Turning next) {
        Signature.put(store, folder + TURNING, Json.bytes(next));
        turning = Optional.of(next);
    }

    /** What a killed run began and did not bring to its end; empty when something else was made live since. */
    public Optional<Turning> begun(Optional<Known> live) throws Exception {
        all();
        return turning.filter(begun -> live.isPresent() && begun.isOpenAt(live.get().release.id()));
    }

    /** Whether a killed run has left it, or was about to, whatever was made live since. */
    boolean isLeft(Known release) {
        return turning.filter(begun -> begun.ended() == null && release.release.id().equals(begun.from())).isPresent();
    }

    /** What a killed run has left, or was about to, and nobody has marked as bad yet. */
    public Optional<Known> left() throws Exception {
        return all().stream().filter(known -> known.bad == null && isLeft(known)).findFirst();
    }

    /**
     * Marks that release as bad.
     *
     * @return in words, what was marked; empty when nothing had to be
     */
    public Optional<String> markLeft() throws Exception {
        var left = left();
        if (left.isEmpty()) return Optional.empty();
        var begun = turning.orElseThrow();
        bad(left.get().release, begun.why());
        return Optional.of("release " + begun.from() + " is marked bad, as the rollback of " + begun.at()
            + " that did not come to its end: " + begun.why());
    }

    /**
     * Whether a release would have to work without what a newer one's migrations destroyed, also when that one's deploy
     * was killed before it was live.
     *
     * @param older empty for what is none of these
     */
    public boolean isBehindBreaking(Optional<Known> older, String schemaNow) throws Exception {
        var since = older.map(known -> known.release.id()).orElse("");
        return all().stream().map(Known::release)
            .anyMatch(release -> release.breaking() != null && release.id().compareTo(since) > 0
                && ToolHistory.compare(release.breaking(), schemaNow) <= 0);
    }

    /** By its id or commit, or a unique beginning of one of them; of several of one commit the newest good one. */
    public Known find(String wanted) throws Exception {
        var found = all().stream().filter(known -> known.release.id().startsWith(wanted) || wanted.length() >= 7 && known.release.commit().sha().startsWith(wanted)).toList();
        var commits = found.stream().map(known -> known.release.commit().sha()).distinct().count();
        var list = "./jbang rollback --env " + env + " --list";
        if (wanted.isBlank()) throw new Failure.Usage("no release is named", "see what there is: " + list);
        if (found.isEmpty() && untrusted.stream().anyMatch(name -> name.startsWith(wanted)))
            throw new Failure.NotVerified("release '" + wanted + "' is not signed by a key in BACKUP_VERIFY_KEY: somebody else may have put it there", "deploy its commit anew; " + list);
        if (found.isEmpty() && unreadable.stream().anyMatch(name -> name.startsWith(wanted)))
            throw new Failure.NotVerified("the record of release '" + wanted + "' can't be read", "take another: " + list + "; or deploy its commit anew");
        if (found.isEmpty()) throw new Failure.Failed("'" + env + "' has no release '" + wanted.replaceAll("\\p{Cntrl}", "?") + "'", "see what there is: " + list);
        if (commits > 1) throw new Failure.Usage("'" + wanted + "' may be any of " + found.size() + " releases", "give more of it; " + list);
        return found.stream().filter(Known::isGood).findFirst().orElse(found.get(0));
    }

    /** Writes a release, once; from here on the kit knows it, good or not. */
    public void record(Release release) {
        if (!Signature.putNew(store, folder + release.id() + ".json", Json.bytes(release))) throw new Failure.Unclear("there is another release at " + store.uri(folder + release.id() + ".json"), "run it again: it takes another id");
        // Not asked for again: between here and the verdict on the site nothing depends on the store.
        if (known != null) known = Stream.concat(Stream.of(new Known(release, null, null)), known.stream()).toList();
    }

    public void good(Release release, String deployment) { mark(release.id() + ".good.json", new Mark(now(), deployment, null)); }

    /** What a site answers may show what it was sent. */
    public void bad(Release release, String why) {
        var mark = new Mark(now(), null, Secret.mask(why));
        var before = known;
        mark(release.id() + ".bad.json", mark);
        // Not asked for again, as above.
        if (before != null) known = before.stream()
            .map(one -> one.release.id().equals(release.id()) ? new Known(one.release, one.good, mark) : one).toList();
    }

    private void mark(String name, Mark mark) {
        Signature.put(store, folder + name, Json.bytes(mark));
        known = null;
    }

    private static String now() { return Instant.now().truncatedTo(java.time.temporal.ChronoUnit.SECONDS).toString(); }
}
