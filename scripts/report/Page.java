//SOURCES Answer.java
//SOURCES Bucket.java
//SOURCES Calendar.java
//SOURCES Chart.java
//SOURCES CheckTitle.java
//SOURCES Checks.java
//SOURCES Drills.java
//SOURCES Ending.java
//SOURCES Evidence.java
//SOURCES Expiries.java
//SOURCES Goals.java
//SOURCES Grade.java
//SOURCES Html.java
//SOURCES LastBackup.java
//SOURCES LastDrill.java
//SOURCES LastRelease.java
//SOURCES LastSmokeTest.java
//SOURCES Past.java
//SOURCES Sizes.java
//SOURCES State.java
//SOURCES Stored.java
//SOURCES Timeline.java
//SOURCES Verdict.java
//SOURCES Words.java
//SOURCES ../smoke/Kept.java
package report;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.Base64;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import ops.Ops;
import ops.Setting;
import ops.Settings;
import ops.Sha256;
import ops.Store;

/** The whole report as one HTML document that needs nothing else: it asks for nothing, and works with scripts off. */
public final class Page {
    private final Bucket bucket;
    private final Goals goals;
    private final Verdict verdict;
    private final String site;

    /** One of the four parts of the verdict, in English. */
    public record Part(String about, String verdict, String says, String next) { }

    /** Reads the bucket; what it says is as of a moment. */
    public static Page of(Store store, Settings settings, Instant now) throws Exception { return new Page(new Bucket(store, settings.env, now), Goals.of(settings), settings.get(Setting.SITE_URL).orElse(null)); }

    private Page(Bucket bucket, Goals goals, String site) {
        this.bucket = bucket;
        this.goals = goals;
        this.site = site;
        verdict = new Verdict(bucket, goals);
    }

    public int runs() { return bucket.runs.size(); }

    public int backups() { return bucket.backups.size(); }

    public int unreadable() { return bucket.unreadable(); }

    public String verdict() { return verdict.state.name(); }

    public List<Part> parts() {
        return verdict.answers.stream().map(answer -> new Part(answer.about.en(), answer.state().name(), Stream.concat(Stream.of(answer.brief), answer.details().stream()).map(Words::en).collect(Collectors.joining("; ")), answer.next())).toList();
    }

    public String html() throws IOException {
        var script = resource("page.js");
        return """
            <!doctype html>
            <html lang=en data-made="%s">
            <head>
            <meta charset=utf-8>
            <meta name=viewport content="width=device-width, initial-scale=1">
            <meta http-equiv=Content-Security-Policy content="default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-%s'; img-src data:">
            <meta name=robots content=noindex>
            <meta name=color-scheme content="light dark">
            <link rel=icon href="data:,">
            <title>%s · Handover</title>
            <style>%s</style>
            </head>
            <body>
            %s
            <input type=radio name=language id=en checked><input type=radio name=language id=fr>
            <nav><label for=en lang=en>English</label><label for=fr lang=fr>Français</label></nav>
            %s
            <main>
            <section class=answers>%s</section>
            %s
            </main>
            <footer>%s</footer>
            <script>%s</script>
            </body>
            </html>
            """.formatted(bucket.now, Base64.getEncoder().encodeToString(Sha256.of(script.getBytes(StandardCharsets.UTF_8))), Html.text(bucket.env), resource("page.css"), resource("marks.svg"), header(), String.join("", verdict.answers.stream().map(Answer::html).toList()),
            (bucket.isEmpty() ? begin() : sections()) + section("evidence", new Words("The kit's own tests", "Les tests du kit"), Evidence.html()),
            footer(), script);
    }

    private String header() {
        return "<header class='" + verdict.state + "'><p class=env>" + Html.text(bucket.env) + (site == null ? "" : " · " + Html.text(site)) + "</p><h1>" + verdict.state.icon() + verdict.sentence().html() + "</h1><p class=made>"
            + new Words("As of %s UTC", "Au %s UTC").with(Words.minute(bucket.now)).html() + "</p><p class=stale hidden>" + new Words("This report is {days} days old: what it says may not be so any more. A new one:", "Ce rapport a {days} jours : ce qu'il dit n'est peut-être plus vrai. Un nouveau :").html().replace("{days}", "<b class=days></b>") + " " + Html.code("./jbang report --env " + bucket.env) + "</p></header>";
    }

    private String sections() {
        var calendar = new Calendar(bucket);
        return section("backups", new Words("Backups of the last 90 days", "Sauvegardes des 90 derniers jours"), "<p>" + calendar.summary().html() + "</p>" + calendar.html())
            + section("sizes", new Words("Size and duration", "Taille et durée"), new Sizes(bucket).html())
            + section("drills", new Words("Restore drills", "Exercices de restauration"), new Drills(bucket, goals).html())
            + section("expiries", new Words("What runs out", "Ce qui arrive à échéance"), new Expiries(bucket, goals).html())
            + section("smoke", new Words("Smoke tests, 90 days", "Smoke tests, 90 jours"), new Checks(bucket).html())
            + section("timeline", new Words("Deploys, rollbacks, incidents", "Déploiements, retours arrière, incidents"), new Timeline(bucket).html());
    }

    /** What there is to say of an empty bucket. */
    private String begin() {
        return section("begin", new Words("To begin with", "Pour commencer"), "<ol>"
            + step(new Words("See whether everything is set up right.", "Voir si tout est bien installé."), "./jbang doctor --env " + bucket.env)
            + step(new Words("Take a first backup.", "Faire une première sauvegarde."), "./jbang backup-db --env " + bucket.env)
            + step(new Words("Prove that it can be restored.", "Prouver qu'elle peut être restaurée."), "./jbang backups drill latest --env " + bucket.env)
            + (goals.hasSite() ? step(new Words("Look whether the site works.", "Regarder si le site fonctionne."), "./jbang smoke-tests --env " + bucket.env) : "")
            + "</ol><p class=small>" + new Words("Then make this report again: it shows what became of it.", "Puis refaire ce rapport : il montre ce qu'il en est.").html() + "</p>");
    }

    private static String step(Words what, String command) { return "<li><p>" + what.html() + "</p>" + Html.next(command) + "</li>"; }

    private static String section(String name, Words title, String content) {
        return "<section class='card " + name + "'><h2>" + title.html() + "</h2>" + content + "</section>\n";
    }

    private String footer() {
        var html = new StringBuilder("<p>" + new Words("Read from %s: %s runs and %s sealed backups. All times are UTC.", "Lu dans %s : %s exécutions et %s sauvegardes scellées. Toutes les heures sont en UTC.").with(bucket.uri, bucket.runs.size(), bucket.backups.size()).html() + "</p>");
        if (bucket.since.isAfter(bucket.now.minus(Bucket.YEAR).plusSeconds(1))) html.append("<p>").append(new Words("There are more runs than this report reads: it knows of none before %s.", "Il y a plus d'exécutions que ce rapport n'en lit : il n'en connaît aucune d'avant le %s.").with(Words.day(bucket.since)).html()).append("</p>");
        if (bucket.unreadable() > 0) html.append("<p>").append(State.attention.icon()).append(new Words("Left out, since it can't be read, or is none of this kit's: %s.", "Écartés, car illisibles ou étrangers à ce kit : %s.").with(Words.count(bucket.unreadable(), "object", "objects", "objet", "objets")).html()).append("</p>");
        return html + "<p>" + new Words("Good is only what was checked. What can't be told is never counted as good. What people write and what the scripts said is shown as it stands in the history.",
            "N'est bon que ce qui a été vérifié. Ce que l'on ne peut pas dire ne compte jamais comme bon. Ce que des personnes ont écrit et ce que les scripts ont dit figure tel quel, dans la langue de l'historique.").html() + "</p><p>handover " + Ops.VERSION + "</p>";
    }

    private static String resource(String name) throws IOException {
        try (var in = Page.class.getResourceAsStream(name)) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8).strip();
        }
    }
}
