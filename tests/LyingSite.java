import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsServer;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executors;
import java.util.zip.GZIPOutputStream;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;

/** A site on this machine that is well, until a test makes it lie at one of its paths. */
final class LyingSite implements AutoCloseable {
    static final String PAGE = """
        <!doctype html><html lang="fr"><head><title>Remorques du Nord</title><meta name="release" content="4f9a1c7d2e">
        <script type="module" src="/assets/index-1a2b.js"></script><link rel="modulepreload" href="/assets/vendor-3c4d.js">
        <link rel="stylesheet" href="/assets/index-5e6f.css"></head><body><div id="app"></div></body></html>""";

    /** What a path answers. */
    interface Lie { void answer(HttpExchange exchange) throws IOException; }

    // Else it waits 40 ms for the client between the headers and the body of each answer.
    static { System.setProperty("sun.net.httpserver.nodelay", "true"); }

    private final HttpServer server;
    private final String scheme;
    private final Map<String, Lie> paths = new ConcurrentHashMap<>();
    /** Each request's path, and all its headers behind it. */
    final List<String> requests = Collections.synchronizedList(new ArrayList<>());

    LyingSite() { this(create("127.0.0.1", null), "http"); }

    private LyingSite(HttpServer server, String scheme) {
        this.server = server;
        this.scheme = scheme;
        server.setExecutor(Executors.newCachedThreadPool(body -> { var thread = new Thread(body); thread.setDaemon(true); return thread; }));
        server.createContext("/", this::answer);
        at("/", text("text/html; charset=utf-8", PAGE)).at("/assets/index-1a2b.js", text("text/javascript", "console.log('app')")).at("/assets/vendor-3c4d.js", text("text/javascript", "export const a = 1"))
            .at("/assets/index-5e6f.css", text("text/css", "body { margin: 0 }")).at("/health", text("application/json", "{\"status\": \"ok\", \"database\": \"ok\"}"));
        server.start();
    }

    /** With the certificate of a key store, as {@link #certificate} makes them. */
    static LyingSite withTls(Path keyStore) { return new LyingSite(create("127.0.0.1", keyStore), "https"); }

    static LyingSite overIPv6() { return new LyingSite(create("::1", null), "http"); }

    private static HttpServer create(String address, Path keyStore) {
        try {
            var at = new InetSocketAddress(InetAddress.getByName(address), 0);
            if (keyStore == null) return HttpServer.create(at, 0);
            var server = HttpsServer.create(at, 0);
            server.setHttpsConfigurator(new HttpsConfigurator(tls(keyStore)));
            return server;
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    /** For a server with the certificate of a key store. */
    static SSLContext tls(Path keyStore) {
        try {
            var keys = load(keyStore);
            var managers = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
            managers.init(keys, "secret".toCharArray());
            var context = SSLContext.getInstance("TLS");
            context.init(managers.getKeyManagers(), null, null);
            return context;
        } catch (IOException | GeneralSecurityException e) {
            throw new AssertionError(e);
        }
    }

    /** The key stores that were made, by what keytool was asked: it takes a second for each. */
    private static final Map<List<String>, byte[]> MADE = new ConcurrentHashMap<>();

    /** Makes a key with a self-signed certificate, as keytool's options have it; NAME.pem beside it is the certificate. */
    static Path certificate(Path folder, String name, String... options) {
        var asked = new ArrayList<>(List.of("-dname", "CN=" + name));
        asked.addAll(List.of(options));
        var store = folder.resolve(name + ".p12");
        try {
            Files.write(store, MADE.computeIfAbsent(asked, LyingSite::make));
            var certificate = Base64.getMimeEncoder().encodeToString(load(store).getCertificate("key").getEncoded());
            Files.writeString(folder.resolve(name + ".pem"),
                "-----BEGIN CERTIFICATE-----\n" + certificate + "\n-----END CERTIFICATE-----\n");
            return store;
        } catch (IOException | GeneralSecurityException e) {
            throw new AssertionError(e);
        }
    }

    private static byte[] make(List<String> asked) {
        try {
            var store = Stack.folder().resolve(Stack.next("key"));
            var keytool = Path.of(System.getProperty("java.home"), "bin", "keytool").toString();
            var command = new ArrayList<>(List.of(keytool, "-genkeypair", "-keyalg", "EC", "-keystore", store.toString(),
                "-storetype", "PKCS12", "-storepass", "secret", "-alias", "key"));
            command.addAll(asked);
            run(command);
            return Files.readAllBytes(store);
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    private static KeyStore load(Path keyStore) throws IOException, GeneralSecurityException {
        try (var file = Files.newInputStream(keyStore)) {
            var keys = KeyStore.getInstance("PKCS12");
            keys.load(file, "secret".toCharArray());
            return keys;
        }
    }

    private static void run(List<String> command) {
        try {
            var process = new ProcessBuilder(command).redirectErrorStream(true).start();
            var said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            if (process.waitFor() != 0) throw new AssertionError(command + ": " + said);
        } catch (IOException | InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    int port() { return server.getAddress().getPort(); }

    String url() { return scheme + "://127.0.0.1:" + port() + "/"; }

    LyingSite at(String path, Lie lie) {
        paths.put(path, lie);
        return this;
    }

    private void answer(HttpExchange exchange) throws IOException {
        var path = exchange.getRequestURI().getPath();
        requests.add(path + " " + exchange.getRequestHeaders().entrySet());
        try (exchange) {
            paths.getOrDefault(path, paths.getOrDefault("*", status(404, "not here"))).answer(exchange);
        } catch (IOException e) {
            if (!e.getMessage().matches("(?i).*(broken pipe|connection reset|insufficient bytes|stream is closed|connection was aborted).*")) throw e;
        }
    }

    static Lie text(String type, String text) { return status(200, text, "content-type", type); }

    /** A status with a text and headers, each a name and a value. */
    static Lie status(int status, String text, String... headers) {
        return status(status, text.getBytes(StandardCharsets.UTF_8), headers);
    }

    static Lie status(int status, byte[] bytes, String... headers) {
        return exchange -> {
            for (var i = 0; i < headers.length; i += 2) exchange.getResponseHeaders().add(headers[i], headers[i + 1]);
            exchange.sendResponseHeaders(status, bytes.length == 0 ? -1 : bytes.length);
            exchange.getResponseBody().write(bytes);
        };
    }

    static Lie redirect(String to) { return status(302, "", "location", to); }

    /** Says that twice as much comes as does. */
    static Lie cutOff(String type, String text) {
        return exchange -> {
            exchange.getResponseHeaders().add("content-type", type);
            exchange.sendResponseHeaders(200, text.length() * 2L);
            exchange.getResponseBody().write(text.getBytes(StandardCharsets.UTF_8));
        };
    }

    /** HTML without end, so many bytes at a time, with a pause in between. */
    static Lie endless(int bytes, int pauseMilliseconds) {
        return exchange -> {
            exchange.getResponseHeaders().add("content-type", "text/html");
            exchange.sendResponseHeaders(200, 0);
            var some = "a".repeat(bytes).getBytes(StandardCharsets.UTF_8);
            try {
                while (true) {
                    exchange.getResponseBody().write(some);
                    exchange.getResponseBody().flush();
                    if (pauseMilliseconds > 0) Thread.sleep(pauseMilliseconds);
                }
            } catch (InterruptedException e) {
                // the test is over
            }
        };
    }

    /** So many zeros, in next to no bytes. */
    static Lie gzipOf(int zeros) {
        var packed = new ByteArrayOutputStream();
        try (var gzip = new GZIPOutputStream(packed)) {
            var some = new byte[1 << 20];
            for (var left = zeros; left > 0; left -= some.length) gzip.write(some);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return exchange -> {
            exchange.getResponseHeaders().add("content-type", "text/html");
            exchange.getResponseHeaders().add("content-encoding", "gzip");
            exchange.sendResponseHeaders(200, packed.size());
            packed.writeTo(exchange.getResponseBody());
        };
    }

    @Override public void close() { server.stop(0); }
}
