package release;

import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import ops.Failure;
import ops.Home;
import ops.Setting;
import ops.Settings;

/** The folder of an application, with its package.json; it may be one of several in a repository (a workspace). */
public record Application(Path folder) {
    static final String ABOUT = "package.json";

    /** The folder that an option names, or null, else DEPLOY_APP, else the kit's own. */
    public static Path folder(Settings settings, Path option) { return Home.dir().resolve(option != null ? option : Path.of(settings.get(Setting.DEPLOY_APP).orElse(""))).normalize(); }

    /** The folder and those above it, up to the repository's. */
    List<Path> upwards() {
        var top = Stream.iterate(folder, each -> each != null, Path::getParent)
            .filter(each -> Files.exists(each.resolve(".git"))).findFirst().orElse(folder);
        return Stream.iterate(folder, each -> each != null && each.startsWith(top), Path::getParent).toList();
    }

    /** Whether its packages are installed, as they are after every build; what needs none of them goes without. */
    boolean isInstalled() { return upwards().stream().anyMatch(each -> Files.isDirectory(each.resolve("node_modules"))); }

    /** A program that the application pins in its devDependencies, as its package manager has installed it. */
    Path program(String name) {
        return upwards().stream().map(each -> each.resolve("node_modules/.bin").resolve(name))
            .filter(Files::isExecutable).findFirst().orElseThrow(() -> notPinned(name));
    }

    static Failure notPinned(String program) {
        return new Failure.ToolFailed("the application does not bring '" + program + "', which uploads it",
            "pin it there, and commit: npm install --save-dev --save-exact " + program);
    }

    /** What a package.json says; throws Failed when it says nothing that can be read. */
    static JsonObject about(Path file) throws IOException {
        try {
            return JsonParser.parseString(Files.readString(file)).getAsJsonObject();
        } catch (JsonParseException | IllegalStateException | CharacterCodingException e) {
            throw new Failure.Failed(file + " is no JSON object", "correct it, commit, and deploy again");
        }
    }

    /** A text deep inside; empty when it, or anything on the way to it, is missing. */
    static Optional<String> text(JsonObject in, String... way) { return Api.text(in, way); }
}
