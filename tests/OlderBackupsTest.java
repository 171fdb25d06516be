import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** What an earlier kit has backed up stays a backup: tests/fixtures/backups-66eb359/README.md says how it was made. */
class OlderBackupsTest {
    private static final Path MADE = Stack.CHECKOUT.resolve("tests/fixtures/backups-66eb359");
    private static final String PLAIN = "20261130T113222Z-85b9f8", ENCRYPTED = "20261130T113231Z-6c4f69";
    private static final String PARTIAL = "20261130T113233Z-89d0d6";
    private static final Map<String, Long> ROWS = Map.of("public.odd \"name.x", 3L, "public.schema_migrations", 1L,
        "sales.customer", 50L, "sales.invoice", 0L, "sales.invoice_1", 99L, "sales.invoice_2", 51L);

    private final Kit kit = Stack.kit();

    OlderBackupsTest() throws IOException {
        try (var files = Files.walk(MADE.resolve("old"))) {
            for (var file : files.filter(Files::isRegularFile).toList())
                kit.put("handover/" + MADE.relativize(file), Files.readAllBytes(file));
        }
        var identity = Files.copy(MADE.resolve("identity"), kit.home.resolve("identity"));
        Files.setPosixFilePermissions(identity, PosixFilePermissions.fromString("rw-------"));
        kit.set("BACKUP_IDENTITY_FILE", identity.toString());
    }

    @Test void backups_of_an_earlier_kit_are_listed_verified_drilled_kept_and_restored() {
        var before = kit.keys("handover/old/shop/");
        kit.run("backups", "list", "--env", "old").exits(0).printsLike(PLAIN + " .* restored .* ago")
            .printsLike(ENCRYPTED + " .* stored; encrypted").printsLike(PARTIAL + " .* stored; partial");
        kit.run("backups", "verify", "--all", "--env", "old").exits(0).prints("3 of 3 backups readable to the last byte");
        kit.run("backups", "drill", ENCRYPTED, "--env", "old").exits(0).prints("5 tables with 204 rows, and 36 definitions");
        kit.set("BACKUP_KEEP", "last=1").run("backups", "prune", "--env", "old", "--dry-run").exits(0)
            .neverShows("would be removed: ", "can't be read");
        assertEquals(before, kit.keys("handover/old/shop/").stream().filter(before::contains).toList());

        restore(PLAIN, "swap");
        kit.database.execute("drop schema sales cascade; create schema sales; create table sales.newer ()");
        restore(ENCRYPTED, "in-place");
        kit.database.execute("delete from sales.invoice; delete from sales.customer");
        restore(PARTIAL, "in-place");
    }

    /** And all of it is there again. */
    private void restore(String id, String mode) {
        kit.run("restore-db", id, "--env", "staging", "--from", "old", "--mode", mode, "--no-safety-backup").exits(0)
            .says("rows in ", "as in the manifest; the backup does not say who had which rights");
        assertEquals(ROWS, kit.database.counts());
        assertEquals("50|a large object|151|t|20261101000000", kit.database.one("""
            select (select count(*) from sales.frozen), (select convert_from(lo_get(oid), 'UTF8') from pg_largeobject_metadata),
                nextval('sales.invoice_id_seq'), (select relrowsecurity from pg_class where relname = 'customer'),
                (select version from schema_migrations)"""));
    }
}
