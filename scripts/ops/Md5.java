package ops;

import java.io.IOException;
import java.io.InputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Base64;

/** MD5, which proves nothing against people, but is what every store knows. */
final class Md5 {
    private Md5() { }

    /** Null in a Java that forbids it: what uses this goes without, then. */
    static MessageDigest digest() {
        try {
            return MessageDigest.getInstance("MD5");
        } catch (NoSuchAlgorithmException e) {
            return null;
        }
    }

    /** As the header Content-MD5 wants it; null in a Java that forbids it. */
    static String base64(InputStream content) {
        var digest = digest();
        if (digest == null) return null;
        try (content) {
            var buffer = new byte[1 << 16];
            for (int read; (read = content.read(buffer)) > 0; ) digest.update(buffer, 0, read);
            return Base64.getEncoder().encodeToString(digest.digest());
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }
}
