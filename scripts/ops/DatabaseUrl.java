package ops;

import java.io.ByteArrayOutputStream;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * The address of a database, taken apart once, so that the driver, pg_dump and pg_restore all connect to the same place.
 *
 * <p>Parameters that could lead elsewhere (host, hostaddr, port, user, dbname, options, service …) are refused, and the
 * PG* variables of the process reach no tool.
 */
public final class DatabaseUrl {
    private static final Pattern FORM = Pattern.compile(
        "(?:jdbc:)?postgres(?:ql)?://([^:@/?#]+)(?::([^@/?#]*))?@(\\[[0-9a-fA-F:.]+]|[^:/?#,@\\[\\]]+)(?::([0-9]{1,5}))?/([^?#/]+)(?:\\?([^#]*))?");
    private static final Map<String, String> ALLOWED = Map.of(
        "sslmode", "disable|allow|prefer|require|verify-ca|verify-full", "sslrootcert", ".+", "sslcert", ".+", "sslkey", ".+", "channel_binding", "disable|prefer|require");
    private static final Pattern SEVERAL_HOSTS = Pattern.compile("[^/]*//([^/?#]*@)?[^/?#@]*,.*"), SOCKET = Pattern.compile("[^/]*//([^/?#]*@)?(/|%2[fF]|:?[0-9]*/).*");
    private static final Pattern SCHEME = Pattern.compile("((?:jdbc:)?[a-z][a-z0-9+.-]*)://(.*)");
    private static final String FORM_IN_WORDS = "special characters in the password are written %40 for @, %2F for /, %23 for #, %3F for ?, %25 for %";
    /** As PostgreSQL's own programs take it: a file with the authorities that the server's certificate may be of. */
    private static final String ROOT_CERTIFICATE = "PGSSLROOTCERT";
    /** Supabase's and PgBouncer's usual port of a pooler that gives each transaction another session. */
    private static final int TRANSACTION_POOLER = 6543;

    public final String user;
    public final Secret password;
    public final String host;
    public final int port;
    public final String database;
    public final Map<String, String> parameters;

    private DatabaseUrl(String user, Secret password, String host, int port, String database, Map<String, String> parameters) {
        this.user = user;
        this.password = password;
        this.host = host;
        this.port = port;
        this.database = database;
        this.parameters = parameters;
    }

    /** The database of an environment. Throws BadSetting, which never shows the URL, when it is missing or unfit. */
    public static DatabaseUrl of(Settings settings) {
        return parse(settings.require(Setting.DATABASE_URL), settings.where(Setting.DATABASE_URL));
    }

    /** The server for drills; empty when none is named. */
    public static Optional<DatabaseUrl> ofDrill(Settings settings) {
        return settings.get(Setting.DRILL_DATABASE_URL).map(url -> parse(url, settings.where(Setting.DRILL_DATABASE_URL)));
    }

    /** @param where the URL comes from, for a hint */
    public static DatabaseUrl parse(String url, String where) {
        var form = FORM.matcher(url);
        if (!form.matches()) {
            if (SEVERAL_HOSTS.matcher(url).matches())
                throw new Failure.BadSetting("DATABASE_URL names several hosts: which one answers would change from one connection to the next", where + "; name the primary alone, or a name that follows it");
            if (SOCKET.matcher(url).matches()) throw socket(where);
            throw new Failure.BadSetting("DATABASE_URL is not of the form postgresql://USER:PASSWORD@HOST:PORT/NAME: "
                + fault(url), where + "; " + FORM_IN_WORDS);
        }
        if (form.group(2) != null) new Secret(form.group(2)); // so that its encoded form is masked too
        var password = form.group(2) == null ? null : new Secret(decode(form.group(2), where));
        var port = form.group(4) == null ? 5432 : Integer.parseInt(form.group(4));
        if (port == TRANSACTION_POOLER)
            throw new Failure.BadSetting("DATABASE_URL names port 6543, a transaction pooler: dumps, snapshots and locks don't work through it",
                where + "; use the session pooler (port 5432, user postgres.REF) or the direct host db.REF.supabase.co:5432");
        if (port < 1 || port > 65535)
            throw new Failure.BadSetting("DATABASE_URL names port " + port + ", which does not exist", where
                + "; PostgreSQL's usual port is 5432");
        var host = decode(form.group(3), where).toLowerCase(Locale.ROOT).replaceAll("^\\[|]$|\\.$", "");
        if (host.startsWith("/")) throw socket(where);
        if (!host.matches("[a-z0-9._:-]+"))
            throw new Failure.BadSetting("DATABASE_URL names a host that is none", where
                + "; a host is a name or an address: db.example.com, 10.0.0.5");
        return new DatabaseUrl(decode(form.group(1), where), password, host, port, decode(form.group(5), where), parameters(form.group(6), where));
    }

    /** What is wrong with an address that is none, without a piece of it: any may be of the password. */
    private static String fault(String url) {
        var scheme = SCHEME.matcher(url);
        if (!scheme.matches())
            return url.matches("(?i)\\w+\\s*=.*") ? "it is written as host=… dbname=…"
                : "it does not begin with postgresql://";
        if (!scheme.group(1).matches("(jdbc:)?postgres(ql)?")) return "it begins with " + scheme.group(1) + "://";
        var rest = scheme.group(2);
        if (!rest.contains("@")) return "it names no role: USER:PASSWORD@ stands before the host";
        if (rest.indexOf('@') != rest.lastIndexOf('@')) return "the password has an @ in it, or there is one too many";
        var behind = rest.substring(rest.indexOf('@') + 1);
        if (rest.substring(0, rest.indexOf('@')).matches(".*[/?#].*"))
            return "the password has a character in it that ends an address: /, ? or #";
        if (behind.matches("[^/?#]*:[^/?#]*[^0-9/?#][^/?#]*(/.*)?")) return "the port is no number";
        if (!behind.matches("[^/?#]*/[^?#]+.*")) return "it names no database: /NAME stands behind the host";
        return "it has a character that does not belong there, or too many of one";
    }

    private static Failure socket(String where) {
        return new Failure.BadSetting("DATABASE_URL names no host, or a Unix socket, which the driver can't use", where + "; name the host: 127.0.0.1, where the server is on this machine");
    }

    private static Map<String, String> parameters(String query, String where) {
        var parameters = new LinkedHashMap<String, String>();
        for (var pair : query == null || query.isEmpty() ? List.<String>of() : List.of(query.split("&"))) {
            var name = decode(pair.replaceFirst("=.*", ""), where);
            var value = decode(pair.contains("=") ? pair.replaceFirst("[^=]*=", "") : "", where);
            if (!ALLOWED.containsKey(name) || parameters.containsKey(name))
                throw new Failure.BadSetting("DATABASE_URL has a parameter '" + name.replaceAll("[^a-zA-Z_]", "?") + "' that is not accepted, or twice",
                    "remove it; accepted, once each: sslmode, sslrootcert, sslcert, sslkey, channel_binding. " + where);
            if (!value.matches(ALLOWED.get(name)))
                throw new Failure.BadSetting("DATABASE_URL: " + name + " has a value that does not exist", "one of " + ALLOWED.get(name) + ". " + where);
            parameters.put(name, value);
        }
        if (parameters.containsKey("sslcert") != parameters.containsKey("sslkey"))
            throw new Failure.BadSetting("DATABASE_URL has one of sslcert and sslkey, and a client's certificate needs both", "add the other. " + where);
        var root = System.getenv(ROOT_CERTIFICATE);
        if (root != null && !root.isEmpty()) parameters.putIfAbsent("sslrootcert", root);
        return parameters;
    }

    /** %XX decoded, and nothing else: a + stays a +, unlike in a web form. */
    private static String decode(String text, String where) {
        var bytes = new ByteArrayOutputStream();
        for (var i = 0; i < text.length(); i++) {
            if (text.charAt(i) != '%') bytes.writeBytes(String.valueOf(text.charAt(i)).getBytes(StandardCharsets.UTF_8));
            else if (i + 2 < text.length() && text.substring(i + 1, i + 3).matches("[0-9a-fA-F]{2}") && !text.startsWith("00", i + 1)) {
                bytes.write(Integer.parseInt(text.substring(i + 1, i + 3), 16));
                i += 2;
            } else throw new Failure.BadSetting("DATABASE_URL has a % that is not followed by two hexadecimal digits", where + "; a % itself is written %25");
        }
        return bytes.toString(StandardCharsets.UTF_8);
    }

    /** The same server and role, another database. */
    public DatabaseUrl withDatabase(String other) { return new DatabaseUrl(user, password, host, port, other, parameters); }

    /** The same database, another role. */
    public DatabaseUrl withRole(String other, Secret itsPassword) { return new DatabaseUrl(other, itsPassword, host, port, database, parameters); }

    /** All of it, the password too, as the drivers of other programs take it. */
    public Secret address() {
        var query = parameters.entrySet().stream().map(each -> each.getKey() + "=" + encode(each.getValue()))
            .collect(Collectors.joining("&", parameters.isEmpty() ? "" : "?", ""));
        // A secret of its own: a program may show the address in parts.
        var coded = password == null ? "" : ":" + new Secret(encode(password.reveal())).reveal();
        var server = (host.contains(":") ? "[" + host + "]" : host) + ":" + port;
        return new Secret("postgresql://" + encode(user) + coded + "@" + server + "/" + encode(database) + query);
    }

    private static String encode(String text) {
        return URLEncoder.encode(text, StandardCharsets.UTF_8).replace("+", "%20");
    }

    /** The same database, without TLS: a server that is made for a moment has none. */
    public DatabaseUrl withoutTls() {
        return new DatabaseUrl(user, password, host, port, database, Map.of("sslmode", "disable"));
    }

    /** Where it is, without who: HOST:PORT/NAME. */
    @Override public String toString() { return host + ":" + port + "/" + database; }
}
