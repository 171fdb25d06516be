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
    SITE_URL(Kind.IDENTITY, null, "the environment's site, as visitors reach it"),
    SUPABASE_URL(Kind.IDENTITY, null, "the environment's Supabase, https://REF.supabase.co; none says that the site does without"),
    SUPABASE_ANON_KEY(Kind.IDENTITY, null, "the key that the site shows to everybody"),
    POSTGREST_URL(Kind.IDENTITY, null, "PostgREST's address, where it runs without the rest of Supabase"),
    PROTECTED_ENVS(Kind.SHARED, "production", "environments that are changed only with their name typed, comma separated"),
    DRILL_DATABASE_URL(Kind.SHARED, null, "a superuser's address of a server for drills, no environment's; without it one is started on this machine"),

    BACKUP_BUCKET(Kind.SHARED, null, "the bucket that keeps the backups"),
    BACKUP_PREFIX(Kind.SHARED, "handover", "the folder in the bucket under which everything is kept"),
    BACKUP_STORAGE_CLASS(Kind.SHARED, "STANDARD_IA", "storage class of the parts; one that the store does not know is left out, and said"),
    BACKUP_SSE(Kind.SHARED, null, "server-side encryption: AES256 or aws:kms; empty leaves it to the bucket"),
    BACKUP_SSE_KMS_KEY(Kind.SHARED, null, "the key's id or ARN for aws:kms; empty takes the account's default key"),
    BACKUP_RECIPIENTS(Kind.SHARED, null, "age public keys (age1…) to encrypt backups to, comma separated"),
    BACKUP_IDENTITY_FILE(Kind.SHARED, null, "file with the age identity that decrypts; needed to verify encrypted backups"),
    BACKUP_SIGNING_KEY_FILE(Kind.SHARED, null, "file with the Ed25519 private key (PEM) that signs each backup and release; only its owner may read it"),
    BACKUP_VERIFY_KEY(Kind.SHARED, null, "Ed25519 public keys (base64), comma separated; what none of them has signed is refused"),
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
    S3_ATTEMPT_SECONDS(Kind.SHARED, "60", "a try of a request ends when the store takes and says nothing for so long"),
    S3_REQUEST_SECONDS(Kind.SHARED, "300", "time for one request with all its tries; a part of an upload has more, by its size"),

    DB_CONNECT_SECONDS(Kind.SHARED, "15", "time for a connection to the database"),
    DB_STALL_SECONDS(Kind.SHARED, "600", "the run ends when pg_dump sends nothing, or a query is not answered, for so long"),
    DB_LOCK_SECONDS(Kind.SHARED, "60", "pg_dump gives up when a table stays locked for so long"),
    MIGRATIONS_DIR(Kind.SHARED, "supabase/migrations", "folder of the migrations, VERSION_name.sql, in the application"),
    MIGRATE_COMMAND(Kind.SHARED, null, "the application's own command that applies its migrations, as npm run migrate, in place of the kit"),
    MIGRATIONS_LOCK_SECONDS(Kind.SHARED, "5", "a migration gives up when it has to wait for a lock for so long"),
    PG_BIN(Kind.SHARED, null, "folder of pg_dump and pg_restore, when the ones found are not the right ones"),
    LOG_DIR(Kind.SHARED, null, "folder of the log files; .handover/logs beside the settings when empty"),
    LOG_DAYS(Kind.SHARED, "90", "a log file is removed when it is older than so many days"),

    DEPLOY_PROVIDER(Kind.IDENTITY, null, "who serves the site: vercel, cloudflare-pages, cloudflare-workers, or directory"),
    DEPLOY_APP(Kind.SHARED, null, "the application's folder, in a git checkout; the kit's own folder when empty"),
    DEPLOY_OUTPUT(Kind.SHARED, null, "the folder that the application's build makes, as dist; the usual ones are looked for when empty"),
    DEPLOY_BUILD_VARIABLES(Kind.SHARED, null, "more variables that the build may see, comma separated; those that are shown to visitors anyway, VITE_… and the like, always reach it"),
    DEPLOY_BRANCHES(Kind.SHARED, "main,master", "from these branches a protected environment is deployed, comma separated"),
    DEPLOY_BACKUP_HOURS(Kind.SHARED, "26", "a protected environment is deployed only when its last backup is no older"),
    DEPLOY_DIRECTORY(Kind.IDENTITY, null, "folder that a web server serves the site from, as current in it; also USER@HOST:/srv/site"),
    DEPLOY_KEEP(Kind.SHARED, "5", "so many releases stay in that folder"),
    DEPLOY_HOOK(Kind.SHARED, null, "program that is told of each deploy and rollback: one JSON document on its stdin"),
    DEPLOY_LIVE_SECONDS(Kind.SHARED, "120", "time for the provider to make ready, or live, what it has taken, and for the site to show it"),
    VERCEL_TOKEN(Kind.SECRET, null, "a token of Vercel for the project's team"),
    VERCEL_ORG_ID(Kind.SHARED, null, "the team that the project belongs to, team_…; your own account's id when it is none's"),
    VERCEL_PROJECT_ID(Kind.IDENTITY, null, "the environment's project at Vercel, prj_…"),
    VERCEL_API_URL(Kind.SHARED, "https://api.vercel.com", "address of Vercel's API"),
    CLOUDFLARE_API_TOKEN(Kind.SECRET, null, "a token of Cloudflare that may edit Pages, or Workers"),
    CLOUDFLARE_ACCOUNT_ID(Kind.SHARED, null, "the account that the project belongs to"),
    CLOUDFLARE_PAGES_PROJECT(Kind.IDENTITY, null, "the environment's project at Cloudflare Pages"),
    CLOUDFLARE_WORKER(Kind.IDENTITY, null, "the environment's Worker, which serves static assets"),
    CLOUDFLARE_API_URL(Kind.SHARED, "https://api.cloudflare.com/client/v4", "address of Cloudflare's API"),

    SMOKE_SECONDS(Kind.SHARED, "30", "time for all smoke tests together"),
    SMOKE_HEALTH_PATH(Kind.SHARED, "health", "the health endpoint; none says that the site has none"),
    SMOKE_ROOT(Kind.SHARED, "#root,#app,#__next,#__nuxt,#___gatsby,#svelte,app-root,[data-sveltekit-preload-data]", "the element that the application fills, as a CSS selector; without one set, a page of text and files of its own passes too"),
    SMOKE_API_PATH(Kind.SHARED, null, "what is asked for the API's response time; the health endpoint when empty"),
    SMOKE_API_SECONDS(Kind.SHARED, "3", "the API's budget: its usual answer takes no longer"),
    SMOKE_CANARY_ROW(Kind.SHARED, null, "a row that is always there and that visitors may see; none says that the site does without a database"),
    SMOKE_HIDDEN_ROW(Kind.SHARED, null, "a row that is there and that a policy hides from visitors"),
    SMOKE_RELEASE(Kind.SHARED, "meta,/version.json,header:x-release", "where the site says of which commit it is; the first that says something counts"),
    SMOKE_HEADER(Kind.SECRET, null, "a header that opens a protected site; it goes to the site's own origin only"),
    SMOKE_CA_FILE(Kind.SHARED, null, "certificates of authorities of your own, in PEM form"),
    SMOKE_TLS_DAYS(Kind.SHARED, null, "days before the certificate's end: a warning, a failure"),
    SMOKE_DNS(Kind.SHARED, null, "where the site's name has to lead: addresses, names, or any"),
    SMOKE_REDIRECTS(Kind.SHARED, null, "addresses that have to lead to the site, comma separated"),
    SMOKE_HEADERS(Kind.SHARED, null, "headers that the page has to have, as NAME or NAME=TEXT; usual stands for the usual four"),
    SMOKE_MIGRATIONS(Kind.SHARED, null, "folder of the migrations: the last one has to be the database's"),
    SMOKE_CONNECTIONS_PERCENT(Kind.SHARED, null, "so many of the database's connections may be in use"),
    SMOKE_BACKUP_HOURS(Kind.SHARED, null, "the last backup may be so old"),
    SMOKE_CACHE(Kind.SHARED, null, "pages that no cache may keep from before the release, comma separated"),
    SMOKE_FILE(Kind.SHARED, null, "file with more addresses to look at, and what they have to answer"),
    SMOKE_BROWSER(Kind.SHARED, null, "1 looks with a real browser too: Chromium has to be installed"),

    DRILL_DAYS(Kind.SHARED, "35", "the last drill may be so many days old"),
    RESTORE_GOAL_MINUTES(Kind.SHARED, null, "the recovery-time goal: a drill takes no longer than so many minutes");

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
