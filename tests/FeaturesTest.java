import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** A database that has everything is after a restore what PostgreSQL's own tools make of it, and what no dump says is as it was. */
class FeaturesTest {
    @Test void every_feature_survives_a_restore() {
        var kit = Stack.kit();
        kit.database.asSuperuser(Features.sql(Stack.next("owner")));
        var url = Stack.up().setting("LOCAL_SUPERUSER_URL").replaceFirst("/[^/]*$", "/" + kit.database.name);
        kit.set("STAGING_DATABASE_URL", url);
        kit.run("backup-db", "--env", "staging").exits(0);
        // Not the original itself: a column's place among inherited ones, and the wording of a condition, change once with any restore.
        var stock = TestDatabase.create(Stack.next("stock_"));
        var stockUrl = url.replaceFirst("/[^/]*$", "/" + stock.name);
        kit.bash("pg_dump -d '" + url + "' | psql -qX -v ON_ERROR_STOP=1 -d '" + stockUrl + "'").exits(0);
        dump(kit, stockUrl, "before");
        kit.bash("test $(wc -l < before) -gt 500").exits(0);
        for (var way : List.of("swap", "in-place", "swap --stream")) {
            var command = new ArrayList<>(List.of("restore-db", "--env", "staging", "--no-safety-backup", "--mode"));
            command.addAll(List.of(way.split(" ")));
            var oid = kit.database.one("select 'everything'::regclass::oid");
            kit.run(command.toArray(String[]::new)).exits(0);
            dump(kit, url, "after");
            kit.bash("diff before after").exits(0);
            assertFalse(oid.equals(kit.database.one("select 'everything'::regclass::oid")), "it is still the old one");
            assertEquals(List.of("2"), kit.database.rows("select * from summary"));
            assertEquals(List.of("empty_summary|false", "summary|true"), kit.database.rows("select relname, relispopulated::text from pg_class where relname like '%summary' order by 1"));
            assertEquals(List.of("{TimeZone=Asia/Kolkata}"), kit.database.rows("select setconfig from pg_db_role_setting join pg_database d on d.oid = setdatabase where datname = current_database()"));
            assertEquals(List.of("HE|3"), kit.database.rows("with new as (insert into parent (id, name) values (9, 'he') returning name) select name, (select max(id) from everything) + 1 from new"));
        }
    }

    /** Keeps what pg_dump says, but for the word by which it protects its text from psql. */
    private static void dump(Kit kit, String url, String file) { kit.bash("PGTZ=UTC pg_dump -d '" + url + "' | grep -v -a '^.\\(un\\)\\?restrict ' > " + file).exits(0); }
}
