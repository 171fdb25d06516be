package ops;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.function.Predicate;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * A pg_dump custom archive on its way: first what is in it, then the rows, table by table.
 *
 * <p>pg_restore can take such a stream from one pipe only, one table after another. Knowing where the rows of each begin, several
 * sessions can load them. The layout is that of PostgreSQL's pg_backup_custom.c and pg_backup_archiver.c, versions 1.12 to
 * 1.16 (pg_dump 9.3 to 18), without compression inside.
 */
public final class Archive {
    /**
     * A line of the table of contents.
     *
     * @param description what it is: TABLE, TABLE DATA, INDEX …
     * @param schema empty when it is in none
     * @param copy the COPY statement of rows; empty without rows
     * @param needs ids of entries that have to be restored before it
     * @param catalog oids of the catalog that it stands in and of its row there, as CATALOG:ROW
     * @param drop the statement that drops it; empty when there is none
     * @param owner empty when it has none of its own
     */
    public record Entry(int number, String description, String schema, String name, String definition, String copy, List<String> needs, String catalog, String drop, String owner) {
        /** One of pg_dump's grants, in which a name may hold a semicolon. */
        private static final Pattern GRANT = Pattern.compile("(?:\"[^\"]*+\"|'[^']*+'|[^\"';]++)++;");

        public String id() { return String.valueOf(number); }

        /** The statements that give and take rights, one by one; of what is no ACL nothing. */
        public List<String> grants() {
            return description.endsWith("ACL") ? GRANT.matcher(definition).results().map(statement -> statement.group().strip()).toList() : List.of();
        }

        @Override public String toString() { return description.toLowerCase(Locale.ROOT) + " " + name; }
    }

    /**
     * The rows of a table.
     *
     * @param table that they are of; a COPY of a partition's may name the table that this is a part of
     * @param copy the statement that loads them, up to FROM stdin
     * @param created whether the archive itself creates the table, which is empty then
     * @param slowIndexes entries of its indexes of unusual kinds, GIN or GiST say, that nothing else in the archive needs
     */
    record Rows(TableName table, String copy, boolean created, List<Integer> slowIndexes) { }

    private static final int OLDEST = 12, NEWEST = 16;
    private static final int CUSTOM = 1, DATA = 1, LARGE_OBJECTS = 3;
    private static final int LONGEST_TEXT = 1 << 26;
    private static final String FROM_STDIN = " FROM stdin;";
    private static final Pattern QUICK_INDEX = Pattern.compile(" USING (btree|hash|brin) ");

    private final InputStream in;
    private final byte[] buffer = new byte[1 << 17];
    private int at, end;
    /** Gets a copy of the numbers that are read; null when nobody wants one. */
    private OutputStream copy;
    private int minor, integerBytes, offsetBytes;
    private final byte[] beginning;
    private final List<Entry> entries = new ArrayList<>();
    private final Map<Integer, Rows> rows = new HashMap<>();
    private int type, id;
    /** The numbers of the entries whose data have yet to come. */
    private final Set<Integer> awaited = new HashSet<>();

    /** Reads the beginning, up to the first rows; throws NotVerified when it is no such archive. */
    public Archive(InputStream in) throws IOException {
        this.in = in;
        var read = new ByteArrayOutputStream();
        copy = read;
        header();
        contents();
        copy = null;
        beginning = read.toByteArray();
        rows();
    }

    /** What stands before the rows: pg_restore can tell everything but them from it. */
    byte[] beginning() { return beginning; }

    /** The table of contents. */
    public List<Entry> entries() { return entries; }

    /**
     * What keeps everybody from functions and types that only some may use, when all other rights are left out: without it
     * they would be as every new one is, for everybody.
     *
     * @param brought which entries are restored
     */
    public static List<String> keptFromEverybody(List<Entry> entries, Predicate<Entry> brought) {
        var usual = entries.stream().filter(entry -> entry.description.matches("FUNCTION|PROCEDURE|AGGREGATE|TYPE|DOMAIN")).filter(brought).map(Entry::id).collect(Collectors.toSet());
        return entries.stream().filter(entry -> entry.needs.stream().anyMatch(usual::contains)).map(Entry::grants).filter(grants -> grants.stream().anyMatch(grant -> grant.endsWith(" FROM PUBLIC;")))
            .flatMap(List::stream).filter(grant -> grant.startsWith("REVOKE ") && grant.endsWith(" FROM PUBLIC;") || grant.startsWith("GRANT ") && grant.endsWith(" TO PUBLIC;")).toList();
    }

    /** The encoding that all of it is in. */
    public String encoding() { return entries.stream().filter(entry -> entry.description.equals("ENCODING")).map(entry -> entry.definition.replaceFirst("(?s).*'(.*)'.*", "$1")).findFirst().orElse("UTF8"); }

    /** What an entry of the table of contents says of its rows, when a COPY loads them. */
    Optional<Rows> rows(int entry) { return Optional.ofNullable(rows.get(entry)); }

    /** All tables whose rows come, empty ones too. */
    public Set<TableName> tables() { return new HashSet<>(tablesOfRows().values()); }

    /** The tables whose rows come, by the numbers of their entries, in the order in which they come. */
    public Map<Integer, TableName> tablesOfRows() {
        var tables = new LinkedHashMap<Integer, TableName>();
        for (var entry : entries) if (rows.containsKey(entry.number)) tables.put(entry.number, rows.get(entry.number).table);
        return tables;
    }

    /**
     * Goes on to the next entry's data; false at the end. The data of the one before must have been read.
     *
     * @throws Failure.NotVerified when it ends without the data of an entry, at the end of another one's
     */
    public boolean next() throws IOException {
        if (at == end && !fill()) {
            if (awaited.isEmpty()) return false;
            var first = entries.stream().filter(entry -> awaited.contains(entry.number)).findFirst();
            throw damaged("it ends without " + first.map(Entry::toString).orElse("data") + ", which it says to have");
        }
        type = octet();
        id = integer();
        awaited.remove(id);
        if (type != DATA && type != LARGE_OBJECTS) throw damaged("it has data of an unknown kind, " + type);
        return true;
    }

    /** The entry whose data come now. */
    public int entry() { return id; }

    /** Writes the data alone. */
    public void data(OutputStream to) throws IOException {
        if (type == DATA) chunks(to);
        else while (integer() != 0) chunks(to);
    }

    /** Writes the data as they are in the archive, for pg_restore to take behind the beginning. */
    void block(OutputStream to) throws IOException {
        to.write(type);
        copy = to;
        writeInteger(id);
        data(to);
        copy = null;
    }

    private void chunks(OutputStream to) throws IOException {
        for (int left; (left = integer()) > 0; ) {
            while (left > 0) {
                if (at == end && !fill()) throw damaged("it ends too early");
                var some = Math.min(left, end - at);
                to.write(buffer, at, some);
                at += some;
                left -= some;
            }
        }
    }

    private void header() throws IOException {
        if (!new String(bytes(5), StandardCharsets.ISO_8859_1).equals("PGDMP")) throw damaged("pg_dump did not make it");
        var major = octet();
        minor = octet();
        octet();
        if (major != 1 || minor < OLDEST || minor > NEWEST)
            throw new Failure.ToolFailed("the archive's format is " + major + "." + minor + ", and this kit knows 1." + OLDEST + " to 1." + NEWEST, "--mode in-place leaves it to pg_restore alone; or restore by hand as ./jbang backups show says");
        integerBytes = octet();
        offsetBytes = octet();
        if (integerBytes != 4 || octet() != CUSTOM || (minor >= 15 ? octet() : integer()) != 0) throw damaged("it is no uncompressed one of pg_dump's custom format");
        for (var part = 0; part < 7; part++) integer(); // when it was made
        for (var name = 0; name < 3; name++) text(); // database, versions of server and pg_dump
    }

    private void contents() throws IOException {
        var known = new HashSet<Integer>();
        for (var left = integer(); left > 0; left--) {
            var id = integer();
            if (!known.add(id)) throw damaged("its table of contents makes no sense"); // pg_restore would restore both as one
            if (integer() != 0) awaited.add(id); // has data of its own
            var catalog = text() + ":" + text();
            var name = text();
            var description = text();
            integer(); // section
            var definition = text();
            var drop = text();
            var copy = text();
            var schema = text();
            text(); // tablespace
            if (minor >= 14) text(); // table access method
            if (minor >= 16) integer(); // kind of relation
            var owner = text();
            text(); // with oids
            var needs = new ArrayList<String>();
            for (String other; (other = text()) != null; ) needs.add(other);
            bytes(1 + offsetBytes); // where its data would be, in a file
            entries.add(new Entry(id, orEmpty(description), orEmpty(schema), orEmpty(name), orEmpty(definition), orEmpty(copy).strip(), needs, catalog, orEmpty(drop).strip(), orEmpty(owner)));
        }
    }

    private static String orEmpty(String text) { return text == null ? "" : text; }

    private void rows() {
        var slowIndexes = new HashMap<String, List<Integer>>();
        var needed = entries.stream().flatMap(entry -> entry.needs.stream()).collect(Collectors.toSet());
        for (var entry : entries) {
            if (entry.description.equals("TABLE")) slowIndexes.put(entry.id(), new ArrayList<>());
            if (entry.description.equals("INDEX") && !QUICK_INDEX.matcher(entry.definition).find() && !needed.contains(entry.id())) entry.needs.stream().map(slowIndexes::get).filter(Objects::nonNull).forEach(of -> of.add(entry.number));
        }
        for (var entry : entries) {
            if (!entry.copy.endsWith(FROM_STDIN)) continue;
            var table = entry.needs.stream().filter(slowIndexes::containsKey).findFirst();
            // Rows of a partition that go in by way of its parent (definition) are among others' rows there.
            rows.put(entry.number, new Rows(new TableName(entry.schema, entry.name), entry.copy.replaceFirst(";$", ""), table.isPresent() && entry.definition.isEmpty(),
                table.map(slowIndexes::get).orElse(List.of())));
        }
    }

    private boolean fill() throws IOException {
        at = 0;
        end = Math.max(0, in.read(buffer));
        return end > 0;
    }

    private int octet() throws IOException {
        if (at == end && !fill()) throw damaged("it ends too early");
        var octet = buffer[at++] & 0xff;
        if (copy != null) copy.write(octet);
        return octet;
    }

    /** A sign, then the value, lowest byte first. */
    private int integer() throws IOException {
        // Each row has one: the short way, when nobody wants a copy and all of it is there.
        if (copy == null && end - at > 4) {
            var value = buffer[at + 1] & 0xff | (buffer[at + 2] & 0xff) << 8 | (buffer[at + 3] & 0xff) << 16 | (buffer[at + 4] & 0xff) << 24;
            at += 5;
            return buffer[at - 5] == 0 ? value : -value;
        }
        var negative = octet() != 0;
        int value = 0;
        for (var shift = 0; shift < 32; shift += 8) value |= octet() << shift;
        return negative ? -value : value;
    }

    private void writeInteger(int value) throws IOException {
        copy.write(value < 0 ? 1 : 0);
        for (var shift = 0; shift < 32; shift += 8) copy.write(Math.abs(value) >> shift);
    }

    /** Null is a text of length -1. */
    private String text() throws IOException {
        var length = integer();
        var text = length < 0 ? null : new String(bytes(length), StandardCharsets.UTF_8);
        // No server has one, and programs that take it for the end of a text, as psql does, would read on in another place than we.
        if (text != null && text.indexOf('\0') >= 0) throw damaged("its table of contents makes no sense");
        return text;
    }

    private byte[] bytes(int length) throws IOException {
        // Not allocated before as much was read: a damaged length may say anything.
        var bytes = new ByteArrayOutputStream();
        for (var left = length; left > 0; left--) {
            if (bytes.size() > LONGEST_TEXT) throw damaged("its table of contents makes no sense");
            bytes.write(octet());
        }
        return bytes.toByteArray();
    }

    private static Failure damaged(String what) { return new Failure.NotVerified("the archive can't be read: " + what, "take another backup: ./jbang backups list"); }
}
