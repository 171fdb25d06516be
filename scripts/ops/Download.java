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
    private final Store store;
    private final String key;
    private final int attempts;
    private ResponseInputStream<GetObjectResponse> stream;
    private String etag;
    private long offset;
    private long total;
    private int broken;

    Download(Store store, String key) {
        this.store = store;
        this.key = key;
        this.attempts = store.settings.number(Setting.S3_ATTEMPTS);
        open();
    }

    private void open() {
        stream = store.attempt("s3:GetObject", "read", key, () -> store.client.getObject(request -> {
            request.bucket(store.bucket).key(key);
            if (offset > 0) request.range("bytes=" + offset + "-");
            if (etag != null) request.ifMatch(etag);
        }));
        if (etag == null) {
            etag = stream.response().eTag();
            total = stream.response().contentLength();
        }
    }

    @Override public int read() throws IOException {
        var one = new byte[1];
        return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
    }

    @Override public int read(byte[] bytes, int from, int length) throws IOException {
        while (offset < total) {
            try {
                var read = stream.read(bytes, from, length);
                if (read > 0) {
                    offset += read;
                    return read;
                }
                throw new IOException("the connection ended after " + offset + " of " + total + " bytes");
            } catch (IOException e) {
                stream.abort();
                if (++broken >= attempts) throw new Failure.StoreFailed("could not read " + store.uri(key) + ": " + e.getMessage(), "run it again; if it stays, ./jbang doctor --env " + store.settings.env);
                open();
            }
        }
        return -1;
    }

    @Override public void close() { stream.abort(); }
}
