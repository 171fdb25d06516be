package release;

import ops.Console;

/**
 * That a site is being turned back to an earlier release: {@code PREFIX/ENV/releases/turning.json}, written before it
 * is done. It tells whoever comes after a killed run what was begun: else a release further back would be taken.
 *
 * @param at when it was begun, UTC
 * @param from the release that was live; null when it was none of this kit's
 * @param to the release that was to be live in its place
 * @param why the first one is left, for its mark as bad
 * @param ended when it had come to its end; null until then
 */
public record Turning(String at, String from, String to, String why, String ended) {
    public Turning {
        at = at == null ? "?" : Console.plain(at); // anybody may have written it
        why = why == null ? "rolled back" : Console.plain(why);
    }

    Turning ended(String now) { return new Turning(at, from, to, why, now); }

    /** Whether it is not ended and this release is the one side or the other of it: else something was done since. */
    boolean isOpenAt(String live) { return ended == null && to != null && (live.equals(from) || live.equals(to)); }
}
