package ops;

import java.io.IOException;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeSet;
import java.util.function.Predicate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * The settings of one environment.
 *
 * <p>The process environment goes before {@code .env.operations.NAME}, that before {@code .env.operations}; a name with
 * the environment's prefix before one without. The environment {@code local} is the embedded stack: there its own file
 * goes first, so that a shell with production's settings in it can't redirect it.
 */
public final class Settings {
    public static final String LOCAL = "local";
    static final String NAME = "[a-z][a-z0-9-]{0,30}";
    /** An environment called so would have DRILL_DATABASE_URL for its database. */
    private static final String DRILL = "(.*-)?drill";
    static final String SHARED_FILE = ".env.operations";
    /** What stands in a hint where the reader puts in an environment of his own. */
    private static final String ANY = "NAME";

    /** In an address. */
    private static final Pattern PASSWORD = Pattern.compile("^[a-z0-9+]+://[^:@/]+:([^@/]+)@");
    private static final Pattern PASSWORD_BEHIND = Pattern.compile("^[a-z0-9+]+://.*[?&]password=([^&]+)");
    private static final Pattern SECRET_NAME = Pattern.compile("(?!.*(ANON|PUBLISHABLE)_).*(PASSWORD|SECRET|TOKEN|_KEY|HEADER)");
    /** What builds show to every visitor, by the names of Vite, SvelteKit and Astro, Next, Create React App, Nuxt, Gatsby, Vue and Expo. */
    private static final String SHOWN = "(VITE|PUBLIC|NEXT_PUBLIC|REACT_APP|NUXT_PUBLIC|GATSBY|VUE_APP|EXPO_PUBLIC)_[A-Z0-9_]+";
    /** None of them is anything to a shell, but for = in the first word. */
    private static final String COMMAND_LETTERS = "[A-Za-z0-9_./@:=,+%-]";
    /** Shorter ones are ordinary words. */
    private static final int SHORTEST_SECRET = 8;

    public final String env;
    private final Map<String, Map<String, String>> sources = new LinkedHashMap<>();

    private Settings(String env) { this.env = env; }

    /** Reads the settings of an environment; throws BadSetting when a file is malformed or open to others. */
    public static Settings of(String env) {
        if (!env.matches(NAME))
            throw new Failure.Usage("'" + env.replaceAll("\\p{Cntrl}", "?") + "' is not the name of an environment",
                "a name is lower case letters, digits and '-': --env staging");
        if (env.matches(DRILL))
            throw new Failure.Usage("an environment can't be called '" + env + "': " + Setting.DRILL_DATABASE_URL + " would be its database", "give it another name");
        var settings = new Settings(env);
        if (env.equals(LOCAL)) {
            var file = localFile();
            if (!Files.exists(file))
                throw new Failure.BadSetting("the embedded stack is not running: there is no " + file, "start it in another terminal: ./jbang local");
            settings.add(file.toString(), EnvFile.read(file));
        }
        settings.add("the process environment", System.getenv());
        if (!env.equals(LOCAL))
            for (var name : List.of(SHARED_FILE + "." + env, SHARED_FILE))
                settings.add(name, EnvFile.read(Home.dir().resolve(name)));
        return settings;
    }

    /** What counts for every environment that has nothing of its own; throws BadSetting as {@link #of} does. */
    public static Settings shared() {
        var settings = new Settings(ANY);
        settings.add("the process environment", System.getenv());
        settings.add(SHARED_FILE, EnvFile.read(Home.dir().resolve(SHARED_FILE)));
        return settings;
    }

    /** Those of the embedded stack that keeps its state in this folder, and nothing else. */
    public static Settings ofStack(Path state) {
        var settings = new Settings(LOCAL);
        var file = state.resolve("env.operations");
        settings.add(file.toString(), EnvFile.read(file));
        return settings;
    }

    /** The file in which the embedded stack says where it is; only while it runs. */
    public static Path localFile() {
        var state = System.getenv("HANDOVER_LOCAL_STATE");
        return (state == null ? Home.state().resolve("local") : Path.of(state)).resolve("env.operations");
    }

    private void add(String source, Map<String, String> values) { sources.put(source, values); }

    /** The environments that are changed only with their name typed; throws BadSetting unless each is the name of one: a list that is misread protects nothing. */
    public List<String> protectedEnvironments() {
        var names = protectedBy(this);
        if (!env.equals(LOCAL)) return names;
        // The stack's own file says nothing of the environments beside it.
        var beside = new Settings(env);
        beside.add(SHARED_FILE, EnvFile.read(Home.dir().resolve(SHARED_FILE)));
        return Stream.concat(names.stream(), protectedBy(beside).stream()).distinct().toList();
    }

    private static List<String> protectedBy(Settings settings) {
        var names = settings.list(Setting.PROTECTED_ENVS);
        for (var name : names)
            if (!isName(name))
                throw new Failure.BadSetting("PROTECTED_ENVS names '" + name.replaceAll("\\p{Cntrl}", "?") + "', which is not the name of an environment, and so protects nothing",
                    "names in lower case, with commas between them: PROTECTED_ENVS=production,live; " + settings.where(Setting.PROTECTED_ENVS));
        if (names.isEmpty())
            throw new Failure.BadSetting("PROTECTED_ENVS names no environment, and so protects nothing", "PROTECTED_ENVS=production; " + settings.where(Setting.PROTECTED_ENVS));
        return names;
    }

    /** Whether it may be the name of an environment at all. */
    public static boolean isName(String name) { return name.matches(NAME) && !name.matches(DRILL); }

    /** Whether the embedded stack does not run, so that nothing is known of its environment. */
    static boolean noLocal() { return !Files.exists(localFile()); }

    public Optional<String> get(Setting setting) {
        return find(prefix() + setting.name())
            .or(() -> setting.kind == Setting.Kind.IDENTITY ? Optional.empty() : find(setting.name()))
            .or(() -> Optional.ofNullable(setting.fallback));
    }

    public String require(Setting setting) {
        return get(setting).orElseThrow(() -> missing(setting));
    }

    /** A setting that counts only with the prefix; throws BadSetting with that name when it is missing. */
    public String requireOwn(Setting setting) {
        return find(prefix() + setting).orElseThrow(() -> notSet(setting, prefix() + setting));
    }

    public Optional<Secret> secret(Setting setting) { return get(setting).map(Secret::new); }

    public boolean isTrue(Setting setting) {
        var value = require(setting);
        if (!value.equals("true") && !value.equals("false"))
            throw new Failure.BadSetting(setting + " is neither true nor false", where(setting) + "; make it " + setting
                + "=true or " + setting + "=false");
        return value.equals("true");
    }

    /** A whole number from 1 to 1,000,000. */
    public int number(Setting setting) {
        try {
            var number = Integer.parseInt(require(setting));
            if (number >= 1 && number <= 1_000_000) return number;
        } catch (NumberFormatException e) {
            // said below
        }
        throw new Failure.BadSetting(setting + " is not a whole number from 1 to 1000000",
            where(setting) + "; make it digits alone"
                + (setting.fallback == null ? "" : ", as in " + setting + "=" + setting.fallback));
    }

    public Duration seconds(Setting setting) { return Duration.ofSeconds(number(setting)); }

    public List<String> list(Setting setting) {
        return get(setting).stream().flatMap(all -> List.of(all.split(",")).stream()).map(String::strip).filter(s -> !s.isEmpty()).toList();
    }

    /** A program and its arguments; empty when it is not set. Throws BadSetting where it takes a shell. */
    public List<String> command(Setting setting) {
        var words = get(setting).map(all -> List.of(all.split("\\s+"))).orElse(List.of());
        var instead = "it is a program and its arguments, and is run without a shell: put what is more into a script of"
            + " package.json, and name that, as in " + setting + "=npm run migrate";
        if (!words.isEmpty() && words.get(0).matches("(.*/)?[.]{0,2}"))
            throw new Failure.BadSetting(setting + " names no program: " + words.get(0), where(setting) + "; " + instead);
        for (var word : words) {
            var other = word.replaceAll(COMMAND_LETTERS, "");
            if (!other.isEmpty() || words.get(0).contains("="))
                throw new Failure.BadSetting(setting + " has something in it that only a shell understands: "
                    + (other.isEmpty() ? "=" : other.substring(0, 1)), where(setting) + "; " + instead);
        }
        return words;
    }

    /** What stands in the settings for the application's build: what visitors see anyway, and what is listed; STAGING_NAME counts as NAME and goes before it. */
    public Map<String, String> forBuilds(List<String> listed) {
        Predicate<String> wanted = name -> name.matches(SHOWN) || listed.contains(name);
        var found = new LinkedHashMap<String, String>();
        for (var prefix : List.of(prefix(), ""))
            for (var values : sources.values())
                values.forEach((name, value) -> { if (name.startsWith(prefix) && wanted.test(name.substring(prefix.length()))) found.putIfAbsent(name.substring(prefix.length()), value); });
        return found;
    }

    /** Values that nobody outside may see, of every environment, by the names that they have in the settings. */
    public Map<String, String> secrets() {
        var found = new LinkedHashMap<String, String>();
        for (var setting : Setting.values()) if (setting.kind == Setting.Kind.SECRET) secret(setting).ifPresent(secret -> found.put(setting.name(), secret.reveal()));
        for (var values : sources.values())
            values.forEach((given, content) -> {
                var name = given.replaceFirst("_FILE$", "");
                var value = name.equals(given) ? content : inFile(name, content);
                var password = Stream.of(PASSWORD, PASSWORD_BEHIND).map(each -> each.matcher(value))
                    .filter(Matcher::find).findFirst();
                if (password.isPresent()) {
                    var written = password.get().group(1);
                    found.put(name, decoded(written));
                    found.put(name + ", as it is written there", written);
                } else if (isSecret(name)) found.put(name, value);
            });
        found.values().removeIf(value -> value.length() < SHORTEST_SECRET);
        return found;
    }

    private static String decoded(String password) {
        try {
            return URLDecoder.decode(password.replace("+", "%2B"), StandardCharsets.UTF_8);
        } catch (IllegalArgumentException e) {
            return password; // a stray %
        }
    }

    private static boolean isSecret(String name) {
        return SECRET_NAME.matcher(name).matches() && !name.matches("([A-Z0-9_]+_)?" + SHOWN)
            && !name.endsWith(Setting.BACKUP_SSE_KMS_KEY.name());
    }

    /** Empty for what is no secret, and for what can't be read: whoever needs it says so. */
    private static String inFile(String name, String file) {
        if (!isSecret(name) && !name.endsWith(Setting.DATABASE_URL.name())) return "";
        try {
            return Files.isRegularFile(Path.of(file)) ? readValue(name, Path.of(file)) : "";
        } catch (Failure | InvalidPathException e) {
            return "";
        }
    }

    /**
     * Names of these files that the process environment sets otherwise, and so hides from the kit; a shell that reads
     * the files goes by them.
     */
    public List<String> hidden() {
        return files().values().stream().flatMap(values -> values.entrySet().stream())
            .filter(each -> System.getenv(each.getKey()) != null
                && !System.getenv(each.getKey()).strip().equals(each.getValue().strip())
                && !System.getenv(each.getKey()).isBlank()).map(Map.Entry::getKey).distinct().toList();
    }

    /** Where a setting comes from, for a hint: the file or the process environment, and under which name. */
    public String where(Setting setting) {
        for (var name : List.of(prefix() + setting.name(), setting.name()))
            for (var source : sources.entrySet())
                for (var given : List.of(name, name + "_FILE"))
                    if (source.getValue().containsKey(given)) return given + " stands in " + source.getKey();
        return setting + " is not set";
    }

    /**
     * The file in which a setting stands, one of its own too; empty when it comes from the process environment, or is
     * not set.
     */
    public Optional<Path> file(Setting setting) {
        for (var name : List.of(prefix() + setting.name(), setting.name()))
            for (var source : sources.entrySet()) {
                if (source.getValue().containsKey(name + "_FILE"))
                    return Optional.of(Path.of(source.getValue().get(name + "_FILE")));
                if (source.getValue().containsKey(name))
                    return Optional.ofNullable(source.getKey().startsWith(SHARED_FILE)
                        ? Home.dir().resolve(source.getKey()) : null);
            }
        return Optional.empty();
    }

    /** The environments that have a database in these settings. */
    public List<String> environments() { return environments(Setting.DATABASE_URL); }

    /** The environments that have one of these settings under their own prefix. */
    public List<String> environments(Setting... settings) {
        var found = new TreeSet<String>();
        for (var values : sources.values())
            for (var given : values.keySet())
                for (var setting : settings) {
                    var name = given.replaceFirst("_FILE$", "");
                    if (!name.endsWith("_" + setting) || name.matches("(.*_)?" + Setting.DRILL_DATABASE_URL)) continue;
                    var prefix = name.replaceFirst("_" + setting + "$", "");
                    if (prefix.equals(prefix.toUpperCase(Locale.ROOT))) found.add(prefix.toLowerCase(Locale.ROOT).replace('_', '-'));
                }
        found.removeIf(name -> !isName(name));
        return List.copyOf(found);
    }

    /** The files that are read, with what stands in them. */
    Map<Path, Map<String, String>> files() {
        var files = new LinkedHashMap<Path, Map<String, String>>();
        sources.forEach((source, values) -> {
            if (source.startsWith(SHARED_FILE)) files.put(Home.dir().resolve(source), values);
        });
        return files;
    }

    private Failure missing(Setting setting) {
        if (setting == Setting.DATABASE_URL) return unknown(environments());
        return setting.kind == Setting.Kind.IDENTITY ? notSet(setting, prefix() + setting)
            : notSet(setting, setting.name());
    }

    private Failure notSet(Setting setting, String name) {
        if (env.equals(ANY))
            return new Failure.BadSetting(name + " is not set in " + SHARED_FILE + ", for all environments",
                "name the one whose settings are meant: --env " + ANY + "; or set it there: "
                    + Home.dir().resolve(SHARED_FILE) + " (see .env.operations.example)");
        var mislaid = Mislaid.find(env, setting, name, files());
        return new Failure.BadSetting(name + " is not set" + mislaid.map(found -> ": " + found.what()).orElse(""),
            mislaid.map(Mislaid::next).orElse("set it in " + Home.dir().resolve(SHARED_FILE)
                + " (see .env.operations.example)"));
    }

    /** Throws BadSetting, with the nearest name, when the environment neither has a database here nor is one of the others. */
    void requireKnown(List<String> others) {
        var known = new TreeSet<>(environments());
        known.addAll(others);
        if (!known.contains(env)) throw unknown(known);
    }

    private Failure unknown(Collection<String> known) {
        var wanted = prefix() + Setting.DATABASE_URL;
        var what = "environment '" + env + "' is unknown: " + wanted + " is not set";
        var mislaid = Mislaid.find(env, Setting.DATABASE_URL, wanted, files());
        if (mislaid.isPresent())
            return new Failure.BadSetting(what + ": " + mislaid.get().what(), mislaid.get().next());
        var like = Similar.to(env, known).or(() -> shortened(known)).map(similar -> "did you mean --env " + similar
            + "? ").orElse("");
        var there = known.isEmpty() ? "none is set in " + Home.dir() : String.join(", ", known);
        return new Failure.BadSetting(what, like + "environments with a database: " + there + "; a new one's is set as "
            + wanted
            + " in " + Home.dir().resolve(SHARED_FILE));
    }

    /** As prod for production. */
    private Optional<String> shortened(Collection<String> known) {
        return known.stream().filter(name -> env.length() > 2 && name.startsWith(env)).findFirst();
    }

    private Optional<String> find(String name) {
        for (var source : sources.entrySet()) {
            var value = source.getValue().get(name);
            var file = source.getValue().get(name + "_FILE");
            if (value != null && !value.isEmpty() && file != null)
                throw new Failure.BadSetting("both " + name + " and " + name + "_FILE are set in " + source.getKey(), "remove one of them");
            if (file != null && !file.isEmpty()) return Optional.of(readValue(name + "_FILE", Path.of(file)));
            if (value != null && !value.isBlank()) return Optional.of(value.strip());
        }
        return Optional.empty();
    }

    private static String readValue(String name, Path file) {
        try {
            if (Private.openToOthers(file))
                throw new Failure.BadSetting(name + ": " + file + " can be read by others on this machine", "chmod 600 '" + file + "'");
            var bytes = Files.readAllBytes(file);
            var encoding = EnvFile.encoding(file, bytes);
            if (encoding.isPresent())
                throw new Failure.BadSetting(name + ": " + file + " " + encoding.get().what(), encoding.get().mend());
            return new String(bytes, StandardCharsets.UTF_8).strip();
        } catch (IOException e) {
            throw new Failure.BadSetting(name + ": " + file + " can't be read",
                Files.exists(file) ? "ls -l '" + file + "'" : "there is no such file: correct the path in " + name + ", or put the value there, with mode 600");
        }
    }

    String prefix() { return env.toUpperCase(Locale.ROOT).replace('-', '_') + "_"; }
}
