package ops;

import java.io.IOException;
import java.net.HttpURLConnection;
import java.net.InetSocketAddress;
import java.net.Proxy;
import java.net.URI;
import java.net.URISyntaxException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.IntConsumer;

import static java.nio.file.StandardOpenOption.CREATE;
import static java.nio.file.StandardOpenOption.READ;
import static java.nio.file.StandardOpenOption.WRITE;

/** Fetches files from Maven Central, or a mirror of it, into a cache, each checked against a pinned SHA-256.
 *
 *  <p>The launcher runs this file by itself, before there is a JBang, so it uses nothing but the JDK. */
public final class MavenCentral {
    /** The only place that names the host; {@code HANDOVER_MAVEN_URL} puts a mirror in its stead. */
    private static final String DEFAULT_URL = "https://repo1.maven.org/maven2";
    private static final int CONNECT_MILLIS = 10_000, READ_MILLIS = 30_000, ATTEMPTS = 4, AT_ONCE = 8;

    private MavenCentral() { }

    /** Returns {@code cache/path}, fetched first unless it is there with this SHA-256 (64 lower-case hex digits).
     *
     *  @param path as the repository has it, {@code org/tukaani/xz/1.12/xz-1.12.jar}
     *  @throws IOException with one sentence for the operator */
    public static Path fetch(Path cache, String path, String sha256) throws IOException {
        return fetchAll(cache, Map.of(path, sha256), done -> { }).get(0);
    }

    /** Fetches several files (path to SHA-256) side by side; the result is in the map's order, {@code progress} hears how many are done. */
    public static synchronized List<Path> fetchAll(Path cache, Map<String, String> files, IntConsumer progress)
            throws IOException {
        var root = Files.createDirectories(cache.toAbsolutePath().normalize());
        // A lock of the operating system: it frees itself when its process dies, however it dies.
        try (var file = FileChannel.open(root.resolve(".lock"), CREATE, WRITE); var lock = file.lock()) {
            var pool = Executors.newFixedThreadPool(Math.min(AT_ONCE, files.size()), work -> {
                var thread = new Thread(work, "fetch");
                thread.setDaemon(true);                   // so that a failure can be reported while others still download
                return thread;
            });
            try {
                var jobs = new ArrayList<Future<Path>>();
                files.forEach((path, sha256) -> jobs.add(pool.submit((Callable<Path>) () -> fetchLocked(root, path, sha256))));
                var done = new ArrayList<Path>();
                for (var job : jobs) {
                    done.add(job.get());
                    progress.accept(done.size());
                }
                return done;
            } catch (ExecutionException e) {
                throw e.getCause() instanceof IOException io ? io : new IOException(e.getCause());
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new IOException("Fetching was interrupted; what is there is kept, the next run goes on from it.", e);
            } finally {
                pool.shutdownNow();
            }
        }
    }

    private static Path fetchLocked(Path cache, String path, String sha256) throws IOException, InterruptedException {
        var file = cache.resolve(path).normalize();
        if (!file.startsWith(cache)) throw new IOException("The path " + path + " leads out of the cache.");
        if (Files.exists(file) && sha256(file).equals(sha256)) return file;
        Files.createDirectories(file.getParent());
        var part = file.resolveSibling(file.getFileName() + ".part");
        for (int attempt = 1; ; attempt++) {
            long before = size(part);
            try {
                download(path, part);
            } catch (Final e) {
                throw e;
            } catch (IOException e) {
                if (size(part) > before) attempt = 1;     // a bad line that gets on is no reason to give up
                if (attempt == ATTEMPTS) {
                    throw new IOException("Could not fetch " + path + " from " + base() + " (" + e.getClass().getSimpleName()
                            + ": " + e.getMessage() + "). A proxy goes into https_proxy, a mirror into HANDOVER_MAVEN_URL.", e);
                }
                Thread.sleep(250L << attempt);
                continue;
            }
            var found = sha256(part);
            if (found.equals(sha256)) {
                return Files.move(part, file, StandardCopyOption.ATOMIC_MOVE);
            }
            Files.delete(part);
            // What an earlier run left may have been damaged: that is no reason yet to suspect the server.
            if (before == 0) throw new Final(14, "The checksum of " + path + " from " + base()
                    + " is wrong, the file was deleted.\n  expected SHA-256 " + sha256 + "\n  found            " + found);
        }
    }

    /** Appends to {@code part} what it lacks. */
    private static void download(String path, Path part) throws IOException {
        try (var out = FileChannel.open(part, CREATE, WRITE)) {
            long have = out.size();
            var http = open(path);
            http.setConnectTimeout(CONNECT_MILLIS);
            http.setReadTimeout(READ_MILLIS);
            if (have > 0) http.setRequestProperty("Range", "bytes=" + have + "-");
            int status = http.getResponseCode();
            var range = String.valueOf(http.getHeaderField("Content-Range"));
            // Nothing lacking, or not the range that was asked for: the checksum decides, and a wrong one starts afresh.
            if (status == 416 || status == 206 && !range.startsWith("bytes " + have + "-")) return;
            if (status == 429 || status >= 500) throw new IOException("the server answered " + status);
            if (status != 206 && status != 200) {
                throw new Final(12, "Could not fetch " + path + " from " + base() + ": the server answered " + status + ".");
            }
            if (status == 206) out.position(have);
            else out.truncate(0);
            long expected = http.getContentLengthLong(), got = 0;
            try (var in = http.getInputStream()) {
                var buffer = new byte[1 << 16];
                for (int n; (n = in.read(buffer)) >= 0; got += n) {
                    for (var bytes = ByteBuffer.wrap(buffer, 0, n); bytes.hasRemaining(); ) out.write(bytes);
                }
            }
            if (got < expected) throw new IOException("the connection ended after " + got + " of " + expected + " bytes");
            out.force(true);                              // or a power cut could leave an empty file under the final name
        }
    }

    private static HttpURLConnection open(String path) throws IOException {
        var uri = address("HANDOVER_MAVEN_URL", base() + "/" + path);
        var proxy = proxy(uri);
        return (HttpURLConnection) (proxy == null ? uri.toURL().openConnection() : uri.toURL().openConnection(proxy));
    }

    /** What https_proxy and no_proxy ask for; null leaves it to Java's own settings. */
    private static Proxy proxy(URI uri) throws IOException {
        for (var host : env("no_proxy").split(",")) {
            var name = host.strip().replaceFirst("^\\*?\\.", "");
            if (name.equals("*") || !name.isEmpty() && ("." + uri.getHost()).endsWith("." + name)) return Proxy.NO_PROXY;
        }
        var setting = env(uri.getScheme() + "_proxy");
        if (setting.isEmpty()) return null;
        var via = address(uri.getScheme() + "_proxy", setting.contains("://") ? setting : "http://" + setting);
        return new Proxy(Proxy.Type.HTTP, new InetSocketAddress(via.getHost(), via.getPort() < 0 ? 80 : via.getPort()));
    }

    private static URI address(String setting, String value) throws IOException {
        try {
            var uri = new URI(value);
            // A password is refused because the launcher hands the mirror's address to JBang, where ps shows it.
            var web = Set.of("http", "https").contains(String.valueOf(uri.getScheme()));
            if (web && uri.getHost() != null && uri.getUserInfo() == null) return uri;
        } catch (URISyntaxException e) {
            // said below, without the value
        }
        throw new Final(78, setting + " must be http:// or https://, a host and perhaps a port and a path, without a password.");
    }

    private static String env(String name) {
        var value = System.getenv(name);
        return value != null ? value : System.getenv().getOrDefault(name.toUpperCase(), "");
    }

    private static String base() {
        var url = System.getenv().getOrDefault("HANDOVER_MAVEN_URL", "");
        return (url.isBlank() ? DEFAULT_URL : url.strip()).replaceFirst("/+$", "");
    }

    private static long size(Path file) throws IOException {
        return Files.exists(file) ? Files.size(file) : 0;
    }

    private static String sha256(Path file) throws IOException {
        try (var in = FileChannel.open(file, READ)) {
            var digest = MessageDigest.getInstance("SHA-256");
            for (var buffer = ByteBuffer.allocate(1 << 16); in.read(buffer.clear()) >= 0; ) digest.update(buffer.flip());
            return HexFormat.of().formatHex(digest.digest());
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);           // every JDK has it
        }
    }

    /** A failure that trying again does not mend. */
    private static final class Final extends IOException {
        final int exitCode;

        Final(int exitCode, String sentence) {
            super(sentence);
            this.exitCode = exitCode;
        }
    }

    /** Fetches what a list as {@code sha256sum} writes it names: {@code java MavenCentral.java CACHE LIST TITLE [counter]}. */
    public static void main(String[] args) {
        try {
            var files = new LinkedHashMap<String, String>();
            for (var line : Files.readAllLines(Path.of(args[1]))) {
                if (!line.matches("[0-9a-f]{64}  \\S+")) {
                    throw new IOException("No checksum and path in this line of " + args[1] + ": " + line);
                }
                files.put(line.substring(66), line.substring(0, 64));
            }
            System.err.println("Fetching " + args[2]);
            boolean counter = args.length > 3;
            fetchAll(Path.of(args[0]).toAbsolutePath(), files, done -> {
                if (counter) System.err.print("\r" + done + " of " + files.size() + (done < files.size() ? "" : "\r\033[K"));
            });
        } catch (IOException e) {
            System.err.println(e.getMessage());
            System.exit(e instanceof Final known ? known.exitCode : 12);
        }
    }
}
