//SOURCES Certificate.java
//SOURCES Extra.java
//SOURCES FrontEnd.java
//SOURCES Redirects.java
//SOURCES Release.java
//SOURCES Rest.java
//SOURCES Row.java
//SOURCES Site.java
//SOURCES Trust.java
package smoke;

import java.net.URI;
import java.nio.file.Path;
import java.util.Optional;
import ops.Failure;
import ops.Home;
import ops.Setting;
import ops.Settings;

/** The smoke tests' settings, read as the checks themselves read them, without looking at a site. */
public final class SmokeSettings {
    private SmokeSettings() { }

    /** Throws BadSetting when a setting of the smoke tests makes no sense; any other setting passes. */
    public static void check(Settings settings, Setting setting) {
        if (settings.get(setting).isEmpty()) return;
        var value = settings.require(setting);
        switch (setting) {
            case SITE_URL -> Site.address(value);
            case SUPABASE_URL, POSTGREST_URL -> { if (!value.equals(Rest.UNUSED)) Rest.slash(value); }
            case SMOKE_HEADER -> Site.header(value);
            case SMOKE_HEALTH_PATH, SMOKE_API_PATH -> Site.at(URI.create("https://localhost/"), value);
            case SMOKE_CACHE -> settings.list(setting).forEach(path -> Site.at(URI.create("https://localhost/"), path));
            case SMOKE_ROOT -> FrontEnd.checkSelector(value);
            case SMOKE_RELEASE -> settings.list(setting).forEach(Release::checkPlace);
            case SMOKE_CANARY_ROW -> Row.known(settings);
            case SMOKE_HIDDEN_ROW -> {
                if (Row.hidden(settings).isPresent() && Row.known(settings).isEmpty())
                    throw new Failure.BadSetting(
                        "SMOKE_HIDDEN_ROW is set, and SMOKE_CANARY_ROW is not: neither row is looked for",
                        "name one that visitors may see, SMOKE_CANARY_ROW=public.canary:id=1, or leave both out");
            }
            case SMOKE_DNS -> expect(settings, setting, "[A-Za-z0-9.:_-]+", "no address, no name and not 'any'",
                "for example SMOKE_DNS=76.76.21.21");
            case SMOKE_HEADERS -> expect(settings, setting, "[\\w!#$%&'*+.^`|~-]+(=.*)?", "no header",
                "for example SMOKE_HEADERS=usual,x-robots-tag=noindex");
            case SMOKE_TLS_DAYS -> {
                var days = Certificate.days(settings);
                if (days[1] > days[0])
                    throw new Failure.BadSetting("SMOKE_TLS_DAYS fails before it warns: " + value,
                        "the days of the warning come first: " + days[1] + "," + days[0]);
            }
            case SMOKE_REDIRECTS -> settings.list(setting).forEach(Redirects::address);
            case SMOKE_CA_FILE -> new Trust(Optional.of(Path.of(value)));
            case SMOKE_FILE -> Extra.all(settings);
            case SMOKE_MIGRATIONS -> Migrations.last(Home.dir().resolve(value));
            default -> { }
        }
    }

    private static void expect(Settings settings, Setting setting, String form, String words, String next) {
        for (var each : settings.list(setting))
            if (!each.matches(form))
                throw new Failure.BadSetting(setting + " names '" + each + "', which is " + words, next);
    }
}
