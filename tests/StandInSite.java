import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.Map;
import java.util.concurrent.Executors;
import java.util.function.Consumer;
import java.util.function.Supplier;

/** The files of a deployment, or of whatever is live, on a port of their own; a site that has none answers 404. */
final class StandInSite implements AutoCloseable {
    private static final Map<String, String> TYPES = Map.of("html", "text/html; charset=utf-8", "js", "text/javascript", "mjs", "text/javascript", "css", "text/css", "svg", "image/svg+xml",
        "json", "application/json", "txt", "text/plain", "png", "image/png", "woff2", "font/woff2", "xml", "application/xml");

    private final HttpServer server;
    private final Supplier<Map<String, byte[]>> files;
    private final Consumer<HttpExchange> witness;

    StandInSite(Supplier<Map<String, byte[]>> files, Consumer<HttpExchange> witness) {
        this.files = files;
        this.witness = witness;
        try {
            server = HttpServer.create(new InetSocketAddress(InetAddress.getByName("127.0.0.1"), 0), 0);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        server.setExecutor(Executors.newCachedThreadPool(body -> { var thread = new Thread(body, "stand-in site"); thread.setDaemon(true); return thread; }));
        server.createContext("/", this::answer);
        server.start();
    }

    /** 127.0.0.1:PORT. */
    String host() { return "127.0.0.1:" + server.getAddress().getPort(); }

    String url() { return "http://" + host(); }

    private void answer(HttpExchange exchange) throws IOException {
        witness.accept(exchange);
        try (exchange) {
            var there = files.get();
            var name = there == null ? null : find(there, exchange.getRequestURI().getPath());
            var content = name == null ? "not found".getBytes() : there.get(name);
            exchange.getResponseHeaders().set("content-type", name == null ? "text/plain" : TYPES.getOrDefault(name.replaceFirst(".*\\.", ""), "application/octet-stream"));
            exchange.getResponseHeaders().set("cache-control", "public, max-age=0, must-revalidate");
            var bodiless = exchange.getRequestMethod().equals("HEAD") || content.length == 0;
            exchange.sendResponseHeaders(name == null ? 404 : 200, bodiless ? -1 : content.length);
            if (!bodiless) exchange.getResponseBody().write(content);
        }
    }

    /** As the three do it: the file, the page of that name, the folder's index; and the application's one page where no file can be meant. */
    private static String find(Map<String, byte[]> there, String path) {
        for (var name : new String[] {path, path + ".html", path.replaceFirst("/$", "") + "/index.html"})
            if (there.containsKey(name)) return name;
        return !path.replaceFirst(".*/", "").contains(".") && there.containsKey("/index.html") ? "/index.html" : null;
    }

    @Override public void close() { server.stop(0); }
}
