package ops;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * Refuses to change a protected environment's database, whatever name and way lead to it.
 *
 * <p>What counts is where the session of the target ends up. It is compared with every protected environment: by address,
 * by Supabase project, and by what the server says of itself; where a protected server can't be asked, by what its newest
 * backup says it was. When none of these can tell the two apart, the answer is no.
 */
public final class Guard {
    private static final Pattern SUPABASE_HOST = Pattern.compile("db\\.([a-z0-9]+)\\.supabase\\.(?:co|com)");
    private static final Pattern SUPABASE_USER = Pattern.compile("[^.]+\\.([a-z0-9]+)");

    /** What a server says of itself and of a database; the oid is empty when there is no such database. */
    private record Identity(String system, String database, String oid, String started) {
        static Identity of(Database session, String database) {
            var row = session.rows("select coalesce((select oid::text from pg_database where datname = ?), ''), extract(epoch from pg_postmaster_start_time())", r -> r, database).get(0);
            return new Identity(session.systemIdentifier(), database, row[0], row[1]);
        }

        /** The moment a server started, to the microsecond, tells apart servers whose disks are copies of each other. */
        boolean isSame(Identity other) {
            return oid.equals(other.oid) && database.equals(other.database) && started.equals(other.started) && (system.equals(other.system) || system.isEmpty() || other.system.isEmpty());
        }
    }

    private Guard() { }

    /**
     * Throws Refused when the target is a protected environment's database or may be one.
     *
     * @param url the target
     * @param session on the target's server, in any of its databases
     * @param glassBroken a person has confirmed that the environment itself is meant though it is protected
     * @param store where the protected environments' backups lie; only asked when their server can't be
     */
    public static void check(Run run, Settings settings, DatabaseUrl url, Database session, boolean glassBroken, Store store) {
        var identity = Identity.of(session, url.database);
        for (var name : settings.protectedEnvironments()) {
            if (name.equals(settings.env) && !glassBroken)
                throw new Failure.Refused("environment '" + name + "' is protected: it is in PROTECTED_ENVS",
                    "restore into another one: --env staging --from " + name + "; in an emergency, on a terminal: --break-glass \"REASON\"");
            if (!name.equals(settings.env) && name.matches(Settings.NAME)) compare(run, settings, name, url, identity, store);
        }
    }

    private static void compare(Run run, Settings settings, String name, DatabaseUrl url, Identity identity, Store store) {
        var other = Settings.of(name);
        if (other.get(Setting.DATABASE_URL).isEmpty()) {
            backedUp(store, name).filter(server -> server.is(identity)).ifPresent(server -> { throw refused(settings, name, "the server says it is the one of its backup " + server.id); });
            return;
        }
        var theirs = DatabaseUrl.of(other);
        if (url.port == theirs.port && url.database.equals(theirs.database) && !addresses(url.host).stream().filter(addresses(theirs.host)::contains).toList().isEmpty())
            throw refused(settings, name, "both lead to " + theirs);
        var project = project(url);
        if (project.isPresent() && project.equals(project(theirs))) throw refused(settings, name, "both are the Supabase project " + project.get());
        try (var session = Database.connect(theirs, other, "handover, who is " + name)) {
            if (Identity.of(session, theirs.database).isSame(identity)) throw refused(settings, name, "the server says that both are its database '" + identity.database + "'");
        } catch (Failure.ToolFailed | Failure.BadSetting e) {
            run.console.detail("environment '" + name + "' can't be asked who it is: " + e.getMessage());
            var server = backedUp(store, name).orElseThrow(() -> new Failure.Refused("it can't be told whether " + url + " is the database of protected '" + name + "': that one can't be asked (" + e.getMessage() + ") and has no backup",
                "make " + name + " reachable from here, or back it up once, then run this again"));
            if (server.is(identity)) throw refused(settings, name, "the server says it is the one of its backup " + server.id);
        }
    }

    private record BackedUp(String id, String system, String database) {
        boolean is(Identity identity) { return !system.isEmpty() && system.equals(identity.system) && database.equals(identity.database); }
    }

    /** What the newest backup of an environment says of its server. */
    private static Optional<BackedUp> backedUp(Store store, String name) {
        return BackupFolder.sealed(store, name).stream().findFirst().map(folder -> {
            var manifest = folder.manifest(store);
            return new BackedUp(folder.id(), manifest.server().systemIdentifier(), manifest.database());
        });
    }

    private static Failure.Refused refused(Settings settings, String name, String why) {
        return new Failure.Refused("environment '" + settings.env + "' is in truth protected '" + name + "': " + why, "correct it: " + settings.where(Setting.DATABASE_URL));
    }

    /** The name itself and all addresses that it stands for. */
    private static Set<String> addresses(String host) {
        try {
            return Stream.concat(Stream.of(host), Stream.of(InetAddress.getAllByName(host)).map(address -> address.isLoopbackAddress() ? "loopback" : address.getHostAddress())).collect(Collectors.toSet());
        } catch (UnknownHostException e) {
            return Set.of(host); // no session would have been possible: only a protected one's name gets here
        }
    }

    private static Optional<String> project(DatabaseUrl url) {
        var host = SUPABASE_HOST.matcher(url.host);
        if (host.matches()) return Optional.of(host.group(1));
        var user = SUPABASE_USER.matcher(url.user);
        return url.host.endsWith(".supabase.com") && user.matches() ? Optional.of(user.group(1)) : Optional.empty();
    }
}
