package io.github.tornadoattention.bench.cpu;

import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.host.Tensor;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Somebody's attention on fixed inputs. */
interface Peer extends AutoCloseable {
    /** Makes one; a class of its own, because the library may be missing. */
    interface Maker {
        /** A peer for the spec, null if it does not compute that. */
        @Nullable Peer make(AttentionSpec spec, int threads, Tensor q, Tensor k, Tensor v) throws Exception;
    }

    /**
     * Their classes and a class of the library of each. Builds without the profile "peers" are without them, so no code names
     * them.
     */
    Map<String, String> LIBRARIES = Map.of("OnnxRuntime", "ai.onnxruntime.OrtEnvironment", "PyTorch", "ai.djl.Model");

    /** Whether any is there. */
    static boolean any() {
        return LIBRARIES.keySet().stream().anyMatch(Peer::isThere);
    }

    private static boolean isThere(String name) {
        try {
            Class.forName(LIBRARIES.get(name), false, Peer.class.getClassLoader());
            Class.forName("io.github.tornadoattention.bench.cpu." + name, false, Peer.class.getClassLoader());
            return true;
        } catch (ClassNotFoundException | NoClassDefFoundError e) {
            return false;
        }
    }

    /** Everybody whose library is there and who computes what the spec says. */
    static List<Peer> all(AttentionSpec spec, int threads, Tensor q, Tensor k, Tensor v) throws Exception {
        List<Peer> peers = new ArrayList<>();
        for (String name : LIBRARIES.keySet().stream().filter(Peer::isThere).sorted().toList()) {
            Class<?> maker = Class.forName("io.github.tornadoattention.bench.cpu." + name + "$Factory");
            Peer peer = ((Maker) maker.getDeclaredConstructor().newInstance()).make(spec, threads, q, k, v);
            if (peer != null) {
                peers.add(peer);
            }
        }
        return peers;
    }

    /** The name in results. */
    String name();

    /** What it calls the operation. */
    String path();

    /** Version of the library. */
    String version();

    /** One forward pass. */
    void run();

    /** What the last pass computed, {@code [batch, heads, seqQ, headDim]}. */
    float[] out();

    @Override
    void close();
}
