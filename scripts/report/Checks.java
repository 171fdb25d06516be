package report;

import java.time.Instant;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import smoke.Kept;
import smoke.Outcome;

/** What each smoke test has seen in the last 90 days. */
final class Checks {
    private static final int DAYS = 90, LONGEST = 160;

    /** One look at one check. */
    private record Look(Instant at, Kept kept) { }

    private final Bucket bucket;
    private final LocalDate today;
    /** By name, in the order of the newest run, and newest first. */
    private final Map<String, List<Look>> looks = new LinkedHashMap<>();

    Checks(Bucket bucket) {
        this.bucket = bucket;
        today = LocalDate.ofInstant(bucket.now, ZoneOffset.UTC);
        bucket.looks().takeWhile(run -> run.at().isAfter(bucket.now.minus(Bucket.QUARTER)))
            .forEach(run -> run.checks().forEach(kept -> looks.computeIfAbsent(kept.name(), name -> new ArrayList<>()).add(new Look(run.at(), kept))));
    }

    String html() {
        if (looks.isEmpty())
            return "<p class=empty>" + new Words("No smoke test of the last 90 days has left a record.", "Aucun smoke test des 90 derniers jours n'a laissé de trace.").html() + "</p>" + Html.next("./jbang smoke-tests --env " + bucket.env);
        var html = new StringBuilder("<div class=checks>");
        looks.values().forEach(all -> html.append(row(all)));
        html.append("</div><ul class=legend>");
        for (var state : List.of(State.good, State.attention, State.unknown, State.problem)) html.append("<li>").append(sample(state)).append(state.html()).append("</li>");
        return html.append("</ul><p class=small>").append(new Words("One bar a day, the day's worst; today is on the right. Days without one were not looked at. Then how many of all looks passed, and the usual time of one.", "Une barre par jour, le pire du jour ; aujourd'hui est à droite. Sans barre, rien n'a été regardé ce jour-là. Ensuite, combien d'examens ont réussi, et la durée habituelle de l'un d'eux.").html()).append("</p>").toString();
    }

    private String row(List<Look> all) {
        var last = all.get(0).kept;
        var passed = all.stream().filter(look -> look.kept.outcome() == Outcome.pass).count();
        // Never 100 % unless it is all of them.
        var share = Math.floor(1000.0 * passed / all.size()) / 10;
        var median = all.stream().mapToDouble(look -> look.kept.seconds()).sorted().toArray()[all.size() / 2];
        var state = LastSmokeTest.state(last);
        var what = state == State.good ? "" : "<p class=what lang=en>" + Html.text(Html.brief(String.valueOf(last.what()), LONGEST)) + "</p>";
        var passes = new Words("%s%% of %s · %s", "%s\u00a0%% sur %s · %s").with(Words.number(share), all.size(), Words.time(median));
        return "<div class=check><h3>" + CheckTitle.of(last).html() + "</h3>" + state.html() + "<div class=strip>" + strip(all) + "</div><p class=share>" + passes.html() + "</p>" + what + "</div>";
    }

    private String strip(List<Look> all) {
        var days = new TreeMap<Integer, State>();
        for (var look : all) days.merge(DAYS - 1 - (int) (today.toEpochDay() - LocalDate.ofInstant(look.at, ZoneOffset.UTC).toEpochDay()), LastSmokeTest.state(look.kept), State::worse);
        var paths = new TreeMap<State, StringBuilder>();
        days.forEach((day, state) -> { if (day >= 0) paths.computeIfAbsent(state, s -> new StringBuilder()).append(bar(day * 10, state)); });
        var svg = new StringBuilder("<svg viewBox='0 0 900 20' preserveAspectRatio=none aria-hidden=true>");
        paths.forEach((state, path) -> svg.append("<path class=").append(state).append(" d='").append(path).append("'/>"));
        return svg.append("</svg>").toString();
    }

    /** The worse the taller, so that it can be told without colours. */
    private static String bar(int x, State state) {
        var height = switch (state) { case none, good -> 6; case attention -> 11; case unknown, problem -> 20; };
        return "M" + x + " " + (20 - height) + "h7v" + height + "h-7z";
    }

    private static String sample(State state) { return "<svg class=sample viewBox='0 0 10 20' aria-hidden=true><path class=" + state + " d='" + bar(1, state) + "'/></svg>"; }
}
