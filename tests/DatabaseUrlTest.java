package ops;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** An address leads the driver and the tools to one place, the one that a person reads in it, or it is refused. */
class DatabaseUrlTest {
    @ParameterizedTest
    @CsvSource({
        "postgresql://u:p@db.example.com:5433/shop,           u, p, db.example.com, 5433, shop",
        "postgres://u:p@db.example.com/shop,                  u, p, db.example.com, 5432, shop",
        "jdbc:postgresql://u:p@db.example.com/shop,           u, p, db.example.com, 5432, shop",
        "postgresql://u:p@DB.Example.COM./shop,               u, p, db.example.com, 5432, shop",
        "postgresql://u:p@[2001:DB8::1]:5432/shop,            u, p, 2001:db8::1,    5432, shop",
        "postgresql://u:p@%64b.example.com/shop,              u, p, db.example.com, 5432, shop",
        "postgresql://postgres.abc:p@aws-0-eu.pooler.supabase.com:5432/postgres, postgres.abc, p, aws-0-eu.pooler.supabase.com, 5432, postgres",
        "postgresql://u%40x:%3A%2F%40%25%2B+@h/a%20b%2Fc,     u@x, :/@%++, h, 5432, a b/c",
        "postgresql://u:p%C3%A9@h/d,                          u, pé, h, 5432, d"})
    void an_address_is_taken_apart_as_a_person_reads_it(String url, String user, String password, String host, int port, String database) {
        var parsed = DatabaseUrl.parse(url, "");
        assertEquals(user + " " + password + " " + host + " " + port + " " + database,
            parsed.user + " " + parsed.password.reveal() + " " + parsed.host + " " + parsed.port + " " + parsed.database);
    }

    @ParameterizedTest
    @ValueSource(strings = {
        "", "postgresql://", "postgresql://h/d", "postgresql://u:p@h", "postgresql://u:p@h/", "postgresql://u:p@h/d#x", "http://u:p@h/d", "postgresql://u:p@h1,h2/d", "postgresql://u:p@h1:5432,h2:5432/d",
        "postgresql://u:p@@h/d", "postgresql://u:p@other@h/d", "postgresql://u:p@h:0/d", "postgresql://u:p@h:65536/d", "postgresql://u:p@h:123456/d", "postgresql://u:p@h:6543/d", "postgresql://u:p@h:06543/d",
        "postgresql://u:p@%2Fvar%2Frun/d", "postgresql://u:p@h%20x/d", "postgresql://u:p@h%00/d", "postgresql://u:p@h/d%00", "postgresql://u:p@h/d%0", "postgresql://u:p%@h/d", "postgresql://u:p%zz@h/d", "postgresql://u:p@h/d/e",
        "postgresql://u:p@h/d?host=x", "postgresql://u:p@h/d?hostaddr=x", "postgresql://u:p@h/d?port=1", "postgresql://u:p@h/d?user=x", "postgresql://u:p@h/d?dbname=x", "postgresql://u:p@h/d?service=x",
        "postgresql://u:p@h/d?options=-c%20role%3Dx", "postgresql://u:p@h/d?%68ost=x", "postgresql://u:p@h/d?HOST=x", "postgresql://u:p@h/d?sslmode=disable&sslmode=require", "postgresql://u:p@h/d?sslmode=x",
        "postgresql://u:p@h/d?sslmode", "postgresql://u:p@h/d?sslmode=require%26host%3Dx", "postgresql://u:p@h/d?socketFactory=evil", "postgresql://u:p@h/d?=x"})
    void what_could_lead_elsewhere_is_refused(String url) {
        var refused = assertThrows(Failure.BadSetting.class, () -> DatabaseUrl.parse(url.replace("u:p", "u:hidden"), "X stands in Y"), url);
        assertFalse((refused.getMessage() + refused.hint).contains("hidden"), refused.getMessage());
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "mysql://u:%s@h/d | it begins with mysql://", "host=h dbname=d password=%s | it is written as host=… dbname=…",
            "h:5432/d | it does not begin with postgresql://",
        "jdbc:postgresql://h/d?user=u&password=%s | it names no role", "postgresql://u:%s@h | it names no database",
            "postgresql://u:%s@h/ | it names no database",
        "postgresql://u:%s@h:port/d | the port is no number", "postgresql://u:%s@x@h/d | the password has an @ in it",
            "postgresql://u:%s/x@h/d | the password has a character in it that ends an address",
        "postgresql://u:%s#x@h/d | the password has a character in it that ends an address",
            "postgresql://u:%s%%zz@h/d | a % that is not followed by two hexadecimal digits",
        "postgresql://u:%s@h:99999/d | names port 99999, which does not exist",
            "postgresql://u:%s@h/d?options=-crole | has a parameter 'options' that is not accepted"})
    void what_is_wrong_with_it_is_said_and_its_password_is_not(String url, String words) {
        var refused = assertThrows(Failure.BadSetting.class, () ->
            DatabaseUrl.parse(url.formatted("hidden"), "X stands in Y"), url);
        assertTrue(refused.getMessage().contains(words), refused.getMessage());
        assertFalse((refused.getMessage() + refused.hint).contains("hidden"), refused.getMessage());
    }

    @Test void what_is_about_the_encryption_of_the_line_is_kept() {
        assertEquals(Map.of("sslmode", "verify-full", "sslrootcert", "/etc/ca.pem", "channel_binding", "require", "sslcert", "/c", "sslkey", "/k"),
            DatabaseUrl.parse("postgresql://u:p@h/d?sslmode=verify-full&sslrootcert=%2Fetc%2Fca.pem&channel_binding=require&sslcert=/c&sslkey=/k", "").parameters);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "postgresql://u:p@h1,h2/d | names several hosts", "postgresql://u:p@h1:5432,h2:5433/d?target_session_attrs=primary | names several hosts",
        "postgresql://u:p@%2Fvar%2Frun/d | names no host, or a Unix socket", "postgresql:///d | names no host, or a Unix socket", "postgresql://u:p@/d?host=/var/run | names no host, or a Unix socket",
        "postgresql://u:p@h/d?service=x | has a parameter 'service' that is not accepted", "postgresql://u:p@h/d?sslkey=/k | has one of sslcert and sslkey"})
    void what_only_some_programs_can_do_is_refused_by_name(String url, String words) {
        var refused = assertThrows(Failure.BadSetting.class, () -> DatabaseUrl.parse(url, ""));
        assertTrue(refused.getMessage().contains(words), refused.getMessage());
    }

    @Test void an_address_may_go_without_a_password() { assertNull(DatabaseUrl.parse("postgresql://u@h/d", "").password); }

    @Test void it_prints_as_where_it_is_without_who() { assertEquals("h:5432/d", DatabaseUrl.parse("postgresql://u:p@h/d?sslmode=require", "").toString()); }

    @Test void its_password_is_masked_as_it_is_and_as_it_was_written() {
        DatabaseUrl.parse("postgresql://u:mask%40this@h/d", "");
        assertEquals("a •••••• and a ••••••", Secret.mask("a mask@this and a mask%40this"));
    }
}
