package ops;

import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * What belongs to a database itself, and to nothing in it: its owner, its place, who may connect, and what ALTER
 * DATABASE and ALTER ROLE … IN DATABASE have set.
 *
 * <p>Every archive of pg_dump has it, for pg_restore --create. It is read from there and not kept in the manifest,
 * which is never encrypted: a setting may hold a secret, as Supabase's app.settings.jwt_secret does.
 *
 * @param tablespace pg_default for the server's own
 * @param connectionLimit -1 for none
 * @param comment empty without one
 * @param rights of all but the owner
 */
public record DatabaseProperties(String owner, String tablespace, int connectionLimit, String comment,
    Set<Right> rights, List<Value> settings, List<Label> labels) {
    public static final String DEFAULT_TABLESPACE = "pg_default";
    /** Whose values are lists of names, each a literal of its own: the same that pg_dump knows. */
    private static final Set<String> LISTS = Set.of("local_preload_libraries", "search_path",
        "session_preload_libraries", "shared_preload_libraries", "temp_tablespaces", "unix_socket_directories");
    /** What would keep sessions from loading rows, or from beginning at all; and what loading sets for its own time. */
    private static final Set<String> BITING = Set.of("role", "session_authorization", "default_transaction_read_only",
        "default_transaction_isolation", "default_transaction_deferrable",
        "statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout", "idle_session_timeout",
            "transaction_timeout", "session_preload_libraries", "local_preload_libraries",
        "session_replication_role", "array_nulls", "exit_on_error", "standard_conforming_strings",
        "synchronous_commit", "max_parallel_maintenance_workers", "max_parallel_workers_per_gather");

    /** What every new database gives to PUBLIC. */
    public static final Set<Right> USUAL_RIGHTS = Set.of(new Right("", "CONNECT", false),
        new Right("", "TEMPORARY", false));

    /** Of a new database whose origin nobody knows. */
    public static final DatabaseProperties UNKNOWN = new DatabaseProperties("", DEFAULT_TABLESPACE, -1, "",
        USUAL_RIGHTS, List.of(), List.of());
    /** Has a row where the database of a session sets a role for whoever has connected. */
    public static final String SETS_A_ROLE = """
        select from pg_catalog.pg_db_role_setting s join pg_catalog.pg_database d on d.oid = s.setdatabase,
          pg_catalog.unnest(setconfig) each
        where datname = pg_catalog.current_database() and each like 'role=%' and setrole in (0,
            (select oid from pg_catalog.pg_roles where rolname = session_user))""";

    /**
     * A privilege on the database.
     *
     * @param grantee empty for PUBLIC
     */
    public record Right(String grantee, String privilege, boolean grantable) implements Comparable<Right> {
        public String statement(String database) {
            return "grant " + privilege + " on database " + Database.quote(database) + " to "
                + (grantee.isEmpty() ? "public" : Database.quote(grantee)) + (grantable ? " with grant option" : "");
        }

        @Override public int compareTo(Right other) { return toString().compareTo(other.toString()); }

        @Override public String toString() {
            return privilege + " for " + (grantee.isEmpty() ? "PUBLIC" : grantee)
                + (grantable ? " with grant option" : "");
        }
    }

    /**
     * A setting with its values, of which only a list has several.
     *
     * @param role empty for everybody
     */
    public record Value(String role, String name, List<String> values) {
        /** True for what must not be there yet while the database is loaded. */
        public boolean bites() { return BITING.contains(name.toLowerCase(java.util.Locale.ROOT)); }

        /** For a role in every database. */
        public String everywhere() { return "alter role " + Database.quote(role) + " set " + assignment(); }

        public String statement(String database) {
            return (role.isEmpty() ? "alter database " : "alter role " + Database.quote(role) + " in database ")
                + Database.quote(database) + " set " + assignment();
        }

        private String assignment() { return Database.quote(name) + " to " + values.stream().map(DatabaseProperties::literal).collect(Collectors.joining(", ")); }

        /** Without its value, which may be a secret. */
        @Override public String toString() { return "setting " + name + (role.isEmpty() ? "" : " of role " + role); }
    }

    /** A security label. */
    public record Label(String provider, String text) {
        public String statement(String database) {
            return "security label for " + Database.quote(provider)
                + " on database " + Database.quote(database) + " is " + literal(text);
        }

        @Override public String toString() { return "security label of " + provider; }
    }

    /** Those of a database on a session's server. */
    public static DatabaseProperties of(Database server, String database) {
        var itself = server.only("""
            select pg_get_userbyid(datdba), (select spcname from pg_tablespace t where t.oid = dattablespace),
              datconnlimit, coalesce(shobj_description(d.oid, 'pg_database'), '')
            from pg_database d where datname = ?""", row -> row, database);
        var rights = server.rows("""
            select coalesce(pg_get_userbyid(nullif(grantee, 0)), ''), privilege_type, is_grantable
            from pg_database, aclexplode(coalesce(datacl, acldefault('d', datdba)))
            where datname = ? and grantee <> datdba""",
            row -> new Right(row[0], row[1], row[2].equals("t")), database);
        var settings = server.rows("""
            select coalesce(pg_get_userbyid(nullif(setrole, 0)), ''), split_part(each, '=', 1),
              substr(each, position('=' in each) + 1)
            from pg_db_role_setting s join pg_database d on d.oid = s.setdatabase, unnest(setconfig) each
            where datname = ? order by 1, 2""",
            row -> new Value(row[0], row[1], LISTS.contains(row[1]) ? names(row[2]) : List.of(row[2])), database);
        var labels = server.rows("""
            select provider, label from pg_shseclabel l join pg_database d on d.oid = l.objoid
            where l.classoid = 'pg_database'::regclass and datname = ? order by 1""",
            row -> new Label(row[0], row[1]), database);
        return new DatabaseProperties(itself[0], itself[1], Integer.parseInt(itself[2]), itself[3],
            new TreeSet<>(rights), settings, labels);
    }

    /** What ALTER ROLE has set for one, everywhere and then in a database. */
    public static List<Value> ofRole(Database server, String role, String database) {
        return server.rows("""
            select split_part(each, '=', 1), substr(each, position('=' in each) + 1)
            from pg_db_role_setting s join pg_roles r on r.oid = s.setrole left join pg_database d on d.oid = s.setdatabase, unnest(setconfig) each
            where r.rolname = ? and (setdatabase = 0 or d.datname = ?) order by setdatabase, 1""",
            row -> new Value(role, row[0], LISTS.contains(row[0]) ? names(row[1]) : List.of(row[1])), role, database);
    }

    /** The names of a list as a setting has it, some in double quotes. */
    private static List<String> names(String list) {
        var names = new ArrayList<String>();
        var name = new StringBuilder();
        var quoted = false;
        for (var i = 0; i < list.length(); i++) {
            var c = list.charAt(i);
            if (c == '"' && quoted && i + 1 < list.length() && list.charAt(i + 1) == '"') name.append(list.charAt(i++));
            else if (c == '"') quoted = !quoted;
            else if (c == ',' && !quoted) {
                names.add(name.toString());
                name.setLength(0);
            } else if (quoted || c != ' ') name.append(c);
        }
        names.add(name.toString());
        return names;
    }

    /** Those that an archive says its database had; empty when it says nothing of them. */
    public static Optional<DatabaseProperties> of(List<Archive.Entry> archive) {
        var created = archive.stream().filter(entry -> entry.description().equals("DATABASE")).findFirst();
        return created.map(database -> new DatabaseScript(database.owner(), archive.stream()
            .filter(entry -> entry.description().matches("DATABASE|DATABASE PROPERTIES") || entry.schema().isEmpty()
                && entry.name().startsWith("DATABASE ") && entry.description().matches("ACL|COMMENT|SECURITY LABEL"))
            .map(Archive.Entry::definition).collect(Collectors.joining("\n"))).properties());
    }

    /** The same without what is granted to roles. */
    public DatabaseProperties withoutRoles() {
        return new DatabaseProperties(owner, tablespace, connectionLimit, comment, rights.stream()
            .filter(right -> right.grantee.isEmpty()).collect(Collectors.toCollection(TreeSet::new)),
            settings.stream().filter(setting -> setting.role.isEmpty()).toList(), labels);
    }

    /** What of these another database does not have alike, in words. Neither its owner nor its place is looked at. */
    public List<String> differences(DatabaseProperties other) {
        var differences = new ArrayList<String>();
        if (connectionLimit != other.connectionLimit) differences.add("connection limit " + other.connectionLimit
            + " instead of " + connectionLimit);
        if (!comment.equals(other.comment)) differences.add("another comment");
        rights.stream().filter(right -> !other.rights.contains(right)).forEach(right -> differences.add("no " + right));
        other.rights.stream().filter(right -> !rights.contains(right))
            .forEach(right -> differences.add(right.toString()));
        Stream.concat(settings.stream(), other.settings.stream())
            .filter(setting -> !settings.contains(setting) || !other.settings.contains(setting))
            .map(Objects::toString).distinct().forEach(differences::add);
        labels.stream().filter(label -> !other.labels.contains(label)).forEach(label -> differences.add("no " + label));
        return differences;
    }

    /** On a session of a database that sets a role for whoever connects: back to the role that has connected. */
    public static void asWhoConnected(Database session) {
        if (session.one("select exists (" + SETS_A_ROLE + ")").equals("t")) session.execute("set role none");
    }

    /** A text as SQL writes it, whatever the session takes a backslash for. */
    static String literal(String text) {
        var escaped = text.replace("\\", "\\\\");
        return escaped.equals(text) ? Database.literal(text) : "E" + Database.literal(escaped);
    }
}
