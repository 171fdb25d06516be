import static org.junit.jupiter.api.Assertions.assertEquals;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.time.ZoneOffset;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentSkipListSet;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * Stands before the store and lets through what IAM policies allow, since the embedded store enforces none. It is modelled on
 * AWS's documentation (Required permissions for Amazon S3 API operations; HeadObject) and is not AWS itself: it knows the
 * requests that the kit sends, and statements that allow, without conditions. What it does not know it refuses.
 */
final class PolicyGate implements AutoCloseable {
    /** By method, what it is about, and the parameters that make another operation of it. */
    private static final Map<String, String> ACTIONS = Map.ofEntries(
        Map.entry("GET bucket", "s3:ListBucket"), Map.entry("HEAD bucket", "s3:ListBucket"), Map.entry("GET bucket?versions", "s3:ListBucketVersions"), Map.entry("GET bucket?uploads", "s3:ListBucketMultipartUploads"),
        Map.entry("GET bucket?versioning", "s3:GetBucketVersioning"), Map.entry("GET bucket?lifecycle", "s3:GetLifecycleConfiguration"), Map.entry("GET bucket?policyStatus", "s3:GetBucketPolicyStatus"),
        Map.entry("GET bucket?publicAccessBlock", "s3:GetBucketPublicAccessBlock"), Map.entry("GET bucket?encryption", "s3:GetEncryptionConfiguration"),
        Map.entry("GET object", "s3:GetObject"), Map.entry("HEAD object", "s3:GetObject"), Map.entry("GET object?versionId", "s3:GetObjectVersion"), Map.entry("HEAD object?versionId", "s3:GetObjectVersion"),
        Map.entry("PUT object", "s3:PutObject"), Map.entry("POST object?uploads", "s3:PutObject"), Map.entry("PUT object?uploadId", "s3:PutObject"), Map.entry("POST object?uploadId", "s3:PutObject"),
        Map.entry("GET object?uploadId", "s3:ListMultipartUploadParts"), Map.entry("DELETE object?uploadId", "s3:AbortMultipartUpload"),
        Map.entry("DELETE object", "s3:DeleteObject"), Map.entry("DELETE object?versionId", "s3:DeleteObjectVersion"));
    /** Parameters that leave an operation the one it is. */
    private static final Set<String> PLAIN = Set.of("list-type", "prefix", "delimiter", "max-keys", "max-uploads", "continuation-token", "key-marker", "upload-id-marker", "version-id-marker", "encoding-type", "partNumber");
    private static final Pattern REQUEST = Pattern.compile("([A-Z]+) /([^/? ]*)(/[^? ]*)?(?:\\?([^ ]*))? HTTP/.*", Pattern.DOTALL);

    /** One action of a statement on one of its resources. */
    record Grant(String action, String resource) implements Comparable<Grant> {
        boolean allows(Grant asked) {
            return action.equals(asked.action) && asked.resource.matches(Stream.of(resource.split("\\*", -1)).map(Pattern::quote).collect(Collectors.joining(".*")));
        }

        @Override public int compareTo(Grant other) { return toString().compareTo(other.toString()); }
    }

    private final FaultProxy proxy;
    private volatile List<Grant> granted = List.of();
    private final Set<Grant> needed = new ConcurrentSkipListSet<>();
    private final Set<String> refused = new ConcurrentSkipListSet<>();

    /** Stands before a checkout's store from now on, and lets nothing through yet. */
    PolicyGate(Kit kit) {
        proxy = new FaultProxy(kit);
        proxy.every("").answer(this::judge);
    }

    /** What a policy's text grants on a bucket. */
    static List<Grant> grants(String policy, String bucket) {
        var grants = new ArrayList<Grant>();
        for (var each : JsonParser.parseString(policy.replace("BUCKET", bucket)).getAsJsonObject().getAsJsonArray("Statement")) {
            var statement = each.getAsJsonObject();
            assertEquals(Set.of("Effect", "Action", "Resource"), statement.keySet(), "this model knows nothing else");
            assertEquals("Allow", statement.get("Effect").getAsString());
            for (var action : strings(statement, "Action")) for (var resource : strings(statement, "Resource")) grants.add(new Grant(action, resource));
        }
        return grants;
    }

    private static List<String> strings(JsonObject statement, String name) {
        var value = statement.get(name);
        return value.isJsonArray() ? value.getAsJsonArray().asList().stream().map(JsonElement::getAsString).toList() : List.of(value.getAsString());
    }

    /** From now on these are granted, and nothing else. */
    void grant(List<Grant> grants) { granted = List.copyOf(grants); }

    /** The grants without which a request that was let through would have been refused. */
    Set<Grant> needed() { return new TreeSet<>(needed); }

    /** The actions that were refused since this was last asked. */
    Set<String> refused() {
        var until = new TreeSet<>(refused);
        refused.removeAll(until);
        return until;
    }

    private String judge(String head, FaultProxy.Store store) throws IOException {
        var request = REQUEST.matcher(head);
        if (!request.matches()) throw new AssertionError(head);
        // Nobody without credentials is granted anything by a policy of this kind.
        if (!Pattern.compile("\r\nauthorization: ", Pattern.CASE_INSENSITIVE).matcher(head).find()) return denied(head);
        var list = new Grant("s3:ListBucket", "arn:aws:s3:::" + request.group(2));
        var asked = asked(request.group(1), list.resource, request.group(3), request.group(4));
        if (!isAllowed(asked)) return denied(head);
        if (asked.action.matches("s3:(ListBucketVersions|DeleteObjectVersion)")) return versioned(asked, head);
        var answer = store.answer();
        // Who may not list must not learn either what is not there.
        if (head.matches("(?s)(GET|HEAD) .*") && answer.startsWith("HTTP/1.1 404") && !isAllowed(list)) return denied(head);
        // Amazon's S3 encrypts everything, and says so; the embedded store knows nothing of it.
        return head.startsWith("HEAD ") ? answer.replaceFirst("\r\n", "\r\nx-amz-server-side-encryption: AES256\r\n") : answer;
    }

    /** The embedded store keeps no versions: in its place, a version of whatever is asked for, and it can be deleted. */
    private static String versioned(Grant asked, String head) {
        if (asked.action.equals("s3:DeleteObjectVersion")) return "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n";
        var prefix = URLDecoder.decode(head.replaceFirst("(?s).*[?&]prefix=([^& ]*).*", "$1"), StandardCharsets.UTF_8);
        var body = "<?xml version=\"1.0\"?><ListVersionsResult><IsTruncated>false</IsTruncated><Version><Key>" + prefix + "</Key><VersionId>v1</VersionId></Version></ListVersionsResult>";
        return "HTTP/1.1 200 OK\r\nContent-Type: application/xml\r\nContent-Length: " + body.length() + "\r\nConnection: close\r\n\r\n" + body;
    }

    private static Grant asked(String method, String bucket, String path, String query) {
        var key = path == null ? "" : URLDecoder.decode(path.substring(1).replace("+", "%2B"), StandardCharsets.UTF_8);
        var parameters = query == null ? "" : Stream.of(query.split("&")).map(each -> each.replaceFirst("=.*", "")).filter(name -> !PLAIN.contains(name)).sorted().collect(Collectors.joining("&"));
        var operation = method + (key.isEmpty() ? " bucket" : " object") + (parameters.isEmpty() ? "" : "?" + parameters);
        return new Grant(ACTIONS.getOrDefault(operation, operation), bucket + (key.isEmpty() ? "" : "/" + key));
    }

    private boolean isAllowed(Grant asked) {
        var by = granted.stream().filter(grant -> grant.allows(asked)).toList();
        if (by.isEmpty()) refused.add(asked.action);
        if (by.size() == 1) needed.add(by.get(0));
        return !by.isEmpty();
    }

    /** As little as S3 says in its shortest form: the kit has to know by itself what is missing. */
    private static String denied(String head) {
        return FaultProxy.error(head, 403, "AccessDenied", "Access Denied", "Date: " + DateTimeFormatter.RFC_1123_DATE_TIME.format(ZonedDateTime.now(ZoneOffset.UTC)));
    }

    @Override public void close() { proxy.close(); }
}
