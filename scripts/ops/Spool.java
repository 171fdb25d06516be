package ops;

import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.InterruptedIOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Set;

/**
 * A temporary file that one thread fills, piece after piece, while others read its pieces already. It has no name, so that
 * nobody else can open it, and it is gone with the process, however that ends.
 */
final class Spool implements AutoCloseable {
    private final FileChannel file;
    private final ByteBuffer pending = ByteBuffer.allocateDirect(1 << 17);
    private long written;
    private boolean closed;

    Spool(Path folder) throws IOException {
        // On Unix the name is removed as soon as the file is open.
        file = FileChannel.open(folder.resolve("spool"), Set.of(StandardOpenOption.CREATE_NEW, StandardOpenOption.READ, StandardOpenOption.WRITE, StandardOpenOption.DELETE_ON_CLOSE));
    }

    /** Whether as many bytes fit into a folder, and a little room is left then. FileStore would want a table of mounts, which a chroot may lack. */
    static boolean fits(Path folder, long bytes) throws IOException { return folder.toFile().getUsableSpace() - bytes > Math.max(bytes / 16, 64 << 20); }

    /** Begins a piece at the end of the file; the one before must be whole. */
    Piece begin() { return new Piece(); }

    /** Whoever still waits for more gets an EOFException. */
    @Override public void close() throws IOException {
        synchronized (this) {
            closed = true;
            notifyAll();
        }
        file.close();
    }

    private void write(ByteBuffer bytes) {
        var position = written;
        try {
            while (bytes.hasRemaining()) position += file.write(bytes, position);
        } catch (IOException e) {
            throw new Failure.Failed("the temporary file can't be written: " + e.getMessage(), "make room, or let TMPDIR name a folder elsewhere");
        }
        synchronized (this) {
            written = position;
            notifyAll();
        }
    }

    /** A stream of bytes that is written once and read once, both at the same time if need be. */
    final class Piece extends OutputStream {
        private final long begin = written;
        /** Not known before it is whole. */
        private long end = Long.MAX_VALUE;

        @Override public void write(int octet) { write(new byte[] {(byte) octet}, 0, 1); }

        @Override public void write(byte[] bytes, int from, int length) {
            for (var at = from; at < from + length; ) {
                var some = Math.min(pending.remaining(), from + length - at);
                pending.put(bytes, at, some);
                at += some;
                if (!pending.hasRemaining()) flush();
            }
        }

        @Override public void flush() {
            Spool.this.write(pending.flip());
            pending.clear();
        }

        /** Makes it whole. */
        @Override public void close() {
            flush();
            synchronized (Spool.this) {
                end = written;
                Spool.this.notifyAll();
            }
        }

        /** Waits for what is not written yet. */
        InputStream read() {
            return new InputStream() {
                private long position = begin;

                @Override public int read() throws IOException {
                    var one = new byte[1];
                    return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
                }

                @Override public int read(byte[] bytes, int from, int length) throws IOException {
                    var there = await(position) - position;
                    if (there == 0) return -1;
                    var some = file.read(ByteBuffer.wrap(bytes, from, (int) Math.min(length, there)), position);
                    position += some;
                    return some;
                }
            };
        }

        /** How far it can be read: further than the position, unless it ends there. */
        private long await(long position) throws IOException {
            synchronized (Spool.this) {
                try {
                    while (written <= position && position < end && !closed) Spool.this.wait();
                } catch (InterruptedException e) {
                    throw new InterruptedIOException();
                }
                var readable = Math.min(written, end);
                if (readable <= position && position < end) throw new EOFException("the rest never came");
                return readable;
            }
        }
    }
}
