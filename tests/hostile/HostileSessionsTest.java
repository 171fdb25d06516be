/** Sessions that end while the kit relies on them: no green line afterwards, and nothing irreversible without its lock. */
class HostileSessionsTest {
}
