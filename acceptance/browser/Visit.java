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
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.StreamSupport;
import ops.Failure;
import ops.Json;
import smoke.Address;
import smoke.ErrorWords;

/** One visit to one page: what it answered, asked for and complained of, and what can be seen of it. */
public final class Visit implements AutoCloseable {
    /** An uncaught error or rejection, and the file it comes from. It counts when that is the page's own site's. */
    public record Problem(String message, String source, boolean counts) {
        @Override public String toString() { return message + " (" + source + ")"; }
    }

    /**
     * A request that failed. It counts when it went to the page's own site, but for an icon, and for a refusal to one
     * who is not logged in: many applications ask first.
     */
    public record Failed(String url, String why, boolean counts) {
        @Override public String toString() { return url + ": " + why; }
    }

    /**
     * What there is of the root element; busy when a script never let us look, waiting when all it says is that
     * something will come.
     */
    public enum Root { BUSY, MISSING, EMPTY, WAITING, RENDERED }

    /**
     * What can be seen.
     *
     * @param text all of the page's, cut after a thousand letters
     * @param over what something says that lies over all of the page and is no part of the root; empty when it says
     *     nothing; null without any
     * @param unfilled a place in the root that no script has filled in, as {{ title }}; null without any
     */
    public record Sight(Root root, String title, String heading, String text, String over, String unfilled) {
        static final Sight NONE = new Sight(Root.BUSY, "", "", "", null, null);
    }

    private static final class Request {
        final String url, type;
        String failure, media = "";
        int status;
        boolean ended;

        Request(String url, String type) {
            this.url = url;
            this.type = type;
        }
    }

    /** What a page waits for before it is loaded. */
    private static final Set<String> LOADED_FIRST = Set.of("Document", "Stylesheet", "Script", "Image");
    /** What any browser says at any time, whatever the release: nothing was clicked yet, or a frame was skipped. */
    private static final Pattern OF_NO_RELEASE =
        Pattern.compile("\\(in promise\\) (NotAllowedError|AbortError)\\b|ResizeObserver loop");
    private static final Set<String> ASKED_BY_SCRIPTS = Set.of("Fetch", "XHR");
    /** Where a program asks for data; a page that comes from there is the host's, which has no such address. */
    private static final Pattern OF_DATA = Pattern.compile("(?i).*(\\.json|/(api|graphql|rest|rpc)(/.*)?)");
    private static final Pattern WHOLE_PAGE = Pattern.compile("(?i)\\s*<(!doctype html|html)\\b");
    /** As Chromium says that it does not take a script that came. */
    private static final Pattern REFUSED = Pattern.compile("Refused to execute script from '([^']+)' because its MIME type"
        + " \\('([^']*)'\\).*|Failed to load module script: .* MIME type of \"([^\"]*)\"\\..*", Pattern.DOTALL);
    /** As it says that a file is not the one that was meant. */
    private static final Pattern CHANGED = Pattern.compile("Failed to find a valid digest in the 'integrity' attribute"
        + " for resource '([^']+)'.*", Pattern.DOTALL);
    private static final String LOOK = """
        (selector => {
          const visible = { visibilityProperty: true, opacityProperty: true }
          const box = element => element.getBoundingClientRect()
          const onPage = element => box(element).right >= 0 && box(element).left < innerWidth
            && box(element).bottom >= 0 && element.checkVisibility(visible)
          const seen = element => box(element).width > 0 && box(element).height > 0 && onPage(element)
          const inside = root => [...(root.shadowRoot ?? root).querySelectorAll('*')]
          const text = root => [...(root.shadowRoot?.children ?? [root])]
            .filter(onPage).map(each => each.innerText ?? '').join(' ').trim()
          const roots = [...document.querySelectorAll(selector)]
          const isBoxless = element => element.parentElement && getComputedStyle(element).display == 'contents'
          const boxed = element => isBoxless(element) ? boxed(element.parentElement) : element
          const drawn = node => {
            const range = document.createRange()
            range.selectNode(node)
            return box(range).width > 0 && box(range).height > 0
          }
          const isText = node => node.nodeType == Node.TEXT_NODE && node.data.trim() && drawn(node)
          const writes = element => [...element.childNodes].some(isText) && onPage(boxed(element))
          const hasText = root => [root, ...inside(root)].some(writes)
          const filled = roots.filter(root => hasText(root) || inside(root).some(seen))

          const content = 'img, canvas, video, iframe, object, input, button, select, textarea, a[href]'
          const hasContent = root =>
            hasText(root) || [root, ...inside(root)].some(each => each.matches(content) && seen(each))
          const signs = '[role=progressbar], [aria-busy=true], animate, animateTransform, '
            + '[class*=spinner i], [class*=loader i], [class*=loading i]'
          const turns = root => document.getAnimations()
            .some(each => each.effect?.getComputedTiming().iterations == Infinity && root.contains(each.effect.target))
          const waiting = root => !hasContent(root) && (turns(root) || inside(root).some(each => each.matches(signs)))

          const steps = [0.1, 0.3, 0.5, 0.7, 0.9]
          // What lets clicks through is a cover only where nothing is seen through it, or where it is text.
          const style = element => getComputedStyle(element)
          const noClicks = new Set([...document.querySelectorAll('*')]
            .filter(each => style(each).pointerEvents == 'none'))
          const opacity = element => element ? getComputedStyle(element).opacity * opacity(element.parentElement) : 1
          // As browsers write a colour: rgba(0, 0, 0, 0.5), or color(srgb 0 0 0 / 0.5).
          const alpha = colour => Number(/(?:^rgba.*,|\\/) *([\\d.]+)\\)$/.exec(colour)?.[1] ?? 1)
          const isOpaque = element => onPage(element) && style(element).mixBlendMode == 'normal'
            && style(element).maskImage == 'none' && opacity(element) * alpha(style(element).backgroundColor) >= 0.9
          const allClicked = new CSSStyleSheet()
          allClicked.replaceSync('* { pointer-events: auto !important }')
          const atPoint = (x, y) => document.elementsFromPoint(x, y)
            .find(each => !noClicks.has(each) || isOpaque(each) || [...each.childNodes].some(isText)) ?? null
          document.adoptedStyleSheets.push(allClicked)
          const hit = steps.flatMap(x => steps.map(y => atPoint(x * innerWidth, y * innerHeight)))
          const holdsRoot = element => roots.some(root => element.contains(root))
          const outermost = element => {
            while (element?.parentElement && !holdsRoot(element.parentElement)) element = element.parentElement
            return element
          }
          const above = (one, other) => box(one).top < box(other).bottom && box(one).bottom > box(other).top
          const [top, ...others] = new Set(hit.map(outermost))
          const code = 'code, pre, kbd, samp, textarea, script, style, template, noscript, [contenteditable], '
            + '[class*=editor i]'
          const unfilled = filled.flatMap(root => inside(root).concat(root))
            .filter(each => !each.closest(code) && onPage(each))
            .flatMap(each => [...each.childNodes]).filter(each => each.nodeType == Node.TEXT_NODE)
            .map(each => /\\{\\{[^{}]+\\}\\}/.exec(each.data)?.[0]).find(Boolean)
          const beside = top && !holdsRoot(top) && !roots.some(root => root.contains(top))
          const covers = beside && !others.length && filled.some(root => above(top, root))
          const common = hit.reduce((one, other) => {
            while (one && !one.contains(other)) one = one.parentElement
            return one
          })
          const centre = ({ left, top, width, height }) => atPoint(left + width / 2, top + height / 2)
          const legible = element => box(element).width > 3 && box(element).height > 3 && centre(box(element))
          const below = filled.flatMap(root => [root, ...inside(root)].filter(writes))
            .filter(each => !common?.contains(each) && legible(each))
          const hides = below.length && below.every(each => common?.contains(centre(box(each))))
          const paints = element => {
            const { backgroundImage, backgroundColor } = getComputedStyle(element)
            const large = box(element).width > innerWidth / 2 && box(element).height > innerHeight / 2
            return large && opacity(element) * (backgroundImage == 'none' ? alpha(backgroundColor) : 1) > 0.5
          }
          const over = covers ? top : hides ? common : null
          const cover = over && [over, ...inside(over)].some(paints) ? over : null
          document.adoptedStyleSheets = document.adoptedStyleSheets.filter(each => each != allClicked)
          return {
            root: !roots.length ? 'MISSING' : !filled.length ? 'EMPTY' : filled.every(waiting) ? 'WAITING' : 'RENDERED',
            says: filled.map(text).join(' ').slice(0, 300),
            title: document.title,
            heading: ['h1', 'h2', 'h3'].map(name => [...document.querySelectorAll(name)].find(seen)?.innerText)
              .find(Boolean) ?? '',
            text: (document.body?.innerText ?? '').trim().slice(0, 1000),
            over: cover && (text(cover) || !hasContent(cover)) ? text(cover).slice(0, 300) : null,
            unfilled: unfilled?.slice(0, 100) ?? null
          }
        })""";
    private static final String ICONS =
        "[...document.querySelectorAll('link[rel~=icon i], link[rel^=apple-touch-icon i]')].map(each => each.href)";
    private static final Duration QUIET = Duration.ofMillis(500), LONGEST_UNREST = Duration.ofSeconds(4);
    /** For so long a page has to stay: one that sends its visitors on does so within. */
    private static final Duration STAY = Duration.ofMillis(3500);
    /** For so long a page that shows nothing may do nothing. */
    private static final Duration PATIENCE = Duration.ofSeconds(10);
    /** One may send visitors on to the language, and that to the home page. */
    private static final int MOST_DOCUMENTS = 4;
    /** Half a minute of the page's own time, which passes in two seconds. */
    private static final int STEPS = 8, STEP_MILLISECONDS = 4000;
    private static final Duration STEP_TAKES = Duration.ofMillis(250);
    /** There, back, and there again. */
    private static final int WANDERING = 3;
    private static final Set<String> HEARD_AHEAD = Set.of("Network.responseReceived", "Page.frameNavigated",
        "Page.javascriptDialogOpening", "Fetch.requestPaused");

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
    /** What answered last; the page's own answer once it is shown. */
    private JsonObject next;
    private boolean loaded;
    private int documents;
    private boolean ahead;
    /** How often it went from one address to another, and where it is. */
    private int moves;
    private String place = "";
    private String release;
    /** What the page names as its icons, without queries. */
    private Set<String> icons = Set.of();

    /** @param header sent to the page's own origin alone; null for none */
    public Visit(Chromium chromium, URI url, Header header, Instant deadline) throws InterruptedException {
        this.chromium = chromium;
        this.url = url;
        this.header = header;
        this.deadline = deadline;
        page = first(null, "Target.createTarget", Map.of("url", "about:blank")).get("targetId").getAsString();
        session = first(null, "Target.attachToTarget", Map.of("targetId", page, "flatten", true)).get("sessionId").getAsString();
        chromium.listener(this::heard);
        for (var domain : List.of("Page", "Network", "Runtime", "Log")) first(session, domain + ".enable", Map.of());
        // Of the whole browser, workers included.
        if (header != null) first(null, "Fetch.enable", Map.of());
    }

    private JsonObject first(String target, String method, Map<String, ?> parameters) throws InterruptedException {
        return chromium.call(deadline, target, method, parameters)
            .orElseThrow(() -> new Failure.Unclear("Chromium did not start within the time", "give it longer: --seconds 60"));
    }

    /** Closes the page, in a browser that goes on. */
    @Override public void close() { chromium.tell(null, "Target.closeTarget", Map.of("targetId", page)); }

    /** Goes to the page; empty when it answers, else why not, in Chromium's words. */
    public Optional<String> open() throws InterruptedException {
        var said = chromium.call(deadline, session, "Page.navigate", Map.of("url", url.toString()));
        if (said.isEmpty()) return Optional.of("no answer within the time");
        return Optional.ofNullable(said.get().get("errorText")).map(text -> text.getAsString().replace("net::", ""));
    }

    public int status() { return answer == null ? 0 : answer.get("status").getAsInt(); }

    /** Where the page came from, at the end of all redirects. */
    public URI address() { return answer == null ? url : Address.of(text(answer, "url")).orElse(url); }

    public boolean asksForPassword() throws InterruptedException {
        return evaluate("document.querySelector('input[type=password]') != null").flatMap(Visit::value)
            .filter(JsonElement::getAsBoolean).isPresent();
    }

    /** A header of the page's answer; null when it has none. */
    public String answered(String name) {
        return answer == null ? null : answer.getAsJsonObject("headers").entrySet().stream()
            .filter(each -> each.getKey().equalsIgnoreCase(name)).map(each -> each.getValue().getAsString()).findFirst().orElse(null);
    }

    /** Waits until the page has loaded and nothing more seems to happen, or until the time is over. */
    public Sight settle(String selector) throws InterruptedException {
        var sight = Sight.NONE;
        var document = 0;
        Instant complete = null;
        while (Instant.now().isBefore(deadline) && !loops()) {
            chromium.listen(Instant.now().plusMillis(100));
            sight = look(selector).orElse(sight);
            // A page that waits for nothing and shows nothing for so long will go on like that.
            var shows = sight.root == Root.RENDERED;
            if (loaded && sight.root != Root.BUSY && !shows && allEnded() && isQuiet(PATIENCE)) break;
            if (!loaded || !shows) continue;
            if (complete == null || document != documents) complete = Instant.now();
            document = documents;
            var stayed = Duration.between(complete, Instant.now());
            // Some pages never rest, and some requests never end.
            if (stayed.compareTo(STAY) > 0 && (allEnded() && isQuiet(QUIET) || stayed.compareTo(LONGEST_UNREST) > 0))
                break;
        }
        for (var asked : List.copyOf(requests.entrySet()))
            if (isPageForData(asked.getKey(), asked.getValue()))
                asked.getValue().failure = "answers with a page where data are asked for";
        icons = evaluate(ICONS).flatMap(Visit::value).map(JsonElement::getAsJsonArray).orElseGet(JsonArray::new)
            .asList().stream().map(each -> each.getAsString().replaceFirst("[?#].*", "")).collect(Collectors.toSet());
        release = evaluate("document.querySelector('meta[name=release]')?.content").flatMap(Visit::value)
            .map(JsonElement::getAsString).orElse(null);
        return sight;
    }

    private boolean isPageForData(String id, Request request) throws InterruptedException {
        var asks = ASKED_BY_SCRIPTS.contains(request.type) && request.status == 200 && request.media.equals("text/html");
        if (!asks || !request.ended || !isOwn(request.url) || !OF_DATA.matcher(request.url).matches()) return false;
        return chromium.call(deadline, session, "Network.getResponseBody", Map.of("requestId", id))
            .filter(said -> WHOLE_PAGE.matcher(text(said, "body")).lookingAt()).isPresent();
    }

    /**
     * Whether the page sends its visitors from one address to another and back, if they wait for half a minute: that
     * passes in two seconds. What else happens in that time is not kept.
     */
    public boolean wanders() throws InterruptedException {
        ahead = true;
        moves = 0;
        for (var i = 0; i < STEPS && moves < WANDERING && Instant.now().isBefore(deadline); i++) {
            chromium.tell(session, "Emulation.setVirtualTimePolicy",
                Map.of("policy", "advance", "budget", STEP_MILLISECONDS));
            chromium.listen(Instant.now().plus(STEP_TAKES));
        }
        return moves >= WANDERING;
    }

    /** Empty when the page is too busy to answer. */
    private Optional<Sight> look(String selector) throws InterruptedException {
        var said = evaluate(LOOK + "(" + Json.text(selector) + ")").orElseGet(JsonObject::new);
        if (said.has("exceptionDetails"))
            throw new Failure.Usage("--root is not a CSS selector: " + selector,
                "quote it for the shell: --root '#root'");
        return value(said).map(JsonElement::getAsJsonObject).map(seen -> {
            var root = Root.valueOf(text(seen, "root"));
            if (root == Root.RENDERED && ErrorWords.isWaiting(text(seen, "says"))) root = Root.WAITING;
            return new Sight(root, text(seen, "title"), text(seen, "heading"), text(seen, "text"),
                seen.get("over").isJsonNull() ? null : text(seen, "over"),
                seen.get("unfilled").isJsonNull() ? null : text(seen, "unfilled"));
        });
    }

    private boolean isQuiet(Duration time) { return Instant.now().isAfter(lastSign.plus(time)); }

    /** Whether its scripts send visitors on and on. */
    public boolean loops() { return documents > MOST_DOCUMENTS; }

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
            if (why != null && !request.url.endsWith("/favicon.ico"))
                failed.add(new Failed(request.url, why,
                    isOwn(request.url) && !isAskedToLogIn(request) && !isIcon(request)));
        }
        return failed;
    }

    /** The picture in the tab's corner; one that is also in the page counts. */
    private boolean isIcon(Request request) { return request.type.equals("Other") && icons.contains(request.url); }

    /** Some frameworks answer 403 to whoever is not logged in. */
    private static boolean isAskedToLogIn(Request request) {
        return ASKED_BY_SCRIPTS.contains(request.type) && (request.status == 401 || request.status == 403);
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
        if (ahead && !HEARD_AHEAD.contains(event)) return;
        switch (event) {
            case "Network.requestWillBeSent" -> {
                var asked = details.getAsJsonObject("request").get("url").getAsString();
                if (!asked.startsWith("http")) return;
                var request = new Request(asked.replaceFirst("[?#].*", ""), text(details, "type"));
                requests.put(text(details, "requestId"), request); // again after a redirect
            }
            case "Network.responseReceived" -> {
                var response = details.getAsJsonObject("response");
                of(details).ifPresent(request -> {
                    request.status = response.get("status").getAsInt();
                    request.media = text(response, "mimeType");
                    if (request.type.equals("Stylesheet") && request.status < 400 && request.media.equals("text/html"))
                        request.failure = "is a page and no stylesheet";
                });
                if (!text(details, "type").equals("Document") || !text(details, "frameId").equals(page)) return;
                next = response;
                if (answer == null) answer = next;
            }
            case "Network.loadingFinished" -> of(details).ifPresent(request -> request.ended = true);
            case "Network.loadingFailed" -> of(details).ifPresent(request -> {
                request.ended = true;
                if (!text(details, "canceled").equals("true")) request.failure = details.has("blockedReason") ? "blocked: " + text(details, "blockedReason") : text(details, "errorText").replace("net::", "");
            });
            case "Page.frameNavigated" -> {
                // A download answers, and changes nothing of what is shown.
                if (!text(details.getAsJsonObject("frame"), "id").equals(page)) return;
                if (next != null) answer = next;
                // One that renews itself may do so with another query each time.
                var at = text(details.getAsJsonObject("frame"), "url").replaceFirst("[?#].*", "");
                if (!at.equals(place)) moves++;
                place = at;
                documents++;
                loaded = false;
            }
            case "Page.loadEventFired" -> loaded = true;
            case "Page.javascriptDialogOpening" -> chromium.tell(session, "Page.handleJavaScriptDialog", Map.of("accept", true));
            case "Runtime.exceptionThrown" -> thrown(details.getAsJsonObject("exceptionDetails"));
            case "Log.entryAdded" -> refused(details.getAsJsonObject("entry"));
            case "Runtime.exceptionRevoked" -> problems.remove(details.get("exceptionId").getAsInt());
            case "Runtime.consoleAPICalled" -> { if (text(details, "type").equals("error")) consoleErrors.add(said(details)); }
            case "Fetch.requestPaused" -> chromium.tell(null, "Fetch.continueRequest", Map.of("requestId", text(details, "requestId"), "headers", headers(details.getAsJsonObject("request"))));
            default -> { }
        }
    }

    private void refused(JsonObject entry) {
        var said = REFUSED.matcher(text(entry, "text"));
        var changed = CHANGED.matcher(text(entry, "text"));
        if (changed.matches()) failed(changed.group(1), "is not what its integrity says, and was blocked");
        if (!said.matches()) return;
        var script = said.group(1) != null ? said.group(1) : text(entry, "url");
        var media = said.group(1) != null ? said.group(2) : said.group(3);
        failed(script, "is of type '" + media + "' and no script");
    }

    private void failed(String url, String why) {
        requests.values().stream().filter(request -> request.url.equals(url.replaceFirst("[?#].*", "")))
            .forEach(request -> request.failure = why);
    }

    private Optional<Request> of(JsonObject details) { return Optional.ofNullable(requests.get(text(details, "requestId"))); }

    private void thrown(JsonObject details) {
        var value = details.has("exception") ? details.getAsJsonObject("exception") : new JsonObject();
        var what = value.has("description") ? text(value, "description").lines().findFirst().orElse("") : value.has("value") ? value.get("value").toString() : "";
        var frames = details.has("stackTrace") ? details.getAsJsonObject("stackTrace").getAsJsonArray("callFrames") : new JsonArray();
        var place = details.has("url") || frames.isEmpty() ? details : frames.get(0).getAsJsonObject();
        var source = text(place, "url");
        var message = (text(details, "text") + " " + what).strip();
        var counts = (!source.startsWith("http") || isOwn(source)) && !OF_NO_RELEASE.matcher(message).find();
        problems.put(details.get("exceptionId").getAsInt(),
            new Problem(message, source + ":" + (place.get("lineNumber").getAsInt() + 1), counts));
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

    private static Optional<JsonElement> value(JsonObject evaluated) {
        return Optional.ofNullable(evaluated.getAsJsonObject("result")).map(result -> result.get("value"))
            .filter(value -> !value.isJsonNull());
    }

    private static String text(JsonObject from, String name) { return from.has(name) ? from.get(name).getAsString() : ""; }
}
