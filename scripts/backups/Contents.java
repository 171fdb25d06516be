package backups;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Predicate;
import java.util.regex.Pattern;
import ops.Amount;
import ops.Archive;
import ops.Repair;
import ops.Sha256;

/**
 * What the text of a dump says, as digests by entry: however large the tables, in constant memory.
 *
 * <p>Neither the order of the entries counts nor that of a table's rows: a server puts a row where there is room.
 */
final class Contents extends OutputStream {
    /** Gives rows, as COPY does. */
    interface Rows { void to(OutputStream contents) throws IOException; }

    private static final Pattern TITLE = Pattern.compile("-- ([A-Z][a-z]+ for )?Name: (.*); Type: ([A-Z ]+); Schema: (.*); Owner: (.*)");
    /** In front of rows that a restore may rightly put into another partition, by the hash of an enum's value say. */
    private static final Pattern BY_ROOT = Pattern.compile("-- load via partition root (.*)\n");
    private static final String END = "-- PostgreSQL database dump complete";
    /** What stands between entries, and depends on their order alone. */
    private static final Pattern BETWEEN = Pattern.compile("(?:--)?|SET default_(?:tablespace|table_access_method) = .*;|\\\\(?:un)?restrict .*");
    /** Digests added up: the same, in whatever order they come. */
    private static final class Sum {
        private final long[] lanes = new long[4];
        private long count;

        void add(byte[] digest) {
            var longs = java.nio.ByteBuffer.wrap(digest);
            for (var i = 0; i < lanes.length; i++) lanes[i] += longs.getLong();
            count++;
        }

        void addAll(Sum other) {
            for (var i = 0; i < lanes.length; i++) lanes[i] += other.lanes[i];
            count += other.count;
        }

        void clear() {
            Arrays.fill(lanes, 0);
            count = 0;
        }

        boolean is(Sum other) { return count == other.count && Arrays.equals(lanes, other.lanes); }
    }

    /** Entries may share a title: overloaded operators do. */
    private static final class Entry {
        final Sum text = new Sum();
        final Sum rows = new Sum();
    }

    private final Map<String, Entry> entries = new TreeMap<>();
    private final Map<String, Copy> copies = new HashMap<>();
    /** Of rows that go in by way of it: the table that theirs is a part of. */
    private final Map<String, String> roots = new HashMap<>();
    private final ByteArrayOutputStream line = new ByteArrayOutputStream();
    private final StringBuilder statement = new StringBuilder();
    private final MessageDigest text = Sha256.digest();
    private final MessageDigest row = Sha256.digest();
    private final byte[] rowBegins = new byte[2];
    private long rowLength;
    private boolean inRows;
    private String title;

    private Contents() { }

    /** Reads what pg_dump or pg_restore prints, to its end. */
    static Contents of(InputStream dump) throws IOException {
        var contents = new Contents();
        var buffer = new byte[1 << 17];
        for (int read; (read = dump.read(buffer)) > 0; ) contents.write(buffer, 0, read);
        contents.begin(null);
        contents.entries.remove(END);
        contents.joinPartitions();
        return contents;
    }

    @Override public void write(int one) { write(new byte[] {(byte) one}, 0, 1); }

    @Override public void write(byte[] bytes, int from, int length) {
        var end = from + length;
        for (var i = from; i < end; i++) {
            if (bytes[i] != '\n') continue;
            piece(bytes, from, i - from);
            endOfLine();
            from = i + 1;
        }
        piece(bytes, from, end - from);
    }

    /** Tables whose columns are in another order there. */
    List<Copy> otherColumnOrder(Contents other) {
        return copies.values().stream().filter(copy -> copy.isInOtherOrder(other.copies.get(copy.title()))).toList();
    }

    /** Reads a table's entry again. */
    void replace(Copy copy, Rows rows) throws IOException {
        entries.remove(copy.title());
        write((copy.title() + "\n" + copy.statement()).getBytes(StandardCharsets.UTF_8));
        rows.to(this);
        write("\\.\n".getBytes(StandardCharsets.UTF_8));
        begin(null);
    }

    private void piece(byte[] bytes, int from, int length) {
        if (!inRows) {
            line.write(bytes, from, length);
            return;
        }
        for (var i = 0; i < length && rowLength + i < 2; i++) rowBegins[(int) rowLength + i] = bytes[from + i];
        rowLength += length;
        row.update(bytes, from, length);
    }

    private void endOfLine() {
        if (inRows) endOfRow();
        else endOfText();
    }

    private void endOfRow() {
        var digest = row.digest();
        if (rowLength == 2 && rowBegins[0] == '\\' && rowBegins[1] == '.') inRows = false;
        else entry().rows.add(digest);
        rowLength = 0;
    }

    private void endOfText() {
        var bytes = line.toByteArray();
        line.reset();
        var words = new String(bytes, StandardCharsets.UTF_8);
        if (words.equals(END) || words.startsWith("-- ") && TITLE.matcher(words).matches()) {
            begin(words);
            return;
        }
        if (title == null || BETWEEN.matcher(words).matches()) return;
        text.update(bytes);
        text.update((byte) '\n');
        if (!title.contains("; Type: TABLE DATA; ")) return;
        statement.append(words).append('\n');
        inRows = words.endsWith(" FROM stdin;");
    }

    /** Ends the entry before. */
    private void begin(String next) {
        if (title != null) {
            entry().text.add(text.digest());
            var copy = Copy.of(title, statement.toString());
            if (copy != null) copies.put(title, copy);
            var root = BY_ROOT.matcher(statement);
            if (root.lookingAt()) roots.put(title, root.group(1));
            statement.setLength(0);
        }
        title = next;
    }

    /** Of a table whose rows go in by way of its root, only all of them together can be compared. */
    private void joinPartitions() {
        roots.forEach((partition, root) -> {
            var rows = entries.get(partition).rows;
            entries.computeIfAbsent("the rows of " + root + " and its partitions", t -> new Entry()).rows.addAll(rows);
            rows.clear();
        });
    }

    private Entry entry() { return entries.computeIfAbsent(title, t -> new Entry()); }

    private static boolean isDefinition(String title) { return title.startsWith("-- Name: ") && !title.contains("; Type: SEQUENCE SET; "); }

    /** Tables whose rows are in it. */
    int tables() { return (int) entries.keySet().stream().filter(t -> t.contains("; Type: TABLE DATA; ")).count(); }

    long rows() { return entries.values().stream().mapToLong(entry -> entry.rows.count).sum(); }

    /** Definitions, each with its comments and rights. */
    int definitions() { return (int) entries.keySet().stream().filter(Contents::isDefinition).count(); }

    /** Takes entries out: by type and name. */
    void leaveOut(String type, Predicate<String> name) {
        entries.keySet().removeIf(t -> {
            var parts = TITLE.matcher(t);
            return parts.matches() && parts.group(3).equals(type) && name.test(parts.group(2));
        });
    }

    /** Takes out what an entry of the table of contents says. */
    void leaveOut(Archive.Entry entry) {
        var schema = entry.schema().isEmpty() ? "-" : entry.schema();
        entries.keySet().removeIf(t -> {
            var parts = TITLE.matcher(t);
            return parts.matches() && parts.group(2).equals(entry.name()) && parts.group(3).equals(entry.description()) && parts.group(4).equals(schema);
        });
    }

    /**
     * Something that a restored database has otherwise than this archive.
     *
     * @param title of the entry
     * @param words a sentence
     * @param isWording whether the object is there, and its definition is another text: which may be a loss, or another way to print the same
     */
    record Difference(String title, String words, boolean isWording) {
        /** The object alone. */
        String object() { return Contents.words(title); }

        /** Whether this is what a repair has found: the object itself, or the table or domain in whose definition the constraint stood. */
        boolean isOf(Repair.Finding repaired) {
            var parts = TITLE.matcher(title);
            if (!parts.matches() || !parts.group(4).equals(repaired.schema().isEmpty() ? "-" : repaired.schema())) return false;
            if (parts.group(3).equals(repaired.type()) && parts.group(2).equals(repaired.name())) return true;
            return isWording && repaired.type().equals("CHECK CONSTRAINT") && parts.group(3).matches("TABLE|DOMAIN") && repaired.name().startsWith(parts.group(2) + " ");
        }
    }

    /** What a restored database has otherwise than this archive. */
    List<Difference> differences(Contents restored) {
        var differences = new ArrayList<Difference>();
        var titles = new TreeSet<>(entries.keySet());
        titles.addAll(restored.entries.keySet());
        for (var t : titles) {
            var mine = entries.get(t);
            var theirs = restored.entries.get(t);
            if (mine == null) differences.add(new Difference(t, words(t) + " is there, and not in the archive", false));
            else if (theirs == null) differences.add(new Difference(t, words(t) + " is missing", false));
            else if (mine.rows.count != theirs.rows.count) differences.add(new Difference(t, String.format(Locale.ROOT, "%s: %s instead of %,d", words(t), Amount.count(theirs.rows.count, "row"), mine.rows.count), false));
            else if (!mine.rows.is(theirs.rows)) differences.add(new Difference(t, words(t) + ": other rows than in the archive", false));
            else if (!mine.text.is(theirs.text)) differences.add(new Difference(t, words(t) + " is not as in the archive", isDefinition(t) && mine.text.count == theirs.text.count));
        }
        return differences;
    }

    /** Whether another dump says of an object, word for word, the same. */
    boolean isSame(Contents other, Difference difference) {
        var mine = entries.get(difference.title);
        var theirs = other.entries.get(difference.title);
        return mine != null && theirs != null && mine.text.is(theirs.text);
    }

    private static String words(String title) {
        var parts = TITLE.matcher(title);
        if (!parts.matches()) return title;
        return parts.group(3).toLowerCase(Locale.ROOT) + " " + (parts.group(4).equals("-") ? "" : parts.group(4) + ".") + parts.group(2) + (parts.group(5).equals("-") ? "" : " of " + parts.group(5));
    }
}
