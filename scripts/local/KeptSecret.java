package local;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.util.stream.Collectors;
import ops.Private;
import ops.Secret;

/** A random password in a file of its own (0600), the same in every run until the file is gone. */
public final class KeptSecret {
    private static final String ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789";   // what a URL and a shell take as it is

    private KeptSecret() { }

    public static Secret in(Path file) throws IOException {
        if (!Files.exists(file)) Private.write(file, random(32));
        return new Secret(Files.readString(file).strip());
    }

    static String random(int length) {
        return new SecureRandom().ints(length, 0, ALPHABET.length()).mapToObj(i -> ALPHABET.substring(i, i + 1)).collect(Collectors.joining());
    }
}
