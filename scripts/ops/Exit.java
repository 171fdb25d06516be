package ops;

import java.util.LinkedHashMap;
import java.util.Map;

/** The exit codes of every script: the one table behind {@code --help}, the README and the failures. */
public enum Exit {
    DONE(0, "done and verified"),
    FAILED(1, "the operation failed; the message says what state things are in"),
    USAGE(2, "wrong usage"),
    REFUSED(10, "refused by a safety rule; nothing changed"),
    BUSY(11, "another run holds the lock"),
    TOOL(12, "an external tool is missing, too old, or failed"),
    STORE(13, "the store (S3) failed or refused"),
    VERIFICATION(14, "verification failed: checksum, counts, or a smoke test"),
    ROLLED_BACK(15, "deployed, then rolled back automatically"),
    UNKNOWN(16, "the state could not be determined: look before doing anything else"),
    BUG(70, "a bug in the kit"),
    SETTING(78, "a setting is missing or wrong"),
    INTERRUPTED(130, "interrupted by Ctrl-C; cleaned up"),
    TERMINATED(143, "interrupted by TERM; cleaned up");

    public final int code;
    public final String meaning;

    Exit(int code, String meaning) {
        this.code = code;
        this.meaning = meaning;
    }

    /** The table as picocli prints it: code to meaning, in order. */
    static Map<String, String> table() {
        var table = new LinkedHashMap<String, String>();
        for (var exit : values()) table.put(" " + exit.code, exit.meaning);
        return table;
    }
}
