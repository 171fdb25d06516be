package smoke;

import java.time.Duration;

/**
 * One thing that is looked at.
 *
 * @param name for {@code --only} and {@code --skip}
 * @param title as operators know it
 * @param turnedOnBy a setting or an option; null for those that always run
 * @param look null when it is off
 */
public record Check(String name, String title, String turnedOnBy, boolean on, Look look) {
    /** Looks once; may be looked at again, and from another thread. */
    public interface Look {
        /**
         * Tells what it found, or throws that.
         *
         * @param limit time for this look; whoever takes longer is cut off
         */
        Verdict at(Duration limit) throws Exception;
    }
}
