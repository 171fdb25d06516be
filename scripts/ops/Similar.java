package ops;

import java.util.Collection;
import java.util.Comparator;
import java.util.Optional;

/** "Did you mean": the known word that is nearest to a mistyped one. */
public final class Similar {
    private Similar() { }

    /** The nearest word, when no more than a third of it is wrong. */
    public static Optional<String> to(String word, Collection<String> known) {
        return known.stream().min(Comparator.comparingInt(k -> distance(word, k)))
            .filter(nearest -> distance(word, nearest) * 3 <= Math.max(word.length(), 3));
    }

    /** Levenshtein's distance. */
    private static int distance(String a, String b) {
        var row = new int[b.length() + 1];
        for (var j = 0; j <= b.length(); j++) row[j] = j;
        for (var i = 1; i <= a.length(); i++) {
            var diagonal = row[0];
            row[0] = i;
            for (var j = 1; j <= b.length(); j++) {
                var replaced = diagonal + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.min(replaced, Math.min(row[j], row[j - 1]) + 1);
            }
        }
        return row[b.length()];
    }
}
