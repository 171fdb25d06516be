package ops;

import java.time.Duration;
import java.time.Instant;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.time.format.DateTimeParseException;
import java.util.Optional;
import software.amazon.awssdk.core.interceptor.Context;
import software.amazon.awssdk.core.interceptor.ExecutionAttribute;
import software.amazon.awssdk.core.interceptor.ExecutionAttributes;
import software.amazon.awssdk.core.interceptor.ExecutionInterceptor;

/**
 * The store's clock, as the {@code Date} of its answers tells it. The SDK makes good for a wrong clock by itself and says
 * nothing: a run with a wrong one would get through, and what it writes would have a wrong time.
 */
final class StoreClock implements ExecutionInterceptor {
    private static final ExecutionAttribute<Instant> SENT = new ExecutionAttribute<>("handover.sent");

    private Duration ahead;
    private Duration shortest;

    @Override public void beforeTransmission(Context.BeforeTransmission context, ExecutionAttributes attributes) {
        attributes.putAttribute(SENT, Instant.now());
    }

    @Override public void afterTransmission(Context.AfterTransmission context, ExecutionAttributes attributes) {
        var date = context.httpResponse().firstMatchingHeader("Date");
        var sent = attributes.getAttribute(SENT);
        if (date.isEmpty() || sent == null) return;
        try {
            // The header has whole seconds: on average it is half a second later.
            var theirs = ZonedDateTime.parse(date.get(), DateTimeFormatter.RFC_1123_DATE_TIME).toInstant().plusMillis(500);
            note(theirs, sent, Duration.between(sent, Instant.now()));
        } catch (DateTimeParseException e) {
            // a store that does not say what time it has
        }
    }

    /** The answer that came soonest tells it best. */
    private synchronized void note(Instant theirs, Instant sent, Duration took) {
        if (shortest != null && took.compareTo(shortest) >= 0) return;
        shortest = took;
        ahead = Duration.between(sent.plus(took.dividedBy(2)), theirs);
    }

    /** How far the store's clock is ahead of this machine's; negative when it is behind, empty while it has not said. */
    synchronized Optional<Duration> ahead() { return Optional.ofNullable(ahead); }
}
