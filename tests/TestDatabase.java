import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.stream.Collectors;

/** A database on the stack's server, of a role that owns it and may create others. */
final class TestDatabase {
    static final String ROLE = "tester";
    static final String PASSWORD = "tester-Passw0rd";
    /** Those that the test in this thread has made. */
    private static final ThreadLocal<List<TestDatabase>> MADE = ThreadLocal.withInitial(ArrayList::new);

    private static boolean roleIsThere;

    final String name;

    private TestDatabase(String name) { this.name = name; }

    static synchronized TestDatabase create(String name) {
        makeRole();
        superuser("create database " + quote(name) + " owner " + ROLE);
        return made(name);
    }

    /**
     * Its password and the superuser's are checked by MD5: SCRAM takes a start of Java a twentieth of its time and the tests' own Java
     * half of it, and the server's other roles prove that it works.
     */
    private static void makeRole() {
        if (roleIsThere) return;
        // First: who has a password of MD5's can't be checked by a rule that wants SCRAM's.
        var rules = Path.of(serverRows("show hba_file").get(0));
        // Who has a password of SCRAM's is asked for that all the same.
        var rule = "host all all 127.0.0.1/32 md5\n";
        try {
            var others = Files.readString(rules);
            if (!others.startsWith(rule)) Files.writeString(rules, rule + others);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        var loaded = serverRows("select pg_conf_load_time()");
        superuser("select pg_reload_conf()");
        Patience.until(() -> !serverRows("select pg_conf_load_time()").equals(loaded), () -> "the rule for " + ROLE + " is never read");
        var superuser = superuserUrl("postgres").replaceFirst("^postgresql://", "").split("[:@]");
        superuser("""
            do $$ begin
                perform set_config('password_encryption', 'md5', true);
                if not exists (select from pg_roles where rolname = '%1$s') then create role %1$s login createdb; end if;
                alter role %1$s password '%2$s';
                alter role %3$s password '%4$s';
            end $$""".formatted(ROLE, PASSWORD, superuser[0], superuser[1]));
        roleIsThere = true;
    }

    /** A copy of the sample database, with the role that owns it and all that is in it. */
    static synchronized TestDatabase sample(String name) {
        makeRole();
        superuser("create database " + quote(name) + " template dealer owner dealer");
        return made(name);
    }

    /** Another one with the same in it, in which nobody may be connected meanwhile: of one database only one test at a time can have backups made. */
    TestDatabase copy() {
        var copy = Stack.next(name + "_");
        superuser("create database " + quote(copy) + " template " + quote(name) + " owner " + ROLE);
        return made(copy);
    }

    private static TestDatabase made(String name) {
        var database = new TestDatabase(name);
        MADE.get().add(database);
        return database;
    }

    /** Drops what the test in this thread has made, and what commands have made beside it: together they are a hundred thousand files, too many to delete in the end. */
    static void dropMade() {
        if (MADE.get().isEmpty()) return;
        var beginnings = MADE.get().stream().map(database -> "'" + database.name.replace("'", "''") + "'").collect(Collectors.joining(", "));
        try (var connection = connect(superuserUrl("postgres")); var statement = connection.createStatement()) {
            var names = new ArrayList<String>();
            try (var found = statement.executeQuery("select distinct datname from pg_database, unnest(array[" + beginnings + "]) made where starts_with(datname, made)")) {
                while (found.next()) names.add(found.getString(1));
            }
            for (var name : names) statement.execute("drop database if exists " + quote(name) + " with (force)");
        } catch (SQLException e) {
            throw new AssertionError("the databases of a test could not be dropped", e);
        } finally {
            MADE.remove();
        }
    }

    /** One with 13 photographs of 1 MB, which can't be compressed: larger than a part of an upload. It is for all tests of a class, each of which has a copy backed up, and stays. */
    static TestDatabase withPhotos(String name) throws SQLException {
        var database = create(name).execute("create table photo (id int primary key, bytes bytea not null)");
        var random = new Random(1);
        try (var connection = database.connect(); var insert = connection.prepareStatement("insert into photo values (?, ?)")) {
            for (var id = 1; id <= 13; id++) {
                var bytes = new byte[1 << 20];
                random.nextBytes(bytes);
                insert.setInt(1, id);
                insert.setBytes(2, bytes);
                insert.execute();
            }
        }
        MADE.get().remove(database);
        return database;
    }

    /** One that may not exist yet. */
    static TestDatabase named(String name) { return new TestDatabase(name); }

    /** What PostgreSQL's own tools need to connect as the superuser, for a shell's export. */
    static String superuserVariables() {
        var parts = superuserUrl("postgres").replaceFirst("^postgresql://", "").replaceFirst("/.*", "").split("[@:]");
        var user = parts.length == 4 ? "PGUSER=" + parts[0] + " PGPASSWORD=" + parts[1] : "PGUSER=" + parts[0];
        return user + " PGHOST=" + parts[parts.length - 2] + " PGPORT=" + parts[parts.length - 1];
    }

    static String quote(String name) { return "\"" + name.replace("\"", "\"\"") + "\""; }

    /** HOST:PORT of the server. */
    static String server() { return Stack.up().setting("LOCAL_DATABASE_URL").replaceFirst(".*@", "").replaceFirst("/.*", ""); }

    String url() { return url(ROLE, PASSWORD); }

    String url(String role, String password) {
        return "postgresql://" + role + ":" + password + "@" + server() + "/" + java.net.URLEncoder.encode(name, java.nio.charset.StandardCharsets.UTF_8).replace("+", "%20");
    }

    /** The same for somebody whose password is in the file of {@link #passwordFile}. */
    String urlWithoutPassword() { return url().replace(":" + PASSWORD + "@", "@"); }

    /** A file as PostgreSQL's own programs read it. */
    static Path passwordFile(Kit kit) throws IOException {
        var file = Files.createFile(kit.home.resolve("pgpass"), PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
        return Files.writeString(file, server().replaceFirst(".*:", "*:") + ":*:" + ROLE + ":" + PASSWORD + "\n");
    }

    /** Executes SQL as the role that owns the database. */
    TestDatabase execute(String sql) {
        execute(url(), sql);
        return this;
    }

    /** Executes SQL in this database as the server's superuser. */
    TestDatabase asSuperuser(String sql) {
        execute(superuserUrl(name), sql);
        return this;
    }

    /** Rows of a query, their columns joined by '|'. */
    List<String> rows(String sql) { return rows(superuserUrl(name), sql); }

    /** SCHEMA.TABLE and exact number of rows, of every table that is nobody's extension's. */
    Map<String, Long> counts() {
        var counts = new TreeMap<String, Long>();
        for (var table : rows("select format('%I.%I', schemaname, tablename) || '|' || schemaname || '.' || tablename from pg_tables where schemaname !~ '^pg_|^information_schema$'")) {
            var names = table.split("\\|", 2);
            counts.put(names[1], Long.valueOf(one("select count(*) from only " + names[0])));
        }
        return counts;
    }

    String one(String sql) { return rows(sql).get(0); }

    /** Executes SQL in the server's own database as its superuser. */
    static void superuser(String sql) { execute(superuserUrl("postgres"), sql); }

    /** Executes statements in one session, each in a transaction of its own: for those that can't be in one with others. */
    static void superuserEach(String... statements) {
        try (var connection = connect(superuserUrl("postgres")); var statement = connection.createStatement()) {
            for (var sql : statements) statement.execute(sql);
        } catch (SQLException e) {
            throw new AssertionError(String.join("; ", statements), e);
        }
    }

    /** Rows of a query in the server's own database. */
    static List<String> serverRows(String sql) { return rows(superuserUrl("postgres"), sql); }

    private static String superuserUrl(String database) {
        return Stack.up().setting("LOCAL_SUPERUSER_URL").replaceFirst("/[^/?]*$", "/" + java.net.URLEncoder.encode(database, java.nio.charset.StandardCharsets.UTF_8).replace("+", "%20"));
    }

    /** A session of its own; the caller closes it. */
    Connection connect() throws SQLException { return connect(url()); }

    /** One of the superuser, in this database. */
    Connection connectAsSuperuser() throws SQLException { return connect(superuserUrl(name)); }

    static Connection connect(String url) throws SQLException {
        var parts = url.replaceFirst("^postgresql://", "").split("@");
        var user = parts[0].split(":", 2);
        return DriverManager.getConnection("jdbc:postgresql://" + parts[1], user[0], user.length > 1 ? user[1] : "");
    }

    static void execute(String url, String sql) {
        try (var connection = connect(url); var statement = connection.createStatement()) {
            statement.execute(sql);
        } catch (SQLException e) {
            throw new AssertionError(sql, e);
        }
    }

    static List<String> rows(String url, String sql) {
        try (var connection = connect(url); var statement = connection.createStatement(); var result = statement.executeQuery(sql)) {
            var rows = new ArrayList<String>();
            while (result.next()) {
                var row = new ArrayList<String>();
                for (var i = 1; i <= result.getMetaData().getColumnCount(); i++) row.add(String.valueOf(result.getString(i)));
                rows.add(String.join("|", row));
            }
            return rows;
        } catch (SQLException e) {
            throw new AssertionError(sql, e);
        }
    }
}
