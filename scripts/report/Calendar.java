package report;

import java.time.Instant;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/** Of each of the last 90 days, by UTC, whether it has a backup, and how far that is proven. */
final class Calendar {
    /** What a day can be, in the order in which one counts before another. */
    private enum Day {
        restored("restored in a drill", "restaurée lors d'un exercice"), readable("read back", "relue"), stored("stored", "stockée"),
        broken("found broken", "trouvée défectueuse"), gone("made, removed since", "faite, supprimée depuis"), failed("failed", "échouée"), missing("no backup", "aucune sauvegarde"), before("before the first run", "avant la première exécution");

        final Words words;

        Day(String en, String fr) { words = new Words(en, fr); }
    }

    private static final int DAYS = 90, NAMED = 8;
    private static final Words[] WEEKDAYS = {new Words("Mon", "lun"), Words.same(""), new Words("Wed", "mer"), Words.same(""), new Words("Fri", "ven"), Words.same(""), new Words("Sun", "dim")};
    private static final String[] MONTHS_EN = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    private static final String[] MONTHS_FR = {"janv", "févr", "mars", "avr", "mai", "juin", "juil", "août", "sept", "oct", "nov", "déc"};

    private final Map<LocalDate, Day> days = new HashMap<>();
    private final LocalDate today;
    private final LocalDate first;

    Calendar(Bucket bucket) {
        today = LocalDate.ofInstant(bucket.now, ZoneOffset.UTC);
        first = today.minusDays(DAYS - 1);
        // A day with a part of the database only, or with one whose time can't be right, has no backup.
        var others = bucket.backups.stream().filter(backup -> !backup.counts(bucket.now)).map(backup -> backup.folder().id()).toList();
        bucket.runs("backup-db").filter(run -> run.backup() == null || others.stream().noneMatch(run.backup()::contains))
            .forEach(run -> count(run.at(), run.isDone() ? Day.gone : Day.failed));
        for (var backup : bucket.backups)
            if (backup.counts(bucket.now)) count(backup.at(), backup.proof().map(proof -> Day.valueOf(Grade.of(proof).name())).orElse(Day.broken));
        var begun = days.keySet().stream().min(Comparator.naturalOrder()).orElse(today.plusDays(1));
        for (var day = first; !day.isAfter(today); day = day.plusDays(1)) days.putIfAbsent(day, day.isBefore(begun) ? Day.before : Day.missing);
    }

    private void count(Instant time, Day seen) { days.merge(LocalDate.ofInstant(time, ZoneOffset.UTC), seen, (one, other) -> one.compareTo(other) < 0 ? one : other); }

    private List<LocalDate> all(Day... kinds) {
        return first.datesUntil(today.plusDays(1)).filter(day -> List.of(kinds).contains(days.get(day))).toList();
    }

    /** How many days have one, and which have none: what the squares show, for those who can't see them. */
    Words summary() {
        var have = all(Day.restored, Day.readable, Day.stored, Day.gone).size();
        var of = DAYS - all(Day.before).size();
        return of == 0 ? new Words("No run yet.", "Aucune exécution encore.") : new Words("A backup was made on %s of %s days.", "Une sauvegarde a été faite %s jours sur %s.").with(have, of);
    }

    String html() {
        var html = new StringBuilder("<div class=calendar><div class=weekdays aria-hidden=true>");
        for (var name : WEEKDAYS) html.append("<span>").append(name.html()).append("</span>");
        html.append("</div><div class=weeks aria-hidden=true>");
        var monday = first.minusDays(first.getDayOfWeek().getValue() - 1);
        for (var week = monday; !week.isAfter(today); week = week.plusDays(7)) {
            var month = week.plusDays(6).getDayOfMonth() <= 7 ? week.plusDays(6).getMonthValue() - 1 : -1;
            html.append("<div class=week><span class=month>").append(month < 0 ? "" : new Words(MONTHS_EN[month], MONTHS_FR[month]).html()).append("</span>");
            for (var day = week; day.isBefore(week.plusDays(7)); day = day.plusDays(1))
                html.append(day.isBefore(first) || day.isAfter(today) ? "<i></i>" : "<i class=" + days.get(day) + " title=" + day + "></i>");
            html.append("</div>");
        }
        html.append("</div></div><ul class=legend>");
        for (var kind : Day.values())
            if (!all(kind).isEmpty()) html.append("<li><i class=").append(kind).append("></i>").append(kind.words.html()).append(" <b>").append(all(kind).size()).append("</b></li>");
        html.append("</ul>");
        list(html, Day.failed, new Words("Failed:", "Échecs :"));
        list(html, Day.missing, new Words("None on:", "Aucune le :"));
        list(html, Day.broken, new Words("Broken:", "Défectueuses :"));
        return html.toString();
    }

    private void list(StringBuilder html, Day kind, Words title) {
        var dates = all(kind);
        if (dates.isEmpty()) return;
        var last = dates.subList(Math.max(0, dates.size() - NAMED), dates.size()).stream().map(date -> "<time>" + date + "</time>").collect(Collectors.joining(", "));
        html.append("<p class=small>").append(title.html()).append(dates.size() > NAMED ? " …, " : " ").append(last).append("</p>");
    }
}
