package smoke;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import ops.Setting;
import ops.Settings;

/** Has the page the headers that protect its visitors? */
final class SecurityHeaders {
    private static final String USUAL = "usual";

    private final Site site;
    private final List<String> wanted;

    SecurityHeaders(Site site, Settings settings) {
        this.site = site;
        wanted = new ArrayList<>(settings.list(Setting.SMOKE_HEADERS));
        if (!wanted.remove(USUAL)) return;
        if (site.address.getScheme().equals("https")) wanted.add("strict-transport-security");
        wanted.addAll(List.of("x-content-type-options=nosniff", "x-frame-options|content-security-policy=frame-ancestors", "referrer-policy"));
    }

    Verdict look(Duration limit) throws Exception {
        var answer = Page.of(site, limit).answer();
        var missing = wanted.stream().filter(each -> List.of(each.split("\\|")).stream().noneMatch(one -> has(answer, one))).toList();
        if (!missing.isEmpty()) return Verdict.fail(answer.uri() + " lacks the header " + String.join(", ", missing).replace("|", " or "), "set it where the host's headers are set (vercel.json, _headers, the web server)").forGood();
        return Verdict.pass(String.join(", ", wanted).replace("|", " or "));
    }

    /** NAME, or NAME=TEXT that its value contains. */
    private static boolean has(Answer answer, String wanted) {
        var name = wanted.replaceFirst("=.*", "");
        var text = wanted.substring(Math.min(wanted.length(), name.length() + 1));
        return answer.headers().allValues(name).stream().anyMatch(value -> !value.isBlank() && value.toLowerCase(java.util.Locale.ROOT).contains(text.toLowerCase(java.util.Locale.ROOT)));
    }
}
