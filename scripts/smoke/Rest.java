package smoke;

import com.google.gson.JsonArray;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import java.net.URI;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import ops.Secret;
import ops.Setting;
import ops.Settings;

/**
 * Supabase as the application's visitors reach it, with the key that the application shows to everybody; or PostgREST alone.
 *
 * @param auth address of Supabase Auth; null with PostgREST alone
 */
record Rest(URI auth, URI rest, Optional<Secret> key, Web web) {
    static final String UNUSED = "none";

    /** Empty when it is said not to be used; throws when nothing is said. */
    static Optional<Rest> of(Settings settings, Web web) throws Verdict.Judged {
        var supabase = settings.get(Setting.SUPABASE_URL);
        var alone = settings.get(Setting.POSTGREST_URL);
        if (supabase.isEmpty() && alone.isPresent()) return Optional.of(new Rest(null, slash(alone.get()), settings.secret(Setting.SUPABASE_ANON_KEY), web));
        if (supabase.isEmpty()) throw Verdict.unknown("SUPABASE_URL is not set for '" + settings.env + "'", "set it; 'none' says that the site does without").forGood().judged();
        if (supabase.get().equals(UNUSED)) return Optional.empty();
        var key = settings.secret(Setting.SUPABASE_ANON_KEY);
        if (key.isEmpty()) throw Verdict.unknown("SUPABASE_ANON_KEY is not set", "set it: Supabase shows it under Project Settings, API keys").forGood().judged();
        return Optional.of(new Rest(slash(supabase.get()).resolve("auth/v1/"), slash(supabase.get()).resolve("rest/v1/"), key, web));
    }

    /** Throws BadSetting when it is no address. */
    static URI slash(String address) {
        try {
            var uri = URI.create(address.endsWith("/") ? address : address + "/");
            if (uri.getHost() != null && uri.getScheme().startsWith("http")) return uri;
        } catch (IllegalArgumentException e) {
            // said below
        }
        throw new ops.Failure.BadSetting("'" + address.replaceAll("\\p{Cntrl}", "?") + "' is no address of Supabase", "it looks like https://REF.supabase.co");
    }

    Answer get(URI uri, Map<String, String> more, Duration limit) throws Verdict.Judged, InterruptedException {
        var headers = new LinkedHashMap<>(more);
        // Supabase's newer keys are no tokens, and stand in apikey only.
        key.ifPresent(secret -> { headers.put("apikey", secret.reveal()); if (secret.reveal().startsWith("eyJ")) headers.put("authorization", "Bearer " + secret.reveal()); });
        return web.get(uri, headers, limit);
    }

    /** The rows of a table that a visitor sees; empty when the table is refused. */
    Optional<JsonArray> rows(Row row, Duration limit) throws Verdict.Judged, InterruptedException {
        var answer = table(row, encode(row.column()) + "=eq." + encode(row.value()) + "&limit=1", limit);
        var uri = answer.uri();
        if (answer.status() == 401 || answer.status() == 403) return Optional.empty();
        if (answer.status() != 200) throw Verdict.fail(uri + " answers " + answer.status() + answer.excerpt(), "see the log of PostgREST (Supabase: Logs, API), and that the schema is exposed").judged();
        try {
            return Optional.of(JsonParser.parseString(answer.text()).getAsJsonArray());
        } catch (JsonParseException | IllegalStateException e) {
            throw Verdict.fail(uri + " answers 200 and no JSON array" + answer.excerpt(), "is it PostgREST's address?").judged();
        }
    }

    /** Asks for rows of the row's table. */
    Answer table(Row row, String query, Duration limit) throws Verdict.Judged, InterruptedException {
        return get(rest.resolve(encode(row.table()) + "?" + query), row.schema().equals("public") ? Map.of() : Map.of("accept-profile", row.schema()), limit);
    }

    private static String encode(String text) { return URLEncoder.encode(text, StandardCharsets.UTF_8).replace("+", "%20"); }
}
