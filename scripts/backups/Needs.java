package backups;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import ops.PostgresTools;
import ops.Run;
import ops.Tool;

/**
 * What an archive needs of a server and does not bring along.
 *
 * @param roles owners and grantees; a word in a function's text may be among them
 */
record Needs(Set<String> extensions, Set<String> roles) {
    static final String NAME = "\"(?:[^\"]|\"\")+\"|[a-z_][a-z0-9_$]*";
    private static final Pattern EXTENSION = Pattern.compile("^[0-9]+; 3079 [0-9]+ EXTENSION - (.*) $", Pattern.MULTILINE);
    private static final Pattern OWNER = Pattern.compile("^-- Name: .*; Owner: (?!-$)(.+)$", Pattern.MULTILINE);
    private static final Pattern ROLES = Pattern.compile("\\b(?:TO|FROM|FOR ROLE|FOR USER|USER MAPPING FOR|SESSION AUTHORIZATION) ((?:" + NAME + ")(?:, (?:" + NAME + "))*)");
    private static final Duration LIMIT = Duration.ofMinutes(5);

    /** @param beginning file with the archive's beginning, as far as its table of contents goes */
    static Needs of(Run run, PostgresTools.Found pgRestore, Path beginning) throws IOException, InterruptedException {
        var extensions = new TreeSet<String>();
        EXTENSION.matcher(output(run, pgRestore, "--list", beginning.toString())).results().forEach(extension -> extensions.add(extension.group(1)));
        var text = output(run, pgRestore, "--section=pre-data", "--section=post-data", "--file=-", beginning.toString());
        var roles = new TreeSet<String>();
        OWNER.matcher(text).results().forEach(owner -> roles.add(owner.group(1)));
        var name = Pattern.compile(NAME);
        ROLES.matcher(text).results().forEach(some -> name.matcher(some.group(1)).results().forEach(one -> roles.add(unquoted(one.group()))));
        return new Needs(extensions, roles);
    }

    private static String output(Run run, PostgresTools.Found pgRestore, String... arguments) throws IOException, InterruptedException {
        return Tool.text(run, pgRestore.path(), List.of(arguments), Map.of(), LIMIT);
    }

    static String unquoted(String name) { return name.startsWith("\"") ? name.substring(1, name.length() - 1).replace("\"\"", "\"") : name; }

    /** Whether a line of an archive's table of contents creates or describes an extension. */
    static boolean isOf(String extension, String line) { return line.matches("[0-9]+; .* (?:EXTENSION - |COMMENT - EXTENSION )" + Pattern.quote(extension) + " .*"); }
}
