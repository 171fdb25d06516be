package ops;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * Where a setting that is not set may stand all the same: under a name that is almost its own, or in a file that is not
 * read.
 */
record Mislaid(String what, String next) {
    private static final Pattern FILE_NAME = Pattern.compile("(?=[\\w.-]+$)(\\.?env.*|.*\\.env|.*operations.*)");
    static final Pattern DATABASE = Pattern.compile("(jdbc:)?postgres(ql)?://.*");
    private static final int LARGEST = 1 << 20;

    /**
     * @param wanted the name that is looked up, as STAGING_DATABASE_URL
     * @param files names and values of the files that are read
     */
    static Optional<Mislaid> find(String env, Setting setting, String wanted, Map<Path, Map<String, String>> files) {
        for (var file : files.entrySet()) {
            var like = file.getValue().entrySet().stream().filter(each ->
                isLike(each.getKey(), each.getValue(), setting, wanted)).map(Map.Entry::getKey).findFirst();
            if (like.isPresent()) return Optional.of(named(like.get(), file.getKey(), env, setting, wanted));
        }
        var read = files.keySet();
        // A line of the example is none to add to the settings; all of it is what one begins with.
        var begun = Files.exists(Home.dir().resolve(Settings.SHARED_FILE));
        return elsewhere().stream().filter(file -> !read.contains(file) && !(begun && isExample(file)))
            .sorted(Comparator.comparing(Mislaid::isExample)).filter(file -> has(file, wanted)).findFirst().map(file ->
                in(file, wanted));
    }

    private static boolean isExample(Path file) { return file.toString().endsWith(".example"); }

    private static boolean isLike(String name, String value, Setting setting, String wanted) {
        if (name.equals(wanted)) return false; // it is there, and empty
        if (name.equalsIgnoreCase(wanted) || name.equals(setting.name()) && setting.kind == Setting.Kind.IDENTITY)
            return true;
        var isOther = name.endsWith("_" + setting)
            && name.equals(name.toUpperCase(Locale.ROOT)); // another environment's
        if (isOther || name.equals(Setting.DRILL_DATABASE_URL.name())) return false;
        if (Similar.to(name, List.of(wanted)).isPresent()) return true;
        var prefix = wanted.substring(0, wanted.length() - setting.name().length());
        return setting == Setting.DATABASE_URL && name.startsWith(prefix) && DATABASE.matcher(value).matches();
    }

    private static Mislaid named(String name, Path file, String env, Setting setting, String wanted) {
        var rename = new Mending(file).rename(name, wanted);
        if (name.equals(setting.name()))
            return new Mislaid(name + " stands in " + file + " without an environment before it, and counts for none",
                rename + ", when it is that of " + env);
        return new Mislaid(name + " stands in " + file + ", and the kit reads " + wanted, rename);
    }

    private static Mislaid in(Path file, String wanted) {
        var home = Home.dir().resolve(Settings.SHARED_FILE);
        var what = wanted + " stands in " + file + ", which is not read";
        if (Files.exists(home))
            return new Mislaid(what, "grep -E '" + Mending.BEGIN + wanted + "=' " + Mending.quoted(file) + " >> "
                + Mending.quoted(home));
        // What another program may read, or what is to be copied, stays where it is.
        var isOurs = file.getFileName().toString().contains("operations") && !isExample(file);
        return new Mislaid(what, (isOurs ? "mv " : "cp ") + Mending.quoted(file) + " " + Mending.quoted(home)
            + " && chmod 600 " + Mending.quoted(home));
    }

    /** Files that look like one with settings, in the kit's folder, in the working directory, and above each. */
    private static List<Path> elsewhere() {
        var folders = new LinkedHashSet<Path>();
        for (var begin : List.of(Home.dir(), Path.of("").toAbsolutePath()))
            for (var folder = begin; folder != null; folder = folder.getParent()) folders.add(folder);
        var found = new ArrayList<Path>();
        for (var folder : folders) {
            try (var entries = Files.newDirectoryStream(folder, entry ->
                FILE_NAME.matcher(entry.getFileName().toString()).matches())) {
                entries.forEach(found::add);
            } catch (IOException e) {
                // a folder that can't be listed has nothing for us
            }
        }
        return found;
    }

    /** Whether a line of it sets the name to anything; its values are not looked at. */
    private static boolean has(Path file, String wanted) {
        try {
            // What others have put there, in /tmp say, is not to be taken for settings.
            if (!Files.isRegularFile(file) || Files.size(file) > LARGEST
                || !Files.getOwner(file).getName().equals(System.getProperty("user.name"))) return false;
            var line = Pattern.compile("(?m)^[ \\t]*(export[ \\t]+)?" + wanted + "=['\"]?[^\\s'\"]");
            return line.matcher(Files.readString(file, StandardCharsets.ISO_8859_1)).find();
        } catch (IOException e) {
            return false;
        }
    }
}
