package ops;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.Base64;
import java.util.Comparator;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import ops.WriteForm.Extra;
import org.apache.hc.client5.http.ssl.DefaultClientTlsStrategy;
import org.apache.hc.client5.http.ssl.TlsSocketStrategy;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.AwsCredentialsProvider;
import software.amazon.awssdk.auth.credentials.AwsSessionCredentials;
import software.amazon.awssdk.auth.credentials.DefaultCredentialsProvider;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.awscore.retry.AwsRetryStrategy;
import software.amazon.awssdk.core.checksums.RequestChecksumCalculation;
import software.amazon.awssdk.core.checksums.ResponseChecksumValidation;
import software.amazon.awssdk.core.exception.SdkException;
import software.amazon.awssdk.core.interceptor.Context;
import software.amazon.awssdk.core.interceptor.ExecutionAttributes;
import software.amazon.awssdk.core.interceptor.ExecutionInterceptor;
import software.amazon.awssdk.core.sync.RequestBody;
import software.amazon.awssdk.http.apache5.Apache5HttpClient;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.s3.S3Configuration;
import software.amazon.awssdk.services.s3.model.ChecksumAlgorithm;
import software.amazon.awssdk.services.s3.model.ChecksumMode;
import software.amazon.awssdk.services.s3.model.CreateMultipartUploadResponse;
import software.amazon.awssdk.services.s3.model.Part;
import software.amazon.awssdk.services.s3.model.PutObjectResponse;
import software.amazon.awssdk.services.s3.model.S3Exception;

/**
 * The bucket: what it holds, read and written with failures in words (StoreFailed, or BadSetting when the settings are
 * at fault). Requests have time limits and are retried; the retries are counted.
 */
public final class Store implements AutoCloseable {
    /** An object in the bucket. */
    public record Item(String key, long bytes, Instant modified) { }

    /**
     * What the store says of an object; the SHA-256 (S3's form: base64, with -N after N parts) and ETag are null when it keeps none.
     *
     * @param lockedUntil nobody can delete it before; null when there is no such lock, or these credentials may not know
     * @param modified by the store's clock
     */
    public record Head(long bytes, String sha256, String etag, Instant lockedUntil, Instant modified) { }

    /** An upload somebody began and did not end. */
    public record OpenUpload(String key, String id, Instant begun) { }

    /** So that it is the one look at the whole try that ends it. */
    private static final Duration SOCKET_SLACK = Duration.ofSeconds(5);

    /** Storage classes of which nothing can be read at once; GLACIER_IR is none. */
    private static final List<String> ARCHIVES = List.of("GLACIER", "DEEP_ARCHIVE");

    private static final Duration ROUNDED = Duration.ofSeconds(2);

    final S3Client client;
    final Settings settings;
    public final String bucket;
    public final String prefix;
    private final AtomicInteger tries;
    private final AtomicInteger calls;
    final WriteForm form = new WriteForm();
    private volatile int partLimit = Upload.MOST_PARTS;
    private final StoreClock clock;

    private Store(S3Client client, Settings settings, AtomicInteger tries, AtomicInteger calls, StoreClock clock) {
        this.client = client;
        this.clock = clock;
        this.settings = settings;
        this.bucket = settings.require(Setting.BACKUP_BUCKET);
        this.prefix = settings.require(Setting.BACKUP_PREFIX).replaceAll("^/+|/+$", "");
        this.tries = tries;
        this.calls = calls;
    }

    /** Makes the client; nothing is sent yet. */
    public static Store open(Settings settings) {
        if (!isBucketName(settings.require(Setting.BACKUP_BUCKET))) throw noBucket(settings);
        if (!settings.get(Setting.BACKUP_SSE).orElse("AES256").matches("AES256|aws:kms(:dsse)?"))
            throw new Failure.BadSetting("BACKUP_SSE is neither AES256 nor aws:kms", settings.where(Setting.BACKUP_SSE)
                + "; without it the bucket's own encryption counts");
        var tries = new AtomicInteger();
        var calls = new AtomicInteger();
        var counter = new ExecutionInterceptor() {
            @Override public void beforeExecution(Context.BeforeExecution context, ExecutionAttributes attributes) { calls.incrementAndGet(); }
            @Override public void beforeTransmission(Context.BeforeTransmission context, ExecutionAttributes attributes) { tries.incrementAndGet(); }
        };
        var clock = new StoreClock();
        var attempt = settings.seconds(Setting.S3_ATTEMPT_SECONDS);
        var builder = S3Client.builder()
            .region(Region.of(settings.require(Setting.AWS_REGION)))
            .credentialsProvider(credentials(settings))
            .forcePathStyle(settings.isTrue(Setting.S3_PATH_STYLE))
            // Our own SHA-256 goes with every upload; the SDK's extra CRC is unknown to many compatible stores.
            .requestChecksumCalculation(RequestChecksumCalculation.WHEN_REQUIRED)
            .responseChecksumValidation(ResponseChecksumValidation.WHEN_REQUIRED)
            // Sent in S3's frames, a body is stored with the frames by stores that do not know them.
            .serviceConfiguration(S3Configuration.builder().chunkedEncodingEnabled(false).build())
            .httpClientBuilder(new PatientHttp.Builder(Apache5HttpClient.builder()
                .connectionTimeout(settings.seconds(Setting.S3_CONNECT_SECONDS)).socketTimeout(attempt.plus(SOCKET_SLACK)).maxConnections(16)
                .tlsSocketStrategy((socket, host, port, attachment, context) -> Tls.STRATEGY.upgrade(socket, host, port, attachment, context)), attempt))
            .overrideConfiguration(override -> override
                .apiCallTimeout(settings.seconds(Setting.S3_REQUEST_SECONDS))
                .retryStrategy(AwsRetryStrategy.standardRetryStrategy().toBuilder().maxAttempts(settings.number(Setting.S3_ATTEMPTS)).build())
                .addExecutionInterceptor(counter).addExecutionInterceptor(clock));
        settings.get(Setting.AWS_ENDPOINT_URL_S3).ifPresent(url -> builder.endpointOverride(endpoint(url, settings)));
        return new Store(builder.build(), settings, tries, calls, clock);
    }

    /** The bare name, without s3:// and without folders; or an access point's, as Amazon writes it. */
    public static boolean isBucketName(String name) { return name.matches("[A-Za-z0-9][A-Za-z0-9._-]{1,254}|arn:[a-z-]+:s3[a-z-]*:[A-Za-z0-9:/_.-]+"); }

    static Failure noBucket(Settings settings) {
        return new Failure.BadSetting("'" + Console.plain(settings.require(Setting.BACKUP_BUCKET)) + "' can't be the name of a bucket: it is bare, without s3:// and without folders", "correct it: " + settings.where(Setting.BACKUP_BUCKET));
    }

    /** Throws BadSetting when it is no address of a store. */
    public static URI endpoint(String url, Settings settings) {
        try {
            var uri = URI.create(url);
            if (uri.getHost() != null && uri.getUserInfo() == null && List.of("http", "https").contains(uri.getScheme())) return uri;
        } catch (IllegalArgumentException e) {
            // said below
        }
        throw new Failure.BadSetting("AWS_ENDPOINT_URL_S3 is not an address like https://s3.example.com",
            settings.where(Setting.AWS_ENDPOINT_URL_S3)
                + "; begin it with https:// and leave out bucket and keys; Amazon's own needs none");
    }

    private static AwsCredentialsProvider credentials(Settings settings) {
        var id = settings.get(Setting.AWS_ACCESS_KEY_ID);
        if (id.isEmpty()) return DefaultCredentialsProvider.builder().build();
        var secret = settings.secret(Setting.AWS_SECRET_ACCESS_KEY)
            .orElseThrow(() -> new Failure.BadSetting("AWS_ACCESS_KEY_ID is set, AWS_SECRET_ACCESS_KEY is not", settings.where(Setting.AWS_ACCESS_KEY_ID)));
        var token = settings.secret(Setting.AWS_SESSION_TOKEN);
        return StaticCredentialsProvider.create(token.isPresent()
            ? AwsSessionCredentials.create(id.get(), secret.reveal(), token.get().reveal())
            : AwsBasicCredentials.create(id.get(), secret.reveal()));
    }

    /** Java's own trust, read when the first connection wants it: a tenth of a start, which plain HTTP does without. */
    static final class Tls {
        static final TlsSocketStrategy STRATEGY = DefaultClientTlsStrategy.createDefault();
    }

    /** The client itself, for what only one script asks of a store; its failures are the SDK's. */
    public S3Client client() { return client; }

    /** How far the store's clock is ahead of this machine's; negative when it is behind, empty while it has not said. */
    public Optional<Duration> clockOffset() { return clock.ahead(); }

    /** What time it is by the store's clock; by this machine's while the store has not said. */
    public Instant now() { return at(Instant.now()); }

    /** A moment of this machine's clock, by the store's; the same where they differ by less than the header's whole seconds tell. */
    public Instant at(Instant ours) { return clockOffset().filter(ahead -> ahead.abs().compareTo(ROUNDED) > 0).map(ours::plus).orElse(ours); }

    /** How many requests had to be sent again so far. */
    public int retries() { return tries.get() - calls.get(); }

    /** Whether both are one bucket, as far as their settings tell. */
    boolean isSameBucket(Store other) { return bucket.equals(other.bucket) && where().equals(other.where()); }

    /** The endpoint; the same for all of Amazon's, since no two regions have buckets of one name. */
    private String where() {
        return settings.get(Setting.AWS_ENDPOINT_URL_S3).map(url -> endpoint(url, settings)).filter(uri -> !uri.getHost().endsWith(".amazonaws.com"))
            .map(uri -> uri.getHost().toLowerCase(Locale.ROOT) + (List.of(-1, 80, 443).contains(uri.getPort()) ? "" : ":" + uri.getPort()) + uri.getPath().replaceAll("/+$", ""))
            .orElse("");
    }

    public String uri(String key) { return "s3://" + bucket + "/" + key; }

    /** Makes sure that the bucket is there and may be listed. */
    public void reach() {
        attempt("s3:ListBucket", "list", prefix + "/", () -> client.listObjectsV2(request -> request.bucket(bucket).prefix(prefix + "/").maxKeys(1)));
    }

    /** All objects whose key begins with the prefix; whole, or a failure. */
    public List<Item> list(String prefix) { return attempt("s3:ListBucket", "list", prefix, () -> Listing.objects(this, prefix, null)); }

    /** The same, in pages of so many. */
    List<Item> list(String prefix, int pageSize) { return attempt("s3:ListBucket", "list", prefix, () -> Listing.objects(this, prefix, pageSize)); }

    /** The names of the folders directly below a folder whose key ends with a slash; whole, or a failure. */
    public List<String> folders(String folder) { return attempt("s3:ListBucket", "list", folder, () -> Listing.folders(this, folder)); }

    /** What the store says of an object; empty when there is none. */
    public Optional<Head> head(String key) {
        return attempt("s3:GetObject", "read", key, () -> {
            try {
                var head = form.send(EnumSet.of(Extra.SHA256), with -> client.headObject(request -> {
                    request.bucket(bucket).key(key);
                    if (with.contains(Extra.SHA256)) request.checksumMode(ChecksumMode.ENABLED);
                }));
                return Optional.of(new Head(head.contentLength() == null ? -1 : head.contentLength(), head.checksumSHA256(), md5(head.eTag()), head.objectLockRetainUntilDate(), head.lastModified()));
            } catch (S3Exception e) {
                if (isMissing(e)) return Optional.empty();
                throw e;
            }
        });
    }

    private static boolean isMissing(S3Exception e) { return e.statusCode() == 404 && !"NoSuchBucket".equals(StoreError.code(e)); }

    /** An ETag without its quotes, when it is made of MD5; with KMS or at other providers it may be anything. */
    static String md5(String etag) {
        var bare = etag == null ? "" : etag.replace("\"", "");
        return bare.matches("[0-9a-f]{32}(-[0-9]+)?") ? bare : null;
    }

    /**
     * The whole of a small object; empty when there is none.
     *
     * @param limit in bytes; a larger object is refused, whatever it says it is
     */
    public Optional<byte[]> read(String key, int limit) {
        return attempt("s3:GetObject", "read", key, () -> {
            try (var stream = client.getObject(request -> request.bucket(bucket).key(key))) {
                var bytes = stream.readNBytes(limit + 1);
                if (bytes.length > limit) throw new Failure.NotVerified(uri(key) + " is larger than it can be", "look at it by hand; it was not made by this kit");
                return Optional.of(bytes);
            } catch (S3Exception e) {
                if (isMissing(e)) return Optional.empty();
                throw e;
            }
        });
    }

    /** The bytes of an object as a stream that takes up again where a connection broke. */
    public InputStream stream(String key) { return new Download(this, key, null); }

    /** Puts a small object whole, in the store's default storage class. */
    public void put(String key, byte[] content) { put(key, content, null); }

    /**
     * Puts a small object whole.
     *
     * @param storageClass null for the store's default
     */
    void put(String key, byte[] content, String storageClass) { attempt("s3:PutObject", "write", key, () -> sendPut(key, content, storageClass, false)); }

    /** Puts a small object unless there is one; false when there is another. Not every store refuses the second one by itself, so it is asked before, too. */
    public boolean putNew(String key, byte[] content) { return head(key).isPresent() ? holds(key, content) : putWhereNoneWas(key, content); }

    /** The same where it is known that there was none just now; where the store knows no conditions, what is there afterwards is compared. */
    boolean putWhereNoneWas(String key, byte[] content) {
        var put = attempt("s3:PutObject", "write", key, () -> {
            try {
                sendPut(key, content, null, true);
                return true;
            } catch (S3Exception e) {
                // The answer to our own first try may have been lost, and the second have met what the first had put.
                if (e.statusCode() != 412) throw e;
                return false;
            }
        });
        return put && !form.refuses(Extra.ONLY_NEW) || holds(key, content);
    }

    /** Whether the object is there and has this very content. */
    boolean holds(String key, byte[] content) {
        return head(key).filter(there -> there.bytes() == content.length).flatMap(there -> read(key, content.length)).filter(there -> Arrays.equals(there, content)).isPresent();
    }

    private PutObjectResponse sendPut(String key, byte[] content, String storageClass, boolean onlyNew) {
        var wanted = EnumSet.of(Extra.SHA256);
        if (storageClass != null) wanted.add(Extra.STORAGE_CLASS);
        if (onlyNew) wanted.add(Extra.ONLY_NEW);
        return form.send(wanted, with -> put(with, key, content, storageClass));
    }

    /** One request, with just these extras; its failures are the SDK's. */
    PutObjectResponse put(Set<Extra> with, String key, byte[] content, String storageClass) {
        return client.putObject(request -> {
            request.bucket(bucket).key(key);
            if (with.contains(Extra.SHA256)) request.checksumSHA256(Base64.getEncoder().encodeToString(Sha256.of(content)));
            else request.contentMD5(Md5.base64(new ByteArrayInputStream(content)));
            if (with.contains(Extra.STORAGE_CLASS)) request.storageClass(storageClass);
            if (with.contains(Extra.ONLY_NEW)) request.ifNoneMatch("*");
            if (key.endsWith(".json")) request.contentType("application/json");
            settings.get(Setting.BACKUP_SSE).ifPresent(request::serverSideEncryption);
            settings.get(Setting.BACKUP_SSE_KMS_KEY).ifPresent(request::ssekmsKeyId);
        }, RequestBody.fromBytes(content));
    }

    /** Begins an upload in parts, with just these extras; its failures are the SDK's. */
    CreateMultipartUploadResponse createUpload(Set<Extra> with, String key, String storageClass) {
        return client.createMultipartUpload(request -> {
            request.bucket(bucket).key(key);
            if (with.contains(Extra.SHA256)) request.checksumAlgorithm(ChecksumAlgorithm.SHA256);
            if (with.contains(Extra.STORAGE_CLASS)) request.storageClass(storageClass);
            settings.get(Setting.BACKUP_SSE).ifPresent(request::serverSideEncryption);
            settings.get(Setting.BACKUP_SSE_KMS_KEY).ifPresent(request::ssekmsKeyId);
        });
    }

    public void delete(String key) {
        attempt("s3:DeleteObject", "delete", key, () -> client.deleteObject(request -> request.bucket(bucket).key(key)));
    }

    /** False when the store refuses, as one that locks objects for a time does. */
    boolean deleteUnlessRefused(String key) {
        return attempt("s3:DeleteObject", "delete", key, () -> {
            try {
                client.deleteObject(request -> request.bucket(bucket).key(key));
                return true;
            } catch (S3Exception e) {
                if (e.statusCode() == 403) return false;
                throw e;
            }
        });
    }

    String storageClass() { return settings.require(Setting.BACKUP_STORAGE_CLASS); }

    /** True when parts go into a storage class that can't be read before it was asked for, hours ahead. */
    public boolean isArchived() { return isArchive(storageClass()); }

    public static boolean isArchive(String storageClass) { return ARCHIVES.contains(storageClass); }

    /** True when the store did not take the storage class, so that its default was taken. */
    public boolean plainClass() { return form.refuses(Extra.STORAGE_CLASS); }

    /** True when the store does not take SHA-256, so that MD5 goes with what is written. */
    public boolean withoutSha256() { return form.refuses(Extra.SHA256); }

    /** How many parts the store takes in one upload, as far as it was asked. */
    int partLimit() { return partLimit; }

    void partLimit(int parts) { partLimit = parts; }

    /** Begins an upload whose length is not known. @param expected bytes, as a guess; it may well become twice as much */
    public Upload begin(Run run, String key, long expected) { return new Upload(this, run, key, Upload.partBytes(expected, partLimit)); }

    /** Begins an upload in parts of this size, however small. */
    public Upload beginInParts(Run run, String key, int partBytes) { return new Upload(this, run, key, partBytes); }

    /** The uploads below a prefix that were begun and neither completed nor aborted. */
    public List<OpenUpload> openUploads(String prefix) { return attempt("s3:ListBucketMultipartUploads", "list uploads", prefix, () -> Listing.uploads(this, prefix)); }

    /** No upload has more parts than fit on these, also where the store's pages do not end. */
    private static final int MOST_PAGES = 20;

    /** When the store took the last part of an upload; empty when it has none, or is gone. */
    Optional<Instant> lastPart(OpenUpload upload) {
        return attempt("s3:ListMultipartUploadParts", "list the parts of", upload.key, () -> {
            try {
                return client.listPartsPaginator(request -> request.bucket(bucket).key(upload.key).uploadId(upload.id)).stream().limit(MOST_PAGES).flatMap(page -> page.parts().stream())
                    .map(Part::lastModified).filter(Objects::nonNull).max(Comparator.naturalOrder());
            } catch (S3Exception e) {
                if (e.statusCode() == 404) return Optional.empty();
                throw e;
            }
        });
    }

    public void abort(OpenUpload upload) {
        attempt("s3:AbortMultipartUpload", "abort the upload of", upload.key, () -> {
            try {
                return client.abortMultipartUpload(request -> request.bucket(bucket).key(upload.key).uploadId(upload.id));
            } catch (S3Exception e) {
                if (e.statusCode() == 404) return null; // it is gone, which is what was wanted
                throw e;
            }
        });
    }

    interface Request<T> { T send() throws IOException; }

    /**
     * Sends a request; turns what goes wrong into words.
     *
     * @param right what the credentials need for it, as Amazon's policies call it
     */
    <T> T attempt(String right, String act, String key, Request<T> request) {
        try {
            return request.send();
        } catch (SdkException e) {
            throw StoreError.of(this, right, act, key, e);
        } catch (IOException e) {
            throw new Failure.StoreFailed("could not " + act + " " + uri(key) + ": " + e.getMessage(), "run it again; if it stays, ./jbang doctor --env " + settings.env);
        }
    }

    @Override public void close() { client.close(); }
}
