package local;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import ops.Failure;

/**
 * Who runs a PostgreSQL server: the user of this process or, because PostgreSQL refuses root, an ordinary one.
 *
 * @param name null for the user of this process
 */
record ServerUser(String name, String uid, String gid) {
    private static final boolean DIES_WITH_PARENT = says("setpriv", "--help").contains("--pdeathsig");
    private static final boolean GAINS_NOTHING = says("setpriv", "--help").contains("--no-new-privs");

    /** For a server whose files stay: the same user each time. */
    static ServerUser find() { return find(List.of("postgres", "nobody")); }

    /**
     * For a server that is given what others have written: as its superuser they can run programs and read files as this
     * user, and a user 'postgres' may own a real server on this machine.
     */
    static ServerUser owningNothing() { return find(List.of("nobody", "postgres")); }

    private static ServerUser find(List<String> candidates) {
        if (!"0".equals(says("id", "-u"))) return new ServerUser(null, null, null);
        if (!says("setpriv", "--help").contains("--reuid"))
            throw new Failure.ToolFailed("PostgreSQL refuses to run as root, and setpriv, which starts it as another user, is missing",
                "install it (apt-get install util-linux), or run this as an ordinary user");
        for (var name : candidates)
            if (!says("id", "-u", name).isEmpty()) return new ServerUser(name, says("id", "-u", name), says("id", "-g", name));
        throw new Failure.ToolFailed("PostgreSQL refuses to run as root, and there is neither a user 'postgres' nor 'nobody'",
            "run this as an ordinary user");
    }

    boolean isOther() { return name != null; }

    /** The command as this user runs it. */
    List<String> command(List<String> command) { return prefixed(command, false, false); }

    /**
     * The same for a program that must not outlive the thread that starts it: Linux interrupts it then, even after
     * kill -9, and for a PostgreSQL server that is a fast shutdown. What it starts can't become another user, by sudo say.
     */
    List<String> server(List<String> command) { return prefixed(command, DIES_WITH_PARENT, GAINS_NOTHING); }

    private List<String> prefixed(List<String> command, boolean diesWithParent, boolean gainsNothing) {
        var all = new ArrayList<String>();
        if (isOther() || diesWithParent || gainsNothing) all.add("setpriv");
        if (isOther()) all.addAll(List.of("--reuid=" + uid, "--regid=" + gid, "--clear-groups"));
        if (diesWithParent) all.add("--pdeathsig=INT");
        if (gainsNothing) all.add("--no-new-privs");
        all.addAll(command);
        return all;
    }

    void own(Path path) throws IOException {
        if (isOther()) Files.setOwner(path, path.getFileSystem().getUserPrincipalLookupService().lookupPrincipalByName(name));
    }

    /** Whether the user can enter a folder, which every folder above it has a say in. */
    boolean canEnter(Path folder) throws IOException, InterruptedException {
        return !isOther() || new ProcessBuilder(command(List.of("test", "-x", folder.toString()))).start().waitFor() == 0;
    }

    /** What a small program prints; empty when it fails or is not there. */
    private static String says(String... command) {
        try {
            var process = new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.DISCARD).start();
            var said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
            return process.waitFor() == 0 ? said : "";
        } catch (IOException e) {
            return "";
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return "";
        }
    }
}
