package ops;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.HexFormat;
import java.util.List;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import software.amazon.awssdk.core.sync.RequestBody;
import software.amazon.awssdk.services.s3.model.ChecksumAlgorithm;
import software.amazon.awssdk.services.s3.model.CompletedPart;
import software.amazon.awssdk.services.s3.model.S3Exception;

/**
 * An object of unknown length on its way into the store: it exists after {@link #commit}, or not at all.
 *
 * <p>Full parts are sent from byte arrays on a few threads, so memory is constant and a retry has the bytes at hand.
 * The end of the stream means nothing: completing is the caller's decision. Parts have one size, as R2 wants.
 */
public final class Upload extends OutputStream {
    /** S3 takes 10,000 parts; the rest is for a dump that is larger than the database said. */
    private static final int PARTS = 9000;
    private static final int SMALLEST_PART = 8 << 20;
    private static final long SENDING_BYTES = 48L << 20;

    private final Store store;
    private final String key;
    private final int partBytes;
    private final String storageClass;
    private final MessageDigest whole = Sha256.digest();
    private final BlockingQueue<byte[]> free;
    private final ExecutorService senders;
    private final List<Future<CompletedPart>> parts = new ArrayList<>();
    private final Run run;
    private final Runnable forget;
    private byte[] part;
    private int filled;
    private boolean failed;
    private volatile long bytes;
    private String id;
    private volatile boolean ended;
    private String sha256;
    private String storeSha256;
    private String storeEtag;

    Upload(Store store, Run run, String key, int partBytes) {
        this.run = run;
        this.store = store;
        this.key = key;
        this.partBytes = partBytes;
        this.storageClass = store.storageClass();
        var sending = (int) Math.max(1, Math.min(3, SENDING_BYTES / partBytes));
        free = new ArrayBlockingQueue<>(sending + 1);
        for (var i = 0; i < sending + 1; i++) free.add(new byte[0]); // allocated when first needed
        senders = Executors.newFixedThreadPool(sending, body -> {
            var thread = new Thread(body, "upload");
            thread.setDaemon(true);
            return thread;
        });
        forget = run.undo.add("abort the upload of " + store.uri(key), this::abort);
    }

    /** The size of parts that lets an object of this size fit, with a margin. */
    public static int partBytes(long expected) {
        var needed = (expected / PARTS >> 20) + 1 << 20;
        return (int) Math.min(Math.max(SMALLEST_PART, needed), 1 << 30);
    }

    @Override public void write(int b) throws IOException { write(new byte[] {(byte) b}, 0, 1); }

    @Override public void write(byte[] from, int offset, int length) throws IOException {
        whole.update(from, offset, length);
        bytes += length;
        while (length > 0) {
            if (part == null) part = take();
            var copied = Math.min(length, partBytes - filled);
            System.arraycopy(from, offset, part, filled, copied);
            filled += copied;
            offset += copied;
            length -= copied;
            if (filled == partBytes) send();
        }
    }

    /** Bytes taken in so far. */
    public long bytes() { return bytes; }

    private byte[] take() throws IOException {
        try {
            var buffer = free.take();
            checkSent();
            return buffer.length == partBytes ? buffer : new byte[partBytes];
        } catch (InterruptedException e) {
            throw new java.io.InterruptedIOException();
        }
    }

    /** A part that failed for good ends the upload at once, not when all the rest has been sent. */
    private void checkSent() throws InterruptedException, IOException {
        if (failed) throw new IOException("the upload has failed already"); // not twice the same exception: one would suppress itself
        for (var sent : parts) {
            if (!sent.isDone()) continue;
            try {
                result(sent);
            } catch (RuntimeException e) {
                failed = true;
                throw e;
            }
        }
    }

    private static <T> T result(Future<T> future) throws InterruptedException {
        try {
            return future.get();
        } catch (ExecutionException e) {
            if (e.getCause() instanceof RuntimeException cause) throw cause;
            throw new IllegalStateException(e.getCause());
        }
    }

    private void send() {
        if (id == null) begin();
        var content = part;
        var length = filled;
        var number = parts.size() + 1;
        parts.add(senders.submit(() -> {
            try {
                var digest = Sha256.digest();
                digest.update(content, 0, length);
                var checksum = Base64.getEncoder().encodeToString(digest.digest());
                var sent = store.attempt("s3:PutObject", "write part " + number + " of", key, () -> store.client.uploadPart(
                    request -> request.bucket(store.bucket).key(key).uploadId(id).partNumber(number).checksumSHA256(checksum),
                    RequestBody.fromContentProvider(() -> new ByteArrayInputStream(content, 0, length), length, "application/octet-stream")));
                return CompletedPart.builder().partNumber(number).eTag(sent.eTag()).checksumSHA256(checksum).build();
            } finally {
                free.add(content);
            }
        }));
        part = null;
        filled = 0;
    }

    private synchronized void begin() {
        if (ended) throw new IllegalStateException("the upload was aborted");
        id = store.attempt("s3:PutObject", "begin the upload of", key, () -> store.withStorageClass(storageClass, chosen -> store.client.createMultipartUpload(request -> {
            request.bucket(store.bucket).key(key).checksumAlgorithm(ChecksumAlgorithm.SHA256).storageClass(chosen);
            store.settings.get(Setting.BACKUP_SSE).ifPresent(request::serverSideEncryption);
            store.settings.get(Setting.BACKUP_SSE_KMS_KEY).ifPresent(request::ssekmsKeyId);
        }))).uploadId();
    }

    /** Sends the rest and makes the object exist; as one act, or it might arrive after its folder was cleared. */
    public void commit() throws InterruptedException {
        sha256 = Sha256.hex(whole.digest());
        if (id == null) {
            var content = part == null ? new byte[0] : Arrays.copyOf(part, filled);
            storeSha256 = Base64.getEncoder().encodeToString(Sha256.of(content));
            run.undo.act(() -> { store.put(key, content, false, storageClass); return null; });
        } else {
            if (filled > 0) send();
            var completed = new ArrayList<CompletedPart>();
            for (var sent : parts) completed.add(result(sent));
            var all = Sha256.digest();
            completed.forEach(sent -> all.update(Base64.getDecoder().decode(sent.checksumSHA256())));
            storeSha256 = Base64.getEncoder().encodeToString(all.digest()) + "-" + completed.size();
            storeEtag = etag(completed);
            run.undo.act(() -> { complete(completed); return null; });
        }
        synchronized (this) { ended = true; }
        senders.shutdownNow();
        forget.run();
    }

    /** S3's ETag of an object in parts: the MD5 of the parts' MD5s, and their number; null where parts have other ETags. */
    private static String etag(List<CompletedPart> completed) {
        var all = new java.io.ByteArrayOutputStream();
        for (var sent : completed) {
            var md5 = Store.md5(sent.eTag());
            if (md5 == null) return null;
            all.writeBytes(HexFormat.of().parseHex(md5));
        }
        try {
            return HexFormat.of().formatHex(MessageDigest.getInstance("MD5").digest(all.toByteArray())) + "-" + completed.size();
        } catch (NoSuchAlgorithmException e) {
            return null; // a Java that forbids MD5 goes without this check
        }
    }

    private void complete(List<CompletedPart> completed) {
        store.attempt("s3:PutObject", "complete the upload of", key, () -> {
            try {
                return store.client.completeMultipartUpload(request -> request.bucket(store.bucket).key(key).uploadId(id)
                    .multipartUpload(upload -> upload.parts(completed)));
            } catch (S3Exception e) {
                // The answer to a first try that succeeded may have been lost; the second then finds no such upload, or none of its parts (400).
                if ((e.statusCode() == 404 || e.statusCode() == 400) && store.head(key).filter(there -> storeSha256.equals(there.sha256()) || storeEtag != null && storeEtag.equals(there.etag())).isPresent()) return null;
                throw e;
            }
        });
    }

    /** SHA-256 of all bytes, in hexadecimal; after the commit. */
    public String sha256() { return sha256; }

    /** What the store must report as the object's SHA-256, in S3's form; after the commit. */
    public String storeSha256() { return storeSha256; }

    /** What the store should report as the object's ETag; null when that can't be known. */
    public String storeEtag() { return storeEtag; }

    /** Vanishes, unless it was committed. */
    @Override public void close() {
        abort();
        forget.run();
    }

    private void abort() {
        synchronized (this) {
            if (ended) return;
            ended = true;
        }
        senders.shutdownNow();
        if (id == null) return;
        var open = new Store.OpenUpload(key, id, null);
        store.abort(open);
        try {
            // A part that was in flight may have arrived after the abort, and would stay and be paid for.
            if (senders.awaitTermination(10, TimeUnit.SECONDS)) store.abort(open);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
