package release;

import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/**
 * A release on a free loopback port of this machine, for a look before anybody else sees it, where its provider has no such
 * place: the files themselves, and the first page for every path without a dot, as hosts of such applications do.
 */
public final class Preview implements AutoCloseable {
    private static final Map<String, String> TYPES = Map.ofEntries(Map.entry("html", "text/html; charset=utf-8"), Map.entry("js", "text/javascript"), Map.entry("mjs", "text/javascript"), Map.entry("css", "text/css"),
        Map.entry("json", "application/json"), Map.entry("svg", "image/svg+xml"), Map.entry("png", "image/png"), Map.entry("jpg", "image/jpeg"), Map.entry("webp", "image/webp"), Map.entry("ico", "image/x-icon"), Map.entry("woff2", "font/woff2"), Map.entry("wasm", "application/wasm"));

    private final Path pages;
    private final String below;
    private final HttpServer server;
    private final ExecutorService threads = Executors.newCachedThreadPool(body -> {
        var thread = new Thread(body, "preview");
        thread.setDaemon(true);
        return thread;
    });

    public Preview(Path pages) throws IOException { this(pages, "/"); }

    /**
     * The same for pages that their web server serves below a path of its host, and that name each other so.
     *
     * @param below the path, as /shop/
     */
    public Preview(Path pages, String below) throws IOException {
        this.pages = pages;
        this.below = below.replaceFirst("/*$", "/");
        server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.setExecutor(threads);
        server.createContext("/", exchange -> {
            try (exchange) {
                var file = file(exchange.getRequestURI().getPath());
                if (file != null) exchange.getResponseHeaders().set("Content-Type", TYPES.getOrDefault(file.toString().replaceFirst(".*\\.", ""), "application/octet-stream"));
                var bytes = file == null ? 0 : Files.size(file);
                exchange.sendResponseHeaders(file == null ? 404 : 200, bytes == 0 ? -1 : bytes);
                if (bytes > 0) Files.copy(file, exchange.getResponseBody());
            }
        });
        server.start();
    }

    /** Where the pages begin. */
    public String url() { return "http://127.0.0.1:" + server.getAddress().getPort() + below; }

    private Path file(String path) {
        var file = exact(path);
        if (file == null && path.startsWith(below)) file = exact(path.substring(below.length() - 1));
        if (file != null) return file;
        var index = pages.resolve("index.html");
        return path.substring(path.lastIndexOf('/')).contains(".") || !Files.isRegularFile(index) ? null : index;
    }

    /** Null when there is none. */
    private Path exact(String path) {
        var file = pages.resolve(path.substring(1)).normalize();
        if (!file.startsWith(pages)) return null;
        if (Files.isRegularFile(file)) return file;
        for (var other : new Path[] {file.resolve("index.html"), file.resolveSibling(file.getFileName() + ".html")}) if (Files.isRegularFile(other)) return other;
        return null;
    }

    @Override public void close() {
        server.stop(0);
        threads.shutdownNow();
    }
}
