package doctor;

import java.util.Locale;
import java.util.Optional;
import java.util.regex.Pattern;
import ops.Setting;

/**
 * A value that stands for another one: as .env.operations.example has it, or as a provider's page gives it to be filled
 * in.
 */
final class Placeholder {
    /** Of nobody: RFC 2606 keeps these names for documents. */
    private static final Pattern DOCUMENTS = Pattern.compile("(^|.*[/@.])example\\.(com|org|net)([:/?].*)?$");
    /** An ellipsis, Supabase's [YOUR-PASSWORD], the example's own REF, PASSWORD and VALUE, and what people write. */
    private static final Pattern TO_FILL_IN = Pattern.compile(
        ".*\u2026.*|(.*://|.*=)?\\.{3}|.*\\[YOUR-[A-Z-]+].*|(.*[:/@=])?<[A-Za-z][A-Za-z _-]*>([:/@?].*)?"
        + "|.*(//|\\bpostgres\\.)REF[.:].*|.*://[^/@]*:PASSWORD@.*|[^:]+: VALUE|(?i:changeme|todo|x{3,})");

    private Placeholder() { }

    static boolean isIn(String value) {
        return DOCUMENTS.matcher(value).matches() || TO_FILL_IN.matcher(value).matches();
    }

    /** Where the right value is to be found. */
    static String source(Setting setting) {
        return switch (setting) {
            case DATABASE_URL, DRILL_DATABASE_URL ->
                "Supabase: Connect, Session pooler, with the database's password in it;"
                    + " else whoever runs the server has given you address, role and password";
            case SUPABASE_URL, SUPABASE_ANON_KEY, POSTGREST_URL -> "Supabase: Project Settings, Data API and API Keys";
            case SITE_URL, SMOKE_REDIRECTS, SMOKE_DNS -> "as a browser's address bar shows it";
            case BACKUP_BUCKET, AWS_REGION, AWS_ENDPOINT_URL_S3, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY,
                AWS_SESSION_TOKEN -> "the store's console: the bucket's page, and the page of its access keys";
            case VERCEL_ORG_ID -> "Vercel: the team's Settings, General, Team ID";
            case VERCEL_PROJECT_ID -> "Vercel: the project's Settings, General, Project ID";
            case VERCEL_TOKEN -> "Vercel: Account Settings, Tokens";
            case SMOKE_HEADER ->
                "Vercel: the project's Settings, Deployment Protection; Cloudflare: Access, Service Auth";
            default -> setting.name().startsWith("CLOUDFLARE_") ? "Cloudflare: dash.cloudflare.com, Workers & Pages"
                : "README.md, Settings: " + setting.meaning.toLowerCase(Locale.ROOT);
        };
    }

    /** What to do about a value that is one. */
    static Optional<String> fix(Setting setting, String value, String where) {
        return isIn(value) ? Optional.of(where + "; put the right one there (" + source(setting)
            + "), or a # before the line while you do without") : Optional.empty();
    }
}
