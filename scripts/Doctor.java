///usr/bin/env true ; exec jbang "$0" "$@"
//DESCRIPTION Check an environment's tools, settings, access and versions; changes nothing that stays
//JAVA 17+
//RUNTIME_OPTIONS -XX:+UseSerialGC -Xmx128m -XX:TieredStopAtLevel=1 -XX:+IgnoreUnrecognizedVMOptions
//SOURCES ops/Ops.java
//SOURCES doctor/BackupChecks.java
//SOURCES doctor/BucketChecks.java
//SOURCES doctor/Clock.java
//SOURCES doctor/DatabaseChecks.java
//SOURCES doctor/DeployChecks.java
//SOURCES doctor/DiskChecks.java
//SOURCES doctor/Group.java
//SOURCES doctor/Seen.java
//SOURCES doctor/SettingChecks.java
//SOURCES doctor/StoreChecks.java
//SOURCES doctor/TargetChecks.java
//SOURCES doctor/ToolChecks.java
//SOURCES smoke/BackupAge.java

import doctor.*;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import ops.*;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Is an environment ready to be backed up, and deployed?
 *
 *      jbang doctor --env staging
 *
 *  Needs nothing: what is missing is what it tells. Writes a few bytes to the bucket and removes them; no log, no record. */
@Command(name = "doctor", mixinStandardHelpOptions = true, sortOptions = false, version = "handover " + Ops.VERSION,
    header = {
        "  doctor --env staging           look at everything that staging's backups and deploys rely on",
        "  doctor --env staging --json    the same as one document", ""},
    description = "Goes on after a problem; what needs a failed check is named as not checked. What can't be told is never counted as ok. Changes nothing that stays.%n",
    footer = "%nExit 0 when nothing is a problem; else the code of the first problem: 78 for settings and for rights in the database, "
        + "12 for tools and for a database that can't be reached, 13 for the store, 1 for clock and disk. Warnings and what can't be told don't change it.")
class Doctor implements Callable<Integer> {
    @Option(names = "--env", required = true, paramLabel = "NAME", description = "the environment, as in NAME_DATABASE_URL")
    String env;

    @Mixin Run run;

    private final List<Group> seen = new ArrayList<>();

    public static void main(String... args) { Run.main(new Doctor(), args); }

    @Override public Integer call() { return run.execute("doctor", this::examine); }

    private void examine() throws Exception {
        var steps = new Steps(run, false);
        var settings = new SettingChecks(env).look();
        var databases = new DatabaseChecks(run, settings);
        var stores = new StoreChecks(run, settings);

        // Most of it is waiting for somebody's answer: side by side.
        var database = steps.start(databases::look);
        var store = steps.start(stores::look);
        var tools = steps.start(new ToolChecks(run, settings, databases.server)::look);
        var bucket = steps.start(new BucketChecks(stores)::look);
        var backups = steps.start(new BackupChecks(env, stores)::look);
        var disk = steps.start(new DiskChecks(settings)::look);
        var deploys = new DeployChecks(run, settings);
        var deploying = steps.start(deploys::look);

        show(settings.group);
        for (var group : List.of(tools, database, store, bucket, backups, disk, deploying)) show(Steps.await(group));
        show(new TargetChecks(run, settings, stores.reached.get(), databases.group, deploys.group).look());
        conclude();
    }

    private void show(Group group) {
        if (group.findings().isEmpty()) return;
        seen.add(group);
        if (run.json) return;
        var lines = new StringBuilder(group.name);
        var unchecked = group.findings().stream().filter(finding -> finding.seen().outcome() == Seen.Outcome.not_checked)
            .collect(Collectors.groupingBy(finding -> finding.seen().what(), java.util.LinkedHashMap::new, Collectors.mapping(Group.Finding::name, Collectors.joining(", "))));
        for (var finding : group.findings()) {
            if (finding.seen().outcome() == Seen.Outcome.not_checked) continue;
            line(lines, finding.seen().outcome(), finding.name(), finding.seen().what());
            if (finding.seen().fix() != null) lines.append("\n               fix: ").append(finding.seen().fix());
        }
        unchecked.forEach((why, names) -> line(lines, Seen.Outcome.not_checked, names, why));
        run.console.result(lines.toString());
    }

    private static void line(StringBuilder lines, Seen.Outcome outcome, String name, String what) {
        lines.append(String.format("%n  %-11s  %s: %s", outcome.words(), name, what.replaceAll("\\p{Cntrl}", " ")));
    }

    private record Check(String group, String name, Seen.Outcome outcome, String seen, String fix) { }

    private record Report(String env, String at, String kit, int exit, Map<Seen.Outcome, Integer> outcomes, List<Check> checks) { }

    /** Says how many of each, and ends as the first problem demands. */
    private void conclude() {
        var outcomes = new EnumMap<Seen.Outcome, Integer>(Seen.Outcome.class);
        for (var outcome : Seen.Outcome.values()) outcomes.put(outcome, 0);
        var checks = new ArrayList<Check>();
        Group.Finding first = null;
        for (var group : seen) {
            for (var finding : group.findings()) {
                var outcome = finding.seen().outcome();
                outcomes.merge(outcome, 1, Integer::sum);
                checks.add(new Check(group.name, finding.name(), outcome, finding.seen().what(), finding.seen().fix()));
                if (first == null && outcome == Seen.Outcome.problem) first = finding;
            }
        }
        var failure = first == null ? null : failure(first, outcomes.get(Seen.Outcome.problem));
        run.console.result(run.json ? Json.text(new Report(env, run.started.toString(), Ops.VERSION, failure == null ? 0 : failure.exit.code, outcomes, checks))
            : env + ": " + outcomes.entrySet().stream().map(entry -> entry.getKey().count(entry.getValue())).collect(Collectors.joining(", ")));
        if (failure != null) throw failure;
    }

    private static Failure failure(Group.Finding first, int problems) {
        var what = (problems == 1 ? "1 problem, " : problems + " problems, the first: ") + first.name() + ": " + first.seen().what();
        var hint = first.seen().fix();
        return switch (first.seen().exit()) {
            case SETTING -> new Failure.BadSetting(what, hint);
            case TOOL -> new Failure.ToolFailed(what, hint);
            case STORE -> new Failure.StoreFailed(what, hint);
            case VERIFICATION -> new Failure.NotVerified(what, hint);
            case BUG -> throw new IllegalStateException(what);
            default -> new Failure.Failed(what, hint);
        };
    }
}
