package ops;

import java.util.ArrayDeque;
import java.util.Deque;

/**
 * What has to be undone when a run ends, however it ends: registered beside the act, run last-in first-out on return,
 * on a failure and on a signal.
 *
 * <p>Each action must be bounded in time and may be called on another thread than the one that registered it.
 */
public final class Undo implements AutoCloseable {
    /** An action that may fail; a failure is reported and the rest is still undone. */
    public interface Action { void run() throws Exception; }

    private record Entry(String what, Action action) { }

    private final Deque<Entry> entries = new ArrayDeque<>();
    private final Console console;
    private boolean closed;

    Undo(Console console) { this.console = console; }

    /**
     * Registers an action.
     *
     * @param what in words that complete "could not …"
     * @return forgets the action, because what it would undo is now meant to stay (or is already gone)
     */
    public Runnable add(String what, Action action) {
        var entry = new Entry(what, action);
        synchronized (entries) {
            if (!closed) {
                entries.push(entry);
                return () -> { synchronized (entries) { entries.remove(entry); } };
            }
        }
        // A signal came between the act and its registration: undo it now, the others are done or being done.
        undo(entry);
        return () -> { };
    }

    @Override public void close() {
        while (true) {
            Entry entry;
            synchronized (entries) {
                closed = true;
                entry = entries.poll();
            }
            if (entry == null) return;
            undo(entry);
        }
    }

    private void undo(Entry entry) {
        try {
            entry.action.run();
        } catch (Exception e) {
            console.warn("could not " + entry.what + ": " + e.getMessage());
        }
    }
}
