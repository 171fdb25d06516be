package report;

import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import ops.Exit;

/** What happened: deploys, rollbacks and restores, and everything that went wrong. */
final class Timeline {
    private static final int SHOWN = 25, MOST = 250, LONGEST = 220;

    private enum Kind {
        deploy("Deploys", "Déploiements"), rollback("Rollbacks", "Retours arrière"), restore("Restores", "Restaurations"), incident("Incidents", "Incidents"), refused("", "");

        final Words words;

        Kind(String en, String fr) { words = new Words(en, fr); }
    }

    /** One thing that happened, or the same one several times running. */
    private record Event(Past run, Kind kind, Instant first, int times) {
        Event begunAt(Instant first) { return new Event(run, kind, first, times + 1); }
    }

    private final Bucket bucket;
    /** Newest first. */
    private final List<Event> events = new ArrayList<>();

    Timeline(Bucket bucket) {
        this.bucket = bucket;
        // By script, where in the list its run after this one stands, when that was an incident: the same once more is no new one.
        var later = new HashMap<String, Integer>();
        for (var run : bucket.runs) {
            var kind = kind(run);
            var again = later.remove(run.script());
            if (kind == null) continue;
            if (again != null && kind == Kind.incident && Objects.equals(events.get(again).run.exit(), run.exit())) events.set(again, events.get(again).begunAt(run.at()));
            else {
                again = events.size();
                events.add(new Event(run, kind, run.at(), 1));
            }
            if (kind == Kind.incident) later.put(run.script(), again);
        }
    }

    /** Null for what went as it should and is no event. */
    private static Kind kind(Past run) {
        // A backup that was not made is one, whatever kept it.
        if (run.isRefused() && !run.is("backup-db")) return Kind.refused;
        if (!run.isDone()) return Kind.incident;
        return switch (run.script()) {
            case "deploy" -> Kind.deploy;
            case "rollback" -> Kind.rollback;
            case "restore-db" -> Kind.restore;
            case "rows" -> run.restored() == null ? null : Kind.restore;
            default -> run.isNotCopied() ? Kind.incident : null;
        };
    }

    String html() {
        if (events.isEmpty()) return "<p class=empty>" + new Words("Nothing yet: no deploy, no rollback, no incident.", "Rien encore : ni déploiement, ni retour arrière, ni incident.").html() + "</p>";
        var html = new StringBuilder(lanes() + "<ol class=events>");
        events.stream().limit(SHOWN).forEach(event -> html.append(row(event)));
        html.append("</ol>");
        if (events.size() > SHOWN) {
            html.append("<details><summary>").append(new Words("%s earlier ones", "%s plus anciens").with(events.size() - SHOWN).html()).append("</summary><ol class=events>");
            events.stream().skip(SHOWN).limit(MOST - SHOWN).forEach(event -> html.append(row(event)));
            html.append("</ol>");
            if (events.size() > MOST) html.append("<p class=small>").append(new Words("%s more are in the bucket alone.", "%s autres ne sont que dans le bucket.").with(events.size() - MOST).html()).append("</p>");
            html.append("</details>");
        }
        return html.toString();
    }

    /** The year at a glance, a lane for each kind. */
    private String lanes() {
        var points = events.stream().map(event -> new Chart.Point(event.first, 0, true)).toList();
        var from = Chart.begin(bucket.now, points);
        var html = new StringBuilder("<div class=lanes>");
        for (var kind : Kind.values()) {
            var marks = events.stream().filter(event -> event.kind == kind).toList();
            if (marks.isEmpty() || kind == Kind.refused) continue;
            html.append("<h3>").append(kind.words.html()).append(" <b>").append(marks.size()).append("</b></h3><svg class=lane aria-hidden=true><line x1=0 x2=100% y1=50% y2=50% />");
            for (var mark : marks)
                html.append("<svg x=").append(String.format(Locale.ROOT, "%.1f", 1 + 98.0 * Duration.between(from, mark.run.at()).toMinutes() / Duration.between(from, bucket.now).toMinutes())).append("% y=50%><use href=#").append(kind).append(" class=").append(kind).append("></use></svg>");
            html.append("</svg>");
        }
        return html + "</div><div class=ticks aria-hidden=true><span style='left:0'>" + Words.day(from) + "</span><span class=now>" + Words.day(bucket.now) + "</span></div>";
    }

    private String row(Event event) {
        var run = event.run;
        var time = Words.minute(run.at()) + (event.times == 1 ? "" : "<br>← " + Words.minute(event.first));
        var brief = run.restored() != null ? Html.code(run.restored().replaceFirst(".*/([^/]+)/?$", "$1")) : run.commit() == null ? "" : Html.code(run.shortCommit()) + " " + (run.subject() == null ? "" : Html.text(Html.brief(run.subject(), 80)));
        var why = run.isNotCopied() ? run.copy().problem() : run.why();
        return "<li class=" + event.kind + "><svg class=mark aria-hidden=true viewBox='-8 -8 16 16'><use href=#" + event.kind + "></use></svg><time>" + time + "</time><div><p>" + "<b>" + title(run).html() + "</b>"
            + (event.times == 1 ? "" : " <span class=times>×" + event.times + "</span>") + (brief.isEmpty() ? "" : " · " + brief) + "</p>" + (run.isDone() || event.kind == Kind.refused && !why.isEmpty() ? "" : "<p class=ending>" + Ending.of(run).html() + "</p>")
            + (why.isEmpty() ? "" : "<p class=why>" + Html.text(Html.brief(why, LONGEST)) + "</p>") + "</div></li>";
    }

    private static Words title(Past run) {
        if (kind(run) == Kind.refused) return new Words("%s did not begin", "%s n'a pas commencé").with(run.script());
        var failed = !run.isDone();
        return switch (run.script()) {
            case "deploy" -> run.ended(Exit.ROLLED_BACK) ? new Words("Deploy taken back", "Déploiement retiré") : failed ? new Words("Deploy failed", "Déploiement échoué") : new Words("Deployed", "Mis en ligne");
            case "rollback" -> failed ? new Words("Rollback failed", "Retour arrière échoué") : new Words("Rolled back to", "Retour à");
            case "restore-db" -> failed ? new Words("Restore failed", "Restauration échouée") : run.breakGlass() != null ? new Words("Restored by breaking glass", "Restauré par bris de glace") : new Words("Restored", "Restauré");
            case "rows" -> failed ? new Words("Rows not put back", "Lignes non remises") : new Words("Rows put back", "Lignes remises");
            case "backup-db" -> failed ? new Words("Backup failed", "Sauvegarde échouée") : new Words("Backup not copied", "Sauvegarde non copiée");
            case "smoke-tests" -> run.ended(Exit.UNKNOWN) ? new Words("Smoke tests could not tell", "Smoke tests indéterminés") : new Words("Smoke tests failed", "Smoke tests échoués");
            case "backups drill" -> new Words("Drill failed", "Exercice échoué");
            case "backups verify" -> new Words("Verifying failed", "Relecture échouée");
            default -> new Words(Html.brief(run.script(), 40) + " failed", Html.brief(run.script(), 40) + " a échoué");
        };
    }
}
