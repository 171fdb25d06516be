//DEPS org.apache.commons:commons-compress:1.28.0
//DEPS org.apache.commons:commons-lang3:3.20.0        // commons-compress needs 3.18 or newer, and JBang takes an older one
package release;

import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.security.DigestOutputStream;
import java.util.List;
import ops.Amount;
import ops.BackupFolder;
import ops.Failure;
import ops.Manifest;
import ops.Packing;
import ops.Run;
import ops.Seal;
import ops.Sha256;
import ops.Store;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveInputStream;
import org.apache.commons.compress.archivers.tar.TarArchiveOutputStream;
import org.apache.commons.compress.archivers.tar.TarConstants;
import org.apache.commons.io.output.CloseShieldOutputStream;

/**
 * What a build has made, kept in the bucket once, as {@code PREFIX/ENV/artifacts/SHA256.tar.zst}: an archive in which nothing
 * but names and contents counts, so that the same files always have the same address. {@code zstd -d | tar x} opens it.
 */
public final class Artifact {
    /**
     * How it is kept.
     *
     * @param sha256 of its tar archive, before packing: its address
     * @param bytes of all files together
     */
    public record Stored(String sha256, long bytes, int files) {
        @Override public String toString() { return Amount.count(files, "file") + ", " + Amount.bytes(bytes) + ", SHA-256 " + sha256.substring(0, 12) + "…"; }
    }

    private static final int LEVEL = 6, PLAIN = 0644, PROGRAM = 0755;
    private static final String NEXT = "deploy that commit anew, or roll back to another release";

    private Artifact() { }

    /** Looks at a folder without storing it; throws Failed when it holds what can't be kept. */
    public static Stored of(Path folder) throws IOException {
        var digest = Sha256.digest();
        try (var to = new DigestOutputStream(OutputStream.nullOutputStream(), digest)) {
            archive(folder, to);
        }
        long bytes = 0;
        var files = 0;
        for (var file : files(folder)) {
            if (Files.isSymbolicLink(file)) continue;
            bytes += Files.size(file);
            files++;
        }
        return new Stored(Sha256.hex(digest.digest()), bytes, files);
    }

    private static String name(String env, Stored stored) { return env + "/artifacts/" + stored.sha256 + ".tar.zst"; }

    private static String key(Store store, String env, Stored stored) { return store.prefix + "/" + name(env, stored); }

    public static boolean isKept(Store store, String env, Stored stored) { return store.head(key(store, env, stored)).isPresent(); }

    /** Whether what is kept is what it is called by. */
    private static boolean isWhole(Store store, String env, Stored stored) {
        try (var raw = new Sha256.Reader(Packing.unpack(store.stream(key(store, env, stored)), null))) {
            raw.transferTo(OutputStream.nullOutputStream());
            return raw.hex().equals(stored.sha256);
        } catch (IOException e) {
            return false;
        }
    }

    /**
     * Stores it and compares with what the store says that it has; false when it was there already, and whole. What is
     * there and is not whole is replaced.
     */
    public static boolean store(Run run, Store store, String env, Path folder, Stored stored) throws IOException, InterruptedException {
        if (isKept(store, env, stored) && isWhole(store, env, stored)) return false;
        try (var upload = store.begin(run, key(store, env, stored), stored.bytes)) {
            try (var packed = Packing.pack(upload, LEVEL, List.of())) {
                archive(folder, packed);
            }
            upload.commit();
            Seal.compare(store, new BackupFolder(store.prefix + "/", "", List.of()),
                List.of(new Manifest.Part(name(env, stored), "all", stored.bytes, upload.bytes(), upload.sha256(), upload.storeSha256(), upload.storeEtag())));
        }
        return true;
    }

    /** Unpacks a kept one into an empty folder; throws NotVerified unless it is what was stored. */
    public static void fetch(Store store, String env, Stored stored, Path folder) throws IOException {
        var key = key(store, env, stored);
        try (var raw = new Sha256.Reader(Packing.unpack(store.stream(key), null)); var tar = new TarArchiveInputStream(new BufferedInputStream(raw))) {
            long left = stored.bytes;
            for (TarArchiveEntry entry; (entry = tar.getNextEntry()) != null; ) {
                left -= entry.getSize();
                var to = folder.resolve(entry.getName()).normalize();
                if (left < 0 || !to.startsWith(folder) || isUnderLink(folder, to)) throw forged(store, key, entry);
                Files.createDirectories(to.getParent());
                if (entry.isSymbolicLink()) {
                    var target = Path.of(entry.getLinkName());
                    if (leadsOut(folder, to, target)) throw forged(store, key, entry);
                    Files.createSymbolicLink(to, target);
                } else {
                    // The kit archives files and links, nothing else: no second names, devices or empty folders.
                    if (entry.getLinkFlag() != TarConstants.LF_NORMAL && entry.getLinkFlag() != TarConstants.LF_OLDNORM || entry.getSize() < 0) throw forged(store, key, entry);
                    Files.copy(tar, to);
                    if (entry.getMode() == PROGRAM) to.toFile().setExecutable(true, false);
                }
            }
            raw.transferTo(OutputStream.nullOutputStream());
            if (!raw.hex().equals(stored.sha256)) throw new Failure.NotVerified(store.uri(key) + " has another SHA-256 than its release says", NEXT);
        } catch (IOException | IllegalArgumentException e) { // the latter is said of names that no file can have
            throw new Failure.NotVerified(store.uri(key) + " can't be unpacked: " + e.getMessage(), NEXT);
        }
    }

    private static Failure forged(Store store, String key, TarArchiveEntry entry) {
        return new Failure.NotVerified(store.uri(key) + " is not what was stored: " + entry.getName().replaceAll("\\p{Cntrl}", "?") + " would not be a file or a link within its folder", NEXT);
    }

    /** A link could lead anywhere, and what lies under one would be written there before the SHA-256 is known. */
    private static boolean isUnderLink(Path folder, Path to) {
        for (var above = to.getParent(); above.startsWith(folder) && !above.equals(folder); above = above.getParent()) if (Files.isSymbolicLink(above)) return true;
        return false;
    }

    /** Entries in the order of their names; owner, time and rights are the same for all. */
    private static void archive(Path folder, OutputStream to) throws IOException {
        try (var tar = new TarArchiveOutputStream(CloseShieldOutputStream.wrap(to), "UTF-8")) {
            archive(folder, tar);
        }
        to.flush();
    }

    private static void archive(Path folder, TarArchiveOutputStream tar) throws IOException {
        tar.setLongFileMode(TarArchiveOutputStream.LONGFILE_POSIX);
        tar.setBigNumberMode(TarArchiveOutputStream.BIGNUMBER_POSIX);
        for (var file : files(folder)) {
            var name = folder.relativize(file).toString();
            var link = Files.isSymbolicLink(file);
            var entry = link ? new TarArchiveEntry(name, TarArchiveEntry.LF_SYMLINK) : new TarArchiveEntry(name);
            if (link) entry.setLinkName(target(folder, file).toString());
            else entry.setSize(Files.size(file));
            entry.setMode(Files.isExecutable(file) ? PROGRAM : PLAIN);
            entry.setModTime(0);
            entry.setIds(0, 0);
            entry.setNames("", "");
            tar.putArchiveEntry(entry);
            if (!link) Files.copy(file, tar);
            tar.closeArchiveEntry();
        }
    }

    private static Path target(Path folder, Path link) throws IOException {
        var target = Files.readSymbolicLink(link);
        if (leadsOut(folder, link, target)) throw new Failure.Failed("the build has made a link that leads out of its folder: " + folder.relativize(link) + " → " + target, "have the build copy what it needs");
        return target;
    }

    /** A step up behind another name counts as one: that name may be a link, and then nobody knows where up is. */
    private static boolean leadsOut(Path folder, Path link, Path target) {
        var named = false;
        for (var step : target) {
            if (named && step.toString().equals("..")) return true;
            named = named || !step.toString().matches("\\.\\.?");
        }
        return target.isAbsolute() || !link.resolveSibling(target).normalize().startsWith(folder);
    }

    static List<Path> files(Path folder) throws IOException {
        try (var all = Files.walk(folder)) {
            return all.filter(file -> !Files.isDirectory(file, LinkOption.NOFOLLOW_LINKS)).sorted((one, other) -> folder.relativize(one).toString().compareTo(folder.relativize(other).toString())).toList();
        }
    }
}
