package ops;

/**
 * A failure that an operator can act on: what happened, and the one next step.
 *
 * <p>Anything else that is thrown is a bug in the kit and ends with exit 70. The messages hold no secret, and no
 * exception of a library is kept as a cause: some print passwords.
 */
public abstract sealed class Failure extends RuntimeException {
    public final Exit exit;
    public final String hint;

    private Failure(Exit exit, String what, String hint) {
        super(what);
        this.exit = exit;
        this.hint = hint;
    }

    /** The operation did not succeed, for a reason outside the kit. */
    public static final class Failed extends Failure {
        public Failed(String what, String hint) { super(Exit.FAILED, what, hint); }
    }

    /** The command line asks for something that makes no sense. */
    public static final class Usage extends Failure {
        public Usage(String what, String hint) { super(Exit.USAGE, what, hint); }
    }

    /** A safety rule says no; nothing was changed. */
    public static final class Refused extends Failure {
        public Refused(String what, String hint) { super(Exit.REFUSED, what, hint); }
    }

    /** Another run holds the lock. */
    public static final class Busy extends Failure {
        public Busy(String what, String hint) { super(Exit.BUSY, what, hint); }
    }

    /** An external tool, or the server it talks to, is missing, too old, or failed. */
    public static sealed class ToolFailed extends Failure permits Full {
        public ToolFailed(String what, String hint) { super(Exit.TOOL, what, hint); }
    }

    /** The database has as many sessions as it may have; it is there. */
    public static final class Full extends ToolFailed {
        public Full(String what, String hint) { super(what, hint); }
    }

    /** The store failed or refused. */
    public static sealed class StoreFailed extends Failure permits OutOfReach {
        /** True when the store answered that it will not, at the first try: so nothing of it was done. */
        public final boolean refused;

        public StoreFailed(String what, String hint) { this(what, hint, false); }

        StoreFailed(String what, String hint, boolean refused) {
            super(Exit.STORE, what, hint);
            this.refused = refused;
        }
    }

    /** The store does not give this one object as it lies there: it is in an archive, or under another key. Others may well be read. */
    public static final class OutOfReach extends StoreFailed {
        /** Why and the next step, for a line that names the object itself. */
        public final String brief;

        OutOfReach(String what, String why, String hint, boolean refused) {
            super(what, hint, refused);
            brief = why + "; " + hint;
        }
    }

    /** What was read back is not what it should be. */
    public static final class NotVerified extends Failure {
        public NotVerified(String what, String hint) { super(Exit.VERIFICATION, what, hint); }
    }

    /** A new release was live and did not pass; the one before is live again, and was looked at. */
    public static final class RolledBack extends Failure {
        public RolledBack(String what, String hint) { super(Exit.ROLLED_BACK, what, hint); }
    }

    /** Neither success nor failure could be established. */
    public static final class Unclear extends Failure {
        public Unclear(String what, String hint) { super(Exit.UNKNOWN, what, hint); }
    }

    /** A setting is missing or malformed. */
    public static final class BadSetting extends Failure {
        public BadSetting(String what, String hint) { super(Exit.SETTING, what, hint); }
    }
}
