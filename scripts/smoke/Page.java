package smoke;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import javax.xml.XMLConstants;
import javax.xml.parsers.ParserConfigurationException;
import javax.xml.parsers.SAXParserFactory;
import org.jsoup.Jsoup;
import org.jsoup.nodes.Document;
import org.jsoup.nodes.Element;
import org.jsoup.parser.ParseError;
import org.jsoup.parser.Parser;
import org.xml.sax.SAXException;
import org.xml.sax.helpers.DefaultHandler;

/** The site's page, as a browser reads it. */
record Page(Answer answer, Document document) {
    /** As the MIME Sniffing standard has them: of these a browser executes a script. */
    static final Set<String> SCRIPT_TYPES = Set.of("text/javascript", "application/javascript",
        "application/x-javascript", "text/x-javascript", "text/ecmascript", "application/ecmascript",
        "application/x-ecmascript", "text/x-ecmascript", "text/jscript", "text/livescript", "text/javascript1.0",
        "text/javascript1.1", "text/javascript1.2", "text/javascript1.3", "text/javascript1.4", "text/javascript1.5");
    private static final String HIDDEN = "template, noscript, script, style, [hidden], [style~=(?i)display:\\s*none]"
        + ", .hidden, .d-none, .is-hidden, .invisible, .visually-hidden, .sr-only";
    /** An address that is no server's, as data: */
    private static final Pattern NO_SERVER = Pattern.compile("(?is)(?!https?:)[a-z][a-z0-9+.-]*:.*");
    private static final String XHTML = "http://www.w3.org/1999/xhtml";
    private static final Pattern REFRESH =
        Pattern.compile("(?i)\\s*(\\d{0,9})[\\d.]*[\\s;,]+(?:url\\s*=)?\\s*[\"']?([^\"']+)[\"']?\\s*");
    /** Loads the same page again, after so many seconds. */
    private static final Pattern RELOAD = Pattern.compile("\\s*(\\d{1,9})[\\d.]*[\\s;,]*");
    private static final int SHORTEST_STAY_SECONDS = 2;
    /** Whoever has to wait for longer sees the page. */
    private static final int LONGEST_REFRESH_SECONDS = 10;
    private static final int MOST_REFRESHES = 3;

    /** As the parser says that a page ends within a tag, a comment, a script or an element that has to be closed. */
    private static final Pattern BROKEN_OFF = Pattern.compile("Unexpected(ly reached end of file| EOF token).*");
    /** That it ends in an element of its body, or in a comment. */
    private static final Pattern STILL_OPEN = Pattern.compile(".*\\[?(In(Body|Cell|Row|Table\\w*)|Comment\\w*)\\]?");
    private static final Pattern END = Pattern.compile("(?i)</(body|html)\\s*>");

    /** How browsers ask for a page: some servers have JSON for everybody else. */
    private static final Map<String, String> AS_PAGE =
        Map.of("accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8");

    /**
     * Something that the page needs.
     *
     * @param module a script whose type browsers insist on
     * @param cors the page asks for permission to use it (crossorigin), as every module does
     * @param integrity empty where the page gives none
     * @param nonce empty where the page gives none
     */
    record Asset(URI uri, boolean script, boolean module, boolean cors, String integrity, String nonce) {
        private Asset as(boolean module) { return new Asset(uri, script, module, cors, integrity, nonce); }
    }

    static Page of(Site site, Duration limit) throws Verdict.Judged, InterruptedException { return of(site, site.address, limit); }

    /** Fetches and reads it, as a browser shows it; leaves with a verdict when it is no page. */
    static Page of(Site site, URI uri, Duration limit) throws Verdict.Judged, InterruptedException {
        var deadline = Deadline.in(limit);
        var way = new ArrayList<URI>();
        for (var next = Optional.of(uri); ; ) {
            var page = read(site.own(next.get(), AS_PAGE, deadline.left()));
            way.add(page.answer.uri());
            next = page.refresh();
            if (next.isEmpty()) return page;
            var strays = Elsewhere.of(uri, way, next.get());
            if (strays.isPresent()) throw strays.get().judged();
            if (way.contains(next.get()) || way.size() > MOST_REFRESHES)
                throw Verdict.fail("the page sends visitors on without end: " + Web.arrows(way) + " → " + next.get(),
                    "see its <meta http-equiv=\"refresh\">").forGood().judged();
        }
    }

    private static Page read(Answer answer) throws Verdict.Judged {
        var led = answer.way().isEmpty() ? "" : Web.arrows(answer.way()) + " → ";
        if (answer.status() != 200) throw Verdict.fail(led + answer.uri() + " answers " + answer.status() + answer.excerpt(), "see what is deployed, and the host's log").judged();
        if (answer.text().isBlank()) throw Verdict.fail(led + answer.uri() + " answers 200 with nothing in it", "see what is deployed").judged();
        if (!answer.isHtml()) throw Verdict.fail(led + answer.uri() + " answers 200 with '" + answer.type() + "' and no HTML" + answer.excerpt(), "is it the site's address? See what is deployed").judged();
        var disposition = answer.header("content-disposition").orElse("inline");
        if (!disposition.matches("(?i)inline\\b.*"))
            throw Verdict.fail(led + answer.uri() + " is a download, which browsers save and do not show"
                + " (Content-Disposition: " + disposition + ")", "see the headers that the host is told to send")
                    .judged();
        if (!isShownAsHtml(answer))
            throw Verdict.fail(led + answer.uri() + " is HTML that is called '" + answer.type()
                + "': visitors see its source, or a download", "have the host send it as text/html").judged();
        return new Page(answer, parse(answer));
    }

    /** Browsers show an error in place of what is not well formed, as a doctype in lower case. */
    private static boolean isXml(byte[] body) {
        try {
            var factory = SAXParserFactory.newInstance();
            factory.setFeature(XMLConstants.FEATURE_SECURE_PROCESSING, true);
            factory.setFeature("http://apache.org/xml/features/nonvalidating/load-external-dtd", false);
            factory.setFeature("http://xml.org/sax/features/external-general-entities", false);
            factory.newSAXParser().parse(new ByteArrayInputStream(body), new DefaultHandler());
            return true;
        } catch (SAXException e) {
            return false;
        } catch (IOException | ParserConfigurationException e) {
            throw new IllegalStateException(e);
        }
    }

    /** In the character set that the server or the page itself names. */
    private static Document parse(Answer answer) {
        var page = parse(answer, answer.charset().map(Charset::name).orElse(null));
        var isNamed = answer.charset().isPresent() || !page.select("meta[charset], meta[content*=charset=]").isEmpty();
        return isNamed || isUtf8(answer.body()) ? page : parse(answer, "windows-1252");
    }

    private static Document parse(Answer answer, String charset) {
        try {
            var parser = Parser.htmlParser().setTrackErrors(Integer.MAX_VALUE);
            return Jsoup.parse(new ByteArrayInputStream(answer.body()), charset, answer.uri().toString(), parser);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static boolean isUtf8(byte[] body) {
        try {
            StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(body));
            return true;
        } catch (CharacterCodingException e) {
            return false;
        }
    }

    private static boolean isShownAsHtml(Answer answer) {
        return switch (answer.type()) {
            case "text/html" -> true;
            case "application/xhtml+xml" -> answer.text().contains(XHTML) && isXml(answer.body());
            // They look at its beginning, unless they are told not to.
            case "" -> !answer.isNoSniff();
            default -> false;
        };
    }

    /** Where the page sends visitors on to, in next to no time; empty when they stay. */
    private Optional<URI> refresh() throws Verdict.Judged {
        var header = answer.header("refresh").stream();
        var metas = shown("meta[http-equiv=refresh]").stream().map(meta -> meta.attr("content"));
        for (var content : Stream.concat(header, metas).toList()) {
            var refresh = REFRESH.matcher(content);
            var again = RELOAD.matcher(content);
            if (again.matches() && Integer.parseInt("0" + again.group(1)) <= SHORTEST_STAY_SECONDS)
                return Optional.of(answer.uri());
            if (refresh.matches() && Integer.parseInt("0" + refresh.group(1)) <= LONGEST_REFRESH_SECONDS)
                return Optional.of(address(document, refresh.group(2).strip()));
        }
        return Optional.empty();
    }

    /**
     * Whether it ends in the middle, as a file of which only a part was copied: browsers show what there is. One that
     * closes its body over an open element, and has a script behind that, is whole.
     */
    boolean isCutOff() {
        var isWhole = END.matcher(answer.text()).find();
        return document.parser().getErrors().stream().map(ParseError::getErrorMessage)
            .filter(error -> BROKEN_OFF.matcher(error).matches())
            .anyMatch(error -> !isWhole || !STILL_OPEN.matcher(error).matches());
    }

    /** Those elements that are there without a script and for a browser with scripts. */
    List<Element> shown(String selector) {
        return document.select(selector).stream().filter(each -> each.closest("template, noscript") == null).toList();
    }

    /**
     * What it says in place of the application, if it does.
     *
     * @param root the application's own element: what stands short beside it may be shown only when it is needed
     */
    Optional<ErrorWords.Found> error(Optional<Element> root) {
        var visible = visible(document);
        var title = visible.select("title").stream().limit(1);
        var heading = Stream.of("h1", "h2", "h3").flatMap(name -> visible.select(name).stream()).limit(1);
        var heads = Stream.concat(title, heading).map(Element::text).toList().stream();
        var text = visible(root.orElse(document.body())).text();
        visible.select("code, .highlight").remove();
        return ErrorWords.of(heads, text, visible.text());
    }

    /**
     * Whether it is a page without any script's help: it says more than that something will come, and takes pictures,
     * styles or scripts from its own site, which a host's error page and its welcome page have none of.
     */
    boolean hasTextAndFiles() {
        var text = visible(document.body()).text();
        if (text.isBlank() || ErrorWords.isWaiting(text)) return false;
        return shown("script[src], link[href], img[src], source[src], video[src]").stream()
            .map(each -> each.attr(each.hasAttr("href") ? "href" : "src").strip())
            .filter(named -> !named.isEmpty() && !NO_SERVER.matcher(named).matches())
            .flatMap(named -> Address.of(answer.uri(), named).stream())
            .anyMatch(uri -> Gate.origin(uri).equals(Gate.origin(answer.uri())));
    }

    /** Whether it has an element that is not made for any text: every page has a body. */
    boolean hasTags() { return !document.select("head *, body *").isEmpty(); }

    /** Without what is surely not shown; what stylesheets hide is not known. */
    private static Element visible(Element element) {
        var copy = element.clone();
        copy.select(HIDDEN).remove();
        return copy;
    }

    Optional<String> release() { return Optional.ofNullable(document.selectFirst("meta[name=release]")).map(meta -> meta.attr("content").strip()).filter(release -> !release.isEmpty()); }

    /** Every script, module preload and stylesheet, each once. */
    List<Asset> assets() throws Verdict.Judged {
        var assets = new LinkedHashMap<URI, Asset>();
        for (var element : shown("script[src], link[href]")) {
            var script = element.normalName().equals("script");
            var rel = script ? Set.<String>of() : Set.of(element.attr("rel").toLowerCase(Locale.ROOT).strip().split("\\s+"));
            var as = element.attr("as").toLowerCase(Locale.ROOT);
            var language = script && !element.attr("language").isBlank() ? "text/" + element.attr("language") : "";
            var type = (element.hasAttr("type") ? element.attr("type") : language).toLowerCase(Locale.ROOT).strip();
            var stylesheet = rel.contains("stylesheet") && !rel.contains("alternate") && !element.hasAttr("disabled")
                && type.matches("|text/css\\b.*");
            var preload = rel.contains("modulepreload")
                || rel.contains("preload") && (as.equals("script") || as.equals("style"));
            var classic = type.isEmpty() || SCRIPT_TYPES.contains(type);
            var wanted = script ? type.equals("module") || classic && !element.hasAttr("nomodule")
                : stylesheet || preload;
            var where = element.attr(script ? "src" : "href").strip();
            if (!wanted || where.isEmpty() || NO_SERVER.matcher(where).matches()) continue;
            var isScript = script || rel.contains("modulepreload") || as.equals("script");
            var module = script ? type.equals("module") : rel.contains("modulepreload");
            var cors = element.hasAttr("crossorigin") || module;
            var uri = address(element, where);
            var asset = new Asset(uri, isScript, module, cors, element.attr("integrity").strip(), element.attr("nonce"));
            assets.merge(uri, asset, (one, other) -> (one.integrity.isEmpty() ? other : one).as(one.module || other.module));
        }
        return new ArrayList<>(assets.values());
    }

    private static URI address(Element element, String named) throws Verdict.Judged {
        return Address.of(element.baseUri()).flatMap(base -> Address.of(base, named))
            .orElseThrow(() ->
                Verdict.fail("the page names '" + named + "', which is no address", "see what is deployed").judged());
    }
}
