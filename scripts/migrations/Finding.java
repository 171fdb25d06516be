package migrations;

/**
 * What is dangerous in a migration.
 *
 * @param line of the statement; 0 for what a rehearsal has seen of the whole file
 * @param what it does, and to whom
 * @param instead how the same is had without the danger
 * @param destructive no rollback of the code undoes it, or the code that is live now breaks
 */
public record Finding(String file, int line, String what, String instead, boolean destructive) {
    @Override public String toString() {
        return file + (line == 0 ? "" : ", line " + line) + ": " + what + "; " + instead;
    }
}
