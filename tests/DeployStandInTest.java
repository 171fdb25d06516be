import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** The stand-in's own promises, those that tests of the kit build on and no command line shows. */
class DeployStandInTest {
    private static final String PAGES = "/accounts/" + CloudflareStandIn.ACCOUNT + "/pages/projects/shop";
    private static final String WORKER = "/accounts/" + CloudflareStandIn.ACCOUNT + "/workers/scripts/shop";

    private final DeployStandIn standIn = DeployStandIn.start();
    private final HttpClient http = HttpClient.newHttpClient();

    @AfterEach void close() { standIn.close(); }

    private HttpResponse<String> send(String method, String url, String body) throws IOException {
        try {
            return http.send(HttpRequest.newBuilder(URI.create(url)).method(method, BodyPublishers.ofString(body)).header("authorization", "Bearer token").timeout(Duration.ofSeconds(30)).build(), BodyHandlers.ofString());
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    private JsonObject vercel(String method, String path) throws IOException { return JsonParser.parseString(send(method, standIn.url() + path, "").body()).getAsJsonObject(); }

    private JsonObject cloudflare(String method, String path, String body) throws IOException { return JsonParser.parseString(send(method, standIn.cloudflareUrl() + path, body).body()).getAsJsonObject(); }

    private static Map<String, String> page(String title) { return Map.of("index.html", "<title>" + title + "</title>", "about.html", "about " + title); }

    @Test void a_request_fails_as_often_as_it_was_told_to_and_with_the_headers() throws IOException {
        standIn.failNext("GET /v9/projects", 429, 2, "retry-after", "3");
        for (var i = 0; i < 2; i++) {
            var answer = send("GET", standIn.url() + "/v9/projects/prj_test", "");
            assertEquals("429 3", answer.statusCode() + " " + answer.headers().firstValue("retry-after").orElse(""));
        }
        assertEquals(200, send("GET", standIn.url() + "/v9/projects/prj_test", "").statusCode());
    }

    @Test void a_request_whose_answer_is_lost_was_carried_out_and_one_that_hangs_was_not() throws IOException {
        var one = standIn.vercel.deployed(page("one"), Map.of());
        var two = standIn.vercel.deployed(page("two"), Map.of());
        standIn.hangNext("POST .*/rollback/");
        var hanging = CompletableFuture.supplyAsync(() -> assertThrows(IOException.class, () -> vercel("POST", "/v1/projects/prj_test/rollback/" + one)));
        standIn.awaitRequest("POST .*/rollback/");
        Patience.pause(500);
        assertFalse(hanging.isDone());
        assertEquals(two, standIn.vercel.live());
        // Java's client sends a request whose connection was closed once more.
        standIn.loseAnswerNext("POST .*/rollback/", 2);
        assertThrows(IOException.class, () -> vercel("POST", "/v1/projects/prj_test/rollback/" + one));
        assertEquals(one, standIn.vercel.live());
    }

    @Test void a_request_that_is_held_is_carried_out_when_it_may() throws Exception {
        var one = standIn.pages.deployed(page("one"), "c1", "one");
        var two = standIn.pages.deployed(page("two"), "c2", "two");
        var latch = new CountDownLatch(1);
        standIn.hold(1, "/rollback$", latch);
        var answer = CompletableFuture.supplyAsync(() -> {
            try {
                return cloudflare("POST", PAGES + "/deployments/" + one + "/rollback", "");
            } catch (IOException e) {
                throw new AssertionError(e);
            }
        });
        standIn.awaitRequest("/rollback$");
        assertEquals(two, standIn.pages.live());
        latch.countDown();
        assertTrue(answer.get().get("success").getAsBoolean());
        assertEquals(one, standIn.pages.live());
    }

    @Test void every_deployment_and_what_is_live_has_an_address_of_its_own_with_the_right_types() throws IOException {
        standIn.vercel.deployed(page("one"), Map.of("release", "R1"));
        standIn.vercel.deployed(Map.of("index.html", "two", "app.js", "2", "app.css", "2"), Map.of());
        var first = vercel("GET", "/v6/deployments?projectId=prj_test&target=production&meta-release=R1").getAsJsonArray("deployments").get(0).getAsJsonObject();
        assertEquals("<title>one</title>", send("GET", "http://" + first.get("url").getAsString() + "/", "").body());
        assertEquals("about one", send("GET", "http://" + first.get("url").getAsString() + "/about", "").body());
        for (var type : Map.of("/", "text/html; charset=utf-8", "/some/page", "text/html; charset=utf-8", "/app.js", "text/javascript", "/app.css", "text/css").entrySet())
            assertEquals(type.getValue(), send("GET", standIn.vercelSite() + type.getKey(), "").headers().firstValue("content-type").orElse(""), type.getKey());
        assertEquals(404, send("GET", standIn.vercelSite() + "/missing.js", "").statusCode());
        assertEquals(404, send("GET", standIn.pagesSite() + "/", "").statusCode());
        assertEquals(404, send("GET", standIn.workerSite("shop") + "/", "").statusCode());
    }

    @Test void lists_come_in_pages() throws IOException {
        for (var i = 0; i < 5; i++) {
            standIn.vercel.deployed(page("" + i), Map.of());
            standIn.pages.deployed(page("" + i), "c" + i, "");
        }
        var first = vercel("GET", "/v6/deployments?limit=3");
        var second = vercel("GET", "/v6/deployments?limit=3&until=" + first.getAsJsonObject("pagination").get("next").getAsString());
        assertEquals(List.of(3, 2), List.of(first.getAsJsonArray("deployments").size(), second.getAsJsonArray("deployments").size()));
        assertTrue(second.getAsJsonObject("pagination").get("next").isJsonNull());
        assertEquals(2, cloudflare("GET", PAGES + "/deployments?per_page=3&page=2", "").getAsJsonArray("result").size());
    }

    @Test void what_was_deleted_is_gone() throws IOException {
        var one = standIn.vercel.deployed(page("one"), Map.of());
        standIn.vercel.deployed(page("two"), Map.of());
        standIn.vercel.delete(one);
        assertEquals(404, send("GET", standIn.url() + "/v13/deployments/" + one, "").statusCode());
        assertEquals(404, send("POST", standIn.url() + "/v1/projects/prj_test/rollback/" + one, "").statusCode());
        var page = standIn.pages.deployed(page("one"), "", "");
        standIn.pages.deployed(page("two"), "", "");
        standIn.pages.delete(page);
        assertEquals(404, send("POST", standIn.cloudflareUrl() + PAGES + "/deployments/" + page + "/rollback", "").statusCode());
    }

    @Test void changes_can_be_said_to_have_succeeded_in_vain() throws IOException {
        var one = standIn.pages.deployed(page("one"), "", "");
        var two = standIn.pages.deployed(page("two"), "", "");
        standIn.pages.changesAreInVain(true);
        assertTrue(cloudflare("POST", PAGES + "/deployments/" + one + "/rollback", "").get("success").getAsBoolean());
        assertEquals(two, cloudflare("GET", PAGES, "").getAsJsonObject("result").getAsJsonObject("canonical_deployment").get("id").getAsString());
        var old = standIn.workers.deployed("shop", page("one"), "one", "1");
        var live = standIn.workers.deployed("shop", page("two"), "two", "2");
        standIn.workers.deploymentsAreInVain(true);
        assertTrue(cloudflare("POST", WORKER + "/deployments", "{\"strategy\": \"percentage\", \"versions\": [{\"version_id\": \"" + old + "\", \"percentage\": 100}]}").get("success").getAsBoolean());
        assertEquals(live, cloudflare("GET", WORKER + "/deployments", "").getAsJsonObject("result").getAsJsonArray("deployments").get(0).getAsJsonObject().getAsJsonArray("versions").get(0)
            .getAsJsonObject().get("version_id").getAsString());
    }

    @Test void nothing_is_answered_without_a_token_of_this_account_nor_for_other_projects() throws Exception {
        assertEquals(403, http.send(HttpRequest.newBuilder(URI.create(standIn.url() + "/v9/projects/prj_test")).build(), BodyHandlers.ofString()).statusCode());
        assertEquals(400, http.send(HttpRequest.newBuilder(URI.create(standIn.cloudflareUrl() + PAGES)).build(), BodyHandlers.ofString()).statusCode());
        assertEquals(404, send("GET", standIn.url() + "/v9/projects/other", "").statusCode());
        assertEquals(404, send("GET", standIn.cloudflareUrl() + PAGES.replace("shop", "other"), "").statusCode());
        assertEquals(404, send("GET", standIn.cloudflareUrl() + WORKER + "/deployments", "").statusCode());
        assertEquals(403, send("GET", standIn.cloudflareUrl() + PAGES.replace(CloudflareStandIn.ACCOUNT, "another"), "").statusCode());
        standIn.refuseTokens(401);
        assertEquals(401, send("GET", standIn.url() + "/v9/projects/prj_test", "").statusCode());
        assertEquals(401, send("GET", standIn.cloudflareUrl() + PAGES, "").statusCode());
        assertEquals(List.of("Bearer token"), standIn.requests("/v9/projects/other").stream().map(DeployStandIn.Request::authorization).toList());
        assertFalse(standIn.requests("GET").isEmpty());
    }
}
