//SOURCES Contents.java
//SOURCES Copy.java
//SOURCES DrillServer.java
//SOURCES Needs.java
//SOURCES ../restore/Outward.java
package backups;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Predicate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import ops.*;
import restore.Outward;

/** A stored backup, restored into a database of its own on a server for drills. The environment's server is not touched. */
public final class TrialRestore {
    /** What a server lacks, and not the backup. */
    private static final Pattern SERVER_LACKS = Pattern.compile("Command was: CREATE EXTENSION"
        + "|collation \"[^/]*\" for encoding|could not create locale|ICU is not supported|could not open collator"
        + "|unrecognized configuration parameter");
    private static final Pattern LACKS_A_RIGHT = Pattern.compile("permission denied|must be (member of|owner of|able to SET ROLE|superuser)|role \".*\" does not exist");
    private static final Pattern TAKES_A_SUPERUSER = Pattern.compile("permission denied|must be (owner of|superuser)|[Oo]nly superuser|[Oo]nly roles with");
    /** What may be right in one locale and wrong in another. */
    private static final Pattern LOCALES_FAULT = Pattern.compile("violates check constraint|could not create (unique|exclusion)|violates (unique|exclusion)|conflicting key|no partition of relation|invalid regular expression|overlap partition|lower bound");

    /** As pg_dump writes it behind a table's columns: on a line of its own. */
    private static final Pattern COMPRESSION = Pattern.compile("(?m)^AL(TER TABLE ONLY .* ALTER COLUMN .* SET COMPRESSION ([a-z0-9_]+);)$");
    static final String ONLY_REPAIRED = "only with --repair: ";
    private static final int SPARE_LOCKS = 3200, LOCKS_OF_AN_OBJECT = 2;

    private final Run run;
    private final Settings settings;
    private final Store store;
    private final BackupFolder folder;
    private final Steps steps;
    private final RoleCopy as;
    final Set<String> lacking = new TreeSet<>();
    final List<String> notRestorable = new ArrayList<>();
    /** What the server has or prints otherwise, and says nothing against the backup. */
    final List<String> notes = new ArrayList<>();
    /** What only {@code restore-db --repair} gets over; empty when an ordinary restore does. */
    List<Repair.Finding> repaired = List.of();
    private String otherLocale = "";
    /** How many rows of each table its server has taken. */
    Map<TableName, Long> taken = Map.of();
    Manifest manifest;
    PostgresTools.Found pgRestore;
    DrillServer server;
    /** What only a superuser's code can be, and was not made. */
    List<Archive.Entry> withoutRights = List.of();
    private PartReader reader;
    Outward outward;

    public TrialRestore(Run run, Settings settings, Store store, BackupFolder folder, Steps steps) { this(run, settings, store, folder, steps, null); }

    /** @param as whose rights it is restored with; null where all may be restored that runs with no superuser's */
    TrialRestore(Run run, Settings settings, Store store, BackupFolder folder, Steps steps, RoleCopy as) {
        this.as = as;
        this.run = run;
        this.settings = settings;
        this.store = store;
        this.folder = folder;
        this.steps = steps;
    }

    /** Where it is, for its superuser. */
    public DatabaseUrl database() { return server.database; }

    /** The same for a copy of a role of another server; empty where that can't be had here. */
    public Optional<DatabaseUrl> database(RoleCopy copy) {
        return server.login(copy).map(login -> server.isThrowaway() ? login.withoutTls() : login);
    }

    /** A copy of it as it is now, for its superuser; nobody else may be connected to it. */
    public DatabaseUrl copyOfNow() { return server.copyOfNow(); }

    /** Whether pg_dump prints the same of two databases of its server, but for their rows. */
    public boolean definesTheSame(DatabaseUrl one, DatabaseUrl other) throws IOException, InterruptedException {
        var pgDump = PostgresTools.find(run, settings, "pg_dump", server.major);
        return definitions(pgDump, one).differences(definitions(pgDump, other)).isEmpty();
    }

    private Contents definitions(PostgresTools.Found pgDump, DatabaseUrl database)
        throws IOException, InterruptedException {
        var environment = run.undo.act(() -> PostgresTools.environment(Workspace.create(run), database, settings));
        var arguments = List.of("--no-password", "--schema-only",
            "--lock-wait-timeout=" + settings.number(Setting.DB_LOCK_SECONDS) + "s");
        try (var dump = Tool.start(run, pgDump.path(), arguments, environment);
            var output = dump.stdout(PostgresTools.PATIENCE)) {
            var contents = Contents.of(output);
            dump.finish(PostgresTools.PATIENCE);
            return contents;
        }
    }

    /** How many sessions there were of it so far; -1 where its server does not count them. */
    public long sessions() { return server.sessions(); }

    /** How many of its transactions were rolled back so far. */
    public long rollbacks() { return server.rollbacks(); }

    public Manifest manifest() { return manifest; }

    /**
     * Restores it.
     *
     * @throws Failure.NotVerified when the backup is broken
     * @throws Failure.ToolFailed when the server can't have it
     */
    public void restore() throws Exception {
        steps.check("Check the backup's objects", this::checkObjects);
        steps.check("Have a server for the drill", this::open);
        steps.check("Load into it", this::load);
        for (var what : notRestorable) run.console.warn("left out: " + what);
    }

    private boolean checkObjects() throws IOException {
        manifest = folder.manifest(store);
        reader = new PartReader(store, folder, manifest, settings.get(Setting.BACKUP_IDENTITY_FILE));
        reader.checkObjects();
        reader.checkBytes(run);
        steps.found(folder.id() + ", " + Amount.bytes(manifest.bytesStored()));
        return true;
    }

    PartReader newReader() { return reader.again(); }

    /** Of the version that the backup's server had: what is restored in earnest is restored there. */
    private boolean open() throws Exception {
        var objects = 0;
        for (var part : manifest.parts()) if (isWhole(part)) objects += newReader().contents(part).size();
        // A dump locks every table in one transaction, and a query of a partitioned table each partition and index of it.
        server = DrillServer.open(run, settings, store, manifest.serverMajor(), SPARE_LOCKS + LOCKS_OF_AN_OBJECT * objects, as);
        otherLocale = server.create(manifest.server());
        if (!otherLocale.isEmpty()) note(otherLocale);
        if (as != null) note("as a copy of role " + as.role() + " of '" + as.env() + "'" + (as.superuser() ? ", a superuser: what others have written in it runs as one" : ""));
        pgRestore = PostgresTools.findRestore(run, settings, manifest.pgDumpMajor(), server.major);
        steps.found("PostgreSQL " + server.version + ", " + server.locale() + ", " + server.database);
        return true;
    }

    /** Whether nothing that others have written runs with a superuser's rights. */
    boolean isDivided() { return as == null; }

    /** Keeps what is to be said of the server. */
    void note(String what) {
        notes.add(what);
        run.console.warn(what);
    }

    private boolean load() throws Exception {
        if (manifest.globals() != null) reader.read(manifest.globals(), raw -> { if (as == null) server.roles(new String(raw.readAllBytes(), StandardCharsets.UTF_8)); });
        try {
            load(reader, null);
        } catch (Failure.ToolFailed e) {
            var judged = judged(e);
            if (judged != null) throw judged;
            loadRepairing(e);
        }
        steps.found(Amount.bytes(manifest.bytesRaw()));
        return true;
    }

    /** After an ordinary restore has failed at what is in the backup: whether all rows are there, and the rest can be told. */
    private void loadRepairing(Failure.ToolFailed first) throws Exception {
        run.console.warn("an ordinary restore fails, so once more as with --repair: " + first.getMessage());
        server.createAnew();
        lacking.clear();
        notRestorable.clear();
        var repair = new Repair(run, settings, as != null);
        try {
            load(newReader(), repair);
        } catch (Failure.ToolFailed e) {
            var judged = judged(e);
            throw judged != null ? judged : new Failure.NotVerified("the backup can't be restored: " + e.getMessage(), anotherOne());
        }
        repaired = repair.findings();
        for (var finding : repaired) note(ONLY_REPAIRED + finding.words());
    }

    /** @param repair null for an ordinary restore */
    private void load(PartReader reader, Repair repair) throws Exception {
        var options = as == null ? List.of("--no-tablespaces", "--no-owner") : List.of("--no-tablespaces");
        var load = new Load(run, settings, server.loader(), pgRestore, options, Runtime.getRuntime().availableProcessors(), false).repairing(repair);
        if (as == null) load.dividing(server.database);
        taken = load.taken();
        try (var progress = new Progress(run.console, "Load", load::done, manifest.bytesRaw())) {
            for (var part : manifest.parts()) {
                if (isWhole(part)) {
                    var contents = reader.contents(part);
                    server.set(DatabaseProperties.of(contents));
                    // As if it were its own environment, but that nothing in it reaches another server.
                    outward = new Outward(contents, entry -> true, false, true, true, true);
                    outward.unfilled().forEach(view -> notRestorable.add("rows of the materialized view " + view + " (they come from another server)"));
                    try {
                        load.load(reader, part, this::prepare);
                    } finally {
                        withoutRights = load.leftOut();
                    }
                    withoutRights.stream().filter(entry -> entry.description().matches("FUNCTION|PROCEDURE")).forEach(entry -> notRestorable.add(entry + " (its language acts as the user who runs the server, and a drill lets nothing do that)"));
                }
                else notRestorable.add(part.name() + " (rows of schemas that Supabase owns, which this server does not have)");
            }
        }
    }

    static boolean isWhole(Manifest.Part part) { return part.stage().equals("all"); }

    private Predicate<String> prepare(Path beginning) throws IOException, InterruptedException {
        var needs = Needs.of(run, pgRestore, beginning);
        if (as == null) server.roles(needs);
        lacking.addAll(server.lacking(needs.extensions()));
        lacking.forEach(name -> notRestorable.add("extension " + name + " (this server does not have it)"));
        leaveOutCompressions(beginning);
        return line -> outward.leavesOut(line) || lacking.stream().anyMatch(extension -> Needs.isOf(extension, line));
    }

    /** A server may have been built without a method: how it packs a column says nothing of what is in it. */
    private void leaveOutCompressions(Path beginning) throws IOException {
        var known = server.compressions();
        var unknown = new TreeSet<String>();
        // Made a comment of the same length, since the archive says before each text how long it is.
        var text = COMPRESSION.matcher(Files.readString(beginning, StandardCharsets.ISO_8859_1)).replaceAll(found -> {
            if (known.contains(found.group(2))) return Matcher.quoteReplacement(found.group());
            unknown.add(found.group(2));
            return Matcher.quoteReplacement("--" + found.group(1));
        });
        if (unknown.isEmpty()) return;
        Files.writeString(beginning, text, StandardCharsets.ISO_8859_1);
        unknown.forEach(method -> notRestorable.add("compression " + method + " of columns (this server does not have it)"));
    }

    /** Why it could not be loaded, when that is the server's fault; null when something in the backup stands in the way. */
    private Failure judged(Failure.ToolFailed e) {
        if (!lacking.isEmpty())
            return new Failure.ToolFailed("it can't be restored on a server without extension " + String.join(", ", lacking) + ": " + e.getMessage(),
                "name a server that has it: DRILL_DATABASE_URL; or install it here");
        if (as != null && LACKS_A_RIGHT.matcher(e.getMessage()).find())
            return new Failure.ToolFailed("role " + as.role() + " of '" + as.env() + "' can't restore it: " + e.getMessage(), "give it the right or the membership that is lacking; or restore there with --no-owner");
        if (manifest.server().supabase())
            return new Failure.ToolFailed("it can't be restored on a server without Supabase's own schemas: " + e.getMessage(), "restore it into a project made for that: ./jbang restore-db --env OTHER --from " + settings.env);
        if (as == null && (!withoutRights.isEmpty() || TAKES_A_SUPERUSER.matcher(e.getMessage()).find()))
            return new Failure.ToolFailed("it takes a superuser to restore it, and a drill runs nothing that others have written as one" + (withoutRights.isEmpty() ? "" : " (left out: " + withoutRights.get(0) + ")") + ": " + e.getMessage(),
                "as a user and on a machine that its code may do anything to, restore it as a copy of a superuser: ./jbang backups drill " + folder.id() + " --env " + settings.env + " --as ENV");
        if (e.getMessage().contains("out of shared memory"))
            return new Failure.ToolFailed("the server for drills has room for " + server.locks() + " locks, and that is too little: " + e.getMessage(), "there: max_locks_per_transaction = 1024, and a restart; or name no server, for one that is made for the drill");
        if (!otherLocale.isEmpty() && LOCALES_FAULT.matcher(e.getMessage()).find())
            return new Failure.ToolFailed(otherLocale + ", which may be why it can't be restored there: " + e.getMessage(), "name a server that has the locale: DRILL_DATABASE_URL; or install it here: locale-gen");
        if (SqlFailure.isOwnTrouble(e.getMessage()))
            return new Failure.ToolFailed(e.getMessage(), SqlFailure.next(e.getMessage(), e.hint));
        return !e.getMessage().contains("ERROR: ") || SERVER_LACKS.matcher(e.getMessage()).find() ? e : null;
    }

    String anotherOne() { return "do not rely on this one; take another: ./jbang backups list --env " + settings.env + "; and make a new one now"; }

    /** Removes the database, and the server when it was started for this; else that happens when the run ends. */
    public void close() { if (server != null) server.close(); }
}
