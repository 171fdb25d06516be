package ops;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * A name in a settings file that nobody reads: it is almost a setting's, or lacks the environment that has to stand before
 * it.
 *
 * @param mend the command that gives it its right name
 */
public record Stray(String name, String words, String mend) {
    private static final Set<String> KNOWN = Stream.of(Setting.values()).map(Setting::name)
        .collect(Collectors.toUnmodifiableSet());

    /** Those in the files that are read for an environment; the embedded stack's own is written by no person. */
    public static List<Stray> in(Settings settings) {
        var found = new ArrayList<Stray>();
        if (!settings.env.equals(Settings.LOCAL))
            settings.files().forEach((file, values) ->
                values.forEach((name, value) -> of(name, value, file, settings).ifPresent(found::add)));
        return found;
    }

    private static Optional<Stray> of(String given, String value, Path file, Settings settings) {
        var prefix = settings.prefix();
        var isOwn = given.toUpperCase(Locale.ROOT).startsWith(prefix);
        var name = isOwn ? given.substring(prefix.length()) : given;
        var ending = name.endsWith("_FILE") && !KNOWN.contains(name) ? "_FILE" : "";
        var bare = name.substring(0, name.length() - ending.length());
        var upper = bare.toUpperCase(Locale.ROOT);
        var right = KNOWN.contains(upper) ? Optional.of(upper) : Similar.to(bare, KNOWN);
        if (right.isEmpty()) return Optional.empty();
        var isDatabase = !KNOWN.contains(upper) && Mislaid.DATABASE.matcher(value).matches();
        if (isDatabase && settings.get(Setting.DATABASE_URL).isPresent()) return Optional.empty();
        var setting = isDatabase ? Setting.DATABASE_URL : Setting.valueOf(right.get());
        var isIdentity = setting.kind == Setting.Kind.IDENTITY;
        var meant = (isOwn || isIdentity ? prefix : "") + setting + ending;
        if (meant.equals(given)) return Optional.empty();
        var lacksOnlyItsEnvironment = isIdentity && name.equals(setting + ending);
        // It may be meant for a build, or lie about beside the one that counts.
        if (lacksOnlyItsEnvironment && !isOwn
            && (settings.get(setting).isPresent() || settings.list(Setting.DEPLOY_BUILD_VARIABLES).contains(name)))
            return Optional.empty();
        return Optional.of(new Stray(given, given + " in " + file.getFileName() + ": "
            + (lacksOnlyItsEnvironment && !isOwn ? "it counts only with an environment before it: " : "")
                + "did you mean " + meant + "?",
            new Mending(file).rename(given, meant)));
    }
}
