package ops;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Set;

/**
 * One part of an upload, kept until the store has taken it, so that it can be sent again: in memory, or in a file where
 * parts have to be larger than memory allows. It is filled, read as often as need be, and filled anew.
 */
abstract class PartBuffer {
    /** Larger parts go to a file: two of these have to fit in the smallest heap that a script runs with. */
    static final long MEMORY = 96L << 20;

    /** Bytes that are in it. */
    long filled;
    private final long size;

    private PartBuffer(long size) { this.size = size; }

    /** Whether it is one for parts of so many bytes. */
    boolean fits(long bytes) { return size == bytes; }

    abstract void add(byte[] bytes, int from, int length);

    /** All that is in it, from its beginning. */
    abstract InputStream content();

    void clear() { filled = 0; }

    void close() { }

    /** One for parts of up to so many bytes; nothing is taken from memory before it is needed. */
    static PartBuffer of(Run run, long bytes) { return bytes <= MEMORY ? new InMemory((int) bytes) : new InFile(run, bytes); }

    private static final class InMemory extends PartBuffer {
        private final int size;
        private byte[] content;

        InMemory(int size) {
            super(size);
            this.size = size;
        }

        @Override void add(byte[] bytes, int from, int length) {
            if (content == null) content = new byte[size];
            System.arraycopy(bytes, from, content, (int) filled, length);
            filled += length;
        }

        @Override InputStream content() { return content == null ? InputStream.nullInputStream() : new ByteArrayInputStream(content, 0, (int) filled); }
    }

    /** The file has no name, so that nobody else can open it, and is gone with the process. */
    private static final class InFile extends PartBuffer {
        private final Path folder;
        private FileChannel file;

        InFile(Run run, long bytes) {
            super(bytes);
            folder = Workspace.createOnDisk(run);
            try {
                if (!Spool.fits(folder, 2 * bytes))
                    throw new Failure.Failed("parts of " + Amount.bytes(bytes) + ", as a database of this size needs, do not fit in " + folder.getParent(), "make room for two of them, or let TMPDIR name a folder elsewhere");
            } catch (IOException e) {
                throw Workspace.failed(e);
            }
        }

        @Override void add(byte[] bytes, int from, int length) {
            try {
                if (file == null) file = FileChannel.open(folder.resolve("part"), Set.of(StandardOpenOption.CREATE_NEW, StandardOpenOption.READ, StandardOpenOption.WRITE, StandardOpenOption.DELETE_ON_CLOSE));
                for (var left = ByteBuffer.wrap(bytes, from, length); left.hasRemaining(); ) filled += file.write(left, filled);
            } catch (IOException e) {
                throw Workspace.failed(e);
            }
        }

        @Override InputStream content() { return file == null ? InputStream.nullInputStream() : new Reader(file, filled); }

        @Override void close() {
            try {
                if (file != null) file.close();
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
    }

    /** Reads at places of its own, so that it may be begun again while another one reads. */
    private static final class Reader extends InputStream {
        private final FileChannel file;
        private final long end;
        private long at;

        Reader(FileChannel file, long end) {
            this.file = file;
            this.end = end;
        }

        @Override public int read() throws IOException {
            var one = new byte[1];
            return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
        }

        @Override public int read(byte[] bytes, int from, int length) throws IOException {
            if (at >= end) return -1;
            var read = file.read(ByteBuffer.wrap(bytes, from, (int) Math.min(length, end - at)), at);
            if (read > 0) at += read;
            return read;
        }
    }
}
