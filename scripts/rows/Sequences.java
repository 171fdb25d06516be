package rows;

import ops.Database;
import ops.Failure;
import ops.TableName;

/**
 * The sequences from which a table's columns take their numbers: a number that a row has come back with is given to
 * nobody again. They are only ever raised.
 */
final class Sequences {
    /** Of identities and serials, and of defaults. */
    private static final String SEQUENCES = """
        select distinct n.nspname, s.relname, a.attname, q.seqincrement, q.seqmin, q.seqmax,
            pg_catalog.pg_has_role(s.relowner, 'usage')
        from pg_catalog.pg_class s join pg_catalog.pg_namespace n on n.oid = s.relnamespace
        join pg_catalog.pg_sequence q on q.seqrelid = s.oid
        join (
            select objid as sequence, refobjid as relation, refobjsubid::int as number from pg_catalog.pg_depend
            where classid = 'pg_catalog.pg_class'::pg_catalog.regclass
            and refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass and deptype in ('a', 'i')
            union all select d.refobjid, e.adrelid, e.adnum::int
            from pg_catalog.pg_depend d join pg_catalog.pg_attrdef e on e.oid = d.objid
            where d.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass
            and d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
        ) of on of.sequence = s.oid
        join pg_catalog.pg_attribute a on a.attrelid = of.relation and a.attnum = of.number
        where s.relkind = 'S' and of.relation = ?::pg_catalog.oid""";

    /** One, and the last number that it must be at. */
    private record Behind(TableName name, long step, long number) {
        boolean is(Database session) {
            var state = session.rows("select last_value, is_called from " + name.sql(), row -> row).get(0);
            var last = Long.parseLong(state[0]);
            if (last == number) return state[1].equals("f");
            return step > 0 ? last < number : last > number;
        }
    }

    private Sequences() { }

    /**
     * Raises those that are behind the rows that were put into a table, which nobody else writes to.
     *
     * @param session within the transaction that has put them there: what it raises is taken back with it
     */
    static void raise(Database session, Share share) {
        for (var row : session.rows(SEQUENCES, row -> row, share.table().oid())) {
            if (!share.isWhole(row[2])) continue;
            var step = Long.parseLong(row[3]);
            var last = session.one("select pg_catalog." + (step > 0 ? "max" : "min") + "(" + share.waitingValue(row[2])
                + ") from " + share.waiting() + " w where not w.replaces");
            if (last == null) continue;
            var sequence = new Behind(new TableName(row[0], row[1]), step, Long.parseLong(last));
            if (!canCome(sequence, Long.parseLong(row[4]), Long.parseLong(row[5])) || !sequence.is(session)) continue;
            var restart = "ALTER SEQUENCE " + sequence.name.sql() + " RESTART WITH " + (sequence.number + step);
            if (row[6].equals("f"))
                throw new Failure.Failed("sequence " + sequence.name + " would give " + last
                    + " again, which a row of " + share.table() + " comes back with",
                    "as its owner: " + restart + "; then run it again");
            // As it is, for the lock that comes with it: somebody may have taken numbers meanwhile.
            session.execute("alter sequence " + sequence.name.sql() + " increment by " + step);
            if (sequence.is(session)) session.execute(restart);
        }
    }

    /** Whether it can ever give that number. */
    private static boolean canCome(Behind sequence, long least, long most) {
        return sequence.step > 0 ? sequence.number >= least && sequence.number <= most - sequence.step
            : sequence.number <= most && sequence.number >= least - sequence.step;
    }
}
