package ops;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** This machine, and who is at work on it: a comfort for whoever reads it later. */
public final class Host {
    private Host() { }

    /** Its name; empty where it can't be told at once: asking DNS may take long. */
    public static String name() {
        try {
            return Files.readString(Path.of("/proc/sys/kernel/hostname")).strip();
        } catch (IOException e) {
            return "";
        }
    }

    /** As in "deploy on www1". */
    public static String operator() { return System.getProperty("user.name") + (name().isEmpty() ? "" : " on " + name()); }
}
