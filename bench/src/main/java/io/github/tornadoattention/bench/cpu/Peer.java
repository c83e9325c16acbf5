package io.github.tornadoattention.bench.cpu;

import io.github.tornadoattention.host.AttentionSpec;
import io.github.tornadoattention.host.Tensor;
import org.jspecify.annotations.Nullable;

/** Somebody's attention on fixed inputs. */
interface Peer extends AutoCloseable {
    /** Makes one; a class of its own, because the library may be missing. */
    interface Maker {
        /** A peer for the spec, null if it does not compute that. */
        @Nullable Peer make(AttentionSpec spec, int threads, Tensor q, Tensor k, Tensor v) throws Exception;
    }

    /**
     * ONNX Runtime, or nobody if this build is without it.
     *
     * @return null without the library or where it does not compute what the spec says
     */
    static @Nullable Peer onnxRuntime(AttentionSpec spec, int threads, Tensor q, Tensor k, Tensor v) throws Exception {
        try {
            Class<?> maker = Class.forName("io.github.tornadoattention.bench.cpu.OnnxRuntime$Factory");
            return ((Maker) maker.getDeclaredConstructor().newInstance()).make(spec, threads, q, k, v);
        } catch (ClassNotFoundException e) {
            return null;
        }
    }

    /** The name in results. */
    String name();

    /** Version of the library. */
    String version();

    /** One forward pass. */
    void run();

    /** What the last pass computed, {@code [batch, heads, seqQ, headDim]}. */
    float[] out();

    @Override
    void close();
}
