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
        boolean isSameServer(Identity other) { return started.equals(other.started) && (system.equals(other.system) || system.isEmpty() || other.system.isEmpty()); }

        boolean isSame(Identity other) { return oid.equals(other.oid) && database.equals(other.database) && isSameServer(other); }
    }

    /**
     * Where something is to be written.
     *
     * @param alone its server must not have the other's database at all, under whatever name: a drill puts load on it
     */
    private record Target(Settings settings, DatabaseUrl url, Identity identity, boolean alone) {
        boolean leadsTo(DatabaseUrl theirs) {
            return url.port == theirs.port && (alone || url.database.equals(theirs.database)) && addresses(url.host).stream().anyMatch(addresses(theirs.host)::contains);
        }

        boolean is(Identity theirs) { return alone ? identity.isSameServer(theirs) : identity.isSame(theirs); }

        boolean is(BackedUp server) { return !server.system.isEmpty() && server.system.equals(identity.system) && (alone || server.database.equals(identity.database)); }

        Failure.Refused refused(String name, String why) {
            return alone ? new Failure.Refused("DRILL_DATABASE_URL leads to the server of environment '" + name + "': " + why, "name another server, or none: " + settings.where(Setting.DRILL_DATABASE_URL))
                : new Failure.Refused("environment '" + settings.env + "' is in truth protected '" + name + "': " + why, "correct it: " + settings.where(Setting.DATABASE_URL));
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
        // A pooler may give a database another name than the server does.
        var database = session.url.database.equals(url.database) ? session.one("select current_database()") : url.database;
        var target = new Target(settings, url, Identity.of(session, database), false);
        for (var name : settings.protectedEnvironments()) {
            if (name.equals(settings.env) && !glassBroken)
                throw new Failure.Refused("environment '" + name + "' is protected: it is in PROTECTED_ENVS",
                    "restore into another one: --env staging --from " + name + "; in an emergency, on a terminal: --break-glass \"REASON\"");
            if (!name.equals(settings.env) && name.matches(Settings.NAME)) compare(run, target, name, store);
        }
    }

    /**
     * Throws Refused when a drill's server is the one of the environment itself or of a protected one, or may be.
     *
     * @param session of any database of the drill's server
     */
    public static void checkDrill(Run run, Settings settings, DatabaseUrl url, Database session, Store store) {
        var target = new Target(settings, url, Identity.of(session, url.database), true);
        Stream.concat(Stream.of(settings.env), settings.protectedEnvironments().stream()).distinct().filter(name -> name.matches(Settings.NAME))
            .forEach(name -> compare(run, target, name, store));
    }

    private static void compare(Run run, Target target, String name, Store store) {
        var other = Settings.of(name);
        if (other.get(Setting.DATABASE_URL).isEmpty()) {
            backedUp(store, name).filter(target::is).ifPresent(server -> { throw target.refused(name, "the server says it is the one of its backup " + server.id); });
            return;
        }
        var theirs = DatabaseUrl.of(other);
        if (target.leadsTo(theirs)) throw target.refused(name, "both lead to " + theirs);
        var project = project(target.url);
        if (project.isPresent() && project.equals(project(theirs))) throw target.refused(name, "both are the Supabase project " + project.get());
        try (var session = Database.connect(theirs, other, "handover, who is " + name)) {
            if (target.is(Identity.of(session, theirs.database))) throw target.refused(name, target.alone ? "it says that it is the same" : "the server says that both are its database '" + target.identity.database + "'");
        } catch (Failure.ToolFailed | Failure.BadSetting e) {
            run.console.detail("environment '" + name + "' can't be asked who it is: " + e.getMessage());
            var server = backedUp(store, name).orElseThrow(() -> new Failure.Refused("it can't be told whether " + target.url + " is " + (target.alone ? "the server of '" : "the database of protected '") + name + "': that one can't be asked (" + e.getMessage() + ") and has no backup",
                "make " + name + " reachable from here, or back it up once, then run this again"));
            if (target.is(server)) throw target.refused(name, "the server says it is the one of its backup " + server.id);
        }
    }

    private record BackedUp(String id, String system, String database) { }

    /** What the newest backup of an environment says of its server. */
    private static Optional<BackedUp> backedUp(Store store, String name) {
        return BackupFolder.sealed(store, name).stream().findFirst().map(folder -> {
            var manifest = folder.manifest(store);
            return new BackedUp(folder.id(), manifest.server().systemIdentifier(), manifest.database());
        });
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
