///usr/bin/env true ; exec jbang "$0" "$@"
//DESCRIPTION Look at a live site, and say what works, what doesn't, and what can't be told
//JAVA 17+
//RUNTIME_OPTIONS -XX:+UseSerialGC -Xmx256m -XX:TieredStopAtLevel=1 -XX:+IgnoreUnrecognizedVMOptions
//SOURCES ../scripts/ops/Ops.java
//SOURCES ../scripts/smoke/Smoke.java
//SOURCES JUnitReport.java

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import ops.*;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import smoke.*;

/** Look at a live site.
 *
 *      jbang smoke-tests --env staging
 *
 *  Needs nothing installed. Reads only; leaves its record in the bucket, where there is one. */
@Command(name = "smoke-tests", mixinStandardHelpOptions = true, sortOptions = false, version = "handover " + Ops.VERSION,
    header = {
        "  smoke-tests --env staging                          look at everything, as often as there is time for",
        "  smoke-tests --env staging --only health,api        look at these alone",
        "  smoke-tests --env production --expect-commit 4f9a1c7",
        "  smoke-tests --env production --watch 60            once a minute, until Ctrl-C", ""},
    description = "What fails is looked at again until the time is over; what has failed once has to pass three times running. What can't be told is no pass. "
        + "Where there is a bucket, a run leaves its record there, for the report, but with --only, --url, --watch and --nagios.%n",
    footer = "%nExit 0 when everything passes, 14 when something fails, 16 when nothing fails and something can't be told. With --nagios 0, 1 (a warning), 2 and 3.")
class SmokeTests implements Callable<Integer> {
    @Option(names = "--env", required = true, paramLabel = "NAME", description = "the environment, as in NAME_SITE_URL")
    String env;

    @Option(names = "--url", paramLabel = "URL", description = "look at this address in place of the environment's, as at a deployment that is not live yet")
    String url;

    @Option(names = "--expect-commit", paramLabel = "SHA", description = "the commit that has to be live; seven characters of it are enough")
    String expectCommit;

    @Option(names = "--only", split = ",", paramLabel = "CHECK", description = "look at these alone; --list names them")
    List<String> only = List.of();

    @Option(names = "--skip", split = ",", paramLabel = "CHECK", description = "leave these out")
    List<String> skip = List.of();

    @Option(names = "--browser", description = "look with a real browser too")
    boolean browser;

    @Option(names = "--tries", paramLabel = "N", description = "look at each at most so often; 1 for a single look; default: while there is time")
    int tries;

    @Option(names = "--junit", paramLabel = "FILE", description = "write the results as a JUnit report too")
    Path junit;

    @Option(names = "--nagios", description = "print one line, and end with an exit code, as Nagios and its like read them")
    boolean nagios;

    @Option(names = "--watch", paramLabel = "SECONDS", description = "look again every so often until Ctrl-C, and print a line each time")
    int watch;

    @Option(names = "--list", description = "name the checks, and what turns each on; looks at nothing")
    boolean list;

    @Mixin Run run;

    private Settings settings;
    private List<Check> checks;
    private Instant began;
    private Findings findings;
    private List<Judge.Result> results;

    public static void main(String... args) { Run.main(new SmokeTests(), args); }

    @Override public Integer call() {
        var exit = run.execute("smoke-tests", nagios ? this::lookForNagios : this::look);
        return !nagios ? exit : exit == 0 ? nagiosExit() : 3;
    }

    /** What keeps us from looking is a line on stdout too. */
    private void lookForNagios() throws Exception {
        try {
            look();
        } catch (Failure e) {
            run.console.result("SMOKE UNKNOWN: " + e.getMessage().replace('|', '/'));
            throw e;
        }
    }

    private void look() throws Exception {
        run.state("nothing was changed: the checks only read");
        if (Stream.of(list, watch > 0, nagios, run.json).filter(each -> each).count() > 1) throw new Failure.Usage("--list, --watch, --nagios and --json don't go together", "take one of them");
        settings = Settings.of(env);
        if (url == null && settings.get(Setting.SITE_URL).isEmpty()) settings.require(Setting.DATABASE_URL); // an environment that has neither is a typing mistake
        var all = Smoke.checks(run, new Smoke.Target(settings, url, expectCommit, browser));
        if (list) {
            show(all);
            return;
        }
        checks = choose(all);
        if (watch > 0) keepWatching();
        judge();
        record();
        report();
        if (!nagios) findings.conclude();
    }

    private void show(List<Check> all) {
        for (var check : all) run.console.result(String.format("%-12s  %-26s  %s", check.name(), check.title(), check.on() ? "on" : "off: " + check.turnedOnBy() + " turns it on"));
    }

    private List<Check> choose(List<Check> all) {
        var names = all.stream().map(Check::name).toList();
        Stream.concat(only.stream(), skip.stream()).filter(name -> !names.contains(name)).findFirst().ifPresent(name -> {
            throw new Failure.Usage("there is no check '" + name.replaceAll("\\p{Cntrl}", "?") + "'", Similar.to(name, names).map(like -> "did you mean " + like + "? ").orElse("") + "they are: " + String.join(", ", names));
        });
        for (var check : all)
            if (only.contains(check.name()) && !check.on()) throw new Failure.Usage("the check '" + check.name() + "' is off", check.turnedOnBy() + " turns it on");
        var chosen = all.stream().filter(check -> check.on() && (only.isEmpty() || only.contains(check.name())) && !skip.contains(check.name())).toList();
        if (chosen.isEmpty()) throw new Failure.Usage("no check is left", "see ./jbang smoke-tests --env " + env + " --list");
        return chosen;
    }

    /** Has the run recorded, unless it tells too little of the environment's site, or is one of very many. Only now: what a store's client costs would spoil the times. */
    private void record() {
        if (url != null || !only.isEmpty() || nagios || settings.get(Setting.BACKUP_BUCKET).isEmpty()) return;
        var history = new History(run, new Steps(run, false).start(() -> Store.open(settings)), env, "smoke-tests");
        history.add("checks", findings.kept());
        run.record(history);
    }

    /** Looks at all of them side by side, and says of each what was seen, in their order, as soon as it is known. */
    private void judge() throws Exception {
        began = Instant.now();
        findings = Findings.of(checks, settings.seconds(Setting.SMOKE_SECONDS), tries, result -> { if (!run.json && !nagios && watch == 0) run.console.result(Findings.line(result)); });
        results = findings.results();
    }

    private record Seen(String name, String title, Outcome outcome, boolean warning, double seconds, String what, String next, List<Judge.Attempt> attempts) { }

    private record Report(String env, String url, String at, String kit, Outcome outcome, double seconds, List<Seen> checks) { }

    private void report() throws IOException {
        if (junit != null) JUnitReport.write(junit, env, began, results);
        if (nagios) run.console.result(nagiosLine());
        else if (run.json) run.console.result(Json.text(new Report(env, address(), began.truncatedTo(ChronoUnit.SECONDS).toString(), Ops.VERSION, findings.outcome(), seconds(), results.stream()
            .map(result -> new Seen(result.check().name(), result.check().title(), result.verdict().outcome(), result.verdict().isWarning(), result.seconds(), result.verdict().what(), result.verdict().next(), result.attempts())).toList())));
        else run.console.result(String.format(Locale.ROOT, "%s %s: %s, in %.1f s", env, address() == null ? "" : address(), findings.counts(), seconds()));
    }

    private String address() { return url != null ? url : settings.get(Setting.SITE_URL).orElse(null); }

    private double seconds() { return results.stream().mapToDouble(Judge.Result::seconds).max().orElse(0); }

    private void keepWatching() throws Exception {
        while (true) {
            judge();
            run.console.result(began.truncatedTo(ChronoUnit.SECONDS) + " " + findings.counts() + findings.wrong("; "));
            var next = Duration.between(Instant.now(), began.plusSeconds(watch));
            if (!next.isNegative()) TimeUnit.MILLISECONDS.sleep(next.toMillis());
        }
    }

    private int nagiosExit() {
        return switch (findings.outcome()) { case pass -> results.stream().anyMatch(result -> result.verdict().isWarning()) ? 1 : 0; case fail -> 2; case unknown -> 3; };
    }

    /** What went wrong, and behind the bar how long each took, in its order. */
    private String nagiosLine() {
        var word = List.of("OK", "WARNING", "CRITICAL", "UNKNOWN").get(nagiosExit());
        var wrong = results.stream().filter(result -> result.verdict().outcome() != Outcome.pass || result.verdict().isWarning()).map(result -> "; " + result.check().title() + ": " + result.verdict().what()).collect(Collectors.joining());
        var times = results.stream().map(result -> String.format(Locale.ROOT, " '%s'=%.3fs", result.check().name().replaceAll("['=]", "_"), result.seconds())).collect(Collectors.joining());
        return "SMOKE " + word + ": " + (findings.counts() + wrong).replace('|', '/') + " |" + times;
    }
}
