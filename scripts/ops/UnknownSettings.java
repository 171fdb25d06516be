package ops;

import java.io.BufferedInputStream;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.SequenceInputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;

/** What a newer pg_restore sets in each session before anything else, and an older server does not know. */
public final class UnknownSettings {
    static final String TIMEOUT = "transaction_timeout";
    /** The first major version that sets it. */
    static final int SINCE = 17;
    /** Behind all of them. */
    private static final String BEHIND = "SET client_encoding";
    private static final String COMPLAINT = "pg_restore: error: could not execute query: ";
    private static final int LONGEST_BEGINNING = 1 << 14;

    private final List<String> names;

    /** Asks a server. */
    public UnknownSettings(PostgresTools.Found pgRestore, Database session) {
        names = pgRestore.major() < SINCE ? List.of() : List.of(TIMEOUT).stream().filter(setting -> session.one("select current_setting(?, true) is null", setting).equals("t")).toList();
    }

    boolean areNone() { return names.isEmpty(); }

    /** Whether a line of pg_restore may complain of one of them, in whatever language the server speaks: the line behind it tells. */
    boolean mayBeIn(String complaint) { return complaint.startsWith(COMPLAINT) && names.stream().anyMatch(complaint::contains); }

    /** Whether the line behind a complaint says that it is of one of them. */
    boolean areIn(String command) { return names.stream().anyMatch(name -> command.equals("Command was: " + statement(name))); }

    private static String statement(String name) { return "SET " + name + " = 0;"; }

    /** A script of pg_restore without the lines that set them: they stand at its beginning, and what looks like one further on is somebody's. */
    public InputStream leftOutOf(InputStream script) throws IOException {
        if (areNone()) return script;
        var in = new BufferedInputStream(script);
        var beginning = new ByteArrayOutputStream();
        while (beginning.size() < LONGEST_BEGINNING) {
            var line = line(in);
            if (line.length == 0) break;
            var words = new String(line, StandardCharsets.UTF_8).strip();
            if (names.stream().noneMatch(name -> words.equals(statement(name)))) beginning.write(line);
            if (words.startsWith(BEHIND)) break;
        }
        return new SequenceInputStream(new ByteArrayInputStream(beginning.toByteArray()), in);
    }

    /** With its end; empty at the end of all. */
    private static byte[] line(InputStream in) throws IOException {
        var line = new ByteArrayOutputStream();
        for (int octet; line.size() < LONGEST_BEGINNING && (octet = in.read()) >= 0; ) {
            line.write(octet);
            if (octet == '\n') break;
        }
        return line.toByteArray();
    }
}
