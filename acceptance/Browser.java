///usr/bin/env true ; exec jbang "$0" "$@"
//DESCRIPTION Look at a page in a headless Chromium, as the smoke tests do
//JAVA 17+
//RUNTIME_OPTIONS -XX:+UseSerialGC -Xmx128m -XX:TieredStopAtLevel=1
//SOURCES ../scripts/ops/Ops.java
//SOURCES browser/Chromium.java
//SOURCES browser/Header.java
//SOURCES browser/Looks.java
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
import java.util.concurrent.Callable;
import ops.*;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import smoke.Outcome;
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
        + "A white page that answers 200 fails. What fails at other sites, asks for a login, or is an icon "
        + "is only mentioned.%n",
    footer = "%nChromium or Chrome is looked for on the PATH; the environment variable CHROME names another one.")
class Browser implements Callable<Integer> {
    private static final int KEPT = 20;

    @Option(names = "--url", required = true, paramLabel = "URL", description = "the page")
    URI url;

    @Option(names = "--root", paramLabel = "SELECTOR", defaultValue = Looks.ROOT,
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

    public static void main(String... args) { Run.main(new Browser(), args); }

    @Override public Integer call() { return run.execute("browser", this::look); }

    private record Report(Outcome outcome, String what, String next, String url, double seconds, String screenshot,
        List<Visit.Problem> errors, List<Visit.Failed> failedRequests, List<String> consoleErrors, String release) { }

    private void look() throws Exception {
        if (!String.valueOf(url.getScheme()).matches("https?") || url.getHost() == null || url.getUserInfo() != null)
            throw new Failure.Usage("--url takes an address that begins with http:// or https://, without a password", "a password goes into --header-file, as Authorization: Basic …");
        if (seconds < 5) throw new Failure.Usage("--seconds takes 5 or more", "Chromium alone may need 2");
        var header = headerFile == null ? null : Header.read(headerFile);
        var waiting = Waiting.ofStarted();
        end = run.started.plusSeconds(seconds);
        // What is left of the time is for the screenshot, and for ending.
        var deadline = end.minusMillis(Math.min(3000, 250L * seconds));
        try {
            judge(header, deadline, waiting);
            tell(Outcome.pass, url + " shows its page", null);
        } catch (Failure.NotVerified | Failure.Unclear e) {
            tell(e instanceof Failure.Unclear ? Outcome.unknown : Outcome.fail, e.getMessage(), e.hint);
            throw e;
        }
    }

    private void judge(Header header, Instant deadline, Waiting waiting) throws Exception {
        var steps = new Steps(run, false);
        visit = steps.check("Start Chromium", () -> new Visit(Chromium.start(run), url, header, deadline));
        var looks = new Looks(run.console, visit, url, root, waiting);
        try {
            for (var look : looks.first()) steps.check(look.name(), look.body());
        } finally {
            if (visit.status() > 0) keep();
        }
        steps.check(looks.last().name(), looks.last().body());
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
