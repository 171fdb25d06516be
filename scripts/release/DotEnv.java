package release;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Pattern;
import ops.DatabaseUrl;
import ops.Failure;
import ops.Setting;
import ops.Settings;

/**
 * The files of a commit that an application's tools load their environment from. DATABASE_URL they leave as they find
 * it; under another name (Prisma's DIRECT_URL) an environment's own address in there would be where a command goes
 * that is to be rehearsed elsewhere.
 */
final class DotEnv {
    private static final String FILE = "\\.env(\\..*)?", SAMPLE = ".*\\.(example|sample|template|dist|defaults?)";
    private static final Pattern LINE = Pattern.compile("\\s*(?:export\\s+)?([A-Za-z_][A-Za-z0-9_]*)\\s*=(.*)");
    private static final Pattern ADDRESS = Pattern.compile(
        "postgres(?:ql)?://(?:[^/\\s\"']*@)?(\\[[^]]+]|[^:/?\\s\"']+)(?::([0-9]{1,5}))?/([^?\\s\"']*)");

    private DotEnv() { }

    /** Throws Refused when one of these folders has such a file with the address of an environment's database in it. */
    static void refuseAddresses(List<Path> folders, Settings settings) throws IOException {
        for (var folder : folders)
            for (var file : files(folder)) {
                var text = Files.readString(file, StandardCharsets.ISO_8859_1);
                for (var line : (Iterable<String>) text.lines()::iterator) refuseAddress(file, line, settings);
            }
    }

    private static List<Path> files(Path folder) throws IOException {
        var found = new ArrayList<Path>();
        for (var each : List.of(folder, folder.resolve("prisma"))) {
            if (!Files.isDirectory(each)) continue;
            try (var files = Files.list(each)) {
                files.filter(Files::isRegularFile).filter(file -> isOne(file.getFileName().toString()))
                    .sorted().forEach(found::add);
            }
        }
        return found;
    }

    private static boolean isOne(String name) { return name.matches(FILE) && !name.matches(SAMPLE); }

    private static void refuseAddress(Path file, String line, Settings settings) {
        var assigned = LINE.matcher(line);
        if (!assigned.matches() || assigned.group(1).equals(Setting.DATABASE_URL.name())) return;
        for (var address = ADDRESS.matcher(assigned.group(2)); address.find(); )
            for (var env : settings.environments()) {
                var url = url(env);
                if (url.isEmpty() || !isSame(url.get(), address.group(1), address.group(2), address.group(3))) continue;
                throw new Failure.Refused(file + " has the address of environment '" + env + "' in it, as "
                    + assigned.group(1) + ": a command that is rehearsed may go there",
                    "take it out of the commit, and have the command go by DATABASE_URL alone; or, without a"
                    + " rehearsal: --apply-migrations --unrehearsed");
            }
    }

    /** Empty where there is none that could be reached. */
    private static Optional<DatabaseUrl> url(String env) {
        try {
            return Optional.of(DatabaseUrl.of(Settings.of(env)));
        } catch (Failure e) {
            return Optional.empty();
        }
    }

    /** Of a host of its own the port says nothing: a pooler is at another one, or, as Neon's, at a name of its own. */
    private static boolean isSame(DatabaseUrl url, String host, String port, String database) {
        if (!url.database.equals(database) || !plain(url.host).equals(plain(host))) return false;
        return !plain(host).equals("localhost") || url.port == Integer.parseInt(port == null ? "5432" : port);
    }

    private static String plain(String host) {
        var plain = host.toLowerCase(Locale.ROOT).replaceAll("^\\[|]$|\\.$", "");
        return plain.matches("127\\..*|::1") ? "localhost" : plain.replaceFirst("-pooler\\.", ".");
    }
}
