package release;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.net.http.HttpRequest;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.DigestOutputStream;
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

    /** A file is read twice, and never into memory: it may be larger than that. */
    private Listed send(Path packed, Path file) throws IOException, InterruptedException {
        var link = Files.isSymbolicLink(file);
        var target = link ? Files.readSymbolicLink(file).toString().getBytes(StandardCharsets.UTF_8) : null;
        var digest = sha1();
        try (var in = link ? new ByteArrayInputStream(target) : Files.newInputStream(file); var to = new DigestOutputStream(OutputStream.nullOutputStream(), digest)) {
            in.transferTo(to);
        }
        var sha = HexFormat.of().formatHex(digest.digest());
        var body = link ? HttpRequest.BodyPublishers.ofByteArray(target) : HttpRequest.BodyPublishers.ofFile(file);
        api.send("/v2/files" + query, request -> request.header("content-type", "application/octet-stream").header("x-vercel-digest", sha).header("x-now-digest", sha).POST(body));
        return new Listed(packed.relativize(file).toString(), sha, link ? target.length : Files.size(file), link ? LINK : Files.isExecutable(file) ? PROGRAM : FILE);
    }

    private static MessageDigest sha1() {
        try {
            return MessageDigest.getInstance("SHA-1");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java has SHA-1", e);
        }
    }
}
