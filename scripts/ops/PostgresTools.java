package ops;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;

/** pg_dump, pg_restore and pg_dumpall: the oldest ones found that are new enough, and how they reach a database. */
public final class PostgresTools {
    /** A program and its version. */
    public record Found(Path path, String version, int major) {
        /** Of each major version the first whose scripts psql reads without obeying what stands in somebody's definitions. */
        private static final Map<Integer, Integer> RESTRICTING = Map.of(13, 22, 14, 19, 15, 14, 16, 10, 17, 6);

        /** Whether it knows {@code \restrict}: psql then takes a script's backslashes for text. */
        public boolean restricts() {
            var minor = version.replaceFirst("^[0-9]+\\.([0-9]+).*", "$1");
            return major >= 18 || RESTRICTING.containsKey(major) && minor.matches("[0-9]{1,4}") && Integer.parseInt(minor) >= RESTRICTING.get(major);
        }
    }

    /** For what restores or dumps: building an index may take hours, without a word. */
    public static final Duration PATIENCE = Duration.ofDays(2);
    /** Where distributions keep the tools of each major version. */
    private static final List<String> PLACES = List.of("/usr/lib/postgresql", "/usr", "/opt/homebrew/opt", "/usr/local/opt", "/usr/local");
    private static final Pattern VERSION = Pattern.compile("\\(PostgreSQL\\) (([0-9]+)[0-9A-Za-z.]*)");

    private PostgresTools() { }

    /**
     * Finds a tool whose major version is at least the given one.
     *
     * <p>The oldest of those: an older pg_restore may have to read what it writes. Throws ToolFailed, with the command
     * that installs one, when there is none.
     */
    public static Found find(Run run, Settings settings, String name, int atLeast) throws InterruptedException {
        Found best = null;
        Found newest = null;
        for (var path : candidates(settings, name)) {
            var found = version(run, path);
            if (found == null) continue;
            if (newest == null || found.major > newest.major) newest = found;
            if (found.major >= atLeast && (best == null || found.major < best.major)) best = found;
            if (found.major == atLeast) break; // none can be better, and asking each costs a process
        }
        if (best != null) return best;
        var there = newest == null ? "there is none" : "the newest here is " + newest.version + " (" + newest.path + ")";
        throw new Failure.ToolFailed(name + " " + atLeast + " or newer is needed, and " + there,
            settings.get(Setting.PG_BIN).isEmpty() ? installation(atLeast)
            : settings.where(Setting.PG_BIN) + "; " + withoutFolder(run, name, atLeast));
    }

    /** What to do about a folder of the settings that does not have it. */
    private static String withoutFolder(Run run, String name, int atLeast) throws InterruptedException {
        for (var path : usual(name)) {
            var found = version(run, path);
            if (found != null && found.major >= atLeast)
                return "leave it out, and the kit takes " + found.version + " (" + path + ")";
        }
        return "leave it out, and install one: " + installation(atLeast);
    }

    /**
     * Finds the pg_restore for an archive and a server: of the server's own major version, else the next above it, which
     * may write settings that the server does not know; else the newest that reads the archive.
     */
    public static Found findRestore(Run run, Settings settings, int pgDumpMajor, int serverMajor) throws InterruptedException {
        Found above = null;
        Found below = null;
        for (var path : candidates(settings, "pg_restore")) {
            var found = version(run, path);
            if (found == null || found.major < oldestReader(pgDumpMajor)) continue;
            if (found.major >= serverMajor && (above == null || found.major < above.major)) above = found;
            if (found.major < serverMajor && (below == null || found.major > below.major)) below = found;
            if (found.major == serverMajor) break; // none can be better, and asking each costs a process
        }
        if (above != null) return above;
        return below != null ? below : find(run, settings, "pg_restore", oldestReader(pgDumpMajor));
    }

    /** The first major version that reads what a pg_dump writes: the archive's format is older than many of them. */
    private static int oldestReader(int pgDumpMajor) {
        if (pgDumpMajor > 18) return pgDumpMajor;
        return List.of(17, 16, 12).stream().filter(major -> major <= pgDumpMajor).findFirst().orElse(pgDumpMajor);
    }

    /** The oldest tool that is not older than the server; where there is none, the newest: for what speaks the server's language but need not know all of its catalog. */
    public static Found closest(Run run, Settings settings, String name, int major) throws InterruptedException {
        try {
            return find(run, settings, name, major);
        } catch (Failure.ToolFailed none) {
            Found newest = null;
            for (var path : candidates(settings, name)) {
                var found = version(run, path);
                if (found != null && (newest == null || found.major > newest.major)) newest = found;
            }
            if (newest == null) throw none;
            return newest;
        }
    }

    /**
     * Finds the psql for what a pg_restore writes. Both have to know {@code \\restrict}: else a name in a forged archive can
     * be a line that psql takes for a command, and executes on this machine. Of those the closest to the server's version.
     */
    public static Found findPsql(Run run, Settings settings, Found pgRestore, int serverMajor) throws InterruptedException {
        if (!pgRestore.restricts()) throw unsafe("pg_restore", pgRestore);
        Found best = null;
        Found last = null;
        for (var path : candidates(settings, "psql")) {
            var found = version(run, path);
            if (found == null) continue;
            last = found;
            if (found.restricts() && (best == null || distance(found, serverMajor) < distance(best, serverMajor))) best = found;
        }
        if (best != null) return best;
        if (last == null) return find(run, settings, "psql", 1); // which says what is missing
        throw unsafe("psql", last);
    }

    /** Older than the server is further away than any newer one. */
    private static int distance(Found found, int serverMajor) { return found.major >= serverMajor ? found.major - serverMajor : 1000 + serverMajor - found.major; }

    private static Failure unsafe(String name, Found found) {
        return new Failure.ToolFailed(name + " " + found.version + " (" + found.path + ") is older than 13.22, 14.19, 15.14, 16.10 or 17.6: what a restore in place gives to psql could have it execute commands on this machine",
            "update it: " + installation(found.major));
    }

    private static String installation(int major) {
        if (Files.exists(Path.of("/usr/bin/apt-get"))) return "apt-get install postgresql-client-" + major + "; where the distribution has none, from PostgreSQL's own package source: README.md, Install";
        if (Files.exists(Path.of("/usr/bin/dnf"))) return "dnf install postgresql" + major;
        if (Files.exists(Path.of("/sbin/apk"))) return "apk add postgresql" + major + "-client";
        return "brew install postgresql@" + major;
    }

    private static List<Path> candidates(Settings settings, String name) {
        var told = settings.get(Setting.PG_BIN);
        return told.isPresent() ? executables(List.of(Path.of(told.get())), name) : usual(name);
    }

    /** Where they are without a word of the settings. */
    private static List<Path> usual(String name) {
        var folders = new LinkedHashSet<Path>();
        for (var place : PLACES) {
            try (var entries = Files.newDirectoryStream(Path.of(place), "{[0-9]*,pgsql-*,postgresql@*,libpq,pgsql}")) {
                entries.forEach(entry -> folders.add(entry.resolve("bin")));
            } catch (IOException e) {
                // no such place on this system
            }
        }
        for (var entry : System.getenv().getOrDefault("PATH", "/usr/local/bin:/usr/bin:/bin").split(File.pathSeparator))
            folders.add(Path.of(entry));
        return executables(folders, name);
    }

    private static List<Path> executables(Collection<Path> folders, String name) {
        return folders.stream().map(folder -> folder.resolve(name)).filter(Files::isExecutable).toList();
    }

    private static Found version(Run run, Path path) throws InterruptedException {
        try {
            var said = VERSION.matcher(Tool.version(run, path));
            return said.find() ? new Found(path, said.group(1), Integer.parseInt(said.group(2))) : null;
        } catch (Failure | IOException e) {
            return null; // a broken one is none; when no other is found, the failure says what is needed
        }
    }

    /** A database's name for an option that takes connection strings too: {@code a=b} would be one. The rest is in {@link #environment}. */
    static String connection(DatabaseUrl url) { return "dbname='" + url.database.replace("\\", "\\\\").replace("'", "\\'") + "'"; }

    /**
     * The environment in which a tool reaches a database: the password in a file (0600) of the run's own folder, never
     * in an argument or a variable; one that is not in the URL, in the operator's own such file.
     */
    public static Map<String, String> environment(Path workspace, DatabaseUrl url, Settings settings) {
        var environment = new LinkedHashMap<String, String>();
        environment.put("PGHOST", url.host);
        environment.put("PGPORT", String.valueOf(url.port));
        environment.put("PGUSER", url.user);
        environment.put("PGDATABASE", url.database);
        environment.put("PGCONNECT_TIMEOUT", settings.require(Setting.DB_CONNECT_SECONDS));
        environment.put("PGAPPNAME", "handover " + settings.env);
        environment.put("PGCLIENTENCODING", "UTF8");
        Database.options(url).ifPresent(options -> environment.put("PGOPTIONS", options));
        environment.put("PGTZ", "UTC"); // else a dump's times are spelt as the server's zone has them, and no two servers' dumps are alike
        url.parameters.forEach((name, value) -> environment.put("PG" + name.replace("_", "").toUpperCase(java.util.Locale.ROOT), value));
        if (url.password != null) {
            var file = workspace.resolve("pgpass");
            try {
                if (!Files.exists(file)) Private.create(file);
                var escaped = new Secret(url.password.reveal().replace("\\", "\\\\").replace(":", "\\:")); // masked in this form too
                Files.writeString(file, "*:*:*:*:" + escaped.reveal() + "\n");
            } catch (IOException e) {
                throw Workspace.failed(e);
            }
            environment.put("PGPASSFILE", file.toString());
        } else if (System.getenv("PGPASSFILE") != null) environment.put("PGPASSFILE", System.getenv("PGPASSFILE"));
        return environment;
    }
}
