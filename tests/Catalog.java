import com.google.gson.JsonParser;
import java.io.IOException;
import java.nio.file.Files;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** What the launcher can run: the commands of jbang-catalog.json, with the subcommands and options that their sources declare. */
final class Catalog {
    private static final Pattern COMMAND = Pattern.compile("@Command\\(name = \"([^\"]+)\"");
    private static final Pattern OPTION = Pattern.compile("@Option\\(names = (\\{[^}]*\\}|\"[^\"]*\")");

    /** By command, {@code backup-db}, or by command and subcommand, {@code backups list}. */
    private final Map<String, Set<String>> options = new HashMap<>();
    private final Map<String, String> byScript = new HashMap<>();

    Catalog() throws IOException {
        var aliases = JsonParser.parseString(source("jbang-catalog.json")).getAsJsonObject().getAsJsonObject("aliases");
        for (var alias : aliases.entrySet()) {
            var script = alias.getValue().getAsJsonObject().get("script-ref").getAsString();
            byScript.put(script, alias.getKey());
            var commands = source(script).split("(?=@Command\\(name = )");
            options.put(alias.getKey(), commands.length > 1 ? options(commands[1]) : Set.of());
            for (var i = 2; i < commands.length; i++) {
                var name = COMMAND.matcher(commands[i]);
                name.find();
                options.put(alias.getKey() + " " + name.group(1), options(commands[1] + commands[i]));
            }
        }
    }

    /** The file of a command's script, in the checkout. */
    String script(String command) {
        return byScript.entrySet().stream().filter(each -> each.getValue().equals(command)).findFirst().orElseThrow().getKey();
    }

    /** Whether a code begins with a command's name, as in {@code backups list}. */
    boolean isCommand(String code) { return options.containsKey(code.replaceFirst(" .*", "")); }

    /** What does not exist in a call, as in {@code backups list --env staging}; empty when all of it does. */
    Optional<String> unknown(String call) {
        var words = List.of(call.replaceAll("\"[^\"]*\"", "TEXT").split("\\s+"));
        var command = byScript.getOrDefault(words.get(0), words.get(0));
        if (!options.containsKey(command)) return Optional.of(command);
        if (options.keySet().stream().anyMatch(name -> name.startsWith(command + " "))) {
            var subcommand = words.size() > 1 ? command + " " + words.get(1) : command;
            return options.containsKey(subcommand) ? missing(words, options.get(subcommand)) : Optional.of(subcommand);
        }
        return missing(words, options.get(command));
    }

    /** What no command knows in options that stand alone, as in {@code --env local}. */
    Optional<String> unknownAlone(String code) {
        return missing(List.of(code.split("\\s+")), new TreeSet<>(options.values().stream().flatMap(Set::stream).toList()));
    }

    private static Optional<String> missing(List<String> words, Set<String> options) {
        return words.stream().filter(word -> word.startsWith("-")).map(word -> word.replaceFirst("=.*", "")).filter(word -> !options.contains(word)).findFirst();
    }

    private static Set<String> options(String source) throws IOException {
        var found = new TreeSet<String>();
        OPTION.matcher(source + (source.contains("@Mixin Run ") ? source("scripts/ops/Run.java") : "")).results()
            .flatMap(option -> Pattern.compile("-[^\",]+").matcher(option.group(1)).results()).forEach(name -> found.add(name.group()));
        if (source.contains("mixinStandardHelpOptions = true")) Stream.of("-h", "--help", "-V", "--version").forEach(found::add);
        return found;
    }

    private static String source(String file) throws IOException { return Files.readString(Stack.CHECKOUT.resolve(file)); }
}
