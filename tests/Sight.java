import browser.Chromium;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import ops.Run;

/** A page of a file, as somebody sees it in a headless Chromium: its width, its language, on paper; and what it asks for and complains of. */
final class Sight implements AutoCloseable {
    /** Addresses that the page asked for, itself excepted. */
    final List<String> asked = new ArrayList<>();
    /** Uncaught errors, and what else the browser complained of. */
    final List<String> errors = new ArrayList<>();
    private final Run run = new Run();
    private final Instant deadline = Instant.now().plusSeconds(120);
    private final Chromium chromium;
    private final String session;
    private final String url;

    /** @param language as the browser tells the page, {@code fr-CA} */
    Sight(Path file, String language, boolean scripts) throws IOException, InterruptedException {
        url = file.toUri().toString();
        chromium = Chromium.start(run);
        chromium.listener(this::heard);
        var target = call(null, "Target.createTarget", Map.of("url", "about:blank")).get("targetId").getAsString();
        session = call(null, "Target.attachToTarget", Map.of("targetId", target, "flatten", true)).get("sessionId").getAsString();
        for (var domain : List.of("Page", "Runtime", "Network", "Log")) call(domain + ".enable", Map.of());
        as(language, scripts);
    }

    /** The page anew, as it lies there now, for somebody else. */
    Sight as(String language, boolean scripts) throws InterruptedException {
        call("Network.setUserAgentOverride", Map.of("userAgent", "Sight", "acceptLanguage", language));
        call("Emulation.setScriptExecutionDisabled", Map.of("value", !scripts));
        // From an empty page, or it would be a reload, which keeps what was chosen.
        for (var page : List.of("about:blank", url)) {
            call("Page.navigate", Map.of("url", page));
            Patience.until(() -> evaluate("document.readyState").getAsString().equals("complete"), () -> "never ends loading: " + page);
        }
        return this;
    }

    private void heard(String event, JsonObject details) {
        switch (event) {
            case "Network.requestWillBeSent" -> {
                var address = details.getAsJsonObject("request").get("url").getAsString();
                if (!address.equals(url) && !address.equals("data:,")) asked.add(address);
            }
            case "Runtime.exceptionThrown" -> errors.add(details.toString());
            case "Log.entryAdded" -> errors.add(details.getAsJsonObject("entry").toString());
            default -> { }
        }
    }

    void wide(int pixels) throws InterruptedException {
        call("Emulation.setDeviceMetricsOverride", Map.of("width", pixels, "height", 800, "deviceScaleFactor", 1, "mobile", pixels < 500));
    }

    /** What a script in the page gives; works with the page's own scripts off too. */
    JsonElement evaluate(String script) throws InterruptedException { return call("Runtime.evaluate", Map.of("expression", script, "returnByValue", true)).getAsJsonObject("result").get("value"); }

    /** On A4, as its own style wants it. */
    byte[] print() throws InterruptedException { return Base64.getDecoder().decode(call("Page.printToPDF", Map.of("preferCSSPageSize", true, "printBackground", false)).get("data").getAsString()); }

    private JsonObject call(String method, Map<String, ?> parameters) throws InterruptedException { return call(session, method, parameters); }

    private JsonObject call(String session, String method, Map<String, ?> parameters) throws InterruptedException {
        return chromium.call(deadline, session, method, parameters).orElseThrow(() -> new AssertionError("Chromium does not answer: " + method));
    }

    @Override public void close() { run.undo.close(); }
}
