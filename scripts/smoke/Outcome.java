package smoke;

/** How a check can end. What could not be told is no pass. */
public enum Outcome { pass, fail, unknown }
