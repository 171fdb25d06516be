package release;

import java.nio.file.Files;
import java.nio.file.Path;
import ops.Failure;
import ops.Home;
import ops.Setting;
import ops.Settings;

/** The folder of an application, with its package.json. */
public record Application(Path folder) {
    /** The folder that an option names, or null, else DEPLOY_APP, else the kit's own. */
    public static Path folder(Settings settings, Path option) { return Home.dir().resolve(option != null ? option : Path.of(settings.get(Setting.DEPLOY_APP).orElse(""))).normalize(); }

    /** Whether its packages are installed, as they are after every build; what needs none of them goes without. */
    boolean isInstalled() { return Files.isDirectory(folder.resolve("node_modules")); }

    /** A program that the application pins in its devDependencies, as npm has installed it. */
    Path program(String name) {
        var program = folder.resolve("node_modules/.bin").resolve(name);
        if (Files.isExecutable(program)) return program;
        throw new Failure.ToolFailed("the application in " + folder + " does not bring '" + name + "'", "pin it there: npm install --save-dev --save-exact " + name);
    }
}
