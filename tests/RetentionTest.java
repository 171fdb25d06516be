package ops;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.time.temporal.IsoFields;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import ops.Retention.Backup;
import ops.Retention.Rule;
import org.junit.jupiter.api.Test;

/** Which backups stay and which go, and what no rule can do. */
class RetentionTest {
    private static final Instant NOW = Instant.parse("2030-01-01T00:00:00Z");

    // --- the rules

    @Test void without_a_rule_everything_stays() {
        var decisions = new Retention(Map.of(), 1, 1).decide(backups("2020-01-01T00:00", "2020-01-02T00:00"), NOW);
        assertEquals(List.of("2020-01-02T00:00 stays: no rule is set", "2020-01-01T00:00 stays: no rule is set"), words(decisions));
    }

    @Test void the_last_ones_stay_whatever_their_day() {
        assertEquals(List.of("2026-11-22T04:00 stays: last 1, the newest", "2026-11-22T03:00 stays: last 2", "2026-11-22T02:00 goes: no rule keeps it"),
            decide(Map.of(Rule.last, 2), "2026-11-22T02:00", "2026-11-22T03:00", "2026-11-22T04:00"));
    }

    @Test void of_each_day_the_newest_stays_and_a_day_without_a_backup_does_not_count() {
        assertEquals(List.of("2026-11-22T23:59 stays: daily 2026-11-22, the newest", "2026-11-22T00:00 goes: no rule keeps it", "2026-11-10T12:00 stays: daily 2026-11-10",
                "2026-11-10T11:59 goes: no rule keeps it", "2026-11-01T00:00 goes: no rule keeps it"),
            decide(Map.of(Rule.daily, 2), "2026-11-22T00:00", "2026-11-22T23:59", "2026-11-10T11:59", "2026-11-10T12:00", "2026-11-01T00:00"));
    }

    @Test void a_week_begins_on_monday_and_belongs_to_the_year_of_its_thursday() {
        // 2026 has 53 weeks: its last one ends on Sunday, 3 January 2027.
        assertEquals(List.of("2027-01-04T00:00 stays: weekly 2027-W01, the newest", "2027-01-03T23:59 stays: weekly 2026-W53", "2026-12-31T23:59 goes: no rule keeps it",
                "2026-12-28T00:00 goes: no rule keeps it", "2026-12-27T23:59 stays: weekly 2026-W52"),
            decide(Map.of(Rule.weekly, 3), "2026-12-27T23:59", "2026-12-28T00:00", "2026-12-31T23:59", "2027-01-03T23:59", "2027-01-04T00:00"));
        // And 1 January 2025 is in the first week of 2025, which began in 2024.
        assertEquals(List.of("2025-01-01T00:00 stays: weekly 2025-W01, the newest", "2024-12-30T00:00 goes: no rule keeps it", "2024-12-29T23:59 stays: weekly 2024-W52"),
            decide(Map.of(Rule.weekly, 2), "2024-12-29T23:59", "2024-12-30T00:00", "2025-01-01T00:00"));
    }

    @Test void months_and_years_end_at_midnight_utc() {
        assertEquals(List.of("2024-03-01T00:00 stays: monthly 2024-03, the newest", "2024-02-29T23:59 stays: monthly 2024-02", "2024-02-01T00:00 goes: no rule keeps it", "2024-01-31T23:59 stays: monthly 2024-01"),
            decide(Map.of(Rule.monthly, 3), "2024-01-31T23:59", "2024-02-01T00:00", "2024-02-29T23:59", "2024-03-01T00:00"));
        assertEquals(List.of("2027-01-01T00:00 stays: yearly 2027, the newest", "2026-12-31T23:59 stays: yearly 2026", "2026-01-01T00:00 goes: no rule keeps it"),
            decide(Map.of(Rule.yearly, 5), "2026-01-01T00:00", "2026-12-31T23:59", "2027-01-01T00:00"));
    }

    @Test void the_same_month_of_another_year_is_another_month() {
        assertEquals(List.of("2026-11-22T00:00 stays: monthly 2026-11, the newest", "2025-11-22T00:00 stays: monthly 2025-11"), decide(Map.of(Rule.monthly, 2), "2025-11-22T00:00", "2026-11-22T00:00"));
    }

    @Test void what_one_rule_keeps_no_other_removes() {
        assertEquals(List.of("2026-11-22T00:00 stays: last 1, daily 2026-11-22, monthly 2026-11, the newest", "2026-11-21T00:00 stays: daily 2026-11-21", "2026-11-20T00:00 goes: no rule keeps it", "2026-10-31T00:00 stays: monthly 2026-10"),
            decide(Map.of(Rule.last, 1, Rule.daily, 2, Rule.monthly, 2), "2026-10-31T00:00", "2026-11-20T00:00", "2026-11-21T00:00", "2026-11-22T00:00"));
    }

    @Test void a_backup_every_night_for_two_years_leaves_what_the_rules_promise() {
        var nights = Stream.iterate(LocalDate.parse("2027-12-31"), day -> day.minusDays(1)).limit(730).map(day -> day + "T03:15").toArray(String[]::new);
        var stay = decide(Map.of(Rule.last, 7, Rule.daily, 14, Rule.weekly, 8, Rule.monthly, 12), nights).stream().filter(words -> words.contains("stays")).toList();
        // 14 days, of the 8 weeks those that end before them, of the 12 months those before this one.
        assertEquals(14 + 5 + 11, stay.size(), () -> String.join("\n", stay));
        assertEquals("2027-01-31T03:15 stays: monthly 2027-01", stay.get(stay.size() - 1));
    }

    // --- the guards

    @Test void a_young_one_is_never_removed() {
        var retention = new Retention(Map.of(Rule.last, 1), 7, 1);
        assertEquals(List.of("2029-12-31T00:00 stays: last 1, the newest, younger than 7 days", "2029-12-25T00:01 stays: younger than 7 days", "2029-12-25T00:00 goes: no rule keeps it"),
            words(retention.decide(backups("2029-12-25T00:00", "2029-12-25T00:01", "2029-12-31T00:00"), NOW)));
    }

    @Test void one_from_the_future_is_young() {
        assertTrue(new Retention(Map.of(Rule.last, 1), 7, 1).decide(backups("2031-01-01T00:00", "2032-01-01T00:00"), NOW).stream().allMatch(Retention.Decision::stays));
    }

    @Test void some_always_stay_the_newest_of_them() {
        assertEquals(List.of("2026-04-01T00:00 stays: last 1, the newest", "2026-03-01T00:00 stays: at least 3 stay", "2026-02-01T00:00 stays: at least 3 stay", "2026-01-01T00:00 goes: no rule keeps it"),
            words(new Retention(Map.of(Rule.last, 1), 1, 3).decide(backups("2026-01-01T00:00", "2026-02-01T00:00", "2026-03-01T00:00", "2026-04-01T00:00"), NOW)));
    }

    @Test void a_held_one_stays_and_the_others_are_kept_as_if_it_were_not() {
        assertEquals(List.of("2026-03-01T00:00 stays: last 1, the newest", "2026-02-01T00:00 goes: no rule keeps it", "2026-01-01T00:00 stays: held"),
            words(new Retention(Map.of(Rule.last, 1), 1, 1).decide(List.of(held("2026-01-01T00:00"), good("2026-02-01T00:00"), good("2026-03-01T00:00")), NOW)));
    }

    @Test void a_broken_one_is_kept_by_no_rule_and_the_next_good_one_is_kept_in_its_place() {
        assertEquals(List.of("2026-11-22T02:00 stays: daily 2026-11-22, the newest", "2026-11-21T23:00 goes: broken", "2026-11-21T22:00 stays: daily 2026-11-21", "2026-11-20T00:00 goes: no rule keeps it"),
            words(new Retention(Map.of(Rule.daily, 2), 1, 1).decide(List.of(good("2026-11-22T02:00"), broken("2026-11-21T23:00"), good("2026-11-21T22:00"), good("2026-11-20T00:00")), NOW)));
    }

    @Test void never_are_only_broken_ones_left() {
        assertEquals(List.of("2026-11-22T00:00 stays: the newest", "2026-11-21T00:00 goes: broken", "2026-11-20T00:00 stays: last 1", "2026-11-19T00:00 goes: no rule keeps it"),
            words(new Retention(Map.of(Rule.last, 1), 1, 1).decide(List.of(broken("2026-11-22T00:00"), broken("2026-11-21T00:00"), good("2026-11-20T00:00"), good("2026-11-19T00:00")), NOW)));
    }

    @Test void where_good_ones_are_too_few_broken_ones_stay_too() {
        assertEquals(List.of("2026-11-22T00:00 stays: last 1, the newest", "2026-11-21T00:00 stays: at least 2 stay", "2026-11-20T00:00 goes: broken"),
            words(new Retention(Map.of(Rule.last, 1), 1, 2).decide(List.of(good("2026-11-22T00:00"), broken("2026-11-21T00:00"), broken("2026-11-20T00:00")), NOW)));
    }

    @Test void a_broken_one_goes_no_earlier_than_others() {
        var retention = new Retention(Map.of(Rule.last, 1), 7, 1);
        assertEquals(List.of("2029-12-31T00:00 stays: last 1, the newest, younger than 7 days", "2029-12-30T00:00 stays: younger than 7 days", "2029-12-01T00:00 goes: broken"),
            words(retention.decide(List.of(good("2029-12-31T00:00"), broken("2029-12-30T00:00"), broken("2029-12-01T00:00")), NOW)));
    }

    // --- whatever there is

    @Test void for_any_backups_and_any_rules_the_union_stays_and_no_guard_is_broken() {
        var seed = System.nanoTime();
        var random = new Random(seed);
        for (var round = 0; round < 3000; round++) {
            var backups = some(random);
            var retention = new Retention(rules(random), 1 + random.nextInt(400), 1 + random.nextInt(6));
            var decisions = retention.decide(backups, NOW);
            var shown = "seed " + seed + ", round " + round + ", " + retention + ", " + retention.minAgeDays() + " days, at least " + retention.minKeep() + "\n" + String.join("\n", words(decisions));
            assertEquals(backups.stream().sorted(Comparator.comparing(Backup::id).reversed()).toList(), decisions.stream().map(Retention.Decision::backup).toList(), shown);
            if (backups.isEmpty()) continue;
            var stay = decisions.stream().filter(Retention.Decision::stays).map(Retention.Decision::backup).collect(Collectors.toSet());
            assertTrue(decisions.get(0).stays(), shown);
            for (var backup : backups) if (backup.held() || backup.time().isAfter(NOW.minus(Duration.ofDays(retention.minAgeDays())))) assertTrue(stay.contains(backup), shown);
            var good = backups.stream().filter(backup -> !backup.broken()).toList();
            assertTrue(stay.size() >= Math.min(retention.minKeep(), backups.size()), shown);
            assertTrue(stay.stream().filter(good::contains).count() >= Math.min(retention.minKeep(), good.size()), shown);
            var wanted = union(retention.keep(), good);
            assertTrue(stay.containsAll(wanted), shown);
            // Nothing else stays than what a rule or a guard keeps.
            if (retention.keep().isEmpty()) continue;
            var filled = stay.stream().filter(backup -> !wanted.contains(backup) && !backup.held() && backup != decisions.get(0).backup() && !backup.time().isAfter(NOW.minus(Duration.ofDays(retention.minAgeDays())))).toList();
            assertTrue(filled.isEmpty() || stay.size() <= retention.minKeep() || filled.stream().noneMatch(Backup::broken) && stay.stream().filter(good::contains).count() <= retention.minKeep(), shown);
        }
    }

    /** The same in another way: of each period its newest, of these the most recent. */
    private static Set<Backup> union(Map<Rule, Integer> keep, List<Backup> good) {
        var newestFirst = Comparator.comparing(Backup::id).reversed();
        var all = new TreeSet<>(newestFirst);
        keep.forEach((rule, periods) -> good.stream().collect(Collectors.groupingBy(period(rule), Collectors.minBy(newestFirst))).values().stream()
            .map(newest -> newest.orElseThrow()).sorted(newestFirst).limit(periods).forEach(all::add));
        return all;
    }

    private static Function<Backup, Object> period(Rule rule) {
        return backup -> {
            var time = backup.time().atOffset(ZoneOffset.UTC);
            return switch (rule) {
                case last -> backup.id();
                case daily -> time.getYear() * 1000 + time.getDayOfYear();
                case weekly -> time.get(IsoFields.WEEK_BASED_YEAR) * 100 + time.get(IsoFields.WEEK_OF_WEEK_BASED_YEAR);
                case monthly -> time.getYear() * 12 + time.getMonthValue();
                case yearly -> time.getYear();
            };
        };
    }

    private static List<Backup> some(Random random) {
        var hours = 1 + random.nextInt(random.nextBoolean() ? 100 : 40_000);
        var backups = new ArrayList<Backup>();
        for (var n = random.nextInt(40); n > 0; n--) {
            var began = NOW.minus(Duration.ofMinutes(60L * random.nextInt(hours) + random.nextInt(60)));
            backups.add(new Backup(BackupFolder.newId(began), began, random.nextInt(5) == 0, random.nextInt(10) == 0));
        }
        return backups;
    }

    private static Map<Rule, Integer> rules(Random random) {
        var rules = new EnumMap<Rule, Integer>(Rule.class);
        for (var rule : Rule.values()) if (random.nextInt(3) == 0) rules.put(rule, 1 + random.nextInt(10));
        return rules;
    }

    // --- in short

    private static List<String> decide(Map<Rule, Integer> rules, String... times) { return words(new Retention(new EnumMap<>(rules), 1, 1).decide(backups(times), NOW)); }

    private static List<Backup> backups(String... times) { return Stream.of(times).map(RetentionTest::good).toList(); }

    private static Backup good(String time) { return backup(time, false, false); }

    private static Backup broken(String time) { return backup(time, true, false); }

    private static Backup held(String time) { return backup(time, false, true); }

    private static Backup backup(String time, boolean broken, boolean held) {
        var began = Instant.parse(time + ":00Z");
        return new Backup(BackupFolder.newId(began), began, broken, held);
    }

    private static List<String> words(List<Retention.Decision> decisions) {
        return decisions.stream().map(one -> one.backup().time().toString().substring(0, 16) + (one.stays() ? " stays: " : " goes: ") + one.why()).toList();
    }
}
