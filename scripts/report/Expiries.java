package report;

import java.time.Duration;
import java.time.Instant;
import java.util.Locale;

/** What comes to its end by itself, as far as the bucket knows it. */
final class Expiries {
    private static final Duration CERTIFICATE_SHORT = Duration.ofDays(30), CERTIFICATE_SHORTEST = Duration.ofDays(7), CERTIFICATE_LONG = Duration.ofDays(90);

    private final Bucket bucket;
    private final Goals goals;

    Expiries(Bucket bucket, Goals goals) {
        this.bucket = bucket;
        this.goals = goals;
    }

    String html() { return backup() + drill() + certificate() + lock() + kept() + held(); }

    private String backup() {
        var name = new Words("Last backup", "Dernière sauvegarde");
        return bucket.newest().map(backup -> age(name, backup.time(), goals.backup(), State.problem)).orElseGet(() -> unknown(name, new Words("there is none that counts", "il n'y en a pas qui compte")));
    }

    private String drill() {
        var name = new Words("Last drill", "Dernier exercice");
        return bucket.drills().findFirst().map(drill -> age(name, Instant.parse(drill.at()), goals.drill(), State.attention)).orElseGet(() -> unknown(name, new Words("there was none", "il n'y en a pas eu")));
    }

    /** How much of the time in which something counts as new is used up. */
    private String age(Words name, Instant then, Duration limit, State late) {
        var age = Duration.between(then, bucket.now);
        var days = limit.toDays() >= 3;
        var words = new Words(days ? "%s of %s days" : "%s of %s h", days ? "%s jours sur %s" : "%s h sur %s").with(days ? age.toDays() : age.toHours(), days ? limit.toDays() : limit.toHours());
        return gauge(name, age.compareTo(limit) > 0 ? late : State.good, (double) age.toSeconds() / limit.toSeconds(), words);
    }

    private String certificate() {
        var name = new Words("TLS certificate", "Certificat TLS");
        var seen = bucket.looks().flatMap(run -> run.checks().stream().filter(check -> check.ends() != null)).findFirst();
        if (seen.isEmpty()) return unknown(name, new Words("not looked at: SMOKE_TLS_DAYS=30,7 has the smoke tests do it", "pas regardé : avec SMOKE_TLS_DAYS=30,7, les smoke tests le font"));
        var left = Duration.between(bucket.now, Instant.parse(seen.get().ends()));
        var state = left.compareTo(CERTIFICATE_SHORTEST) < 0 ? State.problem : left.compareTo(CERTIFICATE_SHORT) < 0 ? State.attention : State.good;
        var day = seen.get().ends().substring(0, 10);
        return gauge(name, state, 1 - (double) left.toSeconds() / CERTIFICATE_LONG.toSeconds(), left.isNegative() ? new Words("ended on %s, if it was not renewed since", "terminé le %s, sauf renouvellement depuis").with(day) : new Words("%s days left, until %s", "encore %s jours, jusqu'au %s").with(left.toDays(), day));
    }

    private String lock() {
        var name = new Words("Object lock", "Verrou d'objet");
        if (bucket.lockedUntil == null) return unknown(name, new Words("the store shows none on the last backup, or these credentials may not see it", "le stockage n'en montre aucun sur la dernière sauvegarde, ou ces identifiants ne peuvent pas le voir"));
        return line(name, State.good, new Words("the last backup can't be deleted before %s", "la dernière sauvegarde ne peut pas être supprimée avant le %s").with(Words.day(bucket.lockedUntil)));
    }

    private String kept() {
        if (bucket.backups.isEmpty()) return "";
        var oldest = bucket.backups.get(bucket.backups.size() - 1);
        return line(new Words("Kept", "Conservé"), null, new Words("%s since %s, %s in all", "%s depuis le %s, %s en tout").with(Words.count(bucket.backups.size(), "backup", "backups", "sauvegarde", "sauvegardes"), Words.day(oldest.at()), Words.bytes(bucket.backups.stream().mapToLong(Stored::bytes).sum())));
    }

    private String held() {
        var html = new StringBuilder();
        for (var backup : bucket.backups)
            if (backup.hold() != null) html.append(line(new Words("Held", "Retenue"), null, Words.same(Words.minute(backup.at()) + (backup.hold().reason().isEmpty() ? "" : " · " + Html.brief(backup.hold().reason(), 120)))));
        return html.toString();
    }

    private static String gauge(Words name, State state, double used, Words words) {
        return row(name, state, "<div class='bar " + state.name() + "'><b style='width:" + String.format(Locale.ROOT, "%.0f", Math.max(2, Math.min(100, used * 100))) + "%'></b></div><p>" + words.html() + "</p>");
    }

    private static String line(Words name, State state, Words words) { return row(name, state, "<p>" + words.html() + "</p>"); }

    private static String unknown(Words name, Words why) { return line(name, State.none, why); }

    private static String row(Words name, State state, String content) {
        return "<div class=expiry><h3>" + (state == null ? "" : state.icon()) + name.html() + "</h3><div>" + content + "</div></div>";
    }
}
