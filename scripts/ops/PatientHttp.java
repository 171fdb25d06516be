package ops;

import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.SocketTimeoutException;
import java.time.Duration;
import java.util.concurrent.Semaphore;
import software.amazon.awssdk.http.ContentStreamProvider;
import software.amazon.awssdk.http.ExecutableHttpRequest;
import software.amazon.awssdk.http.HttpExecuteRequest;
import software.amazon.awssdk.http.HttpExecuteResponse;
import software.amazon.awssdk.http.SdkHttpClient;
import software.amazon.awssdk.utils.AttributeMap;

/**
 * Ends a try of a request when nothing moves for a while, and not when it takes long: on a slow line a part of an upload
 * takes minutes, and all of them are well spent. Once a body has met silence, bodies go one at a time: three of them may
 * be what the line could not carry.
 */
final class PatientHttp implements SdkHttpClient {
    private static final Duration LOOK = Duration.ofMillis(500);

    private final SdkHttpClient client;
    private final Duration silence;
    private final Semaphore turn = new Semaphore(1);
    private volatile boolean slow;

    private PatientHttp(SdkHttpClient client, Duration silence) {
        this.client = client;
        this.silence = silence;
    }

    /** @param silence for how long nothing may be taken and nothing be answered */
    record Builder(SdkHttpClient.Builder<?> client, Duration silence) implements SdkHttpClient.Builder<Builder> {
        @Override public SdkHttpClient buildWithDefaults(AttributeMap defaults) { return new PatientHttp(client.buildWithDefaults(defaults), silence); }
    }

    @Override public ExecutableHttpRequest prepareRequest(HttpExecuteRequest request) {
        var body = new Body(request.httpRequest().firstMatchingHeader("Content-Length").map(Long::parseLong).orElse(0L));
        var counted = request.contentStreamProvider().map(content -> (ContentStreamProvider) () -> body.counted(content.newStream())).orElse(null);
        return new Watched(client.prepareRequest(HttpExecuteRequest.builder().request(request.httpRequest())
            .contentStreamProvider(counted).metricCollector(request.metricCollector().orElse(null)).build()), body);
    }

    @Override public String clientName() { return client.clientName(); }

    @Override public void close() { client.close(); }

    /** How far a request's body has gone out. */
    private static final class Body {
        private final long length;
        private volatile long begun;
        private volatile long moved;
        private volatile long taken;

        Body(long length) { this.length = length; }

        void begin() { begun = moved = System.nanoTime(); }

        InputStream counted(InputStream content) {
            taken = 0;
            return new FilterInputStream(content) {
                @Override public int read() throws IOException { return moved(super.read(), 1); }

                @Override public int read(byte[] bytes, int from, int count) throws IOException {
                    var read = super.read(bytes, from, count);
                    return moved(read, read);
                }
            };
        }

        private int moved(int result, int count) {
            if (result >= 0) taken += count;
            moved = System.nanoTime();
            return result;
        }

        /** What has been taken may still lie in this machine's buffers, about as long as the rest took to leave them. */
        boolean isSilent(Duration limit) {
            var patience = taken < length ? limit.toNanos() : Math.max(limit.toNanos(), Math.min(2 * (moved - begun), 20 * limit.toNanos()));
            return System.nanoTime() - moved > patience;
        }
    }

    private final class Watched implements ExecutableHttpRequest {
        private final ExecutableHttpRequest request;
        private final Body body;
        private volatile boolean silent;

        Watched(ExecutableHttpRequest request, Body body) {
            this.request = request;
            this.body = body;
        }

        @Override public HttpExecuteResponse call() throws IOException {
            if (!slow || body.length == 0) return watched();
            turn.acquireUninterruptibly();
            try {
                return watched();
            } finally {
                turn.release();
            }
        }

        private HttpExecuteResponse watched() throws IOException {
            body.begin();
            var watch = Watch.every(LOOK, this::look);
            try {
                return request.call();
            } catch (IOException | RuntimeException e) {
                if (silent) throw new SocketTimeoutException("nothing moved for " + silence.toSeconds() + " s");
                throw e;
            } finally {
                watch.cancel();
            }
        }

        private void look() {
            if (!body.isSilent(silence)) return;
            silent = true;
            if (body.taken > 0) slow = true;
            request.abort();
        }

        @Override public void abort() { request.abort(); }
    }
}
