package doctor;

import java.util.ArrayList;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import ops.Amount;
import ops.Store;
import software.amazon.awssdk.core.exception.SdkException;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.s3.model.BucketVersioningStatus;
import software.amazon.awssdk.services.s3.model.ExpirationStatus;
import software.amazon.awssdk.services.s3.model.LifecycleRule;
import software.amazon.awssdk.services.s3.model.S3Exception;

/** How is the bucket itself set up? Many stores don't know these questions: then the answer is that it can't be told. */
public final class BucketChecks {
    interface Question { Seen ask(S3Client client) throws Exception; }

    public final Group group;
    private final Future<Store> reached;
    private Store store;

    public BucketChecks(StoreChecks stores) {
        reached = stores.reached;
        group = new Group("bucket", stores.group);
    }

    public Group look() throws Exception {
        store = reached.get();
        group.check("public access block", this::publicAccessBlock, StoreChecks.BUCKET);
        group.check("bucket policy", this::policy, StoreChecks.BUCKET);
        group.check("versioning", this::versioning, StoreChecks.BUCKET);
        group.check("lifecycle", this::lifecycle, StoreChecks.BUCKET);
        return group;
    }

    private Seen publicAccessBlock() throws Exception {
        var fix = "aws s3api put-public-access-block --bucket " + store.bucket + " --public-access-block-configuration BlockPublicAcls=true,IgnorePublicAcls=true,BlockPublicPolicy=true,RestrictPublicBuckets=true";
        return ask(store, "s3:GetBucketPublicAccessBlock", client -> {
            var block = client.getPublicAccessBlock(request -> request.bucket(store.bucket)).publicAccessBlockConfiguration();
            return Boolean.TRUE.equals(block.blockPublicAcls()) && Boolean.TRUE.equals(block.ignorePublicAcls()) && Boolean.TRUE.equals(block.blockPublicPolicy()) && Boolean.TRUE.equals(block.restrictPublicBuckets())
                ? Seen.ok("on") : Seen.warning("on in part", fix);
        }, "NoSuchPublicAccessBlockConfiguration", Seen.warning("off", fix));
    }

    private Seen policy() throws Exception {
        return ask(store, "s3:GetBucketPolicyStatus", client -> Boolean.TRUE.equals(client.getBucketPolicyStatus(request -> request.bucket(store.bucket)).policyStatus().isPublic())
                ? Seen.problem(ops.Exit.STORE, "makes the bucket public", "aws s3api get-bucket-policy --bucket " + store.bucket + " shows it; remove the statement that names everybody")
                : Seen.ok("is not public"),
            "NoSuchBucketPolicy", Seen.ok("none"));
    }

    private Seen versioning() throws Exception {
        return ask(store, "s3:GetBucketVersioning", client -> client.getBucketVersioning(request -> request.bucket(store.bucket)).status() == BucketVersioningStatus.ENABLED
            ? Seen.note("on: what is deleted stays, and is paid for, until the lifecycle removes it") : Seen.note("off: what is deleted or overwritten is gone"), null, null);
    }

    private Seen lifecycle() throws Exception {
        var none = Seen.note("nothing ends uploads that were never completed, except a later backup-db", "a lifecycle rule AbortIncompleteMultipartUpload after a few days is a second net");
        return ask(store, "s3:GetLifecycleConfiguration", client -> {
            var rules = client.getBucketLifecycleConfiguration(request -> request.bucket(store.bucket)).rules().stream()
                .filter(rule -> rule.status() == ExpirationStatus.ENABLED && concerns(rule)).toList();
            var said = new ArrayList<String>();
            for (var rule : rules) {
                if (rule.abortIncompleteMultipartUpload() != null) said.add("uploads that were never completed end after " + Amount.count(rule.abortIncompleteMultipartUpload().daysAfterInitiation(), "day"));
                if (rule.expiration() != null && rule.expiration().days() != null)
                    said.add("objects here are deleted after " + Amount.count(rule.expiration().days(), "day"));
            }
            // Uploads of a large database take longer than a day; and a restore can't read an archive.
            if (rules.stream().anyMatch(rule -> rule.abortIncompleteMultipartUpload() != null
                && rule.abortIncompleteMultipartUpload().daysAfterInitiation() < 3))
                return Seen.warning(String.join("; ", said), "give uploads a week before the rule ends them: a large backup may be one that still runs");
            if (rules.stream().anyMatch(rule -> rule.transitions().stream().anyMatch(transition ->
                String.valueOf(transition.storageClassAsString()).matches("GLACIER|DEEP_ARCHIVE"))))
                return Seen.warning("backups here become archives, which can't be restored, verified or drilled before they were asked for, hours ahead", "GLACIER_IR instead, which can be read at once, or no such rule");
            return said.isEmpty() ? none : rules.stream().anyMatch(rule -> rule.abortIncompleteMultipartUpload() != null) ? Seen.ok(String.join("; ", said)) : Seen.note(String.join("; ", said), none.fix());
        }, "NoSuchLifecycleConfiguration", none);
    }

    /** Several conditions stand in one; an older rule has its prefix beside; no object here has a tag. */
    private boolean concerns(LifecycleRule rule) {
        var filter = rule.filter();
        if (filter != null && (filter.tag() != null || filter.and() != null && filter.and().hasTags())) return false;
        var prefixes = Stream.of(rule.prefix(), filter == null ? null : filter.prefix(),
            filter == null || filter.and() == null ? null : filter.and().prefix());
        var place = store.prefix + "/";
        return prefixes.allMatch(prefix -> prefix == null || place.startsWith(prefix) || prefix.startsWith(place));
    }

    /**
     * Asks something that the store may not know or not tell.
     *
     * @param right what the credentials need for it
     * @param none the error code that stands for an answer, {@code otherwise}
     */
    static Seen ask(Store store, String right, Question question, String none, Seen otherwise) throws Exception {
        try {
            return question.ask(store.client());
        } catch (S3Exception e) {
            var code = e.awsErrorDetails() == null ? "" : e.awsErrorDetails().errorCode();
            if (none != null && none.equals(code)) return otherwise;
            if (e.statusCode() == 403) return Seen.cannotTell("these credentials may not ask", "grant them " + right + " (README.md, Security and permissions), or look it up in the provider's console");
            return Seen.cannotTell("the store does not answer this (" + e.statusCode() + " " + code + ")", "look it up in the provider's console");
        } catch (SdkException e) {
            return Seen.cannotTell("the store does not answer this", "look it up in the provider's console");
        }
    }
}
