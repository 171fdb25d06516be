import com.google.gson.Gson;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import release.Artifact;
import release.Preview;

/** A checkout whose environment {@code staging} has an application, and a web server that serves what is deployed of it. */
final class DeployedSite {
    final Kit kit;
    final SiteRepository repository;
    final Path www;
    private final Preview server;

    DeployedSite(Kit kit) {
        this.kit = kit;
        repository = new SiteRepository(kit);
        www = kit.home.resolve("www");
        try {
            server = new Preview(www.resolve("current"));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        repository.ship("directory", url());
        kit.set("STAGING_DEPLOY_DIRECTORY", www.toString());
    }

    String url() { return server.url(); }

    /** Nobody answers any more at the site's address. */
    void stopServing() { server.close(); }

    void close() { server.close(); }

    Kit.Result run(String command, String... more) {
        var all = new ArrayList<>(List.of(command, "--env", "staging"));
        all.addAll(List.of(more));
        return kit.run(all.toArray(String[]::new));
    }

    /** Releases that deploy has shipped, the last one live: folders of the site and its repositories, and the objects in the bucket. */
    private record Shipped(Path home, String url, String bucket, List<String> releases, Map<String, byte[]> objects) { }

    /** One release, two of them, and so on. */
    private static final List<Shipped> SHIPPED = new ArrayList<>();

    List<String> shipTwo() { return ship(2); }

    /** Ships so many releases, each another commit, and gives their ids; the last one is live. deploy makes them once, in a place of their own; all who want as many get the folders and the objects, under their own names. */
    List<String> ship(int number) {
        Shipped shipped;
        synchronized (SHIPPED) {
            while (SHIPPED.size() < number) shipAnother();
            shipped = SHIPPED.get(number - 1);
        }
        return take(shipped);
    }

    private static void shipAnother() {
        var site = new DeployedSite(Stack.kit());
        try {
            var releases = new ArrayList<String>();
            if (!SHIPPED.isEmpty()) {
                releases.addAll(site.take(SHIPPED.get(SHIPPED.size() - 1)));
                site.change(releases.size() == 1 ? "second" : "third");
            }
            site.run("deploy").exits(0);
            releases.add(site.current());
            var home = Files.createDirectory(Stack.folder().resolve(Stack.next("shipped")));
            site.kit.bash("cp -a site site.git www '" + home + "'").exits(0);
            var objects = site.kit.keys().stream().collect(Collectors.toMap(key -> key, site.kit::object));
            SHIPPED.add(new Shipped(home, site.url(), site.kit.bucket, List.copyOf(releases), objects));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } finally {
            site.close();
        }
    }

    private List<String> take(Shipped shipped) {
        kit.bash("# what deploy has made for all tests is put in this one's place\nrm -r site site.git; cp -a '" + shipped.home + "'/. .").exits(0);
        shipped.objects.forEach((key, content) -> kit.put(key, !key.endsWith(".json") ? content
            : new String(content, StandardCharsets.UTF_8).replace(shipped.bucket, kit.bucket).replace(shipped.url, url())
                .getBytes(StandardCharsets.UTF_8)));
        return shipped.releases;
    }

    /** Another commit, whose page says something else. */
    String change(String text) { return repository.write("src/app.js", "document.getElementById('app').textContent = '" + text + "'\n").commit(text); }

    /** The release that the web server serves. */
    String current() {
        try {
            return Files.readSymbolicLink(www.resolve("current")).getFileName().toString();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    boolean isNothingLive() { return !Files.exists(www.resolve("current")); }

    String liveCommit() {
        try {
            return JsonParser.parseString(Files.readString(www.resolve("current/version.json"))).getAsJsonObject().get("commit").getAsString();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    String commitOf(String release) { return kit.json("handover/staging/releases/" + release + ".json").getAsJsonObject("commit").get("sha").getAsString(); }

    Artifact.Stored artifactOf(String release) { return new Gson().fromJson(kit.json("handover/staging/releases/" + release + ".json").get("artifact"), Artifact.Stored.class); }

    /** Why a release is marked bad. */
    String whyBad(String release) { return kit.json("handover/staging/releases/" + release + ".bad.json").get("why").getAsString(); }

    /** The bucket as commands open it. */
    ops.Store store() { return ops.Store.open(kit.settings()); }
}
