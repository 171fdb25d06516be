package ops;

import java.io.BufferedReader;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;

/** A person's agreement: a name typed on the terminal. A script or a pipe can't give it. */
public final class Confirmation {
    /** The terminal that the process belongs to, wherever its streams lead. */
    private static final String TERMINAL = "/dev/tty";

    private Confirmation() { }

    /** The same, where a name may also have been given as an option, for runs without a person; null when it was not. */
    public static void given(String option, String what, String name) {
        if (option == null) typed(what, name);
        else if (!option.equals(name)) throw new Failure.Refused("not confirmed: --confirm says '" + option.replaceAll("\\p{Cntrl}", "?") + "', not '" + name + "'", "run it again if you mean it: --confirm " + name);
    }

    /**
     * Asks for a name to be typed, and returns when it was.
     *
     * @param what will happen, a sentence
     * @throws Failure.Refused when something else is typed, or nobody is there
     */
    public static void typed(String what, String name) {
        try (var out = new FileOutputStream(TERMINAL); var in = new BufferedReader(new InputStreamReader(new FileInputStream(TERMINAL), StandardCharsets.UTF_8))) {
            out.write(("\n" + what + "\nType " + name + " to go on: ").getBytes(StandardCharsets.UTF_8));
            out.flush();
            var answer = in.readLine();
            if (!name.equals(answer)) throw new Failure.Refused("not confirmed: '" + (answer == null ? "" : answer.replaceAll("\\p{Cntrl}", "?")) + "' was typed, not '" + name + "'", "run it again if you mean it");
        } catch (IOException e) {
            throw new Failure.Refused("this needs a person at a terminal, and there is none", "run it by hand, not from cron or through a pipe");
        }
    }
}
