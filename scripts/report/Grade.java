package report;

import ops.Proof;

/** How far a backup is proven, as the calendar and the verdict show it. */
enum Grade {
    stored("stored", "stockée"), readable("read back", "relue"), restored("restored", "restaurée"), broken("broken", "défectueuse");

    private final Words words;

    Grade(String en, String fr) { words = new Words(en, fr); }

    static Grade of(Proof proof) { return valueOf(proof.grade()); }

    Words words() { return words; }
}
