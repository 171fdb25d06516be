package release;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import java.io.IOException;
import java.net.http.HttpRequest;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import ops.Failure;

/** Uploads what was built to Vercel without its command line, as its API's documentation says: where there is no Node, a rollback can still bring an artifact back. */
record VercelUpload(Api api, String query, String project) {
    private static final int FILE = 0100644, PROGRAM = 0100755;

    /** Gives the deployment's id. */
    String stage(Release release, Path packed) throws IOException, InterruptedException {
        var listed = new ArrayList<Map<String, Object>>();
        var bySha = new HashMap<String, Path>();
        for (var file : files(packed)) {
            var sha = sha1(file);
            bySha.put(sha, file);
            listed.add(Map.of("file", packed.relativize(file).toString(), "sha", sha, "size", Files.size(file), "mode", Files.isExecutable(file) ? PROGRAM : FILE));
        }
        var wanted = new LinkedHashMap<String, Object>();
        wanted.put("name", project);
        wanted.put("project", project);
        wanted.put("target", "production");
        wanted.put("autoAssignCustomDomains", false);
        wanted.put("meta", Vercel.meta(release));
        wanted.put("version", 2);
        wanted.put("files", listed);
        wanted.put("projectSettings", Map.of());
        var create = "/v13/deployments" + query + (query.isEmpty() ? "?" : "&") + "prebuilt=1&skipAutoDetectionConfirmation=1";
        // Twice: it says what it lacks, and gets it.
        for (var missing = missing(create, wanted); !missing.isEmpty(); ) {
            for (var sha : missing) send(sha, bySha.get(sha));
            return id(api.post(create, wanted));
        }
        return id(api.post(create, wanted));
    }

    private static List<Path> files(Path packed) throws IOException { throw new IOException(); }
}
