import java.io.IOException;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** A Markdown document of the kit, as its readers use it: headings to jump to, code to copy, links to follow. */
final class Document {
    private static final Pattern TOKEN = Pattern.compile("(?ms)^```(?<language>[^\\n]*)\\n(?<fence>.*?)^```$|^(?<level>#+) (?<heading>[^\\n]*)$|`(?<span>[^`]+)`|\\]\\((?<link>[^)\\s]+)\\)");

    /** A heading, and the code from there to the next one: spans, and lines of fences, each with those that continue it. */
    record Section(int level, String heading, List<String> code, List<Fence> fences) {
        /** The anchor that GitHub makes of the heading. */
        String anchor() { return heading.toLowerCase(Locale.ROOT).replaceAll("[^\\p{L}\\p{M}\\p{N} _-]", "").replace(' ', '-'); }
    }

    /** What stands in a fence, as it is to be copied. */
    record Fence(String language, String text) { }

    final String name;
    final List<Section> sections = new ArrayList<>();
    final List<String> links = new ArrayList<>();
    private final String text;

    /** @param name its path in the checkout */
    Document(String name) throws IOException {
        this.name = name;
        text = Files.readString(Stack.CHECKOUT.resolve(name));
        var tokens = TOKEN.matcher(text);
        while (tokens.find()) {
            if (tokens.group("heading") != null) sections.add(new Section(tokens.group("level").length(), tokens.group("heading"), new ArrayList<>(), new ArrayList<>()));
            if (tokens.group("link") != null) links.add(tokens.group("link"));
            if (tokens.group("span") != null) last().code.add(tokens.group("span"));
            if (tokens.group("fence") != null) last().fences.add(new Fence(tokens.group("language"), tokens.group("fence")));
            if (tokens.group("fence") != null) tokens.group("fence").replaceAll("\\\\\\n\\s*", "").lines().forEach(last().code::add);
        }
    }

    /** What stands in the fences of a language below a heading, in order. */
    List<String> fences(String heading, String language) {
        return sections.stream().filter(section -> section.heading.equals(heading)).flatMap(section -> section.fences.stream()).filter(fence -> fence.language.equals(language)).map(Fence::text).toList();
    }

    List<String> code() { return sections.stream().flatMap(section -> section.code.stream()).toList(); }

    /** The calls of the kit's launcher in the code, each without the programs before and behind it. */
    List<String> commands() { return code().stream().flatMap(Document::commands).toList(); }

    /** What stands in the fence of this name. */
    String fence(String name) {
        var fence = Pattern.compile("(?ms)^```\\w+ name=\"" + Pattern.quote(name) + "\"[^\\n]*\\n(.*?)^```$").matcher(text);
        if (!fence.find()) throw new AssertionError(this.name + " has no fence named " + name);
        return fence.group(1);
    }

    /** The cells of the rows of all tables. */
    List<List<String>> rows() { return text.lines().filter(line -> line.startsWith("|")).map(line -> Stream.of(line.split("\\|")).skip(1).map(String::strip).toList()).toList(); }

    /** Those that begin with a number, in tables of so many columns. */
    List<List<String>> numberedRows(int columns) { return rows().stream().filter(cells -> cells.size() == columns && cells.get(0).matches("[0-9]+")).toList(); }

    private static Stream<String> commands(String code) {
        return Pattern.compile("(?:^|[\\s/])jbang( [a-z][^|;&>]*)").matcher(code).results().map(call -> call.group(1).strip());
    }

    private Section last() { return sections.get(sections.size() - 1); }
}
