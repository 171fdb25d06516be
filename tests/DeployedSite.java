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

    /** Two releases that deploy has shipped: folders of the site and its repositories, and the objects in the bucket. */
    private record Shipped(Path home, String url, String bucket, List<String> releases, Map<String, byte[]> objects) { }

    private static Shipped two;

    /** Ships two releases; the first one's id and the second one's, which is live. deploy makes them once; the next one who wants them gets the folders and the objects, under his own names. */
    List<String> shipTwo() {
        synchronized (Shipped.class) {
            if (two == null) return shipFirst();
        }
        kit.bash("# what deploy has made for an earlier test is put in this one's place\nrm -r site site.git; cp -a '" + two.home + "'/. .").exits(0);
        two.objects.forEach((key, content) -> kit.put(key, key.endsWith(".json") ? renamed(content) : content));
        return two.releases;
    }

    private byte[] renamed(byte[] content) {
        return new String(content, StandardCharsets.UTF_8).replace(two.bucket, kit.bucket).replace(two.url, url())
            .getBytes(StandardCharsets.UTF_8);
    }

    /** The same with the settings of now, which may be such as leave their marks on a release. */
    List<String> shipTwoAnew() {
        run("deploy").exits(0);
        var first = current();
        change("second");
        run("deploy").exits(0);
        return List.of(first, current());
    }

    private List<String> shipFirst() {
        var releases = shipTwoAnew();
        try {
            var home = Files.createDirectory(Stack.folder().resolve(Stack.next("shipped")));
            kit.bash("cp -a site site.git www '" + home + "'").exits(0);
            var objects = kit.keys().stream().collect(Collectors.toMap(key -> key, kit::object));
            two = new Shipped(home, url(), kit.bucket, releases, objects);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return two.releases;
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
}
