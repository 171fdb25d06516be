package browser;

import java.net.URI;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import ops.Console;
import ops.Failure;
import smoke.Elsewhere;
import smoke.ErrorWords;
import smoke.Gate;
import smoke.Network;
import smoke.Verdict;
import smoke.Waiting;

/**
 * What is looked at on a page, and what fails it.
 *
 * @param root a selector, as {@link #ROOT}
 * @param waiting of Chromium; null where it ran before
 */
public record Looks(Console console, Visit visit, URI url, String root, Waiting waiting) {
    /** The elements that frameworks render into. */
    public static final String ROOT =
        "#root, #app, #__next, #__nuxt, #___gatsby, #svelte, app-root, [data-sveltekit-preload-data]";

    /**
     * One look; its body throws {@link Failure.NotVerified}, or {@link Failure.Unclear} when nothing can be told,
     * unless the page passes.
     */
    public record Look(String name, Callable<?> body) { }

    /** In their order. */
    public List<Look> first() {
        return List.of(new Look("The page answers", this::answers), new Look("It renders", this::renders),
            new Look("No error is left uncaught", this::catchesAll),
            new Look("What it asks its own site for arrives", this::getsAll));
    }

    /** A while later. */
    public Look last() { return new Look("Its visitors stay", this::stays); }

    private int answers() throws Exception {
        var refusal = visit.open();
        var status = visit.status();
        if (refusal.isPresent() && status < 400) {
            if (isOffline(refusal.get()))
                throw new Failure.Unclear("nothing can be told of " + url + ": this machine's own network is down ("
                    + refusal.get() + ")", "mend this machine's network, then look again");
            if (refusal.get().equals("ERR_ABORTED"))
                throw new Failure.NotVerified(url + " is no page for a browser: it answers " + status
                    + ", and is saved or passed over", "see its status, Content-Type and Content-Disposition");
            throw new Failure.NotVerified(url + " does not answer with a page: " + refusal.get(),
                "see whether its server runs, and where its name leads");
        }
        return arrived();
    }

    /** Where the page is now, and what answered there. */
    private int arrived() throws Exception {
        var status = visit.status();
        Gate.before(url, visit.address(), status, visit::answered).ifPresent(Looks::nothingCanBeTold);
        if (status >= 400)
            throw new Failure.NotVerified(url + " answers " + status, status == 403
                ? "where it is protected, name what opens it: --header-file FILE" : "see the log of its server");
        return status;
    }

    private static void nothingCanBeTold(Verdict verdict) { throw new Failure.Unclear(verdict.what(), verdict.next()); }

    private Visit.Root renders() throws Exception {
        var seen = visit.settle(root);
        stayed(visit.loops());
        if (seen.root() == Visit.Root.MISSING && visit.asksForPassword())
            nothingCanBeTold(Gate.password(visit.address()));
        if (seen.root() != Visit.Root.RENDERED) throw notRendered(seen.root());
        if (seen.over() != null && (seen.over().isEmpty() || ErrorWords.isWaiting(seen.over())))
            throw new Failure.NotVerified(url + " is covered: something lies over all of its page"
                + (seen.over().isEmpty() ? "" : " and says '" + seen.over() + "'"),
                "open it in a browser, and see what keeps it there");
        var heads = Stream.of(seen.title(), seen.heading(), seen.over() == null ? "" : seen.over());
        var error = ErrorWords.of(heads, seen.text(), "");
        if (error.isPresent() && error.get().kind() == ErrorWords.Kind.CHALLENGE)
            nothingCanBeTold(Gate.challenge(visit.address(), error.get().text()));
        if (seen.unfilled() != null)
            throw new Failure.NotVerified(url + " shows '" + seen.unfilled() + "', which no script has filled in",
                "open it in a browser and read its console: what should fill it in has not come, or has failed");
        if (error.isPresent())
            throw new Failure.NotVerified(url + " shows " + error.get().what(),
                "open it in a browser and read its console; see the application's log");
        return seen.root();
    }

    private int stays() throws Exception { return stayed(visit.wanders()); }

    /** Its scripts may have led elsewhere meanwhile. */
    private int stayed(boolean loops) throws Exception {
        if (loops)
            throw new Failure.NotVerified(url + " sends its visitors on without end, last to " + visit.address(),
                "see what its scripts do with the address");
        var elsewhere = Elsewhere.of(url, List.of(), visit.address());
        var status = arrived();
        if (elsewhere.isPresent()) throw new Failure.NotVerified(elsewhere.get().what(), elsewhere.get().next());
        return status;
    }

    private Failure notRendered(Visit.Root seen) {
        var causes = Stream.concat(visit.problems().stream().filter(Visit.Problem::counts),
            visit.failed().stream().filter(Visit.Failed::counts)).map(Object::toString).toList();
        var what = switch (seen) {
            case EMPTY ->
                " is a white page: it answers " + visit.status() + ", and nothing that can be seen came into ";
            case MISSING -> " answers " + visit.status() + ", but has none of ";
            case WAITING ->
                " answers " + visit.status() + ", but does not come beyond its sign that it is loading, in ";
            default -> " answers " + visit.status() + ", but a script keeps it too busy to look for ";
        };
        var busy = Optional.ofNullable(waiting).flatMap(Waiting::tooLong);
        if (busy.isPresent()) return new Failure.Unclear(url + what + root + "; but " + busy.get(), Verdict.BUSY);
        return new Failure.NotVerified(url + what + root,
            causes.isEmpty() ? "open it in a browser and read its console; --root names another element, --seconds "
                + "gives it longer" : "mend what keeps it from rendering: " + causes.get(0));
    }

    private List<Visit.Problem> catchesAll() {
        var problems = visit.problems().stream().filter(Visit.Problem::counts).toList();
        visit.problems().stream().filter(each -> !each.counts())
            .forEach(each -> console.say("an uncaught error, which does not count: " + each));
        if (!problems.isEmpty())
            throw new Failure.NotVerified(url + " has " + many(problems.size(), "uncaught error") + ": "
                + problems.get(0), "mend it there, or go back to the release before");
        return problems;
    }

    private List<Visit.Failed> getsAll() {
        var own = visit.failed().stream().filter(Visit.Failed::counts).toList();
        visit.failed().stream().filter(each -> !each.counts())
            .forEach(each -> console.say("a request failed, which does not count: " + each));
        if (!own.isEmpty())
            throw new Failure.NotVerified(url + " asks its own site in vain for " + many(own.size(), "thing") + ": "
                + own.get(0), "see that the release has it and that the server gives it out");
        return own;
    }

    private static String many(int number, String what) {
        return number == 1 ? "one " + what : number + " " + what + "s, the first";
    }

    /** When Chromium's refusal may be this machine's own fault. */
    private boolean isOffline(String refusal) {
        return refusal.matches(".*(UNREACHABLE|DISCONNECTED|NETWORK_CHANGED|NETWORK_ACCESS|PROXY).*")
            || refusal.contains("NAME_NOT_RESOLVED") && !Network.canLookUp(url.getHost());
    }
}
