import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;
import javax.xml.stream.XMLOutputFactory;
import javax.xml.stream.XMLStreamException;
import ops.Secret;
import smoke.Judge;
import smoke.Outcome;

/** The results as CI systems read them. What can't be told is an error there: neither passed nor skipped. */
final class JUnitReport {
    private JUnitReport() { }

    static void write(Path file, String env, Instant began, List<Judge.Result> results) throws IOException {
        try (var to = Files.newBufferedWriter(file)) {
            var xml = XMLOutputFactory.newInstance().createXMLStreamWriter(to);
            xml.writeStartDocument("UTF-8", "1.0");
            xml.writeStartElement("testsuite");
            xml.writeAttribute("name", "smoke-tests " + env);
            xml.writeAttribute("timestamp", began.truncatedTo(ChronoUnit.SECONDS).toString());
            xml.writeAttribute("tests", String.valueOf(results.size()));
            xml.writeAttribute("failures", count(results, Outcome.fail));
            xml.writeAttribute("errors", count(results, Outcome.unknown));
            for (var result : results) {
                xml.writeStartElement("testcase");
                xml.writeAttribute("classname", "smoke-tests." + env);
                xml.writeAttribute("name", result.check().title());
                xml.writeAttribute("time", String.format(Locale.ROOT, "%.3f", result.seconds()));
                var verdict = result.verdict();
                if (verdict.outcome() != Outcome.pass) {
                    xml.writeStartElement(verdict.outcome() == Outcome.fail ? "failure" : "error");
                    xml.writeAttribute("message", clean(verdict.what()));
                    xml.writeCharacters(clean("next: " + verdict.next()));
                    xml.writeEndElement();
                }
                xml.writeStartElement("system-out");
                xml.writeCharacters(clean(result.attempts().stream().map(attempt -> String.format(Locale.ROOT, "at %.3f s, %.3f s, %s: %s", attempt.at(), attempt.seconds(), attempt.outcome(), attempt.what())).collect(Collectors.joining("\n"))));
                xml.writeEndElement();
                xml.writeEndElement();
            }
            xml.writeEndElement();
            xml.writeEndDocument();
        } catch (XMLStreamException e) {
            throw new IOException(e);
        }
    }

    private static String count(List<Judge.Result> results, Outcome outcome) { return String.valueOf(results.stream().filter(result -> result.verdict().outcome() == outcome).count()); }

    /** XML has no way to write most control characters. */
    private static String clean(String text) { return Secret.mask(text).replaceAll("[\\p{Cntrl}&&[^\n\t]]", "?"); }
}
