///usr/bin/env true ; exec jbang "$0" "$@"
//DESCRIPTION Look at a page in a headless Chromium, as the smoke tests do
//JAVA 17+
//RUNTIME_OPTIONS -XX:+UseSerialGC -Xmx128m -XX:TieredStopAtLevel=1
//SOURCES ../scripts/ops/Ops.java
//SOURCES browser/Chromium.java
//SOURCES browser/Header.java
//SOURCES browser/Visit.java
//SOURCES ../scripts/smoke/Address.java
//SOURCES ../scripts/smoke/Elsewhere.java
//SOURCES ../scripts/smoke/ErrorWords.java
//SOURCES ../scripts/smoke/Gate.java
//SOURCES ../scripts/smoke/Network.java
//SOURCES ../scripts/smoke/Waiting.java

import browser.*;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import ops.*;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import smoke.Elsewhere;
import smoke.ErrorWords;
import smoke.Gate;
import smoke.Network;
import smoke.Outcome;
import smoke.Verdict;
import smoke.Waiting;

/** Does a page work in a real browser?
 *
 *      jbang browser --url https://staging.example.org
 *
 *  Needs Chromium or Chrome. Reads the page as a visitor does; changes nothing but the folder of screenshots. */
@Command(name = "browser", mixinStandardHelpOptions = true, sortOptions = false, version = "handover " + Ops.VERSION,
    header = {
        "  browser --url https://staging.example.org                 does the page work?",
        "  browser --url https://staging.example.org --root '#main'  where the application renders into #main", ""},
    description = "The page answers, its root element shows something, no error is left uncaught, and nothing that it asks its own site for fails. "
        + "A white page that answers 200 fails. What fails at other sites, or asks for a login, is only mentioned.%n",
    footer = "%nChromium or Chrome is looked for on the PATH; the environment variable CHROME names another one.")
class Browser implements Callable<Integer> {
    private static final int KEPT = 20;
    private static final String ROOT =
        "#root, #app, #__next, #__nuxt, #___gatsby, #svelte, app-root, [data-sveltekit-preload-data]";

    @Option(names = "--url", required = true, paramLabel = "URL", description = "the page")
    URI url;

    @Option(names = "--root", paramLabel = "SELECTOR", defaultValue = ROOT,
        description = "the element that the application renders into; default: ${DEFAULT-VALUE}")
    String root;

    @Option(names = "--seconds", paramLabel = "N", defaultValue = "30", description = "time for everything; default: ${DEFAULT-VALUE}")
    int seconds;

    @Option(names = "--screenshot", paramLabel = "FILE", description = "default: HOST-TIME.png in .handover/screenshots, where the newest " + KEPT + " are kept")
    Path screenshot;

    @Option(names = "--header-file", paramLabel = "FILE", description = "holds one line 'Name: value', sent to the page's own origin alone: what opens a protected site")
    Path headerFile;

    @Mixin Run run;

    private Visit visit;
    private Instant end;
    private Path kept;
    /** Of Chromium; null where it runs already. */
    private Waiting waiting;

    public static void main(String... args) { Run.main(new Browser(), args); }

    @Override public Integer call() { return run.execute("browser", this::look); }

    private record Report(Outcome outcome, String what, String next, String url, double seconds, String screenshot,
        List<Visit.Problem> errors, List<Visit.Failed> failedRequests, List<String> consoleErrors, String release) { }

    private void look() throws Exception {
        if (!String.valueOf(url.getScheme()).matches("https?") || url.getHost() == null || url.getUserInfo() != null)
            throw new Failure.Usage("--url takes an address that begins with http:// or https://, without a password", "a password goes into --header-file, as Authorization: Basic …");
        if (seconds < 5) throw new Failure.Usage("--seconds takes 5 or more", "Chromium alone may need 2");
        var header = headerFile == null ? null : Header.read(headerFile);
        end = run.started.plusSeconds(seconds);
        waiting = Waiting.ofStarted();
        // What is left of the time is for the screenshot, and for ending.
        var deadline = end.minusMillis(Math.min(3000, 250L * seconds));
        try {
            judge(header, deadline);
            tell(Outcome.pass, url + " shows its page", null);
        } catch (Failure.NotVerified | Failure.Unclear e) {
            tell(e instanceof Failure.Unclear ? Outcome.unknown : Outcome.fail, e.getMessage(), e.hint);
            throw e;
        }
    }

    private void judge(Header header, Instant deadline) throws Exception {
        var steps = new Steps(run, false);
        visit = steps.check("Start Chromium", () -> new Visit(Chromium.start(run), url, header, deadline));
        try {
            for (var look : looks()) steps.check(look.name, look.body);
        } finally {
            if (visit.status() > 0) keep();
        }
        steps.check("Its visitors stay", this::stays);
    }

    private record Look(String name, Callable<?> body) { }

    private List<Look> looks() {
        return List.of(new Look("The page answers", this::answers), new Look("It renders", this::renders),
            new Look("No error is left uncaught", this::catchesAll),
            new Look("What it asks its own site for arrives", this::getsAll));
    }

    /** The same in a Chromium that runs already; throws NotVerified or Unclear unless the page passes. */
    static void judge(Run run, Chromium chromium, URI url, Instant deadline) throws Exception {
        var browser = new Browser();
        browser.run = run;
        browser.url = url;
        browser.root = ROOT;
        try (var visit = new Visit(chromium, url, null, deadline)) {
            browser.visit = visit;
            for (var look : browser.looks()) look.body.call();
            browser.stays();
        }
    }

    private int answers() throws Exception {
        var refusal = visit.open();
        var status = visit.status();
        if (refusal.isPresent() && status < 400) {
            if (isOffline(refusal.get())) throw new Failure.Unclear("nothing can be told of " + url + ": this machine's own network is down (" + refusal.get() + ")", "mend this machine's network, then look again");
            if (refusal.get().equals("ERR_ABORTED"))
                throw new Failure.NotVerified(url + " is no page for a browser: it answers " + status
                    + ", and is saved or passed over", "see its status, Content-Type and Content-Disposition");
            throw new Failure.NotVerified(url + " does not answer with a page: " + refusal.get(), "see whether its server runs, and where its name leads");
        }
        return arrived();
    }

    /** Where the page is now, and what answered there. */
    private int arrived() throws Exception {
        var status = visit.status();
        Gate.before(url, visit.address(), status, visit::answered).ifPresent(Browser::nothingCanBeTold);
        if (status >= 400) throw new Failure.NotVerified(url + " answers " + status, status == 403 ? "where it is protected, name what opens it: --header-file FILE" : "see the log of its server");
        return status;
    }

    private static void nothingCanBeTold(Verdict verdict) { throw new Failure.Unclear(verdict.what(), verdict.next()); }

    private Visit.Root renders() throws Exception {
        var seen = visit.settle(root);
        stayed(visit.loops());
        if (seen.root() == Visit.Root.MISSING && visit.asksForPassword())
            nothingCanBeTold(Gate.password(visit.address()));
        if (seen.root() != Visit.Root.RENDERED) throw notRendered(seen.root());
        if (seen.over() != null && (seen.over().isEmpty() || ErrorWords.isWaiting(seen.over())))
            throw new Failure.NotVerified(url + " is covered: something lies over all of its page"
                + (seen.over().isEmpty() ? "" : " and says '" + seen.over() + "'"),
                "open it in a browser, and see what keeps it there");
        var heads = Stream.of(seen.title(), seen.heading(), seen.over() == null ? "" : seen.over());
        var error = ErrorWords.of(heads, seen.text(), "");
        if (error.isPresent() && error.get().kind() == ErrorWords.Kind.CHALLENGE)
            nothingCanBeTold(Gate.challenge(visit.address(), error.get().text()));
        if (seen.unfilled() != null)
            throw new Failure.NotVerified(url + " shows '" + seen.unfilled() + "', which no script has filled in",
                "open it in a browser and read its console: what should fill it in has not come, or has failed");
        if (error.isPresent())
            throw new Failure.NotVerified(url + " shows " + error.get().what(),
                "open it in a browser and read its console; see the application's log");
        return seen.root();
    }

    private int stays() throws Exception { return stayed(visit.wanders()); }

    /** Its scripts may have led elsewhere meanwhile. */
    private int stayed(boolean loops) throws Exception {
        if (loops)
            throw new Failure.NotVerified(url + " sends its visitors on without end, last to " + visit.address(),
                "see what its scripts do with the address");
        var elsewhere = Elsewhere.of(url, List.of(), visit.address());
        var status = arrived();
        if (elsewhere.isPresent()) throw new Failure.NotVerified(elsewhere.get().what(), elsewhere.get().next());
        return status;
    }

    private Failure notRendered(Visit.Root seen) {
        var causes = Stream.concat(visit.problems().stream().filter(Visit.Problem::counts),
            visit.failed().stream().filter(Visit.Failed::counts)).map(Object::toString).toList();
        var what = switch (seen) {
            case EMPTY -> " is a white page: it answers " + visit.status() + ", and nothing that can be seen came into ";
            case MISSING -> " answers " + visit.status() + ", but has none of ";
            case WAITING ->
                " answers " + visit.status() + ", but does not come beyond its sign that it is loading, in ";
            default -> " answers " + visit.status() + ", but a script keeps it too busy to look for ";
        };
        var busy = Optional.ofNullable(waiting).flatMap(Waiting::tooLong);
        if (busy.isPresent()) return new Failure.Unclear(url + what + root + "; but " + busy.get(), Verdict.BUSY);
        return new Failure.NotVerified(url + what + root,
            causes.isEmpty() ? "open it in a browser and read its console; --root names another element, --seconds gives it longer" : "mend what keeps it from rendering: " + causes.get(0));
    }

    private List<Visit.Problem> catchesAll() {
        var problems = visit.problems().stream().filter(Visit.Problem::counts).toList();
        visit.problems().stream().filter(each -> !each.counts())
            .forEach(each -> run.console.say("an uncaught error, which does not count: " + each));
        if (!problems.isEmpty()) throw new Failure.NotVerified(url + " has " + many(problems.size(), "uncaught error") + ": " + problems.get(0), "mend it there, or go back to the release before");
        return problems;
    }

    private List<Visit.Failed> getsAll() {
        var own = visit.failed().stream().filter(Visit.Failed::counts).toList();
        visit.failed().stream().filter(each -> !each.counts()).forEach(each -> run.console.say("a request failed, which does not count: " + each));
        if (!own.isEmpty()) throw new Failure.NotVerified(url + " asks its own site in vain for " + many(own.size(), "thing") + ": " + own.get(0), "see that the release has it and that the server gives it out");
        return own;
    }

    private static String many(int number, String what) { return number == 1 ? "one " + what : number + " " + what + "s, the first"; }

    /** When Chromium's refusal may be this machine's own fault. */
    private boolean isOffline(String refusal) {
        return refusal.matches(".*(UNREACHABLE|DISCONNECTED|NETWORK_CHANGED|NETWORK_ACCESS|PROXY).*") || refusal.contains("NAME_NOT_RESOLVED") && !Network.canLookUp(url.getHost());
    }

    /** Keeps what can be seen, for nobody else, since it may show what the header has opened. */
    private void keep() throws InterruptedException {
        var folder = Home.state().resolve("screenshots");
        var file = screenshot != null ? screenshot.toAbsolutePath() : folder.resolve(url.getHost() + "-" + Stamp.of(Instant.now()) + ".png");
        try {
            Private.folder(file.getParent());
            Private.write(file, visit.picture(end.minusMillis(500)).orElseThrow(() -> new IOException("Chromium gives none")));
            kept = file;
            if (file.getParent().equals(folder)) prune(folder);
        } catch (IOException e) {
            run.console.warn("no screenshot is kept: " + e.getMessage());
        }
    }

    private static void prune(Path folder) throws IOException {
        try (var all = Files.list(folder)) {
            for (var old : all.sorted(Comparator.comparing(each -> -each.toFile().lastModified())).skip(KEPT).toList()) Files.deleteIfExists(old);
        }
    }

    private void tell(Outcome outcome, String what, String next) {
        if (run.json) {
            var there = visit != null;
            run.console.result(Json.text(new Report(outcome, what, next, url.toString(), run.elapsed().toMillis() / 1000.0, kept == null ? null : kept.toString(), there ? visit.problems() : List.of(),
                there ? visit.failed() : List.of(), there ? visit.consoleErrors() : List.of(), there ? visit.release() : null)));
        } else if (outcome == Outcome.pass) run.console.result(what);
        if (kept != null) run.console.say("screenshot: " + kept);
    }
}
