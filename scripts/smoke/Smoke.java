//SOURCES Address.java
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
//SOURCES ContentSecurityPolicy.java
//SOURCES Deadline.java
//SOURCES Dns.java
//SOURCES Elsewhere.java
//SOURCES ErrorWords.java
//SOURCES Extra.java
//SOURCES Findings.java
//SOURCES FrontEnd.java
//SOURCES Gate.java
//SOURCES Health.java
//SOURCES HealthReport.java
//SOURCES Judge.java
//SOURCES Kept.java
//SOURCES Migrations.java
//SOURCES Network.java
//SOURCES Page.java
//SOURCES Redirects.java
//SOURCES Release.java
//SOURCES Rest.java
//SOURCES SecurityHeaders.java
//SOURCES Site.java
//SOURCES SqlRead.java
//SOURCES StatusWord.java
//SOURCES SupabaseConnection.java
//SOURCES Trust.java
//SOURCES Waiting.java
//SOURCES Web.java
//DEPS org.jsoup:jsoup:1.24.1              // reads pages as browsers do
//DEPS io.netty:netty-bom:4.1.138.Final@pom // the SDK's; else JBang mixes in one of those that jsoup is tested with
package smoke;

import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import ops.DatabaseUrl;
import ops.Failure;
import ops.Run;
import ops.Setting;
import ops.Settings;

/** The smoke tests of an environment: the six that always run, the release, and those that a setting turns on. */
public final class Smoke {
    /**
     * What is looked at.
     *
     * @param url of the site; null for the environment's own
     * @param expectedCommit that it has to be of; null when nobody knows
     * @param earlierCommits that were live before, and may be served a while longer
     */
    public record Target(Settings settings, String url, String expectedCommit, Set<String> earlierCommits,
        boolean browser) {
        public Target(Settings settings, String url, String expectedCommit, boolean browser) {
            this(settings, url, expectedCommit, Set.of(), browser);
        }
    }

    /** How the verdict begins when the site is still of an earlier commit, which says nothing of the expected one. */
    public static final String STILL_SERVES = "the site still serves ";

    private final Settings settings;
    private final Site site;
    private final DatabaseUrl database;
    private final List<Check> checks = new ArrayList<>();

    /** All checks in the order in which they are shown; throws BadSetting when a setting makes no sense. */
    public static List<Check> checks(Run run, Target target) {
        var settings = target.settings;
        var trust = new Trust(settings.get(Setting.SMOKE_CA_FILE).map(Path::of));
        var web = new Web(trust);
        var url = target.url != null ? target.url : settings.get(Setting.SITE_URL).orElse(null);
        return new Smoke(settings, url == null ? null : new Site(url, settings, web)).all(run, target, trust, web);
    }

    /** The earlier commit that a target's site is of; empty when it is of another, or does not say. */
    public static Optional<String> earlier(Target target, Duration limit) throws InterruptedException {
        var settings = target.settings;
        var web = new Web(new Trust(settings.get(Setting.SMOKE_CA_FILE).map(Path::of)));
        var site = new Site(target.url != null ? target.url : settings.require(Setting.SITE_URL), settings, web);
        try {
            return new Release(site, settings, target.expectedCommit, target.earlierCommits).earlier(limit);
        } catch (Verdict.Judged | Failure.BadSetting e) {
            return Optional.empty(); // the checks say so in their own words
        }
    }

    /** Whether all that fails is a health endpoint of which nobody has said where it is, or that there is one. */
    public static boolean isWithoutHealth(Findings findings) {
        var failing = findings.results().stream().map(Judge.Result::verdict)
            .filter(verdict -> verdict.outcome() == Outcome.fail).toList();
        return !failing.isEmpty() && failing.stream().allMatch(verdict -> Health.NAME_IT.equals(verdict.next()));
    }

    private Smoke(Settings settings, Site site) {
        this.settings = settings;
        this.site = site;
        database = settings.get(Setting.DATABASE_URL).isEmpty() ? null : DatabaseUrl.of(settings);
    }

    private List<Check> all(Run run, Target target, Trust trust, Web web) {
        var healthless = settings.require(Setting.SMOKE_HEALTH_PATH).equals(Health.NONE);
        if (healthless)
            add("health", "health endpoint", null, true,
                limit -> Verdict.pass("not used: SMOKE_HEALTH_PATH is '" + Health.NONE + "'"));
        else ofSite("health", "health endpoint", site -> new Health(site, settings)::look);
        ofSite("front-end", "front end loads", site -> new FrontEnd(site, settings)::look);
        add("supabase", "Supabase connection", null, true, new SupabaseConnection(settings, web)::look);
        ofSite("assets", "static assets load", site -> new Assets(site)::look);
        if (settings.get(Setting.SMOKE_CANARY_ROW).filter(Row.UNUSED::equals).isPresent()) add("database", "database read access", null, true, limit -> Verdict.pass("not used: SMOKE_CANARY_ROW is 'none'"));
        else ofDatabase("database", "database read access", null, url -> new DatabaseRead(settings, url, web)::look);
        if (healthless && !isSet(Setting.SMOKE_API_PATH))
            add("api", "API response time", null, true, limit -> Verdict.pass("not used: SMOKE_HEALTH_PATH is '"
                + Health.NONE + "', and SMOKE_API_PATH is not set"));
        else ofSite("api", "API response time", site -> new ApiTime(site, settings)::look);
        ofSite("commit", "deployed commit", "--expect-commit", target.expectedCommit != null,
            site -> new Release(site, settings, target.expectedCommit, target.earlierCommits)::look);
        ofSite("tls", "TLS certificate", Setting.SMOKE_TLS_DAYS, site -> new Certificate(site, trust, settings)::look);
        ofSite("dns", "DNS", Setting.SMOKE_DNS, site -> new Dns(site, settings)::look);
        ofSite("redirects", "redirects", Setting.SMOKE_REDIRECTS, site -> new Redirects(site, settings)::look);
        ofSite("headers", "security headers", Setting.SMOKE_HEADERS, site -> new SecurityHeaders(site, settings)::look);
        ofDatabase("migrations", "last migration", Setting.SMOKE_MIGRATIONS, url -> new Migrations(settings, url)::look);
        ofDatabase("connections", "connections of the database", Setting.SMOKE_CONNECTIONS_PERCENT, url -> new Connections(settings, url)::look);
        add("backup", "age of the last backup", Setting.SMOKE_BACKUP_HOURS.name(), isSet(Setting.SMOKE_BACKUP_HOURS), limit -> BackupAge.look(settings));
        ofSite("cache", "cached pages", Setting.SMOKE_CACHE, site -> new Cache(site, settings)::look);
        if (!isSet(Setting.SMOKE_FILE)) add("extra", "addresses of your own", Setting.SMOKE_FILE.name(), false, null);
        else for (var extra : Extra.all(settings)) ofSite(extra.name(), extra.name(), Setting.SMOKE_FILE, site -> limit -> extra.look(site, limit));
        var browsing = target.browser || settings.get(Setting.SMOKE_BROWSER).filter("1"::equals).isPresent();
        ofSite("browser", "real browser", "--browser, or " + Setting.SMOKE_BROWSER + "=1,", browsing, site -> new Browsing(run, site, settings)::look);
        return checks;
    }

    private boolean isSet(Setting setting) { return settings.get(setting).isPresent(); }

    private void ofSite(String name, String title, Function<Site, Check.Look> check) { ofSite(name, title, null, true, check); }

    private void ofSite(String name, String title, Setting setting, Function<Site, Check.Look> check) { ofSite(name, title, setting.name(), isSet(setting), check); }

    private void ofSite(String name, String title, String turnedOnBy, boolean on, Function<Site, Check.Look> check) {
        if (site == null) add(name, title, turnedOnBy, on, limit -> Verdict.unknown("SITE_URL is not set for '" + settings.env + "'", "set its address, as in STAGING_SITE_URL=https://staging.example.com/, or give --url").forGood());
        else add(name, title, turnedOnBy, on, on ? check.apply(site) : null);
    }

    /** Always on without a setting. */
    private void ofDatabase(String name, String title, Setting setting, Function<DatabaseUrl, Check.Look> check) {
        var unknown = Verdict.unknown("DATABASE_URL is not set for '" + settings.env + "'", "set it as STAGING_DATABASE_URL is in .env.operations.example").forGood();
        add(name, title, setting == null ? null : setting.name(), setting == null || isSet(setting), database == null ? limit -> unknown : check.apply(database));
    }

    private void add(String name, String title, String turnedOnBy, boolean on, Check.Look look) { checks.add(new Check(name, title, turnedOnBy, on, look)); }
}
