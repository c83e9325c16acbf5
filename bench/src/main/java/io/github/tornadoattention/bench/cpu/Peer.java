package io.github.tornadoattention.bench.cpu;

import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.host.Tensor;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Somebody's attention on fixed inputs. */
interface Peer extends AutoCloseable {
    /** Makes one; a class of its own, because the library may be missing. */
    interface Maker {
        /** A peer for the spec, null if it does not compute that. */
        @Nullable Peer make(AttentionSpec spec, int threads, Tensor q, Tensor k, Tensor v) throws Exception;
    }

    /**
     * Everybody whose library is in this build and who computes what the spec says. Their classes are not named in code, since a build
     * without the profile "peers" is without them.
     */
    static List<Peer> all(AttentionSpec spec, int threads, Tensor q, Tensor k, Tensor v) throws Exception {
        List<Peer> peers = new ArrayList<>();
        for (String name : new String[] {"OnnxRuntime", "PyTorch"}) {
            try {
                Class<?> maker = Class.forName("io.github.tornadoattention.bench.cpu." + name + "$Factory");
                Peer peer = ((Maker) maker.getDeclaredConstructor().newInstance()).make(spec, threads, q, k, v);
                if (peer != null) {
                    peers.add(peer);
                }
            } catch (ClassNotFoundException e) {
                continue; // not in this build
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
