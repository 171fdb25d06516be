package ops;

import java.io.IOException;
import java.io.InputStream;
import software.amazon.awssdk.core.ResponseInputStream;
import software.amazon.awssdk.services.s3.model.GetObjectResponse;

/**
 * An object's bytes from first to last; a connection that breaks is taken up again at the byte where it broke, and only
 * of the same object (If-Match). The SDK retries a request, but not the reading of its answer.
 */
final class Download extends InputStream {
    /** A break after so many bytes does not count: the line is a bad one, and brings the object all the same. */
    private static final int PROGRESS = 1 << 16;

    private static final long UNKNOWN = -1;

    private final Store store;
    private final String key;
    private final int attempts;
    private ResponseInputStream<GetObjectResponse> stream;
    private String etag;
    private long offset;
    private long total;
    private int broken;
    private long brokenAt;

    /** @param etag of the object that is meant, as another download of it had it; null for whichever is there */
    Download(Store store, String key, String etag) {
        this.store = store;
        this.key = key;
        this.etag = etag;
        this.attempts = store.settings.number(Setting.S3_ATTEMPTS);
        open();
    }

    private void open() {
        stream = store.attempt("s3:GetObject", "read", key, () -> store.client.getObject(request -> {
            request.bucket(store.bucket).key(key);
            if (offset > 0) request.range("bytes=" + offset + "-");
            if (offset > 0 && etag != null) request.ifMatch(etag);
        }));
        var response = stream.response();
        // Not every store keeps to If-Match and Range, and the rest of another object would make this one look broken.
        if (etag != null && response.eTag() != null && !etag.equals(response.eTag())) throw failed("it was replaced while it was read");
        if (offset == 0) {
            etag = response.eTag();
            total = response.contentLength() == null ? UNKNOWN : response.contentLength();
            return;
        }
        if (response.contentRange() == null) skipAgain();
        else if (!response.contentRange().startsWith("bytes " + offset + "-")) throw failed("asked for the bytes from " + offset + " on, the store gave " + response.contentRange().replaceAll("\\p{Cntrl}", " "));
    }

    /** A store that does not know ranges begins from the beginning. */
    private void skipAgain() {
        try {
            stream.skipNBytes(offset);
        } catch (IOException e) {
            stream.abort();
            throw failed(e.getMessage());
        }
    }

    /** The object's ETag, as the store tells it; null when it does not. */
    String etag() { return etag; }

    private Failure failed(String how) { return new Failure.StoreFailed("could not read " + store.uri(key) + ": " + how, "run it again; if it stays, ./jbang doctor --env " + store.settings.env); }

    @Override public int read() throws IOException {
        var one = new byte[1];
        return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
    }

    @Override public int read(byte[] bytes, int from, int length) throws IOException {
        while (offset < total || total == UNKNOWN) {
            try {
                var read = stream.read(bytes, from, length);
                if (read > 0) {
                    offset += read;
                    return read;
                }
                if (total == UNKNOWN) return -1;
                throw new IOException("the connection ended after " + offset + " of " + total + " bytes");
            } catch (IOException e) {
                stream.abort();
                if (offset - brokenAt >= PROGRESS) broken = 0;
                brokenAt = offset;
                if (++broken >= attempts) throw failed(e.getMessage());
                open();
            }
        }
        return -1;
    }

    @Override public void close() { stream.abort(); }
}
