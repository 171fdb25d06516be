package smoke;

import com.google.gson.JsonElement;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import java.time.Duration;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import ops.Failure;
import ops.Setting;
import ops.Settings;

/**
 * Which commit the site says it is made of. Old and new code both answer 200.
 *
 * <p>SMOKE_RELEASE names where it says so, the first that says something counts: {@code meta} is the page's
 * {@code <meta name="release">}, {@code header:NAME} one of its headers, and a path a JSON document.
 */
final class Release {
    private static final List<String> FIELDS = List.of("release", "commit", "sha", "version", "git_commit", "gitcommit");

    private final Site site;
    private final List<String> places;
    private final String expected;
    private final Set<String> earlier;

    /** @param earlier commits that were live before: an edge may serve them a while longer */
    Release(Site site, Settings settings, String expected, Set<String> earlier) {
        this.site = site;
        this.expected = expected;
        this.earlier = earlier;
        places = settings.list(Setting.SMOKE_RELEASE);
    }

    /** Throws BadSetting when it is no place. */
    static void checkPlace(String place) {
        if (!place.matches("meta|header:.+|/.*"))
            throw new Failure.BadSetting("SMOKE_RELEASE names '" + place.replaceAll("\\p{Cntrl}", "?") + "'",
                "it is meta, header:NAME, or a path as /version.json");
    }

    Verdict look(Duration limit) throws Exception {
        var said = live(limit.dividedBy(2));
        if (said.isEmpty()) return Verdict.unknown("the site does not say of which commit it is: nothing in " + String.join(", ", places), "have the build put it there; SMOKE_RELEASE names the places").forGood();
        if (isEarlier(said.get()))
            return Verdict.unknown(Smoke.STILL_SERVES + said.get() + ", an earlier release's commit",
                "does a cache keep the old pages, or has an edge not followed yet?");
        if (!same(said.get(), expected)) return Verdict.fail("live is " + said.get() + ", and not " + expected, "is the deployment finished, and does a cache keep the old pages?");
        return Verdict.pass("live is " + said.get());
    }

    /** The commit that the site says, if it is an earlier one and not the expected one. */
    Optional<String> earlier(Duration limit) throws Verdict.Judged, InterruptedException {
        return live(limit).filter(this::isEarlier);
    }

    private boolean isEarlier(String said) {
        return !same(said, expected) && earlier.stream().anyMatch(sha -> same(said, sha));
    }

    /** A short form is enough, from either side. */
    private static boolean same(String said, String expected) {
        var one = said.toLowerCase(Locale.ROOT);
        var other = expected.toLowerCase(Locale.ROOT);
        return one.equals(other) || Math.min(one.length(), other.length()) >= 7 && (one.startsWith(other) || other.startsWith(one));
    }

    private Optional<String> live(Duration limit) throws Verdict.Judged, InterruptedException {
        Page page = null;
        for (var place : places) {
            if (place.startsWith("/")) {
                // Below the site's own path first: at the host's root another application may say something.
                for (var uri : new LinkedHashSet<>(List.of(site.at(place.substring(1)), site.at(place)))) {
                    var said = inJson(site.get(uri, limit));
                    if (said.isPresent()) return said;
                }
                continue;
            }
            checkPlace(place);
            if (page == null) page = Page.of(site, limit);
            var said = place.equals("meta") ? page.release()
                : page.answer().header(place.substring("header:".length()));
            if (said.isPresent()) return said;
        }
        return Optional.empty();
    }

    private static Optional<String> inJson(Answer answer) {
        if (answer.status() != 200) return Optional.empty();
        try {
            var json = JsonParser.parseString(answer.text());
            if (!json.isJsonObject()) return Optional.empty();
            return FIELDS.stream().map(json.getAsJsonObject()::get).filter(value -> value != null && value.isJsonPrimitive()).map(JsonElement::getAsString).filter(value -> !value.isBlank()).findFirst();
        } catch (JsonParseException e) {
            return Optional.empty();
        }
    }
}
