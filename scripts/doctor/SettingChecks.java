//SOURCES Placeholder.java
//SOURCES SettingForms.java
package doctor;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Stream;
import ops.DatabaseUrl;
import ops.EnvFile;
import ops.Exit;
import ops.Failure;
import ops.Home;
import ops.Mending;
import ops.Packing;
import ops.Setting;
import ops.Settings;
import ops.Similar;
import ops.Stray;

/** Are the settings there, readable by their owner only, well-formed, and spelt as the kit reads them? */
public final class SettingChecks {
    /** The check that everything needs: without it there are no settings. */
    static final String FILES = "settings files";

    public final Group group = new Group("settings");
    private final String env;
    Settings settings;
    DatabaseUrl url;

    public SettingChecks(String env) { this.env = env; }

    public SettingChecks look() {
        group.check(FILES, this::files);
        for (var setting : settings == null ? new Setting[0] : Setting.values()) group.check(setting.name(), () -> value(setting));
        group.check("well-formed", this::wellFormed, FILES);
        for (var file : places()) for (var fault : EnvFile.faults(file)) shell(file, fault);
        group.check("addresses for psql", this::forPsql, FILES, "DATABASE_URL", "DRILL_DATABASE_URL");
        group.check("process environment", this::hidden, FILES);
        group.check("spelling", this::spelling, FILES);
        group.check("protected", this::guarded, FILES, "PROTECTED_ENVS");
        group.check("encryption", this::encryption, FILES, "BACKUP_RECIPIENTS", "BACKUP_IDENTITY_FILE");
        return this;
    }

    private Seen files() throws IOException {
        settings = Settings.of(env);
        var seen = new ArrayList<String>();
        for (var file : places())
            if (Files.exists(file)) seen.add(file + " (" + PosixFilePermissions.toString(Files.getPosixFilePermissions(file)) + ")");
        return seen.isEmpty() ? Seen.note("none in " + Home.dir() + ": what the process environment says is all there is", "copy .env.operations.example to .env.operations, and chmod 600 it")
            : Seen.ok(String.join(", ", seen));
    }

    private List<Path> places() {
        if (env.equals(Settings.LOCAL)) return List.of(Settings.localFile());
        return Stream.of(".env.operations." + env, ".env.operations").map(Home.dir()::resolve).toList();
    }

    /**
     * What the kit reads and a shell otherwise, or another line that can't be read than the one that ended the reading.
     */
    private void shell(Path file, EnvFile.Fault fault) {
        var what = file.getFileName() + (fault.place().isEmpty() ? " " : ", " + fault.place() + ": ") + fault.what();
        var isSaid = group.findings().get(0).seen().what().endsWith(what);
        if (!isSaid)
            group.check(("as a shell reads it " + fault.place()).strip(), () ->
                Seen.problem(Exit.SETTING, what, fault.mend()));
    }

    /** Java's form of an address is read here, and not by psql, to which the runbooks give it. */
    private Seen forPsql() {
        var wrong = Stream.of(Setting.DATABASE_URL, Setting.DRILL_DATABASE_URL).filter(setting ->
            settings.get(setting).orElse("").startsWith("jdbc:")).toList();
        if (wrong.isEmpty()) return null;
        return Seen.problem(Exit.SETTING, wrong.get(0) + " begins with jdbc:, which psql does not know",
            settings.where(wrong.get(0)) + "; take jdbc: out"
            + settings.file(wrong.get(0)).map(file -> ": " + Mending.withoutJdbc(file)).orElse(""));
    }

    /** Null when the files say the last word. */
    private Seen hidden() {
        var hidden = settings.hidden();
        if (hidden.isEmpty() || env.equals(Settings.LOCAL)) return null;
        return Seen.warning("it sets " + String.join(", ", hidden)
            + " otherwise than the files, and goes before them; a shell that reads the files goes by these",
            "unless that is meant: unset " + String.join(" ", hidden));
    }

    /** Null for a setting that is as it should be and says nothing by itself. */
    private Seen value(Setting setting) {
        var value = settings.get(setting).orElse("");
        var isOwn = !value.equals(String.valueOf(setting.fallback));
        var placeholder = isOwn ? Placeholder.fix(setting, value, settings.where(setting)) : Optional.<String>empty();
        if (placeholder.isPresent())
            return Seen.problem(Exit.SETTING, setting + " is still a placeholder, as in .env.operations.example",
                placeholder.get());
        try {
            if (setting == Setting.DATABASE_URL) return address();
            return isOwn || setting.fallback == null ? new SettingForms(settings).judge(setting, value) : null;
        } catch (Failure.BadSetting e) {
            // The next step is one where it says which line is meant.
            var where = settings.where(setting);
            throw value.isEmpty() || e.hint.contains(where) ? e
                : new Failure.BadSetting(e.getMessage(), e.hint + "; " + where);
        }
    }

    private Seen address() {
        url = DatabaseUrl.of(settings);
        return Seen.ok("role " + url.user + " at " + url + "; " + settings.where(Setting.DATABASE_URL));
    }

    private Seen wellFormed() {
        var bad = group.findings().stream().filter(finding -> finding.seen().outcome() == Seen.Outcome.problem).count();
        var set = Stream.of(Setting.values()).filter(setting -> !settings.where(setting).endsWith("is not set")).count();
        return bad > 0 ? null : Seen.ok(Setting.values().length + " settings, " + set + " of them set");
    }

    /** A problem: a setting that is not read may be the one that was to encrypt the backups. */
    private Seen spelling() {
        // Another environment's prefix is no typing mistake.
        var others = settings.environments().stream().map(other -> other.toUpperCase(Locale.ROOT).replace('-', '_') + "_").filter(prefix -> !prefix.equals(prefix(env))).toList();
        var strays = Stray.in(settings).stream().filter(stray -> others.stream().noneMatch(stray.name()::startsWith))
            .toList();
        return strays.isEmpty() ? Seen.ok("no name looks like a mistyped setting")
            : Seen.problem(Exit.SETTING, String.join("; ", strays.stream().map(Stray::words).toList()),
                "correct " + (strays.size() == 1 ? "it" : "them") + ", since it is not read as it stands: "
                    + String.join("; ", strays.stream().map(Stray::mend).toList()));
    }

    private static String prefix(String env) { return env.toUpperCase(Locale.ROOT).replace('-', '_') + "_"; }

    private Seen guarded() {
        var known = settings.environments(Setting.DATABASE_URL, Setting.DEPLOY_PROVIDER);
        for (var name : settings.protectedEnvironments()) {
            var like = known.contains(name) ? Optional.<String>empty() : Similar.to(name, known);
            if (like.isPresent())
                return Seen.problem(Exit.SETTING, "PROTECTED_ENVS names '" + name
                    + "', which is no environment in these settings: did you mean " + like.get() + "?",
                "write " + like.get() + " for it: " + settings.where(Setting.PROTECTED_ENVS));
        }
        return Seen.note(settings.protectedEnvironments().contains(env) ? env + " is changed only with its name typed, as PROTECTED_ENVS says" : env + " is not among PROTECTED_ENVS: changing it needs no confirmation");
    }

    /** With an identity at hand a few bytes go to and fro, which is the only proof that the two belong together. */
    private Seen encryption() throws IOException {
        var recipients = settings.list(Setting.BACKUP_RECIPIENTS);
        var identity = settings.get(Setting.BACKUP_IDENTITY_FILE).map(Path::of);
        if (recipients.isEmpty()) return Seen.note("backups are not encrypted by the kit", "BACKUP_RECIPIENTS=age1… encrypts them before they leave this machine");
        var to = recipients.size() == 1 ? "to one age key" : "to " + recipients.size() + " age keys";
        if (identity.isEmpty())
            return Seen.warning(to + ", and no identity is here: on this machine no backup can be verified, drilled or restored",
                "BACKUP_IDENTITY_FILE=/path/key.txt here; or leave it away on purpose, and run backups drill on the machine that has it");
        var message = env.getBytes(StandardCharsets.UTF_8);
        var packed = new ByteArrayOutputStream();
        try (var packing = Packing.pack(packed, 1, recipients)) {
            packing.write(message);
        }
        try (var unpacked = Packing.unpack(new ByteArrayInputStream(packed.toByteArray()), identity.get())) {
            if (Arrays.equals(unpacked.readAllBytes(), message)) return Seen.ok(to + ", and the identity here opens it");
        } catch (Failure.BadSetting e) {
            // said below
        }
        throw new Failure.BadSetting("the identity in " + identity.get() + " does not open what is encrypted to BACKUP_RECIPIENTS", "put its public key among them: age-keygen -y '" + identity.get() + "'");
    }
}
