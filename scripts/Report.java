///usr/bin/env true ; exec jbang "$0" "$@"
//DESCRIPTION Make one offline page of what the bucket knows: the verdict, backups, drills, smoke tests, deploys, incidents
//JAVA 17+
//RUNTIME_OPTIONS -XX:+UseSerialGC -Xmx256m -XX:TieredStopAtLevel=1 -XX:+IgnoreUnrecognizedVMOptions
//SOURCES ops/Ops.java
//SOURCES report/Page.java
//FILES report/page.css=report/page.css
//FILES report/page.js=report/page.js
//FILES report/marks.svg=report/marks.svg

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import ops.*;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import report.Page;

/** How is an environment doing, and how has it been for a year? One HTML file to open, print or send.
 *
 *      jbang report --env production
 *
 *  Needs nothing but the bucket, which it only reads. */
@Command(name = "report", mixinStandardHelpOptions = true, sortOptions = false, version = "handover " + Ops.VERSION,
    header = {
        "  report --env production                    handover-report-production.html, here",
        "  report --env production --out report.html  elsewhere",
        "  report --env production --json             and the verdict as one document", ""},
    description = "A page in English and French that needs no network and no script: the verdict first, then a year of backups, drills, smoke tests, deploys and incidents. "
        + "Only its owner may read the file: it has names and reasons in it.%n",
    footer = "%nExit 0 when the page is written, whatever it says; --json has the verdict.")
class Report implements Callable<Integer> {
    @Option(names = "--env", required = true, paramLabel = "NAME", description = "the environment")
    String env;

    @Option(names = "--out", paramLabel = "FILE", description = "where to write it; default: handover-report-NAME.html in the current folder")
    Path out;

    @Mixin Run run;

    private Page page;

    public static void main(String... args) { Run.main(new Report(), args); }

    @Override public Integer call() { return run.execute("report", this::write); }

    private record Result(String env, String file, String at, String verdict, List<Page.Part> parts, int runs, int backups, int unreadable) { }

    private void write() throws Exception {
        run.state("nothing was written");
        var steps = new Steps(run, false);
        var settings = run.settings(env);
        var file = (out == null ? Path.of("handover-report-" + env + ".html") : out).toAbsolutePath();
        if (Files.isDirectory(file) || !Files.isDirectory(file.getParent())) throw new Failure.Usage(file + (Files.isDirectory(file) ? " is a folder" : " can't be written: there is no such folder"), "name a file: --out handover-report.html");
        var store = Store.open(settings);
        page = steps.check("Read the bucket", () -> { store.reach(); var read = Page.of(store, settings, store.now()); steps.found(Amount.count(read.runs(), "run") + ", " + Amount.count(read.backups(), "backup")); return read; });
        steps.check("Write the page", () -> save(file, steps));
        run.state("the page is written");
        if (page.unreadable() > 0) run.console.warn("left out, since it can't be read, or is none of this kit's: " + Amount.count(page.unreadable(), "object"));
        for (var part : page.parts()) run.console.say(part.about() + ": " + part.verdict() + ", " + part.says());
        run.console.result(run.json ? Json.text(new Result(env, file.toString(), run.started.toString(), page.verdict(), page.parts(), page.runs(), page.backups(), page.unreadable())) : file.toString());
    }

    private boolean save(Path file, Steps steps) {
        try {
            var html = page.html();
            Private.write(file, html);
            steps.found(Amount.bytes(html.getBytes(java.nio.charset.StandardCharsets.UTF_8).length));
            return true;
        } catch (IOException e) {
            throw new Failure.Failed(file + " can't be written: " + e.getMessage(), "name a file in a folder that you may write to: --out FILE");
        }
    }
}
