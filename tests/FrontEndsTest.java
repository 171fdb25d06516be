import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** The smoke tests on what real front ends are built to, below a base path, with hashes in the names of their files. */
class FrontEndsTest {
    /** Newer packages than of that day are not looked at, so that what is built stays the same. */
    private static final String INSTALL = "npm install --before=2026-11-20 --no-audit --no-fund --loglevel=error ";
    private static final Map<String, String> TYPES = Map.of("html", "text/html", "js", "text/javascript", "css", "text/css", "svg", "image/svg+xml", "json", "application/json");

    private final Kit kit = new Kit(Stack.next("kit")).set("STAGING_SUPABASE_URL", "none");

    private void build(String script) throws IOException, InterruptedException {
        Kit.needs("npm");
        assumeTrue(new ProcessBuilder("node", "-e", "process.exit(parseInt(process.versions.node) >= 20 ? 0 : 1)").start().waitFor() == 0, "node is older than 20");
        kit.bash(script).exits(0);
    }

    private void passes(Path built) throws IOException {
        try (var site = new LyingSite(); var files = Files.walk(built)) {
            for (var file : files.filter(Files::isRegularFile).toList()) {
                var name = "/app/" + built.relativize(file);
                var type = TYPES.getOrDefault(name.replaceFirst(".*\\.", ""), "application/octet-stream");
                var content = Files.readAllBytes(file);
                site.at(name.replaceFirst("/index\\.html$", "/"), exchange -> {
                    exchange.getResponseHeaders().add("content-type", type);
                    exchange.sendResponseHeaders(200, content.length);
                    exchange.getResponseBody().write(content);
                });
            }
            site.at("/app/health", LyingSite.text("application/json", "{\"status\": \"ok\"}"));
            kit.run("smoke-tests", "--env", "staging", "--url", site.url() + "app/", "--skip", "database").exits(0).prints("5 of 5 pass");
        }
    }

    @Test void a_react_application_of_vites_own_template_passes() throws IOException, InterruptedException {
        build("npm exec --yes create-vite@9.3.0 -- built --template react --no-interactive\ncd built\n" + INSTALL + "\nnode_modules/.bin/vite build --base=/app/");
        passes(kit.home.resolve("built/dist"));
    }

    @Test void a_sveltekit_application_built_to_files_passes() throws IOException, InterruptedException {
        build("npm exec --yes sv@0.17.1 -- create built --template minimal --types ts --no-add-ons --no-install\ncd built\n" + """
            cat > vite.config.ts <<'END'
            import adapter from '@sveltejs/adapter-static';
            import { sveltekit } from '@sveltejs/kit/vite';
            export default { plugins: [sveltekit({ adapter: adapter(), paths: { base: '/app' } })] };
            END
            echo 'export const prerender = true;' > src/routes/+layout.ts
            """ + INSTALL + "--save-dev @sveltejs/adapter-static@3\nnode_modules/.bin/vite build");
        passes(kit.home.resolve("built/build"));
    }
}
