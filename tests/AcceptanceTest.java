import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.util.List;
import java.util.Map;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** The record that client and supplier sign can be gone through as it stands, and ends as it says. */
class AcceptanceTest {
    /** A command with its name, and the exit code that stands below it; the first one only begins the others. */
    private static final Pattern STEP = Pattern.compile("(?ms)^```sh name=\"([a-z-]+)\" (read-only|changing|by-hand=\"[^\"]+\")\\n(.*?)^```\\n(?:\\n(?:Exit|Code) (\\d+))?");

    private static List<MatchResult> steps(String document) throws IOException {
        var text = Files.readString(Stack.CHECKOUT.resolve("tests").resolve(document));
        var steps = STEP.matcher(text).results().toList();
        assertEquals(text.lines().filter(line -> line.startsWith("```")).count(), 2L * steps.size(), document);
        return steps;
    }

    @Test void both_languages_have_the_same_steps_with_the_same_exit_codes() throws IOException {
        assertEquals(steps("ACCEPTANCE.md").stream().map(MatchResult::group).map(AcceptanceTest::inAnyLanguage).toList(), steps("ACCEPTANCE.fr.md").stream().map(MatchResult::group).map(AcceptanceTest::inAnyLanguage).toList());
    }

    private static String inAnyLanguage(String step) { return step.replaceFirst("\n(Exit|Code) ", "\n"); }

    @Test void every_step_ends_with_the_exit_code_that_stands_below_it() throws Exception {
        Kit.needs("psql", "aws", "git", "npm");
        var kit = Stack.kit();
        var site = new DeployedSite(kit);
        try {
            kit.set("PRODUCTION_DATABASE_URL", TestDatabase.create(Stack.next("db_")).url()).set("PRODUCTION_SITE_URL", site.url()).set("PRODUCTION_SUPABASE_URL", "none");
            site.repository.byNpm().commit("Built by npm");
            var steps = steps("ACCEPTANCE.md");
            var begin = steps.get(0).group(3);
            var good = "";
            for (var step : steps.subList(1, steps.size())) {
                if (step.group(2).startsWith("by-hand")) continue;
                // What the supplier does by hand.
                switch (step.group(1)) {
                    case "deploy-a-mistake" -> site.repository.write("src/health.json", "{\"status\": \"down\"}").commit("A mistake");
                    case "deploy-the-remedy" -> site.repository.write("src/health.json", "{\"status\": \"ok\"}").commit("The remedy");
                    default -> { }
                }
                var script = begin + step.group(3);
                var newest = kit.sealed().stream().reduce("", (one, next) -> next).replaceFirst("/$", "");
                var values = Map.of("FOLDER", kit.home.toString(), "DAMAGED", newest, "BROKEN", newest.replaceFirst(".*/", ""));
                for (var value : values.entrySet()) script = script.replace(value.getKey(), value.getValue());
                var result = kit.bash(script);
                assertEquals(Integer.parseInt(step.group(4)), result.exit(), () -> step.group() + "\n" + result);
                if (step.group(1).equals("deploy")) good = site.current();
                if (step.group(1).matches("deploy-a-mistake|rollback")) assertEquals(good, site.current(), step.group());
                if (step.group(1).equals("restore")) assertTrue(result.out().contains("(1 row)"), result::toString);
            }
            assertFalse(good.isEmpty());
        } finally {
            site.close();
        }
    }
}
