package doctor;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import ops.Amount;
import ops.Exit;
import ops.LogFolder;
import ops.NativeCode;

/** Is there room for logs and for the few small files of a run? Dumps never touch the disk. */
public final class DiskChecks {
    private static final long LITTLE = 500_000_000;
    private static final long TOO_LITTLE = 20_000_000;

    public final Group group;
    private final SettingChecks settings;

    public DiskChecks(SettingChecks settings) {
        this.settings = settings;
        group = new Group("disk", settings.group);
    }

    public Group look() {
        group.check("temporary folder", () -> room(temporary(), "make room, or set XDG_RUNTIME_DIR to another folder of your own"));
        group.check("native code", () -> {
            var from = NativeCode.load();
            return Seen.ok(from.isEmpty() ? "can be loaded" : from);
        });
        group.check("log folder", () -> room(LogFolder.of(settings.settings).path(), "set LOG_DIR to another folder, or make room"),
            SettingChecks.FILES, "LOG_DIR");
        return group;
    }

    /** As the runs themselves choose it. */
    private static Path temporary() {
        var runtime = System.getenv("XDG_RUNTIME_DIR");
        return Path.of(runtime != null && Files.isWritable(Path.of(runtime)) ? runtime : System.getProperty("java.io.tmpdir"));
    }

    /** Creates a file and removes it; a folder that is not there yet is judged by the one it will be made in. */
    private static Seen room(Path folder, String fix) throws IOException {
        var existing = folder.toAbsolutePath();
        while (!Files.exists(existing)) existing = existing.getParent();
        try {
            Files.delete(Files.createTempFile(existing, ".doctor-", ""));
        } catch (IOException e) {
            return Seen.problem(Exit.FAILED, existing + " can't be written", fix);
        }
        var free = existing.toFile().getUsableSpace(); // FileStore would want a table of mounts, which a chroot may lack
        var what = folder + ", " + Amount.bytes(free) + " free";
        if (free < TOO_LITTLE) return Seen.problem(Exit.FAILED, what, fix);
        return free < LITTLE ? Seen.warning(what, fix) : Seen.ok(what);
    }
}
