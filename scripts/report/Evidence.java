package report;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import ops.Failure;
import ops.Home;
import ops.Json;

/** What the kit's own tests have shown, as its summary of them says. */
final class Evidence {
    private record Claim(String operation, String claim, String result) { }

    private record Metric(String name, String value) { }

    private record Summary(String made, String kit, String commit, boolean dirty, int passed, int failed, int skipped, List<Claim> claims, List<Metric> metrics) { }

    private static final Path FILE = Path.of("tests", "test-results.json");
    private static final int MOST_CLAIMS = 600;

    private Evidence() { }

    static String html() {
        try {
            var file = Home.dir().resolve(FILE);
            if (!Files.exists(file)) return "<p class=empty>" + new Words("There is no summary of the kit's own tests here.", "Il n'y a pas ici de résumé des tests du kit lui-même.").html() + "</p>" + Html.next("./jbang evidence");
            return html(Json.read(Files.readAllBytes(file), Summary.class, file.toString()));
        } catch (IOException | Failure.NotVerified | NullPointerException e) {
            return "<p class=empty>" + new Words("%s can't be read", "%s ne peut pas être lu").with(FILE).html() + "</p>" + Html.next("./jbang evidence");
        }
    }

    private static String html(Summary summary) {
        var state = summary.failed > 0 ? State.problem : summary.passed == 0 ? State.unknown : summary.dirty ? State.attention : State.good;
        var html = new StringBuilder("<p>" + state.html() + " " + new Words("%s passed, %s failed, %s skipped", "%s réussis, %s échoués, %s sautés").with(summary.passed, summary.failed, summary.skipped).html() + "</p><p class=small>"
            + Html.text("handover " + summary.kit + " · " + summary.commit) + (summary.dirty ? " " + new Words("and changes that are in no commit", "et des changements qui ne sont dans aucun commit").html() : "") + " · " + Html.text(summary.made.replace('T', ' ').replaceFirst(":[0-9]{2}Z$", "")) + "</p>");
        var byOperation = Stream.ofNullable(summary.claims).flatMap(List::stream).limit(MOST_CLAIMS).collect(Collectors.groupingBy(claim -> claim.operation == null ? "" : claim.operation, LinkedHashMap::new, Collectors.toList()));
        byOperation.forEach((operation, claims) -> {
            html.append("<details><summary>").append(Html.text(operation)).append(" <b>").append(claims.stream().filter(claim -> "passed".equals(claim.result)).count()).append("/").append(claims.size()).append("</b></summary><ul class=claims lang=en>");
            for (var claim : claims) html.append("<li>").append(state(claim).icon()).append(Html.text(claim.claim)).append("</li>");
            html.append("</ul></details>");
        });
        if (summary.metrics != null) for (var metric : summary.metrics) html.append("<p class=small>").append(Html.text(metric.name)).append(": <b>").append(Html.text(metric.value)).append("</b></p>");
        return html.toString();
    }

    private static State state(Claim claim) { return "passed".equals(claim.result) ? State.good : "failed".equals(claim.result) ? State.problem : State.none; }
}
