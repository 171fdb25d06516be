//SOURCES ../smoke/SmokeSettings.java
//SOURCES ../release/Application.java
package doctor;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Base64;
import java.util.regex.Pattern;
import ops.Copy;
import ops.DatabaseUrl;
import ops.Failure;
import ops.Home;
import ops.Packing;
import ops.Retention;
import ops.Setting;
import ops.Settings;
import ops.Signature;
import ops.Store;
import release.Application;
import smoke.SmokeSettings;

/**
 * Of what form a setting has to be, and what to do about one that is not. Nothing is asked of anybody but this machine.
 */
final class SettingForms {
    private static final String AMAZON_REGION = "[a-z]{2,4}(-[a-z]+){1,2}-[0-9]{1,2}";

    private static final Pattern HOME = Pattern.compile("(~[a-z0-9_-]*|\\$HOME|\\$\\{HOME})/.*");

    private final Settings settings;

    SettingForms(Settings settings) { this.settings = settings; }

    /** Throws BadSetting unless a setting has the form that it needs. Null where it says nothing by itself. */
    Seen judge(Setting setting, String value) {
        if (setting.kind != Setting.Kind.SECRET && HOME.matcher(value).matches())
            throw bad(setting, "begins with a sign for the home folder, which nobody replaces there",
                "write the folder out: " + System.getProperty("user.home") + "/…");
        switch (setting) {
            case BACKUP_BUCKET -> {
                if (!Store.isBucketName(settings.require(setting)))
                    throw bad(setting, "is not the bare name of a bucket, without s3:// and without folders",
                        "leave both out: s3://shop/backups is the bucket shop, and backups its BACKUP_PREFIX");
                return Seen.ok(value + "; " + settings.where(setting));
            }
            case BACKUP_STORAGE_CLASS -> {
                expect(setting, "[A-Z0-9_]+", "a storage class such as STANDARD_IA");
                if (value.matches("GLACIER|DEEP_ARCHIVE"))
                    return Seen.warning(value + " keeps backups where they have to be thawed for hours before they can be read",
                        "STANDARD_IA or GLACIER_IR; " + settings.where(setting));
            }
            default -> {
                if (!value.isEmpty()) form(setting, value);
            }
        }
        return null;
    }

    /** Throws BadSetting unless a setting that is set has the form that it needs. */
    private void form(Setting setting, String value) {
        switch (setting) {
            case DRILL_DATABASE_URL -> DatabaseUrl.ofDrill(settings);
            case AFTER_RESTORE_SQL -> readable(setting, Path.of(value));
            case PROTECTED_ENVS -> settings.protectedEnvironments();
            case BACKUP_PREFIX -> expect(setting, "/*[^/\\s]+(/[^/\\s]+)*/*", "names separated by single slashes");
            case BACKUP_SSE -> expect(setting, "AES256|aws:kms|aws:kms:dsse", "AES256 or aws:kms");
            case BACKUP_SSE_KMS_KEY -> {
                if (!settings.get(Setting.BACKUP_SSE).orElse("").startsWith("aws:kms"))
                    throw bad(setting, "is set, and BACKUP_SSE is not aws:kms",
                        "add BACKUP_SSE=aws:kms, or leave the key out");
            }
            case BACKUP_RECIPIENTS -> Packing.check(settings.list(setting));
            case BACKUP_IDENTITY_FILE -> identity();
            case BACKUP_SIGNING_KEY_FILE -> Signature.checkKey(settings);
            case BACKUP_VERIFY_KEY -> Signature.checkForms(settings);
            case BACKUP_KEEP -> Retention.rules(settings);
            case BACKUP_COPY_TO -> {
                expect(setting, "[a-z][a-z0-9-]{0,30}", "the name of a place, lower case letters, digits and '-'");
                Copy.bucket(value);
            }
            case AWS_REGION -> {
                expect(setting, "[a-z0-9-]+", "a region such as eu-west-1");
                if (settings.get(Setting.AWS_ENDPOINT_URL_S3).isEmpty())
                    expect(setting, AMAZON_REGION, "a region of Amazon's, such as eu-west-3; eu-west-3a is a zone");
            }
            case AWS_ENDPOINT_URL_S3 -> Store.endpoint(value, settings);
            case PG_BIN -> folder(setting, Path.of(value),
                "leave it out, and the kit looks where packages put the programs, as /usr/lib/postgresql/*/bin");
            case MIGRATIONS_DIR -> folder(setting, application().resolve(value),
                "it is the migrations' folder in the application, " + application());
            case MIGRATE_COMMAND -> settings.command(setting);
            case DEPLOY_APP -> folder(setting, application(),
                "it is the folder of the application, with its package.json");
            case DEPLOY_OUTPUT -> {
                var folder = Path.of(value).normalize();
                if (folder.isAbsolute() || folder.startsWith(".."))
                    throw bad(setting, "names a folder outside of the application",
                        "it is the one that its build makes there, as dist");
            }
            case DEPLOY_BRANCHES -> settings.list(setting).forEach(branch -> {
                if (!branch.matches("[^\\s;~^:?*\\[\\\\]+"))
                    throw bad(setting, "names '" + branch + "', which is no branch",
                        "names alone, with commas between them");
            });
            case DEPLOY_BUILD_VARIABLES -> settings.list(setting).forEach(name -> {
                if (!name.matches("[A-Za-z_][A-Za-z0-9_]*"))
                    throw bad(setting, "names '" + name.replaceFirst("=.*", "=…") + "', which is no variable",
                        "names alone, with commas between them");
            });
            case DEPLOY_HOOK -> {
                var program = Home.dir().resolve(value);
                if (!Files.isExecutable(program) || Files.isDirectory(program))
                    throw bad(setting, "names no program that can be run"
                        + (Files.exists(program) ? ": " + program : ""), "it is the path of a program, without arguments"
                        + (Files.isRegularFile(program) ? ": chmod u+x '" + program + "'" : ""));
            }
            case SUPABASE_ANON_KEY -> {
                if (isSecretKey(value))
                    throw bad(setting, "is the key that goes past every policy, and not the one that the site may show",
                        "put the anon or publishable key there, Supabase: Project Settings, API Keys");
            }
            case SMOKE_CONNECTIONS_PERCENT, SMOKE_BACKUP_HOURS, RESTORE_GOAL_MINUTES -> settings.number(setting);
            case SMOKE_BROWSER -> expect(setting, "[01]", "1, which turns the browser on, or 0");
            case VERCEL_API_URL, CLOUDFLARE_API_URL ->
                expect(setting, "https?://[^/\\s]+.*", "an address that begins with https://");
            default -> {
                SmokeSettings.check(settings, setting);
                if (String.valueOf(setting.fallback).matches("true|false")) settings.isTrue(setting);
                if (String.valueOf(setting.fallback).matches("[0-9]+")) settings.number(setting);
            }
        }
    }

    private Path application() { return Application.folder(settings, null); }

    private void expect(Setting setting, String form, String words) {
        if (settings.get(setting).filter(value -> !value.matches(form)).isPresent())
            throw bad(setting, "is not " + words, "make it " + words);
    }

    private void folder(Setting setting, Path folder, String next) {
        if (!Files.isDirectory(folder))
            throw bad(setting, (Files.exists(folder) ? "names a file, and wants a folder: "
                : "names a folder that is not there: ") + folder, next);
    }

    private void readable(Setting setting, Path file) {
        if (!Files.isReadable(file) || Files.isDirectory(file))
            throw bad(setting, "names a file that can't be read: " + file.toAbsolutePath(), "ls -l '"
                + file.toAbsolutePath() + "'");
    }

    private Failure bad(Setting setting, String what, String next) {
        return new Failure.BadSetting(setting + " " + what, settings.where(setting) + "; " + next);
    }

    /** Supabase's secret keys: the newer ones by how they begin, the older ones by the role in them. */
    private static boolean isSecretKey(String key) {
        if (key.startsWith("sb_secret_")) return true;
        var parts = key.split("\\.");
        try {
            return parts.length == 3 && new String(Base64.getUrlDecoder().decode(parts[1]),
                StandardCharsets.UTF_8).matches("(?s).*\"role\"\\s*:\\s*\"service_role\".*");
        } catch (IllegalArgumentException e) {
            return false; // no token
        }
    }

    private void identity() {
        var file = settings.get(Setting.BACKUP_IDENTITY_FILE).map(Path::of);
        if (file.isEmpty()) return;
        try {
            if (Files.readAllLines(file.get()).stream().noneMatch(line -> line.startsWith("AGE-SECRET-KEY-1")))
                throw bad(Setting.BACKUP_IDENTITY_FILE, "names a file without an age identity",
                    "one is made by age-keygen, and begins with AGE-SECRET-KEY-1");
            if (!PosixFilePermissions.toString(Files.getPosixFilePermissions(file.get())).endsWith("------"))
                throw new Failure.BadSetting("the identity in " + file.get() + " can be read by others on this machine",
                    "chmod 600 '" + file.get() + "'");
        } catch (IOException e) {
            throw bad(Setting.BACKUP_IDENTITY_FILE, "names a file that can't be read", "ls -l '" + file.get() + "'");
        }
    }
}
