/** Databases of other people, restored by a swap: nothing of them is lost, and nothing reaches outward. */
class HostileDatabaseTest {
}
