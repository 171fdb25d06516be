package report;

/** What goes into the page from elsewhere: reasons, problems and names may hold anything. */
final class Html {
    private Html() { }

    /** A text that is nothing but text, in an element or in a quoted attribute. */
    static String text(String text) {
        return text.replaceAll("\\p{Cntrl}", " ").replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\"", "&quot;").replace("'", "&#39;");
    }

    /** The beginning of a text, as free words may be long. */
    static String brief(String text, int length) { return text.length() <= length ? text : text.substring(0, length - 1).strip() + "…"; }

    /** A command to run. It breaks between its words only. */
    static String next(String command) { return "<p class=next>→ <code><span>" + text(command).replace(" ", "</span> <span>") + "</span></code></p>"; }

    static String code(String text) { return "<code>" + text(text) + "</code>"; }
}
