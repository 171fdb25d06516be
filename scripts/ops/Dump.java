package ops;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Predicate;
import java.util.stream.Stream;

/**
 * The runs of pg_dump that make a backup's parts, streamed into the store: packed on the way, nothing on the disk.
 *
 * <p>A part exists in the store only after its pg_dump has exited 0 and its stream has ended.
 */
public final class Dump {
    /**
     * What came to lie in the store.
     *
     * @param globals null, with the reason in globalsNote, where the server does not let us read the roles
     * @param outside what hangs on its schemas from outside of them; null without any
     * @param tables with their rows, as they were counted in what is stored; with -1 each where nobody counted
     * @param countsNote why they were not counted, though they were to be; else null
     */
    public record Stored(List<Manifest.Part> parts, Manifest.Part globals, String globalsNote, Manifest.Part outside, List<Snapshot.Table> tables, String countsNote) {
        public List<Manifest.Part> objects() { return Stream.concat(parts.stream(), Stream.of(Optional.ofNullable(globals), Optional.ofNullable(outside)).flatMap(Optional::stream)).toList(); }

        public long bytesRaw() { return objects().stream().mapToLong(Manifest.Part::bytesRaw).sum(); }

        public long bytesStored() { return objects().stream().mapToLong(Manifest.Part::bytesStored).sum(); }
    }

    /** How a dump is packed: zstd's level, and age public keys when it is encrypted. */
    public record Form(int level, List<String> recipients) { }

    private interface Proof { void check() throws InterruptedException; }

    /** Looks at a stream while it is stored; need not read to its end. */
    private interface Taking { void take(InputStream raw) throws IOException; }

    private record Globals(Manifest.Part part, String missing) { }

    /** @param has whether a table's rows are in it */
    private record Part(String stage, List<String> arguments, Predicate<TableName> has) { }

    private final Run run;
    private final Settings settings;
    private final Database.Facts facts;
    private final List<Part> parts = new ArrayList<>();
    private final AtomicLong bytes = new AtomicLong();
    /** What is dumped, which on Supabase is less than what was selected. */
    public final Selection selection;
    public final PostgresTools.Found pgDump;
    private final PostgresTools.Found pgDumpAll;
    private final List<String> platform;

    /** Plans the dump of a database; throws ToolFailed when pg_dump is missing or older than the server. */
    public Dump(Run run, Settings settings, Database database, Database.Facts facts, Selection selected) throws InterruptedException {
        this.run = run;
        this.settings = settings;
        this.facts = facts;
        pgDump = PostgresTools.find(run, settings, "pg_dump", facts.major());
        pgDumpAll = PostgresTools.find(run, settings, "pg_dumpall", facts.major());
        platform = facts.supabase() && selected.schemas().isEmpty() ? Supabase.platformSchemas(database) : List.<String>of();
        parts.add(new Part("all", arguments(selected.without(platform, List.of())), table -> !platform.contains(table.schema())));
        var ours = Supabase.ourRows(platform);
        if (!ours.isEmpty()) parts.add(new Part("data", ours, table -> platform.contains(table.schema())));
        selection = platform.isEmpty() ? selected : selected.without(Supabase.withoutOurRows(platform), Supabase.PLATFORM_TABLES);
    }

    /** What tells pg_dump to keep to a selection. */
    public static List<String> arguments(Selection selection) {
        var arguments = new ArrayList<String>();
        // In double quotes a name is taken as it is, and not as a pattern.
        selection.schemas().forEach(schema -> arguments.add("--schema=" + Database.quote(schema)));
        selection.excludeSchemas().forEach(schema -> arguments.add("--exclude-schema=" + Database.quote(schema)));
        selection.excludeTableData().forEach(table -> arguments.add("--exclude-table-data=" + TableName.parse(table).sql()));
        return arguments;
    }

    /** Tells pg_dump to leave bytes as they are where nobody knows their encoding: read as UTF-8, any other text ends it. */
    public static List<String> encoding(String ofDatabase) { return ofDatabase.equals("SQL_ASCII") ? List.of("--encoding=SQL_ASCII") : List.of(); }

    private static void finish(Tool dump, Duration patience) throws InterruptedException {
        try {
            dump.finish(patience);
        } catch (Failure.ToolFailed e) {
            if (!e.getMessage().contains("has no equivalent in encoding")) throw e;
            throw new Failure.ToolFailed(e.getMessage(), "correct those rows: they hold bytes that stand for no character; or leave out the rows of that table: --exclude-table-data SCHEMA.TABLE");
        }
    }

    /** The platform's schemas, which are not in the archive of all. */
    public List<String> platform() { return platform; }

    /** Bytes that pg_dump has given so far, before packing. */
    public long bytes() { return bytes.get(); }

    /**
     * Dumps what the snapshot holds into the folder.
     *
     * @param listed the tables whose rows have to be in it
     * @param outside what hangs on its schemas from outside of them
     * @param count whether to count them on the way
     * @throws Failure.NotVerified when pg_dump takes other tables than are listed
     */
    public Stored upload(Steps steps, Store store, BackupFolder folder, Snapshot snapshot, Form form, Snapshot.Listed listed, List<Outside.Made> outside, boolean count) throws Exception {
        var environment = run.undo.act(() -> PostgresTools.environment(Workspace.create(run), snapshot.url(), settings));
        var patience = settings.seconds(Setting.DB_STALL_SECONDS);
        var globals = steps.start(() -> globals(store, folder, form, environment)); // they are small and done long before the rest
        var stored = new ArrayList<Manifest.Part>();
        var counts = new StreamCounts(listed, count);
        for (var part : parts) {
            var arguments = new ArrayList<>(List.of("--format=custom", "--compress=0", "--no-password", "--snapshot=" + snapshot.id,
                "--lock-wait-timeout=" + settings.number(Setting.DB_LOCK_SECONDS) + "s"));
            arguments.addAll(part.arguments);
            arguments.addAll(encoding(facts.encoding()));
            try (var dump = Tool.start(run, pgDump.path(), arguments, environment); var output = dump.stdout(patience, () -> isAtWork(snapshot.url(), environment))) {
                var name = String.format("data-%02d.dump%s", stored.size(), Packing.ending(form.recipients));
                Taking taking = raw -> counts.of(raw, part.has);
                stored.add(upload(store, folder.key() + name, part.stage, form, output, facts.bytes(), taking, () -> {
                    finish(dump, patience);
                    counts.check();
                }));
            }
        }
        var roles = Steps.await(globals);
        Manifest.Part beside = null;
        if (!outside.isEmpty()) {
            var script = Outside.script(outside);
            beside = upload(store, folder.key() + "outside.sql" + Packing.ending(form.recipients), "outside", form, new ByteArrayInputStream(script), script.length, raw -> { }, () -> { });
        }
        return new Stored(stored, roles.part, roles.missing, beside, counts.tables(), counts.note());
    }

    /** A table that has no rows any more may still be large, and is read without a word. */
    private boolean isAtWork(DatabaseUrl url, Map<String, String> environment) {
        return Silence.isAtWork(url, settings, "application_name = " + Database.literal(environment.get("PGAPPNAME")) + " and datname = pg_catalog.current_database()", false);
    }

    /** Roles belong to the server, so pg_dump leaves them out. Their passwords are not asked for: they are secrets. */
    private Globals globals(Store store, BackupFolder folder, Form form, Map<String, String> environment) throws IOException, InterruptedException {
        byte[] globals;
        try {
            globals = Tool.output(run, pgDumpAll.path(), List.of("--globals-only", "--no-role-passwords", "--no-password"), environment, Duration.ofSeconds(60));
        } catch (Failure.ToolFailed e) {
            return new Globals(null, e.getMessage());
        }
        var key = folder.key() + "globals.sql" + Packing.ending(form.recipients);
        return new Globals(upload(store, key, "globals", form, new ByteArrayInputStream(globals), globals.length, raw -> { }, () -> { }), null);
    }

    /** Packs and uploads a stream; the object exists only once the proof that the stream was whole has passed. */
    private Manifest.Part upload(Store store, String key, String stage, Form form, InputStream from, long expected, Taking taking, Proof whole) throws IOException, InterruptedException {
        try (var upload = store.begin(run, key, expected)) {
            var raw = new AtomicLong();
            try (var packed = Packing.pack(upload, form.level, form.recipients)) {
                var tee = new Tee(from, packed, passed -> {
                    raw.addAndGet(passed);
                    bytes.addAndGet(passed);
                });
                taking.take(tee);
                tee.rest();
                whole.check();
            }
            upload.commit();
            return new Manifest.Part(key.substring(key.lastIndexOf('/') + 1), stage, raw.get(), upload.bytes(), upload.sha256(), upload.storeSha256(), upload.storeEtag());
        }
    }
}
