/** Another role in the same database, which may create objects there: it never becomes the role that runs the kit. */
class HostileRoleTest {
}
