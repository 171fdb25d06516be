package smoke;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.net.ConnectException;
import java.net.CookieManager;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpTimeoutException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Flow;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.stream.Stream;
import java.util.zip.GZIPInputStream;
import java.util.zip.Inflater;
import java.util.zip.InflaterInputStream;
import java.util.zip.ZipException;
import javax.net.ssl.SSLException;
import ops.Amount;
import ops.Ops;

/**
 * Asks servers as a visitor's browser does, and gives up as a visitor does: on what is too long, too slow, or endless.
 *
 * <p>What goes wrong is a verdict, in words. HttpClient alone would wait without end for a body: its time limit ends with the headers.
 */
public final class Web {
    /** More than any page or bundle that a visitor would wait for. */
    static final int LARGEST = 20_000_000;
    private static final int MOST_REDIRECTS = 10;
    /**
     * Headers that browsers refuse when they come twice and differ: an answer would have two ends, or two addresses.
     */
    private static final List<String> ONCE = List.of("content-length", "location", "content-disposition");
    /** Those that browsers know. */
    private static final Set<String> PACKINGS = Set.of("gzip", "x-gzip", "deflate", "br", "zstd");
    private static final Duration CONNECT = Duration.ofSeconds(5);

    private final Trust trust;
    private final HttpClient client;

    Web(Trust trust) {
        this.trust = trust;
        client = HttpClient.newBuilder().sslContext(trust.context()).followRedirects(HttpClient.Redirect.NEVER).cookieHandler(new CookieManager()).connectTimeout(CONNECT).build();
    }

    /** One request; redirects are answers like others. */
    Answer get(URI uri, Map<String, String> headers, Duration limit) throws Verdict.Judged, InterruptedException {
        // Counted from here: the first request waits for its classes as well.
        var deadline = Deadline.in(limit);
        // A server that reloads takes back connections that it has kept open; browsers ask again on a new one.
        var first = ask(uri, headers, limit, deadline, false);
        return first.isPresent() ? first.get() : ask(uri, headers, limit, deadline, true).orElseThrow();
    }

    /** Empty when the connection ended before an answer began, unless this is the last try. */
    private Optional<Answer> ask(URI uri, Map<String, String> headers, Duration limit, Deadline deadline, boolean last)
        throws Verdict.Judged, InterruptedException {
        var request = HttpRequest.newBuilder(uri).header("accept", "*/*").header("accept-encoding", "gzip").header("user-agent", "handover-smoke-tests/" + Ops.VERSION)
            // To a server without TLS the client would offer HTTP/2 first, which some take badly.
            .version(uri.getScheme().equals("https") ? HttpClient.Version.HTTP_2 : HttpClient.Version.HTTP_1_1);
        headers.forEach(request::setHeader);
        var begun = System.nanoTime();
        var body = new Body();
        var sent = client.sendAsync(request.build(), info -> body);
        try {
            var response = sent.get(deadline.left().toNanos(), TimeUnit.NANOSECONDS);
            var took = Duration.ofNanos(System.nanoTime() - begun);
            var refused = refusedByBrowsers(uri, response);
            if (refused.isPresent()) throw refused.get().judged();
            return Optional.of(new Answer(uri, response.statusCode(), response.headers(), unpack(uri, response), took,
                List.of()));
        } catch (TimeoutException e) {
            throw Verdict.fail(uri + (body.begun ? " is still sending after " + Amount.time(limit) + ", " + Amount.bytes(body.bytes.size()) + " so far" : " has not answered in " + Amount.time(limit)),
                "is the server overloaded, or waiting for something itself?").judged();
        } catch (ExecutionException e) {
            if (!last && !body.begun && isCut(e.getCause())) return Optional.empty();
            throw explain(uri, e.getCause(), body.begun, deadline).judged();
        } finally {
            sent.cancel(true);
        }
    }

    /** What a client may take and no browser does. */
    private static Optional<Verdict> refusedByBrowsers(URI uri, HttpResponse<byte[]> response) {
        for (var name : ONCE) {
            var values = response.headers().allValues(name).stream()
                .flatMap(value -> name.equals("content-length") ? Stream.of(value.split(",")) : Stream.of(value));
            var different = values.map(String::strip).distinct().toList();
            if (different.size() > 1)
                return Optional.of(Verdict.fail(uri + " has " + different.size() + " headers " + name + " that differ ("
                    + String.join("; ", different) + "): no browser takes that",
                    "see who sets it twice: the application, the server or what stands before it").forGood());
        }
        return response.sslSession().flatMap(session -> Trust.withoutName(uri, session));
    }

    /** Follows redirects; each request's headers are those for its own address. */
    Answer follow(URI uri, HeadersFor headers, Duration limit) throws Verdict.Judged, InterruptedException {
        var deadline = Deadline.in(limit);
        var way = new ArrayList<URI>();
        for (var left = limit; ; left = deadline.left()) {
            var answer = get(uri, headers.of(uri), left);
            if (!answer.isRedirect()) return new Answer(answer.uri(), answer.status(), answer.headers(), answer.body(), answer.took(), List.copyOf(way));
            way.add(uri);
            uri = target(answer);
            // One that has just got a cookie may be sent to where it was.
            if (way.contains(uri) && answer.header("set-cookie").isEmpty()) throw Verdict.fail("a redirect loop: " + arrows(way) + " → " + uri, "see the redirects of the host, of the application and of what stands before it").forGood().judged();
            if (way.size() > MOST_REDIRECTS) throw Verdict.fail("more than " + MOST_REDIRECTS + " redirects: " + arrows(way.subList(0, 3)) + " → …", "see the redirects of the host and of the application").forGood().judged();
        }
    }

    interface HeadersFor { Map<String, String> of(URI uri); }

    private static URI target(Answer redirect) throws Verdict.Judged {
        var location = redirect.header("location").orElseThrow();
        // Java reads each byte of a header as a letter; servers send UTF-8, most of them.
        var decoded = new String(location.getBytes(StandardCharsets.ISO_8859_1), StandardCharsets.UTF_8);
        var written = decoded.indexOf('\uFFFD') < 0 ? decoded : location;
        var target = Address.of(redirect.uri(), written)
            .filter(uri -> uri.getHost() != null && uri.getScheme().matches("https?"));
        if (target.isPresent()) return target.get();
        throw Verdict.fail(redirect.uri() + " redirects to '" + location.replaceAll("\\p{Cntrl}", "?") + "', which is no address", "see the redirects of the host and of the application").forGood().judged();
    }

    static String arrows(List<URI> way) { return String.join(" → ", way.stream().map(URI::toString).toList()); }

    private byte[] unpack(URI uri, HttpResponse<byte[]> response) throws Verdict.Judged {
        var encodings = new ArrayDeque<String>();
        response.headers().allValues("content-encoding").stream().flatMap(value -> Stream.of(value.split(",")))
            .map(each -> each.strip().toLowerCase(Locale.ROOT))
            .filter(each -> !each.isEmpty() && !each.equals("identity")).forEach(encodings::push);
        var bytes = response.body();
        // What they don't know means nothing to browsers, as the "aws-chunked" that S3 keeps of an upload.
        if (bytes.length == 0 || !PACKINGS.containsAll(encodings)) return bytes;
        for (var encoding : encodings) bytes = unpack(uri, encoding, bytes);
        return bytes;
    }

    private static byte[] unpack(URI uri, String encoding, byte[] packed) throws Verdict.Judged {
        if (encoding.equals("br") || encoding.equals("zstd"))
            throw Verdict.unknown(uri + " is packed as '" + encoding
                + "', which was not asked for: browsers can read it, the smoke tests can't",
                "have the server pack it only for those who ask for it (Accept-Encoding)").forGood().judged();
        try (var from = unpacking(encoding, new ByteArrayInputStream(packed))) {
            var bytes = from.readNBytes(LARGEST + 1);
            if (bytes.length > LARGEST) throw Verdict.fail(uri + " unpacks " + Amount.bytes(packed.length) + " to more than " + Amount.bytes(LARGEST), "what was put there?").forGood().judged();
            return bytes;
        } catch (ZipException | EOFException e) {
            throw Verdict.fail(uri + " is said to be " + encoding + " and can't be unpacked: "
                + (e.getMessage() == null ? "it is cut off" : e.getMessage()),
                "see the compression settings of the server and of what stands before it").judged();
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    private static InputStream unpacking(String encoding, ByteArrayInputStream packed) throws IOException {
        if (!encoding.equals("deflate")) return new GZIPInputStream(packed);
        // Some servers leave out the two bytes of zlib before it.
        packed.mark(1);
        var zlib = (packed.read() & 0x0f) == 8;
        packed.reset();
        return new InflaterInputStream(packed, new Inflater(!zlib));
    }

    private static boolean isCut(Throwable thrown) {
        var connecting = thrown instanceof SSLException || thrown instanceof ConnectException;
        return thrown instanceof IOException && !connecting && !(thrown instanceof HttpTimeoutException);
    }

    private Verdict explain(URI uri, Throwable thrown, boolean begun, Deadline deadline) throws InterruptedException {
        var host = uri.getHost() + (uri.getPort() < 0 ? "" : ":" + uri.getPort());
        if (thrown instanceof TooLong) return Verdict.fail(uri + " has sent more than " + Amount.bytes(LARGEST) + ", and no end", "what was put there?").forGood();
        if (thrown instanceof SSLException || thrown instanceof HttpTimeoutException && uri.getScheme().equals("https")) return trust.explain(uri, thrown.getMessage(), deadline);
        if (thrown instanceof HttpTimeoutException) return Verdict.fail(host + " takes no connection", "is it up, and does a firewall let us through?");
        if (thrown instanceof ConnectException) return Network.explain(uri.getHost(), host, thrown);
        var what = begun ? " ended in the middle of its answer" : " takes the connection and gives no answer";
        return Verdict.fail(uri + what + (thrown.getMessage() == null ? "" : ": " + thrown.getMessage()),
            begun ? "see the server's log, and whether the file is whole there"
                : "see the log of the server, and of what stands before it");
    }

    private static final class TooLong extends IOException { }

    /** Keeps what comes, up to a limit. */
    private static final class Body implements HttpResponse.BodySubscriber<byte[]> {
        private final CompletableFuture<byte[]> whole = new CompletableFuture<>();
        private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        private Flow.Subscription subscription;
        private volatile boolean begun;

        @Override public CompletionStage<byte[]> getBody() { return whole; }

        @Override public void onSubscribe(Flow.Subscription subscription) {
            this.subscription = subscription;
            begun = true;
            subscription.request(Long.MAX_VALUE);
        }

        @Override public void onNext(List<ByteBuffer> buffers) {
            for (var buffer : buffers) {
                var piece = new byte[buffer.remaining()];
                buffer.get(piece);
                bytes.writeBytes(piece);
            }
            if (bytes.size() <= LARGEST) return;
            subscription.cancel();
            whole.completeExceptionally(new TooLong());
        }

        @Override public void onError(Throwable thrown) { whole.completeExceptionally(thrown); }

        @Override public void onComplete() { whole.complete(bytes.toByteArray()); }
    }
}
