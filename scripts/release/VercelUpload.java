package release;

import java.io.IOException;
import java.net.http.HttpRequest;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import ops.Failure;
import ops.Steps;

/** Uploads to Vercel without its command line, in the two steps that its API's documentation names: where there is no Node, a rollback still brings an artifact back. */
record VercelUpload(Api api, String query, String project) {
    /** As the deployment lists it; the numbers are those of stat(2). */
    private record Listed(String file, String sha, long size, int mode) { }

    private static final int FILE = 0100644, PROGRAM = 0100755, LINK = 0120777;

    /**
     * Gives the deployment's id.
     *
     * @param root the folder in which Vercel would build, where the project has one
     */
    String stage(Release release, Path packed, Optional<String> root) throws IOException, InterruptedException {
        List<Listed> files;
        try {
            files = Steps.sideBySide(Artifact.files(packed), file -> send(packed, file));
        } catch (IOException | InterruptedException | RuntimeException e) {
            throw e;
        } catch (Exception e) {
            throw new IllegalStateException(e);
        }
        var made = api.post("/v13/deployments" + query + (query.isEmpty() ? "?" : "&") + "prebuilt=1&skipAutoDetectionConfirmation=1",
            Map.of("name", project.toLowerCase(java.util.Locale.ROOT), "project", project, "target", "production", "autoAssignCustomDomains", false, "meta", Vercel.meta(release), "version", 2, "projectSettings", root.isPresent() ? Map.of("rootDirectory", root.get()) : Map.of(), "files", files));
        return Api.text(made, "id").orElseThrow(() -> new Failure.Failed("Vercel has taken the upload and names no deployment", "run it again"));
    }

    private Listed send(Path packed, Path file) throws IOException, InterruptedException {
        var link = Files.isSymbolicLink(file);
        var content = link ? Files.readSymbolicLink(file).toString().getBytes() : Files.readAllBytes(file);
        var sha = sha1(content);
        api.send("/v2/files" + query, request -> request.header("content-type", "application/octet-stream").header("x-vercel-digest", sha).header("x-now-digest", sha).POST(HttpRequest.BodyPublishers.ofByteArray(content)));
        return new Listed(packed.relativize(file).toString(), sha, content.length, link ? LINK : Files.isExecutable(file) ? PROGRAM : FILE);
    }

    private static String sha1(byte[] content) {
        try {
            return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-1").digest(content));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java has SHA-1", e);
        }
    }
}
