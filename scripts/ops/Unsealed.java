package ops;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/**
 * What was uploaded and has no seal yet. When the run ends it is taken back, or else it is sealed, and never both: a
 * manifest written while a signal's clean-up deletes the parts would stand for a backup that is none.
 */
public final class Unsealed {
    private static final int SECONDS_TO_SEAL = 10;

    private final Store store;
    private final BackupFolder folder;
    private final SignOfLife sign;
    private final CountDownLatch known = new CountDownLatch(1);
    private boolean sealing;
    private boolean sent;
    private boolean takenBack;

    public Unsealed(Run run, Store store, BackupFolder folder) {
        this.store = store;
        this.folder = folder;
        sign = new SignOfLife(run, store, folder);
        run.undo.add("remove the unsealed " + store.uri(folder.key()), this::takeBack);
    }

    /** Before sealing: a clean-up now waits for the outcome. Does not return when one has taken the parts back already. */
    public void seal() {
        synchronized (this) {
            sealing = !takenBack;
        }
        if (!sealing) Run.waitForTheEnd();
    }

    /** Before the manifest is sent: it may be there from then on, so nothing is taken back any more. */
    public synchronized void sent() { sent = true; }

    /** The store has refused the manifest, so it is not there: what was uploaded may be taken back after all. */
    public synchronized void refused() { sent = false; }

    /** After sealing, whatever came of it. */
    public void known() {
        synchronized (this) {
            sealing = sent;
        }
        sign.close(); // a clean-up waits for this, too
        known.countDown();
    }

    private void takeBack() throws InterruptedException {
        if (discarded()) return;
        known.await(SECONDS_TO_SEAL, TimeUnit.SECONDS);
        discarded();
    }

    private synchronized boolean discarded() {
        if (sealing) return false;
        takenBack = true;
        sign.close();
        folder.discard(store);
        return true;
    }
}
