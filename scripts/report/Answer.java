package report;

import java.util.List;

/**
 * One answer of the verdict.
 *
 * @param of what it is about
 * @param brief the answer itself, in a few words
 * @param details more of it, a line each
 * @param next the command to run; null when there is nothing to do
 */
record Answer(Words of, State state, Words brief, List<Words> details, String next) {
    String html() {
        var html = new StringBuilder("<article class='card answer " + state.name() + "'><h2>" + of.html() + "</h2>" + state.html() + "<p class=brief>" + brief.html() + "</p><ul>");
        for (var detail : details) html.append("<li>").append(detail.html()).append("</li>");
        html.append("</ul>");
        if (next != null) html.append("<p class=next>→ ").append(Html.code(next)).append("</p>");
        return html.append("</article>").toString();
    }
}
