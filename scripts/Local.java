///usr/bin/env true ; exec jbang "$0" "$@"
//DESCRIPTION Run the embedded stack: PostgreSQL with a sample database, an S3 store, and a sample site
//JAVA 17+
//RUNTIME_OPTIONS -XX:+UseSerialGC -Xmx256m
//SOURCES ops/Ops.java
//SOURCES local/EmbeddedPostgres.java
//SOURCES local/EmbeddedS3.java
//SOURCES local/SampleDatabase.java
//SOURCES local/SampleSite.java

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.SQLException;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import local.*;
import ops.*;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Run the embedded stack, in the foreground, until Ctrl-C.
 *
 *      jbang local
 *
 *  Needs nothing installed: PostgreSQL's server comes from Maven Central when the system has none. Only the sample site
 *  needs npm. While it runs, the other commands take --env local. */
@Command(name = "local", mixinStandardHelpOptions = true, sortOptions = false, version = "handover " + Ops.VERSION,
    header = {
        "  local                start the stack; Ctrl-C stops it, its data are kept",
        "  local --scale 180    with a database of about 1 GB",
        "  local --reset        start from nothing", ""},
    description = "Runs PostgreSQL with a sample database, an S3 store and, where npm is, a sample site, on free ports of this machine only. Prints 'ready' when --env local works.%n")
class Local implements Callable<Integer> {
    private static final String BUCKET = "handover-backups", ACCESS_KEY = "handover-local";

    @Option(names = "--scale", paramLabel = "N", description = "N times as many rows; another scale than before makes the sample database anew; default: what is there, else 1")
    Integer scale;

    @Option(names = "--seed", paramLabel = "N", description = "other rows; likewise")
    Integer seed;

    @Option(names = "--reset", description = "delete the databases and the objects of earlier runs first")
    boolean reset;

    @Option(names = "--state", paramLabel = "FOLDER", description = "where all is kept; default: $HANDOVER_LOCAL_STATE, else .handover/local beside the settings")
    Path state;

    @Option(names = "--throwaway", description = "delete all that is kept when the stack stops")
    boolean throwaway;

    @Mixin Run run;

    private Path settings;
    private String noSite;
    private String release;

    public static void main(String... args) { Run.main(new Local(), args); }

    @Override public Integer call() { return run.execute("local", this::serve); }

    private void serve() throws Exception {
        settings = state == null ? Settings.localFile().toAbsolutePath() : state.toAbsolutePath().resolve("env.operations");
        state = settings.getParent();
        var steps = new Steps(run, false);
        steps.check("Make sure that no other stack runs here", this::takeFolder);
        run.state("the embedded stack is stopped; what it keeps is in " + state);
        if (reset) steps.change("Start from nothing", "", this::deleteAll);
        var starting = steps.start(this::startStore);
        var building = steps.start(() -> SiteBuild.in(state.resolve("site"), run));
        var postgres = steps.change("Start PostgreSQL", "", this::startPostgres);
        var sample = new SampleDatabase(postgres, state);
        steps.change("Have the sample database", "", () -> { steps.found(make(sample)); return null; });
        var store = steps.change("Start the S3 store", "", () -> Steps.await(starting));
        var site = steps.change("Start the sample site", "", () -> startSite(building, sample));
        steps.change("Write the settings for --env local", "", () -> writeSettings(postgres, sample, store, site));
        tell(postgres, store, site);
        postgres.awaitEnd();
        TimeUnit.SECONDS.sleep(1);        // Ctrl-C reaches PostgreSQL too, and may end it before we hear of it
        throw new Failure.ToolFailed("PostgreSQL ended by itself", "read " + postgres.log() + ", then start again: ./jbang local");
    }

    /** The settings of an earlier run, which was killed, go first: they would lead nowhere. */
    private Path takeFolder() throws IOException {
        Private.folder(state);
        StateFolder.openTheWay(state);
        if (state.startsWith(Home.state())) StateFolder.openTheWay(Home.state());
        var lock = FolderLock.take(state, "an embedded stack already runs in " + state, "use that one, stop it first, or name another folder: ./jbang local --state FOLDER");
        run.undo.add("release " + state, () -> { if (throwaway) deleteAll(); lock.close(); if (throwaway) StateFolder.delete(state); });
        Files.deleteIfExists(settings);
        return state;
    }

    private Void deleteAll() throws IOException, InterruptedException {
        EmbeddedPostgres.in(state.resolve("postgres"), Optional.empty()).delete();
        try (var all = Files.list(state)) {
            // But the lock: on another file of that name another stack would find it free.
            for (var path : all.filter(path -> !path.endsWith("lock")).toList()) StateFolder.delete(path);
        }
        return null;
    }

    private EmbeddedPostgres startPostgres() throws IOException, InterruptedException {
        var postgres = EmbeddedPostgres.in(state.resolve("postgres"), Optional.empty());
        run.undo.add("stop PostgreSQL", postgres::close);
        return postgres.start();
    }

    private EmbeddedS3 startStore() throws Exception {
        var store = EmbeddedS3.start(state.resolve("s3"), ACCESS_KEY, secretKey(), BUCKET);
        run.undo.add("stop the S3 store", store::close);
        return store;
    }

    /** Whatever keeps the site from being there is said, and no more: the rest is of use without it. */
    private Optional<SampleSite> startSite(Future<SiteBuild> building, SampleDatabase sample) throws Exception {
        try {
            release = Steps.await(building).release();
            var folder = new SiteFolder(state.resolve("www"));
            folder.offer(Steps.await(building));
            var site = SampleSite.start(folder, sample, anonKey());
            run.undo.add("stop the sample site", site::close);
            return Optional.of(site);
        } catch (Failure | IOException e) {
            noSite = "none: " + e.getMessage();
            run.console.warn("there is no sample site: " + e.getMessage() + (e instanceof Failure failure ? "; " + failure.hint : ""));
            return Optional.empty();
        }
    }

    private Secret anonKey() throws IOException { return KeptSecret.in(state.resolve("anon.key")); }

    private Secret secretKey() throws IOException { return KeptSecret.in(state.resolve("s3.secret")); }

    /** Makes the sample database unless it is there as it is wanted; says what it is. */
    private String make(SampleDatabase sample) throws IOException, SQLException {
        var there = sample.made();
        var wanted = new SampleDatabase.Made(scale != null ? scale : there.map(SampleDatabase.Made::scale).orElse(1),
            seed != null ? seed : there.map(SampleDatabase.Made::seed).orElse(SampleDatabase.DEFAULT_SEED));
        var asked = scale != null || seed != null;
        if (there.equals(Optional.of(wanted)) || sample.exists() && there.isEmpty() && !asked) {
            sample.complete();
            return "kept, " + there.map(Object::toString).orElse("made by somebody else");
        }
        if (sample.exists()) run.console.warn("the database dealer is made anew, because it is of " + there.map(Object::toString).orElse("unknown scale") + " and not of " + wanted);
        sample.make(wanted.scale(), wanted.seed());
        return wanted.toString();
    }

    private Path writeSettings(EmbeddedPostgres postgres, SampleDatabase sample, EmbeddedS3 store, Optional<SampleSite> site) throws IOException {
        var values = new LinkedHashMap<String, String>();
        values.put("LOCAL_DATABASE_URL", sample.url());
        values.put("LOCAL_SUPERUSER_URL", postgres.superuserUrl());
        values.put("BACKUP_BUCKET", BUCKET);
        values.put("AWS_ENDPOINT_URL_S3", store.endpoint());
        values.put("AWS_ACCESS_KEY_ID", ACCESS_KEY);
        values.put("AWS_SECRET_ACCESS_KEY", secretKey().reveal());
        values.put("AWS_REGION", "us-east-1");
        values.put("S3_PATH_STYLE", "true");
        if (site.isPresent()) {
            values.put("LOCAL_SITE_URL", site.get().url());
            values.put("LOCAL_SUPABASE_URL", site.get().url());
            values.put("LOCAL_SUPABASE_ANON_KEY", anonKey().reveal());
            values.put("SMOKE_CANARY_ROW", "public.canary:id=1");
            values.put("SMOKE_HIDDEN_ROW", "public.canary:id=2");
            values.put("SMOKE_API_PATH", "/api/trailers");
            values.put("LOCAL_DEPLOY_PROVIDER", "directory");
            values.put("LOCAL_DEPLOY_DIRECTORY", state.resolve("www").toString());
        }
        return run.undo.act(() -> {
            run.undo.add("remove " + settings, () -> Files.deleteIfExists(settings));
            Private.write(settings, "# The embedded stack, while it runs. Written by ./jbang local.\n"
                + values.entrySet().stream().map(value -> value.getKey() + "='" + value.getValue() + "'\n").collect(Collectors.joining()));
            return settings;
        });
    }

    private void tell(EmbeddedPostgres postgres, EmbeddedS3 store, Optional<SampleSite> site) {
        var address = site.map(there -> there.url() + "/").orElse(noSite);
        var database = "postgresql://" + SampleDatabase.OWNER + "@127.0.0.1:" + postgres.port() + "/" + SampleDatabase.NAME;
        if (run.json) run.console.result(Json.text(Map.of("ready", true, "database", database, "store", store.endpoint(), "bucket", BUCKET, "site", address, "settings", settings.toString())));
        else run.console.result(String.join("\n",
            "database  " + database + " (PostgreSQL " + postgres.major() + ", data in " + postgres.data() + ")",
            "store     " + store.endpoint() + ", bucket " + BUCKET + " (objects in " + state.resolve("s3") + ")",
            "site      " + address + site.map(there -> " (built from " + release + ", with an imitation of Supabase)").orElse(""),
            "settings  " + settings + ", read by --env local; the passwords are there",
            "ready"));
    }
}
