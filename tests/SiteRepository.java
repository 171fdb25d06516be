import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;

/**
 * A git repository with an application that is built in no time, pushed to a remote of its own beside it. Nothing has to
 * be installed for it, so that a stand-in for bun is enough; npm itself takes longer than all else of most tests.
 */
final class SiteRepository {
    private static final Map<String, String> FILES = Map.of(
        ".gitignore", "node_modules/\ndist/\n",
        "package.json", """
            {"name": "trailers", "version": "1.0.0", "private": true, "type": "module", "scripts": {"build": "node build.js"}}
            """,
        "bun.lock", "{}\n",
        "../bin/bun", """
            #!/bin/sh
            case $1 in --version) echo 1.3.0 ;; run) exec node build.js ;; esac
            """,
        "build.js", """
            import { cpSync } from 'node:fs'
            console.log('building the trailers')
            cpSync('src', 'dist', { recursive: true })
            """,
        "src/index.html", """
            <!doctype html><html><head><title>Trailers</title><script type="module" src="/app.js"></script></head><body><div id="app"></div></body></html>
            """,
        "src/app.js", "document.getElementById('app').textContent = 'trailers'\n",
        "src/health.json", "{\"status\": \"ok\"}\n");

    final Path folder;
    private final Kit kit;

    /** As the first test has made them, for the others to copy: it takes a dozen programs. */
    private static Path made;

    SiteRepository(Kit kit) {
        this.kit = kit;
        folder = kit.home.resolve("site");
        synchronized (SiteRepository.class) {
            if (made == null) make();
            else kit.bash("cp -a '" + made + "'/. '" + kit.home + "'").exits(0);
        }
        kit.with("PATH", kit.home.resolve("bin") + ":" + System.getenv("PATH"));
    }

    private void make() {
        FILES.forEach(this::write);
        git("init --quiet --initial-branch=main");
        git("init --quiet --bare ../site.git");
        git("remote add origin ../site.git");
        commit("The trailers");
        try {
            made = Files.createDirectory(Stack.folder().resolve(Stack.next("repositories")));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        kit.bash("chmod +x bin/bun; cp -a bin site site.git '" + made + "'").exits(0);
    }

    /** Has the next commit be one that npm builds. */
    SiteRepository byNpm() {
        git("rm --quiet bun.lock");
        return write("package-lock.json", """
            {"name": "trailers", "version": "1.0.0", "lockfileVersion": 3, "requires": true, "packages": {"": {"name": "trailers", "version": "1.0.0"}}}
            """);
    }

    /** Has {@code staging} ship this application to a provider, and look at it at an address. */
    void ship(String provider, String address) {
        kit.set("STAGING_SITE_URL", address).set("STAGING_DEPLOY_PROVIDER", provider).set("DEPLOY_APP", folder.toString()).set("STAGING_SUPABASE_URL", "none").set("SMOKE_CANARY_ROW", "none")
            .set("SMOKE_HEALTH_PATH", "/health.json").with("TMPDIR", kit.runtime.toString());
    }

    SiteRepository write(String name, String text) {
        try {
            var file = folder.resolve(name).normalize(); // the first may be one beside a folder that is not there yet
            Files.createDirectories(file.getParent());
            Files.writeString(file, text);
            return this;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Commits all there is and pushes it; gives the commit. */
    String commit(String subject) {
        commitOnly(subject);
        git("push --quiet --set-upstream origin HEAD");
        return head();
    }

    String commitOnly(String subject) {
        git("add --all");
        git("-c user.name=tester -c user.email=tester@example.org commit --quiet --allow-empty --message='" + subject + "'");
        return head();
    }

    String head() { return git("rev-parse HEAD").out().strip(); }

    Kit.Result git(String arguments) { return kit.bash("git -C '" + folder + "' " + arguments).exits(0); }
}
