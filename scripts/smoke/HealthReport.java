package smoke;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonPrimitive;
import java.util.EnumMap;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;

/**
 * What a health endpoint's JSON says.
 *
 * <p>A word counts where a status is told, and there whatever is not known to be good is bad or unknown. Elsewhere it
 * is a word like others: {@code "log_level": "error"} says nothing of the site.
 */
final class HealthReport {
    private enum Place {
        /** Of the whole, or of one part: its status, its flags, its errors. */
        TELLING,
        /** Each member is a part, and its value says how it is. */
        PARTS,
        /** What a part says of itself besides: only parts of its own count. */
        DETAILS,
        /** Something else: only what is called a status counts. */
        ELSEWHERE
    }

    private static final Set<String> STATUS = Set.of("status", "state", "health", "overall", "overall_status",
        "global_status", "status_name", "status_code", "http_status", "statut");
    private static final Set<String> PARTS = Set.of("checks", "components", "services", "dependencies", "entries",
        "results", "check_results", "health_checks", "indicators", "probes", "subsystems", "nodes", "instances",
        "servers", "replicas", "workers");
    private static final Set<String> DETAILS = Set.of("details", "info", "data", "metadata");
    private static final Pattern FAULT = Pattern.compile("(.*_)?(errors?|failures?|exceptions?|problems|erreurs?)"
        + "(_?(message|msg|text|code|details?|description|reason|count))?");
    /** Whatever they are said of, it is not well. */
    private static final Set<String> PLAIN = Set.of("down", "unreachable", "unavailable", "disconnected",
        "unhealthy", "out_of_service", "failed");
    /** Whose elements may speak for the whole, where it has no word of its own. */
    private static final Pattern OF_ALL =
        Pattern.compile("(?i)((health_?|check_?)?(checks|results)|components|services|dependencies|indicators)\\.");
    private static final Pattern COUNTED = Pattern.compile("(.*_)?(ok|healthy|up|alive)");
    private static final Set<String> ILL = Set.of("down", "failed", "failing", "degraded", "unhealthy",
        "maintenance", "maintenance_mode", "shutting_down", "stopping", "draining");
    private static final Pattern WELL = Pattern.compile("(?!(sign|set|start|back)_up$)(.*_)?"
        + "(ok|healthy|up|alive|ready|connected|available|online|reachable|operational|success|working|passed|passing"
        + "|result|outcome)");
    /** What applications are built on, as the names of members say it. */
    private static final Pattern PART = Pattern.compile("(.*_)?"
        + "(databases?|db|base|base_de_donnees|postgres|postgresql|mysql|mariadb|mongo|mongodb|sql|redis|cache"
        + "|memcached|queue|broker"
        + "|kafka|rabbitmq|amqp|storage|s3|auth|supabase|smtp|mail|mailer"
        + "|elasticsearch|opensearch|search|backend|upstream|api|gateway|disk|connections?)(_.*)?");
    /** How things were, or how they are set. */
    private static final Pattern NOT_NOW = Pattern.compile("(last|previous|latest|recent|past)(_.*)?|history"
        + "|config|configuration|settings|options|features|flags|env|environment|build|release|git|deploy|deployment"
        + "|user|links|_links");

    private final Map<StatusWord, String> first = new EnumMap<>(StatusWord.class);
    private String good;
    private String goodPart;
    /** As Dropwizard has it: {@code {"database": {"healthy": true}, …}}. */
    private boolean onlyParts;

    static HealthReport of(JsonObject json) {
        var report = new HealthReport();
        report.onlyParts = json.size() > 0 && json.entrySet().stream().map(Map.Entry::getValue)
            .allMatch(part -> part.isJsonObject() && part.getAsJsonObject().has("healthy"));
        report.members(json, "", report.onlyParts ? Place.PARTS : Place.TELLING);
        return report;
    }

    /** That it is well, as in {@code status ok}: by its own word, or by those of its parts where it has none. */
    Optional<String> good() { return Optional.ofNullable(good).or(() -> Optional.ofNullable(goodPart)); }

    /** The first thing that is said of that kind, as in {@code checks.database.status down}. */
    Optional<String> first(StatusWord word) { return Optional.ofNullable(first.get(word)); }

    private void members(JsonObject json, String where, Place place) {
        for (var member : json.entrySet()) {
            var key = snakeCase(member.getKey());
            var name = where + (where.isEmpty() ? "" : ".") + member.getKey();
            if (!NOT_NOW.matcher(key).matches()) read(key, member.getValue(), name, place);
        }
    }

    /** As in db_connected for dbConnected, connected for isConnected. */
    private static String snakeCase(String name) {
        return name.replaceAll("([a-z0-9])([A-Z])", "$1_$2").toLowerCase(Locale.ROOT).replaceAll("[^a-z0-9]+", "_")
            .replaceFirst("^is_", "");
    }

    private void read(String key, JsonElement value, String where, Place place) {
        var telling = place == Place.TELLING || place == Place.PARTS;
        var listed = ILL.contains(key) && value.isJsonArray();
        if (telling && (isFault(key) || listed)) fault(value, where);
        else if (value.isJsonObject()) members(value.getAsJsonObject(), where, inside(key, place));
        else if (value.isJsonArray()) each(value.getAsJsonArray(), where, inside(key, place));
        else if (value.isJsonPrimitive()) word(key, value.getAsJsonPrimitive(), where, place);
        else if (telling && (place == Place.PARTS || STATUS.contains(key) || PART.matcher(key).matches()))
            note(StatusWord.UNKNOWN, where, "null");
    }

    private static boolean isFault(String key) { return FAULT.matcher(key).matches(); }

    private static Place inside(String key, Place place) {
        if (PARTS.contains(key) || STATUS.contains(key)) return Place.PARTS;
        if (place == Place.PARTS || PART.matcher(key).matches()) return Place.TELLING;
        if (DETAILS.contains(key)) return Place.DETAILS;
        return place == Place.DETAILS ? Place.TELLING : Place.ELSEWHERE;
    }

    /** The elements of a list of parts are parts; words in it may be their names. */
    private void each(JsonArray all, String where, Place place) {
        for (var element : all) {
            if (element.isJsonObject())
                members(element.getAsJsonObject(), where, place == Place.PARTS ? Place.TELLING : place);
            else if (place != Place.ELSEWHERE && isPlain(element)) note(StatusWord.BAD, where, element.getAsString());
        }
    }

    private static boolean isPlain(JsonElement element) {
        return element.isJsonPrimitive() && PLAIN.contains(element.getAsString().toLowerCase(Locale.ROOT));
    }

    private void fault(JsonElement value, String where) {
        if (value.isJsonArray() && !value.getAsJsonArray().isEmpty()
            || value.isJsonObject() && !value.getAsJsonObject().isEmpty())
            note(StatusWord.BAD, where, value.toString());
        if (!value.isJsonPrimitive()) return;
        var text = value.getAsString().strip();
        // How many there were since when?
        if (text.matches("\\d+")) { if (!text.matches("0+")) note(StatusWord.UNKNOWN, where, text); }
        else if (!saysNone(text)) note(StatusWord.BAD, where, text);
    }

    private static boolean saysNone(String text) {
        var word = StatusWord.of(text);
        return text.isEmpty() || text.equals("false")
            || !text.equals("true") && (word == StatusWord.GOOD || word == StatusWord.NOTHING);
    }

    private void word(String key, JsonPrimitive value, String where, Place place) {
        var text = value.getAsString();
        var word = StatusWord.of(text);
        switch (place) {
            case PARTS -> {
                var ill = ILL.contains(key) && text.matches("true|0*[1-9]\\d*");
                if (ill || !value.isNumber()) note(ill ? StatusWord.BAD : word, where, text);
            }
            case TELLING -> {
                if (ILL.contains(key)) { if (text.equals("true")) note(StatusWord.BAD, where, text); }
                else if (COUNTED.matcher(key).matches() && text.equals("0")) note(StatusWord.BAD, where, text);
                else if (counts(key, value, word)) note(word, where, text);
            }
            case ELSEWHERE -> {
                var isStatus = key.equals("status") || key.equals("health");
                if (isStatus || key.equals("state") && word == StatusWord.BAD) note(word, where, text);
            }
            case DETAILS -> { }
        }
    }

    private static boolean counts(String key, JsonPrimitive value, StatusWord word) {
        var clear = word == StatusWord.GOOD || word == StatusWord.BAD;
        if (STATUS.contains(key)) return clear || !value.isNumber();
        // A name, a version or a number may stand there as well.
        if (WELL.matcher(key).matches() || PART.matcher(key).matches()) return clear && !value.isNumber();
        return isPlain(value);
    }

    private void note(StatusWord word, String where, String said) {
        var line = said.replaceAll("[\\s\\p{Cntrl}]+", " ").strip();
        var what = where + " " + (line.length() > 80 ? line.substring(0, 80) + "…" : line);
        first.putIfAbsent(word, what);
        var ofTheWhole = where.indexOf('.') < 0
            || STATUS.contains(where.replaceFirst("\\..*", "").toLowerCase(Locale.ROOT));
        if (word == StatusWord.GOOD && good == null && ofTheWhole) good = what;
        var ofAPart = onlyParts || OF_ALL.matcher(where).lookingAt();
        if (word == StatusWord.GOOD && goodPart == null && ofAPart) goodPart = what;
    }
}
