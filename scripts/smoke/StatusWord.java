package smoke;

import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * What a word says where a status is told: the words of Spring Boot, of the IETF's draft for health answers, of
 * ASP.NET,
 * NestJS and Elasticsearch, and those that people write themselves.
 */
enum StatusWord {
    GOOD, WARNING, NOTHING, UNKNOWN, BAD;

    private static final Set<String> GOOD_WORDS = Set.of("ok", "okay", "healthy", "up", "pass", "passed", "passing",
        "true", "yes", "alive", "live", "ready", "connected", "available", "online", "operational", "running",
        "working", "green", "good", "fine", "success", "successful", "succeeded", "normal", "serving", "reachable",
        "responding", "started", "accessible", "valid", "oui", "opérationnel", "opérationnelle", "connecté", "connectée",
        "actif", "active", "disponible", "joignable", "démarré", "démarrée");
    private static final Set<String> WARNING_WORDS = Set.of("warn", "warning", "yellow");
    private static final Set<String> BAD_WORDS = Set.of("ko", "down", "fail", "fails", "failed", "failing",
        "failure", "error", "errors", "err", "errored", "unhealthy", "degraded", "disconnected", "unavailable",
        "outage", "out", "critical", "crit", "fatal", "timeout", "timeouts", "timed", "dead", "offline", "broken",
        "refused", "unreachable", "lost", "stopped", "crashed", "crash", "crashing", "panic", "red", "not", "no",
        "never", "cannot", "can't", "unable", "partial", "partially", "maintenance", "faulty", "rejected", "denied",
        "false", "emergency", "exhausted", "expired", "missing", "overloaded", "unresponsive", "inactive", "killed",
        "terminated", "unauthorized", "forbidden", "invalid", "corrupt", "corrupted", "blocked", "exception",
        "impaired", "interrupted", "aborted", "non", "erreur", "échec", "panne", "indisponible", "injoignable",
        "impossible", "refusée", "arrêté", "arrêtée", "hors", "dégradé", "dégradée", "déconnecté", "déconnectée",
        "inaccessible", "recovering");
    private static final Set<String> NOTHING_WORDS = Set.of("disabled", "skipped", "skip", "unused", "optional",
        "ignored", "idle", "none", "n/a", "na", "aucun", "aucune");
    private static final Pattern GOOD_SIGN = Pattern.compile("[✓✔✅🟢👍]"), BAD_SIGN = Pattern.compile("[✗✘❌✖🔴👎]");
    /** As Node and its drivers write errors of the network. */
    private static final Pattern NETWORK_ERROR = Pattern.compile("e(conn|timedout|notfound|hostunreach|ai_|pipe)\\w*");
    private static final Pattern NO_FAULT = Pattern.compile("(no|0|zero|without|aucune?|sans) "
        + "(errors?|issues?|problems?|failures?|faults?|erreurs?|problèmes?)");
    private static final Pattern EXPIRES = Pattern.compile("(will )?expir(e|es|ing)\\b.*");
    private static final Pattern NOT_USED =
        Pattern.compile("not (configured|used|in use|enabled|applicable|required|monitored|checked)");
    /** A version, a number with its unit, a time, an address: no word. */
    private static final Pattern MEASURE = Pattern.compile("[\\^~<>=]*v?\\d.*|[a-z]+://.*");

    static StatusWord of(String text) {
        var lower = text.strip().toLowerCase(Locale.ROOT);
        var words = Stream.of(lower.split("[^\\p{L}\\p{N}/']+")).filter(word -> !word.isEmpty()).toList();
        if (words.isEmpty()) return GOOD_SIGN.matcher(lower).find() ? GOOD : BAD_SIGN.matcher(lower).find() ? BAD : UNKNOWN;
        var phrase = String.join(" ", words);
        if (NO_FAULT.matcher(phrase).matches()) return GOOD;
        if (NOTHING_WORDS.contains(phrase) || NOT_USED.matcher(phrase).matches()) return NOTHING;
        if (lower.matches("\\d{3}")) return lower.startsWith("2") ? GOOD : lower.matches("[45].*") ? BAD : UNKNOWN;
        if (words.stream().anyMatch(word -> BAD_WORDS.contains(word) || NETWORK_ERROR.matcher(word).matches()))
            return BAD;
        var ends = List.of(words.get(0), words.get(words.size() - 1));
        if (ends.stream().anyMatch(GOOD_WORDS::contains)) return GOOD;
        if (ends.stream().anyMatch(WARNING_WORDS::contains) || EXPIRES.matcher(phrase).matches()) return WARNING;
        return MEASURE.matcher(lower).matches() ? NOTHING : UNKNOWN;
    }
}
