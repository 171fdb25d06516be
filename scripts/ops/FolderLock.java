package ops;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Set;

/** One process at a time works in a folder. The operating system frees the lock of a process that dies, however it dies. */
public final class FolderLock implements AutoCloseable {
    private final FileChannel channel;

    private FolderLock(FileChannel channel) { this.channel = channel; }

    /**
     * Takes the lock; throws Busy when another has it.
     *
     * @param busy what that means, a sentence; the holder's process id is put behind it
     * @param hint what the operator does then
     */
    public static FolderLock take(Path folder, String busy, String hint) throws IOException {
        var file = folder.resolve("lock");
        var channel = FileChannel.open(file, Set.of(StandardOpenOption.CREATE, StandardOpenOption.WRITE),
            PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
        try {
            if (channel.tryLock() != null) {
                channel.truncate(0);
                channel.write(ByteBuffer.wrap(String.valueOf(ProcessHandle.current().pid()).getBytes()));
                return new FolderLock(channel);
            }
        } catch (OverlappingFileLockException e) {
            // this process has it already
        }
        var holder = Files.readString(file).strip();
        channel.close();
        throw new Failure.Busy(busy + (holder.isEmpty() ? "" : " (process " + holder + ")"), hint);
    }

    @Override public void close() throws IOException { channel.close(); }
}
