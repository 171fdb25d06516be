package ops;

/**
 * Every setting of the kit, in the order of {@code .env.operations.example}, which a test compares with this list.
 *
 * <p>What identifies an environment stands only under its prefix ({@code STAGING_DATABASE_URL}); the others may be
 * overridden with one ({@code STAGING_BACKUP_BUCKET}). Every one can be given as {@code NAME_FILE} instead.
 */
public enum Setting {
    DATABASE_URL(Kind.IDENTITY, null, "the environment's database, postgresql://USER:PASSWORD@HOST:PORT/NAME?sslmode=require"),
    AFTER_RESTORE_SQL(Kind.IDENTITY, null, "file with SQL that runs on a restored database before anybody can see it: personal data made anonymous, say"),
    PROTECTED_ENVS(Kind.SHARED, "production", "environments that are changed only with their name typed, comma separated"),
    DRILL_DATABASE_URL(Kind.SHARED, null, "a superuser's address of a server for drills, no environment's; without it one is started on this machine"),

    BACKUP_BUCKET(Kind.SHARED, null, "the bucket that keeps the backups"),
    BACKUP_PREFIX(Kind.SHARED, "handover", "the folder in the bucket under which everything is kept"),
    BACKUP_STORAGE_CLASS(Kind.SHARED, "STANDARD_IA", "storage class of the parts; one that the store does not know is left out, and said"),
    BACKUP_SSE(Kind.SHARED, null, "server-side encryption: AES256 or aws:kms; empty leaves it to the bucket"),
    BACKUP_SSE_KMS_KEY(Kind.SHARED, null, "the key's id or ARN for aws:kms; empty takes the account's default key"),
    BACKUP_RECIPIENTS(Kind.SHARED, null, "age public keys (age1…) to encrypt backups to, comma separated"),
    BACKUP_IDENTITY_FILE(Kind.SHARED, null, "file with the age identity that decrypts; needed to verify encrypted backups"),
    BACKUP_KEEP(Kind.SHARED, null, "which backups stay, as in last=7,daily=14,weekly=8,monthly=12,yearly=3; empty keeps all"),
    BACKUP_MIN_AGE_DAYS(Kind.SHARED, "7", "a backup younger than so many days is never removed"),
    BACKUP_MIN_KEEP(Kind.SHARED, "3", "so many backups of a database always stay"),
    BACKUP_OLD_DATABASE_DAYS(Kind.SHARED, "7", "how long the databases that restores have replaced stay on the server"),
    BACKUP_COPY_TO(Kind.SHARED, null, "place to which every new backup is copied, as offsite; empty makes no copy"),

    AWS_REGION(Kind.SHARED, "us-east-1", "the bucket's region"),
    AWS_ENDPOINT_URL_S3(Kind.SHARED, null, "address of a store that is not Amazon's"),
    AWS_ACCESS_KEY_ID(Kind.SHARED, null, "access key; without it the AWS SDK's default chain is asked"),
    AWS_SECRET_ACCESS_KEY(Kind.SECRET, null, "its secret"),
    AWS_SESSION_TOKEN(Kind.SECRET, null, "its session token, where there is one"),
    S3_PATH_STYLE(Kind.SHARED, "false", "true for stores that want the bucket in the path"),
    S3_ATTEMPTS(Kind.SHARED, "5", "how often a request to the store is tried in all"),
    S3_CONNECT_SECONDS(Kind.SHARED, "10", "time for a connection to the store"),
    S3_ATTEMPT_SECONDS(Kind.SHARED, "60", "time for one try of one request; the store may be silent for no longer"),
    S3_REQUEST_SECONDS(Kind.SHARED, "300", "time for one request with all its tries"),

    DB_CONNECT_SECONDS(Kind.SHARED, "15", "time for a connection to the database"),
    DB_STALL_SECONDS(Kind.SHARED, "600", "the run ends when pg_dump sends nothing, or a query is not answered, for so long"),
    DB_LOCK_SECONDS(Kind.SHARED, "60", "pg_dump gives up when a table stays locked for so long"),
    PG_BIN(Kind.SHARED, null, "folder of pg_dump and pg_restore, when the ones found are not the right ones"),
    LOG_DIR(Kind.SHARED, null, "folder of the log files; .handover/logs beside the settings when empty");

    /** How a setting is looked up and shown. */
    public enum Kind { IDENTITY, SHARED, SECRET }

    public final Kind kind;
    public final String fallback;
    public final String meaning;

    Setting(Kind kind, String fallback, String meaning) {
        this.kind = kind;
        this.fallback = fallback;
        this.meaning = meaning;
    }
}
