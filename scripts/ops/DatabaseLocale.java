package ops;

import java.util.ArrayList;
import java.util.List;

/**
 * How a database sorts text and what it takes for letters: CREATE DATABASE has to be told, since no archive says it.
 *
 * @param provider libc, icu or builtin
 * @param providerLocale the provider's own name of it; empty for libc
 */
public record DatabaseLocale(String collate, String ctype, String provider, String providerLocale) {
    private static final int WITH_PROVIDERS = 150000, WITH_BUILTIN = 170000;

    /** That of a database on a session's server. */
    public static DatabaseLocale of(Database session, String database) {
        var version = version(session);
        var provider = version < WITH_PROVIDERS ? "'libc'" : "case datlocprovider when 'i' then 'icu' when 'b' then 'builtin' else 'libc' end";
        var name = version < WITH_PROVIDERS ? "null" : version < WITH_BUILTIN ? "daticulocale" : "datlocale";
        return session.only("select datcollate, datctype, " + provider + ", coalesce(" + name + ", '') from pg_database where datname = ?", row -> new DatabaseLocale(row[0], row[1], row[2], row[3]), database);
    }

    private static int version(Database session) { return Integer.parseInt(session.one("select current_setting('server_version_num')")); }

    /** This one, and what comes next to it where a server lacks it: the same provider with other categories, all of Unicode's letters, or none but ASCII's. */
    public List<DatabaseLocale> orNearest(String encoding) {
        var nearest = new ArrayList<>(List.of(this));
        var unicode = encoding.equals("UTF8") ? List.of("C.UTF-8", "C") : List.of("C");
        if (provider.equals("icu")) unicode.forEach(name -> nearest.add(new DatabaseLocale(name, name, provider, providerLocale)));
        unicode.forEach(name -> nearest.add(new DatabaseLocale(name, name, "libc", "")));
        return nearest;
    }

    /** As CREATE DATABASE takes it on a session's server. */
    public String options(Database session) {
        var options = "lc_collate " + Database.literal(collate) + " lc_ctype " + Database.literal(ctype);
        if (provider.matches("icu|builtin")) return options + " locale_provider " + provider + " " + provider + "_locale " + Database.literal(providerLocale);
        return version(session) < WITH_PROVIDERS ? options : options + " locale_provider libc";
    }

    @Override public String toString() { return providerLocale.isEmpty() ? collate : providerLocale + " of " + provider; }
}
