package browser;

import com.google.gson.Gson;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import ops.Failure;
import ops.Private;
import ops.Run;
import ops.Tool;
import ops.Workspace;

/**
 * A headless Chromium of our own, spoken to in its DevTools protocol by one thread.
 *
 * <p>Through a pair of pipes, not a port: nobody else on this machine can command it, and it ends by itself with the
 * process that holds the other ends, also after kill -9. Selenium's chromedriver starts any program for whoever asks its
 * port, and leaves Chromium running when it is killed; Playwright would be 200 MB.
 */
public final class Chromium {
    /** Hears what happens in the browser, while it is being called or listened to. */
    public interface Listener { void heard(String event, JsonObject details); }

    /**
     * Chromium has these pipes as file descriptors 3 and 4, which Java can't hand on. A shell can; it is told nothing but
     * this, and gets the command as arguments.
     */
    private static final String WITH_PIPES = "exec \"$@\" 3<&0 4>&1 0</dev/null 1>&2";
    private static final List<String> NAMES = List.of("chromium", "chromium-browser", "google-chrome", "chrome");
    private static final List<String> MAC = List.of("/Applications/Chromium.app/Contents/MacOS/Chromium", "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome");
    private static final List<String> QUIETLY = List.of("--headless=new", "--remote-debugging-pipe", "--disable-dev-shm-usage", "--no-first-run", "--no-default-browser-check",
        "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-default-apps", "--disable-extensions", "--disable-breakpad",
        "--password-store=basic", "--use-mock-keychain", "--mute-audio", "--window-size=1280,900", "about:blank");
    private static final List<String> PROXY = List.of("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY");
    private static final JsonObject END = new JsonObject();
    private static final Gson GSON = new Gson();

    private final Tool tool;
    private final BlockingQueue<JsonObject> arrived = new LinkedBlockingQueue<>();
    private Listener listener = (event, details) -> { };
    private int calls;

    private Chromium(Tool tool) {
        this.tool = tool;
        var reader = new Thread(this::read, "chromium");
        reader.setDaemon(true);
        reader.start();
    }

    /** Starts it with a profile that is thrown away; it ends with the run. Throws Unclear when there is none. */
    public static Chromium start(Run run) throws IOException {
        var program = find();
        var folder = Workspace.create(run);
        var command = new ArrayList<>(List.of("-c", WITH_PIPES, "sh", program.toString(), "--user-data-dir=" + Private.folder(folder.resolve("profile"))));
        command.addAll(QUIETLY);
        if (System.getProperty("user.name").equals("root")) {
            command.add("--no-sandbox");
            run.console.detail("Chromium runs without its sandbox, which root can't have");
        }
        var environment = new HashMap<>(Map.of("HOME", folder.toString()));
        for (var name : PROXY) if (System.getenv(name) != null) environment.put(name, System.getenv(name));
        var tool = Tool.start(run, Path.of("/bin/sh"), command, environment);
        // Asked in this way, and not by TERM, it removes what it has put into the temporary folder.
        run.undo.add("end Chromium", () -> { tool.stdin().close(); tool.ended(); });
        return new Chromium(tool);
    }

    private static Path find() {
        var told = System.getenv("CHROME");
        var path = Stream.of(System.getenv().getOrDefault("PATH", "/usr/bin:/bin").split(File.pathSeparator));
        var places = told != null ? Stream.of(told) : Stream.concat(path.flatMap(folder -> NAMES.stream().map(name -> folder + "/" + name)), MAC.stream());
        return places.map(Path::of).filter(Files::isExecutable).findFirst().orElseThrow(() -> new Failure.Unclear(
            told != null ? "CHROME names no program: " + told : "there is no Chromium or Chrome on this machine to look with",
            Files.exists(Path.of("/usr/bin/apt-get")) ? "apt-get install chromium" : "brew install --cask google-chrome, or name the program with CHROME"));
    }

    public void listener(Listener listener) { this.listener = listener; }

    /** Asks for something without waiting for the answer; gives the number of the call. */
    public int tell(String session, String method, Map<String, ?> parameters) {
        var message = new HashMap<String, Object>(Map.of("id", ++calls, "method", method, "params", parameters));
        if (session != null) message.put("sessionId", session);
        try {
            tool.stdin().write((GSON.toJson(message) + "\0").getBytes(StandardCharsets.UTF_8));
            tool.stdin().flush();
        } catch (IOException e) {
            throw ended();
        }
        return calls;
    }

    /**
     * Asks and waits for the answer: empty when it did not come in time, and an object without anything when it was refused.
     *
     * @param session of a page; null for the browser itself
     */
    public Optional<JsonObject> call(Instant deadline, String session, String method, Map<String, ?> parameters) throws InterruptedException {
        var id = tell(session, method, parameters);
        while (true) {
            var message = next(deadline);
            if (message.isEmpty()) return message;
            if (message.get().has("id") && message.get().get("id").getAsInt() == id)
                return Optional.of(message.get().has("result") ? message.get().getAsJsonObject("result") : new JsonObject());
        }
    }

    /** Has the listener hear whatever happens until then. */
    public void listen(Instant until) throws InterruptedException {
        while (next(until).isPresent()) { }
    }

    private Optional<JsonObject> next(Instant deadline) throws InterruptedException {
        var message = arrived.poll(Math.max(0, Duration.between(Instant.now(), deadline).toMillis()), TimeUnit.MILLISECONDS);
        if (message == END) {
            TimeUnit.SECONDS.sleep(1); // Ctrl-C reaches Chromium too, and may end it before we hear of it
            throw ended();
        }
        if (message != null && message.has("method")) listener.heard(message.get("method").getAsString(), message.getAsJsonObject("params"));
        return Optional.ofNullable(message);
    }

    private Failure ended() {
        return new Failure.Unclear("Chromium did not start, or ended by itself" + tool.said(), "start it by hand and see what it lacks; where it asks for a sandbox: apt-get install chromium-sandbox");
    }

    private void read() {
        try (var in = new BufferedInputStream(tool.stdout())) {
            for (var message = message(in); message.size() > 0; message = message(in)) arrived.add(JsonParser.parseString(message.toString(StandardCharsets.UTF_8)).getAsJsonObject());
        } catch (IOException e) {
            // it has ended
        }
        arrived.add(END);
    }

    private static ByteArrayOutputStream message(InputStream in) throws IOException {
        var bytes = new ByteArrayOutputStream();
        for (int b; (b = in.read()) > 0; ) bytes.write(b);
        return bytes;
    }
}
