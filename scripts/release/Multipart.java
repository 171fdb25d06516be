package release;

import java.io.ByteArrayOutputStream;
import java.net.http.HttpRequest;
import java.nio.charset.StandardCharsets;
import java.util.UUID;

/** A form with files, as browsers send one. */
final class Multipart implements Api.Body {
    private final String boundary = "handover-" + UUID.randomUUID();
    private final ByteArrayOutputStream form = new ByteArrayOutputStream();

    Multipart field(String name, String value) { return part("name=\"" + name + "\"", null, value.getBytes(StandardCharsets.UTF_8)); }

    Multipart file(String name, String type, byte[] content) { return part("name=\"" + name + "\"; filename=\"" + name + "\"", type, content); }

    private Multipart part(String disposition, String type, byte[] content) {
        write("--" + boundary + "\r\nContent-Disposition: form-data; " + disposition + "\r\n" + (type == null ? "" : "Content-Type: " + type + "\r\n") + "\r\n");
        form.writeBytes(content);
        write("\r\n");
        return this;
    }

    private void write(String text) { form.writeBytes(text.getBytes(StandardCharsets.UTF_8)); }

    @Override public HttpRequest.Builder of(HttpRequest.Builder request) {
        var end = ("--" + boundary + "--\r\n").getBytes(StandardCharsets.UTF_8);
        return request.header("content-type", "multipart/form-data; boundary=" + boundary)
            .POST(HttpRequest.BodyPublishers.concat(HttpRequest.BodyPublishers.ofByteArray(form.toByteArray()), HttpRequest.BodyPublishers.ofByteArray(end)));
    }
}
