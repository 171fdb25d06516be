package ops;

import java.util.Comparator;
import java.util.EnumSet;
import java.util.Set;
import java.util.stream.IntStream;
import software.amazon.awssdk.services.s3.model.S3Exception;

/**
 * In which form the store takes what is written. Not every store knows storage classes, SHA-256 in a header and
 * conditions; what one refuses is left out from then on, once a request without it has been taken.
 */
final class WriteForm {
    /** What a request may go out with. */
    enum Extra { STORAGE_CLASS, SHA256, ONLY_NEW }

    interface Sending<T> { T send(Set<Extra> with); }

    private final Set<Extra> refused = EnumSet.noneOf(Extra.class);

    synchronized boolean refuses(Extra extra) { return refused.contains(extra); }

    synchronized void refuse(Extra extra) { refused.add(extra); }

    /**
     * Sends a request with all of these extras that the store takes.
     *
     * @throws S3Exception the first answer, when leaving extras out does not help
     */
    <T> T send(Set<Extra> wanted, Sending<T> request) {
        var with = EnumSet.noneOf(Extra.class);
        for (var extra : wanted) if (!refuses(extra)) with.add(extra);
        try {
            return request.send(with);
        } catch (S3Exception e) {
            if (!isAboutTheForm(e)) throw e;
            return sendWithLess(with, request, e);
        }
    }

    private <T> T sendWithLess(Set<Extra> with, Sending<T> request, S3Exception first) {
        for (var without : subsets(with)) {
            var rest = EnumSet.copyOf(with);
            rest.removeAll(without);
            try {
                var sent = request.send(rest);
                without.forEach(this::refuse);
                return sent;
            } catch (S3Exception e) {
                if (!isAboutTheForm(e)) throw e;
            }
        }
        throw first;
    }

    /** Those with one element first. */
    private static Iterable<Set<Extra>> subsets(Set<Extra> of) {
        var all = of.toArray(Extra[]::new);
        return IntStream.range(1, 1 << all.length).boxed().sorted(Comparator.comparing(Integer::bitCount)).map(bits -> {
            Set<Extra> chosen = EnumSet.noneOf(Extra.class);
            for (var i = 0; i < all.length; i++) if ((bits >> i & 1) == 1) chosen.add(all[i]);
            return chosen;
        }).toList();
    }

    /** Whether the same with fewer headers may be taken; what went wrong on the way is tried again as it is. */
    static boolean isAboutTheForm(S3Exception e) {
        return switch (e.statusCode()) {
            case 501, 405 -> true;
            case 400 -> StoreError.code(e).matches("|InvalidArgument|InvalidRequest|InvalidStorageClass|NotImplemented|MethodNotAllowed|UnsupportedHeader|UnsupportedArgument|BadRequest|MalformedHeader.*");
            default -> false;
        };
    }
}
