import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

/** Restores with --repair: what they leave out never gives somebody more than he had. */
class HostileRepairTest {
    private static final String SHOP = """
        create schema shop; create table shop.orders (id int primary key); insert into shop.orders select generate_series(1, 20);
        create table shop.closed (id int)""";

    private final Kit kit = Stack.kit();
    /** Owns something in the backup, and is missing where that is restored. */
    private final String ghost = Stack.next("ghost_");

    private Kit.Result repair() { return kit.run("restore-db", "--env", "staging", "--no-safety-backup", "--repair"); }

    private void asSuperuser() { kit.set("STAGING_DATABASE_URL", Stack.up().setting("LOCAL_SUPERUSER_URL").replaceFirst("/[^/?]*$", "/" + kit.database.name)); }

    private void backUpWithGhost(String sql) {
        TestDatabase.superuser("create role " + ghost);
        kit.database.execute(SHOP + "; grant usage, create on schema shop to " + ghost).asSuperuser("alter table shop.closed owner to " + ghost + "; grant select on shop.closed to tester; " + sql);
        kit.run("backup-db", "--env", "staging", "--quiet").exits(0);
        kit.database.asSuperuser("drop owned by " + ghost + "; drop role " + ghost);
    }

    @Test void a_name_that_reads_as_statements_is_a_name_and_what_runs_as_its_missing_owner_does_not_run_as_the_restoring_superuser() {
        asSuperuser();
        var role = Stack.next("m");
        TestDatabase.superuser("create role " + role);
        var table = "shop.\"x;\nalter role " + role + " superuser;\n\"";
        backUpWithGhost("create table " + table + " (id int); grant select on " + table + " to pg_monitor, " + ghost + "; alter table " + table + " owner to tester;" + """
            create function shop.who() returns text language sql security definer as 'select current_user::text'; alter function shop.who() owner to %1$s;
            alter table shop.orders enable row level security; create policy first on shop.orders using (id = 1); grant select on shop.orders to %1$s;
            create view shop.seen as select * from shop.orders; alter view shop.seen owner to %1$s; grant select on shop.seen to public, tester; grant select (id) on shop.seen to tester;
            create materialized view shop.kept as select * from shop.orders; alter materialized view shop.kept owner to %1$s; grant select on shop.kept to public;
            create schema tidy; create table tidy.t (id int); create schema other; create table other.t (id int); alter table other.t owner to pg_monitor; alter schema tidy owner to tester; alter table tidy.t owner to tester""".formatted(ghost));
        repair().exits(0).says("function shop.who() belongs to role postgres, and runs as whoever calls it", "view shop.seen belongs to role postgres, and nobody else may use it",
            "materialized view shop.kept belongs to role postgres, and nobody else may use it", "no more rights than in the backup");
        assertEquals("f|t", kit.database.one("select rolsuper, has_table_privilege('pg_monitor', '" + table + "', 'select') from pg_roles where rolname = '" + role + "'"));
        assertEquals("f|f|f|f", kit.database.one("select (select prosecdef from pg_proc where proname = 'who'), has_table_privilege('pg_monitor', 'shop.seen', 'select'),"
            + " has_any_column_privilege('tester', 'shop.seen', 'select'), has_table_privilege('pg_monitor', 'shop.kept', 'select')"));

        // An owner whom the backup does not name is not accepted where nothing was left out: as if its tidy.t belonged to somebody else.
        var manifest = kit.manifest().getAsJsonArray("rights").asList().stream().map(right -> right.getAsJsonObject()).toList();
        var tidy = manifest.stream().filter(right -> right.get("of").getAsString().endsWith("in schema tidy") && right.get("of").getAsString().startsWith("owners")).findFirst().orElseThrow().get("says").getAsString();
        kit.forge(kit.sealed().get(0), tidy, "0".repeat(32));
        repair().exits(14).says("in schema tidy are others");
    }

    @Test void default_privileges_of_somebody_else_are_left_out_unless_they_keep_people_out_and_a_right_more_is_no_fewer_whoever_has_it() {
        var other = Stack.next("other_");
        TestDatabase.superuser("create role " + other);
        var alike = TestDatabase.quote(TestDatabase.ROLE + " " + ghost);
        TestDatabase.superuser("create role " + alike);
        backUpWithGhost("grant select on shop.orders to " + alike + "; alter default privileges for role " + other + " in schema shop grant select on tables to pg_monitor; alter default privileges for role " + other + " grant select on sequences to pg_monitor");
        repair().exits(0).says("DEFAULT PRIVILEGES FOR TABLES is left out", "DEFAULT PRIVILEGES FOR SEQUENCES is left out");
        // As if the backup did not have it.
        kit.forge(kit.sealed().get(0), alike.replace("\"", "\\\"") + " SELECT; ", "");
        repair().exits(14).says("rights on table shop.orders");
        kit.database.asSuperuser("alter default privileges for role " + other + " revoke execute on functions from public");
        kit.run("backup-db", "--env", "staging", "--quiet").exits(0);
        repair().exits(14).says("whatever role " + other + " creates of kind f").neverShows("pg_event_trigger");
    }
}
