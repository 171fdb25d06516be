//DEPS commons-codec:commons-codec:1.22.1
package release;

import java.io.IOException;
import java.net.URLConnection;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Collection;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.regex.Pattern;
import ops.Amount;
import ops.Failure;
import org.apache.commons.codec.digest.Blake3;

/** The files that visitors get, under the names that Cloudflare keeps them by: the same as wrangler's, so that what is there already is not sent again. */
final class CloudflareAssets {
    /** A file, its name in the store, and its content as it travels. */
    record Asset(String path, String hash, Path file, long size) {
        String content() throws IOException { return base64(file); }

        String type() { return CloudflareAssets.type(file.getFileName().toString()); }
    }

    /** What goes into one request; Cloudflare takes 50 MB. */
    private static final long LARGEST_BATCH = 25_000_000;
    /** A file's; Cloudflare takes no larger one. */
    private static final long LARGEST = 25 << 20;
    private static final int MOST_IN_BATCH = 1000, HASH_BYTES = 16;
    private static final Pattern IGNORED = Pattern.compile("(^|/)(\\.DS_Store|node_modules/.*|\\.git/.*)$");
    private static final Map<String, String> TYPES = Map.ofEntries(Map.entry("html", "text/html"), Map.entry("js", "application/javascript"), Map.entry("mjs", "application/javascript"), Map.entry("css", "text/css"), Map.entry("json", "application/json"),
        Map.entry("map", "application/json"), Map.entry("svg", "image/svg+xml"), Map.entry("webp", "image/webp"), Map.entry("avif", "image/avif"), Map.entry("ico", "image/vnd.microsoft.icon"), Map.entry("woff", "font/woff"),
        Map.entry("woff2", "font/woff2"), Map.entry("wasm", "application/wasm"), Map.entry("webmanifest", "application/manifest+json"));

    private CloudflareAssets() { }

    /** All files of a folder by their hashes, without those named and those that nobody wants to be seen. */
    static List<Asset> of(Path pages, String... without) throws IOException {
        var assets = new ArrayList<Asset>();
        for (var file : Artifact.files(pages)) {
            var name = pages.relativize(file).toString();
            if (List.of(without).contains(name) || IGNORED.matcher(name).find()) continue;
            var size = Files.size(file);
            if (size > LARGEST) throw new Failure.Failed(name + " has " + Amount.bytes(size) + ", and Cloudflare takes no file of more than " + Amount.bytes(LARGEST), "serve it from a bucket, R2 say, and have the pages name it there");
            assets.add(new Asset("/" + name, hash(file), file, size));
        }
        return assets;
    }

    private static String hash(Path file) throws IOException {
        var name = file.getFileName().toString();
        var dot = name.lastIndexOf('.');
        var digest = Blake3.initHash().update(base64(file).getBytes(StandardCharsets.US_ASCII)).update((dot <= 0 ? "" : name.substring(dot + 1)).getBytes(StandardCharsets.UTF_8));
        return HexFormat.of().formatHex(digest.doFinalize(HASH_BYTES));
    }

    private static String base64(Path file) throws IOException { return Base64.getEncoder().encodeToString(Files.readAllBytes(file)); }

    private static String type(String name) {
        var known = TYPES.get(name.substring(name.lastIndexOf('.') + 1));
        var guessed = known == null ? URLConnection.guessContentTypeFromName(name) : known;
        return guessed == null ? "application/octet-stream" : guessed;
    }

    /** Those of these hashes, each once, in pieces that one request can carry. */
    static List<List<Asset>> batches(List<Asset> assets, Collection<String> hashes) {
        var wanted = new TreeMap<String, Asset>();
        for (var asset : assets) wanted.put(asset.hash, asset);
        wanted.keySet().retainAll(Set.copyOf(hashes));
        var batches = new ArrayList<List<Asset>>();
        long size = 0;
        for (var asset : wanted.values()) {
            size += asset.size;
            if (batches.isEmpty() || size > LARGEST_BATCH || batches.get(batches.size() - 1).size() == MOST_IN_BATCH) {
                batches.add(new ArrayList<>());
                size = asset.size;
            }
            batches.get(batches.size() - 1).add(asset);
        }
        return batches;
    }
}
