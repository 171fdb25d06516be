import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import software.amazon.awssdk.core.sync.RequestBody;
import software.amazon.awssdk.services.s3.model.NoSuchBucketException;
import software.amazon.awssdk.services.s3.model.S3Object;

/** A checkout of the kit with settings of its own, in which commands run as an operator starts them: {@code ./jbang …}. */
final class Kit {
    private static final Set<String> INHERITED = Set.of("PATH", "HOME", "LANG", "HANDOVER_CACHE", "XDG_CACHE_HOME", "JBANG_REPO", "HANDOVER_MAVEN_URL",
        "http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY");
    static final String EVIDENCE = "handover/" + ops.Conformance.NAME;
    /** What a database holds in tests that are not about data; one backup serves them all. */
    static final String ONE_CUSTOMER = "create table customer (id int); insert into customer values (1)";
    private static Path original;

    /** The checkout's folder. */
    final Path home;
    /** Where its commands keep their temporary files. */
    final Path runtime;
    /** Null unless {@link Stack} made it. */
    String bucket;
    /** The database of {@code staging}; null unless {@link Stack} made it. */
    TestDatabase database;
    /** Where its commands are started. */
    Path directory;
    private final Map<String, String> settings = new TreeMap<>();
    private final Map<String, String> environment = new LinkedHashMap<>();

    /** Copies the kit, which keeps what was compiled of it: that goes by the text of the files. The scripts, which no test changes, are the same files in all: their copies were most of what was there to be deleted in the end. */
    Kit(String name) {
        try {
            home = Files.createDirectory(Stack.folder().resolve(name));
            directory = home;
            copy(original(), home, file -> file.toString().endsWith(".java"));
            runtime = Files.createDirectory(home.resolve("runtime"), PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        System.getenv().forEach((variable, value) -> { if (INHERITED.contains(variable)) environment.put(variable, value); });
        with("JAVA_HOME", System.getProperty("java.home")).with("XDG_RUNTIME_DIR", runtime.toString());
    }

    /** All tests run the same text, also when somebody edits the checkout meanwhile. */
    private static synchronized Path original() throws IOException {
        if (original != null) return original;
        original = Files.createDirectory(Stack.folder().resolve("original"));
        Files.createDirectory(original.resolve("tests"));
        for (var part : List.of("jbang", "jbang.sha256", "jbang-catalog.json", "scripts", "acceptance", "tests/sample-site", "tests/bench")) copy(Stack.CHECKOUT.resolve(part), original.resolve(part), file -> false);
        compileOnce(original.resolve("scripts"));
        return original;
    }

    /** Java's second compiler pays for itself in runs that read gigabytes; in thousands of short ones it takes a quarter of their time. */
    private static void compileOnce(Path scripts) throws IOException {
        try (var files = Files.list(scripts)) {
            for (var file : files.filter(each -> each.toString().endsWith(".java")).toList()) {
                var text = Files.readString(file);
                Files.writeString(file, text.replaceFirst("(?m)^(//RUNTIME_OPTIONS .*?)( -XX:Tier[34]\\S+)+$", "$1 -XX:TieredStopAtLevel=1"));
            }
        }
    }

    private static void copy(Path from, Path to, Predicate<Path> link) throws IOException {
        try (var files = Files.walk(from)) {
            for (var file : files.filter(each -> !from.relativize(each).toString().contains("node_modules")).toList()) {
                var copy = to.resolve(from.relativize(file).toString());
                if (link.test(file)) Files.createLink(copy, file);
                else if (!Files.isDirectory(copy)) Files.copy(file, copy);
            }
        }
    }

    /** Sets a setting in the checkout's .env.operations; null removes it. */
    Kit set(String name, String value) {
        if (value != null) Transcript.note(name, value);
        if (value == null) settings.remove(name);
        else settings.put(name, value);
        var text = new StringBuilder();
        settings.forEach((n, v) -> text.append(n).append("='").append(v).append("'\n"));
        return writeSettings(text.toString(), "rw-------");
    }

    /** Has .env.operations be the example, in which an operator has filled in these settings and no more. */
    Kit likeTheExample() {
        var left = new TreeMap<>(settings);
        var text = new StringBuilder();
        try {
            for (var line : Files.readAllLines(Stack.CHECKOUT.resolve(".env.operations.example"))) {
                var value = left.remove(line.replaceFirst("^#?([A-Z][A-Z0-9_]*)=.*", "$1"));
                text.append(value == null ? line : line.replaceFirst("^#?([A-Z0-9_]*=).*", "$1") + "'" + value + "'").append("\n");
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        left.forEach((name, value) -> text.append(name).append("='").append(value).append("'\n"));
        return writeSettings(text.toString(), "rw-------");
    }

    /** Has drills, and what else restores aside, be at a server that stays, where a throwaway one of their own is not what a test is about. */
    Kit withDrillServer() { return set("DRILL_DATABASE_URL", Stack.drillServer()); }

    /** Writes the checkout's .env.operations as it is given. */
    Kit writeSettings(String text, String mode) {
        try {
            var file = home.resolve(".env.operations");
            Files.writeString(file, text);
            Files.setPosixFilePermissions(file, PosixFilePermissions.fromString(mode));
            return this;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Gives the commands an environment variable; null takes it away. */
    Kit with(String variable, String value) {
        if (value != null) Transcript.note(variable, value);
        if (value == null) environment.remove(variable);
        else environment.put(variable, value);
        return this;
    }

    /** Skips the test when a program of these is not installed: the kit itself does without. */
    static void needs(String... programs) {
        for (var program : programs)
            assumeTrue(Stream.of(System.getenv("PATH").split(":")).anyMatch(folder -> Files.isExecutable(Path.of(folder, program))), program + " is not installed");
    }

    /** The settings of staging, for what is called without a process of its own: there the environment is called local. */
    ops.Settings settings() { return settings("staging"); }

    /** The same of another environment. */
    ops.Settings settings(String env) { return ops.Settings.ofStack(local(env)); }

    /** The bucket as commands open it, for what is asked of it without a process of its own. */
    ops.Store store() { return ops.Store.open(settings()); }

    /**
     * Reads a backup back as {@code backups verify} does, in this process, and leaves the evidence beside it.
     *
     * @param wanted its id, a beginning of it, or latest
     */
    void readBack(String wanted) throws Exception {
        var run = new ops.Run();
        try (var store = store()) {
            var unkept = new ops.ReadBack(run, settings(), store).verify(ops.BackupFolder.find(store, "staging", wanted, passedOver -> { }));
            if (unkept.isPresent()) throw unkept.get();
        } finally {
            run.undo.close();
        }
    }

    /** A folder as the embedded stack keeps it, in which an environment's settings are those of local. */
    Path local(String env) {
        var prefix = "^" + env.toUpperCase(Locale.ROOT) + "_";
        var text = settings.entrySet().stream().map(each -> each.getKey().replaceFirst(prefix, "LOCAL_") + "='" + each.getValue() + "'\n").collect(Collectors.joining());
        try {
            var folder = Files.createDirectories(home.resolve("local-" + env));
            ops.Private.write(folder.resolve("env.operations"), text);
            return folder;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** The environment of the commands. */
    Map<String, String> environment() { return Map.copyOf(environment); }

    /** Starts the commands in another folder. */
    Kit in(Path folder) {
        directory = folder;
        return this;
    }

    /** As a terminal does it: in a process group of its own, which gets a Ctrl-C as a whole. */
    Running startInForeground(String... arguments) {
        var command = new ArrayList<>(List.of("setsid", home.resolve("jbang").toString()));
        command.addAll(List.of(arguments));
        return new Running(command, directory, environment);
    }

    /** Runs {@code ./jbang} to its end. */
    Result run(String... arguments) { return start(arguments).result(); }

    Running start(String... arguments) {
        var command = new ArrayList<>(List.of(home.resolve("jbang").toString()));
        command.addAll(List.of(arguments));
        return new Running(command, directory, environment);
    }

    /** Restores the only backup with the lines of its own manifest and stock tools, as a superuser, into a new database. */
    TestDatabase restoreByHand() {
        var fresh = TestDatabase.named(Stack.next("by_hand_"));
        restoreByHandInto(fresh);
        return fresh;
    }

    void restoreByHandInto(TestDatabase fresh) {
        needs("aws", "zstd", "sha256sum");
        var lines = new ArrayList<String>();
        manifest().getAsJsonArray("howto").forEach(line -> lines.add(line.getAsString()));
        var folder = home.resolve(fresh.name);
        // The settings file is one that a shell can source, so that is what a person does first.
        bash("mkdir " + folder + "; set -a; . ./.env.operations; set +a; cd " + folder + "; export NEW_DATABASE=" + fresh.name + " " + TestDatabase.superuserVariables()
            + "\n" + String.join("\n", lines)).exits(0);
    }

    /** Runs a few lines of bash, as a person types them, in the kit's environment. */
    Result bash(String script) { return new Running(List.of("bash", "-euo", "pipefail", "-c", script), directory, environment).result(); }

    /** Keys of all objects in the bucket, in order; but for the evidence that the store is fit, which is no backup's. */
    List<String> keys() { return keys(""); }

    /** Has the store count as one that was looked at before, at this address, as after an earlier backup: what a test does to requests is then not spent on that look. The place is the prefix of its settings. */
    Kit lookedAt(String endpoint, String place) {
        var evidence = new ops.Conformance.Evidence(ops.Ops.VERSION, endpoint, Instant.now().toString(), 1.0, ops.Conformance.Conditions.honoured, true, 10_000);
        var bucket = settings.get(place + "BACKUP_BUCKET");
        try {
            Stack.up().s3.putObject(request -> request.bucket(bucket).key(EVIDENCE), RequestBody.fromBytes(ops.Json.bytes(evidence)));
        } catch (NoSuchBucketException e) {
            // a test that is about that
        }
        return this;
    }

    /** Nobody has looked at the store yet. */
    Kit notLookedAt() {
        delete(EVIDENCE);
        return this;
    }

    List<String> keys(String prefix) {
        return Stack.up().s3.listObjectsV2Paginator(request -> request.bucket(bucket).prefix(prefix)).contents().stream().map(S3Object::key).filter(key -> !key.equals(EVIDENCE)).toList();
    }

    /** Waits until the bucket has an object whose key matches. */
    void awaitKey(String regex) {
        Patience.until(() -> keys().stream().anyMatch(key -> key.matches(regex)), () -> "never had an object " + regex + ": " + keys());
    }

    byte[] object(String key) { return Stack.up().s3.getObjectAsBytes(request -> request.bucket(bucket).key(key)).asByteArray(); }

    JsonObject json(String key) { return JsonParser.parseString(new String(object(key), StandardCharsets.UTF_8)).getAsJsonObject(); }

    /** The manifest of the only backup. */
    JsonObject manifest() {
        assertEquals(1, sealed().size(), () -> "sealed backups: " + sealed());
        return json(sealed().get(0) + "manifest.json");
    }

    /** How far the only backup is proven; its words are those of the listing. */
    ops.Proof proof() {
        var store = ops.Store.open(settings());
        try {
            var folder = ops.BackupFolder.find(store, "staging", manifest().get("id").getAsString(), passedOver -> { });
            return ops.Proof.of(folder.manifest(store), folder.evidence(store));
        } catch (Exception e) {
            throw new AssertionError(e);
        }
    }

    /** What the only backup's first part says of its contents. */
    List<ops.Archive.Entry> contents() {
        var store = ops.Store.open(settings());
        try {
            var folder = ops.BackupFolder.find(store, "staging", manifest().get("id").getAsString(), passedOver -> { });
            var manifest = folder.manifest(store);
            return new ops.PartReader(store, folder, manifest, Optional.empty()).contents(manifest.parts().get(0));
        } catch (Exception e) {
            throw new AssertionError(e);
        }
    }

    /** Rows by SCHEMA.TABLE, as the manifest of the only backup has them. */
    Map<String, Long> countsInManifest() {
        var counts = new TreeMap<String, Long>();
        for (var each : manifest().getAsJsonArray("tables")) {
            var table = each.getAsJsonObject();
            counts.put(table.get("schema").getAsString() + "." + table.get("name").getAsString(), table.get("rows").getAsLong());
        }
        return counts;
    }

    /** What pg_restore makes of a part of the only backup: SQL. */
    String archive(String part) throws IOException {
        try (var raw = ops.Packing.unpack(new ByteArrayInputStream(object(sealed().get(0) + part)), null)) {
            Files.copy(raw, home.resolve("archive"), StandardCopyOption.REPLACE_EXISTING);
        }
        return bash("pg_restore -f - archive").exits(0).out();
    }

    /** Keys of the uploads that were begun, and neither completed nor aborted. */
    List<String> openUploads() {
        try {
            return Stack.up().s3.listMultipartUploads(request -> request.bucket(bucket)).uploads().stream().map(upload -> upload.key()).toList();
        } catch (NoSuchBucketException e) {
            return List.of();
        }
    }

    /** Keys of the sealed backups' folders, oldest first. */
    List<String> sealed() {
        return keys().stream().filter(key -> key.endsWith("/manifest.json")).map(key -> key.substring(0, key.length() - "manifest.json".length())).toList();
    }

    /** Records of the history, oldest first. */
    List<JsonObject> history() {
        return keys().stream().filter(key -> key.contains("/history/")).map(this::json).sorted(Comparator.comparing(record -> Instant.parse(record.get("started").getAsString()))).toList();
    }

    /** The objects of backups, sealed or not: everything but the history. */
    List<String> backupObjects() { return keys().stream().filter(key -> !key.contains("/history/")).toList(); }

    /** All text in the logs. */
    String logs() {
        try (var files = Files.walk(home.resolve(".handover/logs"))) {
            var text = new StringBuilder();
            for (var file : files.filter(Files::isRegularFile).sorted().toList()) text.append(Files.readString(file));
            return text.toString();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    boolean bucketExists() { return Stack.up().s3.listBuckets().buckets().stream().anyMatch(there -> there.name().equals(settings.get("BACKUP_BUCKET"))); }

    /** Puts an object; gives its key. */
    String put(String key, String text) {
        put(key, text.getBytes(StandardCharsets.UTF_8));
        return key;
    }

    void put(String key, byte[] content) { Stack.up().s3.putObject(request -> request.bucket(bucket).key(key), RequestBody.fromBytes(content)); }

    /** A backup that backup-db has made, and its run's record. */
    private record Made(String bucket, String database, Map<String, byte[]> objects) { }

    private static final Map<String, Made> MADE = new ConcurrentHashMap<>();

    /** Fills the database of staging and has a backup of it. backup-db makes one of each SQL; the next one who wants it gets its objects, under his own names: not for a database with properties of its own. */
    Kit backedUp(String sql, String... options) {
        database.execute(sql);
        return backedUpOnce(sql, options);
    }

    /** The same of a database that several tests share, as it is now. */
    Kit backedUp() { return backedUpOnce("\\connect " + database.name); }

    private Kit backedUpOnce(String content, String... options) {
        var made = MADE.computeIfAbsent(content + String.join(" ", options), once -> {
            var command = Stream.concat(Stream.of("backup-db", "--env", "staging"), Stream.of(options));
            run(command.toArray(String[]::new)).exits(0).prints("proof: stored");
            return new Made(bucket, database.name, keys().stream().collect(Collectors.toMap(key -> key, this::object)));
        });
        if (made.bucket.equals(bucket)) return this;
        bash("# what backup-db has made of the same data for an earlier test is put into this one's bucket");
        made.objects.forEach((key, object) -> put(key.replace(made.database, database.name), key.contains("/history/")
            ? new String(object, StandardCharsets.UTF_8).replace(made.bucket, bucket).replace(made.database, database.name)
                .getBytes(StandardCharsets.UTF_8)
            : object));
        forge(sealed().get(0), "\"database\": \"" + made.database, "\"database\": \"" + database.name);
        return this;
    }

    /** Puts a copy of a backup beside it, under another id; its folder. */
    String copyOf(String folder, String id) {
        var copy = folder.replaceFirst("[^/]+/$", id + "/");
        for (var key : keys(folder)) put(copy + key.substring(folder.length()), object(key));
        forge(copy, folder.replaceFirst(".*/(.+)/$", "$1"), id);
        return copy;
    }

    /** A script for psql that ends when there is a certain file. */
    Path sqlThatWaitsFor(Path file) throws IOException { return Files.writeString(home.resolve("waits.sql"), "\\! until [ -e '" + file + "' ]; do sleep 0.1; done\n"); }

    /** Changes a backup's manifest, and has the checksums agree with it. */
    void forge(String folder, String from, String to) {
        var manifest = new String(object(folder + "manifest.json"), StandardCharsets.UTF_8);
        assertTrue(manifest.contains(from), manifest);
        var changed = manifest.replace(from, to).getBytes(StandardCharsets.UTF_8);
        put(folder + "manifest.json", changed);
        try {
            var sum = HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(changed));
            put(folder + "SHA256SUMS", new String(object(folder + "SHA256SUMS"), StandardCharsets.UTF_8).replaceFirst("[0-9a-f]+  manifest.json", sum + "  manifest.json"));
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError(e);
        }
    }

    /** Puts another archive in the only backup's place, and has everything that is said of it agree. */
    void forgeArchive(String makeArchive) {
        needs("zstd");
        var folder = sealed().get(0);
        try {
            var forged = Files.createDirectories(home.resolve("forged"));
            for (var key : keys(folder)) Files.write(forged.resolve(key.substring(folder.length())), object(key));
            bash("cd forged; " + makeArchive + "; zstd -q -f data-00.dump; sha256sum data-00.dump.zst globals.sql.zst > SHA256SUMS"
                + "; old=$(grep -m1 -o '\"sha256\": \"[0-9a-f]*' manifest.json | grep -o '[0-9a-f]*$'); new=$(head -c 64 SHA256SUMS)"
                + "; sed -i \"s/$old/$new/; 0,/\\\"bytes_raw\\\": [0-9]*/s//\\\"bytes_raw\\\": $(stat -c %s data-00.dump)/; 0,/\\\"bytes_stored\\\": [0-9]*/s//\\\"bytes_stored\\\": $(stat -c %s data-00.dump.zst)/\" manifest.json"
                + "; rm data-00.dump; sha256sum manifest.json >> SHA256SUMS").exits(0);
            for (var key : keys(folder)) put(key, Files.readAllBytes(forged.resolve(key.substring(folder.length()))));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Changes what the only backup has of other schemas than its own, by a command for its file outside.sql; all that is said of it agrees. */
    void forgeOutside(String change) {
        needs("zstd");
        var folder = sealed().get(0);
        try {
            var forged = Files.createDirectory(home.resolve("forged-outside"));
            for (var name : List.of("outside.sql.zst", "manifest.json", "SHA256SUMS")) Files.write(forged.resolve(name), object(folder + name));
            bash("""
                cd forged-outside; old=$(sha256sum outside.sql.zst | head -c 64); stored=$(stat -c %s outside.sql.zst)
                zstd -q -d outside.sql.zst; raw=$(stat -c %s outside.sql)
                """ + change + """

                zstd -q -f outside.sql; new=$(sha256sum outside.sql.zst | head -c 64)
                sed -i "s/$old/$new/; s/\\"bytes_raw\\": $raw\\b/\\"bytes_raw\\": $(stat -c %s outside.sql)/; s/\\"bytes_stored\\": $stored\\b/\\"bytes_stored\\": $(stat -c %s outside.sql.zst)/" manifest.json
                sed -i "s/$old/$new/; s/^.*  manifest.json/$(sha256sum manifest.json)/" SHA256SUMS""").exits(0);
            for (var name : List.of("outside.sql.zst", "manifest.json", "SHA256SUMS")) put(folder + name, Files.readAllBytes(forged.resolve(name)));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    void delete(String key) { Stack.up().s3.deleteObject(request -> request.bucket(bucket).key(key)); }

    /** Waits until no process of its commands is left: one that was stopped may take a moment to be gone. */
    void awaitNoProcess() { Patience.until(() -> processes().isEmpty(), () -> "still running: " + processes()); }

    /** Processes that have this checkout or its temporary files in their command line or environment. */
    private List<String> processes() {
        var found = new ArrayList<String>();
        try (var all = Files.newDirectoryStream(Path.of("/proc"), "[0-9]*")) {
            for (var process : all) {
                try {
                    var command = Files.readString(process.resolve("cmdline"), StandardCharsets.ISO_8859_1);
                    if ((command + Files.readString(process.resolve("environ"), StandardCharsets.ISO_8859_1)).contains(home.toString())) found.add(process.getFileName() + " " + command.replace('\0', ' '));
                } catch (IOException e) {
                    // it is gone, or not ours to look at
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return found;
    }

    /** What its commands have left of their temporary files. */
    List<Path> leftTemporary() {
        try (var files = Files.walk(runtime)) {
            return files.filter(path -> !path.equals(runtime)).toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** A command on its way. */
    static final class Running {
        final Process process;
        final List<String> command;
        private final StringBuilder out = new StringBuilder();
        private final StringBuilder err = new StringBuilder();
        private final List<Thread> readers;
        /** The test's. */
        final Thread starter = Thread.currentThread();
        /** What it was sent, in order. */
        final List<String> signals = new CopyOnWriteArrayList<>();
        private final long begun = System.nanoTime();
        private final CompletableFuture<Long> ended;
        private static final List<Running> ALL = new CopyOnWriteArrayList<>();

        /** Those that this thread has started and that have ended. */
        static List<Running> endedHere() { return ALL.stream().filter(running -> running.starter == Thread.currentThread() && !running.process.isAlive()).toList(); }

        /** Ends those that have some property. */
        static void stopAll(Predicate<Running> which) {
            var stopped = ALL.stream().filter(which).toList();
            stopped.forEach(Running::destroy);
            ALL.removeAll(stopped);
        }

        Running(List<String> command, Path directory, Map<String, String> environment) {
            this.command = command;
            var builder = new ProcessBuilder(command).directory(directory.toFile());
            builder.environment().clear();
            builder.environment().putAll(environment);
            try {
                process = builder.start();
                process.getOutputStream().close();
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
            ended = process.onExit().thenApply(process -> System.nanoTime());
            ALL.add(this);
            readers = List.of(reader(process.getInputStream(), out), reader(process.getErrorStream(), err));
        }

        private Thread reader(InputStream stream, StringBuilder to) {
            var thread = new Thread(() -> {
                try (var text = new java.io.InputStreamReader(stream, StandardCharsets.UTF_8)) {
                    var some = new char[4096];
                    for (int read; (read = text.read(some)) >= 0; ) append(to, new String(some, 0, read));
                } catch (IOException e) {
                    // the process is gone, and its exit code says more
                }
            });
            thread.setDaemon(true);
            thread.start();
            return thread;
        }

        private synchronized void append(StringBuilder to, String text) {
            to.append(text);
            notifyAll();
        }

        /** Waits until stdout holds a text. */
        Running awaitOutput(String text) { return await(out, text); }

        /** Waits until stderr holds a text. */
        Running awaitSays(String text) { return await(err, text); }

        private Running await(StringBuilder in, String text) {
            var deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(Patience.LIMIT_SECONDS);
            while (true) {
                var alive = readers.stream().anyMatch(Thread::isAlive);
                synchronized (this) {
                    if (in.indexOf(text) >= 0) return this;
                    if (!alive || System.nanoTime() > deadline) break;
                    try {
                        wait(100);
                    } catch (InterruptedException e) {
                        process.destroyForcibly();
                        throw new AssertionError("interrupted while waiting for: " + text + "\n" + describe(), e);
                    }
                }
            }
            process.destroyForcibly();
            throw new AssertionError("never said: " + text + "\n" + describe());
        }

        /** What was printed on stderr so far. */
        synchronized String saidSoFar() { return err.toString(); }

        /** Sends a signal, INT or TERM or KILL, to the command alone. */
        Running signal(String name) {
            signals.add(name);
            try {
                new ProcessBuilder("kill", "-" + name, String.valueOf(process.pid())).start().waitFor();
            } catch (IOException | InterruptedException e) {
                throw new AssertionError(e);
            }
            return this;
        }

        /** Sends a signal to the command's whole process group. */
        Running signalGroup(String name) {
            signals.add(name);
            try {
                new ProcessBuilder("kill", "-" + name, "--", "-" + process.pid()).start().waitFor();
            } catch (IOException | InterruptedException e) {
                throw new AssertionError(e);
            }
            return this;
        }

        /** Waits for the end. */
        Result result() {
            try {
                if (!process.waitFor(Patience.LIMIT_SECONDS, TimeUnit.SECONDS)) throw new AssertionError("has not ended in " + Patience.LIMIT_SECONDS + " s\n" + describe());
                for (var reader : readers) reader.join(TimeUnit.SECONDS.toMillis(60));
            } catch (InterruptedException e) {
                throw new AssertionError("interrupted\n" + describe(), e);
            } finally {
                destroy();
            }
            return soFar();
        }

        /** One that has ended has no descendants any more, and to look for them all processes are looked through. */
        private void destroy() {
            if (!process.isAlive()) return;
            process.descendants().forEach(ProcessHandle::destroyForcibly);
            process.destroyForcibly();
        }

        private String describe() { return soFar().toString(); }

        /** What it has printed; exit -1 while it runs. */
        synchronized Result soFar() { return new Result(command, process.isAlive() ? -1 : process.exitValue(), out.toString(), err.toString()); }

        /** How long it took; of one that has ended. */
        double seconds() { return (ended.join() - begun) / 1e9; }

        /** Whether it is a command of the kit, and not what a person does beside it. */
        boolean isOfTheKit() { return command.stream().limit(2).anyMatch(word -> word.endsWith("/jbang")); }
    }

    /** How a command ended; its checks show everything when they fail. */
    record Result(List<String> command, int exit, String out, String err) {
        Result exits(int code) {
            assertEquals(code, exit, this::toString);
            return this;
        }

        /** Stderr holds these texts. */
        Result says(String... texts) {
            for (var text : texts) assertTrue(err.contains(text), () -> "does not say: " + text + "\n" + this);
            return this;
        }

        /** Stdout holds these texts. */
        Result prints(String... texts) {
            for (var text : texts) assertTrue(out.contains(text), () -> "does not print: " + text + "\n" + this);
            return this;
        }

        /** Stdout holds something like this. */
        Result printsLike(String regex) {
            assertTrue(Pattern.compile(regex).matcher(out).find(), () -> "does not print anything like: " + regex + "\n" + this);
            return this;
        }

        /** Neither stdout nor stderr holds any of these texts. */
        Result neverShows(String... texts) {
            for (var text : texts) assertFalse((out + err).contains(text), () -> "shows: " + text + "\n" + this);
            return this;
        }

        /** The one JSON document that stdout is. */
        JsonObject json() {
            try {
                return JsonParser.parseString(out).getAsJsonObject();
            } catch (RuntimeException e) {
                throw new AssertionError("stdout is not one JSON object\n" + this, e);
            }
        }

        @Override public String toString() {
            return "command: " + String.join(" ", command) + "\nexit:    " + exit + "\nstdout:  " + out.indent(9).strip() + "\nstderr:  " + err.indent(9).strip();
        }
    }
}
