package ops;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.PrivateKey;
import java.security.PublicKey;
import java.security.spec.PKCS8EncodedKeySpec;
import java.security.spec.X509EncodedKeySpec;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.Optional;

/**
 * Ed25519 signatures of what is believed later: whoever can write to the bucket can put something there, but nothing that
 * a reader with {@code BACKUP_VERIFY_KEY} believes. A signature lies beside its object, as {@code NAME.sig}, 64 bytes.
 *
 * <p>What is written anew is signed before it is written, and the signatures of what lay there before stay behind the
 * new one: killed in between, a run leaves what was there as it was signed.
 *
 * <p>A manifest names its environment, database and id, and is signed as it is. Of everything else the place is signed
 * too, {@code ENV/…/NAME} and a newline before the object's bytes: what is moved elsewhere is not signed.
 */
public final class Signature {
    static final String ENDING = ".sig";
    private static final String ALGORITHM = "Ed25519";
    static final int BYTES = 64;
    /** So many lie in one file, the newest first: a run would have to be killed that often at the same place. */
    private static final int KEPT = 8;

    private Signature() { }

    /**
     * Before anything is written that has to be signed.
     *
     * @throws Failure.BadSetting when a key can't be read, or what is signed here would not be believed here
     */
    public static void checkKeys(Settings settings) {
        var trusted = trusted(settings);
        var key = key(settings);
        if (trusted.isEmpty()) return;
        if (key.isEmpty())
            throw new Failure.BadSetting("BACKUP_VERIFY_KEY is set, and BACKUP_SIGNING_KEY_FILE is not: what this run writes would be refused by every reader",
                "name the file with the private key: BACKUP_SIGNING_KEY_FILE=/path/signing-key.pem");
        var text = "handover".getBytes(StandardCharsets.UTF_8);
        var signature = sign(key.get(), text);
        if (trusted.stream().noneMatch(one -> isOf(one, text, signature)))
            throw new Failure.BadSetting("the key in BACKUP_SIGNING_KEY_FILE is none of those in BACKUP_VERIFY_KEY", "add its public key: openssl pkey -in KEYFILE -pubout prints it; " + settings.where(Setting.BACKUP_VERIFY_KEY));
    }

    /** Throws BadSetting when the key to sign with is set and can't be read. */
    public static void checkKey(Settings settings) { key(settings); }

    /** Throws BadSetting when a key that is set can't be read, or both are and don't belong together. */
    public static void checkForms(Settings settings) {
        trusted(settings);
        if (key(settings).isPresent()) checkKeys(settings);
    }

    /** For a run that has its use also when what it writes does not count. */
    public static void warnWithoutKey(Run run, Settings settings) {
        if (isDemanded(settings) && key(settings).isEmpty())
            run.console.warn("BACKUP_VERIFY_KEY is set, and BACKUP_SIGNING_KEY_FILE is not: what this run writes into the bucket is not signed, and will not count");
    }

    /** Whether only what is signed may be believed of what lies there. */
    public static boolean isDemanded(Store store) { return isDemanded(store.settings); }

    /** Whether only what is signed may be believed. */
    public static boolean isDemanded(Settings settings) { return settings.get(Setting.BACKUP_VERIFY_KEY).isPresent(); }

    /** Of a manifest, which says itself where it belongs; empty without a key to sign with. */
    public static Optional<byte[]> ofManifest(Settings settings, byte[] manifest) { return key(settings).map(key -> sign(key, manifest)); }

    /** Throws NotVerified when a manifest has to be signed, and is not. */
    static void checkManifest(Store store, String key, byte[] manifest) {
        var trusted = trusted(store.settings);
        if (trusted.isEmpty()) return;
        var signature = store.read(key + ENDING, BYTES);
        if (signature.isEmpty()) throw refused(store.uri(key) + " is not signed");
        if (trusted.stream().noneMatch(one -> isOf(one, manifest, signature.get()))) throw refused(store.uri(key) + " is not signed by a key in BACKUP_VERIFY_KEY, or was changed since");
    }

    private static Failure refused(String what) {
        return new Failure.NotVerified(what, "do not restore it: somebody else may have put it there. One that is older than the key can be signed by hand: README.md, Security and permissions");
    }

    /** Puts an object, and its signature before it where there is a key. */
    public static void put(Store store, String key, byte[] content) {
        putSignature(store, key, content);
        store.put(key, content);
    }

    /** The same unless there is such an object; false when there is. */
    public static boolean putNew(Store store, String key, byte[] content) {
        putSignature(store, key, content);
        return store.putNew(key, content);
    }

    private static void putSignature(Store store, String key, byte[] content) {
        var signing = key(store.settings);
        if (signing.isEmpty()) return;
        var all = new ByteArrayOutputStream();
        all.writeBytes(sign(signing.get(), placed(store, key, content)));
        var before = signatures(store, key);
        before.subList(0, Math.min(KEPT - 1, before.size())).forEach(all::writeBytes);
        store.put(key + ENDING, all.toByteArray());
    }

    /** Of what lies there and of what lay there before; empty when there is none, or no such file. */
    private static List<byte[]> signatures(Store store, String key) {
        try {
            var all = store.read(key + ENDING, BYTES * KEPT).orElse(new byte[0]);
            var found = new ArrayList<byte[]>();
            for (var at = 0; at + BYTES <= all.length; at += BYTES) found.add(Arrays.copyOfRange(all, at, at + BYTES));
            return found;
        } catch (Failure.NotVerified e) {
            return List.of(); // larger than it can be
        }
    }

    /** Whether an object that was read may be believed. */
    public static boolean isTrusted(Store store, String key, byte[] content) {
        var trusted = trusted(store.settings);
        if (trusted.isEmpty()) return true;
        var placed = placed(store, key, content);
        return signatures(store, key).stream().anyMatch(found -> trusted.stream().anyMatch(one -> isOf(one, placed, found)));
    }

    /** What is signed of an object that does not say itself where it belongs: copies of it in other buckets are at the same place. */
    private static byte[] placed(Store store, String key, byte[] content) {
        var placed = new ByteArrayOutputStream();
        placed.writeBytes((key.substring(store.prefix.length() + 1) + "\n").getBytes(StandardCharsets.UTF_8));
        placed.writeBytes(content);
        return placed.toByteArray();
    }

    private static byte[] sign(PrivateKey key, byte[] content) {
        try {
            var signature = java.security.Signature.getInstance(ALGORITHM);
            signature.initSign(key);
            signature.update(content);
            return signature.sign();
        } catch (GeneralSecurityException e) {
            throw new Failure.BadSetting("the key in BACKUP_SIGNING_KEY_FILE can't sign: " + e.getMessage(), MAKE_ONE);
        }
    }

    private static boolean isOf(PublicKey key, byte[] content, byte[] signature) {
        try {
            var verifying = java.security.Signature.getInstance(ALGORITHM);
            verifying.initVerify(key);
            verifying.update(content);
            return verifying.verify(signature);
        } catch (GeneralSecurityException e) {
            return false; // it has not even the form of one
        }
    }

    private static final String MAKE_ONE = "make one: (umask 077; openssl genpkey -algorithm ed25519 -out signing-key.pem)";

    private static Optional<PrivateKey> key(Settings settings) {
        var named = settings.get(Setting.BACKUP_SIGNING_KEY_FILE);
        if (named.isEmpty()) return Optional.empty();
        var file = Path.of(named.get());
        try {
            if (Private.openToOthers(file)) throw new Failure.BadSetting("BACKUP_SIGNING_KEY_FILE: " + file + " can be read by others on this machine", "chmod 600 '" + file + "'");
            var pem = Files.readString(file, StandardCharsets.ISO_8859_1);
            if (!pem.contains("-----BEGIN PRIVATE KEY-----")) throw noKey(file);
            return Optional.of(KeyFactory.getInstance(ALGORITHM).generatePrivate(new PKCS8EncodedKeySpec(decode(pem))));
        } catch (IOException e) {
            throw new Failure.BadSetting("BACKUP_SIGNING_KEY_FILE: " + file + " can't be read", "ls -l '" + file + "'");
        } catch (GeneralSecurityException | IllegalArgumentException e) {
            throw noKey(file);
        }
    }

    private static Failure noKey(Path file) {
        return new Failure.BadSetting("BACKUP_SIGNING_KEY_FILE: " + file + " holds no Ed25519 private key in PEM (PKCS#8)", MAKE_ONE);
    }

    private static List<PublicKey> trusted(Settings settings) {
        var keys = new ArrayList<PublicKey>();
        for (var text : settings.list(Setting.BACKUP_VERIFY_KEY)) {
            try {
                keys.add(KeyFactory.getInstance(ALGORITHM).generatePublic(new X509EncodedKeySpec(decode(text))));
            } catch (GeneralSecurityException | IllegalArgumentException e) {
                throw new Failure.BadSetting("BACKUP_VERIFY_KEY is no list of Ed25519 public keys (base64, comma separated)",
                    "openssl pkey -in KEYFILE -pubout prints one; its middle line is what belongs here; " + settings.where(Setting.BACKUP_VERIFY_KEY));
            }
        }
        if (keys.isEmpty() && isDemanded(settings))
            throw new Failure.BadSetting("BACKUP_VERIFY_KEY holds no key", settings.where(Setting.BACKUP_VERIFY_KEY)
                + "; openssl pkey -in KEYFILE -pubout prints one");
        return keys;
    }

    /** The bytes of a key, with or without the lines that PEM has around them. */
    private static byte[] decode(String pem) {
        return Base64.getDecoder().decode(String.join("", Arrays.stream(pem.split("\\R|\\\\n")).map(String::strip).filter(line -> !line.startsWith("-----")).toList()));
    }
}
