package ops;

import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Set;

/**
 * What a backup says of itself; written last, once: the seal. It holds no secret and no host name.
 *
 * @param created when the run began, UTC
 * @param snapshotTime the moment that the data are of
 * @param selection what was backed up, when not everything
 * @param recipients age public keys; empty when not encrypted
 * @param globals roles and their memberships; null, with globalsNote saying why, when the server does not let us read them
 * @param counts "exact" or "none"
 * @param tables in the snapshot, with their rows unless counts is "none"
 * @param schemaVersion the last migration; empty without any
 * @param proof "stored": sizes and checksums were compared after the upload
 * @param howto restoring it by hand, line by line
 * @param purpose "safety" when it was made before a restore, of what that was to replace; else null
 * @param outside statements that make what hung on its schemas from outside of them; null without any
 * @param rights who may do what in it; null in backups of before it was kept
 */
public record Manifest(int format, String id, String env, String database, Kit kit, String created, String snapshotTime, Server server, String pgDump,
        Selection selection, String compression, List<String> recipients, List<Part> parts, Part globals, String globalsNote, String counts,
        List<Snapshot.Table> tables, String schemaVersion, List<Database.Extension> extensions, long bytesRaw, long bytesStored, double seconds,
        String proof, List<String> howto, String purpose, List<Rights.Right> rights, Part outside) {

    /** The newest format this kit writes and reads. */
    public static final int FORMAT = 1;
    public static final String NAME = "manifest.json";
    public static final String SUMS = "SHA256SUMS";
    private static final Set<String> OPTIONAL = Set.of("globals", "globalsNote", "storeEtag", "purpose", "locale", "rights", "outside", "realName");

    /** The kit that made it. */
    public record Kit(String version, String commit) { }

    /**
     * The server it was made from, and how the database keeps text there.
     *
     * @param realName the database's name at the server, where a pooler calls it otherwise; null where it is the same
     */
    public record Server(String version, String systemIdentifier, boolean supabase, String encoding, DatabaseLocale locale, String realName) { }

    /**
     * One object of the backup.
     *
     * @param stage "all", or "data" for rows that belong into a schema the platform owns
     * @param bytesRaw before packing
     * @param bytesStored as stored
     * @param sha256 of the stored bytes, hexadecimal
     * @param storeSha256 the same as S3 reports it
     * @param storeEtag its ETag; null when it can't be foretold
     */
    public record Part(String name, String stage, long bytesRaw, long bytesStored, String sha256, String storeSha256, String storeEtag) { }

    public byte[] bytes() { return Json.bytes(this); }

    /**
     * What sha256sum -c reads.
     *
     * @param seal this manifest as it is stored: nothing in itself could tell that one of its bytes has changed
     */
    public byte[] sums(byte[] seal) {
        var sums = new StringBuilder();
        for (var part : objects()) sums.append(part.sha256).append("  ").append(part.name).append('\n');
        sums.append(Sha256.hex(Sha256.of(seal))).append("  ").append(NAME).append('\n');
        return sums.toString().getBytes(StandardCharsets.UTF_8);
    }

    /** The parts, and the globals and what is outside when there are any. */
    public List<Part> objects() {
        return java.util.stream.Stream.concat(parts.stream(), java.util.stream.Stream.of(java.util.Optional.ofNullable(globals), java.util.Optional.ofNullable(outside)).flatMap(java.util.Optional::stream)).toList();
    }

    /** True for what a restore saved before it replaced it: "latest" never means such a one. */
    public boolean isSafety() { return "safety".equals(purpose); }

    public boolean encrypted() { return !recipients.isEmpty(); }

    /** The major version of the pg_dump that wrote it; an older pg_restore can't read it. */
    public int pgDumpMajor() { return major(pgDump); }

    /** The major version of the server that was backed up. */
    public int serverMajor() { return major(server.version); }

    private static int major(String version) {
        var digits = version.replaceFirst("[^0-9].*", "");
        return digits.isEmpty() ? 1 : Integer.parseInt(digits);
    }

    public long rows() { return rows(tables); }

    /** Rows of some of its tables together; none of those that were not counted. */
    public static long rows(List<Snapshot.Table> tables) { return tables.stream().mapToLong(Snapshot.Table::rows).filter(rows -> rows > 0).sum(); }

    /**
     * Reads a manifest and distrusts it: throws NotVerified when it is malformed, of a newer format, or names anything
     * outside its folder.
     *
     * @param uri where it was read, for the message
     */
    public static Manifest parse(byte[] bytes, String uri) {
        var manifest = Json.read(bytes, Manifest.class, uri);
        if (manifest == null) throw broken(uri, "it is empty");
        if (manifest.format > FORMAT)
            throw new Failure.NotVerified(uri + " has format " + manifest.format + ", this kit reads up to " + FORMAT, "use the kit that made it, or a newer one");
        if (manifest.format < 1 || !isWhole(manifest) || manifest.parts.isEmpty()) throw broken(uri, "fields are missing");
        if (!Stamp.isTime(manifest.created) || !Stamp.isTime(manifest.snapshotTime)) throw broken(uri, "it has a time that is none");
        if (!isVersion(manifest.pgDump) || !isVersion(manifest.server.version)) throw broken(uri, "it has a version that is none");
        if (manifest.parts.stream().noneMatch(part -> part.stage.equals("all"))) throw broken(uri, "it has no part that is restored");
        for (var part : manifest.objects())
            if (!part.name.matches("[a-z0-9][a-z0-9.-]*") || part.name.contains("..") || !part.sha256.matches("[0-9a-f]{64}") || part.bytesRaw < 0 || part.bytesStored < 0) throw broken(uri, "it names a part that can't be one");
        return manifest;
    }

    private static boolean isVersion(String text) { return text.matches("[0-9]{1,4}([^0-9].*)?"); }

    /** Nothing is null but what may be: JSON says nothing of what has to be there. */
    private static boolean isWhole(Object value) {
        if (value instanceof List<?> list) return list.stream().allMatch(Manifest::isWhole);
        if (!(value instanceof Record)) return value != null;
        try {
            for (var component : value.getClass().getRecordComponents()) {
                var field = component.getAccessor().invoke(value);
                if (!isWhole(field) && !(field == null && OPTIONAL.contains(component.getName()))) return false;
            }
            return true;
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException(e);
        }
    }

    private static Failure broken(String uri, String why) {
        return new Failure.NotVerified(uri + " is broken: " + why, "take another backup: ./jbang backups list");
    }
}
