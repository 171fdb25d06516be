import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;

/** A way to a server on a port of its own, on which bytes can be held up or lost. */
final class Relay implements AutoCloseable {
    /** What becomes of some bytes. */
    interface Passage {
        /**
         * Whether they go on; may take its time.
         *
         * @param port the server sees this connection come from there
         * @param toServer or else from it
         */
        boolean lets(int port, boolean toServer, int bytes);
    }

    private interface Body { void run() throws IOException; }

    private final ServerSocket server = new ServerSocket();
    private final List<Socket> sockets = new CopyOnWriteArrayList<>();
    private final Passage passage;

    /** @param to HOST:PORT */
    Relay(String to, Passage passage) throws IOException {
        this.passage = passage;
        server.setReceiveBufferSize(1 << 16);
        server.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
        background(() -> accept(to.replaceFirst(":.*", ""), Integer.parseInt(to.replaceFirst(".*:", ""))));
    }

    int port() { return server.getLocalPort(); }

    private void accept(String host, int port) throws IOException {
        while (true) {
            var client = server.accept();
            var upstream = new Socket(host, port);
            sockets.addAll(List.of(client, upstream));
            background(() -> pump(client, upstream, upstream.getLocalPort(), true));
            background(() -> pump(upstream, client, upstream.getLocalPort(), false));
        }
    }

    private void pump(Socket from, Socket to, int port, boolean toServer) throws IOException {
        try (to) {
            var buffer = new byte[1 << 14];
            for (int read; (read = from.getInputStream().read(buffer)) >= 0; ) {
                if (!passage.lets(port, toServer, read)) continue;
                to.getOutputStream().write(buffer, 0, read);
                to.getOutputStream().flush();
            }
        }
    }

    private static void background(Body body) {
        var thread = new Thread(() -> {
            try {
                body.run();
            } catch (IOException e) {
                // one side went away
            }
        }, "relay");
        thread.setDaemon(true);
        thread.start();
    }

    @Override public void close() throws IOException {
        server.close();
        for (var socket : sockets) socket.close();
    }
}
