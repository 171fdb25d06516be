package ops;

import java.time.Duration;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;

/** The record that a run leaves in {@code PREFIX/ENV/history/}, whatever its end: reports read the bucket, not the job. */
public final class History {
    private final Console console;
    private final Future<Store> store;
    private final String env;
    private final String script;
    private final Instant started;
    private final String id;
    private final Map<String, Object> details = new LinkedHashMap<>();

    /** @param store may still be on its way when the run ends */
    public History(Run run, Future<Store> store, String env, String script) {
        this.console = run.console;
        this.store = store;
        this.env = env;
        this.script = script;
        this.started = run.started;
        this.id = BackupFolder.newId(started);
    }

    /** Adds a fact about the run. */
    public synchronized void add(String name, Object value) { details.put(name, value); }

    /** What the run is so far, or was: exit and problem are null when there is none. */
    public synchronized Map<String, Object> facts(String result, Exit exit, String problem, Duration took) {
        var record = new LinkedHashMap<String, Object>();
        record.put("id", id);
        record.put("script", script);
        record.put("env", env);
        record.put("started", started.toString());
        record.put("seconds", Amount.seconds(took));
        record.put("result", result);
        if (exit != null) record.put("exit", exit.code);
        if (problem != null) record.put("problem", Secret.mask(problem));
        record.put("kit", Ops.VERSION);
        record.putAll(details);
        return record;
    }

    /** Writes the record; a store that can't be written to is said, and changes nothing else. */
    synchronized void write(String result, Exit exit, String problem, Duration took) {
        var record = facts(result, exit, problem, took);
        try {
            var open = store.get(30, TimeUnit.SECONDS);
            open.put(open.prefix + "/" + env + "/history/" + id + ".json", Json.bytes(record));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } catch (Exception e) {
            console.warn("this run is not in the history: " + (e.getMessage() == null ? "the store has not answered" : e.getMessage()));
        }
    }
}
