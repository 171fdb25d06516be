import com.google.gson.JsonObject;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.Base64;
import java.util.List;
import java.util.Map;

/** What Cloudflare's parts of {@link DeployStandIn} have in common: one account, the form of an answer, the tokens of uploads. */
final class CloudflareStandIn {
    static final String PREFIX = "/client/v4";
    static final String ACCOUNT = "0123456789abcdef0123456789abcdef";

    private final DeployStandIn.Routes routes = new DeployStandIn.Routes();

    CloudflareStandIn(PagesStandIn pages, WorkersStandIn workers) {
        routes.on("GET /user/tokens/verify", (request, path) -> ok(DeployStandIn.object("id", "token", "status", "active")));
        routes.on("GET /user", (request, path) -> ok(DeployStandIn.object("id", "user", "email", "ops@example.test")));
        routes.on("GET /memberships", (request, path) -> ok(List.of(DeployStandIn.object("id", "membership", "account", DeployStandIn.object("id", ACCOUNT, "name", "Acme")))));
        routes.on("GET /accounts", (request, path) -> ok(List.of(DeployStandIn.object("id", ACCOUNT, "name", "Acme"))));
        pages.routes(routes, "/accounts/" + ACCOUNT + "/pages/projects");
        workers.routes(routes, "/accounts/" + ACCOUNT + "/workers");
    }

    DeployStandIn.Answer answer(DeployStandIn.Request request) {
        var line = request.method() + " " + request.path().substring(PREFIX.length());
        if (line.contains("/accounts/") && !line.contains("/accounts/" + ACCOUNT)) return no(403, 10000, "Authentication error");
        var answer = routes.answer(request, line);
        return answer == null ? no(404, 7003, "the stand-in knows no " + line) : answer;
    }

    static DeployStandIn.Answer ok(Object result) { return new DeployStandIn.Answer(200, envelope(result, List.of())); }

    static DeployStandIn.Answer no(int status, int code, String message) { return new DeployStandIn.Answer(status, envelope(null, List.of(DeployStandIn.object("code", code, "message", message)))); }

    /** One page of a list. */
    static DeployStandIn.Answer page(DeployStandIn.Request request, List<?> all, int defaultSize) {
        var number = Integer.parseInt(request.query("page", "1"));
        var size = Integer.parseInt(request.query("per_page", String.valueOf(defaultSize)));
        var page = DeployStandIn.page(all, (number - 1) * size, size);
        var body = envelope(page, List.of());
        body.put("result_info", DeployStandIn.object("page", number, "per_page", size, "count", page.size(), "total_count", all.size(), "total_pages", (all.size() + size - 1) / size));
        return new DeployStandIn.Answer(200, body);
    }

    private static Map<String, Object> envelope(Object result, List<?> errors) { return DeployStandIn.object("success", errors.isEmpty(), "errors", errors, "messages", List.of(), "result", result); }

    static String time(long milliseconds) { return Instant.ofEpochMilli(milliseconds).toString(); }

    /** A token of the form that wrangler looks into for its end. */
    static String token(Map<String, Object> claims) {
        claims.put("exp", System.currentTimeMillis() / 1000 + 3600);
        return part("{\"alg\":\"none\"}") + "." + part(DeployStandIn.JSON.toJson(claims)) + "." + part("x");
    }

    /** What {@link #token} was given. */
    static JsonObject claims(String token) { return DeployStandIn.JSON.fromJson(new String(Base64.getUrlDecoder().decode(token.split("\\.")[1]), StandardCharsets.UTF_8), JsonObject.class); }

    private static String part(String text) { return Base64.getUrlEncoder().withoutPadding().encodeToString(text.getBytes(StandardCharsets.UTF_8)); }
}
