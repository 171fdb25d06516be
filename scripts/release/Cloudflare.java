package release;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;
import ops.Failure;
import ops.Run;
import ops.Setting;
import ops.Settings;

/** One account at Cloudflare: its API, and wrangler with the same token. */
final class Cloudflare {
    static final List<String> CONFIGS = List.of("wrangler.json", "wrangler.jsonc", "wrangler.toml");
    /** What a release says of itself, where there is one line for it. */
    private static final Pattern MESSAGE = Pattern.compile("release (\\S+) commit (\\S+)");

    final Api api;
    final CommandLine commandLine;
    private final String account;

    Cloudflare(Run run, Settings settings, Setting project) {
        api = new Api(run, settings, "Cloudflare", Setting.CLOUDFLARE_API_URL, Setting.CLOUDFLARE_API_TOKEN, project);
        commandLine = new CommandLine(run);
        account = settings.require(Setting.CLOUDFLARE_ACCOUNT_ID);
    }

    /** Whether another environment's settings name the same project of the same account. */
    boolean isSharedWith(Settings other, Setting setting, String project) {
        return other.get(setting).filter(project::equalsIgnoreCase).isPresent() && other.get(Setting.CLOUDFLARE_ACCOUNT_ID).filter(account::equalsIgnoreCase).isPresent();
    }

    /** A path below the account. */
    String path(String first, String... parts) {
        var path = new StringBuilder("/accounts/" + Api.part(account) + first);
        for (var part : parts) path.append('/').append(Api.part(part));
        return path.toString();
    }

    /** The configuration file of an application's wrangler. */
    static Optional<Path> config(Application application) {
        return CONFIGS.stream().map(application.folder()::resolve).filter(Files::isRegularFile).findFirst();
    }

    /** Runs the application's wrangler in a folder and gives what it reports, not what it says: a line of JSON for each thing done. */
    List<JsonElement> wrangler(Application application, Path folder, String... arguments) throws IOException, InterruptedException {
        var report = commandLine.folder("report").resolve("wrangler.ndjson");
        commandLine.run(application.program("wrangler"), List.of(arguments), Map.of("CLOUDFLARE_API_BASE_URL", api.base().toString(), "CLOUDFLARE_API_TOKEN", api.token().reveal(), "CLOUDFLARE_ACCOUNT_ID", account, "WRANGLER_OUTPUT_FILE_PATH", report.toString()), folder);
        var reported = new ArrayList<JsonElement>();
        try {
            if (Files.exists(report)) for (var line : Files.readAllLines(report)) reported.add(JsonParser.parseString(line));
        } catch (JsonParseException e) {
            // what is missing is missed by who asks for it
        }
        return reported;
    }

    static Optional<String> reported(List<JsonElement> report, String name) { return report.stream().map(line -> Api.text(line, name)).flatMap(Optional::stream).findFirst(); }

    static String unnamed(List<JsonElement> report) { return "wrangler ended well and named nothing that it has uploaded: " + Api.plain(report.toString()); }

    static String message(Release release) { return "release " + release.id() + " commit " + release.commit().sha(); }

    static Provider.Live live(String deployment, Optional<String> message, Optional<String> commit) {
        var said = MESSAGE.matcher(message.orElse(""));
        return said.find() ? new Provider.Live(deployment, said.group(1), said.group(2)) : new Provider.Live(deployment, null, commit.orElse(null));
    }

    static JsonObject result(JsonObject answer) { return answer.get("result") instanceof JsonObject result ? result : new JsonObject(); }

    static Failure noCommandLine(String why) {
        return new Failure.ToolFailed("Cloudflare takes this release only from wrangler: " + why, "name the application's folder, with its packages installed: --app DIR");
    }
}
