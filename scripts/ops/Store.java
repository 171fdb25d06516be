package ops;

import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.time.Instant;
import java.util.Base64;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import javax.net.ssl.SSLException;
import org.apache.hc.client5.http.ssl.DefaultClientTlsStrategy;
import org.apache.hc.client5.http.ssl.TlsSocketStrategy;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.AwsCredentialsProvider;
import software.amazon.awssdk.auth.credentials.AwsSessionCredentials;
import software.amazon.awssdk.auth.credentials.DefaultCredentialsProvider;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.awscore.exception.AwsServiceException;
import software.amazon.awssdk.awscore.retry.AwsRetryStrategy;
import software.amazon.awssdk.core.checksums.RequestChecksumCalculation;
import software.amazon.awssdk.core.checksums.ResponseChecksumValidation;
import software.amazon.awssdk.core.exception.ApiCallAttemptTimeoutException;
import software.amazon.awssdk.core.exception.ApiCallTimeoutException;
import software.amazon.awssdk.core.exception.SdkException;
import software.amazon.awssdk.core.interceptor.Context;
import software.amazon.awssdk.core.interceptor.ExecutionAttributes;
import software.amazon.awssdk.core.interceptor.ExecutionInterceptor;
import software.amazon.awssdk.core.sync.RequestBody;
import software.amazon.awssdk.http.apache5.Apache5HttpClient;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.s3.model.ChecksumMode;
import software.amazon.awssdk.services.s3.model.CommonPrefix;
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
     */
    public record Head(long bytes, String sha256, String etag, Instant lockedUntil) { }

    /** An upload somebody began and did not end. */
    public record OpenUpload(String key, String id, Instant begun) { }

    final S3Client client;
    final Settings settings;
    public final String bucket;
    public final String prefix;
    private final AtomicInteger tries;
    private final AtomicInteger calls;

    private Store(S3Client client, Settings settings, AtomicInteger tries, AtomicInteger calls) {
        this.client = client;
        this.settings = settings;
        this.bucket = settings.require(Setting.BACKUP_BUCKET);
        this.prefix = settings.require(Setting.BACKUP_PREFIX).replaceAll("^/+|/+$", "");
        this.tries = tries;
        this.calls = calls;
    }

    /** Makes the client; nothing is sent yet. */
    public static Store open(Settings settings) {
        settings.require(Setting.BACKUP_BUCKET);
        if (!settings.get(Setting.BACKUP_SSE).orElse("AES256").matches("AES256|aws:kms(:dsse)?"))
            throw new Failure.BadSetting("BACKUP_SSE is neither AES256 nor aws:kms", settings.where(Setting.BACKUP_SSE));
        var tries = new AtomicInteger();
        var calls = new AtomicInteger();
        var counter = new ExecutionInterceptor() {
            @Override public void beforeExecution(Context.BeforeExecution context, ExecutionAttributes attributes) { calls.incrementAndGet(); }
            @Override public void beforeTransmission(Context.BeforeTransmission context, ExecutionAttributes attributes) { tries.incrementAndGet(); }
        };
        var attempt = settings.seconds(Setting.S3_ATTEMPT_SECONDS);
        var builder = S3Client.builder()
            .region(Region.of(settings.require(Setting.AWS_REGION)))
            .credentialsProvider(credentials(settings))
            .forcePathStyle(settings.isTrue(Setting.S3_PATH_STYLE))
            // Our own SHA-256 goes with every upload; the SDK's extra CRC is unknown to many compatible stores.
            .requestChecksumCalculation(RequestChecksumCalculation.WHEN_REQUIRED)
            .responseChecksumValidation(ResponseChecksumValidation.WHEN_REQUIRED)
            .httpClientBuilder(Apache5HttpClient.builder()
                .connectionTimeout(settings.seconds(Setting.S3_CONNECT_SECONDS)).socketTimeout(attempt).maxConnections(16)
                .tlsSocketStrategy((socket, host, port, attachment, context) -> Tls.STRATEGY.upgrade(socket, host, port, attachment, context)))
            .overrideConfiguration(override -> override
                .apiCallAttemptTimeout(attempt)
                .apiCallTimeout(settings.seconds(Setting.S3_REQUEST_SECONDS))
                .retryStrategy(AwsRetryStrategy.standardRetryStrategy().toBuilder().maxAttempts(settings.number(Setting.S3_ATTEMPTS)).build())
                .addExecutionInterceptor(counter));
        settings.get(Setting.AWS_ENDPOINT_URL_S3).ifPresent(url -> builder.endpointOverride(endpoint(url, settings)));
        return new Store(builder.build(), settings, tries, calls);
    }

    private static URI endpoint(String url, Settings settings) {
        try {
            var uri = URI.create(url);
            if (uri.getHost() != null && uri.getUserInfo() == null && List.of("http", "https").contains(uri.getScheme())) return uri;
        } catch (IllegalArgumentException e) {
            // said below
        }
        throw new Failure.BadSetting("AWS_ENDPOINT_URL_S3 is not an address like https://s3.example.com", settings.where(Setting.AWS_ENDPOINT_URL_S3));
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

    /** All objects whose key begins with the prefix, in the order of their keys. */
    public List<Item> list(String prefix) {
        return attempt("s3:ListBucket", "list", prefix, () -> client.listObjectsV2Paginator(request -> request.bucket(bucket).prefix(prefix)).contents().stream()
            .map(object -> new Item(object.key(), object.size(), object.lastModified())).toList());
    }

    /** The names of the folders directly below a folder whose key ends with a slash. */
    public List<String> folders(String folder) {
        return attempt("s3:ListBucket", "list", folder, () -> client.listObjectsV2Paginator(request -> request.bucket(bucket).prefix(folder).delimiter("/")).commonPrefixes().stream()
            .map(CommonPrefix::prefix).map(prefix -> prefix.substring(folder.length(), prefix.length() - 1)).toList());
    }

    /** What the store says of an object; empty when there is none. */
    public Optional<Head> head(String key) {
        return attempt("s3:GetObject", "read", key, () -> {
            try {
                var head = client.headObject(request -> request.bucket(bucket).key(key).checksumMode(ChecksumMode.ENABLED));
                return Optional.of(new Head(head.contentLength(), head.checksumSHA256(), md5(head.eTag()), head.objectLockRetainUntilDate()));
            } catch (S3Exception e) {
                if (e.statusCode() == 404 && !"NoSuchBucket".equals(code(e))) return Optional.empty();
                throw e;
            }
        });
    }

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
                if (e.statusCode() == 404 && !"NoSuchBucket".equals(code(e))) return Optional.empty();
                throw e;
            }
        });
    }

    /** The bytes of an object as a stream that takes up again where a connection broke. */
    public InputStream stream(String key) { return new Download(this, key); }

    /** Puts a small object whole, in the store's default storage class. */
    public void put(String key, byte[] content) { put(key, content, false, null); }

    /** Puts a small object unless there is one; false when there is. */
    public boolean putNew(String key, byte[] content) {
        try {
            put(key, content, true, null);
            return true;
        } catch (Exists e) {
            // The answer to our own first try may have been lost, and the second have met what the first had put.
            return read(key, content.length).filter(there -> java.util.Arrays.equals(there, content)).isPresent();
        }
    }

    private static final class Exists extends RuntimeException { }

    /**
     * Puts a small object whole.
     *
     * @param storageClass null for the store's default
     */
    void put(String key, byte[] content, boolean onlyNew, String storageClass) {
        attempt("s3:PutObject", "write", key, () -> withStorageClass(storageClass, chosen -> {
            try {
                return client.putObject(request -> {
                    request.bucket(bucket).key(key).storageClass(chosen).checksumSHA256(Base64.getEncoder().encodeToString(Sha256.of(content)));
                    if (key.endsWith(".json")) request.contentType("application/json");
                    if (onlyNew) request.ifNoneMatch("*");
                    settings.get(Setting.BACKUP_SSE).ifPresent(request::serverSideEncryption);
                    settings.get(Setting.BACKUP_SSE_KMS_KEY).ifPresent(request::ssekmsKeyId);
                }, RequestBody.fromBytes(content));
            } catch (S3Exception e) {
                if (onlyNew && e.statusCode() == 412) throw new Exists();
                throw e;
            }
        }));
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

    private volatile boolean plainClass;

    String storageClass() { return settings.require(Setting.BACKUP_STORAGE_CLASS); }

    interface Classed<T> { T send(String storageClass); }

    /** Sends with the storage class; once the store has refused that class, without. */
    <T> T withStorageClass(String storageClass, Classed<T> request) {
        if (plainClass) return request.send(null);
        try {
            return request.send(storageClass);
        } catch (S3Exception e) {
            if (!"InvalidStorageClass".equals(code(e)) && e.statusCode() != 501) throw e;
            plainClass = true;
            return request.send(null);
        }
    }

    /** True when the store did not know the storage class, so that its default was taken. */
    public boolean plainClass() { return plainClass; }

    /** Begins an upload of unknown length. */
    public Upload begin(Run run, String key, int partBytes) { return new Upload(this, run, key, partBytes); }

    /** The uploads below a prefix that were begun and neither completed nor aborted. */
    public List<OpenUpload> openUploads(String prefix) {
        return attempt("s3:ListBucketMultipartUploads", "list uploads", prefix, () -> client.listMultipartUploadsPaginator(request -> request.bucket(bucket).prefix(prefix)).uploads().stream()
            .map(upload -> new OpenUpload(upload.key(), upload.uploadId(), upload.initiated())).toList());
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
        } catch (S3Exception e) {
            throw failed(right, act, key, e);
        } catch (SdkException e) {
            throw failed(act, key, e);
        } catch (IOException e) {
            throw new Failure.StoreFailed("could not " + act + " " + uri(key) + ": " + e.getMessage(), "run it again; if it stays, ./jbang doctor --env " + settings.env);
        }
    }

    /** S3's code for what went wrong; empty where there is none, as in any answer to a HEAD. */
    private static String code(AwsServiceException e) {
        return e.awsErrorDetails() == null || e.awsErrorDetails().errorCode() == null ? "" : e.awsErrorDetails().errorCode();
    }

    private Failure failed(String right, String act, String key, S3Exception e) {
        var doctor = "./jbang doctor --env " + settings.env + " looks at the store";
        var what = "could not " + act + " " + uri(key) + ": ";
        var code = code(e);
        if ("NoSuchBucket".equals(code)) return new Failure.StoreFailed("there is no bucket '" + bucket + "'", settings.where(Setting.BACKUP_BUCKET) + "; create it, or correct the name");
        if (List.of("InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken").contains(code))
            return new Failure.StoreFailed(what + "the store refuses the credentials (" + code + ")", settings.where(Setting.AWS_ACCESS_KEY_ID) + "; check it and its secret");
        if (e.statusCode() == 403) return new Failure.StoreFailed(what + right + " is refused (403)" + said(e), "grant these credentials " + right + " on " + grantedOn(right) + ": README.md, Security and permissions");
        if (e.statusCode() == 301) return new Failure.StoreFailed(what + "the bucket is in another region", settings.where(Setting.AWS_REGION));
        var tried = e.numAttempts() == null || e.numAttempts() < 2 ? "" : " after " + e.numAttempts() + " tries";
        return new Failure.StoreFailed(what + "the store answered " + e.statusCode() + (code.isEmpty() ? "" : " " + code) + tried, "try again later; " + doctor);
    }

    /** What the store says beyond its code: of an encryption key that may not be used, say, or of a policy that denies. */
    private static String said(S3Exception e) {
        var said = e.awsErrorDetails() == null || e.awsErrorDetails().errorMessage() == null ? "" : e.awsErrorDetails().errorMessage().replaceAll("\\p{Cntrl}", " ").strip();
        return said.isEmpty() || said.equalsIgnoreCase("access denied") ? "" : "; the store says: " + said;
    }

    private String grantedOn(String right) {
        if (right.startsWith("s3:List")) return "s3://" + bucket;
        // Of an object that is not there it is all the same to Amazon's S3 which of the two is missing.
        return uri(prefix + "/*") + (right.equals("s3:GetObject") ? ", and s3:ListBucket on s3://" + bucket + " without conditions" : "");
    }

    private Failure failed(String act, String key, SdkException e) {
        var what = "could not " + act + " " + uri(key) + ": ";
        var doctor = "./jbang doctor --env " + settings.env;
        if (e instanceof ApiCallTimeoutException || e instanceof ApiCallAttemptTimeoutException)
            return new Failure.StoreFailed(what + "no answer in time", "is the store up? S3_ATTEMPT_SECONDS and S3_REQUEST_SECONDS set the limits; " + doctor);
        var said = String.valueOf(e.getMessage());
        if (said.contains("Unable to load credentials"))
            return new Failure.BadSetting("there are no credentials for the store", "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in " + Home.dir().resolve(".env.operations"));
        for (Throwable cause = e; cause != null; cause = cause.getCause())
            if (cause instanceof SSLException)
                return new Failure.StoreFailed(what + (String.valueOf(cause.getMessage()).contains("PKIX") ? "Java does not trust the store's certificate" : "no TLS with the store: " + cause.getMessage()),
                    "is the address right? " + settings.where(Setting.AWS_ENDPOINT_URL_S3) + "; a certificate of your own authority is trusted after: keytool -importcert -cacerts -file CERTIFICATE");
        var cause = e.getCause() == null ? said : String.valueOf(e.getCause().getMessage());
        return new Failure.StoreFailed(what + cause.lines().findFirst().orElse("").strip().toLowerCase(Locale.ROOT), "is the store reachable from here? " + settings.where(Setting.AWS_ENDPOINT_URL_S3) + "; " + doctor);
    }

    @Override public void close() { client.close(); }
}
