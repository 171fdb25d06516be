package ops;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * A database that is about to be changed, or a server that a drill puts its load on.
 *
 * <p>What counts is where the session ends up. It is compared with another environment's: by address, by Supabase project,
 * and by what the server says of itself; where the other server can't be asked, by what the newest backups of that
 * environment, in its own place, say that it was. When none of these can tell the two apart, the answer is no.
 */
public final class DatabaseTarget implements Guard.Target {
    private static final Pattern SUPABASE_HOST = Pattern.compile("db\\.([a-z0-9]+)\\.supabase\\.(?:co|com|red|net)");
    private static final Pattern SUPABASE_USER = Pattern.compile("[^.]+\\.([a-z0-9]+)");
    /** A project's name as it is everywhere; a pooler wants it in the role's name, behind whatever host. */
    private static final Pattern PROJECT = Pattern.compile("[a-z]{20}");
    /** So many of a database's backups are read for one that says what its server was. */
    private static final int TRIES = 3;

    /** What a server says of itself and of a database; the oid is empty when there is no such database. */
    private record Identity(String system, String database, String oid, String started, boolean standby) {
        static Identity of(Database session, String database) {
            var row = session.only("select coalesce((select oid::text from pg_catalog.pg_database where datname = ?), ''), "
                + "extract(epoch from pg_catalog.pg_postmaster_start_time()), pg_catalog.pg_is_in_recovery()", r -> r, database);
            return new Identity(session.systemIdentifier(), database, row[0], row[1], row[2].equals("t"));
        }

        /** The moment a server started, to the microsecond, tells apart servers whose disks are copies of each other. */
        boolean isSameServer(Identity other) {
            return started.equals(other.started) && (system.equals(other.system) || system.isEmpty() || other.system.isEmpty());
        }

        boolean isSame(Identity other) { return oid.equals(other.oid) && database.equals(other.database) && isSameServer(other); }
    }

    /** What a backup says of its server. */
    private record BackedUp(String id, String system, String database) { }

    private final Run run;
    private final Settings settings;
    private final DatabaseUrl url;
    private final Identity identity;
    /** Its server must not have the other's database at all, under whatever name. */
    private final boolean alone;
    private final Store store;

    private DatabaseTarget(Run run, Settings settings, DatabaseUrl url, Identity identity, boolean alone, Store store) {
        this.run = run;
        this.settings = settings;
        this.url = url;
        this.identity = identity;
        this.alone = alone;
        this.store = store;
    }

    /**
     * An environment's database.
     *
     * @param session on its server, in any of the server's databases
     * @param store another place where backups may lie, beside the other environment's own
     */
    public static DatabaseTarget of(Run run, Settings settings, DatabaseUrl url, Database session, Store store) {
        // A pooler may give a database another name than the server does.
        var database = session.url.database.equals(url.database) ? session.one("select pg_catalog.current_database()") : url.database;
        return new DatabaseTarget(run, settings, url, Identity.of(session, database), false, store);
    }

    /** The same, on a session of its own. */
    public static DatabaseTarget of(Run run, Settings settings, Store store) {
        var url = DatabaseUrl.of(settings);
        try (var session = Database.connect(url, settings, "handover, who is " + settings.env)) {
            return of(run, settings, url, session, store);
        }
    }

    static DatabaseTarget ofDrill(Run run, Settings settings, DatabaseUrl url, Database session, Store store) {
        return new DatabaseTarget(run, settings, url, Identity.of(session, url.database), true, store);
    }

    @Override public String what() { return "the database"; }

    @Override public Setting setting() { return Setting.DATABASE_URL; }

    @Override public Optional<String> sharedWith(Settings other) {
        if (other.get(Setting.DATABASE_URL).isEmpty()) return asBackedUp(other, "this machine does not know its address", true);
        var theirs = DatabaseUrl.of(other);
        if (leadsTo(theirs)) return Optional.of("both lead to " + theirs);
        var project = project(url);
        if (project.isPresent() && project.equals(project(theirs))) return Optional.of("both are the Supabase project " + project.get());
        try (var session = Database.connect(theirs, other, "handover, who is " + other.env)) {
            // Asked as it was for the target: the name that the other's own session has may be a pooler's.
            var asked = Identity.of(session, session.one("select pg_catalog.current_database()"));
            if (asked.standby && !identity.standby && counts(other)) return asStandby(other, asked);
            if (!(alone ? identity.isSameServer(asked) : identity.isSame(asked))) return Optional.empty();
            return Optional.of(alone ? "it says that it is the same" : "the server says that both are its database '" + identity.database + "'");
        } catch (Failure.ToolFailed | Failure.BadSetting e) {
            run.console.detail("environment '" + other.env + "' can't be asked who it is: " + e.getMessage());
            return asBackedUp(other, "that one can't be asked (" + e.getMessage() + ")", false);
        }
    }

    /** Whether a standby stands for its primary. One that is there to be read from is nobody's to protect, and its primary's own environment asks by itself. */
    private boolean counts(Settings other) { return alone || isProtected(other) && !isProtected(settings); }

    private static boolean isProtected(Settings settings) { return settings.protectedEnvironments().contains(settings.env); }

    /** What is changed at a primary is changed at its standbys, though they started at other moments. */
    private Optional<String> asStandby(Settings other, Identity asked) {
        if (!alone && !asked.database.equals(identity.database)) return Optional.empty();
        if (asked.system.isEmpty() || identity.system.isEmpty())
            throw cannotTell(other, "that one is a standby, and does not say of which server", "let the DATABASE_URL of " + other.env + " name its primary, then run this again");
        return asked.system.equals(identity.system) ? Optional.of("that one's address is of a standby with this server's data") : Optional.empty();
    }

    private boolean leadsTo(DatabaseUrl theirs) {
        return url.port == theirs.port && (alone || url.database.equals(theirs.database)) && addresses(url.host).stream().anyMatch(addresses(theirs.host)::contains);
    }

    /** @param mayBeNone an environment that has neither an address here nor any backup is not one to be protected from here */
    private Optional<String> asBackedUp(Settings other, String obstacle, boolean mayBeNone) {
        var known = new ArrayList<BackedUp>();
        for (var place : places(other)) {
            try {
                known.addAll(backedUp(place, other.env));
            } catch (Failure.StoreFailed | Failure.BadSetting | Failure.NotVerified e) {
                if (place == store) throw e;
                throw cannotTell(other, obstacle + ", and its backups can't be read (" + e.getMessage() + ")");
            }
        }
        if (known.isEmpty() && mayBeNone) return Optional.empty();
        if (known.isEmpty()) throw cannotTell(other, obstacle + " and has no backup");
        for (var server : known) {
            if (!alone && !server.database.equals(identity.database)) continue;
            if (server.system.isEmpty() || identity.system.isEmpty()) throw cannotTell(other, obstacle + ", and its backup " + server.id + " does not tell the servers apart");
            if (server.system.equals(identity.system)) return Optional.of("the server says it is the one of its backup " + server.id);
        }
        return Optional.empty();
    }

    private Failure cannotTell(Settings other, String why) { return cannotTell(other, why, "make " + other.env + " reachable from here, or back it up once, then run this again"); }

    private Failure cannotTell(Settings other, String why, String next) {
        return new Failure.Refused("it can't be told whether " + url + " is " + (alone ? "the server of '" : "the database of '") + other.env + "': " + why, next);
    }

    /** The other environment's own place, and the one that was given when it is another. */
    private List<Store> places(Settings other) {
        if (other.get(Setting.BACKUP_BUCKET).isEmpty()) return List.of(store);
        if (isGiven(other)) return List.of(store);
        return List.of(Store.open(other), store);
    }

    private boolean isGiven(Settings other) {
        return Stream.of(Setting.BACKUP_BUCKET, Setting.BACKUP_PREFIX, Setting.AWS_ENDPOINT_URL_S3, Setting.AWS_ACCESS_KEY_ID)
            .allMatch(setting -> Objects.equals(other.get(setting), store.settings.get(setting)));
    }

    /** What the newest readable backup of each of an environment's databases says. */
    private static List<BackedUp> backedUp(Store store, String env) {
        var byDatabase = BackupFolder.among(store, store.list(BackupFolder.envKey(store, env)), env).stream().filter(BackupFolder::sealed)
            .collect(Collectors.groupingBy(BackupFolder::database, LinkedHashMap::new, Collectors.toList()));
        return byDatabase.values().stream().map(folders -> newest(store, folders)).toList();
    }

    private static BackedUp newest(Store store, List<BackupFolder> folders) {
        for (var i = 0; ; i++) {
            var folder = folders.get(i);
            try {
                var manifest = folder.manifest(store);
                var real = manifest.server().realName();
                return new BackedUp(folder.id(), manifest.server().systemIdentifier(), real == null ? manifest.database() : real);
            } catch (Failure.NotVerified | Failure.OutOfReach e) {
                if (i + 1 == Math.min(TRIES, folders.size())) throw e;
            }
        }
    }

    /** The name itself and all addresses that it stands for. */
    private static Set<String> addresses(String host) {
        try {
            return Stream.concat(Stream.of(host), Stream.of(InetAddress.getAllByName(host)).map(address -> address.isLoopbackAddress() ? "loopback" : address.getHostAddress()))
                .collect(Collectors.toSet());
        } catch (UnknownHostException e) {
            return Set.of(host); // no session would have been possible: only another's name gets here
        }
    }

    private static Optional<String> project(DatabaseUrl url) {
        var host = SUPABASE_HOST.matcher(url.host);
        if (host.matches()) return Optional.of(host.group(1));
        var user = SUPABASE_USER.matcher(url.user);
        return user.matches() && (url.host.endsWith(".supabase.com") || PROJECT.matcher(user.group(1)).matches()) ? Optional.of(user.group(1)) : Optional.empty();
    }
}
