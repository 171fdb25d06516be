package ops;

import java.io.IOException;
import java.io.OutputStream;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.EnumSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import ops.WriteForm.Extra;
import software.amazon.awssdk.core.sync.RequestBody;
import software.amazon.awssdk.services.s3.model.CompletedPart;
import software.amazon.awssdk.services.s3.model.S3Exception;

/**
 * An object of unknown length on its way into the store: it exists after {@link #commit}, or not at all.
 *
 * <p>Full parts are sent from buffers on a few threads, so memory is constant and a retry has the bytes at hand. The end
 * of the stream means nothing: completing is the caller's decision. Parts have one size, as R2 wants, unless there turn
 * out to be so many that the upload could not end otherwise.
 */
public final class Upload extends OutputStream {
    /** S3 takes so many parts; some stores take fewer. */
    static final int MOST_PARTS = 10_000;
    private static final int SMALLEST_PART = 8 << 20;
    private static final long LARGEST_PART = 5L << 30;
    /** What is no larger goes in one request, whatever size was expected. */
    private static final int WHOLE = 16 << 20;
    private static final long SENDING_BYTES = 48L << 20;
    /** The last fifth of the parts is for a dump that is larger than the database said: they are so much larger. */
    private static final int LARGER = 4;
    /** A line that is slower than this is taken for a dead one, however much still moves on it. */
    private static final long SLOWEST_BYTES_PER_SECOND = 4096;

    private final Store store;
    private final String key;
    private final long partBytes;
    private final int partLimit;
    private final String storageClass;
    private final MessageDigest whole = Sha256.digest();
    private final BlockingQueue<Optional<PartBuffer>> free;
    private final ExecutorService senders;
    private final List<Future<CompletedPart>> parts = new ArrayList<>();
    private final Map<Integer, byte[]> digests = new ConcurrentHashMap<>();
    private final Run run;
    private final Runnable forget;
    private PartBuffer part;
    private boolean failed;
    private volatile long bytes;
    private String id;
    private volatile boolean ended;
    private String sha256;
    private String storeSha256;
    private String storeEtag;

    Upload(Store store, Run run, String key, long partBytes) {
        this.run = run;
        this.store = store;
        this.key = key;
        this.partBytes = partBytes;
        this.partLimit = store.partLimit();
        this.storageClass = store.storageClass();
        var sending = (int) Math.max(1, Math.min(3, SENDING_BYTES / partBytes));
        free = new ArrayBlockingQueue<>(sending + 1);
        for (var i = 0; i < sending + 1; i++) free.add(Optional.empty()); // made when first needed
        senders = Executors.newFixedThreadPool(sending, body -> {
            var thread = new Thread(body, "upload");
            thread.setDaemon(true);
            return thread;
        });
        forget = run.undo.add("abort the upload of " + store.uri(key), this::abort);
    }

    /** The size of parts that lets an object of this size fit into nine tenths of the parts of one size. */
    static long partBytes(long expected, int partLimit) {
        var needed = (expected / (ofOneSize(partLimit) * 9L / 10) >> 20) + 1 << 20;
        return Math.min(Math.max(SMALLEST_PART, needed), LARGEST_PART);
    }

    private static int ofOneSize(int partLimit) { return partLimit / 5 * 4; }

    /** The size of the part that is being filled. */
    private long wanted() { return parts.size() < ofOneSize(partLimit) || partBytes < SMALLEST_PART ? partBytes : Math.min(partBytes * LARGER, LARGEST_PART); }

    @Override public void write(int b) throws IOException { write(new byte[] {(byte) b}, 0, 1); }

    @Override public void write(byte[] from, int offset, int length) throws IOException {
        whole.update(from, offset, length);
        bytes += length;
        while (length > 0) {
            var size = wanted();
            if (part == null) part = take(size);
            var copied = (int) Math.min(length, size - part.filled);
            part.add(from, offset, copied);
            offset += copied;
            length -= copied;
            if (part.filled == size) send();
        }
    }

    /** Bytes taken in so far. */
    public long bytes() { return bytes; }

    private PartBuffer take(long size) throws IOException {
        if (parts.size() == partLimit)
            throw new Failure.StoreFailed("could not write " + store.uri(key) + ": " + Amount.bytes(bytes) + " are in " + partLimit + " parts already, and this store takes no more",
                "the dump is far larger than the database said: leave rows out with --exclude-table-data, or take a store that takes more parts");
        try {
            var buffer = free.take();
            checkSent();
            if (buffer.isPresent() && buffer.get().fits(size)) return buffer.get();
            buffer.ifPresent(PartBuffer::close);
            return PartBuffer.of(run, size);
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
        var number = parts.size() + 1;
        parts.add(senders.submit(() -> {
            try {
                return sent(content, number);
            } finally {
                content.clear();
                free.add(Optional.of(content));
            }
        }));
        part = null;
    }

    private CompletedPart sent(PartBuffer content, int number) throws IOException {
        byte[] digest;
        try (var reader = new Sha256.Reader(content.content())) {
            PartReader.copy(reader, OutputStream.nullOutputStream());
            digest = HexFormat.of().parseHex(reader.hex());
        }
        var checksum = Base64.getEncoder().encodeToString(digest);
        var limit = Duration.ofSeconds(store.settings.number(Setting.S3_REQUEST_SECONDS) + content.filled / SLOWEST_BYTES_PER_SECOND);
        return store.attempt("s3:PutObject", "write part " + number + " of", key, () -> store.form.send(EnumSet.of(Extra.SHA256), with -> {
            var sent = store.client.uploadPart(request -> {
                request.bucket(store.bucket).key(key).uploadId(id).partNumber(number).overrideConfiguration(override -> override.apiCallTimeout(limit));
                if (with.contains(Extra.SHA256)) request.checksumSHA256(checksum);
                else request.contentMD5(Md5.base64(content.content()));
            }, RequestBody.fromContentProvider(content::content, content.filled, "application/octet-stream"));
            digests.put(number, digest);
            return CompletedPart.builder().partNumber(number).eTag(sent.eTag()).checksumSHA256(with.contains(Extra.SHA256) ? checksum : null).build();
        }));
    }

    private synchronized void begin() {
        if (ended) throw new IllegalStateException("the upload was aborted");
        id = store.attempt("s3:PutObject", "begin the upload of", key, () -> store.form.send(EnumSet.of(Extra.SHA256, Extra.STORAGE_CLASS), with -> store.createUpload(with, key, storageClass))).uploadId();
    }

    /** Sends the rest and makes the object exist; as one act, or it might arrive after its folder was cleared. */
    public void commit() throws InterruptedException {
        sha256 = Sha256.hex(whole.digest());
        if (id == null && (part == null || part.filled <= WHOLE)) {
            var content = part == null ? new byte[0] : whole(part);
            storeSha256 = Base64.getEncoder().encodeToString(Sha256.of(content));
            run.undo.act(() -> { store.put(key, content, storageClass); return null; });
        } else {
            if (part != null && part.filled > 0) send();
            var completed = new ArrayList<CompletedPart>();
            for (var sent : parts) completed.add(result(sent));
            var all = Sha256.digest();
            completed.forEach(sent -> all.update(digests.get(sent.partNumber())));
            storeSha256 = Base64.getEncoder().encodeToString(all.digest()) + "-" + completed.size();
            storeEtag = etag(completed);
            run.undo.act(() -> { complete(completed); return null; });
        }
        synchronized (this) { ended = true; }
        senders.shutdownNow();
        release();
        forget.run();
    }

    /** The buffers that nothing is sent from any more. */
    private void release() {
        for (var left = free.poll(); left != null; left = free.poll()) left.ifPresent(PartBuffer::close);
        if (part != null) part.close();
        part = null;
    }

    private static byte[] whole(PartBuffer part) {
        try (var content = part.content()) {
            return content.readAllBytes();
        } catch (IOException e) {
            throw Workspace.failed(e);
        }
    }

    /** S3's ETag of an object in parts: the MD5 of the parts' MD5s, and their number; null where parts have other ETags. */
    private static String etag(List<CompletedPart> completed) {
        var all = new java.io.ByteArrayOutputStream();
        for (var sent : completed) {
            var md5 = Store.md5(sent.eTag());
            if (md5 == null) return null;
            all.writeBytes(HexFormat.of().parseHex(md5));
        }
        var digest = Md5.digest();
        return digest == null ? null : HexFormat.of().formatHex(digest.digest(all.toByteArray())) + "-" + completed.size();
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
        release();
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
