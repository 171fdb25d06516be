import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.function.UnaryOperator;
import java.util.regex.Pattern;
import javax.net.ServerSocketFactory;

/**
 * Stands before the store and makes it fail. Requests go on as they came, Host header included, so that their signatures
 * stay valid; each has a connection of its own, so that one fault does not spill over into the next request.
 */
final class FaultProxy implements AutoCloseable {
    static final int ALWAYS = Integer.MAX_VALUE;

    /** What happens to a request instead of being forwarded. */
    private interface Fault { void happen(Request request, Socket client) throws IOException; }

    private record Request(String line, String head, byte[] body) { }

    /** Whole answers, head and body as one text. */
    interface Judge { String answer(String head, Store store) throws IOException; }

    /** What stands behind the proxy. */
    interface Store { String answer() throws IOException; }

    /** An error of S3's form, for the request with this head. */
    static String error(String requestHead, int status, String code, String message, String... headers) {
        var body = requestHead.startsWith("HEAD ") ? "" : "<?xml version=\"1.0\"?><Error><Code>" + code + "</Code><Message>" + message + "</Message></Error>";
        var head = new StringBuilder("HTTP/1.1 " + status + " Fault\r\nContent-Type: application/xml\r\nContent-Length: " + body.length() + "\r\nConnection: close\r\n");
        for (var header : headers) head.append(header).append("\r\n");
        return head + "\r\n" + body;
    }

    /** A fault for requests whose first line, METHOD TARGET, matches; for the given number of them. */
    final class Rule {
        private final Pattern pattern;
        private int left;
        private Fault fault;
        private final CountDownLatch released = new CountDownLatch(1);
        private volatile boolean touched;

        private Rule(String pattern, int times) {
            this.pattern = Pattern.compile(pattern);
            this.left = times;
        }

        /** Answers with an error of S3's form. */
        Rule answer(int status, String code, String... headers) { return answer((head, store) -> error(head, status, code, "as the test wants it", headers)); }

        /** Resets the connection before the request has reached the store. */
        Rule reset() { return is((request, client) -> cutOff(client)); }

        /** Says nothing, for as long as the test lasts. */
        Rule stall() { return is((request, client) -> { await(closed); cutOff(client); }); }

        /** Keeps the request back until {@link #release}. */
        Rule hold() {
            return is((request, client) -> {
                await(released);
                send(client, forward(request.head, request.body));
            });
        }

        void release() { released.countDown(); }

        /** Lets the store do it, and resets the connection instead of passing the answer on. */
        Rule loseTheAnswer() { return is((request, client) -> { forward(request.head, request.body); cutOff(client); }); }

        /** Changes a byte of the body on its way to the store. */
        Rule corruptTheBody() {
            return is((request, client) -> {
                request.body[request.body.length / 2] ^= 1;
                send(client, forward(request.head, request.body));
            });
        }

        /** Changes the store's answer, head and body as one text. */
        Rule change(UnaryOperator<String> change) { return answer((head, store) -> change.apply(store.answer())); }

        /** Answers as somebody says who sees the request's head, and may have the store answer. */
        Rule answer(Judge judge) {
            return is((request, client) -> {
                var answer = judge.answer(request.head, () -> new String(forward(request.head, request.body), StandardCharsets.ISO_8859_1));
                send(client, answer.getBytes(StandardCharsets.ISO_8859_1));
            });
        }

        private Rule is(Fault fault) {
            this.fault = fault;
            rules.add(this);
            return this;
        }

        private synchronized boolean takes(Request request) {
            if (left == 0 || !pattern.matcher(request.line).find()) return false;
            left--;
            touched = true;
            return true;
        }
    }

    private final URI store;
    private final ServerSocket server;
    private final List<Rule> rules = new CopyOnWriteArrayList<>();
    private final List<Request> seen = new CopyOnWriteArrayList<>();
    private final CountDownLatch closed = new CountDownLatch(1);

    /** Stands before a checkout's store from now on. */
    FaultProxy(Kit kit) { this(kit, "AWS_ENDPOINT_URL_S3"); }

    /** Stands before the store that a setting names. */
    FaultProxy(Kit kit, String endpoint) { this(kit, endpoint, "http", ServerSocketFactory.getDefault()); }

    private FaultProxy(Kit kit, String endpoint, String scheme, ServerSocketFactory sockets) {
        try {
            store = URI.create(Stack.up().setting("AWS_ENDPOINT_URL_S3"));
            server = sockets.createServerSocket(0, 50, InetAddress.getByName("127.0.0.1"));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        background(this::serve);
        var address = scheme + "://127.0.0.1:" + server.getLocalPort();
        if (kit.bucket != null) kit.lookedAt(address, endpoint.replace("AWS_ENDPOINT_URL_S3", ""));
        kit.set(endpoint, address);
    }

    /** Stands before a checkout's store and shows a certificate, as {@link LyingSite#certificate} makes them. */
    static FaultProxy withTls(Kit kit, Path keyStore) { return new FaultProxy(kit, "AWS_ENDPOINT_URL_S3", "https", LyingSite.tls(keyStore).getServerSocketFactory()); }

    /** The next request like this; the pattern is looked for in METHOD TARGET. */
    Rule next(String pattern) { return new Rule(pattern, 1); }

    Rule next(int times, String pattern) { return new Rule(pattern, times); }

    Rule every(String pattern) { return new Rule(pattern, ALWAYS); }

    /** From now on all requests go through. */
    void heal() { rules.clear(); }

    /** Heads of the requests that match, in the order they came in. */
    List<String> heads(String pattern) {
        var looked = Pattern.compile(pattern);
        return seen.stream().filter(request -> looked.matcher(request.line).find()).map(Request::head).toList();
    }

    /** Waits until such a request has come in. */
    void awaitSeen(String pattern) {
        Patience.until(() -> !heads(pattern).isEmpty(), () -> "no request " + pattern + " among " + seen.stream().map(Request::line).toList());
    }

    /** The rules that no request has met. */
    List<String> untouched() { return rules.stream().filter(rule -> !rule.touched).map(rule -> rule.pattern.pattern()).toList(); }

    private void serve() {
        while (true) {
            try {
                var client = server.accept();
                background(() -> {
                    try (client) {
                        handle(client);
                    } catch (IOException e) {
                        // the client went away, as some tests want it to
                    }
                });
            } catch (IOException e) {
                return;
            }
        }
    }

    private void handle(Socket client) throws IOException {
        var in = client.getInputStream();
        var head = head(in);
        if (head.isEmpty()) return;
        if (head.toLowerCase().contains("\r\nexpect: 100-continue")) {
            head = head.replaceFirst("(?i)\r\nexpect: 100-continue", "");
            client.getOutputStream().write("HTTP/1.1 100 Continue\r\n\r\n".getBytes(StandardCharsets.ISO_8859_1));
        }
        var length = Pattern.compile("\r\ncontent-length: *([0-9]+)", Pattern.CASE_INSENSITIVE).matcher(head);
        var body = in.readNBytes(length.find() ? Integer.parseInt(length.group(1)) : 0);
        var request = new Request(head.substring(0, head.indexOf(" HTTP/")), head, body);
        seen.add(new Request(request.line, request.head, null));
        for (var rule : rules)
            if (rule.takes(request)) {
                rule.fault.happen(request, client);
                return;
            }
        send(client, forward(request.head, request.body));
    }

    private static String head(InputStream in) throws IOException {
        var head = new ByteArrayOutputStream();
        for (int b; (b = in.read()) >= 0; ) {
            head.write(b);
            if (b == '\n' && head.toString(StandardCharsets.ISO_8859_1).endsWith("\r\n\r\n")) return head.toString(StandardCharsets.ISO_8859_1);
        }
        return "";
    }

    /** The store's whole answer, head and body. */
    private byte[] forward(String head, byte[] body) throws IOException {
        try (var upstream = new Socket(store.getHost(), store.getPort())) {
            // Neither side's signature covers this header.
            var once = head.replaceFirst("(?i)\r\nconnection: [^\r]*", "").replaceFirst("\r\n\r\n$", "\r\nConnection: close\r\n\r\n");
            upstream.getOutputStream().write(once.getBytes(StandardCharsets.ISO_8859_1));
            upstream.getOutputStream().write(body);
            upstream.getOutputStream().flush();
            return upstream.getInputStream().readAllBytes();
        }
    }

    private static void send(Socket client, byte[] answer) throws IOException {
        client.getOutputStream().write(answer);
        client.getOutputStream().flush();
    }

    private static void cutOff(Socket client) throws IOException {
        client.setSoLinger(true, 0);
        client.close();
    }

    private static void await(CountDownLatch latch) {
        try {
            latch.await();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private static void background(Runnable body) {
        var thread = new Thread(body, "fault proxy");
        thread.setDaemon(true);
        thread.start();
    }

    @Override public void close() {
        closed.countDown();
        try {
            server.close();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
