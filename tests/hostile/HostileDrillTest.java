/** Good backups that a drill's server prints, sorts or keeps otherwise: broken is only what was seen to be broken. */
class HostileDrillTest {
}
