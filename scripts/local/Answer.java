package local;

import com.google.gson.JsonObject;
import java.nio.charset.StandardCharsets;

/** What the sample site answers to one request. */
record Answer(int status, String type, String caching, byte[] body) {
    static Answer text(int status, String text) { return fresh(status, "text/plain", text + "\n"); }

    static Answer json(int status, String json) { return fresh(status, "application/json", json); }

    /** An object with these names and values, in turn. */
    static Answer object(int status, String... namesAndValues) {
        var object = new JsonObject();
        for (var i = 0; i < namesAndValues.length; i += 2) object.addProperty(namesAndValues[i], namesAndValues[i + 1]);
        return json(status, object.toString());
    }

    private static Answer fresh(int status, String type, String text) { return new Answer(status, type + "; charset=utf-8", "no-store", text.getBytes(StandardCharsets.UTF_8)); }
}
