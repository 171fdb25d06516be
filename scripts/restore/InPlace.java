//SOURCES AfterSql.java
package restore;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Future;
import java.util.stream.Collectors;
import ops.Amount;
import ops.Archive;
import ops.Archive.Entry;
import ops.Comparison;
import ops.Database;
import ops.DatabaseProperties;
import ops.DatabaseUrl;
import ops.Failure;
import ops.Fate;
import ops.Lasting;
import ops.Manifest;
import ops.Outside;
import ops.PartReader;
import ops.PostgresTools;
import ops.Private;
import ops.Rights;
import ops.Run;
import ops.Selection;
import ops.Settings;
import ops.Snapshot;
import ops.SqlFailure;
import ops.Steps;
import ops.TableName;
import ops.Tee;
import ops.Tool;
import ops.UnknownSettings;
import ops.Workspace;

/**
 * One transaction in the database itself, for servers that have just this one: it drops what the backup holds, loads the
 * archive, compares and commits. Until then everybody else finds the old data (and waits, where a table is being replaced);
 * when anything fails, or anybody is killed, the server goes back to them by itself.
 */
public final class InPlace implements AutoCloseable {
    /** Longer than what pg_restore writes behind its COMMIT. */
    private static final int TAIL = 4096;
    /** For a commit that the server is still at when the connection is lost. */
    private static final String END_OF_ANSWER = "end of the answer " + java.util.UUID.randomUUID();
    /** Between these psql takes a backslash for text: what an archive brings executes nothing on this machine. */
    private static final String RESTRICTED = "restrict " + java.util.UUID.randomUUID().toString().replace("-", "");

    private final Run run;
    private final Settings settings;
    private final DatabaseUrl url;
    private final Tool psql;
    private final OutputStream sql;
    private final BufferedReader answers;
    private final String transaction;
    /** Where psql writes what the server answers while the archive is being loaded. */
    private final Path loaded;
    /** What psql reads of the backup beside the archive. */
    private final Path statements;
    /** How many rows the server has taken, by the table that the archive has them of. */
    private final Map<TableName, Long> taken = new HashMap<>();
    private String notComparable;
    /** What no backup holds and went with what was dropped. */
    private final Set<String> gone = new LinkedHashSet<>();
    private List<Rights.Right> rightsBefore = List.of();

    /** Begins the transaction. */
    public InPlace(Run run, Settings settings, DatabaseUrl url, PostgresTools.Found program) throws IOException, InterruptedException {
        this.run = run;
        this.settings = settings;
        this.url = url;
        var workspace = run.undo.act(() -> Workspace.create(run));
        var environment = PostgresTools.environment(workspace, url, settings);
        loaded = workspace.resolve("loaded");
        statements = Private.create(workspace.resolve("statements"));
        psql = Tool.start(run, program.path(), List.of("--no-psqlrc", "--quiet", "--no-align", "--tuples-only", "--no-password", "--set=ON_ERROR_STOP=1", "--file=-"), environment);
        sql = psql.stdin();
        answers = new BufferedReader(new InputStreamReader(psql.stdout(), StandardCharsets.UTF_8));
        // Whatever the role or the database has set; and no warning, among what went wrong, that the archive begins a transaction too.
        say(Lasting.statement() + " \\g /dev/null");
        say("reset search_path; set default_transaction_read_only = on; begin isolation level read committed read write; set local search_path = pg_catalog; set local client_min_messages = error;");
        say("select 'set local role none' where exists (" + DatabaseProperties.SETS_A_ROLE + ") \\gexec");
        say("select txid_current();");
        transaction = answers.readLine();
        if (transaction == null) throw new Failure.ToolFailed("psql could not begin" + psql.said(), "see what it says");
        say("\\o /dev/null");
    }

    /** Waits until the server has done all that was said. */
    private void await() throws InterruptedException { ask(""); }

    /** What a query says, a line for each row. */
    private List<String> ask(String query) throws InterruptedException {
        var lines = new ArrayList<String>();
        try {
            say("\\o\n" + query + "\nselect '" + END_OF_ANSWER + "';\n\\o /dev/null");
            for (String line; (line = answers.readLine()) != null; lines.add(line))
                if (line.equals(END_OF_ANSWER)) return lines;
        } catch (IOException e) {
            // psql has ended at the first error, which it said
        }
        throw failed();
    }

    /** When psql has ended at an error, which it does at once, it is that which counts, and not the broken pipe. */
    private void say(String text) throws InterruptedException {
        try {
            sql.write((text + "\n").getBytes(StandardCharsets.UTF_8));
            sql.flush();
        } catch (IOException e) {
            throw failed();
        }
    }

    /**
     * Makes sure that the role may replace what the backup holds.
     *
     * @throws Failure.BadSetting naming what it may not, and the grant that it needs
     */
    public static void check(Database session, Selection selection, List<String> kept) {
        var role = Database.quote(session.url.user);
        var mend = ": README.md, Security and permissions";
        for (var schema : Dropped.replaced(session, selection, kept))
            if (!schema.isOurs()) throw new Failure.BadSetting("role " + session.url.user + " can't replace schema " + schema.name() + ", which belongs to " + schema.owner(), "as a superuser: GRANT " + schema.owner() + " TO " + role + "; or ALTER SCHEMA " + Database.quote(schema.name()) + " OWNER TO " + role + mend);
        if (session.one("select has_database_privilege(current_database(), 'create')").equals("f"))
            throw new Failure.BadSetting("role " + session.url.user + " may not create schemas in database " + session.url.database, "as a superuser: GRANT CREATE ON DATABASE " + Database.quote(session.url.database) + " TO " + role + mend);
    }

    /** Drops what the backup would bring, and what in its schemas is newer than it. */
    public void drop(Database session, Replacement what, boolean withOwners, Manifest manifest) throws InterruptedException {
        say("set local lock_timeout = '" + settings.number(ops.Setting.DB_LOCK_SECONDS) + "s';");
        if (!ask(Outside.fingerprintOf(what.dropped.roots()) + ";").equals(List.of(what.outside.fingerprint))) throw notCommitted(new Failure.Failed("somebody has changed what depends on it since it was looked at", "run it again"));
        gone.addAll(kept(what));
        rightsBefore = rights(manifest.selection(), manifest.server().supabase());
        say(String.join("\n", what.before()));
        // Every new database has this one.
        if (what.dropped.schemas().stream().anyMatch(schema -> schema.name().equals("public"))) say(String.join("\n", creation("public", session)));
        var owner = what.schemaPublic().map(Entry::owner).orElse("");
        if (withOwners && !owner.isEmpty()) say("alter schema public owner to " + Database.quote(owner) + ";");
        kept(what).forEach(gone::remove); // what others drop from here on is theirs to drop
    }

    /** What is there and no backup holds. */
    private List<String> kept(Replacement what) throws InterruptedException { return ask(Outside.kept(what.dropped.roots()) + ";"); }

    /** What creates a schema as every new database has it. */
    private static List<String> creation(String schema, Database session) {
        if (!schema.equals("public")) return List.of("create schema " + Database.quote(schema) + ";");
        return session.one("select current_setting('server_version_num')::int >= 150000").equals("t")
            ? List.of("create schema public authorization pg_database_owner;", "grant usage on schema public to public;", "comment on schema public is 'standard public schema';")
            : List.of("create schema public;", "grant all on schema public to public;", "comment on schema public is 'standard public schema';");
    }

    /** Creates schemas, in which a part will be. */
    public void create(Set<String> schemas, Database session, Replacement what) throws InterruptedException {
        say(String.join("\n", what.before()));
        for (var schema : schemas) say(String.join("\n", creation(schema, session)));
        await();
    }

    /**
     * Makes again what was dropped and is outside: as it was when the backup was made, where that says so; what the backup has
     * of it and the database has not is made too. And gives the database its default privileges back.
     *
     * @param rights statements of the archive's that come first
     */
    public void complete(Replacement what, List<String> rights) throws IOException, InterruptedException {
        if (!rights.isEmpty()) execute(String.join("\n", rights));
        if (what.outside != null) makeOutside(what);
        say(String.join("\n", what.defaultsBack()));
        if (what.outside != null) makeSureThatNothingIsLost(what);
        await();
    }

    private void makeOutside(Replacement what) throws IOException, InterruptedException {
        var stored = what.stored.stream().collect(Collectors.toMap(Outside.Made::what, each -> each, (one, same) -> one));
        for (var made : what.outside.made()) makeAgain(stored.getOrDefault(made.what(), made));
        var there = new HashSet<>(kept(what));
        for (var made : what.stored)
            if (!there.contains(made.what())) makeAgain(made);
    }

    private void makeSureThatNothingIsLost(Replacement what) throws InterruptedException {
        var there = new HashSet<>(kept(what));
        var lost = new ArrayList<>(gone);
        lost.removeIf(there::contains);
        lost.removeIf(Outside::mayGo);
        if (!lost.isEmpty()) throw notCommitted(new Failure.Refused("what no backup holds would be gone: " + Outside.some(lost), "move it to where it does not depend on what is restored, or take a backup that holds it too"));
    }

    private void makeAgain(Outside.Made made) throws IOException, InterruptedException {
        try {
            execute(made.sql());
        } catch (Failure.ToolFailed e) {
            throw new Failure.Refused(made.what() + ", which is in no archive, can't be made again: " + e.getMessage().replaceFirst("^the restore failed: ", ""), "drop it in " + url + " when it is not needed with these data, or restore a backup that has what it needs");
        }
    }

    /** Has psql read statements of a backup: from a file of their own, since one that ends in the middle of a text must not take in what follows. */
    private void execute(String sql) throws IOException, InterruptedException {
        Files.writeString(statements, "\\" + RESTRICTED + "\n" + sql + "\n\\un" + RESTRICTED + "\n");
        say("\\i " + psqlLiteral(statements));
        await();
    }

    /** Loads an archive, without the COMMIT at its end, and without what this server does not know. */
    public void load(Steps steps, PartReader reader, Manifest.Part part, PostgresTools.Found pgRestore, List<String> options, UnknownSettings unknown) throws Exception {
        var arguments = new ArrayList<>(List.of("--single-transaction", "--file=-"));
        arguments.addAll(options);
        var tables = new ArrayList<TableName>();
        // From here on the server's answers, "COPY 5" among them, go into a file.
        say("\\set QUIET off\n\\o " + psqlLiteral(loaded));
        try (var converting = Tool.start(run, pgRestore.path(), arguments, Map.of())) {
            Future<Boolean> writing = steps.start(() -> {
                try {
                    copyWithoutCommit(unknown.leftOutOf(converting.stdout()));
                    return true;
                } catch (IOException e) {
                    converting.stop(); // or it would wait for ever until somebody reads on
                    throw e;
                }
            });
            reader.read(part, raw -> {
                try (var to = converting.stdin()) {
                    var tee = new Tee(raw, to, passed -> { });
                    tables.addAll(tables(tee, options));
                    tee.rest();
                } catch (IOException e) {
                    // one of the two has ended, and says why below
                }
                converting.finish(PostgresTools.PATIENCE);
            });
            Steps.await(writing);
        } catch (IOException | Failure.ToolFailed e) {
            if (!psql.ended()) throw e;
            throw failed();
        }
        say("\\set QUIET on\n\\o /dev/null");
        // What the archive has set may have psql find the end of a text, in what it is told from here on, in another place than we.
        say("set standard_conforming_strings = on; set client_encoding = 'UTF8';");
        await();
        if (notComparable == null) taken(tables);
    }

    /** The tables whose rows pg_restore loads, in this order. */
    private List<TableName> tables(InputStream raw, List<String> options) throws IOException {
        try {
            var tables = new LinkedHashMap<>(new Archive(raw).tablesOfRows());
            for (var option : options)
                if (option.startsWith("--use-list=")) tables.keySet().retainAll(numbers(Path.of(option.replaceFirst("--use-list=", ""))));
            return List.copyOf(tables.values());
        } catch (Failure.ToolFailed e) {
            notComparable = e.getMessage(); // a format that is newer than this kit: pg_restore may know it
            return List.of();
        }
    }

    /** The numbers of the entries in a list as pg_restore --list prints them, some of them left out. */
    private static Set<Integer> numbers(Path list) throws IOException {
        return Files.readAllLines(list).stream().filter(line -> line.matches("[0-9]+;.*")).map(line -> Integer.valueOf(line.replaceFirst(";.*", ""))).collect(Collectors.toSet());
    }

    private void taken(List<TableName> tables) throws IOException {
        var answers = Files.readAllLines(loaded).stream().filter(line -> line.matches("COPY [0-9]+")).map(line -> Long.valueOf(line.substring(5))).toList();
        if (answers.size() != tables.size())
            throw new Failure.NotVerified("the server was given rows of " + Amount.count(answers.size(), "table") + ", and the archive has " + tables.size(), "take another backup: ./jbang backups list --env " + settings.env);
        for (var i = 0; i < tables.size(); i++) taken.put(tables.get(i), answers.get(i));
    }

    private static String psqlLiteral(Path path) { return Database.literal(path.toAbsolutePath().toString().replace("\\", "\\\\")); }

    private void copyWithoutCommit(InputStream script) throws IOException {
        var held = new byte[0];
        var buffer = new byte[1 << 17];
        for (int read; (read = script.read(buffer)) > 0; ) {
            var all = java.util.Arrays.copyOf(held, held.length + read);
            System.arraycopy(buffer, 0, all, held.length, read);
            var ready = Math.max(0, all.length - TAIL);
            sql.write(all, 0, ready);
            held = java.util.Arrays.copyOfRange(all, ready, all.length);
        }
        var tail = new String(held, StandardCharsets.ISO_8859_1);
        var commit = tail.lastIndexOf("\nCOMMIT;\n");
        if (commit < 0) throw new Failure.ToolFailed("pg_restore's script does not end as expected", "use --mode swap, or restore by hand as ./jbang backups show says");
        sql.write((tail.substring(0, commit) + tail.substring(commit + "\nCOMMIT;".length())).getBytes(StandardCharsets.ISO_8859_1));
        sql.flush();
    }

    /** Who may do what in the database, as far as a backup holds it. */
    public List<Rights.Right> rights(Selection selection, boolean supabase) throws InterruptedException { return Rights.parse(ask(Rights.LINES + ";"), selection, supabase); }

    /** The same, before anything was dropped. */
    public List<Rights.Right> rightsBefore() { return rightsBefore; }

    /** A failure after which nothing is committed. */
    public Failure notCommitted(Failure failure) {
        run.state("the database of '" + settings.env + "' is as it was: nothing was committed");
        return failure;
    }

    /**
     * Compares what the server has taken with the manifest, without a query: to plan one may already call somebody's function.
     *
     * @param tables those that were to be loaded
     * @return what was compared, in words
     * @throws Failure.NotVerified when a table has other rows than the manifest says
     */
    public String compare(Manifest manifest, List<Snapshot.Table> tables) {
        if (notComparable == null) return Comparison.of(taken, manifest, tables);
        run.console.warn("the rows were not compared: " + notComparable);
        return "not compared";
    }

    /** Executes the statements that a query has. */
    public void switchOff(String query) throws InterruptedException {
        say(query + " \\gexec");
        await();
    }

    /** Runs the operator's own SQL. */
    public void run(AfterSql after) throws InterruptedException {
        String now = null;
        try {
            say(after.lines());
            await();
            say("\\o\nselect txid_current();\n\\o /dev/null");
            now = answers.readLine();
        } catch (IOException e) {
            throw failed(); // psql has ended, and says why
        } catch (Failure e) {
            if (committed()) run.state("'" + settings.env + "' has the restored data, and " + after + " has ended the transaction before all of it was done: see what it has done, or restore again");
            throw e;
        }
        if (transaction.equals(now)) return;
        run.state("'" + settings.env + "' has either the old data or the restored ones, and " + after + " has ended the transaction: see what it has done, or restore again");
        throw new Failure.Unclear(after + " has ended the transaction that it runs in", "take COMMIT and ROLLBACK out of what it includes, then run it again");
    }

    /** Commits. */
    public void commit() throws InterruptedException {
        run.state("'" + settings.env + "' has either the old data or the restored ones, complete; it is not known which");
        try {
            // A pooler may keep the session, and with it what the archive has set.
            sql.write("commit;\ndiscard all;\n".getBytes(StandardCharsets.UTF_8));
            sql.close();
            psql.finish(PostgresTools.PATIENCE);
        } catch (IOException | Failure.ToolFailed e) {
            if (!committed()) throw failed();
        }
    }

    /** Asks the server, after the answer to the commit was lost. */
    private boolean committed() throws InterruptedException { return Fate.isCommitted(url, settings, "handover restore-db " + settings.env, transaction); }

    private Failure failed() throws InterruptedException {
        run.state("the database of '" + settings.env + "' is as it was: nothing was committed");
        try {
            sql.close(); // without a COMMIT before it, the end is a rollback
        } catch (IOException e) {
            // psql has ended already
        }
        try {
            psql.finish(Duration.ofSeconds(5)); // in its own way, or its last words would be lost
        } catch (Failure.ToolFailed e) {
            // as is to be expected; it says why
        }
        var said = psql.said();
        if (said.contains("max_locks_per_transaction"))
            return new Failure.BadSetting("the server has not enough locks for so many objects in one transaction" + said, "let the server have more, and restart it: ALTER SYSTEM SET max_locks_per_transaction = 1024; or, where the role may create databases, --mode swap");
        return new Failure.ToolFailed("the restore failed" + said,
            SqlFailure.next(said, "mend what it says, then run it again"));
    }

    @Override public void close() { psql.close(); }
}
