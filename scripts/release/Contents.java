package release;

import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.Base64;
import java.util.Map;
import java.util.regex.Pattern;
import ops.Console;
import ops.Failure;
import ops.Json;

/** What a build has made, looked at before anybody else can: is there a page, and is nothing in it that nobody may see? */
public final class Contents {
    static final String INDEX = "index.html";
    private static final String COMMIT = "version.json", SERVER = "server";
    /** With a line of the key itself: libraries that read keys hold the words around it. */
    private static final Pattern PRIVATE_KEY = Pattern.compile(
        "(?s)-----BEGIN [A-Z ]*PRIVATE KEY-----.{0,200}?[A-Za-z0-9+/]{60}|AGE-SECRET-KEY-1[A-Z0-9]{20}");
    private static final Pattern SUPABASE_SECRET = Pattern.compile("sb_secret_[A-Za-z0-9_-]{16,}");
    private static final Pattern TOKEN = Pattern.compile("eyJ[A-Za-z0-9_-]{8,}\\.(eyJ[A-Za-z0-9_-]{8,})\\.[A-Za-z0-9_-]{8,}");
    private static final Pattern PRIVATE_FILE = Pattern.compile("(^|/)(\\.git/|\\.env(\\.[^/]*)?$|\\.npmrc$"
        + "|id_(rsa|ed25519)$"
        // What was installed; pages and functions may have folders of that name.
        + "|node_modules/(\\.bin/|\\.package-lock\\.json$|\\.modules\\.yaml$|\\.yarn-))");
    /** Bytes that are read at a time; a token, or the beginning of a key, is never as long as the other. */
    private static final int PIECE = 1 << 22, LONGEST_TOKEN = 1 << 16;

    private Contents() { }

    /**
     * The folder itself. Throws Failed when something in it is neither a file nor a link, as a pipe, for which readers
     * wait; or when a name is not in UTF-8: elsewhere it would be another one.
     */
    static Path servable(Path folder) throws IOException {
        for (var file : Artifact.files(folder)) {
            var name = "the build has made " + Console.plain(folder.relativize(file).toString());
            if (Files.readAttributes(file, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS).isOther())
                throw new Failure.Failed(name + ", which is neither a file nor a link, and can't be served",
                    "have the build remove it");
            if (!Path.of(file.toString()).equals(file))
                throw new Failure.Failed(name + ", whose name is not in UTF-8",
                    "give it another name, and deploy again");
        }
        return folder;
    }

    /** Has the pages say of which commit they are, unless they say something in that file already: so that one can ask the site what is live. */
    public static void noteCommit(Path pages, Release.Commit commit) throws IOException {
        var file = pages.resolve(COMMIT);
        if (!Files.exists(file, LinkOption.NOFOLLOW_LINKS))
            Files.write(file, Json.bytes(Map.of("commit", commit.sha())));
    }

    /**
     * The page to begin with: the first one, or, where there is none, as with a folder for each language, the one at
     * the site's own path or in the first folder.
     *
     * @param site the path of the site's address
     * @return as in "" and "fr/"; throws Failed when there is no page
     */
    public static String first(Path pages, String site) throws IOException {
        var index = pages.resolve(INDEX);
        if (isPage(index) || hasFunctions(pages)) return "";
        var missing = new Failure.Failed("the build has made no page: there is " + (Files.exists(index) ? "nothing in " : "no ") + "index.html in " + pages.getFileName(), "name the folder that the build makes: DEPLOY_OUTPUT; or see what the build said in the log");
        if (Files.exists(index)) throw missing;
        var own = pages.resolve(site.replaceFirst("^/+", "")).normalize();
        if (own.startsWith(pages) && isPage(own.resolve(INDEX))) return pages.relativize(own) + "/";
        if (Files.isDirectory(pages.resolve(SERVER)))
            throw new Failure.Failed("the build has made no page in " + pages.getFileName() + " itself, and in "
                + SERVER + " in it a server's code, which no visitor may see",
                "name the folder with the pages alone: DEPLOY_OUTPUT=" + pages.getFileName()
                    + "/client, say; or have the build make static pages");
        try (var folders = Files.list(pages)) {
            return folders.filter(each -> isPage(each.resolve(INDEX))).map(each -> each.getFileName() + "/").sorted()
                .findFirst().orElseThrow(() -> missing);
        }
    }

    /** What answers in a page's place, at Cloudflare Pages and at Vercel: it shows only where it is staged. */
    private static boolean hasFunctions(Path pages) {
        return Files.exists(pages.resolve("_worker.js"))
            || pages.endsWith(".vercel/output/static") && Files.isDirectory(pages.resolveSibling("functions"));
    }

    private static boolean isPage(Path file) {
        return Files.isRegularFile(file) && file.toFile().length() > 0;
    }

    /**
     * Refuses what would show a secret to every visitor.
     *
     * @param secrets values that must not be in it, by the names of their settings
     */
    public static void refuseSecrets(Path folder, Map<String, String> secrets) throws IOException {
        for (var file : Artifact.files(folder)) {
            var name = folder.relativize(file).toString();
            if (PRIVATE_FILE.matcher(name).find()) throw refused(name, "is a file that no visitor may see");
            if (Files.isRegularFile(file)) refuseSecrets(name, file, secrets);
        }
    }

    /** A piece at a time, each with the end of the one before: a film among the pages is larger than the memory. */
    private static void refuseSecrets(String name, Path file, Map<String, String> secrets) throws IOException {
        var overlap = Math.max(LONGEST_TOKEN, secrets.values().stream().mapToInt(secret -> 4 * secret.length()).max().orElse(0));
        try (var in = Files.newInputStream(file)) {
            var end = "";
            for (byte[] piece; (piece = in.readNBytes(PIECE)).length > 0; ) {
                var text = end + new String(piece, StandardCharsets.ISO_8859_1);
                refuseSecretsIn(name, text, secrets);
                end = text.substring(Math.max(0, text.length() - overlap));
            }
        }
    }

    private static void refuseSecretsIn(String name, String text, Map<String, String> secrets) {
        for (var secret : secrets.entrySet())
            if (text.contains(new String(secret.getValue().getBytes(StandardCharsets.UTF_8), StandardCharsets.ISO_8859_1))) throw refused(name, "holds the value of " + secret.getKey());
        if (PRIVATE_KEY.matcher(text).find()) throw refused(name, "holds a private key");
        if (SUPABASE_SECRET.matcher(text).find()) throw refused(name, "holds a secret key of Supabase");
        for (var token = TOKEN.matcher(text); token.find(); )
            if (isServiceRole(token.group(1))) throw refused(name, "holds Supabase's service_role key, which goes past every policy");
    }

    private static boolean isServiceRole(String payload) {
        try {
            var claims = JsonParser.parseString(new String(Base64.getUrlDecoder().decode(payload), StandardCharsets.UTF_8)).getAsJsonObject();
            return claims.has("role") && claims.get("role").getAsString().equals("service_role");
        } catch (IllegalArgumentException | JsonParseException | IllegalStateException | UnsupportedOperationException e) {
            return false; // no token after all
        }
    }

    private static Failure refused(String file, String why) {
        return new Failure.Refused("the build has made " + file + ", which " + why, "keep it out of the build, and deploy again; if it has been live before, change it: it is known");
    }
}
