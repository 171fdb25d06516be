import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.file.Files;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Servers that have little room, or take no changes. */
class HostileServerTest {
    /** Room for a database and some rows; and for some more of both. */
    private static final long LITTLE = 10 << 20, PLENTY = 60 << 20;

    private final Kit kit = Stack.kit();

    private Kit.Result restore(String mode) {
        return kit.run("restore-db", "--env", "staging", "--mode", mode, "--no-safety-backup");
    }

    /** In one transaction, which pg_dump needs too, a server has locks for some 4,500 tables and indexes. */
    @Test void a_backup_takes_no_more_locks_than_pg_dump_does() throws Exception {
        try (var server = TestServer.start("max_locks_per_transaction=64", "max_connections=20")) {
            kit.set("STAGING_DATABASE_URL", server.create("shop"));
            // A commit now and then, or making them would take the locks of all at once.
            server.execute("shop", """
                create table part (n int, name text) partition by list (n);
                do $$ begin
                    for n in 1..1500 loop
                        execute format('create table t%1$s (id int, name text); create index on t%1$s (id);'
                            ' create index on t%1$s (name); insert into t%1$s values (%1$s)', n);
                        if n % 3 = 0 then execute format('create table part_%1$s partition of part for values in (%1$s);'
                            ' create index on part_%1$s (name)', n); end if;
                        if n % 100 = 0 then commit; end if;
                    end loop;
                end $$""");
            kit.run("backup-db", "--env", "staging").exits(0).says("ok: Count the rows: 1,500 in 2,000 tables");
            kit.run("backup-db", "--env", "staging", "--schema", "public").exits(0);
        }
    }

    @Test void a_slot_that_stays_with_the_old_database_is_named_after_a_swap() throws Exception {
        try (var server = TestServer.start("wal_level=logical")) {
            kit.set("STAGING_DATABASE_URL", server.create("shop"));
            server.execute("shop", "create table t (id int); insert into t values (1)");
            server.rows("shop", "select pg_create_logical_replication_slot('debezium', 'test_decoding')");
            kit.run("backup-db", "--env", "staging").exits(0).says("ok: Count the rows: 1 in 1 table ");
            restore("swap").exits(0).says("1 row in 1 table, as in the manifest", "warning: logical replication slot debezium stays with the old database shop_old_",
                "SELECT pg_drop_replication_slot('debezium')");
            assertEquals("1", server.one("shop", "select count(*) from pg_replication_slots where database like 'shop_old_%'"));
        }
    }

    @Test void a_standby_is_backed_up_without_what_only_its_primary_has_and_nothing_is_restored_into_it()
        throws Exception {
        try (var primary = TestServer.start(); var standby = primary.standby()) {
            primary.create("shop");
            primary.execute("shop", """
                create table customer (id int primary key); insert into customer select generate_series(1, 9);
                create unlogged table basket (id serial primary key, no int generated always as identity);
                insert into basket values (default), (default)""");
            Patience.until(() -> standby.one("postgres", "select count(*) from pg_database where datname = 'shop'")
                .equals("1") && standby.one("shop", "select count(*) from pg_class where relname = 'basket'").equals("1"),
                () -> "the standby does not follow");
            kit.set("COPY_DATABASE_URL", standby.url("shop"));
            kit.run("doctor", "--env", "copy").prints("a standby", "public.basket");
            kit.run("backup-db", "--env", "copy").exits(0).says("warning: a standby has no rows of unlogged tables, so "
                + "they are not in this backup: public.basket", "ok: Count the rows: 9 in 1 table");
            kit.run("backups", "drill", "--env", "copy").exits(0).prints("is restorable");
            kit.run("restore-db", "--env", "staging", "--from", "copy", "--no-owner").exits(0);
            assertEquals("9|0", kit.database.one("select (select count(*) from customer), (select count(*) from basket)"));

            for (var how : List.of("--mode=in-place", "--dry-run"))
                kit.run("restore-db", "--env", "copy", how).exits(78).says(" is a standby: it takes no changes",
                    "State: the database of 'copy' is as it was.", "Next:  name the primary: ", "COPY_DATABASE_URL")
                    .neverShows("Choose the backup", "first a backup", "Take the lock");
            assertEquals("1", primary.one("postgres", "select count(*) from pg_database where datname like 'shop%'"));
        }
    }

    /** PostgreSQL says of a last page of which a half had room something else than of one that had none. */
    @Test void a_server_without_room_keeps_its_data_and_says_what_is_needed_and_nothing_against_the_backup()
        throws Exception {
        kit.backedUp("create table customer as select n, repeat(md5(n::text), 8) from generate_series(1, 60000) n");
        var before = kit.keys(kit.sealed().get(0));
        try (var disk = new FullDisk(TestServer.newFolder(), "96m"); var server = TestServer.start()) {
            var space = TestServer.own(Files.createDirectory(TestServer.own(disk.folder).resolve("space")));
            disk.leave(PLENTY);
            server.execute("postgres", "create tablespace small location '" + space + "'");
            server.execute("postgres", "create database shop tablespace small");
            server.execute("shop", "create table customer as select 1 as n");
            server.execute("shop", "checkpoint");
            kit.set("TIGHT_DATABASE_URL", server.url("shop"));
            for (var mode : List.of("swap", "swap --repair", "in-place")) {
                disk.leave(mode.equals("swap") ? LITTLE : LITTLE + 4096);
                var options = "restore-db --env tight --from staging --no-owner --no-safety-backup --mode " + mode;
                kit.run(options.split(" ")).exits(12).says("State: the database of 'tight' is as it was",
                    "Next:  make room on the server's disk, then run this again");
                assertEquals("1", server.one("shop", "select count(*) from customer"));
                assertEquals("0", server.one("shop", "select count(*) from pg_database where datname like 'shop\\_%'"));
                assertEquals(List.of(), kit.leftTemporary());
            }

            // The same, told by a drill.
            kit.set("TIGHT_DATABASE_URL", null).set("DRILL_DATABASE_URL", server.url("postgres"));
            server.execute("postgres", "grant create on tablespace small to public");
            server.execute("postgres", "alter system set default_tablespace = small");
            server.execute("postgres", "select pg_reload_conf()");
            disk.leave(LITTLE + 4096);
            kit.run("backups", "drill", "--env", "staging").exits(12).says("make room on the server's disk");
            assertEquals(before, kit.keys(kit.sealed().get(0)));
            kit.set("TIGHT_DATABASE_URL", server.url("shop"));
            disk.leave(PLENTY);
            kit.run("restore-db", "--env", "tight", "--from", "staging", "--no-owner").exits(0);
            assertEquals("60000", server.one("shop", "select count(*) from customer"));
        }
    }
}
