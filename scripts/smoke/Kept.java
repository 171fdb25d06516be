//SOURCES Outcome.java
package smoke;

/**
 * What is kept of one check in the history of a run.
 *
 * @param title as operators know it
 * @param ends as the verdict has it, UTC; null where nothing ends
 */
public record Kept(String name, String title, Outcome outcome, boolean warning, double seconds, String what, String ends) { }
