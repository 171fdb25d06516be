//SOURCES Outcome.java
//SOURCES Verdict.java
package smoke;

import java.net.Inet4Address;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.channels.UnresolvedAddressException;
import java.util.Hashtable;
import java.util.List;
import javax.naming.CommunicationException;
import javax.naming.NameNotFoundException;
import javax.naming.NamingException;
import javax.naming.directory.InitialDirContext;

/** Whose fault it is when there is no connection: the site's, or this machine's own network's. */
public final class Network {
    private static final String OWN = "see this machine's own network; of the site nothing can be said";

    private Network() { }

    static Verdict explain(String host, String shown, Throwable thrown) {
        List<InetAddress> addresses;
        try {
            addresses = addresses(host);
        } catch (Verdict.Judged judged) {
            return judged.verdict;
        }
        var said = said(thrown);
        var only6 = addresses.stream().noneMatch(Inet4Address.class::isInstance) && !host.startsWith("[");
        if (said.contains("unreachable") || said.contains("No route to host") || said.contains("protocol family unavailable")) {
            if (only6) return Verdict.fail(host + " has an IPv6 address only, and this machine, as many visitors, has IPv4 only", "give the name an IPv4 address (an A record) too");
            return Verdict.unknown("this machine's own network is down: " + said, OWN);
        }
        return Verdict.fail(shown + " refuses the connection" + (only6 ? ", over IPv6, the only addresses it has" : ""), "is the server running, and on this port?");
    }

    private static String said(Throwable thrown) {
        for (var cause = thrown; cause != null; cause = cause.getCause())
            if (cause.getMessage() != null && !(cause instanceof UnresolvedAddressException)) return cause.getMessage();
        return "";
    }

    /** The addresses of a name; when there are none, says whether the name is unknown or nobody could be asked. */
    static List<InetAddress> addresses(String host) throws Verdict.Judged {
        try {
            return List.of(InetAddress.getAllByName(host));
        } catch (UnknownHostException e) {
            throw (resolverAnswers(host) ? Verdict.fail("the name " + host + " is unknown", "is it spelled right, and are its DNS records there?")
                : Verdict.unknown("this machine can't look names up: its DNS resolver does not answer", OWN)).judged();
        }
    }

    /** Whether a name is known or there is at least somebody who says that it is not. */
    public static boolean canLookUp(String host) {
        try {
            return !addresses(host).isEmpty();
        } catch (Verdict.Judged judged) {
            return judged.verdict.outcome() != Outcome.unknown;
        }
    }

    /** The system's call says the same of both. */
    private static boolean resolverAnswers(String host) {
        var how = new Hashtable<String, String>();
        how.put("java.naming.factory.initial", "com.sun.jndi.dns.DnsContextFactory");
        how.put("com.sun.jndi.dns.timeout.initial", "1000");
        how.put("com.sun.jndi.dns.timeout.retries", "2");
        try {
            new InitialDirContext(how).getAttributes(host, new String[] {"A", "AAAA"});
            return true;
        } catch (NameNotFoundException e) {
            return true;
        } catch (CommunicationException e) {
            return false;
        } catch (NamingException e) {
            return !(e.getRootCause() instanceof java.io.IOException); // a server that refuses has answered
        }
    }
}
