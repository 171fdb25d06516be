import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The command lines of the providers, vercel and wrangler, in the versions of provider-clis/package-lock.json. */
final class ProviderClis {
    private static final Path PINS = Stack.CHECKOUT.resolve("tests/provider-clis");
    private static Path folder;
    private static Boolean namespaces;

    private ProviderClis() { }

    /** The folder of node_modules, installed once for all tests; skips the test when that can't be done here. */
    static synchronized Path nodeModules() {
        if (folder != null) return folder.resolve("node_modules");
        Kit.needs("npm", "node");
        try {
            assumeTrue(new ProcessBuilder("node", "-e", "const [a, b] = process.versions.node.split('.'); process.exit(a > 20 || a == 20 && b >= 3 ? 0 : 1)").start().waitFor() == 0, "node is older than 20.3, which wrangler needs");
            var fresh = Files.createDirectories(Stack.folder().resolve(Stack.next("provider-clis")));
            for (var name : List.of("package.json", "package-lock.json")) Files.copy(PINS.resolve(name), fresh.resolve(name));
            // Neither needs its packages' install scripts: the platform's programs are packages of their own.
            var command = List.of("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline", "--loglevel=error");
            new Kit.Running(command, fresh, System.getenv()).result().exits(0);
            folder = fresh;
            return folder.resolve("node_modules");
        } catch (IOException | InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    /** How the one or the other is started: node and its script. */
    static List<String> command(String cli) {
        var script = Map.of("vercel", "vercel/dist/vc.js", "wrangler", "wrangler/bin/wrangler.js").get(cli);
        return List.of("node", nodeModules().resolve(script).toString());
    }

    /** What both are to be given: a home of their own, nobody to ask, nobody to tell; no token. */
    static Map<String, String> environment(Path home) {
        var environment = new LinkedHashMap<String, String>();
        environment.put("PATH", System.getenv("PATH"));
        environment.put("HOME", home.toString());
        for (var each : List.of("CONFIG", "DATA", "CACHE", "STATE")) environment.put("XDG_" + each + "_HOME", home.resolve(each.toLowerCase()).toString());
        environment.putAll(Map.of("CI", "1", "VERCEL_TELEMETRY_DISABLED", "1", "NO_UPDATE_NOTIFIER", "1", "WRANGLER_SEND_METRICS", "false", "NO_COLOR", "1"));
        return environment;
    }

    /** Whether this machine makes network namespaces for those who are not root. */
    static synchronized boolean namespaces() {
        try {
            if (namespaces == null) namespaces = new ProcessBuilder("unshare", "-rn", "ip", "link", "set", "lo", "up").redirectErrorStream(true).start().waitFor() == 0;
        } catch (IOException e) {
            namespaces = false;
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
        return namespaces;
    }

    /**
     * The stand-in, for commands without any other network: in an empty network namespace. Where there are none, a proxy
     * that nobody serves is all that holds them back.
     */
    static final class Offline implements AutoCloseable {
        private final Path socket;
        private final int port;
        private final ServerSocketChannel server;

        Offline(DeployStandIn standIn) {
            try {
                port = standIn.port();
                // Not below the tests' folder: such a path must be short.
                socket = Files.createTempDirectory("standin-").resolve("s");
                server = ServerSocketChannel.open(StandardProtocolFamily.UNIX).bind(UnixDomainSocketAddress.of(socket));
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
            background(this::serve);
        }

        /** The command that starts another there. */
        List<String> command(List<String> inner) {
            if (!namespaces()) return inner;
            var command = new ArrayList<>(List.of("unshare", "-rn", "sh", "-c", "ip link set lo up && exec \"$@\"", "sh", "node", PINS.resolve("offline.mjs").toString(), socket.toString(), String.valueOf(port)));
            command.addAll(inner);
            return command;
        }

        /** What such a command needs in its environment. */
        Map<String, String> environment() {
            if (namespaces()) return Map.of();
            return Map.of("HTTP_PROXY", "http://127.0.0.1:9", "HTTPS_PROXY", "http://127.0.0.1:9", "NO_PROXY", "127.0.0.1");
        }

        private void serve() {
            while (true) {
                try {
                    var there = server.accept();
                    background(() -> pass(there));
                } catch (IOException e) {
                    return;
                }
            }
        }

        private void pass(SocketChannel there) {
            try (there; var here = SocketChannel.open(new InetSocketAddress("127.0.0.1", port))) {
                var answers = background(() -> copy(here, there));
                copy(there, here);
                answers.join();
            } catch (IOException e) {
                // the stand-in is closed
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }

        /** By buffers: a stream of a channel that waits for input would block the one that writes. */
        private static void copy(SocketChannel from, SocketChannel to) {
            var some = ByteBuffer.allocate(1 << 16);
            try {
                while (from.read(some) >= 0) {
                    some.flip();
                    while (some.hasRemaining()) to.write(some);
                    some.clear();
                }
                to.shutdownOutput();
            } catch (IOException e) {
                // one side went away, so that the other has to as well
                try {
                    from.close();
                    to.close();
                } catch (IOException f) {
                    throw new UncheckedIOException(f);
                }
            }
        }

        private static Thread background(Runnable body) {
            var thread = new Thread(body, "stand-in relay");
            thread.setDaemon(true);
            thread.start();
            return thread;
        }

        @Override public void close() {
            try {
                server.close();
                Files.deleteIfExists(socket);
                Files.deleteIfExists(socket.getParent());
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
    }
}
