package smoke;

import java.net.Inet4Address;
import java.net.InetAddress;
import java.time.Duration;
import java.util.TreeSet;
import java.util.stream.Collectors;
import ops.Setting;
import ops.Settings;

/** Does the name lead where it should, and visitors with IPv4 alone there too? */
record Dns(Site site, Settings settings) {
    Verdict look(Duration limit) throws Exception {
        var host = site.address.getHost();
        var found = Network.addresses(host);
        var shown = found.stream().map(InetAddress::getHostAddress).sorted().collect(Collectors.joining(", "));
        if (found.stream().noneMatch(Inet4Address.class::isInstance))
            return Verdict.fail(host + " has IPv6 addresses only (" + shown + "): many visitors have IPv4 alone", "give the name an IPv4 address (an A record) too").forGood();
        var expected = new TreeSet<String>();
        for (var name : settings.list(Setting.SMOKE_DNS)) if (!name.equals("any")) for (var address : Network.addresses(name)) expected.add(address.getHostAddress());
        var wrong = found.stream().map(InetAddress::getHostAddress).filter(address -> !expected.isEmpty() && !expected.contains(address)).sorted().toList();
        if (!wrong.isEmpty()) return Verdict.fail(host + " leads to " + String.join(", ", wrong) + ", and should to " + String.join(", ", settings.list(Setting.SMOKE_DNS)), "see the name's DNS records; a change takes as long as their TTL");
        return Verdict.pass(host + " leads to " + shown);
    }
}
