package browser;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import java.net.URI;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.StreamSupport;
import ops.Failure;
import ops.Json;

/** One visit to one page: what it answered, asked for and complained of, and what can be seen of it. */
public final class Visit {
    /** An uncaught error or rejection, and the file it comes from. */
    public record Problem(String message, String source) {
        @Override public String toString() { return message + " (" + source + ")"; }
    }

    /** A request that failed. It counts when it went to the page's own site, but for a refusal to one who is not logged in: many applications ask first. */
    public record Failed(String url, String why, boolean counts) {
        @Override public String toString() { return url + ": " + why; }
    }

    /** What there is of the root element; busy when a script never let us look. */
    public enum Root { BUSY, MISSING, EMPTY, RENDERED }

    private static final class Request {
        final String url, type;
        String failure;
        int status;
        boolean ended;

        Request(String url, String type) {
            this.url = url;
            this.type = type;
        }
    }

    /** What a page waits for before it is loaded. */
    private static final Set<String> LOADED_FIRST = Set.of("Document", "Stylesheet", "Script", "Image");
    private static final Set<String> ASKED_BY_SCRIPTS = Set.of("Fetch", "XHR");
    private static final String LOOK = """
        (selector => {
          const seen = element => { const box = element.getBoundingClientRect(); return box.width > 0 && box.height > 0 && element.checkVisibility({ visibilityProperty: true, opacityProperty: true }) }
          const roots = [...document.querySelectorAll(selector)]
          const filled = root => root.checkVisibility() && root.innerText.trim() || [...(root.shadowRoot ?? root).querySelectorAll('*')].some(seen)
          return roots.length == 0 ? 'MISSING' : roots.some(filled) ? 'RENDERED' : 'EMPTY'
        })""";
    private static final Duration QUIET = Duration.ofMillis(500), LONGEST_UNREST = Duration.ofSeconds(3);

    private final Chromium chromium;
    private final URI url;
    private final Header header;
    private final Instant deadline;
    private final String page;
    private final String session;
    private final Map<String, Request> requests = new LinkedHashMap<>();
    private final Map<Integer, Problem> problems = new LinkedHashMap<>();
    private final List<String> consoleErrors = new ArrayList<>();
    private Instant lastSign = Instant.now();
    private JsonObject answer;
    private boolean loaded;
    private String release;

    /** @param header sent to the page's own origin alone; null for none */
    public Visit(Chromium chromium, URI url, Header header, Instant deadline) throws InterruptedException {
        this.chromium = chromium;
        this.url = url;
        this.header = header;
        this.deadline = deadline;
        page = first(null, "Target.createTarget", Map.of("url", "about:blank")).get("targetId").getAsString();
        session = first(null, "Target.attachToTarget", Map.of("targetId", page, "flatten", true)).get("sessionId").getAsString();
        chromium.listener(this::heard);
        for (var domain : List.of("Page", "Network", "Runtime")) first(session, domain + ".enable", Map.of());
        // Of the whole browser, workers included.
        if (header != null) first(null, "Fetch.enable", Map.of());
    }

    private JsonObject first(String target, String method, Map<String, ?> parameters) throws InterruptedException {
        return chromium.call(deadline, target, method, parameters)
            .orElseThrow(() -> new Failure.Unclear("Chromium did not start within the time", "give it longer: --seconds 60"));
    }

    /** Goes to the page; empty when it answers, else why not, in Chromium's words. */
    public Optional<String> open() throws InterruptedException {
        var said = chromium.call(deadline, session, "Page.navigate", Map.of("url", url.toString()));
        if (said.isEmpty()) return Optional.of("no answer within the time");
        return Optional.ofNullable(said.get().get("errorText")).map(text -> text.getAsString().replace("net::", ""));
    }

    public int status() { return answer == null ? 0 : answer.get("status").getAsInt(); }

    /** Where the page came from, at the end of all redirects. */
    public URI address() { return answer == null ? url : URI.create(answer.get("url").getAsString()); }

    public boolean asksForPassword() throws InterruptedException {
        return evaluate("String(document.querySelector('input[type=password]') != null)").flatMap(Visit::value).filter("true"::equals).isPresent();
    }

    /** A header of the page's answer; null when it has none. */
    public String answered(String name) {
        return answer == null ? null : answer.getAsJsonObject("headers").entrySet().stream()
            .filter(each -> each.getKey().equalsIgnoreCase(name)).map(each -> each.getValue().getAsString()).findFirst().orElse(null);
    }

    /** Waits until the page has loaded and nothing more seems to happen, or until the time is over. */
    public Root settle(String selector) throws InterruptedException {
        var root = Root.BUSY;
        Instant complete = null;
        while (Instant.now().isBefore(deadline)) {
            chromium.listen(Instant.now().plusMillis(100));
            var seen = evaluate(LOOK + "(" + Json.text(selector) + ")").orElseGet(JsonObject::new);
            if (seen.has("exceptionDetails")) throw new Failure.Usage("--root is not a CSS selector: " + selector, "quote it for the shell: --root '#root'");
            root = value(seen).map(Root::valueOf).orElse(root);
            // A page that waits for nothing and shows nothing for so long will go on like that.
            if (loaded && root != Root.BUSY && root != Root.RENDERED && allEnded() && Instant.now().isAfter(lastSign.plus(LONGEST_UNREST))) break;
            if (!loaded || root != Root.RENDERED) continue;
            if (complete == null) complete = Instant.now();
            // Some pages never rest, and some requests never end.
            if (allEnded() && Instant.now().isAfter(lastSign.plus(QUIET)) || Instant.now().isAfter(complete.plus(LONGEST_UNREST))) break;
        }
        release = evaluate("document.querySelector('meta[name=release]')?.content").flatMap(Visit::value).orElse(null);
        return root;
    }

    private boolean allEnded() { return requests.values().stream().allMatch(request -> request.ended); }

    /** The content of meta[name=release]; null when there is none. */
    public String release() { return release; }

    /** What can be seen, as PNG. */
    public Optional<byte[]> picture(Instant until) throws InterruptedException {
        return chromium.call(until, session, "Page.captureScreenshot", Map.of("format", "png")).map(said -> said.get("data")).map(data -> Base64.getDecoder().decode(data.getAsString()));
    }

    public List<Problem> problems() { return List.copyOf(problems.values()); }

    public List<String> consoleErrors() { return List.copyOf(consoleErrors); }

    /** Requests that failed, and those for which the page has waited in vain. */
    public List<Failed> failed() {
        var failed = new ArrayList<Failed>();
        for (var request : requests.values()) {
            var waits = !loaded && !request.ended && LOADED_FIRST.contains(request.type);
            var why = request.status >= 400 ? "answers " + request.status : request.failure != null ? request.failure : waits ? "never ends, and the page waits for it" : null;
            if (why != null && !request.url.endsWith("/favicon.ico")) failed.add(new Failed(request.url, why, isOwn(request.url) && !(request.status == 401 && ASKED_BY_SCRIPTS.contains(request.type))));
        }
        return failed;
    }

    /** Of the address that was asked for, or of the one that it led to. */
    private boolean isOwn(String other) {
        return origin(other).equals(origin(url.toString())) || answer != null && origin(other).equals(origin(answer.get("url").getAsString()));
    }

    /** As Chromium writes it: in lower case, and without the port that goes without saying. */
    private static String origin(String url) {
        return url.replaceFirst("^([^:]+://[^/?#]*).*", "$1").toLowerCase(Locale.ROOT).replaceFirst("^(http://.*):80$|^(https://.*):443$", "$1$2");
    }

    private void heard(String event, JsonObject details) {
        lastSign = Instant.now();
        switch (event) {
            case "Network.requestWillBeSent" -> {
                var asked = details.getAsJsonObject("request").get("url").getAsString();
                if (!asked.startsWith("http")) return;
                var request = new Request(asked.replaceFirst("[?#].*", ""), text(details, "type"));
                requests.put(text(details, "requestId"), request); // again after a redirect
            }
            case "Network.responseReceived" -> {
                var response = details.getAsJsonObject("response");
                of(details).ifPresent(request -> request.status = response.get("status").getAsInt());
                if (text(details, "type").equals("Document") && text(details, "frameId").equals(page)) answer = response;
            }
            case "Network.loadingFinished" -> of(details).ifPresent(request -> request.ended = true);
            case "Network.loadingFailed" -> of(details).ifPresent(request -> {
                request.ended = true;
                if (!text(details, "canceled").equals("true")) request.failure = details.has("blockedReason") ? "blocked: " + text(details, "blockedReason") : text(details, "errorText").replace("net::", "");
            });
            case "Page.loadEventFired" -> loaded = true;
            case "Page.javascriptDialogOpening" -> chromium.tell(session, "Page.handleJavaScriptDialog", Map.of("accept", true));
            case "Runtime.exceptionThrown" -> thrown(details.getAsJsonObject("exceptionDetails"));
            case "Runtime.exceptionRevoked" -> problems.remove(details.get("exceptionId").getAsInt());
            case "Runtime.consoleAPICalled" -> { if (text(details, "type").equals("error")) consoleErrors.add(said(details)); }
            case "Fetch.requestPaused" -> chromium.tell(null, "Fetch.continueRequest", Map.of("requestId", text(details, "requestId"), "headers", headers(details.getAsJsonObject("request"))));
            default -> { }
        }
    }

    private Optional<Request> of(JsonObject details) { return Optional.ofNullable(requests.get(text(details, "requestId"))); }

    private void thrown(JsonObject details) {
        var value = details.has("exception") ? details.getAsJsonObject("exception") : new JsonObject();
        var what = value.has("description") ? text(value, "description").lines().findFirst().orElse("") : value.has("value") ? value.get("value").toString() : "";
        var frames = details.has("stackTrace") ? details.getAsJsonObject("stackTrace").getAsJsonArray("callFrames") : new JsonArray();
        var place = details.has("url") || frames.isEmpty() ? details : frames.get(0).getAsJsonObject();
        problems.put(details.get("exceptionId").getAsInt(), new Problem((text(details, "text") + " " + what).strip(), text(place, "url") + ":" + (place.get("lineNumber").getAsInt() + 1)));
    }

    private static String said(JsonObject details) {
        return StreamSupport.stream(details.getAsJsonArray("args").spliterator(), false).map(JsonElement::getAsJsonObject)
            .map(each -> each.has("value") ? each.get("value").toString() : text(each, "description")).collect(Collectors.joining(" "));
    }

    /** A request's headers with ours when it goes to our origin, and surely without it when a redirect leads elsewhere. */
    private List<Map<String, String>> headers(JsonObject request) {
        var headers = new ArrayList<Map<String, String>>();
        request.getAsJsonObject("headers").entrySet().stream().filter(each -> !each.getKey().equalsIgnoreCase(header.name()))
            .forEach(each -> headers.add(Map.of("name", each.getKey(), "value", each.getValue().getAsString())));
        if (origin(text(request, "url")).equals(origin(url.toString()))) headers.add(Map.of("name", header.name(), "value", header.value().reveal()));
        return headers;
    }

    /** Empty when the page is too busy to answer. */
    private Optional<JsonObject> evaluate(String script) throws InterruptedException {
        return chromium.call(deadline, session, "Runtime.evaluate", Map.of("expression", script, "returnByValue", true));
    }

    private static Optional<String> value(JsonObject evaluated) {
        return Optional.ofNullable(evaluated.getAsJsonObject("result")).map(result -> result.get("value")).map(JsonElement::getAsString);
    }

    private static String text(JsonObject from, String name) { return from.has(name) ? from.get(name).getAsString() : ""; }
}
