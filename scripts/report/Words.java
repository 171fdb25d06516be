package report;

import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.Locale;
import ops.Amount;

/** A text in English and French, not yet HTML. Dates are written in the one way that both know, 2026-11-22 03:15, in UTC. */
record Words(String en, String fr) {
    Words {
        // French typography: what belongs together does not part at the end of a line.
        fr = fr.replaceAll(" (?=[:;!?»])", "\u00a0").replace("« ", "«\u00a0");
    }

    /** What is the same in both, or comes from elsewhere in whatever language. */
    static Words same(String text) { return new Words(text, text); }

    static Words bytes(long bytes) {
        var text = Amount.bytes(bytes).replace(' ', '\u00a0');
        return new Words(text, decimalComma(text).replace("B", "o"));
    }

    static Words time(double seconds) {
        var text = Amount.time(Duration.ofMillis((long) (seconds * 1000))).replace(" 00 s", "").replace(" 00 min", "").replace(' ', '\u00a0');
        return new Words(text, decimalComma(text));
    }

    static Words age(Instant then, Instant now) {
        var text = Amount.age(then, now);
        if (text.startsWith("IN THE FUTURE")) return new Words(text, text.replace("IN THE FUTURE, in", "DANS LE FUTUR, dans").replace("days", "jours"));
        return new Words(text.replaceFirst("(?<=[0-9]) ", "\u00a0"), text.equals("just now") ? "à l'instant" : "il y a " + text.replace(" ago", "").replace("days", "jours").replace(' ', '\u00a0'));
    }

    /** So many of something; with its plural when it is not one. */
    static Words count(long number, String one, String many, String un, String plusieurs) {
        return new Words(thousands(number, ",") + "\u00a0" + (number == 1 ? one : many), thousands(number, "\u00a0") + "\u00a0" + (number < 2 ? un : plusieurs));
    }

    static Words number(double number) {
        var text = String.format(Locale.ROOT, number < 10 ? "%.1f" : "%.0f", number);
        return new Words(text, decimalComma(text));
    }

    static String day(Instant time) { return LocalDate.ofInstant(time, ZoneOffset.UTC).toString(); }

    static String minute(Instant time) { return time.toString().replace('T', '\u00a0').substring(0, 16); }

    /** The same with %s replaced in each language by these, in their order. */
    Words with(Object... parts) {
        var english = new Object[parts.length];
        var french = new Object[parts.length];
        for (var i = 0; i < parts.length; i++) {
            english[i] = parts[i] instanceof Words words ? words.en : parts[i];
            french[i] = parts[i] instanceof Words words ? words.fr : parts[i];
        }
        return new Words(String.format(Locale.ROOT, en, english), String.format(Locale.ROOT, fr, french));
    }

    /** As HTML, of which the style shows one language. */
    String html() {
        return en.equals(fr) ? Html.text(en) : "<span class=en lang=en>" + Html.text(en) + "</span><span class=fr lang=fr>" + Html.text(fr) + "</span>";
    }

    private static String thousands(long number, String mark) { return String.format(Locale.ROOT, "%,d", number).replace(",", mark); }

    private static String decimalComma(String text) { return text.replaceAll("(?<=[0-9])\\.(?=[0-9])", ","); }
}
