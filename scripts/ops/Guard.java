package ops;

import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * Stands before every command that changes something: what it touches must not be a protected environment's, whatever name
 * and way lead to it. The environment's own name being protected is another matter: then a person confirms.
 */
public final class Guard {
    /** Something that a command is about to change: a database, a site, a place in a bucket. */
    public interface Target {
        /** As in "points at WHAT of the protected environment". */
        String what();

        /** The setting that leads to it. */
        Setting setting();

        /**
         * Why it is what another environment's settings lead to; empty when it is something else.
         *
         * @throws Failure.Refused when that can't be told
         */
        Optional<String> sharedWith(Settings other) throws Exception;
    }

    private Guard() { }

    /** Throws Refused when a target is a protected environment's, or may be. */
    public static void check(Settings settings, Target... targets) throws Exception {
        for (var other : others(settings, settings.protectedEnvironments()))
            for (var target : targets) {
                var why = target.sharedWith(other);
                if (why.isPresent())
                    throw new Failure.Refused("'" + settings.env + "' points at " + target.what() + " of the protected environment '" + other.env + "': " + why.get(),
                        "correct it: " + settings.where(target.setting()));
            }
    }

    /**
     * The settings of those environments that are not this one; of the embedded stack only while it runs. Throws BadSetting
     * where one has a list of protected ones of its own that would protect nothing: what is asked of it goes by that.
     */
    public static List<Settings> others(Settings settings, List<String> names) {
        var others = names.stream().filter(name -> !name.equals(settings.env) && !(name.equals(Settings.LOCAL) && Settings.noLocal())).map(Settings::of).toList();
        others.forEach(Settings::protectedEnvironments);
        return others;
    }

    /**
     * Throws Refused when a restore would replace a protected environment's database, or may.
     *
     * @param url the target
     * @param session on the target's server, in any of its databases
     * @param glassBroken a person has confirmed that the environment itself is meant though it is protected
     * @param store another place where protected environments' backups may lie, beside their own
     */
    public static void check(Run run, Settings settings, DatabaseUrl url, Database session, boolean glassBroken, Store store) throws Exception {
        if (settings.protectedEnvironments().contains(settings.env) && !glassBroken)
            throw new Failure.Refused("environment '" + settings.env + "' is protected: it is in PROTECTED_ENVS",
                "restore into another one: --env staging --from " + settings.env + "; in an emergency, on a terminal: --break-glass \"REASON\"");
        check(settings, new BackupPlace(settings), DatabaseTarget.of(run, settings, url, session, store));
    }

    /**
     * Throws Refused when a drill's server is the one of the environment itself or of a protected one, or may be.
     *
     * @param session of any database of the drill's server
     */
    public static void checkDrill(Run run, Settings settings, DatabaseUrl url, Database session, Store store) throws Exception {
        var target = DatabaseTarget.ofDrill(run, settings, url, session, store);
        for (var other : Stream.concat(Stream.of(settings), others(settings, settings.protectedEnvironments()).stream()).toList()) {
            var why = target.sharedWith(other);
            if (why.isPresent())
                throw new Failure.Refused("DRILL_DATABASE_URL leads to the server of environment '" + other.env + "': " + why.get(),
                    "name another server, or none: " + settings.where(Setting.DRILL_DATABASE_URL));
        }
    }
}
