package smoke;

import java.util.Optional;
import java.util.regex.Pattern;
import ops.Failure;
import ops.Setting;
import ops.Settings;

/** One row, named as SCHEMA.TABLE:COLUMN=VALUE. */
record Row(String schema, String table, String column, String value) {
    /** Says that there is none, because the site does without a database. */
    static final String UNUSED = "none";
    private static final Pattern FORM = Pattern.compile("([^.:=]+)\\.([^:=]+):([^=]+)=(.+)");

    /** The one that is always there and that visitors may see. */
    static Optional<Row> known(Settings settings) { return of(settings, Setting.SMOKE_CANARY_ROW); }

    /** The one that is there and that visitors must not see. */
    static Optional<Row> hidden(Settings settings) { return of(settings, Setting.SMOKE_HIDDEN_ROW); }

    private static Optional<Row> of(Settings settings, Setting setting) { return settings.get(setting).filter(text -> !text.equals(UNUSED)).map(text -> of(setting, text)); }

    private static Row of(Setting setting, String text) {
        var row = FORM.matcher(text);
        if (!row.matches()) throw new Failure.BadSetting(setting + " is no row: '" + text.replaceAll("\\p{Cntrl}", "?") + "'", "it looks like public.canary:id=1");
        return new Row(row.group(1), row.group(2), row.group(3), row.group(4));
    }

    /** Whether a value is the one that is looked for, as PostgreSQL writes it: a boolean is t or f, a char(n) has blanks behind it. */
    boolean isValue(String found) {
        return found != null && (found.equals(value) || found.stripTrailing().equals(value) || found.equals("t") && value.equals("true") || found.equals("f") && value.equals("false"));
    }

    @Override public String toString() { return schema + "." + table + " with " + column + " " + value; }
}
