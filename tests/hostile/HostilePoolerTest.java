/** A pooler between the kit and the server, in transaction and in session mode: refused by its behaviour, or nothing stays set. */
class HostilePoolerTest {
}
