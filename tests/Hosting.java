import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Map;
import java.util.TreeMap;
import ops.Console;
import ops.Failure;
import ops.Run;
import ops.Settings;
import org.junit.jupiter.api.function.Executable;
import release.Application;
import release.Provider;
import release.Providers;
import release.Release;

/** A provider as the kit sees it, the stand-in behind it, and an application that pins the real command lines. */
final class Hosting implements AutoCloseable {
    static final String TOKEN = "TheTokenThatNobodyMaySee";
    static final String COMMIT = "4f9a1c7d0e2b4f9a1c7d0e2b4f9a1c7d0e2b4f9a";
    private static final HttpClient VISITOR = HttpClient.newHttpClient();

    final DeployStandIn standIn = DeployStandIn.start();
    /** The application's folder. */
    final Path folder;
    final Application application;
    /** The same where nobody has installed its packages. */
    final Application bare;
    private final Map<String, String> settings = new TreeMap<>();
    private final String name;
    private final ByteArrayOutputStream said = new ByteArrayOutputStream();
    private Run run;
    private Provider provider;

    Hosting(String provider) {
        name = provider;
        try {
            folder = Files.createDirectory(Stack.folder().resolve(Stack.next("application")));
            application = new Application(folder);
            bare = new Application(folder.resolve("bare"));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        set("DEPLOY_PROVIDER", provider).set("DEPLOY_LIVE_SECONDS", "20").set("LOG_DIR", folder.resolve("logs").toString());
        set("VERCEL_TOKEN", TOKEN).set("VERCEL_ORG_ID", VercelStandIn.TEAM).set("VERCEL_PROJECT_ID", VercelStandIn.PROJECT).set("VERCEL_API_URL", standIn.url());
        set("CLOUDFLARE_API_TOKEN", TOKEN).set("CLOUDFLARE_ACCOUNT_ID", CloudflareStandIn.ACCOUNT).set("CLOUDFLARE_API_URL", standIn.cloudflareUrl()).set("CLOUDFLARE_PAGES_PROJECT", PagesStandIn.NAME).set("CLOUDFLARE_WORKER", "shop");
    }

    Hosting set(String setting, String value) {
        settings.put("LOCAL_" + setting, value);
        provider = null;
        return this;
    }

    /** With these settings, in a run of its own that says all it has to say. */
    Provider provider() {
        if (provider != null) return provider;
        var text = new StringBuilder();
        settings.forEach((name, value) -> text.append(name).append("='").append(value).append("'\n"));
        try {
            var state = Files.createDirectory(folder.resolve(Stack.next("state")), PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
            Files.createFile(state.resolve("env.operations"), PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
            Files.writeString(state.resolve("env.operations"), text);
            run = listened();
            return provider = Providers.of(run, Settings.ofStack(state));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private Run listened() {
        try {
            var run = listened(said);
            var configure = Console.class.getDeclaredMethod("configure", boolean.class, boolean.class);
            configure.setAccessible(true);
            configure.invoke(run.console, false, true);
            return run;
        } catch (ReflectiveOperationException e) {
            throw new AssertionError(e);
        }
    }

    /** A run in this process, with what it says going there. */
    static Run listened(OutputStream said) {
        synchronized (Hosting.class) {
            var err = System.err;
            System.setErr(new PrintStream(said, true, StandardCharsets.UTF_8));
            try {
                return new Run();
            } finally {
                System.setErr(err);
            }
        }
    }

    /** All that was said so far. */
    String said() { return said.toString(StandardCharsets.UTF_8); }

    /** Has the application bring the real command lines. */
    Hosting withCommandLines() {
        for (var each : new String[] {"vercel", "wrangler"}) program(each, "exec " + String.join(" ", ProviderClis.command(each)) + " \"$@\"");
        return this;
    }

    /** Has it bring a program that notes its arguments, and then does what these lines of shell say. */
    Hosting program(String name, String lines) {
        try {
            var program = Files.createDirectories(folder.resolve("node_modules/.bin")).resolve(name);
            Files.writeString(program, "#!/bin/sh\ntr '\\0' ' ' </proc/$$/cmdline >>'" + folder + "/argv'\necho >>'" + folder + "/argv'\n" + lines + "\n");
            Files.setPosixFilePermissions(program, PosixFilePermissions.fromString("rwxr-xr-x"));
            return this;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** How the application's programs were called so far. */
    String argv() throws IOException { return Files.readString(folder.resolve("argv")); }

    Path write(String file, String text) throws IOException {
        var path = folder.resolve(file);
        Files.createDirectories(path.getParent());
        return Files.writeString(path, text);
    }

    /** What a build of the application leaves, with this on its first page. */
    Path built(String text) throws IOException {
        write("dist/index.html", "<h1>" + text + "</h1>");
        write("dist/assets/app.js", "console.log('the same in all')");
        write("dist/.well-known/security.txt", "Contact: mailto:ops@example.test");
        return folder.resolve("dist");
    }

    Path packed(String text) throws IOException, InterruptedException { return provider().pack(application, built(text)); }

    /** A release; the number makes its id. */
    static Release release(int number) {
        return new Release(Release.FORMAT, "20261124T1915%02dZ-4f9a1c".formatted(number), "staging", "2026-11-24T19:15:00Z", new Release.Commit(COMMIT, "main", "as the test wants it"), null, null, null, "", null, "ops on test", null);
    }

    /** Packs, stages and promotes with the application's command line, or without. */
    Provider.Live deploy(int number, boolean commandLine) throws IOException, InterruptedException {
        var packed = packed("release " + number);
        var with = commandLine ? application : bare;
        return provider().promote(release(number), provider().stage(release(number), packed, with), packed, with);
    }

    /** What a visitor gets at an address. */
    static String page(String url) throws IOException, InterruptedException {
        return VISITOR.send(HttpRequest.newBuilder(URI.create(url)).build(), HttpResponse.BodyHandlers.ofString()).body();
    }

    /** What fails, with a failure of this kind; it holds no token, and no character that moves a cursor. */
    <F extends Failure> F fails(Class<F> kind, Executable what) {
        var failure = assertThrows(Failure.class, what);
        assertInstanceOf(kind, failure, failure::toString);
        for (var text : new String[] {failure.getMessage(), failure.hint}) {
            assertFalse(text.contains(TOKEN), text);
            assertTrue(text.chars().noneMatch(Character::isISOControl), text);
        }
        return kind.cast(failure);
    }

    /** That no token is in anything that was said or given to a program. */
    void tellsNoToken() throws IOException {
        assertFalse(said().contains(TOKEN), this::said);
        assertFalse(argv().contains(TOKEN), argv());
        assertTrue(standIn.visits().stream().allMatch(visit -> visit.authorization() == null), () -> standIn.visits().toString());
    }

    @Override public void close() {
        if (run != null) run.undo.close();
        standIn.close();
    }
}
