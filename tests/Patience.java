import java.util.concurrent.Callable;

/** Waiting for what comes by itself. How long that takes says nothing about the kit, and much about the machine. */
final class Patience {
    /** What takes longer hangs: even a first build from an empty cache is done by then. */
    static final int LIMIT_SECONDS = 240;
    /** The same for a whole test; the longest take four minutes on a slow machine. */
    static final String LONGEST_TEST = "30 m";
    private static final int PAUSE_MILLISECONDS = 50;

    private Patience() { }

    /** What is waited for. */
    interface Condition { boolean holds() throws Exception; }

    /** Waits until it holds; complaint says what does not come, and how things are instead. */
    static void until(Condition condition, Callable<String> complaint) {
        try {
            for (var end = System.nanoTime() + LIMIT_SECONDS * 1_000_000_000L; !condition.holds(); pause(PAUSE_MILLISECONDS))
                if (System.nanoTime() > end) throw new AssertionError(complaint.call());
        } catch (Exception e) {
            throw new AssertionError(e);
        }
    }

    static void pause(int milliseconds) {
        try {
            Thread.sleep(milliseconds);
        } catch (InterruptedException e) {
            throw new AssertionError("interrupted", e);
        }
    }
}
