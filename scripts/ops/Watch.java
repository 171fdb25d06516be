package ops;

import java.time.Duration;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;

/** Acts after a while, or looks every so often, until it is cancelled. */
final class Watch {
    private static final ScheduledExecutorService CLOCK = Executors.newSingleThreadScheduledExecutor(body -> {
        var thread = new Thread(body, "watch");
        thread.setDaemon(true);
        return thread;
    });

    private final ScheduledFuture<?> alarm;

    private Watch(ScheduledFuture<?> alarm) { this.alarm = alarm; }

    static Watch after(Duration limit, Runnable action) {
        return new Watch(CLOCK.schedule(action, limit.toMillis(), TimeUnit.MILLISECONDS));
    }

    static Watch every(Duration interval, Runnable look) {
        return new Watch(CLOCK.scheduleWithFixedDelay(look, interval.toMillis(), interval.toMillis(), TimeUnit.MILLISECONDS));
    }

    void cancel() { alarm.cancel(false); }
}
