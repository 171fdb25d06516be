package smoke;

import java.time.Duration;
import java.util.Map;
import ops.Settings;

/** Do Supabase's two doors open with the application's key: Auth, and REST? */
record SupabaseConnection(Settings settings, Web web) {
    Verdict look(Duration limit) throws Exception {
        var supabase = Rest.of(settings, web);
        if (supabase.isEmpty()) return Verdict.pass("not used: SUPABASE_URL is 'none'");
        var rest = supabase.get();
        var half = limit.dividedBy(2);
        var next = "see the project's state and its settings in Supabase's dashboard: a project that nobody used is paused";
        if (rest.auth() != null) {
            var uri = rest.auth().resolve("health");
            var answer = rest.get(uri, Map.of(), half);
            if (answer.status() == 401 || answer.status() == 403) return Verdict.fail(uri + " refuses SUPABASE_ANON_KEY (" + answer.status() + ")", "copy the anon key of this very project: Project Settings, API keys").forGood();
            if (answer.status() != 200) return Verdict.fail(uri + " answers " + answer.status() + answer.excerpt(), next);
            if (answer.json().isEmpty()) return noJson(answer);
        }
        // The root describes all tables, which not every project shows to visitors.
        var known = Row.known(settings);
        var answer = known.isPresent() ? rest.table(known.get(), "limit=0", half) : rest.get(rest.rest(), Map.of(), half);
        if (answer.status() == 401 || answer.status() == 403) return Verdict.fail(answer.uri() + " refuses " + (rest.key().isPresent() ? "SUPABASE_ANON_KEY" : "visitors without a key") + " (" + answer.status() + ")" + answer.excerpt(), "copy the anon key of this very project: Project Settings, API keys").forGood();
        if (answer.status() != 200) return Verdict.fail(answer.uri() + " answers " + answer.status() + answer.excerpt(), next);
        if (answer.json().isEmpty()) return noJson(answer);
        return Verdict.pass(rest.auth() == null ? "PostgREST alone answers" : "Auth and REST answer, and take the anon key");
    }

    /** As the application's own host answers where SUPABASE_URL names it. */
    private static Verdict noJson(Answer answer) {
        return Verdict.fail(answer.uri() + " answers 200 and no JSON" + answer.excerpt(), "is it Supabase's address?");
    }
}
