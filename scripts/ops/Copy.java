package ops;

import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/**
 * A second copy of a backup in another bucket, a "place": the stored bytes as they are, compared with the manifest on
 * the way and with what the second store says afterwards, then sealed. Constant memory, nothing on the disk.
 *
 * <p>The manifest is the original's, byte for byte: so one can see that a copy is one of this backup, and nothing that
 * reads a backup relies on what the first store made of its checksums.
 *
 * <p>Two runs that make one copy at once send the same bytes to the same keys. Should one take back what the other has
 * just sealed, that one finds it missing, and the next run sends it again.
 */
public final class Copy {
    /** A copy that is whole and sealed; wasThere when there was nothing left to do. */
    public record Done(String id, String to, String uri, int objects, long bytesStored, boolean wasThere, double seconds, int retries) {
        public String words() { return Amount.count(objects, "object") + ", " + Amount.bytes(bytesStored) + (wasThere ? ", are there already" : "") + ": " + uri; }
    }

    private final Run run;
    private final String place;
    private final Store from;
    private final Store to;
    private volatile Upload sending;
    private volatile long sent;
    private boolean broken;

    private Copy(Run run, String place, Store from, Store to) {
        this.run = run;
        this.place = place;
        this.from = from;
        this.to = to;
    }

    /** Opens a place by its name, "offsite" say; throws BadSetting when it has no bucket of its own. */
    public static Copy to(Run run, String place, Store from) {
        var settings = bucket(place);
        var to = Store.open(settings);
        if (to.isSameBucket(from))
            throw new Failure.BadSetting("place '" + place + "' is the bucket that the backups are in already, " + to.uri(""), settings.where(Setting.BACKUP_BUCKET) + "; name another bucket, in another region or at another provider");
        return new Copy(run, place, from, to);
    }

    /** The settings of a place, with a bucket of its own; throws BadSetting when it has none. */
    public static Settings bucket(String place) {
        if (!place.matches(Settings.NAME))
            throw new Failure.Usage("'" + place.replaceAll("\\p{Cntrl}", "?") + "' is not the name of a place",
                "a name is lower case letters, digits and '-': offsite");
        var settings = Settings.of(place);
        settings.requireOwn(Setting.BACKUP_BUCKET);
        return settings;
    }

    /** The command that makes a copy later. */
    public static String command(String id, String env, String place) { return "./jbang backups copy " + id + " --env " + env + " --to " + place; }

    /** True when a copy failed because the backup itself is not what its manifest says. */
    public boolean originalBroken() { return broken; }

    /**
     * Copies a sealed backup; one that is there already, whole, is left as it is.
     *
     * @throws Failure.NotVerified naming the object that differs, of either store; nothing is sealed then
     * @throws Failure.Failed when it was removed meanwhile
     */
    public Done make(BackupFolder folder) throws IOException, InterruptedException {
        try {
            return made(folder);
        } catch (Failure e) {
            if (!folder.isGone(from)) throw e;
            broken = false;
            run.state("backup " + folder.id() + " is gone, and has no copy in " + to.uri(copyOf(folder).key()));
            throw folder.gone("it can't be copied");
        }
    }

    private BackupFolder copyOf(BackupFolder folder) { return new BackupFolder(to.prefix + folder.key().substring(from.prefix.length()), folder.id(), List.of()); }

    private Done made(BackupFolder folder) throws IOException, InterruptedException {
        var begun = Instant.now();
        var retries = from.retries();
        var seal = folder.seal(from);
        var manifest = folder.manifest(from, seal);
        var copy = copyOf(folder);
        run.state("backup " + folder.id() + " is as it was, and has no copy in " + to.uri(copy.key()));
        var signature = folder.signature(from);
        var wasThere = isThere(copy, manifest, seal, signature);
        if (!wasThere) {
            Conformance.of(run, to, manifest.env()).evidence().missing().forEach(missing -> run.console.warn(place + ": " + missing));
            var unsealed = new Unsealed(run, to, copy);
            var parts = send(PartReader.ofStored(from, folder, manifest), manifest, copy);
            ofCopy(manifest, () -> Seal.compare(to, copy, parts));
            ofCopy(manifest, () -> { seal(unsealed, copy, manifest, seal, signature); return null; });
            ofCopy(manifest, () -> { check(copy, manifest); return null; });
            clear(manifest.env());
        }
        if (to.plainClass()) run.console.warn("the store of " + place + " refuses storage class " + to.storageClass() + ", so its default was taken");
        return new Done(folder.id(), place, to.uri(copy.key()), manifest.objects().size(), manifest.bytesStored(), wasThere, Amount.seconds(Duration.between(begun, Instant.now())), from.retries() - retries + to.retries());
    }

    /** False for one that is sealed but not whole, too: sending it again mends it. */
    private boolean isThere(BackupFolder copy, Manifest manifest, byte[] seal, Optional<byte[]> signature) {
        var there = listed(copy);
        if (!there.sealed()) return false;
        if (!Arrays.equals(there.seal(to), seal))
            throw new Failure.NotVerified(to.uri(copy.key() + Manifest.NAME) + " is not the manifest of the backup that was to be copied", "look at both; remove the copy's folder if it is the wrong one, then: " + command(manifest));
        try {
            check(copy, manifest);
            addSignature(copy, signature);
            run.state("backup " + copy.id() + " is as it was, and so is its copy in " + to.uri(copy.key()));
            return true;
        } catch (Failure.NotVerified e) {
            run.console.warn("the copy is not whole and is sent again: " + e.getMessage());
            return false;
        }
    }

    /** Without it, a copy is none where only what is signed is believed; the original may have been signed later, by hand. */
    private void addSignature(BackupFolder copy, Optional<byte[]> signature) {
        var key = copy.key() + Manifest.NAME + Signature.ENDING;
        if (signature.isEmpty() || to.holds(key, signature.get())) return;
        to.put(key, signature.get());
        run.console.warn("the copy was there without the original's signature, and has it now");
    }

    private List<Manifest.Part> send(PartReader reader, Manifest manifest, BackupFolder copy) throws IOException, InterruptedException {
        var parts = new ArrayList<Manifest.Part>();
        try (var progress = new Progress(run.console, "Copy to " + place, this::bytes, manifest.bytesStored())) {
            reader.checkObjects();
            for (var part : manifest.objects()) parts.add(send(reader, part, copy));
            return parts;
        } catch (Failure.NotVerified e) {
            broken = true;
            run.state("backup " + copy.id() + " is broken: do not rely on it; it has no copy in " + to.uri(copy.key()));
            throw e;
        }
    }

    private Manifest.Part send(PartReader reader, Manifest.Part part, BackupFolder copy) throws IOException, InterruptedException {
        try (var upload = to.begin(run, copy.key() + part.name(), part.bytesStored())) {
            sending = upload;
            reader.copy(part, upload); // throws unless every byte is what the manifest says
            upload.commit();
            sending = null;
            sent += upload.bytes();
            return new Manifest.Part(part.name(), part.stage(), part.bytesRaw(), upload.bytes(), upload.sha256(), upload.storeSha256(), upload.storeEtag());
        }
    }

    private long bytes() {
        var now = sending;
        return sent + (now == null ? 0 : now.bytes());
    }

    private void seal(Unsealed unsealed, BackupFolder copy, Manifest manifest, byte[] seal, Optional<byte[]> signature) {
        unsealed.seal();
        try {
            Seal.write(to, copy, manifest, seal, signature, () -> {
                unsealed.sent();
                run.state("backup " + copy.id() + " is as it was; it is not known whether its copy was sealed; if it was, it is whole; if not, it does not count");
            }, () -> {
                unsealed.refused();
                run.state("backup " + copy.id() + " is as it was, and has no copy in " + to.uri(copy.key()));
            });
            run.state("backup " + copy.id() + " is as it was, and its copy is sealed");
        } finally {
            unsealed.known();
        }
    }

    private void check(BackupFolder copy, Manifest manifest) { PartReader.ofStored(to, listed(copy), manifest).checkObjects(); }

    private BackupFolder listed(BackupFolder copy) { return new BackupFolder(copy.key(), copy.id(), to.list(copy.key())); }

    private interface Act<T> { T run(); }

    /** Nobody should throw the backup away because of its copy: the next step is another one. */
    private <T> T ofCopy(Manifest manifest, Act<T> act) {
        try {
            return act.run();
        } catch (Failure.NotVerified e) {
            throw new Failure.NotVerified(e.getMessage(), "copy it again: " + command(manifest) + "; if it happens twice, that store is not to be trusted");
        } catch (Failure.Unclear e) {
            throw new Failure.Unclear(e.getMessage(), "when the store answers again, this says whether it is there, or makes it: " + command(manifest));
        }
    }

    private String command(Manifest manifest) { return command(manifest.id(), manifest.env(), place); }

    /** Removes what killed runs left of other copies. Only a courtesy to the bill. */
    private void clear(String env) {
        try {
            Leftovers.of(to, env).clear(run, to);
        } catch (Failure e) {
            run.console.warn("leftovers in " + place + " could not be cleared: " + e.getMessage());
        }
    }
}
