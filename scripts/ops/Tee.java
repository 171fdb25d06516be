package ops;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.util.function.IntConsumer;

/** Hands on every byte that is read, so that a stream can be looked at on its way. */
public final class Tee extends InputStream {
    private final InputStream from;
    private final OutputStream to;
    private final IntConsumer passed;

    /** @param passed is told how many bytes were handed on, each time */
    public Tee(InputStream from, OutputStream to, IntConsumer passed) {
        this.from = from;
        this.to = to;
        this.passed = passed;
    }

    @Override public int read() throws IOException {
        var one = new byte[1];
        return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
    }

    @Override public int read(byte[] buffer, int at, int length) throws IOException {
        // Whole buffers: a pipe gives a few kilobytes at a time, and each call of zstd costs.
        var read = from.readNBytes(buffer, at, length);
        if (read == 0) return -1;
        to.write(buffer, at, read);
        passed.accept(read);
        return read;
    }

    /** Reads what is left. */
    public void rest() throws IOException {
        var buffer = new byte[1 << 17];
        while (read(buffer, 0, buffer.length) > 0) { }
    }
}
