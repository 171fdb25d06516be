import com.google.gson.JsonParser;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
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

    /** Ships two releases; the first one's id and the second one's, which is live. */
    List<String> shipTwo() {
        run("deploy").exits(0);
        var first = current();
        change("second");
        run("deploy").exits(0);
        return List.of(first, current());
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
