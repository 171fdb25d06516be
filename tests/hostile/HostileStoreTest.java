/** A store that lies, lacks, refuses or stumbles: nothing is lost by it, and what it said decides what the operator reads. */
class HostileStoreTest {
}
