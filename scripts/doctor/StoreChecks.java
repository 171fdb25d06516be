package doctor;

import java.io.IOException;
import java.net.HttpURLConnection;
import java.net.URI;
import java.net.URL;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.time.format.DateTimeParseException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.concurrent.CompletableFuture;
import ops.Conformance;
import ops.Copy;
import ops.Exit;
import ops.Failure;
import ops.Run;
import ops.Setting;
import ops.Store;
import ops.StoreProbe;
import ops.Upload;
import software.amazon.awssdk.services.s3.model.HeadObjectResponse;

/** Does the store keep, give back and delete what backups are made of, as they rely on it, and from nobody else's hands? */
public final class StoreChecks {
    static final String BUCKET = "bucket";
    private static final String WRITE = "write";
    private static final String KIT_ENCRYPTS = "BACKUP_RECIPIENTS=age1… encrypts before anything is sent";

    public final Group group;
    /** The store, as soon as its bucket has answered; null when it has not. */
    public final CompletableFuture<Store> reached = new CompletableFuture<>();
    private final Run run;
    private final SettingChecks settings;
    private Store store;
    private StoreProbe probe;
    private Conformance conformance;
    private Upload sent;

    public StoreChecks(Run run, SettingChecks settings) {
        this.run = run;
        this.settings = settings;
        group = new Group("store", settings.group);
    }

    public Group look() {
        try {
            group.check(BUCKET, this::reach, SettingChecks.FILES, "BACKUP_BUCKET", "BACKUP_PREFIX", "AWS_REGION", "AWS_ENDPOINT_URL_S3",
                "AWS_SECRET_ACCESS_KEY", "S3_PATH_STYLE", "S3_ATTEMPTS", "S3_CONNECT_SECONDS", "S3_ATTEMPT_SECONDS", "S3_REQUEST_SECONDS");
        } finally {
            reached.complete(group.hasFailed(BUCKET) ? null : store);
        }
        if (store != null) {
            group.check("encrypted connection", this::tls);
            group.check("clock", this::clock);
        }
        try {
            group.check("killed runs", this::removeOld, BUCKET);
            group.check(WRITE, this::write, BUCKET);
            group.check("read", this::read, WRITE);
            group.check("write once", this::writeOnce, WRITE);
            group.check("list", this::list, WRITE);
            group.check("upload in parts", this::uploadInParts, WRITE, "BACKUP_STORAGE_CLASS");
            group.check("number of parts", this::parts, "upload in parts");
            group.check("checksum", this::checksum, "upload in parts");
            group.check("aborted uploads", this::abort, "upload in parts");
            group.check("encryption at rest", this::encryption, WRITE);
            group.check("public access", this::anonymous, WRITE);
            if (makesCopies()) group.check("copies", this::copies, BUCKET);
        } finally {
            group.check("delete", this::delete, WRITE);
        }
        return group;
    }

    private Seen reach() {
        store = Store.open(settings.settings);
        store.reach();
        probe = new StoreProbe(run, store, settings.settings.env, true);
        conformance = new Conformance(run, store, probe);
        return Seen.ok(store.uri(store.prefix + "/") + " at " + url("").getAuthority() + " can be listed");
    }

    /** The address of an object; of one named x for an empty key. */
    private URL url(String key) { return store.client().utilities().getUrl(request -> request.bucket(store.bucket).key(key.isEmpty() ? "x" : key)); }

    private Seen tls() {
        if (url("").getProtocol().equals("https")) return Seen.ok("https");
        if (DatabaseChecks.isLoopback(url("").getHost())) return Seen.ok("not needed, the store is on this machine");
        return Seen.warning("everything travels unencrypted", "an https:// address; " + settings.settings.where(Setting.AWS_ENDPOINT_URL_S3));
    }

    /** Asked without credentials, so that it is answered also when a wrong clock makes the store refuse them. */
    private Seen clock() {
        try {
            var root = URI.create(url("").getProtocol() + "://" + url("").getAuthority() + "/").toURL();
            var before = Instant.now();
            var connection = open(root, "HEAD");
            connection.getResponseCode();
            var after = Instant.now();
            // The header has whole seconds: on average it is half a second later.
            return Clock.compare(ZonedDateTime.parse(connection.getHeaderField("Date"), DateTimeFormatter.RFC_1123_DATE_TIME).toInstant().plusMillis(500), before, after);
        } catch (IOException | DateTimeParseException | NullPointerException e) {
            return Seen.cannotTell("the store does not say what time it has", "compare this machine's clock with a public one: timedatectl");
        }
    }

    private HttpURLConnection open(URL url, String method) throws IOException {
        var connection = (HttpURLConnection) url.openConnection();
        connection.setRequestMethod(method);
        connection.setConnectTimeout(1000 * settings.settings.number(Setting.S3_CONNECT_SECONDS));
        connection.setReadTimeout(1000 * settings.settings.number(Setting.S3_ATTEMPT_SECONDS));
        return connection;
    }

    private Seen removeOld() {
        var removed = probe.removeOld();
        return removed == 0 ? null : Seen.note("removed what " + (removed == 1 ? "a killed doctor" : removed + " killed doctors") + " had left");
    }

    private Seen write() {
        run.undo.act(() -> { store.put(probe.key(""), probe.content()); return null; });
        return store.withoutSha256() ? Seen.note(store.uri(probe.key) + "; the store takes no SHA-256 with what is written: MD5 goes with it", "read backups back: backup-db --verify readable")
            : Seen.ok(store.uri(probe.key));
    }

    private Seen read() {
        var back = store.read(probe.key, 1 << 16);
        if (back.isEmpty()) return Seen.problem(Exit.STORE, "what was just written is not there", "a store that is not consistent can't keep backups: take another one");
        return Arrays.equals(back.get(), probe.content()) ? Seen.ok("gives back what was written") : Seen.problem(Exit.STORE, "gives back something else than was written", "don't trust this store with backups");
    }

    private Seen list() throws InterruptedException {
        conformance.listing();
        return Seen.ok("lists what was just written, page by page");
    }

    /** The seal of a backup is written once. */
    private Seen writeOnce() {
        return switch (run.undo.act(conformance::conditions)) {
            case honoured -> Seen.ok("a second write with If-None-Match is refused");
            case ignored -> Seen.warning("the store ignores If-None-Match: a seal is looked for before it is written, and compared afterwards", "no key but this kit's should write there; or take a store that honours conditional writes");
            case refused -> Seen.note("the store refuses If-None-Match: a seal is looked for before it is written, and compared afterwards");
        };
    }

    private Seen parts() {
        var limit = conformance.partLimit();
        return limit == 10_000 ? Seen.ok("up to " + limit) : Seen.note("only " + limit + " in one upload: they are larger");
    }

    /** As a backup's parts are sent: in the storage class of the settings, each with its SHA-256. */
    private Seen uploadInParts() throws IOException, InterruptedException {
        var key = probe.key(".parts");
        var wanted = settings.settings.require(Setting.BACKUP_STORAGE_CLASS);
        try (var upload = store.beginInParts(run, key, probe.content().length)) {
            upload.write(probe.content());
            upload.commit();
            sent = upload;
            if (store.isArchived())
                return Seen.warning("what lies in storage class " + wanted + " can't be restored, verified or drilled before it was asked for, hours ahead", "BACKUP_STORAGE_CLASS=STANDARD_IA, or GLACIER_IR, which can be read at once");
            if (!Arrays.equals(store.read(key, 1 << 16).orElse(null), probe.content())) return Seen.problem(Exit.STORE, "an upload in parts gives back something else than was sent", "don't trust this store with backups");
        }
        if (store.plainClass()) return Seen.warning("can be uploaded in parts, but the store refuses storage class " + wanted + ", so its default is taken", "BACKUP_STORAGE_CLASS=STANDARD, or a class that it knows");
        var kept = head(key).storageClassAsString();
        return wanted.equals(kept == null ? "STANDARD" : kept) ? Seen.ok("can be uploaded in parts, in storage class " + wanted)
            : Seen.note("can be uploaded in parts; the store accepts storage class " + wanted + ", and reports " + (kept == null ? "none" : kept));
    }

    /** As a backup's parts are compared before they are sealed. */
    private Seen checksum() {
        var key = probe.key + ".parts";
        var head = store.head(key).orElseThrow(() -> new Failure.StoreFailed("what was just written is not there", "a store that is not consistent can't keep backups: take another one"));
        var wrong = Seen.problem(Exit.STORE, "the store reports another checksum than was sent", "don't trust this store with backups");
        if (head.sha256() != null) return head.sha256().equals(sent.storeSha256()) ? Seen.ok("the store keeps SHA-256") : wrong;
        if (head.etag() != null && sent.storeEtag() != null)
            return head.etag().equals(sent.storeEtag()) ? Seen.note("the store keeps no SHA-256; backups are compared by their ETag, of MD5") : wrong;
        return Seen.warning("the store gives no checksum: a backup can only be compared by its size", "read each one back: backup-db --verify readable");
    }

    private HeadObjectResponse head(String key) { return store.client().headObject(request -> request.bucket(store.bucket).key(key)); }

    private Seen abort() throws IOException {
        var key = probe.key + ".aborted";
        try (var upload = store.beginInParts(run, key, probe.content().length)) {
            upload.write(probe.content());
        }
        return store.openUploads(key).isEmpty() && store.head(key).isEmpty() ? Seen.ok("leave nothing behind")
            : Seen.problem(Exit.STORE, "an aborted upload is still there", "these credentials need s3:AbortMultipartUpload");
    }

    /** What the store says of an object it has just taken, else what it says of the bucket. */
    private Seen encryption() throws Exception {
        var said = head(probe.key).serverSideEncryptionAsString();
        if (said != null) return Seen.ok("the store says that it encrypts with " + said);
        var wanted = settings.settings.get(Setting.BACKUP_SSE);
        if (wanted.isPresent()) return Seen.warning("BACKUP_SSE asks for " + wanted.get() + ", and the store does not say that it encrypted", KIT_ENCRYPTS);
        var asked = BucketChecks.ask(store, "s3:GetEncryptionConfiguration", client -> {
            client.getBucketEncryption(request -> request.bucket(store.bucket));
            return Seen.warning("the bucket has a default encryption, but the store does not say that it encrypted what was written", KIT_ENCRYPTS);
        }, "ServerSideEncryptionConfigurationNotFoundError", Seen.warning("none", "turn the bucket's default encryption on, or BACKUP_SSE=AES256; " + KIT_ENCRYPTS));
        if (!settings.settings.list(Setting.BACKUP_RECIPIENTS).isEmpty()) return Seen.note("by the store: " + asked.what() + "; the kit encrypts before anything is sent");
        return asked.outcome() == Seen.Outcome.cannot_tell ? Seen.cannotTell(asked.what(), asked.fix() + "; " + KIT_ENCRYPTS) : asked;
    }

    /** The honest check on any store: somebody without credentials asks for the probe, and for the list. */
    private Seen anonymous() {
        try {
            return asAnybody();
        } catch (IOException e) {
            return Seen.cannotTell("somebody without credentials gets no answer: " + e.getMessage(),
                "look it up in the provider's console");
        }
    }

    private Seen asAnybody() throws IOException {
        var object = open(url(probe.key), "GET");
        var bare = url("").toString();
        var list = open(URI.create(bare.substring(0, bare.length() - 1) + "?list-type=2&max-keys=1").toURL(), "GET");
        var can = new ArrayList<String>();
        if (list.getResponseCode() == 200) can.add("list the bucket");
        if (object.getResponseCode() == 200) can.add("read what is in it");
        if (!can.isEmpty()) return Seen.problem(Exit.STORE, "anybody can " + String.join(" and ", can), "block public access to the bucket, and find out who has read it");
        return refused(object) && refused(list) ? Seen.ok("somebody without credentials is refused")
            : Seen.cannotTell("somebody without credentials is answered " + object.getResponseCode() + ", and not clearly by the store", "look it up in the provider's console");
    }

    /** Refused by the store: a proxy between us and it would not answer in S3's form. */
    private static boolean refused(HttpURLConnection asked) throws IOException {
        if (asked.getResponseCode() < 400 || asked.getResponseCode() >= 500 || asked.getErrorStream() == null) return false;
        return new String(asked.getErrorStream().readNBytes(1 << 12), StandardCharsets.UTF_8).contains("<Code>");
    }

    private boolean makesCopies() {
        return settings.settings != null && !settings.group.hasFailed("BACKUP_COPY_TO")
            && settings.settings.get(Setting.BACKUP_COPY_TO).isPresent();
    }

    private Seen copies() {
        var place = settings.settings.require(Setting.BACKUP_COPY_TO);
        Copy.to(run, place, store);
        try (var other = Store.open(Copy.bucket(place))) {
            other.reach();
            return Seen.ok(other.uri(other.prefix + "/") + " can be listed");
        }
    }

    private Seen delete() {
        run.state("a probe may be left in the bucket, " + store.uri(probe.key) + "; it is harmless, and a later doctor removes it");
        probe.remove();
        run.state("nothing was changed");
        var left = probe.left();
        return left.isEmpty() ? Seen.ok("the probe is gone") : Seen.problem(Exit.STORE, "deleted, and still there: " + String.join(", ", left), "look at it by hand");
    }
}
