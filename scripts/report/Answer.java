package report;

import java.util.ArrayList;
import java.util.List;

/** One answer of the verdict: as bad as the worst that is noted of it. */
final class Answer {
    /** Of what somebody or something said, at most so much. */
    static final int LONGEST = 180;

    final Words about;
    /** The answer itself, in a few words. */
    final Words brief;
    private final List<Words> details = new ArrayList<>();
    private final String next;
    private State state;

    /** @param next the command to run unless all is good; null when there is nothing to do */
    Answer(Words about, State state, Words brief, String next) {
        this.about = about;
        this.state = state;
        this.brief = brief;
        this.next = next;
    }

    Answer note(Words detail) { return note(State.none, detail); }

    Answer note(State atLeast, Words detail) {
        atLeast(atLeast);
        details.add(detail);
        return this;
    }

    /** Makes it no better than that. */
    void atLeast(State other) { state = state.worse(other); }

    State state() { return state; }

    List<Words> details() { return details; }

    /** Null when there is nothing to do. */
    String next() { return state == State.good ? null : next; }

    String html() {
        var html = new StringBuilder("<article class='card answer " + state + "'><h2>" + about.html() + "</h2>" + state.html() + "<p class=brief>" + brief.html() + "</p><ul>");
        for (var detail : details) html.append("<li>").append(detail.html()).append("</li>");
        return html.append("</ul>").append(next() == null ? "" : Html.next(next())).append("</article>").toString();
    }
}
