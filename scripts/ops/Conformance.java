package ops;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import ops.WriteForm.Extra;
import software.amazon.awssdk.core.sync.RequestBody;
import software.amazon.awssdk.services.s3.model.S3Exception;

/**
 * Whether a store does what backups rely on, found out by doing it: once before the first backup in a place, kept there as
 * evidence, and by every doctor. What can be done without is worked around, and said; without the rest nothing is stored.
 */
public final class Conformance {
    /** What a store does with a write that is to succeed only where nothing is yet. */
    public enum Conditions { honoured, ignored, refused }

    /**
     * The evidence in the place.
     *
     * @param kit version that looked
     * @param endpoint that was looked at; another one may be another store
     * @param parts how many the store takes in one upload, as far as it was asked
     * @param sha256 whether it takes SHA-256 with what is written
     */
    public record Evidence(String kit, String endpoint, String at, Double seconds, Conditions conditions, Boolean sha256, Integer parts) {
        /** What the kit works around, in words. */
        public List<String> missing() {
            var missing = new ArrayList<String>();
            if (conditions != Conditions.honoured) missing.add("the store " + (conditions == Conditions.ignored ? "ignores" : "refuses") + " If-None-Match: a seal is looked for before it is written, and compared afterwards");
            if (!sha256) missing.add("the store takes no SHA-256 with what is written: MD5 goes with it, and only reading back proves more");
            if (parts < Upload.MOST_PARTS) missing.add("the store takes only " + parts + " parts in one upload: they are larger");
            return missing;
        }

        private boolean isFor(String place) {
            return Ops.VERSION.equals(kit) && place.equals(endpoint) && conditions != null && sha256 != null && parts != null && parts >= FEW_PARTS && parts <= Upload.MOST_PARTS;
        }
    }

    public static final String NAME = "conformance.json";
    private static final int FEW_PARTS = 1000;
    private static final int PAGE = 1;
    private static final Duration LATE = Duration.ofSeconds(10);

    private final Run run;
    private final Store store;
    private final StoreProbe probe;

    public Conformance(Run run, Store store, StoreProbe probe) {
        this.run = run;
        this.store = store;
        this.probe = probe;
    }

    /** What is known of the place, and whether it was found out just now. */
    public record Looked(Evidence evidence, boolean now) { }

    /**
     * Has the store write as it can, by the evidence in the place; looks, and leaves the evidence, when there is none of
     * this kit and this endpoint.
     *
     * @throws Failure.StoreFailed when the store does not do what no backup can do without
     */
    public static Looked of(Run run, Store store, String env) throws IOException, InterruptedException {
        var key = store.prefix + "/" + NAME;
        var there = read(store, key).filter(evidence -> evidence.isFor(endpoint(store.settings)));
        if (there.isEmpty()) {
            var evidence = new Conformance(run, store, new StoreProbe(run, store, env, false)).look();
            keep(run, store, key, evidence);
            return new Looked(evidence, true);
        }
        if (there.get().conditions == Conditions.refused) store.form.refuse(Extra.ONLY_NEW);
        if (!there.get().sha256) store.form.refuse(Extra.SHA256);
        store.partLimit(there.get().parts);
        return new Looked(there.get(), false);
    }

    /** Empty too where it may not be read, or is not ours: then it is found out anew. */
    private static Optional<Evidence> read(Store store, String key) {
        try {
            return store.read(key, 1 << 16).filter(bytes -> Signature.isTrusted(store, key, bytes)).map(bytes -> Json.read(bytes, Evidence.class, store.uri(key)));
        } catch (Failure.OutOfReach e) {
            return Optional.empty();
        } catch (Failure.StoreFailed e) {
            if (!e.refused) throw e;
            return Optional.empty(); // rights may end below the folder of an environment
        } catch (Failure.NotVerified e) {
            return Optional.empty(); // anybody may have written it
        }
    }

    /** Only a saving: without it the next backup looks again. */
    private static void keep(Run run, Store store, String key, Evidence evidence) {
        try {
            Signature.put(store, key, Json.bytes(evidence));
        } catch (Failure.StoreFailed e) {
            if (!e.refused) throw e;
            run.console.warn("what was seen of the store can't be kept, so each backup looks anew: " + e.getMessage() + " at " + store.uri(key));
        }
    }

    private static String endpoint(Settings settings) {
        return settings.get(Setting.AWS_ENDPOINT_URL_S3).orElse("Amazon S3, " + settings.require(Setting.AWS_REGION));
    }

    private Evidence look() throws IOException, InterruptedException {
        var begun = Instant.now();
        Conditions conditions;
        int parts;
        try {
            run.undo.act(() -> { store.put(probe.key(""), probe.content()); return null; });
            same("what was written", store.read(probe.key, 1 << 16));
            listing();
            conditions = conditions();
            overwrite();
            uploadInParts();
            parts = partLimit();
        } finally {
            remove();
        }
        gone();
        return new Evidence(Ops.VERSION, endpoint(store.settings), begun.toString(), Amount.seconds(Duration.between(begun, Instant.now())), conditions, !store.withoutSha256(), parts);
    }

    private void same(String what, Optional<byte[]> back) {
        if (back.isEmpty()) throw unfit("it does not have " + what + " a moment later");
        if (!Arrays.equals(back.get(), probe.content())) throw unfit("it gives back something else than " + what);
    }

    /** What is there is listed, over pages of one, as soon as it was written. Throws StoreFailed when it is not. */
    public void listing() throws InterruptedException {
        var keys = Stream.of("", ".2", ".3").map(probe::key).toList();
        for (var key : keys.subList(1, keys.size())) run.undo.act(() -> { store.put(key, probe.content()); return null; });
        var late = Instant.now().plus(LATE);
        while (true) {
            var listed = store.list(probe.key, PAGE).stream().map(Store.Item::key).toList();
            var whole = store.list(probe.key).stream().map(Store.Item::key).toList();
            var lacking = keys.stream().filter(key -> !listed.contains(key) || !whole.contains(key)).filter(key -> store.head(key).isPresent()).toList();
            if (lacking.isEmpty()) return;
            if (Instant.now().isAfter(late)) throw unfit("its listing lacks " + store.uri(lacking.get(0)) + ", which is there: a backup would not be found, and what is listed in part might be cleared away");
            Thread.sleep(500);
        }
    }

    /** What becomes of a write on condition that nothing is there, where something is. */
    public Conditions conditions() {
        return store.attempt("s3:PutObject", "write", probe.key, () -> {
            try {
                store.put(EnumSet.of(store.withoutSha256() ? Extra.ONLY_NEW : Extra.SHA256, Extra.ONLY_NEW), probe.key, other(), null);
                return Conditions.ignored;
            } catch (S3Exception e) {
                if (e.statusCode() == 412) return Conditions.honoured;
                if (!WriteForm.isAboutTheForm(e)) throw e;
                store.form.refuse(Extra.ONLY_NEW);
                return Conditions.refused;
            }
        });
    }

    private byte[] other() { return new String(probe.content(), StandardCharsets.UTF_8).toUpperCase(java.util.Locale.ROOT).getBytes(StandardCharsets.UTF_8); }

    /** Holds, and evidence, are read as they were written last. */
    private void overwrite() throws InterruptedException {
        run.undo.act(() -> { store.put(probe.key, other()); return null; });
        run.undo.act(() -> { store.put(probe.key, probe.content()); return null; });
        same("what was written over something else", store.read(probe.key, 1 << 16));
    }

    private void uploadInParts() throws IOException, InterruptedException {
        var key = probe.key(".parts");
        try (var upload = store.beginInParts(run, key, probe.content().length)) {
            upload.write(probe.content());
            upload.commit();
        }
        if (!store.isArchived()) same("what was uploaded in parts", store.read(key, 1 << 16));
    }

    /** The highest number that a part may have, of the two that stores are known to allow. */
    public int partLimit() {
        var key = probe.key + ".limit";
        var id = store.attempt("s3:PutObject", "begin the upload of", key, () -> store.createUpload(EnumSet.noneOf(Extra.class), key, null)).uploadId();
        try {
            // When neither number is taken it is not for the number, and uploads themselves will show it.
            var limit = takes(key, id, Upload.MOST_PARTS) || !takes(key, id, FEW_PARTS) ? Upload.MOST_PARTS : FEW_PARTS;
            store.partLimit(limit);
            return limit;
        } finally {
            try {
                store.abort(new Store.OpenUpload(key, id, Instant.now()));
            } catch (Failure.StoreFailed e) {
                run.console.warn("an upload that was to be ended stays: " + e.getMessage() + " (" + e.hint + ")");
            }
        }
    }

    private boolean takes(String key, String id, int number) {
        return store.attempt("s3:PutObject", "write part " + number + " of", key, () -> {
            try {
                var md5 = Md5.digest();
                store.client.uploadPart(request -> request.bucket(store.bucket).key(key).uploadId(id).partNumber(number)
                    .contentMD5(md5 == null ? null : Base64.getEncoder().encodeToString(md5.digest(probe.content()))), RequestBody.fromBytes(probe.content()));
                return true;
            } catch (S3Exception e) {
                if (e.statusCode() != 400) throw e;
                return false;
            }
        });
    }

    /** Not everybody may delete; then they stay until a doctor who may. */
    private void remove() {
        try {
            probe.remove();
        } catch (Failure.StoreFailed e) {
            run.console.warn("a probe of the store stays, " + store.uri(probe.key) + ": " + e.getMessage());
        }
    }

    /** What was deleted does not come back. */
    private void gone() {
        if (!store.list(probe.key).isEmpty()) return; // it could not be deleted, as was said
        if (store.head(probe.key).isPresent()) throw unfit("it still has what was deleted and is not listed any more");
    }

    private Failure unfit(String why) {
        return new Failure.StoreFailed("this store can't keep backups: " + why, "take another store; ./jbang doctor --env " + store.settings.env + " says what else it does not do");
    }
}
