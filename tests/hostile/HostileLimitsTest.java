/** Limits on memory, disk, descriptors and places: an answer in words, never exit 70, never half a result that looks whole. */
class HostileLimitsTest {
}
