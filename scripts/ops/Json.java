package ops;

import com.google.gson.FieldNamingPolicy;
import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonParseException;
import com.google.gson.Strictness;
import java.nio.charset.StandardCharsets;

/** Records to JSON and back, in the kit's one spelling: lower_case names, indented. */
public final class Json {
    private static final Gson GSON = new GsonBuilder().setFieldNamingPolicy(FieldNamingPolicy.LOWER_CASE_WITH_UNDERSCORES)
        .setStrictness(Strictness.STRICT).setPrettyPrinting().disableHtmlEscaping().create();

    private Json() { }

    public static String text(Object value) { return GSON.toJson(value); }

    public static byte[] bytes(Object value) { return (text(value) + "\n").getBytes(StandardCharsets.UTF_8); }

    /** Null for an empty text; fields that are missing are null. Throws NotVerified when it is not such JSON. */
    public static <T> T read(byte[] bytes, Class<T> type, String uri) {
        try {
            return GSON.fromJson(new String(bytes, StandardCharsets.UTF_8), type);
        } catch (JsonParseException | NumberFormatException e) { // Gson lets the latter out as it is
            throw new Failure.NotVerified(uri + " is broken: it is not the JSON that this kit writes", "take another backup: ./jbang backups list");
        }
    }
}
