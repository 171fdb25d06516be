package release;

import com.google.gson.Gson;
import com.google.gson.JsonElement;
import com.google.gson.JsonNull;
import com.google.gson.JsonObject;
import java.io.IOException;
import java.net.ConnectException;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpConnectTimeoutException;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import ops.Amount;
import ops.Failure;
import ops.Ops;
import ops.Run;
import ops.Secret;
import ops.Setting;
import ops.Settings;

/**
 * A provider's REST API. Every request may be sent twice: what is asked for here is the same whether it is done once or
 * twice, so a provider that is busy, broken for a moment, or whose answer was lost is asked again.
 */
final class Api {
    /** Makes something of a request before it is sent. */
    interface Body { HttpRequest.Builder of(HttpRequest.Builder request); }

    /** Nobody knows whether the provider has received a request, or what it made of it. */
    static final class Lost extends IOException {
        Lost(String message) { super(message); }
    }

    private static final int ATTEMPTS = 5, ATTEMPTS_OF_ORDERS = 3;
    private static final Duration TRY = Duration.ofSeconds(30), ALL = Duration.ofSeconds(90), FIRST_PAUSE = Duration.ofMillis(500);
    private static final int LONGEST_QUOTE = 300;

    private final Run run;
    private final String provider;
    private final Settings settings;
    private final Setting tokenSetting;
    private final Setting projectSetting;
    private final URI base;
    private final Secret token;
    private volatile boolean ordered;
    private final HttpClient client = HttpClient.newBuilder().connectTimeout(Duration.ofSeconds(10)).followRedirects(HttpClient.Redirect.NEVER).version(HttpClient.Version.HTTP_1_1).build();

    /**
     * @param provider its name, as a sentence begins with it
     * @param project what a request is refused for when the provider does not know it
     */
    Api(Run run, Settings settings, String provider, Setting address, Setting token, Setting project) {
        this.run = run;
        this.provider = provider;
        this.settings = settings;
        tokenSetting = token;
        projectSetting = project;
        base = base(settings, address);
        this.token = token(settings, token);
    }

    /** The same API with another token: one that the provider has given for an upload. */
    private Api(Api api, Secret token) {
        run = api.run;
        provider = api.provider;
        settings = api.settings;
        tokenSetting = api.tokenSetting;
        projectSetting = api.projectSetting;
        base = api.base;
        this.token = token;
    }

    Api with(Secret other) { return new Api(this, other); }

    private static URI base(Settings settings, Setting address) {
        try {
            var uri = URI.create(settings.require(address).replaceFirst("/+$", ""));
            if (uri.getHost() != null && ("https".equals(uri.getScheme()) || "http".equals(uri.getScheme()) && isLoopback(uri.getHost()))) return uri;
        } catch (IllegalArgumentException e) {
            // said below
        }
        throw new Failure.BadSetting(address + " is no https:// address", settings.where(address)
            + "; leave it out, and the provider's own counts");
    }

    /** HttpClient would quote one that it can't send. */
    private static Secret token(Settings settings, Setting setting) {
        var token = settings.require(setting);
        if (!token.matches("[\\x21-\\x7e]+"))
            throw new Failure.BadSetting(setting
                + " holds what no token can hold: a space, a line break or a letter with an accent",
            settings.where(setting) + "; copy it again, or make a new one in the provider's dashboard");
        return new Secret(token);
    }

    static boolean isLoopback(String host) { return host.matches("127\\.[0-9.]+|localhost|\\[::1]"); }

    /** The address of what the provider has named by its host. */
    static String address(String host) {
        if (host.contains("://")) return host;
        return (isLoopback(host.replaceFirst("/.*", "").replaceFirst(":[0-9]+$", "")) ? "http://" : "https://") + host;
    }

    URI base() { return base; }

    Secret token() { return token; }

    /** A name as a part of a path. */
    static String part(String name) { return URLEncoder.encode(name, StandardCharsets.UTF_8).replace("+", "%20"); }

    /** What is there; throws BadSetting, naming the project, when it is not. */
    JsonObject get(String path) throws IOException, InterruptedException {
        return find(path).orElseThrow(() ->
            new Failure.BadSetting(provider + " knows no such project: "
            + settings.get(projectSetting).orElse("none is named"),
            settings.where(projectSetting) + "; the provider's dashboard shows it"));
    }

    /** The same; empty when it is not there. */
    Optional<JsonObject> find(String path) throws IOException, InterruptedException {
        var answer = said("GET", path, HttpRequest.Builder::GET);
        if (answer.status() == 404 && !answer.isUnroutable()) return Optional.empty();
        return Optional.of(accepted(answer, "GET", path));
    }

    /** The same at one try; empty as well when the provider can't be asked just now: after an order nobody may conclude from that. */
    Optional<JsonObject> glance(String path) throws IOException, InterruptedException {
        try {
            var answer = tried("GET", path, HttpRequest.Builder::GET, 1);
            return answer.status() == 404 || answer.isPassing() ? Optional.empty() : Optional.of(accepted(answer, "GET", path));
        } catch (Lost e) {
            run.console.detail(e.getMessage());
            return Optional.empty();
        }
    }

    /** Has something made, and gives what the provider says of it; throws Failed when it can't be had. */
    JsonObject post(String path, Object body) throws IOException, InterruptedException { return send(path, json(body)); }

    /** The same, with another body than JSON. */
    JsonObject send(String path, Body body) throws IOException, InterruptedException { return accepted(said("POST", path, body), "POST", path); }

    /**
     * Tells the provider to do what {@link #get} shows once it is done.
     *
     * @return false when it can't be told whether the provider does it: only looking helps then
     */
    boolean order(String path, Object body) throws IOException, InterruptedException {
        try {
            var answer = tried("POST", path, json(body), ATTEMPTS_OF_ORDERS); // looking tells more than asking on
            // 409: it is at it already, or at something else. 429: it has not even begun.
            var unclear = answer.isPassing() && answer.status() != 429 || answer.status() == 409;
            if (!unclear) accepted(answer, "POST", path);
            ordering();
            return !unclear;
        } catch (Lost e) {
            run.console.detail(e.getMessage());
            ordering();
            return false;
        }
    }

    /** From now on something may become live, whatever is answered. */
    void ordering() { ordered = true; }

    /** Whether something may become live; what was refused does not. */
    boolean hasOrdered() { return ordered; }

    private static Body json(Object body) { return request -> request.header("content-type", "application/json").method("POST", HttpRequest.BodyPublishers.ofString(new Gson().toJson(body))); }

    private ApiAnswer said(String method, String path, Body body) throws IOException, InterruptedException {
        try {
            return tried(method, path, body, ATTEMPTS);
        } catch (Lost e) {
            throw new Failure.Failed(e.getMessage(), "look at its status page, and run it again later");
        }
    }

    /** Sends it until there is an answer that says something, or its time or its attempts are over. */
    private ApiAnswer tried(String method, String path, Body body, int attempts) throws Lost, InterruptedException {
        var end = System.nanoTime() + ALL.toNanos();
        var pause = FIRST_PAUSE;
        var doubtful = false; // whether one that was lost, or broke, may have been carried out
        for (var attempt = 1; ; attempt++) {
            ApiAnswer answer = null;
            String why;
            try {
                answer = once(method, path, body);
                if (!answer.isPassing()) return answer;
                why = "answers HTTP " + answer.status() + answer.quote();
            } catch (IOException e) {
                why = words(e);
            }
            var wait = Optional.ofNullable(answer).flatMap(ApiAnswer::asksToWait).orElse(pause);
            var later = answer != null && answer.status() == 429;
            doubtful = doubtful || !later;
            if (attempt == attempts || System.nanoTime() + wait.toNanos() > end) {
                if (answer != null && (answer.body() != null || later) && !(later && doubtful)) return answer;
                throw new Lost(provider + " " + why + (attempt == 1 ? "" : ", " + attempt + " times") + ", for " + method + " " + path(path));
            }
            run.console.say(provider + " " + why + ": asking again in " + Amount.time(wait) + " (" + (attempt + 1) + " of " + attempts + ")");
            Thread.sleep(wait.toMillis());
            pause = pause.multipliedBy(2);
        }
    }

    private ApiAnswer once(String method, String path, Body body) throws IOException, InterruptedException {
        var request = body.of(HttpRequest.newBuilder(URI.create(base + path))).header("authorization", "Bearer " + token.reveal()).header("accept", "application/json").header("user-agent", "handover/" + Ops.VERSION).build();
        var sent = client.sendAsync(request, HttpResponse.BodyHandlers.ofString());
        try {
            var response = sent.get(TRY.toMillis(), TimeUnit.MILLISECONDS);
            run.console.detail(provider + ": " + method + " " + path(path) + " → " + response.statusCode());
            return new ApiAnswer(response.statusCode(), ApiAnswer.parse(response.body()), response.body(), response.headers().firstValue("retry-after"));
        } catch (TimeoutException e) {
            throw new IOException("has not answered in " + Amount.time(TRY));
        } catch (ExecutionException e) {
            if (e.getCause() instanceof IOException io) throw io;
            throw new IllegalStateException(e.getCause().getClass().getName()); // its message may quote what was sent
        } finally {
            sent.cancel(true);
        }
    }

    private static String words(IOException e) {
        if (e instanceof HttpConnectTimeoutException || e instanceof ConnectException) return "takes no connection" + (e.getMessage() == null ? "" : " (" + plain(e.getMessage()) + ")");
        return e.getMessage() != null && e.getMessage().startsWith("has not answered") ? e.getMessage() : "broke off" + (e.getMessage() == null ? "" : " (" + plain(e.getMessage()) + ")");
    }

    /** The answer's object; Cloudflare's is in an envelope. Throws the failure that an answer which is none stands for. */
    private JsonObject accepted(ApiAnswer answer, String method, String path) {
        if (answer.status() / 100 == 2 && answer.body() instanceof JsonObject object && !text(object, "success").equals(Optional.of("false"))) return object;
        var quote = answer.quote();
        if (answer.status() == 401 || answer.status() == 403 || answer.code().matches("6003|6111"))
            throw new Failure.BadSetting(provider + " does not let the token in " + tokenSetting + " do that" + quote,
            settings.where(tokenSetting) + "; make one in the provider's dashboard that may: README.md, Security and permissions");
        if (answer.isUnroutable()) throw new Failure.BadSetting(provider + " knows no such account or project" + quote,
            settings.where(Setting.CLOUDFLARE_ACCOUNT_ID)
                + "; the dashboard shows both, the account's id behind dash.cloudflare.com/");
        if (answer.status() == 402) throw new Failure.Failed(provider + " does not do that on this plan" + quote, "change the plan, or do without");
        if (answer.status() == 429) {
            var time = answer.asksToWait().map(Amount::time);
            throw new Failure.Failed(provider + " takes no more requests for now (HTTP 429)"
                + time.map(" and asks to wait "::concat).orElse("") + quote, "run it again in " + time.orElse("some minutes"));
        }
        if (answer.status() >= 500) throw new Failure.Failed(provider + " is broken: HTTP " + answer.status() + quote, "look at its status page, and run it again later");
        throw new Failure.Failed(provider + " refuses " + method + " " + path(path) + ": HTTP " + answer.status() + quote, "mend what it says, and run it again");
    }

    /** Another's words, on one line and short. */
    static String plain(String words) {
        var line = words.replaceAll("\033\\[[0-9;]*[A-Za-z]", "").replaceAll("[\\p{Cntrl}\\s]+", " ").strip();
        return Secret.mask(line.length() <= LONGEST_QUOTE ? line : line.substring(0, LONGEST_QUOTE) + "…");
    }

    /** Without what is asked for in detail, which is long. */
    private static String path(String path) { return path.replaceFirst("\\?.*", ""); }

    /** A value deep inside; empty when it, or anything on the way to it, is missing. */
    static Optional<String> text(JsonElement in, String... way) {
        for (var name : way) in = in instanceof JsonObject object && object.has(name) ? object.get(name) : JsonNull.INSTANCE;
        return in != null && in.isJsonPrimitive() && !in.getAsString().isBlank() ? Optional.of(in.getAsString()) : Optional.empty();
    }
}
