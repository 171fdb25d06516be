package smoke;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.cert.CertificateException;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLException;
import javax.net.ssl.SSLSession;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManager;
import javax.net.ssl.TrustManagerFactory;
import javax.net.ssl.X509ExtendedTrustManager;
import javax.net.ssl.X509TrustManager;
import ops.Amount;
import ops.Failure;

/** Whom we trust: Java's own list, and the authorities of a file; and why not, in words, when we don't. */
final class Trust {
    private static final String RENEW = "renew it, and see why that was not done by itself";

    private final X509TrustManager ours;
    private final SSLContext context;

    Trust(Optional<Path> authorities) {
        try {
            var factory = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
            factory.init((KeyStore) null);
            if (authorities.isPresent()) {
                var all = KeyStore.getInstance(KeyStore.getDefaultType());
                all.load(null, null);
                for (var known : ((X509TrustManager) factory.getTrustManagers()[0]).getAcceptedIssuers()) all.setCertificateEntry("known" + all.size(), known);
                try (var file = Files.newInputStream(authorities.get())) {
                    for (var own : CertificateFactory.getInstance("X.509").generateCertificates(file)) all.setCertificateEntry("own" + all.size(), own);
                }
                factory.init(all);
            }
            ours = (X509TrustManager) factory.getTrustManagers()[0];
            context = SSLContext.getInstance("TLS");
            context.init(null, new TrustManager[] {ours}, null);
        } catch (IOException | CertificateException e) {
            throw new Failure.BadSetting("SMOKE_CA_FILE: " + authorities.orElseThrow() + " can't be read as certificates: " + e.getMessage(), "it holds certificates in PEM form");
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException(e);
        }
    }

    SSLContext context() { return context; }

    /** The certificate that a server shows, if it is good for this host; else why not. */
    X509Certificate certificate(URI uri, Duration limit) throws Verdict.Judged {
        var deadline = Deadline.in(limit);
        try {
            var session = shake(context, uri, true, limit);
            var nameless = withoutName(uri, session);
            if (nameless.isPresent()) throw nameless.get().judged();
            return (X509Certificate) session.getPeerCertificates()[0];
        } catch (SSLException e) {
            throw explain(uri, e.getMessage(), deadline).judged();
        } catch (IOException e) {
            throw Verdict.fail(uri.getHost() + " can't be reached: " + e.getMessage(), "is the server running, and on this port?").judged();
        }
    }

    /** Java goes by a certificate's subject when it has no other name; browsers have given that up. */
    static Optional<Verdict> withoutName(URI uri, SSLSession session) {
        try {
            var certificate = (X509Certificate) session.getPeerCertificates()[0];
            if (certificate.getSubjectAlternativeNames() != null) return Optional.empty();
            return Optional.of(Verdict.fail("the certificate of " + uri.getHost() + " has a subject ("
                + certificate.getSubjectX500Principal().getName()
                + ") and no subject alternative name: no browser accepts it",
                    "have one made with the name as subjectAltName").forGood());
        } catch (SSLException | CertificateException e) {
            return Optional.empty(); // the handshake has looked at it
        }
    }

    private static SSLSession shake(SSLContext context, URI uri, boolean forName, Duration limit) throws IOException {
        var milliseconds = (int) limit.toMillis();
        var port = uri.getPort() < 0 ? 443 : uri.getPort();
        try (var plain = new Socket()) {
            plain.connect(new InetSocketAddress(uri.getHost(), port), milliseconds);
            plain.setSoTimeout(milliseconds);
            try (var socket = (SSLSocket) context.getSocketFactory().createSocket(plain, uri.getHost(), port, true)) {
                var parameters = socket.getSSLParameters();
                if (forName) parameters.setEndpointIdentificationAlgorithm("HTTPS");
                socket.setSSLParameters(parameters);
                socket.startHandshake();
                return socket.getSession();
            }
        }
    }

    /** Why a handshake failed; Java's own messages are not for operators. */
    Verdict explain(URI uri, String said, Deadline deadline) {
        var host = uri.getHost();
        X509Certificate[] chain;
        try {
            var looking = SSLContext.getInstance("TLS");
            looking.init(null, new TrustManager[] {new Anybody()}, null);
            chain = Arrays.stream(shake(looking, uri, false, deadline.left()).getPeerCertificates()).toArray(X509Certificate[]::new);
        } catch (SocketTimeoutException e) {
            if (e.getMessage().startsWith("Connect")) return Verdict.fail(host + " takes no connection", "is it up, and does a firewall let us through?");
            return silent(host);
        } catch (IOException e) {
            var plain = said != null && (said.contains("plaintext connection") || said.contains("Unsupported or unrecognized SSL message"));
            return Verdict.fail(plain ? host + " does not speak TLS on this port: plain http, most likely" : "no TLS with " + host + ": " + said, "see the server's TLS settings; or is the address wrong?");
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException(e);
        }
        var shown = chain[0];
        var ends = shown.getNotAfter().toInstant();
        if (ends.isBefore(Instant.now())) return Verdict.fail("the certificate of " + host + " expired on " + day(ends) + ", " + Amount.count(Duration.between(ends, Instant.now()).toDays(), "day") + " ago", RENEW).forGood();
        var begins = shown.getNotBefore().toInstant();
        if (begins.isAfter(Instant.now())) return Verdict.fail("the certificate of " + host + " is not valid before " + day(begins), "is this machine's clock right?").forGood();
        try {
            ours.checkServerTrusted(chain, "UNKNOWN");
        } catch (CertificateException e) {
            if (shown.getIssuerX500Principal().equals(shown.getSubjectX500Principal()))
                return Verdict.fail("the certificate of " + host + " is self-signed: no browser accepts it", "have one made by an authority; of one of your own, name its certificate in SMOKE_CA_FILE").forGood();
            return Verdict.fail("the certificate of " + host + " is by '" + shown.getIssuerX500Principal().getName() + "', whom this machine does not know" + (chain.length == 1 ? ", and the server sends no intermediate certificate" : ""),
                "have the server send the whole chain; of an authority of your own, name its certificate in SMOKE_CA_FILE").forGood();
        }
        try {
            shake(context, uri, true, deadline.left());
            return Verdict.fail("no TLS with " + host + " at first, and when it was asked again there was", "is the server overloaded?");
        } catch (SSLException e) {
            return Verdict.fail("the certificate is for " + names(shown) + ", and not for " + host, "have one made for this name, or correct the address").forGood();
        } catch (IOException e) {
            return silent(host);
        }
    }

    private static Verdict silent(String host) {
        return Verdict.fail(host + " takes the connection and does not answer in TLS: plain http, or overloaded", "see the server's TLS settings; or is the address wrong?");
    }

    static String day(Instant at) { return LocalDate.ofInstant(at, ZoneOffset.UTC).toString(); }

    private static String names(X509Certificate certificate) {
        try {
            var names = certificate.getSubjectAlternativeNames();
            if (names != null) return names.stream().map((List<?> name) -> String.valueOf(name.get(1))).limit(5).collect(Collectors.joining(", "));
        } catch (CertificateException e) {
            // its subject will do
        }
        return certificate.getSubjectX500Principal().getName();
    }

    /** Only to have the certificates shown that were refused. */
    private static final class Anybody extends X509ExtendedTrustManager {
        @Override public void checkClientTrusted(X509Certificate[] chain, String type) { }

        @Override public void checkServerTrusted(X509Certificate[] chain, String type) { }

        @Override public void checkClientTrusted(X509Certificate[] chain, String type, Socket socket) { }

        @Override public void checkServerTrusted(X509Certificate[] chain, String type, Socket socket) { }

        @Override public void checkClientTrusted(X509Certificate[] chain, String type, SSLEngine engine) { }

        @Override public void checkServerTrusted(X509Certificate[] chain, String type, SSLEngine engine) { }

        @Override public X509Certificate[] getAcceptedIssuers() { return new X509Certificate[0]; }
    }
}
