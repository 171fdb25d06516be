import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.LongStream;
import ops.Failure;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveOutputStream;
import org.apache.commons.compress.archivers.tar.TarConstants;
import org.junit.jupiter.api.Test;
import release.Artifact;
import release.Releases;

/** Limits on memory, disk, descriptors and places: an answer in words, never exit 70, never half a result that looks whole. */
class HostileLimitsTest {
    private final Kit kit = Stack.kit();

    private Kit.Result bash(String script) { return kit.bash(script); }

    /** Lines of bash as root in a namespace of mounts of their own; the launcher lies below /tmp, so bash has to read it. */
    private Kit.Result withMounts(String script) throws IOException {
        assumeTrue(Files.getAttribute(Path.of("/proc/self"), "unix:uid").equals(0) && kit.bash("unshare -m true || true").err().isEmpty(), "mounting takes root");
        Files.writeString(kit.home.resolve("mounts.sh"), "set -eu\n" + script + "\n");
        return kit.bash("unshare -m bash mounts.sh");
    }

    // --- places

    private static final String NOEXEC = "noexec() { for folder; do mount --bind \"$folder\" \"$folder\"; mount -o remount,bind,noexec \"$folder\"; done; }\n";

    @Test void where_the_usual_temporary_folder_runs_no_programs_native_code_is_loaded_from_another() throws IOException {
        kit.database.execute("create table t (id int)");
        var cache = "${HANDOVER_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/handover}";
        withMounts(NOEXEC + "noexec /tmp; bash ./jbang backup-db --env staging").exits(0).says("ok: ");
        assertEquals(1, kit.sealed().size());
        // And where none does, it is said what to do.
        var nowhere = NOEXEC + "noexec /tmp /var/tmp \"" + cache + "\"; ";
        withMounts(nowhere + "bash ./jbang backups verify --env staging").exits(78).says("FAILED: native code can't be loaded from any folder here: /tmp (mounted noexec)", "Next:  let HANDOVER_CACHE name a folder of your own that is not mounted noexec");
        withMounts(nowhere + "bash ./jbang doctor --env staging").exits(78).prints("problem      native code: native code can't be loaded from any folder here");
        assertEquals(List.of(), kit.leftTemporary());
    }

    /** Two containers share the folder and know nothing of each other's processes. */
    @Test void a_run_in_another_container_keeps_its_temporary_files_and_what_a_killed_one_left_is_removed() throws IOException {
        assumeTrue(Files.getAttribute(Path.of("/proc/self"), "unix:uid").equals(0) && kit.bash("unshare --pid --fork true || true").err().isEmpty(), "a namespace takes root");
        kit.database.execute("create table t (id int); insert into t values (1)");
        kit.set("OTHER_DATABASE_URL", kit.database.url());
        var cache = "${HANDOVER_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/handover}";
        // Of process 1, which always runs somewhere; nobody has its lock.
        var left = "handover-run-1-" + kit.bucket;
        kit.bash("for place in $XDG_RUNTIME_DIR \"" + cache + "\"; do mkdir -m 700 \"$place/" + left + "\"; touch \"$place/" + left + "/lock\"; done").exits(0);
        kit.bash("mkdir -m 700 $XDG_RUNTIME_DIR/" + left + "-killed-before-it-had-a-lock").exits(0);
        var first = LongStream.iterate(30_000, from -> from + 100).filter(from -> LongStream.range(from, from + 100).allMatch(pid -> ProcessHandle.of(pid).isEmpty())).findFirst().orElseThrow();
        Files.writeString(kit.home.resolve("contained.sh"), "echo " + first + " > /proc/sys/kernel/ns_last_pid; ./jbang backup-db --env staging; exit $?\n");
        try (var store = new FaultProxy(kit)) {
            var held = store.next("PUT .*SHA256SUMS").hold();
            var contained = new Kit.Running(List.of("unshare", "--pid", "--fork", "--mount-proc", "bash", "contained.sh"), kit.home, kit.environment());
            store.awaitSeen("PUT .*SHA256SUMS");
            var its = kit.leftTemporary();
            assertTrue(its.stream().anyMatch(path -> path.toString().contains("handover-run-" + first / 100)), its.toString());
            kit.run("backup-db", "--env", "other").exits(0);
            assertEquals(its, kit.leftTemporary());
            held.release();
            contained.result().exits(0);
        }
        withMounts(NOEXEC + "noexec /tmp /var/tmp $XDG_RUNTIME_DIR; bash ./jbang doctor --env staging").prints("ok           native code: loaded from ");
        assertEquals("", kit.bash("ls -d $XDG_RUNTIME_DIR/" + left + "* \"" + cache + "/" + left + "\" || true").out());
    }

    /** As in a chroot: what is no mount of its own stands in no table of mounts. */
    @Test void without_a_table_of_mounts_everything_runs() throws IOException {
        kit.database.execute("create table t (id int); insert into t values (1)");
        var chroot = "mkdir -p root/tmp root/var/tmp root/proc \"root$PWD\"; cp -r .env.operations jbang* scripts acceptance tests runtime \"root$PWD/\"; chmod 600 \"root$PWD/.env.operations\"\n"
            + "for folder in /*; do case $folder in /proc | /sys | /tmp | /var | /lost+found) continue ;; esac; if [ -L $folder ]; then cp -P $folder root/; elif [ -d $folder ]; then mkdir root$folder; mount --rbind $folder root$folder; fi; done\n"
            + "mount -t proc proc root/proc\n"
            + "in_it() { chroot root bash -c 'cd \"$1\"; shift; exec bash ./jbang \"$@\"' - \"$PWD\" \"$@\"; }\n";
        withMounts(chroot + "in_it backup-db --env staging; in_it restore-db --env staging; in_it doctor --env staging").exits(0).says("ok: Switch").prints("ok           temporary folder: ");
    }

    /** As systemd's DynamicUser, or nobody: the list of users gives it a home that is not there. */
    @Test void a_service_s_user_starts_with_a_home_and_a_cache_of_its_own_or_with_a_cache_alone() throws IOException {
        assumeTrue(Files.getAttribute(Path.of("/proc/self"), "unix:uid").equals(0), "another user's name takes root");
        Kit.needs("setpriv");
        bash("""
            place=$(mktemp -d /var/tmp/handover-service-XXXXXX); trap 'rm -rf "$place"' EXIT; chmod 755 "$place"
            mkdir "$place/home" "$place/cache"
            cp jbang jbang.sha256 jbang-catalog.json "$place/"
            cp -r "${HANDOVER_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/handover}"/jbang-* "$place/cache/"
            echo 'class Hello { public static void main(String... none) { System.out.println("it runs"); } }' >"$place/Hello.java"
            chown -R 65534:65534 "$place"
            cd "$place"
            as_service() { setpriv --reuid=65534 --regid=65534 --clear-groups env -i PATH="$PATH" JAVA_HOME="$JAVA_HOME" HANDOVER_CACHE="$place/cache" "$@"; }
            as_service HOME="$place/home" ./jbang Hello.java
            as_service HOME=/nonexistent ./jbang Hello.java
            """).exits(0).prints("it runs\nit runs\n");
    }

    // --- limits of a process

    @Test void too_few_files_or_addresses_are_said_before_java_starts() {
        bash("ulimit -n 64; ./jbang backups list --env staging").exits(12).says("this process may have only 64 files open at a time, and 256 are needed");
        bash("ulimit -v 1000000; ./jbang backups list --env staging").exits(12).says("this process may have only 1000000 KB of addresses");
        bash("ulimit -n 256; ./jbang backups list --env staging").exits(0);
    }

    // --- results that nobody takes

    @Test void a_result_that_can_not_be_written_is_no_success() {
        kit.backedUp("create table t (id int)");
        for (var command : new String[] {"backups show latest --env staging >&-", "doctor --env staging --json >/dev/full"})
            bash("./jbang " + command).exits(1).says("FAILED: the result could not be written to stdout, or not all of it: ", "Next:  let stdout lead where there is room");
        // What was done and recorded stays done; but a document was asked for.
        bash("./jbang backups hold latest --env staging >/dev/full").exits(0).says("warning: the result could not be written to stdout");
        bash("./jbang backups release latest --env staging --json >/dev/full").exits(1).says("FAILED: the result could not be written to stdout");
    }

    @Test void what_can_not_be_kept_in_the_bucket_is_said_and_what_was_found_is_said_all_the_same() {
        kit.backedUp("create table t (id int)");
        var data = kit.sealed().get(0) + "data-00.dump.zst";
        try (var store = new FaultProxy(kit)) {
            store.every("PUT .*/(history|verify-).*").answer(403, "AccessDenied");
            kit.run("backups", "verify", "--env", "staging").exits(13).prints("1 of 1 backup readable to the last byte")
                .says("could not be kept beside it: ", "FAILED: what was read is right, but the proof of 1 of 1 could not be kept", "warning: this run is not in the history: ");
            var bytes = kit.object(data);
            bytes[bytes.length / 2] ^= 1;
            kit.put(data, bytes);
            kit.run("backups", "verify", "--env", "staging").exits(14).says("is broken: ", "could not be kept beside it: ");
        }
    }

    // --- files

    /** Larger than the memory that the command may use, which is less here than otherwise. */
    @Test void a_film_among_the_pages_is_deployed() throws IOException {
        var site = new DeployedSite(kit);
        try {
            site.ship(1); // so that nothing has to be compiled with so little
            kit.with("_JAVA_OPTIONS", "-Xmx64m");
            site.repository.write("build.js", "import { cpSync, truncateSync, writeFileSync } from 'node:fs'\ncpSync('src', 'dist', { recursive: true })\nwriteFileSync('dist/film.mp4', '')\ntruncateSync('dist/film.mp4', 80e6)\n").commit("A film");
            site.run("deploy").exits(0);
            assertEquals(80_000_000, Files.size(site.www.resolve("current/film.mp4")));
        } finally {
            site.close();
        }
    }

    /** Whoever can write to the bucket can make record and archive agree. */
    @Test void a_forged_release_puts_nothing_but_files_and_links_of_its_own_folder_anywhere() throws Exception {
        var site = new DeployedSite(kit);
        try (var store = site.store()) {
            var two = site.shipTwo();
            var first = two.get(0);
            kit.bash("rm -r www/releases/" + first + "; mkdir outside; echo secret > outside/secret").exits(0);
            var outside = kit.home.resolve("outside/secret").toString();
            var key = "handover/staging/releases/" + first + ".json";
            var record = new String(kit.object(key), StandardCharsets.UTF_8);
            var artifact = site.artifactOf(first);
            var archives = new LinkedHashMap<String, byte[]>();
            archives.put("a link that steps out of it", tar(link("index.html", "../../../outside/secret")));
            archives.put("a link that steps out behind another", tar(link("d", "."), link("index.html", "d/../../../outside/secret")));
            archives.put("a second name", tar(entry("index.html", TarConstants.LF_LINK, outside)));
            archives.put("a device", tar(entry("index.html", TarConstants.LF_CHR, "")));
            archives.put("a pipe", tar(entry("index.html", TarConstants.LF_FIFO, "")));
            archives.put("an absolute name", tar(entry(outside, TarConstants.LF_NORMAL, "")));
            archives.put("a name that steps out", tar(entry("../../outside/new", TarConstants.LF_NORMAL, "")));
            archives.put("the same name twice", tar(entry("index.html", TarConstants.LF_NORMAL, ""), entry("index.html", TarConstants.LF_NORMAL, "")));
            archives.put("a name too long", tar(entry("x".repeat(300), TarConstants.LF_NORMAL, "")));
            archives.put("a link out of it", tar(link("index.html", outside)));
            String sum = null;
            for (var archive : archives.entrySet()) {
                sum = ops.Sha256.hex(ops.Sha256.of(archive.getValue()));
                var packed = new ByteArrayOutputStream();
                try (var to = ops.Packing.pack(packed, 1, List.of())) {
                    to.write(archive.getValue());
                }
                kit.put("handover/staging/artifacts/" + sum + ".tar.zst", packed.toByteArray());
                var forged = new Artifact.Stored(sum, artifact.bytes(), artifact.files());
                var folder = Files.createDirectory(kit.home.resolve(Stack.next("fetched")));
                assertThrows(Failure.NotVerified.class, () -> Artifact.fetch(store, "staging", forged, folder), archive.getKey());
                nothingIsOutside(archive.getKey());
            }
            kit.put(key, record.replace(artifact.sha256(), sum));
            site.run("rollback", "--to", first).exits(14).says("State: nothing was changed: what was live is live.");
            assertEquals(two.get(1), site.current());
            nothingIsOutside("a rollback");

            for (var forged : Map.of(artifact.sha256(), "../../x", "\"main\"", "\"main\\u001b[2J\"", "\"commit\"", "\"kommit\"").entrySet()) {
                assertTrue(record.contains(forged.getKey()), record);
                kit.put(key, record.replace(forged.getKey(), forged.getValue()));
                var releases = new Releases(store, "staging");
                assertEquals(List.of(two.get(1)), releases.all().stream().map(known -> known.release().id()).toList());
                assertEquals(List.of(first + ".json"), releases.unreadable());
                assertTrue(assertThrows(Failure.NotVerified.class, () -> releases.find(first)).getMessage().contains("the record of release '" + first + "' can't be read"));
            }
            site.run("rollback").exits(10)
                .says("can't be read, so they do not count: " + first + ".json", "has no good release before the one that is live");
        } finally {
            site.close();
        }
    }

    private void nothingIsOutside(String after) {
        assertEquals("secret\n", kit.bash("ls outside | grep -v '^secret$' || true; cat outside/secret").out(), after);
    }

    private static TarArchiveEntry entry(String name, byte kind, String target) {
        var entry = new TarArchiveEntry(name, kind, true);
        entry.setLinkName(target);
        entry.setSize(0);
        return entry;
    }

    private static TarArchiveEntry link(String name, String target) { return entry(name, TarConstants.LF_SYMLINK, target); }

    private static byte[] tar(TarArchiveEntry... entries) throws IOException {
        var bytes = new ByteArrayOutputStream();
        try (var tar = new TarArchiveOutputStream(bytes)) {
            tar.setLongFileMode(TarArchiveOutputStream.LONGFILE_POSIX);
            for (var entry : entries) {
                tar.putArchiveEntry(entry);
                tar.closeArchiveEntry();
            }
        }
        return bytes.toByteArray();
    }
}
