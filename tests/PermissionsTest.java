import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import ops.BackupFolder;
import ops.Failure;
import ops.Sealed;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The policies that the README hands out are enough for what it says of them, and nothing in them is too much. */
class PermissionsTest {
    private final Kit kit = Stack.kit();
    private final PolicyGate gate = new PolicyGate(kit);
    private String work;
    private String removal;
    private String doctor;

    @BeforeEach void read() throws IOException {
        var policies = new Document("README.md").fences("The bucket", "json");
        assertEquals(3, policies.size());
        work = policies.get(0);
        removal = policies.get(1);
        doctor = policies.get(2);
        kit.database.execute("create table invoice (id int primary key); insert into invoice values (1), (2)");
    }

    @AfterEach void close() { gate.close(); }

    @Test void with_the_first_policy_backups_are_made_looked_at_copied_and_restored_and_all_of_it_is_needed() {
        var offsite = Stack.bareKit().bucket;
        kit.withDrillServer().set("OFFSITE_BACKUP_BUCKET", offsite).set("STAGING_SITE_URL", "http://127.0.0.1:1");
        grant(work, work.replace("BUCKET", offsite));
        kit.run("doctor", "--env", "staging").exits(0).prints("aborted uploads: leave nothing behind", "delete: the probe is gone", "0 problems");
        assertEquals(Set.of("s3:GetBucketPublicAccessBlock", "s3:GetBucketPolicyStatus", "s3:GetBucketVersioning", "s3:GetLifecycleConfiguration", "s3:ListBucketVersions"), gate.refused());
        kit.run("backup-db", "--env", "staging").exits(0);
        for (var command : List.of("verify", "drill", "hold latest", "copy --to offsite"))
            kit.run(("backups " + command + " --env staging").split(" ")).exits(0);
        try (var opened = kit.store()) {
            for (var folder : BackupFolder.all(opened, "staging")) assertTrue(Sealed.read(opened, folder).proof() != null);
        }
        kit.run("restore-db", "--env", "staging").exits(0);
        kit.set("SMOKE_BACKUP_HOURS", "26").run("smoke-tests", "--env", "staging", "--only", "backup").exits(0);
        assertEquals(Set.of(), gate.refused());
        var needed = gate.needed();
        needed.removeAll(PolicyGate.grants(work, offsite));
        assertEquals(new TreeSet<>(PolicyGate.grants(work, kit.bucket)), needed);
    }

    @Test void with_the_first_policy_releases_are_shipped_and_taken_back() {
        grant(work);
        var site = new DeployedSite(kit);
        try {
            site.ship(1);
            site.change("second");
            site.run("deploy").exits(0);
            site.run("rollback").exits(0);
            site.run("smoke-tests").exits(0);
        } finally {
            site.close();
        }
        assertEquals(Set.of(), gate.refused());
    }

    @Test void the_second_is_needed_to_delete_and_for_nothing_else() {
        gate.grant(without("s3:ListBucketMultipartUploads"));
        var killed = kit.put("handover/staging/" + kit.database.name + "/20260101T031500Z-4f9a1c/data-00.dump.zst", "what a killed run left");
        Stack.up().tookNineDaysAgo(kit.bucket, killed);
        kit.run("backup-db", "--env", "staging").exits(0).says("warning: leftovers could not be cleared: could not list uploads ", "s3:ListBucketMultipartUploads is refused (403)");

        grant(work);
        kit.put(kit.sealed().get(0) + "hold.json", "{}");
        kit.run("backups", "release", "latest", "--env", "staging").exits(13).says("s3:DeleteObject is refused (403)", next("s3:DeleteObject"));
        kit.run("backups", "prune", "--env", "staging").exits(0).says("warning: leftover handover/staging/", "s3:DeleteObject is refused (403)");
        assertTrue(kit.keys().contains(killed));

        grant(work, removal);
        kit.run("backups", "release", "latest", "--env", "staging").exits(0);
        kit.run("backups", "prune", "--env", "staging").exits(0);
        assertFalse(kit.keys().contains(killed));
        assertTrue(gate.needed().containsAll(PolicyGate.grants(removal, kit.bucket)), () -> gate.needed().toString());
    }

    @Test void the_third_lets_the_doctor_tell_all_that_it_can() {
        grant(work, removal, doctor);
        kit.run("doctor", "--env", "staging").exits(0).neverShows("these credentials may not");
        assertEquals(Set.of(), gate.refused());
        assertTrue(gate.needed().containsAll(PolicyGate.grants(doctor, kit.bucket)), () -> gate.needed().toString());
    }

    @Test void a_permission_that_is_missing_is_named() {
        gate.grant(without("s3:ListBucket"));
        try (var opened = kit.store()) {
            var told = assertThrows(Failure.StoreFailed.class, opened::reach);
            assertTrue(told.getMessage().contains("could not list s3://" + kit.bucket + "/handover/: s3:ListBucket is refused (403)"), told::getMessage);
            assertTrue(told.hint.contains("grant these credentials s3:ListBucket on s3://" + kit.bucket + ": README.md, Security and permissions"), told.hint);
        }
        var before = kit.keys();
        gate.grant(without("s3:PutObject"));
        kit.run("backup-db", "--env", "staging").exits(13).says("s3:PutObject is refused (403)", next("s3:PutObject"));
        assertEquals(before, kit.keys());
        gate.grant(without("s3:GetObject"));
        kit.run("backup-db", "--env", "staging").exits(13).says("s3:GetObject is refused (403)", next("s3:GetObject"));
        assertEquals(List.of(), kit.sealed());
        gate.grant(without("s3:AbortMultipartUpload"));
        kit.run("doctor", "--env", "staging").exits(13).prints("problem      aborted uploads: could not abort the upload of s3://", "s3:AbortMultipartUpload is refused (403)\n               fix: grant these credentials s3:AbortMultipartUpload on");
    }

    private String next(String right) { return "Next:  grant these credentials " + right + " on s3://" + kit.bucket + "/handover/*"; }

    private List<PolicyGate.Grant> without(String action) { return PolicyGate.grants(work, kit.bucket).stream().filter(grant -> !grant.action().equals(action)).toList(); }

    private void grant(String... policies) { gate.grant(Stream.of(policies).flatMap(policy -> PolicyGate.grants(policy, kit.bucket).stream()).toList()); }
}
