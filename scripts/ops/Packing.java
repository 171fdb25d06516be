package ops;

import com.exceptionfactory.jagged.RecipientStanzaReader;
import com.exceptionfactory.jagged.RecipientStanzaWriter;
import com.exceptionfactory.jagged.framework.stream.StandardDecryptingChannelFactory;
import com.exceptionfactory.jagged.framework.stream.StandardEncryptingChannelFactory;
import com.exceptionfactory.jagged.x25519.X25519RecipientStanzaReaderFactory;
import com.exceptionfactory.jagged.x25519.X25519RecipientStanzaWriterFactory;
import com.github.luben.zstd.ZstdInputStreamNoFinalizer;
import com.github.luben.zstd.ZstdOutputStreamNoFinalizer;
import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.channels.Channels;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.util.ArrayList;
import java.util.List;

/** How a part's bytes are packed: zstd with a checksum, then age when there are recipients. Stock tools undo both. */
public final class Packing {
    private Packing() { }

    /** The ending of a packed file's name. */
    public static String ending(List<String> recipients) { return recipients.isEmpty() ? ".zst" : ".zst.age"; }

    /**
     * A stream that packs what is written to it; closing it ends the packed form and leaves {@code to} open.
     *
     * @param level zstd's, 1 to 19
     * @param recipients age public keys, checked by {@link #check}
     */
    public static OutputStream pack(OutputStream to, int level, List<String> recipients) throws IOException {
        NativeCode.load();
        var open = new OpenOutput(to);
        OutputStream below = open;
        if (!recipients.isEmpty()) {
            try {
                below = Channels.newOutputStream(new StandardEncryptingChannelFactory().newEncryptingChannel(Channels.newChannel(open), writers(recipients)));
            } catch (GeneralSecurityException e) {
                throw new IllegalStateException("age is not available in this Java", e);
            }
        }
        return new ZstdOutputStreamNoFinalizer(below, level).setChecksum(true).setWorkers(2).setJobSize(1 << 21);
    }

    /** Throws BadSetting unless every recipient is an age public key. */
    public static void check(List<String> recipients) { writers(recipients); }

    private static List<RecipientStanzaWriter> writers(List<String> recipients) {
        var writers = new ArrayList<RecipientStanzaWriter>();
        for (var recipient : recipients) {
            try {
                if (recipient.startsWith("AGE-SECRET-KEY-")) throw new GeneralSecurityException("a secret key");
                writers.add(X25519RecipientStanzaWriterFactory.newRecipientStanzaWriter(recipient));
            } catch (GeneralSecurityException | RuntimeException e) {
                var shown = recipient.startsWith("age1") ? recipient : "one that does not begin with age1";
                throw new Failure.BadSetting("not an age public key: " + shown, "age-keygen -y KEYFILE prints the public key, age1…; the secret one never belongs here");
            }
        }
        return writers;
    }

    /**
     * Unpacks a packed stream.
     *
     * @param identity file with age identities; null when the stream is not encrypted
     */
    public static InputStream unpack(InputStream from, Path identity) throws IOException {
        NativeCode.load();
        var below = identity == null ? from : decrypt(from, identity);
        return new ZstdInputStreamNoFinalizer(new BufferedInputStream(below, 1 << 17));
    }

    private static InputStream decrypt(InputStream from, Path identity) throws IOException {
        try {
            return Channels.newInputStream(new StandardDecryptingChannelFactory().newDecryptingChannel(Channels.newChannel(from), readers(identity)));
        } catch (GeneralSecurityException e) {
            throw new Failure.BadSetting("none of the identities in " + identity + " opens this backup", "take the identity that belongs to one of the backup's recipients (in its manifest)");
        }
    }

    private static List<RecipientStanzaReader> readers(Path identity) throws IOException {
        if (!Files.isReadable(identity)) throw new Failure.BadSetting("the identity file " + identity + " can't be read", "ls -l '" + identity + "'");
        if (Private.openToOthers(identity)) throw new Failure.BadSetting(identity + " can be read by others on this machine", "chmod 600 '" + identity + "'");
        var readers = new ArrayList<RecipientStanzaReader>();
        for (var line : Files.readAllLines(identity)) {
            if (!line.startsWith("AGE-SECRET-KEY-1")) continue;
            try {
                readers.add(X25519RecipientStanzaReaderFactory.newRecipientStanzaReader(new Secret(line.strip()).reveal()));
            } catch (GeneralSecurityException | RuntimeException e) {
                throw new Failure.BadSetting(identity + " holds a malformed identity", "make it again with age-keygen, or take the right file");
            }
        }
        if (readers.isEmpty()) throw new Failure.BadSetting(identity + " holds no age identity", "a line AGE-SECRET-KEY-1… as age-keygen writes it");
        return readers;
    }

    /** Keeps the end of the packing from closing, and so perhaps completing, what lies below. */
    private static final class OpenOutput extends java.io.FilterOutputStream {
        OpenOutput(OutputStream to) { super(to); }
        @Override public void write(byte[] bytes, int from, int length) throws IOException { out.write(bytes, from, length); }
        @Override public void close() { }
    }
}
