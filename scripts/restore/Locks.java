package restore;

import java.util.List;
import ops.Archive.Entry;
import ops.Database;
import ops.Failure;
import ops.LockTable;

/** The server's lock table: one transaction that replaces a database holds a lock on everything that it drops and makes. */
final class Locks {
    private final Database session;

    Locks(Database session) { this.session = session; }

    /**
     * Makes sure that there are enough, as the server promises them; it may have a few more.
     *
     * @param dropped objects that are dropped
     * @param archive entries that are restored
     * @throws Failure.BadSetting with the value that the server needs
     */
    void areEnough(long dropped, List<Entry> archive) {
        var needed = dropped + archive.stream().mapToLong(Locks::of).sum();
        var table = LockTable.of(session);
        if (needed <= table.free()) return;
        throw new Failure.BadSetting("one transaction that replaces all this takes some " + needed
            + " locks, and the server has room for " + table.free() + " (max_locks_per_transaction = "
            + table.perTransaction() + ")",
            "let the server have more, and restart it: " + table.makeRoomFor(needed)
                + "; or, where the role may create databases, --mode swap, which needs only a few");
    }

    /** What an entry leaves locked, as it was measured: a table, its TOAST table and that one's index; an index; what gets its owner. What belongs to a table takes no lock beside that one's. */
    private static int of(Entry entry) {
        return switch (entry.description()) {
            case "TABLE", "MATERIALIZED VIEW" -> 3;
            case "FK CONSTRAINT", "CHECK CONSTRAINT", "TRIGGER", "RULE", "POLICY", "TABLE ATTACH", "INDEX ATTACH", "MATERIALIZED VIEW DATA", "TABLE DATA", "SEQUENCE SET", "DEFAULT", "COMMENT", "ACL", "SEQUENCE OWNED BY", "ROW SECURITY", "ENCODING", "STDSTRINGS", "SEARCHPATH", "BLOBS" -> 0;
            default -> 1;
        };
    }
}
