package doctor;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import ops.Database;
import ops.Failure;
import ops.PostgresTools;
import ops.Run;
import ops.Setting;
import ops.Tool;

/** Are the programs here that the kit runs, new enough for the server, and those that a person restores with? */
public final class ToolChecks {
    public final Group group;
    private final Run run;
    private final SettingChecks settings;
    private final Future<Optional<Database.Facts>> server;
    private PostgresTools.Found dump;

    /** @param server what the database is; empty when it could not be asked */
    public ToolChecks(Run run, SettingChecks settings, Future<Optional<Database.Facts>> server) {
        this.run = run;
        this.settings = settings;
        this.server = server;
        group = new Group("tools", settings.group);
    }

    public Group look() {
        group.check("Java", () -> Seen.ok(Runtime.version() + ", " + System.getProperty("java.home")));
        group.check("git", this::git);
        for (var tool : List.of("zstd", "sha256sum", "aws", "age")) group.check(tool, () -> byHand(tool));
        group.check("pg_dump", () -> { dump = find("pg_dump", major()); return fits(dump); }, SettingChecks.FILES, "PG_BIN");
        group.check("pg_dumpall", () -> fits(find("pg_dumpall", major())), SettingChecks.FILES, "PG_BIN");
        group.check("pg_restore", () -> fits(find("pg_restore", dump.major())), SettingChecks.FILES, "PG_BIN", "pg_dump");
        return group;
    }

    private Seen git() throws IOException, InterruptedException {
        try {
            return Seen.ok(Tool.version(run, Path.of("git")).strip());
        } catch (Failure.ToolFailed e) {
            return Seen.warning(e.getMessage() + "; backups don't need it, but then don't say by which commit they were made", install("git"));
        }
    }

    /** Tools that only a person needs, who restores without the kit. */
    private Seen byHand(String tool) {
        var found = Stream.of(System.getenv().getOrDefault("PATH", "/usr/bin:/bin").split(File.pathSeparator)).map(folder -> Path.of(folder, tool)).filter(Files::isExecutable).findFirst();
        if (found.isPresent()) return Seen.ok(found.get() + ", for restoring by hand");
        if (tool.equals("age") && (settings.settings == null || settings.settings.list(Setting.BACKUP_RECIPIENTS).isEmpty())) return Seen.note("not here; needed to restore an encrypted backup by hand");
        return Seen.warning("not here; needed to restore a backup by hand, without this kit", install(switch (tool) { case "aws" -> "awscli"; case "sha256sum" -> "coreutils"; default -> tool; }));
    }

    private static String install(String what) {
        if (Files.exists(Path.of("/usr/bin/apt-get"))) return "apt-get install " + what;
        if (Files.exists(Path.of("/usr/bin/dnf"))) return "dnf install " + what;
        if (Files.exists(Path.of("/sbin/apk"))) return "apk add " + what.replace("awscli", "aws-cli");
        return "brew install " + what;
    }

    /** The server's major version; 0 when it is not known. */
    private int major() throws Exception { return server.get().map(Database.Facts::major).orElse(0); }

    private PostgresTools.Found find(String tool, int atLeast) throws InterruptedException { return PostgresTools.find(run, settings.settings, tool, Math.max(atLeast, 1)); }

    private Seen fits(PostgresTools.Found found) throws Exception {
        var what = found.version() + ", " + found.path();
        return major() == 0 ? Seen.cannotTell(what + "; new enough for which server is not known", "mend the connection to the database first")
            : Seen.ok(what + ", for a server of version " + major());
    }
}
