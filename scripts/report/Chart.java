package report;

import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.List;
import java.util.Locale;
import java.util.function.DoubleFunction;

/**
 * Values over time. The plot stretches to the room that there is, and the lettering beside it does not.
 *
 * @param from where it begins; it ends now
 * @param goal a line that they should stay below; 0 for none
 * @param unit a value as it is written
 */
record Chart(Words title, Instant from, Instant now, List<Point> points, double goal, DoubleFunction<Words> unit) {
    /** @param passed false for what is marked as a failure */
    record Point(Instant at, double value, boolean passed) { }

    private static final int WIDTH = 1000, HEIGHT = 100;

    /** Where to begin so that it is neither crowded nor almost empty. */
    static Instant begin(Instant now, List<Point> points) {
        var month = now.minus(Duration.ofDays(30));
        return points.stream().map(Point::at).min(Instant::compareTo).filter(first -> first.isBefore(month)).orElse(month);
    }

    private double top() { return Math.max(goal, points.stream().mapToDouble(Point::value).max().orElse(0)) * 1.08; }

    /** In percent of the width, to a tenth. */
    private double x(Instant at) { return Math.round(1000.0 * Duration.between(from, at).toMinutes() / Math.max(1, Duration.between(from, now).toMinutes())) / 10.0; }

    private String y(double value) { return short1(100 - 100 * value / top()); }

    private static String short1(double number) { return String.format(Locale.ROOT, "%.1f", number).replace(".0", ""); }

    /** A line through them all. */
    String line() {
        var path = new StringBuilder();
        for (var point : points) path.append(path.isEmpty() ? "M" : "L").append(short1(x(point.at) * WIDTH / 100)).append(' ').append(y(point.value));
        var end = points.isEmpty() ? "" : short1(x(points.get(points.size() - 1).at));
        var fill = points.isEmpty() ? "" : path + "V" + HEIGHT + "H" + short1(x(points.get(0).at) * WIDTH / 100) + "Z";
        var drawn = "<svg class=stretched viewBox='0 0 " + WIDTH + " " + HEIGHT + "' preserveAspectRatio=none><path class=fill d='" + fill + "'/><path class=stroke d='" + path + "'/></svg>";
        return frame(points.isEmpty() ? "" : drawn + "<svg class=over><circle class=end cx=" + end + "% cy=" + y(points.get(points.size() - 1).value) + "% r=3.5 /></svg>");
    }

    /** A mark for each, round where it passed and a cross where not. */
    String dots() {
        var marks = new StringBuilder("<svg class=over>");
        if (goal > 0) marks.append("<line class=goal x1=0 x2=100% y1=").append(y(goal)).append("% y2=").append(y(goal)).append("% />");
        for (var point : points) {
            if (point.passed) marks.append("<circle class=dot cx=").append(short1(x(point.at))).append("% cy=").append(y(point.value)).append("% r=3.5 />");
            else marks.append("<svg class=cross x=").append(short1(x(point.at))).append("% y=").append(y(point.value)).append("%><path d='M-4-4 4 4M-4 4 4-4'/></svg>");
        }
        return frame(marks.append("</svg>").toString());
    }

    private String frame(String plot) {
        var ticks = new StringBuilder();
        var first = LocalDate.ofInstant(from, ZoneOffset.UTC).plusMonths(1).withDayOfMonth(1);
        var every = Duration.between(from, now).toDays() > 200 ? 2 : 1;
        for (var month = first; month.isBefore(LocalDate.ofInstant(now, ZoneOffset.UTC)); month = month.plusMonths(every)) {
            var at = x(month.atStartOfDay(ZoneOffset.UTC).toInstant());
            if (at > 4 && at < 95) ticks.append("<span style='left:").append(short1(at)).append("%'>").append(month.toString(), 0, 7).append("</span>");
        }
        var lettering = points.isEmpty() ? "" : "<span class=top>" + unit.apply(top() / 1.08).html() + "</span><span class=zero>0</span>";
        return "<figure class=chart><figcaption>" + title.html() + "</figcaption><div class=plot>" + plot + lettering + "</div><div class=ticks aria-hidden=true>" + ticks + "</div></figure>";
    }
}
