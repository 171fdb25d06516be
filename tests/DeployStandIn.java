import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import com.sun.net.httpserver.Headers;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Stands in for the APIs of Vercel, Cloudflare Pages and Cloudflare Workers (with static assets), on this machine, for one test.
 *
 * <p>It is an imitation, made from what the command lines send and expect and from the public documentation, not recorded
 * from the services. What it can't show: how long domains and caches take to follow a promotion, Deployment Protection,
 * limits of plans (but for the one below), what a token may and may not, builds at the provider, and the fields of answers
 * that nothing here reads.
 *
 * <p>Every deployment has a port of its own, and so has what is live. Vercel: {@code --api URL}. Cloudflare:
 * {@code CLOUDFLARE_API_BASE_URL=URL/client/v4}.
 */
final class DeployStandIn implements AutoCloseable {
    static final Gson JSON = new GsonBuilder().serializeNulls().disableHtmlEscaping().create();
    static final int ALWAYS = Integer.MAX_VALUE;

    /** One request, with the value of its Authorization header, null when there was none. {@code host} is that of the Host header. */
    record Request(String method, String host, String path, Map<String, String> query, JsonElement body, String authorization, Headers headers, byte[] content) {
        String line() { return method + " " + path; }

        JsonObject json() { return body.getAsJsonObject(); }

        String query(String name, String otherwise) { return query.getOrDefault(name, otherwise); }

        /** The parts of a multipart form, by their names. */
        Map<String, byte[]> form() {
            var parts = new LinkedHashMap<String, byte[]>();
            var text = new String(content, StandardCharsets.ISO_8859_1);
            var boundary = "--" + headers.getFirst("content-type").replaceFirst(".*boundary=\"?([^\";]+).*", "$1");
            for (var part : text.split(Pattern.quote(boundary))) {
                var split = part.indexOf("\r\n\r\n");
                var name = Pattern.compile("[; ]name=\"([^\"]*)\"").matcher(split < 0 ? "" : part.substring(0, split));
                if (name.find()) parts.put(name.group(1), part.substring(split + 4, part.length() - 2).getBytes(StandardCharsets.ISO_8859_1));
            }
            return parts;
        }

        @Override public String toString() { return line() + " " + query + (body == null ? "" : " " + body); }
    }

    record Answer(int status, Object body) { }

    interface Route { Answer answer(Request request, Matcher path); }

    /** What answers which requests; each pattern is that of a whole "METHOD path". */
    static final class Routes {
        private final Map<Pattern, Route> routes = new LinkedHashMap<>();

        void on(String regex, Route route) { routes.put(Pattern.compile(regex), route); }

        /** Null when there is none for it. */
        Answer answer(Request request, String line) {
            for (var route : routes.entrySet()) {
                var path = route.getKey().matcher(line);
                if (path.matches()) return route.getValue().answer(request, path);
            }
            return null;
        }
    }

    private interface Fault { void happen(HttpExchange exchange, Request request) throws IOException; }

    private static final class Rule {
        final Pattern pattern;
        final Fault fault;
        int left;

        Rule(String regex, int times, Fault fault) {
            pattern = Pattern.compile(regex);
            left = times;
            this.fault = fault;
        }
    }

    private final HttpServer server;
    private final List<StandInSite> sites = new CopyOnWriteArrayList<>();
    private final List<Request> requests = new CopyOnWriteArrayList<>();
    private final List<Request> visits = new CopyOnWriteArrayList<>();
    private final List<Rule> rules = new CopyOnWriteArrayList<>();
    private final CountDownLatch closed = new CountDownLatch(1);
    final VercelStandIn vercel = new VercelStandIn(this);
    final PagesStandIn pages = new PagesStandIn(this);
    final WorkersStandIn workers = new WorkersStandIn(this);
    private final CloudflareStandIn cloudflare = new CloudflareStandIn(pages, workers);
    private int refusal;
    private long clock;

    private DeployStandIn() throws IOException {
        server = HttpServer.create(new InetSocketAddress(InetAddress.getByName("127.0.0.1"), 0), 0);
        server.setExecutor(Executors.newCachedThreadPool(body -> { var thread = new Thread(body, "stand-in"); thread.setDaemon(true); return thread; }));
        server.createContext("/", this::serve);
        server.start();
    }

    static DeployStandIn start() {
        try {
            return new DeployStandIn();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    int port() { return server.getAddress().getPort(); }

    String url() { return "http://127.0.0.1:" + port(); }

    String cloudflareUrl() { return url() + CloudflareStandIn.PREFIX; }

    /** Addresses of what is live, as http://127.0.0.1:PORT. */
    String vercelSite() { return vercel.site.url(); }

    String pagesSite() { return pages.site().url(); }

    String workerSite(String name) { return workers.site(name).url(); }

    /** All requests to the APIs so far. */
    List<Request> requests() { return List.copyOf(requests); }

    /** Those whose METHOD and path match. */
    List<Request> requests(String regex) { return requests.stream().filter(request -> Pattern.compile(regex).matcher(request.line()).find()).toList(); }

    /** All requests to the deployments and to what is live: none of them has to do with a token. */
    List<Request> visits() { return List.copyOf(visits); }

    /** Waits until such a request has come in. */
    void awaitRequest(String regex) {
        Patience.until(() -> !requests(regex).isEmpty(), () -> "no request " + regex + " among " + requests);
    }

    // --- faults; each regex is looked for in "METHOD path"

    /** So many such requests fail and are not carried out; headers are names and values. */
    DeployStandIn failNext(String regex, int status, int times, String... headers) {
        return rule(regex, times, (exchange, request) -> {
            for (var i = 0; i < headers.length; i += 2) exchange.getResponseHeaders().set(headers[i], headers[i + 1]);
            send(exchange, new Answer(status, object("error", object("code", status == 429 ? "rate_limited" : "internal_error", "message", "as the test wants it"),
                "success", false, "errors", List.of(object("code", 10000 + status, "message", "as the test wants it")), "messages", List.of(), "result", null)));
        });
    }

    /** The next such request is never answered, nor carried out. */
    DeployStandIn hangNext(String regex) { return rule(regex, 1, (exchange, request) -> await(closed)); }

    /** So many such requests are carried out, and the connection is closed instead of an answer. */
    DeployStandIn loseAnswerNext(String regex, int times) { return rule(regex, times, (exchange, request) -> answer(request)); }

    /** The first, second, … such request from now on is carried out when the latch opens. */
    DeployStandIn hold(int which, String regex, CountDownLatch until) {
        var left = new AtomicInteger(which);
        return rule(regex, which, (exchange, request) -> {
            if (left.decrementAndGet() == 0) await(until);
            send(exchange, answer(request));
        });
    }

    /** The next such request is carried out and answered; after it no question is. */
    DeployStandIn silentAfter(String regex) {
        return rule(regex, 1, (exchange, request) -> {
            var answer = answer(request);
            failNext("GET", 503, ALWAYS);
            send(exchange, answer);
        });
    }

    /** No token is good any more: 401 or 403, 0 for all are good. */
    DeployStandIn refuseTokens(int status) {
        refusal = status;
        return this;
    }

    /** From now on nothing fails. */
    void heal() {
        rules.clear();
        refusal = 0;
    }

    private DeployStandIn rule(String regex, int times, Fault fault) {
        rules.add(new Rule(regex, times, fault));
        return this;
    }

    // --- how requests are answered

    private void serve(HttpExchange exchange) throws IOException {
        try (exchange) {
            var request = read(exchange);
            var rule = takes(request);
            requests.add(request); // whoever waits for it finds its rule taken
            if (rule != null) rule.fault.happen(exchange, request);
            else send(exchange, answer(request));
        } catch (IOException e) {
            // the client went away, as some tests want it to
        }
    }

    private synchronized Rule takes(Request request) {
        for (var rule : rules)
            if (rule.left > 0 && rule.pattern.matcher(request.line()).find()) {
                rule.left--;
                return rule;
            }
        return null;
    }

    private synchronized Answer answer(Request request) {
        try {
            var theirs = request.path.startsWith(CloudflareStandIn.PREFIX);
            if (request.authorization == null) return theirs ? CloudflareStandIn.no(400, 9106, "Missing X-Auth-Key, X-Auth-Email or Authorization headers") : VercelStandIn.no(403, "forbidden", "Not authorized", "invalidToken", true);
            if (refusal != 0) return theirs ? CloudflareStandIn.no(refusal, 10000, "Authentication error") : VercelStandIn.no(refusal, "forbidden", "Not authorized", "invalidToken", true);
            return theirs ? cloudflare.answer(request) : vercel.answer(request);
        } catch (RuntimeException e) {
            e.printStackTrace();
            return new Answer(500, object("error", object("code", "stand_in", "message", "the stand-in failed: " + e), "success", false, "errors", List.of(object("code", 1, "message", "the stand-in failed: " + e))));
        }
    }

    private static Request read(HttpExchange exchange) throws IOException {
        var content = exchange.getRequestBody().readAllBytes();
        var headers = exchange.getRequestHeaders();
        var query = new TreeMap<String, String>();
        var raw = exchange.getRequestURI().getRawQuery();
        for (var pair : raw == null ? new String[0] : raw.split("&")) {
            var both = pair.split("=", 2);
            query.put(URLDecoder.decode(both[0], StandardCharsets.UTF_8), both.length == 1 ? "" : URLDecoder.decode(both[1], StandardCharsets.UTF_8));
        }
        return new Request(exchange.getRequestMethod(), headers.getFirst("host"), exchange.getRequestURI().getPath(), query, json(content), headers.getFirst("authorization"), headers, content);
    }

    private static JsonElement json(byte[] content) {
        var text = new String(content, StandardCharsets.UTF_8).strip();
        try {
            return text.startsWith("{") || text.startsWith("[") ? JsonParser.parseString(text) : null;
        } catch (JsonParseException e) {
            return null;
        }
    }

    private static void send(HttpExchange exchange, Answer answer) throws IOException {
        var bytes = JSON.toJson(answer.body).getBytes(StandardCharsets.UTF_8);
        exchange.getResponseHeaders().set("content-type", "application/json; charset=utf-8");
        exchange.sendResponseHeaders(answer.status, bytes.length);
        exchange.getResponseBody().write(bytes);
    }

    // --- what the three have in common

    /** Milliseconds now, never the same twice: lists are ordered by it. */
    synchronized long now() { return clock = Math.max(clock + 1, System.currentTimeMillis()); }

    /** A port that serves these files, as long as the stand-in runs. */
    StandInSite site(Supplier<Map<String, byte[]>> files) {
        var site = new StandInSite(() -> { synchronized (this) { return files.get(); } }, exchange -> {
            var headers = exchange.getRequestHeaders();
            visits.add(new Request(exchange.getRequestMethod(), headers.getFirst("host"), exchange.getRequestURI().getPath(), Map.of(), null, headers.getFirst("authorization"), headers, new byte[0]));
        });
        sites.add(site);
        return site;
    }

    /** Names and values, in this order; values may be null. */
    static Map<String, Object> object(Object... namesAndValues) {
        var object = new LinkedHashMap<String, Object>();
        for (var i = 0; i < namesAndValues.length; i += 2) object.put((String) namesAndValues[i], namesAndValues[i + 1]);
        return object;
    }

    static Map<String, byte[]> files(Map<String, String> texts) {
        var files = new TreeMap<String, byte[]>();
        texts.forEach((name, text) -> files.put("/" + name, text.getBytes(StandardCharsets.UTF_8)));
        return files;
    }

    /** The part of a list that a page is. */
    static <T> List<T> page(List<T> all, int from, int size) { return new ArrayList<>(all.subList(Math.min(from, all.size()), Math.min(from + size, all.size()))); }

    private static void await(CountDownLatch latch) {
        try {
            latch.await();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    @Override public void close() {
        closed.countDown();
        server.stop(0);
        sites.forEach(StandInSite::close);
    }
}
