package release;

/** What a build has made, as it is kept in the bucket. */
public final class Artifact {
    /**
     * How it is kept.
     *
     * @param sha256 of its tar archive before packing: its address in the bucket
     * @param bytes of all files together
     */
    public record Stored(String sha256, long bytes, int files) { }

    private Artifact() { }
}
