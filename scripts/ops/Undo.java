package ops;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;

/**
 * What has to be undone when a run ends, however it ends: registered beside the act, run last-in first-out on return,
 * on a failure and on a signal.
 *
 * <p>Each action must be bounded in time and may be called on another thread than the one that registered it.
 */
public final class Undo implements AutoCloseable {
    /** An action that may fail; a failure is reported and the rest is still undone. */
    public interface Action { void run() throws Exception; }

    /** What {@link #act} does. */
    public interface Act<T, E extends Exception> { T run() throws E; }

    private record Entry(String what, Action action) { }

    private static final int SECONDS_TO_ACT = 10;

    private final Deque<Entry> entries = new ArrayDeque<>();
    private final ReentrantReadWriteLock acting = new ReentrantReadWriteLock();
    private final ReentrantLock undoing = new ReentrantLock();
    private final Console console;
    private volatile boolean stopped;
    private volatile boolean closed;
    private volatile Thread closing;

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

    /**
     * Does what leaves a trace and registers how to undo it, with no moment between the two: a clean-up waits for the
     * act, ten seconds at most, and after a clean-up nothing is done any more; then this does not return.
     */
    public <T, E extends Exception> T act(Act<T, E> act) throws E {
        acting.readLock().lock();
        try {
            if (!stopped) return act.run();
        } finally {
            acting.readLock().unlock();
        }
        if (Thread.currentThread() == closing) throw new IllegalStateException("what undoes must leave nothing to undo");
        Run.waitForTheEnd();
        throw new AssertionError();
    }

    /**
     * No act begins from here on. Comes before the words that say so: an act that began after them could be the last that
     * a run lacked.
     */
    void stop() { stopped = true; }

    @Override public void close() {
        stop();
        closing = Thread.currentThread();
        waitForActs();
        // A signal may come while the run is cleaning up by itself: the process must not end before that has.
        var alone = await(undoing);
        while (true) {
            Entry entry;
            synchronized (entries) {
                entry = entries.poll();
            }
            if (entry == null) break;
            undo(entry);
        }
        if (alone) undoing.unlock();
    }

    private void waitForActs() {
        var waited = await(acting.writeLock());
        synchronized (entries) {
            closed = true;
        }
        if (waited) acting.writeLock().unlock();
    }

    private static boolean await(java.util.concurrent.locks.Lock lock) {
        try {
            return lock.tryLock(SECONDS_TO_ACT, TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
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
