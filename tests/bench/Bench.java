///usr/bin/env true ; exec jbang "$0" "$@"
//DESCRIPTION Compare speed and memory with the usual shell pipelines
//JAVA 17+
//RUNTIME_OPTIONS -XX:+UseSerialGC -Xmx64m
//SOURCES ../../scripts/ops/Ops.java

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.regex.Pattern;
import ops.*;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Our way and the others in turn, in the same run, on the embedded stack.
 *
 *      jbang bench --runs 5
 *
 *  Needs PostgreSQL's client programs, aws, zstd, gzip and Linux's /proc. */
@Command(name = "bench", mixinStandardHelpOptions = true, sortOptions = false,
    header = {
        "  bench                     backups: about 1 GB of plain dump, three runs",
        "  bench restore             restores of the same, and a drill",
        "  bench deploy              deploys and rollbacks of the sample site, on a folder",
        "  bench backup restore      the one after the other",
        "  bench --scale 2 --runs 1  a quick look", ""},
    description = "Prints medians. CPU is of the commands alone, without the servers'; memory is of all processes of a command together, at its highest, in a run of its own.%n")
class Bench implements Callable<Integer> {
    private static final Pattern CPU = Pattern.compile("([0-9]+)m([0-9.]+)s ([0-9]+)m([0-9.]+)s\\s*$");

    enum What { backup, restore, deploy }

    @Parameters(arity = "0..*", defaultValue = "backup", description = "${COMPLETION-CANDIDATES}; default ${DEFAULT-VALUE}")
    List<What> what;

    @Option(names = "--scale", defaultValue = "180", description = "size of the sample database; default ${DEFAULT-VALUE}, about 1 GB of plain dump")
    int scale;

    @Option(names = "--runs", defaultValue = "3", description = "default ${DEFAULT-VALUE}")
    int runs;

    @Mixin Run run;

    private final Path launcher = Home.dir().resolve("jbang");
    private final Path state = Home.state().resolve("bench");
    private Map<String, String> environment;
    private String bucket;

    /** One way to do it: command lines for bash, in which pipes are what is being compared; only the second is measured. */
    private record Way(String name, String before, String command) {
        Way(String name, String command) { this(name, "", command); }
    }

    private record Figures(double wall, double cpu, long memory, long disk) { }

    /** Medians of one way; the ratio is of the kit's own time, which comes first, to its. */
    private record Row(What what, String way, double seconds, double ratio, double cpuSeconds, double memoryMb, double diskMb) { }

    private record Report(double dumpMb, int scale, int runs, List<Row> rows) { }

    public static void main(String... args) { Run.main(new Bench(), args); }

    @Override public Integer call() { return run.execute("bench", this::compare); }

    private void compare() throws Exception {
        startStack();
        var rows = new ArrayList<Row>();
        for (var each : what) {
            var found = compare(each);
            if (!run.json) print(found);
            rows.addAll(found);
        }
        if (run.json) run.console.result(Json.text(new Report(dumpMb(), scale, runs, rows)));
        else run.console.result("ratio: our time divided by theirs");
    }

    private List<Row> compare(What what) throws Exception {
        var ways = switch (what) { case backup -> backups(); case restore -> restores(); case deploy -> deploys(); };
        var figures = new LinkedHashMap<Way, List<Figures>>();
        run.console.say("once each, watched and not timed: looking at processes takes time from them, and afterwards all start warm");
        var peaks = new LinkedHashMap<Way, Figures>();
        for (var way : ways) peaks.put(way, measure(way, true));
        for (var i = 1; i <= runs; i++) {
            for (var way : ways) {
                var measured = measure(way, false);
                figures.computeIfAbsent(way, w -> new ArrayList<>()).add(measured);
                run.console.say(String.format(Locale.ROOT, "run %d  %-60s %6.2f s", i, way.name, measured.wall));
            }
        }
        var ours = median(figures.get(ways.get(0)).stream().map(Figures::wall).toList());
        return ways.stream().map(way -> {
            var wall = median(figures.get(way).stream().map(Figures::wall).toList());
            return new Row(what, way.name, wall, ours / wall, median(figures.get(way).stream().map(Figures::cpu).toList()), peaks.get(way).memory / 1e6, peaks.get(way).disk / 1e6);
        }).toList();
    }

    /** What pg_dump makes of the sample database. */
    private double dumpMb() throws IOException, InterruptedException {
        bash("a dump", "pg_dump \"$URL\" | wc -c >'" + state + "/size'");
        return Long.parseLong(Files.readString(state.resolve("size")).strip()) / 1e6;
    }

    private void startStack() throws IOException, InterruptedException {
        environment = new LinkedHashMap<>(System.getenv());
        environment.put("HANDOVER_LOCAL_STATE", state.toString());
        var local = Tool.start(run, launcher, List.of("local", "--state", state.toString(), "--scale", String.valueOf(scale)), environment).patient(Duration.ofSeconds(30));
        var lines = new BufferedReader(new InputStreamReader(local.stdout(), StandardCharsets.UTF_8));
        var line = lines.readLine();
        while (line != null && !line.equals("ready")) line = lines.readLine();
        if (line == null) throw new Failure.Failed("the embedded stack did not start" + local.said(), "start it alone and look: ./jbang local");
        for (var setting : Files.readAllLines(state.resolve("env.operations"))) {
            var name = setting.replaceFirst("=.*", "");
            if (setting.contains("=") && !setting.startsWith("#")) environment.put(name, setting.substring(name.length() + 1).replaceAll("^'|'$", ""));
        }
        environment.put("AWS_DEFAULT_REGION", environment.get("AWS_REGION"));
        environment.put("URL", environment.get("LOCAL_DATABASE_URL"));
        bucket = environment.get("BACKUP_BUCKET");
    }

    private static final String AWS = "aws --endpoint-url \"$AWS_ENDPOINT_URL_S3\" s3 cp ";

    private List<Way> backups() {
        var to = "s3://" + bucket + "/bench/other";
        return List.of(
            new Way("backup-db, the whole command", "exec '" + launcher + "' backup-db --env local --quiet >/dev/null"),
            new Way("pg_dump -Fc -Z0 | zstd -3 -T2 | aws s3 cp -", "pg_dump -Fc -Z0 \"$URL\" | zstd -q -3 -T2 | " + AWS + "- " + to),
            new Way("pg_dump >file; gzip; sha256sum; aws s3 cp", "pg_dump \"$URL\" >dump.sql && gzip -k dump.sql && sha256sum dump.sql.gz >dump.sha256 && " + AWS + "--no-progress dump.sql.gz " + to + " >/dev/null"),
            new Way("limit: pg_dump -Fc -Z0 >/dev/null", "pg_dump -Fc -Z0 \"$URL\" >/dev/null"));
    }

    /** All restore the same backup; the others' archives are made of it, or of the same database, beforehand. */
    private List<Way> restores() throws IOException, InterruptedException {
        var kept = Files.createDirectories(state.resolve("kept"));
        var packed = "s3://" + bucket + "/bench/dump.sql.gz";
        environment.put("OTHER", environment.get("URL").replaceFirst("/[^/]*$", "/bench_other"));
        bash("prepare", "cd '" + kept + "' && '" + launcher + "' backup-db --env local --quiet >/dev/null && pg_dump -Fc -Z0 -f archive \"$URL\" && pg_dump \"$URL\" | gzip >dump.sql.gz && sha256sum dump.sql.gz >dump.sha256 && "
            + AWS + "--no-progress dump.sql.gz " + packed + " >/dev/null");
        var server = "psql -qAtX -v ON_ERROR_STOP=1 \"$LOCAL_SUPERUSER_URL\" ";
        // Nothing that one way has left to the server may be done in the next one's time.
        bash("prepare", server + "-c 'alter system set autovacuum = off' -c 'select pg_reload_conf()'");
        var clean = server + "-c \"select format('drop database %I;', datname) from pg_database where datname ~ '^dealer_old_'\" | " + server + "-f - && " + server + "-c 'drop database if exists bench_other' && "
            + server + "-c checkpoint && sync";
        var empty = clean + " && " + server + "-c 'create database bench_other template template0 owner dealer'";
        var ours = "exec '" + launcher + "' restore-db --env local --no-safety-backup --quiet ";
        return List.of(
            new Way("restore-db, the whole command", clean, ours + ">/dev/null"),
            new Way("pg_restore -j of a local, decompressed file", empty, "pg_restore -j " + Runtime.getRuntime().availableProcessors() + " --exit-on-error -d \"$OTHER\" '" + kept + "/archive'"),
            new Way("aws s3 cp; sha256sum; gunzip; psql", empty, AWS + "--no-progress " + packed + " . >/dev/null && sha256sum -c --quiet '" + kept + "/dump.sha256' && gunzip dump.sql.gz && psql -qX -v ON_ERROR_STOP=1 -f dump.sql \"$OTHER\" >/dev/null"),
            new Way("backups drill: restored into a server of its own, and compared", "'" + launcher + "' backups drill latest --env local --quiet >/dev/null"),
            new Way("restore-db --stream", clean, ours + "--stream >/dev/null"),
            new Way("restore-db --jobs 1", clean, ours + "--jobs 1 >/dev/null"),
            new Way("restore-db --mode in-place", clean, ours + "--mode in-place >/dev/null"));
    }

    /** By hand is what the package of scripts did: a rollback was a build of the commit before. */
    private List<Way> deploys() throws IOException, InterruptedException {
        var kept = Files.createDirectories(state.resolve("kept"));
        var site = kept.resolve("site");
        var www = state.resolve("www");
        bash("prepare", "rm -rf '" + site + "' '" + site + ".git' && cp -r '" + Home.dir().resolve("tests/sample-site") + "' '" + site + "' && cd '" + site + "' && rm -rf node_modules dist && printf 'node_modules/\ndist/\n' >.gitignore && git init -q -b main && git init -q --bare ../site.git && git remote add origin ../site.git");
        var commit = "cd '" + site + "' && date +%s%N >public/stamp.txt && git add -A && git -c user.name=bench -c user.email=bench@localhost commit -q -m stamp && git push -q origin main";
        var deploy = "'" + launcher + "' deploy --env local --quiet --app '" + site + "' >/dev/null";
        var twoLive = commit + " && " + deploy + " && " + commit + " && " + deploy;
        var byHand = "git clone -q '" + site + "' . && git checkout -q %s && npm ci --no-audit --no-fund >/dev/null && SITE_RELEASE=$(git rev-parse HEAD) npm run build >/dev/null && rm -rf '" + kept + "/by-hand' && cp -r dist '" + kept + "/by-hand' && ln -sfn '" + kept + "/by-hand' '" + kept + "/by-hand-current'";
        return List.of(
            new Way("deploy, the whole command", commit, "exec " + deploy),
            new Way("git clone; npm ci; npm run build; cp; ln", commit, byHand.formatted("HEAD")),
            new Way("rollback, the whole command: instant", twoLive, "exec '" + launcher + "' rollback --env local --quiet >/dev/null"),
            new Way("rollback, the whole command: archived artifact", twoLive + " && find '" + www + "/releases' -mindepth 1 -maxdepth 1 ! -name \"$(basename \"$(readlink '" + www + "/current')\")\" -exec rm -r {} +", "exec '" + launcher + "' rollback --env local --quiet >/dev/null"),
            new Way("rollback by hand: the commit before, cloned and built", twoLive, byHand.formatted("HEAD~1")));
    }

    private void bash(String name, String script) throws IOException, InterruptedException {
        if (script.isEmpty()) return;
        var errors = Files.createTempFile("handover-bench-", ".err");
        var builder = new ProcessBuilder("bash", "-c", "set -o pipefail; " + script).redirectError(errors.toFile()).redirectOutput(ProcessBuilder.Redirect.DISCARD);
        builder.environment().putAll(environment);
        if (builder.start().waitFor() != 0) throw new Failure.Failed("preparing " + name + " failed: " + Files.readString(errors), "mend that first");
        Files.delete(errors);
    }

    /** Runs one command in an empty folder that is its TMPDIR too; only watched, it has figures of memory and disk. */
    private Figures measure(Way way, boolean watched) throws IOException, InterruptedException {
        bash(way.name, way.before);
        var folder = Files.createTempDirectory("handover-bench-");
        var errors = Files.createTempFile("handover-bench-", ".err");
        try {
            // times(1) of bash has the CPU time of all that ended below it; exec would lose it, so in a subshell.
            var builder = new ProcessBuilder("bash", "-c", "set -o pipefail; (" + way.command + "); code=$?; times >&2; exit $code").directory(folder.toFile());
            builder.environment().putAll(environment);
            builder.environment().put("TMPDIR", folder.toString());
            builder.environment().put("JAVA_TOOL_OPTIONS", "");
            builder.redirectError(errors.toFile()).redirectOutput(ProcessBuilder.Redirect.DISCARD);
            var begun = System.nanoTime();
            var process = builder.start();
            run.undo.add("stop " + way.name, () -> { process.descendants().forEach(ProcessHandle::destroy); process.destroy(); });
            long memory = 0;
            long disk = 0;
            while (watched && !process.waitFor(30, java.util.concurrent.TimeUnit.MILLISECONDS)) {
                memory = Math.max(memory, process.descendants().mapToLong(Bench::resident).sum());
                disk = Math.max(disk, size(folder) + process.descendants().mapToLong(Bench::nameless).sum());
            }
            process.waitFor();
            var wall = (System.nanoTime() - begun) / 1e9;
            var said = Files.readString(errors);
            if (process.exitValue() != 0) throw new Failure.Failed(way.name + " failed: " + said, "mend that first; figures of failures say nothing");
            var cpu = CPU.matcher(said);
            if (!cpu.find()) throw new IllegalStateException("no times in: " + said);
            return new Figures(wall, seconds(cpu, 1) + seconds(cpu, 3), memory, disk);
        } finally {
            Private.remove(folder);
            Files.delete(errors);
        }
    }

    private static double seconds(java.util.regex.Matcher times, int group) {
        return Integer.parseInt(times.group(group)) * 60 + Double.parseDouble(times.group(group + 1));
    }

    private static long resident(ProcessHandle process) {
        try {
            for (var line : Files.readAllLines(Path.of("/proc/" + process.pid() + "/status")))
                if (line.startsWith("VmRSS:")) return Long.parseLong(line.replaceAll("[^0-9]", "")) * 1024;
        } catch (IOException e) {
            // it has just ended
        }
        return 0;
    }

    /** Files that a process has open, and that have no name any more. */
    private static long nameless(ProcessHandle process) {
        long bytes = 0;
        try (var open = Files.newDirectoryStream(Path.of("/proc/" + process.pid() + "/fd"))) {
            for (var file : open) if (Files.readSymbolicLink(file).toString().endsWith(" (deleted)")) bytes += Files.size(file);
        } catch (IOException | java.nio.file.DirectoryIteratorException e) {
            // it has just ended
        }
        return bytes;
    }

    private static long size(Path folder) throws IOException {
        try (var files = Files.walk(folder)) {
            return files.mapToLong(file -> file.toFile().isFile() ? file.toFile().length() : 0).sum();
        } catch (java.io.UncheckedIOException e) {
            return 0; // a file has gone meanwhile
        }
    }

    private void print(List<Row> rows) {
        run.console.result(String.format("| medians of %d, scale %d, %d cores, Java %s | wall s | ratio | CPU s | memory MB | temp disk MB |", runs, scale, Runtime.getRuntime().availableProcessors(), Runtime.version().feature()));
        run.console.result("|---|---|---|---|---|---|");
        for (var row : rows) run.console.result(String.format(Locale.ROOT, "| %s | %.2f | %.2f | %.1f | %.0f | %.0f |", row.way, row.seconds, row.ratio, row.cpuSeconds, row.memoryMb, row.diskMb));
    }

    private static double median(List<Double> values) { return values.stream().sorted().skip(values.size() / 2).findFirst().orElseThrow(); }
}
