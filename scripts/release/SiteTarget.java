package release;

import java.util.Optional;
import ops.Failure;
import ops.Guard;
import ops.Run;
import ops.Setting;
import ops.Settings;
import ops.Store;

/** The site that an environment's deploys and rollbacks change. */
public record SiteTarget(Run run, Settings settings, Provider provider, Store store) implements Guard.Target {
    @Override public String what() { return "the site"; }

    @Override public Setting setting() {
        return switch (provider.name()) {
            case "vercel" -> Setting.VERCEL_PROJECT_ID;
            case "cloudflare-pages" -> Setting.CLOUDFLARE_PAGES_PROJECT;
            case "cloudflare-workers" -> Setting.CLOUDFLARE_WORKER;
            default -> Setting.DEPLOY_DIRECTORY;
        };
    }

    /** By what the settings lead to; and by what is live there, since a way may lead to a place that neither of them names. */
    @Override public Optional<String> sharedWith(Settings other) throws Exception {
        var shared = provider.sharedWith(other);
        return shared.isPresent() ? shared : serves(other);
    }

    private Optional<String> serves(Settings other) throws Exception {
        var release = provider.live().map(Provider.Live::release);
        if (release.isEmpty() || other.get(Setting.BACKUP_BUCKET).isEmpty() || new Releases(store, settings.env).has(release.get())) return Optional.empty();
        try (var theirs = Store.open(other)) {
            if (!new Releases(theirs, other.env).has(release.get())) return Optional.empty();
        } catch (Failure.StoreFailed | Failure.BadSetting e) {
            run.console.detail("the releases of '" + other.env + "' can't be seen from here: " + e.getMessage());
            return Optional.empty();
        }
        return Optional.of("what is live there is its release " + release.get());
    }
}
