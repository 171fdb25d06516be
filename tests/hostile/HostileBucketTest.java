/** Somebody who can write to the bucket, and clocks that are wrong: nothing of it is believed, deleted or restored unasked. */
class HostileBucketTest {
}
