package smoke;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;
import ops.Failure;
import ops.Home;
import ops.Setting;
import ops.Settings;
import ops.Similar;

/**
 * One more address that an operator wants looked at, from SMOKE_FILE.
 *
 * @param url a path of the site, or an address elsewhere
 * @param status expected of that very address: a redirect is not followed when one is expected
 * @param json what a JSON answer has to hold: {@code "items.0.name": "Remorque"}
 * @param matches a regular expression that is found somewhere in the answer; null for none
 */
record Extra(String name, String url, int status, Map<String, JsonElement> json, Pattern matches) {
    private static final Set<String> FIELDS = Set.of("name", "url", "status", "json", "matches");

    static List<Extra> all(Settings settings) {
        var file = Home.dir().resolve(settings.require(Setting.SMOKE_FILE));
        try {
            var all = new ArrayList<Extra>();
            for (var each : JsonParser.parseString(Files.readString(file)).getAsJsonArray()) all.add(of(each.getAsJsonObject(), file));
            return all;
        } catch (IOException e) {
            throw new Failure.BadSetting("SMOKE_FILE: " + file + " can't be read", "ls -l '" + file + "'");
        } catch (JsonParseException | IllegalStateException | NumberFormatException | UnsupportedOperationException | ClassCastException e) {
            throw bad(file, "it is no JSON list of checks");
        } catch (PatternSyntaxException e) {
            throw bad(file, "'" + e.getPattern() + "' is no regular expression");
        }
    }

    private static Failure bad(Path file, String what) {
        return new Failure.BadSetting("SMOKE_FILE: " + file + ": " + what, "it looks like [{\"name\": \"sitemap\", \"url\": \"/sitemap.xml\", \"status\": 200, \"matches\": \"<urlset\"}]");
    }

    private static Extra of(JsonObject check, Path file) {
        for (var field : check.keySet())
            if (!FIELDS.contains(field)) throw bad(file, "'" + field + "' is unknown" + Similar.to(field, FIELDS).map(like -> ", did you mean " + like + "?").orElse(""));
        if (!check.has("url")) throw bad(file, "a check has no url");
        var url = check.get("url").getAsString();
        var name = check.has("name") ? check.get("name").getAsString() : url;
        var json = new LinkedHashMap<String, JsonElement>();
        if (check.has("json")) check.getAsJsonObject("json").entrySet().forEach(entry -> json.put(entry.getKey(), entry.getValue()));
        return new Extra(name, url, check.has("status") ? check.get("status").getAsInt() : 200, json, check.has("matches") ? Pattern.compile(check.get("matches").getAsString()) : null);
    }

    Verdict look(Site site, Duration limit) throws Exception {
        URI uri = site.at(url);
        var answer = status >= 300 && status < 400 ? site.getOnce(uri, limit) : site.get(uri, limit);
        var next = "see the application's log; what is expected stands in SMOKE_FILE";
        if (answer.status() != status) return Verdict.fail(answer.uri() + " answers " + answer.status() + ", and should " + status + answer.excerpt(), next);
        for (var entry : json.entrySet()) {
            var found = find(answer, entry.getKey());
            if (!entry.getValue().equals(found)) return Verdict.fail(answer.uri() + ": " + entry.getKey() + " is " + (found == null ? "not there" : found) + ", and should be " + entry.getValue(), next);
        }
        if (matches != null && !matches.matcher(answer.text()).find()) return Verdict.fail(answer.uri() + " has nothing in it that matches " + matches + answer.excerpt(), next);
        return Verdict.pass(url + " answers " + status + (json.isEmpty() ? "" : ", " + String.join(", ", json.keySet()) + " as expected") + (matches == null ? "" : ", matches " + matches));
    }

    /** Null when it is not there. */
    private static JsonElement find(Answer answer, String path) {
        try {
            var element = JsonParser.parseString(answer.text());
            for (var step : path.split("\\.")) {
                if (element == null) return null;
                if (element.isJsonArray()) element = step.matches("\\d{1,6}") && Integer.parseInt(step) < element.getAsJsonArray().size() ? element.getAsJsonArray().get(Integer.parseInt(step)) : null;
                else element = element.isJsonObject() ? element.getAsJsonObject().get(step) : null;
            }
            return element;
        } catch (JsonParseException e) {
            return null;
        }
    }
}
