package rows;

import java.util.List;
import ops.Database;
import ops.TableName;

/**
 * A trigger that would run for rows that are written.
 *
 * @param on its table, or a partition of it
 * @param always whether it runs whatever session_replication_role says
 */
record Trigger(TableName on, String name, boolean always) {
    /** In the order of pg_trigger.tgtype's bits. */
    static final int FOR_INSERT = 4, FOR_UPDATE = 16;
    /** Foreign keys are silent then, too: whoever says so looks at them. */
    static final String SILENCED = "set local session_replication_role = replica";
    static final String HEARD = "set local session_replication_role = origin";
    private static final String TRIGGERS = """
        select distinct n.nspname, c.relname, g.tgname, g.tgenabled = 'A'
        from pg_catalog.pg_trigger g join pg_catalog.pg_class c on c.oid = g.tgrelid
        join pg_catalog.pg_namespace n on n.oid = c.relnamespace
        where g.tgrelid in (
            select relid from pg_catalog.pg_partition_tree(?::pg_catalog.oid) union all select ?::pg_catalog.oid)
        and not g.tgisinternal and g.tgenabled in ('O', 'A') and g.tgtype::int & ? <> 0 order by 1, 2, 3""";

    /** What runs for a replica, and deferrable constraints, which do not count for one. */
    private static final String LOUD = """
        with tree as (select relid from pg_catalog.pg_partition_tree(?::pg_catalog.oid)
            union all select ?::pg_catalog.oid)
        select exists (select from pg_catalog.pg_trigger g join tree on relid = g.tgrelid where g.tgenabled = 'R')
            or exists (select from pg_catalog.pg_constraint k join tree on relid = k.conrelid
                where k.condeferrable and k.contype in ('p', 'u', 'x'))""";

    /** Those of a table. */
    static List<Trigger> of(Database session, Table table, int events) {
        return session.rows(TRIGGERS, row -> new Trigger(new TableName(row[0], row[1]), row[2], row[3].equals("t")),
            table.oid(), table.oid(), events);
    }

    /**
     * Whether a session may keep those of a table that is not its own from running, and no others run instead, nor a
     * unique constraint goes unheeded; it is in no transaction.
     */
    static boolean canBeSilenced(Database session, Table table) {
        if (session.one(LOUD, table.oid(), table.oid()).equals("t")) return false;
        session.execute("begin");
        var complaint = session.attempt(SILENCED);
        session.rollback();
        return complaint.isEmpty();
    }

    String disabled() { return "alter table only " + on.sql() + " disable trigger " + Database.quote(name); }

    /** As it was. */
    String enabled() {
        return "alter table only " + on.sql() + " enable " + (always ? "always " : "") + "trigger "
            + Database.quote(name);
    }

    @Override public String toString() { return name + " of " + on; }
}
