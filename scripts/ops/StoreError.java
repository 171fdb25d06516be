package ops;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.net.URI;
import java.net.UnknownHostException;
import java.security.GeneralSecurityException;
import java.security.cert.CertificateException;
import java.security.cert.X509Certificate;
import java.util.ArrayList;
import java.util.Date;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.BiFunction;
import java.util.regex.Pattern;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLException;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManager;
import javax.net.ssl.X509TrustManager;
import software.amazon.awssdk.awscore.exception.AwsServiceException;
import software.amazon.awssdk.core.exception.ApiCallAttemptTimeoutException;
import software.amazon.awssdk.core.exception.ApiCallTimeoutException;
import software.amazon.awssdk.core.exception.SdkException;
import software.amazon.awssdk.services.s3.model.S3Exception;

/**
 * What went wrong with a request, and what to do about it: the store's own code decides, in one table, and its own words
 * are passed on. Waiting is advised only where waiting helps.
 */
final class StoreError {
    /** What a failed request was about; the right is what it needs, as Amazon's policies call it. */
    private record Asked(String right, String act, String key) { }

    /** One row: for these codes, what happened and the next step. The first row that fits is taken. */
    private record Row(Pattern codes, BiFunction<StoreError, S3Exception, String> what, BiFunction<StoreError, S3Exception, String> next) { }

    private static final List<Row> TABLE = List.of(
        row("InvalidAccessKeyId|SignatureDoesNotMatch|ExpiredToken|InvalidToken|TokenRefreshRequired|InvalidSecurity",
            (error, e) -> "the store refuses the credentials (" + code(e) + ")", (error, e) ->
                error.where(Setting.AWS_ACCESS_KEY_ID) + "; " + error.whichOfTheKeys(code(e))),
        row("RequestTimeTooSkewed|RequestExpired|RequestInTheFuture", (error, e) -> "the store finds this machine's clock wrong (" + code(e) + ")", (error, e) -> "set the clock: timedatectl; then run it again"),
        row("AuthorizationHeaderMalformed|PermanentRedirect|TemporaryRedirect|IllegalLocationConstraintException|301|307",
            (error, e) -> "the bucket is in another region, or at another address" + error.said(e), (error, e) ->
                error.where(Setting.AWS_REGION) + ", " + error.where(Setting.AWS_ENDPOINT_URL_S3)
                + "; make them the bucket's own, which the provider's console shows"),
        row("InvalidObjectState", (error, e) -> "it lies in an archive class, and can't be read before it is brought back" + error.said(e),
            (error, e) -> "bring it back, which takes hours: aws s3api restore-object --bucket " + error.store.bucket + " --key " + error.asked.key + " --restore-request Days=7; for new backups BACKUP_STORAGE_CLASS=STANDARD_IA"),
        row("QuotaExceeded|.*QuotaExceeded|XMinioStorageFull|InsufficientStorage|StorageFull|507", (error, e) -> "the store is full, or its quota is used up (" + error.answered(e) + ")" + error.said(e),
            (error, e) -> "make room (./jbang backups prune --env " + error.store.settings.env + "), or have the quota raised; then run it again"),
        row("AccountProblem|AllAccessDisabled|NotSignedUp|UserSuspended|AccountSuspended|InvalidPayer|PaymentRequired|402",
            (error, e) -> "the store has closed the account (" + error.answered(e) + ")" + error.said(e), (error, e) -> "see the account's state in the provider's console"),
        row("KMS\\..*|KMS[A-Z].*|InvalidEncryptionAlgorithmError|ServerSideEncryption.*", (error, e) -> "the store can't encrypt as it is asked to (" + error.answered(e) + ")" + error.said(e),
            (error, e) -> error.where(Setting.BACKUP_SSE) + ", " + error.where(Setting.BACKUP_SSE_KMS_KEY)
                + "; name a key that these credentials may use, or leave both out: the bucket's own encryption then counts"),
        row("BadDigest|InvalidDigest|XAmzContentSHA256Mismatch|XAmzContentChecksumMismatch|IncompleteBody", (error, e) -> "what arrived is not what was sent (" + error.answered(e) + ")" + error.tried(e),
            (error, e) -> "run it again; if it stays, something between this machine and the store changes the bytes"),
        row("NoSuchUpload", (error, e) -> "somebody has ended the upload meanwhile: a lifecycle rule that ends uploads after a day, or another run (" + error.answered(e) + ")", (error, e) -> "run it again; " + error.doctor()),
        row("EntityTooLarge|TooManyParts|MaxMessageLengthExceeded|413", (error, e) -> "the store takes no more in one object, or in one part (" + error.answered(e) + ")" + error.said(e), (error, e) -> "ask the provider for its limits; " + error.doctor()),
        row("AccessDenied|Forbidden|403", (error, e) -> error.asked.right + " is refused (403)" + error.said(e),
            (error, e) -> "grant these credentials " + error.asked.right + " on " + error.grantedOn() + ": README.md, Security and permissions"),
        row("SlowDown|ServiceUnavailable|InternalError|OperationAborted|ConditionalRequestConflict|RequestTimeout|Busy|TooManyRequests|408|409|429|500|502|503|504", (error, e) -> "the store answered " + error.answered(e) + error.tried(e) + error.said(e),
            (error, e) -> "try again later; " + error.doctor()),
        row("NotImplemented|MethodNotAllowed|405|501", (error, e) -> "the store does not know such a request (" + error.answered(e) + ")" + error.said(e), (error, e) -> error.doctor() + "; it may be none that can keep backups"));
    /** What nobody has met yet: a request that is refused as it is will be refused again. */
    private static final Row OTHER = row("", (error, e) -> "the store answered " + error.answered(e) + error.said(e),
        (error, e) -> "waiting does not help: check what was sent: " + error.sent() + "; " + error.doctor());

    private static final int LOOK_MILLIS = 5000;

    private final Store store;
    private final Asked asked;

    private StoreError(Store store, Asked asked) {
        this.store = store;
        this.asked = asked;
    }

    private static Row row(String codes, BiFunction<StoreError, S3Exception, String> what, BiFunction<StoreError, S3Exception, String> next) { return new Row(Pattern.compile(codes), what, next); }

    /**
     * The failure in words.
     *
     * @param right what the credentials need for the request, as Amazon's policies call it
     */
    static Failure of(Store store, String right, String act, String key, SdkException e) {
        var error = new StoreError(store, new Asked(right, act, key));
        var failure = e instanceof S3Exception answer ? error.answeredWith(answer) : error.unanswered(e);
        var bare = error.bareEndpoint();
        if (bare.isEmpty() || !(failure instanceof Failure.StoreFailed failed) || failure instanceof Failure.OutOfReach)
            return failure;
        // Whatever came of it, a name that is there twice has to go first.
        return new Failure.StoreFailed(failure.getMessage()
            + "; AWS_ENDPOINT_URL_S3 seems to have the bucket's name in it, which does not belong there: "
            + URI.create(bare.get()).getHost(),
            "take it out: AWS_ENDPOINT_URL_S3=" + bare.get() + "; " + error.where(Setting.AWS_ENDPOINT_URL_S3)
                + (error.isPathStyle() ? "" : "; a store of your own may need S3_PATH_STYLE=true too"), failed.refused);
    }

    private boolean isPathStyle() { return store.settings.isTrue(Setting.S3_PATH_STYLE); }

    private String whichOfTheKeys(String code) {
        return switch (code) {
            case "InvalidAccessKeyId" -> "check it and its secret: the store knows no such key; the provider's console makes a new pair";
            case "SignatureDoesNotMatch" ->
                "check it and its secret: the store knows the key, and AWS_SECRET_ACCESS_KEY is not its secret";
            default -> "check it and its secret: a key for a while has ended, or needs its AWS_SESSION_TOKEN";
        };
    }

    /** S3's code for what went wrong; empty where there is none, as in any answer to a HEAD. */
    static String code(AwsServiceException e) {
        var code = e.awsErrorDetails() == null ? null : e.awsErrorDetails().errorCode();
        return code == null || !code.matches("[A-Za-z][A-Za-z0-9_.-]{1,80}") ? "" : code;
    }

    private Failure answeredWith(S3Exception e) {
        var code = code(e);
        if (code.equals("NoSuchBucket"))
            return new Failure.StoreFailed("there is no bucket '" + store.bucket + "'", where(Setting.BACKUP_BUCKET)
                + "; create it, or correct the name");
        if (code.equals("InvalidBucketName")) return Store.noBucket(store.settings);
        if (isForeign(e))
            return new Failure.StoreFailed(what() + "the answer, " + e.statusCode() + ", is none of S3's form"
                + proxy().map(proxy -> "; it came through the proxy " + proxy).orElse(""),
            "is this the address of an S3 store? " + where(Setting.AWS_ENDPOINT_URL_S3) + "; " + doctor());
        if (isCustomersKey(e))
            return outOfReach("it was stored with a key of the customer's own (SSE-C), which this kit never sends", "read it by hand with that key, and put it there again without; or take another", e);
        var row = row(e);
        if (isOfTheObject(e)) return outOfReach(row.what.apply(this, e), row.next.apply(this, e), e);
        return new Failure.StoreFailed(what() + row.what.apply(this, e), row.next.apply(this, e), isRefusal(e));
    }

    private Failure outOfReach(String why, String next, S3Exception e) { return new Failure.OutOfReach(what() + why, why, next, isRefusal(e)); }

    /** S3 has no code of its own for it. */
    private boolean isCustomersKey(S3Exception e) { return isReading() && e.statusCode() == 400 && message(e).contains("Server Side Encryption"); }

    /** Whether it is this one object that can't be had as it lies there, and not what the credentials may do. */
    private boolean isOfTheObject(S3Exception e) {
        return isReading() && (code(e).equals("InvalidObjectState") || code(e).startsWith("KMS") || e.statusCode() == 403 && message(e).contains("kms:"));
    }

    private boolean isReading() { return asked.right.equals("s3:GetObject"); }

    private static String message(S3Exception e) {
        return e.awsErrorDetails() == null || e.awsErrorDetails().errorMessage() == null ? "" : e.awsErrorDetails().errorMessage();
    }

    /** Whether nothing can have been done: no try before this one may have had its answer lost. */
    private static boolean isRefusal(S3Exception e) {
        return (e.numAttempts() == null || e.numAttempts() < 2) && (e.statusCode() < 500 && e.statusCode() != 408 || e.statusCode() == 501);
    }

    /** By the code first, which says more than the number: 400 and 403 stand for almost anything. */
    private static Row row(S3Exception e) {
        var code = code(e);
        var number = String.valueOf(e.statusCode());
        // A 403 with a code that is not known is not a right that is missing.
        for (var name : code.isEmpty() ? List.of(number) : e.statusCode() == 403 ? List.of(code) : List.of(code, number))
            for (var row : TABLE)
                if (row.codes.matcher(name).matches()) return row;
        return OTHER;
    }

    /** Not the store's answer, but a proxy's, or a web server's. */
    private static boolean isForeign(S3Exception e) {
        var details = e.awsErrorDetails();
        return details != null && code(e).isEmpty() && details.sdkHttpResponse() != null
            && details.sdkHttpResponse().firstMatchingHeader("Content-Type").filter(type -> type.contains("html")).isPresent();
    }

    private Failure unanswered(SdkException e) {
        var said = String.valueOf(e.getMessage());
        if (said.contains("Unable to load credentials"))
            return new Failure.BadSetting("there are no credentials for the store", "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in " + Home.dir().resolve(".env.operations"));
        if (e instanceof ApiCallTimeoutException || e instanceof ApiCallAttemptTimeoutException || cause(e, SocketTimeoutException.class).isPresent())
            return new Failure.StoreFailed(what() + "no answer in time" + through(), "is the store up? S3_ATTEMPT_SECONDS and S3_REQUEST_SECONDS set the limits; " + doctor());
        var tls = cause(e, SSLException.class);
        if (tls.isPresent()) return untrusted(tls.get());
        var through = through();
        if (!through.isEmpty()) return new Failure.StoreFailed(what() + cause(e) + through, "does that proxy run? unset the variable, or name the store's host in NO_PROXY, if it should be reached without; " + doctor());
        var unknown = cause(e, UnknownHostException.class);
        if (unknown.isPresent()) return new Failure.StoreFailed(what() + "no address is known for '" + host() + "'",
            "is the name right, and does this machine resolve names (getent hosts " + host() + ")? "
                + where(Setting.AWS_ENDPOINT_URL_S3)
                + (isPathStyle() ? "" : "; a store that wants the bucket in the path needs S3_PATH_STYLE=true"));
        if (said.contains("Could not parse XML") || said.contains("Unable to unmarshall"))
            return new Failure.StoreFailed(what() + "the answer is none of S3's form" + proxy().map(proxy -> "; it came through the proxy " + proxy).orElse(""), "is this the address of an S3 store? " + where(Setting.AWS_ENDPOINT_URL_S3) + "; " + doctor());
        return new Failure.StoreFailed(what() + cause(e), "is the store reachable from here? " + where(Setting.AWS_ENDPOINT_URL_S3) + "; " + doctor());
    }

    private Failure untrusted(SSLException e) {
        var said = String.valueOf(e.getMessage());
        var where = where(Setting.AWS_ENDPOINT_URL_S3);
        var outdated = said.contains("PKIX") ? outdated() : Optional.<String>empty();
        // Trusting it would not help: that is no question of who has signed it.
        if (outdated.isPresent())
            return new Failure.StoreFailed(what() + "the store's certificate " + outdated.get(),
                "have whoever runs the store renew it; nothing here can mend it, unless this machine's clock is wrong: date");
        if (said.contains("PKIX"))
            return new Failure.StoreFailed(what() + "Java does not trust the store's certificate",
                "is the address right? " + where
                    + "; a certificate of your own authority is trusted after: keytool -importcert -cacerts -file CERTIFICATE");
        if (said.contains("Unsupported or unrecognized SSL message"))
            return new Failure.StoreFailed(what() + "no TLS with the store: it speaks plain http there",
                "write http:// for https://, or name the port that has TLS: " + where);
        if (said.contains("subject alternative") || said.contains("No name matching"))
            return new Failure.StoreFailed(what() + "no TLS with the store: " + clean(said),
                "name the store as its certificate does: " + where
                + (isPathStyle() ? "" : "; with S3_PATH_STYLE=true the bucket's name does not stand before it"));
        return new Failure.StoreFailed(what() + "no TLS with the store: " + clean(said), "is the address right? "
            + where + "; " + doctor());
    }

    /**
     * Whether the certificate that the store shows has ended, or not begun, and when; empty where it is in time, or
     * can't be seen. Nothing is sent.
     */
    private Optional<String> outdated() {
        var shown = new X509Certificate[1];
        var port = url().getPort() < 0 ? 443 : url().getPort();
        try (var plain = new Socket()) {
            plain.connect(new InetSocketAddress(url().getHost(), port), LOOK_MILLIS);
            plain.setSoTimeout(LOOK_MILLIS);
            var context = SSLContext.getInstance("TLS");
            context.init(null, new TrustManager[] {new Looking(shown)}, null);
            ((SSLSocket) context.getSocketFactory().createSocket(plain, url().getHost(), port, true)).startHandshake();
        } catch (IOException | GeneralSecurityException e) {
            // what it had shown by then is all that there is
        }
        if (shown[0] == null) return Optional.empty();
        var now = new Date();
        if (now.after(shown[0].getNotAfter())) return Optional.of("has expired on " + day(shown[0].getNotAfter()));
        return now.before(shown[0].getNotBefore())
            ? Optional.of("is valid only from " + day(shown[0].getNotBefore()) + " on") : Optional.empty();
    }

    private static String day(Date date) { return date.toInstant().toString().substring(0, 10); }

    /** Keeps the certificate that it is shown, and trusts none. */
    private record Looking(X509Certificate[] shown) implements X509TrustManager {
        @Override public void checkServerTrusted(X509Certificate[] chain, String type) throws CertificateException {
            shown[0] = chain[0];
            throw new CertificateException("seen");
        }

        @Override public void checkClientTrusted(X509Certificate[] chain, String type) throws CertificateException {
            throw new CertificateException();
        }

        @Override public X509Certificate[] getAcceptedIssuers() { return new X509Certificate[0]; }
    }

    private static String cause(SdkException e) {
        var said = e.getCause() == null ? String.valueOf(e.getMessage()) : String.valueOf(e.getCause().getMessage());
        return clean(said).toLowerCase(Locale.ROOT);
    }

    private static <T> Optional<T> cause(Throwable e, Class<T> type) {
        for (var cause = e; cause != null; cause = cause.getCause())
            if (type.isInstance(cause)) return Optional.of(type.cast(cause));
        return Optional.empty();
    }

    private String through() { return proxy().map(proxy -> "; the way there is through the proxy " + proxy).orElse(""); }

    /** The proxy of the environment or of Java that requests to the store go through, and where it is set. */
    private Optional<String> proxy() {
        var scheme = url().getScheme();
        var none = Optional.ofNullable(System.getenv("no_proxy")).orElse(System.getenv("NO_PROXY"));
        for (var name : List.of(scheme + "_proxy", scheme.toUpperCase(Locale.ROOT) + "_PROXY")) {
            var value = System.getenv(name);
            if (value == null || value.isBlank() || isExcepted(none)) continue;
            return Optional.of(value.replaceFirst("^[a-z]+://", "").replaceFirst("^[^@/]*@", "").replaceFirst("/.*", "") + " (" + name + " in the environment)"); // without its password
        }
        var host = System.getProperty(scheme + ".proxyHost");
        return host == null ? Optional.empty() : Optional.of(host + ":" + System.getProperty(scheme + ".proxyPort", "80") + " (Java's " + scheme + ".proxyHost)");
    }

    private boolean isExcepted(String none) {
        if (none == null) return false;
        for (var name : none.split("[,|]")) {
            var bare = name.strip().replaceFirst("^\\*?\\.?", "").toLowerCase(Locale.ROOT);
            if (!bare.isEmpty() && (host().equals(bare) || host().endsWith("." + bare)) || name.strip().equals("*")) return true;
        }
        return false;
    }

    private String what() { return "could not " + asked.act + " " + store.uri(asked.key) + ": "; }

    /** The status and the code, as in "403 QuotaExceeded". */
    private String answered(S3Exception e) { return e.statusCode() + (code(e).isEmpty() ? "" : " " + code(e)); }

    private String tried(S3Exception e) { return e.numAttempts() == null || e.numAttempts() < 2 ? "" : " after " + e.numAttempts() + " tries"; }

    /** What the store says beyond its code: of an encryption key that may not be used, say, or of a policy that denies. */
    private String said(S3Exception e) {
        var said = e.awsErrorDetails() == null || e.awsErrorDetails().errorMessage() == null ? "" : clean(e.awsErrorDetails().errorMessage());
        return said.isEmpty() || said.equalsIgnoreCase("access denied") || said.equalsIgnoreCase(code(e)) ? "" : "; the store says: " + said;
    }

    /** One line of printable text, not too long: anybody may have written it. */
    private static String clean(String text) {
        var line = text.lines().findFirst().orElse("").replaceAll("\\p{Cntrl}", " ").strip();
        return line.length() > 300 ? line.substring(0, 300) + "…" : line;
    }

    /** The settings that a request goes out with, as a store may find fault with any of them. */
    private String sent() {
        var sent = new ArrayList<String>();
        if (asked.right.equals("s3:PutObject"))
            for (var setting : List.of(Setting.BACKUP_STORAGE_CLASS, Setting.BACKUP_SSE, Setting.BACKUP_SSE_KMS_KEY)) add(sent, setting);
        for (var setting : List.of(Setting.AWS_REGION, Setting.AWS_ENDPOINT_URL_S3, Setting.S3_PATH_STYLE)) add(sent, setting);
        return String.join(", ", sent);
    }

    private void add(List<String> sent, Setting setting) { store.settings.get(setting).ifPresent(value -> sent.add(setting + "=" + value)); }

    /**
     * The endpoint without the bucket's name, where its host begins with it or its path ends so; empty where neither
     * does.
     */
    private Optional<String> bareEndpoint() {
        var endpoint = store.settings.get(Setting.AWS_ENDPOINT_URL_S3).map(URI::create);
        if (endpoint.isEmpty()) return Optional.empty();
        var text = endpoint.get().toString().replaceFirst("/+$", "");
        if (text.endsWith("/" + store.bucket))
            return Optional.of(text.substring(0, text.length() - store.bucket.length() - 1));
        return endpoint.get().getHost().startsWith(store.bucket + ".")
            ? Optional.of(text.replaceFirst("//" + Pattern.quote(store.bucket) + "[.]", "//")) : Optional.empty();
    }

    private String grantedOn() {
        if (asked.right.startsWith("s3:List")) return "s3://" + store.bucket;
        // Of an object that is not there it is all the same to Amazon's S3 which of the two is missing.
        return store.uri(store.prefix + "/*") + (asked.right.equals("s3:GetObject") ? ", and s3:ListBucket on s3://" + store.bucket + " without conditions" : "");
    }

    private URI url() { return URI.create(store.client.utilities().getUrl(request -> request.bucket(store.bucket).key("x")).toString()); }

    private String host() { return url().getHost().toLowerCase(Locale.ROOT); }

    private String where(Setting setting) { return store.settings.where(setting); }

    private String doctor() { return "./jbang doctor --env " + store.settings.env + " looks at the store"; }
}
