package ops;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.jar.JarFile;
import org.postgresql.Driver;
import picocli.CommandLine;

/**
 * Uses the libraries as a run does, once, so that the launcher learns which of their classes to keep in an archive that
 * Java maps instead of loading, checking and linking a few thousand classes at every start.
 *
 * <p>Nothing outside this process is touched: it answers its own requests, with less than a store would say. For that it
 * has to be started with an empty environment: settings in it would go before those that it writes.
 */
final class WarmUp {
    /** Of every answer something; a reader takes what it knows. */
    private static final String ANSWER = "<?xml version=\"1.0\"?><Answer><IsTruncated>false</IsTruncated><Contents><Key>x</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified>"
        + "<ETag>x</ETag><Size>1</Size></Contents><CommonPrefixes><Prefix>x/</Prefix></CommonPrefixes><UploadId>x</UploadId></Answer>";
    /** Libraries that are kept whole: most of pgjdbc is used only once a server answers, and much of picocli by one script or another. */
    private static final List<Class<?>> WHOLE = List.of(CommandLine.class, Driver.class);

    /** As the scripts declare their options. */
    @CommandLine.Command(mixinStandardHelpOptions = true)
    private static final class Line {
        @CommandLine.Option(names = "--env")
        String env;
    }

    private WarmUp() { }

    /** @param folder for a settings file, HANDOVER_HOME is the same; without one the script's own classes are named, and nothing else is done */
    public static void main(String... folder) throws Exception {
        if (folder.length == 0) {
            nameAll(WarmUp.class);
            return;
        }
        try (var server = new ServerSocket(0, 50, InetAddress.getLoopbackAddress())) {
            var answering = new Thread(() -> answer(server));
            answering.setDaemon(true);
            answering.start();
            var file = Path.of(folder[0], ".env.operations");
            Private.create(file);
            Files.writeString(file, String.join("\n", "X_DATABASE_URL=postgresql://x@127.0.0.1:1/x", "BACKUP_BUCKET=warm-up", "AWS_REGION=x",
                "AWS_ENDPOINT_URL_S3=http://127.0.0.1:" + server.getLocalPort(), "S3_PATH_STYLE=true", "AWS_ACCESS_KEY_ID=x", "AWS_SECRET_ACCESS_KEY=x", "S3_ATTEMPTS=1", ""));
            use(Settings.of("x"));
        }
        System.exit(0); // the clients' own threads would go on
    }

    private static void use(Settings settings) throws Exception {
        var store = Store.open(settings);
        store.list("x");
        store.folders("");
        store.head("x");
        store.read("x", 1 << 20);
        store.put("x", new byte[1]);
        store.delete("x");
        store.openUploads("x");
        try (var upload = store.begin(new Run(), "x", 1)) {
            Packing.pack(upload, 3, List.of()).close();
            upload.write(new byte[8 << 20]);
            upload.commit();
        }
        Json.text(new Store.OpenUpload("x", "x", null));
        try {
            Database.connect(DatabaseUrl.of(settings), settings, "x");
        } catch (Failure e) {
            // as it must: nothing listens there
        }
        Class.forName(Store.Tls.class.getName()); // the answers here come without TLS
        var line = new CommandLine(new Line());
        line.parseArgs("--env", "x");
        line.getUsageMessage();
        for (var library : WHOLE) nameAll(library);
    }

    /** Names the library's classes without running anything of them. */
    private static void nameAll(Class<?> one) throws Exception {
        try (var jar = new JarFile(Path.of(one.getProtectionDomain().getCodeSource().getLocation().toURI()).toFile())) {
            for (var entry : Collections.list(jar.entries())) {
                if (!entry.getName().endsWith(".class") || entry.getName().startsWith("META-INF")) continue;
                try {
                    Class.forName(entry.getName().replace('/', '.').replace(".class", ""), false, one.getClassLoader());
                } catch (ClassNotFoundException | LinkageError e) {
                    // it needs a library that the kit does without
                }
            }
        }
    }

    private static void answer(ServerSocket server) {
        try {
            while (true) {
                try (var client = server.accept()) {
                    answer(client);
                }
            }
        } catch (IOException e) {
            // the end
        }
    }

    private static void answer(Socket client) throws IOException {
        var in = new BufferedReader(new InputStreamReader(client.getInputStream(), StandardCharsets.ISO_8859_1));
        var request = in.readLine();
        var length = 0;
        for (String line; (line = in.readLine()) != null && !line.isEmpty(); )
            if (line.toLowerCase().startsWith("content-length:")) length = Integer.parseInt(line.substring(15).strip());
        in.skip(length);
        var body = request.startsWith("HEAD") ? "" : ANSWER;
        OutputStream out = client.getOutputStream();
        out.write(("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: application/xml\r\nContent-Length: " + body.length() + "\r\nETag: \"x\"\r\n\r\n" + body).getBytes(StandardCharsets.US_ASCII));
        out.flush();
    }
}
