//DEPS org.gaul:s3proxy:4.1.0@fatjar                             // with its 150 dependencies, for other clouds, it would be 59 MB
//DEPS tools.jackson.dataformat:jackson-dataformat-xml:3.2.2
//DEPS com.google.guava:guava:33.7.1-jre
//DEPS jakarta.servlet:jakarta.servlet-api:6.0.0
//DEPS software.amazon.awssdk:s3:2.57.8
//DEPS software.amazon.awssdk:bom:2.57.8@pom                     // else JBang takes the SDK's version from s3proxy's POM, for the whole script
//DEPS org.slf4j:slf4j-api:2.0.18
//DEPS org.slf4j:slf4j-nop:2.0.18
package local;

import java.io.IOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.UserDefinedFileAttributeView;
import ops.Failure;
import ops.Private;
import ops.Secret;
import org.gaul.s3proxy.S3Proxy;
import org.gaul.s3proxy.auth.AuthenticationType;
import org.gaul.s3proxy.nio2blob.FilesystemNio2BlobStore;
import software.amazon.awssdk.services.s3.model.CreateBucketRequest;

/**
 * An S3 server in this process, on a free loopback port, that keeps its objects as files below a folder.
 *
 * <p>It checks signatures, checksums and {@code If-None-Match}. It forgets the storage class of a multipart upload and
 * has no object lock.
 */
public final class EmbeddedS3 implements AutoCloseable {
    private final S3Proxy server;

    private EmbeddedS3(S3Proxy server) { this.server = server; }

    /**
     * Starts the server and creates the bucket unless it is there.
     *
     * @throws Failure.Failed when the file system can't keep what belongs to an object besides its bytes
     */
    public static EmbeddedS3 start(Path folder, String accessKey, Secret secretKey, String bucket) throws Exception {
        Private.folder(folder);
        requireAttributes(folder);
        var store = new FilesystemNio2BlobStore(folder.toString());
        if (!Files.isDirectory(folder.resolve(bucket))) store.createContainer(CreateBucketRequest.builder().bucket(bucket).build());
        var server = S3Proxy.builder()
            .blobStore(store)
            .endpoint(URI.create("http://127.0.0.1:0"))
            .awsAuthentication(AuthenticationType.AWS_V4, accessKey, secretKey.reveal())
            .stopTimeout(0)               // an upload that is cut off is what a client must stand anyway
            .build();
        server.start();
        return new EmbeddedS3(server);
    }

    public String endpoint() { return "http://127.0.0.1:" + server.getPort(); }

    @Override public void close() throws Exception { server.stop(); }

    /** Checksums and metadata are kept in extended attributes: without these the server would answer, but wrongly. */
    private static void requireAttributes(Path folder) {
        try {
            var attributes = Files.getFileAttributeView(folder, UserDefinedFileAttributeView.class);
            attributes.write("handover", StandardCharsets.US_ASCII.encode("test"));
            attributes.delete("handover");
        } catch (IOException | RuntimeException e) {
            throw new Failure.Failed("the file system of " + folder + " keeps no extended attributes, which the S3 server needs",
                "put the stack's state on another file system: ./jbang local --state FOLDER");
        }
    }
}
