//SOURCES Answer.java
//SOURCES ImitatedSupabase.java
//SOURCES SampleDatabase.java
//SOURCES SiteBuild.java
//SOURCES SiteFolder.java
package local;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.sql.SQLException;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import ops.Secret;

/**
 * The trailer dealer's site on a free loopback port: its built pages, what they read from the sample database, and, at
 * the same address, an imitation of Supabase.
 */
public final class SampleSite implements AutoCloseable {
    private static final int THREADS = 8;
    private static final Map<String, String> TYPES = Map.of("html", "text/html; charset=utf-8", "js", "text/javascript; charset=utf-8", "css", "text/css; charset=utf-8", "svg", "image/svg+xml", "json", "application/json");
    private static final String TRAILERS = """
        select coalesce(json_agg(_row), '[]') from (
            select t.id, m.name as model, m.length_feet, t.colour, t.state, t.price, b.city
            from trailers t join trailer_models m on m.id = t.model_id join branches b on b.id = t.branch_id
            where t.state in ('en stock', 'en commande') order by t.id limit 12) _row""";

    private final ExecutorService threads = Executors.newFixedThreadPool(THREADS, body -> {
        var thread = new Thread(body, "site");
        thread.setDaemon(true);
        return thread;
    });
    private final SiteFolder folder;
    private final SampleDatabase database;
    private final ImitatedSupabase supabase;
    private final HttpServer server;

    private SampleSite(SiteFolder folder, SampleDatabase database, Secret anonKey) throws IOException {
        this.folder = folder;
        this.database = database;
        supabase = new ImitatedSupabase(database, anonKey);
        server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.setExecutor(threads);
        server.createContext("/", this::handle);
    }

    public static SampleSite start(SiteFolder folder, SampleDatabase database, Secret anonKey) throws IOException {
        var site = new SampleSite(folder, database, anonKey);
        site.server.start();
        return site;
    }

    public String url() { return "http://127.0.0.1:" + server.getAddress().getPort(); }

    @Override public void close() {
        server.stop(0);
        threads.shutdownNow();
    }

    private void handle(HttpExchange exchange) throws IOException {
        try (exchange) {
            var method = exchange.getRequestMethod();
            var answer = method.equals("GET") || method.equals("HEAD") ? answer(exchange) : Answer.text(405, "GET and HEAD only");
            var headers = exchange.getResponseHeaders();
            headers.set("Content-Type", answer.type());
            headers.set("Cache-Control", answer.caching());
            headers.set("X-Content-Type-Options", "nosniff");
            headers.set("X-Frame-Options", "DENY");
            headers.set("Referrer-Policy", "strict-origin-when-cross-origin");
            headers.set("Content-Length", String.valueOf(answer.body().length));
            exchange.sendResponseHeaders(answer.status(), method.equals("HEAD") ? -1 : answer.body().length);
            if (!method.equals("HEAD")) exchange.getResponseBody().write(answer.body());
        }
    }

    private Answer answer(HttpExchange exchange) {
        var path = exchange.getRequestURI().getPath();
        if (path.startsWith("/auth/") || path.startsWith("/rest/")) return supabase.answer(path, exchange.getRequestURI().getRawQuery(), exchange.getRequestHeaders().getFirst("apikey"));
        return switch (path) {
            case "/health" -> health();
            case "/api/trailers" -> trailers();
            default -> file(path);
        };
    }

    private Answer health() {
        try {
            ask("select count(*) from branches");
            return Answer.object(200, "status", "ok", "database", "ok");
        } catch (SQLException e) {
            return Answer.object(503, "status", "down", "database", "down");
        }
    }

    private Answer trailers() {
        try {
            return Answer.json(200, ask(TRAILERS));
        } catch (SQLException e) {
            return Answer.object(503, "message", "the database does not answer");
        }
    }

    private String ask(String sql) throws SQLException {
        try (var session = database.session(); var statement = session.createStatement(); var answer = statement.executeQuery(sql)) {
            answer.next();
            return answer.getString(1);
        }
    }

    /** A path without a dot is a page, which the script in index.html makes. */
    private Answer file(String path) {
        var isPage = !path.startsWith("/api/") && !path.substring(path.lastIndexOf('/')).contains(".");
        var name = isPage ? "/index.html" : path;
        var body = folder.read(name);
        if (body.isEmpty()) return Answer.text(404, "there is no " + path);
        var type = TYPES.getOrDefault(name.substring(name.lastIndexOf('.') + 1), "application/octet-stream");
        return new Answer(200, type, name.startsWith("/assets/") ? "public, max-age=31536000, immutable" : "no-cache", body.get());
    }
}
