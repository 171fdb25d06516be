package ops;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Future;

/**
 * The steps of a script, by the names that the screen, the log and the runbook share.
 *
 * <p>A {@link #check} always runs. A {@link #change} is what {@code --dry-run} lists and leaves out; it gives null then.
 */
public final class Steps {
    private final Run run;
    private final boolean dryRun;
    private final ExecutorService background = Executors.newCachedThreadPool(body -> {
        var thread = new Thread(body, "background");
        thread.setDaemon(true); // a call that hangs must not keep the process
        return thread;
    });
    private String found = "";

    public Steps(Run run, boolean dryRun) {
        this.run = run;
        this.dryRun = dryRun;
    }

    public <T> T check(String name, Callable<T> body) throws Exception { return step(name, body); }

    /** Runs a change, or lists it with its plan when this is a dry run. */
    public <T> T change(String name, String plan, Callable<T> body) throws Exception {
        if (!dryRun) return step(name, body);
        run.console.say("would " + Character.toLowerCase(name.charAt(0)) + name.substring(1) + (plan.isEmpty() ? "" : ": " + plan));
        return null;
    }

    /** What the running step saw, in a few words; stands behind its name. */
    public void found(String what) { found = what; }

    /** Starts something beside the steps; the step that needs it waits for it with {@link #await}. */
    public <T> Future<T> start(Callable<T> body) { return background.submit(body); }

    /** The outcome of what was started, or its failure as if it had been thrown here. */
    public static <T> T await(Future<T> future) throws Exception {
        try {
            return future.get();
        } catch (ExecutionException e) {
            if (e.getCause() instanceof Exception cause) throw cause;
            throw e;
        }
    }

    /** Asks the store the same of each of them: what takes time is the way there and back. */
    public static <A, B> List<B> sideBySide(List<A> inputs, Each<A, B> each) throws Exception { return sideBySide(8, inputs, each); }

    /** Does the same with each of them, some at a time; the results come in the order of the inputs. */
    public static <A, B> List<B> sideBySide(int atATime, List<A> inputs, Each<A, B> each) throws Exception {
        var pool = Executors.newFixedThreadPool(atATime, body -> {
            var thread = new Thread(body, "side by side");
            thread.setDaemon(true);
            return thread;
        });
        try {
            var futures = new ArrayList<Future<B>>();
            for (var input : inputs) futures.add(pool.submit(() -> each.apply(input)));
            var results = new ArrayList<B>();
            for (var future : futures) results.add(await(future));
            return results;
        } finally {
            pool.shutdownNow();
        }
    }

    /** What {@link #sideBySide} does with one of them. */
    public interface Each<A, B> { B apply(A input) throws Exception; }

    private <T> T step(String name, Callable<T> body) throws Exception {
        var begun = System.nanoTime();
        found = "";
        run.console.progress("  " + name + " …");
        var result = body.call();
        run.console.good(name + (found.isEmpty() ? "" : ": " + found) + " (" + Amount.time(Duration.ofNanos(System.nanoTime() - begun)) + ")");
        return result;
    }
}
