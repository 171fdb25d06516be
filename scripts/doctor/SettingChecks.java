package doctor;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
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
import ops.Exit;
import ops.Failure;
import ops.Home;
import ops.Packing;
import ops.Retention;
import ops.Setting;
import ops.Settings;
import ops.Similar;
import ops.Store;

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
        group.check("spelling", this::spelling, FILES);
        group.check("protected", this::guarded, FILES, "PROTECTED_ENVS");
        group.check("encryption", this::encryption, FILES, "BACKUP_RECIPIENTS", "BACKUP_IDENTITY_FILE");
        return this;
    }

    private Seen files() throws IOException {
        settings = Settings.of(env);
        var seen = new ArrayList<String>();
        var places = env.equals(Settings.LOCAL) ? List.of(Settings.localFile()) : Stream.of(".env.operations." + env, ".env.operations").map(Home.dir()::resolve).toList();
        for (var file : places)
            if (Files.exists(file)) seen.add(file + " (" + PosixFilePermissions.toString(Files.getPosixFilePermissions(file)) + ")");
        return seen.isEmpty() ? Seen.note("none in " + Home.dir() + ": what the process environment says is all there is", "copy .env.operations.example to .env.operations, and chmod 600 it")
            : Seen.ok(String.join(", ", seen));
    }

    /** Null for a setting that is as it should be and says nothing by itself; its fallback tells what form it has. */
    private Seen value(Setting setting) {
        var value = settings.get(setting);
        switch (setting) {
            case DATABASE_URL -> {
                url = DatabaseUrl.of(settings);
                return Seen.ok("role " + url.user + " at " + url + "; " + settings.where(setting));
            }
            case DRILL_DATABASE_URL -> DatabaseUrl.ofDrill(settings);
            case BACKUP_BUCKET -> {
                settings.require(setting);
                if (!Store.isBucketName(settings.require(setting))) throw bad(setting, "is not the bare name of a bucket, without s3:// and without folders");
                return Seen.ok(value.orElseThrow() + "; " + settings.where(setting));
            }
            case BACKUP_PREFIX -> expect(setting, "/*[^/\\s]+(/[^/\\s]+)*/*", "names separated by single slashes");
            case BACKUP_STORAGE_CLASS -> {
                expect(setting, "[A-Z0-9_]+", "a storage class such as STANDARD_IA");
                if (value.orElse("").matches("GLACIER|DEEP_ARCHIVE"))
                    return Seen.warning(value.get() + " keeps backups where they have to be thawed for hours before they can be read", "STANDARD_IA or GLACIER_IR; " + settings.where(setting));
            }
            case BACKUP_SSE -> expect(setting, "AES256|aws:kms|aws:kms:dsse", "AES256 or aws:kms");
            case BACKUP_SSE_KMS_KEY -> {
                if (value.isPresent() && !settings.get(Setting.BACKUP_SSE).orElse("").startsWith("aws:kms"))
                    throw bad(setting, "is set, and BACKUP_SSE is not aws:kms");
            }
            case PROTECTED_ENVS -> settings.protectedEnvironments();
            case BACKUP_RECIPIENTS -> Packing.check(settings.list(setting));
            case BACKUP_IDENTITY_FILE -> identity();
            case BACKUP_KEEP -> Retention.rules(settings);
            case AWS_REGION -> expect(setting, "[a-z0-9-]+", "a region such as eu-west-1");
            case PG_BIN -> {
                if (value.isPresent() && !Files.isDirectory(Path.of(value.get()))) throw bad(setting, "names a folder that is not there");
            }
            default -> {
                var fallback = String.valueOf(setting.fallback);
                if (fallback.matches("true|false")) settings.isTrue(setting);
                if (fallback.matches("[0-9]+")) settings.number(setting);
            }
        }
        return null;
    }

    private void expect(Setting setting, String form, String words) {
        if (settings.get(setting).filter(value -> !value.matches(form)).isPresent()) throw bad(setting, "is not " + words);
    }

    private Failure bad(Setting setting, String what) { return new Failure.BadSetting(setting + " " + what, settings.where(setting)); }

    private void identity() {
        var file = settings.get(Setting.BACKUP_IDENTITY_FILE).map(Path::of);
        if (file.isEmpty()) return;
        try {
            if (Files.readAllLines(file.get()).stream().noneMatch(line -> line.startsWith("AGE-SECRET-KEY-1"))) throw bad(Setting.BACKUP_IDENTITY_FILE, "names a file without an age identity");
            if (!PosixFilePermissions.toString(Files.getPosixFilePermissions(file.get())).endsWith("------"))
                throw new Failure.BadSetting("the identity in " + file.get() + " can be read by others on this machine", "chmod 600 '" + file.get() + "'");
        } catch (IOException e) {
            throw bad(Setting.BACKUP_IDENTITY_FILE, "names a file that can't be read");
        }
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
        var misspelt = settings.misspelt().stream().filter(found -> others.stream().noneMatch(found::startsWith)).toList();
        return misspelt.isEmpty() ? Seen.ok("no name looks like a mistyped setting")
            : Seen.problem(Exit.SETTING, String.join("; ", misspelt), "correct " + (misspelt.size() == 1 ? "it" : "them") + ": what is misspelt is not read");
    }

    private static String prefix(String env) { return env.toUpperCase(Locale.ROOT).replace('-', '_') + "_"; }

    private Seen guarded() {
        var known = settings.environments(Setting.DATABASE_URL, Setting.DEPLOY_PROVIDER);
        for (var name : settings.protectedEnvironments()) {
            var like = known.contains(name) ? Optional.<String>empty() : Similar.to(name, known);
            if (like.isPresent()) return Seen.problem(Exit.SETTING, "PROTECTED_ENVS names '" + name + "', which is no environment in these settings: did you mean " + like.get() + "?", settings.where(Setting.PROTECTED_ENVS));
        }
        return Seen.note(settings.protectedEnvironments().contains(env) ? env + " is changed only with its name typed, as PROTECTED_ENVS says" : env + " is not among PROTECTED_ENVS: changing it needs no confirmation");
    }

    /** With an identity at hand a few bytes go to and fro, which is the only proof that the two belong together. */
    private Seen encryption() throws IOException {
        var recipients = settings.list(Setting.BACKUP_RECIPIENTS);
        var identity = settings.get(Setting.BACKUP_IDENTITY_FILE).map(Path::of);
        if (recipients.isEmpty()) return Seen.note("backups are not encrypted by the kit", "BACKUP_RECIPIENTS=age1… encrypts them before they leave this machine");
        var to = recipients.size() == 1 ? "to one age key" : "to " + recipients.size() + " age keys";
        if (identity.isEmpty()) return Seen.ok(to + "; no identity here, so backups can't be verified on this machine");
        var message = env.getBytes(java.nio.charset.StandardCharsets.UTF_8);
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
