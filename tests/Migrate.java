///usr/bin/env true ; exec jbang "$0" "$@"
//DESCRIPTION What the migrations' tests start: plan, rehearse or apply, as a deployment does
//JAVA 17+
//SOURCES ../scripts/ops/Ops.java
//SOURCES ../scripts/migrations/Migrations.java

import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.function.Consumer;
import migrations.Apply;
import migrations.MigrateCommand;
import migrations.Migrations;
import migrations.Rehearsal;
import ops.*;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Needed until the tests of a deployment do the same. */
@Command(name = "migrate")
class Migrate implements Callable<Integer> {
    @Parameters String what;

    @Option(names = "--env", required = true) String env;

    @Mixin Run run;

    public static void main(String... args) { Run.main(new Migrate(), args); }

    @Override public Integer call() {
        return run.execute("migrate", () -> migrate(run, run.settings(env), Path.of("").toAbsolutePath(), what,
            run.console::result, run::state));
    }

    /**
     * What the command does.
     *
     * @param result is told what goes to stdout
     * @param state is told what the database is like from then on
     */
    static void migrate(Run run, Settings settings, Path application, String what, Consumer<String> result,
        Consumer<String> state) throws Exception {
        var url = DatabaseUrl.of(settings);
        var steps = new Steps(run, false);
        if (settings.get(Setting.MIGRATE_COMMAND).isPresent()) {
            byCommand(run, settings, application, what, result, state);
            return;
        }
        var migrations = Migrations.of(run, settings, Migrations.folder(settings, application));
        var plan = steps.check("Compare the migrations", () -> {
            try (var session = Database.connect(url, settings, "handover migrate " + settings.env)) {
                var compared = migrations.compare(session);
                steps.found(compared.toString());
                return compared;
            }
        });
        plan.findings().forEach(finding -> result.accept((finding.destructive() ? "destructive: " : "slow: ") + finding));
        plan.invalidIndexes().forEach(result);
        switch (what) {
            case "rehearse" -> {
                var rehearsed = Rehearsal.run(run, settings, Store.open(settings), url, plan, steps);
                for (var loss : rehearsed.losses()) result.accept((loss.destructive() ? "destructive: " : "gone: ") + loss);
                result.accept("rehearsed: " + rehearsed);
            }
            case "apply" -> result.accept("applied: " + Apply.run(run, settings, url, plan, steps, () -> { }, state));
            default -> result.accept(plan.toString());
        }
    }

    private static void byCommand(Run run, Settings settings, Path application, String what, Consumer<String> result,
        Consumer<String> state) throws Exception {
        var command = settings.command(Setting.MIGRATE_COMMAND);
        var last = "";
        try (var session = Database.connect(DatabaseUrl.of(settings), settings, "handover migrate " + settings.env)) {
            last = session.schemaVersion();
        }
        var pending = new MigrateCommand(command, (words, address) -> Tool.build(run, application.resolve(words.get(0)),
            words.subList(1, words.size()), Map.of("DATABASE_URL", address.reveal()), application,
            Duration.ofMinutes(5), line -> true), last);
        var steps = new Steps(run, false);
        if (!what.equals("unrehearsed")) {
            var rehearsed = pending.rehearse(run, settings, Store.open(settings), steps);
            for (var loss : rehearsed.losses())
                result.accept((loss.destructive() ? "destructive: " : "gone: ") + loss);
            result.accept("rehearsed: " + rehearsed + "; " + pending);
        }
        result.accept("breaking: " + pending.breaking());
        if (!what.equals("rehearse"))
            result.accept(pending.apply(run, settings, steps, () -> { }, state));
    }
}
