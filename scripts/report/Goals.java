package report;

import java.time.Duration;
import java.util.Optional;
import ops.Setting;
import ops.Settings;

/**
 * What an environment's settings expect.
 *
 * @param backup the last one may be so old: SMOKE_BACKUP_HOURS, else DEPLOY_BACKUP_HOURS
 * @param drill the last one may be so old
 * @param restore the recovery-time goal; empty when there is none
 * @param hasSite there is something to look at
 */
record Goals(Duration backup, Duration drill, Optional<Duration> restore, boolean hasSite) {
    /** What was seen of the site longer ago says nothing of today. */
    static final Duration SMOKE = Duration.ofHours(26);

    static Goals of(Settings settings) {
        return new Goals(Duration.ofHours(settings.number(settings.get(Setting.SMOKE_BACKUP_HOURS).isPresent() ? Setting.SMOKE_BACKUP_HOURS : Setting.DEPLOY_BACKUP_HOURS)), Duration.ofDays(settings.number(Setting.DRILL_DAYS)),
            settings.get(Setting.RESTORE_GOAL_MINUTES).map(set -> Duration.ofMinutes(settings.number(Setting.RESTORE_GOAL_MINUTES))), settings.get(Setting.SITE_URL).isPresent());
    }
}
