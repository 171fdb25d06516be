//SOURCES Answer.java
//SOURCES ApiTime.java
//SOURCES Assets.java
//SOURCES BackupAge.java
//SOURCES Browsing.java
//SOURCES Cache.java
//SOURCES Certificate.java
//SOURCES Check.java
//SOURCES Connections.java
//SOURCES DatabaseRead.java
//SOURCES Dns.java
//SOURCES Extra.java
//SOURCES FrontEnd.java
//SOURCES Health.java
//SOURCES Judge.java
//SOURCES Migrations.java
//SOURCES Network.java
//SOURCES Page.java
//SOURCES Redirects.java
//SOURCES Release.java
//SOURCES Rest.java
//SOURCES SecurityHeaders.java
//SOURCES Site.java
//SOURCES SqlRead.java
//SOURCES SupabaseConnection.java
//SOURCES Trust.java
//SOURCES Web.java
//DEPS org.jsoup:jsoup:1.24.1              // reads pages as browsers do
package smoke;

import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import ops.DatabaseUrl;
import ops.Run;
import ops.Setting;
import ops.Settings;

/** The smoke tests of an environment: the six that always run, the release, and those that a setting turns on. */
public final class Smoke {
    /** What is looked at, and for which release. */
    public record Target(Settings settings, String url, String expectedCommit, boolean browser) { }

    private Smoke() { }

    /** All checks in the order in which they are shown; throws BadSetting when a setting makes no sense. */
    public static List<Check> checks(Run run, Target target) {
        var settings = target.settings;
        var trust = new Trust(settings.get(Setting.SMOKE_CA_FILE).map(Path::of));
        var web = new Web(trust);
        var address = target.url != null ? Optional.of(target.url) : settings.get(Setting.SITE_URL);
        var site = address.map(text -> new Site(text, settings, web)).orElse(null);
        var checks = new ArrayList<Check>();
        checks.add(ofSite(settings, site, "health", "health endpoint", null, () -> new Health(site, settings)::look));
        checks.add(ofSite(settings, site, "front-end", "front end loads", null, () -> new FrontEnd(site, settings)::look));
        checks.add(new Check("supabase", "Supabase connection", null, true, new SupabaseConnection(settings, web)::look));
        checks.add(ofSite(settings, site, "assets", "static assets load", null, () -> new Assets(site)::look));
        checks.add(ofDatabase(settings, "database", "database read access", null, url -> new DatabaseRead(settings, url, web)::look));
        checks.add(ofSite(settings, site, "api", "API response time", null, () -> new ApiTime(site, settings)::look));
        var release = ofSite(settings, site, "commit", "deployed commit", null, () -> { var live = new Release(site, settings); return limit -> live.look(target.expectedCommit, limit); });
        checks.add(new Check(release.name(), release.title(), "--expect-commit", target.expectedCommit != null, release.look()));
        checks.add(ofSite(settings, site, "tls", "TLS certificate", Setting.SMOKE_TLS_DAYS, () -> new Certificate(site, trust, settings)::look));
        checks.add(ofSite(settings, site, "dns", "DNS", Setting.SMOKE_DNS, () -> new Dns(site, settings)::look));
        checks.add(ofSite(settings, site, "redirects", "redirects", Setting.SMOKE_REDIRECTS, () -> new Redirects(site, settings)::look));
        checks.add(ofSite(settings, site, "headers", "security headers", Setting.SMOKE_HEADERS, () -> new SecurityHeaders(site, settings)::look));
        checks.add(ofDatabase(settings, "migrations", "last migration", Setting.SMOKE_MIGRATIONS, url -> new Migrations(settings, url)::look));
        checks.add(ofDatabase(settings, "connections", "connections of the database", Setting.SMOKE_CONNECTIONS_PERCENT, url -> new Connections(settings, url)::look));
        checks.add(check(settings, "backup", "age of the last backup", Setting.SMOKE_BACKUP_HOURS, limit -> BackupAge.look(settings)));
        checks.add(ofSite(settings, site, "cache", "cached pages", Setting.SMOKE_CACHE, () -> new Cache(site, settings)::look));
        if (settings.get(Setting.SMOKE_FILE).isPresent())
            for (var extra : Extra.all(settings)) checks.add(ofSite(settings, site, extra.name(), extra.name(), Setting.SMOKE_FILE, () -> limit -> extra.look(site, limit)));
        else checks.add(check(settings, "extra", "addresses of your own", Setting.SMOKE_FILE, null));
        var browsing = ofSite(settings, site, "browser", "real browser", Setting.SMOKE_BROWSER, () -> new Browsing(run, site, settings)::look);
        checks.add(new Check(browsing.name(), browsing.title(), browsing.setting() + " or --browser", browsing.on() || target.browser, browsing.look()));
        return checks;
    }

    private interface Making { Check.Look make(); }

    private interface OfDatabase { Check.Look make(DatabaseUrl url); }

    private static Check ofSite(Settings settings, Site site, String name, String title, Setting setting, Making making) {
        var on = setting == null || settings.get(setting).isPresent();
        if (site == null) return check(settings, name, title, setting, limit -> Verdict.unknown("SITE_URL is not set for '" + settings.env + "'", "set its address, as in STAGING_SITE_URL=https://staging.example.com/, or give --url").forGood());
        return new Check(name, title, setting == null ? null : setting.name(), on, on ? making.make() : null);
    }

    private static Check ofDatabase(Settings settings, String name, String title, Setting setting, OfDatabase making) {
        if (settings.get(Setting.DATABASE_URL).isEmpty()) return check(settings, name, title, setting, limit -> Verdict.unknown("DATABASE_URL is not set for '" + settings.env + "'", "set it as STAGING_DATABASE_URL is in .env.operations.example").forGood());
        return check(settings, name, title, setting, making.make(DatabaseUrl.of(settings)));
    }

    private static Check check(Settings settings, String name, String title, Setting setting, Check.Look look) {
        return new Check(name, title, setting == null ? null : setting.name(), setting == null || settings.get(setting).isPresent(), look);
    }
}
