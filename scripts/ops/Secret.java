package ops;

import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * A value that must never be shown: it prints as dots, and whoever needs it has to say {@link #reveal()}.
 *
 * <p>A class, not a record, whose generated toString would print it. As a second line of defence everything the kit
 * writes passes through {@link #mask}, so that a password quoted by a library's message does not reach a screen or log.
 */
public final class Secret {
    /** Shorter values would blank out ordinary words. */
    private static final int SHORTEST_MASKED = 4;
    private static final Set<String> REVEALABLE = ConcurrentHashMap.newKeySet();

    private final String value;

    public Secret(String value) {
        this.value = value;
        if (value.length() >= SHORTEST_MASKED) REVEALABLE.add(value);
    }

    public String reveal() { return value; }

    @Override public String toString() { return "••••••"; }

    /** Has {@link #mask} hide a value that another program is given, and may print. */
    public static void hide(String value) { new Secret(value); }

    /** The text with every known secret in it replaced by dots. */
    public static String mask(String text) {
        for (var secret : REVEALABLE)
            if (text.contains(secret)) text = text.replace(secret, "••••••");
        return text;
    }
}
