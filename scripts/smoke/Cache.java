package smoke;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ThreadLocalRandom;
import java.util.stream.Collectors;
import ops.Setting;
import ops.Settings;

/** Does a cache give visitors pages that are older than what is live? A page past every cache is compared with the usual one. */
final class Cache {
    private final Site site;
    private final List<String> paths;

    Cache(Site site, Settings settings) {
        this.site = site;
        paths = settings.list(Setting.SMOKE_CACHE);
    }

    Verdict look(Duration limit) throws Exception {
        var share = limit.dividedBy(2L * paths.size());
        var seen = new ArrayList<String>();
        for (var path : paths) {
            var uri = site.at(path);
            var usual = Page.of(site, uri, share);
            var query = (uri.getRawQuery() == null ? "?" : "?" + uri.getRawQuery() + "&") + "handover=" + ThreadLocalRandom.current().nextLong(1L << 40);
            var fresh = Page.of(site, uri.resolve(uri.getRawPath() + query), share);
            var age = usual.answer().header("age").map(seconds -> ", cached " + seconds + " s ago").orElse("");
            var next = "purge the cache of the host or CDN";
            if (usual.release().isPresent() && fresh.release().isPresent() && !usual.release().equals(fresh.release()))
                return Verdict.fail(path + " is a cached page of " + usual.release().get() + age + ", and live is " + fresh.release().get(), next);
            if (!assets(usual).equals(assets(fresh))) return Verdict.fail(path + " is a cached page of another build" + age + ": it names other scripts and stylesheets than the live one", next);
            seen.add(path + age);
        }
        return Verdict.pass(String.join("; ", seen) + ": as old as what is live");
    }

    private static Set<String> assets(Page page) throws Verdict.Judged { return page.assets().stream().map(asset -> asset.uri().toString()).collect(Collectors.toSet()); }
}
