package release;

import java.nio.file.Files;
import java.nio.file.Path;
import ops.Failure;

/** The folder of an application, with its package.json. */
public record Application(Path folder) {
    /** A program that the application pins in its devDependencies, as npm has installed it. */
    Path program(String name) {
        var program = folder.resolve("node_modules/.bin").resolve(name);
        if (Files.isExecutable(program)) return program;
        throw new Failure.ToolFailed("the application in " + folder + " does not bring '" + name + "'", "pin it there: npm install --save-dev --save-exact " + name);
    }
}
