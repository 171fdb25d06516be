package ops;

import java.nio.file.Path;
import java.util.Optional;

/** Where an environment keeps its backups and releases: a bucket, and the folder PREFIX/ENV in it. */
public final class BackupPlace implements Guard.Target {
    private final String bucket;
    private final Path folder;

    public BackupPlace(Settings settings) {
        bucket = settings.get(Setting.BACKUP_BUCKET).orElse("");
        // A store that keeps its objects in files takes a//b and a/./b for a/b.
        folder = Path.of("/", settings.require(Setting.BACKUP_PREFIX), settings.env).normalize();
    }

    @Override public String what() { return "the place in the bucket"; }

    @Override public Setting setting() { return Setting.BACKUP_PREFIX; }

    /** One inside of the other counts too. Addresses of stores are not compared: one store has many. */
    @Override public Optional<String> sharedWith(Settings other) {
        var theirs = new BackupPlace(other);
        if (bucket.isEmpty() || !bucket.equalsIgnoreCase(theirs.bucket)) return Optional.empty();
        if (!folder.startsWith(theirs.folder) && !theirs.folder.startsWith(folder)) return Optional.empty();
        return Optional.of("one lies in the other, s3://" + bucket + folder + " and s3://" + theirs.bucket + theirs.folder);
    }
}
