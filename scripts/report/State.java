package report;

/** How something is, from good to worse, by a word and a mark: colours only help. */
enum State {
    none("Not yet", "Pas encore"),
    good("Good", "Bon"),
    attention("Attention", "Attention"),
    unknown("Can't be told", "Indéterminé"),
    problem("Problem", "Problème");

    final Words words;

    State(String en, String fr) { words = new Words(en, fr); }

    /** The mark alone; its word has to stand beside it, or in its label. */
    String icon() { return "<svg class='icon " + name() + "' aria-hidden=true><use href='#" + name() + "'/></svg>"; }

    String html() { return "<span class='state " + name() + "'>" + icon() + words.html() + "</span>"; }

    State worse(State other) { return compareTo(other) > 0 ? this : other; }
}
