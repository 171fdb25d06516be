/** Databases of other people, restored in place: nothing that no backup holds is dropped, no right is widened. */
class HostileInPlaceTest {
}
