package ops;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** The end of a backup: its objects are compared with what the store says it has, then the manifest is written, once. */
public final class Seal {
    /** Only where the script begins: further on it would be somebody's text. */
    private static final String BETWEEN = "sed -e '1,/^SET client_encoding/{' -e '/^SET " + UnknownSettings.TIMEOUT + " = 0;$/d' -e '}'";

    private Seal() { }

    /**
     * Compares size and checksum of every object. A store that keeps no SHA-256 is asked for its ETag, which ties the
     * object to the parts that it accepted with theirs.
     *
     * @return how it was compared, in words
     * @throws Failure.NotVerified naming the object that differs
     */
    public static String compare(Store store, BackupFolder folder, List<Manifest.Part> parts) {
        var bySize = 0;
        for (var part : parts) {
            var uri = store.uri(folder.key() + part.name());
            var head = store.head(folder.key() + part.name()).orElseThrow(() -> differs(uri + " is not in the store, which had accepted it"));
            if (head.bytes() != part.bytesStored()) throw differs(uri + " has " + head.bytes() + " bytes in the store, " + part.bytesStored() + " were sent");
            if (head.sha256() != null) {
                if (!head.sha256().equals(part.storeSha256())) throw differs(uri + " has another SHA-256 in the store than was sent");
            } else if (part.storeEtag() != null && head.etag() != null) {
                if (!head.etag().equals(part.storeEtag())) throw differs(uri + " has another ETag in the store than its parts make");
            } else bySize++;
        }
        return Amount.count(parts.size(), "object") + (bySize == 0 ? "" : ", of " + bySize + " only the size, since this store gives no checksum");
    }

    /**
     * Writes the checksums, the signature and then the manifest, and reads it back: from here on the backup exists.
     *
     * @param bytes the manifest's own; those of a copy are the original's, like its signature
     * @param signature of the bytes; empty when it is not signed
     * @param sending called before the manifest is sent: from then on it may be there, and nothing may be taken back
     * @param refused called when it certainly is not there after all
     */
    public static void write(Store store, BackupFolder folder, Manifest manifest, byte[] bytes, Optional<byte[]> signature, Runnable sending, Runnable refused) {
        store.put(folder.key() + Manifest.SUMS, manifest.sums(bytes));
        signature.ifPresent(signed -> store.put(folder.key() + Manifest.NAME + Signature.ENDING, signed));
        var key = folder.key() + Manifest.NAME;
        var wasThere = store.head(key).isPresent(); // not every store refuses a second one by itself
        sending.run();
        if (!(wasThere ? store.holds(key, bytes) : put(store, key, manifest, bytes, refused)))
            throw new Failure.Unclear("there is another manifest at " + store.uri(key) + " already", "look at it: ./jbang backups show " + folder.id() + " --env " + manifest.env());
        var there = store.read(key, bytes.length);
        if (there.isEmpty() || !java.util.Arrays.equals(there.get(), bytes))
            throw new Failure.Unclear("the manifest at " + store.uri(key) + " is not what was written", "./jbang backups verify " + folder.id() + " --env " + manifest.env());
    }

    /** False when there is another one. Throws StoreFailed when it is not there, Unclear when nobody can say. */
    private static boolean put(Store store, String key, Manifest manifest, byte[] bytes, Runnable refused) {
        try {
            return store.putWhereNoneWas(key, bytes);
        } catch (Failure.StoreFailed e) {
            if (isThere(store, key, manifest, e)) return true;
            if (e.refused) refused.run();
            throw e;
        }
    }

    /** After a failure: it may have been stored all the same, and only the answers lost. */
    private static boolean isThere(Store store, String key, Manifest manifest, Failure before) {
        try {
            return store.head(key).isPresent();
        } catch (Failure.StoreFailed e) {
            throw new Failure.Unclear(before.getMessage() + "; nor can it be read whether it is there", "when the store answers again: ./jbang backups list --env " + manifest.env());
        }
    }

    /**
     * Restoring a backup with nothing but stock tools, line by line.
     *
     * @param serverMajor version of the server that was backed up
     * @param pgDumpMajor version of the pg_dump that wrote it: an older pg_restore may not read it
     */
    public static List<String> byHand(Store store, BackupFolder folder, Dump.Stored stored, Dump.Form form, int serverMajor, int pgDumpMajor) {
        var endpoint = store.settings.get(Setting.AWS_ENDPOINT_URL_S3).isPresent() ? " --endpoint-url \"$AWS_ENDPOINT_URL_S3\"" : "";
        var lines = new ArrayList<String>(List.of("aws" + endpoint + " s3 cp --recursive " + store.uri(folder.key()) + " .", "sha256sum -c " + Manifest.SUMS));
        if (!form.recipients().isEmpty())
            for (var part : stored.objects()) lines.add("age -d -i \"$BACKUP_IDENTITY_FILE\" -o " + part.name().replace(".age", "") + " " + part.name());
        for (var part : stored.objects()) lines.add("zstd -d " + part.name().replace(".age", ""));
        if (stored.globals() != null) lines.add("# on another server, first its roles: psql -d postgres -f globals.sql");
        var rows = stored.parts().stream().filter(part -> part.stage().equals("data")).toList();
        lines.add(rows.isEmpty() ? "createdb \"$NEW_DATABASE\"" : "# NEW_DATABASE is the URL of a new project, which has the platform's own schemas already");
        // Rows of the platform's tables first: foreign keys of ours point to them.
        var toOlderServer = serverMajor < UnknownSettings.SINCE && pgDumpMajor >= UnknownSettings.SINCE;
        if (serverMajor < UnknownSettings.SINCE && !toOlderServer)
            lines.add("# should pg_restore be 17 or newer and the server older, put between them what leaves out a setting that this does not know: pg_restore -f - FILE | " + BETWEEN + " | psql …");
        for (var part : rows) lines.add(restoring("--data-only ", part, toOlderServer));
        for (var part : stored.parts())
            if (!rows.contains(part)) lines.add(restoring("", part, toOlderServer));
        if (stored.outside() != null) lines.add("psql --set=ON_ERROR_STOP=1 -d \"$NEW_DATABASE\" -f outside.sql # where the schemas are that it names");
        return lines;
    }

    private static String restoring(String option, Manifest.Part part, boolean toOlderServer) {
        return toOlderServer ? "pg_restore " + option + "-f - " + unpacked(part) + " | " + BETWEEN + " | psql --quiet --no-psqlrc --set=ON_ERROR_STOP=1 -d \"$NEW_DATABASE\""
            : "pg_restore --exit-on-error " + option + "-d \"$NEW_DATABASE\" " + unpacked(part);
    }

    private static String unpacked(Manifest.Part part) { return part.name().replaceFirst("\\.zst.*", ""); }

    private static Failure differs(String what) {
        return new Failure.NotVerified(what, "run the backup again; if it happens twice, the store is not to be trusted");
    }
}
