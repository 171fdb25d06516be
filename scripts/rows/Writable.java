package rows;

import java.util.List;
import ops.Database;
import ops.Failure;
import ops.Setting;
import ops.Settings;
import ops.TableName;

/** Whether rows can be written to a table, and nothing else would happen. It only looks. */
public final class Writable {
    private static final String RULES = """
        select rulename from pg_catalog.pg_rewrite
        where ev_class = ?::pg_catalog.oid and ev_enabled <> 'D' and pg_catalog.strpos(?, ev_type::pg_catalog.text) > 0
        order by 1""";
    private static final String RULE_FOR_INSERT = "3", RULE_FOR_UPDATE = "2";
    private static final String ELSEWHERE = """
        select n.nspname, c.relname from pg_catalog.pg_partition_tree(?::pg_catalog.oid) part
        join pg_catalog.pg_class c on c.oid = part.relid join pg_catalog.pg_namespace n on n.oid = c.relnamespace
        where c.relkind = 'f' order by 1, 2""";
    private static final String RIGHTS = """
        select pg_catalog.has_table_privilege(c.oid, 'select') and pg_catalog.has_table_privilege(c.oid, 'insert')
            and pg_catalog.has_table_privilege(c.oid, 'update')
        from pg_catalog.pg_class c where c.oid = ?::pg_catalog.oid""";

    private Writable() { }

    /**
     * Looks at a table to which rows come.
     *
     * @param updating whether rows of it are changed too
     * @param firing whether triggers run for them
     * @throws Failure.BadSetting when the role may not
     * @throws Failure.Refused when more would happen
     */
    public static void check(Database session, Settings settings, Table table, boolean updating, boolean firing) {
        check(session, settings, table, true, updating, firing);
    }

    /** The same; gives the triggers that would run. */
    static List<Trigger> check(Database session, Settings settings, Table table, boolean inserting, boolean updating,
        boolean firing) {
        Target.refusePolicies(session, settings, table);
        var role = session.url.user;
        var anotherRole = "name another role: " + settings.where(Setting.DATABASE_URL);
        if (session.one(RIGHTS, table.oid()).equals("f"))
            throw new Failure.BadSetting("role " + role + " may not write to " + table,
                "as its owner: GRANT SELECT, INSERT, UPDATE ON " + table.name().sql() + " TO " + Database.quote(role)
                    + "; or " + anotherRole);
        var rules = session.rows(RULES, row -> row[0], table.oid(), (inserting ? RULE_FOR_INSERT : "")
            + (updating ? RULE_FOR_UPDATE : ""));
        if (!rules.isEmpty())
            throw new Failure.Refused("rules of " + table + " would rewrite what is written to it: "
                + String.join(", ", rules),
                "have a developer put these rows back by hand: " + table.intoScratch(settings.env));
        var elsewhere = session.rows(ELSEWHERE, row -> new TableName(row[0], row[1]).toString(), table.oid());
        if (!elsewhere.isEmpty())
            throw new Failure.Refused("partitions of " + table + " are foreign tables, with rows on another server: "
                + String.join(", ", elsewhere) + "; which of them are missing can't be told here",
                "compare by hand, from a scratch database: " + table.intoScratch(settings.env));
        var triggers = Trigger.of(session, table,
            (inserting ? Trigger.FOR_INSERT : 0) | (updating ? Trigger.FOR_UPDATE : 0));
        if (firing || triggers.isEmpty() || table.owned()) return triggers;
        if (updating || triggers.stream().anyMatch(Trigger::always) || !Trigger.canBeSilenced(session, table))
            throw new Failure.BadSetting("role " + role + " is not the owner of " + table
                + ", and can't keep its triggers from running: " + triggers,
                anotherRole + "; or let them run: --fire-triggers");
        return triggers;
    }
}
