package ops;

import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * Which backups stay: the union of the rules in {@code BACKUP_KEEP}, and whatever the guards protect, which no rule
 * overrides. It only decides; without any rule everything stays.
 *
 * @param keep how many periods of each kind
 * @param minAgeDays younger ones stay
 * @param minKeep so many stay, good ones before broken ones
 */
public record Retention(Map<Rule, Integer> keep, int minAgeDays, int minKeep) {
    /** The kinds of periods, in UTC; each keeps the newest backup of its most recent periods that have one. */
    public enum Rule { last, daily, weekly, monthly, yearly }

    /**
     * What a decision needs to know of a sealed backup.
     *
     * @param time its place in time
     * @param broken it can't stand in for others, for whatever reason
     */
    public record Backup(String id, Instant time, boolean broken, boolean held) { }

    /** @param why in words, as in "daily 2026-11-22, monthly 2026-11" */
    public record Decision(Backup backup, boolean stays, String why) { }

    /** Throws BadSetting when BACKUP_KEEP is malformed. */
    public static Retention of(Settings settings) {
        return new Retention(rules(settings), settings.number(Setting.BACKUP_MIN_AGE_DAYS), settings.number(Setting.BACKUP_MIN_KEEP));
    }

    /** Empty when BACKUP_KEEP is not set. Throws BadSetting when it is malformed. */
    public static Map<Rule, Integer> rules(Settings settings) {
        var keep = new EnumMap<Rule, Integer>(Rule.class);
        for (var part : settings.get(Setting.BACKUP_KEEP).map(text -> text.split(",", -1)).orElse(new String[0])) {
            var rule = part.strip().split("=", -1);
            // Anything odd is refused: what is misread here is removed.
            if (rule.length != 2 || !rule[0].matches("last|daily|weekly|monthly|yearly") || !rule[1].matches("[1-9][0-9]{0,5}") || keep.put(Rule.valueOf(rule[0]), Integer.parseInt(rule[1])) != null)
                throw new Failure.BadSetting("BACKUP_KEEP is not a list of rules, each once: '" + part.strip().replaceAll("\\p{Cntrl}", "?") + "'",
                    "for example BACKUP_KEEP=last=7,daily=14,weekly=8,monthly=12,yearly=3; " + settings.where(Setting.BACKUP_KEEP));
        }
        return keep;
    }

    public boolean isSet() { return !keep.isEmpty(); }

    /** Decides about backups that can stand in for one another, which are those of one database; newest first. */
    public List<Decision> decide(List<Backup> backups, Instant now) {
        var all = backups.stream().sorted(Comparator.comparing(Backup::time).thenComparing(Backup::id).reversed()).toList();
        if (!isSet()) return all.stream().map(backup -> new Decision(backup, true, "no rule is set")).toList();
        var good = all.stream().filter(backup -> !backup.broken).toList();
        var why = new LinkedHashMap<Backup, List<String>>();
        for (var backup : all) why.put(backup, new ArrayList<>());
        keep.forEach((rule, periods) -> apply(rule, periods, good, why));
        for (var backup : all) {
            if (backup == all.get(0)) why.get(backup).add("the newest");
            if (backup.held) why.get(backup).add("held");
            if (backup.time.isAfter(now.minus(Duration.ofDays(minAgeDays)))) why.get(backup).add("younger than " + Amount.count(minAgeDays, "day"));
        }
        fillUp(good, why);
        fillUp(all, why);
        return all.stream().map(backup -> why.get(backup).isEmpty() ? new Decision(backup, false, backup.broken ? "broken" : "no rule keeps it")
            : new Decision(backup, true, String.join(", ", why.get(backup)))).toList();
    }

    private static void apply(Rule rule, int periods, List<Backup> newestFirst, Map<Backup, List<String>> why) {
        var seen = new HashSet<String>();
        for (var backup : newestFirst) {
            if (seen.size() == periods) return;
            var period = rule == Rule.last ? String.valueOf(seen.size() + 1) : period(rule, backup.time.atZone(ZoneOffset.UTC).toLocalDate());
            if (seen.add(period)) why.get(backup).add(rule + " " + period);
        }
    }

    private static String period(Rule rule, LocalDate day) {
        return switch (rule) {
            case weekly -> DateTimeFormatter.ISO_WEEK_DATE.format(day).substring(0, "2026-W47".length());
            case monthly -> day.toString().substring(0, "2026-11".length());
            case yearly -> day.toString().substring(0, "2026".length());
            default -> day.toString();
        };
    }

    private void fillUp(List<Backup> newestFirst, Map<Backup, List<String>> why) {
        var stay = newestFirst.stream().filter(backup -> !why.get(backup).isEmpty()).count();
        for (var backup : newestFirst) {
            if (stay >= minKeep) return;
            if (!why.get(backup).isEmpty()) continue;
            why.get(backup).add("at least " + minKeep + " stay");
            stay++;
        }
    }

    /** The rules as they are written in BACKUP_KEEP. */
    @Override public String toString() {
        return String.join(",", keep.entrySet().stream().map(rule -> String.format(Locale.ROOT, "%s=%d", rule.getKey(), rule.getValue())).toList());
    }
}
