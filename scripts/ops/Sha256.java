package ops;

import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/** SHA-256, of bytes at hand or on their way. */
public final class Sha256 {
    private Sha256() { }

    public static MessageDigest digest() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java has SHA-256", e);
        }
    }

    public static byte[] of(byte[] bytes) { return digest().digest(bytes); }

    public static String hex(byte[] digest) { return HexFormat.of().formatHex(digest); }

    /** A stream that digests and counts what is read through it. */
    public static final class Reader extends FilterInputStream {
        private final MessageDigest digest = digest();
        private long count;

        public Reader(InputStream in) { super(in); }

        @Override public int read() throws IOException {
            var one = new byte[1];
            return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
        }

        @Override public int read(byte[] bytes, int from, int length) throws IOException {
            var read = super.read(bytes, from, length);
            if (read > 0) {
                digest.update(bytes, from, read);
                count += read;
            }
            return read;
        }

        public long count() { return count; }

        /** The digest of all that was read; once. */
        public String hex() { return Sha256.hex(digest.digest()); }
    }
}
